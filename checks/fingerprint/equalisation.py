"""How loud low and high are in a recording, brought to what recordings usually have.

Chromaprint hears which notes are loud. A telephone, an equaliser or a bass control leaves the notes and changes which
of them are loudest, so that few keys survive. What is usual is known well enough to undo that without the original.
"""

from __future__ import annotations

import numpy as np

from checks.fingerprint.band_spectrogram import FRAME, SAMPLE_RATE, Floats, Picture

#: The usual energy at each pitch (Hz) in decibels a hertz, the median of the recordings that thresholds are chosen on
#: (``benchmarks/robustness.py``): evened with the curve of each recording itself, no more is found.
_USUAL = {30: -13.4, 60: -1.9, 120: -0.3, 250: -2.4, 500: -5.5, 1000: -12.9, 2000: -22.4, 3500: -29.8}

#: What is an octave wide is balance, what is narrower is music. Of half an octave and of two a telephone leaves less.
_OCTAVES = 1.0

#: More is never added or taken: what lies that deep is noise.
_MOST_DECIBELS = 40.0


def equalise_bands(picture: Picture) -> Picture:
    """The picture with its balance brought to the usual one; the same where it is silent."""
    factors = 10 ** (_compute_band_gains(picture) / 10)
    return Picture(picture.energy * factors[:, None].astype(picture.energy.dtype), picture.edges)


def _compute_band_gains(picture: Picture) -> Floats:
    """What each band lacks, in decibels; shape (bands,)."""
    edges = picture.edges
    total = np.concatenate(([0.0], np.cumsum(picture.energy.mean(axis=1, dtype=np.float64))))
    middle = np.sqrt(edges[1:] * edges[:-1])
    low, high = (np.clip(middle * 2 ** (side * _OCTAVES / 2), edges[0], edges[-1]) for side in (-1, 1))
    around = (np.interp(high, edges, total) - np.interp(low, edges, total)) / (high - low)
    if not around.max() > 0:
        return np.zeros(middle.size)
    usual = np.interp(np.log2(middle * SAMPLE_RATE / FRAME), np.log2(list(_USUAL)), list(_USUAL.values()))
    lacking = usual - 10 * np.log10(np.maximum(around, around.max() * 1e-12))
    gains: Floats = np.clip(lacking - np.median(lacking), -_MOST_DECIBELS, _MOST_DECIBELS)
    return gains
