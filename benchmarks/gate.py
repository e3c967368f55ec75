"""A gate of the benchmarks' own: its state in a folder that is removed afterwards, its labels, its releases."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from stdnum import ean

from benchmarks.machine import PROJECT

#: What an operator has set must not reach a benchmark: neither choices nor, least of all, a real database.
_CHOICES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "STORAGE_URL")
#: Made-up recordings and names to look among, so that no check finds an empty shelf.
KNOWN_RECORDINGS, PROTECTED_NAMES = 10_000, 200
_PRINTS, _SECONDS = 1432, 180.0  # sub-prints of three minutes
_AT_ONCE = 1000  # rows in one statement
_SIDE = 3000
_LAST_WORDS = 4000  # of the gate's log, shown when a benchmark ends in the middle


@contextlib.contextmanager
def state(database: str | None = None, redis: str | None = None) -> Iterator[Path]:
    """A folder for all state, with the settings read, the tables made and the shelves filled. Once in a process.

    A ``database`` is emptied.
    """
    folder = Path(tempfile.mkdtemp(prefix="gate-bench-"))
    for name in [name for name in os.environ if name.startswith("GATE_") and name != "GATE_MUSIC"]:
        del os.environ[name]
    for name in _CHOICES:
        os.environ.pop(name, None)
    os.environ |= {"GATE_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings", "GATE_LOG_LEVEL": "ERROR"}
    os.environ |= {name: url for name, url in (("DATABASE_URL", database), ("REDIS_URL", redis)) if url}
    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        if database:
            call_command("flush", interactive=False, verbosity=0)
        fill_shelves()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill_shelves(recordings: int = KNOWN_RECORDINGS, names: int = PROTECTED_NAMES) -> None:
    """Known recordings in the index, and protected names."""
    from django.db import transaction

    from intake.models import KnownRecording
    from intake.services.catalogue import known_recordings
    from intake.services.registry import protected_artists

    chance = np.random.default_rng(0)
    KnownRecording.objects.bulk_create(
        (
            KnownRecording(
                title=f"Made up {number}",
                duration=_SECONDS,
                fingerprint=chance.integers(0, 2**32, _PRINTS, dtype="<u4").tobytes(),
            )
            for number in range(recordings)
        ),
        batch_size=_AT_ONCE,
    )
    known_recordings.index_new_recordings()
    syllables = ["ba", "del", "for", "gi", "han", "ka", "lor", "mi", "nes", "pa", "ris", "tu", "vel", "zo"]
    with transaction.atomic():
        for _ in range(names):
            first, last = ("".join(chance.choice(syllables, size)).title() for size in (2, 3))
            protected_artists.protect_artist(f"{first} {last}")


@dataclass(frozen=True)
class Gate:
    """A gate that runs: its address, and the process that all its others descend from."""

    url: str
    pid: int


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Gate]:
    """The gate as ``make run`` starts it, on a free port."""
    from intake.management.commands.demo import wait_until_ready

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "GATE_PORT": str(port)}
    environment.pop("GATE_LOG_LEVEL", None)  # only this process is quieter than usual
    with (folder / "gate.log").open("ab") as log:
        gate = subprocess.Popen(
            [sys.executable, PROJECT / "manage.py", "supervise"],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=PROJECT,
        )
        try:
            wait_until_ready(url, gate)
            yield Gate(url, gate.pid)
        except BaseException:
            print((folder / "gate.log").read_text(errors="replace")[-_LAST_WORDS:], file=sys.stderr)
            raise
        finally:
            gate.send_signal(signal.SIGTERM)
            try:
                gate.wait(timeout=30)
            except subprocess.TimeoutExpired:  # its programs die with it
                gate.kill()
                gate.wait()


def keys(count: int) -> list[str]:
    """API keys of as many new labels: many labels deliver at once, and each has a rate limit of its own."""
    from intake.services.people import accounts

    return [accounts.create_label(f"Bench Records {os.urandom(4).hex()}")[1] for _ in range(count)]


def release(number: int, file: str, tracks: int = 1) -> dict[str, Any]:
    """An ordinary release; ``file`` is its first track's, the others are called after it."""
    from intake.demo.releases import build_demo_document

    out = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=28)
    made = build_demo_document(f"Benchmark {_in_words(number)}", 1, out, file=file)
    body = made["release"]
    body["upc"] = upc(number)
    body["type"] = "single" if tracks == 1 else "album"
    first = body["tracks"][0]
    body["tracks"] = [_track(first, number, place, file) for place in range(tracks)]
    return made


def upc(number: int) -> str:
    """A valid UPC for a number."""
    digits = f"036{number:08d}"
    return digits + ean.calc_check_digit(digits)


def cover(path: Path) -> Path:
    """A cover of the size that partners ask for."""
    from intake.demo import covers

    covers.paint_demo_cover(1, path, _SIDE)
    return path


def _track(first: dict[str, Any], number: int, place: int, file: str) -> dict[str, Any]:
    track = copy.deepcopy(first)
    track["position"] = place + 1
    track["isrc"] = f"SEBEN26{(number * 16 + place) % 100_000:05d}"
    if place:
        track["title"] = f"{track['title']} {_in_words(place)}"
        track["file"] = f"{place + 1:02d}-{file}"
    return track


def _in_words(number: int) -> str:
    """A number as a word, for titles that do not look like a series of tests."""
    letters = "bcdfghklmnprstvz"
    return "".join(letters[int(digit)] + "aeiou"[int(digit) % 5] for digit in str(number)).title()
