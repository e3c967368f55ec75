"""Find work that hangs and ring for it again: a message may come twice, late or never."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from intake import queue
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
from intake.models.work import Status
from intake.services import access, blobs, catalogue, policies, uploads, waiting
from intake.services.moves import Conflict, move
from intake.states import State

#: Work this old, or rung for this long ago, has lost its message.
PATIENCE = dt.timedelta(seconds=20)
#: Bells rung in one sweep, per kind of work: the next sweep takes the rest.
BATCH = 500
#: A part of a release whose bell was lost is rung for so long; after that it waits for a person.
CARRIED_WITHIN = dt.timedelta(minutes=10)
#: A draft that was not handed over for so long is withdrawn.
DRAFT_KEPT = dt.timedelta(days=7)
#: Stored answers are replayed for this long.
IDEMPOTENCY_KEPT = dt.timedelta(hours=24)


def sweep() -> int:
    """Ring for everything that should have moved by now; returns how many bells."""
    now = timezone.now()
    late = now - PATIENCE
    unstarted = Submission.objects.filter(state=State.RECEIVED, received_at__lt=late)
    return (
        _ring("intake.start", unstarted)
        + _ring("intake.conclude", _unconcluded(late))
        + _ring("intake.carry_on", _uncarried(now))
        + _ring_again("intake.analyse", Analysis.objects.claimable(now), late)
        + _ring_again("intake.run_check", _ready_runs(now), late)
        + _ring_again("intake.try_policy", PolicyTrial.objects.claimable(now), late)
        + _ring_again("intake.mark", MarkedFile.objects.claimable(now), late)
        + _ring_index()
    )


def _abandoned_drafts() -> int:
    """Withdraw drafts that nobody handed over."""
    drafts = Submission.objects.filter(state=State.DRAFT, created_at__lt=timezone.now() - DRAFT_KEPT)
    count = 0
    for draft in drafts[:BATCH]:
        with contextlib.suppress(Conflict):  # handed over this very moment
            move(draft, State.WITHDRAWN, "gate", {"because": "never handed over"}, concluded_at=timezone.now())
            count += 1
    return count


def _ring(task: str, rows: QuerySet[Any]) -> int:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    for key in keys:
        queue.enqueue(task, str(key))
    return len(keys)


def _ring_again(task: str, rows: QuerySet[Any], late: dt.datetime) -> int:
    """Ring for work, and note when: a long backlog must not be rung for at every sweep."""
    waiting = rows.filter(Q(rung_at__isnull=True, created_at__lt=late) | Q(rung_at__lt=late))
    keys = list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])
    rows.model._default_manager.filter(pk__in=keys).update(rung_at=timezone.now())
    for key in keys:
        queue.enqueue(task, str(key))
    return len(keys)


def _ring_index() -> int:
    if not KnownRecording.objects.current().filter(indexed_at__isnull=True).exists():
        return 0
    queue.enqueue("intake.index")
    return 1


def _ready_runs(now: dt.datetime) -> QuerySet[CheckRun]:
    """Check runs that could be carried out now: nothing left to measure for them."""
    measuring = Analysis.objects.open().filter(blob__resources__submission=OuterRef("submission"))
    runs = CheckRun.objects.claimable(now).filter(submission__state=State.CHECKING)
    return runs.filter(Q(needs_audio=False) | ~Exists(measuring))


def _unconcluded(late: dt.datetime) -> QuerySet[Submission]:
    """All checks ended, and nobody concluded."""
    runs = CheckRun.objects.filter(submission=OuterRef("pk"))
    recent = Q(status__in=(Status.PENDING, Status.RUNNING)) | Q(finished_at__gte=late)
    return Submission.objects.filter(Exists(runs), ~Exists(runs.filter(recent)), state=State.CHECKING)


def _uncarried(now: dt.datetime) -> QuerySet[Submission]:
    """Accepted parts that were judged a moment ago, and that nobody has looked at since."""
    machine = Decision.objects.filter(submission=OuterRef("pk"), actor=Decision.MACHINE)
    recent = Exists(machine.filter(created_at__range=(now - CARRIED_WITHIN, now - PATIENCE)))
    people = Decision.objects.filter(submission=OuterRef("pk"), actor__startswith="moderator:")
    return Submission.objects.filter(recent, ~Exists(people), accepts__isnull=False, state=State.IN_REVIEW)


def tidy() -> int:
    """Remove what nobody needs any more, and mend what was lost; returns how many things."""
    policies.notice()
    old, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_KEPT).delete()
    files = blobs.tidy() + uploads.tidy()
    known = catalogue.unindex() + catalogue.reconcile() + catalogue.tidy()
    return old + _abandoned_drafts() + files + known + waiting.tidy() + access.tidy()
