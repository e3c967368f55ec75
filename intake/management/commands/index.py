"""The fingerprint index: how much is in it, whether it is whole, and making it anew."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from checks.fingerprint.index import Damaged
from intake import reference
from intake.models import KnownRecording
from intake.services import catalogue

#: Numbers of recordings that are named one by one in a complaint.
NAMED = 5


class Command(BaseCommand):
    help = "Look after the fingerprint index. The rows of the known recordings are the truth; the index follows them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action",
            choices=("stats", "verify", "compact", "rebuild"),
            help="how it lies; read it whole and compare it with the rows; write it in few pieces; make it anew",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        faults: list[str] = []
        try:
            if action == "verify":
                faults = reference.store().verify() + _differences()
            elif action == "compact":
                reference.store().compact()
            elif action == "rebuild":
                catalogue.rebuild()
            stats = dataclasses.asdict(reference.store().stats())
        except Damaged as error:
            if action != "verify":
                raise CommandError(f"the index is damaged ({error}); make it anew with: index rebuild") from error
            faults, stats = [str(error)], {}
        if options["json"]:
            self.stdout.write(json.dumps({"action": action, "stats": stats, "faults": faults}))
        else:
            for name, value in stats.items():
                self.stdout.write(f"{name.replace('_', ' '):14} {value:>14,}")
            for fault in faults:
                self.stdout.write(f"FAULT: {fault}")
            if action == "verify" and not faults:
                self.stdout.write("The index is whole, and holds what the catalogue says.")
        if faults:
            raise CommandError(f"{len(faults)} faults; make the index anew with: index rebuild", returncode=1)


def _differences() -> list[str]:
    """Where the index and the rows disagree. What waits to be indexed, or was just forgotten, is no disagreement."""
    indexed = set(reference.store().documents().tolist())
    current = KnownRecording.objects.current()
    known = set(current.values_list("pk", flat=True))
    expected = set(current.filter(indexed_at__isnull=False).values_list("pk", flat=True))
    return [
        *_named("in the catalogue, but not in the index", expected - indexed),
        *_named("in the index, but not in the catalogue", indexed - known),
    ]


def _named(what: str, numbers: set[int]) -> list[str]:
    if not numbers:
        return []
    some = ", ".join(map(str, sorted(numbers)[:NAMED]))
    return [f"{len(numbers)} recordings {what}: {some}{' …' if len(numbers) > NAMED else ''}"]
