"""The queue and the review page inside the admin: every button calls one service, and shows what it answered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.admin import register
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from checks.policy import Verdict
from intake.admin import listening, queue, review
from intake.admin.decision_form import LABEL_GROUPS, SET, DecisionForm, ReopenForm
from intake.admin.families import FAMILIES
from intake.admin.reasons import for_families
from intake.admin.records import ReadOnly
from intake.admin.site import desk
from intake.models import Claim, Resource, Submission
from intake.services import decisions
from intake.services.moves import Conflict

#: Submissions tried when the next one is handed out; more moderators do not press the button in the same moment.
_NEXT = 20
#: What each verdict made of a submission, for the message that follows.
_DONE = {
    Verdict.APPROVE: "approved",
    Verdict.LABEL: "approved with labels",
    Verdict.RETURN: "returned to the label",
    Verdict.REJECT: "rejected",
}


@register(Submission, site=desk)
class SubmissionAdmin(ReadOnly):
    """Reads like any admin; what can be done is in the review page's buttons."""

    def get_urls(self) -> list[URLPattern]:
        def page(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(view), name=f"intake_submission_{name}")

        return [
            page("next/", require_POST(self.next_view), "next"),
            page("<uuid:pk>/claim/", require_POST(self.claim_view), "claim"),
            page("<uuid:pk>/release/", require_POST(self.release_view), "release"),
            page("<uuid:pk>/decide/", require_POST(self.decide_view), "decide"),
            page("<uuid:pk>/reopen/", require_POST(self.reopen_view), "reopen"),
            page("<uuid:pk>/files/<int:resource>/", require_safe(self.file_view), "file"),
            *super().get_urls(),
        ]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether this person decides; others with the right to view only read."""
        return bool(request.user.has_perm("intake.change_submission"))

    # --- What is shown ---

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
        return self._page(request, self._load(object_id))

    def _page(
        self,
        request: HttpRequest,
        submission: Submission,
        status: HTTPStatus = HTTPStatus.OK,
        form: DecisionForm | ReopenForm | None = None,
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
            "decides": self.has_decide_permission(request),
            "canned": for_families(shown.families),
            "label_groups": LABEL_GROUPS,
            "label_set": SET,
            "form": form,
            "chosen": form.chosen if isinstance(form, DecisionForm) else shown.proposed,
            "overtaken": overtaken,
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

    # --- What can be done ---

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Hand out the most urgent submission that nobody has in hand, and claim it."""
        self._may_decide(request)
        return self._hand_out(request)

    def claim_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Take or renew the claim; the page's script reads the answer as JSON, a plain form goes back to the page."""
        self._may_decide(request)
        submission = self._load(pk)
        try:
            claim = decisions.claim(submission, _moderator(request))
        except decisions.Held as held:
            return self._claim_answer(request, pk, held.claim, HTTPStatus.CONFLICT)
        except Conflict:
            return self._claim_answer(request, pk, None, HTTPStatus.CONFLICT)
        return self._claim_answer(request, pk, claim, HTTPStatus.OK)

    def release_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Give the claim back."""
        self._may_decide(request)
        decisions.release_claim(self._load(pk), _moderator(request))
        return redirect("admin:intake_submission_changelist")

    def decide_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Give the verdict; then the next submission comes by itself."""
        self._may_decide(request)
        submission, form = self._load(pk), DecisionForm(request.POST)
        if not form.is_valid():
            return self._page(request, submission, HTTPStatus.BAD_REQUEST, form)
        # The service compares with what the moderator saw, not with what was just read.
        submission.sequence = form.cleaned_data["sequence"]
        verdict = Verdict(form.cleaned_data["verdict"])
        try:
            decisions.decide(
                submission,
                _moderator(request),
                verdict,
                form.cleaned_data["reason"],
                form.cleaned_data["note"],
                form.label_pairs,
            )
        except (Conflict, decisions.Held):
            return self._page(request, self._load(pk), HTTPStatus.CONFLICT, form, overtaken=True)
        except decisions.Unfounded as error:
            form.add_error("verdict", f"This cannot be decided so: {error}.")
            return self._page(request, self._load(pk), HTTPStatus.BAD_REQUEST, form)
        messages.success(request, f"“{submission.title}” was {_DONE[verdict]}.")
        return self._hand_out(request)

    def reopen_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Put a concluded submission before a human again."""
        self._may_decide(request)
        submission, form = self._load(pk), ReopenForm(request.POST)
        if not form.is_valid():
            return self._page(request, submission, HTTPStatus.BAD_REQUEST, form)
        submission.sequence = form.cleaned_data["sequence"]
        try:
            decisions.reopen(submission, _moderator(request), form.cleaned_data["reason"])
        except Conflict:
            return self._page(request, self._load(pk), HTTPStatus.CONFLICT, form, overtaken=True)
        messages.success(request, f"“{submission.title}” is in review again.")
        return redirect("admin:intake_submission_change", pk)

    # --- Helpers ---

    def _may_decide(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request) or not self.has_decide_permission(request):
            raise PermissionDenied

    def _load(self, pk: uuid.UUID | str) -> Submission:
        """The submission as it is now, with what the page shows beside it."""
        try:
            wanted = pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk)
        except ValueError:
            raise Http404("no such submission") from None
        return get_object_or_404(
            Submission.objects.select_related("label", "claim__moderator", "supersedes"), pk=wanted
        )

    def _claim_answer(
        self, request: HttpRequest, pk: uuid.UUID, claim: Claim | None, status: HTTPStatus
    ) -> HttpResponse:
        if request.headers.get("Accept", "").startswith("application/json"):
            who = claim.moderator.get_username() if claim else None
            return JsonResponse({"who": who, "until": claim.until if claim else None}, status=status)
        if status is HTTPStatus.CONFLICT:
            return self._page(request, self._load(pk), status, overtaken=True)
        return redirect("admin:intake_submission_change", pk)

    def _hand_out(self, request: HttpRequest) -> HttpResponse:
        for submission in queue.unclaimed(timezone.now()).only("pk", "state")[:_NEXT]:
            try:
                decisions.claim(submission, _moderator(request))
            except (decisions.Held, Conflict):
                continue  # somebody was quicker: the one after it
            return redirect("admin:intake_submission_change", submission.pk)
        messages.info(request, "Nothing is waiting that nobody has in hand.")
        return redirect("admin:intake_submission_changelist")


def _moderator(request: HttpRequest) -> User:
    """Who is at the desk; every view here lets nobody anonymous in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
