"""Every request has an id, which is in its answer, in its log lines, and in those of the work that follows from it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponseBase

log = structlog.get_logger(__name__)

HEADER = "X-Request-Id"
#: What we take from a caller: enough for every usual kind of id, nothing that could forge a log line.
_SANE = re.compile(r"[A-Za-z0-9._-]{8,100}")
#: Asked every few seconds, and of no interest while they are well.
_QUIET = ("/healthz", "/readyz", "/metrics", "/static/")


def request_id(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: take the caller's request id or make one, and log the request with it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        chosen = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        request.request_id = chosen  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=chosen)
        began = time.perf_counter()
        response = get_response(request)
        response.headers[HEADER] = chosen
        if not (request.path.startswith(_QUIET) and response.status_code < 400):
            took = round((time.perf_counter() - began) * 1000, 1)
            log.info("request", method=request.method, path=request.path, status=response.status_code, ms=took)
        return response

    return middleware
