"""What moderators do besides deciding: note, escalate, put off; and decide many alike at once."""

import datetime as dt

import pytest
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Claim, Event, Note, Submission
from intake.services.operations.invariants import find_invariant_violations
from intake.services.people.permissions import Role
from intake.services.review import appeals, decisions, review_actions
from intake.services.review.decisions import InvalidDecision, NotAllowedToDecide, ReviewHeldByOther
from tests.intake.factories import a_moderator
from tests.intake.waiting import due_in, everything, found, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return a_moderator("ada")


@pytest.fixture
def ben():
    return a_moderator("ben")


@pytest.fixture
def senior():
    return a_moderator("sue", Role.SENIOR)


@pytest.fixture
def submission(rung):
    return waiting()


def handed(person):
    return list(decisions.open_to(person, timezone.now()))


# --- Notes --------------------------------------------------------------------------------------------------------


def test_notes_are_private_unless_said_otherwise(submission, ada):
    review_actions.write_review_note(submission, ada, " Called the label. ")
    review_actions.write_review_note(submission, ada, "Please send the contract.", public=True)
    told = list(Note.objects.values_list("actor", "text", "public"))
    assert told == [
        ("moderator:ada", "Called the label.", False),
        ("moderator:ada", "Please send the contract.", True),
    ]


def test_an_empty_note_is_none(submission, ada):
    with pytest.raises(InvalidDecision):
        review_actions.write_review_note(submission, ada, " \n")
    assert not Note.objects.exists()


# --- Escalating ---------------------------------------------------------------------------------------------------


def test_what_was_escalated_is_for_seniors_alone(submission, ada, ben, senior):
    review_actions.escalate_submission(submission, ada, "The label threatens to sue.")
    assert submission.notes.get().text == "The label threatens to sue."
    assert not Claim.objects.exists()
    for person in (ada, ben):
        assert handed(person) == []
        before = everything()
        with pytest.raises(NotAllowedToDecide, match="senior"):
            decisions.decide_submission(submission, person, Verdict.APPROVE, "in order")
        assert everything() == before
    assert handed(senior) == [submission]
    decisions.decide_submission(submission, senior, Verdict.APPROVE, "in order")
    assert submission.escalated_at is None
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


def test_escalating_needs_a_reason_and_is_done_once(submission, ada, senior):
    before = everything()
    with pytest.raises(InvalidDecision):
        review_actions.escalate_submission(submission, ada, " ")
    assert everything() == before
    review_actions.escalate_submission(submission, ada, "They threaten to sue.")
    before = everything()
    with pytest.raises(InvalidDecision, match="already"):
        review_actions.escalate_submission(submission, senior, "And again.")
    assert everything() == before


# --- Putting off --------------------------------------------------------------------------------------------------


def test_what_is_put_off_leaves_the_queue_and_comes_back_by_itself(submission, ada):
    due_in(submission, hours=40)
    until = timezone.now() + dt.timedelta(hours=20)
    review_actions.snooze_submission(submission, ada, until, "The contract comes tomorrow.")
    assert handed(ada) == []
    assert list(decisions.open_to(ada, until + dt.timedelta(seconds=1))) == [submission]
    assert submission.state == State.IN_REVIEW
    event = Event.objects.filter(submission=submission).last()
    assert (event.type, event.data["past_due"]) == ("review.snoozed", False)


def test_nothing_is_put_off_beyond_its_due_date_unknowingly(submission, ada):
    due_in(submission, hours=10)
    until = timezone.now() + dt.timedelta(hours=20)
    before = everything()
    with pytest.raises(InvalidDecision, match="due before"):
        review_actions.snooze_submission(submission, ada, until, "The contract comes tomorrow.")
    assert everything() == before
    review_actions.snooze_submission(submission, ada, until, "The label asked for it.", past_due=True)
    assert Event.objects.filter(submission=submission).last().data["past_due"] is True
    assert submission.due_at < submission.snoozed_until


@pytest.mark.parametrize("hours", [-1, 24 * 31])
def test_it_is_put_off_to_a_day_that_comes(submission, ada, hours):
    before = everything()
    with pytest.raises(InvalidDecision):
        review_actions.snooze_submission(
            submission, ada, timezone.now() + dt.timedelta(hours=hours), "Later.", past_due=True
        )
    assert everything() == before


def test_what_is_put_off_can_be_taken_up_at_once(submission, ada, ben):
    review_actions.snooze_submission(submission, ada, timezone.now() + dt.timedelta(hours=2), "Later.")
    review_actions.unsnooze_submission(submission, ben)
    assert submission.snoozed_until is None
    assert Claim.objects.get().moderator == ben
    before = everything()
    with pytest.raises(InvalidDecision):
        review_actions.unsnooze_submission(submission, ben)
    assert everything() == before


def test_a_decision_ends_the_putting_off(submission, ada):
    review_actions.snooze_submission(submission, ada, timezone.now() + dt.timedelta(hours=2), "Later.")
    decisions.decide_submission(submission, ada, Verdict.APPROVE, "the contract is here")
    assert submission.snoozed_until is None


@pytest.mark.parametrize("act", ["escalate", "snooze", "wake"])
def test_what_another_has_in_hand_is_left_to_them(submission, ada, ben, act):
    if act == "wake":
        review_actions.snooze_submission(submission, ben, timezone.now() + dt.timedelta(hours=2), "Later.")
    decisions.claim_submission(submission, ben)
    acts = {
        "escalate": lambda: review_actions.escalate_submission(submission, ada, "Why."),
        "snooze": lambda: review_actions.snooze_submission(
            submission, ada, timezone.now() + dt.timedelta(hours=2), "Why."
        ),
        "wake": lambda: review_actions.unsnooze_submission(submission, ada),
    }
    before = everything()
    with pytest.raises(ReviewHeldByOther):
        acts[act]()
    assert everything() == before


# --- Many at once -------------------------------------------------------------------------------------------------


@pytest.fixture
def alike(rung):
    return [waiting(found("artist.lookalike")) for _ in range(3)]


def seen(rows):
    return [(row.pk, row.sequence) for row in rows]


def test_a_preview_tells_what_can_be_decided_together_and_changes_nothing(alike, ada, ben):
    other = waiting(found("similarity.known_recording"))
    held = waiting(found("artist.lookalike"))
    decisions.claim_submission(held, ben)
    gone = waiting(found("artist.lookalike"))
    decisions.decide_submission(gone, ben, Verdict.APPROVE, "in order")
    appealed = waiting(found("artist.lookalike"))
    decisions.decide_submission(appealed, ben, Verdict.REJECT, "no", code="infringement")
    appeals.open_appeal(appealed, "But.")
    before = everything()
    shown = review_actions.preview_joint_decision([item.pk for item in (*alike, other, held, gone, appealed)], ada)
    assert everything() == before
    assert shown.reasons == ("artist.lookalike",)
    assert list(shown.waiting) == alike
    assert {one.pk: why for one, why in shown.left_out} == {
        other.pk: "it waits for other reasons",
        held.pk: "it is in other hands, put off, or for somebody else to decide",
        gone.pk: "it is approved",
        appealed.pk: "it is an appeal, which is decided by itself",
    }


def test_many_alike_are_decided_each_by_itself(alike, ada):
    outcomes = review_actions.decide_all(seen(alike), ada, Verdict.RETURN, "Name the artist as on the cover.")
    assert [outcome.refused for outcome in outcomes] == ["", "", ""]
    assert len({item.decision.pk for item in outcomes}) == 3
    assert Submission.objects.filter(state=State.RETURNED).count() == 3
    assert Event.objects.filter(type="submission.returned").count() == 3
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


def test_one_that_changed_meanwhile_is_left_as_it_is(alike, ada, ben):
    as_seen = seen(alike)
    decisions.decide_submission(alike[1], ben, Verdict.APPROVE, "in order")
    review_actions.snooze_submission(alike[2], ben, timezone.now() + dt.timedelta(hours=1), "Later.")
    outcomes = review_actions.decide_all(as_seen, ada, Verdict.RETURN, "Name the artist as on the cover.")
    assert [bool(outcome.decision) for outcome in outcomes] == [True, False, False]
    assert [entry.refused for entry in outcomes[1:]] == [
        "it has changed: it is approved",
        "it has changed: it is in_review",
    ]
    for item in alike:
        item.refresh_from_db()
    assert [element.state for element in alike] == [State.RETURNED, State.APPROVED, State.IN_REVIEW]


def test_one_in_other_hands_is_left_to_them(alike, ada, ben):
    decisions.claim_submission(alike[0], ben)
    outcomes = review_actions.decide_all(seen(alike), ada, Verdict.APPROVE, "in order")
    assert "ben" in outcomes[0].refused
    assert Submission.objects.filter(state=State.APPROVED).count() == 2


def test_only_identical_reasons_are_decided_together(alike, ada):
    other = waiting(found("artist.lookalike"), found("similarity.known_recording"))
    before = everything()
    with pytest.raises(InvalidDecision, match="identical"):
        review_actions.decide_all(seen([*alike, other]), ada, Verdict.APPROVE, "in order")
    assert everything() == before


def test_nobody_decides_hundreds_in_one_go(ada):
    with pytest.raises(InvalidDecision, match="at most"):
        review_actions.preview_joint_decision([Submission().pk for _ in range(review_actions.BULK_LIMIT + 1)], ada)


def test_each_of_many_can_be_taken_back(alike, ada):
    outcomes = review_actions.decide_all(seen(alike), ada, Verdict.APPROVE, "in order")
    decisions.undo_decision(outcomes[1].decision, ada)
    alike[1].refresh_from_db()
    assert alike[1].state == State.IN_REVIEW
    assert Submission.objects.filter(state=State.APPROVED).count() == 2
