"""Catalogues as files: one recording a line with its fingerprint, CSV or JSON lines, read and written in a stream."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from checks.fingerprint.acoustid_codec import Unreadable, decode_acoustid, encode_acoustid
from checks.fingerprint.comparison import ITEM_SECONDS, SPAN_SECONDS
from checks.rules.metadata.identifiers import canonical_isrc

#: The columns, in the order in which they are written; ``fingerprint`` must be there.
COLUMNS = ("fingerprint", "duration", "title", "artist", "isrc", "owner", "external_id")

#: Other names that AcoustID's dumps and fpcalc use.
ALIASES = {"length": "duration", "id": "external_id", "track": "title"}

#: Four hours of fingerprint as numbers in text are below this.
LONGEST_FIELD = 8 << 20

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_LIMITS = {"title": 500, "artist": 500, "owner": 200, "external_id": 100}


class BadFile(ValueError):
    """The file as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One recording of the file, or why there is none."""

    number: int  # for people: the first is line 1
    fingerprint: bytes = b""
    duration: float = 0.0
    title: str = ""
    artist: str = ""
    isrc: str = ""
    owner: str = ""
    external_id: str = ""
    error: str = ""

    @property
    def partial(self) -> bool:
        """Whether the fingerprint ends before the recording: fpcalc hears two minutes unless told otherwise."""
        return self.duration - fingerprint_seconds(self.fingerprint) > 2 * SPAN_SECONDS


def fingerprint_seconds(fingerprint: bytes) -> float:
    """What a fingerprint has heard."""
    return (len(fingerprint) // 4 - 1) * ITEM_SECONDS + SPAN_SECONDS if fingerprint else 0.0


def read_catalogue_file(path: Path) -> Iterator[Line]:
    """The lines of a file, compressed with gzip or not. Raises BadFile where it can be no such file, OSError."""
    with path.open("rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        content = gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw
        text = io.TextIOWrapper(content, encoding="utf-8-sig", newline="")
        try:
            lines = _read_json_lines if text.read(1) == "{" else _read_csv_lines
            text.seek(0)
            yield from lines(text)
        except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile) as error:
            raise BadFile(str(error)) from error


def write_catalogue_file(file: TextIO, lines: Iterable[Line], form: str) -> int:
    """Write lines that ``read`` reads back the same, as "csv" or as "jsonl"; returns how many."""
    count = 0
    table = csv.DictWriter(file, COLUMNS, lineterminator="\n") if form == "csv" else None
    if table:
        table.writeheader()
    for line in lines:
        values = {name: getattr(line, name) for name in COLUMNS}
        values |= {"fingerprint": encode_acoustid(line.fingerprint), "duration": line.duration}
        if table:
            table.writerow(values)
        else:
            told = {name: value for name, value in values.items() if value}
            file.write(json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n")
        count += 1
    return count


def _read_csv_lines(file: TextIO) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_FIELD)
    rows = csv.DictReader(file, restval="", strict=True)
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = [ALIASES.get(name, name) for name in names]
    if "fingerprint" not in rows.fieldnames:
        raise BadFile(f"the first line names the columns: {', '.join(COLUMNS)}; 'fingerprint' must be among them")
    for row in rows:
        yield _parse_catalogue_line(rows.line_num, {str(name): value for name, value in row.items() if name})


def _read_json_lines(file: TextIO) -> Iterator[Line]:
    for number, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            yield Line(number, error=f"not JSON: {error}")
            continue
        if isinstance(row, dict):
            yield _parse_catalogue_line(
                number, {ALIASES.get(str(name), str(name)): value for name, value in row.items()}
            )
        else:
            yield Line(number, error="not a JSON object")


def _parse_catalogue_line(number: int, row: Mapping[str, Any]) -> Line:
    try:
        fingerprint = _parse_fingerprint(row.get("fingerprint"))
        duration = round(_parse_duration(row.get("duration")) or fingerprint_seconds(fingerprint), 3)
    except ValueError as error:
        return Line(number, error=str(error))
    words = {name: " ".join(str(row.get(name) or "").split()) for name in _LIMITS}
    for name, most in _LIMITS.items():
        if len(words[name]) > most or "\0" in words[name]:
            return Line(number, error=f"{name}: more than {most} characters, or one that is none")
    isrc = canonical_isrc(str(row.get("isrc") or "").strip())
    if isrc and not _ISRC.fullmatch(isrc):
        return Line(number, error=f"{row['isrc']!r} is not an ISRC")
    words["title"] = words["title"] or words["external_id"] or isrc
    if not words["title"]:
        return Line(number, error="neither title nor external_id nor ISRC: nobody could tell what it is")
    return Line(number, fingerprint, duration, isrc=isrc, **words)


def _parse_fingerprint(value: Any) -> bytes:
    """Compressed, or its sub-prints as numbers: a list, or separated by commas; signed or not. Raises ValueError."""
    if isinstance(value, str):
        text = value.strip().strip("{}[]")
        if "," not in text:
            return decode_acoustid(text)
        value = text.split(",")
    if not isinstance(value, list) or not value:
        raise Unreadable("no fingerprint")
    try:
        prints = np.array([int(item) for item in value], dtype=np.int64)
    except (ValueError, TypeError, OverflowError):
        raise Unreadable("a fingerprint in numbers has whole numbers only") from None
    if prints.min() < -(2**31) or prints.max() >= 2**32:
        raise Unreadable("a sub-print has 32 bits")
    return (prints & 0xFFFFFFFF).astype("<u4").tobytes()


def _parse_duration(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    try:
        duration = float(value)
    except (ValueError, TypeError):
        duration = math.nan
    if not 0 <= duration < 1e6:
        raise ValueError(f"{value!r} is no duration in seconds")
    return duration
