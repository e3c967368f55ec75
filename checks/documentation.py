"""The catalogue of codes as a table for people, made from the code so that it cannot lie."""

from __future__ import annotations

from collections.abc import Iterable

from checks.check import Check
from checks.finding import Code, Route

#: What each route means to a label.
ROUTES = {
    Route.NOTE: "recorded for moderators",
    Route.PASS: "shown, passes",
    Route.LABEL: "passes with an AI label",
    Route.REVIEW: "a person looks",
    Route.BLOCK: "refused at the door",
}

_HEAD = ("code", "severity", "by default", "rule", "asked for by")


def codes_table(checks: Iterable[Check]) -> str:
    """A Markdown table of every code of these checks, under a heading for each check, in the order of the catalogue."""
    return "\n\n".join(f"### {check.title} (`{check.name}`)\n\n{_table(check.codes)}" for check in checks) + "\n"


def _table(codes: Iterable[Code]) -> str:
    return "\n".join((_row(_HEAD), _row(["---"] * len(_HEAD)), *(_row(_cells(code)) for code in codes)))


def _cells(code: Code) -> tuple[str, ...]:
    default = ROUTES[code.route] + (", for moderators only" if code.private else "")
    return f"`{code.id}`", code.severity.value, default, code.rule, code.source


def _row(cells: Iterable[str]) -> str:
    # A bar inside a cell would end it, and so would a line break.
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
