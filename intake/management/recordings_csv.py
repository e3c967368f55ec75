"""Lists of recordings in CSV, and their acoustic features: what calibrating, training and evaluating read."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from checks.analysis import Analyser, AnalysisFailed
from checks.model.artefact_model import FEATURES
from checks.model.release import LatticeFacts
from checks.rules.artefacts.artefact_training import Sample
from intake.management.measuring import count_measuring_workers, iterate_with_progress
from intake.management.measuring import measure_in_parallel as measured_by

LABELS = ("ai", "human")
#: Of the table of features.
COLUMNS = (
    "path", "label", "generator", "source", "split", "feature_version", "z", "rate_hz", "strength", *FEATURES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One recording of a manifest."""

    path: Path
    label: str = ""  # ai | human
    generator: str = ""  # of generated ones
    source: str = ""  # where it came from: a label, a collection, an album
    split: str = ""


def read_recordings_csv(path: Path, wanted: Sequence[str]) -> list[Row]:
    """The rows of a manifest; paths are relative to it. Raises CommandError where something is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [column for column in wanted if column not in (reader.fieldnames or ())]:
                raise CommandError(f"{path}: the column {', '.join(missing)} is missing")
            rows = [_parse_recordings_row(path, reader.line_num, values, wanted) for values in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path}: {error}") from error
    if not rows:
        raise CommandError(f"{path}: no rows")
    return rows


def _parse_recordings_row(path: Path, line: int, values: dict[str, Any], wanted: Sequence[str]) -> Row:
    known = {key: (values.get(key) or "").strip() for key in ("path", "label", "generator", "source", "split")}
    if not known["path"] or ("source" in wanted and not known["source"]):
        raise CommandError(f"{path}, line {line}: path and source must be filled in")
    if "label" in wanted and known["label"] not in LABELS:
        raise CommandError(f"{path}, line {line}: label is {' or '.join(LABELS)}, not '{known['label']}'")
    if known["label"] == "ai" and not known["generator"]:
        raise CommandError(f"{path}, line {line}: a generated recording has a generator")
    file = path.parent / known.pop("path")
    return Row(file, **known)


def measure_csv_artefacts(rows: Iterable[Row], stderr: Any) -> Iterator[tuple[Row, LatticeFacts | str]]:
    """The lattice of every row's file, or why there is none."""
    listed = list(rows)

    def measure(analyser: Analyser, row: Row) -> LatticeFacts | str:
        try:
            facts = analyser.analyse(row.path, "", name=row.path.name)
        except OSError as error:
            return str(error.strerror or error)
        except AnalysisFailed as error:
            return str(error)
        return facts.lattice or facts.error or "not measured"

    done = measured_by(measure, listed, max(1, min(count_measuring_workers(), len(listed))))
    yield from iterate_with_progress(done, len(listed), "Measuring", getattr(stderr, "_out", sys.stderr))


def read_training_samples(path: Path, feature_version: str) -> list[Sample]:
    """The rows of a table of features that are for training (``split`` empty or "train").

    Raises CommandError where it is none, or one of another version.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
                raise CommandError(f"{path}: the column {', '.join(missing)} is missing")
            rows = [item for item in reader if item["split"] in ("", "train")]
            if strangers := {entry["feature_version"] for entry in rows} - {feature_version}:
                raise CommandError(
                    f"{path}: features of version {', '.join(strangers)}, and these are {feature_version}"
                )
            return [
                Sample(
                    tuple(float(row[name]) for name in FEATURES),
                    row["label"] == "human",
                    row["generator"],
                    row["source"],
                )
                for row in rows
            ]
    except (OSError, ValueError, csv.Error) as error:
        raise CommandError(f"{path}: {error}") from error
