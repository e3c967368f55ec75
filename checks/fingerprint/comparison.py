"""Two fingerprints side by side: which stretches sound the same, where they stand in each, and how sure that is.

The reference may be cut, shortened, padded or mixed into something longer, so the question is never "are these two
files equal" but "along which path of offsets do they agree". Equal leading bits propose the offsets, a path through
them is laid so that it agrees best (staying is free, jumping costs), and what the path covers is then judged by
its bit error rate in blocks of eight seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from checks.fingerprint import alignment, bit_operations, time_map
from checks.fingerprint.bit_operations import Bools, Floats, Int32s, Int64s, Singles, UInt32s
from checks.model.check import Segment

#: Seconds from one sub-print to the next: Chromaprint's hop of 1365 samples at 11 025 Hz.
ITEM_SECONDS = 1365 / 11025

#: What one sub-print hears: 20 frames (4 + 16), the last of them 4096 samples long.
SPAN_SECONDS = 19 * ITEM_SECONDS + 4096 / 11025

#: A block: 64 sub-prints, 7.9 s. The bands below were measured on blocks of eight seconds.
BLOCK = 64

#: The path is laid in steps of 8 sub-prints, one second.
STEP = 8

#: Two adjacent blocks at or below this are no chance: among 2,489 unrelated pairs, all offsets tried, the best sixteen
#: seconds came to 0.346 (mean 0.444, standard deviation 0.024).
MATCH_BLOCKS = 0.32

#: One block alone must be this good: the best eight seconds of the same unrelated pairs came to 0.292.
MATCH_ONE_BLOCK = 0.25

#: Up to here two adjacent blocks, or one alone, may be chance and may be music: a human must listen.
POSSIBLE_BLOCKS = 0.35
POSSIBLE_ONE_BLOCK = 0.29

#: A match is certainly the same recording only where the whole stretch stays at or below this. Another mix of the same
#: session agrees that well for a while (0.11 over its best sixteen seconds) but not throughout (0.21 over the stretch);
#: re-encoded, filtered and noisy copies come to 0.00-0.13.
SAME_RECORDING = 0.15

#: … for at least this long (12 s), or throughout the shorter of the two recordings.
SAME_RECORDING_ITEMS = 96
THROUGHOUT = 0.9

#: … or where one block is this exact, whatever surrounds it: a passage pasted into something else. Re-encoding costs
#: 0.00-0.03; the other mix at its best moment has 0.094.
SAME_PASSAGE = 0.06

#: A stretch with a time map that departs from a straight line by more than this (root mean square, seconds) bends, as
#: the tempo of another performance does. Chosen between copies in every disguise and performances by different seeds
#: (``benchmarks/performances.py``).
STRAIGHT = 0.035

#: Sound that differs from itself at other offsets by less than this is stationary (noise, held tones): independent
#: noises come to 0.17-0.26, singing bowls to 0.07-0.19, music to 0.41 and more.
STATIONARY = 0.30

#: … and is found only where it agrees so many times better than the lowest tenth of other offsets: bowls of one pitch
#: struck by two players come down to 0.6 of that, a copy of noise at 128 kbit/s to a fortieth.
STATIONARY_BETTER = 4.0

#: Below one block of sound (a jingle, an interlude, a short sample) less evidence must be better evidence: pieces of
#: 3 s held against 2,312 unrelated recordings at all offsets came down to 0.225, and a path has more choice than that.
MATCH_SHORT = 0.12
POSSIBLE_SHORT = 0.16

#: Fewer different sub-prints than this (2 s of them, 4.6 s of sound) carry no comparison at all. Excerpts of 5 s,
#: encoded at 128 kbit/s, came to 0.08 at most; 1,820 strangers, held against them at all offsets, not below 0.23.
LEAST_ITEMS = 16

#: A whole block counts with so many that say something; and longer sounds must have so many different ones.
BLOCK_ITEMS = 24

#: … of a shorter sound at least this share is different: the shorter, the less it may repeat itself.
DIFFERENT = 0.8

#: A sub-print that repeats for more than a second is a held tone or hum: equal ones say nothing.
LONGEST_RUN = 8

#: The leading 16 bits propose offsets: at a bit error rate of 0.17 one in twenty still agrees, and by chance
#: only 3 in 100,000 do.
PROPOSING_BITS = 16

#: … and where much is wrong, the leading 12: at a rate of 0.30 one in seventy still agrees.
FEWER_BITS = 12

#: Fewest votes (of an offset with its two neighbours) to look at it.
LEAST_VOTES = 3

#: Peaks of the vote that are followed, each with its neighbours: enough for material cut into a dozen pieces.
PEAKS = 16

#: Pairs of equal leading bits that are counted; loops and drones would give millions.
PAIR_BUDGET = 200_000

#: Jumping to another offset must gain this much agreement (sub-prints × (POSSIBLE_BLOCKS - bit error rate)): nine
#: exact sub-prints' worth, so that chance coincidences do not break a stretch into pieces.
JUMP_COST = 3.0

#: What every silent sub-print costs: a rest does not break a stretch, twenty seconds of silence do.
BRIDGE_COST = 0.02

#: What every sub-print outside the reference costs: a path never goes there.
OUTSIDE_COST = 1.0

#: Slipping by one sub-print is how a slightly other tempo looks, and costs little.
SLIP_COST = 0.5


@dataclass(frozen=True, slots=True)
class Bands:
    """What chance does not reach, as bit error rates: of two adjacent blocks, of one alone, of less than a block."""

    blocks: float
    one_block: float
    short: float
    items: int  # a block counts with so many sub-prints that say something: slow music repeats itself, and others


#: For a pair that shares keys as it is, or that something else suggests.
MATCH = Bands(MATCH_BLOCKS, MATCH_ONE_BLOCK, MATCH_SHORT, BLOCK_ITEMS)

#: Where the pair came up among many, by keys with six weak bits flipped; and where speed, pitch or balance were undone
#: to bring the two together, which is a hundred more tries. Chosen on one half of 39 recordings, some of them slow and
#: sustained (``benchmarks/chance.py``): of 32,844 times that one was held against a stranger, every change of the bank
#: undone in turn and all offsets tried, the nearest block with 48 sub-prints that say something came to 0.258, and no
#: two adjacent ones to 0.35. The bands lie two and a half standard deviations of strangers' blocks (0.028) below. On
#: the other half chance reached 0.218 and 0.296 in 69,276 tries.
MATCH_SOUGHT = Bands(0.30, 0.22, MATCH_SHORT, 48)
MATCH_UNDONE = Bands(0.27, 0.19, 0.10, 48)
_POSSIBLE = Bands(POSSIBLE_BLOCKS, POSSIBLE_ONE_BLOCK, POSSIBLE_SHORT, BLOCK_ITEMS)

#: Number of fingerprints kept prepared: a query and the recordings that it is held against, again and again.
REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two fingerprints share. Times in seconds; rates and shares 0-1.

    ``speed`` and ``pitch`` say how the query was changed before it agreed (1.0 and 0.0: not at all), ``filtered`` that
    its balance of low and high had to be undone as well.
    """

    segments: tuple[Segment, ...] = ()
    bit_error_rate: float = 0.5
    blocks: tuple[float, ...] = ()  # bit error rate of every 8 s of the segments, in order
    coverage: float = 0.0  # share of the query that the segments cover
    reference_coverage: float = 0.0  # share of the reference
    matched: bool = False  # in the band that chance does not reach: the same music at least
    certain: bool = False  # the same recording; a human must judge what is found and not certain
    speed: float = 1.0
    pitch: float = 0.0
    filtered: bool = False
    deviation: float = 0.0  # seconds by which the time map departs from a straight line, root mean square

    @property
    def bends(self) -> bool:
        """Whether the tempo wanders against the reference, as another performance's does."""
        return self.deviation > STRAIGHT

    @property
    def found(self) -> bool:
        """Whether the two share anything worth reporting."""
        return bool(self.segments)

    @property
    def score(self) -> float:
        """AcoustID's measure, on the better covered of the two: coverage × (1 - 2 × bit error rate), 0-1."""
        return max(self.coverage, self.reference_coverage) * max(0.0, 1.0 - 2.0 * self.bit_error_rate)

    @property
    def seconds(self) -> float:
        """How much of the query the segments cover."""
        return sum(segment.end - segment.start for segment in self.segments)

    def at(self, speed: float, pitch: float, *, filtered: bool = False) -> Comparison:
        """The same, where the query had been changed in this way before it was undone.

        A recording played faster passes its places sooner, so the query's times shrink by the speed.
        """
        segments = tuple(replace(s, start=s.start / speed, end=s.end / speed) for s in self.segments)
        return replace(self, segments=segments, speed=speed, pitch=pitch, filtered=filtered)


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The query held against the reference at every offset of interest; shapes (offsets,) and (offsets, items)."""

    offsets: Int64s  # place in the reference minus place in the query, ascending
    wrong: Int32s  # differing bits, 0 where not informative
    heard: Bools  # informative in both
    gain: Singles  # what each sub-print adds to a path: agreement beyond what is possible by chance


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Consecutive sub-prints of the query [start, end) with their places in the reference."""

    start: int
    end: int
    reference: Int64s
    wrong: Int32s
    heard: Bools

    @property
    def bit_error_rate(self) -> float:
        heard = int(self.heard.sum())
        return int(self.wrong.sum()) / (32 * heard) if heard else 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Prints:
    """A fingerprint as it is compared."""

    prints: UInt32s
    heard: Bools  # which say anything: not silence, not the inside of a held tone
    enough: bool  # to be compared at all


@lru_cache(maxsize=REMEMBERED)
def _prepare_fingerprint(fingerprint: bytes) -> _Prints:
    prints = bit_operations.read_subprints(fingerprint)
    heard = find_informative_items(prints)
    least = min(BLOCK_ITEMS, max(LEAST_ITEMS, math.ceil(DIFFERENT * int(np.count_nonzero(heard)))))
    return _Prints(prints, heard, alignment.count_distinct(prints, heard, least) >= least)


def find_informative_items(prints: UInt32s) -> Bools:
    """Which sub-prints say anything: not silence, not the inside of a held tone; shape (items,)."""
    heard: Bools = alignment.mark_informative(prints, bit_operations.SILENCE, LONGEST_RUN)
    return heard


def is_degenerate(fingerprint: bytes) -> bool:
    """Whether a fingerprint has too little in it to be compared: silence, a test tone, a hum, a few seconds.

    Such a fingerprint never matches anything; that must not be mistaken for "resembles nothing".
    """
    return not _prepare_fingerprint(fingerprint).enough


def compare_fingerprints(
    query: bytes,
    reference: bytes,
    *,
    exhaustive: bool = False,
    proposing: int = PROPOSING_BITS,
    bands: Bands = MATCH,
) -> Comparison:
    """Find what ``query`` shares with ``reference``, at any offsets.

    ``exhaustive`` tries every offset instead of those that equal sub-prints propose (in their first ``proposing``
    bits): for pairs that something else suggests, at some milliseconds. ``bands`` say what is matched.
    """
    one, other = _prepare_fingerprint(query).prints, _prepare_fingerprint(reference).prints
    stretches = [
        stretch
        for stretch in _find_similar_stretches(query, reference, exhaustive, proposing)
        if _is_within_bands(stretch, _POSSIBLE) and _stands_out(stretch, one, other)
    ]
    return _build_comparison(stretches, one, other, bands)


def measure_nearest_blocks(query: bytes, reference: bytes, items: int) -> tuple[float, float]:
    """How near two come at the best of all offsets: bit error rates of one block, and of the worse of two adjacent.

    Of blocks with so many ``items`` that say something; 0.5 where they never come near. It is what bands are drawn by.
    """
    one = both = 0.5
    for stretch in _find_similar_stretches(query, reference, exhaustive=True, proposing=FEWER_BITS):
        blocks = _block_error_rates(stretch, items) if stretch.wrong.size >= BLOCK else np.zeros(0)
        one = min(one, blocks.min(initial=0.5))
        both = min(both, _worse_adjacent_blocks(blocks).min(initial=0.5))
    return float(one), float(both)


def _find_similar_stretches(query: bytes, reference: bytes, exhaustive: bool, proposing: int) -> list[_Stretch]:
    """The stretches of the query that sound like the reference, be it by chance."""
    one, other = _prepare_fingerprint(query), _prepare_fingerprint(reference)
    if not (one.enough and other.enough):
        return []
    a, b, heard_a, heard_b = one.prints, other.prints, one.heard, other.heard
    if exhaustive:
        offsets = searched_offsets(a, b, heard_a, heard_b)
    else:
        offsets = proposed_offsets(a, b, heard_a, heard_b, proposing)
    if offsets.size:
        offsets = offsets[best_block_rates(a, b, heard_a, heard_b, offsets) <= POSSIBLE_BLOCKS]
    if not offsets.size:
        return []
    grid = _build_offset_grid(a, b, heard_a, heard_b, offsets)
    return list(_cut_path_stretches(_trace_best_path(grid), grid))


def best_block_error_rate(query: bytes, reference: bytes) -> float:
    """The bit error rate of the best block at the offsets that a few equal bits propose: a look, not a judgement."""
    one, other = _prepare_fingerprint(query), _prepare_fingerprint(reference)
    if not (one.enough and other.enough):
        return 1.0
    offsets = proposed_offsets(one.prints, other.prints, one.heard, other.heard, FEWER_BITS)
    return float(best_block_rates(one.prints, other.prints, one.heard, other.heard, offsets).min(initial=1.0))


def proposed_offsets(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools, proposing: int = PROPOSING_BITS) -> Int64s:
    """The offsets (place in b minus place in a) for which equal leading bits speak, ascending."""
    votes = alignment.count_offset_votes(a, b, heard_a, heard_b, proposing, PAIR_BUDGET)
    peaks = alignment.find_vote_peaks(votes, LEAST_VOTES, PEAKS) - a.size
    if not peaks.size:
        return peaks
    return np.unique(np.concatenate((peaks - 1, peaks, peaks + 1)))


def searched_offsets(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools) -> Int64s:
    """The offsets with the best blocks, after trying all at which the two overlap by a block (or by what there is)."""
    least = min(BLOCK, a.size, b.size)
    every = np.arange(least - a.size, b.size - least + 1, dtype=np.int64)
    best = best_block_rates(a, b, heard_a, heard_b, every)
    return np.sort(every[np.argsort(best, kind="stable")[: 3 * PEAKS]])


def best_block_rates(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools, offsets: Int64s) -> Floats:
    """The bit error rate of the best block at every offset; 1 where no block says enough."""
    width = min(BLOCK, a.size)
    least = BLOCK_ITEMS if width == BLOCK else min(LEAST_ITEMS, width)
    best: Floats = alignment.best_blocks(a, b, heard_a, heard_b, offsets, width, least)
    return best


def _build_offset_grid(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools, offsets: Int64s) -> _Grid:
    wrong, both, inside = alignment.compare_at_offsets(a, b, heard_a, heard_b, offsets)
    heard = both.astype(np.bool_)
    gain = np.where(heard, POSSIBLE_BLOCKS - wrong / np.float32(32), np.where(inside, -BRIDGE_COST, -OUTSIDE_COST))
    return _Grid(offsets, wrong, heard, gain.astype(np.float32))


def _sum_windows(values: Int32s | Bools, width: int) -> Int32s:
    """Sums of every ``width`` neighbours along the last axis."""
    total = np.zeros((*values.shape[:-1], values.shape[-1] + 1), dtype=np.int32)
    np.cumsum(values, axis=-1, out=total[..., 1:])
    sums: Int32s = total[..., width:] - total[..., :-width]
    return sums


def _trace_best_path(grid: _Grid) -> Int64s:
    """The best path: for every step the row of its offset, or -1 where nothing agrees; shape (steps,)."""
    slips = np.where(np.diff(grid.offsets) == 1, SLIP_COST, np.inf)
    path: Int64s = alignment.find_best_path(_sum_path_steps(grid.gain), slips, JUMP_COST)
    return path


def _sum_path_steps(gain: Singles) -> Floats:
    """Gains summed over every step; the last one may be short."""
    steps = -(-gain.shape[1] // STEP)
    padded = np.pad(gain, ((0, 0), (0, steps * STEP - gain.shape[1])))
    summed: Floats = padded.reshape(len(gain), steps, STEP).sum(axis=2, dtype=np.float64)
    return summed


def _cut_path_stretches(path: Int64s, grid: _Grid) -> Iterator[_Stretch]:
    """The runs of the path, cut where it jumps."""
    offsets = np.where(path < 0, np.iinfo(np.int64).min // 2, grid.offsets[path])
    cuts = np.flatnonzero(np.abs(np.diff(offsets)) > 1) + 1
    for first, run in zip([0, *cuts.tolist()], np.split(path, cuts), strict=True):
        if run[0] >= 0:
            yield _trim_stretch(run, first, grid)


def _trim_stretch(run: Int64s, first: int, grid: _Grid) -> _Stretch:
    """One run of steps as sub-prints, each end moved by up to a step to where the agreement begins and ends."""
    low, high = max(0, (first - 1) * STEP), min(grid.gain.shape[1], (first + run.size + 1) * STEP)
    places = np.arange(low, high)
    row = run[np.clip(places // STEP - first, 0, run.size - 1)]
    total = np.concatenate(([0.0], np.cumsum(grid.gain[row, places], dtype=np.float64)))
    end = int(np.argmax(total[1:])) + 1
    start = int(np.argmin(total[:end]))
    keep = slice(start, end)
    row, places = row[keep], places[keep]
    return _Stretch(
        low + start, low + end, places + grid.offsets[row], grid.wrong[row, places], grid.heard[row, places]
    )


def _block_error_rates(stretch: _Stretch, least: int = BLOCK_ITEMS) -> Floats:
    """Bit error rate of every block of a stretch, one a step (so block k + 8 is adjacent to block k)."""
    width = min(BLOCK, stretch.wrong.size)
    bits, items = _sum_windows(stretch.wrong, width)[::STEP], _sum_windows(stretch.heard, width)[::STEP]
    enough = items >= (least if width == BLOCK else LEAST_ITEMS)
    rates: Floats = np.where(enough, bits / np.maximum(1, 32 * items), 0.5)
    return rates


def _is_within_bands(stretch: _Stretch, bands: Bands) -> bool:
    """Whether two adjacent blocks, one alone, or a stretch shorter than a block come down to the bands."""
    if stretch.heard.sum() < LEAST_ITEMS:
        return False
    if stretch.wrong.size < BLOCK:
        return stretch.bit_error_rate <= bands.short
    blocks = _block_error_rates(stretch, bands.items)
    return bool(blocks.min() <= bands.one_block or _worse_adjacent_blocks(blocks).min(initial=1.0) <= bands.blocks)


def _worse_adjacent_blocks(blocks: Floats) -> Floats:
    """The worse of every two adjacent blocks."""
    apart = BLOCK // STEP
    together: Floats = np.maximum(blocks[:-apart], blocks[apart:])
    return together


def _is_same_recording(stretch: _Stretch, shorter: int, bands: Bands) -> bool:
    """Certainly the same recording, not merely the same music; ``shorter`` is the shorter one's length in items."""
    if not _is_within_bands(stretch, bands):
        return False
    long = stretch.heard.sum() >= min(SAME_RECORDING_ITEMS, THROUGHOUT * shorter)
    return bool(
        _block_error_rates(stretch).min() <= SAME_PASSAGE or (long and stretch.bit_error_rate <= SAME_RECORDING)
    )


def _stands_out(stretch: _Stretch, query: UInt32s, reference: UInt32s) -> bool:
    """Whether a stretch agrees as it does here only: noise and held tones agree with others of their kind anywhere."""
    usual, lowest = time_map.measure_background_rate(query, reference, stretch.start, stretch.reference)
    return usual >= STATIONARY or stretch.bit_error_rate * STATIONARY_BETTER <= lowest


def _build_comparison(stretches: list[_Stretch], query: UInt32s, reference: UInt32s, bands: Bands) -> Comparison:
    """The comparison that the stretches amount to."""
    if not stretches:
        return Comparison()
    shorter = min(query.size, reference.size)
    matched = any(_is_within_bands(stretch, bands) for stretch in stretches)
    deviation = ITEM_SECONDS * max(
        time_map.measure_time_deviation(query, reference, item.heard, item.start, item.reference) if matched else 0.0
        for item in stretches
    )
    same = any(_is_same_recording(stretch, shorter, bands) for stretch in stretches)
    wrong, heard = sum(int(s.wrong.sum()) for s in stretches), sum(int(s.heard.sum()) for s in stretches)
    segments = tuple(_stretch_to_segment(s) for s in stretches)
    return Comparison(
        segments=_separate_segments(segments),
        bit_error_rate=round(wrong / (32 * heard), 4),
        blocks=tuple(round(float(rate), 4) for s in stretches for rate in _block_error_rates(s)[:: BLOCK // STEP]),
        coverage=_share_of_items(np.concatenate([np.arange(s.start, s.end) for s in stretches]), query.size),
        reference_coverage=_share_of_items(np.concatenate([s.reference for s in stretches]), reference.size),
        matched=matched,
        certain=same and deviation <= STRAIGHT,
        deviation=round(deviation, 4),
    )


def _share_of_items(places: Int64s, items: int) -> float:
    return round(min(1.0, np.unique(places).size / items), 4)


def _stretch_to_segment(stretch: _Stretch) -> Segment:
    """Sub-prints as time: a stretch begins with what its first one hears and ends with what its last one hears."""
    return Segment(
        start=stretch.start * ITEM_SECONDS,
        end=(stretch.end - 1) * ITEM_SECONDS + SPAN_SECONDS,
        reference_start=float(stretch.reference[0]) * ITEM_SECONDS,
        reference_end=float(stretch.reference[-1]) * ITEM_SECONDS + SPAN_SECONDS,
    )


def _separate_segments(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The same segments without overlap in the query: at a cut, both sides hear a little of each other."""
    result: list[Segment] = []
    for segment in segments:
        late = max(0.0, result[-1].end - segment.start) / 2 if result else 0.0
        if late:
            before = result[-1]
            result[-1] = replace(before, end=before.end - late, reference_end=before.reference_end - late)
            segment = replace(  # noqa: PLW2901 the shortened one is the segment
                segment, start=segment.start + late, reference_start=segment.reference_start + late
            )
        result.append(segment)
    return tuple(_round_segment(segment) for segment in result)


def _round_segment(segment: Segment) -> Segment:
    return Segment(
        round(segment.start, 2),
        round(segment.end, 2),
        round(segment.reference_start, 2),
        round(segment.reference_end, 2),
    )
