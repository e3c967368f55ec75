"""What a recording's fingerprint would be, without a change of its speed, pitch or tempo: drawn from its picture.

A recording that plays faster has its semitones higher up and its frames closer together. So the borders between the
semitones are moved by the pitch, the frames are read at the other pace, and the rest is Chromaprint as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checks.fingerprint import chroma_kernels, equalisation
from checks.fingerprint.band_spectrogram import FRAME, HOP, SAMPLE_RATE, Picture
from checks.fingerprint.bit_operations import Floats, Int64s, UInt32s
from checks.fingerprint.chromaprint import HIGHEST_HZ, LOWEST_HZ, TUNING_HZ

#: Pitch is undone in steps of a tenth of a semitone, up to four: half a step away (0.05) a third of the keys that
#: survive at the exact pitch still do, a whole step away a tenth.
PITCH_STEP, MOST_PITCH = 0.1, 4.0

#: Pitch changed at the same tempo, as editors do it: from where the linked variants no longer help, up to three
#: semitones and a little.
LEAST_PITCH_ONLY, MOST_PITCH_ONLY = 0.6, 3.2

#: Tempo changed at the same pitch: an error of 5 % costs a fifth of the keys, so steps of 8-10 % are enough.
TEMPI = (0.84, 0.92, 1.09, 1.18)

#: The weakest bits of a sub-print that are flipped, each alone and all together: four keys for every sub-print.
FLIPPED_BITS = 2

#: Pictures are heard at so many frequencies at most before the first are forgotten; the bank has 81.
_REMEMBERED = 128


@dataclass(frozen=True, slots=True)
class Change:
    """How a recording was changed. Both 1.06: played 6 % faster, as a record is."""

    tempo: float = 1.0  # 1.06: the changed one takes 6 % less time
    frequency: float = 1.0  # 1.06: the changed one sounds a semitone higher
    filtered: bool = False  # the balance of low and high was changed, and is undone by bringing it to the usual one

    @property
    def semitones(self) -> float:
        """How much higher it sounds."""
        return float(12 * np.log2(self.frequency))


def list_undone_changes() -> tuple[Change, ...]:
    """The changes that are undone for every query: speed, pitch alone, tempo alone. Unchanged is not among them."""
    steps = round(MOST_PITCH / PITCH_STEP)
    speeds = [_pitch_factor(step * PITCH_STEP) for step in range(-steps, steps + 1) if step]
    alone = [_pitch_factor(step * PITCH_STEP) for step in range(-steps, steps + 1)]
    least, most = _pitch_factor(LEAST_PITCH_ONLY - PITCH_STEP / 2), _pitch_factor(MOST_PITCH_ONLY + PITCH_STEP / 2)
    return (
        *(Change(speed, speed) for speed in speeds),
        *(Change(1.0, pitch) for pitch in alone if least < max(pitch, 1 / pitch) < most),
        *(Change(tempo, 1.0) for tempo in TEMPI),
    )


def _pitch_factor(semitones: float) -> float:
    return float(2 ** (semitones / 12))


class Ear:
    """Hears one picture at any speed, pitch and tempo."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._totals: dict[bool, Floats] = {}  # by whether the balance is undone: the energy up to each band
        self._classes: dict[tuple[float, bool], Floats] = {}  # the energy of the pitch classes, (12, frames)

    def sub_prints(self, change: Change, phase: float = 0.0) -> UInt32s:
        """The fingerprint that the picture's recording would have without this change; shape (items,).

        ``phase`` is where the first frame begins, in frames: half a frame later other sub-prints are heard.
        """
        prints: UInt32s = chroma_kernels.sub_prints(self._rows(change, phase))
        return prints

    def keys(
        self, change: Change, modulus: int, phases: Sequence[float] = (0.0,), flipped: int = FLIPPED_BITS
    ) -> UInt32s:
        """The mixed keys to ask for once this change is undone, every choice of the ``flipped`` weakest bits flipped.

        One in ``modulus`` is kept; ascending, distinct.
        """
        found = [
            chroma_kernels.build_probe_keys(*chroma_kernels.weak_bits(self._rows(change, phase), flipped), modulus)
            for phase in phases
        ]
        keys: UInt32s = np.sort(np.concatenate(found))
        return keys[np.append(True, keys[1:] != keys[:-1])] if keys.size else keys

    def _rows(self, change: Change, phase: float) -> Floats:
        """Chromaprint's normalised rows, (12, rows)."""
        classes = self._folded(change.frequency, change.filtered)
        rows: Floats = chroma_kernels.normalise_chroma(
            chroma_kernels.resample_frames(classes, change.tempo, phase, float(HOP), float(FRAME))
        )
        return rows

    def _folded(self, frequency: float, filtered: bool) -> Floats:
        if (frequency, filtered) not in self._classes:
            if len(self._classes) >= _REMEMBERED:
                self._classes.clear()
            edges = self._picture.edges
            borders = np.clip(_BORDERS * frequency, edges[0], edges[-1])
            places = np.interp(borders, edges, np.arange(float(edges.size)))
            self._classes[frequency, filtered] = chroma_kernels.fold_pitch_classes(
                self._cumulated(filtered), places, _BELOW, _ABOVE
            )
        return self._classes[frequency, filtered]

    def _cumulated(self, filtered: bool) -> Floats:
        if filtered not in self._totals:
            seen = equalisation.equalise_bands(self._picture) if filtered else self._picture
            self._totals[filtered] = chroma_kernels.cumulate_bands(seen.energy)
        return self._totals[filtered]


def sub_prints(picture: Picture, change: Change, phase: float = 0.0) -> UInt32s:
    """``Ear.sub_prints`` of a picture that is heard only once."""
    return Ear(picture).sub_prints(change, phase)


def _build_semitone_borders() -> tuple[Floats, Int64s, Int64s]:
    """The borders between the runs of bins that make one pitch class each; the classes below and above each border."""
    bins = np.arange(round(LOWEST_HZ * FRAME / SAMPLE_RATE), round(HIGHEST_HZ * FRAME / SAMPLE_RATE))
    octave = np.log2(bins * SAMPLE_RATE / FRAME / TUNING_HZ)
    classes = (12 * (octave - np.floor(octave))).astype(np.int64)
    first = np.flatnonzero(np.concatenate(([True], classes[1:] != classes[:-1])))
    borders = np.append(bins[first], bins[-1] + 1) - 0.5
    return borders, np.append(-1, classes[first]), np.append(classes[first], -1)


_BORDERS, _BELOW, _ABOVE = _build_semitone_borders()


def compile_variant_kernels() -> None:
    """Have everything compiled that hears a picture; an instant where the machine code is kept already."""
    edges = np.append(np.arange(_BORDERS[0] - 1, _BORDERS[-1] + 1, 64.0), _BORDERS[-1] + 1)
    ear = Ear(Picture(np.ones((edges.size - 1, 64), np.float32), edges))
    ear.keys(Change(), 1)
    ear.sub_prints(Change())
