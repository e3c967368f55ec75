"""Draws a recording, in a child that is shut in: its waveform, its average spectrum and its spectrogram."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from checks.analysis import decode

Floats = npt.NDArray[np.float32]

#: Stretches of a waveform: two for each point of the widest panel.
STRETCHES = 1600
#: A spectrogram's columns at most, and its rows; bands of the average spectrum.
COLUMNS, ROWS, BANDS = 1400, 256, 512
_FRAME = 2 * ROWS * 4
#: Samples in one raw stretch of the waveform while the length is not known yet.
_STEP = 512
#: While a file is read, raw columns and stretches are halved beyond so many: bounded memory, however long it is.
_MOST = 16_384
#: What a spectrogram shows, in dB: from full scale down.
LOUDEST_DB, QUIETEST_DB = -10.0, -110.0
#: Below this a stretch counts as silence, and says nothing of how loud the recording is.
_SILENT_DB = -60.0
#: From black by violet and orange to a light yellow: as bright as it is loud, also for who sees no colours.
_PALETTE = (
    (0.0, (4, 3, 14)), (0.25, (60, 15, 110)), (0.5, (160, 45, 110)), (0.72, (240, 110, 60)), (0.9, (252, 200, 90)),
    (1.0, (252, 250, 200)),
)  # fmt: skip
_SHADES = 64


def render_waveform(content: BinaryIO) -> bytes:
    """One line of JSON (what was drawn, and the length of each part), then peaks, spectrum and spectrogram."""
    waveform, spectra = _Waveform(), _Spectra()
    rate = samples = 0
    for rate, sound in decode.iterate_decoded_audio(content):  # noqa: B007 - the rate of the last piece is that of all
        samples += sound.shape[1]
        waveform.feed(sound)
        spectra.feed(sound)
    if not samples:
        return b'{"error": "undecodable", "parts": []}\n'
    parts = (waveform.packed(), spectra.average(), spectra.png())
    head = {
        "duration": samples / rate,
        "rate": rate,
        "rms_db": waveform.rms_db(),
        "parts": [len(part) for part in parts],
    }
    return json.dumps(head).encode() + b"\n" + b"".join(parts)


class _Halving:
    """Rows that are joined two by two when there are too many of them; each stands for as much as every other."""

    def __init__(self, join: Any) -> None:
        self._join, self._together = join, 1
        self._pending: list[Floats] = []
        self.rows: list[Floats] = []

    def add(self, row: Floats) -> None:
        self._pending.append(row)
        if len(self._pending) < self._together:
            return
        self.rows.append(self._join(self._pending))
        self._pending = []
        if len(self.rows) >= _MOST:
            self.rows = [self._join(pair) for pair in zip(self.rows[::2], self.rows[1::2], strict=True)]
            self._together *= 2

    def end(self) -> list[Floats]:
        """All rows, what was left over among them."""
        return [*self.rows, self._join(self._pending)] if self._pending else self.rows


def _join_stretches(rows: list[Floats]) -> Floats:
    together = np.array(rows)
    return np.array([together[:, 0].max(), together[:, 1].mean()], np.float32)


def _join_spectra(rows: list[Floats]) -> Floats:
    return np.asarray(np.mean(rows, axis=0, dtype=np.float32))


class _Waveform:
    """(loudest sample, mean square) of every stretch."""

    def __init__(self) -> None:
        self._rows = _Halving(_join_stretches)

    def feed(self, sound: Floats) -> None:
        mono_peak = np.abs(sound).max(axis=0)
        square = np.square(sound).mean(axis=0)
        for start in range(0, sound.shape[1], _STEP):
            stretch = slice(start, start + _STEP)
            self._rows.add(np.array([mono_peak[stretch].max(), square[stretch].mean()], np.float32))

    def packed(self) -> bytes:
        """The loudest samples of all stretches, then their effective values, in steps of a 255th."""
        rows = np.nan_to_num(np.array(self._rows.end()))
        starts = np.linspace(0, len(rows), min(STRETCHES, len(rows)), endpoint=False).astype(int)
        peaks = np.maximum.reduceat(rows[:, 0], starts)
        lengths = np.diff(np.append(starts, len(rows)))
        effective = np.sqrt(np.add.reduceat(rows[:, 1], starts) / lengths)
        return _as_bytes(peaks) + _as_bytes(effective)

    def rms_db(self) -> float | None:
        """The level of what sounds; None for silence."""
        squares = np.nan_to_num(np.array(self._rows.end())[:, 1])
        sounding = squares[squares > 10 ** (_SILENT_DB / 10)]
        return float(10 * np.log10(sounding.mean())) if len(sounding) else None


def _as_bytes(values: Floats) -> bytes:
    return np.clip(np.round(values * 255), 0, 255).astype(np.uint8).tobytes()


class _Spectra:
    """The power of every band over time, all channels added so that none can hide another."""

    def __init__(self) -> None:
        self._columns = _Halving(_join_spectra)
        self._window = np.hanning(_FRAME).astype(np.float32)
        self._scale = 4 / self._window.sum() ** 2  # a full-scale tone is 0 dB
        self._sum = np.zeros(_FRAME // 2)
        self._frames = 0

    def feed(self, sound: Floats) -> None:
        if sound.shape[1] < _FRAME:
            sound = np.pad(sound, ((0, 0), (0, _FRAME - sound.shape[1])))
        frames = np.nan_to_num(sound[:, : sound.shape[1] // _FRAME * _FRAME]).reshape(len(sound), -1, _FRAME)
        spectra = np.fft.rfft(frames * self._window, axis=2)[:, :, 1:]
        power = np.asarray((spectra.real**2 + spectra.imag**2).mean(axis=0) * self._scale, np.float32)
        self._sum += power.sum(axis=0)
        self._frames += len(power)
        for column in power.reshape(len(power), ROWS, -1).max(axis=2):
            self._columns.add(column)

    def average(self) -> bytes:
        """dB of every band as float16: equal bands up to half the rate."""
        bands = (self._sum / max(1, self._frames)).reshape(BANDS, -1).mean(axis=1)
        return np.asarray(_power_to_decibels(bands), "<f2").tobytes()

    def png(self) -> bytes:
        """Time to the right, pitch upwards, as loud as it is bright."""
        columns = np.array(self._columns.end())
        starts = np.linspace(0, len(columns), min(COLUMNS, len(columns)), endpoint=False).astype(int)
        lengths = np.diff(np.append(starts, len(columns)))[:, None]
        levels = _power_to_decibels(np.add.reduceat(columns, starts, axis=0) / lengths)
        shades = np.clip((levels - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB), 0, 1) * (_SHADES - 1)
        image = Image.fromarray(np.round(shades).astype(np.uint8).T[::-1].copy())
        image.putpalette(list(_iterate_shades()))
        stream = io.BytesIO()
        image.save(stream, "PNG", optimize=True)
        return stream.getvalue()


def _power_to_decibels(power: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-14)))


def _iterate_shades() -> Iterator[int]:
    places, colours = zip(*_PALETTE, strict=True)
    for shade in np.linspace(0, 1, _SHADES):
        for channel in range(3):
            yield round(float(np.interp(shade, places, [colour[channel] for colour in colours])))


def _warm_up() -> None:
    """Draw a moment of silence: whatever is imported late must be in memory, for the child can open no file."""
    silence = io.BytesIO()
    with wave.open(silence, "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(44100)
        sink.writeframes(bytes(2 * _FRAME * 2))
    render_waveform(silence)


_warm_up()  # this module is imported by the child alone, before it is shut in
