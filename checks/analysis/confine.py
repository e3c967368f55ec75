"""Shut a process in before it touches a stranger's file: no network, no other file, no new program, bounded memory."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import resource
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from checks.analysis import seccomp


class Level(IntEnum):
    """How well the child is shut in. Production asks for SYSCALLS or better."""

    PROCESS = 0  # its own process with a deadline, and nothing more
    LIMITS = 1  # and limits on CPU, memory and file size, and no way to gain privileges
    SYSCALLS = 2  # and the kernel refuses every call but the few that decoding needs (seccomp)
    FILES = 3  # and the kernel refuses every path and every port besides (landlock)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost; beyond it the kernel ends the child."""

    cpu_seconds: int
    memory_bytes: int  # on top of what the warm process has mapped already
    file_bytes: int = 0  # to which a file that it was handed may grow


_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22  # linux/prctl.h
_SECCOMP_MODE_FILTER = 2

#: The same numbers on every machine (added after the tables were unified).
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION_FLAG = 1
#: How many file rights each version of landlock knows: handling a right without a rule that grants it denies it.
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}

#: Descriptors a child holds: the file, its copies, the answer's pipe and the standard three.
_MAX_DESCRIPTORS = 32

_MEMORY_GAUGE = "/proc/self/statm"

_libc = ctypes.CDLL(None, use_errno=True)


def confine(limits: Limits) -> Level:
    """Shut this process in, for good. Returns the level that the kernel granted."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not _limit(limits) or not _prctl(_PR_SET_NO_NEW_PRIVS, 1):
        return Level.PROCESS
    files = _landlock()
    if not _seccomp():
        return Level.LIMITS
    return Level.FILES if files else Level.SYSCALLS


class HeldMemory:
    """Within this context the process may map only so many bytes more than it has; afterwards as many as before.

    To be made before ``confine``: the gauge it reads is a file.
    """

    def __init__(self, extra_bytes: int) -> None:
        self._extra = extra_bytes
        self._gauge = os.open(_MEMORY_GAUGE, os.O_RDONLY)

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_AS)
        soft, hard = self._before
        wanted = _mapped_bytes(self._gauge) + self._extra
        if soft == resource.RLIM_INFINITY or wanted < soft:
            resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_AS, self._before)


def allow_seconds(seconds: int) -> None:
    """From now on this process may use so many seconds of CPU, if it has that many left."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_CPU, (wanted, hard))


def probe(limits: Limits) -> list[tuple[str, bool, str]]:
    """Try every way out of a confined process: (what is refused, whether it was, what happened)."""
    return [_attempt(what, way_out) for what, way_out in _WAYS_OUT] + [
        _memory_is_limited(limits),
        _cpu_is_limited(limits),
    ]


def _attempt(what: str, way_out: Callable[[], object]) -> tuple[str, bool, str]:
    try:
        way_out()
    except OSError as error:
        return what, error.errno in (errno.EPERM, errno.EACCES), os.strerror(error.errno or 0)
    return what, False, "it was allowed"


def _memory_is_limited(limits: Limits) -> tuple[str, bool, str]:
    try:
        mmap.mmap(-1, 2 * limits.memory_bytes).close()
    except (OSError, MemoryError, ValueError):
        return "memory is limited", True, f"{limits.memory_bytes >> 20} MB"
    return "memory is limited", False, "twice the limit could be mapped"


def _cpu_is_limited(limits: Limits) -> tuple[str, bool, str]:
    soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
    return "CPU time is limited", soft == limits.cpu_seconds, f"{soft} s"


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


_WAYS_OUT: tuple[tuple[str, Callable[[], object]], ...] = (
    ("no network socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()),
    ("no local socket", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()),
    ("no reading of other files", lambda: os.close(os.open("/etc/passwd", os.O_RDONLY))),
    ("no writing of files", lambda: os.close(os.open("/tmp/gate-probe", os.O_WRONLY | os.O_CREAT))),  # noqa: S108
    ("no listing of folders", lambda: list(Path("/").iterdir())),
    ("no other program", lambda: os.execv("/bin/true", ["true"])),  # noqa: S606
    ("no other process", _fork),
    ("no signal to others", lambda: os.kill(os.getppid(), 0)),
)


def _mapped_bytes(gauge: int) -> int:
    """Address space that this process has mapped."""
    return int(os.pread(gauge, 100, 0).split()[0]) * resource.getpagesize()


def _limit(limits: Limits) -> bool:
    gauge = os.open(_MEMORY_GAUGE, os.O_RDONLY)
    mapped = _mapped_bytes(gauge)
    os.close(gauge)
    wanted = (
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1),
        (resource.RLIMIT_AS, mapped + limits.memory_bytes, None),
        (resource.RLIMIT_FSIZE, limits.file_bytes, None),
        (resource.RLIMIT_CORE, 0, None),
        (resource.RLIMIT_NOFILE, _MAX_DESCRIPTORS, None),
    )
    for what, soft, hard in wanted:
        ceiling = resource.getrlimit(what)[1]
        if ceiling != resource.RLIM_INFINITY and ceiling < soft:
            continue  # somebody outside limits us further already
        try:
            resource.setrlimit(what, (soft, soft if hard is None else hard))
        except (OSError, ValueError):
            return False
    return True


def _landlock() -> bool:
    """Give up every path, every port and every peer outside, as far as this kernel's landlock knows them."""
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION_FLAG)
    if version < 1:
        return False
    file_rights = (1 << _LANDLOCK_FILE_RIGHTS[min(version, 5)]) - 1
    network_rights = 0b11 if version >= 4 else 0  # bind and connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets and signals
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("=QQQ", file_rights, network_rights, scopes)[:size]
    ruleset = _libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return False
    granted: bool = _libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return granted


def _seccomp() -> bool:
    """Have the kernel refuse, with EPERM, every call that is not in the table."""
    machine = platform.machine()
    if machine not in seccomp.ALLOWED:
        return False
    program = seccomp.program(machine)
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    return _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _prctl(option: int, value: int, extra: int = 0) -> bool:
    arguments = [ctypes.c_ulong(number) for number in (value, extra, 0, 0)]
    return bool(_libc.prctl(option, *arguments) == 0)
