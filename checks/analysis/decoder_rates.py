"""The catalogue of rates; decoders leave lines at their multiples: a dated file with a source for each row."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources

#: A stored rate names its row if it is this near: no two rows are nearer to each other than one in a hundred.
_SAME = 1e-4


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of the catalogue."""

    hz: float
    families: tuple[str, ...]  # kinds of decoder that have it, never a product
    innocent: tuple[str, ...]  # known ways to come by the same lines without any generator
    source: str
    date: str
    default: bool = True  # looked for


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All rows, and when they were last looked over."""

    version: str
    rows: tuple[Rate, ...]

    @property
    def looked_for(self) -> tuple[float, ...]:
        return tuple(row.hz for row in self.rows if row.default)

    def row(self, hz: float) -> Rate | None:
        """The row of a rate, or None where it is not one of this catalogue's."""
        return next((row for row in self.rows if abs(row.hz - hz) < _SAME * hz), None)


@functools.cache
def load_decoder_rates() -> Catalogue:
    """The rows of the data file."""
    source = resources.files("checks.analysis").joinpath("data/lattice_rates.toml")
    document = tomllib.loads(source.read_text(encoding="utf-8"))
    return Catalogue(
        document["version"],
        tuple(
            Rate(
                hz=float(Fraction(row["hz"])),
                families=tuple(row["families"]),
                innocent=tuple(row["innocent"]),
                source=row["source"],
                date=row["date"],
                default=row.get("default", True),
            )
            for row in document["rate"]
        ),
    )
