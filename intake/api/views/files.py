"""A draft's files: one request each, or piece by piece as tus 1.0 has it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import http_date
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from checks.rules.delivered_files import size_mismatch
from intake.api import openapi as docs
from intake.api.base_views import Posting
from intake.api.parsers import Body, receive_file
from intake.api.problems import (
    CHECKSUM_MISMATCH,
    HEADER_INVALID,
    MEDIA_TYPE,
    OFFSET_CONFLICT,
    TOO_LARGE,
    TUS_VERSION,
    Problem,
)
from intake.api.views.submissions import check_unchanged, get_own_submission
from intake.core.states import State
from intake.models import Resource, Submission
from intake.services.storage import uploads
from intake.services.storage.blobs import Incoming
from intake.services.storage.uploads import Upload
from intake.services.submissions import submission_actions
from intake.services.submissions.submission_actions import FileRefused
from intake.services.submissions.transitions import Conflict

TUS = "1.0.0"
#: The extensions of tus that are supported. A draft has created its uploads; ``creation`` begins one again.
EXTENSIONS = "creation,creation-defer-length,expiration,checksum,termination"
PIECE = "application/offset+octet-stream"
CHECKSUMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}  # SHA-1 because tus demands it: it guards no secret


@extend_schema_view(put=docs.PUT_FILE, post=docs.CREATE_UPLOAD, patch=docs.PATCH_FILE, delete=docs.DELETE_UPLOAD)
class File(Posting):
    """One file of a draft."""

    scope = "submissions"
    parser_classes = ()
    takes_body = False

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
        receive_file(request._request, incoming)
        with uploads.hold_upload(submission, name) as upload:
            upload.forget()  # pieces that came before are of no use any more
        document = self._kept(submission, resource, incoming)
        return Response(document, status=201)

    def post(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """Create the upload once, however often the same request comes: a retry must not drop pieces sent since."""
        stated = [request.headers.get(name, "") for name in ("Upload-Length", "Upload-Defer-Length")]
        self.body_digest = hashlib.sha256("\0".join(stated).encode()).hexdigest()
        return super().post(request, **kwargs)

    def perform(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Create the upload, empty, for clients that do so before they send the first piece."""
        submission, resource = self._wanted(request, pk, name)
        _check_protocol(request)
        is_deferred = _is_deferred(request)
        length = _stated_length(request, resource)
        if length is None and not is_deferred:
            raise _length_missing(resource)
        with uploads.hold_upload(submission, name) as upload:
            upload.restart()
            upload.announce(length)
            headers = _upload_state_headers(upload.offset, upload.length) | _upload_expiry_header(upload)
        return Response(status=201, headers=headers | {"Location": request.build_absolute_uri()})

    def head(self, request: Request, pk: uuid.UUID, name: str) -> HttpResponseBase:
        """How far the file is."""
        submission = get_own_submission(request, pk)
        resource = get_named_resource(submission, name)
        with uploads.hold_upload(submission, name) as upload:
            if upload.whole and submission.state == State.DRAFT:
                self._kept(submission, resource, upload.taken())  # the process with the last piece was killed
                resource.refresh_from_db()
            elif upload.offset or resource.blob is None:
                length = resource.declared_size if upload.length is None else upload.length
                return HttpResponse(
                    headers=_upload_state_headers(upload.offset, length) | _upload_expiry_header(upload)
                )
            upload.forget()
        assert resource.blob is not None, "it was here, or has just been taken in"
        return HttpResponse(headers=_upload_state_headers(resource.blob.size, resource.blob.size))

    def patch(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Take the next piece; the last one makes the file whole."""
        submission, resource = self._wanted(request, pk, name)
        _check_protocol(request)
        if request.headers.get("Content-Type", "") != PIECE:
            raise Problem(MEDIA_TYPE, f"A piece of a file is of type {PIECE}.")
        offset = _read_number_header(request, "Upload-Offset")
        length = _stated_length(request, resource)
        body = Body(request._request)
        with uploads.hold_upload(submission, name) as upload:
            if upload.offset != offset:
                raise Problem(OFFSET_CONFLICT, f"{upload.offset} bytes are here; go on from there.")
            if length is None and upload.length is None and not upload.is_deferred and not resource.declared_sha256:
                raise _length_missing(resource)
            _announce_upload_length(upload, length)
            _check_room(upload.length, offset + body.announced)
            self._append(request, upload, body)
            headers = _upload_state_headers(upload.offset, upload.length) | _upload_expiry_header(upload)
            # Without a length, a hash after each piece would read the file once a piece; ``submit`` reads it once.
            if upload.whole or (offset == 0 and upload.is_complete(resource.declared)):
                self._kept(submission, resource, upload.taken())
        return Response(status=204, headers=headers)

    def delete(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Forget the pieces that came."""
        submission, _ = self._wanted(request, pk, name)
        _check_protocol(request)
        with uploads.hold_upload(submission, name) as upload:
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
        submission = get_own_submission(request, pk)
        resource = get_named_resource(submission, name)
        if submission.state != State.DRAFT:
            raise Conflict(submission, State.DRAFT)
        check_unchanged(request, submission)
        return submission, resource

    def _kept(self, submission: Submission, resource: Resource, incoming: Incoming) -> dict[str, Any]:
        """Attach a whole file to the draft, unless it is another one than was declared: then nothing of it is kept."""
        try:
            submission_actions.attach_file(submission, resource, incoming)
        except submission_actions.FileUnknown:
            raise Http404 from None
        return {"name": resource.name, "sha256": incoming.sha256, "size": incoming.size}

    def _append(self, request: Request, upload: Upload, body: Body) -> None:
        """The body's bytes: as they come, or, where they have a checksum, only once it holds."""
        algorithm, expected = _read_upload_checksum(request)
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


def get_named_resource(submission: Submission, name: str) -> Resource:
    """The file that a submission names. Raises Http404."""
    resource = submission.resources.filter(name=name).first() if "\0" not in name else None
    if resource is None:
        raise Http404
    return resource


def _check_protocol(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != TUS:
        raise Problem(TUS_VERSION, f"Send Tus-Resumable: {TUS}.", headers={"Tus-Version": TUS})


def _read_number_header(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Problem(HEADER_INVALID, f"{header} must be a number of bytes.")
    return int(text)


def _is_deferred(request: Request) -> bool:
    """Whether the client promises to state the length with a later piece."""
    value = request.headers.get("Upload-Defer-Length")
    if value not in (None, "1"):
        raise Problem(HEADER_INVALID, "Upload-Defer-Length is 1 or absent.")
    return value is not None


def _stated_length(request: Request, resource: Resource) -> int | None:
    """The bytes that the file will have, as the client or the release says. Raises Problem where they disagree."""
    declared = resource.declared_size
    if "Upload-Length" not in request.headers:
        return declared
    length = _read_number_header(request, "Upload-Length")
    if declared not in (None, length):
        raise FileRefused(size_mismatch(resource.name, declared, length))
    if length > settings.GATE_MAX_FILE_BYTES:
        raise Problem(TOO_LARGE, f"A file may have at most {settings.GATE_MAX_FILE_BYTES} bytes.")
    return length


def _length_missing(resource: Resource) -> Problem:
    return Problem(
        HEADER_INVALID,
        f"The length of '{resource.name}' is unknown, so its end cannot be recognised. Send Upload-Length with the "
        "first piece, or declare the file's size in the release document.",
    )


def _announce_upload_length(upload: Upload, length: int | None) -> None:
    """Keep the length that the client or the release states; it does not change."""
    if length is None or length == upload.length:
        return
    if upload.length is not None:
        raise Problem(HEADER_INVALID, f"Upload-Length was {upload.length} before.")
    upload.announce(length)


def _check_room(length: int | None, end: int) -> None:
    limit = settings.GATE_MAX_FILE_BYTES if length is None else length
    if end > limit:
        raise Problem(TOO_LARGE, f"The file has {limit} bytes at most, and this piece ends at {end}.")


def _read_upload_checksum(request: Request) -> tuple[str | None, bytes]:
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


def _upload_state_headers(offset: int, length: int | None) -> dict[str, str]:
    known = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    return {"Upload-Offset": str(offset), "Cache-Control": "no-store", **known}


def _upload_expiry_header(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires.timestamp())}
