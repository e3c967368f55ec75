"""Labels, partners and the keys by which the gate knows them."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets

from django.db import transaction
from django.utils import timezone

from checks.model.recording_ownership import fold_owner_name
from intake.models import ApiKey, Label, Partner

#: What a key may be allowed to do.
SCOPES = ("submissions", "webhooks", "catalogue")
LABEL_SCOPES = ("submissions", "webhooks")
#: A partner reads what it was told of at the address in the event.
PARTNER_SCOPES = ("submissions", "webhooks")

#: Marks our keys, so that secret scanners and people recognise a leaked one.
KEY_MARK = "rig"
#: ``last_used_at`` is written at most this often.
USE_NOTED_EVERY = dt.timedelta(minutes=1)


class NameTaken(ValueError):
    """Another account has this name, in this writing or another; says which."""


def create_label(name: str, scopes: tuple[str, ...] = LABEL_SCOPES) -> tuple[Label, str]:
    """A label and its first API key, which is shown this once.

    A known recording can name its owner by name alone, so that no two accounts may have the same name, whatever case,
    accents and punctuation it is written with. Raises NameTaken, or IntegrityError where the same name comes twice at
    once.
    """
    wanted = fold_owner_name(name)
    for other, names in Label.objects.values_list("name", "names"):
        if name == other or (wanted and wanted in {fold_owner_name(item) for item in (other, *names)}):
            raise NameTaken(f"there is a label '{other}' already, which has this name")
    with transaction.atomic():
        label = Label.objects.create(name=name)
        return label, issue_key(label, scopes)


def create_partner(slug: str, profile: str = "default") -> tuple[Partner, str]:
    """A partner and its API key, which is shown this once. Raises IntegrityError where the slug is taken."""
    with transaction.atomic():
        partner = Partner.objects.create(slug=slug, profile=profile)
        return partner, issue_key(partner, PARTNER_SCOPES)


def issue_key(owner: Label | Partner, scopes: tuple[str, ...], expires_at: dt.datetime | None = None) -> str:
    """A new API key; the old ones stay valid until they are revoked, so that a label can rotate without a gap."""
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    ApiKey.objects.create(
        **({"label": owner} if isinstance(owner, Label) else {"partner": owner}),
        prefix=prefix,
        digest=_digest_api_secret(secret),
        scopes=list(scopes),
        expires_at=expires_at,
    )
    return f"{KEY_MARK}_{prefix}_{secret}"


def authenticate_api_key(key: str) -> ApiKey | None:
    """The API key row that a presented key opens, or None."""
    mark, _, rest = key.partition("_")
    prefix, _, secret = rest.partition("_")
    rows = ApiKey.objects.select_related("label", "partner").filter(prefix=prefix) if prefix else ()
    found = next(iter(rows), None)  # prefixes are unique: nothing to put in order
    # An unknown prefix costs the same comparison, so that answers take equally long.
    expected = found.digest if found else _digest_api_secret("")
    matches = hmac.compare_digest(expected, _digest_api_secret(secret))
    now = timezone.now()
    if mark != KEY_MARK or found is None or not matches or not found.usable(now):
        return None
    if found.last_used_at is None or now - found.last_used_at > USE_NOTED_EVERY:
        ApiKey.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def revoke_api_key(key: ApiKey) -> None:
    """Close a key for good."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def _digest_api_secret(secret: str) -> str:
    """The secret has 256 bits of its own randomness, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
