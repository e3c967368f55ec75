"""The catalogue of codes as a page for people, made from the code so that it cannot lie.

``python -m checks.docs_page > docs/checks.md`` writes the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from checks import CHECKS, CODES
from checks.model.check import Check
from checks.model.finding import Code, Route
from checks.moderator_checklist import CHECKLIST
from checks.published_rules import RULEBOOK, Rule

#: What each route means to a label.
ROUTES = {
    Route.NOTE: "recorded for moderators",
    Route.PASS: "shown, passes",
    Route.LABEL: "passes with an AI label",
    Route.REVIEW: "a person looks",
    Route.BLOCK: "refused on admission",
}

_INTRODUCTION = """\
# What the checks look for

Every kind of finding, by the check that reports it. The code is stable: programs may rely on it. *By default* says what
follows where the [policy](policy.md) of an installation does not say otherwise; a heuristic never refuses a release by
itself. Where the right form can be computed, the finding says it under `fix`, and for machines under `patch`.

This page is made from the code; change the rule there, then run `python -m checks.docs_page > docs/checks.md`.
"""

_QUESTIONS = """\
What no machine can honestly answer is asked of the person who reviews a release, beside the release:
"""

_RULES = """\
Partners and distributors publish ninety-six rules between them. Each is answered by findings, by a question to the
moderator, or by neither, with the reason.
"""

_HEAD = ("code", "severity", "by default", "rule", "asked for by")


def render_checks_page() -> str:
    """The whole page: a table for each check of the catalogue, and the codes that belong to none."""
    checked = {code.id for check in CHECKS for code in check.codes}
    own = _render_code_table(code for code in CODES.values() if code.id not in checked)
    questions = "\n".join(f"- {item.question} (`{item.rule}`)" for item in CHECKLIST)
    return (
        f"{_INTRODUCTION}\n{codes_table(CHECKS)}\n## The gate itself\n\n{own}\n"
        f"\n## What a moderator is asked\n\n{_QUESTIONS}\n{questions}\n"
        f"\n## The published rules\n\n{_RULES}\n{rules_table()}\n"
    )


def rules_table() -> str:
    """A Markdown table of every published rule, with what answers it."""
    rows = ((str(rule.number), f"`{rule.name}`", describe_rule_answer(rule)) for rule in RULEBOOK)
    return "\n".join(
        (
            _render_table_row(("rule", "asked under", "answered by")),
            _render_table_row(["---"] * 3),
            *map(_render_table_row, rows),
        )
    )


def describe_rule_answer(rule: Rule) -> str:
    """What answers a rule: codes that the gate reports, a question to the moderator, a room to come, or a reason."""
    here = [f"`{code}`" for code in rule.codes if code in CODES]
    asked = any(item.rule == rule.name for item in CHECKLIST)
    missing = any(code not in CODES for code in rule.codes)
    parts = [", ".join(here), "a question to the moderator" if asked else "", rule.remark]
    return "; ".join(part for part in parts if part) or ("in the room of artwork" if missing else "")


def codes_table(checks: Iterable[Check]) -> str:
    """A Markdown table of every code of these checks, under a heading for each check, in the order of the catalogue."""
    return (
        "\n\n".join(f"## {check.title} (`{check.name}`)\n\n{_render_code_table(check.codes)}" for check in checks)
        + "\n"
    )


def _render_code_table(codes: Iterable[Code]) -> str:
    return "\n".join(
        (
            _render_table_row(_HEAD),
            _render_table_row(["---"] * len(_HEAD)),
            *(_render_table_row(_list_code_cells(code)) for code in codes),
        )
    )


def _list_code_cells(code: Code) -> tuple[str, ...]:
    default = ROUTES[code.route] + (", for moderators only" if code.private else "")
    return f"`{code.id}`", code.severity.value, default, code.rule, code.source


def _render_table_row(cells: Iterable[str]) -> str:
    # A bar inside a cell would end it, and so would a line break.
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(render_checks_page())
