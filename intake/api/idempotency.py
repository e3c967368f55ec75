"""A request may arrive twice; its work is done once, and both get the same answer, byte for byte."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
from typing import Any, Protocol

from django.db import IntegrityError, transaction
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api.auth import principal_id, require_principal
from intake.api.problems import HEADER_INVALID, KEY_REUSED, REQUEST_RUNNING, Problem
from intake.models import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
#: A holder of a key without a sign of life for longer has died; the next one may try.
LEASE = dt.timedelta(seconds=60)
#: Header fields that belong to the answer; the rest are made anew for each request.
_STORED_HEADERS = ("Content-Type", "Location", "ETag", "Retry-After")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Work(Protocol):
    """A view that answers POST in two steps: what may come before the transaction, and what must be in it."""

    body_digest: str
    claim: Claim | None

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None: ...
    def perform(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase: ...
    def handle_exception(self, exc: Exception) -> Response: ...
    def rendered(self, response: HttpResponseBase) -> HttpResponse: ...
    def kept(self, response: HttpResponse) -> HttpResponse: ...


class Claim:
    """The right to do the work of one key: a row with a lease; its end is the fencing token."""

    def __init__(self, pk: int, until: dt.datetime) -> None:
        self._pk = pk
        self._until = until

    def renew(self) -> None:
        """A sign of life before a long step. Raises Problem where the key has passed to another worker."""
        until = timezone.now() + LEASE
        self._update(running_until=until)
        self._until = until

    def store(self, response: HttpResponse) -> None:
        """Keep the answer, in the caller's transaction. Raises Problem where the key has passed to another worker."""
        headers = {name: response.headers[name] for name in _STORED_HEADERS if name in response.headers}
        self._update(status_code=response.status_code, headers=headers, body=response.content, running_until=None)

    def free(self) -> None:
        """Nothing was done: the same key may be tried again at once."""
        IdempotencyKey.objects.filter(pk=self._pk, running_until=self._until).delete()

    def _update(self, **values: Any) -> None:
        if not IdempotencyKey.objects.filter(pk=self._pk, running_until=self._until).update(**values):
            raise _still_running_problem()


def answer_idempotently(view: Work, request: Request, kwargs: dict[str, Any]) -> HttpResponseBase:
    """Do the work of a POST once, however often it comes with the same key."""
    key = _read_idempotency_key(request)
    digest = _digest_request(view, request)
    if key is None:
        view.prepare(request, **kwargs)
        return view.perform(request, **kwargs)
    claimed = claim_idempotency_key(principal_id(require_principal(request)), key, digest)
    if isinstance(claimed, HttpResponse):
        return claimed
    view.claim = claimed
    try:
        return _work_in_transaction(view, request, kwargs, claimed)
    except BaseException:
        claimed.free()
        raise


def _work_in_transaction(view: Work, request: Request, kwargs: dict[str, Any], claimed: Claim) -> HttpResponse:
    """Work and answer in one transaction: a kill after the commit is answered from the row."""
    try:
        view.prepare(request, **kwargs)
        with transaction.atomic():
            response = view.rendered(view.perform(request, **kwargs))
            claimed.store(view.kept(response))
    except Exception as error:
        response = view.rendered(view.handle_exception(error))
        if response.status_code >= 500:
            claimed.free()
        else:
            with contextlib.suppress(Problem):  # another request has the key by now, and will answer
                claimed.store(response)
    return response


def claim_idempotency_key(owner: str, key: str, digest: str) -> Claim | HttpResponse:
    """The right to do the work, or the stored answer. Raises Problem for another body, or while it is being done."""
    now = timezone.now()
    until = now + LEASE
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(principal=owner, key=key, digest=digest, running_until=until)
        return Claim(row.pk, until)
    except IntegrityError:
        return _taken_over(owner, key, digest, now)


def _taken_over(owner: str, key: str, digest: str, now: dt.datetime) -> Claim | HttpResponse:
    """What a key that was used before is good for now."""
    row = IdempotencyKey.objects.filter(principal=owner, key=key).first()
    if row is None:  # freed a moment ago
        raise _still_running_problem()
    if row.digest != digest:
        raise Problem(KEY_REUSED, f"The {HEADER} was used with another request before.")
    if row.status_code is not None:
        stored = HttpResponse(bytes(row.body), status=row.status_code, headers=row.headers)
        stored.headers[REPLAYED] = "true"
        return stored
    mine = IdempotencyKey.objects.filter(pk=row.pk, running_until=row.running_until, running_until__lt=now)
    until = now + LEASE
    if not mine.update(running_until=until):
        raise _still_running_problem()
    return Claim(row.pk, until)


def _read_idempotency_key(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(HEADER_INVALID, f"{HEADER} must have 1 to 255 visible ASCII characters.")
    return key


def _digest_request(view: Work, request: Request) -> str:
    """What the key stands for: this call with this body."""
    request.data  # noqa: B018 - reading the body is what sets its digest
    return hashlib.sha256(f"{request.method} {request.get_full_path()}\0{view.body_digest}".encode()).hexdigest()


def _still_running_problem() -> Problem:
    return Problem(REQUEST_RUNNING, "The first request is still being worked on.", headers={"Retry-After": "1"})
