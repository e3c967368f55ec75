"""A label asks what the door would say, without delivering anything."""

import pytest

from tests.intake.api.conftest import stored
from tests.intake.factories import a_document

pytestmark = pytest.mark.django_db


def test_good_release_hears_nothing_bad_and_nothing_is_stored(caller):
    answer = caller.post("validate", json=a_document())
    assert answer.status_code == 200
    assert answer.json()["blocking"] is False
    assert set(stored().values()) == {0}


def test_release_at_fault_hears_every_finding(caller):
    body = caller.post("validate", json=a_document(upc="036000291453", title="")).json()
    assert body["blocking"] is True
    assert {"upc.malformed", "title.empty_or_too_long"} <= {item["code"] for item in body["findings"]}
    assert all(entry["check"] != "door" for entry in body["findings"])


def test_document_of_another_shape_hears_it_in_findings_too(caller):
    body = caller.post("validate", json={"release": {"titel": "Low Tide"}}).json()
    assert body["blocking"] is True
    assert "metadata.unknown_key" in {item["code"] for item in body["findings"]}


def test_what_another_label_delivered_is_not_told(caller, stranger):
    from tests.intake.api.conftest import post_release

    assert post_release(stranger, a_document()).status_code == 202
    body = caller.post("validate", json=a_document("Slack Water")).json()
    assert "upc.reused_elsewhere" not in {item["code"] for item in body["findings"]}


def test_only_json_is_taken(caller):
    answer = caller.post("validate", data=b"<release/>", content_type="application/xml")
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/media-type")


def test_fix_comes_with_a_patch_only_where_it_can_be_computed(caller):
    body = caller.post("validate", json=a_document("Salt And Iron", upc="036000291453")).json()
    patches = {(item["code"], item["subject"]): item.get("patch") for item in body["findings"]}
    assert patches["upc.malformed", "release"] is None
    assert patches["title.casing_en", "release"][0] == {
        "op": "test",
        "path": "/release/title",
        "value": "Salt And Iron",
    }
    assert "release" not in body


def test_label_decides_about_capitals_itself(caller):
    document = a_document("LOW TIDE")
    assert caller.post("validate?apply=safe", json=document).json()["release"]["title"] == "LOW TIDE"
    mended = caller.post("validate?apply=all", json=document).json()
    assert (mended["release"]["title"], mended["applied"]) == ("Low Tide", ["title.casing_unusual"])
    assert set(stored().values()) == {0}


def test_artists_key_is_cut_in_the_mended_release(caller):
    document = a_document("Salt And Iron")
    secret = "rak_0123456789_" + "s3cret" * 7
    for holder in (document["release"], *document["release"]["tracks"]):
        holder["display_artists"][0]["artist_key"] = secret
    answer = caller.post("validate?apply=all", json=document)
    assert answer.json()["release"]["title"] == "Salt and Iron"
    assert "s3cret" not in answer.content.decode()
    kept = answer.json()["release"]
    assert [item["artist_key"] for item in kept["display_artists"]] == ["rak_0123456789_…"]


def test_wish_that_is_none_is_refused(caller):
    answer = caller.post("validate?apply=yes", json=a_document())
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/parameter-invalid")
