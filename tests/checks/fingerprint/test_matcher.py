"""Candidates first, then an honest comparison, best first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from checks.fingerprint.comparison import compare_fingerprints
from checks.fingerprint.matcher import find_matches
from checks.fingerprint.store import MemoryStore
from tests.checks.fingerprint.sounds import degraded, part, recording, silence


@dataclass
class Shelf:
    """Complete fingerprints by number, and which were asked for."""

    prints: dict[int, bytes] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def load(self, wanted: Sequence[int]) -> Mapping[int, bytes]:
        self.asked += wanted
        return {number: self.prints[number] for number in wanted if number in self.prints}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({number: recording(number) for number in range(20)})


@pytest.fixture
def store(shelf: Shelf) -> MemoryStore:
    store = MemoryStore()
    for number, fingerprint in shelf.prints.items():
        store.add(number, fingerprint)
    return store


def test_copy_is_found_and_strangers_are_not_even_compared(store: MemoryStore, shelf: Shelf):
    ((number, comparison),) = find_matches(store, shelf.load, degraded(recording(4), 0.05))
    assert (number, comparison.certain, comparison.speed) == (4, True, 1.0)
    assert shelf.asked == [4]


def test_better_match_comes_first(store: MemoryStore, shelf: Shelf):
    query = part(recording(7), 0, 300) + part(recording(3), 0, 1000)
    assert [number for number, _ in find_matches(store, shelf.load, query)] == [3, 7]


def test_candidate_that_shares_keys_but_no_stretch_is_dropped(store: MemoryStore, shelf: Shelf):
    scattered = b"".join(part(recording(4), n, n + 1) for n in range(0, 1432, 2))[::-1]
    scattered = b"".join(scattered[at : at + 4][::-1] for at in range(0, len(scattered), 4))
    assert [candidate.document for candidate in store.search(scattered)] == [4]
    assert find_matches(store, shelf.load, scattered) == []


def test_recording_forgotten_meanwhile_is_left_out(store: MemoryStore, shelf: Shelf):
    del shelf.prints[4]
    assert find_matches(store, shelf.load, recording(4)) == []


def test_degenerate_query_finds_nothing(store: MemoryStore, shelf: Shelf):
    assert find_matches(store, shelf.load, silence(1432), suggested=[4]) == []
    assert shelf.asked == []


def test_suggested_recording_is_compared_whatever_the_index_says(shelf: Shelf):
    query = degraded(recording(4), 0.2)
    assert find_matches(MemoryStore(), shelf.load, query) == []
    ((number, comparison),) = find_matches(MemoryStore(), shelf.load, query, suggested=[3, 4])
    assert (number, comparison.found) == (4, True)


def test_suggested_recording_that_chance_may_resemble_so_is_not_told(shelf: Shelf):
    alike = degraded(part(recording(4), 200, 290), 0.26)  # eleven seconds, as near as two pieces of one style come
    query = part(recording(50), 0, 400) + alike + part(recording(51), 0, 400)
    assert compare_fingerprints(query, recording(4), exhaustive=True).found
    assert find_matches(MemoryStore(), shelf.load, query, suggested=[4]) == []
