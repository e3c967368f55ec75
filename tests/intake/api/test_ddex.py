"""A label delivers releases as DDEX messages, and reads them as such."""

import hashlib

import pytest
from lxml import etree

from intake.core.states import State
from intake.models import CheckRun, DdexMessage, Submission
from intake.services.submissions.transitions import transition_submission
from tests.intake.api.conftest import multipart, stored
from tests.intake.ddex.conftest import a_message, a_recording
from tests.intake.factories import a_cover, a_document, a_submission

pytestmark = pytest.mark.django_db

FILES = {"01.flac": b"the sound", "cover.jpg": a_cover()}


def deliver(caller, message, files=FILES, **options):
    parts = [("message", "message.xml", message.encode()), *((name, name, content) for name, content in files.items())]
    return caller.post("ddex/ern", **multipart(parts), **options)


def found(answer):
    return {finding["code"]: finding for finding in answer.json()["findings"]}


def test_label_delivers_a_message(caller, label, rung):
    answer = deliver(caller, a_message())
    assert answer.status_code == 202
    submission = Submission.objects.get()
    assert answer.headers["Location"] == f"/api/v1/submissions/{submission.pk}"
    assert (submission.label, submission.state, submission.upc) == (label, "received", "036000291452")
    assert {resource.name: resource.blob_id for resource in submission.resources.all()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()
    }
    assert ("intake.start", (str(submission.pk),)) in rung


def test_label_is_asked_to_come_back_where_no_message_can_be_read(caller, monkeypatch):
    """A broken reader is no fault of the message."""
    monkeypatch.setattr("intake.ddex.messages._READER", "tests.checks.analysis.broken_images:measure")
    before = stored()
    answer = deliver(caller, a_message())
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["Retry-After"] == "60"
    assert "TypeError" not in answer.content.decode()
    assert stored() == before


def test_what_was_not_understood_is_among_the_findings(caller):
    message = a_message(release="<Synopsis><ShortSynopsis>By the sea.</ShortSynopsis></Synopsis>")
    answer = deliver(caller, message)
    findings = caller.get(f"submissions/{answer.json()['id']}/findings").json()["results"]
    (unmapped,) = [finding for finding in findings if "ShortSynopsis" in finding["message"]]
    assert (unmapped["code"], unmapped["severity"], unmapped["check"]) == ("ddex.unmapped", "information", "ddex")
    assert unmapped["evidence"]["line"] == message[: message.index("<ShortSynopsis")].count("\n") + 1


def test_findings_point_at_the_line_of_the_message(caller):
    message = a_message(a_recording(isrc="SEABC26"), upc="036000291453")
    before = stored()
    answer = deliver(caller, message)
    assert answer.status_code == 422
    findings = found(answer)
    for code, tag in (("isrc.malformed", "<ISRC>"), ("upc.malformed", "<ICPN>")):
        evidence = findings[code]["evidence"]
        assert evidence["line"] == message[: message.index(tag)].count("\n") + 1
        assert evidence["xpath"].endswith(f"/{tag[1:-1]}[1]")
    assert stored() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"release_date": "2030-02-30"}, "ddex.date_invalid"),
        ({"cover": "../../etc/passwd"}, "ddex.uri_unsafe"),
        ({"namespace": "http://ddex.net/xml/ern/999"}, "ddex.namespace_unknown"),
        ({"message_id": ""}, "ddex.message_id_missing"),
        ({"items": "<ResourceGroupContentItem/>"}, "metadata.missing"),
    ],
)
def test_message_at_fault_is_refused_and_nothing_is_stored(caller, change, code):
    before = stored()
    answer = deliver(caller, a_message(**change))
    assert answer.status_code == 422
    assert code in found(answer)
    assert {"xpath", "line"} <= found(answer)[code]["evidence"].keys()
    assert stored() == before


def test_file_that_the_message_names_must_come(caller):
    answer = deliver(caller, a_message(), {"01.flac": b"the sound"})
    assert answer.status_code == 422
    missing = found(answer)["file.missing"]
    assert missing["subject"] == "file:cover.jpg"
    assert missing["evidence"]["xpath"].endswith("/URI[1]")


def test_files_may_come_under_their_whole_uri(caller):
    message = a_message(a_recording(uri="resources/01.flac"))
    files = {"resources/01.flac": b"the sound", "cover.jpg": a_cover()}
    assert deliver(caller, message, files).status_code == 202


def test_message_that_came_before_is_refused(caller):
    assert deliver(caller, a_message()).status_code == 202
    before = stored()
    again = a_message(upc="036000291469").replace("Low Tide", "High Tide")
    answer = deliver(caller, again)
    assert answer.status_code == 422
    assert "ddex.message_replayed" in found(answer)
    assert stored() == before


def test_message_id_of_another_label_is_free(caller, stranger):
    assert deliver(caller, a_message()).status_code == 202
    answer = deliver(stranger, a_message(a_recording(isrc="SEXYZ2600001"), upc="036000291469"))
    assert answer.status_code == 202
    assert DdexMessage.objects.filter(message_id="HAR-1").count() == 2


def test_test_message_is_judged_and_not_stored(caller):
    before = stored()
    header = "<MessageControlType>TestMessage</MessageControlType>"
    answer = deliver(caller, a_message(header=header), {})
    assert answer.status_code == 200
    assert answer.json()["blocking"] is False
    assert "ddex.test_message" in found(answer)
    assert stored() == before
    assert not DdexMessage.objects.exists()


def test_same_key_and_message_are_done_once(caller):
    headers = {"Idempotency-Key": "once"}
    first = deliver(caller, a_message(), headers=headers)
    second = deliver(caller, a_message(), headers=headers)
    assert first.content == second.content
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Submission.objects.count() == 1


def test_message_is_missing(caller):
    answer = caller.post("ddex/ern", **multipart([("01.flac", "01.flac", b"x")]))
    assert answer.status_code == 400


def test_findings_of_the_message_hold_nothing_up(caller):
    deliver(caller, a_message())
    assert CheckRun.objects.get().status == "done"


def cleared(label):
    submission = a_submission(label, a_document())
    transition_submission(submission, State.CHECKING, "gate")
    transition_submission(submission, State.APPROVED, "policy")
    return submission


def test_approved_release_is_read_as_a_message(caller, label):
    submission = cleared(label)
    answer = caller.get(f"submissions/{submission.pk}/ern")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/xml"
    root = etree.fromstring(answer.content)
    assert etree.QName(root).namespace == "http://ddex.net/xml/ern/432"
    assert root.findtext(".//MessageId") == str(submission.pk)
    sums = {item.findtext("URI"): item.findtext("HashSum/HashSumValue") for item in root.iter("File")}
    assert sums == dict(submission.resources.values_list("name", "blob_id"))


def test_release_that_is_not_approved_is_no_message_yet(caller, label):
    submission = a_submission(label, a_document())
    assert caller.get(f"submissions/{submission.pk}/ern").status_code == 409


def test_disclosure_is_read_as_ern(caller, label):
    submission = a_submission(label, a_document())
    answer = caller.get(f"submissions/{submission.pk}/disclosure?format=ern")
    assert answer.status_code == 200
    assert etree.fromstring(answer.content).findtext(".//SoundRecording/ContainsAI") == "None"


def test_form_that_nobody_takes_is_refused(caller, label):
    submission = a_submission(label, a_document())
    assert caller.get(f"submissions/{submission.pk}/disclosure?format=pdf").status_code == 400
