"""The fingerprint index: how much is in it, whether it is whole, and making it anew."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from checks.fingerprint.index import Damaged
from intake.core import catalogue_files
from intake.readers import check_context
from intake.services.catalogue import bulk_import, index_log, known_recordings

#: Of a part that was made, so that it is not trusted to stay one (docs/catalogue.md).
PART = "This is a part. A running gate makes it what its own catalogue says: the rest is filled in, other numbers go."

#: Numbers of recordings that are named one by one in a complaint.
NAMED = 5


class Command(BaseCommand):
    help = "Look after the fingerprint index. The rows of the known recordings are the truth; the index follows them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action",
            choices=("stats", "verify", "compact", "rebuild", "export"),
            help="how it lies; read it whole and compare it with the rows; write it in few pieces; make it anew; "
            "write the catalogue to FILE, as learn --fingerprints reads it",
        )
        parser.add_argument("--from", dest="source", metavar="URL", help="rebuild from a ClickHouse, not from the rows")
        parser.add_argument("--shard", default="0/1", metavar="K/N", help="… only the K-th of N parts, counted from 0")
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="for export: .csv or .jsonl, and .gz")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if (action == "export") != (options["file"] is not None):
            raise CommandError("export names the file to be written; nothing else takes one")
        if action == "export":
            self._export(options["file"], options["json"])
            return
        faults: list[str] = []
        try:
            if action == "verify":
                faults = check_context.open_fingerprint_store().verify() + _describe_differences()
            elif action == "compact":
                check_context.open_fingerprint_store().compact()
            elif action == "rebuild":
                _rebuild_index_command(options["source"], options["shard"])
                if options["source"] and not options["shard"].endswith("/1"):
                    self.stderr.write(PART)
            stats = dataclasses.asdict(check_context.open_fingerprint_store().stats()) | _describe_index_place()
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

    def _export(self, path: Path, as_json: bool) -> None:
        """Written aside first: what bears the name is whole."""
        suffixes = path.suffixes
        zipped = suffixes[-1:] == [".gz"]
        form = {".csv": "csv", ".jsonl": "jsonl"}.get(suffixes[-2 if zipped else -1] if len(suffixes) > zipped else "")
        if form is None:
            raise CommandError(f"{path}: the name ends with .csv or .jsonl, and with .gz where it is to be compressed")
        aside = path.with_name(path.name + ".part")
        try:
            with (
                gzip.open(aside, "wt", encoding="utf-8", newline="") if zipped else aside.open("w", newline="") as file
            ):
                count = catalogue_files.write_catalogue_file(file, bulk_import.export_catalogue_lines(), form)
            aside.replace(path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise CommandError(f"{path}: {error.strerror or error}") from error
        self.stdout.write(
            json.dumps({"action": "export", "written": count}) if as_json else f"{count} recordings written"
        )


def _rebuild_index_command(source: str | None, shard: str) -> None:
    if source is None:
        known_recordings.rebuild_index()
        return
    part, _, of = shard.partition("/")
    if not (part.isdecimal() and of.isdecimal() and int(part) < int(of)):
        raise CommandError(f"--shard {shard}: K/N, as 0/4 to 3/4")
    try:
        known_recordings.rebuild_from(source, int(part), int(of))
    except (ValueError, ImportError) as error:
        raise CommandError(str(error)) from error


def _describe_index_place() -> dict[str, int]:
    """Where the index stands in the catalogue's log."""
    found = index_log.compare_index_with_log()
    return {"position": found.position, "behind": found.behind}


def _describe_differences() -> list[str]:
    """Where the index and the catalogue's log disagree. What the index has not applied yet is no disagreement."""
    found = index_log.compare_index_with_log(exactly=True)
    if found.foreign:
        return list(found.faults)
    lacking, spare = index_log.list_index_differences()
    named = [
        *_describe_numbers("in the catalogue, but not in the index", lacking),
        *_describe_numbers("in the index, but not in the catalogue", spare),
    ]
    return named or list(found.faults)


def _describe_numbers(what: str, numbers: set[int]) -> list[str]:
    if not numbers:
        return []
    some = ", ".join(map(str, sorted(numbers)[:NAMED]))
    return [f"{len(numbers)} recordings {what}: {some}{' …' if len(numbers) > NAMED else ''}"]
