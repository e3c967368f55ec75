"""The registry as a table: one artist a line, several values in a cell apart by "|", safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

#: The columns, in the order in which they are written; only ``name`` must be there.
COLUMNS = ("name", "aliases", "transliterations", "isni", "ipi", "profiles", "labels")
#: What a spreadsheet would calculate instead of showing (OWASP, CSV injection).
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_UNESCAPED_BAR = re.compile(r"(?<!\\)((?:\\\\)*)\|")


class BadTable(ValueError):
    """The table as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One artist as the table has it: cells that may hold several values as lists."""

    number: int  # in the file, for people: the heading is line 1
    name: str
    cells: Mapping[str, Sequence[str]]


def read_registry_table(file: TextIO) -> Iterator[Line]:
    """The lines of a table. Raises BadTable where its heading is not one of ours, or the quoting is broken."""
    rows = csv.reader(file, strict=True)
    try:
        heading = [cell.strip().lower().removeprefix("\ufeff") for cell in next(rows, [])]
        if "name" not in heading or set(heading) - set(COLUMNS) or len(set(heading)) < len(heading):
            raise BadTable(f"the first line names the columns: {', '.join(COLUMNS)}; 'name' must be among them")
        for row in rows:
            if any(cell.strip() for cell in row):
                cells = dict(zip(heading, row, strict=False))
                lists = {column: _split_cell_values(cells.get(column, "")) for column in COLUMNS[1:]}
                yield Line(rows.line_num, _unescape_cell(cells.get("name", "")).strip(), lists)
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadTable(f"line {rows.line_num}: {error}") from None


def write_registry_table(file: TextIO, lines: Iterable[tuple[str, Mapping[str, Sequence[str]]]]) -> int:
    """Write (name, cells) as a table that ``read`` reads back the same; returns how many."""
    count = 0
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for name, cells in lines:
        rows.writerow(
            [_escape_cell(name), *(_escape_cell(_join_cell_values(cells.get(column, ()))) for column in COLUMNS[1:])]
        )
        count += 1
    return count


def _join_cell_values(values: Sequence[str]) -> str:
    return "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in values)


def _split_cell_values(cell: str) -> list[str]:
    parts = _UNESCAPED_BAR.sub("\\1\0", _unescape_cell(cell)).split("\0")
    return [text for part in parts if (text := re.sub(r"\\(.)", r"\1", part).strip())]


def _escape_cell(cell: str) -> str:
    """A cell that would be calculated, or looks escaped already, begins with an apostrophe."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unescape_cell(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
