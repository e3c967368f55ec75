"""An operator is told of decisions that were taken back and told, of four eyes that are two, and of partial judges."""

import pytest
from django.db.models import F

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Appeal, Decision, Delivery, Submission
from intake.services.review import appeals, decisions
from intake.services.webhooks import webhook_delivery
from tests.intake.commands.console import command
from tests.intake.factories import a_label, a_moderator
from tests.intake.waiting import waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(rung):
    """One decision taken back, one seconded, and one appeal decided."""
    ada, ben, label = a_moderator("ada"), a_moderator("ben"), a_label()
    webhook_delivery.create_endpoint(label, "http://localhost:9/", ["submission.approved"])
    decisions.undo_decision(decisions.decide_submission(waiting(label=label), ada, Verdict.APPROVE, "in order"), ada)
    proposed = waiting(label=label)
    decisions.decide_submission(proposed, ada, Verdict.REJECT, "made up", code="fraud")
    decisions.second_rejection(proposed, ben)
    appealed = waiting(label=label)
    decisions.decide_submission(appealed, ada, Verdict.REJECT, "not theirs", code="infringement")
    appeals.open_appeal(appealed, "It is ours.")
    decisions.decide_submission(appealed, ben, Verdict.APPROVE, "theirs")


def said() -> list[str]:
    return [item["message"] for item in command("check_invariants", "--json").json["violations"]]


def test_nothing_is_broken(world):
    assert said() == []


def test_a_message_about_a_decision_that_was_taken_back_is_told(world):
    Delivery.objects.filter(status="cancelled").update(status="pending")
    assert "tells of a decision that was taken back" in said()


def test_a_cancelled_message_about_a_decision_that_stands_is_told(world):
    Delivery.objects.filter(status="pending").update(status="cancelled")
    assert "cancelled, and its decision stands" in said()


@pytest.mark.parametrize(
    "second",
    [
        {"seconded_by": "", "second_moderator": None},
        {"seconded_by": "moderator:zed", "second_moderator": F("moderator")},
        {"seconded_by": "moderator:ada", "second_moderator": None},
    ],
    ids=["nobody", "the same account", "the same name"],
)
def test_four_eyes_of_one_person_are_told(world, second):
    Decision.objects.filter(four_eyes=True).update(**second)
    assert "'fraud' asks for a second moderator, and has none" in said()


def test_a_grave_rejection_that_nobody_was_asked_about_is_told(world):
    Decision.objects.filter(four_eyes=True).update(four_eyes=False)
    assert "'fraud' asks for a second moderator, and nobody was asked" in said()


def test_an_appeal_decided_by_the_first_moderator_is_told(world):
    first = Decision.objects.human().filter(actor="moderator:ada").first()
    Decision.objects.filter(decided_appeal__isnull=False).update(moderator=first.moderator_id)
    assert "decided by somebody who had decided on it before" in said()


def test_an_open_appeal_of_a_decided_submission_is_told(world):
    Appeal.objects.update(decided_at=None, decision=None, outcome="")
    assert Submission.objects.filter(state=State.APPROVED).exists()
    assert "open, and its submission is not in review" in said()
