"""Bytes in and out of content-addressed storage: streamed, verified, kept once."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from checks.rules.delivered_files import DeliveredFile
from intake.models import AppealFile, Blob, KnownRecording, MarkedFile, Resource

#: Nothing unfinished outlives this: an abandoned spool file, or bytes that no submission names.
ABANDONED_AFTER = dt.timedelta(minutes=10)


class StorageUnavailable(OSError):
    """The storage does not answer, or answers with an error; the file may well be there."""


class Incoming:
    """A file on its way in: written chunk by chunk to a spool file, hashed as it comes."""

    def __init__(self) -> None:
        spool = spool_folder()
        descriptor, name = tempfile.mkstemp(dir=spool, prefix="in-")
        self.path = Path(name)
        self._file = os.fdopen(descriptor, "wb")
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """Of what has been written so far, in hexadecimal."""
        return self._hash.hexdigest()

    @property
    def delivered(self) -> DeliveredFile:
        """What has been written so far, as checks take it."""
        return DeliveredFile(self.sha256, self.size, self.path)

    def finish(self) -> None:
        """All is written: let go of the file handle, so that a delivery of a thousand files does not hold as many."""
        self._file.close()

    def keep(self) -> Blob:
        """Put the bytes into the storage under their SHA-256, durable before this returns."""
        self.finish()
        blob, made = Blob.objects.get_or_create(sha256=self.sha256, defaults={"size": self.size})
        if not made:
            # Touch the row so that housekeeping skips it; create it again if housekeeping was faster.
            touched = Blob.objects.filter(pk=blob.pk).update(touched_at=timezone.now())
            blob = blob if touched else Blob.objects.create(sha256=self.sha256, size=self.size)
        if blob.stored_at is None or not default_storage.exists(blob.path):
            self._put(blob)
            blob.stored_at = timezone.now()
            Blob.objects.filter(pk=blob.pk).update(stored_at=blob.stored_at)
        self.discard()
        return blob

    def discard(self) -> None:
        """Forget the spool file."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def _put(self, blob: Blob) -> None:
        _sync_path(self.path)
        if target := _local_blob_path(blob):
            target.parent.mkdir(parents=True, exist_ok=True)
            self.path.replace(target)
            _sync_path(target.parent)
            return
        with self.path.open("rb") as stream:
            saved = default_storage.save(blob.path, File(stream))
        if saved != blob.path:  # another process stored the same bytes meanwhile, and the storage chose another name
            default_storage.delete(saved)


@contextlib.contextmanager
def local_copy(blob: Blob) -> Iterator[Path]:
    """The blob as a file on this machine, for as long as the context lasts.

    Raises FileNotFoundError where the storage has lost it, StorageUnavailable where it does not answer, and OSError
    where this machine has no room for it.
    """
    if path := _local_blob_path(blob):
        if not path.is_file():
            raise FileNotFoundError(path)
        yield path
        return
    with tempfile.NamedTemporaryFile(dir=spool_folder(), prefix="out-") as copy:
        for chunk in _stored_chunks(blob):
            copy.write(chunk)
        copy.flush()
        yield Path(copy.name)


def _stored_chunks(blob: Blob) -> Iterator[bytes]:
    """The bytes of a blob that is stored elsewhere. Each storage has errors of its own: they become one."""
    try:
        with default_storage.open(blob.path) as stored:
            yield from stored.chunks()
    except FileNotFoundError:
        raise
    except Exception as error:
        raise StorageUnavailable(f"{type(error).__name__}: {error}") from error


def spool_folder() -> Path:
    """Where files wait until they are whole."""
    folder = Path(settings.GATE_DATA) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def delete_unused_blobs() -> int:
    """Remove abandoned spool files and blobs that no submission names; returns how many."""
    cutoff = timezone.now() - ABANDONED_AFTER
    removed = 0
    for path in spool_folder().iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < cutoff.timestamp():
                path.unlink()
                removed += 1
    for blob in list_unused_blobs(cutoff):
        removed += _remove_unused(blob, cutoff)
    return removed


def _local_blob_path(blob: Blob) -> Path | None:
    """Where the blob is, or will be, on this machine's disk; None in a storage elsewhere."""
    try:
        return Path(default_storage.path(blob.path))
    except NotImplementedError:
        return None


def _remove_unused(blob: Blob, cutoff: dt.datetime) -> bool:
    """Delete a blob in one transaction: its row's lock keeps a new delivery of the same bytes waiting."""
    with transaction.atomic():
        if not list_unused_blobs(cutoff).select_for_update().filter(pk=blob.pk).exists():
            return False
        path = blob.path  # a deleted row does not know it any more
        blob.delete()
        default_storage.delete(path)
        return True


def list_unused_blobs(cutoff: dt.datetime) -> QuerySet[Blob]:
    """Blobs that nothing names any more and no submission has delivered since ``cutoff``."""
    delivered = Exists(Resource.objects.filter(blob=OuterRef("pk")))
    appealed = Exists(AppealFile.objects.filter(blob=OuterRef("pk")))
    known = Exists(KnownRecording.objects.current().filter(sha256=OuterRef("pk")))  # moderators listen to it
    marked = Exists(MarkedFile.objects.filter(blob=OuterRef("pk")))  # partners fetch it
    return Blob.objects.filter(~delivered, ~appealed, ~known, ~marked, touched_at__lt=cutoff)


def _sync_path(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
