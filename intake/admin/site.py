"""The desk: Django's admin with the queue as its front page, and nothing in it that can be added or deleted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_POST, require_safe

from intake.admin import policy_views, statistics_page
from intake.admin.login import GuardedSite, require_recent_password


class Desk(GuardedSite):
    """A site of its own, so that only what is registered here can be reached, users and groups included."""

    site_title = "Release intake gate"
    site_header = "Release intake gate"
    index_title = "Records"
    site_url = None
    enable_nav_sidebar = False
    empty_value_display = "—"

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """The rooms that belong to no kind of row, before what Django has of its own."""

        def room(address: str, view: Callable[..., HttpResponseBase], name: str, posts: bool = False) -> URLPattern:
            method = require_POST if posts else require_safe
            return path(address, self.admin_view(method(partial(view, desk=self))), name=name)

        return [
            room("figures/", statistics_page.show_statistics_page, "figures"),
            path("figures.json", self.admin_view(require_safe(statistics_page.as_json)), name="figures_json"),
            room("policy/", policy_views.show_policy_page, "policy"),
            room("policy/try/", policy_views.try_out, "policy_try", posts=True),
            room("policy/trials/<uuid:pk>/", policy_views.show_policy_trial, "policy_trial"),
            room(
                "policy/adopt/",
                require_recent_password(policy_views.adopt_policy_candidate, "admin:policy"),
                "policy_adopt",
                posts=True,
            ),
            *super().get_urls(),
        ]

    def index(  # type: ignore[override]  # Django only ever hands the answer on
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Moderators start where the work is."""
        return redirect("admin:intake_submission_changelist")


desk = Desk(name="admin")
desk.disable_action("delete_selected")
