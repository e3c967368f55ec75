"""The picture of a recording's lines: what stands out of its spectrum, where lines would be, and how rare that is."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from checks.analysis.artefact_lines import Scores
from checks.model.release import LatticeFacts

_SIZE = (1000, 460)
#: The stretch that is shown: 7 to 9.5 kHz, or less where the lines would stand too close to be told apart.
_FROM_HZ, _WIDTH_HZ, _MOST_TICKS = 7000.0, 2500.0, 40
#: The upper panel and the lower one: left, top, right, bottom.
_SPECTRUM, _HISTOGRAM = (60, 56, 980, 236), (60, 300, 560, 420)
_TEXT_AT = (600, 292)
_HIGHEST_DB, _LOWEST_DB = 6.0, -2.0
_BINS = 33

_LIGHT = {
    "paper": "#ffffff",
    "ink": "#1d2330",
    "quiet": "#667085",
    "line": "#33415c",
    "tick": "#c8102e",
    "bar": "#8fa3c4",
}
_DARK = {
    "paper": "#12161d",
    "ink": "#e8ebf0",
    "quiet": "#98a2b3",
    "line": "#a9bbdb",
    "tick": "#ff6b6b",
    "bar": "#4a5d80",
}

_FONT = ImageFont.load_default(13)
_HEADING = ImageFont.load_default(15)


def draw_artefact_plot(scores: Scores, facts: LatticeFacts, *, dark: bool = False) -> Image.Image:
    """The residue with ticks at the multiples of the rate that stands out most, and how chance would have it."""
    colours = _DARK if dark else _LIGHT
    image = Image.new("RGB", _SIZE, colours["paper"])
    brush = ImageDraw.Draw(image)
    hz = facts.rate_hz or 1.0
    _draw_spectrum(brush, scores, hz, colours)
    _draw_rate_histogram(brush, scores, hz, colours)
    _draw_numbers(brush, facts, colours)
    return image.quantize(64)


def _draw_spectrum(brush: ImageDraw.ImageDraw, scores: Scores, hz: float, colours: dict[str, str]) -> None:
    left, top, right, bottom = _SPECTRUM
    lower, upper = _find_shown_range(scores, hz)
    brush.text((left, 14), "What stands out of the averaged spectrum", colours["ink"], _HEADING)
    brush.text((left, 34), f"dB above its shape; ticks at multiples of {hz:.3f} Hz", colours["quiet"], _FONT)
    for decibels in (0, 2, 4, 6):
        height = _decibels_to_height(decibels)
        brush.line((left, height, right, height), colours["quiet"] if not decibels else _mix_colours(colours), 1)
        brush.text((left - 26, height - 8), f"{decibels:+d}" if decibels else "0", colours["quiet"], _FONT)
    first, last = scores.spectrum.bin_of(lower), scores.spectrum.bin_of(upper)
    columns = np.array_split(scores.residue[first:last], right - left)
    points = [
        (left + place, _decibels_to_height(float(column.max()))) for place, column in enumerate(columns) if len(column)
    ]
    for line in range(math.ceil(lower / hz), int(upper / hz) + 1):
        place = left + (line * hz - lower) / (upper - lower) * (right - left)
        brush.line((place, bottom + 2, place, bottom + 12), colours["tick"], 2)
        brush.line((place, top, place, top + 5), colours["tick"], 1)
    brush.line(points, colours["line"], 1)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        text = f"{(lower + share * (upper - lower)) / 1000:.2f} kHz"
        place = left + share * (right - left) - share * brush.textlength(text, _FONT)
        brush.text((place, bottom + 14), text, colours["quiet"], _FONT)


def _find_shown_range(scores: Scores, hz: float) -> tuple[float, float]:
    lower, upper = scores.band
    width = min(_WIDTH_HZ, _MOST_TICKS * hz, upper - lower)
    start = min(max(_FROM_HZ, lower), upper - width)
    return start, start + width


def _decibels_to_height(decibels: float) -> float:
    _, top, _, bottom = _SPECTRUM
    share = (min(max(decibels, _LOWEST_DB), _HIGHEST_DB) - _LOWEST_DB) / (_HIGHEST_DB - _LOWEST_DB)
    return bottom - share * (bottom - top)


def _mix_colours(colours: dict[str, str]) -> str:
    return "#e4e7ec" if colours is _LIGHT else "#2a3140"


def _draw_rate_histogram(brush: ImageDraw.ImageDraw, scores: Scores, hz: float, colours: dict[str, str]) -> None:
    """The rates beside as grey bars, the rate itself as a red line."""
    left, top, right, bottom = _HISTOGRAM
    at, beside, _ = scores.levels(hz)
    low, high = min(float(beside.min()), at), max(float(beside.max()), at)
    margin = max((high - low) * 0.05, 1e-3)
    low, high = low - margin, high + margin
    counts, _ = np.histogram(beside, _BINS, (low, high))
    step = (right - left) / _BINS
    for number, count in enumerate(counts.tolist()):
        if count:
            height = bottom - (bottom - top) * count / counts.max()
            brush.rectangle((left + number * step + 1, height, left + (number + 1) * step - 1, bottom), colours["bar"])
    place = left + (at - low) / (high - low) * (right - left)
    brush.line((place, top - 8, place, bottom), colours["tick"], 3)
    brush.line((left, bottom, right, bottom), colours["quiet"], 1)
    brush.text((left, 274), "This rate (red) among 160 rates beside it (grey)", colours["ink"], _HEADING)
    for value, anchor in ((low, "la"), (high, "ra")):
        where = left if anchor == "la" else right
        brush.text((where, bottom + 6), f"{value:.2f} dB", colours["quiet"], _FONT, anchor=anchor)


def _draw_numbers(brush: ImageDraw.ImageDraw, facts: LatticeFacts, colours: dict[str, str]) -> None:
    lines = [
        f"{facts.strength}: z {facts.z:.1f} at {facts.rate_hz:.3f} Hz",
        f"sub-bands {_join_numbers(facts.bands)}",
        f"passages {_join_numbers(facts.segments)}",
        f"off the catalogue's rate by {facts.ppm:+.0f} ppm",
        f"band {facts.lower_hz:.0f} to {facts.upper_hz:.0f} Hz, {facts.seconds:.0f} s heard",
        "lines show a kind of processing, never",
        "who or what made the music",
    ]
    for number, line in enumerate(lines):
        colour = colours["ink"] if number < 5 else colours["quiet"]
        brush.text((_TEXT_AT[0], _TEXT_AT[1] + 20 * number), line, colour, _FONT)


def _join_numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
