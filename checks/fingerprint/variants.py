"""What a recording's fingerprint would be, had nobody changed its speed, pitch or tempo: drawn from its picture.

A recording that plays faster has its semitones higher up and its frames closer together. So the borders between the
semitones are moved by the pitch, the frames are read at the other pace, and the rest is Chromaprint as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from checks.analysis.chromaprint import CLASSIFIERS, HIGHEST_HZ, LOWEST_HZ, QUIET, SMOOTHING, TUNING_HZ, WINDOW_ROWS
from checks.fingerprint import kernels
from checks.fingerprint.kernels import Bools, Floats, Singles, UInt32s
from checks.fingerprint.picture import FRAME, HOP, SAMPLE_RATE, Picture

#: Pitch is undone in steps of a tenth of a semitone, up to four: half a step away (0.05) a third of the keys that
#: survive at the exact pitch still do, a whole step away a tenth.
PITCH_STEP, MOST_PITCH = 0.1, 4.0

#: Pitch changed at the same tempo, as editors do it: from where the linked variants no longer help, up to three
#: semitones and a little.
LEAST_PITCH_ONLY, MOST_PITCH_ONLY = 0.6, 3.2

#: Tempo changed at the same pitch: an error of 5 % costs a fifth of the keys, so steps of 8-10 % are enough.
TEMPI = (0.84, 0.92, 1.09, 1.18)

#: The weakest bits of a sub-print that are flipped in turn and together: keys asked for each sub-print.
FLIPPED_BITS = 2
PROBES = 2**FLIPPED_BITS

#: Variants whose sub-prints are found together, so that NumPy works on long rows.
_TOGETHER = 12

_Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Change:
    """How a recording was changed. Both 1.06: played 6 % faster, as a record is."""

    tempo: float = 1.0  # 1.06: the changed one takes 6 % less time
    frequency: float = 1.0  # 1.06: the changed one sounds a semitone higher

    @property
    def semitones(self) -> float:
        """How much higher it sounds."""
        return float(12 * np.log2(self.frequency))


def bank() -> tuple[Change, ...]:
    """The changes that are undone for every query: speed, pitch alone, tempo alone. Unchanged is not among them."""
    steps = round(MOST_PITCH / PITCH_STEP)
    speeds = [_higher(step * PITCH_STEP) for step in range(-steps, steps + 1) if step]
    alone = [_higher(step * PITCH_STEP) for step in range(-steps, steps + 1)]
    least, most = _higher(LEAST_PITCH_ONLY - PITCH_STEP / 2), _higher(MOST_PITCH_ONLY + PITCH_STEP / 2)
    return (
        *(Change(speed, speed) for speed in speeds),
        *(Change(1.0, pitch) for pitch in alone if least < max(pitch, 1 / pitch) < most),
        *(Change(tempo, 1.0) for tempo in TEMPI),
    )


def _higher(semitones: float) -> float:
    return float(2 ** (semitones / 12))


def sub_prints(picture: Picture, change: Change, phase: float = 0.0) -> UInt32s:
    """The fingerprint that the picture's recording would have without this change; shape (items,).

    ``phase`` is where the first frame begins, in frames: half a frame later other sub-prints are heard.
    """
    rows = next(_rows(picture, [change], [phase]))
    return _Bits(rows).prints[: max(0, len(rows) - WINDOW_ROWS + 1)]


def keys(
    picture: Picture, changes: Sequence[Change], modulus: int, phases: Sequence[float] | None = None
) -> list[UInt32s]:
    """For every change the mixed keys to ask for, weak bits flipped, one in ``modulus`` kept; ascending, distinct."""
    result: list[UInt32s] = []
    rows = _rows(picture, changes, phases or [0.0] * len(changes))
    while together := list(islice(rows, _TOGETHER)):
        result += _keys(together, modulus)
    return result


def _keys(together: Sequence[Singles | Floats], modulus: int) -> list[UInt32s]:
    """Keys of several variants at once: their rows behind one another, and what spans two of them left out."""
    bits = _Bits(np.concatenate(together), weak=True)
    ends = np.cumsum([len(rows) for rows in together])
    result = []
    for rows, end in zip(together, ends.tolist(), strict=True):
        probes = bits.probes(slice(end - len(rows), max(end - len(rows), end - WINDOW_ROWS + 1)))
        mixed = kernels.mix32(probes)
        result.append(np.unique(mixed[mixed % np.uint32(modulus) == 0]))
    return result


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


def _rows(picture: Picture, changes: Sequence[Change], phases: Sequence[float]) -> Iterator[Singles | Floats]:
    """Chromaprint's normalised rows (rows x 12) for every change."""
    frequencies = list(dict.fromkeys(change.frequency for change in changes))
    energy: _Values = picture.energy
    folding: _Values = np.concatenate([_folding(picture, frequency) for frequency in frequencies]).astype(energy.dtype)
    classes = np.asarray(folding @ energy).reshape(len(frequencies), 12, picture.frames)
    number = {frequency: place for place, frequency in enumerate(frequencies)}
    for change, phase in zip(changes, phases, strict=True):
        yield _normalised(_paced(classes[number[change.frequency]], change.tempo, phase)).T


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


class _Bits:
    """The sixteen classifiers over rows (rows x 12): sub-prints, and which of their bits nearly fell the other way."""

    def __init__(self, rows: _Values, *, weak: bool = False) -> None:
        count = max(0, len(rows) - WINDOW_ROWS + 1)
        self.prints = np.zeros(count, np.uint32)
        self._weak = np.zeros((FLIPPED_BITS, count), np.uint32)
        if not count:
            return
        margins = np.full((FLIPPED_BITS, count), np.inf, np.float32)
        table = np.zeros((13, len(rows) + 1), np.float64)  # summed-area table, time along the rows
        np.cumsum(np.cumsum(rows.T, axis=0, dtype=np.float64), axis=1, out=table[1:, 1:])
        for place, (kind, band, bands, length, *thresholds) in enumerate(CLASSIFIERS):
            plus, minus = _rectangles(table, count, kind, band, bands, length)
            ratio = (1 + plus) / (1 + minus)
            low, middle, high = np.exp(thresholds)
            upper, lower = ratio >= middle, (ratio >= low) ^ (ratio >= high)
            bit = 30 - 2 * place
            self.prints |= upper.astype(np.uint32) << np.uint32(bit + 1)
            self.prints |= lower.astype(np.uint32) << np.uint32(bit)
            if weak and bit >= 4:  # the lowest four bits are in no key
                value = (ratio / np.float64(high - low)).astype(np.float32)
                low, middle, high = (np.float32(t / (high - low)) for t in (low, middle, high))
                self._note(margins, np.abs(value - middle), bit + 1)
                self._note(margins, np.minimum(np.abs(value - low), np.abs(value - high)), bit)

    def _note(self, margins: Singles, margin: Singles, bit: int) -> None:
        """Keep the bit where it is among the weakest so far; the weakest stands first."""
        mask = np.uint32(1 << bit)
        weaker = margin < margins[1]
        margins[1][weaker], self._weak[1][weaker] = margin[weaker], mask
        first: Bools = margins[1] < margins[0]
        for pair in (margins, self._weak):
            pair[:, first] = pair[::-1, first]

    def probes(self, part: slice) -> UInt32s:
        """The keys of a part as heard, and with each and both of its weakest bits flipped; silence gives none."""
        prints = self.prints[part]
        heard = prints != kernels.SILENCE
        plain = prints[heard] & np.uint32(kernels.KEY_MASK)
        one, two = self._weak[0, part][heard], self._weak[1, part][heard]
        return np.concatenate((plain, plain ^ one, plain ^ two, plain ^ one ^ two))


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
