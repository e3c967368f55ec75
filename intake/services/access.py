"""The desk's door: guessing takes longer and longer, and a second factor opens it where the installation asks."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
import unicodedata

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from intake.models import RecoveryCode, SignIn

#: Wrong guesses in a row that cost nothing: people mistype.
FREE = 5
#: The wait after the next one; it doubles with every further one …
FIRST_WAIT = dt.timedelta(seconds=30)
#: … up to this, so that nobody can keep a moderator out for long.
LONGEST_WAIT = dt.timedelta(minutes=15)
#: A row of failures this old is forgotten.
REMEMBERED = dt.timedelta(days=1)
#: Recovery codes of one person, and random bytes of each.
CODES = 10
CODE_BYTES = 8


class LockedOut(Exception):
    """Too many wrong guesses; says until when."""

    def __init__(self, until: dt.datetime) -> None:
        self.until = until
        super().__init__(f"too many failed attempts; try again after {until:%H:%M:%S} UTC")


def attempt(name: str) -> None:
    """Count a try to prove to be somebody, before it is looked at: of many at the same moment each counts.

    Raises LockedOut where it must not even be looked at. ``succeeded`` ends the row of failures.
    """
    key = _key(name)
    row, _ = SignIn.objects.get_or_create(name=key)
    now = timezone.now()  # after the row was read: what was written before it counts
    until = row.failed_at + _wait(row.failures)
    if row.failed_at <= now < until:
        raise LockedOut(until)
    counted = SignIn.objects.filter(name=key, failures=row.failures).update(failures=F("failures") + 1, failed_at=now)
    if not counted:  # somebody else is trying this very moment
        raise LockedOut(now + dt.timedelta(seconds=1))


def succeeded(name: str) -> None:
    """It was the right person."""
    SignIn.objects.filter(name=_key(name)).delete()


def tidy() -> int:
    """Forget failures of long ago; returns how many names."""
    return SignIn.objects.filter(failed_at__lt=timezone.now() - REMEMBERED).delete()[0]


def _wait(failures: int) -> dt.timedelta:
    if failures < FREE:
        return dt.timedelta()
    return min(FIRST_WAIT * 2 ** min(failures - FREE, 10), LONGEST_WAIT)


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()[:200]


# --- The second factor --------------------------------------------------------------------------------------------


def device(person: User) -> TOTPDevice | None:
    """What this person proves the second factor with; None before enrolment."""
    return TOTPDevice.objects.filter(user=person, confirmed=True).first()


def enrolling(person: User) -> TOTPDevice:
    """The secret that a person is about to keep; the same until it is confirmed."""
    found, _ = TOTPDevice.objects.get_or_create(user=person, confirmed=False, defaults={"name": "desk"})
    return found


def secret(enrolled: TOTPDevice) -> str:
    """The secret as it is typed into an app that cannot read the picture."""
    return base64.b32encode(enrolled.bin_key).decode()


def confirm(person: User, token: str) -> list[str]:
    """End the enrolment with a first right password; returns the recovery codes, which are shown this once.

    Returns none where it is not right. Raises LockedOut.
    """
    if device(person) is not None:
        return []
    attempt(_factor(person))
    waiting = enrolling(person)
    if not waiting.verify_token(token.strip()):
        return []
    codes = [secrets.token_hex(CODE_BYTES) for _ in range(CODES)]
    with transaction.atomic():
        TOTPDevice.objects.filter(pk=waiting.pk).update(confirmed=True)
        RecoveryCode.objects.filter(user=person).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=person, digest=_digest(one)) for one in codes)
    succeeded(_factor(person))
    return codes


def verify(person: User, token: str) -> bool:
    """Whether this is the one-time password of the moment, or a recovery code not used yet. Raises LockedOut."""
    enrolled = device(person)
    if enrolled is None:
        return False
    attempt(_factor(person))
    given = token.strip().replace(" ", "").lower()
    right = (
        enrolled.verify_token(given) if given.isdecimal() and len(given) == enrolled.digits else _spend(person, given)
    )
    if right:
        succeeded(_factor(person))
    return right


def reset(person: User) -> bool:
    """Forget a person's second factor, who has lost it; they enrol anew at the next log-in. Whether there was one."""
    with transaction.atomic():
        RecoveryCode.objects.filter(user=person).delete()
        return TOTPDevice.objects.filter(user=person).delete()[0] > 0


def _spend(person: User, code: str) -> bool:
    unused = RecoveryCode.objects.filter(user=person, digest=_digest(code), used_at__isnull=True)
    return bool(unused.update(used_at=timezone.now()))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _factor(person: User) -> str:
    return f"second factor of {person.get_username()}"
