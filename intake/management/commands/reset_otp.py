"""Reset a lost second factor."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.services.people import login_throttle, second_factor


class Command(BaseCommand):
    help = "Forget a person's one-time passwords and recovery codes; they enrol anew at the next log-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name at the desk")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["name"]).first()
        if person is None:
            raise CommandError(f"there is nobody called {options['name']}")
        there = second_factor.reset_second_factor(person)
        login_throttle.unlock_name(person.get_username())
        self.stdout.write(f"{person.get_username()} {'enrols anew' if there else 'had not enrolled'}.")
