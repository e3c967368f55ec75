"""An installation's own small model of acoustic traces, from its own recordings."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from checks.analysis.artefact_lines import FEATURE_VERSION
from checks.analysis.decoder_rates import load_decoder_rates
from checks.model import artefact_model
from checks.rules.artefacts.artefact_training import Share, Untrainable, random_split, train_artefact_model
from intake.management import recordings_csv

_GROUPS = "generator,source"
_RANDOM = (
    "A random split, which flatters: the model has heard other recordings of the same generators and sources. "
    "What it is worth for the next generator is the table above."
)


class Command(BaseCommand):
    help = "Train a model from a table that ai_features wrote; prints what it comes to on generators it has not seen."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--features", type=Path, required=True, metavar="FILE")
        parser.add_argument("--group-by", default=_GROUPS, help=f"what is kept apart: {_GROUPS}")
        parser.add_argument("--target-fpr", type=float, default=0.005, help="share of false alarms that is accepted")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the model, as JSON")
        parser.add_argument("--random-split", action="store_true", help="print, with a warning, a random split as well")

    def handle(self, *, features: Path, out: Path, target_fpr: float, **options: Any) -> None:
        if options["group_by"].replace(" ", "") != _GROUPS:
            raise CommandError(f"--group-by is {_GROUPS}: without both kept apart the figures would not be honest")
        if not 0 < target_fpr < 1:
            raise CommandError("--target-fpr is a share between 0 and 1")
        samples = recordings_csv.read_training_samples(features, FEATURE_VERSION)
        try:
            model = train_artefact_model(samples, target_fpr)
            split = random_split(samples, target_fpr) if options["random_split"] else None
        except Untrainable as error:
            raise CommandError(str(error)) from error
        document = model.document(
            FEATURE_VERSION,
            load_decoder_rates().looked_for,
            sha256=hashlib.sha256(features.read_bytes()).hexdigest(),
            date=timezone.now().date().isoformat(),
        )
        content = json.dumps(document, indent=1, allow_nan=False).encode()
        digest = artefact_model.parse_artefact_model(content, FEATURE_VERSION).sha256
        unfinished = out.with_name(out.name + ".part")
        unfinished.write_bytes(content)
        unfinished.replace(out)
        self.stdout.write(f"Each generator by a model that has not heard it, at {target_fpr:g} false alarms:")
        self._table(model.unseen_generators)
        self.stdout.write("False alarms by source, each by a model that has not heard it:")
        self._table(model.false_alarms)
        if split:
            self.stderr.write(f"Warning. {_RANDOM}")
            self._table({"random third, recall": split[0], "random third, false alarms": split[1]})
        self.stdout.write(f"{out}: sha256 {digest}")

    def _table(self, shares: dict[str, Share] | Any) -> None:
        for name, share in shares.items():
            lower, upper = share.interval
            self.stdout.write(
                f"  {name:30} {share.hits:5} of {share.of:5}  {share.value:7.1%}  ({lower:.1%} to {upper:.1%})"
            )
