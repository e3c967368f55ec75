"""A label's objection to a decision: its statement and files, a clock of its own, and another moderator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from intake.core.states import REOPENING, State
from intake.models import Appeal, AppealFile, Blob, Submission
from intake.services.review import decisions
from intake.services.submissions import admission, transitions
from intake.services.submissions.transitions import Conflict

#: Characters of a statement: four pages.
STATEMENT_LENGTH = 10_000
#: Files of one appeal, and bytes of each; documents and short recordings, no masters.
MAX_FILES = 10
MAX_FILE_BYTES = 50 * 1024**2
#: One submission can be appealed so often; after that there is the telephone.
MOST = 3


class NotHeard(Exception):
    """There can be no appeal; says why."""


def require_appealable(submission: Submission, now: dt.datetime) -> None:
    """Raise Conflict where there is nothing to appeal against, or NotHeard where it is too late or too often."""
    if submission.state not in REOPENING:
        raise Conflict(submission, State.IN_REVIEW)
    rules, concluded = admission.current_policy(), submission.concluded_at
    if concluded and now > concluded + dt.timedelta(days=rules.appeal_days):
        raise NotHeard(f"A decision can be appealed for {rules.appeal_days} days.")
    if submission.appeals.count() >= MOST:
        raise NotHeard(f"A submission can be appealed {MOST} times.")


def open_appeal(submission: Submission, statement: str, files: Mapping[str, Blob] | None = None) -> Appeal:
    """Open an appeal: the submission is in review again, due within the time that the policy sets for appeals.

    Partners that had it cleared hear at once that the clearance is suspended. Raises Conflict or NotHeard; nothing is
    changed then.
    """
    now, rules = timezone.now(), admission.current_policy()
    require_appealable(submission, now)
    against = submission.decision
    assert against is not None, "what can be appealed was decided"
    due = now + dt.timedelta(hours=rules.appeal_hours)
    opened = Appeal(submission=submission, against=against, statement=statement, opened_at=now, due_at=due)
    who = submission.label.actor
    with transaction.atomic():
        # First the move: its compare-and-set makes the second caller wait, and then fail.
        transitions.record_event(
            submission, "appeal.opened", who, {"appeal": str(opened.pk), "against": str(against.pk)}
        )
        decisions.put_before_human(submission, who, "The label appeals.", due, {"appeal": str(opened.pk)})
        opened.save(force_insert=True)
        AppealFile.objects.bulk_create(
            AppealFile(appeal=opened, name=name, blob=blob) for name, blob in (files or {}).items()
        )
    return opened
