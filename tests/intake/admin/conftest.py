"""People at the desk, and what lies on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.test import Client

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@pytest.fixture(autouse=True)
def _silent(rung: list[tuple[str, tuple[str, ...]]]) -> None:
    """No work is done behind the desk's back."""


def sit_down(client: Client) -> None:
    """As after a log-in by hand, a moment ago."""
    session = client.session
    session["desk.seen"] = session["desk.proved"] = time.time()
    session.save()


def _moderator(name: str) -> User:
    from intake.services.people import moderators

    return moderators.create_moderator(name, "low-tide-at-seven")[0]


@pytest.fixture
def ada(db: None) -> User:
    return _moderator("ada")


@pytest.fixture
def ben(db: None) -> User:
    return _moderator("ben")


@pytest.fixture
def desk(ada: User) -> Client:
    """Ada's browser."""
    client = Client()
    client.force_login(ada)
    sit_down(client)
    return client


@pytest.fixture
def other_desk(ben: User) -> Client:
    """Ben's browser."""
    client = Client()
    client.force_login(ben)
    sit_down(client)
    return client
