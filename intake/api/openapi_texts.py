"""The words in which operations of the API are described: answers, problems, parameters."""

from __future__ import annotations

import functools
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers as rest

from intake.api import serializers

PROBLEM = "application/problem+json"
#: Answered by every operation, for the reasons that docs/api.md lists.
_ALWAYS = {401: "No valid API key.", 403: "The key lacks the required scope.", 429: "Too many requests with this key."}


def describe_problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(serializers.ProblemSerializer, description)


def describe_operation(
    tag: str, answers: dict[Any, Any], problems: dict[int, str] | None = None, **options: Any
) -> Any:
    responses: dict[Any, Any] = dict(answers)
    for status, description in (_ALWAYS | (problems or {})).items():
        responses[(status, PROBLEM)] = describe_problem(description)
    options.setdefault("description", options["summary"] + ".")
    return extend_schema(tags=[tag], responses=responses, **options)


@functools.cache
def list_of(one: type[rest.Serializer]) -> Any:
    name = one.__name__.removesuffix("Serializer")
    return inline_serializer(
        f"{name}Page",
        {"next": rest.URLField(allow_null=True), "previous": rest.URLField(allow_null=True), "results": one(many=True)},
    )


def describe_query_parameter(
    name: str, description: str, kind: Any = OpenApiTypes.STR, **options: Any
) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **options)


def describe_header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description)


PAGING = [
    describe_query_parameter("limit", "Results on a page, 1 to 100.", OpenApiTypes.INT),
    describe_query_parameter("cursor", "From `next` or `previous` of another page."),
]
RETRY = [
    OpenApiParameter(
        "Idempotency-Key",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
        OpenApiParameter.HEADER,
        description="1 to 255 visible ASCII characters: the same key and body get the same answer.",
    )
]
NOT_THERE = {404: "No such thing of yours."}
BAD_QUERY = {400: "A parameter is unknown or has no possible value."}
