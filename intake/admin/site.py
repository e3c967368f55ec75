"""The desk: Django's admin with the queue as its front page, and nothing in it that can be added or deleted."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class Desk(AdminSite):
    """A site of its own, so that only what is registered here can be reached, users and groups included."""

    site_title = "Release intake gate"
    site_header = "Release intake gate"
    index_title = "Records"
    site_url = None
    enable_nav_sidebar = False
    empty_value_display = "—"

    def index(  # type: ignore[override]  # Django only ever hands the answer on
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Moderators start where the work is."""
        return redirect("admin:intake_submission_changelist")


desk = Desk(name="admin")
desk.disable_action("delete_selected")
