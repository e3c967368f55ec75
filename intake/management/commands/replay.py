"""What another policy would have made of the past: which verdicts would flip, and which people it would contradict."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

import checks
from checks.policy import PolicyError, load_policy_file
from intake.management.measuring import iterate_with_progress
from intake.services.policy import replay


class Command(BaseCommand):
    help = "Judge past submissions again, from the findings on file, under another policy. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--policy", type=Path, required=True, metavar="FILE", help="the candidate policy")
        parser.add_argument("--days", type=int, default=replay.DEFAULT_DAYS, help="how far back (default %(default)s)")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            names = [check.name for check in checks.CHECKS]
            rules = load_policy_file(options["policy"], known_codes=checks.CODES, known_checks=names)
        except (OSError, PolicyError) as error:
            raise CommandError(str(error)) from error
        if options["days"] < 1:
            raise CommandError("--days is at least 1")
        since = timezone.now() - dt.timedelta(days=options["days"])
        past = replay.list_judged_submissions(since)
        total = past.count()
        judged = iterate_with_progress(past.iterator(chunk_size=200), total, "Judging again", sys.stderr)
        document = replay.replay_submissions(judged, total, since, rules)
        self.stdout.write(
            json.dumps(document, ensure_ascii=False) if options["json"] else "\n".join(_iterate_replay_lines(document))
        )


def _iterate_replay_lines(document: dict[str, Any]) -> Iterator[str]:
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
