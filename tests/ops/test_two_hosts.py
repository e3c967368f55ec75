"""Two worker hosts with disks of their own, on one PostgreSQL, Redis and file store: no copy passes on either."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.ops.waiting import until

ROOT = Path(__file__).parents[2]

#: Seconds for a delivery to be measured and judged, on a machine that does other things as well.
PATIENCE = 180.0

DECIDED = {"approved", "labelled", "in_review"}


class Installation:
    """A database, a broker and a file store that several hosts share, and the programs that run on them."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        self._folder = folder
        self._shared = {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "STORAGE_URL": (folder / "files").as_uri(),
            "GATE_SECRET_KEY": "the same on every host",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.run("migrate", "manage.py", "migrate", "--no-input", "--verbosity=0").wait()
        self.beat = self.run("beat", "-m", "celery", "--app=config", "beat", "--scheduler=celery.beat:Scheduler")
        self.driver = self.run("driver", "-m", "tests.ops.host_driver", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def index(self, host: str) -> Path:
        return self._folder / host / "index"

    def run(self, host: str, *command: str, **pipes: int) -> subprocess.Popen[bytes]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATE_TEST")}
        environment = {**inherited, **self._shared, "GATE_DATA": str(self._folder / host)}
        (self._folder / host).mkdir(exist_ok=True)
        said = (self._folder / f"{host}.log").open("ab")
        pipes = {"stdout": said.fileno(), "stderr": said.fileno()} | pipes
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, start_new_session=True, **pipes
        )
        self._running[host] = process
        return process

    def start(self, host: str) -> None:
        worker = ["-m", "celery", "--app=config", "worker", f"--hostname=worker@{host}", "--queues=work,fast"]
        self.run(host, *worker, "--concurrency=1", "--without-gossip", "--without-mingle", "--loglevel=WARNING")

    def stop(self, host: str, how: int = signal.SIGTERM) -> None:
        process = self._running.pop(host)
        os.killpg(process.pid, how)
        process.wait()

    def close(self) -> None:
        for host in list(self._running):
            if self._running[host].poll() is None:
                self.stop(host, signal.SIGKILL)

    def ask(self, name: str, *arguments: object):
        self.driver.stdin.write(json.dumps([name, arguments]).encode() + b"\n")
        self.driver.stdin.flush()
        return json.loads(self.driver.stdout.readline())

    def delivered(self, label: str, title: str, number: int, seed: int) -> tuple[str, list[str]]:
        """Deliver, wait for the decision; returns the submission and what was said of its sound."""
        submission = self.ask("deliver", label, title, number, seed)
        until(lambda: self.ask("outcome", submission)["state"] in DECIDED, seconds=PATIENCE)
        found = self.ask("outcome", submission)
        if found["codes"] == []:
            assert found["attempts"] == 1
        return submission, found["codes"]


@pytest.fixture
def installation(tmp_path):
    database, redis = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if not (database.startswith("postgres") and redis.startswith("redis")):
        pytest.skip("GATE_TEST_DATABASE_URL and GATE_TEST_REDIS_URL name no servers")
    psycopg = pytest.importorskip("psycopg")
    parts = urlsplit(database)
    name = f"{parts.path.strip('/')}_hosts_{os.getpid()}"
    # Another number of the same server: the messages of this test are for its own workers.
    number = urlsplit(redis)._replace(path=f"/{10 + int(urlsplit(redis).path.strip('/') or 0) % 6}")
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    _empty(urlunsplit(number))
    made = Installation(tmp_path, urlunsplit(parts._replace(path=f"/{name}")), urlunsplit(number))
    yield made
    made.close()
    _empty(urlunsplit(number))
    with psycopg.connect(maintenance, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _empty(url: str) -> None:
    import redis

    redis.Redis.from_url(url).flushdb()


COPIED = {"similarity.pending_elsewhere", "similarity.known_recording"}


@pytest.mark.slow
def test_no_copy_passes_whichever_host_checks_it(installation):
    gate = installation
    gate.start("a")
    _, said = gate.delivered("Harbour Records", "Low Tide", 1, seed=1)
    assert said == []
    gone, said = gate.delivered("Harbour Records", "Slack Water", 2, seed=2)
    assert said == []
    gate.stop("a")

    assert gate.ask("forget", gone) == 1
    gate.start("b")  # its disk is empty
    _, said = gate.delivered("North Pier Music", "Undertow", 3, seed=1)
    assert COPIED & set(said)
    _, said = gate.delivered("North Pier Music", "Lee Shore", 4, seed=2)  # forgotten meanwhile
    assert said == []
    gate.stop("b")
    shutil.copytree(gate.index("b"), gate.index("b").with_name("yesterday"))

    gate.start("b")
    _, said = gate.delivered("Harbour Records", "Spring Tide", 5, seed=3)
    assert said == []
    gate.stop("b", signal.SIGKILL)
    gate.start("a")
    _, said = gate.delivered("North Pier Music", "Headland", 6, seed=3)
    assert COPIED & set(said)
    gate.stop("a", signal.SIGKILL)

    shutil.rmtree(gate.index("b"))
    gate.index("b").with_name("yesterday").rename(gate.index("b"))
    gate.start("b")
    _, said = gate.delivered("Skerry Sounds", "Groyne", 7, seed=3)
    assert COPIED & set(said)
    shutil.rmtree(gate.index("b"))  # under the running worker
    _, said = gate.delivered("Skerry Sounds", "Jetty", 8, seed=1)
    assert COPIED & set(said)
