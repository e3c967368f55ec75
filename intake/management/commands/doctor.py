"""Say what this installation is made of, and what is wrong with it."""

import dataclasses
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from intake.services.operations import health


class Command(BaseCommand):
    help = "Examine this installation: what it runs on, and what is broken. Ends with 1 where something needed is."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        answers = health.run_all_health_checks()
        broken = [answer.name for answer in answers if answer.needed and not answer.ok]
        if options["json"]:
            document = {"ok": not broken, "answers": [dataclasses.asdict(answer) for answer in answers]}
            self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            for answer in answers:
                self._show(answer)
        if broken:
            raise CommandError(f"broken: {', '.join(broken)}")

    def _show(self, answer: health.Answer) -> None:
        style, mark = (
            (self.style.SUCCESS, "ok")
            if answer.ok
            else (self.style.ERROR, "BROKEN")
            if answer.needed
            else (self.style.WARNING, "note")
        )
        self.stdout.write(f"{style(f'{mark:<6}')} {answer.name:<12} {answer.detail}")
        if answer.hint:
            self.stdout.write(f"{'':<20}{answer.hint}")
