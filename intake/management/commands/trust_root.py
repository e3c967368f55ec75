"""The roots of trusted signatures on Content Credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from checks.analysis import c2pa_trust as certificates
from intake.models import TrustRoot
from intake.services.provenance import trust_roots
from intake.services.registry.protected_artists import OPERATOR


class Command(BaseCommand):
    help = "Whose signatures on Content Credentials are trusted: add a root, withdraw one, list them, list the files."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        adding = does.add_parser("add", help="trust a root from now on")
        adding.add_argument("pem", type=Path, metavar="FILE.pem", help="one certificate; its fingerprint is printed")
        adding.add_argument("--note", required=True, help="whose root it is, where published, how verified")
        withdrawing = does.add_parser("withdraw", help="trust a root no longer")
        withdrawing.add_argument("fingerprint", help="SHA-256 of the certificate, or how it begins")
        for name, what in (("list", "the roots, those withdrawn included"), ("files", "files with credentials")):
            does.add_parser(name, help=what).add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        {"add": self._add, "withdraw": self._withdraw, "list": self._list, "files": self._files}[options["does"]](
            options
        )

    def _add(self, options: dict[str, Any]) -> None:
        try:
            row, new = trust_roots.add_trust_root(options["pem"].read_text(encoding="ascii"), options["note"], OPERATOR)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['pem']}: {error}") from error
        except certificates.NotARoot as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{row.subject} {'is' if new else 'was'} trusted{'' if new else ' already'}")
        self.stdout.write(f"  sha256 {row.fingerprint}: compare it with what its owner publishes")
        if new:
            trusted = sum(
                carrier.credential.state == "trusted" for carrier in trust_roots.iterate_credential_carriers()
            )
            self.stdout.write(f"  {trusted} measured files carry a credential that is trusted now")

    def _withdraw(self, options: dict[str, Any]) -> None:
        beginning = options["fingerprint"].lower().replace(":", "")
        found = list(TrustRoot.objects.current().filter(fingerprint__startswith=beginning)[:2])
        if len(found) != 1 or not beginning:
            raise CommandError("there are several such roots" if found else "there is no such root on the list")
        trust_roots.withdraw_trust_root(found[0], OPERATOR)
        self.stdout.write(f"{found[0].subject} is trusted no longer")

    def _list(self, options: dict[str, Any]) -> None:
        rows = list(TrustRoot.objects.order_by("added_at", "pk"))
        digest = TrustRoot.objects.trust_list().digest
        if options["json"]:
            self.stdout.write(json.dumps({"digest": digest, "roots": [_represent_trust_root(row) for row in rows]}))
            return
        for row in rows:
            withdrawn = f", withdrawn {row.withdrawn_at:%Y-%m-%d} by {row.withdrawn_by}" if row.withdrawn_at else ""
            self.stdout.write(
                f"{row.fingerprint[:16]}  {row.subject}  added {row.added_at:%Y-%m-%d} by {row.added_by}{withdrawn}\n"
                f"                  valid to {row.not_after:%Y-%m-%d}: {row.note}"
            )
        self.stdout.write(f"{sum(row.withdrawn_at is None for row in rows)} roots are trusted; {digest}")

    def _files(self, options: dict[str, Any]) -> None:
        found = list(trust_roots.iterate_credential_carriers())
        if options["json"]:
            documents = [
                {"sha256": entry.sha256, "state": entry.credential.state, "signer": entry.credential.signer}
                for entry in found
            ]
            self.stdout.write(json.dumps({"files": documents}, ensure_ascii=False))
            return
        for item in found:
            self.stdout.write(f"{item.sha256}  {item.credential.state:9}  {item.credential.signer or 'nameless'}")
        self.stdout.write(f"{len(found)} files carry a credential that holds")


def _represent_trust_root(row: TrustRoot) -> dict[str, Any]:
    return {
        "fingerprint": row.fingerprint,
        "subject": row.subject,
        "note": row.note,
        "not_after": row.not_after.isoformat(),
        "added_by": row.added_by,
        "added_at": row.added_at.isoformat(),
        "withdrawn_by": row.withdrawn_by or None,
        "withdrawn_at": row.withdrawn_at.isoformat() if row.withdrawn_at else None,
    }
