"""API keys of labels and partners: list them, issue another, revoke one that leaked or is no longer needed."""

from __future__ import annotations

import datetime as dt
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from intake.models import ApiKey, Label, Partner
from intake.services.people import accounts


class Command(BaseCommand):
    help = "List, issue or revoke API keys. To rotate: issue a new one, let the owner change over, revoke the old one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="every key: prefix, owner, scopes, whether it still opens anything")
        issue = actions.add_parser("issue", help="another key for a label (by name) or a partner (by slug)")
        issue.add_argument("owner")
        issue.add_argument("--scope", action="append", choices=accounts.SCOPES, help="may be given several times")
        issue.add_argument("--days", type=int, help="the key expires after so many days")
        revoke = actions.add_parser("revoke", help="close a key for good, by its prefix (rig_PREFIX_…)")
        revoke.add_argument("prefix")
        for action in (listing, issue, revoke):
            action.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = {"list": self._list, "issue": self._issue, "revoke": self._revoke}[options["action"]](options)
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        for row in answer["keys"]:
            scopes = ", ".join(row["scopes"])
            self.stdout.write(f"{row['prefix']}  {row['owner']}  {scopes}  {'usable' if row['usable'] else 'closed'}")
        if "api_key" in answer:
            self.stdout.write(f"The key, shown this once: {answer['api_key']}")

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "keys": [
                _represent_api_key(key) for key in ApiKey.objects.select_related("label", "partner").order_by("pk")
            ]
        }

    def _issue(self, options: dict[str, Any]) -> dict[str, Any]:
        owner = _find_key_owner(options["owner"])
        usual = accounts.LABEL_SCOPES if isinstance(owner, Label) else accounts.PARTNER_SCOPES
        if options["days"] is not None and options["days"] < 1:
            raise CommandError("--days must be 1 or more")
        expires = timezone.now() + dt.timedelta(days=options["days"]) if options["days"] else None
        secret = accounts.issue_key(owner, tuple(dict.fromkeys(options["scope"] or usual)), expires)
        return {"keys": [_represent_api_key(ApiKey.objects.get(prefix=_extract_key_prefix(secret)))], "api_key": secret}

    def _revoke(self, options: dict[str, Any]) -> dict[str, Any]:
        key = ApiKey.objects.filter(prefix=_extract_key_prefix(options["prefix"])).first()
        if key is None:
            raise CommandError(f"there is no key with the prefix {options['prefix']}")
        accounts.revoke_api_key(key)
        key.refresh_from_db()
        return {"keys": [_represent_api_key(key)]}


def _find_key_owner(name: str) -> Label | Partner:
    owner = Label.objects.filter(name=name).first() or Partner.objects.filter(slug=name).first()
    if owner is None:
        raise CommandError(f"there is no label and no partner called {name}")
    return owner


def _extract_key_prefix(given: str) -> str:
    """The prefix of a key, from the key, from what the list shows, or from the prefix itself."""
    parts = given.split("_")
    return parts[1] if parts[0] == accounts.KEY_MARK and len(parts) > 1 else given


def _represent_api_key(key: ApiKey) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "owner": str(key.label or key.partner),
        "scopes": key.scopes,
        "usable": key.usable(timezone.now()),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
    }
