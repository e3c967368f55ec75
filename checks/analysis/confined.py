"""Runs one of our functions over a stranger's bytes, in a process of its own that is shut in first and ends after it.

Audio has a warm process, because there is so much of it (``child``). What comes once a release, a message or a cover,
gets a fresh one: it starts in a tenth of a second, and there is nothing to keep.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from checks.analysis import confine

#: A function of ours as the child runs it: bytes in, an answer out.
Work = Callable[[BinaryIO], bytes]

#: How a child ends that ran into its memory limit but could still say so; and one whose fault is ours.
_OUT_OF_MEMORY, _FAULT = 70, 71
#: A machine under full load gives us this share of a core, at worst; and starting Python takes its time as well.
_WALL_SECONDS_A_CPU_SECOND, _START_SECONDS = 3, 20.0
#: Beyond this the child is no longer the one we started.
_MAX_ANSWER = 32 << 20
#: Bytes of a traceback that are kept.
_LAST_WORDS = 4000

#: As for audio, the catalogue of checks and all that it imports stay out of the process: its package has no front door.
_CHILD = """
import sys, types
house = types.ModuleType("checks")
house.__path__ = [sys.argv[1]]
sys.modules["checks"] = house
from checks.analysis.confined import main
main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""
_HOUSE = Path(__file__).resolve().parents[1]


class Ending(StrEnum):
    """Why a child gave no answer."""

    KILLED = "killed"  # it crashed, or asked for more memory than it may
    TIMEOUT = "timeout"  # it took more time than it may
    FAULT = "fault"  # our own function stumbled: the detail is a traceback


class Ended(Exception):
    """The child ended without an answer."""

    def __init__(self, ending: Ending, detail: str = "") -> None:
        self.ending, self.detail = ending, detail
        super().__init__(f"{ending.value} {detail}".strip())


def run(work: str, content: BinaryIO, *, cpu_seconds: int, memory_bytes: int) -> bytes:
    """What ``work`` ("module:function", imported before the child is shut in) answers to an open file.

    Raises Ended where there is no answer, and OSError where no process can be started.
    """
    os.lseek(content.fileno(), 0, os.SEEK_SET)
    arguments = [str(_HOUSE), work, str(cpu_seconds), str(memory_bytes)]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-S", "-c", _CHILD, *arguments],
        stdin=content.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_bare_environment(),
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as answer:
        try:
            said = _read(answer.fileno(), time.monotonic() + _START_SECONDS + cpu_seconds * _WALL_SECONDS_A_CPU_SECOND)
        finally:
            with contextlib.suppress(ProcessLookupError):
                if process.poll() is None and not _ends_by_itself(process):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return _judged(process.returncode, said)


def main(work: str, cpu_seconds: int, memory_bytes: int) -> None:
    """The child: import, shut in, work, answer, end."""
    module, _, name = work.partition(":")
    function: Work = getattr(importlib.import_module(module), name)
    status = _FAULT
    try:
        started = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(started.ru_utime + started.ru_stime)
        confine.confine(confine.Limits(cpu_seconds + spent, memory_bytes))
        with os.fdopen(0, "rb") as content:
            _write(function(content))
        status = 0
    except MemoryError:
        status = _OUT_OF_MEMORY
    except BaseException:
        _write(traceback.format_exc().encode()[-_LAST_WORDS:])
    finally:
        os._exit(status)


def _judged(returncode: int, said: bytes | None) -> bytes:
    if said is None or returncode == -signal.SIGXCPU:
        raise Ended(Ending.TIMEOUT)
    if returncode == _FAULT:
        raise Ended(Ending.FAULT, said[-_LAST_WORDS:].decode(errors="replace"))
    if returncode != 0 or len(said) > _MAX_ANSWER:
        raise Ended(Ending.KILLED)
    return said


def _read(pipe: int, deadline: float) -> bytes | None:
    """All that the child says, or more than it may say; None where it takes too long."""
    parts: list[bytes] = []
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while sum(map(len, parts)) <= _MAX_ANSWER:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return None
        part = os.read(pipe, 1 << 20)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def _ends_by_itself(process: subprocess.Popen[bytes]) -> bool:
    """Whether a child that has closed its answer ends within a moment."""
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        return False
    return True


def _write(content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(1, view) :]


def _bare_environment() -> dict[str, str]:
    """What the child needs to import the same code, and no secret of ours."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
