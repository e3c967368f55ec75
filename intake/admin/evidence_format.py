"""Evidence as checks leave it (plain JSON), turned into lines, lists and tables that a person can read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Keys with a moment or a stretch of time as number, in seconds.
_SECONDS = ("start", "end", "duration", "seconds", "position", "silence", "overlap")
#: Keys that the page shows in a form of their own.
SHOWN_ELSEWHERE = frozenset({"matches"})
_IDENTIFIER = re.compile(r"[a-z]+(_[a-z]+)+")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Longer texts are folded away.
_LONG = 240


@dataclass(frozen=True, slots=True)
class Line:
    """One named piece of evidence: a text, or a table with a heading row."""

    name: str
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def long(self) -> bool:
        return len(self.text) > _LONG


def format_evidence(evidence: Any) -> tuple[Line, ...]:
    """A finding's evidence, except what the page shows in a form of its own."""
    if not isinstance(evidence, Mapping):
        return (Line("evidence", format_evidence_value(evidence)),) if evidence not in (None, [], "") else ()
    shown = ((key, one) for key, one in evidence.items() if key not in SHOWN_ELSEWHERE and not _is_empty_evidence(one))
    return tuple(_format_evidence_line(key, one) for key, one in shown)


def format_evidence_value(one: Any, key: str = "") -> str:
    """A single value in words; numbers under a key that speaks of time as minutes and seconds."""
    if one is None:
        return "—"
    if isinstance(one, bool):
        return "yes" if one else "no"
    if isinstance(one, int | float):
        return _format_evidence_number(one, key)
    if isinstance(one, Mapping):
        return ", ".join(
            f"{format_evidence_key(inner)}: {format_evidence_value(what, inner)}" for inner, what in one.items()
        )
    if isinstance(one, Sequence) and not isinstance(one, str):
        return ", ".join(format_evidence_value(inner, key) for inner in one)
    text = format_evidence_key(one) if _IDENTIFIER.fullmatch(str(one)) else str(one)
    # Letters that look alike are told apart by their number only.
    return f"{text} (U+{ord(text):04X})" if len(text) == 1 and not text.isascii() else text


def format_evidence_key(key: str) -> str:
    """A key as words."""
    return key.replace("_", " ")


def format_evidence_time(seconds: float) -> str:
    """Seconds as a player shows them, with tenths: 125.36 is 2:05.4."""
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest // 10:02}.{rest % 10}"


def _format_evidence_line(key: str, one: Any) -> Line:
    if isinstance(one, Sequence) and not isinstance(one, str) and all(isinstance(row, Mapping) for row in one):
        columns = tuple(dict.fromkeys(column for row in one for column in row))
        counted = Counter(tuple(format_evidence_value(row.get(column), column) for column in columns) for row in one)
        headings = tuple(format_evidence_key(column) for column in columns)
        if len(counted) == len(one):
            return Line(format_evidence_key(key), columns=headings, rows=tuple(counted))
        rows = tuple((*row, f"× {times}") for row, times in counted.items())
        return Line(format_evidence_key(key), columns=(*headings, ""), rows=rows)
    if isinstance(one, Mapping) and any(_is_nested_evidence(inner) for inner in one.values()):
        rows = tuple((format_evidence_key(inner), format_evidence_value(what, inner)) for inner, what in one.items())
        return Line(format_evidence_key(key), columns=("", ""), rows=rows)
    return Line(format_evidence_key(key), format_evidence_value(one, key))


def _is_empty_evidence(one: Any) -> bool:
    """Nothing to read: no value, or an id of our own rows."""
    return one in (None, [], {}, "") or (isinstance(one, str) and _ID.fullmatch(one) is not None)


def _is_nested_evidence(one: Any) -> bool:
    return isinstance(one, Mapping) or (isinstance(one, Iterable) and not isinstance(one, str))


def _format_evidence_number(one: float, key: str) -> str:
    if any(key == word or key.endswith(f"_{word}") for word in _SECONDS) and one >= 0:
        return format_evidence_time(one)
    return f"{one:g}" if isinstance(one, int) or abs(one) >= 1000 else f"{one:.3g}"
