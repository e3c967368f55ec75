"""What another policy would have made of the past: who would flip, and whom it would contradict."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

import checks
from checks import policy as policies
from checks.policy import Policy, Verdict
from intake.management.measuring import shown
from intake.models import Decision, Submission
from intake.models.work import Status
from intake.services import checking

DEFAULT_DAYS = 30
#: Verdicts with which the machine lets a release through; with a review it contradicts nobody.
CLEARING = (Verdict.APPROVE, Verdict.LABEL)


class Command(BaseCommand):
    help = "Judge past submissions again, from the findings on file, under another policy. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--policy", type=Path, required=True, metavar="FILE", help="the candidate policy")
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="how far back (default %(default)s)")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            names = [check.name for check in checks.CHECKS]
            rules = policies.load(options["policy"], known_codes=checks.CODES, known_checks=names)
        except (OSError, policies.PolicyError) as error:
            raise CommandError(str(error)) from error
        if options["days"] < 1:
            raise CommandError("--days is at least 1")
        since = timezone.now() - dt.timedelta(days=options["days"])
        past = concluded(since)
        total = past.count()
        judged = shown(past.iterator(chunk_size=200), total, "Judging again", sys.stderr)
        told = [row for submission in judged if (row := judge_again(submission, rules))]
        flips = [row for row in told if row["from"] != row["to"]]
        document = {
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
        self.stdout.write(json.dumps(document, ensure_ascii=False) if options["json"] else "\n".join(_lines(document)))


def concluded(since: dt.datetime) -> QuerySet[Submission]:
    """The submissions that the machine has judged since then, oldest first."""
    by_machine = Decision.objects.filter(submission=OuterRef("pk"), actor="policy", created_at__gte=since)
    past = Submission.objects.filter(Exists(by_machine)).select_related("label").order_by("pk")
    return past.prefetch_related("decisions", "check_runs")


def judge_again(submission: Submission, rules: Policy) -> dict[str, Any] | None:
    """What would become of one submission, where that is another verdict, or another one than a moderator's."""
    done = {run.name for run in submission.check_runs.all() if run.status == Status.DONE}
    ruling = checking.judge(submission, rules, sorted(set(rules.mandatory) - done))
    given = list(submission.decisions.all())
    machine = next(decision for decision in reversed(given) if decision.actor == "policy")
    human = next(
        (one for one in reversed(given) if one.actor.startswith("moderator:") and one.verdict != Verdict.REVIEW), None
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


def _lines(document: dict[str, Any]) -> Iterator[str]:
    judged, since = document["submissions"], document["since"][:10]
    yield f"Policy {document['policy']['version']} over {judged} submissions since {since}"
    yield f"{document['same']:6} same"
    for change in document["changes"]:
        yield f"{change['count']:6} {change['from']} → {change['to']}"
    yield f"{document['contradicted']:6} against a moderator's decision"
    for row in document["flips"]:
        against = f"; a moderator decided {row['moderator']}" if row["contradicts"] else ""
        reasons = ", ".join(row["reasons"] or row["reasons_before"])
        yield f"{row['id']}  {row['from']} → {row['to']}  {row['title']} ({row['label']}): {reasons}{against}"
