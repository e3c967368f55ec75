"""Who waits for a human and why, who is looking, and which views are kept: the desk's own book-keeping."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

import checks
from checks.model.finding import Severity
from checks.review_priority import compute_review_priority
from intake.core import enqueue
from intake.core.reason_groups import HOLDING, family_of
from intake.core.states import State
from intake.models import Decision, Presence, Reason, SavedFilter, Submission
from intake.readers import release_mapping

#: Presence expires after this long without a heartbeat.
PRESENT = dt.timedelta(seconds=75)
#: Views that one moderator can keep.
MAX_FILTERS = 30
#: What people opened again without any finding is counted under.
OPENED_AGAIN = "check.reopened"

_WORST_FIRST = {severity.value: rank for rank, severity in enumerate(reversed(Severity))}


class TooManyFilters(ValueError):
    """A moderator keeps as many views as one can find again."""


def update_hold_reasons(submission: Submission, old: State, decision: Decision | None) -> None:
    """Keep the reasons of a submission that has just moved, in the transaction that moves it."""
    new = State(submission.state)
    if new is State.IN_REVIEW and old is not State.IN_REVIEW:
        _enter_review_queue(submission)
        enqueue.enqueue_task("intake.portray", str(submission.pk))  # no harm if it is lost: drawn on the first view
    elif old is State.IN_REVIEW and new is not State.IN_REVIEW:
        human = decision is not None and decision.actor.startswith("moderator:")
        submission.reasons.filter(waiting=True).update(
            waiting=False,
            outcome=decision.verdict if decision and human else "",
            decided_at=timezone.now() if human else None,
        )


def renew_hold_reasons(submission: Submission) -> None:
    """Keep the reasons of a submission in review with changed findings, in the transaction that changed them."""
    _enter_review_queue(submission)
    held = submission.findings.current().filter(route__in=HOLDING).values("code")
    submission.reasons.exclude(code__in=held).exclude(code=OPENED_AGAIN).update(waiting=False)


def _enter_review_queue(submission: Submission) -> None:
    weight = compute_review_priority(
        release_mapping.map_stored_findings(list(submission.findings.current()), checks.CODES)
    )
    Submission.objects.filter(pk=submission.pk).update(weight=weight)
    held = submission.findings.current().filter(route__in=HOLDING).values_list("code", "severity", "pk")
    worst_first = sorted(held, key=lambda one: (_WORST_FIRST.get(one[1], 9), one[2]))
    codes = list(dict.fromkeys(code for code, _, _ in worst_first)) or [OPENED_AGAIN]
    submission.reasons.update(waiting=True, outcome="", decided_at=None)
    families: set[str] = set(submission.reasons.values_list("family", flat=True))
    known = set(submission.reasons.values_list("code", flat=True))
    fresh = []
    for code in codes:
        family = family_of(code).key
        if code not in known:
            fresh.append(
                Reason(
                    submission=submission,
                    label_id=submission.label_id,
                    artist=submission.artist,
                    code=code,
                    family=family,
                    leads=family not in families,
                )
            )
        families.add(family)
    Reason.objects.bulk_create(fresh)


def record_presence(submission: Submission, moderator: User) -> None:
    """Record that a moderator has the page of a submission open."""
    Presence.objects.update_or_create(submission=submission, moderator=moderator, defaults={"seen_at": timezone.now()})


def remove_presence(submission: Submission, moderator: User) -> None:
    """Record that a moderator left the page."""
    Presence.objects.filter(submission=submission, moderator=moderator).delete()


def list_other_viewers(submission: Submission, besides: User) -> list[str]:
    """The names of all others who have it before their eyes now."""
    seen = Presence.objects.filter(submission=submission, seen_at__gt=timezone.now() - PRESENT)
    return sorted(seen.exclude(moderator=besides).values_list("moderator__username", flat=True))


def delete_old_presences() -> int:
    """Forget who was where a while ago; returns how many."""
    return Presence.objects.filter(seen_at__lt=timezone.now() - PRESENT).delete()[0]


def keep_filter(moderator: User, name: str, query: str) -> SavedFilter:
    """Keep a view of the queue under a name; the same name again replaces it. Raises TooManyFilters."""
    with transaction.atomic():
        kept, new = SavedFilter.objects.update_or_create(moderator=moderator, name=name, defaults={"query": query})
        if new and SavedFilter.objects.filter(moderator=moderator).count() > MAX_FILTERS:
            raise TooManyFilters(f"there can be {MAX_FILTERS} saved views; remove one first")
    return kept


def forget_filter(moderator: User, pk: int) -> None:
    """Remove a kept view; another's is left alone."""
    SavedFilter.objects.filter(moderator=moderator, pk=pk).delete()
