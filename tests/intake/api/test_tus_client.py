"""A label's engineer uses tuspy as its documentation shows it, against the gate's own web server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from intake.models import Resource
from intake.services.people import accounts
from tests.intake.factories import a_document, a_label

pytestmark = pytest.mark.django_db(transaction=True)

SOUND = bytes(range(256)) * 4000


@pytest.fixture
def headers() -> dict[str, str]:
    """The label's API key."""
    secret = accounts.issue_key(a_label(), ("submissions",))
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """An audio file."""
    path = tmp_path / "01.flac"
    path.write_bytes(SOUND)
    return path


def upload_url(live_server: Any, headers: dict[str, str], **declared: Any) -> str:
    """Where the audio of a new draft is sent; ``declared``: what its document says of the file."""
    document = a_document() | {"files": {"01.flac": declared}}
    answer = requests.post(f"{live_server.url}/api/v1/submissions", json=document, headers=headers, timeout=10)
    assert answer.status_code == 201, answer.text
    return next(item["url"] for item in answer.json()["uploads"] if item["name"] == "01.flac")


def is_attached() -> bool:
    return Resource.objects.get(name="01.flac").blob_id == hashlib.sha256(SOUND).hexdigest()


@pytest.mark.parametrize("chunk", [None, 100_000])
@pytest.mark.parametrize("declared", [{}, {"size": len(SOUND)}, {"sha256": hashlib.sha256(SOUND).hexdigest()}])
def test_client_that_creates_its_upload(live_server, headers, sound, declared, chunk):
    client = TusClient(upload_url(live_server, headers, **declared), headers=headers)
    options = {} if chunk is None else {"chunk_size": chunk}
    client.uploader(str(sound), **options).upload()
    assert is_attached()


@pytest.mark.parametrize("chunk", [None, 100_000])
def test_client_that_is_given_the_address_of_a_file_with_a_declared_size(live_server, headers, sound, chunk):
    url = upload_url(live_server, headers, size=len(SOUND))
    options = {} if chunk is None else {"chunk_size": chunk}
    TusClient(url, headers=headers).uploader(str(sound), url=url, **options).upload()
    assert is_attached()


def test_client_that_is_given_the_address_of_a_file_with_a_declared_digest(live_server, headers, sound):
    url = upload_url(live_server, headers, sha256=hashlib.sha256(SOUND).hexdigest())
    TusClient(url, headers=headers).uploader(str(sound), url=url).upload()
    assert is_attached()


def test_client_whose_file_has_no_known_end_fails_loudly(live_server, headers, sound):
    url = upload_url(live_server, headers)
    with pytest.raises(TusCommunicationError):
        TusClient(url, headers=headers).uploader(str(sound), url=url).upload()
    assert not is_attached()


def test_client_goes_on_where_it_stopped(live_server, headers, sound):
    url = upload_url(live_server, headers, size=len(SOUND))
    client = TusClient(url, headers=headers)
    client.uploader(str(sound), url=url, chunk_size=100_000).upload_chunk()
    assert not is_attached()
    client.uploader(str(sound), url=url).upload()
    assert is_attached()
