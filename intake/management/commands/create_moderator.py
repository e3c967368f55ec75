"""A person for the desk, with a role and a password that is shown once."""

from __future__ import annotations

import json
import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.services.people import moderators
from intake.services.people.permissions import Role


class Command(BaseCommand):
    help = "Create a moderator, or let one in again; prints the password where it was drawn."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name at the desk")
        parser.add_argument(
            "--password-from",
            metavar="VARIABLE",
            help="environment variable that holds the password; without it one is drawn",
        )
        parser.add_argument(
            "--role",
            choices=[role.value for role in Role],
            action="append",
            help="the role at the desk, more than once for several (default: moderators)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        variable = options["password_from"]
        if variable and not os.environ.get(variable):
            raise CommandError(f"the environment variable {variable} is not set")
        given = os.environ[variable] if variable else ""
        held = [Role(name) for name in options["role"] or [Role.MODERATOR.value]]
        try:
            user, password, new = moderators.create_moderator(options["name"], given, held)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        drawn = password if not given else None
        if options["json"]:
            self.stdout.write(json.dumps({"name": user.username, "password": drawn or None, "created": new}))
            return
        self.stdout.write(f"Moderator {user.username} {'created' if new else 'was there already'}.")
        if drawn:
            self.stdout.write(f"Password, shown this once: {drawn}")
