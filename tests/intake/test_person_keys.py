"""Who decided is an account, not a name: names change, and are given again."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Decision, Viewing
from intake.services.operations.invariants import find_invariant_violations
from intake.services.people.access_log import record_view_once
from intake.services.review import appeals, decisions
from intake.services.review.decisions import NotAllowedToDecide
from tests.intake.factories import a_moderator
from tests.intake.waiting import everything, found, waiting

pytestmark = pytest.mark.django_db

NAMES = ("zed", "Ada", "ａｄａ", "ada.lovelace@example.org")


def rename(person, name):
    User.objects.filter(pk=person.pk).update(username=name)
    return User.objects.get(pk=person.pk)


def rejected_by(person):
    submission = waiting(found("similarity.known_recording", "track:1"))
    decisions.decide_submission(submission, person, Verdict.REJECT, "not theirs", code="infringement")
    return submission


def assert_may_not_decide(person, submission):
    before = everything()
    for attempt in (
        lambda: decisions.claim_submission(submission, person),
        lambda: decisions.decide_submission(submission, person, Verdict.APPROVE, "theirs after all"),
    ):
        with pytest.raises(NotAllowedToDecide):
            attempt()
    assert everything() == before
    assert submission not in decisions.open_to(person, timezone.now())


@pytest.mark.parametrize("name", NAMES)
def test_renamed_moderator_does_not_decide_the_appeal(rung, name):
    ada = a_moderator("ada")
    submission = rejected_by(ada)
    appeals.open_appeal(submission, "It is ours.")
    assert_may_not_decide(rename(ada, name), submission)
    assert submission.decisions.human().get().actor == "moderator:ada", "the name as it was"


@pytest.mark.parametrize("name", NAMES)
def test_renamed_second_moderator_does_not_decide_the_appeal(rung, name):
    ada, ben = a_moderator("ada"), a_moderator("ben")
    submission = waiting()
    decisions.decide_submission(submission, ada, Verdict.REJECT, "nobody made this", code="fraud")
    decisions.second_rejection(submission, ben)
    appeals.open_appeal(submission, "We did.")
    assert_may_not_decide(rename(ben, name), submission)


@pytest.mark.parametrize("name", NAMES)
def test_renamed_moderator_does_not_second_the_own_proposal(rung, name):
    ada = a_moderator("ada")
    submission = waiting()
    decisions.decide_submission(submission, ada, Verdict.REJECT, "nobody made this", code="fraud")
    renamed = rename(ada, name)
    before = everything()
    with pytest.raises(NotAllowedToDecide):
        decisions.second_rejection(submission, renamed)
    assert everything() == before


def test_who_takes_over_the_name_of_the_decider_may_decide_the_appeal(rung):
    ada = a_moderator("ada")
    submission = rejected_by(ada)
    appeals.open_appeal(submission, "It is ours.")
    rename(ada, "zed")
    decisions.decide_submission(submission, a_moderator("ada"), Verdict.APPROVE, "the contract shows it")
    assert submission.state == State.APPROVED
    assert not [
        violation for violation in find_invariant_violations(dt.timedelta(0)) if "decided by somebody" in str(violation)
    ]


def test_account_made_anew_under_the_same_name_is_another_person(rung):
    ada = a_moderator("ada")
    submission = rejected_by(ada)
    first = ada.pk
    ada.delete()
    assert Decision.objects.human().get().moderator_id == first, "what was done stays with the account"
    anew = a_moderator("ada")
    assert anew.pk != first
    appeals.open_appeal(submission, "It is ours.")
    decisions.decide_submission(submission, anew, Verdict.APPROVE, "the contract shows it")
    assert submission.state == State.APPROVED


@pytest.mark.parametrize("name", ["Ada", "ADA"])
def test_name_in_another_spelling_is_another_account(rung, name):
    submission = rejected_by(a_moderator("ada"))
    appeals.open_appeal(submission, "It is ours.")
    decisions.decide_submission(submission, a_moderator(name), Verdict.APPROVE, "the contract shows it")
    assert submission.state == State.APPROVED


def test_renamed_moderator_takes_the_own_decision_back_and_the_heir_of_the_name_does_not(rung):
    ada = a_moderator("ada")
    submission = rejected_by(ada)
    decision = submission.decisions.human().get()
    renamed = rename(ada, "zed")
    heir = a_moderator("ada")
    before = everything()
    with pytest.raises(NotAllowedToDecide):
        decisions.undo_decision(decision, heir)
    assert everything() == before
    assert decisions.undo_decision(decision, renamed).state == State.IN_REVIEW


def test_invariants_find_an_appeal_decided_by_a_renamed_decider(rung):
    ada, ben = a_moderator("ada"), a_moderator("ben")
    submission = rejected_by(ada)
    appeals.open_appeal(submission, "It is ours.")
    decision = decisions.decide_submission(submission, ben, Verdict.APPROVE, "the contract shows it")
    assert not [item for item in find_invariant_violations(dt.timedelta(0)) if "decided by somebody" in str(item)]
    Decision.objects.filter(pk=decision.pk).update(moderator=ada, actor="moderator:zed")
    assert [
        violation for violation in find_invariant_violations(dt.timedelta(0)) if "decided by somebody" in str(violation)
    ]


def test_renamed_label_appeals_and_is_read_under_the_name_of_the_time(rung):
    submission = rejected_by(a_moderator("ada"))
    label = submission.label
    was = label.actor
    label.name = "Another Name"
    label.save()
    submission.refresh_from_db()
    appeals.open_appeal(submission, "It is ours.")
    actors = list(submission.events.order_by("sequence").values_list("actor", flat=True))
    assert was in actors
    assert "label:Another Name" in actors


def test_look_is_on_record_with_the_account(rung):
    ada = a_moderator("ada")
    record_view_once(ada, None, "known recording 17")
    record_view_once(rename(ada, "zed"), None, "known recording 17")
    row = Viewing.objects.get()
    assert (row.viewer_id, row.actor) == (ada.pk, "moderator:ada")


# --- Rows without an account: the machine's, and those of accounts that are gone ------------------------------------


def test_rows_without_an_account_are_compared_by_name(rung):
    submission = rejected_by(a_moderator("ada"))
    Decision.objects.update(moderator=None)
    appeals.open_appeal(submission, "It is ours.")
    assert_may_not_decide(User.objects.get(username="ada"), submission)
