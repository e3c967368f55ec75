"""An account's habits and whom a release is tied to, read from the rows; and the weight that orders the queue."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from checks.policy import Verdict
from checks.rules.fraud import fold_party_name
from intake.core.states import State
from intake.models import Decision, Submission
from intake.readers.delivery_history import DeliveryHistory
from intake.services.review import decisions
from tests.intake.factories import a_document, a_label, a_moderator, a_submission
from tests.intake.test_cross_label import both, delivered, to_similarity
from tests.intake.test_pipeline import concluded, run

pytestmark = pytest.mark.django_db


def back(submission: Submission, days: float) -> None:
    then = timezone.now() - dt.timedelta(days=days)
    Submission.objects.filter(pk=submission.pk).update(received_at=then)


def test_habits_are_the_accounts_own_and_leave_the_release_itself_out():
    label = a_label()
    assert DeliveryHistory(label, None).habits().tracks == 0
    old = a_submission(label, a_document("Low Tide", 1, tracks=3))
    back(old, 5)
    ancient = a_submission(label, a_document("Ebb", 2, tracks=5))
    back(ancient, 200)
    today = a_submission(label, a_document("Slack Water", 3, tracks=2))
    a_submission(a_label("Pier Records"), a_document("Other", 4, tracks=9))
    habits = DeliveryHistory(label, None).habits()
    assert (habits.tracks_today, habits.busiest_day, habits.tracks) == (2, 3, 5)
    assert habits.tracks_a_day == pytest.approx(0.1)
    assert habits.artists == {fold_party_name("Mara Lindqvist")}
    assert DeliveryHistory(label, today).habits().tracks_today == 0


def test_lengths_are_of_different_recordings(rung, analyser):
    label = a_label()
    for number in (1, 2):
        delivered(label, f"Title {number}", number, b"the same sound")
    delivered(label, "Title 3", 3, b"another sound")
    run(rung)
    assert DeliveryHistory(label, None).habits().lengths_today == (10000, 10000)


def test_clearances_and_rejections_of_the_last_year_are_counted(rung, analyser):
    label = a_label()
    one = concluded(rung, analyser, label=label)
    assert DeliveryHistory(label, None).habits().cleared == 1
    decisions.reopen_submission(one, a_moderator(), "a claim")
    decisions.decide_submission(one, a_moderator("eva"), Verdict.REJECT, "stolen", code="infringement")
    habits = DeliveryHistory(label, None).habits()
    assert (habits.cleared, habits.rejected) == (0, 1)
    Submission.objects.update(concluded_at=timezone.now() - dt.timedelta(days=400))
    assert DeliveryHistory(label, None).habits().rejected == 0


def test_party_is_tied_to_what_was_rejected_or_found_to_hide_ai(rung, analyser):
    one = concluded(rung, analyser, label=a_label())
    history = DeliveryHistory(a_label("Pier Records"), None)
    name = fold_party_name("Mara Lindqvist")
    assert history.refused_with([name]) == {}
    Decision.objects.filter(submission=one).update(
        verdict="label",
        labels=[{"key": "ai:vocals", "value": "all", "basis": "verified_by_human", "code": "x"}],
    )
    assert history.refused_with([name, fold_party_name("Jonas Ek")]) == {name: 1}
    assert DeliveryHistory(one.label, one).refused_with([name]) == {}, "the release does not count itself"
    Decision.objects.update(labels=[{"key": "ai:vocals", "value": "all", "basis": "declared", "code": "x"}])
    assert history.refused_with([name]) == {}
    Submission.objects.filter(pk=one.pk).update(state=State.REJECTED)
    assert history.refused_with([name]) == {name: 1}


def test_weight_is_kept_while_a_submission_waits_and_grows_with_what_is_found(rung, analyser):
    from intake.services.checking import pipeline

    first, second = both()
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    pipeline.run_check(one.pk)
    first.refresh_from_db()
    assert first.weight == 0
    pipeline.run_check(two.pk)
    for submission in (first, second):
        submission.refresh_from_db()
        assert (submission.state, submission.weight) == (State.IN_REVIEW, 90)


def test_label_is_shown_neither_weight_nor_habits(rung, analyser):
    from tests.intake.test_cross_label import seen_by

    submission = concluded(rung, analyser, label=a_label())
    assert submission.check_runs.filter(name="fraud").exists()
    assert "weight" not in str(seen_by(submission))
    assert "fraud." not in str(seen_by(submission))
