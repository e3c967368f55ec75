"""Acoustic traces at the desk: their picture, and the test for a changed speed; every look is on record."""

from __future__ import annotations

import uuid
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe

from checks.analysis.artefact_report import Unreadable
from checks.policy import LATTICE
from intake.admin import file_streaming
from intake.admin.decision_views import Deciding, require_moderator
from intake.admin.review_page import Review
from intake.models import Blob, Resource
from intake.services.people.access_log import log_view
from intake.services.provenance import artefact_review
from intake.services.submissions import admission


class Tracing(Deciding):
    """What the review page's part about acoustic traces (``admin/intake/review/traces.html``) asks for."""

    def get_urls(self) -> list[URLPattern]:
        picture = self.admin_site.admin_view(require_safe(self.traces_view))
        speed = self.admin_site.admin_view(require_POST(self.speed_view))
        return [
            path("<uuid:pk>/traces/<int:resource>.png", picture, name="intake_submission_traces"),
            path("<uuid:pk>/traces/<int:resource>/speed/", speed, name="intake_submission_speed"),
            *super().get_urls(),
        ]

    def deciding(self, request: HttpRequest, shown: Review, form: object) -> dict[str, object]:
        """With the tests for a changed speed that were made of the files, by the track's position."""
        sha256s = {track.row.position: str(track.facts.get("sha256")) for track in shown.tracks if track.traces}
        made = artefact_review.speed_tests(set(sha256s.values())) if sha256s else {}
        tests = {position: made[sha256] for position, sha256 in sha256s.items() if sha256 in made}
        return {**super().deciding(request, shown, form), "speed_tests": tests}

    def traces_view(self, request: HttpRequest, pk: uuid.UUID, resource: int) -> HttpResponse:
        """The picture of a file's lines, drawn when it is asked for. 404, with the reason, where there is none."""
        file_streaming.require_listening_right(request)
        wanted, blob = self._sound(pk, resource)
        try:
            content = artefact_review.plot_blob_artefacts(blob, dark=request.GET.get("theme") == "dark")
        except (Unreadable, FileNotFoundError) as error:
            raise Http404(f"no picture: {error}") from error
        log_view(require_moderator(request), wanted.submission, f"acoustic traces of {wanted.name}")
        response = HttpResponse(content, content_type="image/png")
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def speed_view(self, request: HttpRequest, pk: uuid.UUID, resource: int) -> HttpResponse:
        """Test a file for a changed speed, and keep the answer as a moderator's evidence; nothing is routed by it."""
        if not self.has_view_permission(request) or not self.has_decide_permission(request):
            raise PermissionDenied
        wanted, blob = self._sound(pk, resource)
        try:
            test = artefact_review.speed_test(blob, f"moderator:{require_moderator(request).get_username()}")
        except (Unreadable, FileNotFoundError) as error:
            if _as_json(request):
                return JsonResponse({"error": str(error)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
            messages.error(request, f"{wanted.name} could not be tested: {error}.")
        else:
            log_view(require_moderator(request), wanted.submission, f"test for a changed speed of {wanted.name}")
            if _as_json(request):
                return JsonResponse(test.answer)
            messages.info(request, f"{wanted.name}: {test.answer['words']} {test.answer['warning']}")
        return redirect("admin:intake_submission_change", pk)

    def _sound(self, pk: uuid.UUID, resource: int) -> tuple[Resource, Blob]:
        """An audio file of the submission that is here; 404 where it is not, or where traces are switched off."""
        if not admission.current_policy().asks(LATTICE):
            raise Http404("acoustic traces are switched off")
        wanted = get_object_or_404(
            Resource.objects.select_related("blob", "submission"), pk=resource, submission=pk, kind=Resource.Kind.AUDIO
        )
        if wanted.blob is None or wanted.blob.stored_at is None:
            raise Http404("not delivered yet")
        return wanted, wanted.blob


def _as_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")
