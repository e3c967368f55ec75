"""Tries from inside the sandbox what a decoder might try that a file has taken over, and reports what succeeded.

Each attempt is a real system call, about a sacrificial process where it is about a process. It counts as refused only
where the kernel answers that it is not permitted, or that there is no such call: any other answer, an error about the
arguments included, means that the call was reached. Arguments are chosen so that no attempt harms anything else.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from checks.analysis import sandbox, sandbox_run
from checks.analysis.errors import AnalysisUnavailable
from checks.analysis.sandbox import Isolation, Level, Limits

LIMITS = Limits(cpu_seconds=20, memory_bytes=1 << 30)

#: Answers by which the kernel refuses a call.
_REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS)

_PATH = b"/etc/passwd\0"
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000  # linux/fcntl.h
_F_SETFL, _F_SETOWN, _F_SETSIG, _O_ASYNC = 4, 8, 10, 0o20000
_RLIM_CPU, _RLIM_NOFILE = int(resource.RLIMIT_CPU), int(resource.RLIMIT_NOFILE)
_PTRACE_ATTACH, _SCHED_IDLE, _FUTEX_LOCK_PI = 16, 5, 6
_CLONE_THREAD = 0x10000  # alone it is invalid: no process comes of it
_INVALID = 0xFFFFFFFF

#: Seconds that the sacrificial process waits for its end.
_VICTIM_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """One system call: what it would give, its name, its numbers on x86_64 and aarch64, and its arguments.

    ``VICTIM`` and ``CLOCK`` stand for the sacrificial process and its clock; bytes for the address of a copy of them.
    """

    what: str
    call: str
    numbers: tuple[int, int | None]
    arguments: tuple[int | bytes | str, ...] = ()


VICTIM, CLOCK = "victim", "clock"

#: In this order: what would end the sacrificial process comes last.
ATTEMPTS = (
    Attempt("cripple another process", "prlimit64", (302, 261), (VICTIM, _RLIM_NOFILE, struct.pack("=QQ", 3, 3), 0)),
    Attempt("read another process's limits", "prlimit64", (302, 261), (VICTIM, _RLIM_CPU, 0, bytes(16))),
    Attempt("send signals by a descriptor's owner", "fcntl", (72, 25), (0, _F_SETOWN, VICTIM)),
    Attempt("choose a descriptor's signal", "fcntl", (72, 25), (0, _F_SETSIG, int(signal.SIGKILL))),
    Attempt("have a descriptor send signals", "fcntl", (72, 25), (0, _F_SETFL, _O_ASYNC)),
    Attempt("hold another process", "pidfd_open", (434, 434), (VICTIM, 0)),
    Attempt("read another process's memory", "process_vm_readv", (310, 270), (VICTIM, 0, 0, 0, 0, 0)),
    Attempt("write another process's memory", "process_vm_writev", (311, 271), (VICTIM, 0, 0, 0, 0, 0)),
    Attempt("advise on another process's memory", "process_madvise", (440, 440), (-1, 0, 0, 0, 0)),
    Attempt("compare processes", "kcmp", (312, 272), (VICTIM, VICTIM, 0, 0, 0)),
    Attempt("bind another process to a core", "sched_setaffinity", (203, 122), (VICTIM, 8, struct.pack("=Q", 1))),
    Attempt("see whether a process exists", "sched_getaffinity", (204, 123), (VICTIM, 8, bytes(8))),
    Attempt("see another process's time", "clock_gettime", (228, 113), (CLOCK, bytes(16))),
    Attempt("slow another process", "sched_setscheduler", (144, 119), (VICTIM, _SCHED_IDLE, bytes(4))),
    Attempt("slow another process", "sched_setattr", (314, 274), (VICTIM, 0, 0)),
    Attempt("slow another process", "setpriority", (141, 140), (0, VICTIM, 19)),
    Attempt("slow another process", "ioprio_set", (251, 30), (1, VICTIM, 3 << 13)),
    Attempt("move another process's memory", "migrate_pages", (256, 238), (VICTIM, 0, 0, 0)),
    Attempt("move another process's memory", "move_pages", (279, 239), (VICTIM, 0, 0, 0, 0, 0)),
    Attempt("see another process's locks", "get_robust_list", (274, 100), (VICTIM, bytes(8), bytes(8))),
    Attempt("open a file", "open", (2, None), (_PATH, 0)),
    Attempt("open a file", "openat", (257, 56), (_AT_FDCWD, _PATH, 0)),
    Attempt("open a file", "openat2", (437, 437), (_AT_FDCWD, _PATH, bytes(24), 24)),
    Attempt("open a file by its handle", "open_by_handle_at", (304, 265), (-1, 0, 0)),
    Attempt("find a file's handle", "name_to_handle_at", (303, 264), (_AT_FDCWD, _PATH, 0, 0, 0)),
    Attempt("see whether a path exists", "stat", (4, None), (_PATH, bytes(144))),
    Attempt("see whether a path exists", "newfstatat", (262, 79), (_AT_FDCWD, _PATH, bytes(144), 0)),
    Attempt("see whether a path exists", "newfstatat", (262, 79), (_AT_FDCWD, _PATH, bytes(144), _AT_EMPTY_PATH)),
    Attempt("see whether a path exists", "statx", (332, 291), (_AT_FDCWD, _PATH, 0, 0, bytes(256))),
    Attempt("see whether a path exists", "access", (21, None), (_PATH, 0)),
    Attempt("see whether a path exists", "faccessat", (269, 48), (_AT_FDCWD, _PATH, 0)),
    Attempt("see whether a path exists", "faccessat2", (439, 439), (_AT_FDCWD, _PATH, 0, 0)),
    Attempt("see where a path leads", "readlink", (89, None), (b"/proc/self\0", bytes(16), 16)),
    Attempt("see where a path leads", "readlinkat", (267, 78), (_AT_FDCWD, b"/proc/self\0", bytes(16), 16)),
    Attempt("see its folder", "getcwd", (79, 17), (bytes(4096), 4096)),
    Attempt("change its folder", "chdir", (80, 49), (0,)),
    Attempt("change its root", "chroot", (161, 51), (0,)),
    Attempt("list a folder", "getdents64", (217, 61), (-1, 0, 0)),
    Attempt("make a folder", "mkdirat", (258, 34), (_AT_FDCWD, 0, 0)),
    Attempt("make a device", "mknodat", (259, 33), (_AT_FDCWD, 0, 0, 0)),
    Attempt("remove a file", "unlinkat", (263, 35), (_AT_FDCWD, 0, 0)),
    Attempt("rename a file", "renameat2", (316, 276), (_AT_FDCWD, 0, _AT_FDCWD, 0, 0)),
    Attempt("link a file", "linkat", (265, 37), (_AT_FDCWD, 0, _AT_FDCWD, 0, 0)),
    Attempt("link a file", "symlinkat", (266, 36), (0, _AT_FDCWD, 0)),
    Attempt("change a file's rights", "fchmodat", (268, 53), (_AT_FDCWD, 0, 0)),
    Attempt("change a file's times", "utimensat", (280, 88), (_AT_FDCWD, 0, 0, _INVALID)),
    Attempt("cut a file", "truncate", (76, 45), (0, 0)),
    Attempt("watch files", "inotify_init1", (294, 26), (_INVALID,)),
    Attempt("watch files", "fanotify_init", (300, 262), (_INVALID, 0)),
    Attempt("mount a file system", "mount", (165, 40), (0, 0, 0, 0, 0)),
    Attempt("unmount a file system", "umount2", (166, 39), (0, 0)),
    Attempt("make a file in memory", "memfd_create", (319, 279), (0, 0)),
    Attempt("open a network socket", "socket", (41, 198), (2, 1, 0)),
    Attempt("open a local socket", "socket", (41, 198), (1, 1, 0)),
    Attempt("open a local socket", "socketpair", (53, 199), (1, 1, 0, 0)),
    Attempt("use a socket", "connect", (42, 203), (-1, 0, 0)),
    Attempt("use a socket", "bind", (49, 200), (-1, 0, 0)),
    Attempt("use a socket", "listen", (50, 201), (-1, 0)),
    Attempt("use a socket", "accept4", (288, 242), (-1, 0, 0, 0)),
    Attempt("use a socket", "sendto", (44, 206), (-1, 0, 0, 0, 0, 0)),
    Attempt("pass on descriptors", "sendmsg", (46, 211), (-1, 0, 0)),
    Attempt("take descriptors", "recvmsg", (47, 212), (-1, 0, 0)),
    Attempt("start a program", "execve", (59, 221), (0, 0, 0)),
    Attempt("start a program", "execveat", (322, 281), (_AT_FDCWD, 0, 0, 0, 0)),
    Attempt("start a process", "clone", (56, 220), (_CLONE_THREAD, 0, 0, 0, 0)),
    Attempt("start a process", "clone3", (435, 435), (0, 0)),
    Attempt("leave its namespaces", "unshare", (272, 97), (_CLONE_THREAD << 8,)),
    Attempt("leave its namespaces", "setns", (308, 268), (-1, 0)),
    Attempt("run machine code of its own", "mmap", (9, 222), (0, 4096, mmap.PROT_READ | mmap.PROT_EXEC, 0x22, -1, 0)),
    Attempt("run machine code of its own", "mprotect", (10, 226), (0, 0, mmap.PROT_READ | mmap.PROT_EXEC)),
    Attempt("lock by priority", "futex", (202, 98), (0, _FUTEX_LOCK_PI, 0, 0, 0, 0)),
    Attempt("run code in the kernel", "bpf", (321, 280), (_INVALID, 0, 0)),
    Attempt("load code into the kernel", "init_module", (175, 105), (0, 0, 0)),
    Attempt("load code into the kernel", "finit_module", (313, 273), (-1, 0, 0)),
    Attempt("load another kernel", "kexec_load", (246, 104), (0, _INVALID, 0, _INVALID)),
    Attempt("watch the processor", "perf_event_open", (298, 241), (0, 0, -1, -1, 0)),
    Attempt("handle page faults", "userfaultfd", (323, 282), (_INVALID,)),
    Attempt("use io_uring", "io_uring_setup", (425, 425), (1, 0)),
    Attempt("use the kernel's keys", "keyctl", (250, 219), (_INVALID, 0, 0, 0, 0)),
    Attempt("use the kernel's keys", "add_key", (248, 217), (0, 0, 0, 0, 0)),
    Attempt("use the kernel's keys", "request_key", (249, 218), (0, 0, 0, 0)),
    Attempt("speak to devices", "ioctl", (16, 29), (0, _INVALID, 0)),
    Attempt("change itself", "prctl", (157, 167), (3, 0, 0, 0, 0)),
    Attempt("change itself", "personality", (135, 92), (_INVALID,)),
    Attempt("change its filter", "seccomp", (317, 277), (_INVALID, 0, 0)),
    Attempt("change its filter", "landlock_create_ruleset", (444, 444), (0, 0, _INVALID)),
    Attempt("gain rights", "capset", (126, 91), (0, 0)),
    Attempt("become another user", "setresuid", (117, 147), (-1, -1, -1)),
    Attempt("become another user", "setresgid", (119, 149), (-1, -1, -1)),
    Attempt("become another user", "setgroups", (116, 159), (_INVALID, 0)),
    Attempt("share memory", "shmget", (29, 194), (0, 0, 0)),
    Attempt("send messages", "msgget", (68, 186), (-1, 0)),
    Attempt("send messages", "mq_open", (240, 180), (0, 0, 0, 0)),
    Attempt("share counters", "semget", (64, 190), (-1, 0, 0)),
    Attempt("set a timer", "timer_create", (222, 107), (_INVALID, 0, 0)),
    Attempt("take signals as a file", "signalfd4", (289, 74), (-1, 0, 0, 0)),
    Attempt("wait for many files", "epoll_create1", (291, 20), (_INVALID,)),
    Attempt("count events", "eventfd2", (290, 19), (0, _INVALID)),
    Attempt("move data between files", "splice", (275, 76), (-1, 0, -1, 0, 0, 0)),
    Attempt("move data between files", "vmsplice", (278, 75), (-1, 0, 0, 0)),
    Attempt("move data between files", "sendfile", (40, 71), (-1, -1, 0, 0)),
    Attempt("stop the machine", "reboot", (169, 142), (0, 0, 0, 0)),
    Attempt("swap memory to a file", "swapon", (167, 224), (0, 0)),
    Attempt("keep accounts of processes", "acct", (163, 89), (1,)),
    Attempt("read the kernel's log", "syslog", (103, 116), (10, 0, 0)),
    Attempt("change quotas", "quotactl", (179, 60), (_INVALID, 0, 0, 0)),
    Attempt("trace another process", "ptrace", (101, 117), (_PTRACE_ATTACH, VICTIM, 0, 0)),
    Attempt("signal another process", "kill", (62, 129), (VICTIM, 0)),
    Attempt("signal another process", "tkill", (200, 130), (VICTIM, 0)),
    Attempt("signal another process", "tgkill", (234, 131), (VICTIM, VICTIM, 0)),
    Attempt("signal another process", "rt_sigqueueinfo", (129, 138), (VICTIM, 0, bytes(128))),
    Attempt("signal another process", "pidfd_send_signal", (424, 424), (-1, 0, 0, 0)),
    Attempt("end another process", "kill", (62, 129), (VICTIM, int(signal.SIGKILL))),
    Attempt("end another process by its limits", "prlimit64", (302, 261), (VICTIM, _RLIM_CPU, bytes(16), 0)),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt."""

    what: str
    refused: bool
    detail: str


def run_escape_tests() -> tuple[Level, list[Result]]:
    """Return the level that a sandboxed process is granted here, and every attempt to leave it.

    Raises AnalysisUnavailable where no such process can be started.
    """
    victim = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-S", "-c", f"import time; print(flush=True); time.sleep({_VICTIM_SECONDS})"],
        stdout=subprocess.PIPE,
    )
    try:
        assert victim.stdout is not None
        victim.stdout.readline()
        before = _read_process_state(victim.pid)
        level, results = _try_escapes(victim.pid)
        after = _read_process_state(victim.pid)
    finally:
        victim.kill()
        victim.communicate()
    return level, [*results, Result("harm another process", before == after, f"before {before}, after {after}")]


def _try_escapes(victim: int) -> tuple[Level, list[Result]]:
    demanded = sandbox.demanded_isolation()
    isolation = Isolation(Level.PROCESS, demanded.uid, demanded.gid)  # what is granted, be it enough or not
    with os.fdopen(os.memfd_create("escapes"), "w+b") as request:
        request.write(str(victim).encode())
        request.flush()
        try:
            answer = sandbox_run.run_sandboxed_once(f"{__name__}:attempt_escapes", request, LIMITS, isolation)
        except sandbox_run.Ended as ended:
            raise AnalysisUnavailable(f"the sandbox cannot be tested: {ended}") from ended
    document = json.loads(answer)
    return Level(document["level"]), [Result(*item) for item in document["results"]]


def _read_process_state(process: int) -> tuple[object, ...]:
    """What an attack may change of a process: its limits, its order of service, and that it runs."""
    try:
        limits = tuple(resource.prlimit(process, what) for what in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE))
        running = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()[0] in "RS"  # noqa: SIM115, PTH123
        return limits, os.sched_getaffinity(process), os.getpriority(os.PRIO_PROCESS, process), running
    except OSError as error:
        return (error.strerror,)


def attempt_escapes(request: BinaryIO) -> bytes:
    """The work of the sandboxed process: try everything; the answer is JSON."""
    victim = int(request.read())
    results = [[one.what, *refused] for one, refused in _iterate_attempts(victim)]
    results += [
        ["use more memory than the limit", *_try_raise_memory()],
        ["use more CPU time than the limit", *_try_raise_cpu()],
    ]
    return json.dumps({"level": sandbox.granted_isolation(), "results": results}).encode()


def _iterate_attempts(victim: int) -> Iterator[tuple[Attempt, tuple[bool, str]]]:
    libc = ctypes.CDLL(None, use_errno=True)
    machine = 0 if platform.machine() == "x86_64" else 1
    for item in ATTEMPTS:
        number = item.numbers[machine]
        if number is None:
            continue
        values = [_resolve_argument(argument, victim) for argument in item.arguments]
        ctypes.set_errno(0)
        answer = libc.syscall(ctypes.c_long(number), *values)
        code = ctypes.get_errno() if answer == -1 else 0
        said = os.strerror(code) if code else "it was allowed"
        yield item, (code in _REFUSALS, f"{item.call}: {said}")


def _resolve_argument(argument: int | bytes | str, victim: int) -> object:
    if isinstance(argument, bytes):
        return ctypes.create_string_buffer(argument, len(argument))
    if argument == VICTIM:
        return ctypes.c_long(victim)
    if argument == CLOCK:
        return ctypes.c_long(~victim << 3 | 2)  # linux/posix-timers.h: the CPU clock of a process
    assert isinstance(argument, int)
    return ctypes.c_long(argument)


def _try_raise_memory() -> tuple[bool, str]:
    try:
        mmap.mmap(-1, 2 * LIMITS.memory_bytes).close()
    except (OSError, MemoryError, ValueError):
        return True, f"{LIMITS.memory_bytes >> 20} MB"
    return False, "twice the limit could be mapped"


def _try_raise_cpu() -> tuple[bool, str]:
    soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
    return soft != resource.RLIM_INFINITY, f"{soft} s"
