"""Unlock a name or an address after failed log-ins."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.core.client_address import parse_network
from intake.services.people import login_throttle


class Command(BaseCommand):
    help = "Forget the failed log-in attempts of a user name or of a network address; passwords stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("name", nargs="?", help="the user name at the desk")
        what.add_argument("--address", help="an IPv4 address, or any address of an IPv6 /64 network")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["address"] is None:
            subject, count = options["name"], login_throttle.unlock_name(options["name"])
        else:
            subject = parse_network(options["address"])
            if not subject:
                raise CommandError(f"{options['address']!r} is not an IP address; write 192.0.2.1 or 2001:db8::1")
            count = login_throttle.unlock_network(subject)
        self.stdout.write(f"{subject}: {count} counter(s) of failed log-in attempts deleted.")
