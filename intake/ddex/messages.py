"""A DDEX message as a delivery: read in a child that is shut in, with a place for everything that is found."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from checks.analysis import AnalysisFailed, AnalysisUnavailable, sandbox_run
from checks.model.finding import JSON, Code, Finding
from intake.ddex import codes

#: The longest box sets make messages of a few megabytes.
MAX_BYTES = 5 << 20
#: Reading the largest message that is allowed takes two seconds and 400 MB.
CPU_SECONDS, MEMORY_BYTES = 10, 512 << 20

_READER = "intake.ddex.reader:parse_ern_message"
#: A message that says nothing: the reader is able to say so.
KNOWN, KNOWN_VERSION = Path(__file__).resolve().parent / "known.xml", "432"

_BY_ID = {code.id: code for code in codes.CODES}

#: Where in the document a kind of finding has its cause, where it does not say so itself.
_FIELDS = {
    "isrc": "isrc", "upc": "upc", "iswc": "iswc", "title": "title", "version": "version", "artist": "display_artists",
    "credit": "contributors", "language": "language", "advisory": "advisory", "genre": "genre", "date": "release_date",
    "disclosure": "disclosure", "rights.pline": "p_line", "rights.cline": "c_line",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """What was read: the delivery document (not judged yet), and what is wrong with the message itself."""

    document: dict[str, Any] | None
    findings: tuple[Finding, ...]
    version: str = ""
    message_id: str | None = None
    sender: str | None = None
    test: bool = False
    places: Mapping[str, tuple[str, int]] = dataclasses.field(default_factory=dict)  # JSON pointer → XPath, line

    def located(self, findings: Iterable[Finding]) -> list[Finding]:
        """The same findings, each with the XPath and the line of what it speaks of."""
        return [self._located(finding) for finding in findings]

    def _located(self, finding: Finding) -> Finding:
        if finding.evidence and "xpath" in finding.evidence:
            return finding
        xpath, line = self._place(finding)
        evidence: dict[str, JSON] = {**(finding.evidence or {}), "xpath": xpath, "line": line}
        return dataclasses.replace(finding, evidence=evidence)

    def _place(self, finding: Finding) -> tuple[str, int | None]:
        said = (finding.evidence or {}).get("at")
        pointer = said if isinstance(said, str) else self._pointer(finding)
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places.get(pointer, ("/NewReleaseMessage", None))

    def _pointer(self, finding: Finding) -> str:
        base = "/release"
        kind, _, name = finding.subject.partition(":")
        tracks = (self.document or {}).get("release", {}).get("tracks", [])
        for index, track in enumerate(tracks):
            if finding.subject == f"track:{track['position']}":
                base = f"/release/tracks/{index}"
            elif kind == "file" and track["file"] == name:
                return f"/release/tracks/{index}/file"
        if kind == "file":
            return "/release/cover/file"
        family = finding.code.id.partition(".")[0]
        field = _FIELDS.get(finding.code.id) or _FIELDS.get(family)
        return f"{base}/{field}" if field else base


def read_ern_message(content: bytes) -> Message:
    """Read a message's bytes. Whatever is wrong with it is among its findings.

    Raises AnalysisUnavailable where no message can be read on this host.
    """
    if len(content) > MAX_BYTES:
        return _unread_message(codes.TOO_LARGE, f"The message has {len(content)} bytes; {MAX_BYTES} are read.")
    try:
        with os.fdopen(os.memfd_create("message"), "w+b") as file:
            file.write(content)
            file.flush()
            answer = _run_ern_reader(file)
    except (sandbox_run.Ended, AnalysisFailed):
        return _unread_message(codes.UNREADABLE, "Reading the message had to be stopped.")
    message = _build_message(answer)
    if message.document is None:
        read_known()
    return message


def read_known() -> None:
    """Read a message of the project's own. Raises AnalysisUnavailable where that fails."""
    with KNOWN.open("rb") as file:
        if (version := _run_ern_reader(file).get("version")) != KNOWN_VERSION:
            raise AnalysisUnavailable(f"{KNOWN.name} is read as version {version!r}, and not {KNOWN_VERSION!r}")


def _run_ern_reader(file: BinaryIO) -> dict[str, Any]:
    answer = sandbox_run.run_sandboxed(_READER, file, KNOWN, cpu_seconds=CPU_SECONDS, memory_bytes=MEMORY_BYTES)
    document: dict[str, Any] = json.loads(answer)
    return document


def _unread_message(code: Code, message: str) -> Message:
    return Message(None, (Finding(code, "release", message, evidence={"xpath": "/", "line": None}),))


def _build_message(answer: Mapping[str, Any]) -> Message:
    header = answer.get("header") or {}
    findings = [
        Finding(
            _BY_ID[fault["code"]],
            fault["subject"],
            fault["message"],
            measured=fault["measured"],
            evidence={"xpath": fault["xpath"], "line": fault["line"]},
            fix=codes.FIXES.get(fault["code"]),
        )
        for fault in answer["faults"]
    ]
    findings += [_report_unmapped(item) for item in answer.get("unread", ())]
    document = answer.get("document")
    if document is not None and not (header.get("message_id") and header.get("sender")):
        place: dict[str, JSON] = {"xpath": "/NewReleaseMessage/MessageHeader", "line": None}
        findings.append(Finding(codes.MESSAGE_ID_MISSING, "release", codes.MESSAGE_ID_MISSING.rule, evidence=place))
    return Message(
        document=document,
        findings=tuple(findings),
        version=answer.get("version", ""),
        message_id=header.get("message_id"),
        sender=header.get("sender"),
        test=bool(header.get("test")),
        places={pointer: (xpath, line) for pointer, (xpath, line) in (answer.get("places") or {}).items()},
    )


def _report_unmapped(one: Mapping[str, Any]) -> Finding:
    times = f" ({one['count']} times)" if one["count"] > 1 else ""
    return Finding(
        codes.UNMAPPED,
        "release",
        f"{one['xpath']}{times} has no place here and was left out.",
        measured=one["count"],
        evidence={"xpath": one["xpath"], "line": one["line"]},
    )
