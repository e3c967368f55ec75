"""Keep an index of the catalogue on every host: write the log, apply it, and say how far an index has come.

Learning and forgetting change a row of the catalogue. ``append`` writes what was committed to the log
(``CatalogueChange``), in one order for all hosts. Each index applies the log and keeps, with its data, the position
that it has reached. A question about a sound asks ``catch_up`` first: it returns the position that the answer must
rest on, and raises ``Behind`` where this host's index cannot be brought there in time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import math
import secrets
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Subquery
from django.utils import timezone

from checks.fingerprint.bit_operations import Int64s
from checks.fingerprint.clickhouse import ClickHouseStore
from checks.fingerprint.index import Damaged
from checks.fingerprint.journal import Mark
from checks.fingerprint.local_store import Gone, LocalStore
from checks.fingerprint.store import (
    DIGEST_BITS,
    Applied,
    Behind,
    Change,
    Contents,
    digest_documents,
    mix_document_numbers,
)
from intake.models import CatalogueChange, KnownRecording
from intake.models.known_recordings import Head
from intake.readers import check_context

log = structlog.get_logger(__name__)

#: Changes that are written to the log, or applied to an index, together: some 30 MB of fingerprints, and a second.
PAGE = 4000

#: Seconds that a question waits for its index. The lease of a check is 30 s.
PATIENCE = 10.0

#: A check on a host without a current index waits so long for another host, or for this one.
WAIT = dt.timedelta(seconds=15)

#: An index that lacks more changes than this takes no question: applying them takes longer than a question waits (some
#: 2,000 a second, see docs/catalogue.md).
MOST_BEHIND = 10_000

#: Seconds between two looks at a row that another transaction holds at this moment.
_HELD = 0.02

#: Any number that no other advisory lock of this database has: "catalog" in ASCII.
_LOCK = 0x636174616C6F67


def catch_up_index(patience: float = PATIENCE, most_behind: int | None = MOST_BEHIND) -> int:
    """Bring this host's index to everything that is committed now; returns the position of the log that it must have.

    One statement where the index has it already. Raises Behind where it does not come there within ``patience``
    seconds, or lacks more than ``most_behind`` changes; and where it cannot be read, for that is no fault of a release.
    """
    deadline = time.monotonic() + patience
    try:
        head = CatalogueChange.objects.head()
        if not head.waiting and _is_at_log_position(_read_applied_state(), head):
            return head.position
        if head.waiting:
            append_to_log(deadline)
            head = CatalogueChange.objects.head()
        _bring_to(head.position, deadline, most_behind)
    except (Damaged, OSError) as error:
        raise Behind(f"the index cannot be read or written: {error}") from error
    return head.position


def _bring_to(position: int, deadline: float, most_behind: int | None) -> None:
    while True:
        applied = _read_applied_state()
        reached = applied.mark.position if applied.mark else 0
        if most_behind is not None and position - reached > most_behind:
            raise Behind(f"the index is {position - reached} changes behind the catalogue")
        if _apply_next_changes(applied, deadline) and reached >= position:
            return
        if time.monotonic() > deadline:
            raise Behind(f"the index is at {reached} of {position} changes")


def _read_applied_state() -> Applied:
    """How far this host's index has come; a folder that was removed meanwhile is begun anew."""
    try:
        return check_context.open_fingerprint_store().applied()
    except Gone:
        log.warning("index.removed", folder=str(settings.GATE_INDEX))
        check_context.reopen_fingerprint_store()
        return check_context.open_fingerprint_store().applied()


def _is_at_log_position(applied: Applied, end: Head | CatalogueChange) -> bool:
    """Whether an index stands at this place of this very log, with the set of recordings that is known there."""
    right = applied.contents is None or applied.contents == Contents(end.count, end.digest)
    return applied.mark == Mark(end.position, end.token) and right


def _apply_next_changes(applied: Applied, deadline: float) -> bool:
    """Apply the next changes; returns whether the index was right where it stood, and else makes it right."""
    store, mark = check_context.open_fingerprint_store(), applied.mark
    if mark is None:  # of an earlier version, or made by hand
        _repair_difference(applied, deadline)
        return False
    rows = list(CatalogueChange.objects.filter(position__gte=mark.position).order_by("position")[: PAGE + 1])
    if mark.position:
        stood = rows.pop(0) if rows and rows[0].position == mark.position else None
        if stood is None or stood.token != mark.token:
            _start_over(applied)
            return False
    else:
        stood = CatalogueChange(position=0, token=mark.token, count=0, digest=0)
    if not _is_at_log_position(applied, stood):
        _repair_difference(applied, deadline)
        return False
    if rows:
        store.apply(_load_changes(rows), Mark(rows[-1].position, rows[-1].token), mark)
    return True


def _load_changes(rows: Sequence[CatalogueChange]) -> list[Change]:
    """The changes with the fingerprints of what is learned."""
    prints = dict(load_fingerprints({row.recording_id for row in rows if row.known}))
    return [(row.recording_id, prints[row.recording_id] if row.known else None) for row in rows]


def load_fingerprints(numbers: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """The fingerprints of recordings, whether they are known or forgotten."""
    wanted = sorted(numbers)
    for first in range(0, len(wanted), PAGE):
        rows = KnownRecording.objects.filter(pk__in=wanted[first : first + PAGE]).values_list("pk", "fingerprint")
        for number, content in rows.iterator(chunk_size=1000):
            yield number, bytes(content)


def load_known_fingerprints(numbers: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """The same, of those that the log knows."""
    known = KnownRecording.objects.filter(logged_at__isnull=False)
    wanted = sorted(numbers)
    for first in range(0, len(wanted), PAGE):
        some = known.filter(pk__in=wanted[first : first + PAGE])
        yield from load_fingerprints(list(some.values_list("pk", flat=True)))


def restart_clickhouse_index(store: ClickHouseStore) -> None:
    """Make an index in ClickHouse anew from the log's end, whatever it was made from."""
    known, end = list_logged_recordings()
    gone = np.setdiff1d(store.documents(), known).tolist()

    def pieces() -> Iterator[list[Change]]:
        yield [(number, None) for number in gone]
        for first in range(0, known.size, PAGE):
            yield list(load_fingerprints(known[first : first + PAGE].tolist()))

    store.restart(pieces(), end)


def _repair_difference(applied: Applied, deadline: float) -> int:
    """Make the set of recordings in an index that which the log knows at its end, by the difference of the two.

    Returns how many it lacked or had too many. What is brought in before the deadline stays. Raises Behind.
    """
    store = check_context.open_fingerprint_store()
    known, end = list_logged_recordings()
    if is_log_contradicted(known, end):
        raise Behind("the catalogue's log and its rows contradict each other; mend both with: manage.py index rebuild")
    have = store.documents()
    missing, extra = np.setdiff1d(known, have), np.setdiff1d(have, known)
    log.warning("index.repaired", missing=missing.size, extra=extra.size, position=end.position)
    for first in range(PAGE, missing.size, PAGE):
        if time.monotonic() > deadline:
            raise Behind(f"the index lacks {missing.size - first} recordings")
        store.extend(load_fingerprints(missing[first : first + PAGE].tolist()))
    changes: list[Change] = [(number, None) for number in extra.tolist()]
    changes += load_fingerprints(missing[:PAGE].tolist())
    store.apply(changes, end, applied.mark)
    return int(missing.size + extra.size)


def is_log_contradicted(known: Int64s, end: Mark) -> bool:
    """Whether these recordings, which rows say are known at the end of the log, are not those that the log says: then
    one of the two was changed by hand."""
    row = CatalogueChange.objects.filter(pk=end.position).first()
    said = Contents(row.count, row.digest) if row else Contents()
    return Contents(known.size, digest_documents(known)) != said


def begin_log_anew() -> None:
    """Write the log anew from the rows; every index then belongs to another history, and is made anew as well."""
    with transaction.atomic(durable=True):
        _lock_log()
        CatalogueChange.objects.all().delete()
        KnownRecording.objects.filter(logged_at__isnull=False).update(logged_at=None)
    log.warning("catalogue.log_begun_anew")
    append_to_log()


def list_logged_recordings() -> tuple[Int64s, Mark]:
    """The recordings that are known at the end of the log, ascending, and that end: of one moment."""
    last = CatalogueChange.objects.order_by("-position").values("position")[:1]
    rows = KnownRecording.objects.filter(logged_at__isnull=False).annotate(last=Subquery(last))
    numbers, position = [], None
    for number, position in rows.values_list("pk", "last").iterator(chunk_size=10_000):  # noqa: B007
        numbers.append(number)
    if position is None:
        head = CatalogueChange.objects.head()
        if head.count:  # some were learned in between
            return list_logged_recordings()
        return np.zeros(0, dtype=np.int64), Mark(head.position, head.token)
    token = CatalogueChange.objects.values_list("token", flat=True).get(pk=position)
    return np.sort(np.array(numbers, dtype=np.int64)), Mark(position, token)


def _start_over(applied: Applied) -> None:
    """The index belongs to another history of the catalogue: the database was restored, or the folder is another
    gate's. Which of its recordings are still what they were, is unknown."""
    store = check_context.open_fingerprint_store()
    if not isinstance(store, LocalStore):
        raise Behind("the index in ClickHouse belongs to another database; make it anew with: manage.py index rebuild")
    log.warning("index.foreign", position=applied.mark.position if applied.mark else None)
    store.clear(applied.mark)


# Writing the log


def append_to_log(deadline: float | None = None) -> int:
    """Write to the log what was learned and forgotten, as far as it is committed now; returns how many changes.

    Never within a transaction: others would wait for its end. Raises Behind where another transaction holds one of the
    rows until the deadline.
    """
    count = 0
    while seen := list(KnownRecording.objects.unlogged().order_by("pk").values_list("pk", flat=True)[:PAGE]):
        with contextlib.suppress(
            IntegrityError
        ):  # another writer took the position: impossible with SQLite and PostgreSQL
            count += _append_batch(seen)
        left = KnownRecording.objects.unlogged().filter(pk__in=seen).exists()
        if not left and len(seen) < PAGE:
            break
        if left:
            if deadline is not None and time.monotonic() > deadline:
                raise Behind("a recording that was learned or forgotten is held by a transaction that does not end")
            time.sleep(_HELD)
    return count


def _lock_log() -> None:
    """Until the transaction ends, no other process writes to the log; SQLite has one writer in any case."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


@transaction.atomic(durable=True)
def _append_batch(numbers: Sequence[int]) -> int:
    """One transaction writes at a time, and it sees everything that the one before has written.

    Rows that another transaction has changed and not committed are left out: waiting for them with others' rows in hand
    could wait in a circle.
    """
    _lock_log()
    rows = KnownRecording.objects.unlogged().filter(pk__in=numbers).select_for_update(skip_locked=True)
    known = {pk: forgotten is None for pk, forgotten in rows.order_by("pk").values_list("pk", "forgotten_at")}
    if not known:
        return 0
    end, now = CatalogueChange.objects.head(), timezone.now()
    recordings = np.array(list(known), dtype=np.int64)
    learned = np.array(list(known.values()), dtype=bool)
    counts = end.count + np.cumsum(np.where(learned, 1, -1))
    digests = np.bitwise_xor.accumulate(mix_document_numbers(recordings) & np.uint64(DIGEST_BITS)) ^ np.uint64(
        end.digest
    )
    CatalogueChange.objects.bulk_create(
        CatalogueChange(
            position=end.position + number,
            recording_id=recording,
            known=is_known,
            token=secrets.randbits(63),
            count=count,
            digest=joined,
            logged_at=now,
        )
        for number, (recording, is_known, count, joined) in enumerate(
            zip(known, known.values(), counts.tolist(), digests.tolist(), strict=True), start=1
        )
    )
    KnownRecording.objects.filter(pk__in=[pk for pk, is_known in known.items() if is_known]).update(logged_at=now)
    KnownRecording.objects.filter(pk__in=[pk for pk, is_known in known.items() if not is_known]).update(logged_at=None)
    return len(known)


# Looking at an index


@dataclass(frozen=True, slots=True)
class Status:
    """How this host's index compares with the log: positions, and the faults that waiting does not mend."""

    position: int
    end: int
    recordings: int
    waiting: bool  # something is learned or forgotten that the log does not have yet
    faults: tuple[str, ...]
    foreign: bool  # it did not come from this log, so that no position of it means anything

    @property
    def behind(self) -> int:
        """Changes that the index lacks."""
        return max(0, self.end - self.position)

    @property
    def current(self) -> bool:
        """Whether this host takes questions about sounds."""
        return not self.faults and self.behind <= MOST_BEHIND


def compare_index_with_log(exactly: bool = False) -> Status:
    """Compare the index with the log, by the set of recordings and not by their number. Changes nothing.

    ``exactly``: also where that takes as long as counting everything (ClickHouse). Raises what the index raises.
    """
    applied, store = check_context.open_fingerprint_store().applied(), check_context.open_fingerprint_store()
    if exactly and applied.contents is None:
        applied = Applied(applied.mark, store.contents())
    end = CatalogueChange.objects.head()
    mark = applied.mark or Mark()
    stood = CatalogueChange.objects.filter(pk=mark.position).first() if mark.position else None
    faults, recordings = [], applied.contents.count if applied.contents else len(store)
    foreign = bool(mark.position) and (stood is None or stood.token != mark.token)
    if foreign:
        faults.append(f"the index belongs to another history of the catalogue (position {mark.position})")
    elif applied.mark is None and recordings:
        faults.append("the index was not made from this catalogue's log")
    elif applied.contents and applied.contents != (
        expected := Contents(*((stood.count, stood.digest) if stood else ()))
    ):
        faults.append(
            f"the index does not hold the recordings that it should: {applied.contents.count} of {expected.count}, "
            "or others"
        )
    return Status(mark.position, end.position, recordings, end.waiting, tuple(faults), foreign)


def list_index_differences() -> tuple[set[int], set[int]]:
    """Recordings that the index lacks, and that it has too many, by the log as far as the index has applied it."""
    store = check_context.open_fingerprint_store()
    known, end = list_logged_recordings()
    mark, have = store.applied().mark or Mark(), store.documents()
    changed = CatalogueChange.objects.filter(position__gt=mark.position, position__lte=end.position)
    late = set(changed.values_list("recording_id", flat=True))
    return set(np.setdiff1d(known, have).tolist()) - late, set(np.setdiff1d(have, known).tolist()) - late


def adopt_index() -> bool:
    """Have an index that was made by hand follow the log, where it holds exactly what the log knows."""
    store = check_context.open_fingerprint_store()
    known, end = list_logged_recordings()
    mark = store.applied().mark
    return np.array_equal(known, store.documents()) and store.apply([], end, mark)


def repair_index() -> int:
    """Compare what the index holds with the log, and make it right, however long that takes; returns how many
    recordings it lacked or had too many."""
    applied = _read_applied_state()
    if applied.mark is not None and not compare_index_with_log(exactly=True).faults:
        return 0
    return _repair_difference(applied, math.inf)


# Keeping an index current on an idle host


def follow_log() -> None:
    """Bring this host's index a stretch further, as far as that goes at the moment."""
    try:
        catch_up_index(_STRETCH, most_behind=None)
    except Behind as error:
        log.warning("index.behind", why=str(error))


#: Seconds between two looks at the log.
INTERVAL = 2.0

#: Seconds that a long way is followed at one go; then what lies ahead is looked at anew.
_STRETCH = 300.0


class Follower(threading.Thread):
    """Applies the log to this host's index for as long as its process lives, one of them on a host at a time."""

    def __init__(self) -> None:
        super().__init__(name="index-follower", daemon=True)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after the step under way."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        with (settings.GATE_TMP / "index-follower.lock").open("w") as lock:
            while not self._stopped.is_set():
                with contextlib.suppress(BlockingIOError):  # another process of this host does it
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._follow()
                self._stopped.wait(INTERVAL)

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                follow_log()
            except Exception:  # the database is away, a disk is full: nothing is lost by trying again
                log.exception("index.not_followed")
            finally:
                connection.close()
            self._stopped.wait(INTERVAL)
