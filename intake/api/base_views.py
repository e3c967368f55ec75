"""What all views of the API have in common: who may come in, how bodies are read, and that a POST is done once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from intake.api import idempotency, problems
from intake.api.auth import Principal, require_principal
from intake.api.pagination import Cursor
from intake.api.parsers import StrictJSON, check_body_announced
from intake.api.representations import Viewer
from intake.api.throttling import PerKey
from intake.core import document_schema
from intake.models import Label


class OnlyJSON(BaseContentNegotiation):
    """There is one form of answer; a client that asks for another still gets it, as RFC 9110 permits."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        given = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class GateView(APIView):
    """A view behind an API key. One that names no ``scope`` is closed."""

    scope: str | None = None
    #: The kinds of principal that it serves.
    principals: tuple[type[Principal], ...] = (Label,)
    #: Query parameters that it understands; any other is refused.
    parameters: tuple[str, ...] = ()
    parser_classes: Sequence[type[BaseParser]] = (StrictJSON,)
    throttle_classes = (PerKey,)
    content_negotiation_class = OnlyJSON

    spool: ExitStack
    body_digest: str = ""
    rate_headers: dict[str, str]
    claim: idempotency.Claim | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; whatever happens, unused spool files are gone afterwards."""
        self.rate_headers = {}
        with ExitStack() as self.spool:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Ask who comes and how often; then what the query says."""
        super().initial(request, *args, **kwargs)
        if strangers := sorted(set(request.query_params) - set(self.parameters)):
            raise problems.Problem(problems.PARAMETER_INVALID, f"There is no parameter '{strangers[0][:80]}' here.")

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Tell the rate limit's standing with every answer."""
        final = super().finalize_response(request, response, *args, **kwargs)
        for name, value in self.rate_headers.items():
            final.headers[name] = value
        return final

    def rendered(self, response: HttpResponseBase) -> HttpResponse:
        """The answer as bytes, as it will be sent."""
        final: HttpResponse = self.finalize_response(self.request, response)
        if isinstance(final, Response):
            final.render()
        return final

    def viewer(self) -> Viewer:
        """What this principal may see."""
        return Viewer(require_principal(self.request), self.request.build_absolute_uri)

    def page(self, rows: QuerySet, present: Any, ordering: str = "-id") -> Response:
        """One page of a list."""
        cursor = Cursor(ordering)
        response = cursor.get_paginated_response(present(cursor.paginate_queryset(rows, self.request, self)))
        digest = hashlib.sha256(JSONRenderer().render(response.data)).hexdigest()
        tag = f'"{digest[:32]}"'
        if matches_etag(self.request.headers.get("If-None-Match", ""), tag):
            return Response(status=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return response

    def read(self, kind: type[document_schema.Strict], partial: bool = False) -> dict[str, Any]:
        """The body of a request that is no release. Raises Problem with pointers where its shape is wrong."""
        try:
            return document_schema.read_through_serializer(kind, self.request.data, partial=partial)
        except document_schema.ShapeError as error:
            raise problems.invalid_document_problem(error) from None


def matches_etag(header: str, tag: str) -> bool:
    """Whether an ``If-None-Match`` field names the tag (weak comparison: a proxy may have weakened it)."""
    return header.strip() == "*" or tag in re.findall(r'"[^"]*"', header)


class Posting(GateView):
    """A view that answers POST, and honours ``Idempotency-Key``.

    Subclasses do in ``perform`` what must be committed together with the stored answer, and in ``prepare`` what may
    take long and leaves nothing that matters.
    """

    #: Whether there is anything to say in the body; an action has its address alone.
    takes_body = True

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look at the request, outside any transaction. By default there is nothing to prepare."""

    def kept(self, response: HttpResponse) -> HttpResponse:
        """The answer as it is kept for the next time: all of it, unless it holds what must be kept nowhere."""
        return response

    def perform(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Do the work and answer."""
        raise NotImplementedError

    def post(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """Do it once, however often the same request comes."""
        check_body_announced(request, self.takes_body)
        if not self.takes_body:
            self.read(document_schema.Strict)
        return idempotency.answer_idempotently(self, request, kwargs)
