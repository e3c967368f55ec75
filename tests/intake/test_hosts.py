"""Several hosts, each with an index of its own, on one database: none misses a copy, whatever happens on which host."""

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from checks.fingerprint import journal
from checks.fingerprint.clickhouse import ClickHouseStore
from checks.fingerprint.journal import Mark
from checks.fingerprint.local_store import LocalStore
from checks.fingerprint.store import Behind
from intake.core.states import State
from intake.models import CatalogueChange, CheckRun, KnownRecording
from intake.models.leased_work import Status
from intake.readers import check_context
from intake.services.catalogue import index_log, known_recordings
from intake.services.checking import pipeline
from intake.services.operations import health
from tests.checks.fingerprint.sounds import recording
from tests.checks.fingerprint.test_stores import EMBEDDED, NUMBERS
from tests.intake.commands.console import command
from tests.intake.factories import facts_of
from tests.intake.test_cross_label import both, to_similarity, told

pytestmark = pytest.mark.django_db

SONGS = [recording(seed, 300) for seed in range(4)]


class Host:
    """A host: a folder of state, in which its index lies."""

    def __init__(self, folder, settings):
        self.folder, self._settings = folder / "index", settings

    @contextmanager
    def here(self) -> Iterator[None]:
        """What runs in the block runs on this host."""
        before, self._settings.GATE_INDEX = self._settings.GATE_INDEX, self.folder
        check_context.reopen_fingerprint_store()
        yield
        self._settings.GATE_INDEX = before
        check_context.reopen_fingerprint_store()


@pytest.fixture
def hosts(tmp_path, settings):
    return [Host(tmp_path / name, settings) for name in "ab"]


def learned(song: int) -> KnownRecording:
    return KnownRecording.objects.create(title=f"Song {song}", fingerprint=SONGS[song], duration=100.0)


def heard() -> dict[int, list[int]]:
    """The recordings that this host finds in every song, as a check asks it."""
    position = index_log.catch_up_index()
    known = check_context.Recordings(position=position)
    return {
        number: [int(match.recording) for match in known.matches(facts_of("", fingerprint=song))]
        for number, song in enumerate(SONGS)
    }


def answer() -> health.Answer:
    (found,) = (item for item in health.check_readiness() if item.name == "index")
    return found


# The case that was approved


def test_copy_is_found_on_a_host_that_indexed_nothing_yet(rung, analyser, hosts):
    """Indexed on one host; something is withdrawn, so that the numbers agree; the copy is checked on the other."""
    one, other = hosts
    row = learned(0)
    with other.here():
        index_log.catch_up_index()
    with one.here():
        first, second = both()
        pipeline.run_check(to_similarity(first, rung).pk)
        known_recordings.forget_recordings([row])
        known_recordings.index_new_recordings()
    with other.here():
        assert len(check_context.open_fingerprint_store()) == KnownRecording.objects.current().count() == 1
        assert "position 1 of 3" in answer().detail
        pipeline.run_check(to_similarity(second, rung).pk)
    assert told(second) == ["track:1"]
    second.refresh_from_db()
    assert second.state == State.IN_REVIEW


# Any order


OPERATIONS = st.one_of(
    st.tuples(st.sampled_from(["learn", "forget", "revive"]), st.integers(0, 3)),
    st.tuples(st.sampled_from(["ask", "append", "wipe", "keep", "restore", "kill", "tidy", "lose", "spoil"]),
              st.integers(0, 1)),
)  # fmt: skip


class Killed(BaseException):
    """The process ends here."""


@given(st.lists(OPERATIONS, min_size=1, max_size=25), st.data())
def test_no_order_of_events_on_two_hosts_misses_a_recording(operations, data):
    with pytest.MonkeyPatch.context() as patch, fresh_hosts() as hosts:
        rows: dict[int, KnownRecording] = {}
        for kind, number in [*operations, ("ask", 0), ("ask", 1)]:
            if kind in ("learn", "forget", "revive"):
                change(kind, number, rows)
                continue
            with hosts[number].here():
                if kind == "ask":
                    known = {row.pk for row in KnownRecording.objects.current()}
                    found = heard()
                    assert all(found[song] == [row.pk] * (row.pk in known) for song, row in rows.items())
                    assert set(check_context.open_fingerprint_store().documents().tolist()) == known
                    assert index_log.compare_index_with_log(exactly=True).faults == ()
                elif kind == "append":
                    index_log.append_to_log()
                elif kind == "kill":
                    killed(patch, data.draw(st.integers(1, 12)))
                else:
                    disturb(kind, hosts[number].folder)


@contextmanager
def fresh_hosts():
    CatalogueChange.objects.all().delete()
    KnownRecording.objects.all().delete()
    place = settings.GATE_TMP / f"hosts-{uuid.uuid4()}"
    before = settings.GATE_INDEX
    yield [Host(place / name, settings) for name in "ab"]
    settings.GATE_INDEX = before
    check_context.reopen_fingerprint_store()
    shutil.rmtree(place, ignore_errors=True)


def change(kind: str, song: int, rows: dict[int, KnownRecording]) -> None:
    """Learn, forget, or take a forgetting back, as the services do: a row, and nothing else."""
    if kind == "learn" and song not in rows:
        rows[song] = learned(song)
    elif kind != "learn" and song in rows:
        forgotten_at = timezone.now() if kind == "forget" else None
        KnownRecording.objects.filter(pk=rows[song].pk).update(forgotten_at=forgotten_at)


def killed(patch: pytest.MonkeyPatch, steps: int) -> None:
    """A process applies the log and ends at one of its writes to the disk."""
    real, left = os.fsync, [steps]

    def counted(descriptor):
        left[0] -= 1
        if not left[0]:
            raise Killed
        real(descriptor)

    with patch.context() as briefly:
        briefly.setattr(os, "fsync", counted)
        try:
            known_recordings.index_new_recordings()
        except Killed:
            check_context.reopen_fingerprint_store()


def disturb(kind: str, folder) -> None:
    """What happens to a folder under a process that has it open."""
    check_context.open_fingerprint_store()
    kept = folder.with_name("kept")
    if kind == "wipe":
        shutil.rmtree(folder)
    elif kind == "keep":
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
    elif kind == "restore" and kept.exists():
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
    elif kind == "tidy":
        check_context.open_fingerprint_store().compact()
    elif kind == "lose":
        for document in check_context.open_fingerprint_store().documents().tolist()[:1]:
            check_context.open_fingerprint_store().remove(document)
    elif kind == "spoil":
        check_context.open_fingerprint_store().add(10**9, SONGS[0])


@pytest.mark.parametrize("size", [1, 7, 3000])
def test_any_length_of_log_is_applied_page_by_page(hosts, size, monkeypatch):
    monkeypatch.setattr(index_log, "PAGE", 1000)
    chance = np.random.default_rng(0)
    KnownRecording.objects.bulk_create(
        KnownRecording(title=str(number), fingerprint=chance.integers(0, 2**32, 90, dtype="<u4").tobytes())
        for number in range(size)
    )
    for host in hosts:
        with host.here():
            known_recordings.index_new_recordings()
            assert len(check_context.open_fingerprint_store()) == size
            assert index_log.compare_index_with_log(exactly=True).behind == 0
    assert list(CatalogueChange.objects.order_by("position").values_list("position", flat=True)) == list(
        range(1, size + 1)
    )


# Another history


def test_database_that_was_restored_is_not_taken_for_the_one_before(hosts):
    """The log goes on differently from a position that an index has passed: the same numbers, other recordings."""
    (host, _) = hosts
    with host.here():
        rows = [learned(number) for number in range(2)]
        heard()
        CatalogueChange.objects.filter(recording=rows[1]).delete()
        KnownRecording.objects.filter(pk=rows[1].pk).update(fingerprint=SONGS[2], logged_at=None)
        assert heard() == {0: [rows[0].pk], 1: [], 2: [rows[1].pk], 3: []}
        CatalogueChange.objects.all().delete()
        KnownRecording.objects.update(logged_at=None)
        assert not answer().ok
        assert "another history" in command("index", "verify").out
        assert heard() == {0: [rows[0].pk], 1: [], 2: [rows[1].pk], 3: []}
        assert answer().ok


def test_index_of_an_earlier_version_is_taken_over_by_its_difference(hosts, monkeypatch):
    (host, _) = hosts
    rows = [learned(number) for number in range(3)]
    with monkeypatch.context() as earlier:
        earlier.setattr(journal, "FORMAT", 1)
        store = LocalStore(host.folder)
        store.extend([(rows[0].pk, SONGS[0]), (rows[1].pk, SONGS[1]), (rows[2].pk + 1, SONGS[3])])
    assert store.applied().mark is None
    with host.here():
        assert heard() == {0: [rows[0].pk], 1: [rows[1].pk], 2: [rows[2].pk], 3: []}
        assert check_context.open_fingerprint_store().documents().tolist() == [row.pk for row in rows]
        assert check_context.open_fingerprint_store().applied().mark is not None
        assert check_context.open_fingerprint_store().verify() == []


def test_log_that_contradicts_the_rows_stops_every_answer_until_it_is_begun_anew(hosts):
    (host, _) = hosts
    with host.here():
        rows = [learned(number) for number in range(2)]
        heard()
        CatalogueChange.objects.filter(position=2).update(digest=7)
        with pytest.raises(Behind, match="contradict"):
            heard()
        assert not answer().ok
        assert command("index", "rebuild").code == 0
        assert heard() == {0: [rows[0].pk], 1: [rows[1].pk], 2: [], 3: []}
        assert command("index", "verify").code == 0


# A host that lags


def assert_check_waits(run: CheckRun) -> None:
    """It is put off and no attempt is counted; then the wait ends."""
    run.refresh_from_db()
    assert run.next_attempt_at > timezone.now()
    assert (run.status, run.attempts, run.lease_token) == (Status.PENDING, 0, None)
    assert run.rung_at is not None
    assert run.submission.state == State.CHECKING
    assert not run.submission.findings.filter(code__startswith="check.").exists()
    CheckRun.objects.resume()


def test_check_waits_for_a_host_whose_index_is_current_and_is_answered_there(rung, analyser, hosts, monkeypatch):
    first, second = both()
    pipeline.run_check(to_similarity(first, rung).pk)
    run = to_similarity(second, rung)
    with monkeypatch.context() as full, hosts[1].here():
        full.setattr(LocalStore, "apply", _disk_full)
        for _ in range(pipeline.MAX_ATTEMPTS + 2):
            pipeline.run_check(run.pk)
            assert_check_waits(run)
    with hosts[0].here():
        pipeline.run_check(run.pk)
    assert told(second) == ["track:1"]


def _disk_full(*_):
    raise OSError(28, "No space left on device")


def test_host_that_is_far_behind_takes_no_check_and_says_so(rung, analyser, hosts, monkeypatch, client):
    monkeypatch.setattr(index_log, "MOST_BEHIND", 1)
    monkeypatch.setattr(index_log.catch_up_index, "__defaults__", (index_log.PATIENCE, 1))
    first, second = both()
    pipeline.run_check(to_similarity(first, rung).pk)
    learned(0)
    run = to_similarity(second, rung)
    with hosts[1].here():
        assert figures(client)["gate_catalogue_changes_waiting"] == 1
        pipeline.run_check(run.pk)
        assert_check_waits(run)
        assert "changes behind" in answer().detail
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]["index"]["ok"]) == (503, False)
        assert "BROKEN" in command("doctor").out
        assert figures(client)["gate_index_current"] == 0
        assert figures(client)["gate_index_behind_changes"] == 3
        index_log.catch_up_index(most_behind=None)
        assert answer().ok
        assert figures(client)["gate_index_current"] == 1
        assert figures(client)["gate_index_behind_changes"] == 0
        pipeline.run_check(run.pk)
    assert told(second) == ["track:1"]


def figures(client) -> dict[str, float]:
    lines = client.get("/metrics").content.decode().splitlines()
    return {
        name: float(value)
        for name, value in (line.split() for line in lines if line.startswith("gate_") and "{" not in line)
    }


@pytest.mark.parametrize("moment", ["before", "within"])
def test_folder_that_is_removed_during_a_check_costs_the_check_nothing(rung, analyser, hosts, monkeypatch, moment):
    first, second = both()
    with hosts[0].here():
        pipeline.run_check(to_similarity(first, rung).pk)
        run = to_similarity(second, rung)
        if moment == "before":
            shutil.rmtree(hosts[0].folder)
        else:
            real = index_log.catch_up_index

            def removed(*arguments):
                position = real(*arguments)
                shutil.rmtree(hosts[0].folder)
                return position

            monkeypatch.setattr(index_log, "catch_up_index", removed)
            pipeline.run_check(run.pk)
            assert_check_waits(run)
            monkeypatch.setattr(index_log, "catch_up_index", real)
        pipeline.run_check(run.pk)
    assert told(second) == ["track:1"]


def test_older_folder_that_is_put_back_during_a_check_gives_no_answer(rung, analyser, hosts, monkeypatch):
    first, second = both()
    with hosts[0].here():
        disturb("keep", hosts[0].folder)
        pipeline.run_check(to_similarity(first, rung).pk)
        run, real = to_similarity(second, rung), index_log.catch_up_index

        def restored(*arguments):
            position = real(*arguments)
            disturb("restore", hosts[0].folder)
            return position

        monkeypatch.setattr(index_log, "catch_up_index", restored)
        pipeline.run_check(run.pk)
        assert_check_waits(run)
        monkeypatch.setattr(index_log, "catch_up_index", real)
        pipeline.run_check(run.pk)
    assert told(second) == ["track:1"]


def test_damaged_index_is_no_fault_of_the_release(rung, analyser, hosts):
    first, second = both()
    with hosts[0].here():
        pipeline.run_check(to_similarity(first, rung).pk)
        run = to_similarity(second, rung)
        (hosts[0].folder / "manifest.json").write_text("{}")
        pipeline.run_check(run.pk)
        assert_check_waits(run)
        assert not answer().ok
        assert command("index", "rebuild").code == 0
        pipeline.run_check(run.pk)
    assert told(second) == ["track:1"]


def test_question_without_a_position_is_refused_where_the_index_lags(hosts):
    with hosts[0].here():
        learned(0)
        with pytest.raises(Behind):
            check_context.Recordings().matches(facts_of("", fingerprint=SONGS[0]))
        index_log.append_to_log()
        with pytest.raises(Behind):
            check_context.Recordings().matches(facts_of("", fingerprint=SONGS[0]))
        index_log.catch_up_index()
        assert check_context.Recordings().matches(facts_of("", fingerprint=SONGS[0]))


def test_differences_of_sets_of_one_size_are_seen(hosts):
    with hosts[0].here():
        row = learned(0)
        heard()
        check_context.open_fingerprint_store().remove(row.pk)
        check_context.open_fingerprint_store().add(row.pk + 1, SONGS[0])
        assert len(check_context.open_fingerprint_store()) == KnownRecording.objects.current().count()
        assert not answer().ok
        assert "BROKEN" in command("doctor").out
        found = command("index", "verify")
        assert found.code == 1
        assert f"not in the index: {row.pk}" in found.out
        assert f"not in the catalogue: {row.pk + 1}" in found.out
        assert known_recordings.reconcile_index() == 2
        assert heard()[0] == [row.pk]
        assert answer().ok


# What it costs


def test_current_index_costs_one_statement(hosts, django_assert_num_queries):
    with hosts[0].here():
        for number in range(3):
            learned(number)
        position = index_log.catch_up_index()
        with django_assert_num_queries(1):
            assert index_log.catch_up_index() == position == 3


# Commits out of order


@pytest.mark.django_db(transaction=True)
def test_recording_that_is_committed_late_under_a_lower_number_is_not_passed_over(hosts):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    begun, finish = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            learned(0)
            begun.set()
            finish.wait(30)
        connection.close()

    late = threading.Thread(target=slow)
    late.start()
    assert begun.wait(30)
    with hosts[0].here():
        second = learned(1)
        assert heard() == {0: [], 1: [second.pk], 2: [], 3: []}
        finish.set()
        late.join()
        first = KnownRecording.objects.get(title="Song 0")
        assert first.pk < second.pk
        assert heard() == {0: [first.pk], 1: [second.pk], 2: [], 3: []}


@pytest.mark.django_db(transaction=True)
def test_row_that_a_transaction_holds_is_waited_for(hosts):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    row, held, finish = learned(0), threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            KnownRecording.objects.filter(pk=row.pk).update(title="Another")
            held.set()
            finish.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    with hosts[0].here():
        with pytest.raises(Behind, match="held by a transaction"):
            index_log.catch_up_index(patience=0.1)
        finish.set()
        holder.join()
        assert heard()[0] == [row.pk]


@pytest.mark.django_db(transaction=True)
def test_many_write_the_log_at_once_and_it_has_neither_gap_nor_double(hosts):
    def write(number):
        for _ in range(5):
            row = KnownRecording.objects.create(title=str(number), fingerprint=SONGS[number % 4])
            index_log.append_to_log()
            KnownRecording.objects.filter(pk=row.pk).update(forgotten_at=timezone.now())
            index_log.append_to_log()
        connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list(CatalogueChange.objects.order_by("position"))
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == 40
    assert (rows[-1].count, rows[-1].digest) == (0, 0)


# An index that all hosts share


def test_clickhouse_keeps_the_mark_and_two_hosts_may_apply_the_same(settings):
    pytest.importorskip("chdb")
    settings.GATE_INDEX_URL = f"chdb:///{EMBEDDED.name}/chdb?database=gate_{next(NUMBERS)}"
    check_context.reopen_fingerprint_store()
    store = check_context.open_fingerprint_store()
    assert isinstance(store, ClickHouseStore)
    try:
        rows = [learned(number) for number in range(3)]
        assert heard() == {0: [rows[0].pk], 1: [rows[1].pk], 2: [rows[2].pk], 3: []}
        before = store.applied().mark
        KnownRecording.objects.filter(pk=rows[0].pk).update(forgotten_at=timezone.now())
        assert heard()[0] == []
        KnownRecording.objects.filter(pk=rows[0].pk).update(forgotten_at=None)
        assert heard()[0] == [rows[0].pk]
        removal = CatalogueChange.objects.get(known=False)
        store._apply([(rows[0].pk, None)], Mark(removal.position, removal.token), store._mark()[0])  # arrives late
        assert store.applied().mark != before
        assert heard()[0] == [rows[0].pk]
        store.remove(rows[1].pk)
        assert not answer().ok or command("index", "verify").code == 1
        assert known_recordings.reconcile_index() == 1
        assert heard()[1] == [rows[1].pk]
        CatalogueChange.objects.all().delete()
        KnownRecording.objects.update(logged_at=None)
        with pytest.raises(Behind, match="index rebuild"):
            index_log.catch_up_index()
        assert command("index", "rebuild").code == 0
        assert heard() == {0: [rows[0].pk], 1: [rows[1].pk], 2: [rows[2].pk], 3: []}
    finally:
        store._command(f"DROP DATABASE {store._database} SYNC")
        check_context.reopen_fingerprint_store()


# Following


def test_follower_keeps_an_idle_host_current_and_lets_another_take_over(hosts, transactional_db):
    from tests.ops.waiting import until

    with hosts[0].here():
        followers = [index_log.Follower(), index_log.Follower()]
        for follower in followers:
            follower.start()
        learned(0)
        until(lambda: len(LocalStore(hosts[0].folder)) == 1)
        followers[0].stop()
        learned(1)
        until(lambda: len(LocalStore(hosts[0].folder)) == 2)
        followers[1].stop()
