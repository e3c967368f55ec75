"""Test whether this host can measure files, and keep the result for all hosts."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from intake.services.operations import self_tests


class Command(BaseCommand):
    help = "Measure samples of the project's own on this host and record the result. Ends with 1 where one fails."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        result = self_tests.run_host_self_test()
        if options["json"]:
            document = {"host": result.host, "ok": result.ok, "parts": result.parts}
            self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            for part in result.parts:
                self.stdout.write(f"{'ok' if part['ok'] else 'BROKEN':<6} {part['name']:<10} {part['detail']}")
        if not result.ok:
            raise CommandError(result.cause)
