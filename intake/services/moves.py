"""The one door through which a submission changes its state, and the history that it leaves."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from intake.models import Decision, Event, Submission
from intake.services import deliveries, pending, waiting
from intake.states import REFUSED, REOPENING, TRANSITIONS, State


class Conflict(Exception):
    """Somebody else moved the submission first, or the move is not allowed from where it stands."""

    def __init__(self, submission: Submission, wanted: State) -> None:
        self.submission = submission
        self.wanted = wanted
        super().__init__(f"{submission.pk} is {submission.state}: it cannot become {wanted}")


def move(
    submission: Submission,
    to: State,
    actor: str,
    data: dict[str, Any] | None = None,
    decision: Decision | None = None,
    **values: Any,
) -> Event:
    """Move a submission, setting ``values`` on it, and write the event, in one transaction.

    A ``decision`` not saved yet is appended with the move, so that one cannot stand without the other.
    Compare-and-set on the state and the sequence that ``submission`` was loaded with.
    Raises Conflict, with the submission as it now is, where it no longer stands there.
    """
    data = data or {}
    old = State(submission.state)
    with transaction.atomic():
        moved = to in TRANSITIONS[old] and Submission.objects.filter(
            pk=submission.pk, state=old, sequence=submission.sequence
        ).update(state=to, sequence=submission.sequence + 1, **values)
        if not moved:
            submission.refresh_from_db()
            raise Conflict(submission, to)
        if decision is not None:
            _append(submission, decision)
            data = {**data, "decision": str(decision.pk), "reasons": decision.reasons}
        event = _write(submission, submission.sequence + 1, _type(old, to), actor, data)
        submission.refresh_from_db()
        waiting.follow(submission, old, decision)
        deliveries.post(submission, event)
        if to in REFUSED:
            pending.leave(submission)
        elif old in REFUSED:
            pending.come_back(submission)
    return event


def record(submission: Submission, kind: str, actor: str, data: dict[str, Any] | None = None, **values: Any) -> Event:
    """Write an event that leaves the submission where it stands, setting ``values`` on it, in one transaction.

    Compare-and-set as in ``move``. Raises Conflict where it no longer stands there.
    """
    with transaction.atomic():
        recorded = Submission.objects.filter(
            pk=submission.pk, state=submission.state, sequence=submission.sequence
        ).update(sequence=submission.sequence + 1, **values)
        if not recorded:
            wanted = State(submission.state)
            submission.refresh_from_db()
            raise Conflict(submission, wanted)
        event = _write(submission, submission.sequence + 1, kind, actor, data or {})
        submission.refresh_from_db()
        deliveries.post(submission, event)
    return event


def begin(submission: Submission, actor: str) -> Event:
    """Write the first event of a submission that was just made, in the caller's transaction."""
    submission.sequence = 1
    submission.save(force_insert=True)
    event = _write(submission, 1, f"submission.{submission.state}", actor, {})
    deliveries.post(submission, event)
    return event


def _append(submission: Submission, decision: Decision) -> None:
    last = submission.decisions.aggregate(last=Max("number"))["last"] or 0
    decision.submission, decision.number = submission, last + 1
    decision.save(force_insert=True)


def _type(old: State, to: State) -> str:
    return "submission.reopened" if old in REOPENING else f"submission.{to.value}"


def _write(submission: Submission, sequence: int, kind: str, actor: str, data: dict[str, Any]) -> Event:
    previous = Event.objects.filter(submission=submission, sequence=sequence - 1).values_list("digest", flat=True)
    event = Event(
        submission=submission, sequence=sequence, type=kind, actor=actor, data=data, created_at=timezone.now()
    )
    event.digest = event.chained(previous.first() or "")
    event.save(force_insert=True)
    return event
