"""The figures and the policy room: who may read and switch, what a trial says, and that a switch is on record."""

import threading
from pathlib import Path

import pytest
from django.conf import settings as live
from django.core.cache import cache
from django.db import connection
from django.test import Client

from checks.policy import PolicyError
from intake.models import PolicyChange, PolicyTrial
from intake.models.leased_work import Status
from intake.services.operations import reaper
from intake.services.people.permissions import Role
from intake.services.policy import policy_versions
from intake.services.submissions import admission
from tests.intake.admin.conftest import sit_down
from tests.intake.factories import a_label, a_moderator, a_submission
from tests.intake.test_pipeline import run
from tests.intake.test_statistics import contradicting

pytestmark = pytest.mark.django_db

SHIPPED = Path(live.GATE_POLICY_SHIPPED).read_text(encoding="utf-8")
LENIENT = SHIPPED.replace('version = "2026.3"', 'version = "2026.4"').replace(
    "[routes]", '[routes]\n"disclosure.contradictory" = "pass"', 1
)


@pytest.fixture(autouse=True)
def _own_policy(settings, tmp_path):
    settings.GATE_DATA = tmp_path
    settings.GATE_POLICY = settings.GATE_POLICY_SHIPPED
    cache.clear()


def browser(*roles: Role, name: str = "pia") -> Client:
    client = Client()
    client.force_login(a_moderator(name, *roles))
    sit_down(client)
    return client


@pytest.fixture
def owner() -> Client:
    return browser(Role.POLICY_OWNER)


# Figures


@pytest.mark.parametrize("role", list(Role))
def test_everybody_at_the_desk_reads_the_figures(role):
    client = browser(role)
    assert client.get("/admin/figures/").status_code == 200
    assert client.get("/admin/figures.json?days=7").json()["backlog"]["waiting"] == 0


def test_nobody_else_reads_them(client):
    assert client.get("/admin/figures/").status_code == 302
    assert client.get("/admin/figures.json").status_code == 302


def test_the_figures_take_a_fixed_number_of_queries(rung, analyser, django_assert_max_num_queries):
    label = a_label()
    for number in range(1, 6):
        a_submission(label, contradicting(number))
    run(rung)
    client = browser(Role.AUDITOR)
    with django_assert_max_num_queries(32):
        page = client.get("/admin/figures/").content.decode()
    assert "disclosure.contradictory" in page or "decided nothing" in page


def test_the_public_reads_only_what_the_operator_publishes(client, settings):
    assert client.get("/transparency").status_code == 404
    settings.GATE_TRANSPARENCY = True
    answer = client.get("/transparency")
    assert answer.json()["received"] is None
    assert "max-age" in answer.headers["Cache-Control"]


# The policy room


@pytest.mark.parametrize("role", list(Role))
def test_everybody_reads_the_policy_and_its_owners_switch_it(role):
    client = browser(role)
    page = client.get("/admin/policy/")
    assert page.status_code == 200
    allowed = role is Role.POLICY_OWNER
    assert (b"Try it on the past" in page.content) is allowed
    for address, body in (
        ("/admin/policy/try/", {"content": LENIENT, "days": "30"}),
        ("/admin/policy/adopt/", {"content": LENIENT, "reason": "because"}),
    ):
        assert client.post(address, body).status_code == (302 if allowed else 403)
    assert admission.current_policy().version == ("2026.4" if allowed else "2026.3")


def test_a_candidate_is_tried_on_the_past_and_put_in_force(owner, rung, analyser):
    a_submission(document=contradicting(1))
    run(rung)
    answer = owner.post("/admin/policy/try/", {"content": LENIENT.replace("\n", "\r\n"), "days": "30"})
    assert b"page looks by itself" in owner.get(answer.url).content
    trial = PolicyTrial.objects.get()
    assert trial.content == LENIENT, "browsers send other line ends; the file has its own"
    policy_versions.run_trial(trial.pk)
    page = owner.get(answer.url).content.decode()
    assert "review → label" in page
    assert "Tide 1" in page
    trial.refresh_from_db()
    assert (trial.status, trial.result["submissions"], trial.result["same"]) == (Status.DONE, 1, 0)
    assert admission.current_policy().version == "2026.3", "a trial changes nothing"
    answer = owner.post("/admin/policy/adopt/", {"trial": str(trial.pk), "reason": "labels were right each time"})
    assert answer.status_code == 302
    assert admission.current_policy().version == "2026.4"
    change, first = PolicyChange.objects.all()
    assert (change.actor, change.reason, change.digest) == (
        "moderator:pia", "labels were right each time", admission.current_policy().digest
    )  # fmt: skip
    assert (first.actor, first.version) == ("file", "2026.3")
    assert "labels were right each time" in owner.get("/admin/policy/").content.decode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"content": LENIENT, "reason": " "}, "say why"),
        ({"content": "version = ", "reason": "because"}, "policy"),
        ({"content": LENIENT.replace('"pass"', '"reject"', 1), "reason": "because"}, "reject"),
    ],
)
def test_what_cannot_be_put_in_force_changes_nothing(owner, body, words):
    answer = owner.post("/admin/policy/adopt/", body)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not PolicyChange.objects.exclude(actor="file").exists()
    assert admission.current_policy().version == "2026.3"


def test_a_file_that_cannot_be_written_is_not_said_to_be_in_force(owner, settings, tmp_path):
    (tmp_path / "folder").mkdir()
    settings.GATE_POLICY = tmp_path / "folder"  # a folder cannot be replaced by a file
    with pytest.raises(policy_versions.NotWritable):
        policy_versions.adopt_policy(LENIENT, "moderator:pia", "because")
    assert not PolicyChange.objects.filter(version="2026.4").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"], "nothing is left behind"


def test_a_policy_file_changed_by_hand_is_written_down(settings, tmp_path):
    policy_versions.record_changed_policy()
    assert policy_versions.record_changed_policy() is None, "once"
    settings.GATE_POLICY = tmp_path / "own.toml"
    settings.GATE_POLICY.write_text(LENIENT)
    reaper.run_housekeeping()
    change = PolicyChange.objects.first()
    assert (change.version, change.actor, change.reason) == ("2026.4", "file", "")
    settings.GATE_POLICY.write_text("version = ")
    assert policy_versions.record_changed_policy() is None, "a broken file is not in force"


def test_a_named_policy_file_is_the_one_that_is_written(settings, tmp_path):
    settings.GATE_POLICY = tmp_path / "own.toml"
    settings.GATE_POLICY.write_text(SHIPPED)
    policy_versions.adopt_policy(LENIENT, "moderator:pia", "because")
    assert settings.GATE_POLICY.read_text() == LENIENT


def test_a_trial_is_carried_out_once(owner, django_capture_on_commit_callbacks, rung):
    with django_capture_on_commit_callbacks(execute=True):
        trial = policy_versions.try_out(LENIENT, 7, "moderator:pia")
    assert ("intake.try_policy", (str(trial.pk),)) in rung
    policy_versions.run_trial(trial.pk)
    policy_versions.run_trial(trial.pk)
    trial.refresh_from_db()
    assert (trial.attempts, trial.status) == (1, Status.DONE)


def test_a_candidate_that_is_none_is_not_tried(owner):
    with pytest.raises(PolicyError):
        policy_versions.try_out("version = 1", 7, "moderator:pia")
    assert owner.post("/admin/policy/try/", {"content": LENIENT, "days": "0"}).status_code == 422
    assert owner.post("/admin/policy/try/", {"trial": "no-such-trial", "days": "7"}).status_code == 404
    assert not PolicyTrial.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_switch_at_once_the_last_on_record_is_in_force():
    other = LENIENT.replace("2026.4", "2026.4")

    def switch(content: str) -> None:
        try:
            policy_versions.adopt_policy(content, "moderator:pia", "because")
        finally:
            connection.close()

    both = [threading.Thread(target=switch, args=(content,)) for content in (LENIENT, other)]
    for item in both:
        item.start()
    for entry in both:
        entry.join()
    assert PolicyChange.objects.exclude(actor="file").count() == 2
    assert admission.current_policy().digest == PolicyChange.objects.first().digest
