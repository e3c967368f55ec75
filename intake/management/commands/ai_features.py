"""The acoustic features of listed recordings, in a table from which a model can be trained."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from checks.model.artefact_model import extract_model_features
from checks.model.release import LatticeFacts
from intake.management import recordings_csv


class Command(BaseCommand):
    help = "Measure the acoustic features of a CSV's recordings (path, label ai|human, generator, source, split)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("manifest", type=Path)
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the table, as CSV")

    def handle(self, *, out: Path, **options: Any) -> None:
        rows = recordings_csv.read_recordings_csv(options["manifest"], ("path", "label", "generator", "source"))
        kept = 0
        unfinished = out.with_name(out.name + ".part")
        try:
            with unfinished.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow(recordings_csv.COLUMNS)
                for row, facts in recordings_csv.measure_csv_artefacts(rows, self.stderr):
                    if not isinstance(facts, LatticeFacts) or not facts.assessed:
                        why = facts.reason if isinstance(facts, LatticeFacts) else facts
                        self.stderr.write(f"{row.path}: left out, {why}")
                        continue
                    told = (row.path, row.label, row.generator, row.source, row.split, facts.feature_version)
                    table.writerow((*told, facts.z, facts.rate_hz, facts.strength, *extract_model_features(facts)))
                    kept += 1
            unfinished.replace(out)
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}") from error
        self.stdout.write(f"{kept} of {len(rows)} recordings are in {out}.")
