"""A label makes its recordings known, by their sound or their fingerprint, and blocks what must not come in unseen."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from checks.fingerprint.acoustid_codec import encode_acoustid
from intake.models import Block, KnownRecording
from intake.services.catalogue import known_recordings
from intake.services.people import accounts
from tests.intake.api.conftest import a_caller, multipart, stored
from tests.intake.factories import FakeAnalyser, facts_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def heard(monkeypatch):
    fake = FakeAnalyser()
    monkeypatch.setattr("intake.api.views.known_recordings.default_analyser", lambda: fake)
    return fake


def a_print(seed: str = "aa", **changes: Any) -> dict[str, Any]:
    ordinary = {
        "title": "Low Tide",
        "artist": "Mara Lindqvist",
        "isrc": "SE-ABC-26-00001",
        "fingerprint": encode_acoustid(facts_of(seed).fingerprint),
        "duration": 100.0,
    }
    return ordinary | changes


def upload(caller, said: Any, *files: tuple[str, bytes]):
    parts: list[tuple[str, str | None, bytes]] = [("metadata", None, json.dumps(said).encode())]
    return caller.post("known-recordings", **multipart([*parts, *((name, name, content) for name, content in files)]))


def test_recording_is_made_known_by_its_fingerprint(caller, label, rung):
    answer = caller.post("known-recordings", json=a_print())
    assert answer.status_code == 201
    told = answer.json()
    assert (told["title"], told["isrc"], told["owner"]) == ("Low Tide", "SEABC2600001", label.name)
    row = KnownRecording.objects.get(pk=told["id"])
    assert bytes(row.fingerprint) == facts_of("aa").fingerprint
    assert ("intake.index", ()) in rung
    assert answer.headers["Location"] == f"/api/v1/known-recordings/{row.pk}"
    assert caller.get(answer.headers["Location"]).json() == told
    again = caller.post("known-recordings", json=a_print())
    assert (again.status_code, again.json()) == (200, told)


def test_recording_is_made_known_by_a_file_and_its_bytes_stay(caller, label):
    answer = upload(caller, {"title": "Low Tide"}, ("01.flac", b"sound"))
    assert answer.status_code == 201
    assert KnownRecording.objects.get().sha256
    assert stored()["Blob"] == stored()["files"] == 1
    assert stored()["spool"] == 0


@pytest.mark.parametrize(
    "changes",
    [{"title": " "}, {"isrc": "SE123"}, {"duration": -1}, {"duration": "long"}, {"fingerprint": None}, {"song": "x"}],
    ids=str,
)
def test_misshapen_recording_is_refused_with_a_pointer(caller, changes):
    answer = caller.post("known-recordings", json=a_print(**changes))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/document-invalid")
    assert answer.json()["errors"]
    assert not KnownRecording.objects.exists()


@pytest.mark.parametrize("text", ["AQAA", "not base64 at all!", encode_acoustid(b"\0" * 4000)])
def test_fingerprint_that_says_nothing_is_refused(caller, text):
    answer = caller.post("known-recordings", json=a_print(fingerprint=text))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/recording-refused")
    assert not KnownRecording.objects.exists()


def test_file_that_cannot_be_heard_is_refused_and_not_kept(caller, heard):
    heard.changes = {"ok": False, "error": "not_audio", "fingerprint": b""}
    answer = upload(caller, {"title": "x"}, ("01.flac", b"text"))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/recording-refused")
    assert set(stored().values()) == {0}


def test_one_file_at_a_time(caller):
    for files in ((), (("a.flac", b"1"), ("b.flac", b"2"))):
        assert upload(caller, {"title": "x"}, *files).json()["type"] == "/problems/multipart-malformed"


def test_list_has_what_the_label_has_made_known(caller, label):
    caller.post("known-recordings", json=a_print())
    caller.post("known-recordings", json=a_print("bb", title="Slack Water", isrc="SEABC2600002", owner="Old Imprint"))
    known_recordings.learn_recording(
        facts_of("cc"), title="Delivered", owner=label.name, label=label, source="delivered"
    )
    assert [item["title"] for item in caller.get("known-recordings").json()["results"]] == ["Slack Water", "Low Tide"]
    for query, titles in (("isrc=se-abc-26-00001", ["Low Tide"]), ("owner=Old Imprint", ["Slack Water"])):
        assert [entry["title"] for entry in caller.get(f"known-recordings?{query}").json()["results"]] == titles
    assert caller.get("known-recordings?isrc=").status_code == 400


def test_forgotten_recording_is_gone(caller):
    path = f"known-recordings/{caller.post('known-recordings', json=a_print()).json()['id']}"
    assert caller.call("DELETE", path).status_code == 204
    assert caller.get(path).status_code == caller.call("DELETE", path).status_code == 404
    assert KnownRecording.objects.get().forgotten_at is not None
    assert caller.post("known-recordings", json=a_print()).status_code == 201


def test_number_beyond_all_numbers_is_no_recording(caller):
    assert caller.get(f"known-recordings/{2**80}").status_code == 404


def test_somebody_elses_entry_is_not_opened_by_naming_its_owner(caller, stranger, label):
    caller.post("known-recordings", json=a_print())
    answer = stranger.post("known-recordings", json=a_print(owner=label.name))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/exists")


def test_key_without_the_scope_makes_nothing_known(label):
    weak = a_caller(label, *accounts.LABEL_SCOPES)
    assert weak.post("known-recordings", json=a_print()).status_code == 403
    assert weak.get("blocklist").status_code == 403


def a_block(**changes: Any) -> dict[str, Any]:
    return {"kind": "isrc", "value": "SE-ABC-26-00001", "reason": "stolen master", **changes}


def test_label_blocks_lists_and_lifts(caller, label):
    ends = (timezone.now() + dt.timedelta(days=30)).isoformat()
    answer = caller.post("blocklist", json=a_block(expires_at=ends))
    assert (answer.status_code, answer.json()["value"]) == (201, "SEABC2600001")
    assert Block.objects.get().blocked_by == label.actor
    assert caller.post("blocklist", json=a_block()).status_code == 200
    assert [item["id"] for item in caller.get("blocklist").json()["results"]] == [answer.json()["id"]]
    path = f"blocklist/{answer.json()['id']}"
    assert caller.call("DELETE", path).status_code == 204
    assert caller.call("DELETE", path).status_code == 404
    assert caller.get("blocklist").json()["results"][0]["lifted_at"]


def test_label_blocks_a_recording_that_it_has_made_known(caller, stranger):
    number = caller.post("known-recordings", json=a_print()).json()["id"]
    wanted = a_block(kind="recording", value=str(number))
    assert stranger.post("blocklist", json=wanted).json()["type"] == "/problems/block-refused"
    assert caller.post("blocklist", json=wanted).status_code == 201
    assert caller.call("DELETE", f"known-recordings/{number}").status_code == 409


@pytest.mark.parametrize(
    "changes", [{"value": "x"}, {"reason": " "}, {"expires_at": "2020-01-01T00:00:00Z"}, {"kind": "file"}], ids=str
)
def test_what_cannot_be_blocked_is_refused(caller, changes):
    answer = caller.post("blocklist", json=a_block(**changes))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/block-refused")
    assert not Block.objects.exists()
