"""Recordings out of the catalogue again: what was learned by mistake, or may not be kept."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import QuerySet

from checks.rules.metadata.identifiers import canonical_isrc
from intake.models import KnownRecording
from intake.services.catalogue import known_recordings


class Command(BaseCommand):
    help = "Take recordings out of the catalogue and its index. The rows stay, as evidence of what was found once."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--isrc", help="every recording with this ISRC")
        which.add_argument("--owner", help="every recording of this owner, as written when it was learned")
        which.add_argument("--id", type=int, help="one recording, by its number in the catalogue")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(_choose_recordings(options).order_by("pk"))
        count = known_recordings.forget_recordings(found)
        known_recordings.index_new_recordings()
        if options["json"]:
            recordings = [
                {"id": entry.pk, "title": entry.title, "isrc": entry.isrc, "owner": entry.owner} for entry in found
            ]
            self.stdout.write(json.dumps({"forgotten": count, "recordings": recordings}, ensure_ascii=False))
            return
        for item in found:
            self.stdout.write(f"  {item.pk}  {item}  {item.isrc}  {item.owner}".rstrip())
        self.stdout.write(f"Forgotten: {count}")


def _choose_recordings(options: dict[str, Any]) -> QuerySet[KnownRecording]:
    known = KnownRecording.objects.settled()
    if options["isrc"] is not None:
        return known.filter(isrc=canonical_isrc(options["isrc"]) or None)
    if options["owner"] is not None:
        return known.filter(owner=options["owner"] or None)
    return known.filter(pk=options["id"])
