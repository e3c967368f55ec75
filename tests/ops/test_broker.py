"""The embedded broker delivers every message, and gives back what a killed worker held."""

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

import config.celery  # noqa: F401 - registers gatesql://
from tests.ops import letterbox
from tests.ops.waiting import alive, children, until

ROOT = Path(__file__).parents[2]


def connect(path, visibility_timeout=600.0):
    return Connection("gatesql://", transport_options={"path": str(path), "visibility_timeout": visibility_timeout})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "broker.sqlite3"


@pytest.fixture
def queue(path):
    with connect(path) as connection:
        yield connection.SimpleQueue("work")


def test_consumer_gets_messages_in_order(queue):
    for number in range(5):
        queue.put(number)
    assert [queue.get(block=False).payload for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(Empty):
        queue.get(block=False)


def test_acknowledged_message_is_gone_from_the_file(queue, path):
    queue.put("once")
    queue.get(block=False).ack()
    with connect(path, visibility_timeout=0.0) as other, pytest.raises(Empty):
        other.SimpleQueue("work").get(block=False)


def test_held_message_is_hidden_from_others_until_its_time_is_over(queue, path):
    with connect(path, visibility_timeout=0.2) as slow, connect(path) as other:
        queue.put("again")
        slow.SimpleQueue("work").get(block=False)
        waiting = other.SimpleQueue("work")
        with pytest.raises(Empty):
            waiting.get(block=False)
        assert waiting.get(timeout=2).payload == "again"


def test_message_handed_back_is_delivered_again_and_rejected_one_is_not(queue):
    queue.put("back")
    queue.get(block=False).requeue()
    queue.get(block=False).reject()
    with pytest.raises(Empty):
        queue.get(block=False)


def test_closing_a_consumer_gives_back_what_it_held(queue, path):
    queue.put("held")
    with connect(path) as other:
        other.SimpleQueue("work").get(block=False)
    assert queue.get(block=False).payload == "held"


def test_purge_removes_what_nobody_holds(queue):
    for number in range(3):
        queue.put(number)
    held = queue.get(block=False)
    assert queue.clear() == 2
    assert queue.qsize() == 0
    held.requeue()
    assert queue.qsize() == 1


def test_expired_message_is_never_delivered(queue):
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    queue.put("late", headers={"expires": past.isoformat()})
    queue.put("timely", headers={"expires": (past + dt.timedelta(hours=1)).isoformat()})
    assert queue.get(block=False).payload == "timely"


def test_message_of_a_dead_process_is_delivered_again_at_once(queue, path):
    queue.put("orphan")
    script = (
        "import os, sys; import config.celery; from tests.ops.test_broker import connect;"
        "connect(sys.argv[1]).SimpleQueue('work').get(block=False); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=False)
    assert queue.get(timeout=5).payload == "orphan"


def test_forked_process_opens_the_file_anew(queue):
    queue.put("parent")
    child = os.fork()
    if child == 0:
        try:
            queue.put("child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert [queue.get(block=False).payload for _ in range(2)] == ["parent", "child"]


def start_worker(folder):
    command = [sys.executable, "-m", "celery", "--app=tests.ops.letterbox:app", "--quiet", "worker"]
    command += ["--concurrency=2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "LETTERBOX": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_group(worker):
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


@pytest.mark.slow
def test_worker_group_killed_again_and_again_loses_no_task(tmp_path, monkeypatch):
    monkeypatch.setattr(letterbox, "HERE", tmp_path)
    letterbox.app.conf.broker_transport_options["path"] = str(tmp_path / "broker.sqlite3")
    tasks = range(40)
    for number in tasks:
        letterbox.write.delay(number, 0.2)
    for kill in range(3):
        worker = start_worker(tmp_path)
        try:
            until(lambda goal=4 * (kill + 1): len(letterbox.numbers(tmp_path, "begun")) >= goal)
        finally:
            kill_group(worker)
    worker = start_worker(tmp_path)
    try:
        until(lambda: set(letterbox.numbers(tmp_path, "done")) == set(tasks))
    finally:
        kill_group(worker)
    begun, done = (letterbox.numbers(tmp_path, word) for word in ("begun", "done"))
    assert len(begun) > len(tasks), "the kills hit running tasks"
    assert len(done) - len(tasks) <= 3 * 2, "only what was in hand at a kill may be done twice"


@pytest.mark.slow
def test_pool_dies_with_a_killed_master(tmp_path):
    worker = start_worker(tmp_path)
    try:
        until(lambda: len(children(worker.pid)) >= 2)
        time.sleep(0.5)  # until the second child has asked the kernel to die with its parent
        pool = children(worker.pid)
        worker.kill()
        worker.wait()
        until(lambda: not any(alive(pid) for pid in pool), seconds=5)
    finally:
        with contextlib.suppress(ProcessLookupError):
            kill_group(worker)
