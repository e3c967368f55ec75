"""Files that come piece by piece: how far one is, is how long it is on the disk, so that no kill can make it untrue."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from checks.rules.delivered_files import DeclaredFile
from intake.models import Submission
from intake.services.storage.blobs import Incoming

#: A file to which nothing was added for so long begins anew.
KEPT = dt.timedelta(hours=24)
_PART, _LENGTH = ".part", ".length"
#: Stands in the place of a length that the client states later.
_DEFERRED = "deferred"
_CHUNK = 1 << 20


class Held(Exception):
    """Another request is writing this very file."""


class Upload:
    """A file of a draft that is on its way, held by one request at a time; the lock ends with its process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @property
    def offset(self) -> int:
        """The bytes that are here."""
        return os.fstat(self._descriptor).st_size

    @property
    def length(self) -> int | None:
        """The bytes that there will be, where the client has said so."""
        text = self._announced
        return int(text) if text.isdigit() else None

    @property
    def is_deferred(self) -> bool:
        """Whether the client has promised to state the length with a later piece."""
        return self._announced == _DEFERRED

    @property
    def expires(self) -> dt.datetime:
        """When it begins anew unless more comes."""
        return dt.datetime.fromtimestamp(os.fstat(self._descriptor).st_mtime, dt.UTC) + KEPT

    @property
    def whole(self) -> bool:
        """Whether everything is here."""
        return self.length is not None and self.offset == self.length

    def announce(self, length: int | None) -> None:
        """Keep how long it will be; None for a length that follows with a later piece."""
        draft = self._length_path.with_suffix(".draft")
        draft.write_text(_DEFERRED if length is None else str(length))
        draft.replace(self._length_path)

    def restart(self) -> None:
        """Drop the bytes and the length, and keep the lock."""
        self._length_path.unlink(missing_ok=True)
        os.ftruncate(self._descriptor, 0)

    def is_complete(self, declared: DeclaredFile) -> bool:
        """Whether everything is here: by the length, or, where none was stated, by the declared SHA-256."""
        if self.length is None and self.offset and declared.sha256:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == declared.sha256
        return self.whole

    def append(self, chunks: Iterable[bytes]) -> None:
        """Add what comes, as it comes: what was written before the connection broke, or a kill, is here and stays."""
        try:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[os.pwrite(self._descriptor, view, self.offset) :]
        finally:
            os.fsync(self._descriptor)

    def append_file(self, piece: Incoming) -> None:
        """Add a piece that was held against its checksum first."""
        piece.finish()
        with piece.path.open("rb") as file:
            self.append(iter(lambda: file.read(_CHUNK), b""))

    def forget(self) -> None:
        """Begin anew."""
        self._length_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def taken(self) -> Incoming:
        """The whole file, as any other that came in."""
        return Arrived(self.path, self._length_path)

    @property
    def _length_path(self) -> Path:
        return self.path.with_suffix(_LENGTH)

    @property
    def _announced(self) -> str:
        try:
            return self._length_path.read_text()
        except FileNotFoundError:
            return ""


class Arrived(Incoming):
    """A file that is here already."""

    def __init__(self, path: Path, beside: Path) -> None:
        self.path = path
        self._beside = beside
        self._file = path.open("ab")  # held open as any other's, and not written to any more
        self._hash = hashlib.sha256()
        self.size = 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self._hash.update(chunk)
                self.size += len(chunk)

    def discard(self) -> None:
        """Forget both files."""
        super().discard()
        self._beside.unlink(missing_ok=True)


@contextlib.contextmanager
def hold_upload(submission: Submission, name: str) -> Iterator[Upload]:
    """The upload of one file, begun where there is none. Raises Held where another request has it."""
    path = _part_path(submission, name)
    descriptor = _open_locked_file(path)
    try:
        yield Upload(path, descriptor)
    finally:
        os.close(descriptor)


def has_partial_upload(submission: Submission, name: str) -> bool:
    """Whether pieces of a file are here."""
    return _part_path(submission, name).exists()


def delete_abandoned_uploads() -> int:
    """Remove abandoned uploads; returns how many files."""
    cutoff, removed = (timezone.now() - KEPT).timestamp(), 0
    for path in _uploads_folder().iterdir():
        with contextlib.suppress(FileNotFoundError):
            part = path.with_suffix(_PART)  # a length is as old as what came of the file
            if (part if part.exists() else path).stat().st_mtime < cutoff:
                path.unlink()
                removed += 1
    return removed


def _open_locked_file(path: Path) -> int:
    """A descriptor of the file that stands under this name now, locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise Held from None
        os.close(descriptor)  # it was taken in or removed between opening and locking


def _part_path(submission: Submission, name: str) -> Path:
    key = hashlib.sha256(f"{submission.pk}/{name}".encode(errors="surrogatepass")).hexdigest()
    return _uploads_folder() / f"{key}{_PART}"


def _uploads_folder() -> Path:
    folder = Path(settings.GATE_DATA) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
