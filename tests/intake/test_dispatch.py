"""One message for each piece of work; another one only where the first must be lost, and no more than a few."""

from __future__ import annotations

import functools
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from intake.core import enqueue
from intake.core.states import State
from intake.models import Analysis, CheckRun, Label, Submission
from intake.models.leased_work import Status
from intake.services.catalogue import known_recordings
from intake.services.checking import pipeline
from intake.services.operations import reaper
from intake.services.submissions import submission_actions
from intake.services.work import dispatch
from tests.intake.factories import a_blob, a_document, a_label, a_submission, facts_of, files_of

pytestmark = pytest.mark.django_db

Call = tuple[str, tuple[str, ...]]


def answer(call: Call) -> None:
    """Carry out the task of one message."""
    from intake import tasks

    name, arguments = call
    getattr(tasks, name.removeprefix("intake.")).run(*arguments)


def answer_all(rung: list[Call], order: random.Random | None = None) -> list[Call]:
    """Carry out every message, and those that this sends; returns all of them."""
    answered = []
    while rung:
        call = rung.pop(order.randrange(len(rung)) if order else 0)
        if call[0] != "intake.deliver":
            answer(call)
        answered.append(call)
    return answered


def at_once(*works: Callable[[], object]) -> None:
    """Carry these out in threads of their own that begin together."""
    together = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            together.wait()
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def album(tracks: int) -> Submission:
    return a_submission(document=a_document("Low Tide", tracks=tracks))


# --- enqueued once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tracks", [1, 20, 100])
@pytest.mark.parametrize("order", [None, 1])
def test_release_costs_one_message_for_each_piece_of_work(rung, analyser, tracks, order):
    submission = album(tracks)
    sent = Counter(answer_all(rung, random.Random(order) if order else None))
    assert max(sent.values()) == 1
    kinds = Counter(name for name, _ in sent)
    assert kinds["intake.start"] == 1
    assert kinds["intake.analyse"] == len(analyser.asked) == tracks
    assert kinds["intake.run_check"] == submission.check_runs.count()
    assert kinds["intake.index"] <= 1
    assert set(kinds) <= {f"intake.{name}" for name in ("start", "analyse", "run_check", "index", "portray")}
    submission.refresh_from_db()
    assert submission.state in (State.APPROVED, State.IN_REVIEW)


def test_measuring_one_more_file_costs_no_more_statements_on_a_long_album(rung, analyser):
    counts = []
    for number, tracks in enumerate((3, 30), start=1):
        submission = a_submission(a_label(f"Label {number}"), a_document(f"Tide {number}", number, tracks=tracks))
        submission_actions.start_checking(submission.pk)
        first, *_ = [arguments for name, arguments in rung if name == "intake.analyse"]
        with CaptureQueriesContext(
            connection,
        ) as spent:
            pipeline.analyse_audio_file(*first)
        counts.append(len(spent))
        rung.clear()
    assert counts[0] == counts[1]


def test_last_file_of_an_album_costs_as_many_statements_as_that_of_a_single(rung, analyser):
    counts = []
    for number, tracks in enumerate((1, 30), start=1):
        submission = a_submission(a_label(f"Label {number}"), a_document(f"Tide {number}", number, tracks=tracks))
        submission_actions.start_checking(submission.pk)
        *others, last = [arguments for name, arguments in rung if name == "intake.analyse"]
        for other in others:
            pipeline.analyse_audio_file(*other)
        rung.clear()
        with CaptureQueriesContext(connection) as spent:
            pipeline.analyse_audio_file(*last)
        counts.append(len(spent))
        assert {name for name, _ in rung} == {"intake.run_check"}
        rung.clear()
    assert counts[0] == counts[1]


def test_file_that_two_releases_bring_is_measured_by_one_message_and_both_go_on(rung, analyser):
    label, document = a_label(), a_document()
    first, second = a_submission(label, document), a_submission(label, document)
    sent = Counter(answer_all(rung))
    assert max(sent.values()) == 1
    assert sum(name == "intake.analyse" for name, _ in sent) == 1
    for submission in (first, second):
        submission.refresh_from_db()
        assert submission.state not in (State.RECEIVED, State.CHECKING)


def test_check_that_was_asked_for_before_a_file_is_measured_anew_is_asked_for_again_afterwards(rung, analyser):
    submission = album(1)
    submission_actions.start_checking(submission.pk)
    run = submission.check_runs.filter(needs_audio=True).first()
    CheckRun.objects.filter(pk=run.pk).update(rung_at=run.created_at)
    pipeline.run_check(run.pk)  # the file is not measured yet
    rung.clear()
    pipeline.analyse_audio_file(Analysis.objects.get().pk)
    assert ("intake.run_check", (str(run.pk),)) in rung


def test_late_duplicates_of_every_message_change_nothing(rung, analyser):
    submission = album(3)
    sent = answer_all(rung)
    submission.refresh_from_db()
    before = (submission.state, submission.sequence, submission.findings.count(), len(analyser.asked))
    for call in sent:
        if call[0] != "intake.deliver":
            answer(call)
    submission.refresh_from_db()
    assert (submission.state, submission.sequence, submission.findings.count(), len(analyser.asked)) == before
    assert {name for name, _ in rung} <= {"intake.index"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_finish_the_last_two_files_at_once_send_each_check_once(rung, analyser, monkeypatch):
    submission = album(2)
    submission_actions.start_checking(submission.pk)
    rung.clear()
    together, true_finish = threading.Barrier(2), pipeline._measure_claimed_file

    def measure(analysis: Analysis, token: Any) -> bool:
        ended = true_finish(analysis, token)
        together.wait()  # both files are measured before either worker looks whether they are
        return ended

    monkeypatch.setattr(pipeline, "_measure_claimed_file", measure)

    at_once(*[functools.partial(pipeline.analyse_audio_file, item.pk) for item in Analysis.objects.all()])
    expected = submission.check_runs.filter(needs_audio=True)
    assert Counter(rung) == {("intake.run_check", (str(run.pk),)): 1 for run in expected}


# --- and again, bounded -----------------------------------------------------------------------------------------------


@pytest.fixture
def stalled(rung, analyser) -> Iterator[tuple[list[Call], int]]:
    """Eight submissions begun, whose workers stand still from now on; with the number of pieces of work."""
    label = a_label()
    for number in range(1, 9):
        a_submission(label, a_document(f"Tide {number}", number, tracks=2))
    for call in [call for call in rung if call[0] == "intake.start"]:
        answer(call)
    rung[:] = [call for call in rung if call[0] != "intake.start"]
    assert len(rung) == len(set(rung)) == 16 + 8 * CheckRun.objects.filter(needs_audio=False).count() // 8
    return rung, len(rung)


@pytest.mark.parametrize(("minutes", "messages"), [(1, 3), (5, 5), (15, 6), (60, 8), (24 * 60, 13)])
def test_worker_that_stands_still_finds_a_few_messages_for_each_piece_of_work(stalled, clock, minutes, messages):
    rung, pieces = stalled
    sweeps = min(minutes * 6, 100)
    for _ in range(sweeps):
        clock.forward(minutes=minutes / sweeps)
        reaper.enqueue_lost_work()
    sent = Counter(rung)
    assert len(sent) == pieces
    assert 1 < max(sent.values()) <= messages


def test_worker_that_stands_still_is_not_sent_the_work_that_cannot_be_done_yet(stalled, clock):
    rung, _ = stalled
    waiting = {str(pk) for pk in CheckRun.objects.filter(needs_audio=True).values_list("pk", flat=True)}
    for _ in range(30):
        clock.forward(minutes=1)
        reaper.enqueue_lost_work()
    assert not waiting & {arguments[0] for _, arguments in rung}


@pytest.mark.parametrize("stalled_for", [0, 1, 60, 24 * 60])
def test_everything_is_sent_again_within_a_minute_after_the_broker_was_emptied(stalled, clock, stalled_for):
    rung, pieces = stalled
    for _ in range(20):
        clock.forward(minutes=stalled_for / 20)
        reaper.enqueue_lost_work()
    rung.clear()
    for _ in range(6):
        clock.forward(seconds=10)
        reaper.enqueue_lost_work()
    assert len(set(rung)) == pieces
    assert max(Counter(rung).values()) <= 2


def test_message_that_is_lost_among_others_is_sent_again_within_half_a_minute(stalled, clock):
    rung, _ = stalled
    lost = rung.pop(3)
    for _ in range(3):
        clock.forward(seconds=10)
        reaper.enqueue_lost_work()
    assert lost in rung


@pytest.mark.parametrize("stalled_for", [0, 60])
def test_work_whose_worker_died_is_sent_again_as_soon_as_its_lease_has_run_out(stalled, clock, stalled_for):
    rung, _ = stalled
    for _ in range(20):  # it waited long, and was sent several times
        clock.forward(minutes=stalled_for / 20)
        reaper.enqueue_lost_work()
    analysis = Analysis.objects.order_by("pk").first()
    assert Analysis.objects.claim(analysis.pk, pipeline.LEASE)
    rung[:] = [call for call in rung if call[1] != (analysis.pk,)]
    assert rung, "the queue is not empty"
    for _ in range(4):
        clock.forward(seconds=10)
        reaper.enqueue_lost_work()
    assert rung.count(("intake.analyse", (analysis.pk,))) == 1


def test_submission_that_nobody_begins_is_sent_a_few_times(rung, analyser, clock):
    submission = album(1)
    for _ in range(90):
        clock.forward(seconds=10)
        reaper.enqueue_lost_work()
    assert 1 < rung.count(("intake.start", (str(submission.pk),))) <= 6
    assert answer_all(rung)
    submission.refresh_from_db()
    assert submission.state == State.APPROVED


def test_conclusion_that_fails_each_time_is_tried_again_and_again_and_not_more_often(
    rung, analyser, clock, monkeypatch
):
    submission = album(1)
    settled = pipeline._try_to_settle
    monkeypatch.setattr(pipeline, "_try_to_settle", lambda *_: 1 / 0)
    while rung:
        call = rung.pop(0)
        if call[0] == "intake.run_check" and not CheckRun.objects.exclude(pk=call[1][0]).open().exists():
            with pytest.raises(ZeroDivisionError):
                answer(call)
        else:
            answer(call)
    tries = 0
    for _ in range(60):
        clock.forward(seconds=10)
        reaper.enqueue_lost_work()
        while rung:
            assert rung.pop()[0] == "intake.conclude"
            tries += 1
    assert 10 <= tries <= 16  # every 40 s for ten minutes
    monkeypatch.setattr(pipeline, "_try_to_settle", settled)
    clock.forward(seconds=60)
    reaper.enqueue_lost_work()
    answer_all(rung)
    submission.refresh_from_db()
    assert submission.state == State.APPROVED


def test_worker_that_stands_still_finds_one_message_for_the_index(rung, analyser, clock):
    known_recordings.learn_recording(facts_of("a" * 64), title="Low Tide")
    for _ in range(60):
        clock.forward(seconds=10)
        reaper.enqueue_lost_work()
    assert rung == [("intake.index", ())]
    rung.clear()
    reaper.enqueue_lost_work()
    assert rung == [("intake.index", ())]


def test_clock_that_is_set_back_hides_no_lost_message(stalled, clock):
    rung, pieces = stalled
    clock.forward(hours=2)
    reaper.enqueue_lost_work()
    clock.back(hours=2)
    rung.clear()
    clock.forward(seconds=30)
    reaper.enqueue_lost_work()
    assert len(set(rung)) == pieces


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_send_each_message_once(stalled, clock):
    rung, pieces = stalled
    rung.clear()
    clock.forward(seconds=30)
    at_once(*[reaper.enqueue_lost_work] * 4)
    assert Counter(rung) == dict.fromkeys(rung, 1)
    assert len(rung) == pieces


@pytest.mark.django_db(transaction=True)
def test_rows_are_sent_once_however_many_send_them(rung, analyser):
    submission_actions.start_checking(album(5).pk)
    CheckRun.objects.update(rung_at=None)
    rung.clear()
    runs = CheckRun.objects.filter(needs_audio=False).measured()
    at_once(*[functools.partial(dispatch.send_work_messages, "intake.run_check", runs)] * 4)
    assert len(rung) == len(set(rung)) == CheckRun.objects.filter(needs_audio=False).count()


# --- with the real broker of the installation under test --------------------------------------------------------------


@contextmanager
def a_channel() -> Iterator[Any]:
    with current_app.connection_for_read() as broker, broker.channel() as channel:
        yield channel


@pytest.fixture
def broker(analyser) -> Iterator[Any]:
    """A channel to the broker, whose queues are empty before and after."""
    with a_channel() as channel:
        for name in ("work", "fast"):
            channel.queue_declare(name)
            channel.queue_purge(name)
        yield channel
        for name in ("work", "fast"):
            channel.queue_purge(name)


def call_of(message: Any) -> Call:
    return message.headers["task"], tuple(json.loads(message.body)[0])


def waiting(channel: Any) -> int:
    return sum(channel.queue_declare(name).message_count for name in ("work", "fast"))


def test_queue_is_empty_until_a_message_waits_and_again_when_it_is_taken(broker):
    assert enqueue.is_empty("work")
    current_app.send_task("intake.index")
    assert not enqueue.is_empty("work")
    assert enqueue.is_empty("fast")
    broker.basic_ack(broker.basic_get("work").delivery_tag)
    assert enqueue.is_empty("work")


def test_queue_of_a_broker_that_does_not_answer_is_not_called_empty(monkeypatch):
    class Dead:
        connection_errors = channel_errors = (ConnectionError,)

        def __enter__(self) -> Dead:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def channel(self) -> Any:
            raise ConnectionError("refused")

    monkeypatch.setattr(current_app, "connection_or_acquire", Dead)
    assert not enqueue.is_empty("work")


@pytest.mark.django_db(transaction=True)
def test_stalled_worker_that_goes_on_after_a_quarter_of_an_hour_ends_everything(broker, clock):
    label, delivered = a_label(), 8
    deliver(label, delivered)
    for call in [call_of(broker.basic_get("fast", no_ack=True)) for _ in range(delivered)]:
        answer(call)
    pieces = waiting(broker)
    assert pieces == Analysis.objects.count() + CheckRun.objects.filter(needs_audio=False).count()
    for _ in range(90):
        clock.forward(seconds=10)
        reaper.enqueue_lost_work()
    # The embedded broker keeps one of the same; for any other the sweep has sent each again after 20, 60, 140 … s.
    assert waiting(broker) <= (pieces if settings.GATE_BROKER_EMBEDDED else 6 * pieces)
    while work_off(broker):
        continue
    ended = Submission.objects.exclude(state__in=(State.RECEIVED, State.CHECKING))
    assert ended.count() == delivered
    assert set(Analysis.objects.values_list("attempts", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_workers_killed_thirty_times_leave_no_more_messages_than_work_and_lose_none(broker, clock):
    """Kills at every point: before the row is claimed, after it, and after the work but before the acknowledgement."""
    label, delivered, chance = a_label(), 20, random.Random(1)
    deliver(label, delivered)
    most = 0
    for _ in range(30):
        for _ in range(chance.randrange(4)):
            work_off(broker)
        for name in ("fast", "work"):
            kill(broker, name, chance)
        for _ in range(4):
            clock.forward(seconds=10)
            reaper.enqueue_lost_work()
        most = max(most, waiting(broker))
    pieces = Submission.objects.count() + Analysis.objects.count() + CheckRun.objects.count()
    # The embedded broker keeps one of the same; any other has as many as the waits within 20 minutes, which double.
    assert most <= (pieces if settings.GATE_BROKER_EMBEDDED else 6 * pieces)
    for _ in range(20):
        while work_off(broker):
            continue
        clock.forward(seconds=41)
        reaper.enqueue_lost_work()
    assert not Submission.objects.filter(state__in=(State.RECEIVED, State.CHECKING)).exists()
    assert Submission.objects.count() == delivered
    assert not Analysis.objects.filter(status=Status.DEAD).exists()


def deliver(label: Label, count: int) -> None:
    """Deliver albums of two tracks that share a cover: it is measured once, for it is really decoded."""
    cover = files_of(a_document())["cover.png"]
    for number in range(1, count + 1):
        document = a_document(f"Tide {number}", number, tracks=2)
        contents = files_of(document) | {"cover.png": cover}
        submission_actions.submit_delivery(
            label, document, {name: a_blob(content) for name, content in contents.items()}
        )


def work_off(channel: Any) -> bool:
    """Take one message and carry it out; returns whether there was one."""
    message = channel.basic_get("fast") or channel.basic_get("work")
    if message is None:
        return False
    if message.headers["task"] != "intake.deliver":
        answer(call_of(message))
    channel.basic_ack(message.delivery_tag)
    return True


def kill(channel: Any, queue_name: str, chance: random.Random) -> None:
    """Let a worker take a message and die over it: the broker gives it to the next one, or has lost it."""
    message = channel.basic_get(queue_name)
    if message is None:
        return
    name, arguments = call_of(message)
    moment = chance.choice(("before", "claimed", "done"))
    if moment == "claimed" and name == "intake.analyse" and Analysis.objects.get(pk=arguments[0]).attempts < 2:
        Analysis.objects.claim(arguments[0], pipeline.LEASE)
    elif moment == "done":
        answer((name, arguments))
    channel.basic_reject(message.delivery_tag, requeue=chance.random() < 0.5)
