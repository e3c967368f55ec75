"""Every blocking rule, at the door: 422 with its finding, and nothing stored."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

import checks
from checks.model.finding import Route
from intake.models import Blob, Event, Resource, Submission
from intake.services.people import accounts
from tests.intake.factories import a_document, files_of

pytestmark = pytest.mark.django_db

Break = Callable[[dict[str, Any]], None]


def release(**values: Any) -> Break:
    """Set values on the release and, where a single must agree with itself, on nothing else."""
    return lambda document: document["release"].update(values)


def track(number: int = 0, **values: Any) -> Break:
    return lambda document: document["release"]["tracks"][number].update(values)


def artists(*artists: dict[str, Any]) -> Break:
    """The same artists on the release and on its track."""

    def change(document: dict[str, Any]) -> None:
        for level in (document["release"], document["release"]["tracks"][0]):
            level["display_artists"] = list(artists)

    return change


def shares(*percents: str) -> Break:
    return track(shares={"master": [{"party": f"Party {n}", "percent": p} for n, p in enumerate(percents)]})


def title(text: str) -> Break:
    def change(document: dict[str, Any]) -> None:
        document["release"]["title"] = document["release"]["tracks"][0]["title"] = text

    return change


def rename(name: str) -> Break:
    """Another name for the cover; its bytes are sent under it."""
    return release(cover={"file": name, "contains_ai": "none"})


MAIN = {"name": "Mara Lindqvist", "role": "main"}

#: code → how an ordinary document of two tracks (or one, with SINGLE) is broken so that the code fires.
BREAKS: dict[str, Break] = {
    "isrc.missing": track(isrc=None),
    "isrc.malformed": track(isrc="SE-HBR-26-00001"),
    "isrc.dup_in_release": track(1, isrc="SEHBR2600001"),
    "upc.missing": release(upc=None),
    "upc.malformed": release(upc="036000290019"),
    "upc.placeholder": release(upc="000000000000"),
    "track.positions": track(1, position=3),
    "genre.rules": track(version="Karaoke Version"),
    "territory.unknown_code": release(territories=["QQ"]),
    "title.empty_or_too_long": track(title=" "),
    "title.invisible_characters": track(title="Low\u202eTide"),
    "title.dup_in_release": track(1, title="Low Tide"),
    "title.single_mismatch": track(title="High Tide"),
    "artist.missing_primary": track(display_artists=[]),
    "artist.invisible_characters": artists({"name": "Mara\u200bLindqvist", "role": "main"}),
    "artist.ai_tool_as_artist": artists({"name": "Suno", "role": "main"}),
    "artist.role_conflict": artists(MAIN, {**MAIN, "role": "featured"}),
    "credit.composer_missing": track(contributors=[{"name": "Mara Lindqvist", "roles": ["lyricist", "vocalist"]}]),
    "credit.lyricist_missing": track(contributors=[{"name": "Mara Lindqvist", "roles": ["composer", "vocalist"]}]),
    "rights.pline": release(p_line=None),
    "rights.cline": release(c_line={"year": 2031, "owner": "Harbour Records"}),
    "split.sum_not_100": shares("60.00", "39.99"),
    "split.invalid_share": shares("0.00", "100.00"),
    "date.release_missing": release(release_date=None),
    "date.impossible": release(original_release_date="1851-01-01"),
    "date.original_after_release": release(original_release_date="2031-01-01"),
    "date.preorder_order": release(preorder_date="2030-06-02"),
    "language.unknown_code": track(language="english"),
    "language.instrumental_mismatch": track(vocals="instrumental"),
    "advisory.unknown": track(advisory="maybe"),
    "file.name_unsafe": rename("../cover.png"),
}
SINGLE = {
    "artist.ai_tool_as_artist",
    "title.single_mismatch",
    "artist.invisible_characters",
    "artist.role_conflict",
    "title.invisible_characters",
}
#: Those that need more than a broken document have a test of their own below.
APART = {
    "upc.reused", "file.missing", "file.unexpected", "file.digest_mismatch", "file.size_mismatch", "file.empty",
    "art.size", "art.unreadable",
}  # fmt: skip


@pytest.fixture
def key() -> str:
    return accounts.create_label("Harbour Records")[1]


def send(client: Client, key: str, document: dict[str, Any], files: dict[str, bytes]) -> Any:
    parts = {name: SimpleUploadedFile(name, content) for name, content in files.items()}
    metadata = SimpleUploadedFile("metadata.json", json.dumps(document).encode(), "application/json")
    return client.post(
        "/api/v1/submissions", {"metadata": metadata, **parts}, headers={"authorization": f"Bearer {key}"}
    )


def refused(answer: Any, code: str) -> None:
    """The answer is a refusal that names the code, and nothing was stored."""
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"].startswith("application/problem+json")
    findings = answer.json()["findings"]
    assert code in {finding["code"] for finding in findings}, findings
    assert all(finding["message"] and finding["subject"] for finding in findings)
    for model in (Submission, Event, Resource, Blob):
        assert not model.objects.exists(), model
    assert not list((Path(settings.GATE_DATA) / "incoming").glob("in-*"))


def test_every_blocking_rule_is_broken_by_some_test():
    blocking = {code.id for code in checks.CODES.values() if code.route is Route.BLOCK}
    assert blocking == BREAKS.keys() | APART


@pytest.mark.parametrize("code", BREAKS)
def test_a_label_that_breaks_a_blocking_rule_is_refused(code: str, client: Client, key: str, rung):
    document = a_document("Low Tide", 1, tracks=1 if code in SINGLE else 2)
    files = files_of(document)
    BREAKS[code](document)
    refused(send(client, key, document, files), code)
    assert not rung


@pytest.mark.parametrize("code", BREAKS)
def test_a_label_that_only_asks_hears_the_same(code: str, client: Client, key: str):
    document = a_document("Low Tide", 1, tracks=1 if code in SINGLE else 2)
    BREAKS[code](document)
    answer = client.post(
        "/api/v1/validate",
        json.dumps(document),
        content_type="application/json",
        headers={"authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200
    assert answer.json()["blocking"] is True
    assert code in {finding["code"] for finding in answer.json()["findings"]}


@pytest.mark.parametrize("tracks", [1, 2])
def test_the_unbroken_document_is_taken_in(tracks: int, client: Client, key: str, rung):
    document = a_document("Low Tide", 1, tracks=tracks)
    answer = send(client, key, document, files_of(document))
    assert answer.status_code == 202, answer.content
    assert Submission.objects.get().state == "received"


def test_a_label_that_forgets_a_file_is_refused(client: Client, key: str):
    document = a_document()
    files = files_of(document)
    del files["01.flac"]
    refused(send(client, key, document, files), "file.missing")


def test_a_label_that_sends_a_file_too_many_is_refused(client: Client, key: str):
    document = a_document()
    refused(send(client, key, document, {**files_of(document), "02.flac": b"more"}), "file.unexpected")


def test_a_label_that_sends_other_bytes_than_declared_is_refused(client: Client, key: str):
    document = a_document()
    document["files"] = {"01.flac": {"sha256": "0" * 64}}
    refused(send(client, key, document, files_of(document)), "file.digest_mismatch")


def test_a_label_that_sends_a_file_of_another_size_than_declared_is_refused(client: Client, key: str):
    document = a_document()
    document["files"] = {"01.flac": {"size": 5}}
    refused(send(client, key, document, files_of(document)), "file.size_mismatch")


def picture(kind: str, side: int = 1400, mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    Image.linear_gradient("L").resize((side, side)).convert(mode).save(content, kind)
    return content.getvalue()


UNFIT_COVERS = {
    "PDF": (picture("PDF"), "art.unreadable"),
    "SVG": (b"<svg/>", "art.unreadable"),
    "GIF": (picture("GIF"), "art.unreadable"),
    "TIFF": (picture("TIFF"), "art.unreadable"),
    "Photoshop": (b"8BPS\0\1", "art.unreadable"),
    "broken off": (picture("JPEG")[:-40], "art.unreadable"),
    "a pixel": (picture("PNG", side=1), "art.size"),
    "for print": (picture("JPEG", mode="CMYK"), "art.size"),
}


@pytest.mark.parametrize("what", UNFIT_COVERS)
def test_a_label_whose_cover_no_partner_takes_is_refused(client: Client, key: str, what: str):
    document, (cover, code) = a_document(), UNFIT_COVERS[what]
    refused(send(client, key, document, {**files_of(document), document["release"]["cover"]["file"]: cover}), code)


@pytest.mark.parametrize("what", UNFIT_COVERS)
def test_a_draft_does_not_take_a_cover_that_no_partner_takes(client: Client, key: str, what: str):
    headers = {"authorization": f"Bearer {key}"}
    draft = client.post("/api/v1/submissions", json.dumps(a_document()), "application/json", headers=headers).json()
    url = next(item["url"] for item in draft["uploads"] if item["name"] == "cover.png")
    cover, code = UNFIT_COVERS[what]
    answer = client.put(url, cover, content_type="image/png", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/release-refused")
    assert [finding["code"] for finding in answer.json()["findings"]] == [code]
    assert not Blob.objects.exists()
    assert client.put(url, picture("JPEG"), content_type="image/png", headers=headers).status_code == 201


def test_a_label_that_sends_an_empty_file_is_refused(client: Client, key: str):
    document = a_document()
    refused(send(client, key, document, {**files_of(document), "01.flac": b""}), "file.empty")


def test_a_label_that_uses_a_upc_again_is_refused_and_its_first_release_stands(client: Client, key: str, rung):
    first = a_document("Low Tide", 1)
    assert send(client, key, first, files_of(first)).status_code == 202
    second = copy.deepcopy(first)
    title("High Tide")(second)
    answer = send(client, key, second, files_of(second))
    assert answer.status_code == 422
    assert {finding["code"] for finding in answer.json()["findings"]} == {"upc.reused"}
    assert Submission.objects.count() == 1


def test_another_label_learns_nothing_about_a_upc_in_use(client: Client, key: str, rung):
    document = a_document("Low Tide", 1)
    assert send(client, key, document, files_of(document)).status_code == 202
    other = accounts.create_label("Other Records")[1]
    title("High Tide")(document)
    answer = send(client, other, document, files_of(document))
    assert answer.status_code == 202
