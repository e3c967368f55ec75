"""Every request has an id: in its answer, and in everything that is logged about it."""

import pytest
import structlog
from django.test import Client

from tests.intake.api.conftest import post_release
from tests.intake.factories import a_document

pytestmark = pytest.mark.django_db


def test_caller_may_bring_its_own_id(caller):
    answer = caller.get("submissions", headers={"X-Request-Id": "order-4711.a_b"})
    assert answer.headers["X-Request-Id"] == "order-4711.a_b"


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 101, "two words", "line\u2028break", 'quo"te-quote', "ünïcödé-id"]
)
def test_id_that_could_confuse_is_replaced(caller, given):
    chosen = caller.get("submissions", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert chosen != given
    assert len(chosen) == 32


def test_id_and_key_are_in_the_log_and_the_secret_is_not(caller, caplog):
    caller.get("submissions", headers={"X-Request-Id": "order-4711"})
    logged = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (line,) = [item for item in logged if item["event"] == "request"]
    assert (line["request_id"], line["status"], line["path"]) == ("order-4711", 200, "/api/v1/submissions")
    assert line["api_key"] == caller.key.split("_")[1]
    assert caller.key.split("_", 2)[2] not in str(logged)


def test_work_that_follows_carries_the_id(caller, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "intake.core.enqueue.enqueue_task",
        lambda *_: seen.append(structlog.contextvars.get_contextvars()["request_id"]),
    )
    post_release(caller, a_document(), headers={"X-Request-Id": "order-4711"})
    assert seen == ["order-4711"]


def test_next_request_does_not_inherit_anything(caller):
    caller.get("submissions", headers={"X-Request-Id": "order-4711"})
    Client().get("/healthz")
    assert "api_key" not in structlog.contextvars.get_contextvars()
