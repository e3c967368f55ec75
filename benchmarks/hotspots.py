"""Where the time goes: in a read, in a new draft, in the checks and the decision, in the measuring of one track.

    python -m benchmarks.hotspots get|draft|checks|measure [--rows 25]

Everything runs in this one process, without web server, broker or shut-in child: good for shares, not for totals.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import json
import os
import pstats
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

#: As the shut-in child has it; more threads than that would spin beside the profiler.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks import gate, machine, tracks  # NumPy reads the choice above when it is imported

_ROUNDS = {"get": 200, "draft": 100, "checks": 10, "measure": 3}

#: What stands in the project's own files; libraries show in what these take.
_OURS = r"/(checks|intake)/"


class Watch(Protocol):
    """What looks on between ``enable`` and ``disable``."""

    def enable(self) -> None: ...
    def disable(self) -> None: ...


class Stopwatch:
    """Counts CPU seconds, and costs none itself."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def enable(self) -> None:
        self._begun = time.process_time()

    def disable(self) -> None:
        self.seconds += time.process_time() - self._begun


Action = Callable[[Watch], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=_ROUNDS)
    parser.add_argument("--rows", type=int, default=25)
    arguments = parser.parse_args()
    rounds = _ROUNDS[arguments.what]
    with gate.state() as folder:
        action = {"get": _get, "draft": _draft, "checks": _checks, "measure": _measure}[arguments.what](folder)
        stopwatch, profile = Stopwatch(), cProfile.Profile()
        action(Stopwatch())  # what is read or filled once
        for watch in [stopwatch] * rounds + [profile] * rounds:
            action(watch)
    print(f"{1000 * stopwatch.seconds / rounds:.1f} ms CPU each, {machine.load()}; below, {rounds} rounds, profiled")
    stats = pstats.Stats(profile)
    if arguments.what == "measure":
        stats.sort_stats("tottime").print_stats(arguments.rows)
    else:
        stats.sort_stats("cumulative").print_stats(_OURS, arguments.rows)


def _get(folder: Path) -> Action:
    """Read a decided single."""
    from django.test import Client

    from benchmarks import pipeline

    delivering = pipeline.Delivering()
    pipeline.track_cost(tracks.one_piece(folder, ("flac",), 10.0)["flac"], delivering)
    address = f"/api/v1/submissions/{delivering.label.submissions.latest('pk').pk}"
    client, headers = Client(), _headers(delivering.label)

    def action(watch: Watch) -> None:
        watch.enable()
        answer = client.get(address, headers=headers)
        watch.disable()
        assert answer.status_code == 200, answer.content

    return action


def _draft(folder: Path) -> Action:
    """Open a draft of ten tracks."""
    from django.test import Client

    from benchmarks import pipeline

    client, headers, numbers = Client(), _headers(pipeline.Delivering().label), itertools.count(1)

    def action(watch: Watch) -> None:
        body = json.dumps(gate.release(next(numbers), "01.flac", 10))
        watch.enable()
        answer = client.post("/api/v1/submissions", body, content_type="application/json", headers=headers)
        watch.disable()
        assert answer.status_code == 201, answer.content

    return action


def _checks(folder: Path) -> Action:
    """All that a worker does for a single but the measuring."""
    from benchmarks import pipeline
    from intake import tasks

    path, delivering = tracks.one_piece(folder, ("flac",))["flac"], pipeline.Delivering()

    def action(watch: Watch) -> None:
        with pipeline.bells() as rung:
            delivering.deliver(path)
            while rung:
                name, arguments = rung.popleft()
                if name != "analyse":
                    watch.enable()
                getattr(tasks, name).run(*arguments)
                watch.disable()
        pipeline.forget_last(delivering)

    return action


def _measure(folder: Path) -> Action:
    """The pass over three minutes of FLAC that gives the facts, and the reading of tags."""
    from checks.analysis import decode, generator_tags

    path = tracks.one_piece(folder, ("flac",))["flac"]

    def action(watch: Watch) -> None:
        with path.open("rb") as file:
            watch.enable()
            facts = decode.measure_audio_file(file, "", path.name)
            generator_tags.read_generator_tags(file, facts.container)
            watch.disable()
        assert facts.ok, facts.error

    return action


def _headers(label: object) -> dict[str, str]:
    """A key of the label, whose rate limit is lifted: one client here stands for many."""
    from django.conf import settings

    from intake.services.people import accounts

    settings.GATE_RATE_LIMIT = "off"
    settings.ALLOWED_HOSTS = ["testserver"]
    return {"Authorization": f"Bearer {accounts.issue_key(label, accounts.LABEL_SCOPES)}"}


if __name__ == "__main__":
    main()
