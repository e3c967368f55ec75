"""What the shut-in child does for a closer look at one recording's lines; imported there, before it is shut in."""

from __future__ import annotations

import io
import json
import wave
from typing import Any, BinaryIO

import numpy as np

from checks.analysis import decode
from checks.analysis.artefact_lines import PART, WEAK, Listener, Scores, band_of, measure_artefact_lines
from checks.analysis.artefact_plot import draw_artefact_plot
from checks.analysis.artefact_report import OK, REFUSED
from checks.analysis.decoder_rates import load_decoder_rates

#: How far a speed is looked for, and in what steps: a bin at the upper end of the band is 40 millionths wide.
_FURTHEST, _STEP = 0.06, 50e-6
#: Notes have as much of themselves below as above, lattices do not: beyond this ratio it is taken for music.
MOST_RATIO = 1.2
#: Nearer to the catalogue's rate than this is its own speed.
_SAME_SPEED = 3e-4

#: Noise that is long enough to be assessed, and no longer.
_WARM_RATE, _WARM_SECONDS = 8000, 30

#: Said beside every answer.
WARNING = (
    "Of 155 recordings by people, one in five had such lines at some speed: held notes of synthesizers, ticks of "
    "trackers. The comparison with the low band removes most of these, and not all. This is a hint for listening."
)


def picture_of(file: BinaryIO) -> bytes:
    """A PNG for a light page."""
    return _plot_spectrum(file, dark=False)


def dark_picture_of(file: BinaryIO) -> bytes:
    """A PNG for a dark page."""
    return _plot_spectrum(file, dark=True)


def speed_of(file: BinaryIO) -> bytes:
    """What another speed would explain, as JSON."""
    heard = _score_spectrum(file)
    return heard if isinstance(heard, bytes) else OK + json.dumps(search_decoder_rates(heard), allow_nan=False).encode()


def _plot_spectrum(file: BinaryIO, dark: bool) -> bytes:
    heard = _score_spectrum(file)
    if isinstance(heard, bytes):
        return heard
    facts = heard.facts(load_decoder_rates().looked_for)
    target = io.BytesIO()
    draw_artefact_plot(heard, facts, dark=dark).save(target, "PNG", optimize=True)
    return OK + target.getvalue()


def _score_spectrum(file: BinaryIO) -> Scores | bytes:
    """The file's spectrum, or the refusal."""
    listener: Listener | None = None
    for rate, mono in decode.mono_pieces(file):
        listener = listener or Listener(rate)
        listener.feed(mono)
        if listener.full:
            break
    if listener is None:
        return REFUSED + b"not_audio"
    spectrum = listener.spectrum()
    facts = measure_artefact_lines(spectrum, listener.samples, listener.rate)
    band = band_of(spectrum) if spectrum else None
    if not facts.assessed or spectrum is None or band is None:
        return REFUSED + (facts.reason or "").encode()
    return Scores(spectrum, band)


def search_decoder_rates(scores: Scores) -> dict[str, Any]:
    """The best fitting rate of all within six percent of the catalogue's, and which speeds would explain it."""
    best_z, best_hz = max(_find_best_rate(scores, hz) for hz in load_decoder_rates().looked_for)
    ratio, bands = scores.low_high_ratio(best_hz), scores.bands(best_hz)
    stands_out = best_z >= WEAK and sum(item > PART for item in bands) >= 2
    musical = ratio is None or ratio > MOST_RATIO
    readings = [
        {"rate_hz": round(hz, 3), "speed": round(best_hz / hz, 4)}
        for hz in load_decoder_rates().looked_for
        if abs(best_hz / hz - 1) <= _FURTHEST
    ]
    return {
        "found": stands_out and not musical,
        "lines_hz": round(best_hz, 4),
        "z": round(best_z, 2),
        "z_by_band": [round(band, 2) for band in bands],
        "low_high_ratio": None if ratio is None else round(ratio, 3),
        "readings": sorted(readings, key=lambda one: abs(one["speed"] - 1)),
        "words": _describe_speed_test(best_hz, best_z, ratio, stands_out, musical, readings),
        "warning": WARNING,
    }


def _find_best_rate(scores: Scores, hz: float) -> tuple[float, float]:
    """The highest z within reach of one rate, and where. The scan is its own comparison."""
    rates = hz * np.arange(1 - _FURTHEST, 1 + _FURTHEST + _STEP / 2, _STEP)
    means = scores.means(rates)
    best = float(rates[int(np.argmax(means))])
    best *= 1 + scores.ppm(best) / 1e6  # the middle of a plateau
    return scores.z(best), best


def _describe_speed_test(
    hz: float, z: float, ratio: float | None, stands_out: bool, musical: bool, readings: list[dict[str, float]]
) -> str:
    if not stands_out:
        return "No lines stand out at any speed within six percent."
    if musical:
        told = "none above" if ratio is None else f"{ratio:.1f} times as much below"
        return f"Lines at multiples of {hz:.2f} Hz (z {z:.1f}) are in the low band as well ({told}): as notes are."
    if any(abs(reading["speed"] - 1) < _SAME_SPEED for reading in readings):
        return f"Lines at multiples of {hz:.2f} Hz (z {z:.1f}): at its own speed."
    told = ", or ".join(
        f"at {item['speed']:.4f} times the speed of a decoder with {item['rate_hz']:.2f} Hz"
        for item in sorted(readings, key=lambda one: abs(one["speed"] - 1))
    )
    return f"Lines at multiples of {hz:.2f} Hz (z {z:.1f}), as if played {told}."


def _warm_up() -> None:
    """Do all of it once with noise: what is imported late must be in memory, for the child can open no file."""
    noise = io.BytesIO()
    with wave.open(noise, "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(_WARM_RATE)
        sink.writeframes(np.random.default_rng(1).bytes(2 * _WARM_RATE * _WARM_SECONDS))
    for work in (picture_of, speed_of):
        if work(noise)[:1] != OK:
            raise RuntimeError("noise of our own could not be looked at")


_warm_up()
