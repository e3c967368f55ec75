"""The table of codes is whole, and is a table."""

from __future__ import annotations

from pathlib import Path

from checks import CODES
from checks.docs_page import ROUTES, codes_table, describe_rule_answer, render_checks_page
from checks.model.check import Check
from checks.model.finding import Code, Route, Severity
from checks.moderator_checklist import CHECKLIST
from checks.published_rules import RULEBOOK
from checks.rules.metadata import IDENTIFIERS, METADATA


def test_reader_finds_every_code_with_rule_route_and_source() -> None:
    rows = codes_table([IDENTIFIERS, METADATA]).splitlines()
    for code in (*IDENTIFIERS.codes, *METADATA.codes):
        (row,) = [row for row in rows if row.startswith(f"| `{code.id}` |")]
        assert code.severity.value in row
        assert ROUTES[code.route] in row
        assert code.source in row


def test_reader_sees_one_table_a_check() -> None:
    table = codes_table([IDENTIFIERS, METADATA])
    assert [line for line in table.splitlines() if line.startswith("##")] == [
        "## Identifiers (`identifiers`)",
        "## Metadata and rights (`metadata`)",
    ]
    assert {line.count("|") for line in table.splitlines() if line.startswith("|")} == {6}


def test_signs_of_markdown_in_a_rule_do_not_break_the_table() -> None:
    code = Code("a.b", "Either | or,\nalways.", Severity.WARNING, Route.PASS, "us", private=True)
    table = codes_table([Check("x", 1, "X", (code,), lambda delivery, context: ())])
    assert "| `a.b` | warning | shown, passes, for moderators only | Either \\| or, always. | us |" in table


def test_every_route_has_words() -> None:
    assert ROUTES.keys() == set(Route)


def test_page_in_the_documentation_says_what_the_code_says() -> None:
    kept = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
    assert kept == render_checks_page(), "run: python -m checks.docs_page > docs/checks.md"


def test_page_names_every_code_of_the_gate() -> None:
    assert all(f"| `{code}` |" in render_checks_page() for code in CODES)


def test_reader_finds_an_answer_to_each_of_the_ninety_six_rules() -> None:
    assert [rule.number for rule in RULEBOOK] == list(range(1, 97))
    assert all(describe_rule_answer(rule) for rule in RULEBOOK)
    rows = [row for row in render_checks_page().splitlines() if row.startswith(tuple(f"| {n} |" for n in range(1, 97)))]
    assert len(rows) == 96


def test_every_code_that_answers_a_rule_exists() -> None:
    # Rules about covers may be answered by codes that are to come.
    strangers = {code for rule in RULEBOOK for code in rule.codes if code not in CODES and not code.startswith("art.")}
    assert not strangers


def test_every_question_to_the_moderator_belongs_to_a_rule() -> None:
    assert {item.rule for item in CHECKLIST} <= {rule.name for rule in RULEBOOK}
    assert all(item.question.endswith("?") and item.question in render_checks_page() for item in CHECKLIST)
