"""The supervisor keeps its programs running, and leaves nothing behind when it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.waiting import alive, until

ROOT = Path(__file__).parents[2]

#: Supervises the shell commands given as arguments, named a, b, c …, with logs in the current folder.
SUPERVISE = """
import sys
from pathlib import Path
from intake.management.processes import Program, Supervisor
programs = [Program(name, ["sh", "-c", command], grace=1.0) for name, command in zip("abc", sys.argv[1:])]
Supervisor(programs, Path("logs"), sys.stdout).run()
"""
#: Says who it is, then who its child is, and waits.
PARENT = "echo parent $$; sleep 60 & echo child $!; wait"


class Run:
    """A supervisor at work in a folder of its own."""

    def __init__(self, folder, *commands):
        self.shown = folder / "shown"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, *commands],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=self.shown.open("w"),
            stderr=subprocess.STDOUT,
        )

    def said(self, word):
        """The numbers that programs printed after a word."""
        lines = (line.partition("| ")[2].split() for line in self.shown.read_text().splitlines())
        return [int(line[1]) for line in lines if line and line[0] == word]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=10)


@pytest.fixture
def supervise(tmp_path):
    runs = []

    def start(*commands):
        runs.append(Run(tmp_path, *commands))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()


def test_supervisor_restarts_a_killed_program_with_all_that_it_had_started(supervise):
    run = supervise(PARENT, "echo other $$; sleep 60")
    until(lambda: run.said("child") and run.said("other"))
    os.kill(run.said("parent")[0], signal.SIGKILL)
    until(lambda: len(run.said("child")) == 2)
    assert not alive(run.said("child")[0])
    assert len(run.said("other")) == 1


def test_supervisor_waits_longer_before_each_restart(supervise):
    run = supervise("exit 3")
    until(lambda: "ended with 3; starting again in 1 s" in run.shown.read_text())
    pauses = [line.rpartition(" in ")[2] for line in run.shown.read_text().splitlines()]
    assert pauses == ["0.25 s", "0.5 s", "1 s"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_supervisor_asked_to_stop_stops_everything(supervise, number):
    run = supervise(PARENT, "trap 'echo bye 1; exit 0' TERM; echo ready 1; while :; do sleep 0.05; done")
    until(lambda: run.said("child") and run.said("ready"))
    assert run.stop(number) == 0
    assert run.said("bye") == [1]
    assert not any(alive(pid) for pid in run.said("parent") + run.said("child"))


def test_supervisor_kills_a_program_that_does_not_stop(supervise):
    run = supervise("trap '' TERM; echo deaf $$; while :; do sleep 0.05; done")
    until(lambda: run.said("deaf"))
    assert run.stop() == 0
    assert "did not stop in time" in run.shown.read_text()
    assert not alive(run.said("deaf")[0])


def test_programs_die_with_a_killed_supervisor(supervise):
    run = supervise("echo parent $$; exec sleep 60")
    until(lambda: run.said("parent"))
    run.stop(signal.SIGKILL)
    until(lambda: not alive(run.said("parent")[0]), seconds=5)


def test_supervisor_keeps_what_programs_say_in_files(supervise, tmp_path):
    run = supervise("echo first; echo second >&2; sleep 60", "echo other; sleep 60")
    until(lambda: "other" in run.shown.read_text() and "second" in run.shown.read_text())
    run.stop()
    assert (tmp_path / "logs" / "a.log").read_text() == "first\nsecond\n"
    assert (tmp_path / "logs" / "b.log").read_text() == "other\n"
