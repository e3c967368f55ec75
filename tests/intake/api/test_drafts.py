"""A label opens a draft, sends its files one by one, and hands it over."""

import base64
import hashlib

import pytest

from intake.models import Resource, Submission
from tests.intake.api.conftest import broken_off, stored
from tests.intake.factories import a_cover, a_document, files_of

pytestmark = pytest.mark.django_db
OCTETS = "application/octet-stream"


@pytest.fixture
def draft(caller):
    answer = caller.post("submissions", json=a_document())
    assert answer.status_code == 201
    return answer.json()


def upload(caller, draft, name="01.flac", content=None, **options):
    content = content if content is not None else a_cover() if name == "cover.png" else b"sound"
    path = f"submissions/{draft['id']}/files/{name}"
    return caller.put(path, **({"data": content, "content_type": OCTETS} | options))


def digest(content):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


#: The key; five questions about names, numbers and titles; four inserts in a transaction; then, read back, the
#: tracks and the files.
QUERIES_OF_A_DRAFT = 14


def test_opening_a_draft_takes_the_same_few_queries_however_long_it_is(caller, django_assert_num_queries):
    caller.get("submissions")  # the first use of a key is noted
    for number, tracks in enumerate((3, 12), 1):
        document = a_document(f"Low Tide {number}", number, tracks=tracks)
        with django_assert_num_queries(QUERIES_OF_A_DRAFT):
            assert caller.post("submissions", json=document).status_code == 201


def test_draft_lists_where_its_files_go(draft):
    assert draft["state"] == "draft"
    assert {item["name"] for item in draft["uploads"]} == {"01.flac", "cover.png"}
    one = draft["uploads"][0]
    assert one["url"] == f"http://testserver/api/v1/submissions/{draft['id']}/files/{one['name']}"
    assert (one["methods"], one["received"]) == (["tus", "PUT"], False)


def test_label_sends_the_files_and_hands_over(caller, draft, rung):
    for item in draft["uploads"]:
        content = a_cover() if item["name"] == "cover.png" else b"sound"
        answer = caller.put(item["url"], data=content, content_type=OCTETS)
        assert answer.status_code == 201
        assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert rung == []
    answer = caller.post(f"submissions/{draft['id']}/submit")
    assert answer.status_code == 202
    assert answer.json()["state"] == "received"
    assert rung == [("intake.start", (draft["id"],))]


def test_draft_waits_for_all_its_files(caller, draft):
    upload(caller, draft)
    answer = caller.post(f"submissions/{draft['id']}/submit")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/files-missing")
    assert "cover.png" in answer.json()["detail"]
    assert caller.get(f"submissions/{draft['id']}").json()["state"] == "draft"


def test_release_at_fault_opens_no_draft(caller):
    answer = caller.post("submissions", json=a_document(upc="036000291453"))
    assert answer.status_code == 422
    assert set(stored().values()) == {0}


def test_file_sent_again_replaces_the_first(caller, draft):
    upload(caller, draft, content=b"one")
    upload(caller, draft, content=b"two")
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(b"two").hexdigest()


def test_content_digest_is_verified(caller, draft):
    assert upload(caller, draft, headers={"Content-Digest": digest(b"sound")}).status_code == 201
    several = f"sha-512=:AAAA:, {digest(b'sound')}"
    assert upload(caller, draft, headers={"Content-Digest": several}).status_code == 201
    assert upload(caller, draft, headers={"Content-Digest": "sha-512=:AAAA:"}).status_code == 201


def test_digest_of_the_whole_representation_is_not_ours_to_judge(caller, draft):
    assert upload(caller, draft, headers={"Repr-Digest": digest(b"other")}).status_code == 201


def nothing_kept():
    assert Resource.objects.filter(blob__isnull=False).count() == 0
    left = stored()
    assert (left["spool"], left["files"], left["Blob"]) == (0, 0, 0)


def test_other_bytes_than_the_digest_names_are_not_kept(caller, draft):
    answer = upload(caller, draft, headers={"Content-Digest": digest(b"other")})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/digest-mismatch")
    nothing_kept()


@pytest.mark.parametrize("header", ["sha-256=abc", "sha-256=:abc:", "sha-256=", "sha-256=:" + "=" * 44 + ":"])
def test_digest_that_is_none_is_refused(caller, draft, header):
    assert upload(caller, draft, headers={"Content-Digest": header}).status_code == 400
    nothing_kept()


def test_other_bytes_than_declared_are_not_kept(caller):
    document = a_document() | {"files": {"01.flac": {"sha256": "0" * 64}}}
    draft = caller.post("submissions", json=document).json()
    answer = upload(caller, draft)
    assert answer.status_code == 422
    assert [item["code"] for item in answer.json()["findings"]] == ["file.digest_mismatch"]
    nothing_kept()


def test_body_that_breaks_off_is_not_kept(caller, draft):
    answer = upload(caller, draft, **broken_off(b"sou", 5))
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/body-truncated")
    nothing_kept()


FRAGMENTS = {
    "byte range": ({"Content-Range": "bytes 0-4/10"}, "audio/flac", 400),
    "byte range of unknown length": ({"Content-Range": "bytes 5-9/*"}, "audio/flac", 400),
    "unsatisfied range": ({"Content-Range": "bytes */10"}, "audio/flac", 400),
    "other unit": ({"Content-Range": "seconds 0-4/10"}, "audio/flac", 400),
    "empty range": ({"Content-Range": ""}, "audio/flac", 400),
    "compressed": ({"Content-Encoding": "gzip"}, "audio/flac", 415),
    "compressed twice": ({"Content-Encoding": "identity, br"}, "audio/flac", 415),
    "form": ({}, "multipart/form-data; boundary=x", 415),
    "several ranges": ({}, "multipart/byteranges; boundary=x", 415),
    "piece of tus": ({}, "application/offset+octet-stream", 415),
}


@pytest.mark.parametrize("how", FRAGMENTS)
def test_part_or_encoding_of_a_file_is_not_taken_for_the_file(caller, draft, how):
    headers, content_type, status = FRAGMENTS[how]
    path = f"submissions/{draft['id']}/files/01.flac"
    answer = caller.put(path, data=b"abcde", content_type=content_type, headers=headers)
    assert answer.status_code == status
    assert stored()["files"] == 0
    assert not Resource.objects.filter(blob__isnull=False).exists()
    plain = {"Content-Encoding": "identity"}
    assert caller.put(path, data=b"abcde", content_type="audio/flac", headers=plain).status_code == 201


def test_document_in_a_compressed_or_partial_body_is_refused(caller):
    for headers, status in (({"Content-Encoding": "gzip"}, 415), ({"Content-Range": "bytes 0-9/20"}, 400)):
        assert caller.post("submissions", json=a_document(), headers=headers).status_code == status
    assert not Submission.objects.exists()


def test_body_without_a_length_is_refused(caller, draft):
    assert upload(caller, draft, CONTENT_LENGTH="").status_code == 411
    nothing_kept()


def test_too_large_a_file_is_refused_before_it_is_read(caller, draft, settings):
    settings.GATE_MAX_FILE_BYTES = 4
    assert upload(caller, draft).status_code == 413
    nothing_kept()


@pytest.mark.parametrize("name", ["stray.flac", "..", "a%00b", "%F0%9F%8E%B5" * 300])
def test_file_that_nobody_named_is_not_found(caller, draft, name):
    assert upload(caller, draft, name).status_code == 404
    nothing_kept()


def test_nothing_is_sent_after_handing_over(caller, draft):
    for item in draft["uploads"]:
        upload(caller, draft, item["name"])
    caller.post(f"submissions/{draft['id']}/submit")
    before = stored()
    assert upload(caller, draft, content=b"other").status_code == 409
    assert caller.post(f"submissions/{draft['id']}/submit").status_code == 409
    assert stored() == before


def test_empty_file_keeps_the_draft_a_draft(caller, draft):
    upload(caller, draft, "01.flac", b"", CONTENT_LENGTH="0")
    upload(caller, draft, "cover.png")
    answer = caller.post(f"submissions/{draft['id']}/submit")
    assert answer.status_code == 422
    assert [item["code"] for item in answer.json()["findings"]] == ["file.empty"]
    assert Submission.objects.get().state == "draft"


def test_correction_opened_as_a_draft_is_let_in_under_the_same_upc(caller):
    first = caller.post("submissions", json=a_document()).json()
    for item in first["uploads"]:
        upload(caller, first, item["name"])
    caller.post(f"submissions/{first['id']}/submit")
    document = a_document("High Tide") | {"supersedes": first["id"]}
    second = caller.post("submissions", json=document).json()
    for name, content in files_of(document).items():
        upload(caller, second, name, content)
    assert caller.post(f"submissions/{second['id']}/submit").status_code == 202
