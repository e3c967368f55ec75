"""Vouch for recordings that people made, so that a score can be told by how rare it is among them."""

from __future__ import annotations

import argparse
import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from checks.analysis.artefact_lines import FEATURE_VERSION, MODERATE, STRONG, WEAK
from checks.model.artefact_model import FEWEST_VERIFIED
from checks.model.release import LatticeFacts
from intake.management import recordings_csv
from intake.models import Submission, VerifiedRecording
from intake.services.provenance import artefact_review


class Command(BaseCommand):
    help = (
        "Vouch for recordings as made by people: tracks of an approved submission, or files of a CSV (path, source). "
        "Without arguments: how many there are, and how they score."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--submission", type=uuid.UUID, help="an approved submission")
        what.add_argument("--manifest", type=Path, help="a CSV with the columns path and source")
        what.add_argument("--forget", metavar="SHA256", help="take one back")
        parser.add_argument(
            "--track", type=int, action="append", default=[], help="only this position; may be repeated"
        )
        parser.add_argument("--by", default="", help="who vouches for them")
        parser.add_argument("--because", default="", help="how it is known that people made them")

    def handle(self, *, by: str, because: str, **options: Any) -> None:
        if options["submission"] or options["manifest"]:
            if not by.strip() or not because.strip():
                raise CommandError("say who vouches (--by) and how it is known (--because)")
            try:
                kept = (
                    self._submission(options["submission"], options["track"], by, because)
                    if options["submission"]
                    else self._files(options["manifest"], by, because)
                )
            except artefact_review.NotVerifiable as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{kept} recordings are vouched for.")
        elif options["forget"]:
            gone, _ = VerifiedRecording.objects.filter(sha256=options["forget"].lower()).delete()
            if not gone:
                raise CommandError("nobody has vouched for these bytes")
        self._tell()

    def _submission(self, pk: uuid.UUID, tracks: Sequence[int], by: str, because: str) -> int:
        submission = Submission.objects.select_related("label").filter(pk=pk).first()
        if submission is None:
            raise CommandError(f"there is no submission {pk}")
        return len(artefact_review.verify_recordings(submission, by, because, tracks))

    def _files(self, path: Path, by: str, because: str) -> int:
        kept = 0
        for row, facts in recordings_csv.measure_csv_artefacts(
            recordings_csv.read_recordings_csv(path, ("path", "source")), self.stderr
        ):
            if isinstance(facts, LatticeFacts) and facts.assessed:
                with row.path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                artefact_review.vouch_for_recording(sha256, facts, row.source, by, because)
                kept += 1
            else:
                why = facts.reason if isinstance(facts, LatticeFacts) else facts
                self.stderr.write(f"{row.path}: left out, {why}")
        return kept

    def _tell(self) -> None:
        rows = VerifiedRecording.objects.filter(feature_version=FEATURE_VERSION)
        scores = np.array(rows.order_by("score").values_list("score", flat=True))
        sources = rows.values("source").distinct().count()
        self.stdout.write(f"{len(scores)} verified recordings from {sources} sources (features {FEATURE_VERSION}).")
        if older := VerifiedRecording.objects.exclude(feature_version=FEATURE_VERSION).count():
            self.stdout.write(f"{older} more were scored by another version and do not count until vouched for again.")
        if len(scores) < FEWEST_VERIFIED:
            self.stdout.write(f"Not calibrated: {FEWEST_VERIFIED} are needed to speak of one in a hundred.")
            return
        middle, high = np.percentile(scores, [50, 99])
        self.stdout.write(f"Half score below {middle:.1f}, 99 in 100 below {high:.1f}, the highest {scores[-1]:.1f}.")
        for name, threshold in (("weak", WEAK), ("moderate", MODERATE), ("strong", STRONG)):
            self.stdout.write(f"{np.mean(scores >= threshold):8.2%} reach z {threshold:g} ({name})")
