"""Whether everything that must always be true of the records still is."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.models import Decision, Delivery, Event, Submission
from intake.services.operations.invariants import INVARIANTS, find_invariant_violations

#: The longest that an ordinary submission takes, many times over.
DEFAULT_MINUTES = 15


class Command(BaseCommand):
    help = "Assert what must always hold: nothing lost, nothing decided twice, histories whole. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--minutes",
            type=float,
            default=DEFAULT_MINUTES,
            help=f"what moves on its own hangs after so long (default {DEFAULT_MINUTES})",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(find_invariant_violations(dt.timedelta(minutes=options["minutes"])))
        counted = {
            "submissions": Submission.objects.count(),
            "decisions": Decision.objects.count(),
            "events": Event.objects.count(),
            "deliveries": Delivery.objects.count(),
        }
        if options["json"]:
            document = {**counted, "holds": not found, "violations": [asdict(entry) for entry in found]}
            self.stdout.write(json.dumps(document, ensure_ascii=False))
        else:
            broken = Counter(element.invariant for element in found)
            for name, rule in INVARIANTS.items():
                self.stdout.write(f"{name:4} {'holds' if not broken[name] else f'BROKEN ({broken[name]})':12} {rule}")
            for item in found:
                self.stdout.write(f"{item.invariant}: {item.subject}: {item.message}")
            self.stdout.write(", ".join(f"{count} {what}" for what, count in counted.items()))
        if found:
            raise CommandError(f"{len(found)} violations", returncode=1)
