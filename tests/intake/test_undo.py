"""For a moment a moderator can take a decision back; nobody outside is told before that moment has passed."""

import datetime as dt
import json
import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Claim, Decision, Delivery, Event, KnownRecording, Submission
from intake.services.operations.invariants import find_invariant_violations
from intake.services.people.permissions import Forbidden, Role
from intake.services.review import appeals, decisions
from intake.services.review.decisions import NotAllowedToDecide, UndoExpired
from intake.services.webhooks import webhook_delivery
from tests.intake.commands.console import command
from tests.intake.factories import a_label, a_moderator
from tests.intake.test_pipeline import run
from tests.intake.waiting import declared, everything, found, verdicts, waiting
from tests.intake.webhooks.receiver import Receiver

pytestmark = pytest.mark.django_db

TYPES = ["submission.approved", "submission.rejected", "submission.returned", "submission.labelled", "appeal.decided"]


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


@pytest.fixture
def label(receiver):
    label = a_label()
    webhook_delivery.create_endpoint(label, receiver.url, TYPES)
    return label


def pass_by(**by: float) -> None:
    """Let time pass: what was written is so much older."""
    moment = dt.timedelta(**by)
    for decision in Decision.objects.all():
        Decision.objects.filter(pk=decision.pk).update(created_at=decision.created_at - moment)
    for delivery in Delivery.objects.filter(held_until__isnull=False):
        Delivery.objects.filter(pk=delivery.pk).update(held_until=delivery.held_until - moment)


def pump(rung) -> None:
    """What beat and courier do."""
    webhook_delivery.dispatch_due_deliveries()
    for name, (key,) in [item for item in rung if item[0] == "intake.deliver"]:
        rung.remove((name, (key,)))
        webhook_delivery.attempt_delivery(key)


@pytest.mark.parametrize(
    ("verdict", "more"),
    [
        (Verdict.APPROVE, {}),
        (Verdict.LABEL, {"labels": [("content:remix", "yes")]}),
        (Verdict.REJECT, {"code": "infringement"}),
        (Verdict.RETURN, {}),
        (Verdict.RETURN, {"tracks": {1: Verdict.APPROVE}}),
    ],
)
def test_a_decision_taken_back_leaves_everything_as_it_was(rung, label, receiver, verdict, more):
    submission, ada = waiting(found(), label=label, tracks=2), a_moderator()
    before = (submission.state, submission.verdict, submission.due_at, verdicts(submission))
    decision = decisions.decide_submission(submission, ada, verdict, "for this reason", **more)
    assert submission.state == decisions.STATES[verdict]
    after = decisions.undo_decision(decision, ada)
    assert (after.state, after.verdict, after.due_at, verdicts(after)) == before
    assert after.concluded_at is None
    assert Claim.objects.get(submission=submission).moderator == ada
    assert [entry.type for entry in Event.objects.filter(submission=submission)][-1] == "decision.undone"
    assert after.decision.undoes == decision
    pass_by(seconds=60)
    pump(rung)
    assert receiver.requests == []
    assert {item.status for item in Delivery.objects.filter(held_until__isnull=False)} == {"cancelled"}
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


def test_webhooks_of_a_decision_wait_for_the_moment_to_pass_and_then_leave(rung, label, receiver):
    submission = waiting(label=label)
    decisions.decide_submission(submission, a_moderator(), Verdict.APPROVE, "in order")
    pump(rung)
    assert receiver.requests == []
    pass_by(seconds=11)
    pump(rung)
    assert told(receiver) == ["submission.approved"]


def test_a_decision_taken_back_and_given_again_is_told_once(rung, label, receiver):
    submission, ada = waiting(label=label), a_moderator()
    decisions.undo_decision(
        decisions.decide_submission(submission, ada, Verdict.REJECT, "not theirs", code="infringement"), ada
    )
    decisions.decide_submission(Submission.objects.get(pk=submission.pk), ada, Verdict.APPROVE, "theirs after all")
    pass_by(seconds=11)
    pump(rung)
    assert told(receiver) == ["submission.approved"]
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


def told(receiver) -> list[str]:
    return [json.loads(request.body)["type"] for request in receiver.requests]


def refused(decision, person, error) -> None:
    before = everything()
    with pytest.raises(error):
        decisions.undo_decision(decision, person)
    assert everything() == before


def test_nothing_is_taken_back_once_the_moment_has_passed(rung, label):
    submission, ada = waiting(label=label), a_moderator()
    decision = decisions.decide_submission(submission, ada, Verdict.APPROVE, "in order")
    pass_by(seconds=11)
    decision.refresh_from_db()
    refused(decision, ada, UndoExpired)


def test_nothing_is_taken_back_once_a_message_has_left(rung, label, receiver):
    submission, ada = waiting(label=label), a_moderator()
    decision = decisions.decide_submission(submission, ada, Verdict.APPROVE, "in order")
    Delivery.objects.update(held_until=timezone.now())
    pump(rung)
    assert len(receiver.requests) == 1
    refused(decision, ada, UndoExpired)


def test_nothing_is_taken_back_once_something_followed(rung, label):
    submission, ada = waiting(label=label), a_moderator()
    decision = decisions.decide_submission(submission, ada, Verdict.REJECT, "not theirs", code="infringement")
    appeals.open_appeal(submission, "It is ours.")
    refused(decision, ada, UndoExpired)


def test_a_decision_is_taken_back_once(rung, label):
    submission, ada = waiting(label=label), a_moderator()
    decision = decisions.decide_submission(submission, ada, Verdict.APPROVE, "in order")
    decisions.undo_decision(decision, ada)
    refused(decision, ada, UndoExpired)


def test_a_decision_of_somebody_else_is_not_taken_back(rung, label):
    decision = decisions.decide_submission(waiting(label=label), a_moderator("ada"), Verdict.APPROVE, "in order")
    refused(decision, a_moderator("ben"), NotAllowedToDecide)
    refused(decision, a_moderator("cleo", Role.AUDITOR), Forbidden)


def test_what_an_undone_clearance_had_settled_waits_again(rung, analyser):
    from tests.intake.test_decisions import in_review

    submission, ada = in_review(rung), a_moderator()
    decision = decisions.decide_submission(submission, ada, Verdict.LABEL, "confirmed", labels=[("ai:vocals", "all")])
    run(rung)
    assert KnownRecording.objects.settled().count() == 1
    decisions.undo_decision(decision, ada)
    assert KnownRecording.objects.settled().count() == 0
    assert KnownRecording.objects.pending().get().submission == submission


def test_without_a_moment_for_it_nothing_waits_and_nothing_is_taken_back(rung, label, receiver, settings):
    settings.GATE_UNDO_SECONDS = 0
    submission, ada = waiting(label=label), a_moderator()
    decision = decisions.decide_submission(submission, ada, Verdict.APPROVE, "in order")
    pump(rung)
    assert len(receiver.requests) == 1
    refused(decision, ada, UndoExpired)


def test_a_clock_that_is_set_back_holds_nothing_for_longer(rung, label, receiver):
    decisions.decide_submission(waiting(label=label), a_moderator(), Verdict.APPROVE, "in order")
    pass_by(hours=-2)
    pump(rung)
    assert len(receiver.requests) == 1


def test_a_message_about_an_undone_decision_cannot_be_sent_again(rung, label):
    submission, ada = waiting(label=label), a_moderator()
    decisions.undo_decision(decisions.decide_submission(submission, ada, Verdict.APPROVE, "in order"), ada)
    delivery = Delivery.objects.get()
    before = everything()
    with pytest.raises(webhook_delivery.Inactive, match="taken back"):
        webhook_delivery.replay_delivery(delivery)
    assert everything() == before


def test_a_declaration_survives_a_decision_taken_back(rung, label):
    submission, ada = waiting(found(), declared(), label=label), a_moderator()
    decision = decisions.decide_submission(submission, ada, Verdict.LABEL, "confirmed", labels=[("ai:lyrics", "all")])
    assert {item["key"] for item in decision.labels} == {"ai:vocals", "ai:lyrics"}
    decisions.undo_decision(decision, ada)
    again = decisions.decide_submission(
        Submission.objects.get(pk=submission.pk), ada, Verdict.LABEL, "only as declared", labels=[("ai:vocals", "all")]
    )
    assert [(entry["key"], entry["basis"]) for entry in again.labels] == [("ai:vocals", "declared")]


@pytest.mark.django_db(transaction=True)
def test_of_a_moderator_and_a_courier_at_the_same_moment_exactly_one_wins(rung, settings):
    """Undo and the sending of the first message, started together, again and again."""
    label, ada = a_label(), a_moderator()
    with Receiver() as receiver:
        webhook_delivery.create_endpoint(label, receiver.url, TYPES)
        outcomes = [_race(rung, label, ada, receiver, delay) for delay in (0, 0.001, 0.003, 0.006, 0.01, 0.02)]
    assert {taken_back + told for taken_back, told in outcomes} == {1}
    said = command("check_invariants", "--json")
    assert said.json["violations"] == []


def _race(rung, label, ada, receiver, delay) -> tuple[int, int]:
    submission = waiting(label=label)
    decision = decisions.decide_submission(submission, ada, Verdict.APPROVE, "in order")
    delivery = Delivery.objects.get(event__submission=submission)
    Delivery.objects.filter(pk=delivery.pk).update(held_until=timezone.now())  # the courier's clock is ahead
    before, together, undone = len(receiver.requests), threading.Barrier(2), []

    def take_back() -> None:
        together.wait()
        threading.Event().wait(delay)
        try:
            decisions.undo_decision(decision, ada)
            undone.append(True)
        except UndoExpired:
            undone.append(False)
        finally:
            connections.close_all()

    def send() -> None:
        together.wait()
        try:
            webhook_delivery.attempt_delivery(delivery.pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=item) for item in (take_back, send)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rung.clear()
    submission.refresh_from_db()
    assert (submission.state == State.IN_REVIEW) is undone[0], connection.vendor
    return int(undone[0]), len(receiver.requests) - before
