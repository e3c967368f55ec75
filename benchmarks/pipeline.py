"""What one track costs from its first byte to the decision, in CPU time, beside fpcalc on the same files.

Ours is everything that a worker does for a single: lay out the work, decode and measure in the shut-in child, the six
checks, the policy's decision, learning the recording. fpcalc, Chromaprint's own program, decodes and fingerprints only.
Both sides take turns, so that they see the same machine.
"""

from __future__ import annotations

import contextlib
import csv
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import gate, machine, real_music, tracks
from benchmarks.report import Table
from checks.analysis import default_analyser, fingerprint_backend
from intake import tasks
from intake.core import enqueue
from intake.core.states import State
from intake.models import Analysis, Blob, KnownRecording, Label
from intake.services.catalogue import known_recordings
from intake.services.people import accounts
from intake.services.storage import blobs
from intake.services.submissions import submission_actions

COMMAND = "python -m benchmarks pipeline"
_COLUMNS = ("", "measure", "checks, decision", "rows, index", "ours", "fpcalc", "ours / fpcalc")


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one track."""

    measure: float
    checks: float  # and the decision
    rest: float

    @property
    def total(self) -> float:
        return self.measure + self.checks + self.rest


def run(folder: Path, rounds: int = 5) -> list[Table]:
    """Cost by format, and over the real recordings where there are any."""
    place = folder / "pipeline"
    place.mkdir()
    made = tracks.one_piece(place)
    with contextlib.closing(default_analyser()):
        track_cost(made["wav"], Delivering())  # warms up both processes
        rows = [_row(kind, *_best(path, rounds)) for kind, path in made.items()]
        return [_table(rows, rounds), *_real(real_music.folder())]


class Delivering:
    """A label that delivers singles straight to the services, whose bells ring here."""

    def __init__(self) -> None:
        self.label: Label = accounts.create_label(f"Bench Records {os.urandom(4).hex()}")[0]
        self._number = 0

    def deliver(self, path: Path) -> None:
        """One more single with this file."""
        self._number += 1
        name = f"01{path.suffix}"
        files = {name: _kept(path.read_bytes()), "cover.png": _kept(b"a picture")}
        submission_actions.submit_delivery(self.label, gate.release(self._number, name), files)


def track_cost(path: Path, delivering: Delivering) -> Cost:
    """Deliver a file, answer every bell, and say what that cost. Leaves the gate as if it had never heard the file.

    Raises RuntimeError where the submission is not decided then.
    """
    spent = {"analyse": 0.0, "run_check": 0.0}
    rest = 0.0
    with bells() as rung:
        delivering.deliver(path)
        while rung:
            name, arguments = rung.popleft()
            before = machine.own_cpu()
            getattr(tasks, name).run(*arguments)
            cpu = machine.own_cpu() - before
            if name in spent:
                spent[name] += cpu
            else:
                rest += cpu
        submission = delivering.label.submissions.latest("pk")
        if submission.state in (State.RECEIVED, State.CHECKING):
            raise RuntimeError(f"{path.name}: no decision was made")
        forget_last(delivering)
    return Cost(spent["analyse"] + default_analyser().last_cpu_seconds, spent["run_check"], rest)


def forget_last(delivering: Delivering) -> None:
    """Make the last delivery's file and sound as good as new."""
    known_recordings.forget_recordings(KnownRecording.objects.filter(label=delivering.label))
    Analysis.objects.filter(blob__resources__submission=delivering.label.submissions.latest("pk")).delete()


def fpcalc_cost(path: Path) -> float | None:
    """CPU seconds of fpcalc over the whole file; None where it is not installed, or gives no fingerprint.

    Version 1.5.1 ends with an error at the end of every file, after it has printed the whole fingerprint.
    """
    program = machine.fpcalc()
    if program is None:
        return None
    before = machine.own_cpu()
    said = subprocess.run([program, "-length", "0", path], capture_output=True, check=False).stdout
    return machine.own_cpu() - before if b"FINGERPRINT=" in said else None


@contextlib.contextmanager
def bells() -> Iterator[deque[tuple[str, tuple[str, ...]]]]:
    """Tasks are put on a list instead of into the broker: (name, arguments), oldest first."""
    rung: deque[tuple[str, tuple[str, ...]]] = deque()
    before = enqueue.enqueue_task
    enqueue.enqueue_task = lambda name, *arguments: rung.append((name.removeprefix("intake."), arguments))
    try:
        yield rung
    finally:
        enqueue.enqueue_task = before


def _best(path: Path, rounds: int) -> tuple[Cost, float | None]:
    """The cheapest round of each side: what else the machine did only ever adds."""
    delivering = Delivering()
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(track_cost(path, delivering))
        theirs.append(fpcalc_cost(path))
    known = [cost for cost in theirs if cost is not None]
    return min(ours, key=lambda cost: cost.total), min(known) if known else None


def _real(music: Path | None) -> list[Table]:
    """Once over every real recording, as if each were three minutes long."""
    if music is None:
        print("no real recordings (GATE_MUSIC names a folder with manifest.csv and pairs.csv)", file=sys.stderr)
        return []
    delivering = Delivering()
    ours, theirs, minutes = [], [], 0.0
    for name, seconds in _lengths(music).items():
        peer = fpcalc_cost(music / name)
        ours.append(track_cost(music / name, delivering))
        theirs.append(peer)
        minutes += seconds / 60
    share = 3 / minutes
    total = Cost(*(share * sum(getattr(cost, part) for cost in ours) for part in ("measure", "checks", "rest")))
    known = [cost for cost in theirs if cost is not None]
    peer = share * sum(known) if len(known) == len(theirs) else None
    title = f"CPU of real recordings: {len(ours)} files, {minutes:.0f} minutes, ms for each three minutes"
    return [Table(title, COMMAND, _COLUMNS, [_row("real", total, peer)], [f"One round; {machine.load()}."])]


def _table(rows: Sequence[Sequence[str]], rounds: int) -> Table:
    return Table(
        "CPU of a three-minute track, from delivery to decision, ms",
        COMMAND,
        _COLUMNS,
        rows,
        [
            f"User and system time of the worker and of its child, the best of {rounds} rounds, both sides in turn; "
            f"{machine.load()}.",
            f"Ours fingerprints with {fingerprint_backend()}, and looks among {gate.KNOWN_RECORDINGS:,} recordings "
            f"and {gate.PROTECTED_NAMES} protected names. fpcalc -length 0 decodes and fingerprints, nothing else.",
        ],
    )


def _row(name: str, cost: Cost, peer: float | None) -> list[str]:
    figures = [f"{1000 * part:.0f}" for part in (cost.measure, cost.checks, cost.rest, cost.total)]
    return [name, *figures, *((f"{1000 * peer:.0f}", f"{cost.total / peer:.2f}") if peer else ("–", "–"))]


def _lengths(music: Path) -> Mapping[str, float]:
    """Seconds of every file of the folder."""
    with (music / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return {row["file"]: float(row["duration_s"]) for row in csv.DictReader(file)}


def _kept(content: bytes) -> Blob:
    incoming = blobs.Incoming()
    incoming.write(content)
    return incoming.keep()
