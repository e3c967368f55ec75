"""Whatever holds a release, its label reads at least one reason, and none that is for moderators only."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pytest
from django.db import transaction

import checks
from checks.model.check import CHECK_FAILED, CHECK_MISSING, OWN_REASONS, PERSON_REQUIRED
from checks.model.finding import Finding, Route
from checks.policy import Verdict
from checks.rules.disclosure import UNDECLARED
from intake.api.representations import Viewer
from intake.core.states import State
from intake.models import CheckRun, Submission
from intake.services.checking import pipeline
from intake.services.review import appeals, decisions
from intake.services.submissions import admission, transitions
from tests.intake.api.conftest import post_release, stored
from tests.intake.factories import a_document, a_moderator, a_submission

pytestmark = pytest.mark.django_db

#: What labels must never read. A code of the gate's own is never found by a check.
PRIVATE = sorted(code.id for code in checks.CODES.values() if code.private)
FOUND = sorted(set(checks.CODES) - {code.id for code in OWN_REASONS})
HOLDING = (Route.REVIEW, Route.BLOCK)
SUBJECTS = ("release", "track:1", "file:01.flac")
SECRET = "This must not be read."


@pytest.fixture
def routing(monkeypatch):
    """Put a policy in force under which the given codes take the given route."""
    shipped = admission.current_policy()

    def put_in_force(route, *codes):
        routes = {**shipped.routes, **dict.fromkeys(codes, route)}
        rules = dataclasses.replace(shipped, routes=routes, matrix={})
        monkeypatch.setattr(admission, "current_policy", lambda: rules)

    return put_in_force


@pytest.fixture
def submission(label):
    submission = a_submission(label, a_document(tracks=2))
    transitions.transition_submission(submission, State.CHECKING, "gate")
    return submission


def held(submission, found, missing=()):
    """Store what was found, and let the policy hold the release for it."""
    run = CheckRun.objects.create(submission=submission, name="audio", version=1, needs_audio=True, status="done")
    pipeline.store_check_findings(run, found)
    rules = admission.current_policy()
    pipeline.commit_machine_decision(submission, pipeline.judge_submission(submission, rules, missing), rules, missing)


def finding(code, subject="release"):
    code = checks.CODES[code]
    words = SECRET if code.private else "Something was found."
    return Finding(code, subject, words, evidence={"words": words})


def read_all(label, submission):
    """Everything that the label reads of a submission: the document, its findings, its history."""
    viewer = Viewer(label, str)
    submission = Submission.objects.get(pk=submission.pk)
    told = list(submission.findings.told().select_related("check_run"))
    findings = [*viewer.own_findings(submission), *viewer.findings(told)]
    return viewer.submission(submission), findings, viewer.events(list(submission.events.told()))


def written(*documents):
    return json.dumps(documents, default=str)


def check_explained(label, submission):
    """Every reason is readable, and nothing private is written anywhere."""
    body, findings, events = read_all(label, submission)
    assert body["state"] == "in_review"
    assert body["reasons"]
    messages = {item["code"]: item["message"] for item in findings}
    assert all(messages.get(reason) for reason in body["reasons"])
    assert body["findings"] == {
        severity: sum(entry["severity"] == severity for entry in findings) for severity in body["findings"]
    }
    assert events[-1]["reasons"] == body["reasons"]
    text = written(body, findings, events)
    assert SECRET not in text
    assert not [code for code in PRIVATE if code in text]
    return body, findings


@pytest.mark.parametrize("route", HOLDING)
def test_label_reads_why_whatever_single_code_holds_its_release(label, submission, routing, route):
    for code, subject in zip(FOUND, itertools.cycle(SUBJECTS)):
        routing(route, code)
        with transaction.atomic():
            again = Submission.objects.get(pk=submission.pk)
            held(again, [finding(code, subject)])
            if again.state == State.IN_REVIEW:  # a score on trial holds nothing, whatever its route
                body, _ = check_explained(label, again)
                assert body["reasons"] == [PERSON_REQUIRED.id if checks.CODES[code].private else code]
            else:
                assert code.startswith("lattice.")
            transaction.set_rollback(True)


def test_private_codes_cannot_be_told_apart(label, submission, routing):
    """Whatever the private code is and whichever track it is about, the label reads the same."""
    seen = set()
    for code in PRIVATE:
        routing(Route.REVIEW, code)
        for subject in ("release", "track:1", "track:2"):
            with transaction.atomic():
                again = Submission.objects.get(pk=submission.pk)
                held(again, [finding(code, subject)])
                if again.state == State.IN_REVIEW:
                    body, findings, _ = read_all(label, again)
                    fields = ("reasons", "findings", "verdict", "labels", "tracks", "explanation")
                    seen.add(written({key: body[key] for key in fields}, findings))
                transaction.set_rollback(True)
    assert len(seen) == 1


def test_a_private_finding_beside_a_readable_one_changes_nothing_that_the_label_reads(label, submission, routing):
    routing(Route.REVIEW, "isrc.malformed", "id.blocklisted")
    seen = []
    for found in ([finding("isrc.malformed", "track:1")],
                  [finding("isrc.malformed", "track:1"), finding("id.blocklisted", "track:2")]):  # fmt: skip
        with transaction.atomic():
            again = Submission.objects.get(pk=submission.pk)
            held(again, found)
            body, findings, _ = read_all(label, again)
            seen.append(({key: body[key] for key in ("reasons", "findings", "tracks")}, len(findings)))
            transaction.set_rollback(True)
    assert seen[0] == seen[1]
    assert [item["verdict"] for item in seen[0][0]["tracks"]] == ["review", "approve"]


def test_label_reads_why_where_a_check_gave_no_result(label, submission):
    held(submission, [], missing=("similarity",))
    body, findings = check_explained(label, submission)
    assert body["reasons"] == [CHECK_MISSING.id]
    assert findings[0]["check"] == "gate"


def test_label_reads_why_where_a_check_failed(label, submission, routing):
    routing(Route.REVIEW, CHECK_FAILED.id)
    held(submission, [finding(CHECK_FAILED.id)])
    body, _ = check_explained(label, submission)
    assert body["reasons"] == [CHECK_FAILED.id]


def test_own_reasons_stand_before_the_first_page_alone(caller, submission, routing):
    routing(Route.REVIEW, "id.blocklisted")
    held(submission, [finding("id.blocklisted"), *(finding(UNDECLARED.id, f"track:{element}") for element in (1, 2))])
    first = caller.get(f"submissions/{submission.pk}/findings?limit=1").json()
    assert [item["code"] for item in first["results"]] == [PERSON_REQUIRED.id, UNDECLARED.id]
    second = caller.get(first["next"]).json()
    assert [entry["code"] for entry in second["results"]] == [UNDECLARED.id]
    assert "blocklist" not in json.dumps([first, second])


def test_release_that_the_gate_reopens_for_a_private_reason_says_that_a_person_looks(caller, submission):
    held(submission, [])
    assert submission.state == State.APPROVED
    pipeline._take_back(submission)
    body = caller.get(f"submissions/{submission.pk}").json()
    assert body["reasons"] == [PERSON_REQUIRED.id]
    findings = caller.get(f"submissions/{submission.pk}/findings").json()["results"]
    assert [item["message"] for item in findings] == [PERSON_REQUIRED.rule]
    assert caller.get("events").json()["results"][0]["reasons"] == [PERSON_REQUIRED.id]


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.REJECT, Verdict.RETURN])
def test_private_code_as_a_moderators_reason_is_not_given_away(label, submission, routing, verdict):
    routing(Route.REVIEW, "id.blocklisted")
    held(submission, [finding("id.blocklisted")])
    ground = next(key for key, one in admission.current_policy().reasons.items() if not one.four_eyes)
    code = ground if verdict is Verdict.REJECT else ""
    decisions.decide_submission(submission, a_moderator(), verdict, "id.blocklisted", code=code)
    body, findings, events = read_all(label, submission)
    assert body["reasons"] == [PERSON_REQUIRED.id]
    assert "blocklist" not in written(body, findings, events)


def test_appeal_is_told_without_the_private_code_that_decided_it(label, caller, submission, routing):
    routing(Route.REVIEW, "id.blocklisted")
    held(submission, [])
    appeals.open_appeal(submission, "We have all rights.")
    decisions.decide_submission(submission, a_moderator(), Verdict.RETURN, "id.blocklisted")
    answer = caller.get(f"submissions/{submission.pk}").json()
    assert answer["appeal"]["reasons"] == [PERSON_REQUIRED.id]
    assert "blocklist" not in written(answer, *read_all(label, submission))


def test_reopened_release_does_not_show_which_track_a_private_finding_is_about(caller, submission, routing):
    routing(Route.REVIEW, "id.blocklisted")
    held(submission, [finding("id.blocklisted", "track:2")])
    moderator = a_moderator()
    given = decisions.decide_submission(submission, moderator, Verdict.APPROVE, "All is well.")
    decisions.undo_decision(given, moderator)
    body = caller.get(f"submissions/{submission.pk}").json()
    assert body["reasons"]
    assert [item["verdict"] for item in body["tracks"]] == ["review", "review"]


@pytest.mark.parametrize("code", ["id.blocklisted", "title.known_title_mimic"])
def test_refusal_for_a_private_reason_is_never_without_words(caller, routing, monkeypatch, code):
    routing(Route.BLOCK, code)
    monkeypatch.setattr(admission, "list_admission_findings", lambda *args: [finding(code)])
    before = stored()
    answer = post_release(caller, a_document())
    assert answer.status_code == 422
    assert [item["code"] for item in answer.json()["findings"]] == [PERSON_REQUIRED.id]
    assert answer.json()["findings"][0]["fix"]
    said = caller.post("validate", json=a_document()).json()
    assert said["blocking"] is True
    assert [entry["code"] for entry in said["findings"]] == [PERSON_REQUIRED.id]
    assert code not in answer.content.decode() + json.dumps(said)
    assert stored() == before


def test_refusal_does_not_count_what_it_does_not_say(caller, routing, monkeypatch):
    routing(Route.BLOCK, "id.blocklisted")
    monkeypatch.setattr(
        admission, "list_admission_findings", lambda *args: [finding("isrc.malformed"), finding("id.blocklisted")]
    )
    body = post_release(caller, a_document()).json()
    assert [item["code"] for item in body["findings"]] == ["isrc.malformed"]
    assert body["detail"].startswith("1 finding")
    assert [entry["code"] for entry in caller.post("validate", json=a_document()).json()["findings"]] == [
        "isrc.malformed"
    ]


def test_approved_release_has_no_reason(caller, submission):
    held(submission, [])
    body = caller.get(f"submissions/{submission.pk}").json()
    assert body["state"] == "approved"
    assert body["reasons"] == []
