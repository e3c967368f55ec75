"""What the gate measures in audio files, without a release around them and without storing anything."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from checks.analysis import ANALYSIS_VERSION, AnalysisFailed, AnalysisUnavailable, Failure, default_analyser
from checks.model.release import AudioFacts, LatticeFacts
from checks.policy import LATTICE
from intake.management.measuring import trust_measured_facts
from intake.services.submissions import admission

#: The error of a file that is not there or may not be opened.
UNREADABLE = "unreadable"


class Command(BaseCommand):
    help = "Measure audio files: duration, format, loudness, peaks, silence, fingerprint, provenance, acoustic lattice."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *, files: Sequence[Path], **options: Any) -> None:
        measured = list(self._measure(files))
        if options["json"]:
            documents = [_build_facts_document(path, facts) for path, facts in measured]
            self.stdout.write(json.dumps({"files": documents}, indent=2, allow_nan=False))
        else:
            Console(file=cast(IO[str], self.stdout), width=None if sys.stdout.isatty() else 160).print(
                _build_facts_table(measured)
            )
        if not all(facts and facts.ok for _, facts in measured):
            raise CommandError("some files could not be measured", returncode=1)

    def _measure(self, files: Sequence[Path]) -> Iterator[tuple[Path, AudioFacts | None]]:
        bar = Console(file=cast(IO[str], self.stderr))
        analyser, traces = default_analyser(), admission.current_policy().asks(LATTICE)
        for path in track(files, "Measuring", console=bar, transient=True, disable=not sys.stderr.isatty()):
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                yield path, trust_measured_facts(analyser.analyse(path, digest, name=path.name, lattice=traces))
            except AnalysisFailed as error:
                yield path, AudioFacts(digest, ANALYSIS_VERSION, False, Failure.ANALYSIS_FAILED.value, fault=str(error))
            except AnalysisUnavailable as error:
                raise CommandError(f"nothing can be measured here: {error}") from error
            except OSError:
                yield path, None


def _build_facts_document(path: Path, facts: AudioFacts | None) -> dict[str, Any]:
    if facts is None:  # the same shape, with nothing measured
        nothing = AudioFacts(sha256="", version=ANALYSIS_VERSION, ok=False, error=UNREADABLE)
        return {**_build_facts_document(path, nothing), "sha256": None}
    return {
        "file": str(path),
        "sha256": facts.sha256,
        "ok": facts.ok,
        "error": facts.error,
        "duration": facts.duration,
        "declared_duration": facts.declared_duration,
        "container": facts.container,
        "codec": facts.codec,
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "bit_depth": facts.bit_depth,
        "lossless": facts.lossless,
        "loudness_lufs": facts.loudness_lufs,
        "true_peak_dbtp": facts.true_peak_dbtp,
        "silence_head": facts.silence_head,
        "silence_tail": facts.silence_tail,
        "longest_silence": facts.longest_silence,
        "clipped_share": facts.clipped_share,
        "dc_offset": facts.dc_offset,
        "bandwidth_hz": facts.bandwidth_hz,
        "notes": list(facts.notes),
        "fingerprint": {
            "items": facts.fingerprint_items,
            "distinct": facts.fingerprint_distinct,
            "raw": np.frombuffer(facts.fingerprint, "<u4").tolist(),
        },
        "provenance": {
            "c2pa": {
                "state": facts.credential.state,
                "source_types": list(facts.credential.source_types),
                "signer": facts.credential.signer,
            },
            "tags": [{"pattern": tag.pattern, "where": tag.where, "value": tag.value} for tag in facts.tags],
        },
        "lattice": _build_artefact_document(facts.lattice),
        "lattice_details": _lattice_details(facts.lattice),
    }


def _build_artefact_document(facts: LatticeFacts | None) -> dict[str, Any]:
    known = facts or LatticeFacts(feature_version="", assessed=False)
    return {"assessed": known.assessed, "z": known.z, "rate_hz": known.rate_hz, "strength": known.strength}


def _lattice_details(facts: LatticeFacts | None) -> dict[str, Any] | None:
    """What the four figures of the contract come from."""
    if facts is None:
        return None
    told = {"assessed", "z", "rate_hz", "strength"}
    return {key: value for key, value in dataclasses.asdict(facts).items() if key not in told}


def _build_facts_table(measured: Sequence[tuple[Path, AudioFacts | None]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    for heading in ("length", "format", "LUFS", "dBTP", "silence"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("remarks", overflow="fold")
    for path, facts in measured:
        table.add_row(path.name, *_list_facts_cells(facts))
    return table


def _list_facts_cells(facts: AudioFacts | None) -> tuple[str, ...]:
    if facts is None:
        return "", "", "", "", "", UNREADABLE
    remarks = [facts.error or "", *facts.notes, *(f"tag: {tag.pattern}" for tag in facts.tags)]
    if facts.lattice and facts.lattice.found:
        remarks.append(f"lattice: {facts.lattice.strength}, {facts.lattice.rate_hz:.2f} Hz")
    for what, credential in (("credential", facts.credential), *(("artwork", picture) for picture in facts.pictures)):
        if credential.state not in ("none", "not_assessed"):
            parts = (credential.state, credential.explanation, *credential.source_types, credential.signer)
            remarks.append(f"{what}: {', '.join(filter(None, parts))}")
    minutes, seconds = divmod(round(facts.duration), 60)
    return (
        f"{minutes}:{seconds:02}",
        " ".join(str(part) for part in (facts.codec, facts.sample_rate, f"{facts.channels}ch") if part)
        if facts.channels
        else "",
        _format_fact_number(facts.loudness_lufs),
        _format_fact_number(facts.true_peak_dbtp),
        f"{facts.silence_head:.1f} / {facts.silence_tail:.1f} s",
        ", ".join(filter(None, remarks)),
    )


def _format_fact_number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
