"""Limits on failed attempts to log in: by client, by name and client, and by name.

An attempt is counted before the password is looked at, and returned where it was right. A client is the IPv4 address or
IPv6 /64 network of a stranger, or a known device: a browser in which this very person has logged in completely before.
A known device has a counter of its own, so that no stranger can lock it out.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from intake.models import LoginThrottle

#: After this long without a failure a counter says nothing any more, whatever its limit is.
KEPT = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures cost nothing, and how long the wait after each further one is: it doubles up to ``longest``.

    With every ``forgiven_every`` that passes without a failure, one failure is forgiven.
    """

    free: int
    first: dt.timedelta
    longest: dt.timedelta
    forgiven_every: dt.timedelta

    def wait(self, failures: int) -> dt.timedelta:
        """Return how long nothing is looked at after this many failures."""
        if failures < self.free:
            return dt.timedelta()
        return min(self.first * 2 ** min(failures - self.free, 20), self.longest)

    @property
    def most(self) -> int:
        """The number of failures from which the wait is the longest; no more are kept, so that they are forgiven."""
        failures = self.free
        while self.wait(failures) < self.longest:
            failures += 1
        return failures

    def left(self, failures: int, elapsed: dt.timedelta) -> int:
        """Return how many failures are not forgiven yet after ``elapsed``."""
        return max(0, failures - max(0, elapsed // self.forgiven_every))


class Scope(StrEnum):
    """What a counter counts."""

    ADDRESS = "address"  # all names tried from one address: one password tried on many names
    LOGIN = "login"  # one name, tried by one client
    NAME = "name"  # one name without a second factor, tried from all addresses that are no known device
    BOTH = "both"  # one name, its password and a one-time password together, tried by all clients
    CODE = "code"  # one-time passwords and recovery codes of one person, tried by one client
    CODE_NAME = "code of name"  # the same, tried by all clients that are no known device
    CONFIRM = "confirm"  # the password of a logged-in person, asked for again


_SECONDS = [dt.timedelta(seconds=n) for n in (1, 10, 30)]
_MINUTES = [dt.timedelta(minutes=n) for n in (5, 15)]
_HOUR = dt.timedelta(hours=1)

#: One person mistypes a few times: five guesses, then half a minute doubling to a quarter of an hour (NIST SP 800-63B,
#: 5.2.2, names waits that grow from 30 s to an hour, and limits by address).
PERSON = Limit(free=5, first=_SECONDS[2], longest=_MINUTES[1], forgiven_every=_HOUR)

LIMITS = {
    Scope.LOGIN: PERSON,
    Scope.CODE: PERSON,
    Scope.CONFIRM: PERSON,
    # An office behind one address mistypes more often than a person, and twenty guesses over all names find nothing.
    Scope.ADDRESS: Limit(free=20, first=_SECONDS[2], longest=_MINUTES[1], forgiven_every=_HOUR),
    # Guesses from many addresses are slowed to six a minute. The wait stays short: a person without a second factor on
    # a new device has to wait with the strangers.
    Scope.NAME: Limit(free=50, first=_SECONDS[0], longest=_SECONDS[1], forgiven_every=_HOUR),
    # Both must be right at once, and once the password is, the limits of codes count as well.
    Scope.BOTH: Limit(free=50, first=_SECONDS[0], longest=_SECONDS[1], forgiven_every=_HOUR),
    # Only who knows the password gets here. Three of a million codes are right at a time: 30 guesses, then 12 an hour,
    # find a right one in about a thousand days.
    Scope.CODE_NAME: Limit(free=30, first=_SECONDS[2], longest=_MINUTES[0], forgiven_every=_HOUR),
}


#: A counter: scope, name, client.
Key: TypeAlias = tuple[Scope, str, str]


class LockedOut(Exception):
    """Too many failed attempts; nothing is looked at before ``until``."""

    def __init__(self, until: dt.datetime) -> None:
        self.until = until
        super().__init__(f"too many failed attempts; try again after {until:%H:%M:%S} UTC")


@dataclass(frozen=True, slots=True)
class Client:
    """Who makes an attempt: the network it comes from, and the known device of this very person, or ""."""

    network: str
    device: str = ""

    @property
    def key(self) -> str:
        """What counts attempts of this client on one name."""
        return f"device {self.device}" if self.device else self.network


#: A client that no request stands for: management commands.
CONSOLE = Client("console")


@dataclass(frozen=True, slots=True)
class Counted:
    """One counter as it was before an attempt, and when the attempt was counted."""

    pk: int
    own: bool
    failures: int
    failed_at: dt.datetime
    counted_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted and may be looked at."""

    counters: tuple[Counted, ...]

    def succeed(self) -> None:
        """Take the count back: the counters of this person alone start anew, shared ones lose this attempt only.

        A shared counter is not reset, or the owner of one account could guess the others for ever in between.
        """
        with transaction.atomic():
            for counter in self.counters:
                row = LoginThrottle.objects.filter(pk=counter.pk)
                if counter.own:
                    row.delete()
                elif not row.filter(failed_at=counter.counted_at).update(
                    failures=counter.failures, failed_at=counter.failed_at
                ):
                    row.filter(failures__gt=0).update(failures=F("failures") - 1)


def count_login(name: str, client: Client, *, second_factor: bool) -> Attempt:
    """Count an attempt to log in with a name and a password. Raises LockedOut; nothing is counted then.

    With a ``second_factor`` the password alone opens nothing, and the name is not limited over all addresses: no client
    far away can make its owner wait.
    """
    scopes = [(Scope.LOGIN, name, client.key)]
    if not client.device:
        scopes.append((Scope.ADDRESS, "", client.network))
        if not second_factor:
            scopes.append((Scope.NAME, name, ""))
    return _count_attempt(scopes)


def count_both(name: str) -> Attempt:
    """Count an attempt to log in with name, password and one-time password together, where the name, the address or
    the client is locked. Raises LockedOut.

    Neither may be answered alone. The waits are short: strangers can be in the way for seconds, and not lock out.
    """
    return _count_attempt([(Scope.BOTH, name, "")])


def count_code(name: str, client: Client) -> Attempt:
    """Count an attempt to give a one-time password or a recovery code. Raises LockedOut; nothing is counted then.

    The password was right before. A locked address does not refuse it, for strangers may have locked it; a wrong code
    counts against the address all the same.
    """
    scopes, charged = [(Scope.CODE, name, client.key)], []
    if not client.device:
        scopes.append((Scope.CODE_NAME, name, ""))
        charged.append((Scope.ADDRESS, "", client.network))
    return _count_attempt(scopes, charged)


def count_confirmation(name: str) -> Attempt:
    """Count an attempt of a logged-in person to confirm the password. Raises LockedOut.

    It is counted by name alone: strangers do not reach that page, and logging in anew confirms as well.
    """
    return _count_attempt([(Scope.CONFIRM, name, "")])


def unlock_name(name: str) -> int:
    """Forget all failures of a name; returns how many counters there were."""
    return LoginThrottle.objects.filter(name=fold_login_name(name)).delete()[0]


def unlock_network(network: str) -> int:
    """Forget all failures of a network; returns how many counters there were."""
    return LoginThrottle.objects.filter(client=network).delete()[0]


def delete_old_throttles() -> int:
    """Delete counters of long ago; returns how many."""
    return LoginThrottle.objects.filter(failed_at__lt=timezone.now() - KEPT).delete()[0]


def fold_login_name(name: str) -> str:
    """The name as it is counted: spellings that people take for the same are the same."""
    return unicodedata.normalize("NFKC", name).casefold()[:200]


def _count_attempt(wanted: Sequence[Key], charged: Sequence[Key] = ()) -> Attempt:
    """Count on all counters, or on none where one of ``wanted`` is locked; those ``charged`` count and never refuse.

    Rows are made and locked in one order, so that parallel attempts wait for one another.
    """
    keys = sorted((scope.value, fold_login_name(name), client[:60]) for scope, name, client in (*wanted, *charged))
    with transaction.atomic():
        LoginThrottle.objects.bulk_create(
            [LoginThrottle(scope=scope, name=name, client=client) for scope, name, client in keys],
            ignore_conflicts=True,
        )
        chosen = Q()
        for scope, name, client in keys:
            chosen |= Q(scope=scope, name=name, client=client)
        rows = list(LoginThrottle.objects.select_for_update().filter(chosen).order_by("scope", "name", "client"))
        now = timezone.now()  # after the rows are locked: what was counted before is older
        refusing = {scope for scope, _, _ in wanted}
        _refuse_locked([row for row in rows if row.scope in refusing], now)
        return Attempt(tuple(_count_row(row, now) for row in rows))


def _refuse_locked(rows: Sequence[LoginThrottle], now: dt.datetime) -> None:
    until = now
    for row in rows:
        if row.failed_at <= now:  # else the clock was put back: no wait lasts for a past day
            limit = LIMITS[Scope(row.scope)]
            until = max(until, row.failed_at + limit.wait(limit.left(row.failures, now - row.failed_at)))
    if until > now:
        raise LockedOut(until)


def _count_row(row: LoginThrottle, now: dt.datetime) -> Counted:
    limit = LIMITS[Scope(row.scope)]
    left = limit.left(row.failures, now - row.failed_at)
    own = bool(row.name and row.client) or row.scope == Scope.CONFIRM
    before = Counted(row.pk, own, row.failures, row.failed_at, now)
    LoginThrottle.objects.filter(pk=row.pk).update(failures=min(left + 1, limit.most), failed_at=now)
    return before
