"""A label that may deliver, and its first API key, which is shown once."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.models import Label
from intake.services.people import accounts


class Command(BaseCommand):
    help = "Create a label and its first API key. The key is printed this once; only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the submitting organisation, as it calls itself")
        parser.add_argument(
            "--scope",
            action="append",
            choices=accounts.SCOPES,
            help=f"what the key may do, once for each scope (without it: {', '.join(accounts.LABEL_SCOPES)})",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not name or len(name) > (Label._meta.get_field("name").max_length or 0):
            raise CommandError("a label's name has between 1 and 200 characters")
        scopes = tuple(dict.fromkeys(options["scope"] or accounts.LABEL_SCOPES))
        try:
            label, key = accounts.create_label(name, scopes)
        except accounts.NameTaken as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            document = {"id": str(label.pk), "name": label.name, "scopes": scopes, "api_key": key}
            self.stdout.write(json.dumps(document, ensure_ascii=False))
            return
        self.stdout.write(f"Label:   {label.name}  ({label.pk})")
        self.stdout.write(f"Scopes:  {', '.join(scopes)}")
        self.stdout.write(f"API key: {key}")
        self.stderr.write("The key is shown this once. Send it as  Authorization: Bearer <key>")
