"""What else can be done on the review page: second, take back, note, escalate, put off; and many alike at once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from checks.policy import Verdict
from intake.admin import file_streaming
from intake.admin.canned_reasons import for_families
from intake.admin.decision_form import BulkForm, NoteForm, SnoozeForm, WordsForm
from intake.admin.decision_views import Deciding, require_moderator
from intake.admin.review_page import Review
from intake.models import AppealFile, Decision, Submission
from intake.services.people import permissions
from intake.services.people.access_log import log_view
from intake.services.people.permissions import Action
from intake.services.review import decisions, review_actions
from intake.services.submissions import admission
from intake.services.submissions.transitions import Conflict

#: How a moderator is told of a decision that can still be taken back: only their own, and only the last ones.
_UNDOABLE = 5


class Handling(Deciding):
    """Everything that is done with a submission besides giving the verdict."""

    def get_urls(self) -> list[URLPattern]:
        def act(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(require_POST(view)), name=f"intake_submission_{name}")

        file_view = self.admin_site.admin_view(require_safe(self.appeal_file_view))
        return [
            act("bulk/", self.bulk_view, "bulk"),
            act("undo/<uuid:decision>/", self.undo_view, "undo"),
            act("<uuid:pk>/second/", self.second_view, "second"),
            act("<uuid:pk>/decline/", self.decline_view, "decline"),
            act("<uuid:pk>/note/", self.note_view, "note"),
            act("<uuid:pk>/escalate/", self.escalate_view, "escalate"),
            act("<uuid:pk>/snooze/", self.snooze_view, "snooze"),
            act("<uuid:pk>/wake/", self.wake_view, "wake"),
            path("<uuid:pk>/appeal-files/<int:file>/", file_view, name="intake_submission_appeal_file"),
            *super().get_urls(),
        ]

    def deciding(self, request: HttpRequest, shown: Review, form: Any) -> dict[str, object]:
        submission = shown.submission
        proposal = submission.proposals.filter(ended_at__isnull=True).select_related("moderator").first()
        return {
            **super().deciding(request, shown, form),
            "proposal": proposal,
            "proposed_by_me": proposal is not None and proposal.moderator_id == request.user.pk,
            "appeals": list(submission.appeals.select_related("against", "decision").prefetch_related("files")),
            "notes": list(submission.notes.all()),
            "snoozed": bool(submission.snoozed_until and submission.snoozed_until > timezone.now()),
            **list_undoable_decisions(request),
        }

    # --- One submission ---

    def second_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Agree to a rejection that waits for a second moderator."""
        return self._do(request, pk, WordsForm, self._second, next_one=True, needs=("sequence",))

    def decline_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Do not agree to it, or take one's own back."""
        return self._do(request, pk, WordsForm, self._decline)

    def escalate_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Hand it to the senior moderators."""
        return self._do(request, pk, WordsForm, self._escalate, next_one=True)

    def snooze_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Put it off until a later day."""
        return self._do(request, pk, SnoozeForm, self._snooze, next_one=True)

    def wake_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Take up what was put off."""
        return self._do(request, pk, WordsForm, self._wake, needs=("sequence",))

    def note_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Write something down about it."""
        return self._do(request, pk, NoteForm, self._note)

    def _second(self, request: HttpRequest, submission: Submission, form: Form) -> str:
        decisions.second_rejection(submission, require_moderator(request))
        return f"“{submission.title}” was rejected."

    def _decline(self, request: HttpRequest, submission: Submission, form: Form) -> str:
        decisions.decline_rejection(submission, require_moderator(request), form.cleaned_data["why"])
        return "Proposed rejection declined."

    def _escalate(self, request: HttpRequest, submission: Submission, form: Form) -> str:
        review_actions.escalate_submission(submission, require_moderator(request), form.cleaned_data["why"])
        return f"“{submission.title}” waits for a senior moderator."

    def _snooze(self, request: HttpRequest, submission: Submission, form: Form) -> str:
        until: dt.datetime = form.cleaned_data["until"]
        past_due = form.cleaned_data["past_due"]
        review_actions.snooze_submission(
            submission, require_moderator(request), until, form.cleaned_data["why"], past_due
        )
        return f"“{submission.title}” comes back on {until:%d %b %H:%M} UTC."

    def _wake(self, request: HttpRequest, submission: Submission, form: Form) -> str:
        review_actions.unsnooze_submission(submission, require_moderator(request))
        return f"“{submission.title}” is in the queue again, and in your hands."

    def _note(self, request: HttpRequest, submission: Submission, form: Form) -> str:
        review_actions.write_review_note(
            submission, require_moderator(request), form.cleaned_data["text"], form.cleaned_data["public"]
        )
        return "Noted; the label reads it." if form.cleaned_data["public"] else "Noted."

    def _do(
        self,
        request: HttpRequest,
        pk: uuid.UUID,
        kind: type[Form],
        carry_out: Callable[[HttpRequest, Submission, Any], str],
        next_one: bool = False,
        needs: tuple[str, ...] = (),
    ) -> HttpResponse:
        """Read the form, call the service on what the moderator saw, and show what it answered."""
        self.may_decide(request)
        submission, form = self.load(pk), kind(request.POST)
        if needs:
            form.fields = {name: field for name, field in form.fields.items() if name in needs}
        if not form.is_valid():
            return self.page(request, submission, HTTPStatus.BAD_REQUEST, form)
        submission.sequence = form.cleaned_data.get("sequence", submission.sequence)
        try:
            messages.success(request, carry_out(request, submission, form))
        except (Conflict, decisions.ReviewHeldByOther):
            return self.page(request, self.load(pk), HTTPStatus.CONFLICT, form, overtaken=True)
        except decisions.InvalidDecision as error:
            form.add_error(None, f"This cannot be done: {error}.")
            return self.page(request, self.load(pk), HTTPStatus.BAD_REQUEST, form)
        return self.hand_out(request) if next_one else redirect("admin:intake_submission_change", pk)

    def undo_view(self, request: HttpRequest, decision: uuid.UUID) -> HttpResponse:
        """Take a decision back before its webhooks are sent."""
        self.may_decide(request)
        given = get_object_or_404(Decision, pk=decision)
        try:
            submission = decisions.undo_decision(given, require_moderator(request))
        except (decisions.UndoExpired, decisions.NotAllowedToDecide) as error:
            messages.error(request, f"The decision stands: {error}.")
        else:
            messages.success(request, f"Taken back: “{submission.title}” is in review again, and in your hands.")
        return redirect("admin:intake_submission_change", given.submission_id)

    def appeal_file_view(self, request: HttpRequest, pk: uuid.UUID, file: int) -> HttpResponseBase:
        """A document that came with an appeal: to save, never to open here."""
        permissions.require_permission(require_moderator(request), Action.LISTEN)
        wanted = get_object_or_404(AppealFile.objects.select_related("blob"), pk=file, appeal__submission=pk)
        if wanted.blob.stored_at is None:
            raise Http404("not here yet")
        log_view(require_moderator(request), Submission.objects.get(pk=pk), f"appeal {wanted.name}")
        return file_streaming.stream_stored_file(request, wanted.blob, wanted.name, "nothing", submission=str(pk))

    # --- Many alike ---

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """First the preview of what was picked in the queue; then, confirmed, the decision on each of them."""
        self.may_decide(request)
        if "verdict" in request.POST:
            return self._decide_all(request)
        return self._preview(request, [_parse_uuid(item) for item in request.POST.getlist("pick")])

    def _preview(
        self, request: HttpRequest, picked: list[uuid.UUID], form: BulkForm | None = None, status: int = HTTPStatus.OK
    ) -> HttpResponse:
        try:
            shown = review_actions.preview_joint_decision(picked, require_moderator(request))
        except decisions.InvalidDecision as error:
            messages.error(request, f"This cannot be done: {error}.")
            return redirect("admin:intake_submission_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": "Decide together",
            "opts": self.opts,
            "preview": shown,
            "form": form,
            "canned": for_families(set()),
            "grounds": admission.current_policy().reasons.values(),
            "verdicts": [verdict for verdict, _ in BulkForm.base_fields["verdict"].choices],  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/intake/bulk.html", context, status=status)

    def _decide_all(self, request: HttpRequest) -> HttpResponse:
        form = BulkForm(request.POST)
        parts = [item.partition(":") for item in request.POST.getlist("seen")]
        seen = [(_parse_uuid(pk), int(number)) for pk, _, number in parts if number.isdecimal()]
        if not form.is_valid():
            return self._preview(request, [pk for pk, _ in seen], form, HTTPStatus.BAD_REQUEST)
        told = form.cleaned_data
        verdict = Verdict(told["verdict"])
        code = told["code"] if verdict is Verdict.REJECT else ""
        try:
            outcomes = review_actions.decide_all(
                seen, require_moderator(request), verdict, told["reason"], note=told["note"], code=code
            )
        except decisions.InvalidDecision as error:
            form.add_error(None, f"This cannot be decided so: {error}.")
            return self._preview(request, [pk for pk, _ in seen], form, HTTPStatus.BAD_REQUEST)
        done = [entry for entry in outcomes if entry.decision]
        messages.success(request, f"{len(done)} of {len(outcomes)} decided: {verdict.value}.")
        for outcome in outcomes:
            if outcome.refused:
                messages.warning(request, f"“{outcome.submission.title}” was left as it is: {outcome.refused}.")
        return redirect("admin:intake_submission_changelist")


def list_undoable_decisions(request: HttpRequest) -> dict[str, object]:
    """This person's decisions that can still be taken back, newest first, and for how long there is."""
    window = decisions.undo_window()
    if not window:
        return {"undoable": ()}
    recent = Decision.objects.human().filter(created_at__gt=timezone.now() - window)
    rows = recent.filter(decisions.given_by(require_moderator(request)))
    return {
        "undoable": list(rows.select_related("submission").order_by("-created_at")[:_UNDOABLE]),
        "undo_seconds": int(window.total_seconds()),
    }


def _parse_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404("no such submission") from None
