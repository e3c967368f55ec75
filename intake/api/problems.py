"""When something goes wrong: one form for every error (RFC 9457), with a stable type for each kind."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from checks.analysis import AnalysisError
from checks.fingerprint.store import Behind
from checks.model.finding import Finding
from checks.policy import PolicyError
from checks.rules import delivered_files as file_codes
from intake.api import representations
from intake.core import document_schema
from intake.services.review.appeals import NotHeard
from intake.services.review.partial_acceptance import NothingOffered
from intake.services.storage.blobs import StorageUnavailable
from intake.services.storage.uploads import Held
from intake.services.submissions import admission
from intake.services.submissions.submission_actions import FileRefused, FilesMissing
from intake.services.submissions.transitions import Conflict

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
#: Where the API lives; outside it, errors are pages for people.
API_PREFIX = "/api/"
#: A problem type is this path and the kind's name: it stays, wherever the gate is installed.
TYPE_PREFIX = "/problems/"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its name never changes, its title is for people."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return TYPE_PREFIX + self.name


BAD_REQUEST = Kind("bad-request", 400, "Bad request")
JSON_MALFORMED = Kind("json-malformed", 400, "Invalid JSON")
MULTIPART_MALFORMED = Kind("multipart-malformed", 400, "Invalid multipart body")
BODY_TRUNCATED = Kind("body-truncated", 400, "Incomplete body")
PARAMETER_INVALID = Kind("parameter-invalid", 400, "Invalid query parameter")
HEADER_INVALID = Kind("header-invalid", 400, "Invalid header")
KEY_MISSING = Kind("key-missing", 401, "Missing or invalid API key")
FORBIDDEN = Kind("forbidden", 403, "Missing scope")
NOT_FOUND = Kind("not-found", 404, "Not found")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Method not allowed")
STATE_CONFLICT = Kind("state-conflict", 409, "Not possible in the submission's current state")
FILES_MISSING = Kind("files-missing", 409, "Files missing")
REQUEST_RUNNING = Kind("request-running", 409, "Request with this Idempotency-Key still in progress")
EXISTS = Kind("exists", 409, "Already exists")
OFFSET_CONFLICT = Kind("offset-conflict", 409, "Upload offset mismatch")
BLOCKED = Kind("blocked", 409, "On the blocklist")
KEYS_EXHAUSTED = Kind("keys-exhausted", 409, "Too many artist keys")
NOTHING_ASKED = Kind("nothing-asked", 409, "No open AI-disclosure question")
INACTIVE = Kind("inactive", 409, "Endpoint disabled")
NOT_HEARD = Kind("appeal-refused", 409, "Appeal not possible")
NOTHING_OFFERED = Kind("nothing-offered", 409, "No partial release offered")
LENGTH_REQUIRED = Kind("length-required", 411, "Length required")
REQUEST_TIMEOUT = Kind("request-timeout", 408, "Request timeout")
PRECONDITION_FAILED = Kind("precondition-failed", 412, "Precondition failed")
TUS_VERSION = Kind("tus-version", 412, "Unsupported tus version")
TOO_LARGE = Kind("too-large", 413, "Content too large")
MEDIA_TYPE = Kind("media-type", 415, "Unsupported media type")
RELEASE_REFUSED = Kind("release-refused", 422, "The release has blocking findings")
DOCUMENT_INVALID = Kind("document-invalid", 422, "Invalid document")
DIGEST_MISMATCH = Kind("digest-mismatch", 422, "Digest mismatch")
KEY_REUSED = Kind("key-reused", 422, "Idempotency-Key already used with a different request")
ARTIST_REFUSED = Kind("artist-refused", 422, "Registry entry refused")
TRACK_UNKNOWN = Kind("track-unknown", 422, "No such track")
ENDPOINT_REFUSED = Kind("endpoint-refused", 422, "Webhook endpoint refused")
UPLOAD_HELD = Kind("upload-held", 423, "Upload in progress")
BLOCK_REFUSED = Kind("block-refused", 422, "Blocklist entry refused")
RECORDING_REFUSED = Kind("recording-refused", 422, "Known recording refused")
CHECKSUM_MISMATCH = Kind("checksum-mismatch", 460, "Checksum mismatch")
RATE_LIMITED = Kind("rate-limited", 429, "Too many requests")
TOO_MANY_UPLOADS = Kind("too-many-uploads", 429, "Too many simultaneous uploads")
HEADERS_TOO_LARGE = Kind("headers-too-large", 431, "Request headers too large")
INTERNAL = Kind("internal", 500, "Internal server error")
UNAVAILABLE = Kind("unavailable", 503, "Service unavailable")
STORAGE_FULL = Kind("storage-full", 507, "Insufficient storage")

KINDS = (
    BAD_REQUEST, JSON_MALFORMED, MULTIPART_MALFORMED, BODY_TRUNCATED, PARAMETER_INVALID, HEADER_INVALID, KEY_MISSING,
    FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, STATE_CONFLICT, FILES_MISSING, REQUEST_RUNNING, EXISTS, NOTHING_ASKED,
    INACTIVE, KEYS_EXHAUSTED, LENGTH_REQUIRED, PRECONDITION_FAILED, TOO_LARGE, MEDIA_TYPE, RELEASE_REFUSED,
    DOCUMENT_INVALID, DIGEST_MISMATCH, KEY_REUSED, ARTIST_REFUSED, TRACK_UNKNOWN, ENDPOINT_REFUSED, RATE_LIMITED,
    INTERNAL, UNAVAILABLE, STORAGE_FULL,
    NOT_HEARD, NOTHING_OFFERED, OFFSET_CONFLICT, TUS_VERSION, UPLOAD_HELD, CHECKSUM_MISMATCH, BLOCK_REFUSED, BLOCKED,
    RECORDING_REFUSED, REQUEST_TIMEOUT, TOO_MANY_UPLOADS, HEADERS_TOO_LARGE,
)  # fmt: skip


class Problem(Exception):
    """An error that a view answers with."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        findings: Sequence[Finding] = (),
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.detail = detail or kind.title + "."
        self.findings = findings
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(self.detail)


def build_problem_document(problem: Problem, request: HttpRequest) -> dict[str, Any]:
    """The body of an error."""
    body: dict[str, Any] = {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "instance": request.path,
        "request_id": getattr(request, "request_id", ""),
    }
    if problem.errors:
        body["errors"] = problem.errors
    if problem.findings:
        body["findings"] = [representations.represent_new_finding(finding) for finding in problem.findings]
    return body


def handle_api_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Every exception of an API view as a problem; None, and so a 500, where it is a fault of ours."""
    problem = problem_of_exception(error)
    if problem is None:
        return None
    if problem.kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed", problem=problem.kind.name, error=repr(error))
    body = build_problem_document(problem, context["request"]._request)
    return Response(body, status=problem.kind.status, headers=problem.headers, content_type=CONTENT_TYPE)


def problem_of_exception(error: Exception) -> Problem | None:
    """The problem that an exception stands for, where it stands for one."""
    match error:
        case Problem():
            return error
        case admission.Refused():
            told = representations.told_refusal(error.findings)
            detail = f"{len(told)} finding(s) keep this release out; nothing was stored."
            return Problem(RELEASE_REFUSED, detail, findings=told)
        case document_schema.ShapeError():
            return invalid_document_problem(error, findings=True)
        case Conflict():
            return Problem(STATE_CONFLICT, f"The submission is {error.submission.state}.")
        case NotHeard():
            return Problem(NOT_HEARD, str(error))
        case NothingOffered():
            return Problem(NOTHING_OFFERED, f"{str(error).capitalize()}.")
        case FileRefused():
            mismatched = error.finding.code in (file_codes.DIGEST_MISMATCH, file_codes.SIZE_MISMATCH)
            kind = DIGEST_MISMATCH if mismatched else RELEASE_REFUSED
            return Problem(kind, str(error), findings=[error.finding])
        case Held():
            return Problem(UPLOAD_HELD, headers={"Retry-After": "1"})
        case FilesMissing():
            return Problem(FILES_MISSING, f"Not delivered yet: {', '.join(error.names)}.")
        case OperationalError():
            return Problem(UNAVAILABLE, "The database did not answer in time.", headers={"Retry-After": "5"})
        case Behind():
            detail = "The index of this host is not up to date with the catalogue. Send the request again later."
            return Problem(UNAVAILABLE, detail, headers={"Retry-After": "30"})
        case PolicyError():
            return Problem(UNAVAILABLE, "The gate's policy cannot be read.", headers={"Retry-After": "30"})
        case AnalysisError():
            return Problem(UNAVAILABLE, "Files cannot be measured at the moment.", headers={"Retry-After": "60"})
        case StorageUnavailable():
            return Problem(UNAVAILABLE, "The file storage did not answer.", headers={"Retry-After": "5"})
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Problem(STORAGE_FULL)
        case _:
            return _problem_of_framework_error(error)


def invalid_document_problem(error: document_schema.ShapeError, findings: bool = False) -> Problem:
    """A document of the wrong shape; ``findings`` too where it is a release."""
    errors = [{"pointer": fault.pointer, "code": fault.code.id, "detail": fault.detail} for fault in error.faults]
    return Problem(
        DOCUMENT_INVALID,
        f"{len(errors)} thing(s) in the document are not as documented.",
        errors=errors,
        findings=[fault.finding() for fault in error.faults] if findings else (),
    )


def _problem_of_framework_error(error: Exception) -> Problem | None:
    """What the frameworks raise."""
    match error:
        case exceptions.Throttled():
            wait = {"Retry-After": str(int(getattr(error, "wait", None) or 1))}
            return Problem(RATE_LIMITED, f"Try again in {wait['Retry-After']} s.", headers=wait)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            # The view put the challenge of its authentication on the exception.
            challenge = {"WWW-Authenticate": getattr(error, "auth_header", "") or "Bearer"}
            return Problem(KEY_MISSING, str(error.detail), headers=challenge)
        case exceptions.PermissionDenied():
            return Problem(FORBIDDEN, str(error.detail))
        case PermissionDenied():
            return Problem(FORBIDDEN)
        case exceptions.NotFound() | Http404():
            return Problem(NOT_FOUND)
        case exceptions.MethodNotAllowed():
            return Problem(METHOD_NOT_ALLOWED, str(error.detail))
        case exceptions.UnsupportedMediaType():
            return Problem(MEDIA_TYPE, str(error.detail))
        case RequestDataTooBig():
            return Problem(TOO_LARGE)
        case TooManyFilesSent() | TooManyFieldsSent():
            return Problem(MULTIPART_MALFORMED, "There are more parts than a release can have files.")
        case MultiPartParserError():
            return Problem(MULTIPART_MALFORMED, str(error))
        case SuspiciousOperation():
            return Problem(BAD_REQUEST)
        case exceptions.APIException() if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Problem(BAD_REQUEST, str(error.detail))
        case _:
            return None


# --- Outside the API's views: no such URL, or nothing left that could have answered ------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that no view was asked about: a forged Host header, say."""
    return (
        _plain_problem_answer(request, BAD_REQUEST)
        if _is_api_request(request)
        else defaults.bad_request(request, exception)
    )


def answer_forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer what Django itself forbids."""
    return (
        _plain_problem_answer(request, FORBIDDEN)
        if _is_api_request(request)
        else defaults.permission_denied(request, exception)
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer an address that does not exist."""
    return (
        _plain_problem_answer(request, NOT_FOUND)
        if _is_api_request(request)
        else defaults.page_not_found(request, exception)
    )


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer after a fault of ours; what happened is in the log, under the request's id."""
    return _plain_problem_answer(request, INTERNAL) if _is_api_request(request) else defaults.server_error(request)


def _is_api_request(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PREFIX)


def _plain_problem_answer(request: HttpRequest, kind: Kind) -> HttpResponse:
    return answer_plain_problem(Problem(kind), request)


def answer_plain_problem(problem: Problem, request: HttpRequest) -> HttpResponse:
    """A problem from a view that is not one of the framework's."""
    body = json.dumps(build_problem_document(problem, request), ensure_ascii=False)
    return HttpResponse(body, status=problem.kind.status, content_type=CONTENT_TYPE, headers=problem.headers)
