"""The one door through which a submission changes its state, and the history that it leaves."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from intake.core.states import CLEARED, REFUSED, REOPENING, TRANSITIONS, UNDOING, State
from intake.models import Decision, Event, Submission
from intake.services.checking import cross_label
from intake.services.provenance import signed_copies
from intake.services.review import review_queue, stay_down
from intake.services.webhooks import webhook_delivery

#: The one event that leads back: a decision is taken back before webhooks are sent.
UNDONE = "decision.undone"


class Conflict(Exception):
    """Another actor moved the submission first, or the move is not allowed from where it stands."""

    def __init__(self, submission: Submission, wanted: State) -> None:
        self.submission = submission
        self.wanted = wanted
        super().__init__(f"{submission.pk} is {submission.state}: it cannot become {wanted}")


def transition_submission(
    submission: Submission,
    to: State,
    actor: str,
    data: dict[str, Any] | None = None,
    decision: Decision | None = None,
    *,
    hold: dt.datetime | None = None,
    **values: Any,
) -> Event:
    """Move a submission, setting ``values`` on it, and write the event, in one transaction.

    A ``decision`` not saved yet is appended with the move, so that one cannot stand without the other. No receiver
    is told of it before ``hold``.
    Compare-and-set on the state and the sequence that ``submission`` was loaded with.
    Raises Conflict, with the submission as it now is, where it no longer stands there.
    """
    old = State(submission.state)
    if to not in TRANSITIONS[old]:
        submission.refresh_from_db()
        raise Conflict(submission, to)
    return _advance_submission(submission, to, _event_type(old, to), actor, data, decision, hold, values)


def revert_transition(
    submission: Submission, actor: str, data: dict[str, Any], decision: Decision, **values: Any
) -> Event:
    """Put a submission back into review because its decision was taken back: ``decision`` says so. Raises Conflict."""
    if submission.state not in UNDOING:
        raise Conflict(submission, State.IN_REVIEW)
    return _advance_submission(submission, State.IN_REVIEW, UNDONE, actor, data, decision, None, values)


def record_event(
    submission: Submission,
    kind: str,
    actor: str,
    data: dict[str, Any] | None = None,
    *,
    hold: dt.datetime | None = None,
    **values: Any,
) -> Event:
    """Write an event that leaves the submission where it stands, setting ``values`` on it, in one transaction.

    Compare-and-set as in ``move``. Raises Conflict where it no longer stands there.
    """
    return _advance_submission(submission, State(submission.state), kind, actor, data, None, hold, values)


def _advance_submission(
    submission: Submission,
    to: State,
    kind: str,
    actor: str,
    data: dict[str, Any] | None,
    decision: Decision | None,
    hold: dt.datetime | None,
    values: dict[str, Any],
) -> Event:
    data, old = data or {}, State(submission.state)
    with transaction.atomic():
        advanced = Submission.objects.filter(
            pk=submission.pk, state=submission.state, sequence=submission.sequence
        ).update(state=to, sequence=submission.sequence + 1, **values)
        if not advanced:
            submission.refresh_from_db()
            raise Conflict(submission, to)
        if decision is not None:
            _append_decision(submission, decision)
            data = {**data, "decision": str(decision.pk), "reasons": decision.reasons}
        event = _write_event(submission, submission.sequence + 1, kind, actor, data)
        submission.refresh_from_db()
        review_queue.update_hold_reasons(submission, old, decision)
        webhook_delivery.post_event_deliveries(submission, event, hold)
        if to in REFUSED and old not in REFUSED:
            cross_label.retire_pending_recordings(submission)
        elif old in REFUSED and to not in REFUSED:
            cross_label.reactivate_pending_recordings(submission)
        stay_down.update_stay_downs(submission, decision)
        if to in CLEARED and decision is not None:
            signed_copies.plan_signed_copies(submission, decision)
    return event


def write_first_event(submission: Submission, actor: str) -> Event:
    """Write the first event of a submission that was just made, in the caller's transaction."""
    submission.sequence = 1
    submission.save(force_insert=True)
    event = _write_event(submission, 1, f"submission.{submission.state}", actor, {})
    webhook_delivery.post_event_deliveries(submission, event)
    return event


def _append_decision(submission: Submission, decision: Decision) -> None:
    last = submission.decisions.aggregate(last=Max("number"))["last"] or 0
    decision.submission, decision.number, decision.due_at = submission, last + 1, submission.due_at
    decision.save(force_insert=True)


def _event_type(old: State, to: State) -> str:
    return "submission.reopened" if old in REOPENING else f"submission.{to.value}"


def _write_event(submission: Submission, sequence: int, kind: str, actor: str, data: dict[str, Any]) -> Event:
    before = Event.objects.filter(submission=submission, sequence=sequence - 1).values_list("digest", flat=True)
    previous = before.first() if sequence > 1 else None  # before the first there is none to look for
    event = Event(
        submission=submission, sequence=sequence, type=kind, actor=actor, data=data, created_at=timezone.now()
    )
    event.digest = event.chained(previous or "")
    event.save(force_insert=True)
    return event
