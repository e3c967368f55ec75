"""Bytes are kept once, whole, under their SHA-256: on disk, and in an S3-compatible store."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage, storages
from django.utils import timezone

from intake.models import Blob
from intake.services.storage import blobs
from intake.services.storage.blobs import Incoming
from tests.intake.factories import a_blob, a_submission

pytestmark = pytest.mark.django_db

CONTENT = b"a little sound" * 1000


@pytest.fixture(params=["disk", "s3"])
def storage(request: pytest.FixtureRequest, settings, tmp_path: Path) -> Iterator[str]:
    """Both kinds of storage an installation can choose."""
    if request.param == "disk":
        backend, options = "django.core.files.storage.FileSystemStorage", {"location": str(tmp_path / "files")}
        yield _use(settings, backend, options, request.param)
        return
    moto = pytest.importorskip("moto", reason="needs the developers' tools (make setup-dev)")
    import boto3

    with moto.mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="gate")
        options = {"bucket_name": "gate", "region_name": "us-east-1", "access_key": "k", "secret_key": "s"}
        yield _use(settings, "storages.backends.s3.S3Storage", options, request.param)


def _use(settings, backend: str, options: dict[str, str], name: str) -> str:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": options}}
    storages._storages = {}
    return name


def read(blob: Blob) -> bytes:
    with blobs.local_copy(blob) as path:
        return path.read_bytes()


def test_bytes_come_back_as_they_were(storage: str):
    blob = a_blob(CONTENT)
    assert blob.pk == hashlib.sha256(CONTENT).hexdigest()
    assert blob.size == len(CONTENT)
    assert blob.stored_at is not None
    assert read(blob) == CONTENT
    assert not list(blobs.spool_folder().glob("in-*"))


def test_the_same_bytes_are_kept_once(storage: str):
    first, again = a_blob(CONTENT), a_blob(CONTENT)
    assert first.pk == again.pk
    assert Blob.objects.count() == 1
    assert read(again) == CONTENT


def test_bytes_that_the_storage_lost_are_stored_again(storage: str):
    blob = a_blob(CONTENT)
    default_storage.delete(blob.path)
    assert read(a_blob(CONTENT)) == CONTENT


def test_a_blob_that_is_gone_is_said_to_be_gone(storage: str):
    blob = a_blob(CONTENT)
    default_storage.delete(blob.path)
    with pytest.raises(FileNotFoundError):
        read(blob)


def test_a_discarded_file_leaves_nothing(storage: str):
    with Incoming() as incoming:
        incoming.write(CONTENT)
    assert not Blob.objects.exists()
    assert not list(blobs.spool_folder().glob("in-*"))


def test_what_nobody_names_is_tidied_away_and_what_somebody_names_stays(storage: str, rung):
    orphan, submission = a_blob(CONTENT), a_submission()
    abandoned = Incoming()
    abandoned.write(CONTENT)
    assert blobs.delete_unused_blobs() == 0, "it may still be wanted"
    long_ago = timezone.now() - 2 * blobs.ABANDONED_AFTER
    Blob.objects.update(touched_at=long_ago)
    os.utime(abandoned.path, (long_ago.timestamp(), long_ago.timestamp()))
    assert blobs.delete_unused_blobs() == 2
    assert not Blob.objects.filter(pk=orphan.pk).exists()
    assert not default_storage.exists(orphan.path)
    assert not abandoned.path.exists()
    assert submission.resources.count() == Blob.objects.count()


def test_an_unused_blob_that_is_delivered_again_is_not_tidied_away(storage: str):
    a_blob(CONTENT)
    Blob.objects.update(touched_at=timezone.now() - dt.timedelta(hours=1))
    blob = a_blob(CONTENT)
    assert blobs.delete_unused_blobs() == 0
    assert read(blob) == CONTENT
