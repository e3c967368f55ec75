"""The demo's moderator: in development only, with the same password at every start."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management.base import BaseCommand, CommandError

from intake.services.people import moderators

NAME = "demo"


class Command(BaseCommand):
    help = "Let the demo moderator in and print how; refused in production."
    requires_system_checks = []

    def handle(self, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("in production moderators are made by name: create_moderator")
        kept = settings.GATE_DATA / "demo_moderator"
        password = kept.read_text() if kept.exists() else ""
        if authenticate(username=NAME, password=password) is None:
            password = secrets.token_urlsafe(12)
            moderators.create_moderator(NAME, password)
            kept.touch(mode=0o600)
            kept.write_text(password)
        self.stdout.write(f"The moderators' desk: http://localhost:{settings.GATE_PORT}/admin/")
        self.stdout.write(f"Sign in as {NAME} with the password {password} (kept in {kept}).")
