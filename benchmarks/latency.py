"""How long the API lets a client wait: requests arrive when they please, whether or not earlier ones were answered.

Open loop: arrivals are drawn beforehand (Poisson), and every latency counts from the arrival, not from when a client
found time to send. A gate that stalls is so charged with everybody who waits meanwhile.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import urllib3

from benchmarks import gate, machine
from benchmarks.report import Table
from intake.demo import sounds

COMMAND = "python -m benchmarks latency"
RATE = 64.0  # requests a second that two cores are to hold
SLOW_UPLOADS, SLOW_BYTES_A_SECOND = 16, 200
_LABELS = 8
_CLIENTS = 64  # requests under way at most; more would be late, and counted as such
_ALBUM_TRACKS = 10
_SMALL_SECONDS = 30.0
_PIECES = 40
_GIVE_UP = 30.0
_WARM_UP = 3.0  # seconds of requests that are not counted: each process reads its modules at the first

Call = Callable[[], str]  # sends one request; what was wrong with the answer, '' for nothing


@dataclass(frozen=True)
class Sample:
    """One request: its kind, seconds from its arrival to the end of its answer, what was wrong with that (or '')."""

    kind: str
    seconds: float
    problem: str


def run(folder: Path, seconds: float = 20.0) -> list[Table]:
    """Start a gate and put several kinds of load on it, one after the other."""
    place = folder / "latency"
    place.mkdir()
    with gate.running(folder) as target:
        client = Client(target.url, gate.keys(_LABELS), place)
        client.make_readable()
        with machine.Meter(target.pid) as idle:
            time.sleep(5)
        reads, drafts = {"GET": RATE / 2}, {"POST draft": RATE / 2}
        loads: list[tuple[str, Mapping[str, float]]] = [
            (f"{RATE / 2:.0f} reads/s", reads),
            (f"{RATE / 2:.0f} drafts/s", drafts),
            (f"{RATE:.0f}/s, half and half", reads | drafts),
            (f"{RATE / 2:.0f} reads/s, 1 delivery/s", reads | {"POST delivery": 1.0}),
        ]
        rows = []
        open_loop(reads | drafts, _WARM_UP, client.calls())
        for name, rates in loads:
            rows += _leg(name, rates, seconds, client, target.pid, idle, folder)
        with slow_uploads(client) as held:
            name = f"{RATE / 2:.0f} reads/s, {SLOW_UPLOADS} slow uploads"
            rows += _leg(name, reads, seconds, client, target.pid, idle, folder)
            open_ = held()
    return [_table(rows, seconds, idle, open_)]


# --- The loop -----------------------------------------------------------------------------------------------------


def open_loop(
    rates: Mapping[str, float], seconds: float, calls: Mapping[str, Call], clients: int = _CLIENTS, seed: int = 1
) -> list[Sample]:
    """Make calls at random moments, so many a second of each kind, and time each from its moment on."""
    arrivals = iter(arrivals_of(rates, seconds, random.Random(seed)))
    samples: list[Sample] = []
    lock = threading.Lock()
    began = time.perf_counter() + 0.1

    def work() -> None:
        while True:
            with lock:
                at, kind = next(arrivals, (None, ""))
            if at is None:
                return
            time.sleep(max(0.0, began + at - time.perf_counter()))
            try:
                problem = calls[kind]()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                problem = repr(error)
            samples.append(Sample(kind, time.perf_counter() - began - at, problem))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return samples


def arrivals_of(rates: Mapping[str, float], seconds: float, dice: random.Random) -> list[tuple[float, str]]:
    """When what arrives, in order: independent Poisson processes."""
    found = []
    for kind, rate in rates.items():
        at = dice.expovariate(rate)
        while at < seconds:
            found.append((at, kind))
            at += dice.expovariate(rate)
    return sorted(found)


def _leg(
    name: str, rates: Mapping[str, float], seconds: float, client: Client, pid: int, idle: machine.Meter, folder: Path
) -> list[list[str]]:
    """Rows of the table: one load, each kind of request in it."""
    with machine.Disk(folder) as disk, machine.Meter(pid) as meter:
        samples = open_loop(rates, seconds, client.calls())
    by_kind = defaultdict(list)
    for sample in samples:
        by_kind[sample.kind].append(sample)
    beyond_idle = meter.tree - idle.tree / idle.seconds * meter.seconds
    whole = [
        f"{1000 * beyond_idle / len(samples):.1f}",
        f"{meter.tree / meter.seconds:.2f}",
        f"{meter.others / meter.seconds:.2f}",
        meter.load,
        f"{np.quantile(disk.times, 0.9):.1f}, {max(disk.times):.0f}",
    ]
    for problem in sorted({sample.problem for sample in samples} - {""}):
        print(f"{name}: {problem}", file=sys.stderr)
    return [[name, kind, *_quantiles(by_kind[kind]), *whole] for kind in rates]


def _quantiles(samples: Sequence[Sample]) -> list[str]:
    """How many, p50, p90, p99, errors; an error counts with the time after which it came."""
    p50, p90, p99 = np.quantile([1000 * sample.seconds for sample in samples], [0.5, 0.9, 0.99])
    wrong = sum(bool(item.problem) for item in samples)
    return [str(len(samples)), f"{p50:.0f}", f"{p90:.0f}", f"{p99:.0f}", str(wrong)]


def _table(rows: Sequence[Sequence[str]], seconds: float, idle: machine.Meter, open_: int) -> Table:
    return Table(
        "Latency of the API under an open loop, ms",
        COMMAND,
        (
            "load",
            "request",
            "sent",
            "p50",
            "p90",
            "p99",
            "errors",
            "CPU ms each",
            "gate",
            "others",
            "load average",
            "fsync",
        ),
        rows,
        [
            f"Poisson arrivals over {seconds:.0f} s, latency from the arrival on. GET: a decided single. POST draft: "
            f"an album of {_ALBUM_TRACKS} tracks. POST delivery: a single with {_SMALL_SECONDS:.0f} s of FLAC, "
            f"measured meanwhile. Slow uploads: {SLOW_BYTES_A_SECOND} bytes/s each; {open_} of {SLOW_UPLOADS} were "
            "still open at the end.",
            f"Goals: {RATE:.0f}/s with p99 under 100 ms (GET) and 300 ms (POST) and no errors; beside slow uploads "
            "GET p99 under 300 ms.",
            "CPU ms each: of the whole gate, beyond what it takes idle, over all requests of the load. gate, others: "
            f"cores that the gate and everybody but it and the client had, of {os.cpu_count()}. load: load average at "
            "the start. fsync: of 4 kB, p90 and the longest meanwhile, ms.",
            f"Idle, the gate takes {idle.tree / idle.seconds:.2f} cores.",
        ],
    )


# --- What is asked ------------------------------------------------------------------------------------------------


class Client:
    """Several labels' clients: each request goes out under the next label's key."""

    def __init__(self, url: str, keys: Sequence[str], folder: Path) -> None:
        self.url = url
        self._http = urllib3.PoolManager(maxsize=_CLIENTS, timeout=_GIVE_UP, retries=False)
        self._keys = keys
        self._numbers = itertools.count(20_000)
        self._readable: list[tuple[str, str]] = []  # address, key
        self._cover = gate.cover(folder / "cover.png").read_bytes()
        self._audio = [_small(folder / f"{number}.flac", 5000 + number) for number in range(_PIECES)]

    def calls(self) -> dict[str, Call]:
        """One request of each kind."""
        return {"GET": self.read, "POST draft": self.draft, "POST delivery": self.deliver}

    def make_readable(self) -> None:
        """Deliver a single for every label and wait until it is decided."""
        for key in self._keys:
            made = self._deliver(key)
            if made.status != 202:
                raise RuntimeError(f"a delivery was answered with {made.status}: {made.data[:500]!r}")
            self._readable.append((f"{self.url}/api/v1/submissions/{made.json()['id']}", key))
        deadline = time.monotonic() + 120
        for address, key in self._readable:
            while self._get(address, key).json()["state"] in ("received", "checking"):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{address} is not decided")
                time.sleep(0.2)

    def read(self) -> str:
        return _other_than(200, self._get(*random.choice(self._readable)))

    def draft(self) -> str:
        return _other_than(201, self.open_draft()[0])

    def deliver(self) -> str:
        return _other_than(202, self._deliver(random.choice(self._keys)))

    def open_draft(self) -> tuple[urllib3.BaseHTTPResponse, str]:
        """The answer to a new draft, and the key that may send its files."""
        key = random.choice(self._keys)
        document = gate.release(next(self._numbers), "01.flac", _ALBUM_TRACKS)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        body = json.dumps(document).encode()
        return self._http.request("POST", f"{self.url}/api/v1/submissions", body=body, headers=headers), key

    def _deliver(self, key: str) -> urllib3.BaseHTTPResponse:
        number = next(self._numbers)
        fields: dict[str, Any] = {
            "metadata": ("metadata", json.dumps(gate.release(number, "01.flac")), "application/json"),
            "01.flac": ("01.flac", self._audio[number % len(self._audio)], "audio/flac"),
            "cover.png": ("cover.png", self._cover, "image/png"),
        }
        headers = {"Authorization": f"Bearer {key}"}
        return self._http.request("POST", f"{self.url}/api/v1/submissions", fields=fields, headers=headers)

    def _get(self, address: str, key: str) -> urllib3.BaseHTTPResponse:
        return self._http.request("GET", address, headers={"Authorization": f"Bearer {key}"})


def _other_than(expected: int, answer: urllib3.BaseHTTPResponse) -> str:
    return "" if answer.status == expected else f"{answer.status} {answer.data[:300]!r}"


@contextlib.contextmanager
def slow_uploads(client: Client, count: int = SLOW_UPLOADS) -> Iterator[Callable[[], int]]:
    """Uploads that trickle while the block runs; yields how many of them the gate still listens to."""
    senders = [_begin_upload(client) for _ in range(count)]
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.1):
            for sender in senders:
                with contextlib.suppress(OSError):  # counted by ``listening``
                    sender.send(bytes(SLOW_BYTES_A_SECOND // 10))

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield lambda: sum(map(listening, senders))
    finally:
        over.set()
        thread.join()
        for sender in senders:
            sender.close()


def listening(sender: socket.socket) -> bool:
    """Whether the other end has neither hung up nor answered before all was sent."""
    try:
        sender.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _begin_upload(client: Client) -> socket.socket:
    answer, key = client.open_draft()
    address = urlsplit(answer.json()["uploads"][0]["url"])
    sender = socket.create_connection((address.hostname or "127.0.0.1", address.port or 80))
    head = f"PUT {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
    sender.sendall(f"{head}Content-Type: audio/flac\r\nContent-Length: 10000000\r\n\r\n".encode())
    return sender


def _small(path: Path, seed: int) -> bytes:
    return sounds.encode_demo_audio(sounds.compose_demo_piece(seed, _SMALL_SECONDS), 44100, path).read_bytes()
