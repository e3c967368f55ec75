"""The plain definitions, in NumPy, of what is compiled: the kernels must give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from checks.fingerprint import bit_operations
from checks.fingerprint.band_spectrogram import FRAME, HOP, SAMPLE_RATE, Picture
from checks.fingerprint.bit_operations import Bools, Floats, Int64s, Singles, UInt32s
from checks.fingerprint.chromaprint import CLASSIFIERS, HIGHEST_HZ, LOWEST_HZ, QUIET, SMOOTHING, TUNING_HZ, WINDOW_ROWS
from checks.fingerprint.speed_variants import Change

_Values = npt.NDArray[Any]


def rows(picture: Picture, change: Change, phase: float = 0.0) -> _Values:
    """Chromaprint's normalised rows (rows x 12) once a change is undone."""
    classes = _folding(picture, change.frequency) @ picture.energy.astype(np.float64)
    return _normalised(_paced(classes, change.tempo, phase)).T


def sub_prints(picture: Picture, change: Change, phase: float = 0.0) -> UInt32s:
    return Bits(rows(picture, change, phase), 0).prints


def keys(picture: Picture, change: Change, modulus: int, flipped: int, phase: float = 0.0) -> UInt32s:
    mixed = bit_operations.scatter_keys(Bits(rows(picture, change, phase), flipped).probes())
    return np.unique(mixed[mixed % np.uint32(modulus) == 0])


def _semitones() -> tuple[Floats, Floats]:
    """The runs of bins that make one pitch class each: their borders, and a matrix (12 x runs) that adds them up."""
    bins = np.arange(round(LOWEST_HZ * FRAME / SAMPLE_RATE), round(HIGHEST_HZ * FRAME / SAMPLE_RATE))
    octave = np.log2(bins * SAMPLE_RATE / FRAME / TUNING_HZ)
    classes = (12 * (octave - np.floor(octave))).astype(int)
    first = np.flatnonzero(np.concatenate(([True], classes[1:] != classes[:-1])))
    return np.append(bins[first], bins[-1] + 1) - 0.5, np.eye(12)[classes[first]].T


_BORDERS, _FOLDING = _semitones()


def _folding(picture: Picture, frequency: float) -> Floats:
    """The share of every band in every pitch class once the borders are moved; shape (12, bands)."""
    borders = np.clip(_BORDERS * frequency, picture.edges[0], picture.edges[-1])
    place = np.interp(borders, picture.edges, np.arange(picture.edges.size))
    below = np.clip(place[:, None] - np.arange(picture.edges.size - 1), 0, 1)  # share of each band below each border
    folding: Floats = _FOLDING @ np.diff(below, axis=0)
    return folding


def _paced(classes: _Values, tempo: float, phase: float) -> _Values:
    """Pitch classes (12 x frames) as they would stand in the frames of the unchanged recording."""
    if tempo == 1.0 and not phase:
        return classes
    frames = classes.shape[1]
    count = max(1, int((frames - 1) * tempo - phase) + 1)
    place = ((np.arange(count) + phase) * HOP + FRAME / 2) / tempo - FRAME / 2  # the middle of a frame stays the middle
    place = np.clip(place / HOP, 0, frames - 1)
    before = np.minimum(place.astype(np.int64), max(0, frames - 2))
    share = (place - before).astype(classes.dtype)
    after = np.minimum(before + 1, frames - 1)
    return np.asarray(classes[:, before] * (1 - share) + classes[:, after] * share)


def _normalised(classes: _Values) -> _Values:
    """Smoothed over five frames, and brought to one length; shape (12, frames - 4)."""
    rows = max(0, classes.shape[1] - len(SMOOTHING) + 1)
    smooth = np.zeros((12, rows), classes.dtype)
    for offset, weight in enumerate(SMOOTHING):
        smooth += classes[:, offset : offset + rows] * classes.dtype.type(weight)
    norm = np.sqrt((smooth * smooth).sum(axis=0))
    return np.asarray(np.where(norm < QUIET, 0, smooth / np.maximum(norm, QUIET)))


class Bits:
    """The sixteen classifiers over rows (rows x 12): sub-prints, and which of their bits nearly fell the other way."""

    def __init__(self, rows: _Values, flipped: int) -> None:
        count = max(0, len(rows) - WINDOW_ROWS + 1)
        self.prints = np.zeros(count, np.uint32)
        table = np.zeros((13, len(rows) + 1))  # summed-area table, time along the rows
        np.cumsum(np.cumsum(rows.T, axis=0), axis=1, out=table[1:, 1:])
        margins: list[Singles] = []
        masks: list[int] = []
        for place, (kind, band, bands, length, *thresholds) in enumerate(CLASSIFIERS):
            plus, minus = _rectangles(table, count, kind, band, bands, length)
            ratio = (1 + plus) / (1 + minus)
            low, middle, high = np.exp(thresholds)
            upper, lower = ratio >= middle, (ratio >= low) ^ (ratio >= high)
            bit = 30 - 2 * place
            self.prints |= upper.astype(np.uint32) << np.uint32(bit + 1)
            self.prints |= lower.astype(np.uint32) << np.uint32(bit)
            if bit >= 4:  # the lowest four bits are in no key
                near = np.minimum(np.abs(ratio - low), np.abs(ratio - high))
                margins += [(np.abs(ratio - middle) / (high - low)), near / (high - low)]
                masks += [1 << (bit + 1), 1 << bit]
        weakest = np.argsort(np.array(margins, np.float32), axis=0, kind="stable")[:flipped]
        self.weak = np.array(masks, np.uint32)[weakest].reshape(flipped, count)

    def probes(self) -> UInt32s:
        """The keys as heard, and with every choice of the weakest bits flipped; silence gives none."""
        heard = self.prints != bit_operations.SILENCE
        found = [self.prints[heard] & np.uint32(bit_operations.KEY_MASK)]
        for bits in self.weak:
            found += [keys ^ bits[heard] for keys in found]
        return np.concatenate(found)


def _rectangles(table: Floats, count: int, kind: int, band: int, bands: int, length: int) -> tuple[Floats, Floats]:
    """The energy under the light and under the dark rectangles of one filter, at every position."""

    def area(row: int, low: int, row_end: int, high: int) -> Floats:
        across = table[high] - table[low]
        return np.asarray(across[row_end : row_end + count] - across[row : row + count])

    end, half, third = band + bands, band + bands // 2, bands // 3
    middle, thirds = length // 2, length // 3
    whole = area(0, band, length, end)
    match kind:
        case 0:
            return whole, np.zeros(count)
        case 1:
            light = area(0, half, length, end)
        case 2:
            light = area(middle, band, length, end)
        case 3:
            light = area(0, half, middle, end) + area(middle, band, length, half)
        case 4:
            light = area(0, band + third, length, band + 2 * third)
        case _:
            light = area(thirds, band, 2 * thirds, end)
    return light, whole - light


def bit_errors(a: UInt32s, b: UInt32s, offsets: Int64s) -> npt.NDArray[np.uint8]:
    """Differing bits of a[i] and b[i + offset]; meaningless where b has nothing there."""
    return bit_operations.bit_errors(a, b, offsets)


def votes(a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools, bits: int, budget: int) -> Int64s:
    """How often equal leading bits speak for each offset, -a.size first."""
    places_a, places_b = np.flatnonzero(heard_a), np.flatnonzero(heard_b)
    shift = np.uint32(32 - bits)
    i, j = bit_operations.shared_offsets(a[places_a] >> shift, b[places_b] >> shift, budget)
    return np.bincount(places_b[j] - places_a[i] + a.size, minlength=a.size + b.size + 1)


def best_blocks(
    a: UInt32s, b: UInt32s, heard_a: Bools, heard_b: Bools, offsets: Int64s, width: int, least: int
) -> Floats:
    """The bit error rate of the best ``width`` neighbours at every offset; 1 where none says enough."""
    heard = bit_operations.gather_rows(heard_b, offsets, a.size) & heard_a
    wrong = np.where(heard, bit_errors(a, b, offsets), np.uint8(0))
    bits, items = (np.lib.stride_tricks.sliding_window_view(x, width, axis=1).sum(axis=2) for x in (wrong, heard))
    return np.where(items >= least, bits / np.maximum(1, 32 * items), 1.0).min(axis=1, initial=1.0)


def path(gains: Floats, slips: Floats, jump: float) -> Int64s:
    """The best way through the states, by trying every step into each of them."""
    count, steps = gains.shape
    cost = np.full((count + 1, count + 1), jump)
    np.fill_diagonal(cost, 0.0)
    for state, slip in enumerate(slips):
        cost[state, state + 1] = cost[state + 1, state] = min(jump, slip)
    cost[:count, count] = 0.0
    score, before = np.zeros(count + 1), []
    for step in range(steps):
        ways = score[:, None] - cost
        before.append(ways.argmax(axis=0))
        score = ways.max(axis=0) + np.append(gains[:, step], 0.0)
    return np.array([score.max()])
