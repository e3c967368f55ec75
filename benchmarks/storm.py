"""Faults on purpose: every message twice and out of order, or the workers killed again and again.

    python -m benchmarks.storm twice --submissions 300
    python -m benchmarks.storm kills --submissions 500 --kills 25

Both take ``--database postgres://…`` and ``--redis redis://…`` (default: the embedded parts), run in a folder of their
own that is removed afterwards, print one line of figures, and end with 1 when anything was lost or done twice.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import gate

SOUNDS = 20
SECONDS = 32.0
#: Nothing takes longer than three leases; what is not terminal by then hangs.
PATIENCE = 600.0


def main() -> int:
    arguments = _arguments()
    data = Path(tempfile.mkdtemp(prefix="gate-storm-"))
    os.environ |= {"GATE_DATA": str(data), "DJANGO_SETTINGS_MODULE": "config.settings"}
    if arguments.database:
        os.environ["DATABASE_URL"] = arguments.database
    if arguments.redis:
        os.environ["REDIS_URL"] = arguments.redis
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if arguments.database:
        call_command("flush", interactive=False, verbosity=0)
    try:
        return {"twice": twice, "kills": kills}[arguments.fault](arguments, data)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def twice(arguments: argparse.Namespace, data: Path) -> int:
    """Threads answer every bell twice, in any order."""
    from django.db import connections

    from intake import tasks
    from intake.core import enqueue as queue
    from intake.services.people import accounts
    from intake.services.submissions import submission_actions

    rung: list[tuple[str, tuple[str, ...]]] = []
    lock, order, answered = threading.Lock(), random.Random(arguments.seed), [0]

    def enqueue(name: str, *task_arguments: str) -> None:
        from django.db import transaction

        transaction.on_commit(lambda: rung.extend([(name, task_arguments)] * 2))

    queue.enqueue_task = enqueue
    began = time.monotonic()
    label, _ = accounts.create_label("Storm Records")
    for document, audio, cover in releases(arguments.submissions, data):
        files = {"01.mp3": blob_of(audio), "cover.png": blob_of(cover)}
        submission_actions.submit_delivery(label, document, files)

    def answer() -> None:
        idle = 0
        while idle < 300:
            with lock:
                call = rung.pop(order.randrange(len(rung))) if rung else None
            if call is None:
                idle += 1
                time.sleep(0.01)
                continue
            idle = 0
            answered[0] += 1
            getattr(tasks, call[0].removeprefix("intake.")).run(*call[1])
        connections.close_all()

    threads = [threading.Thread(target=answer) for _ in range(arguments.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return report(arguments, time.monotonic() - began, f"{answered[0]} messages answered, each sent twice")


def kills(arguments: argparse.Namespace, data: Path) -> int:
    """The gate as ``make run`` starts it; its whole worker group is killed again and again."""
    from intake.services.people import accounts

    _, key = accounts.create_label("Storm Records")
    began = time.monotonic()
    with gate.running(data) as running:
        done = threading.Event()
        killer = threading.Thread(target=kill_workers, args=(arguments, data, done))
        killer.start()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for answer in pool.map(lambda one: post(running.url, key, *one), releases(arguments.submissions, data)):
                assert answer == 202, answer
        wait_for_all(arguments.submissions)
        done.set()
        killer.join()
        wait_for_all(arguments.submissions)
    return report(arguments, time.monotonic() - began, f"{arguments.killed} kill -9 of the worker group")


def kill_workers(arguments: argparse.Namespace, data: Path, done: threading.Event) -> None:
    arguments.killed = 0
    order = random.Random(arguments.seed)
    while arguments.killed < arguments.kills and not done.wait(order.uniform(1.0, arguments.interval * 2)):
        for group in worker_groups(data):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
                arguments.killed += 1


def worker_groups(data: Path) -> set[int]:
    """Process groups of the Celery workers that belong to this gate."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().split(b"\0")
            mine = f"GATE_DATA={data}".encode() in (process / "environ").read_bytes().split(b"\0")
            if mine and b"worker" in command:
                found.add(os.getpgid(int(process.name)))
    return found


def releases(count: int, data: Path) -> Iterator[tuple[dict[str, object], bytes, bytes]]:
    """Deliveries with a sound of their own each: every file is measured, none is free."""
    import datetime as dt

    from intake.demo import covers, sounds
    from intake.demo.releases import build_demo_document

    covers.paint_demo_cover(1, data / "cover.png")
    cover = (data / "cover.png").read_bytes()
    encoded = []
    for seed in range(min(SOUNDS, count)):
        path = data / f"{seed}.mp3"
        sounds.encode_demo_audio(sounds.compose_demo_piece(seed, SECONDS), 44100, path, codec="mp3", bitrate=128_000)
        encoded.append(path.read_bytes())
    out = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    for number in range(count):
        made = build_demo_document(f"Storm {number}", number, out, file="01.mp3")
        tag = f"TAG{number}".encode().ljust(128, b"\0")  # ID3v1: another file, the same sound
        yield made, encoded[number % len(encoded)] + tag, cover


def blob_of(content: bytes) -> object:
    from intake.services.storage.blobs import Incoming

    incoming = Incoming()
    incoming.write(content)
    return incoming.keep()


def post(url: str, key: str, document: dict[str, object], audio: bytes, cover: bytes) -> int:
    import urllib3

    fields = {
        "metadata": ("metadata", json.dumps(document), "application/json"),
        "01.mp3": ("01.mp3", audio, "audio/mpeg"),
        "cover.png": ("cover.png", cover, "image/png"),
    }
    headers = {"Authorization": f"Bearer {key}"}
    return urllib3.request("POST", f"{url}/api/v1/submissions", fields=fields, headers=headers, timeout=60).status


def wait_for_all(count: int) -> None:
    from intake.core.states import State
    from intake.models import Submission

    deadline = time.monotonic() + PATIENCE
    waiting = Submission.objects.filter(state__in=(State.RECEIVED, State.CHECKING))
    while time.monotonic() < deadline and (Submission.objects.count() < count or waiting.exists()):
        time.sleep(0.5)


def report(arguments: argparse.Namespace, seconds: float, fault: str) -> int:
    from django.core.management import call_command
    from django.db import connection
    from django.db.models import Count

    from intake.core.states import State
    from intake.models import Decision, Event, Submission

    states = dict(Submission.objects.values_list("state").annotate(Count("pk")))
    open_ = states.get(State.RECEIVED, 0) + states.get(State.CHECKING, 0)
    submitted = Submission.objects.count()
    double = Decision.objects.values("submission").annotate(n=Count("pk")).filter(n__gt=1).count()
    ends = ("submission.approved", "submission.labelled", "submission.in_review")
    double += Event.objects.filter(type__in=ends).values("submission").annotate(n=Count("pk")).filter(n__gt=1).count()
    lost = arguments.submissions - submitted
    print(
        f"{connection.vendor}: {submitted} submitted, {submitted - open_} terminal, {lost + open_} lost, "
        f"{double} double decisions, {fault}, {seconds:.0f} s, load {os.getloadavg()[0]:.1f}; {states}"
    )
    try:
        call_command("check_invariants")
    except SystemExit as end:
        return int(bool(end.code))
    return int(bool(lost + open_ + double))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fault", choices=("twice", "kills"))
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--interval", type=float, default=4.0, help="mean seconds between kills")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="a database that may be emptied")
    parser.add_argument("--redis")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
