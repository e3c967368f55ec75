"""The registry of protected artists: in and out as a table, keys that artists give away, and the search made anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.core import registry_csv
from intake.core.registry_csv import BadTable, Line
from intake.models import ArtistKey, Label, ProtectedArtist, ProtectedName
from intake.services.registry import protected_artists

#: Lines that are written in one transaction.
BATCH = 1000
#: Faults that are told one by one; a table of the wrong kind has one in every line.
MOST_FAULTS = 100


class Command(BaseCommand):
    help = "Import or export protected artists as CSV; issue or revoke an artist's key; rebuild the search."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
        commands = parser.add_subparsers(dest="what", required=True)
        importing = commands.add_parser("import", help="add the artists of a table; what is there already is added to")
        importing.add_argument("file", type=Path)
        importing.add_argument("--dry-run", action="store_true", help="say what would be done, and what is wrong")
        commands.add_parser("export", help="write all artists as a table").add_argument("file", type=Path)
        commands.add_parser("issue-key", help="a new key of an artist, shown this once").add_argument("name")
        commands.add_parser("revoke-key", help="close an artist's key for good").add_argument("prefix")
        commands.add_parser("rebuild", help="make every name searchable anew")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["what"]:
            case "import":
                self._import(options["file"], options["dry_run"], options["json"])
            case "export":
                self._say(options["json"], exported=_export_registry(options["file"]))
            case "issue-key":
                self._issue_key(options["name"], options["json"])
            case "revoke-key":
                self._revoke_key(options["prefix"], options["json"])
            case "rebuild":
                self._say(options["json"], names=protected_artists.rebuild_name_index())

    def _say(self, as_json: bool, **figures: Any) -> None:
        if as_json:
            self.stdout.write(json.dumps(figures, ensure_ascii=False))
        else:
            self.stdout.write(", ".join(f"{name.replace('_', ' ')}: {figure}" for name, figure in figures.items()))

    def _import(self, path: Path, dry_run: bool, as_json: bool) -> None:
        """Good lines are taken, each fault is told with its line; any fault ends with 1."""
        faults: list[dict[str, Any]] = []
        count = new = 0
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                entries = _iterate_registry_entries(registry_csv.read_registry_table(file), faults)
                while batch := list(islice(entries, BATCH)):
                    count += len(batch)
                    done = (
                        []
                        if dry_run
                        else protected_artists.protect_artists(
                            batch, f"{protected_artists.OPERATOR}: {path.name}"[:200]
                        )
                    )
                    new += sum(fresh for _, fresh in done)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except BadTable as error:
            raise CommandError(f"{path}: {error}; {count} artists before it were taken") from error
        figures = {"dry_run": dry_run, "artists": count, "new": new, "faults": len(faults)}
        for fault in faults[:MOST_FAULTS]:
            self.stderr.write(f"line {fault['line']}: {fault['fault']}")
        self._say(as_json, **figures, **({"lines": faults[:MOST_FAULTS]} if as_json else {}))
        if faults:
            sys.exit(1)

    def _issue_key(self, name: str, as_json: bool) -> None:
        artist = ProtectedArtist.objects.current().filter(name=name).first()
        if artist is None:
            raise CommandError(f"there is no protected artist '{name}'")
        try:
            row, key = protected_artists.issue_artist_key(artist, protected_artists.OPERATOR)
        except protected_artists.TooManyKeys:
            raise CommandError(f"revoke one of the {protected_artists.MOST_KEYS} valid keys first") from None
        self._say(as_json, artist=artist.name, prefix=row.prefix, key=key)

    def _revoke_key(self, prefix: str, as_json: bool) -> None:
        key = ArtistKey.objects.filter(prefix=prefix).first()
        if key is None:
            raise CommandError(f"there is no artist key '{prefix}'")
        self._say(
            as_json, prefix=key.prefix, revoked=protected_artists.revoke_artist_key(key, protected_artists.OPERATOR)
        )


def _iterate_registry_entries(lines: Iterator[Line], faults: list[dict[str, Any]]) -> Iterator[protected_artists.Entry]:
    """The lines as entries; what cannot be one is noted among the faults and left out."""
    labels: dict[str, Label | None] = {}
    for line in lines:
        try:
            yield protected_artists.normalise_registry_entry(_build_registry_entry(line, labels))
        except protected_artists.Unusable as error:
            faults.append({"line": line.number, "fault": str(error)})


def _build_registry_entry(line: Line, labels: dict[str, Label | None]) -> protected_artists.Entry:
    """One line's entry. Raises Unusable."""
    identifiers = [(scheme, value) for scheme in ("isni", "ipi") for value in line.cells[scheme]]
    for profile in line.cells["profiles"]:
        scheme, separator, value = profile.partition(":")
        if not separator:
            raise protected_artists.Unusable(f"'{profile[:60]}' is no profile: write partner:id")
        identifiers.append((scheme, value))
    for name in line.cells["labels"]:
        if name not in labels:
            labels[name] = Label.objects.filter(name=name).first()
    unknown = [name for name in line.cells["labels"] if labels[name] is None]
    if unknown:
        raise protected_artists.Unusable(f"there is no label '{unknown[0][:60]}'")
    return protected_artists.Entry(
        line.name,
        tuple(line.cells["aliases"]),
        tuple(line.cells["transliterations"]),
        tuple(identifiers),
        tuple(label for name in line.cells["labels"] if (label := labels[name])),
    )


def _export_registry(path: Path) -> int:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            return registry_csv.write_registry_table(file, _iterate_registry_rows())
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error


def _iterate_registry_rows() -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    kinds = ProtectedName.Kind
    for artist in ProtectedArtist.objects.current().whole().order_by("pk").iterator(chunk_size=BATCH):
        names = sorted(artist.protected_names.all(), key=lambda one: one.pk)
        known_as = sorted(artist.identifiers.all(), key=lambda one: one.pk)
        yield (
            artist.name,
            {
                "aliases": [name.name for name in names if name.kind == kinds.ALIAS],
                "transliterations": [item.name for item in names if item.kind == kinds.TRANSLITERATION],
                "isni": [entry.value for entry in known_as if entry.scheme == "isni"],
                "ipi": [element.value for element in known_as if element.scheme == "ipi"],
                "profiles": [str(candidate) for candidate in known_as if candidate.scheme not in ("isni", "ipi")],
                "labels": sorted(label.name for label in artist.may_deliver()),
            },
        )
