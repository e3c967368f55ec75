"""How a copy is disguised: played at other speeds, shifted, cut, filtered, drowned, encoded, as with any editor."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from checks.analysis import decode
from checks.model.release import AudioFacts
from intake.demo import sounds

Samples = npt.NDArray[np.int16]  # (n,) or (n, channels)
Make = Callable[[Samples, Samples], Samples]  # from the recording and another one
Filters = Sequence[tuple[str, str]]

RATE = 44100

#: Where in a recording the excerpts are cut, as shares of it: none falls on a border between Chromaprint's frames.
EXCERPTS_AT = (0.137, 0.371, 0.613, 0.797)

#: Reverberation that dies away by 60 dB in so many seconds, as loud as the sound itself less so many dB.
REVERB_SECONDS, REVERB_DB = 2.0, -3.0


@dataclass(frozen=True)
class Disguise:
    """A way to disguise a copy, and what it makes of speed and pitch. Several of one name are counted together."""

    name: str
    make: Make
    speed: float = 1.0
    pitch: float = 0.0
    codec: str = "wav"
    bitrate: int | None = None
    quick: bool = False  # among the few that the short run takes


def changed(
    samples: Samples, rate: int = 11025, *, speed: float = 1.0, pitch: float = 0.0, tempo: float = 1.0
) -> Samples:
    """Played faster by ``speed``, higher by ``pitch`` semitones at the same tempo, and at another tempo."""
    frequency = speed * 2 ** (pitch / 12)
    pace = tempo * speed / frequency
    filters: list[tuple[str, str]] = []
    if frequency != 1:
        filters += [("asetrate", str(round(rate * frequency))), ("aresample", str(rate))]
    if abs(pace - 1) > 1e-6:
        filters += [("atempo", f"{pace:.6f}")]
    return filtered(samples, rate, filters)


def filtered(samples: Samples, rate: int, filters: Filters) -> Samples:
    """The samples after FFmpeg's filters, of the same number of channels."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    layout = {1: "mono", 2: "stereo"}[channels]
    graph = av.filter.Graph()
    last = graph.add_abuffer(sample_rate=rate, format="s16", layout=layout)
    source = last
    for name, arguments in [*filters, ("aformat", f"sample_fmts=s16:channel_layouts={layout}:sample_rates={rate}")]:
        node = graph.add(name, arguments)
        last.link_to(node)
        last = node
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout=layout)
    frame.sample_rate = rate
    source.push(frame)
    source.push(None)
    pieces = [frame.to_ndarray().reshape(-1) for frame in _pulled(graph)]
    flat = np.concatenate(pieces) if pieces else np.empty(0, np.int16)
    return flat if samples.ndim == 1 else flat.reshape(-1, channels)


def _pulled(graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def delivered(samples: Samples, codec: str = "wav", bitrate: int | None = None) -> AudioFacts:
    """What the gate measures of them as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"copy.{codec}"
        sounds.encode_demo_audio(samples.astype(np.float32) / 32768, RATE, path, bitrate=bitrate)
        with path.open("rb") as file:
            return decode.measure_audio_file(file, hashlib.sha256(path.read_bytes()).hexdigest())


def decoded(path: Path, seconds: float) -> Samples:
    """The beginning as stereo at RATE; a mono file has twice the same."""
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
    pieces, have = [], 0
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0):
            for part in resampler.resample(frame):
                pieces.append(part.to_ndarray().reshape(-1, 2))
                have += len(pieces[-1])
            if have >= seconds * RATE:
                break
    return np.concatenate(pieces)[: int(seconds * RATE)]


def _speed(factor: float, name: str = "speed {:.2f}", codec: str = "wav") -> Disguise:
    bitrate = None if codec == "wav" else 128_000
    make = lambda a, _: changed(a, RATE, speed=factor)  # noqa: E731
    return Disguise(name.format(factor), make, factor, 0.0, codec, bitrate, quick=factor in (0.85, 1.04))


def _pitch(semitones: float) -> Disguise:
    make = lambda a, _: changed(a, RATE, pitch=semitones)  # noqa: E731
    return Disguise(f"pitch {semitones:+g} st", make, pitch=semitones, quick=semitones == 2)


def _tempo(factor: float) -> Disguise:
    make = lambda a, _: changed(a, RATE, tempo=factor)  # noqa: E731
    return Disguise(f"tempo {factor:.2f}", make, factor, -12 * math.log2(factor))


def _excerpt(seconds: int, place: float) -> Disguise:
    def cut(samples: Samples, _: Samples) -> Samples:
        start = max(0, int(place * (len(samples) - seconds * RATE)))
        return samples[start : start + seconds * RATE]

    return Disguise(f"{seconds} s, MP3 128k", cut, codec="mp3", bitrate=128_000, quick=seconds in (10, 30))


def _filtered(name: str, *filters: tuple[str, str], quick: bool = False) -> Disguise:
    return Disguise(name, lambda a, _: filtered(a, RATE, filters), quick=quick)


def _mixed(samples: Samples, other: npt.NDArray[np.floating[Any]], decibels: float) -> Samples:
    """With something else under it, so many dB louder (or below)."""
    loudness, its = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (samples, other))
    mixed = samples + other * (loudness / max(its, 1e-9) * 10 ** (decibels / 20))
    return np.clip(mixed * 0.5, -32768, 32767).astype(np.int16)


def _noise(below: float) -> Disguise:
    def make(samples: Samples, _: Samples) -> Samples:
        return _mixed(samples, np.random.default_rng(1).standard_normal(samples.shape), -below)

    return Disguise(f"noise {below:g} dB", make)


def _overlay(decibels: float) -> Disguise:
    """A quiet passage of the other one would be no overlay: it is repeated from its middle."""

    def make(samples: Samples, other: Samples) -> Samples:
        middle = np.roll(other, len(other) // 2, axis=0)
        return _mixed(samples, np.resize(middle, samples.shape).astype(np.float64), decibels)

    return Disguise(f"overlay {decibels:g} dB", make, quick=decibels == -6)


def _karaoke(samples: Samples, _: Samples) -> Samples:
    difference = (samples[:, 0].astype(np.int32) - samples[:, 1]) // 2
    return np.stack([difference, difference], axis=1).astype(np.int16)


def _left(samples: Samples, _: Samples) -> Samples:
    return np.ascontiguousarray(samples[:, [0, 0]])


def reverberated(samples: Samples) -> Samples:
    """In a large room: noise that dies away, other for each ear, folded over the sound."""
    length = int(REVERB_SECONDS * RATE)
    dying = 10 ** (-3 * np.arange(length) / length)
    room = np.random.default_rng(7).standard_normal((samples.shape[1], length)) * dying
    size = 1 << (len(samples) + length - 1).bit_length()
    sound = samples.T.astype(np.float64)
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[:, : len(samples) + length]
    dry = np.pad(sound, ((0, 0), (0, length)))
    loudness = np.sqrt(np.mean(dry**2) / max(np.mean(wet**2), 1e-9)) * 10 ** (REVERB_DB / 20)
    return np.clip((dry + wet * loudness) * 0.5, -32768, 32767).astype(np.int16).T


def _slowed(samples: Samples, _: Samples) -> Samples:
    return reverberated(changed(samples, RATE, speed=0.85))


ECHO = ("aecho", "0.8:0.7:37|61|97|149|211:0.5|0.4|0.35|0.25|0.2")

_same: Make = lambda a, _: a  # noqa: E731
DISGUISES = (
    Disguise("unchanged, MP3 128k", _same, codec="mp3", bitrate=128_000, quick=True),
    Disguise("unchanged, MP3 64k", _same, codec="mp3", bitrate=64_000),
    Disguise("unchanged, Ogg 64k", _same, codec="ogg", bitrate=64_000),
    Disguise("unchanged, Opus 32k", _same, codec="opus", bitrate=32_000),
    Disguise("unchanged, AAC 96k", _same, codec="m4a", bitrate=96_000),
    *map(_speed, (0.8, 0.85, 0.92, 0.96, 0.98, 0.99, 1.01, 1.02, 1.04, 1.08, 1.15, 1.25)),
    *map(_pitch, (-3, -2, -1, -0.5, 0.5, 1, 2, 3)),
    *map(_tempo, (0.9, 0.95, 1.05, 1.1)),
    *(_excerpt(seconds, place) for seconds in (30, 15, 10, 5) for place in EXCERPTS_AT),
    _speed(1.25, "nightcore {:.2f}, MP3 128k", "mp3"),
    Disguise("slowed 0.85 and reverb", _slowed, speed=0.85, quick=True),
    Disguise("slowed 0.85 and echo", lambda a, _: filtered(changed(a, RATE, speed=0.85), RATE, [ECHO]), speed=0.85),
    Disguise("reverb", lambda a, _: reverberated(a)),
    _filtered("telephone", ("highpass", "f=300"), ("lowpass", "f=3400"), quick=True),
    _filtered("low-pass 2 kHz", ("lowpass", "f=2000")),
    _filtered("bass +10 dB", ("bass", "g=10:f=150"), ("volume", "-10dB")),
    _filtered("treble -12 dB", ("treble", "g=-12:f=3000")),
    _filtered("equaliser +-8 dB", ("equalizer", "f=250:t=o:w=1:g=8"), ("equalizer", "f=1000:t=o:w=1:g=-8"),
              ("equalizer", "f=3000:t=o:w=1:g=8"), ("volume", "-8dB")),
    _filtered("compressor", ("acompressor", "threshold=0.05:ratio=8:attack=5:release=80:makeup=4")),
    Disguise("left channel only", _left),
    Disguise("karaoke L-R", _karaoke, quick=True),
    *map(_noise, (20, 10, 5, 0)),
    *map(_overlay, (-12, -6, 0)),
)  # fmt: skip
