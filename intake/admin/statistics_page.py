"""The figures on one page: how much comes, what becomes of it, how long it takes, and who was right."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.template.response import TemplateResponse

from intake.admin import charts
from intake.readers import statistics
from intake.services.people import permissions
from intake.services.people.permissions import Action

#: The choices above the figures.
SPANS = (7, 30, 90)


def days_of(request: HttpRequest) -> int:
    """How far back the reader wants to look."""
    text = request.GET.get("days", "")
    return min(max(int(text), 1), statistics.MOST_DAYS) if text.isascii() and text.isdigit() else statistics.DAYS


def require_statistics_reader(request: HttpRequest, action: Action = Action.READ) -> User:
    """The right to read submissions includes their statistics. Raises PermissionDenied."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    permissions.require_permission(request.user, action)
    return request.user


def show_statistics_page(request: HttpRequest, desk: AdminSite) -> HttpResponseBase:
    """For people."""
    require_statistics_reader(request)
    found = statistics.cached_statistics(days_of(request))
    context = {
        **desk.each_context(request),
        "title": "Figures",
        "figures": found,
        "spans": SPANS,
        "days": days_of(request),
        "volumes": charts.draw_volume_chart(found.days),
        "forecast": charts.draw_forecast_chart(found.backlog),
        "precision": charts.build_precision_bars(found.precision),
        "checks": charts.build_precision_bars(statistics.by_check(found.precision)),
    }
    return TemplateResponse(request, "admin/intake/figures.html", context)


def as_json(request: HttpRequest) -> HttpResponseBase:
    """For programs: the same figures."""
    require_statistics_reader(request)
    return JsonResponse(statistics.serialise_statistics(statistics.cached_statistics(days_of(request))))
