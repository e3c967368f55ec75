"""Every code of both checks fires where it must, and stays silent where it must not."""

from __future__ import annotations

import pytest

from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import Delivery
from checks.rules.metadata import IDENTIFIERS, METADATA, SUBJECTS, identifiers
from tests.checks.builders import a_context
from tests.checks.metadata import cases
from tests.checks.metadata.cases import Case

CODES = {code.id: code for check in (IDENTIFIERS, METADATA) for code in check.codes}


def found(case: Case) -> list[Finding]:
    return [finding for check in (IDENTIFIERS, METADATA) for finding in check.run(case.delivery, case.context)]


@pytest.mark.parametrize("case", cases.fires, ids=str)
def test_rule_fires(case: Case) -> None:
    hits = [finding for finding in found(case) if finding.code.id == case.code]
    assert case.subject in {hit.subject for hit in hits}
    assert all(hit.message.endswith(".") and hit.code is CODES[case.code] for hit in hits)


@pytest.mark.parametrize("case", cases.passes, ids=str)
def test_rule_stays_silent(case: Case) -> None:
    assert case.code not in {finding.code.id for finding in found(case)}


@pytest.mark.parametrize("delivery", cases.ordinary)
def test_ordinary_release_has_no_findings(delivery: Delivery) -> None:
    assert [*IDENTIFIERS.run(delivery, a_context()), *METADATA.run(delivery, a_context())] == []


def test_every_code_has_a_case_that_fires_and_one_that_passes() -> None:
    assert {case.code for case in cases.fires} == CODES.keys()
    assert {case.code for case in cases.passes} == CODES.keys()


def test_every_finding_belongs_to_the_check_that_reports_it() -> None:
    for check in (IDENTIFIERS, METADATA):
        for case in cases.fires:
            assert {finding.code for finding in check.run(case.delivery, case.context)} <= set(check.codes)


def test_every_code_is_told_once_and_wholly() -> None:
    assert len(CODES) == len(IDENTIFIERS.codes) + len(METADATA.codes)
    for module in (identifiers, *SUBJECTS):
        declared = {value for value in vars(module).values() if isinstance(value, Code)}
        assert declared == set(module.CODES), module.__name__
    for code in CODES.values():
        assert code.rule.endswith(".")
        assert code.source


def test_only_critical_findings_block() -> None:
    for code in CODES.values():
        assert (code.route is Route.BLOCK) == (code.severity is Severity.CRITICAL), code.id
