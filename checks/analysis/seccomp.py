"""The system calls that a sandboxed process may make, and with which arguments; the kernel enforces both (seccomp).

The default is refusal with EPERM, not death: libraries try calls that they can do without, and go on after an error.
A filter sees the numbers in registers, never the memory that a pointer names. So a call with a danger behind a
pointer is either harmless for every pointer, or it is not here: *newfstatat*, by which some C libraries implement
``fstat``, would show whether any path exists, and Python, NumPy and the decoders work without it.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h

ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000  # linux/seccomp.h

#: Offsets in struct seccomp_data (linux/seccomp.h), little-endian: number, architecture, low half of argument 0.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

#: linux/bpf_common.h: load a word of the data; AND; jump if equal, if greater, if a bit is set; return.
LOAD, AND, IF_EQUAL, IF_GREATER, IF_SET, RETURN = 0x20, 0x54, 0x15, 0x25, 0x45, 0x06


@dataclass(frozen=True, slots=True)
class Condition:
    """What one argument must be. Only its low 32 bits count, for that is all the kernel reads of these arguments."""

    argument: int
    one_of: tuple[int, ...] = ()  # it equals one of these, after ``ignoring`` was cleared
    ignoring: int = 0
    without: int = 0  # none of these bits is set
    at_most: int | None = None

    def instructions(self) -> list[bytes]:
        """The part of the program that returns the verdict on a call with this condition."""
        refuse, accept = _pack_bpf_instruction(RETURN, ERRNO | errno.EPERM), _pack_bpf_instruction(RETURN, ALLOW)
        load = _pack_bpf_instruction(LOAD, _ARGUMENTS + 8 * self.argument)
        if self.at_most is not None:
            return [load, _pack_bpf_instruction(IF_GREATER, self.at_most, 1, 0), accept, refuse]
        if self.without:
            return [load, _pack_bpf_instruction(IF_SET, self.without, 1, 0), accept, refuse]
        mask = [_pack_bpf_instruction(AND, ~self.ignoring & 0xFFFFFFFF)] if self.ignoring else []
        last = len(self.one_of)
        tests = [_pack_bpf_instruction(IF_EQUAL, value, last - index, 0) for index, value in enumerate(self.one_of)]
        return [load, *mask, *tests, refuse, accept]


#: Clocks of the machine and of the caller. Other numbers name another process's clock, or a device's.
_CLOCK_TAI = 11  # linux/time.h: the last of them
_OWN_CLOCK = Condition(0, at_most=_CLOCK_TAI)

#: Memory is data or code, never both: machine code that a file brings along has no place to run.
_NOT_EXECUTABLE = Condition(2, without=mmap.PROT_EXEC)

#: Waiting and waking (linux/futex.h), private or not, on either clock. The rest of that call, priority inheritance
#: above all, has been the way into the kernel more than once, and no library here uses it.
_FUTEX_WAIT, _FUTEX_WAKE, _FUTEX_WAIT_BITSET, _FUTEX_WAKE_BITSET = 0, 1, 9, 10
_FUTEX_PRIVATE, _FUTEX_CLOCK_REALTIME = 128, 256

#: Which process a call is about, where it takes any: 0 is the caller.
_CALLER = Condition(0, one_of=(0,))

#: The conditions; every other allowed call may have any arguments.
CONDITIONS: Mapping[str, Condition] = {
    # Limits of other processes: RLIMIT_CPU of 0 ends another process of the same user, RLIMIT_NOFILE cripples it.
    "prlimit64": _CALLER,
    # Whether a process exists, from the answer.
    "sched_getaffinity": _CALLER,
    # Not F_SETOWN and F_SETSIG, which have the kernel send a signal to any process; not locks, leases, pipe sizes.
    "fcntl": Condition(1, one_of=(fcntl.F_DUPFD, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_DUPFD_CLOEXEC)),
    "clock_gettime": _OWN_CLOCK,
    "clock_getres": _OWN_CLOCK,
    "clock_nanosleep": _OWN_CLOCK,
    "mmap": _NOT_EXECUTABLE,
    "mprotect": _NOT_EXECUTABLE,
    "futex": Condition(
        1,
        one_of=(_FUTEX_WAIT, _FUTEX_WAKE, _FUTEX_WAIT_BITSET, _FUTEX_WAKE_BITSET),
        ignoring=_FUTEX_PRIVATE | _FUTEX_CLOCK_REALTIME,
    ),
}

#: What decoding in Python needs, by machine (numbers: asm/unistd_64.h, asm-generic/unistd.h). All but the descriptors
#: that it was handed are out of reach: there is no open, stat, socket, ioctl, prctl, clone, execve, kill or ptrace.
ALLOWED: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10,
        "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17,
        "readv": 19, "writev": 20, "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32, "nanosleep": 35,
        "getpid": 39, "exit": 60, "fcntl": 72, "gettimeofday": 96, "getrusage": 98, "sigaltstack": 131,
        "gettid": 186, "futex": 202, "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228,
        "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "prlimit64": 302, "getrandom": 318,
        "rseq": 334,
    },
    "aarch64": {
        "dup": 23, "fcntl": 25, "close": 57, "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66,
        "pread64": 67, "ppoll": 73, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98, "nanosleep": 101,
        "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "sched_getaffinity": 123,
        "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135,
        "rt_sigreturn": 139, "getrusage": 165, "gettimeofday": 169, "getpid": 172, "gettid": 178, "brk": 214,
        "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233, "prlimit64": 261,
        "getrandom": 278, "rseq": 293,
    },
}  # fmt: skip


def build_seccomp_program(machine: str) -> list[bytes]:
    """The filter for a machine as BPF instructions. Raises KeyError for a machine without numbers here."""
    allowed = ALLOWED[machine]
    instructions = [
        _pack_bpf_instruction(LOAD, _ARCHITECTURE),
        _pack_bpf_instruction(IF_EQUAL, AUDIT_ARCH[machine], 1, 0),
        _pack_bpf_instruction(RETURN, KILL_PROCESS),  # numbers of another architecture mean other calls
        _pack_bpf_instruction(LOAD, _NUMBER),
    ]
    for name, number in sorted(allowed.items(), key=lambda item: item[1]):
        condition = CONDITIONS.get(name)
        verdict = condition.instructions() if condition else [_pack_bpf_instruction(RETURN, ALLOW)]
        instructions += [_pack_bpf_instruction(IF_EQUAL, number, 0, len(verdict)), *verdict]
    return [*instructions, _pack_bpf_instruction(RETURN, ERRNO | errno.EPERM)]


def _pack_bpf_instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter (linux/filter.h)."""
    return struct.pack("=HBBI", code, if_true, if_false, operand)
