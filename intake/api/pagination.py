"""Long lists, a page at a time: a cursor holds its place while new rows arrive."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from intake.api.problems import PARAMETER_INVALID, Problem


class Cursor(CursorPagination):
    """``?limit=`` (at most 100) and ``?cursor=``; the answer has ``next``, ``previous`` and ``results``."""

    page_size = 25
    max_page_size = 100
    page_size_query_param = "limit"
    ordering = "-id"

    def __init__(self, ordering: str = "-id") -> None:
        self.ordering = ordering

    def get_page_size(self, request: Request) -> int:
        """The limit, strictly: a wrong one is refused rather than ignored."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not (asked.isascii() and asked.isdigit() and len(asked) < 5 and 1 <= int(asked) <= self.max_page_size):
            raise Problem(PARAMETER_INVALID, f"limit must be a number from 1 to {self.max_page_size}.")
        return int(asked)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page. Raises Problem where the cursor was not made here."""
        self._field = queryset.model._meta.get_field(self.ordering.lstrip("-"))
        try:
            return super().paginate_queryset(queryset, request, view) or []
        except NotFound:
            raise Problem(PARAMETER_INVALID, "This cursor was not made here.") from None

    def decode_cursor(self, request: Request) -> Any:
        """The place that a cursor holds, as the column's own type."""
        given = request.query_params.get(self.cursor_query_param)
        if given is not None and not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", given):
            raise NotFound
        cursor = super().decode_cursor(request)
        try:
            if cursor is not None and cursor.position is not None:
                self._field.to_python(cursor.position)
        except (ValidationError, FieldDoesNotExist):
            raise NotFound from None
        return cursor
