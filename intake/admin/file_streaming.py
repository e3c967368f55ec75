"""Delivered files for moderators' ears and eyes only: never cached, every request on record, playable anywhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import BinaryIO

import structlog
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from checks.analysis import AnalysisError
from intake.models import Blob, Portrait, Submission
from intake.services.people import access_log, permissions
from intake.services.provenance import waveforms
from intake.services.storage import blobs

log = structlog.get_logger(__name__)

#: Read from the disk at a time; bytes.
_CHUNK = 64 * 1024
#: What the first bytes of a file say it is. A name or a declared type can lie about what a browser would be handed.
_MAGIC = (
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"(ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd])"), "audio/mpeg"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "audio/aac"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb".{4}ftyp", re.DOTALL), "audio/mp4"),
    (re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL), "audio/aiff"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
)
_UNKNOWN = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Slice:
    """A stretch of an open file, read chunk by chunk; closes what it was read from."""

    def __init__(self, stream: BinaryIO, start: int, length: int, held: ExitStack) -> None:
        self._stream, self._left, self._held = stream, length, held
        stream.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        while self._left and (chunk := self._stream.read(min(_CHUNK, self._left))):
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        self._held.close()


def stream_stored_file(request: HttpRequest, blob: Blob, name: str, kind: str, **context: object) -> HttpResponseBase:
    """A stored file, or the range of it that was asked for; ``kind`` ("audio", "image") may be shown, else it is saved.

    ``context`` goes to the log with who asked. Raises Http404 where the storage has no such bytes.
    """
    held = ExitStack()
    try:
        path = held.enter_context(blobs.local_copy(blob))
        stream = held.enter_context(path.open("rb"))
    except FileNotFoundError as error:
        held.close()
        raise Http404("no such file in the storage") from error
    size = path.stat().st_size
    content_type = media_type(stream.read(16))
    wanted = request.headers.get("Range") if _may_answer_range(request, blob) else None
    log.info("file.heard", who=request.user.get_username(), sha256=blob.pk, file=name, range=wanted or "", **context)
    response: HttpResponseBase
    try:
        part = parse_range_header(wanted, size)
    except Unsatisfiable:
        held.close()
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response.headers["Content-Range"] = f"bytes */{size}"
    else:
        start, end = part or (0, size)
        response = StreamingHttpResponse(Slice(stream, start, end - start, held))
        response.headers["Content-Length"] = str(end - start)
        if part:
            response.status_code = HTTPStatus.PARTIAL_CONTENT
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    inline = content_type.startswith(f"{kind}/")
    response.headers["Content-Type"] = content_type if inline else _UNKNOWN
    response.headers["Content-Disposition"] = content_disposition_header(not inline, name) or "attachment"
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{blob.pk}"'
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


class Unsatisfiable(ValueError):
    """No byte of the file is in the range."""


def parse_range_header(wanted: str | None, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) that a Range header asks for (RFC 9110).

    None where it asks for nothing, or for what is no single range of bytes: then the whole is sent.
    Raises Unsatisfiable.
    """
    asked = _RANGE.fullmatch(wanted.strip()) if wanted else None
    if asked is None or asked.groups() == ("", ""):
        return None
    first, last = asked.groups()
    if first and last and int(last) < int(first):
        return None
    if first:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    else:
        start, end = max(0, size - int(last)), size
    if start >= end:
        raise Unsatisfiable(wanted)
    return start, end


def media_type(head: bytes) -> str:
    """What a file is by its first bytes."""
    return next((kind for magic, kind in _MAGIC if magic.match(head)), _UNKNOWN)


def _may_answer_range(request: HttpRequest, blob: Blob) -> bool:
    """Whether a range may be answered: the file that ``If-Range`` speaks of is the one we have."""
    condition = request.headers.get("If-Range")
    return condition is None or condition == f'"{blob.pk}"'


# --- Looks ------------------------------------------------------------------------------------------------------------


def require_listening_right(request: HttpRequest) -> None:
    """Raise PermissionDenied where this person may not hear and see what was delivered in confidence."""
    if not may_listen(request):
        raise PermissionDenied


def may_listen(request: HttpRequest) -> bool:
    """Whether this person may hear and see what was delivered in confidence; reading is not enough."""
    return isinstance(request.user, User) and permissions.is_permitted(request.user, permissions.Action.LISTEN)


def record_file_view(request: HttpRequest, submission: Submission | None, what: str) -> None:
    """Put it on record that the user hears or sees ``what``."""
    if isinstance(request.user, User):  # the desk lets no others in
        access_log.record_view_once(request.user, submission, what)


def kept_private(response: HttpResponse) -> HttpResponse:
    """For the requesting user, and cached nowhere."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def get_waveform_or_404(blob: Blob | None) -> Portrait:
    """The portrait of a file; Http404 where there is none to be had."""
    try:
        drawn = waveforms.ensure_waveform(blob) if blob else None
    except FileNotFoundError as error:
        raise Http404("no such file in the storage") from error
    except AnalysisError as error:
        raise Http404("it cannot be drawn at the moment") from error
    if drawn is None or drawn.error:
        raise Http404("it cannot be drawn")
    return drawn


def answer_waveform_json(blob: Blob | None) -> HttpResponse:
    """What the player's script reads of a recording."""
    drawn = get_waveform_or_404(blob)
    peaks = base64.b64encode(bytes(drawn.peaks)).decode()
    return kept_private(JsonResponse({"duration": drawn.duration, "rms_db": drawn.rms_db, "peaks": peaks}))
