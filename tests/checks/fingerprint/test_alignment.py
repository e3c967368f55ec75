"""The compiled comparison gives what its plain definition gives, whatever it is fed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.fingerprint import alignment, bit_operations
from checks.fingerprint.comparison import (
    LONGEST_RUN,
    best_block_error_rate,
    compare_fingerprints,
    find_informative_items,
)
from tests.checks.fingerprint import plain
from tests.checks.fingerprint.sounds import degraded, part, recording


@st.composite
def prints(draw: st.DrawFn, least: int = 0) -> bit_operations.UInt32s:
    """Sub-prints of few values, so that they repeat, with silence and runs among them."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = np.append(
        chance.integers(0, 2**32, draw(st.integers(1, 60)), dtype=np.uint32), np.uint32(bit_operations.SILENCE)
    )
    return np.repeat(chance.choice(values, draw(st.integers(least, 90))), draw(st.sampled_from([1, 1, 3, 12])))


@given(prints())
def test_what_says_anything_is_neither_silence_nor_the_inside_of_a_held_tone(a: bit_operations.UInt32s):
    expected = (a != bit_operations.SILENCE) & (bit_operations.run_lengths(a) <= LONGEST_RUN)
    assert (find_informative_items(a) == expected).all()


@given(prints(), st.integers(1, 30))
def test_different_sub_prints_are_counted_as_far_as_one_asks(a: bit_operations.UInt32s, most: int):
    heard = find_informative_items(a)
    assert alignment.count_distinct(a, heard, most) == min(most, np.unique(a[heard]).size)


@given(prints(), prints(), st.sampled_from([8, 12, 16]), st.sampled_from([10, 100, 1_000_000]))
def test_offsets_are_voted_for_by_equal_leading_bits(a, b, bits: int, budget: int):
    given_ = a, b, find_informative_items(a), find_informative_items(b), bits, budget
    assert (alignment.count_offset_votes(*given_) == plain.votes(*given_)).all()


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 9), st.integers(1, 20))
def test_peaks_are_the_highest_votes_with_their_neighbours(votes: list[int], least: int, most: int):
    found = np.array(votes, np.int64)
    heights = found + np.append(found[1:], 0)[: found.size] + np.append(0, found[:-1])[: found.size]
    expected = np.argsort(-heights, kind="stable")[:most]
    assert alignment.find_vote_peaks(found, least, most).tolist() == expected[heights[expected] >= least].tolist()


@given(prints(1), prints(1), st.integers(1, 64), st.integers(1, 24))
def test_best_block_is_found_at_every_offset(a, b, width: int, least: int):
    width = min(width, a.size)
    offsets = np.arange(-a.size, b.size + 1)
    given_ = a, b, find_informative_items(a), find_informative_items(b), offsets, width, min(least, width)
    assert alignment.best_blocks(*given_) == pytest.approx(plain.best_blocks(*given_), abs=1e-6)


@given(prints(1), prints(1))
def test_two_held_against_each_other_differ_where_they_do(a, b):
    offsets = np.arange(-a.size - 1, b.size + 2)
    wrong, both, inside = alignment.compare_at_offsets(
        a, b, find_informative_items(a), find_informative_items(b), offsets
    )
    within = bit_operations.gather_rows(np.ones(b.size, np.bool_), offsets, a.size)
    heard = bit_operations.gather_rows(find_informative_items(b), offsets, a.size) & find_informative_items(a)
    assert (inside == within).all()
    assert (both == heard).all()
    assert (wrong == np.where(heard, plain.bit_errors(a, b, offsets), 0)).all()


@given(st.integers(1, 8), st.integers(1, 20), st.integers(0, 2**32))
def test_path_is_the_best_there_is(states: int, steps: int, seed: int):
    chance = np.random.default_rng(seed)
    gains = chance.normal(0, 2, (states, steps))
    slips = np.where(chance.random(states - 1) < 0.5, 0.5, np.inf)
    way = alignment.find_best_path(gains, slips, 3.0)
    assert way.shape == (steps,)
    assert worth(way, gains, slips, 3.0) == pytest.approx(plain.path(gains, slips, 3.0)[0])


def worth(way, gains, slips, jump: float) -> float:
    """What a path gains, its changes paid for. Before the first step every state is free."""
    total = sum(gains[state, step] for step, state in enumerate(way) if state >= 0)
    for before, after in itertools.pairwise(way):
        if before == after or after < 0:
            continue
        slip = slips[min(before, after)] if before >= 0 and abs(before - after) == 1 else np.inf
        total -= min(jump, slip)
    return float(total)


def test_a_look_says_how_near_the_best_block_comes():
    song = recording(1)
    assert best_block_error_rate(song, song) == 0.0
    assert best_block_error_rate(degraded(part(song, 300, 900), 0.1), song) == pytest.approx(0.1, abs=0.03)
    assert best_block_error_rate(song, recording(2)) > 0.35
    assert best_block_error_rate(part(song, 0, 5), song) == 1.0  # nothing that could be compared


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.2])
def test_exhaustive_comparison_finds_what_the_proposed_offsets_find(rate: float):
    song = recording(1)
    copy = degraded(part(song, 200, 700), rate)
    thorough, quick = compare_fingerprints(copy, song, exhaustive=True), compare_fingerprints(copy, song)
    assert thorough.matched
    assert quick.segments == thorough.segments
