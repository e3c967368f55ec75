"""A label sends a file piece by piece (tus 1.0), and goes on where the connection broke."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as choices

from intake.models import Resource, Submission
from intake.services.storage import uploads
from intake.services.submissions import submission_actions
from tests.intake.api.conftest import broken_off, stored
from tests.intake.factories import a_cover, a_document

pytestmark = pytest.mark.django_db

PIECE = "application/offset+octet-stream"
SOUND = bytes(range(256)) * 40
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def path(caller) -> str:
    """Where the audio of a new draft is sent."""
    answer = caller.post("submissions", json=a_document())
    (one,) = (item for item in answer.json()["uploads"] if item["name"] == "01.flac")
    assert "tus" in one["methods"]
    return one["url"].removeprefix("http://testserver")


def piece(caller, path: str, offset: int, content: bytes, method: str = "PATCH", **headers: str | None):
    """Send one piece; the first one states the length of SOUND unless ``Upload_Length`` is given (None: none)."""
    length = {"Upload_Length": str(len(SOUND))} if offset == 0 else {}
    named = {name.replace("_", "-"): text for name, text in {**length, **headers}.items() if text is not None}
    given = {**TUS, "Upload-Offset": str(offset), **named}
    return caller.call(method, path, data=content, content_type=PIECE, headers=given)


def standing(caller, path: str) -> tuple[str, str | None]:
    answer = caller.call("HEAD", path, headers=TUS)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.headers["Upload-Offset"], answer.headers.get("Upload-Length")


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def refused(answer, status: int, kind: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert answer.headers["Tus-Resumable"] == "1.0.0"


def test_file_comes_in_pieces_and_belongs_to_the_draft_when_it_is_whole(caller, path):
    assert standing(caller, path) == ("0", None)
    first = piece(caller, path, 0, SOUND[:1000], Upload_Length=str(len(SOUND)))
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000")
    assert "GMT" in first.headers["Upload-Expires"]
    assert standing(caller, path) == ("1000", str(len(SOUND)))
    assert Resource.objects.get(name="01.flac").blob is None
    assert piece(caller, path, 1000, SOUND[1000:]).headers["Upload-Offset"] == str(len(SOUND))
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()
    assert standing(caller, path) == (str(len(SOUND)), str(len(SOUND)))
    assert list((Path(choices.GATE_DATA) / "uploads").iterdir()) == []


def create(caller, path: str, **headers: str):
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return caller.call("POST", path, headers=TUS | named)


def test_length_may_come_with_the_last_piece_where_the_client_said_so(caller, path):
    assert caller.call("HEAD", path, headers=TUS).headers["Upload-Defer-Length"] == "1"
    assert create(caller, path, Upload_Defer_Length="1").status_code == 201
    assert piece(caller, path, 0, SOUND[:100], Upload_Length=None).status_code == 204
    piece(caller, path, 100, SOUND[100:], Upload_Length=str(len(SOUND)))
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


def test_upload_whose_end_cannot_be_recognised_is_refused(caller, path):
    answer = piece(caller, path, 0, SOUND, Upload_Length=None)
    refused(answer, 400, "header-invalid")
    assert "Upload-Length" in answer.json()["detail"]
    refused(create(caller, path), 400, "header-invalid")
    refused(create(caller, path, Upload_Defer_Length="yes"), 400, "header-invalid")
    assert standing(caller, path) == ("0", None)
    assert stored()["files"] == 0


def declared_path(caller, **declared: Any) -> str:
    """Where the audio of a new draft is sent whose document declares something about the file."""
    answer = caller.post("submissions", json=a_document() | {"files": {"01.flac": declared}})
    (one,) = (item for item in answer.json()["uploads"] if item["name"] == "01.flac")
    return one["url"].removeprefix("http://testserver")


def test_declared_size_is_the_length_of_the_upload(caller):
    path = declared_path(caller, size=len(SOUND))
    assert standing(caller, path) == ("0", str(len(SOUND)))
    piece(caller, path, 0, SOUND[:100], Upload_Length=None)
    assert Resource.objects.get(name="01.flac").blob is None
    piece(caller, path, 100, SOUND[100:])
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


@pytest.mark.parametrize("how", ["patch", "create", "put"])
def test_file_of_another_size_than_declared_is_refused(caller, how):
    path = declared_path(caller, size=len(SOUND))
    if how == "patch":
        answer = piece(caller, path, 0, SOUND[:-1], Upload_Length=str(len(SOUND) - 1))
    elif how == "create":
        answer = create(caller, path, Upload_Length=str(len(SOUND) + 1))
    else:
        answer = caller.put(path, data=SOUND[:-1], content_type="audio/flac")
    refused(answer, 422, "digest-mismatch")
    (finding,) = answer.json()["findings"]
    assert (finding["code"], finding["threshold"]) == ("file.size_mismatch", len(SOUND))
    assert standing(caller, path) == ("0", str(len(SOUND)))
    assert stored()["files"] == 0


def test_declared_digest_tells_the_end_of_an_upload_without_a_length(caller):
    path = declared_path(caller, sha256=hashlib.sha256(SOUND).hexdigest())
    piece(caller, path, 0, SOUND, Upload_Length=None)
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


def test_pieces_without_a_length_are_attached_on_submit_if_they_are_the_declared_file(caller):
    path = declared_path(caller, sha256=hashlib.sha256(SOUND).hexdigest())
    caller.put(path.replace("01.flac", "cover.png"), data=a_cover(), content_type="image/png")
    submit = path.partition("/files/")[0] + "/submit"
    piece(caller, path, 0, SOUND[:100], Upload_Length=None)
    refused_submit = caller.post(submit)
    assert (refused_submit.status_code, refused_submit.json()["type"]) == (409, "/problems/files-missing")
    assert standing(caller, path)[0] == "100"
    piece(caller, path, 100, SOUND[100:])
    assert Resource.objects.get(name="01.flac").blob is None
    assert caller.post(submit).status_code == 202
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


def test_client_that_always_creates_its_upload_gets_it(caller, path):
    piece(caller, path, 0, b"an earlier try")
    answer = create(caller, path, Upload_Length=str(len(SOUND)), Upload_Metadata="filename MDEuZmxhYw==")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "0")
    assert answer.headers["Location"] == f"http://testserver{path}"
    piece(caller, path, 0, SOUND, Upload_Length=None)
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


def test_creation_that_is_sent_again_with_its_key_drops_nothing(caller, path):
    stated = {"Upload_Length": str(len(SOUND)), "Idempotency_Key": "create-1"}
    first = create(caller, path, **stated)
    piece(caller, path, 0, SOUND[:100])
    again = create(caller, path, **stated)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert standing(caller, path) == ("100", str(len(SOUND)))
    refused(create(caller, path, **stated | {"Upload_Length": "7"}), 422, "key-reused")


def test_creating_with_a_body_or_too_much_is_refused(caller, path, settings):
    refused(piece(caller, path, 0, SOUND, "POST"), 415, "media-type")
    settings.GATE_MAX_FILE_BYTES = 15
    refused(create(caller, path, Upload_Length="16"), 413, "too-large")
    assert standing(caller, path) == ("0", None)


def test_what_came_before_the_connection_broke_stays(caller, path):
    headers = {**TUS, "Upload-Offset": "0", "Upload-Length": str(len(SOUND))}
    broken = caller.call("PATCH", path, CONTENT_TYPE=PIECE, headers=headers, **broken_off(SOUND[:5000], len(SOUND)))
    refused(broken, 400, "body-truncated")
    assert standing(caller, path) == ("5000", str(len(SOUND)))
    piece(caller, path, 5000, SOUND[5000:])
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


def test_piece_that_begins_elsewhere_changes_nothing(caller, path):
    piece(caller, path, 0, SOUND[:100])
    for offset in (0, 99, 101, len(SOUND)):
        refused(piece(caller, path, offset, b"x"), 409, "offset-conflict")
    assert standing(caller, path)[0] == "100"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_piece_with_another_checksum_changes_nothing(caller, path, algorithm):
    bad = piece(caller, path, 0, SOUND[:100], Upload_Checksum=checksum(algorithm, b"other"))
    refused(bad, 460, "checksum-mismatch")
    assert standing(caller, path)[0] == "0"
    good = piece(caller, path, 0, SOUND[:100], Upload_Checksum=checksum(algorithm, SOUND[:100]))
    assert (good.status_code, good.headers["Upload-Offset"]) == (204, "100")


@pytest.mark.parametrize("header", ["md5 AAAA", "sha256", "sha256 not-base64!", ""])
def test_checksum_that_cannot_be_read_is_refused(caller, path, header):
    refused(piece(caller, path, 0, b"x", Upload_Checksum=header), 400, "header-invalid")


def test_other_versions_and_types_are_refused(caller, path):
    answer = piece(caller, path, 0, b"x", **{"Tus_Resumable": "0.2.2"})
    refused(answer, 412, "tus-version")
    assert answer.headers["Tus-Version"] == "1.0.0"
    plain = caller.call("PATCH", path, data=b"x", content_type="audio/flac", headers={**TUS, "Upload-Offset": "0"})
    refused(plain, 415, "media-type")
    for offset in ("-1", "", "1e3", "9" * 30):
        refused(piece(caller, path, 0, b"x", Upload_Offset=offset), 400, "header-invalid")
    assert standing(caller, path) == ("0", None)


def test_file_longer_than_announced_or_allowed_is_refused(caller, path, settings):
    piece(caller, path, 0, SOUND[:10], Upload_Length="20")
    refused(piece(caller, path, 10, SOUND[:11]), 413, "too-large")
    refused(piece(caller, path, 10, b"x", Upload_Length="30"), 400, "header-invalid")
    assert standing(caller, path) == ("10", "20")
    settings.GATE_MAX_FILE_BYTES = 15
    cover = path.replace("01.flac", "cover.png")
    refused(piece(caller, cover, 0, b"x" * 16), 413, "too-large")
    refused(piece(caller, cover, 0, b"x", Upload_Length="16"), 413, "too-large")


def test_options_tell_what_is_spoken(caller, path):
    answer = caller.call("OPTIONS", path)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) >= {"checksum", "expiration"}
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert int(answer.headers["Tus-Max-Size"]) == choices.GATE_MAX_FILE_BYTES


def test_one_request_at_a_time_sends_a_file(caller, path):
    submission = Submission.objects.get()
    with uploads.hold_upload(submission, "01.flac"):
        answer = piece(caller, path, 0, b"x")
        refused(answer, 423, "upload-held")
        assert answer.headers["Retry-After"] == "1"
    assert piece(caller, path, 0, b"x").status_code == 204


def test_whole_file_that_is_another_than_declared_begins_anew(caller):
    document = a_document() | {"files": {"01.flac": {"sha256": "0" * 64}}}
    answer = caller.post("submissions", json=document)
    (one,) = (item for item in answer.json()["uploads"] if item["name"] == "01.flac")
    path = one["url"].removeprefix("http://testserver")
    refused(piece(caller, path, 0, SOUND, Upload_Length=str(len(SOUND))), 422, "digest-mismatch")
    assert standing(caller, path) == ("0", None)
    assert stored()["files"] == 0


def test_other_labels_upload_does_not_exist(stranger, path):
    assert piece(stranger, path, 0, b"x").status_code == 404
    assert stranger.client.head(path, headers=TUS).status_code == 404
    assert stranger.call("DELETE", path, headers=TUS).status_code == 404


def test_handed_over_or_withdrawn_draft_takes_no_piece(caller, path):
    submission_actions.withdraw_submission(Submission.objects.get())
    refused(piece(caller, path, 0, b"x"), 409, "state-conflict")


def test_client_that_can_only_post_says_what_it_means(caller, path):
    answer = piece(caller, path, 0, SOUND[:7], "POST", **{"X_HTTP_Method_Override": "PATCH"})
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "7")
    refused(piece(caller, path, 7, b"x", "POST", X_HTTP_Method_Override="GET"), 415, "media-type")


def test_file_begins_anew_on_request_after_a_day_and_when_it_is_put_whole(caller, path):
    piece(caller, path, 0, SOUND[:100])
    assert caller.call("DELETE", path, headers=TUS).status_code == 204
    assert standing(caller, path) == ("0", None)
    piece(caller, path, 0, SOUND[:100], Upload_Length="200")
    (part,) = (Path(choices.GATE_DATA) / "uploads").glob("*.part")
    old = time.time() - uploads.KEPT.total_seconds() - 1
    os.utime(part, (old, old))
    assert uploads.delete_abandoned_uploads() >= 1
    assert standing(caller, path)[0] == "0"
    piece(caller, path, 0, SOUND[:100])
    assert caller.put(path, data=b"whole", content_type="application/octet-stream").status_code == 201
    assert standing(caller, path) == ("5", "5")


def test_last_piece_whose_request_was_killed_is_taken_in_at_the_next_question(caller, path):
    submission = Submission.objects.get()
    with uploads.hold_upload(submission, "01.flac") as upload:
        upload.announce(len(SOUND))
        upload.append([SOUND])
    assert standing(caller, path) == (str(len(SOUND)), str(len(SOUND)))
    assert Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


WRITER = """
import os, sys, time
os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "GATE_DATA": sys.argv[1]}
import django; django.setup()
from types import SimpleNamespace
from intake.services.storage import uploads
def pieces():
    yield b"a" * 70_000
    print("written", flush=True)
    time.sleep(60)
with uploads.hold_upload(SimpleNamespace(pk="x"), "01.flac") as upload:
    upload.announce(100_000)
    upload.append(pieces())
"""


def test_killed_request_leaves_its_bytes_and_no_lock(tmp_path, settings):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=choices.BASE_DIR
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        settings.GATE_DATA = tmp_path
        anyone: Any = type("Draft", (), {"pk": "x"})()
        with pytest.raises(uploads.Held), uploads.hold_upload(anyone, "01.flac"):
            pass
        process.kill()
    with uploads.hold_upload(anyone, "01.flac") as upload:
        assert (upload.offset, upload.length) == (70_000, 100_000)
