"""A label reads why, appeals, and takes the part of a release that may go out."""

import json

import pytest

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Appeal, Blob, Event, Submission
from intake.services.people.permissions import Role
from intake.services.review import appeals, decisions, review_actions
from tests.intake.api.conftest import a_caller, multipart, stored
from tests.intake.factories import a_moderator
from tests.intake.waiting import everything, found, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return a_moderator("ada")


@pytest.fixture
def rejected(label, ada):
    submission = waiting(found("similarity.known_recording", "track:1"), label=label)
    told = "Die Aufnahme gehört einem anderen."
    decisions.decide_submission(submission, ada, Verdict.REJECT, told, code="infringement", language="de")
    return submission


def at(submission, what=""):
    return f"submissions/{submission.pk}/{what}".rstrip("/")


def test_label_reads_why_and_on_which_ground_it_was_rejected(caller, rejected):
    told = caller.get(at(rejected)).json()
    assert told["explanation"] == {
        "text": "Die Aufnahme gehört einem anderen.",
        "language": "de",
        "code": "infringement",
    }
    assert (told["to_mend"], told["partial"], told["appeal"], told["notes"]) == ([], None, None, [])
    assert "ada" not in json.dumps(told)


def test_label_reads_what_it_should_mend(caller, label, ada):
    submission = waiting(found("title.casing_en", "track:1", fix="Write it small."), label=label)
    finding = submission.findings.get()
    decisions.decide_submission(submission, ada, Verdict.RETURN, "Please mend the title.", to_fix=[finding.pk])
    told = caller.get(at(submission)).json()
    assert told["to_mend"] == [
        {"code": "title.casing_en", "subject": "track:1", "message": "Somebody should look.", "fix": "Write it small."}
    ]


def test_label_reads_public_notes_and_no_others(caller, rejected, ada):
    review_actions.write_review_note(rejected, ada, "Looks like the usual trick.")
    review_actions.write_review_note(rejected, ada, "You can reach us by telephone.", public=True)
    told = caller.get(at(rejected)).json()
    assert [item["text"] for item in told["notes"]] == ["You can reach us by telephone."]
    assert "usual trick" not in json.dumps(told)


def test_how_moderators_share_their_work_is_not_told(caller, label, ada):
    submission = waiting(label=label)
    review_actions.escalate_submission(submission, ada, "Difficult.")
    decisions.decide_submission(submission, a_moderator("sue", Role.SENIOR), Verdict.REJECT, "made up", code="fraud")
    for path in (at(submission, "events"), "events"):
        types = [item["type"] for item in caller.get(path).json()["results"]]
        assert not [entry for entry in types if entry.startswith("review.")]
    assert Event.objects.filter(type__startswith="review.").count() == 2


# --- Appeals ------------------------------------------------------------------------------------------------------


def test_label_appeals_in_json(caller, rejected):
    answer = caller.post(at(rejected, "appeal"), json={"statement": "It is ours."})
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/{at(rejected)}"
    told = answer.json()
    assert (told["state"], told["appeal"]["state"], told["appeal"]["against"]) == ("in_review", "open", "reject")
    assert told["due_at"] == told["appeal"]["due_at"]
    assert caller.get(at(rejected, "appeal")).json() == {"results": [told["appeal"]]}


def test_label_appeals_with_files(caller, rejected):
    parts = [("statement", None, "Sie gehört uns: siehe Vertrag.".encode()), ("vertrag.pdf", "x.pdf", b"signed")]
    told = caller.post(at(rejected, "appeal"), **multipart(parts)).json()["appeal"]
    assert told["statement"] == "Sie gehört uns: siehe Vertrag."
    assert [(item["name"], item["size"]) for item in told["files"]] == [("vertrag.pdf", 6)]
    assert Blob.objects.get(pk=told["files"][0]["sha256"]).size == 6


def test_label_hears_what_came_of_it(caller, rejected):
    caller.post(at(rejected, "appeal"), json={"statement": "It is ours."})
    rejected.refresh_from_db()
    decisions.decide_submission(rejected, a_moderator("ben"), Verdict.APPROVE, "The contract shows it.")
    (told,) = caller.get(at(rejected, "appeal")).json()["results"]
    assert (told["state"], told["reasons"]) == ("overturned", ["The contract shows it."])
    assert told["decided_at"]


def test_same_appeal_twice_is_one(caller, rejected):
    sent = [
        caller.post(at(rejected, "appeal"), json={"statement": "It is ours."}, headers={"Idempotency-Key": "a-1"})
        for _ in range(2)
    ]
    assert [item.status_code for item in sent] == [202, 202]
    assert sent[0].content == sent[1].content
    assert Appeal.objects.count() == 1


def test_same_appeal_with_files_twice_is_one(caller, rejected):
    parts = [("statement", None, b"It is ours."), ("contract.pdf", "contract.pdf", b"signed")]
    sent = [
        caller.post(at(rejected, "appeal"), **multipart(parts, boundary), headers={"Idempotency-Key": "a-1"})
        for boundary in ("one", "other")
    ]
    assert [item.status_code for item in sent] == [202, 202]
    assert Appeal.objects.count() == 1


def refused(answer, status, kind):
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"json": {}}, 422, "document-invalid"),
        ({"json": {"statement": ""}}, 422, "document-invalid"),
        ({"json": {"statement": 7}}, 422, "document-invalid"),
        ({"json": {"statement": "x", "more": 1}}, 422, "document-invalid"),
        ({"json": {"statement": "x" * (appeals.STATEMENT_LENGTH + 1)}}, 422, "document-invalid"),
        ({"json": {"statement": "a\u0000b"}}, 422, "document-invalid"),
        (multipart([("statement", None, b"\xff\xfe")]), 422, "document-invalid"),
        (multipart([("contract.pdf", "contract.pdf", b"signed")]), 400, "multipart-malformed"),
        (multipart([("statement", None, b"x"), ("../../etc/passwd", "x", b"y")]), 422, "document-invalid"),
        (
            multipart([("statement", None, b"x"), *((f"{n}.pdf", "x", b"y") for n in range(appeals.MAX_FILES + 1))]),
            422,
            "document-invalid",
        ),
    ],
)
def test_appeal_that_cannot_be_read_changes_nothing(caller, rejected, body, status, kind):
    before, kept = everything(), stored()
    refused(caller.post(at(rejected, "appeal"), **body), status, kind)
    assert everything() == before
    assert stored() == kept


def test_too_large_a_file_changes_nothing(caller, rejected, monkeypatch):
    monkeypatch.setattr(appeals, "MAX_FILE_BYTES", 3)
    before, kept = everything(), stored()
    parts = [("statement", None, b"x"), ("contract.pdf", "contract.pdf", b"signed")]
    refused(caller.post(at(rejected, "appeal"), **multipart(parts)), 413, "too-large")
    assert everything() == before
    assert stored() == kept


def test_appeal_where_there_is_nothing_to_appeal_against_changes_nothing(caller, label):
    submission = waiting(label=label)
    before, kept = everything(), stored()
    parts = [("statement", None, b"x"), ("contract.pdf", "contract.pdf", b"signed")]
    refused(caller.post(at(submission, "appeal"), **multipart(parts)), 409, "state-conflict")
    assert everything() == before
    assert stored() == kept
    assert caller.get(at(submission, "appeal")).json() == {"results": []}


def test_appeal_too_many_is_refused(caller, rejected, monkeypatch):
    monkeypatch.setattr(appeals, "MOST", 0)
    before = everything()
    refused(caller.post(at(rejected, "appeal"), json={"statement": "x"}), 409, "appeal-refused")
    assert everything() == before


def test_appeal_against_what_was_read_before_is_refused(caller, rejected):
    tag = caller.get(at(rejected)).headers["ETag"]
    rejected.refresh_from_db()
    decisions.reopen_submission(rejected, a_moderator("ben"), "a claim came in")
    decisions.decide_submission(rejected, a_moderator("cleo"), Verdict.REJECT, "the claim holds", code="infringement")
    before = everything()
    answer = caller.post(at(rejected, "appeal"), json={"statement": "x"}, headers={"If-Match": tag})
    refused(answer, 412, "precondition-failed")
    assert everything() == before


# --- The part that may go out ------------------------------------------------------------------------------------


@pytest.fixture
def partly(label, ada):
    submission = waiting(found("similarity.known_recording", "track:2"), label=label, tracks=3)
    tracks = {1: Verdict.APPROVE, 3: Verdict.LABEL}
    labels = [("content:remix", "yes")]
    decisions.decide_submission(submission, ada, Verdict.RETURN, "Not the second.", labels=labels, tracks=tracks)
    return submission


def test_label_reads_which_part_may_go_out(caller, partly):
    told = caller.get(at(partly)).json()
    assert [item["verdict"] for item in told["tracks"]] == ["approve", "return", "label"]
    assert told["labels"] == []
    assert told["partial"]["tracks"] == [1, 3]
    assert [entry["key"] for entry in told["partial"]["labels"]] == ["content:remix"]
    assert told["partial"]["accepted"] is None


def test_label_accepts_the_part(caller, partly):
    answer = caller.post(at(partly, "accept-partial"))
    assert answer.status_code == 202
    told = answer.json()
    assert (told["state"], told["supersedes"]) == ("received", str(partly.pk))
    assert [item["position"] for item in told["tracks"]] == [1, 2]
    assert caller.get(at(partly)).json()["partial"]["accepted"] == told["id"]


def test_part_is_accepted_once_however_often_it_is_asked(caller, partly):
    sent = [caller.post(at(partly, "accept-partial"), headers={"Idempotency-Key": "p-1"}) for _ in range(2)]
    assert sent[0].content == sent[1].content
    before = everything()
    refused(caller.post(at(partly, "accept-partial")), 409, "nothing-offered")
    assert everything() == before
    assert Submission.objects.filter(supersedes=partly).count() == 1


def test_nothing_is_accepted_where_nothing_was_offered(caller, rejected):
    before = everything()
    refused(caller.post(at(rejected, "accept-partial")), 409, "nothing-offered")
    assert everything() == before


def test_partner_reads_nothing_of_what_is_between_label_and_gate(label, ada):
    from intake.models import Partner

    submission = waiting(label=label)
    decisions.decide_submission(submission, ada, Verdict.APPROVE, "It is in order.")
    review_actions.write_review_note(submission, ada, "Thank you.", public=True)
    partner = a_caller(Partner.objects.create(slug="stream"), "submissions")
    told = partner.get(at(submission)).json()
    assert (told["explanation"], told["notes"], told["appeal"], told["partial"]) == (None, [], None, None)
    assert partner.post(at(submission, "appeal"), json={"statement": "x"}).status_code == 403
    submission.refresh_from_db()
    assert submission.state == State.APPROVED
