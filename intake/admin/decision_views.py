"""What can be done at the desk: every button calls one service, and shows what it answered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from checks.policy import Verdict
from intake.admin import review_queue_page
from intake.admin.canned_reasons import in_languages
from intake.admin.decision_form import LABEL_GROUPS, SET, DecisionForm, ReopenForm
from intake.admin.read_only_admins import ReadOnly
from intake.admin.review_page import Review
from intake.models import Claim, Finding, Language, Proposal, Submission
from intake.services.review import decisions
from intake.services.submissions import admission
from intake.services.submissions.transitions import Conflict

#: Submissions tried when the next one is handed out; more moderators do not press the button in the same moment.
_NEXT = 20
#: Where the session keeps which queue a moderator works off.
_QUEUE = "desk_queue"
#: What each verdict made of a submission, for the message that follows.
_DONE = {
    Verdict.APPROVE: "approved",
    Verdict.LABEL: "approved with labels",
    Verdict.RETURN: "returned to the label",
    Verdict.REJECT: "rejected",
}


class Deciding(ReadOnly):
    """Claims, decisions and all that a moderator does with a submission; a subclass shows the page itself.

    The forms are the partial templates in ``admin/intake/review/``: decision, tools, notes, appeals, undo.
    """

    def get_urls(self) -> list[URLPattern]:
        def act(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(require_POST(view)), name=f"intake_submission_{name}")

        return [
            act("next/", self.next_view, "next"),
            act("<uuid:pk>/claim/", self.claim_view, "claim"),
            act("<uuid:pk>/release/", self.release_view, "release"),
            act("<uuid:pk>/decide/", self.decide_view, "decide"),
            act("<uuid:pk>/reopen/", self.reopen_view, "reopen"),
            *super().get_urls(),
        ]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether this person decides; others with the right to view only read."""
        return bool(request.user.has_perm("intake.change_submission"))

    def page(
        self,
        request: HttpRequest,
        submission: Submission,
        status: HTTPStatus = HTTPStatus.OK,
        form: Any = None,
        overtaken: bool = False,
    ) -> HttpResponse:
        """Show the review page; subclasses implement it."""
        raise NotImplementedError

    def deciding(self, request: HttpRequest, shown: Review, form: Any) -> dict[str, object]:
        """What the forms on the review page need, beside what the page shows anyway."""
        label = shown.submission.label
        return {
            "decides": self.has_decide_permission(request),
            "canned": in_languages(shown.families, label.language),
            "languages": Language.choices,
            "language": label.language,
            "grounds": admission.current_policy().reasons.values(),
            "mendable": [finding for finding in shown.findings if not finding.row.private and not finding.note],
            "track_verdicts": [verdict.value for verdict in decisions.STATES],
            "apart": form.apart if isinstance(form, DecisionForm) else {},
            "mending": form.mending if isinstance(form, DecisionForm) else [],
            "label_groups": LABEL_GROUPS,
            "label_set": SET,
            "form": form,
            "chosen": form.chosen if isinstance(form, DecisionForm) else shown.proposed,
        }

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Hand out the most urgent submission of the queue in sight; those after it come from there too."""
        self.may_decide(request)
        request.session[_QUEUE] = review_queue_page.QueueFilters.of(request.POST).items(state="")
        return self.hand_out(request)

    def claim_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Take or renew the claim; the page's script reads the answer as JSON, a plain form goes back to the page."""
        self.may_decide(request)
        submission = self.load(pk)
        try:
            claim = decisions.claim_submission(submission, require_moderator(request))
        except decisions.ReviewHeldByOther as held:
            return self._claim_answer(request, pk, held.claim, HTTPStatus.CONFLICT)
        except Conflict:
            return self._claim_answer(request, pk, None, HTTPStatus.CONFLICT)
        except decisions.NotAllowedToDecide as error:
            messages.warning(request, f"This is not yours to decide: {error}.")
            return self._claim_answer(request, pk, None, HTTPStatus.CONFLICT)
        return self._claim_answer(request, pk, claim, HTTPStatus.OK)

    def release_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Give the claim back."""
        self.may_decide(request)
        decisions.release_claim(self.load(pk), require_moderator(request))
        return redirect("admin:intake_submission_changelist")

    def decide_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Give the verdict; then the next submission comes by itself."""
        self.may_decide(request)
        submission = self.load(pk)
        findings = list(Finding.objects.current().told().filter(submission=submission).values_list("pk", flat=True))
        form = DecisionForm(request.POST, [track.position for track in submission.tracks.all()], findings)
        if not form.is_valid():
            return self.page(request, submission, HTTPStatus.BAD_REQUEST, form)
        # The service compares with what the moderator saw, not with what was just read.
        submission.sequence = form.cleaned_data["sequence"]
        verdict = Verdict(form.cleaned_data["verdict"])
        try:
            given = decisions.decide_submission(submission, require_moderator(request), verdict, **form.given())
        except (Conflict, decisions.ReviewHeldByOther):
            return self.page(request, self.load(pk), HTTPStatus.CONFLICT, form, overtaken=True)
        except decisions.InvalidDecision as error:
            form.add_error("verdict", f"This cannot be decided so: {error}.")
            return self.page(request, self.load(pk), HTTPStatus.BAD_REQUEST, form)
        if isinstance(given, Proposal):
            messages.warning(
                request, f"“{submission.title}” waits for a second moderator to agree; nothing is decided."
            )
        else:
            messages.success(request, f"“{submission.title}” was {_DONE[verdict]}.")
        return self.hand_out(request)

    def reopen_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Put a concluded submission before a human again."""
        self.may_decide(request)
        submission, form = self.load(pk), ReopenForm(request.POST)
        if not form.is_valid():
            return self.page(request, submission, HTTPStatus.BAD_REQUEST, form)
        submission.sequence = form.cleaned_data["sequence"]
        try:
            decisions.reopen_submission(submission, require_moderator(request), form.cleaned_data["reason"])
        except Conflict:
            return self.page(request, self.load(pk), HTTPStatus.CONFLICT, form, overtaken=True)
        messages.success(request, f"“{submission.title}” is in review again.")
        return redirect("admin:intake_submission_change", pk)

    # --- Helpers ---

    def may_decide(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request) or not self.has_decide_permission(request):
            raise PermissionDenied

    def load(self, pk: uuid.UUID | str) -> Submission:
        """The submission as it is now, with what the page shows beside it."""
        try:
            wanted = pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk)
        except ValueError:
            raise Http404("no such submission") from None
        return get_object_or_404(
            Submission.objects.select_related("label", "claim__moderator", "supersedes"), pk=wanted
        )

    def hand_out(self, request: HttpRequest) -> HttpResponse:
        """Claim the most urgent unclaimed submission, and go to its page."""
        person = require_moderator(request)
        wanted = review_queue_page.QueueFilters.of(request.session.get(_QUEUE, {}))
        for submission in review_queue_page.narrow_submissions(decisions.open_to(person, timezone.now()), wanted).only(
            "pk", "state"
        )[:_NEXT]:
            try:
                decisions.claim_submission(submission, person)
            except (decisions.ReviewHeldByOther, decisions.NotAllowedToDecide, Conflict):
                continue  # another moderator was quicker: take the next
            return redirect("admin:intake_submission_change", submission.pk)
        messages.info(request, "No unclaimed submissions in this queue.")
        request.session.pop(_QUEUE, None)
        return redirect("admin:intake_submission_changelist")

    def _claim_answer(
        self, request: HttpRequest, pk: uuid.UUID, claim: Claim | None, status: HTTPStatus
    ) -> HttpResponse:
        if request.headers.get("Accept", "").startswith("application/json"):
            who = claim.moderator.get_username() if claim else None
            return JsonResponse({"who": who, "until": claim.until if claim else None}, status=status)
        if status is HTTPStatus.CONFLICT:
            return self.page(request, self.load(pk), status, overtaken=True)
        return redirect("admin:intake_submission_change", pk)


def require_moderator(request: HttpRequest) -> User:
    """Who is at the desk; no view here is anonymous."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
