"""What the figures were taken on: the machine, its versions, its disk, and whose work its cores did meanwhile."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import platform
import resource
import shutil
import sqlite3
import subprocess
import threading
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")
_PACKAGES = ("django", "djangorestframework", "celery", "gunicorn", "av", "numpy")
_FSYNCS = 200
_FSYNC_BYTES = 4096


def describe(folder: Path) -> list[str]:
    """The head of a report: where and with what its figures were taken. ``folder`` is on the disk that counts."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    revision = _said("git", "-C", str(PROJECT), "describe", "--always", "--dirty")
    return [
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, revision {revision}",
        f"{os.cpu_count()} cores ({_processor()}), {memory:.1f} GB, Linux {platform.release()}",
        f"Python {platform.python_version()}, {packages}, SQLite {sqlite3.sqlite_version}",
        fpcalc_version(),
        f"{load()}; {fsync(folder)}",
    ]


def load() -> str:
    """The load average of the last minute: how many wanted the cores."""
    return f"load average {os.getloadavg()[0]:.1f}"


def fpcalc() -> str | None:
    """Where the peer is; Debian has it in libchromaprint-tools."""
    return shutil.which("fpcalc")


def fpcalc_version() -> str:
    found = fpcalc()
    return _said(found, "-version") if found else "fpcalc is not installed: our figures stand alone"


def fsync(folder: Path) -> str:
    """How long the disk takes to promise 4 kB, just now."""
    with Disk(folder, pause=0.0) as disk:
        while len(disk.times) < _FSYNCS:
            time.sleep(0.01)
    return disk.told()


class Disk:
    """Asks the disk to promise 4 kB, again and again while a ``with`` block runs: everybody's writing shows in it."""

    def __init__(self, folder: Path, pause: float = 0.2) -> None:
        self._path, self._pause = folder / "fsync", pause
        self.times: list[float] = []  # milliseconds

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._path.unlink()

    def told(self) -> str:
        p50, p90 = np.quantile(self.times, [0.5, 0.9])
        return f"fsync of 4 kB p50 {p50:.1f} ms, p90 {p90:.1f} ms, longest {max(self.times):.1f} ms"

    def _ask(self) -> None:
        with self._path.open("wb", buffering=0) as file:
            while not (self._over.is_set() and self.times):
                file.write(bytes(_FSYNC_BYTES))
                begun = time.perf_counter()
                os.fsync(file.fileno())
                self.times.append(1000 * (time.perf_counter() - begun))
                self._over.wait(self._pause)


def own_cpu() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Meter:
    """Whose work the cores did during a ``with`` block: a process tree's, this process's, everybody else's.

    CPU seconds. What a process of the tree did counts from when it joined, and stays when it has ended, because its
    parent inherits the account; only what a killed parent leaves behind is lost.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self.seconds = self.tree = self.own = self.others = 0.0

    def __enter__(self) -> Self:
        self.load = f"{os.getloadavg()[0]:.1f}"
        self._before = self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        passed = [after - before for after, before in zip(self._read(), self._before, strict=True)]
        self.seconds, busy, self.tree, self.own = passed
        self.others = max(0.0, busy - self.tree - self.own)

    def _read(self) -> tuple[float, float, float, float]:
        return time.monotonic(), _busy(), tree_cpu(self._root), own_cpu()

    def told(self) -> str:
        """Who had the cores, in cores."""
        cores = " + ".join(
            f"{cpu / self.seconds:.2f} {who}"
            for cpu, who in ((self.tree, "gate"), (self.own, "client"), (self.others, "everybody else"))
        )
        return f"{cores} of {os.cpu_count()} cores, load average {self.load} at the start"


def tree_cpu(root: int) -> float:
    """CPU seconds of a process and all its descendants, those that have ended included."""
    spent: dict[int, int] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended just now
            fields = path.read_text().rpartition(")")[2].split()  # see proc(5); the first is the state, number 3
            process = int(path.parent.name)
            spent[process] = sum(map(int, fields[11:15]))  # utime, stime, and those of children waited for
            children[int(fields[1])].append(process)
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        total += spent.get(process, 0)
        waiting += children[process]
    return total / _TICKS


def _busy() -> float:
    """Seconds that all cores together were not idle, since the machine started."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / _TICKS


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
