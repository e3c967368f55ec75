"""The child is shut in, and whatever happens in it the worker lives and the next file is measured."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import analysis
from checks.analysis import (
    Analyser,
    AnalysisFailed,
    AnalysisUnavailable,
    Failure,
    Level,
    Note,
    known_samples,
    sandbox,
    self_test,
)
from checks.analysis import analyser as analyser_module
from checks.analysis.analyser import _Ending
from checks.model.release import Credential, CredentialState

from . import broken, files, misbehaving, without_filter
from .conftest import Measure

MISBEHAVING, BROKEN = misbehaving.__name__, broken.__name__


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return files.write(tmp_path / "song.wav", files.wave(files.pcm(files.music(1))))


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return files.write(tmp_path / "bad.wav", misbehaving.TRIGGER)


@pytest.mark.parametrize(
    ("misdeed", "error"),
    [
        ("eats_memory", Failure.DECODER_KILLED),
        ("crashes", Failure.DECODER_KILLED),
        ("leaves", Failure.DECODER_KILLED),
        ("babbles", Failure.DECODER_KILLED),
        ("spins", Failure.DECODER_TIMEOUT),
    ],
)
def test_a_file_that_ends_its_child_gives_a_code_and_the_next_is_measured(
    song: Path, bad: Path, misdeed: str, error: Failure
) -> None:
    with Analyser(f"{MISBEHAVING}:{misdeed}", memory_bytes=200 << 20, cpu_seconds=1) as analyser:
        facts = analyser.analyse(bad, "bad")
        assert (facts.ok, facts.error, facts.sha256) == (False, error, "bad")
        assert analyser.analyse(song, "good").ok


def test_a_file_on_which_our_own_code_fails_is_not_blamed(song: Path, bad: Path) -> None:
    with Analyser(f"{MISBEHAVING}:stumbles") as analyser:
        with pytest.raises(AnalysisFailed, match="IndexError: a fault of our own"):
            analyser.analyse(bad, "bad")
        assert analyser.analyse(song, "good").ok


def test_a_file_is_not_blamed_for_a_child_that_was_killed_from_outside(song: Path, bad: Path) -> None:
    """As a host without memory does, and as no file can do."""
    with Analyser(f"{MISBEHAVING}:sleeps") as analyser:
        assert analyser.analyse(song, "").ok
        killer = threading.Thread(target=_kill_the_fork_of, args=(_child(analyser),))
        killer.start()
        with pytest.raises(AnalysisFailed, match="killed from outside"):
            analyser.analyse(bad, "bad")
        killer.join()
        assert analyser.analyse(song, "good").ok


@pytest.mark.parametrize(
    ("measure", "cause"),
    [
        ("type_error", "TypeError: a fault of every file"),
        ("attribute_error", "AttributeError: a fault of every file"),
        ("memory_error", "decoder_killed"),
        ("crash", "decoder_killed"),
        ("refuses_everything", "undecodable"),
        ("measures_nothing", "lasts 0.00 s"),
    ],
)
def test_a_decoder_that_fails_on_known_samples_blames_no_file(song: Path, measure: str, cause: str) -> None:
    with Analyser(f"{BROKEN}:{measure}") as analyser:
        with pytest.raises(AnalysisUnavailable, match=cause):
            analyser.analyse(song, "good")
        with pytest.raises(AnalysisUnavailable, match=cause):
            analyser.measure_known(known_samples.SIGNED_SOUND)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"tags": ()}, "do not show"),
        ({"credential": Credential(CredentialState.UNREAD.value)}, "was not read"),
        ({"credential": Credential()}, "was not read"),
        ({"fingerprint": b""}, "no fingerprint"),
        ({"channel_rms": (0.01,)}, "the level"),
        ({"ok": False, "error": "truncated"}, "truncated"),
    ],
)
def test_a_sample_that_is_measured_otherwise_is_noticed(
    analyser: Analyser, changes: dict[str, object], wrong: str
) -> None:
    facts = analyser.analyse(known_samples.SIGNED_SOUND, "")
    assert known_samples.wrong_sound(facts, known_samples.SIGNED_SOUND) == ""
    assert wrong in known_samples.wrong_sound(dataclasses.replace(facts, **changes), known_samples.SIGNED_SOUND)  # type: ignore[arg-type]


def test_a_decoder_that_is_less_isolated_than_demanded_reads_nothing(
    monkeypatch: pytest.MonkeyPatch, song: Path
) -> None:
    with Analyser(without_filter.__name__ + ":measure") as analyser:
        assert analyser.analyse(song, "good").ok
        monkeypatch.setattr(sandbox, "_demanded_level", Level.SYSCALLS)
        with pytest.raises(AnalysisUnavailable, match=r"level 1 \(limits\), and 2 \(syscalls\) is demanded"):
            analyser.analyse(song, "good")


def test_a_decoder_whose_user_is_missing_reads_nothing(monkeypatch: pytest.MonkeyPatch, song: Path) -> None:
    monkeypatch.setattr(sandbox, "_demanded_user", "nobody-of-that-name")
    with Analyser() as analyser, pytest.raises(AnalysisUnavailable, match="no user"):
        analyser.analyse(song, "good")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_a_decoder_of_another_user_measures_the_same(monkeypatch: pytest.MonkeyPatch, song: Path) -> None:
    with Analyser() as analyser:
        as_the_gate = analyser.analyse(song, "good")
        monkeypatch.setattr(sandbox, "_demanded_user", "nobody")
        assert analyser.analyse(song, "good") == as_the_gate
        assert [part for part in self_test.run_self_test() if not part.ok] == []


def test_a_file_that_makes_its_child_wait_is_ended_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, song: Path, bad: Path
) -> None:
    monkeypatch.setattr(analyser_module, "_WALL_SECONDS_A_CPU_SECOND", 1)
    with Analyser(f"{MISBEHAVING}:sleeps", cpu_seconds=1) as analyser:
        assert analyser.analyse(bad, "bad").error == Failure.DECODER_TIMEOUT
        assert analyser.analyse(song, "good").ok


def test_a_wait_that_is_broken_off_leaves_nothing_for_the_next_file(song: Path, bad: Path) -> None:
    class OutOfPatience(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise OutOfPatience

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Analyser(f"{MISBEHAVING}:sleeps") as analyser:
            assert analyser.analyse(song, "").ok
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(OutOfPatience):
                analyser.analyse(bad, "")
            assert analyser.analyse(song, "").ok
    finally:
        signal.signal(signal.SIGALRM, before)


def test_the_child_knows_no_secret_of_the_worker(monkeypatch: pytest.MonkeyPatch, song: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    with Analyser() as analyser:
        analyser.analyse(song, "")
        environment = Path(f"/proc/{_child(analyser)}/environ").read_text()
    assert "OPENBLAS_NUM_THREADS" in environment
    assert "secret" not in environment


def test_a_killed_warm_process_is_replaced(song: Path) -> None:
    with Analyser() as analyser:
        analyser.analyse(song, "")
        first = _child(analyser)
        os.kill(first, signal.SIGKILL)
        assert analyser.analyse(song, "").ok
        assert _child(analyser) != first


def test_closing_ends_the_child_and_the_next_file_starts_another(song: Path) -> None:
    analyser = Analyser()
    analyser.analyse(song, "")
    first = _child(analyser)
    analyser.close()
    assert not Path(f"/proc/{first}").exists()
    assert analyser.analyse(song, "").ok
    analyser.close()


def test_the_child_ends_with_the_worker_that_started_it(tmp_path: Path, song: Path) -> None:
    script = "\n".join(
        (
            "import os, sys, signal; from pathlib import Path",
            "from checks import analysis",
            f"analysis.default_analyser().analyse(Path({str(song)!r}), '')",
            "print(analysis.default_analyser()._process._popen.pid, flush=True)",
            "os.kill(os.getpid(), signal.SIGKILL)",
        )
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert _gone(int(done.stdout)), done.stderr


def test_a_forked_process_starts_a_child_of_its_own(song: Path) -> None:
    script = f"""
import os
from pathlib import Path
from checks.analysis import Analyser

def child():
    return analyser._process._popen.pid

with Analyser() as analyser:
    song = Path({str(song)!r})
    analyser.analyse(song, "")
    before = child()
    if (fork := os.fork()) == 0:
        print(analyser.analyse(song, "").ok, child() != before, flush=True)
        analyser.close()
        os._exit(0)
    os.waitpid(fork, 0)
    print(analyser.analyse(song, "").ok, child() == before)
"""
    # A process of its own: this one may have threads, whose locks nobody would release in a fork.
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True"] * 4, done.stderr


def test_threads_share_one_child(analyser: Analyser, tmp_path: Path) -> None:
    lengths = {seconds: tmp_path / f"{seconds}.wav" for seconds in (1, 2, 3)}
    for seconds, path in lengths.items():
        files.write(path, files.wave(files.pcm(files.music(seconds))))
    heard: dict[tuple[int, int], float] = {}

    def listen(thread: int) -> None:
        for seconds, path in lengths.items():
            heard[thread, seconds] = analyser.analyse(path, "").duration

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 12
    assert all(duration == seconds for (_, seconds), duration in heard.items())


def test_a_missing_file_is_the_callers_fault(analyser: Analyser, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        analyser.analyse(tmp_path / "nowhere.wav", "")


def test_a_child_that_cannot_start_is_our_fault(song: Path) -> None:
    with (
        Analyser("checks.analysis.nowhere:measure") as analyser,
        pytest.raises(AnalysisUnavailable, match=r"does not start: ModuleNotFoundError.*nowhere"),
    ):
        analyser.analyse(song, "")


def test_a_child_cannot_lie_about_which_file_it_read(measure: Measure, song: Path) -> None:
    assert measure(song).sha256 == "ab" * 32


def test_tags_that_end_the_child_leave_the_measurements(tmp_path: Path) -> None:
    answer = b"".join(
        len(part).to_bytes(4, "big") + part for part in (b'{"sha256": "", "version": 1, "ok": true}', b"\1\0\0\0", b"")
    )
    facts = analyser_module._parse_child_answer("x", _Ending.KILLED, answer).facts
    assert facts
    assert (facts.ok, facts.fingerprint_items, facts.notes) == (True, 1, (Note.TAGS_UNREADABLE,))


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\2{}", b"\0\0\0\2{}\0\0\0\0", b"\0\0\0\2[]\0\0\0\0", b"\xff" * 50])
def test_an_answer_that_makes_no_sense_is_a_killed_decoder(answer: bytes) -> None:
    facts = analyser_module._parse_child_answer("x", _Ending.WELL, answer).facts
    assert facts
    assert (facts.ok, facts.error) == (False, Failure.DECODER_KILLED)


def test_the_operators_functions_speak_of_this_machine() -> None:
    assert [part for part in self_test.run_self_test() if not part.ok] == []
    assert analysis.fingerprint_backend() == "built-in" or analysis.fingerprint_backend().startswith("libchromaprint")
    assert analysis.default_analyser() is analysis.default_analyser()


@pytest.fixture(scope="module", autouse=True)
def end_the_default_analyser() -> Iterator[None]:
    yield
    analysis.default_analyser().close()


def _child(analyser: Analyser) -> int:
    assert analyser._process is not None
    return analyser._process._popen.pid


def _gone(process: int) -> bool:
    """Whether a process ends within a few seconds, or is only a name in the table."""
    for _ in range(200):
        status = Path(f"/proc/{process}/stat")
        if not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def _kill_the_fork_of(process: int) -> None:
    """Kill the first child that a process has, as soon as it has one."""
    for _ in range(500):
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(status.read_text().rsplit(")", 1)[1].split()[1]) == process:
                    os.kill(int(status.parent.name), signal.SIGKILL)
                    return
        time.sleep(0.01)
