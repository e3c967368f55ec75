"""The queue and the review page inside the admin, and the files that are heard and seen there."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from checks.policy import Verdict
from intake.admin import file_streaming, review_page, review_queue_page
from intake.admin.artefact_views import Tracing
from intake.admin.decision_views import require_moderator
from intake.admin.review_actions import Handling, list_undoable_decisions
from intake.admin.site import desk
from intake.admin.waveform_views import Pictures
from intake.models import Claim, Resource, Submission
from intake.services.review import decisions, review_queue
from intake.services.submissions.transitions import Conflict


@register(Submission, site=desk)
class SubmissionAdmin(Pictures, Tracing, Handling):
    """Reads like any admin; what can be done is in the review page's buttons."""

    def get_urls(self) -> list[URLPattern]:
        def page(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(view), name=f"intake_submission_{name}")

        return [
            page("filters/", require_POST(self.keep_filter_view), "keep_filter"),
            page("filters/<int:pk>/forget/", require_POST(self.forget_filter_view), "forget_filter"),
            page("<uuid:pk>/beat/", require_POST(self.beat_view), "beat"),
            page("<uuid:pk>/leave/", require_POST(self.leave_view), "leave"),
            page("<uuid:pk>/files/<int:resource>/", require_safe(self.file_view), "file"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The queue."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = review_queue_page.QueueFilters.of(request.GET)
        context = {
            **self.admin_site.each_context(request),
            "title": "Queue",
            "opts": self.opts,
            "screen": review_queue_page.load_queue_screen(
                wanted, require_moderator(request), request.GET.get("p", "1")
            ),
            "verdicts": (Verdict.APPROVE, Verdict.LABEL, Verdict.REVIEW, Verdict.REJECT, Verdict.RETURN),
            "decides": self.has_decide_permission(request),
            **list_undoable_decisions(request),
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
        shown = review_page.load_review(submission)
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
            "watching": review_queue.list_other_viewers(submission, require_moderator(request)),
            "overtaken": overtaken,
            "listens": file_streaming.may_listen(request),
            **self.deciding(request, shown, form),
        }
        return TemplateResponse(request, "admin/intake/review.html", context, status=status)

    # --- Who is here ---

    def beat_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """A sign of life of an open page. With ``active`` it renews the claim that this person has; it takes none.

        A page that was just loaded (``fresh``) takes up again what the one before it gave back in going.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        submission, who = self.load(pk), require_moderator(request)
        review_queue.record_presence(submission, who)
        last: Claim | None = getattr(submission, "claim", None)
        mine = (
            last is not None and last.moderator_id == who.pk and (last.held(timezone.now()) or "fresh" in request.POST)
        )
        if mine and "active" in request.POST and self.has_decide_permission(request):
            with contextlib.suppress(decisions.ReviewHeldByOther, Conflict):  # the answer says how it stands
                submission.claim = decisions.claim_submission(submission, who)
        claim = review_page.claim_of(submission)
        answer = {
            "state": submission.state,
            "sequence": submission.sequence,
            "who": claim.moderator.get_username() if claim else None,
            "mine": claim is not None and claim.moderator_id == who.pk,
            "until": claim.until if claim else None,
            "watching": review_queue.list_other_viewers(submission, who),
        }
        return JsonResponse(answer)

    def leave_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """The page was closed: what it had in hand (``held``) is released."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        submission, who = self.load(pk), require_moderator(request)
        review_queue.remove_presence(submission, who)
        if "held" in request.POST:
            decisions.release_claim(submission, who)
        return HttpResponse(status=HTTPStatus.NO_CONTENT)

    # --- Views that are kept ---

    def keep_filter_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the queue as it is looked at, under a name."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted, name = review_queue_page.QueueFilters.of(request.POST), request.POST.get("name", "").strip()[:60]
        if name:
            try:
                review_queue.keep_filter(require_moderator(request), name, wanted.query)
            except review_queue.TooManyFilters as error:
                messages.error(request, f"{error}".capitalize() + ".")
        return redirect(f"{reverse('admin:intake_submission_changelist')}?{wanted.query}")

    def forget_filter_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Remove a kept view."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        review_queue.forget_filter(require_moderator(request), pk)
        return redirect("admin:intake_submission_changelist")

    # --- Files ---

    def file_view(self, request: HttpRequest, pk: uuid.UUID, resource: int) -> HttpResponseBase:
        """A delivered file: audio and pictures to hear and see, everything else to save."""
        file_streaming.require_listening_right(request)
        wanted = get_object_or_404(Resource.objects.select_related("blob", "submission"), pk=resource, submission=pk)
        if wanted.blob is None or wanted.blob.stored_at is None:
            raise Http404("not delivered yet")
        kinds = {Resource.Kind.AUDIO: "audio", Resource.Kind.COVER: "image"}
        kind = kinds.get(Resource.Kind(wanted.kind), "nothing")
        if wanted.kind != Resource.Kind.COVER:  # the cover is on the page itself
            file_streaming.record_file_view(request, wanted.submission, f"{wanted.kind} {wanted.name}")
        return file_streaming.stream_stored_file(request, wanted.blob, wanted.name, kind, submission=str(pk))
