"""A label appeals: its words are heard by another moderator, in time; and what was wrong is counted."""

import datetime as dt
import threading

import pytest
from django.db import connections
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Appeal, Blob, Event, Submission
from intake.services.operations.invariants import find_invariant_violations
from intake.services.review import appeals, decisions
from intake.services.review.appeals import NotHeard
from intake.services.review.decisions import NotAllowedToDecide
from intake.services.storage import blobs
from intake.services.submissions import admission, submission_actions
from intake.services.submissions.transitions import Conflict
from tests.intake.factories import a_blob, a_moderator
from tests.intake.test_pipeline import concluded
from tests.intake.waiting import everything, found, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return a_moderator("ada")


@pytest.fixture
def ben():
    return a_moderator("ben")


@pytest.fixture
def rejected(rung, ada):
    submission = waiting(found("similarity.known_recording", "track:1"))
    decisions.decide_submission(submission, ada, Verdict.REJECT, "not theirs", code="infringement")
    return submission


def test_an_appeal_puts_it_before_a_moderator_again_with_a_clock_of_its_own(rejected):
    appeal = appeals.open_appeal(rejected, "It is ours: see the contract.", {"contract.pdf": a_blob(b"signed")})
    assert rejected.state == State.IN_REVIEW
    assert rejected.due_at == appeal.due_at
    hours = (appeal.due_at - appeal.opened_at) / dt.timedelta(hours=1)
    assert hours == admission.current_policy().appeal_hours
    assert appeal.against.verdict == "reject"
    told = [item.type for item in Event.objects.filter(submission=rejected)][-2:]
    assert told == ["appeal.opened", "submission.reopened"]


def test_what_the_machine_decided_can_be_appealed(rung, analyser):
    submission = concluded(rung, analyser)
    assert submission.state == State.APPROVED
    appeals.open_appeal(submission, "We forgot to declare the vocals.")
    assert submission.state == State.IN_REVIEW


def test_the_first_moderator_does_not_decide_the_appeal(rejected, ada):
    appeals.open_appeal(rejected, "It is ours.")
    for attempt in (
        lambda: decisions.decide_submission(rejected, ada, Verdict.APPROVE, "theirs after all"),
        lambda: decisions.claim_submission(rejected, ada),
    ):
        before = everything()
        with pytest.raises(NotAllowedToDecide):
            attempt()
        assert everything() == before
    assert rejected not in decisions.open_to(ada, timezone.now())


def test_nor_does_the_second_of_four_eyes(rung, ada, ben):
    submission = waiting()
    decisions.decide_submission(submission, ada, Verdict.REJECT, "nobody made this", code="fraud")
    decisions.second_rejection(submission, ben)
    appeals.open_appeal(submission, "We did.")
    for person in (ada, ben):
        with pytest.raises(NotAllowedToDecide):
            decisions.decide_submission(submission, person, Verdict.APPROVE, "in order")
    decisions.decide_submission(submission, a_moderator("cleo"), Verdict.APPROVE, "in order")
    assert submission.state == State.APPROVED


def test_another_moderator_overturns_it(rejected, ben):
    appeal = appeals.open_appeal(rejected, "It is ours.")
    decision = decisions.decide_submission(rejected, ben, Verdict.APPROVE, "the contract shows it")
    appeal.refresh_from_db()
    assert (appeal.outcome, appeal.decision) == ("overturned", decision)
    assert appeal.decided_at == decision.created_at
    event = Event.objects.filter(submission=rejected).last()
    assert (event.type, event.data["outcome"]) == ("appeal.decided", "overturned")
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


def test_another_moderator_confirms_it(rejected, ben):
    appeal = appeals.open_appeal(rejected, "It is ours.")
    decisions.decide_submission(rejected, ben, Verdict.REJECT, "the contract names another", code="infringement")
    appeal.refresh_from_db()
    assert appeal.outcome == "confirmed"


def test_other_labels_overturn_a_labelling(rung, ada, ben):
    submission = waiting()
    decisions.decide_submission(submission, ada, Verdict.LABEL, "made by machine", labels=[("ai:vocals", "all")])
    appeal = appeals.open_appeal(submission, "Only in parts.")
    decisions.decide_submission(submission, ben, Verdict.LABEL, "in parts", labels=[("ai:vocals", "partly")])
    appeal.refresh_from_db()
    assert appeal.outcome == "overturned"


def test_a_decision_on_an_appeal_taken_back_leaves_the_appeal_open(rejected, ben):
    appeal = appeals.open_appeal(rejected, "It is ours.")
    decision = decisions.decide_submission(rejected, ben, Verdict.APPROVE, "the contract shows it")
    decisions.undo_decision(decision, ben)
    appeal.refresh_from_db()
    assert (appeal.outcome, appeal.decision, appeal.decided_at) == ("", None, None)
    rejected.refresh_from_db()
    assert rejected.due_at == appeal.due_at
    decisions.decide_submission(rejected, ben, Verdict.APPROVE, "after all")
    appeal.refresh_from_db()
    assert appeal.outcome == "overturned"
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


@pytest.mark.parametrize("state", ["received", "in_review", "returned", "withdrawn"])
def test_there_is_nothing_to_appeal_against(rung, ada, state):
    submission = waiting()
    if state == "returned":
        decisions.decide_submission(submission, ada, Verdict.RETURN, "mend it")
    if state == "withdrawn":
        submission_actions.withdraw_submission(submission)
    if state == "received":
        from tests.intake.factories import a_document, a_submission

        submission = a_submission(submission.label, a_document("Neap", 77))
    before = everything()
    with pytest.raises(Conflict):
        appeals.open_appeal(submission, "But.")
    assert everything() == before


def test_an_appeal_comes_too_late(rejected):
    then = timezone.now() - dt.timedelta(days=admission.current_policy().appeal_days + 1)
    Submission.objects.filter(pk=rejected.pk).update(concluded_at=then)
    rejected.refresh_from_db()
    before = everything()
    with pytest.raises(NotHeard, match="days"):
        appeals.open_appeal(rejected, "It is ours.")
    assert everything() == before


def test_there_is_an_end_to_appeals(rejected):
    for number in range(appeals.MOST):
        appeals.open_appeal(rejected, f"Number {number}.")
        decisions.decide_submission(rejected, a_moderator(f"m{number}"), Verdict.REJECT, "no", code="infringement")
    before = everything()
    with pytest.raises(NotHeard, match="times"):
        appeals.open_appeal(rejected, "Once more.")
    assert everything() == before


def test_an_appeal_ends_with_a_submission_that_is_taken_back(rejected):
    appeal = appeals.open_appeal(rejected, "It is ours.")
    submission_actions.withdraw_submission(rejected)
    appeal.refresh_from_db()
    assert appeal.outcome == "withdrawn"
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


def test_overturned_decisions_are_counted_by_check_and_code(rung, ada, ben):
    def appealed(kind, verdict, person, **more):
        submission = waiting(found(kind, "track:1"))
        decisions.decide_submission(submission, ada, Verdict.REJECT, "no", code="infringement")
        appeals.open_appeal(submission, "But.")
        decisions.decide_submission(submission, person, verdict, "heard", **more)

    appealed("similarity.known_recording", Verdict.APPROVE, ben)
    appealed("similarity.known_recording", Verdict.REJECT, ben, code="infringement")
    appealed("artist.lookalike", Verdict.APPROVE, ben)
    waiting(found("similarity.known_recording"))
    assert Appeal.objects.by_check() == [
        ("artist", "artist.lookalike", 1, 1),
        ("similarity", "similarity.known_recording", 2, 1),
    ]


def test_files_of_an_appeal_are_kept_while_abandoned_ones_are_not(rejected):
    kept, lost = a_blob(b"signed"), a_blob(b"nobody's")
    appeals.open_appeal(rejected, "It is ours.", {"contract.pdf": kept})
    Blob.objects.update(touched_at=timezone.now() - 2 * blobs.ABANDONED_AFTER)
    assert lost in blobs.list_unused_blobs(timezone.now())
    assert kept not in blobs.list_unused_blobs(timezone.now())


@pytest.mark.django_db(transaction=True)
def test_of_two_appeals_at_once_exactly_one_is_opened(rung):
    submission = waiting()
    decisions.decide_submission(submission, a_moderator(), Verdict.REJECT, "no", code="infringement")
    together, outcomes = threading.Barrier(4), []

    def appeal() -> None:
        mine = Submission.objects.get(pk=submission.pk)
        together.wait()
        try:
            appeals.open_appeal(mine, "But.")
            outcomes.append("heard")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=appeal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "conflict", "conflict", "heard"]
    assert Appeal.objects.count() == 1
