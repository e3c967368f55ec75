"""Charts as shapes that a template draws: no script, and nothing that a strict content policy forbids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intake.readers.statistics import Backlog, Day, Precision

#: The drawing's own units; the page scales it.
WIDTH, HEIGHT, FOOT = 720, 150, 18
#: From the bottom of a bar up, as the colours go.
KINDS = ("approve", "label", "review")


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of one kind, with the words that stand for it."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A word at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Pieces and marks in a drawing of WIDTH × HEIGHT, and what it shows in one sentence."""

    pieces: tuple[Piece, ...]
    marks: tuple[Mark, ...]
    lines: tuple[Mark, ...]  # of the scale: at which height, and what it stands for
    summary: str
    width: int = WIDTH
    height: int = HEIGHT + FOOT


def draw_volume_chart(days: Sequence[Day]) -> Chart:
    """A bar a day: what the machine made of what came."""
    top = _round_up(max((day.judged for day in days), default=0))
    step = WIDTH / max(1, len(days))
    pieces = []
    for number, day in enumerate(days):
        base = float(HEIGHT)
        for kind in KINDS:
            count = getattr(day, kind)
            tall = HEIGHT * count / top
            base -= tall
            if count:
                words = f"{day.date:%d %b}: {count} {kind}"
                pieces.append(Piece(kind, number * step + step * 0.12, base, step * 0.76, tall, words))
    every = max(1, round(len(days) / 8))
    marks = [
        Mark(number * step + step / 2, HEIGHT + FOOT - 4, f"{day.date:%d %b}")
        for number, day in enumerate(days)
        if number % every == 0
    ]
    total = sum(day.judged for day in days)
    return Chart(tuple(pieces), tuple(marks), _build_axis_marks(top), f"{total} releases judged over {len(days)} days")


def draw_forecast_chart(backlog: Backlog) -> Chart:
    """What waits now, and at the end of each of the next days."""
    ahead = (backlog.waiting, *backlog.forecast)
    top = _round_up(max(ahead))
    step = WIDTH / len(ahead)
    pieces = [
        Piece(
            "now" if not number else "ahead",
            number * step + step * 0.2,
            HEIGHT - HEIGHT * count / top,
            step * 0.6,
            HEIGHT * count / top,
            f"{'now' if not number else f'in {number} days'}: {count}",
        )
        for number, count in enumerate(ahead)
    ]
    marks = [
        Mark(number * step + step / 2, HEIGHT + FOOT - 4, "now" if not number else f"+{number} d")
        for number in range(len(ahead))
    ]
    return Chart(
        tuple(pieces),
        tuple(marks),
        _build_axis_marks(top),
        f"{backlog.waiting} wait now, {ahead[-1]} in {number_of(ahead)}",
    )


def number_of(ahead: Sequence[int]) -> str:
    """How far ahead, in words."""
    return f"{len(ahead) - 1} days"


@dataclass(frozen=True, slots=True)
class Bar:
    """One code's precision as a bar with its interval; everything in percent of the width."""

    row: Precision
    share: float
    low: float
    high: float

    @property
    def span(self) -> float:
        return self.high - self.low


def build_precision_bars(rows: Sequence[Precision]) -> list[Bar]:
    """A bar for each code that people have decided about."""
    return [
        Bar(row, 100 * share, 100 * interval[0], 100 * interval[1])
        for row in rows
        if (share := row.share) is not None and (interval := row.interval) is not None
    ]


def _round_up(value: int) -> int:
    """The next number of which halves and quarters are easily read."""
    step = 4
    while step * 10 < value:
        step *= 10
    return max(4, -(-value // step) * step)


def _build_axis_marks(top: int) -> tuple[Mark, ...]:
    return tuple(Mark(0, HEIGHT - HEIGHT * part / 2, str(top * part // 2)) for part in (1, 2))
