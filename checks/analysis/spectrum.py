"""The average spectrum of a recording: how far up it reaches, and how much of it is noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_FRAME = 4096
#: Bands of so many bins (215 Hz at 44.1 kHz) are averaged before the end is looked for: single bins flutter.
_BAND_BINS = 20
#: A band carries sound if it is less than so far below the strongest one. The noise of 16-bit dither lies deeper
#: under music at its usual level, and so does what a lossy encoder leaves above its low-pass.
_REACH_DB = 80.0
#: Flatness is taken from here up: below are hum, rumble and offset.
_LOWEST_HZ = 20.0


class Spectrum:
    """Looks at one frame of every piece that it is fed: enough for an average, at a few percent of the cost."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._window = np.hanning(_FRAME).astype(np.float32)
        self._power = np.zeros(_FRAME // 2 + 1)
        self._frames = 0

    def feed(self, sound: npt.NDArray[np.float32]) -> None:
        """(channels, samples); the powers of the channels are added, so none can hide another."""
        start = max(0, (sound.shape[1] - _FRAME) // 2)
        piece = sound[:, start : start + _FRAME]
        if piece.shape[1] < _FRAME:
            piece = np.pad(piece, ((0, 0), (0, _FRAME - piece.shape[1])))
        spectra = np.fft.rfft(piece * self._window)
        self._power += (spectra.real**2 + spectra.imag**2).sum(axis=0)
        self._frames += 1

    def bandwidth_hz(self) -> float | None:
        """The upper end of the highest band that carries sound; None for silence."""
        bands = self._power[1 : 1 + (len(self._power) - 1) // _BAND_BINS * _BAND_BINS].reshape(-1, _BAND_BINS)
        level = bands.mean(axis=1)
        if not level.max() > 0:
            return None
        highest = int(np.flatnonzero(level > level.max() * 10 ** (-_REACH_DB / 10))[-1])
        return min(self._rate / 2, (highest + 1) * _BAND_BINS * self._rate / _FRAME)

    def flatness(self) -> float | None:
        """Geometric over arithmetic mean of the average power spectrum: 1 is white noise; None for silence."""
        power = self._power[int(np.ceil(_LOWEST_HZ * _FRAME / self._rate)) :]
        if not power.max() > 0:
            return None
        floor = power.max() * 1e-15
        return float(np.exp(np.log(np.maximum(power, floor)).mean()) / power.mean())
