"""Shut a process in before it touches a stranger's file: no network, no other file, no new program, bounded memory."""

from __future__ import annotations

import ctypes
import os
import platform
import pwd
import resource
import signal
import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from checks.analysis import seccomp
from checks.analysis.errors import AnalysisUnavailable


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


@dataclass(frozen=True, slots=True)
class Isolation:
    """What the operator demands of every child; without it the child reads nothing."""

    level: Level = Level.PROCESS
    uid: int = -1  # -1: the user of the gate itself
    gid: int = -1


class NotIsolated(Exception):
    """The kernel does not grant what the operator demands; says what."""


_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22  # linux/prctl.h
_SECCOMP_MODE_FILTER = 2

#: linux/capability.h: the version of the structures, and the rights that switching to another user and ending its
#: processes take.
_CAPABILITY_VERSION = 0x20080522
_NEEDED_CAPABILITIES = {"CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}

#: The same numbers on every machine (added after the tables were unified).
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION_FLAG = 1
#: How many file rights each version of landlock knows: handling a right without a rule that grants it denies it.
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}

#: Descriptors a child holds: the file, its copies, the answer's pipe and the standard three.
_MAX_DESCRIPTORS = 32

_MEMORY_GAUGE = "/proc/self/statm"

_libc = ctypes.CDLL(None, use_errno=True)


_demanded_level, _demanded_user = Level.PROCESS, ""
_granted = Level.PROCESS


def demand_isolation(level: Level, user: str = "") -> None:
    """Set what every child that this process starts must be granted; ``user`` names a user of the child's own."""
    global _demanded_level, _demanded_user
    _demanded_level, _demanded_user = level, user


def demanded_isolation() -> Isolation:
    """What was demanded. Raises AnalysisUnavailable where this process cannot start a child as the user named."""
    if not _demanded_user:
        return Isolation(_demanded_level)
    if unusable := unusable_user(_demanded_user):
        raise AnalysisUnavailable(unusable)
    account = pwd.getpwnam(_demanded_user)
    return Isolation(_demanded_level, account.pw_uid, account.pw_gid)


def unusable_user(name: str) -> str:
    """Why this process cannot run a child as the user of this name; empty where it can."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return f"there is no user {name!r} on this machine"
    if account.pw_uid in (0, os.getuid()):
        return f"the user {name!r} is root or the gate's own user: the sandbox needs one that owns nothing"
    effective = _effective_capabilities()
    missing = [right for right, number in _NEEDED_CAPABILITIES.items() if not effective >> number & 1]
    return f"the gate lacks {', '.join(missing)} to run the sandbox as {name!r}" if missing else ""


def isolate_process(limits: Limits, isolation: Isolation | None = None) -> Level:
    """Isolate this process for good. Returns the level that the kernel granted.

    Raises NotIsolated where that is less than demanded.
    """
    global _granted  # noqa: PLW0603 - a process is isolated once
    wanted = isolation or Isolation()
    level = _granted = _apply_isolation(limits, wanted)
    if level < wanted.level:
        raise NotIsolated(
            f"the kernel grants the sandbox level {level:d} ({level.name.lower()}), "
            f"and {wanted.level:d} ({wanted.level.name.lower()}) is demanded"
        )
    return level


def granted_isolation() -> Level:
    """How well this process is isolated."""
    return _granted


def _apply_isolation(limits: Limits, wanted: Isolation) -> Level:
    limited = _set_resource_limits(limits)
    _switch_user(wanted)
    _call_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # after the switch, which would have cleared it
    if not limited or not _drop_capabilities() or not _call_prctl(_PR_SET_NO_NEW_PRIVS, 1):
        return Level.PROCESS
    files = _apply_landlock()
    if not _apply_seccomp():
        return Level.LIMITS
    return Level.FILES if files else Level.SYSCALLS


def _switch_user(wanted: Isolation) -> None:
    if wanted.uid == -1:
        return
    try:
        os.setgroups([])
        os.setresgid(wanted.gid, wanted.gid, wanted.gid)
        os.setresuid(wanted.uid, wanted.uid, wanted.uid)
    except OSError as error:
        raise NotIsolated(f"the sandbox cannot run as user {wanted.uid}: {error.strerror}") from error


def _drop_capabilities() -> bool:
    """Give up every right beyond those of an ordinary user: as root, limits could be raised again."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    nothing = ctypes.create_string_buffer(struct.pack("=6I", *[0] * 6))  # effective, permitted, inheritable, twice
    return bool(_libc.capset(header, nothing) == 0)


def _effective_capabilities() -> int:
    """The capabilities of this process as a bit mask."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("CapEff:")).split()[1], 16)


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


def _mapped_bytes(gauge: int) -> int:
    """Address space that this process has mapped."""
    return int(os.pread(gauge, 100, 0).split()[0]) * resource.getpagesize()


def _set_resource_limits(limits: Limits) -> bool:
    gauge = os.open(_MEMORY_GAUGE, os.O_RDONLY)
    mapped = _mapped_bytes(gauge)
    os.close(gauge)
    wanted = (
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1),
        (resource.RLIMIT_AS, mapped + limits.memory_bytes, None),
        (resource.RLIMIT_FSIZE, limits.file_bytes, None),
        (resource.RLIMIT_CORE, 0, None),
        (resource.RLIMIT_NOFILE, _MAX_DESCRIPTORS, None),
        (resource.RLIMIT_NPROC, 0, None),
    )
    for what, soft, hard in wanted:
        ceiling = resource.getrlimit(what)[1]
        if ceiling != resource.RLIM_INFINITY and ceiling < soft:
            continue  # the parent limits us further already
        try:
            resource.setrlimit(what, (soft, soft if hard is None else hard))
        except (OSError, ValueError):
            return False
    return True


def _apply_landlock() -> bool:
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


def _apply_seccomp() -> bool:
    """Have the kernel refuse, with EPERM, every call that is not in the table."""
    machine = platform.machine()
    if machine not in seccomp.ALLOWED:
        return False
    program = seccomp.build_seccomp_program(machine)
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    return _call_prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _call_prctl(option: int, value: int, extra: int = 0) -> bool:
    arguments = [ctypes.c_ulong(number) for number in (value, extra, 0, 0)]
    return bool(_libc.prctl(option, *arguments) == 0)
