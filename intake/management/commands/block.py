"""The blocklist: what must not come in again unseen."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date

from checks.analysis import AnalysisError, default_analyser
from intake.models import Block
from intake.services.registry.protected_artists import OPERATOR
from intake.services.review import blocklist
from intake.services.storage.blobs import Incoming

_CHUNK = 1 << 20


class Command(BaseCommand):
    help = "Block an ISRC, a UPC, a party, a file, or a recording by its sound; list what is blocked, or lift it."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--isrc")
        what.add_argument("--upc")
        what.add_argument("--party", metavar="SCHEME:NUMBER", help="isni:… or ipi:…")
        what.add_argument("--file", metavar="SHA256", help="a file, byte for byte")
        what.add_argument("--recording", metavar="NUMBER", help="a known recording, by its number in the catalogue")
        what.add_argument("--audio", type=Path, metavar="PATH", help="a recording, by a file of it")
        what.add_argument("--list", action="store_true", help="what is blocked now")
        what.add_argument("--lift", type=uuid.UUID, metavar="ID", help="take an entry off the list")
        what.add_argument("--live", type=uuid.UUID, metavar="ID", help="the live submissions that an entry speaks of")
        parser.add_argument("--reason", default="", help="why; moderators read it, labels never")
        parser.add_argument("--until", metavar="YYYY-MM-DD", help="the day on which it ends by itself")
        parser.add_argument(
            "--reopen", action="store_true", help="put live submissions that are on the list before a moderator"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self._tell(
                [_represent_block_entry(item) for item in Block.objects.standing().order_by("pk")], options["json"]
            )
        elif options["lift"]:
            entry = _get_block(options["lift"])
            self._tell(
                [_represent_block_entry(entry) | {"lifted": blocklist.lift_block(entry, OPERATOR)}], options["json"]
            )
        elif options["live"]:
            self._tell(self._live(_get_block(options["live"]), options["reopen"]), options["json"])
        else:
            try:
                entry, new = _add_block_from_options(options)
            except (blocklist.Unusable, OSError, AnalysisError) as error:
                raise CommandError(str(error)) from error
            document = _represent_block_entry(entry) | {"new": new}
            document["submissions"] = self._live(entry, options["reopen"])
            self._tell([document], options["json"])

    @staticmethod
    def _live(entry: Block, reopen: bool) -> list[dict[str, Any]]:
        """The live submissions that the entry speaks of; with ``reopen``, each is told, and put before a human."""
        affected = [submission.submission for submission in blocklist.iterate_affected_submissions(entry)]
        told = (
            {candidate.pk for candidate in blocklist.reopen_affected_submissions(entry, OPERATOR)} if reopen else set()
        )
        for item in affected:
            item.refresh_from_db()
        return [
            {
                "id": str(element.pk),
                "release": str(element),
                "label": element.label.name,
                "state": element.state,
                "told": element.pk in told,
            }
            for element in affected
        ]

    def _tell(self, documents: list[dict[str, Any]], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(documents, ensure_ascii=False))
            return
        for document in documents:
            rows = document.pop("submissions", [])
            self.stdout.write("  ".join(f"{key}: {value}" for key, value in document.items() if value is not None))
            for row in rows:
                self.stdout.write("    " + "  ".join(f"{key}: {value}" for key, value in row.items()))
        if not documents:
            self.stdout.write("Nothing.")


def _add_block_from_options(options: dict[str, Any]) -> tuple[Block, bool]:
    ends = _parse_expiry_day(options["until"])
    if (path := options["audio"]) is not None:
        with Incoming() as incoming:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    incoming.write(chunk)
            incoming.finish()
            facts = default_analyser().analyse(incoming.path, incoming.sha256, name=path.name)
            entry, new = blocklist.block_sound(facts, path.stem, "", options["reason"], OPERATOR, expires_at=ends)
            incoming.keep()  # moderators listen to it
        return entry, new
    kind = next(value for value in Block.Kind.values if options.get(value) is not None)
    return blocklist.add_block(kind, options[kind], options["reason"], OPERATOR, expires_at=ends)


def _parse_expiry_day(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"--until {text}: write the day as YYYY-MM-DD")
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _get_block(pk: uuid.UUID) -> Block:
    entry = Block.objects.filter(pk=pk).first()
    if entry is None:
        raise CommandError(f"there is no entry {pk}")
    return entry


def _represent_block_entry(entry: Block) -> dict[str, Any]:
    return {
        "id": str(entry.pk),
        "kind": entry.kind,
        "value": entry.value,
        "recording": str(entry.recording) if entry.recording else None,
        "reason": entry.reason,
        "by": entry.blocked_by,
        "at": entry.blocked_at.isoformat(timespec="seconds"),
        "expires_at": entry.expires_at.isoformat() if entry.expires_at else None,
        "stands": entry.stands(timezone.now()),
    }
