"""What tells a copy from another performance, and from sound that resembles itself everywhere.

A copy runs at one constant speed: the places of its moments in the original lie on a straight line. Two performances
of a work have the same notes, but the tempo of each bends in its own way. And of noise or a held tone, every moment is
like every other: that two of them agree at one offset says nothing where they agree as well at all others.
"""

from __future__ import annotations

import numpy as np

from checks.fingerprint.bit_operations import Bools, Floats, Int64s, UInt32s

#: A place is read off so many sub-prints (4 s), once a step of 8: with fewer, errors of the bits move it about.
WINDOW, STEP = 32, 8

#: … of which so many say something.
WINDOW_ITEMS = 16

#: It is looked for up to so many sub-prints (half a second) before and after the path: a tempo bends no faster.
REACH = 4

#: Fewer places than this (9 s) are no line to speak of.
LEAST_PLACES = 6

#: Offsets at which the background is measured, spread over the reference, and sub-prints (32 s) that are held there.
OFFSETS, HELD = 64, 256

#: The offset of a match, and its neighbours up to so many sub-prints (3 s) away, belong to the match.
OWN = 24

#: Sub-prints that agree by chance differ in half their bits.
CHANCE = 0.5


def measure_time_deviation(query: UInt32s, reference: UInt32s, heard: Bools, start: int, places: Int64s) -> float:
    """Return by how much the time map of a stretch departs from a straight line: root mean square, in sub-prints.

    The stretch begins at ``start`` of the query; ``places`` are those of its sub-prints in the reference as the path
    has them, to whole sub-prints, and ``heard`` says which say something. Places are refined to fractions of a
    sub-print. A few that are far off (a cut, a drop-out) count little. 0.0 where the stretch is too short to tell.
    """
    if places.size < WINDOW:
        return 0.0
    centres, offsets, weights = _refine_window_places(query, reference, heard, start, places)
    if centres.size < LEAST_PLACES:
        return 0.0
    line = np.stack([centres, np.ones_like(centres)], axis=1)
    trusted = weights.copy()
    for _ in range(5):  # iteratively reweighted least squares, with Cauchy's weights
        root = np.sqrt(trusted)
        slope = np.linalg.lstsq(line * root[:, None], offsets * root, rcond=None)[0]
        left = offsets - line @ slope
        scale = 1.48 * float(np.median(np.abs(left))) + 0.02
        trusted = weights / (1 + (left / (3 * scale)) ** 2)
    return float(np.sqrt(np.average(left**2, weights=trusted)))


def _refine_window_places(
    query: UInt32s, reference: UInt32s, heard: Bools, start: int, places: Int64s
) -> tuple[Floats, Floats, Floats]:
    """Where windows of a stretch stand in the reference: centre in the stretch, offset, and how clearly; one each."""
    here = np.arange(start, start + places.size)
    around = places + np.arange(-REACH, REACH + 1)[:, None]
    inside = (around >= 0) & (around < reference.size)
    wrong = np.bitwise_count(query[here] ^ reference[np.clip(around, 0, reference.size - 1)])
    errors = _sum_time_windows(np.where(inside, wrong / 32, CHANCE) * heard)
    says, offset = (
        _sum_time_windows(heard[None].astype(np.float64))[0],
        _sum_time_windows((places - here)[None].astype(np.float64))[0],
    )
    clear = says >= WINDOW_ITEMS
    rates = errors[:, clear] / says[clear]
    best = np.argmin(rates[1:-1], axis=0) + 1
    before, at, after = (np.take_along_axis(rates, best[None] + step, axis=0)[0] for step in (-1, 0, 1))
    curve = before - 2 * at + after  # a parabola through three points has its vertex between them
    vertex = np.divide(0.5 * (before - after), curve, out=np.zeros_like(curve), where=curve > 0)
    centres: Floats = WINDOW / 2 + STEP * np.flatnonzero(clear).astype(np.float64)
    offsets: Floats = offset[clear] / WINDOW + best - REACH + vertex
    weights: Floats = np.maximum(np.median(rates, axis=0) - at, 1e-3)
    return centres, offsets, weights


def _sum_time_windows(values: Floats) -> Floats:
    """Sums over every window along the last axis."""
    total = np.pad(np.cumsum(values, axis=-1), ((0, 0), (1, 0)))
    sums: Floats = (total[:, WINDOW:] - total[:, :-WINDOW])[:, ::STEP]
    return sums


def measure_background_rate(query: UInt32s, reference: UInt32s, start: int, places: Int64s) -> tuple[float, float]:
    """Return the bit error rate of a stretch at offsets that are not its own: the median, and the lowest tenth.

    Music comes to 0.4 and more, noise and held tones to what they have in common everywhere. (0.5, 0.5) where there is
    no other offset to hold it at.
    """
    size = min(places.size, HELD)
    first = (places.size - size) // 2
    held = query[start + first : start + first + size]
    offsets = np.unique(np.linspace(0, max(0, reference.size - size), OFFSETS).astype(np.int64))
    offsets = offsets[np.abs(offsets - places[first]) > OWN]
    if offsets.size < OFFSETS // 8:
        return CHANCE, CHANCE
    wrong = np.bitwise_count(held ^ reference[offsets[:, None] + np.arange(size)])
    rates = wrong.mean(axis=1) / 32
    return float(np.median(rates)), float(np.percentile(rates, 10))
