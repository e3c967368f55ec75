"""What is asked of an installation, and what a broken part answers."""

import io
import json

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from intake.services.operations import health
from intake.services.operations.health import Broken, Question

pytestmark = pytest.mark.django_db


def doctor(*options):
    """What ``manage.py doctor`` prints, and what it complains of at the end."""
    out = io.StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), None


def answer(name):
    return next(answer for answer in health.run_all_health_checks() if answer.name == name)


def test_operator_of_a_whole_installation_hears_that_it_is_well():
    text, complaint = doctor("--json")
    document = json.loads(text)
    needed = {item["name"] for item in document["answers"] if item["needed"]}
    assert needed == {
        "versions",
        "database",
        "migrations",
        "broker",
        "storage",
        "index",
        "policy",
        "fingerprint",
        "decoder",
        "workers",
        "sandbox",
        "work",
    }
    assert [entry for entry in document["answers"] if entry["needed"] and not entry["ok"]] == []
    assert document["ok"] is True
    assert complaint is None


def test_operator_of_a_broken_installation_hears_what_to_do(settings, tmp_path):
    settings.GATE_POLICY = tmp_path / "missing.toml"
    text, complaint = doctor()
    assert complaint == "broken: policy"
    assert "No such file" in text
    assert "GATE_POLICY" in text


def test_stopped_clock_is_a_note_and_no_reason_to_fail(settings, tmp_path):
    settings.GATE_TMP = tmp_path
    assert not answer("clock").ok
    _, complaint = doctor()
    assert complaint is None


def test_running_clock_is_noticed(settings, tmp_path):
    settings.GATE_TMP = tmp_path
    (tmp_path / "beat").touch()
    assert answer("clock").ok


def test_load_balancer_asks_only_what_requests_need():
    assert {item.name for item in health.check_readiness()} == {
        "database",
        "broker",
        "index",
        "storage",
        "policy",
        "decoder",
    }
    assert all(entry.ok for entry in health.check_readiness())


def test_storage_probe_leaves_nothing_behind(settings):
    assert answer("storage").ok
    assert [path for path in settings.GATE_FILES.rglob("*") if path.is_file() and "probe" in path.parts] == []


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        (Broken("two pages are missing"), "two pages are missing"),
        (ConnectionRefusedError("nobody there\nsecond line"), "ConnectionRefusedError: nobody there"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_part_that_fails_gives_an_answer_of_one_line(fault, detail):
    def ask():
        raise fault

    answer = Question("part", ask, "mend it").answer()
    assert (answer.ok, answer.detail, answer.hint) == (False, detail, "mend it")


def test_policy_with_an_unknown_code_is_told_at_boot(settings, tmp_path):
    policy = tmp_path / "policy.toml"
    text = settings.GATE_POLICY.read_text()
    policy.write_text(text.replace("[routes]\n", '[routes]\n"no.such.code" = "review"\n'))
    settings.GATE_POLICY = policy
    (message,) = [check for check in run_checks() if check.id == "gate.E002"]
    assert message.is_serious()
    assert "no.such.code" in message.msg


def test_message_that_shows_again_too_early_is_told_at_boot(settings):
    settings.CELERY_TASK_TIME_LIMIT = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert [check.id for check in run_checks() if check.id == "gate.E003"] == ["gate.E003"]


def test_production_over_plain_http_or_on_embedded_parts_is_warned_about(settings):
    settings.GATE_PUBLIC_URL = "http://gate.example"
    warned = [
        check.id for check in run_checks(include_deployment_checks=True) if check.id and check.id.startswith("gate.W")
    ]
    assert "gate.W001" in warned
    if settings.GATE_BROKER_EMBEDDED:
        assert "gate.W002" in warned
