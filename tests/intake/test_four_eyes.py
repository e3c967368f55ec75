"""Where the policy asks four eyes for a reason, nothing is decided before a second moderator agrees."""

import datetime as dt

import pytest
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Decision, Event, Proposal
from intake.services.operations.invariants import find_invariant_violations
from intake.services.people.permissions import Forbidden, Role
from intake.services.review import decisions
from intake.services.review.decisions import InvalidDecision, NotAllowedToDecide
from intake.services.submissions import submission_actions
from intake.services.submissions.transitions import Conflict
from tests.intake.factories import a_moderator
from tests.intake.waiting import everything, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def submission(rung):
    return waiting()


@pytest.fixture
def ada():
    return a_moderator("ada")


@pytest.fixture
def ben():
    return a_moderator("ben")


@pytest.fixture
def proposal(submission, ada):
    return decisions.decide_submission(
        submission, ada, Verdict.REJECT, "nobody made this", "third this week", code="fraud"
    )


def test_first_moderator_only_proposes(submission, proposal):
    assert isinstance(proposal, Proposal)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert submission.decision.verdict == "review"
    assert Event.objects.filter(submission=submission).last().type == "review.proposed"


def test_second_moderator_makes_it_a_decision_of_both(submission, proposal, ben):
    decision = decisions.second_rejection(submission, ben)
    assert submission.state == State.REJECTED
    assert (decision.actor, decision.seconded_by) == ("moderator:ada", "moderator:ben")
    assert (decision.code, decision.four_eyes) == ("fraud", True)
    assert (decision.reasons, decision.note) == (["nobody made this"], "third this week")
    proposal.refresh_from_db()
    assert (proposal.outcome, proposal.ended_by) == ("seconded", "moderator:ben")
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []


def test_same_verdict_from_a_second_moderator_seconds_it(submission, proposal, ben):
    decision = decisions.decide_submission(submission, ben, Verdict.REJECT, "I see the same", code="fraud")
    assert isinstance(decision, Decision)
    assert decision.seconded_by == "moderator:ben"


@pytest.mark.parametrize("how", ["second", "decide again"])
def test_nobody_seconds_oneself(submission, proposal, ada, how):
    if how == "second":
        before = everything()
        with pytest.raises(NotAllowedToDecide):
            decisions.second_rejection(submission, ada)
        assert everything() == before
        return
    again = decisions.decide_submission(submission, ada, Verdict.REJECT, "surely", code="fraud")
    assert isinstance(again, Proposal)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert Proposal.objects.filter(ended_at__isnull=True).count() == 1


def test_second_moderator_may_see_it_otherwise(submission, proposal, ben):
    decisions.decide_submission(submission, ben, Verdict.APPROVE, "it is genuine")
    proposal.refresh_from_db()
    assert (submission.state, proposal.outcome) == (State.APPROVED, "overtaken")


def test_declined_proposal_leaves_it_in_review_with_the_reason_in_a_note(submission, proposal, ben):
    decisions.decline_rejection(submission, ben, "the label sent invoices")
    assert submission.state == State.IN_REVIEW
    assert submission.notes.get().text == "the label sent invoices"
    before = everything()
    with pytest.raises(InvalidDecision, match="no rejection waits"):
        decisions.second_rejection(submission, ben)
    assert everything() == before


def test_proposal_ends_with_a_submission_that_is_taken_back(submission, proposal):
    submission_actions.withdraw_submission(submission)
    proposal.refresh_from_db()
    assert (submission.state, proposal.outcome) == (State.WITHDRAWN, "overtaken")


def test_what_was_decided_meanwhile_is_not_seconded(submission, proposal, ben):
    stale = type(submission).objects.get(pk=submission.pk)
    decisions.decide_submission(submission, a_moderator("cleo"), Verdict.APPROVE, "it is genuine")
    before = everything()
    with pytest.raises((Conflict, InvalidDecision)):
        decisions.second_rejection(stale, ben)
    assert everything() == before


def test_whoever_only_reads_seconds_nothing(submission, proposal):
    olga, before = a_moderator("olga", Role.AUDITOR), everything()
    with pytest.raises(Forbidden):
        decisions.second_rejection(submission, olga)
    assert everything() == before


def test_who_proposed_it_is_not_handed_it_again(submission, proposal, ada, ben):
    now = timezone.now()
    assert submission not in decisions.open_to(ada, now)
    assert submission in decisions.open_to(ben, now)


def test_a_reason_without_four_eyes_is_decided_by_one(submission, ada):
    decision = decisions.decide_submission(submission, ada, Verdict.REJECT, "it is another's", code="infringement")
    assert (decision.four_eyes, decision.seconded_by, decision.code) == (False, "", "infringement")


def test_seconded_rejection_is_taken_back_by_either(submission, proposal, ben):
    decision = decisions.second_rejection(submission, ben)
    assert decisions.undo_decision(decision, ben).state == State.IN_REVIEW
