"""A policy file that breaks while the gate runs does not stop it; one that was never good does, and says so."""

from pathlib import Path

import pytest
from django.test import Client

from checks.policy import PolicyError
from intake.services.submissions import admission

GOOD = (Path(__file__).resolve().parent.parent.parent / "config" / "policy.toml").read_text()


@pytest.fixture
def policy_file(settings, tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(GOOD)
    settings.GATE_POLICY = path
    return path


def test_the_last_good_policy_stays_in_force(policy_file: Path):
    good = admission.current_policy()
    policy_file.write_text("version = ")
    assert admission.current_policy() == good
    policy_file.unlink()
    assert admission.current_policy() == good
    with pytest.raises(PolicyError):
        admission.read_policy()


@pytest.mark.django_db
def test_whoever_asks_whether_the_gate_is_ready_hears_of_a_broken_policy(policy_file: Path, client: Client):
    assert client.get("/readyz").json()["parts"]["policy"]["ok"]
    policy_file.write_text('version = "x"')
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["parts"]["policy"]["ok"]


def test_a_gate_that_never_read_a_good_policy_judges_nothing(policy_file: Path):
    policy_file.write_text("nonsense")
    with pytest.raises(PolicyError):
        admission.current_policy()
