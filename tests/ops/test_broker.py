"""The embedded broker delivers every message, and gives back what a killed worker held."""

import contextlib
import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

import config.celery  # noqa: F401 - registers gatesql://
from config import broker
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


def test_forked_process_opens_the_file_anew(queue, path):
    script = """
import os, sys
import config.celery
from tests.ops.test_broker import connect

queue = connect(sys.argv[1]).SimpleQueue("work")
queue.put("parent")
if (child := os.fork()) == 0:
    queue.put("child")
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    # A process of its own: this one may have threads, whose locks nobody would release in a fork.
    subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=True)
    assert [queue.get(block=False).payload for _ in range(2)] == ["parent", "child"]


# --- one message for one piece of work --------------------------------------------------------------------------------


@pytest.fixture
def channel(path):
    with connect(path) as connection:
        yield connection.default_channel


def send(channel, task="intake.analyse", args=("one",), **headers):
    """Publish what Celery publishes for a task."""
    body = json.dumps([list(args), {}, {"callbacks": None}])
    message = channel.prepare_message(body, headers={"task": task, "id": str(uuid.uuid4()), **headers})
    channel.exchange_declare("work")
    channel.queue_declare("work")
    channel.queue_bind("work", "work", "work")
    channel.basic_publish(message, exchange="work", routing_key="work")


def receive(channel):
    """Take a message; returns it with its task and its first argument, or None."""
    message = channel.basic_get("work")
    return message and (message, message.headers["task"], json.loads(message.body)[0][0])


def test_same_work_enqueued_again_while_it_waits_is_one_message_in_its_first_place(channel):
    for _ in range(50):
        send(channel, args=["one"])
        send(channel, args=["two"])
        send(channel, task="intake.run_check", args=["one"])
    assert channel._size("work") == 3
    taken = [receive(channel)[1:] for _ in range(3)]
    assert taken == [("intake.analyse", "one"), ("intake.analyse", "two"), ("intake.run_check", "one")]
    assert receive(channel) is None


def test_same_work_enqueued_while_it_is_held_is_a_message_of_its_own(channel):
    send(channel)
    held, *_ = receive(channel)
    send(channel)
    again, *_ = receive(channel)
    channel.basic_ack(held.delivery_tag)
    channel.basic_ack(again.delivery_tag)
    assert receive(channel) is None
    assert channel._size("work") == 0


def test_held_message_that_is_given_back_and_its_waiting_twin_become_one(channel):
    send(channel, args=["one"])
    held, *_ = receive(channel)
    send(channel, args=["two"])
    send(channel, args=["one"])
    channel.basic_reject(held.delivery_tag, requeue=True)
    assert channel._size("work") == 2
    assert [receive(channel)[2] for _ in range(2)] == ["one", "two"]


def test_tick_that_is_sent_again_expires_when_the_later_one_does(channel):
    now = dt.datetime.now(dt.UTC)
    send(channel, "intake.sweep", ["x"], expires=(now + dt.timedelta(seconds=0.3)).isoformat())
    send(channel, "intake.sweep", ["x"], expires=(now + dt.timedelta(hours=1)).isoformat())
    assert channel._size("work") == 1
    time.sleep(0.4)
    assert receive(channel)[1] == "intake.sweep"


def test_message_for_a_later_time_is_never_the_same_as_another(channel):
    send(channel, eta="2030-01-01T00:00:00+00:00")
    send(channel, eta="2031-01-01T00:00:00+00:00")
    send(channel)
    assert channel._size("work") == 3


@pytest.mark.parametrize("statement", ["_LOOK", "_TAKE"])
def test_message_is_taken_by_the_index_and_without_sorting(path, statement):
    opened = broker._File(path)
    values = {"queue": "work", "now": 0.0, "until": 0.0, "owner": 1}
    plan = opened._connection.execute(f"EXPLAIN QUERY PLAN {getattr(broker, statement)}", values).fetchall()
    steps = [row[3] for row in plan]
    assert any("message_waiting" in step for step in steps), steps
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in steps), steps


def test_taking_costs_the_same_steps_among_many_messages_as_among_few(path):
    """SQLite counts the steps of its virtual machine: no clock is asked, so a busy machine changes nothing."""
    opened = broker._File(path)
    opened._next_housekeeping = float("inf")

    def steps_of_one() -> int:
        count = [0]
        opened._connection.set_progress_handler(lambda: count.__setitem__(0, count[0] + 1), 1)
        assert opened.take("work", 600.0)
        opened._connection.set_progress_handler(None, 1)
        return count[0]

    def fill(first: int, last: int) -> None:
        opened._connection.execute("BEGIN")
        for number in range(first, last):
            opened.put(str(number), "work", f"task {number}", "{}", None)
        opened._connection.execute("COMMIT")

    fill(0, 50)
    few = steps_of_one()
    fill(50, 20_000)
    assert steps_of_one() == few


# --- a bad file -------------------------------------------------------------------------------------------------------

#: As the first version wrote it.
FIRST_SCHEMA = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tag TEXT NOT NULL UNIQUE, queue TEXT NOT NULL, payload TEXT NOT NULL,
    visible_at REAL NOT NULL, expires_at REAL, owner INTEGER
);
CREATE INDEX message_next ON message (queue, visible_at, id);
"""


def first_version(path):
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        old.executescript(FIRST_SCHEMA)
        payload = json.dumps({"headers": {"task": "intake.analyse"}, "body": "W10=", "properties": {}})
        rows = ((str(number), payload) for number in range(40_000))
        old.executemany("INSERT INTO message (tag, queue, payload, visible_at) VALUES (?, 'work', ?, 0)", rows)
        old.commit()


def not_a_database(path):
    path.write_bytes(b"not a database at all " * 1000)


def empty_with_a_journal(path):
    path.touch(mode=0o640)
    path.with_name(path.name + "-wal").write_bytes(os.urandom(100_000))


def foreign(path):
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE song (title TEXT)")
        other.commit()


def holes(path):
    opened = broker._File(path)
    for number in range(2000):
        opened.put(str(number), "work", f"task {number}", "x" * 100, None)
    opened._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    opened._connection.close()
    with path.open("r+b") as file:
        for place in range(8192, path.stat().st_size - 4096, 8192):
            file.seek(place)
            file.write(os.urandom(4096))


def cut_short(path):
    holes(path)
    os.truncate(path, path.stat().st_size // 3)


BAD = [first_version, not_a_database, empty_with_a_journal, foreign, holes, cut_short]


@pytest.mark.parametrize("spoil", BAD)
def test_bad_file_is_replaced_when_it_is_opened(path, spoil):
    spoil(path)
    with connect(path) as connection:
        queue = connection.SimpleQueue("work")
        queue.put("new")
        assert queue.get(timeout=1).payload == "new"
        assert queue.qsize() == 0
    assert path.stat().st_size < 1_000_000
    assert path.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("spoil", [spoil for spoil in BAD if spoil is not first_version])
def test_file_that_goes_bad_under_a_running_gate_is_replaced(path, queue, spoil, tmp_path):
    queue.put("lost")
    broker._file(path)._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    bad = tmp_path / "bad"
    spoil(bad)
    with path.open("r+b") as file:  # the same file, as a failing disk leaves it
        file.truncate()
        file.write(bad.read_bytes())
    queue.put("before anybody has noticed")
    other = broker._File(path)  # as a worker that starts again
    queue.put("new")
    assert other.size("work") == queue.qsize()
    received = [queue.get(timeout=1).payload for _ in range(queue.qsize())]
    assert received[-1] == "new"
    assert other._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_file_that_is_deleted_or_replaced_under_a_running_gate_is_used_anew(path, queue):
    queue.put("lost")
    path.unlink()
    queue.put("new")
    assert queue.get(timeout=1).payload == "new"
    other = path.with_name("other")
    with connect(other) as connection:
        connection.SimpleQueue("work").put("theirs")
        connection.default_channel.file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    broker._remove_broker_file(path)
    other.rename(path)
    assert queue.get(timeout=1).payload == "theirs"


def test_process_that_closes_a_replaced_file_leaves_the_new_one_alone(path):
    old = broker._File(path)
    old.put("1", "work", None, "{}", None)
    broker._remove_broker_file(path)
    new = broker._File(path)
    new.put("2", "work", None, "{}", None)
    old._connection.close()
    new.put("3", "work", None, "{}", None)
    script = (
        "import sys; from pathlib import Path; from config import broker;"
        "print(broker._File(Path(sys.argv[1])).size('work'))"
    )
    command = [sys.executable, "-c", script, str(path)]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "2"


def test_processes_that_find_a_bad_file_together_use_one_new_one(path):
    first_version(path)
    script = (
        "import sys, time; from pathlib import Path; from config import broker;"
        "broker._File(Path(sys.argv[1])).put(sys.argv[2], 'work', None, '{}', None); time.sleep(0.2)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(number)], cwd=ROOT) for number in range(4)
    ]
    assert [process.wait() for process in started] == [0] * 4
    assert broker._File(path).size("work") == 4


def test_message_that_cannot_be_read_is_dropped_and_stops_nobody(path, queue):
    broker._file(path).put("bad", "work", None, "{not json", None)
    queue.put("good")
    with pytest.raises(Empty):
        queue.get(block=False)
    assert queue.get(timeout=1).payload == "good"
    assert queue.qsize() == 0


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
