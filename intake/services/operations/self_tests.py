"""Each host that runs a worker tests whether it can measure; what it cannot do now waits.

The result is a row for questions from other hosts (``readyz``, ``doctor``, ``metrics``), and a file beside
the worker for its own health check, which then needs neither Django nor the database.
"""

from __future__ import annotations

import datetime as dt
import errno
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from checks.analysis import AnalysisUnavailable, self_test
from intake.ddex import messages
from intake.models import Analysis, CheckRun, MarkedFile, SelfTest
from intake.models.leased_work import WorkQuerySet
from intake.services.storage.blobs import StorageUnavailable

log = structlog.get_logger(__name__)

#: How often a host tests itself: rarely while all is well, because a test takes two seconds of CPU; often while it is
#: broken, because everything waits. A third of the time for which a result counts.
INTERVAL = SelfTest.VALID_FOR / 3
INTERVAL_WHILE_BROKEN = dt.timedelta(seconds=15)
#: Work that this installation cannot do now is tried again after this, or as soon as a self-test passes.
WAIT = dt.timedelta(seconds=30)

#: Errors of the operating system that say something of the host: no room, no memory, too many files, a broken disk.
_OF_THE_HOST = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EROFS,
        errno.EIO,
        errno.EAGAIN,
    }
)


class KnownBroken(AnalysisUnavailable):
    """This host has just found that it cannot do it, so it was not tried."""


def read_host_name() -> str:
    """The name under which this host keeps its result."""
    return socket.gethostname()


def run_host_self_test() -> SelfTest:
    """Test this host now, keep the result, and wake what waited where it passes."""
    parts = [*self_test.run_self_test(), self_test.run_self_test_part("ddex", _read_message)]
    return record_self_test(parts)


def _read_message() -> str:
    messages.read_known()
    return "read"


def record_self_test(parts: Sequence[self_test.Part]) -> SelfTest:
    """Keep the result of a self-test of this host, in the file first: it must be there when the database is not."""
    result = SelfTest(
        host=read_host_name(),
        ran_at=timezone.now(),
        ok=all(part.ok for part in parts),
        parts=[{"name": part.name, "ok": part.ok, "detail": part.detail} for part in parts],
    )
    _write_status(result)
    with transaction.atomic():
        values = {"ran_at": result.ran_at, "ok": result.ok, "parts": result.parts}
        SelfTest.objects.update_or_create(host=result.host, defaults=values)
        if result.ok:
            for model in (Analysis, CheckRun, MarkedFile):
                model.objects.resume()
    if result.ok:
        log.info("self_test.passed", host=result.host)
    else:
        log.error("self_test.failed", host=result.host, cause=result.cause)
    return result


def status_file() -> Path:
    """Where the health check of this host's worker looks: "ok", or what is wrong."""
    return settings.GATE_TMP / f"self-test.{read_host_name()}"


def _write_status(result: SelfTest) -> None:
    """Replace the file whole. Where even that is impossible it gets old, which the health check notices."""
    path = status_file()
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_text(f"{'ok' if result.ok else result.cause}\n")
        draft.replace(path)
    except OSError as error:
        log.warning("self_test.status_not_written", path=str(path), error=str(error))


def broken_here(part: str) -> str:
    """Why this host could not do its ``part`` a moment ago; empty where it could, or where it is time to try again."""
    since = timezone.now() - INTERVAL_WHILE_BROKEN
    latest = SelfTest.objects.filter(host=read_host_name(), ok=False, ran_at__gte=since).first()
    details = [item["detail"] for item in latest.parts if item["name"] == part and not item["ok"]] if latest else []
    return details[0] if details else ""


def note_success() -> None:
    """Something was measured here: where the host is on record as broken, test it and correct the record."""
    if SelfTest.objects.filter(host=read_host_name(), ok=False).exists():
        run_host_self_test()


def give_back(rows: WorkQuerySet, pk: object, token: uuid.UUID, error: Exception, max_attempts: int) -> bool:
    """Give failed work back. What is the installation's fault waits, without end; anything else has a few attempts.

    Returns whether it was given up.
    """
    cause = f"{type(error).__name__}: {error}"
    if _is_of_the_installation(error):
        rows.postpone(pk, token, cause, WAIT)
        return False
    return rows.release(pk, token, cause, max_attempts)


def _is_of_the_installation(error: Exception) -> bool:
    if isinstance(error, KnownBroken):
        return True
    if isinstance(error, AnalysisUnavailable):
        return (
            not run_host_self_test().ok
        )  # where the self-test passes now, it was this file after all, or it is over: attempts count
    if isinstance(error, InterfaceError | OperationalError | StorageUnavailable):
        return True
    return isinstance(error, OSError) and error.errno in _OF_THE_HOST


def delete_old_self_tests() -> int:
    """Remove the results of hosts that have gone; returns how many."""
    cutoff = timezone.now() - 4 * SelfTest.VALID_FOR
    removed = SelfTest.objects.filter(ran_at__lt=cutoff).delete()[0]
    for path in settings.GATE_TMP.glob("self-test.*"):
        try:
            if path.stat().st_mtime < cutoff.timestamp():
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue  # another host was quicker
    return removed
