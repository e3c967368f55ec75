"""How loud, how silent, how clipped: what a meter bridge would show, measured while the sound streams past."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]  # (channels, samples), full scale is 1

#: Everything here counts in blocks of so many samples (1.5 ms at 44.1 kHz): short enough for silence to be found
#: to the millisecond, long enough for the filters below to become matrix products.
BLOCK = 64

#: Below this peak a block is silent: -60 dBFS, the noise gate that FFmpeg's silencedetect takes by default.
SILENCE_PEAK = 10 ** (-60 / 20)

#: A sample counts as clipped at or above this level in a run of at least so many: three in a row at full scale is
#: what the "overs" counter of the Sony PCM-1630 mastering recorder called one.
CLIPPED_PEAK = 0.999
_CLIPPED_RUN = 3


class Loudness:
    """Integrated loudness after ITU-R BS.1770-5: K-weighting, 400 ms windows every 100 ms, two gates."""

    #: Gates of BS.1770-5, annex 1: absolute in LUFS, relative in LU.
    ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
    #: BS.1770-5, table 4: surround channels count 1.5 dB more, the effects channel not at all.
    SURROUND_WEIGHT = 1.41

    _SLOTS_A_SECOND = 10
    _WINDOW_SLOTS = 4

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._weights = _channel_weights(channels)
        a, b, c, d = _k_weighting(rate)
        powers = [np.linalg.matrix_power(a, n) for n in range(BLOCK + 1)]
        impulse = np.array([d, *(float(c @ power @ b) for power in powers[: BLOCK - 1])])
        lags = np.arange(BLOCK)[None, :] - np.arange(BLOCK)[:, None]
        self._from_input = np.where(lags >= 0, impulse[np.maximum(lags, 0)], 0).astype(np.float32)
        self._from_state = np.stack([c @ power for power in powers[:BLOCK]], axis=1).astype(np.float32)
        self._into_state = np.stack([power @ b for power in reversed(powers[:BLOCK])]).astype(np.float32)
        self._carry = _until_forgotten(powers[BLOCK])
        self._state = np.zeros((channels, 4), np.float32)
        self._blocks = 0
        self._energy: list[npt.NDArray[np.float64]] = []
        self._first_slot: list[int] = []

    def feed(self, sound: Sound) -> None:
        """Whole blocks only."""
        channels, count = len(sound), sound.shape[1] // BLOCK
        blocks = sound.reshape(-1, BLOCK)
        state = self._states((blocks @ self._into_state).reshape(channels, count, 4))
        weighted = blocks @ self._from_input
        weighted += state.reshape(-1, 4) @ self._from_state
        energy = np.einsum("ij,ij->i", weighted, weighted).reshape(channels, count)
        slots = (np.arange(self._blocks, self._blocks + count) * BLOCK * self._SLOTS_A_SECOND) // self._rate
        self._first_slot.append(int(slots[0]))
        self._energy.append(np.bincount(slots - slots[0], weights=self._weights @ energy))
        self._blocks += count

    def integrated(self, samples: int) -> float | None:
        """LUFS of so many samples; None where no window passes the gates."""
        slots = np.zeros(samples * self._SLOTS_A_SECOND // self._rate + 2)
        for first, energy in zip(self._first_slot, self._energy, strict=True):
            slots[first : first + len(energy)] += energy[: len(slots) - first]
        edges = -(-np.arange(len(slots) + 1) * self._rate // (self._SLOTS_A_SECOND * BLOCK))
        whole = samples * self._SLOTS_A_SECOND // self._rate
        sums = np.concatenate(([0.0], slots[:whole].cumsum()))
        span = (edges[self._WINDOW_SLOTS : whole + 1] - edges[: max(0, whole + 1 - self._WINDOW_SLOTS)]) * BLOCK
        power = (sums[self._WINDOW_SLOTS :] - sums[: -self._WINDOW_SLOTS]) / span if whole >= 4 else np.empty(0)
        audible = power[power > _power(self.ABSOLUTE_GATE)]
        if not len(audible):
            return None
        gated = audible[audible > audible.mean() * 10 ** (self.RELATIVE_GATE / 10)]
        return _lufs(float(gated.mean()))

    def _states(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The filter's state before each block, from what each block alone leaves behind (channels, blocks, 4)."""
        state = np.concatenate((self._state[:, None], inputs), axis=1)
        reach = 1
        for carry in self._carry:  # each step doubles how far back a block is remembered
            if reach >= state.shape[1]:
                break
            state[:, reach:] += state[:, :-reach] @ carry
            reach *= 2
        self._state = state[:, -1]
        return state[:, :-1]


class TruePeak:
    """The highest point between the samples, by the four-fold interpolation of BS.1770-5, annex 2.

    A block is interpolated only where that could raise the peak found so far: the interpolated value cannot exceed
    the block's own peak by more than the filter's gain, so nothing is missed.
    """

    #: The published filter: its first two phases; the other two are these reversed.
    _PHASES = (
        (0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625,
         0.97216796875, -0.102294921875, 0.047607421875, -0.026611328125, 0.014892578125, -0.00830078125),
        (-0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625,
         0.77978515625, -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375),
    )  # fmt: skip
    _TAPS = 12
    _FIRST_LOOK = 16  # blocks, the loudest, that set the mark for the rest

    def __init__(self, channels: int) -> None:
        phases = np.array([*self._PHASES, *(phase[::-1] for phase in self._PHASES)])
        self._gain = float(np.abs(phases).sum(axis=1).max())
        self._filter = np.zeros((self._TAPS - 1 + BLOCK, len(phases), BLOCK), np.float32)
        for tap in range(self._TAPS):
            for sample in range(BLOCK):
                self._filter[sample + self._TAPS - 1 - tap, :, sample] = phases[:, tap]
        self._filter = self._filter.reshape(len(self._filter), -1)
        self._before = np.zeros((channels, self._TAPS - 1), np.float32)
        self._peak_before = np.zeros((channels, 1), np.float32)
        self.peak = 0.0

    def feed(self, sound: Sound, peaks: Sound) -> None:
        """Whole blocks, and the peak of each (channels, blocks)."""
        self.peak = max(self.peak, float(peaks.max()))
        reach = np.maximum(peaks, np.concatenate((self._peak_before, peaks[:, :-1]), axis=1)) * self._gain
        if reach.max() > self.peak:
            padded = np.concatenate((self._before, sound), axis=1)
            candidates = np.argwhere(reach > self.peak)
            order = np.argsort(-reach[tuple(candidates.T)], kind="stable")
            first, rest = candidates[order[: self._FIRST_LOOK]], candidates[order[self._FIRST_LOOK :]]
            self._look(padded, first)
            self._look(padded, rest[reach[tuple(rest.T)] > self.peak])
        self._before = sound[:, -(self._TAPS - 1) :].copy()
        self._peak_before = peaks[:, -1:]

    @property
    def dbtp(self) -> float | None:
        """None for digital silence."""
        return 20 * math.log10(self.peak) if self.peak > 0 else None

    def _look(self, padded: Sound, blocks: npt.NDArray[np.intp]) -> None:
        if not len(blocks):
            return
        columns = blocks[:, 1:] * BLOCK + np.arange(len(self._filter))
        between = padded[blocks[:, :1], columns] @ self._filter
        self.peak = max(self.peak, float(between.max()), -float(between.min()))


class Silence:
    """Where the sound begins, where it ends, and the longest hole in it."""

    def __init__(self) -> None:
        self._blocks = 0
        self._first: int | None = None
        self._last = -1
        self._hole = 0

    def feed(self, peaks: npt.NDArray[np.float32]) -> None:
        """The peak of each block over all channels."""
        loud = np.flatnonzero(peaks >= SILENCE_PEAK) + self._blocks
        if len(loud):
            if self._first is None:
                self._first = int(loud[0])
                self._last = int(loud[0])
            holes = np.diff(loud, prepend=self._last) - 1
            self._hole = max(self._hole, int(holes.max()))
            self._last = int(loud[-1])
        self._blocks += len(peaks)

    def seconds(self, samples: int, rate: int) -> tuple[float, float, float]:
        """(head, tail, longest inside); a file without any sound is all head."""
        if self._first is None:
            return samples / rate, 0.0, 0.0
        tail = max(0, samples - (self._last + 1) * BLOCK)
        return self._first * BLOCK / rate, tail / rate, self._hole * BLOCK / rate


def clipped_samples(sound: Sound) -> int:
    """Samples in runs at full scale."""
    high = np.abs(sound) >= CLIPPED_PEAK
    runs = high[:, :-2] & high[:, 1:-1] & high[:, 2:]
    member = np.zeros_like(high)
    for offset in range(_CLIPPED_RUN):
        member[:, offset : offset + runs.shape[1]] |= runs
    return int(np.count_nonzero(member))


def block_peaks(sound: Sound) -> Sound:
    """The peak of every block, (channels, blocks)."""
    return np.asarray(np.abs(sound).reshape(len(sound), -1, BLOCK).max(axis=2))


def _k_weighting(rate: int) -> tuple[npt.NDArray[np.float64], ...]:
    """The K-weighting filter as a state-space system (A, B, C, D) of order four at this sample rate.

    BS.1770 prints coefficients for 48 kHz only; these are its two analogue prototypes (a shelf and a high-pass,
    as recovered by the EBU's reference implementations), put through the bilinear transform at our rate.
    """
    shelf_hz, shelf_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k, high = math.tan(math.pi * shelf_hz / rate), 10 ** (shelf_db / 20)
    band = high**0.4996667741545416
    shelf = _biquad(
        (high + band * k / shelf_q + k * k, 2 * (k * k - high), high - band * k / shelf_q + k * k), k, shelf_q
    )
    k = math.tan(math.pi * pass_hz / rate)
    scale = 1 + k / pass_q + k * k
    rumble = _biquad((scale, -2 * scale, scale), k, pass_q)
    return _cascade(shelf, rumble)


def _biquad(numerator: tuple[float, float, float], k: float, q: float) -> tuple[npt.NDArray[np.float64], ...]:
    scale = 1 + k / q + k * k
    b0, b1, b2 = (value / scale for value in numerator)
    a1, a2 = 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale
    a = np.array([[-a1, 1.0], [-a2, 0.0]])
    return a, np.array([b1 - a1 * b0, b2 - a2 * b0]), np.array([1.0, 0.0]), np.array(b0)


def _cascade(
    first: tuple[npt.NDArray[np.float64], ...], second: tuple[npt.NDArray[np.float64], ...]
) -> tuple[npt.NDArray[np.float64], ...]:
    a1, b1, c1, d1 = first
    a2, b2, c2, d2 = second
    a = np.block([[a1, np.zeros((2, 2))], [np.outer(b2, c1), a2]])
    return a, np.concatenate((b1, b2 * d1)), np.concatenate((d2 * c1, c2)), d2 * d1


def _until_forgotten(step: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float32]]:
    """The step's powers 1, 2, 4, ... (transposed, for rows), as long as they matter."""
    powers = []
    while np.abs(step).max() > 1e-9:
        powers.append(step.T.astype(np.float32))
        step = step @ step
    return powers


def _channel_weights(channels: int) -> npt.NDArray[np.float64]:
    """Left, right, centre, effects, surrounds in the order of WAVE files; up to four channels all count alike."""
    weights = np.ones(channels)
    if channels > 4:
        weights[4:] = Loudness.SURROUND_WEIGHT
    if channels > 5:
        weights[3] = 0.0
    elif channels == 5:
        weights[3] = Loudness.SURROUND_WEIGHT
    return weights


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power)
