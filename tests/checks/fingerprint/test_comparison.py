"""What a comparison says of copies, cuts, excerpts, strangers and sounds with nothing in them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.fingerprint.comparison import Comparison, compare_fingerprints, is_degenerate
from tests.checks.fingerprint.sounds import (
    bent,
    degraded,
    ends,
    part,
    recording,
    silence,
    starts,
    stationary,
    stretched,
    tone,
)

SONG = recording(1)
TOLERANCE = 1.1  # seconds: the ends of a stretch are found to a step


def test_copy_covers_everything():
    comparison = compare_fingerprints(SONG, SONG)
    assert comparison.certain
    assert (comparison.coverage, comparison.reference_coverage, comparison.bit_error_rate) == (1.0, 1.0, 0.0)
    assert comparison.score == 1.0
    (segment,) = comparison.segments
    assert (segment.start, segment.reference_start) == (0.0, 0.0)
    assert segment.end == segment.reference_end == pytest.approx(ends(1432), abs=0.01)
    assert set(comparison.blocks) == {0.0}


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.13])
def test_degraded_copy_is_certain_and_scored_by_its_errors(rate: float):
    comparison = compare_fingerprints(degraded(SONG, rate), SONG)
    assert comparison.certain
    assert comparison.bit_error_rate == pytest.approx(rate, abs=0.01)
    assert comparison.score == pytest.approx(1 - 2 * rate, abs=0.03)


def test_resemblance_beyond_the_same_recording_is_for_a_listener():
    comparison = compare_fingerprints(degraded(SONG, 0.22), SONG)
    assert comparison.found
    assert not comparison.certain


def test_stranger_shares_nothing():
    for seed in range(2, 12):
        assert compare_fingerprints(recording(seed), SONG) == Comparison()


def test_stranger_shares_nothing_at_any_offset():
    assert compare_fingerprints(recording(2), SONG, exhaustive=True) == Comparison()


@pytest.mark.parametrize("before", [1, 57, 700])
def test_padded_copy_is_found_where_it_begins(before: int):
    (segment,) = compare_fingerprints(recording(2, before) + SONG, SONG).segments
    assert segment.start == pytest.approx(starts(before), abs=TOLERANCE)
    assert segment.reference_start == pytest.approx(0.0, abs=TOLERANCE)
    assert segment.reference_end == pytest.approx(ends(1432), abs=TOLERANCE)


def test_excerpt_is_found_in_the_middle():
    comparison = compare_fingerprints(degraded(part(SONG, 500, 740), 0.05), SONG)
    assert comparison.certain
    assert comparison.coverage == pytest.approx(1.0, abs=0.02)
    assert comparison.reference_coverage == pytest.approx(240 / 1432, abs=0.02)
    assert comparison.score > 0.85
    (segment,) = comparison.segments
    assert segment.reference_start == pytest.approx(starts(500), abs=TOLERANCE)


def test_cut_copy_gives_a_segment_for_each_piece():
    comparison = compare_fingerprints(part(SONG, 0, 400) + part(SONG, 600, 1432), SONG)
    first, second = comparison.segments
    assert first.reference_end == pytest.approx(ends(400), abs=2 * TOLERANCE)
    assert second.reference_start == pytest.approx(starts(600), abs=2 * TOLERANCE)
    assert first.end <= second.start
    assert second.reference_end - second.start == pytest.approx(ends(1432) - starts(400), abs=2 * TOLERANCE)


def test_rearranged_copy_gives_its_pieces_in_their_new_order():
    comparison = compare_fingerprints(part(SONG, 900, 1432) + part(SONG, 0, 500), SONG)
    assert [segment.reference_start > 100 for segment in comparison.segments] == [True, False]


def test_sample_in_something_else_is_found_with_its_place():
    host = recording(3, 600) + degraded(part(SONG, 300, 450), 0.03) + recording(4, 600)
    comparison = compare_fingerprints(host, SONG)
    assert comparison.certain
    (segment,) = comparison.segments
    assert segment.start == pytest.approx(starts(600), abs=TOLERANCE)
    assert segment.end == pytest.approx(ends(750), abs=TOLERANCE)
    assert segment.reference_start == pytest.approx(starts(300), abs=TOLERANCE)
    assert comparison.coverage == pytest.approx(150 / 1350, abs=0.02)


def test_slightly_slower_copy_is_one_segment():
    comparison = compare_fingerprints(stretched(SONG, 1.02), SONG)
    assert comparison.certain
    (segment,) = comparison.segments
    assert segment.end - segment.start == pytest.approx(
        1.02 * (segment.reference_end - segment.reference_start), rel=0.01
    )


def test_copy_without_one_equal_sub_print_is_found_exhaustively():
    every_top_bit_wrong = b"".join(
        (int.from_bytes(SONG[at : at + 4], "little") ^ 0x80000000 >> (at // 4 % 8)).to_bytes(4, "little")
        for at in range(0, len(SONG), 4)
    )
    assert not compare_fingerprints(every_top_bit_wrong, SONG).found
    assert compare_fingerprints(every_top_bit_wrong, SONG, exhaustive=True).certain


@pytest.mark.parametrize("items", [30, 50, 91])
def test_short_recording_is_found_in_itself_and_in_a_longer_one(items: int):
    jingle = part(SONG, 100, 100 + items)
    for reference in (jingle, SONG):
        comparison = compare_fingerprints(degraded(jingle, 0.03), reference)
        assert comparison.certain
        assert comparison.coverage > 0.9


def test_short_strangers_share_nothing():
    for a, b in itertools.combinations([recording(seed, 40) for seed in range(12)], 2):
        assert not compare_fingerprints(a, b, exhaustive=True).found


@pytest.mark.parametrize(
    "fingerprint",
    [b"", silence(1432), tone(1432), tone(1432, 23), recording(1, 15), silence(700) + recording(1, 15) + silence(700)],
    ids=["empty", "silence", "tone", "few states", "too short", "a moment of sound"],
)
def test_degenerate_fingerprint_never_matches(fingerprint: bytes):
    assert is_degenerate(fingerprint)
    assert compare_fingerprints(fingerprint, fingerprint) == Comparison()
    assert compare_fingerprints(fingerprint, SONG, exhaustive=True) == Comparison()


def test_shared_silence_is_no_evidence():
    assert not is_degenerate(silence(700) + part(SONG, 0, 700))
    a, b = silence(700) + recording(5, 700), silence(700) + recording(6, 700)
    assert not compare_fingerprints(a, b, exhaustive=True).found


def test_shared_hum_is_no_evidence():
    assert not compare_fingerprints(tone(700) + recording(5, 700), tone(700) + recording(6, 700), exhaustive=True).found


def test_rest_inside_does_not_break_a_copy():
    with_rest = part(SONG, 0, 500) + silence(40) + part(SONG, 500, 1000)
    assert (
        len(
            compare_fingerprints(
                degraded(part(SONG, 0, 500), 0.02) + silence(40) + part(SONG, 500, 1000), with_rest
            ).segments
        )
        == 1
    )


def test_undone_change_is_told_in_the_times_of_the_delivered_file():
    faster = compare_fingerprints(SONG, SONG).at(1.25, 0.5)
    assert (faster.speed, faster.pitch) == (1.25, 0.5)
    assert faster.segments[0].end == pytest.approx(ends(1432) / 1.25, abs=0.01)
    assert faster.segments[0].reference_end == pytest.approx(ends(1432), abs=0.01)


def test_broken_fingerprint_is_refused():
    with pytest.raises(ValueError, match="4-byte"):
        compare_fingerprints(SONG[:-1], SONG)


@given(
    pieces=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300), st.integers(1, 200)), min_size=1, max_size=6),
    rate=st.sampled_from([0.0, 0.05, 0.2]),
)
def test_segments_lie_within_both_recordings_and_in_order(pieces: list[tuple[int, int, int]], rate: float):
    song = recording(0, 500)
    query = b"".join(
        part(song, start, start + length) if which < 3 else silence(length) if which == 3 else recording(which, length)
        for which, start, length in pieces
    )
    comparison = compare_fingerprints(degraded(query, rate), song)
    assert 0 <= comparison.score <= 1
    assert comparison.found or not comparison.certain
    for segment in comparison.segments:
        assert 0 <= segment.start < segment.end <= ends(len(query) // 4) + 0.01
        assert 0 <= segment.reference_start < segment.reference_end <= ends(500) + 0.01
    assert all(a.end <= b.start for a, b in itertools.pairwise(comparison.segments))


@pytest.mark.parametrize(
    ("rate", "found", "matched", "certain"),
    [(0.1, True, True, True), (0.2, True, True, False), (0.29, True, True, False), (0.342, True, False, False)],
)
def test_bands_follow_the_errors(rate: float, found: bool, matched: bool, certain: bool):
    # Suggested by something else: with so many errors few leading bits are left to propose an offset.
    comparison = compare_fingerprints(degraded(SONG, rate), SONG, exhaustive=True)
    assert (comparison.found, comparison.matched, comparison.certain) == (found, matched, certain)


def test_errors_beyond_the_bands_are_chance():
    assert not compare_fingerprints(degraded(SONG, 0.42), SONG, exhaustive=True).found


@pytest.mark.parametrize("sub_prints", [1, 1.5, 2])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.12])
def test_tempo_that_comes_and_goes_is_another_performance_and_no_certain_copy(sub_prints: float, rate: float):
    comparison = compare_fingerprints(degraded(bent(SONG, sub_prints), rate), SONG)
    assert comparison.found
    assert comparison.bends
    assert not comparison.certain


@pytest.mark.parametrize("factor", [0.996, 0.998, 1.0, 1.002, 1.004])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.12])
def test_copy_at_a_slightly_other_speed_does_not_bend(factor: float, rate: float):
    comparison = compare_fingerprints(degraded(stretched(SONG, factor), rate), SONG)
    assert comparison.found
    assert not comparison.bends


def test_copy_with_a_piece_left_out_does_not_bend():
    for cut in (1, 2, 5, 40):
        comparison = compare_fingerprints(part(SONG, 0, 700) + part(SONG, 700 + cut, 1432), SONG)
        assert (comparison.certain, comparison.bends) == (True, False), cut


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.15, 0.2, 0.25])
def test_sound_that_resembles_itself_everywhere_is_found_in_no_other_of_its_kind(rate: float):
    one, other = stationary(1, rate), stationary(2, rate)
    assert not compare_fingerprints(one, other).found
    assert not compare_fingerprints(part(one, 100, 500), other).found
    copy = compare_fingerprints(degraded(one, rate / 10), one)
    assert copy.certain, "a copy agrees far better with its original than with anything else"
