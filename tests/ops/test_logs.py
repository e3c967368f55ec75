"""One line an event, with the ids that lead to it, and no secrets."""

import io
import json
import logging

import pytest
import structlog

from config import logs
from config.celery import _send_log_context, _take_log_context


@pytest.fixture
def lines():
    """Everything logged as JSON, parsed."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    formatter = logs.build_logging_config("INFO", json=True)["formatters"]["line"]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=formatter["foreign_pre_chain"], processors=formatter["processors"]
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.removeHandler(handler)
    structlog.contextvars.clear_contextvars()


def test_event_carries_the_ids_of_request_and_submission(lines):
    with structlog.contextvars.bound_contextvars(request_id="r1", submission="s1"):
        structlog.get_logger("gate.test").warning("delivery.refused", attempts=3)
        logging.getLogger("some.library").warning("disk %s", "full")
    ours, theirs = lines()
    assert (ours["event"], ours["attempts"], ours["level"]) == ("delivery.refused", 3, "warning")
    assert theirs["event"] == "disk full"
    assert {item["request_id"] for item in (ours, theirs)} == {"r1"}
    assert {entry["submission"] for entry in (ours, theirs)} == {"s1"}


def test_traceback_shows_no_values(lines):
    def fail():
        password = "tops" + "ecret"
        raise ValueError(len(password))

    try:
        fail()
    except ValueError:
        structlog.get_logger("gate.test").exception("broke")
    (line,) = lines()
    assert "ValueError: 9" in line["exception"]
    assert "topsecret" not in json.dumps(line)


class Task:
    """A task as the worker sees it, with the headers of its message."""

    name = "intake.analyse"

    def __init__(self, headers):
        self.request = type("Request", (), {**headers, "is_eager": False})


def test_context_travels_with_the_message():
    structlog.contextvars.clear_contextvars()
    headers = {}
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        _send_log_context(headers=headers)
    structlog.contextvars.bind_contextvars(request_id="of the task before")
    _take_log_context(task=Task(headers), task_id="t1", args=("abc",))
    assert structlog.contextvars.get_contextvars() == {
        "request_id": "r1",
        "task": "intake.analyse",
        "task_id": "t1",
        "row": "abc",
    }
    structlog.contextvars.clear_contextvars()
