"""Every store gives the same answers: the conformance class, and all of them side by side."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from checks.fingerprint import index
from checks.fingerprint.clickhouse import ClickHouseStore
from checks.fingerprint.index import Candidate, build_index_keys
from checks.fingerprint.local_store import LocalStore
from checks.fingerprint.store import MemoryStore, Store
from tests.checks.fingerprint.sounds import degraded, part, recording, silence

SONGS = [recording(seed, items) for seed, items in enumerate([1432, 1432, 900, 150, 60, 1432, 300, 40, 1432, 2000])]

Make = Callable[[Path], Store]


def clickhouse(path: Path) -> Store:
    """Embedded, in one folder for the whole run (it allows no second), with tables of its own for each test."""
    pytest.importorskip("chdb")
    return ClickHouseStore(f"chdb:///{EMBEDDED.name}/chdb?database=gate_{next(NUMBERS)}")


def clickhouse_server(path: Path) -> Store:
    url = os.environ.get("GATE_TEST_CLICKHOUSE_URL")
    if not url:
        pytest.skip("GATE_TEST_CLICKHOUSE_URL names no server")
    return ClickHouseStore(f"{url.rstrip('/')}/gate_test_{os.getpid()}_{next(NUMBERS)}")


EMBEDDED = tempfile.TemporaryDirectory(prefix="gate-chdb-", ignore_cleanup_errors=True)
NUMBERS = itertools.count()


@pytest.fixture(
    params=[
        pytest.param(lambda path: MemoryStore(), id="memory"),
        pytest.param(LocalStore, id="local"),
        pytest.param(lambda path: LocalStore(path, flush=1), id="local, all in segments"),
        pytest.param(clickhouse, id="ClickHouse, embedded"),
        pytest.param(clickhouse_server, id="ClickHouse, a server"),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    make: Make = request.param
    made = make(tmp_path / "index")
    yield made
    if isinstance(made, ClickHouseStore):
        made._command(f"DROP DATABASE {made._database} SYNC")
        made.close()


class TestStore:
    """What every store must do."""

    def test_empty_store_finds_nothing(self, store: Store):
        assert store.search(SONGS[0]) == []

    def test_sets_of_keys_are_answered_one_by_one(self, store: Store):
        for document, song in enumerate(SONGS):
            store.add(document, song)
        asked = [build_index_keys(song, store.modulus).values for song in SONGS]
        answers = store.search_keys([*asked, asked[0][:0]], 5)
        assert [[c.document for c in found] for found in answers] == [[n] for n in range(len(SONGS))] + [[]]
        assert answers[0][0].hits == asked[0].size

    def test_fewer_shared_keys_than_demanded_are_no_candidate(self, store: Store):
        store.add(1, SONGS[0])
        some = build_index_keys(SONGS[0], store.modulus).values[:8]
        assert store.search_keys([some], 8) == [[Candidate(1, 8)]]
        assert store.search_keys([some], 9) == [[]]
        assert store.search_keys([], 1) == []

    def test_learned_recording_is_found_by_itself(self, store: Store):
        for document, song in enumerate(SONGS):
            store.add(document, song)
        for document, song in enumerate(SONGS):
            (found,) = store.search(song)
            assert found.document == document

    def test_hits_count_distinct_keys(self, store: Store):
        store.add(7, SONGS[0] * 3)
        store.add(8, SONGS[0])
        once, thrice = store.search(SONGS[0]), store.search(SONGS[0] * 3)
        assert once == thrice
        assert once[0].hits == once[1].hits

    def test_candidates_come_best_first(self, store: Store):
        for document, share in ((1, 600), (2, 1432), (3, 1000)):
            store.add(document, part(SONGS[0], 0, share))
        assert [candidate.document for candidate in store.search(SONGS[0])] == [2, 3, 1]

    def test_excerpt_finds_the_whole(self, store: Store):
        store.add(1, SONGS[0])
        store.add(2, SONGS[1])
        for start in (0, 333, 1100):
            assert [c.document for c in store.search(part(SONGS[0], start, start + 240))] == [1]

    def test_whole_finds_the_short_recording_in_it(self, store: Store):
        store.add(4, SONGS[4])
        assert [c.document for c in store.search(SONGS[0] + SONGS[4] + SONGS[1])] == [4]

    def test_noisy_copy_is_found(self, store: Store):
        store.add(1, SONGS[0])
        assert [c.document for c in store.search(degraded(SONGS[0], 0.05))] == [1]

    def test_stranger_finds_nothing(self, store: Store):
        for document, song in enumerate(SONGS):
            store.add(document, song)
        assert store.search(recording(99)) == []

    def test_removed_recording_is_not_found(self, store: Store):
        store.add(1, SONGS[0])
        store.add(2, SONGS[1])
        store.remove(1)
        assert store.search(SONGS[0]) == []
        assert [c.document for c in store.search(SONGS[1])] == [2]

    def test_removing_a_stranger_changes_nothing(self, store: Store):
        store.add(1, SONGS[0])
        store.remove(2)
        assert [c.document for c in store.search(SONGS[0])] == [1]

    def test_removed_recording_can_be_learned_again(self, store: Store):
        store.add(1, SONGS[0])
        store.remove(1)
        store.add(1, SONGS[0])
        assert [c.document for c in store.search(SONGS[0])] == [1]

    def test_adding_again_replaces(self, store: Store):
        store.add(1, SONGS[0])
        store.add(1, SONGS[1])
        assert store.search(SONGS[0]) == []
        assert [c.document for c in store.search(SONGS[1])] == [1]

    def test_silence_finds_nothing_and_is_found_by_nothing(self, store: Store):
        store.add(1, silence(1432))
        store.add(2, silence(700) + SONGS[0])
        assert store.search(silence(1432)) == []
        assert [c.document for c in store.search(SONGS[0])] == [2]

    def test_broken_fingerprint_is_refused_and_changes_nothing(self, store: Store):
        store.add(1, SONGS[0])
        with pytest.raises(ValueError, match="4-byte"):
            store.add(1, SONGS[1][:-1])
        assert [c.document for c in store.search(SONGS[0])] == [1]

    def test_work_is_spent_on_the_rarest_keys(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        """Five recordings share half of their sound; a query for it may look at half as many postings as there are."""
        common = part(SONGS[0], 0, 716)
        for document in range(5):
            store.add(document, common + recording(100 + document, 716))
        query = common + recording(102, 716)
        (first, *others) = store.search(query)
        assert len(others) == 4
        monkeypatch.setattr(index, "LEAST_WORK", 0)
        monkeypatch.setattr(index, "WORK_PER_KEY", 2)
        spared = store.search(query)
        shared = first.hits - np.count_nonzero(build_index_keys(common, 1).values % np.uint32(store.modulus) == 0)
        assert spared[0].document == 2
        assert shared < spared[0].hits < first.hits
        assert {candidate.hits for candidate in spared[1:]} == {spared[0].hits - shared}

    def test_large_numbers_are_kept(self, store: Store):
        store.add(2**62 + 1, SONGS[0])
        assert store.search(SONGS[0])[0].document == 2**62 + 1


numbers = st.integers(0, 12)
songs = st.sampled_from(range(len(SONGS)))


class SideBySide(RuleBasedStateMachine):
    """Any sequence of changes, reopenings and compactions: a local store answers as the one in memory does."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "index"
        self.memory = MemoryStore()
        self.local = LocalStore(self.path, flush=3)
        self.other = LocalStore(self.path, flush=5)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(number=numbers, song=songs)
    def learn(self, number: int, song: int) -> None:
        self.memory.add(number, SONGS[song])
        self.local.add(number, SONGS[song])

    @rule(number=numbers, song=songs)
    def learn_in_another_process(self, number: int, song: int) -> None:
        self.memory.add(number, SONGS[song])
        self.other.add(number, SONGS[song])

    @rule(learned=st.dictionaries(numbers, songs, min_size=1, max_size=9))
    def learn_many(self, learned: dict[int, int]) -> None:
        assert self.local.extend((number, SONGS[song]) for number, song in learned.items()) == len(learned)
        for number, song in learned.items():
            self.memory.add(number, SONGS[song])

    @rule(number=numbers)
    def forget(self, number: int) -> None:
        self.memory.remove(number)
        self.local.remove(number)

    @rule()
    def compact(self) -> None:
        self.other.compact()
        assert self.local.stats().removed == 0

    @rule()
    def reopen(self) -> None:
        self.local = LocalStore(self.path, flush=3)

    @invariant()
    def answers_agree(self) -> None:
        if not hasattr(self, "folder"):
            return
        assert len(self.local) == len(self.memory) == self.local.stats().recordings
        for song in SONGS:
            expected: list[Candidate] = self.memory.search(song)
            assert self.local.search(song) == expected
            assert self.other.search(song) == expected
        assert self.local.verify() == []


TestSideBySide = SideBySide.TestCase
TestSideBySide.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
