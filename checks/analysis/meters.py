"""How loud, how silent, how clipped: what a meter bridge would show, measured while the sound streams past."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Sound = npt.NDArray[np.float32]  # (channels, samples), full scale is 1

#: Peaks and silence are found in blocks of so many samples (6 ms at 44.1 kHz).
BLOCK = 256

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
    _RUN = 64  # samples that one row of the matrix product filters; divides BLOCK
    _GROUP = 8  # runs; one row of the second product finds their states

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._weights = _channel_weights(channels)
        a, b, c, d = _k_weighting(rate)
        powers = [np.linalg.matrix_power(a, n) for n in range(self._RUN + 1)]
        impulse = np.array([float(d), *(float(c @ power @ b) for power in powers[: self._RUN - 1])])
        lags = np.arange(self._RUN)[None, :] - np.arange(self._RUN)[:, None]
        filtered = np.where(lags >= 0, impulse[np.maximum(lags, 0)], 0)
        ringing = np.stack([c @ power for power in powers[: self._RUN]], axis=1)
        left_behind = np.stack([power @ b for power in reversed(powers[: self._RUN])])
        # One product gives a run's filtered samples, the state it leaves behind, and the filtered samples'
        # likeness to the ringing of whatever came before: enough for the energy of filtered plus ringing.
        self._product = np.concatenate((filtered, left_behind, filtered @ ringing.T), axis=1).astype(np.float32)
        self._ringing_energy = (ringing @ ringing.T).astype(np.float32)
        self._within_group, self._into_group = _chain_filter_states(powers[-1], self._GROUP)
        group = np.linalg.matrix_power(powers[-1], self._GROUP)
        self._carry = [np.kron(np.eye(channels), power).astype(np.float32) for power in _until_forgotten(group)]
        self._state = np.zeros((channels, 4), np.float32)
        self._runs = 0
        self._energy: list[tuple[int, npt.NDArray[np.float64]]] = []  # first slot, energy of it and those after

    def feed(self, sound: Sound) -> None:
        """Whole blocks only."""
        channels = len(sound)
        product = sound.reshape(-1, self._RUN) @ self._product
        filtered = product[:, : self._RUN]
        left_behind, likeness = product[:, self._RUN : -4], product[:, -4:]
        state = self._states(left_behind.reshape(channels, -1, 4))
        energy = np.einsum("ij,ij->i", filtered, filtered)
        energy += (state * (state @ self._ringing_energy + 2 * likeness)).sum(axis=1)
        runs = len(energy) // channels
        slots = np.arange(self._runs, self._runs + runs) * self._RUN * self._SLOTS_A_SECOND // self._rate
        weighted = self._weights @ energy.reshape(channels, runs)
        self._energy.append((int(slots[0]), np.bincount(slots - slots[0], weights=weighted).astype(np.float64)))
        self._runs += runs

    def integrated(self, samples: int) -> float | None:
        """LUFS of so many samples; None where no window passes the gates."""
        whole = samples * self._SLOTS_A_SECOND // self._rate
        if whole < self._WINDOW_SLOTS:
            return None
        slots = np.zeros(self._energy[-1][0] + len(self._energy[-1][1]))
        for first, energy in self._energy:
            slots[first : first + len(energy)] += energy
        edges = -(-np.arange(whole + 1) * self._rate // (self._SLOTS_A_SECOND * self._RUN)) * self._RUN
        sums = np.concatenate(([0.0], slots[:whole].cumsum()))
        power = (sums[self._WINDOW_SLOTS :] - sums[: -self._WINDOW_SLOTS]) / (
            edges[self._WINDOW_SLOTS :] - edges[: -self._WINDOW_SLOTS]
        )
        audible = power[power > _lufs_to_power(self.ABSOLUTE_GATE)]
        if not len(audible):
            return None
        gated = audible[audible > audible.mean() * 10 ** (self.RELATIVE_GATE / 10)]
        return _power_to_lufs(float(gated.mean()))

    def _states(self, left_behind: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The filter's state before each run (channels * runs, 4), from what each run alone leaves behind."""
        channels, runs, _ = left_behind.shape
        groups = runs // self._GROUP + 1  # with room for the state after the last run
        alone = np.zeros((channels, groups * self._GROUP, 4), np.float32)
        alone[:, :runs] = left_behind
        within = (alone.reshape(channels * groups, -1) @ self._within_group).reshape(channels, groups, -1)
        before = np.concatenate((self._state[:, None], within[:, :-1, -4:]), axis=1)
        before = before.transpose(1, 0, 2).reshape(groups, -1)
        reach = 1
        for carry in self._carry:  # each step doubles how far back a group is remembered
            before[reach:] += before[:-reach] @ carry
            reach *= 2
        before = before.reshape(groups, channels, 4).transpose(1, 0, 2)
        state = (within[:, :, :-4] + before @ self._into_group).reshape(channels, -1, 4)
        self._state = state[:, runs].copy()
        return state[:, :runs].reshape(-1, 4)


class TruePeak:
    """The highest point between the samples, by the four-fold interpolation of BS.1770-5, annex 2.

    Interpolating everything would cost more than all other meters together. A block is interpolated only where that
    could raise the peak found so far: an interpolated value is bounded by the samples around it, more closely by
    the samples and the steps between them. Both bounds are exact, so nothing is missed.
    """

    #: The published filter: its first two phases; the other two are these reversed.
    _PHASES = (
        (0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625,
         0.97216796875, -0.102294921875, 0.047607421875, -0.026611328125, 0.014892578125, -0.00830078125),
        (-0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625,
         0.77978515625, -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375),
    )  # fmt: skip
    _MEMORY = 11  # samples before the present one that the filter sees
    _RUN = 32  # samples that one row of the matrix product interpolates; divides BLOCK
    _FIRST_LOOK = 4  # blocks, the likeliest, that set the mark for the rest

    def __init__(self, channels: int) -> None:
        phases = np.array([*self._PHASES, *(phase[::-1] for phase in self._PHASES)])
        self._gain = float(np.abs(phases).sum(axis=1).max())
        self._sample_gain, self._step_gain = np.max([_interpolation_gains(phase) for phase in phases], axis=0)
        product = np.zeros((self._MEMORY + self._RUN, len(phases), self._RUN), np.float32)
        for sample in range(self._RUN):
            product[sample : sample + self._MEMORY + 1, :, sample] = phases[:, ::-1].T
        self._product = product.reshape(len(product), -1)
        self._before = np.zeros((channels, self._MEMORY), np.float32)
        self._peak_before = np.zeros((channels, 1), np.float32)
        self.peak = 0.0

    def feed(self, sound: Sound, peaks: Sound) -> None:
        """Whole blocks, and the peak of each (channels, blocks)."""
        self.peak = max(self.peak, float(peaks.max()))
        around = np.maximum(peaks, np.concatenate((self._peak_before, peaks[:, :-1]), axis=1))
        channel, block = np.nonzero(around * self._gain > self.peak)
        if len(block):
            padded = np.concatenate((self._before, sound), axis=1)
            windows = sliding_window_view(padded, self._MEMORY + BLOCK, axis=1)[channel, block * BLOCK]
            steps = np.abs(np.diff(windows, axis=1)).max(axis=1)
            bound = around[channel, block] * self._sample_gain + steps * self._step_gain
            likeliest = np.argsort(-bound)[: self._FIRST_LOOK]
            self._interpolate(windows[likeliest])
            bound[likeliest] = 0
            self._interpolate(windows[bound > self.peak])
        self._before = sound[:, -self._MEMORY :].copy()
        self._peak_before = peaks[:, -1:]

    @property
    def dbtp(self) -> float | None:
        """None for digital silence."""
        return 20 * math.log10(self.peak) if self.peak > 0 else None

    def _interpolate(self, windows: Sound) -> None:
        """Blocks with what precedes them, (n, _MEMORY + BLOCK)."""
        if not len(windows):
            return
        runs = sliding_window_view(windows, self._MEMORY + self._RUN, axis=1)[:, :: self._RUN]
        between = runs.reshape(-1, self._MEMORY + self._RUN) @ self._product
        self.peak = max(self.peak, float(between.max()), -float(between.min()))


def _interpolation_gains(phase: npt.NDArray[np.float64]) -> tuple[float, float]:
    """How far the interpolated value follows the sample beside it, and how far the steps around it.

    The weighted samples are rewritten as one sample times the sum of the weights, plus each step times the sum of
    the weights beyond it.
    """
    nearest = int(np.abs(phase).argmax())
    before, after = phase[:nearest], phase[nearest + 1 :]
    steps = np.abs(before.cumsum()).sum() + np.abs(after[::-1].cumsum()).sum()
    return abs(float(phase.sum())), float(steps)


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
    peaks: Sound = np.abs(sound).reshape(len(sound), -1, BLOCK).max(axis=2)
    return peaks


def _k_weighting(rate: int) -> tuple[npt.NDArray[np.float64], ...]:
    """The K-weighting filter as a state-space system (A, B, C, D) of order four at this sample rate.

    BS.1770 prints coefficients for 48 kHz only; these are its two analogue prototypes (a shelf and a high-pass,
    as recovered by the EBU's reference implementations), put through the bilinear transform at our rate.
    """
    shelf_hz, shelf_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k, high = math.tan(math.pi * shelf_hz / rate), 10 ** (shelf_db / 20)
    band = high**0.4996667741545416
    shelf = _design_biquad(
        (high + band * k / shelf_q + k * k, 2 * (k * k - high), high - band * k / shelf_q + k * k), k, shelf_q
    )
    k = math.tan(math.pi * pass_hz / rate)
    scale = 1 + k / pass_q + k * k
    rumble = _design_biquad((scale, -2 * scale, scale), k, pass_q)
    return _cascade_filters(shelf, rumble)


def _design_biquad(numerator: tuple[float, float, float], k: float, q: float) -> tuple[npt.NDArray[np.float64], ...]:
    scale = 1 + k / q + k * k
    b0, b1, b2 = (value / scale for value in numerator)
    a1, a2 = 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale
    a = np.array([[-a1, 1.0], [-a2, 0.0]])
    return a, np.array([b1 - a1 * b0, b2 - a2 * b0]), np.array([1.0, 0.0]), np.array(b0)


def _cascade_filters(
    first: tuple[npt.NDArray[np.float64], ...], second: tuple[npt.NDArray[np.float64], ...]
) -> tuple[npt.NDArray[np.float64], ...]:
    a1, b1, c1, d1 = first
    a2, b2, c2, d2 = second
    a = np.block([[a1, np.zeros((2, 2))], [np.outer(b2, c1), a2]])
    return a, np.concatenate((b1, b2 * d1)), np.concatenate((d2 * c1, c2)), d2 * d1


def _chain_filter_states(
    step: npt.NDArray[np.float64], runs: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """How the state before each of so many runs, and after the last, follows from theirs and from the one before.

    Returns matrices (4 * runs, 4 * (runs + 1)) and (4, 4 * runs) for row vectors.
    """
    powers = [np.linalg.matrix_power(step, n).T for n in range(runs)]
    within = np.zeros((runs, 4, runs + 1, 4))
    for run in range(runs):
        for later in range(run + 1, runs + 1):
            within[run, :, later] = powers[later - run - 1]
    return within.reshape(4 * runs, -1).astype(np.float32), np.concatenate(powers, axis=1).astype(np.float32)


def _until_forgotten(step: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The step's powers 1, 2, 4, ... (transposed, for rows), as long as they matter."""
    powers = []
    while np.abs(step).max() > _FORGOTTEN:
        powers.append(step.T)
        step = step @ step
    return powers


#: A state that is passed on with less than this weight has no part in any energy that 32-bit floats can tell.
_FORGOTTEN = 1e-9


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


def _lufs_to_power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _power_to_lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power)
