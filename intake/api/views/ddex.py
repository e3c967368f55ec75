"""Releases as DDEX messages: delivered as one, and read as one."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from checks.policy import Outcome
from intake.api import openapi as docs
from intake.api import representations
from intake.api.auth import require_principal
from intake.api.base_views import GateView, Posting
from intake.api.parsers import MessageParts, Parts
from intake.api.problems import MULTIPART_MALFORMED, Problem
from intake.api.views.submissions import answer_accepted, get_own_submission
from intake.core.states import CLEARED, State
from intake.ddex import messages as ern
from intake.ddex import writer
from intake.models import Blob, Label, Partner, Submission
from intake.readers import release_mapping
from intake.services.submissions import admission, ddex_submissions
from intake.services.submissions.transitions import Conflict


@extend_schema_view(post=docs.DELIVER_MESSAGE)
class Ern(Posting):
    """A whole delivery as a NewReleaseMessage with its files."""

    scope = "submissions"
    parser_classes = (MessageParts,)

    message: ern.Message
    document: dict[str, Any]
    blobs: dict[str, Blob]

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the message, judge at the door; only then keep the files."""
        label, parts = require_principal(request), request.data
        assert isinstance(label, Label)
        assert isinstance(parts, Parts)
        self.message = ern.read_ern_message(parts.document)
        files = {PurePosixPath(name).name: incoming for name, incoming in parts.files.items()}
        if len(files) < len(parts.files):
            raise Problem(MULTIPART_MALFORMED, "Two files have the same name.")
        delivered = {name: one.delivered for name, one in files.items()}
        self.document = ddex_submissions.admit_ern_message(
            label, self.message, None if self.message.test else delivered
        )
        self.blobs = {}
        for name, incoming in files.items() if not self.message.test else ():
            if self.claim is not None:
                self.claim.renew()
            self.blobs[name] = incoming.keep()

    def perform(self, request: Request, **kwargs: Any) -> Response:
        """Store what the door has let in; a test message is only judged."""
        label = require_principal(request)
        assert isinstance(label, Label)
        if self.message.test:
            told = ddex_submissions.judge_test_message(label, self.message)
            found = [representations.represent_new_finding(item) for item in told]
            return Response({"blocking": bool(admission.select_blocking_findings(told)), "findings": found})
        return answer_accepted(self, ddex_submissions.take_in(label, self.message, self.document, self.blobs), 202)


class Readable(GateView):
    """A submission as label and partners may read it."""

    scope = "submissions"
    principals = (Label, Partner)

    def submission(self, request: Request, pk: uuid.UUID) -> Submission:
        """One of the principal's submissions; what a partner does not get does not exist for it."""
        row = get_own_submission(request, pk)
        if isinstance(require_principal(request), Partner):
            outcomes = self.viewer().submission(row)["partners"]
            if all(outcome["outcome"] == Outcome.WITHHOLD for outcome in outcomes):
                raise Http404
        return row


@extend_schema_view(get=docs.READ_MESSAGE)
class Message(Readable):
    """An approved release as a message."""

    def get(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """ERN 4.3.2, from the release as accepted."""
        row = self.submission(request, pk)
        if row.state not in CLEARED:
            raise Conflict(row, State.APPROVED)
        delivery = release_mapping.map_submission(row)
        envelope = writer.Envelope(
            message_id=str(row.pk),
            created=row.received_at or row.created_at,
            durations={name: facts.duration for name, facts in delivery.facts.items()},
            digests={resource.name: resource.blob_id for resource in row.resources.all() if resource.blob_id},
        )
        return answer_xml(writer.write_ern_message(delivery.release, envelope))


def answer_xml(content: bytes) -> HttpResponse:
    """An answer in XML."""
    return HttpResponse(content, content_type="application/xml")
