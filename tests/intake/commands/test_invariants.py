"""An operator is told when something is not as it must always be."""

import datetime as dt

import pytest
from django.db.models import F
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import (
    Attempt,
    Blob,
    CheckRun,
    Decision,
    Delivery,
    Endpoint,
    Event,
    KnownRecording,
    Resource,
    StayDown,
    Submission,
)
from intake.services.operations.invariants import INVARIANTS
from intake.services.review import decisions
from intake.services.submissions import submission_actions
from intake.services.webhooks import webhook_delivery
from tests.intake.commands.console import command
from tests.intake.factories import a_document, a_label, a_moderator, a_submission
from tests.intake.webhooks.receiver import Receiver

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - dt.timedelta(days=1)


@pytest.fixture
def world(inline, analyser):
    """A label that listens: one release approved; one rejected, reopened and approved; one draft taken back."""
    label = a_label()
    with Receiver() as receiver:
        endpoint = webhook_delivery.create_endpoint(label, receiver.url, ["submission.received", "submission.approved"])
        Endpoint.objects.filter(pk=endpoint.pk).update(subscribed_at=LONG_AGO)
        with inline():
            a_submission(label, a_document("Low Tide", 1))
        analyser.changes = {"ok": False, "error": "truncated"}
        with inline():
            second = a_submission(label, a_document("Slack Water", 2))
        second.refresh_from_db()
        moderator = a_moderator()
        with inline():
            decisions.decide_submission(second, moderator, Verdict.REJECT, "half of it is missing", code="infringement")
            decisions.reopen_submission(second, moderator, "the rest came by post")
            decisions.decide_submission(second, moderator, Verdict.APPROVE, "whole now")
            submission_actions.withdraw_submission(submission_actions.open_draft(label, a_document("Neap", 3)))
    return Submission.objects.get(title="Low Tide")


def broken() -> set[str]:
    said = command("check_invariants", "--json")
    assert said.code == (1 if said.json["violations"] else 0)
    assert said.json["holds"] is not bool(said.json["violations"])
    assert {entry["invariant"] for entry in said.json["violations"]} <= set(INVARIANTS)
    return {item["invariant"] for item in said.json["violations"]}


def test_gate_that_did_its_work_breaks_nothing(world):
    assert broken() == set()
    said = command("check_invariants")
    assert said.code == 0
    assert "BROKEN" not in said.out
    assert "3 submissions" in said.out


def test_empty_gate_breaks_nothing():
    assert broken() == set()


def test_operator_reads_what_is_broken(world):
    Submission.objects.filter(pk=world.pk).update(state=State.CHECKING, received_at=LONG_AGO)
    said = command("check_invariants")
    assert said.code == 1
    assert "I1   BROKEN" in said.out
    assert f"I1: submission {world.pk}: checking since" in said.out


def hang(submission):
    Submission.objects.filter(pk=submission.pk).update(state=State.RECEIVED, received_at=LONG_AGO)


def wait_for_nobody(submission):
    Submission.objects.filter(pk=submission.pk).update(state=State.IN_REVIEW, due_at=None)


def decide_twice(submission):
    first = submission.decisions.get()
    Decision.objects.create(
        submission=submission,
        number=2,
        verdict=first.verdict,
        actor="policy",
        policy_version="1",
        policy_digest=first.policy_digest,
    )


def stand_elsewhere(submission):
    Submission.objects.filter(pk=submission.pk).update(verdict=Verdict.LABEL)


def lose_a_decision(submission):
    StayDown.objects.all().delete()
    Decision.objects.filter(submission__title="Slack Water", number=2).delete()


def lose_every_decision(submission):
    submission.decisions.all().delete()


def leave_a_check_open(submission):
    submission.check_runs.filter(name="audio").update(status="running")


def clear_without_a_check(submission):
    submission.check_runs.filter(name="identity").update(status="dead")


def forget_a_check(submission):
    run = CheckRun.objects.filter(submission=submission, name="identity")
    run.get().findings.all().delete()
    run.delete()


def swap_bytes(submission):
    Resource.objects.filter(submission=submission).update(declared_sha256="0" * 64)


def lose_bytes(submission):
    Resource.objects.filter(submission=submission, name="01.flac").update(blob=None)


def begin_to_store(submission):
    Blob.objects.update(stored_at=None)


def edit_history(submission):
    Event.objects.filter(submission=submission, sequence=2).update(actor="somebody")


def move_without_a_word(submission):
    Submission.objects.filter(pk=submission.pk).update(state=State.LABELLED, verdict=Verdict.LABEL)
    submission.decisions.update(verdict=Verdict.LABEL)


def unpost(**which):
    Attempt.objects.filter(delivery__in=Delivery.objects.filter(**which)).delete()
    Delivery.objects.filter(**which).delete()


def cut_history_short(submission):
    last = submission.events.last()
    unpost(event=last)
    last.delete()


def lose_history(submission):
    unpost(event__submission=submission)
    submission.events.all().delete()


def swap_events(submission):
    submission.events.update(sequence=F("sequence") + 10)
    submission.events.filter(sequence=12).update(sequence=3)
    submission.events.filter(sequence=13).update(sequence=2)
    submission.events.filter(sequence=11).update(sequence=1)


def lose_a_delivery(submission):
    unpost(event__submission=submission, type="submission.approved")


def claim_a_delivery_was_taken(submission):
    Attempt.objects.update(status_code=500)


def lose_an_attempt(submission):
    Attempt.objects.update(number=2)


def leave_a_delivery(submission):
    Delivery.objects.update(status="pending", next_attempt_at=LONG_AGO)


def leave_bytes(submission):
    Blob.objects.create(sha256="f" * 64, size=1, touched_at=LONG_AGO, stored_at=LONG_AGO)


def learn_without_index(submission):
    KnownRecording.objects.update(logged_at=None, learned_at=LONG_AGO)


@pytest.mark.parametrize(
    ("tamper", "invariant"),
    [
        (hang, "I1"),
        (wait_for_nobody, "I1"),
        (decide_twice, "I2"),
        (stand_elsewhere, "I2"),
        (lose_a_decision, "I2"),
        (lose_every_decision, "I2"),
        (leave_a_check_open, "I3"),
        (clear_without_a_check, "I3"),
        (forget_a_check, "I3"),
        (swap_bytes, "I5"),
        (lose_bytes, "I5"),
        (begin_to_store, "I5"),
        (move_without_a_word, "I7"),
        (swap_events, "I7"),
        (lose_history, "I7"),
        (edit_history, "I8"),
        (swap_events, "I8"),
        (lose_a_delivery, "I9"),
        (claim_a_delivery_was_taken, "I9"),
        (lose_an_attempt, "I9"),
        (leave_a_delivery, "I9"),
        (cut_history_short, "I10"),
        (leave_bytes, "I15"),
        (learn_without_index, "I15"),
    ],
)
def test_operator_is_told_of(world, tamper, invariant):
    tamper(world)
    assert invariant in broken()


def test_what_is_on_its_way_is_given_time(world):
    hang(world)
    assert "I1" in broken()
    assert "I1" not in {
        item["invariant"] for item in command("check_invariants", "--minutes", 60 * 48, "--json").json["violations"]
    }


def test_endpoint_that_subscribed_later_owes_nothing(world):
    webhook_delivery.create_endpoint(world.label, "https://hooks.example/", ["submission.approved"])
    assert broken() == set()
