"""Deliver a release, read what became of it, take it back."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema_view
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from checks.policy import Outcome
from intake.api import filters, representations
from intake.api import openapi as docs
from intake.api.auth import require_principal
from intake.api.base_views import GateView, Posting, matches_etag
from intake.api.parsers import Multipart, Parts, StrictJSON
from intake.api.problems import PARAMETER_INVALID, PRECONDITION_FAILED, Problem
from intake.core import document_schema
from intake.core.states import State
from intake.models import Blob, Event, Label, Partner, Submission
from intake.services.registry import protected_artists
from intake.services.submissions import admission, submission_actions

#: Which fixes ``validate`` carries out: those that change nothing that is meant, or all.
APPLY = ("safe", "all")


def get_own_submission(request: Request, pk: uuid.UUID) -> Submission:
    """One of the principal's submissions. Raises Http404: another's is not told from one that does not exist."""
    try:
        return Submission.objects.of(require_principal(request)).get(pk=pk)
    except Submission.DoesNotExist:
        raise Http404 from None


def answer_accepted(view: GateView, submission: Submission, status: int) -> Response:
    """The answer to a delivery: the submission as it is stored, and where it is."""
    location = reverse("submission", args=[submission.pk])
    # A new draft is as it was written; whatever was moved, the database may know more of.
    row = submission if submission.state == State.DRAFT else Submission.objects.get(pk=submission.pk)
    return Response(view.viewer().submission(row), status=status, headers={"Location": location})


@extend_schema_view(post=docs.DELIVER, get=docs.LIST_SUBMISSIONS)
class Submissions(Posting):
    """All submissions of a label."""

    scope = "submissions"
    parser_classes = (StrictJSON, Multipart)
    parameters = ("limit", "cursor", *filters.NAMES)

    document: dict[str, Any]
    blobs: dict[str, Blob] | None = None

    def get(self, request: Request) -> Response:
        """Newest first."""
        rows = filters.filter_submissions(request, Submission.objects.of(require_principal(request)))
        return self.page(rows, self.viewer().submissions)

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Judge at the door; only then keep the files."""
        label = require_principal(request)
        assert isinstance(label, Label)
        body = request.data
        if not isinstance(body, Parts):
            self.document = document_schema.parse_document(body)
            admission.admit_release(label, self.document)
            return
        self.document = document_schema.parse_document(body.document)
        admission.admit_release(label, self.document, {name: one.delivered for name, one in body.files.items()})
        self.blobs = {}
        for name, incoming in body.files.items():
            if self.claim is not None:
                self.claim.renew()
            self.blobs[name] = incoming.keep()

    def perform(self, request: Request, **kwargs: Any) -> Response:
        """Store what the door has let in."""
        label = require_principal(request)
        assert isinstance(label, Label)
        if self.blobs is None:
            return answer_accepted(self, submission_actions.store_draft(label, self.document), 201)
        return answer_accepted(self, submission_actions.take_in(label, self.document, self.blobs), 202)


@extend_schema_view(post=docs.VALIDATE)
class Validate(Posting):
    """What the door would say; nothing is stored."""

    scope = "submissions"
    parameters = ("apply",)

    judgement: dict[str, Any]

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Judge, outside any transaction: a long release that is mended takes seconds."""
        apply = request.query_params.get("apply")
        if apply is not None and apply not in APPLY:
            raise Problem(PARAMETER_INVALID, f"'apply' is one of {', '.join(APPLY)}.")
        try:
            self.judgement = self._judged(document_schema.parse_document(request.data), apply)
        except document_schema.ShapeError as error:
            findings = [representations.represent_new_finding(fault.finding()) for fault in error.faults]
            self.judgement = {"blocking": True, "findings": findings}

    def _judged(self, document: dict[str, Any], apply: str | None) -> dict[str, Any]:
        """Every finding that needs no audio and that concerns the label; with ``apply``, after its fixes."""
        label = require_principal(self.request)
        assert isinstance(label, Label)
        mended: dict[str, Any] = {}
        if apply:
            document, applied, findings = admission.mend_document(label, document, unsafe=apply == "all")
            kept = protected_artists.without_keys(document_schema.parse_document(document)["release"])
            mended = {"release": kept, "applied": applied}
        else:
            findings = admission.list_admission_findings(label, document)
        told = [finding for finding in findings if admission.is_shown_to_label(finding)]
        if blocked := admission.select_blocking_findings(findings):
            told += [
                representation for representation in representations.told_refusal(blocked) if representation not in told
            ]
        return {
            "blocking": bool(blocked),
            "findings": [representations.represent_new_finding(item) for item in told],
            **mended,
        }

    def perform(self, request: Request) -> Response:
        """What was judged."""
        return Response(self.judgement)


@extend_schema_view(get=docs.READ_SUBMISSION)
class One(GateView):
    """One submission."""

    scope = "submissions"
    principals = (Label, Partner)

    def get(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """The submission with an ETag of exactly these bytes; 304 where the reader has them."""
        row = get_own_submission(request, pk)
        document = self.viewer().submission(row)
        if isinstance(require_principal(request), Partner):
            self._check_deliverable(document)
        body = JSONRenderer().render(document)
        tag = f'"{row.sequence}-{hashlib.sha256(body).hexdigest()[:20]}"'
        if matches_etag(request.headers.get("If-None-Match", ""), tag):
            return HttpResponse(status=304, headers={"ETag": tag})
        return HttpResponse(body, content_type="application/json", headers={"ETag": tag, "Cache-Control": "no-cache"})

    @staticmethod
    def _check_deliverable(document: dict[str, Any]) -> None:
        """What a partner does not get does not exist for it."""
        if all(item["outcome"] == Outcome.WITHHOLD for item in document["partners"]):
            raise Http404


def check_unchanged(request: Request, submission: Submission) -> None:
    """Honour ``If-Match``: the history must not have moved on since the client read it.

    A tag begins with the number of the last event; the rest changes with every check that ends, which no client means.
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return
    seen = re.findall(r'(?<!W/)"([0-9]+)-[0-9a-f]+"', header)
    if str(submission.sequence) not in seen:
        raise Problem(PRECONDITION_FAILED)


@extend_schema_view(post=docs.SUBMIT)
class Submit(Posting):
    """Hand a draft over."""

    scope = "submissions"
    takes_body = False

    def prepare(self, request: Request, pk: uuid.UUID) -> None:
        """Attach what has arrived whole, outside any transaction: hashing a long file takes seconds."""
        submission = get_own_submission(request, pk)
        check_unchanged(request, submission)
        submission_actions.attach_finished_uploads(submission)

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """From here on it is checked."""
        submission = get_own_submission(request, pk)
        check_unchanged(request, submission)
        return answer_accepted(self, submission_actions.submit_draft(submission), 202)


@extend_schema_view(post=docs.WITHDRAW)
class Withdraw(Posting):
    """Take a submission back."""

    scope = "submissions"
    takes_body = False

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """Only before it is decided."""
        submission = get_own_submission(request, pk)
        check_unchanged(request, submission)
        exactly = "If-Match" in request.headers
        return answer_accepted(self, submission_actions.withdraw_submission(submission, exactly), 200)


@extend_schema_view(get=docs.READ_FINDINGS)
class Findings(GateView):
    """What the checks found."""

    scope = "submissions"
    parameters = ("limit", "cursor")

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """With evidence; what is for moderators only is left out. The gate's own come before the first page."""
        submission, viewer = get_own_submission(request, pk), self.viewer()
        first = [] if "cursor" in request.query_params else viewer.own_findings(submission)
        rows = submission.findings.current().told().select_related("check_run")
        return self.page(rows, lambda page: [*first, *viewer.findings(page)], "id")


@extend_schema_view(get=docs.READ_HISTORY)
class Events(GateView):
    """The history of one submission."""

    scope = "submissions"
    parameters = ("limit", "cursor")

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """From its first event on."""
        return self.page(get_own_submission(request, pk).events.told(), self.viewer().events, "sequence")


@extend_schema_view(get=docs.READ_FEED)
class Feed(GateView):
    """The history of all submissions of a label: for those who would rather ask than be called."""

    scope = "submissions"
    parameters = ("limit", "cursor", "after")

    def get(self, request: Request) -> Response:
        """Newest first; with ``after``, what came after that event, oldest first."""
        rows = Event.objects.told().filter(submission__in=Submission.objects.of(require_principal(request)))
        if "after" not in request.query_params:
            return self.page(rows, self.viewer().events, "-id")
        return self.page(filters.filter_events_after(request, rows), self.viewer().events, "id")
