"""What a file shows about how it was made, held against what was declared: which pair asks for what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from checks.model.ai_declaration import Declared
from checks.model.finding import JSON, Route


class Says(StrEnum):
    """What a file shows: the rows of the matrix."""

    TAG = "tag"  # a tag by a generator: anyone can write it
    CREDENTIAL = "credential"  # a Content Credential that says "generated"
    CHANGED = "changed"  # the same, and the file was changed after it was signed
    PROCESSED = "processed"  # a Content Credential that says "by an algorithm", which may mean either
    UNREAD = "unread"  # a Content Credential that does not say how the sound was made, or could not be read
    CAPTURED = "captured"  # a Content Credential that speaks of recording and editing
    TRACES_WEAK = "traces_weak"  # weak acoustic traces of synthesis
    TRACES = "traces"  # moderate or strong ones


#: What was declared × what the file shows → what that asks for here.
Matrix: TypeAlias = Mapping[Says, Mapping[Declared, Route]]

#: From the least to the most cautious; a file's evidence neither labels nor refuses anything by itself.
_ALLOWED = (Route.NOTE, Route.PASS, Route.REVIEW)


class Unfair(ValueError):
    """A matrix by which honesty would cost, or evidence would decide alone."""


def parse_evidence_matrix(table: Mapping[str, Mapping[str, str]]) -> Matrix:
    """The matrix that a policy file writes down, one line for each kind of evidence.

    Raises Unfair where declaring more would be treated worse than declaring less, where a label that declared what is
    heard would be held all the same, or where evidence would label or refuse; ValueError for unknown or missing words.
    """
    return MappingProxyType({Says(says): MappingProxyType(_parse_matrix_row(says, row)) for says, row in table.items()})


def _parse_matrix_row(says: str, row: Mapping[str, str]) -> dict[Declared, Route]:
    if missing := [declared.value for declared in Declared if declared not in row]:
        raise ValueError(f"{says}: nothing is said for {', '.join(missing)}")
    routes = {Declared(declared): Route(route) for declared, route in row.items()}
    for declared, route in routes.items():
        if route not in _ALLOWED:
            raise Unfair(f"{says}, {declared}: evidence cannot ask for '{route}' by itself")
    if routes[Declared.HEARD] is Route.REVIEW:
        raise Unfair(f"{says}: whoever declared what is heard has declared it, and cannot be held for it")
    caution = [_ALLOWED.index(routes[declared]) for declared in Declared]
    if caution != sorted(caution, reverse=True):
        raise Unfair(f"{says}: declaring more would be treated worse than declaring less")
    return routes


def find_matrix_cell(evidence: Mapping[str, JSON] | None) -> tuple[Says, Declared] | None:
    """The pair that a finding speaks of; None where it speaks of none."""
    says, declared = (evidence or {}).get("says"), (evidence or {}).get("declared")
    if isinstance(says, str) and isinstance(declared, str) and says in list(Says) and declared in list(Declared):
        return Says(says), Declared(declared)
    return None
