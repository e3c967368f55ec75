"""The second factor of the desk: enrolment, one-time passwords, recovery codes."""

from __future__ import annotations

import base64
import hashlib
import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from intake.models import RecoveryCode
from intake.services.people import login_throttle
from intake.services.people.login_throttle import Client

#: Recovery codes of one person, and random bytes of each.
CODES = 10
CODE_BYTES = 8


# --- The second factor --------------------------------------------------------------------------------------------


def find_confirmed_device(person: User) -> TOTPDevice | None:
    """What this person proves the second factor with; None before enrolment."""
    return TOTPDevice.objects.filter(user=person, confirmed=True).first()


def ensure_unconfirmed_device(person: User) -> TOTPDevice:
    """The secret that a person is about to keep; the same until it is confirmed."""
    found, _ = TOTPDevice.objects.get_or_create(user=person, confirmed=False, defaults={"name": "desk"})
    return found


def format_totp_secret(enrolled: TOTPDevice) -> str:
    """The secret as it is typed into an app that cannot read the picture."""
    return base64.b32encode(enrolled.bin_key).decode()


def confirm_enrolment(person: User, token: str, client: Client) -> list[str]:
    """End the enrolment with a first right password; returns the recovery codes, which are shown this once.

    Returns none where it is not right. Raises LockedOut.
    """
    if find_confirmed_device(person) is not None:
        return []
    attempt = login_throttle.count_code(person.get_username(), client)
    waiting = ensure_unconfirmed_device(person)
    if not waiting.verify_token(token.strip()):
        return []
    codes = [secrets.token_hex(CODE_BYTES) for _ in range(CODES)]
    with transaction.atomic():
        TOTPDevice.objects.filter(pk=waiting.pk).update(confirmed=True)
        RecoveryCode.objects.filter(user=person).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=person, digest=_digest_recovery_code(code)) for code in codes
        )
    attempt.succeed()
    return codes


def verify_second_factor(person: User, token: str, client: Client) -> bool:
    """Whether this is the one-time password of the moment, or a recovery code not used yet. Raises LockedOut."""
    attempt = login_throttle.count_code(person.get_username(), client)
    given = token.strip().replace(" ", "").lower()
    right = _use_token(person, given) or _spend_recovery_code(person, given)
    if right:
        attempt.succeed()
    return right


def has_second_factor(person: User) -> bool:
    """Whether the password alone does not let this person in: a second factor is asked for, and enrolled."""
    return settings.GATE_OTP and find_confirmed_device(person) is not None


def _use_token(person: User, token: str) -> bool:
    """Whether it is the one-time password of the moment; of parallel requests with the same one, one is right."""
    with transaction.atomic():
        enrolled = TOTPDevice.objects.select_for_update().filter(user=person, confirmed=True).first()
        if enrolled is None or not (token.isdecimal() and len(token) == enrolled.digits):
            return False
        return bool(enrolled.verify_token(token))


def reset_second_factor(person: User) -> bool:
    """Forget a person's second factor, who has lost it; they enrol anew at the next log-in. Whether there was one."""
    with transaction.atomic():
        RecoveryCode.objects.filter(user=person).delete()
        return TOTPDevice.objects.filter(user=person).delete()[0] > 0


def _spend_recovery_code(person: User, code: str) -> bool:
    unused = RecoveryCode.objects.filter(user=person, digest=_digest_recovery_code(code), used_at__isnull=True)
    return bool(unused.update(used_at=timezone.now()))


def _digest_recovery_code(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
