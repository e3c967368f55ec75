"""An operator asks of a policy what it would have made of the past, before putting it in force."""

import pytest
from django.conf import settings

import checks
from checks.policy import Verdict
from intake.core.states import State
from intake.models import Decision, Event, Finding, Submission
from intake.services.review import decisions
from tests.intake.commands.console import command
from tests.intake.factories import a_document, a_moderator, a_submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def past(inline, analyser):
    """A release that was approved, with a finding on file that only another policy minds."""
    with inline():
        submission = a_submission(document=a_document("Low Tide"))
    submission.refresh_from_db()
    assert submission.state == State.APPROVED
    Finding.objects.create(
        check_run=submission.check_runs.get(name="audio"),
        submission=submission,
        code="audio.format",
        severity="information",
        subject="track:1",
        message="01.mp3 is lossy (mp3).",
        route="pass",
    )
    return submission


@pytest.fixture
def candidate(tmp_path):
    """The policy in force, with other routes."""

    def write(**routes):
        lines = "".join(f'"{code.replace("__", ".")}" = "{route}"\n' for code, route in routes.items())
        text = settings.GATE_POLICY.read_text().replace("[routes]", f"[routes]\n{lines}", 1)
        path = tmp_path / "candidate.toml"
        path.write_text(text.replace('version = "', 'version = "candidate-'))
        return path

    return write


def state_of_the_world():
    return [list(rows.objects.order_by("pk").values()) for rows in (Submission, Decision, Event, Finding)]


def test_policy_that_says_the_same_flips_nobody(past, candidate):
    said = command("replay", "--policy", candidate(), "--json").json
    assert (said["submissions"], said["same"], said["flips"]) == (1, 1, [])
    assert said["policy"]["version"].startswith("candidate-")


def test_operator_sees_who_would_flip_and_nothing_changes(past, candidate):
    before = state_of_the_world()
    said = command("replay", "--policy", candidate(audio__format="review"), "--json").json
    assert said["changes"] == [{"from": "approve", "to": "review", "count": 1}]
    assert said["contradicted"] == 0
    assert said["flips"] == [
        {
            "id": str(past.pk),
            "label": "Harbour Records",
            "title": "Low Tide",
            "from": "approve",
            "to": "review",
            "reasons": ["audio.format"],
            "reasons_before": [],
            "moderator": None,
            "contradicts": False,
        }
    ]
    assert state_of_the_world() == before
    assert "approve → review  Low Tide" in command("replay", "--policy", candidate(audio__format="review")).out


def test_operator_sees_whom_a_laxer_policy_would_contradict(inline, analyser, candidate):
    analyser.changes = {"loudness_lufs": None, "ok": False, "error": "truncated"}
    with inline():
        submission = a_submission()
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    reasons = Decision.objects.get().reasons
    decisions.decide_submission(submission, a_moderator(), Verdict.REJECT, "half of it is missing", code="prohibited")
    lax = candidate(**{code.replace(".", "__"): "pass" for code in reasons})
    said = command("replay", "--policy", lax, "--json").json
    assert said["contradicted"] == 1
    assert (said["flips"][0]["to"], said["flips"][0]["moderator"]) == ("approve", "reject")
    assert "a moderator decided reject" in command("replay", "--policy", lax).out


def test_past_further_back_is_left_out(past, candidate):
    Decision.objects.update(created_at="2020-01-01T00:00:00Z")
    assert command("replay", "--policy", candidate(), "--json").json["submissions"] == 0


def test_finding_of_a_code_that_is_gone_keeps_the_route_it_had(past, candidate):
    Finding.objects.update(code="bygone.code", route="review")
    said = command("replay", "--policy", candidate(), "--json").json
    assert said["flips"][0]["reasons"] == ["bygone.code"]


def test_policy_that_demands_a_check_which_was_never_asked_means_review(past, candidate):
    past.check_runs.filter(name="identity").update(status="dead")
    assert any(check.name == "identity" for check in checks.CHECKS)
    said = command("replay", "--policy", candidate(), "--json").json
    assert said["flips"][0]["reasons"] == ["check.missing"]


@pytest.mark.parametrize("content", [None, "version = 1", 'version = "x"\n[routes]\n"no.such.code" = "pass"'])
def test_file_that_is_no_policy_is_an_error(tmp_path, content):
    path = tmp_path / "candidate.toml"
    if content is not None:
        path.write_text(content)
    said = command("replay", "--policy", path, "--json")
    assert (said.code, said.out) == (1, "")
    assert "candidate.toml" in said.err
