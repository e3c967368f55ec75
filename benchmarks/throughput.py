"""How many tracks a day the gate sustains: singles over HTTP, as fast as it takes them, until the last verdict."""

from __future__ import annotations

import concurrent.futures
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import urllib3
from django.db.models import Max

from benchmarks import gate, machine, tracks
from benchmarks.report import Table
from intake.core.states import State
from intake.models import Event, Submission

COMMAND = "python -m benchmarks throughput"
#: Tracks that the world delivers in a day, as public counts have it.
WORLD = "106,000 to 170,000"
_DAY = 86_400
_SENDERS = 4
#: Seconds a track that is waited for at most, on two busy cores.
_PATIENCE = 20.0
_MACHINE_VERDICTS = ("submission.approved", "submission.labelled", "submission.in_review")


def run(folder: Path, count: int = 60) -> list[Table]:
    """Start a gate, send it ``count`` singles of about three minutes, wait for all verdicts."""
    place = folder / "throughput"
    place.mkdir()
    print(f"composing {count} pieces …", file=sys.stderr)
    files = tracks.many_pieces(place, count)
    cover = gate.cover(place / "cover.png").read_bytes()
    with gate.running(folder) as target:
        keys = gate.keys(_SENDERS)
        with machine.Disk(folder) as disk, machine.Meter(target.pid) as meter:
            began = time.time()
            ids = _send(target.url, keys, files, cover)
            taken_in = time.time() - began
            _wait(ids)
    ended = Event.objects.filter(submission__in=ids, type__in=_MACHINE_VERDICTS).aggregate(last=Max("created_at"))
    seconds = ended["last"].timestamp() - began
    verdicts = Counter(Submission.objects.filter(pk__in=ids).values_list("state", flat=True))
    return [_table(count, files, seconds, taken_in, verdicts, meter, disk)]


def _send(url: str, keys: Sequence[str], files: Sequence[Path], cover: bytes) -> list[str]:
    """Several labels deliver at once; returns the submissions' ids once all are accepted."""
    http = urllib3.PoolManager(maxsize=len(keys), timeout=120, retries=False)

    def deliver(number: int) -> str:
        path = files[number]
        name = f"01{path.suffix}"
        fields = {
            "metadata": ("metadata", json.dumps(gate.release(1000 + number, name)), "application/json"),
            name: (name, path.read_bytes(), "application/octet-stream"),
            "cover.png": ("cover.png", cover, "image/png"),
        }
        headers = {"Authorization": f"Bearer {keys[number % len(keys)]}"}
        answer = http.request("POST", f"{url}/api/v1/submissions", fields=fields, headers=headers)
        if answer.status != 202:
            raise RuntimeError(f"{path.name}: {answer.status} {answer.data[:500]!r}")
        return str(answer.json()["id"])

    with concurrent.futures.ThreadPoolExecutor(len(keys)) as pool:
        return list(pool.map(deliver, range(len(files))))


def _wait(ids: Sequence[str]) -> None:
    """Until all are decided. Raises TimeoutError."""
    undecided = Submission.objects.filter(pk__in=ids, state__in=(State.RECEIVED, State.CHECKING))
    deadline = time.monotonic() + len(ids) * _PATIENCE
    while left := undecided.count():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} of {len(ids)} submissions have no verdict yet")
        time.sleep(0.5)


def _table(
    count: int,
    files: Sequence[Path],
    seconds: float,
    taken_in: float,
    verdicts: Counter[str],
    meter: machine.Meter,
    disk: machine.Disk,
) -> Table:
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    cores = os.cpu_count() or 1
    cpu = meter.tree / count
    figures = {
        "tracks": f"{count} ({megabytes / count:.0f} MB each)",
        "accepted after, s": f"{taken_in:.1f}",
        "decided after, s": f"{seconds:.1f}",
        "tracks a second": f"{count / seconds:.2f}",
        "tracks a day": f"{count / seconds * _DAY:,.0f}",
        "CPU s a track": f"{cpu:.2f}",
        f"{cores} cores alone, tracks a day": f"{cores * _DAY / cpu:,.0f}",
    }
    outcome = ", ".join(f"{number} {state}" for state, number in sorted(verdicts.items()))
    return Table(
        "Tracks that this machine sustains",
        COMMAND,
        list(figures),
        [list(figures.values())],
        [
            f"The world delivers {WORLD} tracks a day.",
            f"{outcome}. CPU is that of the whole gate: web, workers, decoders, courier, clock.",
            "The last column is arithmetic, not a measurement: the cores if nobody else, the client included, had any.",
            f"{meter.told()}; {disk.told()}, meanwhile.",
        ],
    )
