"""A label delivers a release in one request."""

import hashlib

import pytest

from intake.models import Blob, Resource, Submission
from tests.intake.api.conftest import broken_off, delivery_parts, multipart, post_release, stored
from tests.intake.factories import a_cover, a_document, files_of

pytestmark = pytest.mark.django_db


def test_label_delivers_a_release_in_one_request(caller, label, rung):
    document = a_document()
    answer = post_release(caller, document)
    assert answer.status_code == 202
    body = answer.json()
    submission = Submission.objects.get()
    assert answer.headers["Location"] == f"/api/v1/submissions/{submission.pk}"
    assert (body["id"], body["state"], body["verdict"]) == (str(submission.pk), "received", None)
    assert body["release"]["title"] == "Low Tide"
    assert "uploads" not in body
    assert submission.label == label
    assert ("intake.start", (str(submission.pk),)) in rung


def test_files_are_kept_under_their_digest_and_nothing_else_stays(caller):
    document = a_document()
    post_release(caller, document)
    for name, content in files_of(document).items():
        blob = Resource.objects.get(name=name).blob
        assert blob.pk == hashlib.sha256(content).hexdigest()
        assert blob.size == len(content)
    left = stored()
    assert left["spool"] == 0
    assert left["files"] == left["Blob"] == 2


def test_same_bytes_are_kept_once(caller):
    document = a_document()
    files = dict.fromkeys(files_of(document), a_cover())
    assert post_release(caller, document, files).status_code == 202
    assert Blob.objects.count() == 1


@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("filename", [None, "metadata.json"], ids=["field", "file"])
def test_document_may_come_in_any_form_and_order(caller, last, filename):
    document = a_document()
    parts = delivery_parts(document, files_of(document))
    parts[0] = ("metadata", filename, parts[0][2])
    if last:
        parts = [*parts[1:], parts[0]]
    assert caller.post("submissions", **multipart(parts)).status_code == 202


def test_part_called_file_goes_by_its_file_name(caller):
    document = a_document()
    parts = delivery_parts(document, {})
    parts += [("file", name, content) for name, content in files_of(document).items()]
    assert caller.post("submissions", **multipart(parts)).status_code == 202


def test_large_file_is_streamed_in_pieces(caller, settings):
    document = a_document()
    files = files_of(document) | {"01.flac": bytes(3_000_000)}
    assert post_release(caller, document, files).status_code == 202
    assert Resource.objects.get(name="01.flac").blob.size == 3_000_000


def refused(caller, parts, status=422, **options):
    """The answer to a delivery that must leave nothing behind."""
    answer = caller.post("submissions", **(multipart(parts) | options))
    assert answer.status_code == status, answer.content
    assert set(stored().values()) == {0}
    return answer.json()


def codes(body):
    return {finding["code"] for finding in body["findings"]}


def test_release_at_fault_is_refused_with_its_findings_and_leaves_nothing(caller):
    document = a_document(upc="036000291453")
    body = refused(caller, delivery_parts(document, files_of(document)))
    assert body["type"] == "/problems/release-refused"
    assert "upc.malformed" in codes(body)


def test_misspelt_key_is_refused_by_name(caller):
    document = a_document()
    document["release"]["titel"] = "Low Tide"
    body = refused(caller, delivery_parts(document, files_of(document)))
    assert body["errors"][0]["pointer"] == "/release/titel"
    assert "'titel'" in body["errors"][0]["detail"]
    assert codes(body) == {"metadata.unknown_key"}


def test_missing_file_is_refused(caller):
    document = a_document()
    assert codes(refused(caller, delivery_parts(document, {}))) == {"file.missing"}


def test_file_that_nobody_named_is_refused(caller):
    document = a_document()
    parts = delivery_parts(document, files_of(document) | {"stray.wav": b"x"})
    assert codes(refused(caller, parts)) == {"file.unexpected"}


def test_empty_file_is_refused(caller):
    document = a_document()
    parts = delivery_parts(document, files_of(document) | {"01.flac": b""})
    assert codes(refused(caller, parts)) == {"file.empty"}


def test_other_bytes_than_declared_are_refused(caller):
    document = a_document()
    document["files"] = {"01.flac": {"sha256": "0" * 64}}
    assert codes(refused(caller, delivery_parts(document, files_of(document)))) == {"file.digest_mismatch"}


def test_declared_digest_may_be_in_capitals(caller):
    document = a_document()
    files = files_of(document)
    document["files"] = {"01.flac": {"sha256": hashlib.sha256(files["01.flac"]).hexdigest().upper()}}
    assert post_release(caller, document, files).status_code == 202


def test_same_part_twice_is_refused(caller):
    document = a_document()
    parts = delivery_parts(document, files_of(document))
    assert "sent twice" in refused(caller, [*parts, parts[1]], 400)["detail"]
    assert "sent twice" in refused(caller, [*parts, parts[0]], 400)["detail"]


def test_file_without_a_file_name_is_refused_by_name(caller):
    document = a_document()
    parts = [*delivery_parts(document, files_of(document)), ("01.flac", None, b"x")]
    assert "'01.flac'" in refused(caller, parts, 400)["detail"]


def test_delivery_without_a_document_is_refused(caller):
    assert "metadata" in refused(caller, [("01.flac", "01.flac", b"x")], 400)["detail"]


def test_too_large_a_file_is_refused(caller, settings):
    settings.GATE_MAX_FILE_BYTES = 1000
    document = a_document()
    refused(caller, delivery_parts(document, files_of(document) | {"01.flac": bytes(1001)}), 413)


def test_body_that_breaks_off_leaves_nothing(caller):
    document = a_document()
    whole = multipart(delivery_parts(document, files_of(document)))
    announced = len(whole["data"])
    for share in (0.2, 0.5, 0.9, 0.999):
        cut = whole["data"][: int(len(whole["data"]) * share)]
        body = refused(caller, [], 400, **(whole | broken_off(cut, announced)))
        assert body["type"] == "/problems/body-truncated"


def test_body_without_an_end_leaves_nothing(caller):
    document = a_document()
    whole = multipart(delivery_parts(document, files_of(document)))
    cut = whole["data"].rpartition(b"\r\n--limes--")[0]
    refused(caller, [], 400, data=cut, content_type=whole["content_type"])


def test_body_without_a_length_is_refused(caller):
    document = a_document()
    body = refused(caller, delivery_parts(document, files_of(document)), 411, CONTENT_LENGTH="")
    assert body["type"] == "/problems/length-required"


def test_fault_of_ours_leaves_no_files_on_their_way(caller, monkeypatch):
    def broken(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("intake.services.submissions.admission.admit_release", broken)
    with pytest.raises(RuntimeError):
        post_release(caller, a_document())
    assert set(stored().values()) == {0}


def test_correction_may_come_under_the_same_upc(caller):
    first = post_release(caller, a_document()).json()["id"]
    again = a_document(title="High Tide")
    assert "upc.reused" in codes(post_release(caller, again).json())
    again["supersedes"] = first
    answer = post_release(caller, again)
    assert answer.status_code == 202, answer.content
    assert answer.json()["supersedes"] == first


def test_nobody_supersedes_what_is_anothers(caller, stranger):
    theirs = post_release(stranger, a_document()).json()["id"]
    document = a_document("Slack Water", 2) | {"supersedes": theirs}
    assert codes(post_release(caller, document).json()) == {"supersedes.unknown"}
    unknown = a_document("Slack Water", 2) | {"supersedes": "01890a5d-ac96-774b-bcce-b302099a8057"}
    assert codes(post_release(caller, unknown).json()) == {"supersedes.unknown"}
    assert Submission.objects.count() == 1


def test_document_is_stored_with_every_default(caller):
    document = a_document()
    assert "relations" not in document["release"]["tracks"][0]
    post_release(caller, document)
    assert Submission.objects.get().metadata["tracks"][0]["relations"] == []
