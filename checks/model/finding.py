"""What a check may say: a finding, with its code, its evidence and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

#: Evidence is plain JSON, so that it can be stored, shown and replayed for ever.
JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


class Severity(StrEnum):
    """How bad the finding is by itself (DDEX ErrorSeverity)."""

    INFORMATION = "information"
    WARNING = "warning"
    CRITICAL = "critical"


class Route(StrEnum):
    """What a finding asks for. The policy may say otherwise for its code."""

    NOTE = "note"  # recorded and shown to moderators; never routes, never shown to labels
    PASS = "pass"  # noqa: S105 - shown; does not hold the release
    LABEL = "label"  # the release goes out with the finding's labels
    REVIEW = "review"  # a human must look
    BLOCK = "block"  # refused on admission; after intake it is a review


class Basis(StrEnum):
    """Where an AI label comes from. There is no entry for a score, and there shall be none."""

    DECLARED = "declared"
    EMBEDDED_PROVENANCE = "embedded_provenance"
    VERIFIED_BY_HUMAN = "verified_by_human"


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding: what was found, never the remedy."""

    id: str
    rule: str  # one sentence a label understands
    severity: Severity
    route: Route
    source: str  # who asks for it
    private: bool = False  # for moderators only: it would help a fraudster

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Label:
    """What partners must show: key, value and where that comes from."""

    key: str
    value: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of evidence that a check reports."""

    code: Code
    subject: str  # "release", "track:3", "file:01.flac"
    message: str
    measured: JSON = None
    threshold: JSON = None
    evidence: dict[str, JSON] | None = None
    fix: str | None = None
    labels: tuple[Label, ...] = ()
    #: The fix for machines: RFC 6902 operations on the delivery document, a "test" of what stands there now first, so
    #: that nothing is changed twice.
    patch: tuple[dict[str, JSON], ...] = ()
    safe: bool = False  # the patch changes how something is written, never what is meant
