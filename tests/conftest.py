"""What every test finds: a place of its own for all state, and the doorbell under control."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import hypothesis
import pytest
from celery import current_app
from django.conf import settings
from django.test import TestCase

#: What an operator has set must not reach the tests: neither choices nor, least of all, a real database.
_SERVERS = {"GATE_TEST_DATABASE_URL": "DATABASE_URL", "GATE_TEST_REDIS_URL": "REDIS_URL"}
_KEPT = {"GATE_MUSIC", "GATE_DDEX", "GATE_NAMES", *_SERVERS}
_servers = {name: os.environ[given] for given, name in _SERVERS.items() if given in os.environ}
for _name in list(os.environ):
    if (_name.startswith("GATE_") and _name not in _KEPT) or _name in {
        "DATABASE_URL",
        "REDIS_URL",
        "CELERY_BROKER_URL",
        "STORAGE_URL",
    }:
        del os.environ[_name]
os.environ |= _servers
_DATA = Path(tempfile.mkdtemp(prefix="gate-tests-"))
os.environ["GATE_DATA"] = str(_DATA)
# Set here and not in pyproject.toml: pytest-django would read the settings before this file could say where.
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("local", deadline=None, max_examples=50, database=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure() -> None:
    assert _DATA.resolve() == settings.GATE_DATA, "unset DJANGO_SETTINGS_MODULE: this file must be first"
    # A password hash is meant to be slow; tests log in often.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The runners of pytest-xdist inherit the environment; each must come by its settings through this file as well.
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_unconfigure() -> None:
    if "REDIS_URL" in _servers:
        with current_app.connection_for_write() as broker, broker.channel() as channel:
            for queue in ("work", "fast"):
                channel.queue_purge(queue)
    shutil.rmtree(_DATA, ignore_errors=True)


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Every ``enqueue`` of the test as (task name, arguments), in order, instead of a message to the broker.

    Recorded at the call, before any commit.
    """
    calls: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr("intake.core.enqueue.enqueue_task", lambda task_name, *args: calls.append((task_name, args)))
    monkeypatch.setattr("intake.core.enqueue.is_empty", lambda queue_name: not calls)
    return calls


@pytest.fixture
def inline() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """``with inline(): …`` runs what was enqueued inside the block at its end, as after a commit, until all is done.

    Tasks run in this process, on the test's own connection, and their exceptions reach the test. Works with
    ``django_db`` (where nothing ever commits); tests with ``transaction=True`` commit for real, and run at once.
    """
    choices = current_app.conf
    before = choices.task_always_eager, choices.task_eager_propagates
    choices.task_always_eager = choices.task_eager_propagates = True

    @contextmanager
    def block() -> Iterator[None]:
        with TestCase.captureOnCommitCallbacks(execute=True):
            yield

    yield block
    choices.task_always_eager, choices.task_eager_propagates = before
