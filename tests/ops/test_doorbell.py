"""A row is committed; the bell rings once, afterwards, and a broken bell breaks nothing."""

import pytest
from celery import current_app, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from intake.core import enqueue


@pytest.fixture
def heard(monkeypatch):
    """A task of this test's own, and what it was called with."""
    calls = []

    @shared_task(name="tests.note")
    def note(*args):
        calls.append(args)

    yield calls
    current_app.tasks.pop("tests.note")


class DeadBroker:
    """A task whose messages nobody takes."""

    def __init__(self):
        self.tries = 0
        self.dead = True

    def apply_async(self, args, **options):
        self.tries += 1
        if self.dead:
            raise OperationalError("connection refused")


@pytest.fixture
def dead(monkeypatch):
    task = DeadBroker()
    monkeypatch.setitem(current_app.tasks, "tests.dead", task)
    monkeypatch.setattr(enqueue, "_bell", enqueue._Bell())
    return task


@pytest.mark.django_db(transaction=True)
def test_service_rings_only_after_the_commit(heard, inline):
    with inline(), transaction.atomic():
        enqueue.enqueue_task("tests.note", "1", "2")
        assert heard == []
    assert heard == [("1", "2")]


@pytest.mark.django_db
def test_service_that_rolls_back_rings_nobody(heard, inline):
    with inline(), transaction.atomic():
        enqueue.enqueue_task("tests.note", "1")
        transaction.set_rollback(True)
    assert heard == []


@pytest.mark.django_db
def test_broker_that_refuses_breaks_no_request(dead, django_capture_on_commit_callbacks):
    before = enqueue.BROKER_ERRORS._value.get()
    with django_capture_on_commit_callbacks(execute=True):
        enqueue.enqueue_task("tests.dead", "1")
    assert dead.tries == 1
    assert enqueue.BROKER_ERRORS._value.get() == before + 1


def test_bell_is_left_alone_for_a_while_after_a_failure(dead):
    now = [100.0]
    bell = enqueue._Bell(clock=lambda: now[0])
    bell.ring("tests.dead", ())
    bell.ring("tests.dead", ())
    assert dead.tries == 1
    now[0] += 5.0
    dead.dead = False
    for _ in range(3):
        bell.ring("tests.dead", ())
    assert dead.tries == 4
