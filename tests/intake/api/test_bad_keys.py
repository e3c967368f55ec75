"""Bad API keys are limited by address; good keys of the same address are not."""

import pytest

from intake.api.throttling import BAD_KEYS
from tests.intake.api.conftest import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def _steady(monkeypatch, settings, tmp_path):
    """Counters of this test's own, and a clock that stands, thirty seconds into its minute."""
    settings.GATE_DATA = tmp_path
    monkeypatch.setattr("intake.api.throttling.time.time", lambda: 1_800_000_030.0)


@pytest.mark.usefixtures("_steady")
def test_bad_keys_of_an_address_are_told_to_wait_and_good_ones_are_not(caller):
    bad = Caller("rig_0123456789_guessed")
    answers = [bad.get("submissions") for _ in range(BAD_KEYS.requests + 3)]
    assert [answer.status_code for answer in answers] == [401] * BAD_KEYS.requests + [429] * 3
    assert answers[-1].headers["Retry-After"] == "30"
    assert answers[-1].json()["type"] == "/problems/rate-limited"
    assert caller.get("submissions").status_code == 200
