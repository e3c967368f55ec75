"""Little pieces of music that the project plays itself: chords, a tune, a bass and drums, another piece for every seed.

For the demo and the tests, which need recordings without an owner. The same seed gives the same piece; different
seeds differ in key, scale, tuning, metre, tempo, harmony, tune, instruments and rhythm, so that no two are taken
for the same recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]  # (samples, channels), full scale is 1

_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # minor
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 2, 4, 5, 7, 9, 10),  # mixolydian
    (0, 1, 3, 5, 7, 8, 10),  # phrygian
    (0, 2, 3, 5, 7, 8, 11),  # harmonic minor
)
_RMS = 10 ** (-28 / 20)  # of the tape before its loudest moments are rounded off
_PEAK = 10 ** (-3 / 20)
_TABLE = 4096  # samples of one period of an instrument

#: Container and encoder for each kind of file, by what the ending says.
_ENCODERS = {
    "wav": ("wav", "pcm_s16le"),
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "libmp3lame"),
    "ogg": ("ogg", "vorbis"),
    "opus": ("ogg", "libopus"),
    "m4a": ("ipod", "aac"),
}
_OPUS_RATE = 48000  # the only one it knows among the usual


def compose_demo_piece(seed: int, seconds: float, rate: int = 44100) -> Samples:
    """A stereo piece of this length, peaking near -3 dBFS at about -16 LUFS; shape (samples, 2), float32."""
    band = _Band(np.random.default_rng(seed), round(seconds * rate), rate)
    band.play()
    return band.mixed()


def encode_demo_audio(
    samples: npt.ArrayLike,
    rate: int,
    path: Path,
    codec: str | None = None,
    bitrate: int | None = None,
    tags: Mapping[str, str] | None = None,
) -> Path:
    """Write samples, shape (n,) or (n, channels), to an audio file and return its path.

    ``codec`` is wav, flac, mp3, ogg, opus or m4a; by default what the path ends with. ``bitrate`` is in bits a
    second, for the lossy ones. ``tags`` are FFmpeg's names, such as title, artist, comment.
    """
    container, encoder = _ENCODERS[codec or path.suffix.lower().lstrip(".")]
    sound = np.asarray(samples, np.float32)
    planes = np.ascontiguousarray(sound.reshape(len(sound), -1).T)
    layout = {1: "mono", 2: "stereo"}[len(planes)]
    with av.open(str(path), "w", format=container) as sink:
        sink.metadata.update(tags or {})
        stream: Any = sink.add_stream(encoder, rate=_OPUS_RATE if encoder == "libopus" else rate)
        stream.codec_context.layout = layout
        if encoder == "vorbis":
            stream.codec_context.options = {"strict": "experimental"}
        if bitrate:
            stream.codec_context.bit_rate = bitrate
        if encoder in ("pcm_s16le", "flac"):
            whole = np.clip(np.rint(planes * 32768), -32768, 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(whole.T.reshape(1, -1).copy(), format="s16", layout=layout)
        else:
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            sink.mux(packet)
    return path


class _Band:
    """The players of one piece, and the tape that they play onto."""

    def __init__(self, dice: np.random.Generator, length: int, rate: int) -> None:
        self._dice, self._rate = dice, rate
        self._tape = np.zeros((2, length), np.float32)
        self._beat = 60 / dice.uniform(76, 148)
        self._beats = int(dice.choice((3, 4, 4, 4)))  # a bar
        self._tonic = 48 + int(dice.integers(12)) + dice.uniform(-0.4, 0.4)
        self._scale = _SCALES[dice.integers(len(_SCALES))]
        self._keys, self._lead, self._low = (self._instrument(partials) for partials in (7, 10, 5))
        self._noise = dice.uniform(-1, 1, rate).astype(np.float32)
        self._kick = self._pattern(0.45)
        self._snare = self._pattern(0.3)
        self._hat = self._pattern(0.75)

    def play(self) -> None:
        bar_seconds = self._beat * self._beats
        bars = int(self._tape.shape[1] / self._rate / bar_seconds) + 1
        degree = int(self._dice.integers(14, 21))  # where the tune stands
        for bar in range(bars):
            start = bar * bar_seconds
            if bar % 4 == 0:  # a new phrase: another turn of the harmony, sometimes another key
                progression = self._dice.integers(0, 7, 4)
                busy = self._dice.uniform(0.35, 0.9)
                if bar and self._dice.random() < 0.5:
                    self._tonic += int(self._dice.choice((-5, -2, 2, 3, 5)))
                    self._tonic -= 12 * (self._tonic > 60) - 12 * (self._tonic < 47)
            root = int(progression[bar % 4])
            half = bar_seconds / 2
            if self._dice.random() < 0.4:  # two chords in a bar
                self._play_chord(start, root, half)
                self._play_chord(start + half, int(self._dice.integers(0, 7)), half)
            else:
                self._play_chord(start, root, bar_seconds)
            self._play_bass(start, root)
            degree = self._play_tune(start, degree, busy)
            self._play_drums(start)

    def mixed(self) -> Samples:
        """The tape at its final level: the loudest moments are rounded off, nothing clips."""
        rms = float(np.sqrt(np.mean(self._tape**2))) or 1.0
        rounded = np.tanh(self._tape * np.float32(_RMS / rms / _PEAK))
        rounded *= np.float32(_PEAK / (float(np.abs(rounded).max()) or 1.0))
        return np.ascontiguousarray(rounded.T)

    def _play_chord(self, start: float, root: int, seconds: float) -> None:
        steps = (0, 2, 4, 6) if self._dice.random() < 0.4 else (0, 2, 4)
        strokes = int(self._dice.choice((1, 2, self._beats)))
        for stroke in range(strokes):
            for index, step in enumerate(steps):
                pan = 0.25 + 0.5 * index / (len(steps) - 1)
                at = start + stroke * seconds / strokes
                self._note(self._keys, at, seconds / strokes, self._pitch(root + step), 0.11, pan)

    def _play_bass(self, start: float, root: int) -> None:
        for beat in range(self._beats):
            if beat == 0 or self._dice.random() < 0.55:
                step = 0 if beat == 0 else int(self._dice.choice((0, 0, 2, 4)))
                self._note(self._low, start + beat * self._beat, self._beat, self._pitch(root + step) - 12, 0.28, 0.5)

    def _play_tune(self, start: float, degree: int, busy: float) -> int:
        half = self._beat / 2
        place = 0
        while place < 2 * self._beats:
            length = int(self._dice.choice((1, 1, 2, 2, 3)))
            if self._dice.random() < busy:
                degree = int(np.clip(degree + self._dice.integers(-3, 4), 7, 23))
                self._note(self._lead, start + place * half, length * half, self._pitch(degree), 0.3, 0.42)
            place += length
        return degree

    def _play_drums(self, start: float) -> None:
        for eighth in range(2 * self._beats):
            at = start + eighth * self._beat / 2
            if self._kick[eighth]:
                self._strike(at, 0.18, 0.5, kick=True)
            if self._snare[eighth]:
                self._strike(at, 0.12, 0.16)
            if self._hat[eighth]:
                self._strike(at, 0.03, 0.1)

    def _pattern(self, density: float) -> npt.NDArray[np.bool_]:
        return self._dice.random(2 * self._beats) < density

    def _instrument(self, partials: int) -> Samples:
        """One period of a tone with its own mixture of partials."""
        strengths = self._dice.uniform(0.2, 1, partials) / np.arange(1, partials + 1) ** self._dice.uniform(0.7, 1.6)
        turns = np.arange(_TABLE) / _TABLE * 2 * np.pi
        wave = (strengths[:, None] * np.sin(np.outer(np.arange(1, partials + 1), turns))).sum(axis=0)
        return np.asarray(wave / np.abs(wave).max(), np.float32)

    def _pitch(self, degree: int) -> float:
        """A step of the scale, as a (fractional) MIDI note."""
        return self._tonic + 12 * (degree // 7) + self._scale[degree % 7]

    def _note(self, table: Samples, start: float, seconds: float, pitch: float, level: float, pan: float) -> None:
        length = round(seconds * self._rate)
        turns = np.arange(length, dtype=np.float32) * np.float32(440 * 2 ** ((pitch - 69) / 12) / self._rate)
        tone = table[((turns % 1) * _TABLE).astype(np.intp) % _TABLE]
        tone *= self._envelope(length, level)
        self._record(start, tone, pan)

    def _envelope(self, length: int, level: float) -> Samples:
        """A quick beginning, a slow decay, an end without a click."""
        shape = np.linspace(level, 0.35 * level, length, dtype=np.float32)
        edge = min(length // 2, self._rate // 100)
        shape[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
        shape[length - edge :] *= np.linspace(1, 0, edge, dtype=np.float32)
        return shape

    def _strike(self, start: float, seconds: float, level: float, kick: bool = False) -> None:
        time = np.arange(round(seconds * self._rate), dtype=np.float32) / self._rate
        fade = np.exp(-time * np.float32(5 / seconds)) * np.float32(level)
        drum = np.sin(2 * np.pi * (48 * time - 1.2 * np.exp(-time * 40))) if kick else self._noise[: len(time)]
        self._record(start, drum * fade, 0.5)

    def _record(self, start: float, sound: Samples, pan: float) -> None:
        first = round(start * self._rate)
        room = self._tape[:, first : first + len(sound)]
        room[0] += sound[: room.shape[1]] * np.float32(np.sqrt(1 - pan))
        room[1] += sound[: room.shape[1]] * np.float32(np.sqrt(pan))
