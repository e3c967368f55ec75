"""Work that the database owns: a lease, a fencing token, a bounded number of tries."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Status(models.TextChoices):
    """Where a piece of work stands. ``dead``: given up after its last try; a person must look."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class WorkQuerySet(models.QuerySet):
    """Claims and ends pieces of work by conditional updates, the same on SQLite and PostgreSQL."""

    def open(self) -> Self:
        """Not ended yet."""
        return self.filter(status__in=(Status.PENDING, Status.RUNNING))

    def claimable(self, now: dt.datetime) -> Self:
        """Free: pending and not put off, or with an expired lease."""
        due = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now)
        return self.filter(Q(due, status=Status.PENDING) | Q(status=Status.RUNNING, lease_until__lt=now))

    def claim(self, pk: object, lease: dt.timedelta) -> uuid.UUID | None:
        """Take one piece of work; returns the fencing token, or None where another worker holds or ended it."""
        now, token = timezone.now(), uuid.uuid4()
        taken = (
            self.filter(pk=pk)
            .claimable(now)
            .update(
                status=Status.RUNNING,
                lease_token=token,
                lease_until=now + lease,
                attempts=F("attempts") + 1,
                enqueue_count=0,  # its message has been taken: if this worker dies, the next one is sent soon
                next_attempt_at=None,
                started_at=now,
            )
        )
        return token if taken else None

    def renew(self, pk: object, token: uuid.UUID, lease: dt.timedelta) -> None:
        """Hold on to a piece of work for as long again, unless it has passed to another worker."""
        self.filter(pk=pk, lease_token=token, status=Status.RUNNING).update(lease_until=timezone.now() + lease)

    def finish(self, pk: object, token: uuid.UUID, **values: object) -> bool:
        """End a piece of work, unless the lease has passed to another worker."""
        return bool(
            self.filter(pk=pk, lease_token=token, status=Status.RUNNING).update(
                **{"status": Status.DONE, "finished_at": timezone.now(), "lease_token": None, **values}
            )
        )

    def postpone(self, pk: object, token: uuid.UUID, error: str, wait: dt.timedelta) -> bool:
        """Give a piece of work back that this installation cannot do now. The attempt does not count.

        Returns False where the lease has passed to another worker.
        """
        mine, now = self.filter(pk=pk, lease_token=token, status=Status.RUNNING), timezone.now()
        return bool(
            mine.update(
                status=Status.PENDING,
                error=error,
                lease_token=None,
                attempts=F("attempts") - 1,
                next_attempt_at=now + wait,
                rung_at=now,
            )
        )

    def resume(self) -> int:
        """Make everything that was postponed due at once; returns how many pieces of work."""
        waiting = self.filter(status=Status.PENDING, next_attempt_at__isnull=False)
        return waiting.update(next_attempt_at=None, rung_at=None)

    def release(self, pk: object, token: uuid.UUID, error: str, max_attempts: int) -> bool:
        """Give a piece of work back after a fault of ours, for the sweep to ring again when the fault may be over.

        After the last try it is dead; returns whether it is.
        """
        mine, now = self.filter(pk=pk, lease_token=token, status=Status.RUNNING), timezone.now()
        mine.filter(attempts__lt=max_attempts).update(status=Status.PENDING, error=error, lease_token=None, rung_at=now)
        return bool(mine.update(status=Status.DEAD, error=error, lease_token=None, finished_at=now))


class Enqueued(models.Model):
    """Base of rows that messages point at. A message may be lost, so the row says when one was last sent for it."""

    rung_at = models.DateTimeField(null=True, blank=True, help_text="When a message was last sent for it.")
    enqueue_count = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often a message was sent again while others waited in the queue."
    )

    class Meta:
        abstract = True


class Work(Enqueued):
    """Base of everything that a worker does once."""

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text="Not before: what failed is to be repaired by the operator."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def final(self) -> bool:
        return self.status in (Status.DONE, Status.DEAD)
