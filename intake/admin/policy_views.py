"""The policy in words, its history, candidates tried on the past, and the switch, with a reason."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

import checks
from checks.model.ai_declaration import Declared
from checks.model.finding import Code
from checks.policy import Policy, PolicyError
from intake.admin.statistics_page import require_statistics_reader
from intake.models import PolicyChange, PolicyTrial
from intake.services.people import permissions
from intake.services.people.permissions import Action
from intake.services.policy import policy_versions, replay
from intake.services.submissions import admission

#: Rows of history and trials on the page.
SHOWN = 20


def show_policy_page(request: HttpRequest, desk: AdminSite, **more: Any) -> HttpResponseBase:
    """The room."""
    require_statistics_reader(request)
    rules = admission.current_policy()
    context = {
        **desk.each_context(request),
        "title": "Policy",
        "rules": rules,
        "source": admission.policy_path().read_text(encoding="utf-8", errors="replace"),
        "changes": in_words(rules),
        "matrix": [(says.value, [row[declared].value for declared in Declared]) for says, row in rules.matrix.items()],
        "declared": [declared.value.replace("_", " ") for declared in Declared],
        "history": PolicyChange.objects.all()[:SHOWN],
        "trials": PolicyTrial.objects.defer("content", "result")[:SHOWN],
        "shadow": [row | {"code": _find_code_or_text(row["code"])} for row in replay.count_shadow_findings()],
        "owner": permissions.is_permitted(require_statistics_reader(request), Action.POLICY),
        "days": replay.DEFAULT_DAYS,
        **more,
    }
    return TemplateResponse(request, "admin/intake/policy.html", context, status=422 if "problem" in more else 200)


def in_words(rules: Policy) -> list[tuple[Code, str, str]]:
    """The codes that are routed otherwise here than by themselves: code, its own route, and the one here."""
    return [
        (checks.CODES[code], checks.CODES[code].route.value, route.value)
        for code, route in sorted(rules.routes.items())
        if code in checks.CODES
    ]


def _find_code_or_text(code: str) -> Code | str:
    return checks.CODES.get(code, code)


def try_out(request: HttpRequest, desk: AdminSite) -> HttpResponseBase:
    """Hold what was written against the past."""
    owner, content = require_statistics_reader(request, Action.POLICY), _read_candidate_content(request)
    days = request.POST.get("days", "")
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= 366):
        return show_policy_page(request, desk, problem="A trial looks back 1 to 366 days.", candidate=content)
    try:
        trial = policy_versions.try_out(content, int(days), permissions.name_moderator_actor(owner))
    except PolicyError as error:
        return show_policy_page(request, desk, problem=str(error), candidate=content)
    return redirect("admin:policy_trial", pk=trial.pk)


def show_policy_trial(request: HttpRequest, pk: uuid.UUID, desk: AdminSite) -> HttpResponseBase:
    """What a candidate would have done."""
    require_statistics_reader(request)
    found = PolicyTrial.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    context = {
        **desk.each_context(request),
        "title": f"Trial of {found.version}",
        "trial": found,
        "result": found.result,
        "owner": permissions.is_permitted(require_statistics_reader(request), Action.POLICY),
        "in_force": found.digest == admission.current_policy().digest,
    }
    response: HttpResponse = TemplateResponse(request, "admin/intake/trial.html", context)
    if not found.final:
        response.headers["Refresh"] = "2"
    return response


def adopt_policy_candidate(request: HttpRequest, desk: AdminSite) -> HttpResponseBase:
    """Put what was tried or written in force."""
    owner, content = require_statistics_reader(request, Action.POLICY), _read_candidate_content(request)
    try:
        change = policy_versions.adopt_policy(
            content, permissions.name_moderator_actor(owner), request.POST.get("reason", "")
        )
    except (PolicyError, policy_versions.NoReason, policy_versions.NotWritable) as error:
        return show_policy_page(request, desk, problem=str(error), candidate=content)
    messages.success(request, f"Policy {change.version} is in force from the next decision on.")
    return redirect("admin:policy")


def _read_candidate_content(request: HttpRequest) -> str:
    """The candidate: a trial's, or as written; browsers send text with other line ends than files have."""
    given = request.POST.get("trial", "")
    if given:
        try:
            found = PolicyTrial.objects.filter(pk=uuid.UUID(given)).first()
        except ValueError:
            found = None
        if found is None:
            raise Http404
        return found.content
    return request.POST.get("content", "").replace("\r\n", "\n")
