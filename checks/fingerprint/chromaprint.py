"""The acoustic fingerprint of a recording: eight 32-bit sub-prints a second, the same bits as AcoustID's.

The published default algorithm of Chromaprint ("TEST2"): spectra of overlapping frames are folded to twelve pitch
classes, smoothed over time and normalised, and sixteen rectangle filters over that picture give two bits each.
Two implementations give the same bits: libchromaprint where the system has it, and this port everywhere else.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

try:
    import chromaprint as _library
except ImportError:  # pyacoustid's binding finds no libchromaprint on this machine
    _library = None

Samples = npt.NDArray[np.int16]
SubPrints = npt.NDArray[np.uint32]

#: What the fingerprint listens to: mono, at this rate.
SAMPLE_RATE = 11025

_FRAME = 4096
_FRAMES_AT_ONCE = 64  # spectra that are held in memory together
_HOP = _FRAME // 3
LOWEST_HZ, HIGHEST_HZ = 28, 3520
TUNING_HZ = 440 / 16  # the A from which pitch classes are counted
SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
QUIET = 0.01  # a row below this norm is silence and becomes zeros
WINDOW_ROWS = 16  # the widest filter, in rows
_GRAY = np.array([0, 1, 3, 2], np.uint32)

#: The sixteen classifiers: (filter type, lowest band, bands, rows, and the three thresholds between its four values).
CLASSIFIERS = (
    (0, 4, 3, 15, 1.98215, 2.35817, 2.63523),
    (4, 4, 6, 15, -1.03809, -0.651211, -0.282167),
    (1, 0, 4, 16, -0.298702, 0.119262, 0.558497),
    (3, 8, 2, 12, -0.105439, 0.0153946, 0.135898),
    (3, 4, 4, 8, -0.142891, 0.0258736, 0.200632),
    (4, 0, 3, 5, -0.826319, -0.590612, -0.368214),
    (1, 2, 2, 9, -0.557409, -0.233035, 0.0534525),
    (2, 7, 3, 4, -0.0646826, 0.00620476, 0.0784847),
    (2, 6, 2, 16, -0.192387, -0.029699, 0.215855),
    (2, 1, 3, 2, -0.0397818, -0.00568076, 0.0292026),
    (5, 10, 1, 15, -0.53823, -0.369934, -0.190235),
    (3, 6, 2, 10, -0.124877, 0.0296483, 0.139239),
    (2, 1, 1, 14, -0.101475, 0.0225617, 0.231971),
    (3, 5, 6, 4, -0.0799915, -0.00729616, 0.063262),
    (1, 9, 2, 12, -0.272556, 0.019424, 0.302559),
    (3, 4, 2, 14, -0.164292, -0.0321188, 0.0846339),
)


class Fingerprinter(Protocol):
    """Takes mono 16-bit samples at SAMPLE_RATE piece by piece, and gives the sub-prints of the whole."""

    def feed(self, samples: Samples) -> None: ...

    def finish(self) -> SubPrints: ...


def choose_fingerprinter() -> Fingerprinter:
    """The fastest one at hand."""
    return LibraryFingerprinter() if _library is not None else BuiltInFingerprinter()


def describe_backend() -> str:
    """Which implementation ``fingerprinter()`` gives, with its version."""
    if _library is None:
        return "built-in"
    return f"libchromaprint {_library._libchromaprint.chromaprint_get_version().decode()}"


class LibraryFingerprinter:
    """The C library, through pyacoustid's binding."""

    def __init__(self) -> None:
        self._native = _library.Fingerprinter()
        self._native.start(SAMPLE_RATE, 1)

    def feed(self, samples: Samples) -> None:
        self._native.feed(samples.astype("<i2", copy=False).tobytes())

    def finish(self) -> SubPrints:
        items, _algorithm = _library.decode_fingerprint(self._native.finish())
        return np.array(items, np.uint32)


class BuiltInFingerprinter:
    """The same in NumPy; bounded memory, twelve numbers kept a frame."""

    def __init__(self) -> None:
        self._pending = np.empty(0, np.int16)
        self._chroma: list[npt.NDArray[np.float64]] = []

    def feed(self, samples: Samples) -> None:
        pending = np.concatenate((self._pending, samples))
        frames = max(0, (len(pending) - _FRAME) // _HOP + 1)
        for first in range(0, frames, _FRAMES_AT_ONCE):
            last = min(first + _FRAMES_AT_ONCE, frames)
            piece = pending[first * _HOP : (last - 1) * _HOP + _FRAME]
            self._chroma.append(_fold_to_chroma(sliding_window_view(piece, _FRAME)[::_HOP]))
        self._pending = pending[frames * _HOP :]

    def finish(self) -> SubPrints:
        if not self._chroma:
            return np.empty(0, np.uint32)
        return _classify_windows(_normalise_frames(_smooth_chroma(np.concatenate(self._chroma))))


def _pitch_classes() -> tuple[slice, npt.NDArray[np.float64]]:
    """The bins that count, and a matrix (bins x 12) that sums each into its pitch class."""
    bins = slice(round(LOWEST_HZ * _FRAME / SAMPLE_RATE), round(HIGHEST_HZ * _FRAME / SAMPLE_RATE))
    hertz = np.arange(bins.start, bins.stop) * SAMPLE_RATE / _FRAME
    octave = np.log2(hertz / TUNING_HZ)
    classes = (12 * (octave - np.floor(octave))).astype(int)
    return bins, np.eye(12)[classes]


_BINS, _FOLDING = _pitch_classes()
_WINDOW = (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_FRAME) / (_FRAME - 1))) / 32767


def _fold_to_chroma(frames: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Frames (n x 4096) to the energy of each pitch class (n x 12)."""
    spectra = np.fft.rfft(frames * _WINDOW)[:, _BINS]
    return np.asarray((spectra.real**2 + spectra.imag**2) @ _FOLDING)


def _smooth_chroma(chroma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rows = max(0, len(chroma) - len(SMOOTHING) + 1)
    smooth = np.zeros((rows, 12))
    for offset, weight in enumerate(SMOOTHING):
        smooth += weight * chroma[offset : offset + rows]
    return smooth


def _normalise_frames(chroma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    norm = np.sqrt((chroma**2).sum(axis=1, keepdims=True))
    return np.where(norm < QUIET, 0.0, chroma / np.maximum(norm, QUIET))


def _classify_windows(chroma: npt.NDArray[np.float64]) -> SubPrints:
    """Rows of the picture to sub-prints, one for every window of sixteen rows."""
    count = len(chroma) - WINDOW_ROWS + 1
    if count < 1:
        return np.empty(0, np.uint32)
    table = np.zeros((len(chroma) + 1, 13))  # summed-area table
    table[1:, 1:] = chroma.cumsum(axis=0).cumsum(axis=1)
    prints = np.zeros(count, np.uint32)
    for kind, band, bands, rows, *thresholds in CLASSIFIERS:
        plus, minus = _sum_filter_rectangles(table, count, kind, band, bands, rows)
        value = np.log((1 + plus) / (1 + minus))
        prints = (prints << np.uint32(2)) | _GRAY[np.searchsorted(thresholds, value, side="right")]
    return prints


def _sum_filter_rectangles(
    table: npt.NDArray[np.float64], count: int, kind: int, band: int, bands: int, rows: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The energy under the light and under the dark rectangles of one filter, at every position."""

    def area(row: int, low: int, row_end: int, high: int) -> npt.NDArray[np.float64]:
        top, bottom = table[row : row + count], table[row_end : row_end + count]
        return np.asarray(bottom[:, high] - bottom[:, low] - top[:, high] + top[:, low])

    end, half, third = band + bands, band + bands // 2, bands // 3
    middle, rows_third = rows // 2, rows // 3
    match kind:
        case 0:
            return area(0, band, rows, end), np.zeros(count)
        case 1:
            return area(0, half, rows, end), area(0, band, rows, half)
        case 2:
            return area(middle, band, rows, end), area(0, band, middle, end)
        case 3:
            return (
                area(0, half, middle, end) + area(middle, band, rows, half),
                area(0, band, middle, half) + area(middle, half, rows, end),
            )
        case 4:
            return (
                area(0, band + third, rows, band + 2 * third),
                area(0, band, rows, band + third) + area(0, band + 2 * third, rows, end),
            )
        case _:
            return (
                area(rows_third, band, 2 * rows_third, end),
                area(0, band, rows_third, end) + area(2 * rows_third, band, rows, end),
            )
