"""Toy decoders of generated sound: frames unfolded into samples by strided convolutions with random weights.

Nothing is trained and nothing is anyone's: what matters for the lattice is where the strides put their lines, and that
is the same in these thirty lines as in a network of millions of weights.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]

#: Kinds of decoder: sample rate and strides. The lines are at multiples of the rate over the product of the strides.
STRIDES: dict[str, tuple[int, tuple[int, ...]]] = {
    "codec at 24 kHz, 75 frames a second": (24_000, (8, 5, 4, 2)),
    "codec at 44.1 kHz, 512-fold": (44_100, (8, 8, 4, 2)),
    "codec at 32 kHz, 50 frames a second": (32_000, (8, 5, 4, 4)),
    "autoencoder at 44.1 kHz, 2048-fold": (44_100, (8, 8, 4, 4, 2)),
    "decoder at 48 kHz, 200 frames a second": (48_000, (8, 6, 5)),
}
_CHANNELS = 6


def frame_rate(name: str) -> float:
    rate, strides = STRIDES[name]
    return rate / math.prod(strides)


def decoded(name: str, seconds: float, seed: int = 1, *, nearest: bool = False) -> Sound:
    """The output of a decoder for random latents. ``nearest``: it repeats samples instead of spreading zeros."""
    rate, strides = STRIDES[name]
    generator = np.random.default_rng(seed)
    frames = int(seconds * rate / math.prod(strides))
    signal = generator.standard_normal((_CHANNELS, frames))
    for stride in strides:
        signal = _layer(signal, stride, generator, nearest)
    mono = signal.sum(axis=0)
    mono -= mono.mean()
    return (mono / np.abs(mono).max()).astype(np.float32)


def _layer(signal: npt.NDArray, stride: int, generator: np.random.Generator, nearest: bool) -> npt.NDArray:
    taps = 2 * stride + 1
    weights = generator.standard_normal((_CHANNELS, _CHANNELS, taps)) / math.sqrt(_CHANNELS * taps)
    if nearest:
        spread = np.repeat(signal, stride, axis=1)
    else:
        spread = np.zeros((_CHANNELS, signal.shape[1] * stride))
        spread[:, ::stride] = signal
    out = np.stack(
        [sum(np.convolve(spread[i], weights[o, i], "same") for i in range(_CHANNELS)) for o in range(_CHANNELS)]
    )
    if nearest:  # without a rectifier: its mean would follow the frames, and leave lines after all
        return out
    out += 0.1 * generator.standard_normal((_CHANNELS, 1))
    return np.where(out > 0, out, 0.2 * out)


def under(music: Sound, sound: Sound, decibels: float) -> Sound:
    """Music with a sound under it, so many dB below."""
    length = min(len(music), len(sound))
    music, sound = music[:length], sound[:length]
    level = np.sqrt(np.mean(music**2) / np.mean(sound**2)) * 10 ** (-decibels / 20)
    mixed = music + np.float32(level) * sound
    return np.asarray(mixed / np.abs(mixed).max() * 0.8, np.float32)


def hiss(like: Sound, seed: int = 2) -> Sound:
    """Noise with the spectrum of a sound, as it wanders, and without its lines: no two frames belong together."""
    generator = np.random.default_rng(seed)
    size = 1024
    window = np.hanning(size).astype(np.float32)
    out = np.zeros(len(like) + size, np.float32)
    for start in range(0, len(like) - size, size // 4):
        spectrum = np.abs(np.fft.rfft(like[start : start + size] * window))
        turned = spectrum * np.exp(2j * np.pi * generator.random(len(spectrum)))
        out[start : start + size] += window * np.fft.irfft(turned)
    return out[: len(like)]


def music(rate: int, seconds: float, seed: int = 3, *, tempo: float = 113.0) -> Sound:
    """Chords of plucked, slightly detuned notes in equal temperament, with a noisy beat: much of it above 4 kHz."""
    generator = np.random.default_rng(seed)
    out = generator.standard_normal(int(seconds * rate)).astype(np.float32) * 2e-4
    beat = 60 / tempo
    for number in range(int(seconds / beat)):
        start = int(number * beat * rate)
        length = min(int(0.45 * rate), len(out) - start)
        time = np.arange(length) / rate
        for note in generator.choice(24, 3, replace=False):
            pitch = 110 * 2 ** (note / 12 + generator.normal(0, 2) / 1200)
            partials = np.arange(1, int(min(11_000, rate / 2.2) / pitch))
            tones = np.sin(2 * np.pi * np.outer(partials[:40], time) * pitch) / partials[:40, None] ** 1.2
            out[start : start + length] += (tones.sum(axis=0) * np.exp(-6 * time) * 0.1).astype(np.float32)
        hit = generator.standard_normal(length) * np.exp(-60 * time) * 0.1
        out[start : start + length] += hit.astype(np.float32)
    return out
