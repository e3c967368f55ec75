"""Why submissions wait and what became of them, kept in the shape in which the desk asks."""

import pytest

from checks.model.finding import Route, Severity
from intake.models import Reason
from intake.services.review import decisions
from intake.services.submissions import submission_actions
from tests.intake.admin.desk_rows import a_finding, in_review

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rung")]


@pytest.fixture
def ada(db):
    from intake.services.people import moderators

    return moderators.create_moderator("ada", "low-tide-at-seven")[0]


def told(submission):
    return list(submission.reasons.order_by("pk").values_list("code", "family", "leads", "waiting", "outcome"))


def test_each_kind_of_holding_finding_is_a_reason_and_one_leads_its_family():
    submission = in_review(
        a_finding(code="title.generic", severity=Severity.WARNING),
        a_finding(code="identity.claimed"),
        a_finding(),
        a_finding(),
        a_finding(code="isrc.year_future", route=Route.PASS),
    )
    assert told(submission) == [
        ("identity.claimed", "identity", True, True, ""),
        ("artist.lookalike", "identity", False, True, ""),
        ("title.generic", "metadata", True, True, ""),
    ]


def test_a_decision_ends_the_wait_and_opening_again_begins_it(ada):
    submission = in_review()
    decisions.decide_submission(submission, ada, "reject", "Passes for another.")
    assert told(submission) == [("artist.lookalike", "identity", True, False, "reject")]
    assert submission.reasons.get().decided_at is not None
    decisions.reopen_submission(submission, ada, "The artist wrote to us.")
    assert told(submission) == [("artist.lookalike", "identity", True, True, "")]
    assert submission.reasons.get().decided_at is None


def test_a_withdrawal_is_nobodys_verdict():
    submission = in_review()
    submission_actions.withdraw_submission(submission)
    assert told(submission) == [("artist.lookalike", "identity", True, False, "")]


def test_what_was_opened_again_without_a_finding_waits_for_the_gate_itself(ada):
    submission = in_review()
    submission.findings.all().delete()
    Reason.objects.all().delete()
    decisions.decide_submission(submission, ada, "approve", "Nothing there.")
    decisions.reopen_submission(submission, ada, "Look again.")
    assert told(submission) == [("check.reopened", "system", True, True, "")]
