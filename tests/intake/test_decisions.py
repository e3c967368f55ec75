"""What a moderator's decision makes of a submission, of its labels and of what is known afterwards."""

import datetime as dt
import threading

import pytest
from django.db import connections
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Decision, Event, KnownRecording, Submission
from intake.readers.delivery_history import DeliveryHistory
from intake.services.operations import reaper
from intake.services.review import decisions
from intake.services.review.decisions import InvalidDecision, ReviewHeldByOther
from intake.services.submissions import submission_actions
from intake.services.submissions.transitions import Conflict
from tests.intake.factories import a_document, a_label, a_moderator, a_submission
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db


def in_review(rung, document=None) -> Submission:
    """A submission that waits because its disclosure contradicts itself."""
    document = document or a_document()
    document["release"]["tracks"][0]["disclosure"]["contributions"] = [
        {"element": "lead_vocals", "level": "fully_generated", "imitates": "no"}
    ]
    submission = a_submission(document=document)
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    return submission


def test_a_release_in_review_has_no_labels_yet(rung, analyser):
    assert in_review(rung).decision.labels == []


def test_a_moderator_who_labels_keeps_what_was_declared_as_declared(rung, analyser):
    submission = in_review(rung)
    decisions.decide_submission(
        submission, a_moderator(), Verdict.LABEL, "confirmed", labels=[("ai:vocals", "all"), ("ai:lyrics", "partly")]
    )
    labels = {label["key"]: label for label in submission.decision.labels}
    assert labels["ai:vocals"]["basis"] == "declared"
    assert labels["ai:vocals"]["code"] == "disclosure.declared"
    assert labels["ai:lyrics"]["basis"] == "verified_by_human"
    assert submission.state == State.LABELLED


def test_a_moderator_cannot_drop_a_declaration_by_approving(rung, analyser):
    submission = in_review(rung)
    events = Event.objects.count()
    with pytest.raises(InvalidDecision, match="carried on"):
        decisions.decide_submission(submission, a_moderator(), Verdict.APPROVE, "fine")
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert Event.objects.count() == events


@pytest.mark.parametrize(
    ("verdict", "reason", "labels"),
    [
        (Verdict.REJECT, " ", []),
        (Verdict.LABEL, "confirmed", []),
        (Verdict.RETURN, "mend it", [("ai:vocals", "all")]),
        (Verdict.REVIEW, "later", []),
        (Verdict.REJECT, "a reason, and none of the policy's", []),
    ],
)
def test_a_moderator_needs_reasons_and_labels_that_fit(rung, analyser, verdict, reason, labels):
    submission = in_review(rung)
    with pytest.raises(InvalidDecision):
        decisions.decide_submission(submission, a_moderator(), verdict, reason, labels=labels)
    assert Decision.objects.filter(submission=submission).count() == 1


def test_a_rejected_recording_is_not_learned(rung, analyser):
    submission = in_review(rung)
    decisions.decide_submission(submission, a_moderator(), Verdict.REJECT, "not theirs", code="infringement")
    assert submission.state == State.REJECTED
    assert not KnownRecording.objects.settled().exists()


def test_a_reopened_release_is_due_again_and_can_be_decided_anew(rung, analyser):
    submission, ada = in_review(rung), a_moderator()
    decisions.decide_submission(submission, ada, Verdict.LABEL, "confirmed", labels=[("ai:vocals", "all")])
    decisions.reopen_submission(submission, ada, "a claim came in")
    assert submission.state == State.IN_REVIEW
    assert submission.due_at is not None
    assert Event.objects.filter(submission=submission).last().type == "submission.reopened"
    decisions.decide_submission(submission, ada, Verdict.REJECT, "the claim holds", code="infringement")
    assert [decision.verdict for decision in submission.decisions.all()] == ["review", "label", "review", "reject"]


def test_a_claim_keeps_others_away_until_it_ends(rung, analyser):
    submission, ada, ben = in_review(rung), a_moderator("ada"), a_moderator("ben")
    claim = decisions.claim_submission(submission, ada)
    with pytest.raises(ReviewHeldByOther, match="ada"):
        decisions.decide_submission(submission, ben, Verdict.REJECT, "not theirs", code="infringement")
    claim.until = timezone.now() - dt.timedelta(seconds=1)
    claim.save()
    decisions.decide_submission(submission, ben, Verdict.REJECT, "not theirs", code="infringement")
    assert submission.decision.actor == "moderator:ben"


@pytest.mark.django_db(transaction=True)
def test_of_moderators_who_decide_at_once_exactly_one_wins_and_the_others_hear_who(rung, analyser):
    submission = in_review(rung)
    people = [a_moderator(f"moderator{number}") for number in range(6)]
    outcomes: list[str] = []
    together = threading.Barrier(len(people))

    def decide(person) -> None:
        mine = Submission.objects.get(pk=submission.pk)
        together.wait()
        try:
            decisions.decide_submission(
                mine, person, Verdict.REJECT, f"because of {person.username}", code="infringement"
            )
            outcomes.append(person.username)
        except ReviewHeldByOther as held:
            outcomes.append(f"held by {held.claim.moderator.username}")
        except Conflict as conflict:
            outcomes.append(f"decided by {conflict.submission.decision.actor}")
        connections.close_all()

    threads = [threading.Thread(target=decide, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [outcome for outcome in outcomes if " " not in outcome]
    # One who came while the winner's claim was just given up may have held it for a moment, in vain.
    assert all(item.startswith(("held by ", f"decided by moderator:{winner}")) for item in outcomes if item != winner)
    assert Decision.objects.filter(submission=submission, verdict=Verdict.REJECT).count() == 1
    assert Event.objects.filter(submission=submission, type="submission.rejected").count() == 1


def test_a_correction_of_a_correction_may_keep_the_upc(rung, analyser):
    label = a_label()
    first = a_submission(label, a_document("Low Tide"))
    second = a_submission(label, {**a_document("Low Tides"), "supersedes": str(first.pk)})
    third = {**a_document("Lower Tides"), "supersedes": str(second.pk)}
    assert a_submission(label, third).supersedes == second
    assert DeliveryHistory(label, None).upc_seen([first.upc], "Another")


def test_a_draft_that_nobody_hands_over_is_withdrawn(rung, analyser):
    draft = submission_actions.open_draft(a_label(), a_document())
    assert reaper.run_housekeeping() == 0
    Submission.objects.update(created_at=timezone.now() - reaper.DRAFT_KEPT)
    assert reaper.run_housekeeping() == 1
    draft.refresh_from_db()
    assert draft.state == State.WITHDRAWN


def test_a_moderator_who_chooses_other_labels_does_not_lose_the_declared_ones(rung, analyser):
    submission = in_review(rung)
    decisions.decide_submission(submission, a_moderator(), Verdict.LABEL, "lyrics too", labels=[("ai:lyrics", "all")])
    labels = {label["key"]: (label["value"], label["basis"]) for label in submission.decision.labels}
    assert labels["ai:vocals"] == ("all", "declared")
    assert labels["ai:lyrics"] == ("all", "verified_by_human")


def test_a_moderator_can_overrule_a_declaration_key_by_key(rung, analyser):
    submission = in_review(rung)
    decisions.decide_submission(
        submission, a_moderator(), Verdict.LABEL, "only in parts", labels=[("ai:vocals", "partly")]
    )
    vocals = [label for label in submission.decision.labels if label["key"] == "ai:vocals"]
    assert [(vocal["value"], vocal["basis"]) for vocal in vocals] == [("partly", "verified_by_human")]


def test_a_label_withdraws_whatever_the_gate_did_meanwhile(rung, analyser):
    submission = a_submission()
    submission_actions.start_checking(submission.pk)
    assert submission.state == State.RECEIVED, "as it was read before the gate began"
    submission_actions.withdraw_submission(submission)
    assert submission.state == State.WITHDRAWN
    assert not submission.check_runs.open().exists()


def test_a_label_that_names_the_state_it_saw_is_held_to_it(rung, analyser):
    submission = a_submission()
    submission_actions.start_checking(submission.pk)
    with pytest.raises(Conflict):
        submission_actions.withdraw_submission(submission, exactly=True)
    submission.refresh_from_db()
    assert submission.state == State.CHECKING
