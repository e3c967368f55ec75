"""The figures on one page: how much comes, what becomes of it, how long it takes, and who was right."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.template.response import TemplateResponse

from intake.admin import charts
from intake.admin.site import Desk
from intake.readers import statistics
from intake.services.people import permissions
from intake.services.people.permissions import Action

#: The choices above the figures.
SPANS = (7, 30, 90)


def days_of(request: HttpRequest) -> int:
    """How far back the reader wants to look."""
    text = request.GET.get("days", "")
    return min(max(int(text), 1), statistics.MOST_DAYS) if text.isascii() and text.isdigit() else statistics.DAYS


def reader(request: HttpRequest, action: Action = Action.READ) -> User:
    """Whoever may read submissions may read what they come to. Raises PermissionDenied."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    permissions.require(request.user, action)
    return request.user


def page(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """For people."""
    reader(request)
    found = statistics.lately(days_of(request))
    context = {
        **desk.each_context(request),
        "title": "Figures",
        "figures": found,
        "spans": SPANS,
        "days": days_of(request),
        "volumes": charts.volumes(found.days),
        "forecast": charts.forecast(found.backlog),
        "precision": charts.precision(found.precision),
        "checks": charts.precision(statistics.by_check(found.precision)),
    }
    return TemplateResponse(request, "admin/intake/figures.html", context)


def as_json(request: HttpRequest) -> HttpResponseBase:
    """For programs: the same figures."""
    reader(request)
    return JsonResponse(statistics.document(statistics.lately(days_of(request))))
