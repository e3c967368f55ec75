"""What moderators do with a submission besides deciding it: note, escalate, put off; and many alike at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Claim, Decision, Note, Proposal, Submission
from intake.services.people import permissions
from intake.services.people.permissions import Action, name_moderator_actor
from intake.services.review import decisions
from intake.services.review.decisions import InvalidDecision, ReviewHeldByOther
from intake.services.submissions import transitions
from intake.services.submissions.transitions import Conflict

#: The longest that a submission can be put off at a time.
SNOOZE_LIMIT = dt.timedelta(days=30)
#: Decided in one go; a preview of more is not read.
BULK_LIMIT = 100


def write_review_note(submission: Submission, moderator: User, text: str, public: bool = False) -> Note:
    """Write something down about a submission, at any time; a ``public`` note is shown to the label.

    Raises Unfounded for an empty one, or Forbidden.
    """
    permissions.require_permission(moderator, Action.DECIDE)
    if not text.strip():
        raise InvalidDecision("a note needs words")
    return submission.notes.create(actor=name_moderator_actor(moderator), text=text.strip(), public=public)


def escalate_submission(submission: Submission, moderator: User, why: str) -> None:
    """Hand a submission in review to the senior moderators. Raises Unfounded, Forbidden, Held or Conflict."""
    permissions.require_permission(moderator, Action.DECIDE)
    if not why.strip():
        raise InvalidDecision("say why a senior moderator should look")
    if submission.escalated_at:
        raise InvalidDecision("it was escalated already")
    _set_aside(submission, moderator, "review.escalated", why, {}, escalated_at=timezone.now())


def snooze_submission(
    submission: Submission, moderator: User, until: dt.datetime, why: str, past_due: bool = False
) -> None:
    """Put a submission off until a later day: it leaves the queue, and comes back by itself.

    Beyond its due date only with ``past_due``, by which the moderator says to know that. Raises Unfounded, Forbidden,
    Held or Conflict.
    """
    permissions.require_permission(moderator, Action.DECIDE)
    now = timezone.now()
    if not why.strip():
        raise InvalidDecision("say what is being waited for")
    if not now < until <= now + SNOOZE_LIMIT:
        raise InvalidDecision(f"it can be put off for {SNOOZE_LIMIT.days} days at most, and to a later time")
    if submission.due_at and until > submission.due_at and not past_due:
        raise InvalidDecision(f"it is due before, at {submission.due_at:%Y-%m-%d %H:%M} UTC: say that you know")
    data = {"until": until.isoformat(), "past_due": bool(submission.due_at and until > submission.due_at)}
    _set_aside(submission, moderator, "review.snoozed", why, data, snoozed_until=until)


def unsnooze_submission(submission: Submission, moderator: User) -> None:
    """Take a submission that was put off up again at once. Raises Unfounded, Forbidden, Held or Conflict."""
    permissions.require_permission(moderator, Action.DECIDE)
    if not submission.snoozed_until or submission.snoozed_until <= timezone.now():
        raise InvalidDecision("it is not put off")
    with transaction.atomic():
        decisions.claim_submission(submission, moderator)
        transitions.record_event(submission, "review.resumed", name_moderator_actor(moderator), snoozed_until=None)


def _set_aside(
    submission: Submission, moderator: User, kind: str, why: str, data: dict[str, Any], **values: Any
) -> None:
    """Out of this person's hands, with an event and a private note that says why."""
    if submission.state != State.IN_REVIEW:
        raise Conflict(submission, State.IN_REVIEW)
    with transaction.atomic():
        decisions.claim_submission(submission, moderator)
        transitions.record_event(submission, kind, name_moderator_actor(moderator), data, **values)
        write_review_note(submission, moderator, why)
        Claim.objects.filter(submission=submission).delete()


# --- Many alike ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """What a decision on many submissions at once would concern."""

    reasons: tuple[str, ...]  # why all of them wait: the same for each
    waiting: tuple[Submission, ...]
    left_out: tuple[tuple[Submission, str], ...]  # and why


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of them."""

    submission: Submission
    decision: Decision | Proposal | None
    refused: str = ""


def preview_joint_decision(submissions: Iterable[UUID], moderator: User) -> Preview:
    """Which of these can be decided together: those that wait for the same reasons as the most urgent one, and that
    this person can decide. Changes nothing. Raises Unfounded for too many, or Forbidden."""
    permissions.require_permission(moderator, Action.DECIDE)
    wanted = list(dict.fromkeys(submissions))
    if len(wanted) > BULK_LIMIT:
        raise InvalidDecision(f"at most {BULK_LIMIT} at a time")
    rows = list(Submission.objects.filter(pk__in=wanted).order_by("due_at", "id").select_related("label"))
    mine = set(decisions.open_to(moderator, timezone.now()).filter(pk__in=wanted).values_list("pk", flat=True))
    mine |= set(
        Submission.objects.queue().filter(claim__moderator=moderator, pk__in=wanted).values_list("pk", flat=True)
    )
    why = {row.pk: why_here(row) for row in rows}
    first = next((why[row.pk] for row in rows if row.pk in mine), ())
    waiting, left_out = [], []
    for row in rows:
        if row.state != State.IN_REVIEW:
            left_out.append((row, f"it is {row.state}"))
        elif row.pk not in mine:
            left_out.append((row, "it is in other hands, put off, or for somebody else to decide"))
        elif row.appeals.open().exists():
            left_out.append((row, "it is an appeal, which is decided by itself"))
        elif not first or why[row.pk] != first:
            left_out.append((row, "it waits for other reasons"))
        else:
            waiting.append(row)
    return Preview(first, tuple(waiting), tuple(left_out))


def why_here(submission: Submission) -> tuple[str, ...]:
    """The codes for which it waits: those of the decision that sent it here."""
    standing = submission.decision
    return tuple(sorted(standing.reasons)) if standing and standing.actor == Decision.MACHINE else ()


def decide_all(
    seen: Sequence[tuple[UUID, int]], moderator: User, verdict: Verdict, reason: str, **more: Any
) -> list[Outcome]:
    """Give the same verdict on each submission of a preview, as it was seen (id, sequence); each is decided by itself.

    One that changed meanwhile, or that another moderator holds, is left as it is and said so; the others are decided.
    Raises Unfounded where they do not wait for identical reasons, or Forbidden; nothing is decided then.
    """
    permissions.require_permission(moderator, Action.DECIDE)
    if len(seen) > BULK_LIMIT:
        raise InvalidDecision(f"at most {BULK_LIMIT} at a time")
    rows = Submission.objects.select_related("label").in_bulk([pk for pk, _ in seen])
    current = [(rows[pk], sequence) for pk, sequence in dict(seen).items() if pk in rows]
    unchanged = {why_here(row) for row, sequence in current if row.sequence == sequence}
    if len(unchanged) > 1 or () in unchanged:
        raise InvalidDecision("only submissions that wait for identical reasons are decided together")
    return [_decide_one(row, sequence, moderator, verdict, reason, more) for row, sequence in current]


def _decide_one(
    row: Submission, sequence: int, moderator: User, verdict: Verdict, reason: str, more: dict[str, Any]
) -> Outcome:
    row.sequence = sequence
    try:
        return Outcome(row, decisions.decide_submission(row, moderator, verdict, reason, **more))
    except Conflict:
        return Outcome(row, None, f"it has changed: it is {row.state}")
    except (ReviewHeldByOther, InvalidDecision) as refused:
        return Outcome(row, None, str(refused))
