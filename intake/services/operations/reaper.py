"""Find work with a lost message, and enqueue it again: a message may come twice, late or never.

How often is bounded, or a stalled worker would find thousands of messages for the work of a few:

- While other messages wait in the queue, this one may wait among them. It is sent again after 20 s, and then after
  waits that double each time, so that a row has at most a dozen messages after a day.
- A queue that is empty holds no message for the row: then it is sent again after 20 s, and every 40 s from then on.
- A worker that takes the row up begins anew: if it dies, the next message follows as soon as its lease has run out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Least
from django.utils import timezone

from intake.core import enqueue
from intake.core.states import State
from intake.models import (
    Analysis,
    CheckRun,
    Decision,
    IdempotencyKey,
    KnownRecording,
    MarkedFile,
    PolicyTrial,
    Submission,
)
from intake.models.leased_work import Status
from intake.services.catalogue import known_recordings
from intake.services.operations import self_tests
from intake.services.people import login_throttle
from intake.services.policy import policy_versions
from intake.services.review import review_queue
from intake.services.storage import blobs, uploads
from intake.services.submissions.transitions import Conflict, transition_submission

#: Work enqueued this long ago and not taken may have lost its message: most work is taken within a second.
PATIENCE = dt.timedelta(seconds=20)
#: The wait for the next message doubles this often at most while other messages wait: to 23 hours.
DOUBLINGS = 12
#: And this often while the queue is empty: everything is found within a minute after the broker was emptied.
DOUBLINGS_IF_EMPTY = 1
#: Messages sent in one sweep, per kind of work: the next sweep takes the rest.
BATCH = 500
#: A part of a release with a lost message is enqueued for so long; after that it waits for a person.
CARRIED_WITHIN = dt.timedelta(minutes=10)
#: A draft that was not handed over for so long is withdrawn.
DRAFT_KEPT = dt.timedelta(days=7)
#: Stored answers are replayed for this long.
IDEMPOTENCY_KEPT = dt.timedelta(hours=24)


def enqueue_lost_work() -> int:
    """Enqueue everything again that should have been taken by now; returns how many messages."""
    now = timezone.now()
    late = now - PATIENCE
    fast, work = _Sender("fast", now), _Sender("work", now)
    return (
        fast.send("intake.start", Submission.objects.filter(state=State.RECEIVED, received_at__lt=late))
        + fast.send("intake.conclude", _unconcluded_submissions(late))
        + fast.send("intake.carry_on", _unapplied_parts(now))
        + work.send("intake.analyse", Analysis.objects.claimable(now).filter(created_at__lt=late))
        + work.send("intake.run_check", CheckRun.objects.claimable(now).measured().filter(created_at__lt=late))
        + work.send("intake.try_policy", PolicyTrial.objects.claimable(now).filter(created_at__lt=late))
        + work.send("intake.mark", MarkedFile.objects.claimable(now).filter(created_at__lt=late))
        + work.send_index()
    )


class _Sender:
    """Sends messages again to one queue, as often as its state when the sweep began allows."""

    def __init__(self, queue_name: str, now: dt.datetime) -> None:
        self._now = now
        self._empty = enqueue.is_empty(queue_name)
        self._doublings = DOUBLINGS_IF_EMPTY if self._empty else DOUBLINGS

    def send(self, task: str, rows: QuerySet[Any]) -> int:
        """Enqueue a task for the rows with an overdue message, and note that; returns how many.

        Rows that another sweep is looking at in this moment are left to it.
        """
        with transaction.atomic():
            overdue = rows.filter(self._overdue()).select_for_update(of=("self",), skip_locked=True)
            keys = [row.pk for row in overdue.order_by("pk").only("pk")[:BATCH]]
            if keys:
                count = Least(F("enqueue_count") + 1, self._doublings)
                rows.model._default_manager.filter(pk__in=keys).update(rung_at=self._now, enqueue_count=count)
            for key in keys:
                enqueue.enqueue_task(task, str(key))
        return len(keys)

    def _overdue(self) -> Q:
        """Rows without a message, or without one for as long as their count asks; and rows with a last message
        sent in the future, because the clock was set back since."""
        last = self._doublings
        waited = Q(enqueue_count__gte=last, rung_at__lt=self._now - PATIENCE * 2**last)
        for count in range(last):
            waited |= Q(enqueue_count=count, rung_at__lt=self._now - PATIENCE * 2**count)
        return Q(rung_at__isnull=True) | Q(rung_at__gt=self._now + PATIENCE) | waited

    def send_index(self) -> int:
        """Have recordings indexed, where no message that could ask for it waits: one is for all of them."""
        if not self._empty or not KnownRecording.objects.unlogged().exists():
            return 0
        enqueue.enqueue_task("intake.index")
        return 1


def _abandoned_drafts() -> int:
    """Withdraw abandoned drafts."""
    drafts = Submission.objects.filter(state=State.DRAFT, created_at__lt=timezone.now() - DRAFT_KEPT)
    count = 0
    for draft in drafts[:BATCH]:
        with contextlib.suppress(Conflict):  # handed over this very moment
            transition_submission(
                draft, State.WITHDRAWN, "gate", {"because": "never handed over"}, concluded_at=timezone.now()
            )
            count += 1
    return count


def _unconcluded_submissions(late: dt.datetime) -> QuerySet[Submission]:
    """All checks ended, without a conclusion."""
    runs = CheckRun.objects.filter(submission=OuterRef("pk"))
    recent = Q(status__in=(Status.PENDING, Status.RUNNING)) | Q(finished_at__gte=late)
    return Submission.objects.filter(Exists(runs), ~Exists(runs.filter(recent)), state=State.CHECKING)


def _unapplied_parts(now: dt.datetime) -> QuerySet[Submission]:
    """Accepted parts that were judged a moment ago, and not processed since."""
    machine = Decision.objects.filter(submission=OuterRef("pk"), actor=Decision.MACHINE)
    recent = Exists(machine.filter(created_at__range=(now - CARRIED_WITHIN, now - PATIENCE)))
    people = Decision.objects.filter(submission=OuterRef("pk"), actor__startswith="moderator:")
    return Submission.objects.filter(recent, ~Exists(people), accepts__isnull=False, state=State.IN_REVIEW)


def run_housekeeping() -> int:
    """Remove what is not needed any more, and mend what was lost; returns how many things."""
    policy_versions.record_changed_policy()
    old, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_KEPT).delete()
    files = blobs.delete_unused_blobs() + uploads.delete_abandoned_uploads()
    rows = (
        old
        + _abandoned_drafts()
        + review_queue.delete_old_presences()
        + login_throttle.delete_old_throttles()
        + self_tests.delete_old_self_tests()
    )
    return (
        rows + files + known_recordings.reconcile_index() + known_recordings.merge_index()
    )  # last: an index that is damaged ends it
