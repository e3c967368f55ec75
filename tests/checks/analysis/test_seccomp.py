"""The filter of system calls: read as the kernel reads it, on both machines, and tried for real at each level."""

import errno
import fcntl
import io
import mmap
import multiprocessing
import os
import re
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from checks.analysis import Level, sandbox, sandbox_escapes, seccomp
from checks.analysis.sandbox import Isolation, Limits, NotIsolated

MACHINES = sorted(seccomp.ALLOWED)
REFUSED = seccomp.ERRNO | errno.EPERM
OTHER_PROCESS = 4711
LIMITS = Limits(cpu_seconds=20, memory_bytes=1 << 30)


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the program answers to a call: an interpreter of the instructions that it uses."""
    data = struct.pack(
        "<iIQ6Q",
        number,
        architecture or seccomp.AUDIT_ARCH[machine],
        0,
        *(value & (1 << 64) - 1 for value in (*arguments, *[0] * 6)[:6]),
    )
    program = [struct.unpack("=HBBI", item) for item in seccomp.build_seccomp_program(machine)]
    position = accumulator = 0
    while True:
        code, if_true, if_false, operand = program[position]
        position += 1
        if code == seccomp.LOAD:
            accumulator = int.from_bytes(data[operand : operand + 4], "little")
        elif code == seccomp.AND:
            accumulator &= operand
        elif code == seccomp.RETURN:
            return operand
        else:
            holds = {
                seccomp.IF_EQUAL: accumulator == operand,
                seccomp.IF_GREATER: accumulator > operand,
                seccomp.IF_SET: bool(accumulator & operand),
            }[code]
            position += if_true if holds else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_only_the_calls_of_the_table_pass(machine: str) -> None:
    unconditional = {number for name, number in seccomp.ALLOWED[machine].items() if name not in seccomp.CONDITIONS}
    allowed = {number for number in range(-1, 1024) if verdict(machine, number, *[1 << 31] * 6) == seccomp.ALLOW}
    assert unconditional <= allowed <= set(seccomp.ALLOWED[machine].values())
    assert len(allowed) < 60


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    assert verdict(machine, seccomp.ALLOWED[machine]["read"], architecture=0x40000003) == seccomp.KILL_PROCESS


def test_calls_by_their_x32_numbers_are_refused() -> None:
    x32 = 0x40000000
    assert {verdict("x86_64", x32 | number) for number in seccomp.ALLOWED["x86_64"].values()} == {REFUSED}


PASSED: list[tuple[str, tuple[int, ...]]] = [
    ("prlimit64", (0, resource.RLIMIT_AS)),
    ("prlimit64", (1 << 32, resource.RLIMIT_AS)),  # the kernel reads the low half: process 0, which is the caller
    ("fcntl", (3, fcntl.F_GETFD)),
    ("fcntl", (3, fcntl.F_DUPFD_CLOEXEC)),
    ("mmap", (0, 4096, mmap.PROT_READ | mmap.PROT_WRITE)),
    ("mprotect", (0, 4096, mmap.PROT_READ)),
    ("futex", (0, 128)),
    ("futex", (0, 9 | 128 | 256)),
    ("clock_gettime", (1,)),
    ("sched_getaffinity", (0,)),
]
STOPPED: list[tuple[str, tuple[int, ...]]] = [
    ("prlimit64", (OTHER_PROCESS, resource.RLIMIT_CPU)),
    ("prlimit64", (-1, resource.RLIMIT_CPU)),
    ("prlimit64", (1 << 32 | OTHER_PROCESS, resource.RLIMIT_CPU)),
    ("fcntl", (3, 8)),  # F_SETOWN
    ("fcntl", (3, 10)),  # F_SETSIG
    ("fcntl", (3, 15)),  # F_SETOWN_EX
    ("fcntl", (3, fcntl.F_SETFL)),
    ("fcntl", (3, fcntl.F_SETLK)),
    ("fcntl", (3, fcntl.F_SETLEASE)),
    ("fcntl", (3, fcntl.F_NOTIFY)),
    ("fcntl", (3, 1031)),  # F_SETPIPE_SZ
    ("mmap", (0, 4096, mmap.PROT_READ | mmap.PROT_EXEC)),
    ("mprotect", (0, 4096, mmap.PROT_EXEC)),
    ("futex", (0, 6)),  # FUTEX_LOCK_PI
    ("futex", (0, 12 | 128)),  # FUTEX_CMP_REQUEUE_PI
    ("clock_gettime", (~OTHER_PROCESS << 3 | 2,)),
    ("clock_nanosleep", (~OTHER_PROCESS << 3 | 2,)),
    ("sched_getaffinity", (OTHER_PROCESS,)),
]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("call", "arguments"), PASSED)
def test_calls_about_the_process_itself_pass(machine: str, call: str, arguments: tuple[int, ...]) -> None:
    assert verdict(machine, seccomp.ALLOWED[machine][call], *arguments) == seccomp.ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("call", "arguments"), STOPPED)
def test_calls_that_reach_beyond_the_process_are_refused(machine: str, call: str, arguments: tuple[int, ...]) -> None:
    assert verdict(machine, seccomp.ALLOWED[machine][call], *arguments) == REFUSED


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_that_is_tried_from_inside_passes(machine: str) -> None:
    """The attempts of the self-test, read against the filter of a machine that is not at hand."""
    column = ("x86_64", "aarch64").index(machine)
    for item in sandbox_escapes.ATTEMPTS:
        number = item.numbers[column]
        if number is not None:
            values = [
                value if isinstance(value, int) else ~OTHER_PROCESS << 3 | 2 if value == "clock" else OTHER_PROCESS
                for value in item.arguments
            ]
            assert verdict(machine, number, *values) == REFUSED, item


HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    known = {name: int(number) for name, number in lines}
    known.setdefault("newfstatat", known.get("fstatat", -1))  # one call under two names
    column = ("x86_64", "aarch64").index(machine)
    used = dict(seccomp.ALLOWED[machine])
    assert used == {name: known[name] for name in used}
    tried = {item.call: item.numbers[column] for item in sandbox_escapes.ATTEMPTS}
    assert tried == {name: known.get(name) for name in tried}


# --- For real ------------------------------------------------------------------------------------------------------


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process that uses CPU time, so that a limit on it takes effect."""
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


#: Starts processes without a copy of this one, whose threads hold locks that nobody would release in a fork.
FRESH = multiprocessing.get_context("spawn")


def confined(work: Callable[[], object], level: Level) -> str:
    """Return what ``work`` returns, or the error it meets, in a fresh process that is isolated at a level."""
    reader, writer = FRESH.Pipe(duplex=False)
    process = FRESH.Process(target=_isolate_and_work, args=(work, level, writer))
    process.start()
    writer.close()
    answer = str(reader.recv())
    process.join()
    return answer


def _isolate_and_work(work: Callable[[], object], level: Level, writer: Connection) -> None:
    _weaken(level)
    try:
        assert sandbox.isolate_process(LIMITS) is level
        answer = str(work())
    except BaseException as error:
        answer = repr(error)
    writer.send(answer)
    os._exit(0)


def _weaken(level: Level) -> None:
    """Make this process's kernel one that grants no more than a level."""
    if level <= Level.SYSCALLS:
        sandbox._apply_landlock = lambda: False
    if level <= Level.LIMITS:
        sandbox._apply_seccomp = lambda: False


BOTH = pytest.mark.parametrize("level", [Level.SYSCALLS, Level.FILES])


@BOTH
@pytest.mark.parametrize(("limit", "values"), [(resource.RLIMIT_CPU, (0, 0)), (resource.RLIMIT_NOFILE, (3, 3))])
def test_a_taken_over_decoder_cannot_limit_another_process(
    victim: subprocess.Popen[bytes], level: Level, limit: int, values: tuple[int, int]
) -> None:
    before = resource.prlimit(victim.pid, limit)
    assert "PermissionError" in confined(partial(resource.prlimit, victim.pid, limit, values), level)
    assert resource.prlimit(victim.pid, limit) == before
    assert victim.poll() is None


@BOTH
def test_a_taken_over_decoder_cannot_have_signals_sent(victim: subprocess.Popen[bytes], level: Level) -> None:
    assert "PermissionError" in confined(partial(_have_signal_sent, victim.pid), level)
    with pytest.raises(subprocess.TimeoutExpired):
        victim.wait(0.2)


def _have_signal_sent(pid: int) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, pid)
    fcntl.fcntl(reader, 10, signal.SIGKILL)  # F_SETSIG
    fcntl.fcntl(reader, fcntl.F_SETFL, 0o20000)  # O_ASYNC
    os.write(writer, b"now")


@BOTH
def test_a_taken_over_decoder_cannot_see_whether_a_path_exists(level: Level) -> None:
    for path in ("/etc/passwd", "/nowhere"):
        assert "PermissionError" in confined(Path(path).stat, level)


def test_a_process_loses_what_root_may_do() -> None:
    """With the rights of root, a child could raise its own limits again. No filter: the refusal is the right's."""
    assert confined(_raise_memory, Level.LIMITS).startswith("ValueError")


def _raise_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
@BOTH
def test_a_decoder_runs_as_the_user_that_was_set(level: Level) -> None:
    reader, writer = FRESH.Pipe(duplex=False)
    process = FRESH.Process(target=_become_nobody_and_stay, args=(level, writer))
    process.start()
    try:
        assert reader.recv() == "ready"
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.M)
        assert re.search(r"^Gid:\t65534\t65534\t65534\t65534$", status, re.M)
        assert re.search(r"^Groups:\s*$", status, re.M)
        assert re.search(r"^Cap(Eff|Prm):\t0+$", status, re.M)
    finally:
        process.kill()
        process.join()


def _become_nobody_and_stay(level: Level, writer: Connection) -> None:
    _weaken(level)
    sandbox.isolate_process(LIMITS, Isolation(level, 65534, 65534))
    writer.send("ready")
    while True:  # the filter refuses to wait
        pass


def test_a_process_that_is_less_isolated_than_demanded_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_apply_isolation", lambda *_: Level.LIMITS)
    with pytest.raises(NotIsolated, match=r"level 1 \(limits\).*2 \(syscalls\) is demanded"):
        sandbox.isolate_process(LIMITS, Isolation(Level.SYSCALLS))


@pytest.mark.parametrize(("name", "why"), [("nobody-of-that-name", "no user"), ("root", "is root")])
def test_a_user_that_gives_no_protection_is_refused(name: str, why: str) -> None:
    assert why in sandbox.unusable_user(name)


@BOTH
def test_every_attempt_to_leave_is_refused(victim: subprocess.Popen[bytes], level: Level) -> None:
    said = confined(partial(_try_to_leave, victim.pid), level)
    assert victim.poll() is None
    assert '"results"' in said
    assert "false" not in said


def _try_to_leave(pid: int) -> str:
    return sandbox_escapes.attempt_escapes(io.BytesIO(str(pid).encode())).decode()


def test_the_self_test_names_what_was_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the filter, the attempts reach the kernel and harm the sacrificial process; the report says so."""
    monkeypatch.setattr(sandbox_escapes.sandbox_run, "run_sandboxed_once", unfiltered)
    level, results = sandbox_escapes.run_escape_tests()
    not_refused = {result.what for result in results if not result.refused}
    assert level is Level.LIMITS
    assert {"cripple another process", "see whether a path exists", "open a network socket"} <= not_refused
    assert "harm another process" in not_refused


def unfiltered(work: str, content: object, limits: Limits, isolation: Isolation) -> bytes:
    """The self-test's child, with a kernel that has no seccomp."""
    script = (
        "import os, sys; from checks.analysis import sandbox, sandbox_escapes\n"
        "sandbox._apply_seccomp = lambda: False; sandbox.isolate_process(sandbox_escapes.LIMITS)\n"
        "os.write(1, sandbox_escapes.attempt_escapes(os.fdopen(0, 'rb')))"
    )
    content.seek(0)  # type: ignore[attr-defined]
    done = subprocess.run([sys.executable, "-c", script], stdin=content, capture_output=True, check=True)  # type: ignore[call-overload]
    answer: bytes = done.stdout
    return answer


def test_the_self_test_finds_nothing_on_this_machine() -> None:
    level, results = sandbox_escapes.run_escape_tests()
    assert level >= Level.SYSCALLS
    assert [result for result in results if not result.refused] == []
    assert len(results) > 100
