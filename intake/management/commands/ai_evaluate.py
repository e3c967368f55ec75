"""What a model of acoustic traces comes to on recordings that it was not trained on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from checks.analysis.artefact_lines import FEATURE_VERSION
from checks.model import artefact_model
from checks.model.artefact_model import ModelError, extract_model_features
from checks.model.release import LatticeFacts
from checks.rules.artefacts.artefact_training import Share
from intake.management import recordings_csv


class Command(BaseCommand):
    help = (
        "Recall by generator and false alarms by source, of a model and of the gate's own rule, on a CSV's recordings."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("model", type=Path)
        parser.add_argument("--manifest", type=Path, required=True, metavar="CSV")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *, model: Path, **options: Any) -> None:
        try:
            judge = artefact_model.parse_artefact_model(model.read_bytes(), FEATURE_VERSION)
        except (OSError, ModelError) as error:
            raise CommandError(f"{model}: {error}") from error
        rows = recordings_csv.read_recordings_csv(options["manifest"], ("path", "label", "generator", "source"))
        found: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
        left_out = 0
        for row, facts in recordings_csv.measure_csv_artefacts(rows, self.stderr):
            if not isinstance(facts, LatticeFacts) or not facts.assessed:
                self.stderr.write(f"{row.path}: left out, {facts.reason if isinstance(facts, LatticeFacts) else facts}")
                left_out += 1
                continue
            group = ("recall", row.generator) if row.label == "ai" else ("false_alarms", row.source)
            above = judge.score(extract_model_features(facts)) >= judge.threshold
            found.setdefault(group, []).append((above, facts.found))
        shares = {
            group: tuple(Share(sum(item), len(item)) for item in zip(*hits, strict=True))
            for group, hits in found.items()
        }
        if options["json"]:
            self.stdout.write(json.dumps(_build_evaluation_document(judge.sha256, shares, left_out), indent=2))
        else:
            self._tell(shares)

    def _tell(self, shares: Mapping[tuple[str, str], tuple[Share, ...]]) -> None:
        for kind, heading in (("recall", "Found, by generator"), ("false_alarms", "False alarms, by source")):
            self.stdout.write(f"{heading} (the model; the gate's own rule):")
            for (which, name), by in sorted(shares.items()):
                if which == kind:
                    self.stdout.write(f"  {name:30} " + "   ".join(map(_describe_share, by)))


def _describe_share(share: Share) -> str:
    lower, upper = share.interval
    return f"{share.hits:4} of {share.of:4} {share.value:7.1%} ({lower:.1%} to {upper:.1%})"


def _build_evaluation_document(
    sha256: str, shares: Mapping[tuple[str, str], tuple[Share, ...]], left_out: int
) -> dict[str, Any]:
    document: dict[str, Any] = {"model_sha256": sha256, "not_assessed": left_out, "recall": {}, "false_alarms": {}}
    for (kind, name), (model, rule) in sorted(shares.items()):
        document[kind][name] = {"model": model.as_json(), "rule": rule.as_json()}
    return document
