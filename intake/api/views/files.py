"""A draft's files: one request each, or piece by piece as tus 1.0 has it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import http_date
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from checks.files import DIGEST_MISMATCH as DECLARED_OTHERWISE
from checks.finding import Finding
from intake.api import documentation as docs
from intake.api.base import GateView
from intake.api.bodies import Body, receive
from intake.api.problems import (
    CHECKSUM_MISMATCH,
    DIGEST_MISMATCH,
    HEADER_INVALID,
    MEDIA_TYPE,
    OFFSET_CONFLICT,
    TOO_LARGE,
    TUS_VERSION,
    UPLOAD_HELD,
    Problem,
)
from intake.api.views.submissions import check_unchanged, own
from intake.models import Resource, Submission
from intake.services import submissions, uploads
from intake.services.blobs import Incoming
from intake.services.moves import Conflict
from intake.services.uploads import Upload
from intake.states import State

TUS = "1.0.0"
#: What of tus is spoken here; the draft takes the place of ``creation``.
EXTENSIONS = "creation-defer-length,expiration,checksum,termination"
PIECE = "application/offset+octet-stream"
CHECKSUMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}  # SHA-1 because tus demands it: it guards no secret


@extend_schema_view(put=docs.PUT_FILE, patch=docs.PATCH_FILE, delete=docs.DELETE_UPLOAD)
class File(GateView):
    """One file of a draft."""

    scope = "submissions"
    parser_classes = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; clients that can send nothing but POST say in a header what they mean, as tus has it."""
        meant = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and meant in ("HEAD", "PATCH", "DELETE"):
            request.method = meant
        return super().dispatch(request, *args, **kwargs)

    def put(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Take the body as the file; sending it again replaces it."""
        submission, resource = self._wanted(request, pk, name)
        incoming = self.spool.enter_context(Incoming())
        receive(request._request, incoming)
        with self._held(submission, name) as upload:
            upload.forget()  # pieces that came before are of no use any more
        document = self._kept(submission, resource, incoming)
        return Response(document, status=201)

    def head(self, request: Request, pk: uuid.UUID, name: str) -> HttpResponseBase:
        """How far the file is."""
        submission = own(request, pk)
        resource = named(submission, name)
        with self._held(submission, name) as upload:
            if upload.whole and submission.state == State.DRAFT:
                self._kept(submission, resource, upload.taken())  # whoever received the last piece was killed
                resource.refresh_from_db()
            elif upload.offset or resource.blob is None:
                return HttpResponse(headers=_standing(upload.offset, upload.length) | _expiry(upload))
            upload.forget()
        assert resource.blob is not None, "it was here, or has just been taken in"
        return HttpResponse(headers=_standing(resource.blob.size, resource.blob.size))

    def patch(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Take the next piece; the last one makes the file whole."""
        submission, resource = self._wanted(request, pk, name)
        _check_protocol(request)
        if request.headers.get("Content-Type", "") != PIECE:
            raise Problem(MEDIA_TYPE, f"A piece of a file is of type {PIECE}.")
        offset = _number(request, "Upload-Offset")
        length = _number(request, "Upload-Length") if "Upload-Length" in request.headers else None
        body = Body(request._request)
        with self._held(submission, name) as upload:
            if upload.offset != offset:
                raise Problem(OFFSET_CONFLICT, f"{upload.offset} bytes are here; go on from there.")
            _announce(upload, length)
            _check_room(upload, offset + body.announced)
            self._append(request, upload, body)
            headers = _standing(upload.offset, upload.length) | _expiry(upload)
            if upload.whole:
                self._kept(submission, resource, upload.taken())
        return Response(status=204, headers=headers)

    def delete(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Forget the pieces that came."""
        submission, _ = self._wanted(request, pk, name)
        _check_protocol(request)
        with self._held(submission, name) as upload:
            upload.forget()
        return Response(status=204)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """What of tus is spoken here."""
        headers = {
            "Tus-Version": TUS,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(settings.GATE_MAX_FILE_BYTES),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
            "Allow": ", ".join(self.allowed_methods),
        }
        return Response(status=204, headers=headers)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the protocol with every answer."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Tus-Resumable"] = TUS
        return final

    def _wanted(self, request: Request, pk: uuid.UUID, name: str) -> tuple[Submission, Resource]:
        """The draft, and the file that it names; asked before the body is read."""
        submission = own(request, pk)
        resource = named(submission, name)
        if submission.state != State.DRAFT:
            raise Conflict(submission, State.DRAFT)
        check_unchanged(request, submission)
        return submission, resource

    def _kept(self, submission: Submission, resource: Resource, incoming: Incoming) -> dict[str, Any]:
        """Attach a whole file to the draft, unless it is another one than was declared: then nothing of it is kept."""
        incoming.finish()
        if resource.declared_sha256 not in ("", incoming.sha256):
            incoming.discard()
            raise _declared_otherwise(resource, incoming.sha256)
        document = {"name": resource.name, "sha256": incoming.sha256, "size": incoming.size}
        try:
            submissions.put_file(submission, resource.name, incoming.keep())
        except submissions.FileUnknown:
            raise Http404 from None
        return document

    @staticmethod
    @contextlib.contextmanager
    def _held(submission: Submission, name: str) -> Iterator[Upload]:
        try:
            with uploads.held(submission, name) as upload:
                yield upload
        except uploads.Held:
            raise Problem(UPLOAD_HELD, headers={"Retry-After": "1"}) from None

    def _append(self, request: Request, upload: Upload, body: Body) -> None:
        """The body's bytes: as they come, or, where they have a checksum, only once it holds."""
        algorithm, expected = _checksum(request)
        if algorithm is None:
            upload.append(body.chunks())
            return
        piece, digest = self.spool.enter_context(Incoming()), CHECKSUMS[algorithm]()
        for chunk in body.chunks():
            piece.write(chunk)
            digest.update(chunk)
        if digest.digest() != expected:
            raise Problem(CHECKSUM_MISMATCH, f"The piece does not have the {algorithm} that Upload-Checksum names.")
        upload.append_file(piece)


def named(submission: Submission, name: str) -> Resource:
    """The file that a submission names. Raises Http404."""
    resource = submission.resources.filter(name=name).first() if "\0" not in name else None
    if resource is None:
        raise Http404
    return resource


def _check_protocol(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != TUS:
        raise Problem(TUS_VERSION, f"Send Tus-Resumable: {TUS}.", headers={"Tus-Version": TUS})


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Problem(HEADER_INVALID, f"{header} must be a number of bytes.")
    return int(text)


def _announce(upload: Upload, length: int | None) -> None:
    """Keep the length that the client names; it is named once."""
    if length is None:
        return
    if upload.length not in (None, length):
        raise Problem(HEADER_INVALID, f"Upload-Length was {upload.length} before.")
    if length > settings.GATE_MAX_FILE_BYTES:
        raise Problem(TOO_LARGE, f"A file may have at most {settings.GATE_MAX_FILE_BYTES} bytes.")
    upload.announce(length)


def _check_room(upload: Upload, end: int) -> None:
    limit = settings.GATE_MAX_FILE_BYTES if upload.length is None else upload.length
    if end > limit:
        raise Problem(TOO_LARGE, f"The file has {limit} bytes at most, and this piece ends at {end}.")


def _checksum(request: Request) -> tuple[str | None, bytes]:
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None, b""
    algorithm, _, value = header.partition(" ")
    try:
        expected = base64.b64decode(value, validate=True)
    except binascii.Error:
        expected = b""
    if algorithm not in CHECKSUMS or not expected:
        raise Problem(HEADER_INVALID, f"Upload-Checksum is written '{' | '.join(CHECKSUMS)} <base64>'.")
    return algorithm, expected


def _standing(offset: int, length: int | None) -> dict[str, str]:
    known = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    return {"Upload-Offset": str(offset), "Cache-Control": "no-store", **known}


def _expiry(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires.timestamp())}


def _declared_otherwise(resource: Resource, sha256: str) -> Problem:
    finding = Finding(
        DECLARED_OTHERWISE,
        f"file:{resource.name}",
        f"The file '{resource.name}' arrived with another SHA-256 than declared.",
        measured=sha256,
        threshold=resource.declared_sha256,
        fix="Send the file again, or open a new draft with the right sha256.",
    )
    return Problem(DIGEST_MISMATCH, finding.message, findings=[finding])
