"""Chromaprint as machine code: from the energy of narrow bands to sub-prints, and to the keys of the index.

The plain definitions are in ``checks/fingerprint/chromaprint.py`` and in the tests; the loops here give the same bits.
Time runs along the last axis everywhere, so that the loops become vector instructions.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from checks.fingerprint.chromaprint import CLASSIFIERS, QUIET, SMOOTHING, WINDOW_ROWS
from checks.fingerprint.numba_jit import compile_kernel

Array: TypeAlias = npt.NDArray[Any]

CLASSES = 12

#: Positions that are classified together: their part of the table stays in the processor's nearest memory.
_BLOCK = 256

_TAPS = np.array(SMOOTHING)
_QUIET = np.float64(QUIET)
_ROWS = WINDOW_ROWS
_SILENT = np.uint32(627964279)
_MASK = np.uint32(0xFFFFFFF0)


def _build_filters() -> Array:
    """Every filter as rectangles (row, row end, band, band end): the whole, and the one or two light ones; (16, 12)."""
    nothing = (0, 0, 0, 0)
    filters = []
    for kind, band, bands, rows, *_ in CLASSIFIERS:
        end, half, third, middle, thirds = band + bands, band + bands // 2, bands // 3, rows // 2, rows // 3
        light = {
            0: ((0, rows, band, end), nothing),
            1: ((0, rows, half, end), nothing),
            2: ((middle, rows, band, end), nothing),
            3: ((0, middle, half, end), (middle, rows, band, half)),
            4: ((0, rows, band + third, band + 2 * third), nothing),
            5: ((thirds, 2 * thirds, band, end), nothing),
        }[kind]
        filters.append([0, rows, band, end, *light[0], *light[1]])
    return np.array(filters, np.int64)


_FILTERS = _build_filters()
_THRESHOLDS = np.exp(np.array([classifier[4:] for classifier in CLASSIFIERS]))


@compile_kernel
def cumulate_bands(energy: Array) -> Array:
    """Energy (bands, frames) summed from the lowest band up, zero first; (bands + 1, frames)."""
    bands, frames = energy.shape
    total = np.zeros((bands + 1, frames), energy.dtype)
    for band in range(bands):
        for frame in range(frames):
            total[band + 1, frame] = total[band, frame] + energy[band, frame]
    return total


@compile_kernel
def fold_pitch_classes(total: Array, places: Array, below: Array, above: Array) -> Array:
    """The energy of the twelve pitch classes, (12, frames), between borders at ``places`` (in bands, fractional).

    ``below`` and ``above`` are the classes that end and begin at each border; -1 is none.
    """
    frames = total.shape[1]
    classes = np.zeros((CLASSES, frames), total.dtype)
    at = np.empty(frames, total.dtype)
    for border in range(places.size):
        whole = min(int(places[border]), total.shape[0] - 2)
        share = total.dtype.type(places[border] - whole)
        one, other = total[whole], total[whole + 1]
        for frame in range(frames):
            at[frame] = one[frame] + (other[frame] - one[frame]) * share
        if below[border] >= 0:
            ending = classes[below[border]]
            for frame in range(frames):
                ending[frame] += at[frame]
        if above[border] >= 0:
            beginning = classes[above[border]]
            for frame in range(frames):
                beginning[frame] -= at[frame]
    return classes


@compile_kernel
def resample_frames(classes: Array, tempo: float, phase: float, hop: float, frame: float) -> Array:
    """Pitch classes as they would stand in the frames of the unchanged recording; (12, other frames), doubles.

    The middle of a frame stays the middle; frames are read between two others where they fall there.
    """
    frames = classes.shape[1]
    count = max(1, int((frames - 1) * tempo - phase) + 1)
    result = np.empty((CLASSES, count), np.float64)
    for number in range(count):
        place = (((number + phase) * hop + frame / 2) / tempo - frame / 2) / hop
        place = min(max(place, 0.0), frames - 1.0)
        before = min(int(place), max(0, frames - 2))
        share = place - before
        after = min(before + 1, frames - 1)
        for row in range(CLASSES):
            low, high = np.float64(classes[row, before]), np.float64(classes[row, after])
            result[row, number] = low * (1 - share) + high * share
    return result


@compile_kernel
def normalise_chroma(classes: Array) -> Array:
    """Smoothed over five frames and brought to one length, silence to zeros; (12, frames - 4), doubles."""
    rows = max(0, classes.shape[1] - _TAPS.size + 1)
    smooth = np.zeros((CLASSES, rows), np.float64)
    square = np.zeros(rows, np.float64)
    for row in range(CLASSES):
        into = smooth[row]
        for tap in range(_TAPS.size):
            weight, heard = _TAPS[tap], classes[row, tap:]
            for number in range(rows):
                into[number] += heard[number] * weight
        for number in range(rows):
            square[number] += into[number] * into[number]
    for number in range(rows):
        norm = np.sqrt(square[number])
        square[number] = 0.0 if norm < _QUIET else 1.0 / norm
    for row in range(CLASSES):
        into = smooth[row]
        for number in range(rows):
            into[number] *= square[number]
    return smooth


@compile_kernel
def _build_area_table(rows: Array) -> Array:
    """The summed-area table of rows (12, n), time along the last axis; (13, n + 1)."""
    count = rows.shape[1]
    table = np.zeros((CLASSES + 1, count + 1), np.float64)
    for number in range(count):
        across = 0.0
        for row in range(CLASSES):
            across += rows[row, number]
            table[row + 1, number + 1] = table[row + 1, number] + across
    return table


@compile_kernel
def _sum_rectangle(table: Array, filter_: Array, which: int, start: int, length: int, out: Array) -> None:
    """The energy under one rectangle of a filter, at so many positions from ``start`` on."""
    top, bottom = filter_[4 * which], filter_[4 * which + 1]
    low, high = filter_[4 * which + 2], filter_[4 * which + 3]
    above, below = table[high, start + bottom :], table[low, start + bottom :]
    above_before, below_before = table[high, start + top :], table[low, start + top :]
    for place in range(length):
        out[place] = (above[place] - below[place]) - (above_before[place] - below_before[place])


@compile_kernel
def _compute_filter_ratios(
    table: Array, filter_: Array, start: int, length: int, out: Array, light: Array, other: Array
) -> None:
    """(1 + light) / (1 + dark) of one filter, at so many positions; ``light`` and ``other`` are scratch."""
    _sum_rectangle(table, filter_, 0, start, length, out)
    _sum_rectangle(table, filter_, 1, start, length, light)
    if filter_[9] > filter_[8]:
        _sum_rectangle(table, filter_, 2, start, length, other)
        for place in range(length):
            light[place] += other[place]
    for place in range(length):
        out[place] = (1.0 + light[place]) / (1.0 + (out[place] - light[place]))


@compile_kernel
def sub_prints(rows: Array) -> Array:
    """The sub-prints of normalised rows (12, n): one for every window of sixteen."""
    count = max(0, rows.shape[1] - _ROWS + 1)
    prints = np.zeros(count, np.uint32)
    table = _build_area_table(rows)
    ratio, light, other = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    for start in range(0, count, _BLOCK):
        length = min(_BLOCK, count - start)
        for place in range(_FILTERS.shape[0]):
            low, middle, high = _THRESHOLDS[place]
            _compute_filter_ratios(table, _FILTERS[place], start, length, ratio, light, other)
            upper, lower = np.uint32(31 - 2 * place), np.uint32(30 - 2 * place)
            here = prints[start:]
            for at in range(length):
                high_bit = np.uint32(ratio[at] >= middle) << upper
                low_bit = np.uint32((ratio[at] >= low) != (ratio[at] >= high)) << lower
                here[at] |= high_bit | low_bit
    return prints


@compile_kernel
def weak_bits(rows: Array, flipped: int) -> tuple[Array, Array]:
    """Sub-prints, and of each the ``flipped`` bits that nearly fell the other way, the weakest first; (flipped, n).

    Of the bits that stand in keys: the lowest four do not. How near is told by what lies between the ratio and the
    threshold, in units of the distance between the outer thresholds.
    """
    count = max(0, rows.shape[1] - _ROWS + 1)
    prints = np.zeros(count, np.uint32)
    weak = np.zeros((flipped, count), np.uint32)
    margins = np.empty((flipped, _BLOCK), np.float32)
    near, far, carried = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.uint32)
    table = _build_area_table(rows)
    ratio, light, other = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    for start in range(0, count, _BLOCK):
        length = min(_BLOCK, count - start)
        margins[:] = np.inf
        for place in range(_FILTERS.shape[0]):
            low, middle, high = _THRESHOLDS[place]
            scale = 1.0 / (high - low)
            _compute_filter_ratios(table, _FILTERS[place], start, length, ratio, light, other)
            upper, lower = np.uint32(31 - 2 * place), np.uint32(30 - 2 * place)
            here = prints[start:]
            for at in range(length):
                high_bit = np.uint32(ratio[at] >= middle) << upper
                low_bit = np.uint32((ratio[at] >= low) != (ratio[at] >= high)) << lower
                here[at] |= high_bit | low_bit
            if lower < 4:
                continue
            for at in range(length):
                near[at] = abs(ratio[at] - middle) * scale
                far[at] = min(abs(ratio[at] - low), abs(ratio[at] - high)) * scale
            _insert_weak_bit(near, np.uint32(1) << upper, start, length, margins, weak, carried)
            _insert_weak_bit(far, np.uint32(1) << lower, start, length, margins, weak, carried)
    return prints, weak


@compile_kernel
def _insert_weak_bit(
    margin: Array, bit: np.uint32, start: int, length: int, margins: Array, weak: Array, carried: Array
) -> None:
    """Let a bit sink to its place among the weakest so far; ``carried`` is scratch, and ``margin`` is used up."""
    carried[:length] = bit
    for rank in range(margins.shape[0]):
        best, bits = margins[rank], weak[rank, start:]
        for at in range(length):
            mine, theirs, mask, held = margin[at], best[at], carried[at], bits[at]
            weaker = mine < theirs
            best[at], margin[at] = (mine, theirs) if weaker else (theirs, mine)
            bits[at], carried[at] = (mask, held) if weaker else (held, mask)


@compile_kernel
def build_probe_keys(prints: Array, weak: Array, modulus: int) -> Array:
    """Mixed keys of sub-prints as heard and with every choice of their weak bits flipped, one in ``modulus`` kept.

    Silence gives none. In no order, and some of them several times. Mixing is that of ``kernels.mix32``. ``weak`` is
    used up.
    """
    flipped, count = weak.shape
    choices = 1 << flipped
    found = np.empty(count * choices, np.uint32)
    keys, scattered = np.empty(count, np.uint32), np.empty(count, np.uint32)
    heard = 0
    for place in range(count):
        keys[heard] = prints[place] & _MASK
        for rank in range(flipped):
            weak[rank, heard] = weak[rank, place]
        heard += prints[place] != _SILENT
    size = 0
    for choice in range(choices):
        if choice:  # from one choice to the next in Gray's order a single bit changes
            rank = 0
            while not choice >> rank & 1:
                rank += 1
            bits = weak[rank]
            for place in range(heard):
                keys[place] ^= bits[place]
        for place in range(heard):
            value = keys[place]
            value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
            value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
            scattered[place] = value ^ (value >> np.uint32(16))
        if modulus & (modulus - 1):
            for place in range(heard):
                found[size] = scattered[place]
                size += scattered[place] % np.uint32(modulus) == 0
        else:  # a power of two needs no division
            for place in range(heard):
                found[size] = scattered[place]
                size += scattered[place] & np.uint32(modulus - 1) == 0
    return found[:size].copy()
