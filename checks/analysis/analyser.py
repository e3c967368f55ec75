"""Hands audio files to the shut-in child and brings back what it measured, whatever the file does to the child."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from checks.analysis import known_samples, protocol, sandbox
from checks.analysis.errors import AnalysisFailed, AnalysisUnavailable, cause_of
from checks.analysis.facts_json import (
    UNREADABLE,
    Failure,
    Note,
    build_failed_facts,
    facts_from_json,
    provenance_from_json,
)
from checks.model.release import AudioFacts, CredentialState, Explanation

#: A three-minute track takes half a second; this lets two hours through, and more for files that are really that long.
_CPU_SECONDS, _MAX_CPU_SECONDS = 20, 120
_BYTES_A_CPU_SECOND = 4 << 20
#: A machine under full load gives us this share of a core, at worst.
_WALL_SECONDS_A_CPU_SECOND = 4
#: The pass needs some 60 MB beyond the warm process; the rest is for headers that ask for much and are then refused.
_MEMORY_BYTES = 1 << 30
#: Ten hours of fingerprint are 1.2 MB; beyond this the child is no longer the one we started.
_MAX_ANSWER = 16 << 20
#: Importing NumPy and FFmpeg takes a second, on a busy machine many.
_START_SECONDS = 60.0

#: Of a file name only the end matters, and a request has a limit.
_NAME_END = 100
#: Bytes of a traceback that are kept.
_LAST_WORDS = 4000

_MEASURE = "checks.analysis.decode:measure_audio_file"

#: The child sees this room of the house alone: a package without its front door, so that the catalogue of checks and
#: all that they import stay out of a process that reads strangers' files, and out of every fork of it.
_CHILD = """
import sys, types
house = types.ModuleType("checks")
house.__path__ = [sys.argv[1]]
sys.modules["checks"] = house
from checks.analysis.fork_server import serve_forks
serve_forks(int(sys.argv[2]), sys.argv[3])
"""
_HOUSE = Path(__file__).resolve().parents[1]

_log = logging.getLogger(__name__)


class Analyser:
    """A warm child process that measures one file at a time; threads wait for one another.

    Starts the process on the first file, again when it has died, and again after a fork of this process. ``measure``
    names the function that the child runs, as ``module:function``; tests give it one that misbehaves.
    """

    def __init__(self, measure: str = _MEASURE, memory_bytes: int = _MEMORY_BYTES, cpu_seconds: int | None = None):
        self._measure, self._memory, self._cpu = measure, memory_bytes, cpu_seconds
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self.last_cpu_seconds = 0.0  # what the last file cost, the fork included
        _ALIVE.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child. The next file would start another."""
        with self._lock:
            self._stop()

    def analyse(self, path: Path, sha256: str, *, name: str | None = None, lattice: bool = True) -> AudioFacts:
        """Measure one file. A bad file gives facts with ``ok=False`` and a ``Failure`` code, never an exception.

        ``name`` is the file name that the label gave, to notice that the bytes contradict it. Without ``lattice``
        acoustic traces are not measured, and the facts say so.
        Raises OSError where the file cannot be opened, AnalysisUnavailable where nothing can be measured on this host,
        and AnalysisFailed where our own code fails on this file alone. What a file is blamed for was tried on a known
        sample first.
        """
        with path.open("rb") as file:
            measured = self._measured(file, sha256, name, lattice)
        if measured.is_doubtful:
            container = measured.facts.container if measured.facts else None
            for sample in dict.fromkeys((known_samples.SOUNDS.get(container or ""), known_samples.SIGNED_SOUND)):
                if sample is not None:
                    self.measure_known(sample, measured.fault)
        if measured.facts is None:
            raise AnalysisFailed(measured.fault)
        return measured.facts

    def measure_known(self, sample: Path, because: str = "") -> None:
        """Measure a sample of the project's own. Raises AnalysisUnavailable, naming ``because``, where that fails."""
        with sample.open("rb") as file:
            measured = self._measured(file, "", sample.name, lattice=False)
        wrong = measured.fault or (known_samples.wrong_sound(measured.facts, sample) if measured.facts else "")
        if wrong:
            self.close()  # what was repaired meanwhile is loaded by the next one
            raise AnalysisUnavailable(because or wrong)

    def _measured(self, file: BinaryIO, sha256: str, name: str | None, lattice: bool) -> _Measured:
        size = os.fstat(file.fileno()).st_size
        cpu = self._cpu or min(_CPU_SECONDS + size // _BYTES_A_CPU_SECOND, _MAX_CPU_SECONDS)
        isolation = sandbox.demanded_isolation()
        request = {
            "sha256": sha256,
            "name": name and name[-_NAME_END:],
            "limits": {"cpu_seconds": cpu, "memory_bytes": self._memory},
            "isolation": [isolation.level, isolation.uid, isolation.gid],
            "lattice": lattice,
        }
        ending, answer = self._ask(request, file.fileno(), cpu * _WALL_SECONDS_A_CPU_SECOND)
        return _parse_child_answer(sha256, ending, answer)

    def forget(self) -> None:
        """After a fork: the child belongs to the process we came from; let go of it without ending it."""
        self._lock = threading.Lock()
        if self._process is not None:
            self._process.forget()
            self._process = None

    def _ask(self, request: dict[str, Any], file: int | None, seconds: float) -> tuple[_Ending, bytes]:
        with self._lock:
            for last_try in (False, True):
                try:
                    if self._process is None:
                        self._process = _Process(self._measure)
                    answer = self._process.ask(request, file, seconds)
                except _TookTooLong:
                    self._stop()
                    return _Ending.TIMEOUT, b""
                except (_HungUp, OSError) as error:  # the warm process itself is gone: start another, once
                    self._stop()
                    if last_try:
                        raise AnalysisUnavailable(f"the decoder's process keeps dying: {error!r}") from error
                except BaseException:  # a time limit of the worker's own, say: the answer on its way has no reader now
                    self._stop()
                    raise
                else:
                    self.last_cpu_seconds = answer.cpu_seconds
                    return answer.ending, answer.content
        raise AssertionError("unreachable")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


class _Ending(Enum):
    """How a child ended."""

    WELL = auto()
    KILLED = auto()  # by its own crash or its memory limit
    TIMEOUT = auto()
    FAULT = auto()  # an exception of our own code; it sent the traceback
    NOT_ISOLATED = auto()  # it read nothing, and sent the reason
    ENDED_FROM_OUTSIDE = auto()  # by a SIGKILL that no file can cause


@dataclasses.dataclass(frozen=True, slots=True)
class _Measured:
    """What came of one file: facts, or what failed in our own code or on this machine; both where the tags failed."""

    facts: AudioFacts | None
    fault: str = ""

    @property
    def is_doubtful(self) -> bool:
        """Whether a broken installation would look like this, too."""
        if self.fault or self.facts is None:
            return True
        if not self.facts.ok:
            return self.facts.error != Failure.EMPTY  # for which no decoder was asked
        credentials = (self.facts.credential, *self.facts.pictures)
        return Note.TAGS_UNREADABLE in self.facts.notes or any(
            credential.state == CredentialState.UNREAD and credential.explanation != Explanation.ELSEWHERE
            for credential in credentials
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Answer:
    """What came back for one request."""

    ending: _Ending
    content: bytes
    cpu_seconds: float


class _TookTooLong(Exception):
    """The deadline passed."""


class _HungUp(Exception):
    """The warm process closed its end."""

    def __init__(self) -> None:
        super().__init__("it closed its end")


class _Process:
    """One warm process, as seen from the worker."""

    def __init__(self, measure: str) -> None:
        # In memory, so that a full disk does not keep the decoder from starting, and from saying what is wrong.
        self._errors = open(os.memfd_create("decoder-errors"), "w+b")  # noqa: SIM115, PTH123 - lives as long
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._popen = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-c", _CHILD, str(_HOUSE), str(theirs.fileno()), measure],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
                env=_bare_environment(),
                start_new_session=True,  # one signal ends it together with the child it forked
            )
        try:
            self._receive(time.monotonic() + _START_SECONDS)
        except (_HungUp, _TookTooLong, OSError) as error:
            said = self._last_words()
            _log.error("the decoder does not start:\n%s", said)
            self.end()
            raise AnalysisUnavailable(f"the decoder does not start: {cause_of(said) or repr(error)}") from error

    def ask(self, request: dict[str, Any], file: int | None, seconds: float) -> _Answer:
        """Send one request with the open file, and wait for the child to end."""
        deadline = time.monotonic() + seconds
        ours, theirs = os.pipe()
        with open(ours, "rb", buffering=0) as answer:  # noqa: PTH123 - a descriptor
            try:
                descriptors = [theirs] if file is None else [file, theirs]
                socket.send_fds(self._channel, [json.dumps(request).encode()], descriptors)
            finally:
                os.close(theirs)
            content = self._read(answer.fileno(), deadline)
        report = self._receive(deadline)
        ending = _classify_wait_status(report["status"], report["cpu"] >= request["limits"]["cpu_seconds"])
        return _Answer(ending, content, report["cpu"])

    def end(self) -> None:
        self._channel.close()
        self._errors.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def forget(self) -> None:
        self._channel.close()
        self._errors.close()
        self._popen.returncode = 0  # not our child to wait for

    def _read(self, pipe: int, deadline: float) -> bytes:
        parts: list[bytes] = []
        while self._ready(pipe, deadline):
            part = os.read(pipe, 1 << 20)
            if not part or sum(map(len, parts)) > _MAX_ANSWER:
                break
            parts.append(part)
        return b"".join(parts)

    def _receive(self, deadline: float) -> dict[str, Any]:
        self._ready(self._channel.fileno(), deadline)
        message = self._channel.recv(protocol.MAX_REQUEST)
        if not message:
            raise _HungUp
        document: dict[str, Any] = json.loads(message)
        return document

    def _ready(self, descriptor: int, deadline: float) -> bool:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise _TookTooLong
        return True

    def _last_words(self) -> str:
        """The end of what the process and its children wrote to standard error."""
        end = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, end - _LAST_WORDS))
        return self._errors.read().decode(errors="replace").strip()


def _parse_child_answer(sha256: str, ending: _Ending, answer: bytes) -> _Measured:
    """Make facts of whatever came back. The child read a stranger's file: nothing it says is taken on trust."""
    parts, rest = protocol.split_answer_records(answer)
    fault = ""
    match ending:
        case _Ending.FAULT:
            trace = rest[-_LAST_WORDS:].decode(errors="replace")
            _log.error("analysis of %s failed:\n%s", sha256, trace)
            fault = cause_of(trace) or "the decoder's process failed and did not say why"
        case _Ending.NOT_ISOLATED:
            return _Measured(None, rest[-_LAST_WORDS:].decode(errors="replace"))
        case _Ending.ENDED_FROM_OUTSIDE:
            fault = "the decoder's process was killed from outside (SIGKILL), as a host without memory does"
    if len(parts) < 3 and fault:
        return _Measured(None, fault)
    failure = Failure.DECODER_TIMEOUT if ending is _Ending.TIMEOUT else Failure.DECODER_KILLED
    if len(parts) < 3:
        return _Measured(build_failed_facts(sha256, failure))
    try:
        facts = facts_from_json(json.loads(parts[0]), parts[1], parts[2])
        found = provenance_from_json(json.loads(parts[-1])) if len(parts) > 3 else UNREADABLE
    except ValueError:
        return _Measured(build_failed_facts(sha256, Failure.DECODER_KILLED))
    notes = tuple(sorted({*facts.notes, *found.notes}))
    facts = dataclasses.replace(
        facts, sha256=sha256, tags=found.tags, credential=found.credential, pictures=found.pictures, notes=notes
    )
    return _Measured(facts, fault)


def _classify_wait_status(status: int, out_of_time: bool) -> _Ending:
    """How a child ended, from its wait status."""
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) == signal.SIGXCPU or out_of_time:
            return _Ending.TIMEOUT
        return _Ending.ENDED_FROM_OUTSIDE if os.WTERMSIG(status) == signal.SIGKILL else _Ending.KILLED
    match os.waitstatus_to_exitcode(status):
        case 0:
            return _Ending.WELL
        case protocol.FAULT:
            return _Ending.FAULT
        case protocol.NOT_ISOLATED:
            return _Ending.NOT_ISOLATED
        case _:
            return _Ending.KILLED


def _bare_environment() -> dict[str, str]:
    """What the child needs to import the same code, and no secret of ours."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109
        "OPENBLAS_NUM_THREADS": "1",  # threads do not survive a fork, and the limits are on one core
        "OMP_NUM_THREADS": "1",
    }


_ALIVE: weakref.WeakSet[Analyser] = weakref.WeakSet()


def _after_fork() -> None:
    for analyser in list(_ALIVE):
        analyser.forget()


os.register_at_fork(after_in_child=_after_fork)
