"""Whether a recording's averaged spectrum has lines at every multiple of one rate, as decoders of generators leave.

A decoder that unfolds frames into samples by strided convolutions adds a little of each multiple of its frame rate
to whatever it makes. Averaged over minutes at a resolution of 0.7 Hz those lines stand out above 4 kHz, where music has
few lines of its own and none of them at multiples of exactly 50.000 Hz. How far they stand out is told by the same
sum over rates a little beside: every recording brings its own comparison.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from checks.analysis.decoder_rates import load_decoder_rates
from checks.model.release import LatticeFacts

Floats = npt.NDArray[np.float32]

#: Of how the numbers come about, catalogue included. Scores of different versions do not compare, and a trained model
#: belongs to one of them.
FEATURE_VERSION = f"1/{load_decoder_rates().version}"

#: The reason why nothing was assessed, where an installation does not look for traces.
OFF = "off"

#: So much from the beginning is looked at: more adds little, and the cost is bounded.
SECONDS = 180.0
#: Below this the average is too rough: not assessed.
SHORTEST = 10.0
#: Samples of a frame at up to 48 kHz, a bin being 0.7 Hz wide; doubled where the sample rate is.
_FRAME, _FRAME_RATE = 65536, 48_000
#: Powers below this are no sound but the rounding of a decoder.
_FLOOR = 1e-10

#: The band in which lines are looked for. Lossy encoders end at 16 kHz or below and leave nothing to see there.
_LOWER, _UPPER = 4000.0, 15_800.0
#: Where the sound ends early the band moves down, but never among the low harmonics of voices and strings.
_WIDTH, _LOWEST = 5000.0, 1200.0
#: Narrower than this is not assessed.
_NARROWEST = 2000.0
#: To be kept from the edge of an encoder's low-pass, and from the end of the spectrum.
_OFF_CLIFF, _OFF_NYQUIST = 150.0, 200.0
#: Where notes are: a lattice is no stronger here than above, a chord is.
LOW_BAND = (250.0, 1800.0)
#: Kept below and above for the running median.
_MARGIN = 40.0

#: An encoder's low-pass is a drop by so much that nothing comes back from, between neighbouring stretches.
_CLIFF_DB, _CLIFF_STRETCH = 20.0, 100.0
#: No encoder's low-pass lies below this; the edge of a muffled instrument may.
_LOWEST_CLIFF = 3000.0

#: The spectrum's own shape: the median of so many bins, 70 Hz. A line is what stands out of it, up to the second of
#: these, so that no single note outweighs the rest; a gap counts down to the first.
_MEDIAN_BINS = 101
_CLIP = (-2.0, 6.0)

#: The rates beside, for comparison: so many on either side, from and to so far off.
_BESIDE, _NEAREST, _FURTHEST = 80, 0.003, 0.05
#: How far from the catalogue's rate the best fitting one is looked for, and in what steps.
_DRIFT, _DRIFT_STEP = 0.002, 20e-6
#: Rates with lines lower than the best one's by no more than this share fit as well.
_PLATEAU = 0.1

#: Parts of the band and of the recording that are looked at by themselves.
_BANDS, _SEGMENTS = 3, 4

# The rule: all four must hold. Thresholds were set on one half of some 600 recordings and kept for the other.
#: From this z on lines are there at all, from these on they are called moderate and strong.
WEAK, MODERATE, STRONG = 8.0, 12.0, 20.0
#: A part of the band or of the recording has the lines from this z on …
PART = 2.5
#: … and so many of the three sub-bands must.
_BANDS_NEEDED = 2
#: The rate must be the catalogue's own to so many millionths: clocks of computers do not drift.
_PPM = 150.0


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The averaged spectrum of a recording in dB, of the whole and of its parts; ``first`` is its first bin."""

    rate: int
    width: float  # of a bin, in Hz
    first: int
    parts: tuple[Floats, ...]  # at least one
    whole: Floats
    seconds: float

    def bin_of(self, hz: float) -> int:
        """The place of a frequency in the arrays."""
        return round(hz / self.width) - self.first


class Listener:
    """Collects the averaged spectrum from pieces of sound as they come, in bounded memory whatever their length."""

    #: Frames are summed in slots that are merged in pairs when there are so many: 32 to 64 of equal length remain.
    _SLOTS = 64

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._frame = _FRAME << max(0, round(math.log2(rate / _FRAME_RATE)))
        self._hop = self._frame // 2
        self._width = rate / self._frame
        end = min(_UPPER + _MARGIN, rate / 2)
        self._bins = slice(int((LOW_BAND[0] - _MARGIN) / self._width), int(end / self._width))
        self._window = np.hanning(self._frame + 1)[:-1].astype(np.float32)
        self._left = round(SECONDS * rate)  # samples still to be listened to
        self._rest = np.zeros(0, np.float32)
        self._slots: list[Floats] = []
        self._slot_frames, self._open = 1, 0  # frames of a full slot, and of the last one where it is not full
        self.samples = 0
        self._frames = self._sounding = 0  # all of them, and those that are not digital silence

    def feed(self, mono: Floats) -> None:
        """One channel, the next samples of it."""
        mono = mono[: self._left]
        self._left -= len(mono)
        self.samples += len(mono)
        if not len(mono):
            return
        samples = np.concatenate([self._rest, mono])
        start = 0
        while len(samples) - start >= self._frame:
            self._add(samples[start : start + self._frame])
            start += self._hop
        self._rest = samples[start:].copy()

    @property
    def full(self) -> bool:
        """Whether more would not be listened to."""
        return self._left == 0

    def facts(self) -> LatticeFacts:
        """What the catalogue's rates come to in what was heard."""
        return measure_artefact_lines(self.spectrum(), self.samples, self.rate)

    def spectrum(self) -> Spectrum | None:
        """What was heard, but for a last slot that is not full; None where that is nothing."""
        slots = self._slots[:-1] if self._open else self._slots
        if not slots:
            return None
        count = max(1, min(_SEGMENTS, self.samples // (2 * self._frame), len(slots)))
        parts = [np.mean(part, axis=0) / np.float32(self._slot_frames) for part in _split_slots(slots, count)]
        seconds = self.samples / self.rate * self._sounding / self._frames
        return Spectrum(self.rate, self._width, self._bins.start, tuple(parts), np.mean(parts, axis=0), seconds)

    def _add(self, frame: Floats) -> None:
        transform = np.fft.rfft(frame * self._window)[self._bins]
        power: Floats = np.square(transform.real, dtype=np.float32)
        power += np.square(transform.imag)
        self._frames += 1
        if not power.any():
            return
        np.maximum(power, np.float32(_FLOOR), out=power)
        np.log(power, out=power)  # faster than log10
        power *= np.float32(10 / math.log(10))
        self._sounding += 1
        if self._open:
            self._slots[-1] += power
        else:
            self._slots.append(power)
        self._open = (self._open + 1) % self._slot_frames
        if len(self._slots) == self._SLOTS and not self._open:
            self._slots = [one + other for one, other in zip(self._slots[::2], self._slots[1::2], strict=True)]
            self._slot_frames *= 2


def switched_off() -> LatticeFacts:
    """What is said of a recording where traces are not looked for."""
    return LatticeFacts(FEATURE_VERSION, False, OFF)


def measure_artefact_lines(
    spectrum: Spectrum | None, samples: int, rate: int, rates: Sequence[float] | None = None
) -> LatticeFacts:
    """The facts of a recording of which so many samples were heard."""
    seconds = min(SECONDS, samples / rate)
    if rate / 2 - _OFF_NYQUIST - _LOWEST < _NARROWEST:  # all others have a frame in ten seconds
        return LatticeFacts(FEATURE_VERSION, False, "narrow_band", seconds=round(seconds, 2))
    if seconds < SHORTEST or spectrum is None or spectrum.seconds < SHORTEST:
        silent = seconds >= SHORTEST
        return LatticeFacts(FEATURE_VERSION, False, "silent" if silent else "too_short", seconds=round(seconds, 2))
    band = band_of(spectrum)
    if band is None:
        return LatticeFacts(FEATURE_VERSION, False, "narrow_band", seconds=round(spectrum.seconds, 2))
    return Scores(spectrum, band).facts(load_decoder_rates().looked_for if rates is None else rates)


def band_of(spectrum: Spectrum) -> tuple[float, float] | None:
    """Where lines can be looked for in this recording; None where that is too little to say anything."""
    upper = min(_UPPER, spectrum.rate / 2 - _OFF_NYQUIST, _find_lowpass_cutoff(spectrum) - _OFF_CLIFF)
    lower = min(_LOWER, max(_LOWEST, upper - _WIDTH))
    return (lower, upper) if upper - lower >= _NARROWEST else None


class Scores:
    """Everything that can be asked of one recording's spectrum about rates."""

    def __init__(self, spectrum: Spectrum, band: tuple[float, float]) -> None:
        self.spectrum, self.band = spectrum, band
        self.residue = compute_spectral_residue(spectrum.whole)
        self.raised = _highest_of_three(self.residue)
        self._spread = self._spread_of(self.raised)

    def z(self, hz: float, band: tuple[float, float] | None = None, raised: Floats | None = None) -> float:
        """How far the lines at a rate stand out from those at rates beside it, in deviations of the latter."""
        at, beside, lines = self.levels(hz, band, raised)
        middle = float(np.median(beside))
        deviation = 1.4826 * float(np.median(np.abs(beside - middle)))
        spread = self._spread if raised is None else self._spread_of(raised)
        scale = max(deviation, spread / math.sqrt(max(lines, 1)))
        return (at - middle) / scale if scale > 0 else 0.0

    def levels(
        self, hz: float, band: tuple[float, float] | None = None, raised: Floats | None = None
    ) -> tuple[float, Floats, int]:
        """The mean residue on the multiples of a rate, the same for the rates beside it, and how many multiples."""
        means = self.means(np.concatenate([[hz], hz * BESIDE]), band or self.band, raised)
        lower, upper = band or self.band
        return float(means[0]), means[1:], int(upper / hz) - math.ceil(lower / hz) + 1

    def excess(self, hz: float, band: tuple[float, float]) -> float:
        """By how many dB the lines at a rate stand out from those beside it, in one band."""
        at, beside, _ = self.levels(hz, band)
        return at - float(np.median(beside))

    def low_high_ratio(self, hz: float) -> float | None:
        """How much more the lines stand out where notes are; None where they do not stand out above."""
        high = self.excess(hz, self.band)
        return self.excess(hz, LOW_BAND) / high if high > 0 else None

    def ppm(self, hz: float) -> float:
        """How far the rate that fits best, very near this one, lies from it."""
        drifts = np.arange(-_DRIFT, _DRIFT + _DRIFT_STEP / 2, _DRIFT_STEP)
        means = self.means(hz * (1 + drifts), self.band)
        peak = int(np.argmax(means))
        # Strong lines fill several bins up to the clip: the middle of that plateau counts.
        lower = np.flatnonzero(means < means[peak] - _PLATEAU * (means[peak] - np.median(means)))
        start = max(lower[lower < peak], default=-1) + 1
        end = min(lower[lower > peak], default=len(means)) - 1
        return float((drifts[start] + drifts[end]) / 2 * 1e6)

    def bands(self, hz: float) -> tuple[float, ...]:
        """z in each third of the band, from low to high."""
        edges = np.linspace(*self.band, _BANDS + 1).tolist()
        return tuple(self.z(hz, edge) for edge in itertools.pairwise(edges))

    def segments(self, hz: float) -> tuple[float, ...]:
        """z in each part of the recording."""
        return tuple(
            self.z(hz, None, _highest_of_three(compute_spectral_residue(part))) for part in self.spectrum.parts
        )

    def facts(self, rates: Sequence[float]) -> LatticeFacts:
        """All of it, for the rates of a catalogue."""
        scores = [(hz, self.z(hz)) for hz in rates]
        (hz, z), (holes_hz, holes_z) = max(scores, key=lambda one: one[1]), min(scores, key=lambda one: one[1])
        bands, segments, ppm, ratio = self.bands(hz), self.segments(hz), self.ppm(hz), self.low_high_ratio(hz)
        return LatticeFacts(
            FEATURE_VERSION,
            True,
            seconds=round(self.spectrum.seconds, 2),
            lower_hz=round(self.band[0], 1),
            upper_hz=round(self.band[1], 1),
            z=round(z, 3),
            rate_hz=hz,
            strength=name_artefact_strength(z, bands, segments, ppm),
            rates=tuple((rate, round(score, 3)) for rate, score in scores),
            bands=tuple(round(band, 3) for band in bands),
            segments=tuple(round(segment, 3) for segment in segments),
            ppm=round(ppm, 1),
            low_high_ratio=None if ratio is None else round(ratio, 3),
            holes_z=round(holes_z, 3),
            holes_rate_hz=holes_hz,
        )

    def _spread_of(self, raised: Floats) -> float:
        """How much single bins differ, in the band."""
        return float(raised[self.spectrum.bin_of(self.band[0]) : self.spectrum.bin_of(self.band[1])].std())

    def means(
        self, rates: npt.ArrayLike, band: tuple[float, float] | None = None, raised: Floats | None = None
    ) -> Floats:
        """For each rate the mean residue on its multiples inside the band."""
        hertz = np.asarray(rates, np.float64)[:, None]
        lower, upper = band or self.band
        multiples = np.arange(math.ceil(lower / hertz.max()), int(upper / hertz.min()) + 1)
        lines = multiples * hertz
        inside = (lines >= lower) & (lines <= upper)
        places = np.rint(lines / self.spectrum.width).astype(np.intp) - self.spectrum.first
        values = (self.raised if raised is None else raised).take(places, mode="clip")
        values *= inside
        means: Floats = values.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
        return means


def name_artefact_strength(z: float, bands: Sequence[float], segments: Sequence[float], ppm: float) -> str:
    """How the lines are called that a recording has; "none" wherever a part of the rule does not hold."""
    there = (
        z >= WEAK
        and sum(band > PART for band in bands) >= _BANDS_NEEDED
        and 2 * sum(segment > PART for segment in segments) >= len(segments)
        and abs(ppm) <= _PPM
    )
    if not there:
        return "none"
    return "weak" if z < MODERATE else "moderate" if z <= STRONG else "strong"


def compute_spectral_residue(spectrum: Floats) -> Floats:
    """What stands out of the spectrum's own shape, in dB, clipped."""
    half = _MEDIAN_BINS // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(spectrum, half, mode="edge"), _MEDIAN_BINS)
    shape = np.partition(around, half, axis=1)[:, half]
    clipped: Floats = np.clip(spectrum - shape, *_CLIP)
    return clipped


def _highest_of_three(values: Floats) -> Floats:
    """A line may lie between two bins."""
    padded = np.pad(values, 1, mode="edge")
    return np.maximum(np.maximum(padded[:-2], padded[2:]), values)


def _split_slots(slots: Sequence[Floats], count: int) -> list[Sequence[Floats]]:
    """The slots in so many runs of nearly equal length."""
    edges = [round(len(slots) * number / count) for number in range(count + 1)]
    return [slots[start:end] for start, end in itertools.pairwise(edges)]


def _find_lowpass_cutoff(spectrum: Spectrum) -> float:
    """Where an encoder's low-pass ends the sound, in Hz; infinity where none does."""
    step = max(1, round(_CLIFF_STRETCH / spectrum.width))
    first = spectrum.bin_of(_LOWEST_CLIFF)
    count = (len(spectrum.whole) - first) // step
    if count < 3:
        return math.inf
    levels = np.median(spectrum.whole[first : first + count * step].reshape(count, step), axis=1)
    # The drop is from one stretch to the next but one: the low-pass may lie in the middle of one.
    highest_after = np.maximum.accumulate(levels[::-1])[::-1]
    drops = levels[:-2] - highest_after[2:]
    places = np.flatnonzero(drops >= _CLIFF_DB)
    return float((spectrum.first + first + (places[0] + 1) * step) * spectrum.width) if len(places) else math.inf


#: Factors of the rates beside, the same distances on either side.
BESIDE = np.concatenate([1 - np.linspace(_FURTHEST, _NEAREST, _BESIDE), 1 + np.linspace(_NEAREST, _FURTHEST, _BESIDE)])
