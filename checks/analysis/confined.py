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
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from checks.analysis import confine
from checks.analysis.confine import Limits

#: How a child ends that ran into its memory limit but could still say so; and one whose fault is ours.
_OUT_OF_MEMORY, _FAULT = 70, 71
#: A machine under full load gives us this share of a core, at worst; and starting Python takes its time as well.
_WALL_SECONDS_A_CPU_SECOND, _START_SECONDS = 3, 20.0
#: Beyond this the child is no longer the one we started.
_MAX_ANSWER = 32 << 20
#: A question of the child, or what is said to it: something to sign, a manifest to write.
_MAX_MESSAGE = 128 << 10
#: Bytes of a traceback that are kept.
_LAST_WORDS = 4000

#: As for audio, the catalogue of checks and all that it imports stay out of the process: its package has no front door.
_CHILD = """
import sys, types
house = types.ModuleType("checks")
house.__path__ = [sys.argv[1]]
sys.modules["checks"] = house
from checks.analysis.confined import main
main(*sys.argv[2:])
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
    limits = Limits(cpu_seconds, memory_bytes)
    process = _started(work, content, limits)
    return _ended(process, _said(process, _deadline(limits)))


def converse(
    work: str,
    content: BinaryIO,
    target: BinaryIO,
    request: bytes,
    reply: Callable[[bytes], bytes],
    *,
    limits: Limits,
) -> bytes:
    """The same for work that also writes into an open file, and asks back before it answers.

    Raises what ``run`` raises, and what ``reply`` does.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            process = _started(work, content, limits, (target.fileno(), theirs.fileno()))
        said = None
        try:
            ours.send(request)
            said = _said(process, _deadline(limits), ours, reply)
        except BrokenPipeError:  # it ended before it listened
            said = b""
        finally:
            if said is None:
                os.killpg(process.pid, signal.SIGKILL)
        return _ended(process, said)


def _deadline(limits: Limits) -> float:
    return time.monotonic() + _START_SECONDS + limits.cpu_seconds * _WALL_SECONDS_A_CPU_SECOND


def _started(
    work: str, content: BinaryIO, limits: Limits, descriptors: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    os.lseek(content.fileno(), 0, os.SEEK_SET)
    numbers = (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, *descriptors)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-S", "-c", _CHILD, str(_HOUSE), work, *map(str, numbers)],
        stdin=content.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        env=_bare_environment(),
        start_new_session=True,
    )


def _ended(process: subprocess.Popen[bytes], said: bytes | None) -> bytes:
    """See the child out, by force where it does not go, and judge what it said."""
    assert process.stdout is not None
    process.stdout.close()
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None and (said is None or not _ends_by_itself(process)):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return _judged(process.returncode, said)


def main(work: str, *numbers: str) -> None:
    """The child: import, shut in, work, answer, end."""
    cpu_seconds, memory_bytes, file_bytes, *descriptors = map(int, numbers)
    module_name, _, name = work.partition(":")
    module = importlib.import_module(module_name)
    function: Any = getattr(module, name)
    if hasattr(module, "warm_up"):
        module.warm_up()
    status = _FAULT
    try:
        started = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(started.ru_utime + started.ru_stime)
        confine.confine(Limits(cpu_seconds + spent, memory_bytes, file_bytes))
        with os.fdopen(0, "rb") as content:
            _write(_conversed(function, content, *descriptors) if descriptors else function(content))
        status = 0
    except MemoryError:
        status = _OUT_OF_MEMORY
    except BaseException:
        _write(traceback.format_exc().encode()[-_LAST_WORDS:])
    finally:
        os._exit(status)


def _conversed(function: Any, content: BinaryIO, target: int, channel: int) -> bytes:
    request = os.read(channel, _MAX_MESSAGE)

    def ask(question: bytes) -> bytes:
        os.write(channel, question)
        return os.read(channel, _MAX_MESSAGE)

    # Never closed: the work flushes what counts, and closing would try again to write what a full disk did not take.
    answer: bytes = function(content, os.fdopen(target, "r+b"), request, ask)
    return answer


def _judged(returncode: int, said: bytes | None) -> bytes:
    if said is None or returncode == -signal.SIGXCPU:
        raise Ended(Ending.TIMEOUT)
    if returncode == _FAULT:
        raise Ended(Ending.FAULT, said[-_LAST_WORDS:].decode(errors="replace"))
    if returncode != 0 or len(said) > _MAX_ANSWER:
        raise Ended(Ending.KILLED)
    return said


def _said(
    process: subprocess.Popen[bytes],
    deadline: float,
    channel: socket.socket | None = None,
    reply: Callable[[bytes], bytes] | None = None,
) -> bytes | None:
    """All that the child says, or more than it may say; None where it takes too long. Its questions are answered."""
    assert process.stdout is not None
    pipe, parts = process.stdout.fileno(), list[bytes]()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if channel is not None:
        poll.register(channel, select.POLLIN)
    while sum(map(len, parts)) <= _MAX_ANSWER:
        ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
        if not ready:
            return None
        if channel is not None and channel.fileno() in ready:
            question = channel.recv(_MAX_MESSAGE)
            if question and reply is not None:
                channel.send(reply(question))
            else:
                poll.unregister(channel)
                channel = None
            continue
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
