"""How long all questions about metadata take on a release of twelve tracks: an ordinary one, and one full of faults.

python -m benchmarks metadata
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from benchmarks.report import Table
from checks.model.release import Delivery, Release
from checks.rules.metadata import IDENTIFIERS, METADATA, SUBJECTS
from checks.rules.metadata import identifiers as identifier_rules
from tests.checks.builders import a_context, a_delivery, an_album

#: Often enough that the clock's grain and a stray interruption do not show.
ROUNDS = 200
#: All rules about the metadata of twelve tracks shall take no more CPU than this.
GOAL_MS = 5.0

RULES = len(identifier_rules.RULES) + sum(len(subject.RULES) for subject in SUBJECTS)


def run(folder: Path, rounds: int = ROUNDS) -> list[Table]:
    """Nothing is read or written; ``folder`` is where other parts keep their state."""
    ordinary = an_album(12)
    rows = [_row(name, release, rounds) for name, release in (("ordinary", ordinary), ("messy", messy(ordinary)))]
    return [
        Table(
            title="Metadata: every rule on a release of 12 tracks",
            command="python -m benchmarks metadata",
            columns=("release", "findings", "CPU ms", "rules a second"),
            rows=rows,
            remarks=(
                f"{RULES} rules, each put to the whole release; goal: below {GOAL_MS:.0f} ms CPU.",
                "The instruments answer at once: what the database adds is measured with the API.",
            ),
        )
    ]


def messy(release: Release) -> Release:
    """The release as a label in a hurry would send it: something to find, and to mend, on every track."""
    tracks = tuple(
        replace(
            track,
            title=f"{track.title.upper()} ft. Jonas Ek (Live)",
            version="Original Mix",
            isrc=f"se-abc-26-{track.position:05}",
            advisory="Not Explicit",
        )
        for track in release.tracks
    )
    return replace(release, tracks=tracks, upc="0-36000-29145-2", p_line=None, territories=("se", "uk"))


def _row(name: str, release: Release, rounds: int) -> tuple[str, ...]:
    delivery, context = a_delivery(release), a_context()
    found = _findings(delivery)
    before = time.process_time()
    for _ in range(rounds):
        for check in (IDENTIFIERS, METADATA):
            list(check.run(delivery, context))
    seconds = (time.process_time() - before) / rounds
    return name, str(found), f"{1000 * seconds:.2f}", f"{RULES / seconds:,.0f}"


def _findings(delivery: Delivery) -> int:
    return sum(1 for check in (IDENTIFIERS, METADATA) for _ in check.run(delivery, a_context()))
