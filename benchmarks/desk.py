"""How long a moderator waits for the queue and for a review page with a hundred thousand submissions in the database.

    python -m benchmarks.desk [--submissions 100000] [--waiting 5000] [--database URL] [--markdown]

Server time of whole requests through all of Django, session and rights included, in one process; goal: below 150 ms at
the 95th percentile. Seeding takes a minute or two.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import gate, machine
from benchmarks.report import Table

#: Review page and queue, at the 95th percentile.
GOAL_MS = 150.0
ROUNDS = 60
_BATCH = 2000
_LABELS, _ARTISTS = 300, 20_000
#: How the rest ended, in shares; of what was ever in review, a part was decided by people.
_STATES = (("approved", 0.74), ("labelled", 0.16), ("returned", 0.06), ("rejected", 0.04))
_REVIEWED = 0.2
_CODES = (
    ("similarity.known_recording", "match"), ("artist.lookalike", "identity"), ("disclosure.generator_tag", "ai"),
    ("disclosure.contradictory", "ai"), ("title.generic", "metadata"), ("audio.undecodable", "audio"),
)  # fmt: skip
_WORDS = [
    "low", "tide", "harbour", "night", "ferry", "glass", "salt", "wire", "lamp", "street", "river", "stone", "moon",
    "paper", "summer", "bell", "carousel", "north", "amber", "ash", "silver", "road", "winter", "garden", "echo",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=100_000)
    parser.add_argument("--waiting", type=int, default=5_000, help="of these, in review")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--database", help="another than SQLite; it is emptied")
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    with gate.state(asked.database) as folder:
        print("\n".join(machine.describe(folder)), end="\n\n", flush=True)
        seed(asked.submissions, asked.waiting)
        for table in run(folder, rounds=asked.rounds):
            print(table.markdown() if asked.markdown else table.text(), flush=True)


def run(folder: Path, rounds: int = ROUNDS) -> list[Table]:
    """Time every page of a database that was seeded; ``folder`` is where its state is."""
    from intake.models import Submission

    total = Submission.objects.count()
    waiting = Submission.objects.queue().count()
    rows = [_row(name, visit, rounds) for name, visit in _pages()]
    return [
        Table(
            title=f"The desk with {total:,} submissions, {waiting:,} of them waiting",
            command="python -m benchmarks.desk",
            columns=("page", "p50 ms", "p95 ms", "CPU ms", "queries"),
            rows=rows,
            remarks=(f"Goal: below {GOAL_MS:.0f} ms at the 95th percentile.",),
        )
    ]


def _pages() -> Iterator[tuple[str, Callable[[], Any]]]:
    from django.test import Client
    from django.urls import reverse

    from intake.models import Finding, Submission
    from intake.services.people import moderators

    client = Client(SERVER_NAME="localhost")
    client.force_login(moderators.create_moderator("ada", "low-tide-at-seven")[0])
    queue = reverse("admin:intake_submission_changelist")
    chance = random.Random(1)

    def get(address: str, **query: str) -> Callable[[], Any]:
        return lambda: client.get(address, query)

    def any_review(code: str) -> Callable[[], Any]:
        found = (
            Finding.objects.current()
            .filter(code=code, submission__state="in_review")
            .values_list("submission", flat=True)
        )
        some = list(found[:500])
        return lambda: client.get(reverse("admin:intake_submission_change", args=[chance.choice(some)]))

    def take() -> Any:
        return client.post(reverse("admin:intake_submission_next"))

    isrc = Submission.objects.queue()[10].tracks.first().isrc  # type: ignore[union-attr]
    yield "queue", get(queue)
    yield "queue, last page", get(queue, p="100000")
    yield "queue of one family", get(queue, family="match")
    yield "queue of one label", get(queue, label="Label 7")
    yield "queue, searched by words", get(queue, q="night ferry")
    yield "queue, searched by ISRC", get(queue, q=isrc)
    yield "approved, first page", get(queue, state="approved")
    yield "approved, searched by words", get(queue, state="approved", q="night ferry")
    yield "review, audio match", any_review("similarity.known_recording")
    yield "review, AI evidence", any_review("disclosure.generator_tag")
    yield "take the next", take


def _row(name: str, visit: Callable[[], Any], rounds: int) -> tuple[str, ...]:
    from django.db import connection

    print(f"{name} …", file=sys.stderr)
    for _ in range(3):
        visit()
    queries: list[str] = []

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        answer = visit()
    if answer.status_code not in (200, 302):
        raise SystemExit(f"{name}: {answer.status_code}")
    times, cpu = [], time.process_time()
    for _ in range(rounds):
        began = time.perf_counter()
        visit()
        times.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - cpu) * 1000 / rounds
    p50, p95 = np.percentile(times, [50, 95])
    return name, f"{p50:.0f}", f"{p95:.0f}", f"{cpu:.0f}", str(len(queries))


# --- Seeding ----------------------------------------------------------------------------------------------------------


def seed(count: int, waiting: int) -> None:
    """Fill the tables as years of work would; rows are written as they are, without a file behind them."""
    from django.db import connection, transaction

    from intake.models import Label

    labels = Label.objects.bulk_create([Label(name=f"Label {number}") for number in range(_LABELS)])
    people = _Chance(labels)
    for first in range(0, count, _BATCH):
        numbers = range(first, min(first + _BATCH, count))
        with transaction.atomic():
            _write([people.one(number, waits=number >= count - waiting) for number in numbers])
        print(f"\rseeded {numbers[-1] + 1:,}", end="", file=sys.stderr)
    print(file=sys.stderr)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


class _Chance:
    """Submissions by chance, the same ones in every run."""

    def __init__(self, labels: list[Any]) -> None:
        self._chance = random.Random(7)
        self._labels = labels
        words = self._chance
        self._artists = [" ".join(words.sample(_WORDS, 2)).title() for _ in range(_ARTISTS)]
        self._now = dt.datetime.now(dt.UTC)

    def one(self, number: int, waits: bool) -> dict[str, Any]:
        chance = self._chance
        states, shares = zip(*_STATES, strict=True)
        state = "in_review" if waits else chance.choices(states, shares)[0]
        came = self._now - dt.timedelta(hours=chance.uniform(0, 48) if waits else chance.uniform(48, 20_000))
        reviewed = waits or state in ("returned", "rejected") or chance.random() < _REVIEWED
        return {
            "number": number,
            "state": state,
            "came": came,
            "due": came + dt.timedelta(hours=48) if waits else None,
            "out": (came + dt.timedelta(days=chance.uniform(2, 60))).date(),
            "label": chance.choice(self._labels),
            "artist": chance.choice(self._artists),
            "title": " ".join(chance.sample(_WORDS, chance.randint(1, 4))).title(),
            "tracks": chance.choices((1, 4, 12), (0.7, 0.15, 0.15))[0],
            "codes": chance.sample(_CODES, chance.randint(1, 2)) if reviewed else [],
        }


def _write(batch: list[dict[str, Any]]) -> None:
    from intake.models import (
        Analysis,
        Blob,
        CheckRun,
        Decision,
        Event,
        Finding,
        Reason,
        Resource,
        Submission,
        Track,
    )  # fmt: skip

    rows = [_submission(item) for item in batch]
    Submission.objects.bulk_create(rows)
    resources, tracks, blobs, analyses, runs, findings, reasons, decisions, events = ([] for _ in range(9))
    for one, row in zip(batch, rows, strict=True):
        blob = Blob(sha256=f"{one['number']:064x}", size=1, stored_at=one["came"])
        blobs.append(blob)
        analyses.append(Analysis(blob=blob, name="01.flac", status="done", version=1, facts=_facts()))
        resource = Resource(submission=row, name="01.flac", kind="audio", blob=blob)
        resources.append(resource)
        tracks += _tracks(one, row, resource)
        held = [
            CheckRun(submission=row, name=name, version=1, needs_audio=False, status="done")
            for name in ("similarity", "identity", "metadata")
        ]
        runs += held
        findings += [_finding(row, held[0], code) for code, _ in one["codes"]]
        human = bool(one["codes"]) and one["state"] != "in_review"
        verdicts = {"approved": "approve", "labelled": "label", "returned": "return", "rejected": "reject"}
        actor = "moderator:ada" if human else "policy"
        verdict = verdicts.get(one["state"], "review")
        decisions.append(
            Decision(submission=row, number=1, verdict=verdict, actor=actor, reasons=["…"], policy_version="2026.3")
        )
        events += [Event(submission=row, sequence=n, type=f"submission.{one['state']}", actor=actor) for n in (1, 2, 3)]
        reasons += [
            Reason(
                submission=row, label=one["label"], artist=one["artist"], code=code, family=family,
                leads=family not in [other for _, other in one["codes"][:place]], waiting=not human,
                outcome=verdict if human else "", decided_at=one["came"] if human else None,
            )
            for place, (code, family) in enumerate(one["codes"])
        ]  # fmt: skip
    for model, made in (
        (Blob, blobs), (Analysis, analyses), (Resource, resources), (Track, tracks), (CheckRun, runs),
        (Finding, findings), (Reason, reasons), (Decision, decisions), (Event, events),
    ):  # fmt: skip
        model.objects.bulk_create(made)


def _submission(one: dict[str, Any]) -> Any:
    from intake.models import Submission

    people = [{"name": one["artist"], "roles": ["composer"]}]
    positions = range(1, one["tracks"] + 1)
    metadata = {
        "title": one["title"],
        "type": "single",
        "display_label": one["label"].name,
        "territories": ["Worldwide"],
        "tracks": [{"position": place, "title": one["title"], "contributors": people} for place in positions],
    }
    return Submission(
        label=one["label"], state=one["state"], verdict="review" if one["due"] else "approve", metadata=metadata,
        title=one["title"], artist=one["artist"], upc=f"{one['number']:012d}", release_date=one["out"], sequence=3,
        created_at=one["came"], received_at=one["came"], due_at=one["due"],
        concluded_at=None if one["due"] else one["came"],
    )  # fmt: skip


def _tracks(one: dict[str, Any], row: Any, resource: Any) -> list[Any]:
    from intake.models import Track

    return [
        Track(
            submission=row, position=place, title=f"{one['title']} {place}", artist=one["artist"],
            isrc=f"SE{one['number'] // 100_000:03d}{(one['number'] * 20 + place) % 10_000_000:07d}", resource=resource,
        )
        for place in range(1, one["tracks"] + 1)
    ]  # fmt: skip


def _finding(row: Any, run: Any, code: str) -> Any:
    from intake.models import Finding

    segment = {"start": 4.0, "end": 44.0, "reference_start": 8.0, "reference_end": 48.0}
    match = {"recording": "1", "title": "X", "artist": "Y", "score": 0.9, "speed": 1.0, "segments": [segment]}
    evidence = {"matches": [match]} if code.startswith("similarity.") else {"declared": "no ai", "says": "tag"}
    return Finding(
        check_run=run, submission=row, code=code, severity="critical", subject="track:1",
        message="40.0 s of this recording are the same as 'X' by 'Y'.", evidence=evidence, route="review",
    )  # fmt: skip


def _facts() -> dict[str, Any]:
    return {"duration": 187.0, "codec": "flac", "sample_rate": 44100, "bit_depth": 16, "loudness_lufs": -12.0}


if __name__ == "__main__":
    main()
