"""A name that the registry guards, and who may deliver under it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.models import Label
from intake.services.registry import protected_artists


class Command(BaseCommand):
    help = "Guard an artist's name and aliases; with --label, say who may use them. Running it again adds to it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the artist's name as it is written on releases")
        parser.add_argument("--alias", action="append", default=[], help="another name of the artist, once for each")
        parser.add_argument(
            "--transliteration", action="append", default=[], help="the name in another script, once for each"
        )
        parser.add_argument("--label", action="append", default=[], help="a label that may use it, once for each")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        labels = [_get_label_by_name(name) for name in options["label"]]
        try:
            artist, new = protected_artists.protect_artist(
                options["name"], options["alias"], labels, transliterations=options["transliteration"]
            )
        except protected_artists.Unusable as error:
            raise CommandError(str(error)) from None
        guarded = list(artist.protected_names.order_by("pk").values_list("name", flat=True))
        allowed = sorted(label.name for label in artist.may_deliver())
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


def _get_label_by_name(name: str) -> Label:
    found = Label.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"there is no label '{name}'")
    return found
