"""The queue and the review page inside the admin, and the files that are heard and seen there."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from checks.policy import Verdict
from intake.admin import listening, queue, review
from intake.admin.deciding import Deciding
from intake.admin.families import FAMILIES
from intake.admin.site import desk
from intake.models import Resource, Submission


@register(Submission, site=desk)
class SubmissionAdmin(Deciding):
    """Reads like any admin; what can be done is in the review page's buttons."""

    def get_urls(self) -> list[URLPattern]:
        file_view = self.admin_site.admin_view(require_safe(self.file_view))
        return [
            path("<uuid:pk>/files/<int:resource>/", file_view, name="intake_submission_file"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The queue."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = queue.Wanted.of(request.GET)
        context = {
            **self.admin_site.each_context(request),
            "title": "Queue",
            "opts": self.opts,
            "screen": queue.screen(wanted, request.GET.get("p", "1")),
            "families": FAMILIES,
            "verdicts": (Verdict.APPROVE, Verdict.LABEL, Verdict.REVIEW, Verdict.REJECT, Verdict.RETURN),
            "decides": self.has_decide_permission(request),
        }
        return TemplateResponse(request, "admin/intake/queue.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The review page. Nothing is ever changed at this address."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self.page(request, self.load(object_id))

    def page(
        self,
        request: HttpRequest,
        submission: Submission,
        status: HTTPStatus = HTTPStatus.OK,
        form: Any = None,
        overtaken: bool = False,
    ) -> HttpResponse:
        shown = review.read(submission)
        claim = shown.claim
        mine = claim is not None and claim.moderator_id == request.user.pk
        context = {
            **self.admin_site.each_context(request),
            "title": submission.title,
            "opts": self.opts,
            "review": shown,
            "submission": submission,
            "mine": mine,
            "theirs": claim if claim and not mine else None,
            "overtaken": overtaken,
            **self.deciding(request, shown, form),
        }
        return TemplateResponse(request, "admin/intake/review.html", context, status=status)

    def file_view(self, request: HttpRequest, pk: uuid.UUID, resource: int) -> HttpResponseBase:
        """A delivered file: audio and pictures to hear and see, everything else to save."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = get_object_or_404(Resource.objects.select_related("blob"), pk=resource, submission=pk)
        if wanted.blob is None or wanted.blob.stored_at is None:
            raise Http404("not delivered yet")
        kinds = {Resource.Kind.AUDIO: "audio", Resource.Kind.COVER: "image"}
        kind = kinds.get(Resource.Kind(wanted.kind), "nothing")
        return listening.answer(request, wanted.blob, wanted.name, kind, submission=str(pk))
