"""Has covers measured in a child that is shut in (``artwork``), and brings back what it found."""

from __future__ import annotations

import dataclasses
import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from checks.analysis import known_samples, sandbox_run
from checks.analysis.errors import AnalysisUnavailable
from checks.analysis.facts_json import credential_from_json
from checks.model.release import Credential, CredentialState, Explanation, ImageFacts

#: Raise it whenever the same image would be measured differently.
VERSION = 2

#: What is taken, by how it begins.
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

#: Above so many pixels decoding costs more than the limits allow: the header says enough.
MAX_DECODED_PIXELS = 64_000_000

#: A cover of 8000 × 8000 takes two seconds and 500 MB; no cover may take more than this.
_CPU_SECONDS, _MEMORY_BYTES = 12, 900 << 20
#: Reading the credential of a cover, where it may hold one: a hundredth of a second, and starting takes longer.
_CREDENTIAL_CPU_SECONDS, _CREDENTIAL_MEMORY_BYTES = 5, 192 << 20
#: Bytes without which a cover has no credential, and nothing that points to one.
_CREDENTIAL_MARKS = (b"c2pa", b"dcterms:provenance")
#: A manifest that lies elsewhere is not fetched: no fault of the reader.
_ELSEWHERE = Credential(CredentialState.UNREAD.value, explanation=Explanation.ELSEWHERE.value)


def measure_artwork_file(file: BinaryIO, sha256: str) -> ImageFacts:
    """The facts of an image file, measured in a child of its own. A bad file gives facts with an ``error``.

    Raises AnalysisUnavailable where no image can be measured on this host, and AnalysisFailed where our own code fails
    on this one alone. What an image is blamed for was tried on a known sample first.
    """
    beginning = os.pread(file.fileno(), len(PNG), 0)
    if not beginning.startswith((PNG, JPEG)):  # nothing that a child would have to be shut in for
        return _failed_artwork_facts(sha256, "not_an_image" if beginning else "empty")
    facts = _run_artwork_child(file, sha256)
    unread = facts.credential.state == CredentialState.UNREAD and facts.credential != _ELSEWHERE
    if not facts.ok or unread:
        for sample in known_samples.IMAGES.values():
            measure_known(sample)
    return facts


def measure_known(sample: Path) -> None:
    """Measure a sample of the project's own. Raises AnalysisUnavailable where that fails."""
    with sample.open("rb") as file:
        if wrong := known_samples.wrong_image(_run_artwork_child(file, ""), sample):
            raise AnalysisUnavailable(wrong)


def _run_artwork_child(file: BinaryIO, sha256: str) -> ImageFacts:
    try:
        answer = sandbox_run.run_sandboxed(
            "checks.analysis.artwork_measurement:measure_artwork_bytes",
            file,
            known_samples.IMAGES["png"],
            cpu_seconds=_CPU_SECONDS,
            memory_bytes=_MEMORY_BYTES,
        )
        facts = facts_from_json({**json.loads(answer), "sha256": sha256})
        return dataclasses.replace(facts, credential=_read_artwork_credential(file))
    except sandbox_run.Ended as ended:
        return _failed_artwork_facts(sha256, ended.ending.value)
    except ValueError:
        return _failed_artwork_facts(sha256, sandbox_run.Ending.KILLED.value)


def _read_artwork_credential(file: BinaryIO) -> Credential:
    """What signed credentials the image carries: read in a second child, by a library that the first has not loaded."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if all(content.find(mark) < 0 for mark in _CREDENTIAL_MARKS):
            return Credential()
    try:
        answer = sandbox_run.run_sandboxed(
            "checks.analysis.c2pa_reader:read_image",
            file,
            known_samples.IMAGES["jpeg"],
            cpu_seconds=_CREDENTIAL_CPU_SECONDS,
            memory_bytes=_CREDENTIAL_MEMORY_BYTES,
        )
        return credential_from_json(json.loads(answer))
    except (sandbox_run.Ended, ValueError):
        return Credential(CredentialState.UNREAD.value, explanation=Explanation.TOO_COSTLY.value)


def facts_from_json(document: Mapping[str, Any]) -> ImageFacts:
    """Stored facts as a value. Raises ValueError where they are none."""
    try:
        lists = {name: tuple(str(item) for item in document.get(name, ())) for name in ("notes", "codes")}
        found = {"credential": credential_from_json(document["credential"])} if "credential" in document else {}
        return ImageFacts(**{**document, **lists, **found})
    except TypeError as error:
        raise ValueError(f"these are no image facts: {error}") from error


def _failed_artwork_facts(sha256: str, error: str) -> ImageFacts:
    return ImageFacts(sha256=sha256, version=VERSION, ok=False, error=error)
