"""Which submissions, which events: what a list can be asked for. A wrong question is refused, never ignored."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from django_filters.rest_framework import IsoDateTimeFilter
from rest_framework.request import Request

from checks.policy import Verdict
from intake.api.problems import PARAMETER_INVALID, Problem
from intake.core.states import State
from intake.models import Submission

#: An event gets its id before it is committed. Who reads events in order must not see a later one first and then
#: pass over an earlier one: this long after the fact all of them are there.
SETTLED_AFTER = timedelta(seconds=2)


#: Years that a moment can lie in without leaving the calendar when it is turned into UTC.
YEARS = range(1970, 9999)


class SubmissionFilter(django_filters.FilterSet):
    """What submissions can be found by."""

    state = django_filters.ChoiceFilter(choices=[(item.value, item.value) for item in State])
    verdict = django_filters.ChoiceFilter(choices=[(entry.value, entry.value) for entry in Verdict])
    created_after = IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    upc = django_filters.CharFilter(max_length=14)
    isrc = django_filters.CharFilter(method="with_isrc", max_length=20)

    class Meta:
        model = Submission
        fields: list[str] = []

    def with_isrc(self, rows: QuerySet, _: str, value: str) -> QuerySet:
        """Any of the tracks, however the ISRC is hyphenated."""
        return rows.filter(tracks__isrc=value.replace("-", "").upper()).distinct()


NAMES = tuple(SubmissionFilter.base_filters)


def filter_submissions(request: Request, rows: QuerySet) -> QuerySet:
    """The submissions that the query asks for. Raises Problem where it asks for something that cannot be."""
    asked = SubmissionFilter(request.query_params, rows)
    for name in ("created_after", "created_before"):
        moment = asked.form.cleaned_data.get(name) if asked.is_valid() else None
        if moment is not None and moment.year not in YEARS:
            raise Problem(PARAMETER_INVALID, f"{name}: there is nothing from that year.")
    if not asked.is_valid():
        errors: Any = asked.errors
        name, messages = next(iter(errors.items()))
        raise Problem(PARAMETER_INVALID, f"{name}: {messages[0]}")
    if empty := [name for name in NAMES if request.query_params.get(name) == ""]:
        raise Problem(PARAMETER_INVALID, f"{empty[0]} is empty.")
    return asked.qs


def filter_events_after(request: Request, rows: QuerySet) -> QuerySet:
    """Events later than the one that the query names, all of which have arrived."""
    given = request.query_params["after"]
    try:
        last = uuid.UUID(given)
    except ValueError:
        raise Problem(PARAMETER_INVALID, "after must be the id of an event.") from None
    return rows.filter(pk__gt=last, created_at__lte=timezone.now() - SETTLED_AFTER)
