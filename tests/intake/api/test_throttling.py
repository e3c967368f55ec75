"""A key may make so many requests in a while, and exactly so many."""

import threading
import time
import uuid

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured

from intake.api.throttling import FileCounter, Limit, RedisCounter
from tests.intake.api.conftest import Caller, a_caller

REDIS = "redis://127.0.0.1:6379/15"


@pytest.fixture
def _steady(monkeypatch):
    """A clock that stands, thirty seconds into its minute."""
    monkeypatch.setattr("intake.api.throttling.time.time", lambda: 1_800_000_030.0)


@pytest.mark.django_db
@pytest.mark.usefixtures("_steady")
def test_key_is_told_how_much_is_left_and_then_to_wait(caller, settings):
    settings.GATE_RATE_LIMIT = "3/min"
    for left in (2, 1, 0):
        answer = caller.get("submissions")
        assert answer.status_code == 200
        assert answer.headers["RateLimit"] == f'"key";r={left};t=30'
        assert answer.headers["RateLimit-Policy"] == '"key";q=3;w=60'
    refused = caller.get("submissions")
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
    assert refused.headers["Retry-After"] == "30"
    assert refused.headers["RateLimit"] == '"key";r=0;t=30'


@pytest.mark.django_db
@pytest.mark.usefixtures("_steady")
def test_one_key_does_not_use_up_anothers(caller, stranger, label, settings):
    settings.GATE_RATE_LIMIT = "1/min"
    assert caller.get("submissions").status_code == 200
    assert caller.get("submissions").status_code == 429
    assert stranger.get("submissions").status_code == 200
    assert a_caller(label).get("submissions").status_code == 200


@pytest.mark.django_db
def test_next_window_begins_anew(caller, settings, monkeypatch):
    settings.GATE_RATE_LIMIT = "1/min"
    now = 1_800_000_030.0
    monkeypatch.setattr("intake.api.throttling.time.time", lambda: now)
    assert [caller.get("submissions").status_code for _ in range(2)] == [200, 429]
    now += 30
    assert caller.get("submissions").status_code == 200


@pytest.mark.django_db
def test_refused_delivery_leaves_nothing(caller, settings):
    from tests.intake.api.conftest import post_release, stored
    from tests.intake.factories import a_document

    settings.GATE_RATE_LIMIT = "1/h"
    caller.get("submissions")
    assert post_release(caller, a_document()).status_code == 429
    assert set(stored().values()) == {0}


@pytest.mark.django_db
def test_strangers_without_a_key_are_not_counted(settings, label):
    settings.GATE_RATE_LIMIT = "1/min"
    assert {Caller("rig_none_none").get("submissions").status_code for _ in range(3)} == {401}


@pytest.mark.django_db
def test_no_limit_says_nothing(caller, settings):
    settings.GATE_RATE_LIMIT = "off"
    assert "RateLimit" not in caller.get("submissions").headers


@pytest.mark.parametrize(
    ("text", "limit"), [("20/s", Limit(20, 1)), ("600/min", Limit(600, 60)), ("9/h", Limit(9, 3600))]
)
def test_limit_is_read(text, limit):
    assert Limit.read(text) == limit


@pytest.mark.parametrize("text", ["", "0/min", "600", "600/day", "-1/s", "600/min "])
def test_limit_that_is_none_is_refused_at_once(text):
    with pytest.raises(ImproperlyConfigured, match="GATE_RATE_LIMIT"):
        Limit.read(text)


@pytest.fixture(params=["files", "redis"])
def counter(request, tmp_path):
    if request.param == "files":
        return FileCounter(tmp_path)
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=0.2).ping()
    except redis.RedisError:
        pytest.skip("no Redis on its standard port")
    return RedisCounter(REDIS, Nobody())


class Nobody:
    def count(self, name, window, number):
        raise AssertionError("Redis is there")


class TestCounters:
    """Both counters keep the same promises."""

    def test_counts_one_by_one(self, counter):
        name = uuid.uuid4().hex
        assert [counter.count(name, 60, 1) for _ in range(3)] == [1, 2, 3]

    def test_counts_each_name_and_window_by_itself(self, counter):
        one, other = uuid.uuid4().hex, uuid.uuid4().hex
        assert [counter.count(one, 60, 1), counter.count(other, 60, 1), counter.count(one, 60, 2)] == [1, 1, 1]

    def test_loses_none_of_many_at_once(self, counter):
        name, counts, start = uuid.uuid4().hex, [], threading.Barrier(8)

        def count():
            start.wait()
            counts.extend(counter.count(name, 60, 1) for _ in range(25))

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(counts) == list(range(1, 201))


def test_while_redis_is_silent_this_machine_counts_alone_and_does_not_ask_again_at_once(tmp_path):
    counter = RedisCounter("redis://127.0.0.1:1/0", FileCounter(tmp_path))
    assert counter.count("a", 60, 1) == 1
    began = time.perf_counter()
    assert [counter.count("a", 60, 1) for _ in range(20)][-1] == 21
    assert time.perf_counter() - began < 0.2


def test_spoilt_counter_file_begins_anew(tmp_path):
    (tmp_path / "a").write_bytes(b"xyz")
    counter = FileCounter(tmp_path)
    assert [counter.count("a", 60, 1) for _ in range(2)] == [1, 2]
