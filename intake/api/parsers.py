"""What comes in: JSON read strictly, and files streamed to disk and hashed as they come, never held in memory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol, cast

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParser
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from intake.api import strictjson
from intake.api.problems import (
    BAD_REQUEST,
    BODY_TRUNCATED,
    DIGEST_MISMATCH,
    HEADER_INVALID,
    JSON_MALFORMED,
    LENGTH_REQUIRED,
    MEDIA_TYPE,
    MULTIPART_MALFORMED,
    REQUEST_TIMEOUT,
    TOO_LARGE,
    Problem,
)
from intake.services.storage.blobs import Incoming

CHUNK = 256 * 1024
#: The part of a multipart delivery that holds the document.
METADATA = "metadata"
#: Types with bytes that wrap a file, or are a part of one. curl sends plain bytes as form encoding.
NOT_A_FILE = ("application/offset+octet-stream",)
#: Part names that say nothing: there the name of the sent file counts.
NAMELESS = ("file", "files")


class Receiver(Protocol):
    """What a view has for the parsers: where spool files are tidied up, and the body's digest for retries."""

    spool: ExitStack
    body_digest: str


@dataclass(frozen=True, slots=True)
class Parts:
    """A multipart delivery: its document, and its files by name."""

    document: Any
    files: Mapping[str, Incoming]


# --- Streams ------------------------------------------------------------------------------------------------------


class Body:
    """A request's body as a stream that knows how much was announced, and how much came.

    Raises Problem where the body is a part or an encoding of what is meant: its bytes would be taken for the whole.
    """

    def __init__(self, request: HttpRequest) -> None:
        refuse_partial(request)
        self._request = request
        self.announced = announced_length(request)
        self.received = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end. Raises Problem where the connection broke."""
        try:
            chunk = self._request.read(CHUNK if size < 0 else size)
        except (UnreadablePostError, OSError) as error:
            if isinstance(error.__cause__ or error, TimeoutError):
                raise Problem(REQUEST_TIMEOUT, f"After {self.received} bytes {error.__cause__ or error}.") from None
            raise self._truncated() from None
        self.received += len(chunk)
        return chunk

    def chunks(self) -> Iterator[bytes]:
        """Everything, piece by piece."""
        while chunk := self.read(CHUNK):
            yield chunk
        self.check_whole()

    def check_whole(self) -> None:
        """Raise Problem unless everything came. Servers hand a broken body on as if it were a short one."""
        if self.received != self.announced:
            raise self._truncated()

    def _truncated(self) -> Problem:
        return Problem(BODY_TRUNCATED, f"{self.announced} bytes were announced, {self.received} came.")


def refuse_partial(request: HttpRequest) -> None:
    """Raise Problem for a body that is a byte range (RFC 9110, section 14.5) or is compressed (section 8.4)."""
    if "Content-Range" in request.headers:
        message = "Send the whole body without Content-Range. To resume a file, use tus 1.0 at the same address."
        raise Problem(HEADER_INVALID, message)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem(MEDIA_TYPE, f"Content-Encoding '{encoding[:40]}' is not supported. Send the body uncompressed.")


def announced_length(request: HttpRequest) -> int:
    """The length that the request announces. Raises Problem where it announces none."""
    text = str(request.META.get("CONTENT_LENGTH", ""))
    if not text:
        raise Problem(LENGTH_REQUIRED, "Send a Content-Length; chunked bodies are not taken.")
    if not (text.isascii() and text.isdigit()):
        raise Problem(HEADER_INVALID, "Content-Length must be a number.")
    return int(text)


def receive_file(request: HttpRequest, incoming: Incoming) -> None:
    """One file as the whole body, into a spool file. Raises Problem where it is too large or not whole."""
    if (request.content_type or "").lower() in NOT_A_FILE or (request.content_type or "").startswith("multipart/"):
        message = f"The body of a PUT is the file itself, and not of type {request.content_type}."
        raise Problem(MEDIA_TYPE, message)
    body = Body(request)
    if body.announced > settings.GATE_MAX_FILE_BYTES:
        raise _file_too_large()
    expected = _content_digest(request.headers.get("Content-Digest"))
    for chunk in body.chunks():
        incoming.write(chunk)
    incoming.finish()
    if expected not in (None, incoming.sha256):
        raise Problem(DIGEST_MISMATCH, "The body does not have the SHA-256 that its Content-Digest names.")


def _content_digest(header: str | None) -> str | None:
    """The SHA-256 of a Content-Digest field (RFC 9530), in hexadecimal; None where it names other algorithms only."""
    if header is None:
        return None
    for member in header.split(","):
        algorithm, _, value = member.strip().partition("=")
        if algorithm == "sha-256":
            match = re.fullmatch(r":([A-Za-z0-9+/]{43}=):", value.strip())
            try:
                return base64.b64decode(match[1], validate=True).hex() if match else _refuse_digest()
            except binascii.Error:
                _refuse_digest()
    return None


def _refuse_digest() -> str:
    raise Problem(HEADER_INVALID, "Content-Digest must be written sha-256=:<base64 of 32 bytes>:.")


def _file_too_large() -> Problem:
    return Problem(TOO_LARGE, f"A file may have at most {settings.GATE_MAX_FILE_BYTES} bytes.")


# --- Parsers ------------------------------------------------------------------------------------------------------


class StrictJSON(BaseParser):
    """A JSON body."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The value of the body. Raises Problem."""
        body = Body(stream)
        if body.announced > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise Problem(TOO_LARGE, f"A document may have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
        raw = b"".join(body.chunks())
        cast(Receiver, parser_context["view"]).body_digest = hashlib.sha256(raw).hexdigest()
        return _parse_json_body(raw)


class Multipart(BaseParser):
    """A whole delivery: the part with the document and one part for each file, in any order."""

    media_type = "multipart/form-data"
    #: The part that holds the document.
    document_part = METADATA

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The document and the spooled files. Raises Problem, MultiPartParserError or SuspiciousOperation."""
        view = cast(Receiver, parser_context["view"])
        request = cast(HttpRequest, stream)
        body, spool = Body(request), Spool(view.spool, self.document_part)
        # Latin-1 maps bytes to characters one to one: the document's bytes can be had back, and judged as UTF-8.
        fields, _ = MultiPartParser(request.META, cast(Any, body), [spool], encoding="latin-1").parse()
        while body.read(CHUNK):
            pass  # what follows the last boundary counts towards the length
        body.check_whole()
        if spool.open is not None:
            raise Problem(MULTIPART_MALFORMED, "The last part has no end.")
        raw = _read_document_part(fields, spool)
        view.body_digest = _digest_delivery(raw, spool.files)
        return Parts(self.understood(raw), spool.files)

    def understood(self, raw: bytes) -> Any:
        """The document from its bytes. Raises Problem."""
        return _parse_json_body(raw)


class MessageParts(Multipart):
    """A delivery with a DDEX message as document: it stays bytes, for a child that is shut in to read."""

    document_part = "message"

    def understood(self, raw: bytes) -> bytes:
        """The bytes."""
        return raw


class Spool(FileUploadHandler):
    """Writes each file of a multipart body to a spool file of its own."""

    chunk_size = CHUNK

    def __init__(self, tidying: ExitStack, document_part: str) -> None:
        super().__init__()
        self.files: dict[str, Incoming] = {}
        self.document_part = document_part
        self.metadata: bytearray | None = None
        self.open: Incoming | bytearray | None = None
        self._tidying = tidying

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        """A file part begins."""
        name = _decode_file_name(file_name if field_name in NAMELESS else field_name)
        if field_name == self.document_part:
            if self.metadata is not None:
                raise _sent_twice_problem(name)
            self.open = self.metadata = bytearray()
            return
        if name in self.files:
            raise _sent_twice_problem(name)
        self.open = self.files[name] = self._tidying.enter_context(Incoming())

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """The next bytes of the part."""
        if isinstance(self.open, Incoming):
            if self.open.size + len(raw_data) > settings.GATE_MAX_FILE_BYTES:
                raise _file_too_large()
            self.open.write(raw_data)
        elif self.open is not None:
            self.open += raw_data
            if len(self.open) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                raise Problem(TOO_LARGE, f"A document may have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")

    def file_complete(self, file_size: int) -> None:
        """The part is whole; it stays with us, not with the framework."""
        if isinstance(self.open, Incoming):
            self.open.finish()
        self.open = None


def _decode_file_name(name: str) -> str:
    """A name as its sender wrote it; one that is not UTF-8 stays as its bytes, and matches no file."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def _read_document_part(fields: Any, spool: Spool) -> bytes:
    """The bytes of the document, whether it came as a field or as a file."""
    part = spool.document_part
    strangers = sorted(set(fields) - {part})
    if strangers:
        name = strangers[0][:80]
        raise Problem(MULTIPART_MALFORMED, f"The part '{name}' is no file: give it a filename.")
    values = fields.getlist(part)
    if len(values) + (spool.metadata is not None) > 1:
        raise _sent_twice_problem(part)
    if spool.metadata is not None:
        return bytes(spool.metadata)
    if not values:
        raise Problem(MULTIPART_MALFORMED, f"The part '{part}' with the document is missing.")
    return str(values[0]).encode("latin-1")


def _sent_twice_problem(name: str) -> Problem:
    return Problem(MULTIPART_MALFORMED, f"The part '{name[:80]}' was sent twice.")


def _digest_delivery(document: bytes, files: Mapping[str, Incoming]) -> str:
    """The same for the same delivery, although clients choose a new boundary for each try."""
    total = hashlib.sha256(hashlib.sha256(document).digest())
    for name in sorted(files):
        total.update(f"{name}\0{files[name].sha256}\0".encode(errors="surrogatepass"))
    return total.hexdigest()


def _parse_json_body(raw: bytes) -> Any:
    try:
        return strictjson.parse_strict_json(raw)
    except strictjson.NotStrict as error:
        raise Problem(JSON_MALFORMED, str(error)) from None


def check_body_announced(request: Request, needed: bool) -> None:
    """Raise Problem where a body comes without its length, or none comes where one is needed."""
    length = request.META.get("CONTENT_LENGTH", "")
    if request.META.get("HTTP_TRANSFER_ENCODING") or (needed and length == ""):
        raise Problem(LENGTH_REQUIRED, "Send a Content-Length; chunked bodies are not taken.")
    if needed and str(length) == "0":
        raise Problem(BAD_REQUEST, "The body is empty.")
