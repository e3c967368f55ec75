"""A partner that receives cleared releases: its endpoint, and its secrets, which are shown once."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_slug
from django.db import transaction

from checks.policy import Policy
from intake.core.webhook_http import UnsafeURL
from intake.models import Partner
from intake.readers import webhook_payloads
from intake.services.people import accounts
from intake.services.submissions import admission
from intake.services.webhooks import webhook_delivery


class Command(BaseCommand):
    help = "Create a partner with a webhook endpoint. Its webhook secret and API key are printed this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the partner's short name: letters, digits, hyphens")
        parser.add_argument("--url", required=True, help="where it takes webhooks: https, port 443 or 8443")
        parser.add_argument(
            "--profile", default="default", help="profile of the policy file: what it gets of a release"
        )
        parser.add_argument(
            "--type",
            action="append",
            choices=webhook_payloads.TYPES,
            metavar="TYPE",
            help="an event type to subscribe to, once for each (without it: all that concern deliveries to partners)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, profile = options["slug"], options["profile"]
        _refuse_unknown(profile, admission.current_policy())
        try:
            validate_slug(slug)
        except ValidationError as error:
            raise CommandError(f"'{slug}': {error.messages[0]}") from error
        if Partner.objects.filter(slug=slug).exists():
            raise CommandError(f"there is a partner '{slug}' already")
        try:
            with transaction.atomic():
                partner, key = accounts.create_partner(slug, profile)
                endpoint = webhook_delivery.create_endpoint(
                    partner, options["url"], options["type"] or webhook_payloads.PARTNER_TYPES
                )
        except UnsafeURL as error:
            raise CommandError(f"{options['url']}: {error}") from error
        document = {
            "id": str(partner.pk),
            "slug": partner.slug,
            "profile": partner.profile,
            "endpoint": {"id": str(endpoint.pk), "url": endpoint.url, "types": endpoint.types},
            "webhook_secret": endpoint.secret,
            "api_key": key,
        }
        if options["json"]:
            self.stdout.write(json.dumps(document))
            return
        self.stdout.write(f"Partner:        {partner.slug}  ({partner.pk}), profile {partner.profile}")
        self.stdout.write(f"Endpoint:       {endpoint.url}")
        self.stdout.write(f"Events:         {', '.join(endpoint.types)}")
        self.stdout.write(f"Webhook secret: {endpoint.secret}")
        self.stdout.write(f"API key:        {key}")
        self.stderr.write("Secret and key are shown this once. docs/webhooks.md says how to verify a webhook.")


def _refuse_unknown(profile: str, rules: Policy) -> None:
    known = sorted({"default", *rules.profiles})
    if profile not in known:
        raise CommandError(f"the policy has no profile '{profile}'; it has {', '.join(known)}")
