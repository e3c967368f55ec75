"""A name that the registry guards, and who may deliver under it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.models import Label
from intake.services import catalogue

#: As long as the registry keeps names.
LONGEST = 200


class Command(BaseCommand):
    help = "Guard an artist's name and aliases; with --label, say who may use them. Running it again adds to it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the artist's name as it is written on releases")
        parser.add_argument("--alias", action="append", default=[], help="another name of the artist, once for each")
        parser.add_argument("--label", action="append", default=[], help="a label that may use it, once for each")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [name.strip() for name in (options["name"], *options["alias"])]
        if not all(names) or max(map(len, names)) > LONGEST:
            raise CommandError(f"a name has between 1 and {LONGEST} characters")
        labels = [_label(name) for name in options["label"]]
        artist, new = catalogue.protect(names[0], names[1:], labels)
        guarded = list(artist.protected_names.order_by("pk").values_list("name", flat=True))
        allowed = list(artist.labels.order_by("name").values_list("name", flat=True))
        if options["json"]:
            document = {"id": str(artist.pk), "name": artist.name, "names": guarded, "labels": allowed, "created": new}
            self.stdout.write(json.dumps(document, ensure_ascii=False))
            return
        self.stdout.write(
            f"{artist.name} {'is' if new else 'was'} guarded{'' if new else ' already'}: {len(guarded)} names"
        )
        for name in guarded:
            self.stdout.write(f"  {name}")
        self.stdout.write(f"May deliver: {', '.join(allowed) or 'nobody; a moderator sees every release under it'}")


def _label(name: str) -> Label:
    found = Label.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"there is no label '{name}'")
    return found
