"""The whole gate under its supervisor: it comes up, survives the death of its workers, and goes down cleanly."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.ops.waiting import alive, children, until

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


class Gate:
    """``manage.py supervise`` on a folder and a port of its own."""

    def __init__(self, folder):
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        servers = {"DATABASE_URL", "REDIS_URL"}  # this gate is the embedded one, wherever the other tests run
        inherited = {name: value for name, value in os.environ.items() if name not in servers}
        self.environment = {**inherited, "GATE_DATA": str(folder), "GATE_PORT": str(port), "GATE_WORKERS": "1"}
        self.shown = (folder / "shown").open("w")
        self.process = self.start()

    def start(self):
        command = [sys.executable, "manage.py", "supervise"]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=self.shown, stderr=self.shown)

    def answers(self, path="/healthz"):
        try:
            return urllib3.request("GET", self.url + path, retries=False, timeout=2).status
        except urllib3.exceptions.HTTPError:
            return None

    def program(self, queue):
        """The process id of a running program, found by a word of its command line."""
        return next((pid for pid in children(self.process.pid) if queue in command_line(pid)), None)

    def family(self):
        """Every process of the gate."""
        found, new = [], [self.process.pid]
        while new:
            found += new
            new = [child for pid in new for child in children(pid)]
        return found


@pytest.fixture
def gate(tmp_path):
    gate = Gate(tmp_path)
    yield gate
    gate.process.kill()
    gate.process.wait()
    gate.shown.close()


@pytest.mark.slow
def test_gate_comes_up_survives_and_goes_down(gate, tmp_path):
    until(lambda: gate.answers() == 200, seconds=60)
    until(lambda: (tmp_path / "tmp" / "beat").exists(), seconds=30)
    until(lambda: gate.program("--queues=work") and len(children(gate.program("--queues=work"))) >= 1, seconds=30)

    worker = gate.program("--queues=work")
    pool = children(worker)
    os.killpg(worker, signal.SIGKILL)
    until(lambda: gate.program("--queues=work") not in (None, worker))
    assert not any(alive(pid) for pid in [worker, *pool])
    assert gate.answers() == 200

    second = gate.start()
    assert second.wait(timeout=30) != 0, "one supervisor to a folder"

    everybody = gate.family()
    gate.process.send_signal(signal.SIGTERM)
    assert gate.process.wait(timeout=15) == 0
    assert [command_line(pid) for pid in everybody if alive(pid)] == []
    assert gate.answers() is None
