"""What another policy would have made of the past: which verdicts would flip, and which people it would contradict."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from checks.model.finding import Route
from checks.policy import Policy, Verdict
from intake.core.states import CLEARED
from intake.models import Decision, Finding, Submission
from intake.models.leased_work import Status
from intake.services.checking import pipeline

DEFAULT_DAYS = 30
#: Verdicts with which the machine lets a release through; with a review it contradicts no person.
CLEARING = (Verdict.APPROVE, Verdict.LABEL)
#: Most flips that are told one by one; the counts are of all.
MOST_TOLD = 500


def list_judged_submissions(since: dt.datetime) -> QuerySet[Submission]:
    """The submissions that the machine has judged since then, oldest first."""
    by_machine = Decision.objects.filter(submission=OuterRef("pk"), actor=Decision.MACHINE, created_at__gte=since)
    past = Submission.objects.filter(Exists(by_machine)).select_related("label").order_by("pk")
    return past.prefetch_related("decisions", "check_runs")


def judge_again(submission: Submission, rules: Policy) -> dict[str, Any] | None:
    """What would become of one submission, where that is another verdict, or another one than a moderator's."""
    done = {run.name for run in submission.check_runs.all() if run.status == Status.DONE}
    ruling = pipeline.judge_submission(submission, rules, sorted(set(rules.mandatory) - done))
    given = list(submission.decisions.all())
    machine = next(decision for decision in reversed(given) if decision.actor == Decision.MACHINE)
    human = next(
        (item for item in reversed(given) if item.actor.startswith("moderator:") and item.verdict != Verdict.REVIEW),
        None,
    )
    contradicts = bool(human and ruling.verdict in CLEARING and ruling.verdict != human.verdict)
    if ruling.verdict == machine.verdict and not contradicts:
        return None
    return {
        "id": str(submission.pk),
        "label": submission.label.name,
        "title": submission.title,
        "from": machine.verdict,
        "to": ruling.verdict.value,
        "reasons": list(ruling.reasons),
        "reasons_before": machine.reasons,
        "moderator": human.verdict if human else None,
        "contradicts": contradicts,
    }


def replay_submissions(past: Iterable[Submission], total: int, since: dt.datetime, rules: Policy) -> dict[str, Any]:
    """The whole comparison as JSON; ``past`` are submissions as ``concluded`` gives them."""
    told = [row for submission in past if (row := judge_again(submission, rules))]
    flips = [row for row in told if row["from"] != row["to"]]
    return {
        "policy": {"version": rules.version, "digest": rules.digest},
        "since": since.isoformat(),
        "submissions": total,
        "same": total - len(flips),
        "changes": [
            {"from": old, "to": new, "count": count}
            for (old, new), count in Counter((row["from"], row["to"]) for row in flips).most_common()
        ],
        "contradicted": sum(row["contradicts"] for row in told),
        "flips": told,
    }


def count_shadow_findings(days: int = DEFAULT_DAYS) -> list[dict[str, Any]]:
    """What is recorded and routes nothing (``note``), by code: how often, and what routing it would have held."""
    since = timezone.now() - dt.timedelta(days=days)
    cleared = Q(submission__state__in=CLEARED)
    by_people = Exists(Decision.objects.filter(submission=OuterRef("submission"), actor__startswith="moderator:"))
    rows = (
        Finding.objects.current()
        .filter(route=Route.NOTE, submission__received_at__gte=since)
        .annotate(by_people=by_people)
        .order_by()
        .values("code")
        .annotate(
            findings=Count("pk"),
            submissions=Count("submission", distinct=True),
            would_hold=Count("submission", distinct=True, filter=cleared & Q(by_people=False)),
            seen_and_cleared=Count("submission", distinct=True, filter=cleared & Q(by_people=True)),
        )
        .order_by("-submissions", "code")
    )
    return [dict(row) for row in rows]
