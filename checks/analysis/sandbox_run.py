"""Runs one of our functions over a stranger's bytes, in a process of its own that is shut in first and ends after it.

Audio has a warm process, because there is so much of it (``child``). What comes once a release, a message or a cover,
gets a fresh one: it starts in a tenth of a second, and there is nothing to keep.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
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
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from checks.analysis import sandbox
from checks.analysis.errors import AnalysisFailed, AnalysisUnavailable, cause_of
from checks.analysis.sandbox import Isolation, Level, Limits

#: How a child ends that ran into its memory limit but could still say so; one with failing code; and one that could
#: not be isolated as demanded.
_OUT_OF_MEMORY, _FAULT, _NOT_ISOLATED = 70, 71, 72
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
from checks.analysis.sandbox_run import run_child
run_child(*sys.argv[2:])
"""
_HOUSE = Path(__file__).resolve().parents[1]

_log = logging.getLogger(__name__)


class Ending(StrEnum):
    """Why a child gave no answer."""

    KILLED = "killed"  # it crashed, or asked for more memory than it may
    TIMEOUT = "timeout"  # it took more time than it may
    FAULT = "fault"  # our own code or this machine failed: the detail is a traceback, or says what


class Ended(Exception):
    """The child ended without an answer."""

    def __init__(self, ending: Ending, detail: str = "") -> None:
        self.ending, self.detail = ending, detail
        super().__init__(f"{ending.value} {detail}".strip())


def run_sandboxed(work: str, content: BinaryIO, known: Path, *, cpu_seconds: int, memory_bytes: int) -> bytes:
    """Return what ``work`` ("module:function", imported before the child is isolated) answers to an open file.

    ``known`` is a sample that ``work`` is able to answer; it is tried where there is no answer to ``content``.
    Raises Ended where the file is why there is no answer; AnalysisFailed where our own code fails on this file alone,
    and AnalysisUnavailable where it fails on the sample, too, or no process can be started.
    """
    limits = Limits(cpu_seconds, memory_bytes)
    try:
        return run_sandboxed_once(work, content, limits)
    except Ended as ended:
        with known.open("rb") as sample:
            raise blame_file_or_gate(ended, lambda: run_sandboxed_once(work, sample, limits)) from None


def run_sandboxed_once(work: str, content: BinaryIO, limits: Limits, isolation: Isolation | None = None) -> bytes:
    """The same without a sample. Raises Ended where there is no answer, for whatever reason."""
    process = _start_child(work, content, limits, isolation=isolation)
    return _finish_child(process, _read_child_answer(process, _compute_deadline(limits)))


def blame_file_or_gate(ended: Ended, attempt: Callable[[], object]) -> Ended | AnalysisFailed:
    """Return what to raise for work that ended without an answer; ``attempt`` does the same work on a known sample.

    It is ``ended`` itself where the file caused it, and AnalysisFailed where a defect of ours shows on this file alone.
    Raises AnalysisUnavailable where the sample fares no better.
    """
    try:
        attempt()
    except Ended as again:
        first = ended if ended.ending is Ending.FAULT else again
        _log.error("sandboxed work fails on a known sample:\n%s", first)
        raise AnalysisUnavailable(cause_of(first.detail) or str(first)) from ended
    if ended.ending is not Ending.FAULT:
        return ended
    _log.error("sandboxed work failed:\n%s", ended.detail)
    return AnalysisFailed(cause_of(ended.detail))


def converse_sandboxed(
    work: str,
    content: BinaryIO,
    target: BinaryIO,
    request: bytes,
    reply: Callable[[bytes], bytes],
    *,
    limits: Limits,
) -> bytes:
    """Like ``run_once``, for work that also writes into an open file, and asks back before it answers.

    Raises what ``run_once`` raises, and what ``reply`` does.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            process = _start_child(work, content, limits, (target.fileno(), theirs.fileno()))
        said = None
        try:
            ours.send(request)
            said = _read_child_answer(process, _compute_deadline(limits), ours, reply)
        except BrokenPipeError:  # it ended before it listened
            said = b""
        finally:
            if said is None:
                os.killpg(process.process.pid, signal.SIGKILL)
        return _finish_child(process, said)


def _compute_deadline(limits: Limits) -> float:
    return time.monotonic() + _START_SECONDS + limits.cpu_seconds * _WALL_SECONDS_A_CPU_SECOND


@dataclass(frozen=True, slots=True)
class _Child:
    """A process, and the end of what it and the interpreter write to standard error."""

    process: subprocess.Popen[bytes]
    errors: BinaryIO


def _start_child(
    work: str,
    content: BinaryIO,
    limits: Limits,
    descriptors: tuple[int, ...] = (),
    isolation: Isolation | None = None,
) -> _Child:
    os.lseek(content.fileno(), 0, os.SEEK_SET)
    wanted = isolation or sandbox.demanded_isolation()
    within = (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes)
    numbers = (*within, wanted.level, wanted.uid, wanted.gid, *descriptors)
    errors = os.fdopen(os.memfd_create("sandbox-errors"), "w+b")  # in memory: a full disk must not matter
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-S", "-c", _CHILD, str(_HOUSE), work, *map(str, numbers)],
            stdin=content.fileno(),
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=descriptors,
            env=_bare_environment(),
            start_new_session=True,
        )
    except OSError as error:
        errors.close()
        raise AnalysisUnavailable(f"no sandboxed process can be started: {error!r}") from error
    return _Child(process, errors)


def _finish_child(child: _Child, said: bytes | None) -> bytes:
    """See the child out, by force where it does not go, and judge what it said."""
    process, forced = child.process, False
    assert process.stdout is not None
    process.stdout.close()
    with child.errors:
        if process.poll() is None and (said is None or not _ends_by_itself(process)):
            forced = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        child.errors.seek(max(0, child.errors.seek(0, os.SEEK_END) - _LAST_WORDS))
        errors = child.errors.read().decode(errors="replace")
    return _judge_child_answer(process.returncode, said, forced, errors)


def run_child(work: str, *numbers: str) -> None:
    """The child: import, isolate, work, answer, end."""
    cpu_seconds, memory_bytes, file_bytes, level, uid, gid, *descriptors = map(int, numbers)
    status = _FAULT
    try:
        module_name, _, name = work.partition(":")
        module = importlib.import_module(module_name)
        function: Any = getattr(module, name)
        if hasattr(module, "warm_up"):
            module.warm_up()
        started = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(started.ru_utime + started.ru_stime)
        limits = Limits(cpu_seconds + spent, memory_bytes, file_bytes)
        sandbox.isolate_process(limits, Isolation(Level(level), uid, gid))
        with os.fdopen(0, "rb") as content:
            _write_stdout(_run_conversing_work(function, content, *descriptors) if descriptors else function(content))
        status = 0
    except MemoryError:
        status = _OUT_OF_MEMORY
    except sandbox.NotIsolated as refusal:
        _write_stdout(str(refusal).encode())
        status = _NOT_ISOLATED
    except BaseException:
        _write_stdout(traceback.format_exc().encode()[-_LAST_WORDS:])
    finally:
        os._exit(status)


def _run_conversing_work(function: Any, content: BinaryIO, target: int, channel: int) -> bytes:
    request = os.read(channel, _MAX_MESSAGE)

    def ask(question: bytes) -> bytes:
        os.write(channel, question)
        return os.read(channel, _MAX_MESSAGE)

    # Never closed: the work flushes what counts, and closing would try again to write what a full disk did not take.
    answer: bytes = function(content, os.fdopen(target, "r+b"), request, ask)
    return answer


def _judge_child_answer(returncode: int, said: bytes | None, forced: bool, errors: str) -> bytes:
    if said is None or returncode == -signal.SIGXCPU:
        raise Ended(Ending.TIMEOUT, errors)
    if returncode in (_FAULT, _NOT_ISOLATED):
        raise Ended(Ending.FAULT, said[-_LAST_WORDS:].decode(errors="replace"))
    if returncode == -signal.SIGKILL and not forced:  # no file can cause it
        raise Ended(Ending.FAULT, "the sandboxed process was killed from outside (SIGKILL)")
    if returncode != 0 or len(said) > _MAX_ANSWER:
        raise Ended(Ending.KILLED, errors.strip() or f"status {returncode}")
    return said


def _read_child_answer(
    child: _Child,
    deadline: float,
    channel: socket.socket | None = None,
    reply: Callable[[bytes], bytes] | None = None,
) -> bytes | None:
    """All that the child says, or more than it may say; None where it takes too long. Its questions are answered."""
    assert child.process.stdout is not None
    pipe, parts = child.process.stdout.fileno(), list[bytes]()
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


def _write_stdout(content: bytes) -> None:
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
