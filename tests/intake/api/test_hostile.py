"""Whatever is sent, the answer is a problem with a stable type, and nothing is stored."""

import json

import pytest

from tests.intake.api.conftest import delivery_parts, multipart, post_release, stored
from tests.intake.factories import a_document, files_of

pytestmark = pytest.mark.django_db


def refused(answer, status, kind):
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}"), answer.content
    assert set(stored().values()) == {0}
    return answer.json()


def with_text(text: bytes) -> bytes:
    """The document with raw bytes where its title is."""
    return json.dumps(a_document("@@")).encode().replace(b"@@", text, 1)


NOT_JSON = {
    "nothing": b"",
    "cut off": b'{"release": ',
    "not a number": b'{"release": NaN}',
    "infinity": b'{"release": -Infinity}',
    "too large": b'{"release": 1e999}',
    "too many digits": b'{"release": ' + b"9" * 5000 + b"}",
    "a long fraction": b'{"release": 0.' + b"1" * 5000 + b"}",
    "the same key twice": b'{"release": {}, "release": {}}',
    "too deep in lists": b"[" * 100_000 + b"]" * 100_000,
    "too deep in objects": b'{"a":' * 200 + b"1" + b"}" * 200,
    "a little too deep": b"[" * 32 + b"]" * 32,
    "latin-1": '{"release": "\xe9"}'.encode("latin-1"),
    "utf-16": '{"release": 1}'.encode("utf-16"),
    "a control character": b'{"release": "\x01"}',
    "single quotes": b"{'release': 1}",
    "a comment": b'{"release": 1} // really',
    "two documents": b"{} {}",
    "a form": b"release=1",
}


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize("path", ["submissions", "validate", "webhook-endpoints", "protected-artists"])
def test_what_is_not_strict_json_is_refused(caller, path, raw):
    answer = caller.post(path, data=raw, content_type="application/json", CONTENT_LENGTH=str(len(raw)))
    refused(answer, 400, "json-malformed" if raw else "bad-request")


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
def test_multipart_document_is_read_as_strictly(caller, raw):
    for filename in (None, "metadata.json"):
        answer = caller.post("submissions", **multipart([("metadata", filename, raw), ("01.flac", "01.flac", b"x")]))
        refused(answer, 400, "json-malformed")


def test_byte_order_mark_is_let_pass(caller):
    raw = b"\xef\xbb\xbf" + json.dumps(a_document()).encode()
    assert caller.post("validate", data=raw, content_type="application/json").status_code == 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (rb"\u0000", "metadata.bad_character"),
        (rb"a\u0000b", "metadata.bad_character"),
        (rb"\ud800", "metadata.bad_character"),
        (rb"\udc00\ud800", "metadata.bad_character"),
    ],
)
def test_characters_that_cannot_be_stored_are_refused(caller, text, code):
    body = refused(
        caller.post("submissions", data=with_text(text), content_type="application/json"), 422, "document-invalid"
    )
    assert {item["code"] for item in body["findings"]} == {code}


@pytest.mark.parametrize(
    "text",
    [
        "\u202eediT woL", "Low\u200bTide", "L\u043ew Tide", "\uff2c\uff4f\uff57", "\U000e0041Low", "=HYPERLINK(1)",
        "\U0001f3b5", "a" * 3000, "<script>alert(1)</script>", "'; DROP TABLE --", "\ufdfa" * 100,
    ],
)  # fmt: skip
def test_strange_text_is_answered_by_findings_or_taken(caller, text):
    document = a_document(text)
    answer = post_release(caller, document)
    assert answer.status_code in (202, 422)
    if answer.status_code == 422:
        assert answer.json()["findings"]
        assert set(stored().values()) == {0}
    else:
        assert answer.json()["release"]["title"] == text


@pytest.mark.parametrize(
    "isrc", ["SEHBR2500001\n", "SEHBR25٠0001", "sehbr2500001", "SE-HBR-25-00001", " SEHBR2500001", "X" * 99]
)
def test_isrc_that_only_looks_right_is_refused_by_its_check(caller, isrc):
    document = a_document()
    document["release"]["tracks"][0]["isrc"] = isrc
    body = refused(post_release(caller, document), 422, "release-refused")
    assert "isrc.malformed" in {item["code"] for item in body["findings"]}


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..", ".", "a/b.flac", "a\\b.flac", "x" * 999, "a\nb", "a\u202eb", "con\u0007", "\u200b"],
)
def test_file_name_that_is_none_is_refused(caller, name):
    document = a_document()
    document["release"]["tracks"][0]["file"] = name
    answer = caller.post("submissions", json=document)
    body = refused(answer, 422, "release-refused")
    assert "file.name_unsafe" in {item["code"] for item in body["findings"]}


@pytest.mark.parametrize("name", ["../../x", "a%0d%0ab", "x" * 900, "☃", "a\tb"])
def test_part_name_that_nobody_named_is_unexpected(caller, name):
    document = a_document()
    parts = [*delivery_parts(document, files_of(document)), (name, "x", b"x")]
    body = refused(caller.post("submissions", **multipart(parts)), 422, "release-refused")
    assert {item["code"] for item in body["findings"]} == {"file.unexpected"}


def test_part_name_without_end_is_refused(caller):
    document = a_document()
    parts = [*delivery_parts(document, files_of(document)), ("x" * 4000, "x", b"x")]
    refused(caller.post("submissions", **multipart(parts)), 400, "multipart-malformed")


def test_file_name_cannot_lead_out_of_the_spool(caller):
    document = a_document()
    parts = delivery_parts(document, files_of(document))
    parts[1] = ("01.flac", "../../../../../../tmp/owned", parts[1][2])
    assert caller.post("submissions", **multipart(parts)).status_code == 202
    assert stored()["files"] == 2


def test_parts_without_end_are_refused(caller):
    parts = [("metadata", None, b"{}"), *((f"{n}.flac", f"{n}.flac", b"") for n in range(1500))]
    refused(caller.post("submissions", **multipart(parts)), 400, "multipart-malformed")
    parts = [(f"field{n}", None, b"") for n in range(1500)]
    refused(caller.post("submissions", **multipart(parts)), 400, "multipart-malformed")


def test_document_without_end_is_refused(caller, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    big = b" " * 1001
    refused(caller.post("submissions", data=big, content_type="application/json"), 413, "too-large")
    for filename in (None, "metadata.json"):
        refused(caller.post("submissions", **multipart([("metadata", filename, big)])), 413, "too-large")


@pytest.mark.parametrize(
    ("content_type", "status", "kind"),
    [
        ("multipart/form-data", 400, "multipart-malformed"),
        ("multipart/form-data; boundary=", 400, "multipart-malformed"),
        ("multipart/form-data; boundary=" + "x" * 300, 400, "multipart-malformed"),
        ("multipart/form-data; boundary=é", 400, "multipart-malformed"),
        ("multipart/mixed; boundary=limes", 415, "media-type"),
        ("application/x-www-form-urlencoded", 415, "media-type"),
        ("text/plain", 415, "media-type"),
        ("application/problem+json", 415, "media-type"),
        ("", 415, "media-type"),
        ("nonsense", 415, "media-type"),
    ],
)
def test_body_of_another_type_is_refused(caller, content_type, status, kind):
    document = a_document()
    body = multipart(delivery_parts(document, files_of(document)))["data"]
    refused(caller.post("submissions", data=body, content_type=content_type), status, kind)


@pytest.mark.parametrize("garbage", [b"x", b"\0" * 5000, b"--limes", b"--limes--", b"--limes\r\n\r\n\r\n--limes--\r\n"])
def test_multipart_that_is_none_is_refused(caller, garbage):
    answer = caller.post("submissions", data=garbage, content_type="multipart/form-data; boundary=limes")
    refused(answer, 400, "multipart-malformed")


def test_part_with_broken_base64_is_refused(caller):
    body = (
        b'--limes\r\nContent-Disposition: form-data; name="01.flac"; filename="01.flac"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--limes--\r\n"
    )
    answer = caller.post("submissions", data=body, content_type="multipart/form-data; boundary=limes")
    refused(answer, 400, "multipart-malformed")


@pytest.mark.parametrize("length", ["-5", "5e3", "0x10", " 7", "٧"])
def test_length_that_is_none_is_refused(caller, length):
    answer = caller.post("submissions", json=a_document(), CONTENT_LENGTH=length)
    assert answer.status_code in (400, 422)
    assert set(stored().values()) == {0}


def test_chunked_body_is_refused(caller):
    answer = caller.post("submissions", json=a_document(), HTTP_TRANSFER_ENCODING="chunked")
    refused(answer, 411, "length-required")


def test_forged_host_is_refused(caller):
    answer = caller.post("submissions", json=a_document(), HTTP_HOST="evil.example")
    refused(answer, 400, "bad-request")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("GET", "/api/v2/submissions", 404, "not-found"),
        ("GET", "/api/v1/submissions/", 404, "not-found"),
        ("GET", "/api/v1/submissions/7", 404, "not-found"),
        ("GET", "/api/v1/submissions/../../admin", 404, "not-found"),
        ("GET", "/api/v1/submissions/%00", 404, "not-found"),
        ("GET", "/api/v1/%ff%fe", 404, "not-found"),
        ("DELETE", "/api/v1/submissions", 405, "method-not-allowed"),
        ("PUT", "/api/v1/validate", 405, "method-not-allowed"),
        ("TRACE", "/api/v1/submissions", 405, "method-not-allowed"),
        ("PROPFIND", "/api/v1/submissions", 405, "method-not-allowed"),
    ],
)
def test_address_or_method_that_is_none_is_a_problem_too(caller, method, path, status, kind):
    refused(caller.call(method, path), status, kind)


def test_client_that_asks_for_another_form_gets_json_all_the_same(caller):
    for accept in ("text/html", "application/xml", "image/*", "nonsense", ""):
        answer = caller.get("submissions", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_fault_of_ours_is_a_problem_without_what_is_inside(caller, monkeypatch):
    monkeypatch.setattr("intake.services.submissions.admission.admit_release", lambda *_: {}["the secret of the house"])
    caller.client.raise_request_exception = False
    answer = caller.client.post("/api/v1/submissions", data=json.dumps(a_document()), content_type="application/json")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/internal"
    assert "secret" not in answer.content.decode()


def test_full_disk_is_told_as_such(caller, monkeypatch):
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("intake.services.storage.blobs.Incoming.write", full)
    monkeypatch.setattr("tests.intake.api.conftest.check_against_schema", lambda *_: None)
    answer = post_release(caller, a_document())
    assert (answer.status_code, answer.json()["type"]) == (507, "/problems/storage-full")
    assert set(stored().values()) == {0}


def test_database_that_does_not_answer_is_told_as_such(caller, monkeypatch):
    from django.db import OperationalError

    def locked(*_):
        raise OperationalError("database is locked")

    monkeypatch.setattr("intake.services.submissions.admission.admit_release", locked)
    monkeypatch.setattr("tests.intake.api.conftest.check_against_schema", lambda *_: None)
    answer = post_release(caller, a_document())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert set(stored().values()) == {0}
