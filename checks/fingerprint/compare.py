"""Two fingerprints side by side: which stretches sound the same, where they stand in each, and how sure that is.

The reference may be cut, shortened, padded or mixed into something longer, so the question is never "are these two
files equal" but "along which path of offsets do they agree". Equal leading bits propose the offsets, a path through
them is laid so that it agrees best (staying is free, jumping costs), and what the path covers is then judged by
its bit error rate in blocks of eight seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from checks.check import Segment
from checks.fingerprint import kernels
from checks.fingerprint.kernels import Bools, Floats, Int32s, Int64s, Singles, UInt8s, UInt32s

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

#: Below one block of sound (a jingle, an interlude, a short sample) less evidence must be better evidence: pieces of
#: 3 s held against 2,312 unrelated recordings at all offsets came down to 0.225, and a path has more choice than that.
MATCH_SHORT = 0.12
POSSIBLE_SHORT = 0.16

#: Fewer informative sub-prints than this (3 s of them, 5.6 s of sound) carry no comparison at all.
LEAST_ITEMS = 24

#: A sub-print that repeats for more than a second is a held tone or hum: equal ones say nothing.
LONGEST_RUN = 8

#: The leading 16 bits propose offsets: at a bit error rate of 0.17 one in twenty still agrees, and by chance
#: only 3 in 100,000 do.
PROPOSING_BITS = 16

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

#: Offsets times sub-prints that the exhaustive search holds in memory at once, some 30 bytes each.
CHUNK = 500_000

#: Slipping by one sub-print is how a slightly other tempo looks, and costs little.
SLIP_COST = 0.5


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two fingerprints share. Times in seconds; rates and shares 0-1.

    ``speed`` and ``pitch`` say how the query was changed before it agreed (1.0 and 0.0: not at all).
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

    def at(self, speed: float, pitch: float) -> Comparison:
        """The same, where the query had been changed by this speed and pitch before it was undone.

        A recording played faster passes its places sooner, so the query's times shrink by the speed.
        """
        segments = tuple(replace(s, start=s.start / speed, end=s.end / speed) for s in self.segments)
        return replace(self, segments=segments, speed=speed, pitch=pitch)


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The query held against the reference at every offset of interest; shapes (offsets,) and (offsets, items)."""

    offsets: Int64s  # place in the reference minus place in the query, ascending
    wrong: UInt8s  # differing bits, 0 where not informative
    heard: Bools  # informative in both
    gain: Singles  # what each sub-print adds to a path: agreement beyond what is possible by chance

    def at(self, rows: Bools) -> _Grid:
        return _Grid(self.offsets[rows], self.wrong[rows], self.heard[rows], self.gain[rows])


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Consecutive sub-prints of the query [start, end) with their places in the reference."""

    start: int
    end: int
    reference: Int64s
    wrong: UInt8s
    heard: Bools

    @property
    def bit_error_rate(self) -> float:
        heard = int(self.heard.sum())
        return int(self.wrong.sum()) / (32 * heard) if heard else 0.5


def informative(prints: UInt32s) -> Bools:
    """Which sub-prints say anything: not silence, not the inside of a held tone; shape (items,)."""
    heard: Bools = (prints != kernels.SILENCE) & (kernels.run_lengths(prints) <= LONGEST_RUN)
    return heard


def degenerate(fingerprint: bytes) -> bool:
    """Whether a fingerprint has too little in it to be compared: silence, a test tone, a hum, a few seconds.

    Such a fingerprint never matches anything; that must not be mistaken for "resembles nothing".
    """
    prints = kernels.subprints(fingerprint)
    return np.unique(prints[informative(prints)]).size < LEAST_ITEMS


def compare(query: bytes, reference: bytes, *, exhaustive: bool = False) -> Comparison:
    """Find what ``query`` shares with ``reference``, at any offsets.

    ``exhaustive`` tries every offset instead of those that equal sub-prints propose: for pairs that something
    else suggests, at some tens of milliseconds.
    """
    if degenerate(query) or degenerate(reference):
        return Comparison()
    a, b = kernels.subprints(query), kernels.subprints(reference)
    heard_a, heard_b = informative(a), informative(b)
    propose = searched_offsets if exhaustive else proposed_offsets
    grid = _grid(a, b, heard_a, heard_b, propose(a, b, heard_a, heard_b))
    grid = grid.at(_best_blocks(grid) <= POSSIBLE_BLOCKS)
    if not grid.offsets.size:
        return Comparison()
    stretches = [stretch for stretch in _stretches(_path(grid), grid) if _found(stretch)]
    return _judged(stretches, a.size, b.size)


def proposed_offsets(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools) -> Int64s:
    """The offsets (place in b minus place in a) for which equal leading bits speak, ascending."""
    places_a, places_b = np.flatnonzero(heard_a), np.flatnonzero(heard_b)
    shift = np.uint32(32 - PROPOSING_BITS)
    i, j = kernels.shared_offsets(a[places_a] >> shift, b[places_b] >> shift, PAIR_BUDGET)
    if not i.size:
        return np.zeros(0, dtype=np.int64)
    votes = np.bincount(places_b[j] - places_a[i] + a.size, minlength=a.size + b.size + 1)
    votes = np.convolve(votes, [1, 1, 1], mode="same")
    peaks = np.argsort(-votes, kind="stable")[:PEAKS]
    peaks = peaks[votes[peaks] >= LEAST_VOTES] - a.size
    return np.unique(np.concatenate((peaks - 1, peaks, peaks + 1)))


def searched_offsets(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools) -> Int64s:
    """The offsets with the best blocks, after trying all at which the two overlap by a block (or by what there is)."""
    least = min(BLOCK, a.size, b.size)
    every = np.arange(least - a.size, b.size - least + 1, dtype=np.int64)
    tried = np.array_split(every, -(-every.size * a.size // CHUNK))
    best = np.concatenate([_best_blocks(_grid(a, b, heard_a, heard_b, offsets)) for offsets in tried])
    return np.sort(every[np.argsort(best, kind="stable")[: 3 * PEAKS]])


def _grid(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools, offsets: Int64s) -> _Grid:
    heard = kernels.rows(heard_b, offsets, a.size) & heard_a
    inside = kernels.rows(np.ones(b.size, dtype=np.bool_), offsets, a.size)
    wrong = np.where(heard, kernels.bit_errors(a, b, offsets), np.uint8(0))
    gain = np.where(heard, POSSIBLE_BLOCKS - wrong / np.float32(32), np.where(inside, -BRIDGE_COST, -OUTSIDE_COST))
    return _Grid(offsets, wrong, heard, gain.astype(np.float32))


def _best_blocks(grid: _Grid) -> Floats:
    """The bit error rate of the best block at every offset; 1 where no block says enough."""
    width = min(BLOCK, grid.wrong.shape[1])
    bits, items = _windows(grid.wrong, width), _windows(grid.heard, width)
    rates = np.where(items >= min(LEAST_ITEMS, width), bits / np.maximum(1, 32 * items), 1.0)
    best: Floats = rates.min(axis=1, initial=1.0)
    return best


def _windows(values: UInt8s | Bools, width: int) -> Int32s:
    """Sums of every ``width`` neighbours along the last axis."""
    total = np.zeros((*values.shape[:-1], values.shape[-1] + 1), dtype=np.int32)
    np.cumsum(values, axis=-1, out=total[..., 1:])
    sums: Int32s = total[..., width:] - total[..., :-width]
    return sums


def _path(grid: _Grid) -> Int64s:
    """The best path: for every step the row of its offset, or -1 where nothing agrees; shape (steps,)."""
    gains = _steps(grid.gain)
    count, steps = gains.shape
    score = np.zeros(count + 1)  # the last state is "nothing agrees", and gains nothing
    origin = np.empty((steps, count + 1), dtype=np.int64)
    slip = np.where(np.diff(grid.offsets) == 1, SLIP_COST, np.inf)
    stay = np.arange(count + 1)
    for step in range(steps):
        best = int(np.argmax(score))
        to, came = np.maximum(score, score[best] - JUMP_COST), np.where(score < score[best] - JUMP_COST, best, stay)
        _offer(to[1:count], came[1:count], score[: count - 1] - slip, stay[: count - 1])
        _offer(to[: count - 1], came[: count - 1], score[1:count] - slip, stay[1:count])
        _offer(to[count:], came[count:], score[best : best + 1], stay[best : best + 1])  # leaving off costs nothing
        to[:count] += gains[:, step]
        score, origin[step] = to, came
    path = np.empty(steps, dtype=np.int64)
    state = int(np.argmax(score))
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state = int(origin[step, state])
    path[path == count] = -1
    return path


def _offer(to: Floats, came: Int64s, score: Floats, origin: Int64s) -> None:
    """Take the other way into each state that it improves."""
    better = score > to
    to[better], came[better] = score[better], origin[better]


def _steps(gain: Singles) -> Floats:
    """Gains summed over every step; the last one may be short."""
    steps = -(-gain.shape[1] // STEP)
    padded = np.pad(gain, ((0, 0), (0, steps * STEP - gain.shape[1])))
    summed: Floats = padded.reshape(len(gain), steps, STEP).sum(axis=2, dtype=np.float64)
    return summed


def _stretches(path: Int64s, grid: _Grid) -> Iterator[_Stretch]:
    """The runs of the path, cut where it jumps."""
    offsets = np.where(path < 0, np.iinfo(np.int64).min // 2, grid.offsets[path])
    cuts = np.flatnonzero(np.abs(np.diff(offsets)) > 1) + 1
    for first, run in zip([0, *cuts.tolist()], np.split(path, cuts), strict=True):
        if run[0] >= 0:
            yield _trimmed(run, first, grid)


def _trimmed(run: Int64s, first: int, grid: _Grid) -> _Stretch:
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


def _blocks(stretch: _Stretch) -> Floats:
    """Bit error rate of every block of a stretch, one a step (so block k + 8 is adjacent to block k)."""
    width = min(BLOCK, stretch.wrong.size)
    bits, items = _windows(stretch.wrong, width)[::STEP], _windows(stretch.heard, width)[::STEP]
    enough = items >= min(BLOCK // 2, LEAST_ITEMS)
    rates: Floats = np.where(enough, bits / np.maximum(1, 32 * items), 0.5)
    return rates


def _agrees(stretch: _Stretch, blocks: Floats, pair: float, one: float, short: float) -> bool:
    """Whether two adjacent blocks, one alone, or a stretch shorter than a block come down to the given rates."""
    if stretch.heard.sum() < LEAST_ITEMS or not blocks.size:
        return False
    if stretch.wrong.size < BLOCK:
        return stretch.bit_error_rate <= short
    apart = BLOCK // STEP
    together = np.maximum(blocks[:-apart], blocks[apart:]) if blocks.size > apart else np.zeros(0)
    return bool(blocks.min() <= one or (together.size and together.min() <= pair))


def _found(stretch: _Stretch) -> bool:
    """In the match band or in the one that only a human can judge."""
    return _agrees(stretch, _blocks(stretch), POSSIBLE_BLOCKS, POSSIBLE_ONE_BLOCK, POSSIBLE_SHORT)


def _matched(stretch: _Stretch) -> bool:
    """Too alike for chance, though it may be another mix."""
    return _agrees(stretch, _blocks(stretch), MATCH_BLOCKS, MATCH_ONE_BLOCK, MATCH_SHORT)


def _same(stretch: _Stretch, shorter: int) -> bool:
    """Certainly the same recording, not merely the same music; ``shorter`` is the shorter one's length in items."""
    if not _matched(stretch):
        return False
    long = stretch.heard.sum() >= min(SAME_RECORDING_ITEMS, THROUGHOUT * shorter)
    return bool(_blocks(stretch).min() <= SAME_PASSAGE or (long and stretch.bit_error_rate <= SAME_RECORDING))


def _judged(stretches: list[_Stretch], query_items: int, reference_items: int) -> Comparison:
    """The comparison that the stretches amount to."""
    if not stretches:
        return Comparison()
    wrong, heard = sum(int(s.wrong.sum()) for s in stretches), sum(int(s.heard.sum()) for s in stretches)
    segments = tuple(_segment(s) for s in stretches)
    return Comparison(
        segments=_apart(segments),
        bit_error_rate=round(wrong / (32 * heard), 4),
        blocks=tuple(round(float(rate), 4) for s in stretches for rate in _blocks(s)[:: BLOCK // STEP]),
        coverage=_share(np.concatenate([np.arange(s.start, s.end) for s in stretches]), query_items),
        reference_coverage=_share(np.concatenate([s.reference for s in stretches]), reference_items),
        matched=any(map(_matched, stretches)),
        certain=any(_same(s, min(query_items, reference_items)) for s in stretches),
    )


def _share(places: Int64s, items: int) -> float:
    return round(min(1.0, np.unique(places).size / items), 4)


def _segment(stretch: _Stretch) -> Segment:
    """Sub-prints as time: a stretch begins with what its first one hears and ends with what its last one hears."""
    return Segment(
        start=stretch.start * ITEM_SECONDS,
        end=(stretch.end - 1) * ITEM_SECONDS + SPAN_SECONDS,
        reference_start=float(stretch.reference[0]) * ITEM_SECONDS,
        reference_end=float(stretch.reference[-1]) * ITEM_SECONDS + SPAN_SECONDS,
    )


def _apart(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
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
    return tuple(_rounded(segment) for segment in result)


def _rounded(segment: Segment) -> Segment:
    return Segment(
        round(segment.start, 2),
        round(segment.end, 2),
        round(segment.reference_start, 2),
        round(segment.reference_end, 2),
    )
