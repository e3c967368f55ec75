"""The figures count what happened: volumes, waiting times, how often people bear the machine out, what waits."""

import datetime as dt
import pickle

import pytest
from django.core.cache import cache
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from checks.policy import Verdict
from intake.admin import charts
from intake.core.states import State
from intake.models import Decision, Submission
from intake.readers import statistics
from intake.services.review import decisions
from tests.intake.factories import a_document, a_label, a_moderator, a_submission
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()


def contradicting(number: int):
    document = a_document(f"Tide {number}", number)
    document["release"]["tracks"][0]["disclosure"]["contributions"] = [
        {"element": "lead_vocals", "level": "fully_generated", "imitates": "no"}
    ]
    return document


@pytest.fixture
def past(rung, analyser):
    """Three clean releases, four that contradict themselves: one labelled, one rejected, two still waiting."""
    label = a_label()
    for number in range(1, 4):
        a_submission(label, a_document(f"Calm {number}", number))
    waiting = [a_submission(label, contradicting(number)) for number in range(11, 15)]
    run(rung)
    ada = a_moderator()
    for submission in waiting:
        submission.refresh_from_db()
        assert submission.state == State.IN_REVIEW
    decisions.decide_submission(waiting[0], ada, Verdict.LABEL, "confirmed", labels=[("ai:vocals", "all")])
    late = waiting[1]
    Submission.objects.filter(pk=late.pk).update(due_at=timezone.now() - dt.timedelta(hours=1))
    late.refresh_from_db()
    decisions.decide_submission(late, ada, Verdict.RETURN, "mend it")
    return label, waiting


def test_what_came_and_what_became_of_it(past):
    found = statistics.gather_statistics()
    assert (found.received, found.judged) == (7, 7)
    assert found.routes == {"approve": 3, "label": 0, "review": 4}
    assert found.days[-1].date == timezone.now().date()
    assert (len(found.days), sum(day.received for day in found.days[:-1])) == (31, 0)


def test_how_long_machine_and_people_take(past):
    found = statistics.gather_statistics()
    assert (found.machine.decided, found.people.decided) == (7, 2)
    assert 0 <= found.machine.p50 <= found.machine.p95
    assert 0 <= found.people.p50 <= found.people.p95


def test_what_was_decided_too_late_counts_against_the_time_given(past):
    found = statistics.gather_statistics()
    assert (found.with_due, found.in_time, found.sla) == (2, 1, 0.5)


def test_how_often_people_bear_the_machine_out(past):
    (row,) = [item for item in statistics.gather_statistics().precision if item.code == "disclosure.contradictory"]
    assert (row.check, row.decided, row.borne_out, row.waiting) == ("disclosure", 2, 2, 2)
    low, high = row.interval
    assert low < row.share == 1.0 == high


def test_what_waits_and_what_it_comes_to(past):
    backlog = statistics.gather_statistics().backlog
    assert (backlog.waiting, backlog.late) == (2, 0)
    assert backlog.came == pytest.approx(4 / 7)
    assert backlog.went == pytest.approx(2 / 7)
    assert backlog.forecast == (2, 3, 3, 3, 3, 4, 4)
    assert backlog.clear_in is None


def test_a_decision_that_becomes_another_is_overturned(past):
    _, waiting = past
    labelled = Submission.objects.get(pk=waiting[0].pk)
    bea = a_moderator("bea")
    decisions.reopen_submission(labelled, bea, "the label appealed")
    assert [
        (entry.reopened, entry.overturned)
        for entry in statistics.gather_statistics().overturned
        if entry.by == "moderators"
    ] == [(1, 0)]
    labelled.refresh_from_db()
    decisions.decide_submission(labelled, bea, Verdict.RETURN, "mend the credits")
    found = {item.by: item for item in statistics.gather_statistics().overturned}
    assert (found["moderators"].overturned, found["machine"].overturned) == (1, 0)


def test_what_lies_outside_the_time_is_not_counted(past):
    Decision.objects.update(created_at=timezone.now() - dt.timedelta(days=40))
    Submission.objects.update(received_at=timezone.now() - dt.timedelta(days=40))
    found = statistics.gather_statistics(days=30)
    assert (found.received, found.judged, found.people.decided) == (0, 0, 0)
    assert (found.people.p50, found.sla) == (None, None)


def test_the_figures_are_counted_at_most_once_a_minute(past, django_assert_num_queries):
    first = statistics.cached_statistics()
    with django_assert_num_queries(0):
        assert statistics.cached_statistics() == first
    assert pickle.loads(pickle.dumps(first)) == first


def test_nothing_small_is_told_in_public(past):
    told = statistics.build_transparency_report(statistics.gather_statistics())
    assert told["received"] is None
    assert set(told["routes"].values()) == {None}
    assert (told["seconds_to_decision"], told["borne_out_by_people"], told["decided_in_time"]) == ({}, {}, None)


def test_the_document_says_what_the_page_says(past):
    found = statistics.gather_statistics()
    told = statistics.serialise_statistics(found)
    assert (told["received"], told["routes"]) == (found.received, found.routes)
    assert len(told["days"]) == len(found.days)


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share(hits, more):
    tries = hits + more
    low, high = statistics.wilson_interval(hits, tries)
    assert 0 <= low <= hits / tries <= high <= 1


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 900), st.integers(0, 900)), max_size=95))
def test_a_chart_stays_within_its_drawing(rows):
    days = [statistics.Day(dt.date(2030, 1, 1) + dt.timedelta(n), sum(row), *row) for n, row in enumerate(rows)]
    chart = charts.draw_volume_chart(days)
    for piece in chart.pieces:
        assert -0.001 <= piece.x <= piece.x + piece.width <= charts.WIDTH + 0.001
        assert -0.001 <= piece.y <= piece.y + piece.height <= charts.HEIGHT + 0.001
