"""A small picture of a recording's sound, from which its fingerprint at any other speed and pitch can be drawn later.

The picture holds the energy of 557 bands in every frame that Chromaprint listens to. The bands are narrow enough
that the borders between semitones may be moved afterwards: some 100 kB for three minutes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

# Nothing that Numba compiles is imported here: the shut-in child paints, and needs no compiler (docs/adr/0070).
Floats: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Int32s: TypeAlias = npt.NDArray[np.int32]

#: Chromaprint's hearing: mono at this rate, frames of so many samples, one every third of a frame.
SAMPLE_RATE = 11025
FRAME = 4096
HOP = FRAME // 3

#: The bands begin as single bins (2.7 Hz) and become steps of a tenth of a semitone where those are wider. Steps of
#: a fifth, from bin 60 on, cost 40 % of the keys that survive a change of speed (0.19 instead of 0.37).
LOWEST_BIN, SINGLE_BINS, HIGHEST_BIN = 7, 100, 1660
BAND_RATIO = 2 ** (0.1 / 12)

#: Amplitudes are kept in so many steps of the loudest band of their frame. Twice as many cost 60 % more bytes and add
#: a fiftieth to the keys that survive.
LEVELS = 15

#: A frame's loudest energy is kept in steps of a 64th of an octave: far finer than the levels.
SCALE_STEPS = 64
_QUIETEST = -400.0  # octaves, for digital silence

#: Longer recordings have a picture of their first half hour: 1 MB, and 100 MB while it is looked at.
LONGEST_SECONDS = 30 * 60
_MOST_FRAMES = LONGEST_SECONDS * SAMPLE_RATE // HOP

#: Raise it with anything above: pictures of another version are not looked at.
VERSION = 1
_HEADER = struct.Struct("<HI")  # version, frames
_TOGETHER = 128  # frames that are transformed and packed together

_WINDOW = ((0.54 - 0.46 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))) / 32767).astype(np.float32)


def _compute_band_edges() -> Floats:
    edges = [number - 0.5 for number in range(LOWEST_BIN, SINGLE_BINS + 2)]
    while edges[-1] * BAND_RATIO < HIGHEST_BIN:
        edges.append(max(edges[-1] + 1, edges[-1] * BAND_RATIO))
    return np.array(edges)


#: Where the bands begin and end, in bins; a bin reaches half a bin to both sides. Shape (bands + 1,).
EDGES = _compute_band_edges()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The energy of every band, shape (bands, frames), between ``edges`` (in bins)."""

    energy: Singles | Floats
    edges: Floats

    @property
    def frames(self) -> int:
        return int(self.energy.shape[1])


class Painter:
    """Takes mono 16-bit samples at SAMPLE_RATE piece by piece and gives the packed picture; bounded memory."""

    def __init__(self) -> None:
        self._pending = np.empty(0, np.int16)
        self._packer = zlib.compressobj(strategy=zlib.Z_RLE)  # levels repeat in runs: smaller, and four times as fast
        self._packed: list[bytes] = []
        self._scales: list[Int32s] = []
        self._frames = 0

    def feed(self, samples: npt.NDArray[np.int16]) -> None:
        if self._frames >= _MOST_FRAMES:
            return
        self._pending = np.concatenate((self._pending, samples))
        while self._pending.size >= FRAME + (_TOGETHER - 1) * HOP:
            self._take(_TOGETHER)

    def finish(self) -> bytes:
        """The packed picture; empty where there is no whole frame."""
        rest = (self._pending.size - FRAME) // HOP + 1
        if rest > 0 and self._frames < _MOST_FRAMES:
            self._take(rest)
        if not self._frames:
            return b""
        scales = np.diff(np.concatenate(self._scales), prepend=0).astype("<i4").tobytes()
        levels = b"".join((*self._packed, self._packer.flush()))
        return _HEADER.pack(VERSION, self._frames) + zlib.compress(scales) + levels

    def _take(self, frames: int) -> None:
        windows = sliding_window_view(self._pending, FRAME)[: frames * HOP : HOP]
        spectra = np.fft.rfft(windows * _WINDOW)[:, :HIGHEST_BIN]
        energy = sum_into_bands(np.asarray(spectra.real**2 + spectra.imag**2, np.float32))
        loudest = energy.max(axis=1, keepdims=True)
        heard = np.maximum(loudest, np.float32(2.0**-100))
        levels = np.rint(np.sqrt(energy / heard) * LEVELS).astype(np.uint8)
        octaves = np.where(loudest > 0, np.log2(heard.astype(np.float64)), _QUIETEST)
        self._scales.append(np.rint(octaves[:, 0] * SCALE_STEPS).astype(np.int32))
        self._packed.append(self._packer.compress(np.ascontiguousarray(levels.T).tobytes()))
        self._frames += frames
        self._pending = self._pending[frames * HOP :]


def sum_into_bands(power: Singles) -> Singles:
    """Power spectra (frames x bins) as the energy of the bands (frames x bands)."""
    singles = SINGLE_BINS + 1 - LOWEST_BIN
    wide = power[:, SINGLE_BINS + 1 :]
    total = np.zeros((len(power), wide.shape[1] + 2), np.float32)
    np.cumsum(wide, axis=1, out=total[:, 1:-1])
    total[:, -1] = total[:, -2]  # what ends above the highest bin has all there is
    place = np.minimum(EDGES[singles:] - (SINGLE_BINS + 0.5), wide.shape[1])
    whole = place.astype(np.int64)
    at = total[:, whole] + (total[:, whole + 1] - total[:, whole]) * (place - whole).astype(np.float32)
    energy: Singles = np.empty((len(power), EDGES.size - 1), np.float32)
    energy[:, :singles] = power[:, LOWEST_BIN : SINGLE_BINS + 1]
    np.maximum(np.diff(at, axis=1), 0, out=energy[:, singles:])
    return energy


def unpack_band_spectrogram(packed: bytes) -> Picture | None:
    """The picture again; None where there is none, or one of another version.

    Raises ValueError where the bytes are not what was packed.
    """
    if not packed:
        return None
    try:
        version, frames = _HEADER.unpack_from(packed)
        if version != VERSION:
            return None
        if frames > _MOST_FRAMES + _TOGETHER:
            raise ValueError(f"a picture of {frames} frames is longer than any that is packed")
        bands = EDGES.size - 1
        steps, rest = _inflate_exactly(packed[_HEADER.size :], 4 * frames)
        levels, _ = _inflate_exactly(rest, bands * frames)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"this is no picture: {error}") from error
    scales = np.exp2(np.cumsum(np.frombuffer(steps, "<i4"), dtype=np.float64) / SCALE_STEPS)
    amplitude = np.concatenate(
        [part.reshape(bands, -1) for part in np.split(np.frombuffer(levels, np.uint8), _find_pack_cuts(frames, bands))],
        axis=1,
    )
    squares = ((np.arange(256) / LEVELS) ** 2).astype(np.float32)
    return Picture(squares[amplitude] * scales.astype(np.float32), EDGES)


def _find_pack_cuts(frames: int, bands: int) -> list[int]:
    """Where the lots of frames begin that were packed together, but for the first."""
    return list(range(_TOGETHER * bands, frames * bands, _TOGETHER * bands))


def _inflate_exactly(packed: bytes, size: int) -> tuple[bytes, bytes]:
    """What was packed, of exactly this size, and the bytes behind it."""
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(packed, size + 1)
    if len(content) != size:
        raise ValueError(f"this is no picture: {len(content)} bytes instead of {size}")
    if not unpacker.eof:  # nothing is left but the checksum
        unpacker.decompress(unpacker.unconsumed_tail, 1)
    return content, unpacker.unused_data
