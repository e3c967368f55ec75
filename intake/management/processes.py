"""One supervisor for several programs: starts them, shows what they say, restarts what dies, and stops them all."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import logging.handlers
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

#: Seconds until the first restart of a program that died; doubled at each death, up to the second.
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0
#: A program that ran this long (seconds) before it died starts again with the first pause.
_STEADY_AFTER = 10.0
#: Seconds the loop sleeps when no program says anything: how late a death is noticed at most.
_TICK = 0.1
#: What one program may write to its log file before the file is turned over, and how many old ones are kept.
_LOG_BYTES = 10_000_000
_LOGS_KEPT = 3

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: a name for the log, a command line, and how long it may take to stop (seconds)."""

    name: str
    command: Sequence[str]
    grace: float = 5.0


@dataclass(slots=True)
class _Child:
    """A program as it runs, or waits to be started again."""

    program: Program
    log: logging.Handler
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    pause: float = _FIRST_PAUSE
    unfinished: bytes = field(default=b"")


class Supervisor:
    """Runs programs until SIGTERM or SIGINT.

    Each program leads a session of its own, so that whatever it started can be killed with it. On Linux the programs
    die with the supervisor, even if that is killed.
    """

    def __init__(self, programs: Sequence[Program], logs: Path, out: TextIO, prefix: bool = True) -> None:
        self._children = [_Child(program, _turning_log(logs / f"{program.name}.log")) for program in programs]
        self._out = out
        self._width = max(len(program.name) for program in programs) if prefix else 0
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def run(self) -> None:
        with self._on_signals():
            while not self._stopping:
                for child in self._children:
                    self._keep_running(child)
                self._show(_TICK)
            self._stop_all()

    @contextlib.contextmanager
    def _on_signals(self) -> Iterator[None]:
        def stop(*_: object) -> None:
            self._stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for child in self._children:
                _kill_group(child)
                child.log.close()
            self._selector.close()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _keep_running(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            self._bury(child, now)
        if child.process is None and now >= child.start_at:
            self._start(child, now)

    def _start(self, child: _Child, now: float) -> None:
        parent = os.getpid()
        child.process = subprocess.Popen(  # noqa: S603 - the command lines are our own
            child.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - this process has one thread
        )
        child.started_at = now
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _bury(self, child: _Child, now: float) -> None:
        """A program died by itself: what it started must go before it may start again."""
        assert child.process is not None
        _kill_group(child)
        if now - child.started_at >= _STEADY_AFTER:
            child.pause = _FIRST_PAUSE
        self._say(child, f"ended with {child.process.returncode}; starting again in {child.pause:g} s".encode())
        self._forget(child)
        child.start_at = now + child.pause
        child.pause = min(2 * child.pause, _LONGEST_PAUSE)

    def _forget(self, child: _Child) -> None:
        if child.process is not None and child.process.stdout is not None:
            self._read(child)
            self._selector.unregister(child.process.stdout)
            child.process.stdout.close()
        child.process = None

    def _stop_all(self) -> None:
        """Ask every program to end, and kill the group of each that takes longer than its grace."""
        asked_at = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        while running := [child for child in self._children if child.process is not None]:
            self._show(_TICK)
            for child in running:
                assert child.process is not None
                late = time.monotonic() - asked_at > child.program.grace
                if late and child.process.poll() is None:
                    self._say(child, b"did not stop in time; killed")
                if late or child.process.poll() is not None:
                    _kill_group(child)
                    self._forget(child)

    def _show(self, timeout: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout)
            return
        for key, _ in self._selector.select(timeout):
            if not self._read(key.data):
                # Its end of the pipe is closed: no more to hear, and it would wake us all the time.
                time.sleep(timeout)

    def _read(self, child: _Child) -> bool:
        """Show what a program has said so far; False at the end."""
        assert child.process is not None
        assert child.process.stdout is not None
        try:
            chunk = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, child.unfinished = (child.unfinished + chunk).split(b"\n")
        for line in lines:
            self._say(child, line)
        return bool(chunk)

    def _say(self, child: _Child, line: bytes) -> None:
        text = line.decode(errors="replace")
        child.log.handle(logging.makeLogRecord({"msg": text}))
        name = f"{child.program.name:<{self._width}} | " if self._width else ""
        with contextlib.suppress(BrokenPipeError):  # the reader has gone; the log file has the text
            print(name + text, file=self._out, flush=True)


def _turning_log(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    return logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOGS_KEPT, delay=True)


def _kill_group(child: _Child) -> None:
    if child.process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()


def _die_with(parent: int) -> None:
    """Run in the new child before the program: the kernel kills it when the supervisor ends in whatever way."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(1)
