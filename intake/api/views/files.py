"""A draft's files, one request each."""

from __future__ import annotations

import uuid

from django.http import Http404
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from checks.files import DIGEST_MISMATCH as DECLARED_OTHERWISE
from checks.finding import Finding
from intake.api import documentation as docs
from intake.api.base import GateView
from intake.api.bodies import receive
from intake.api.problems import DIGEST_MISMATCH, Problem
from intake.api.views.submissions import check_unchanged, own
from intake.models import Resource, Submission
from intake.services import submissions
from intake.services.blobs import Incoming
from intake.services.moves import Conflict
from intake.states import State


@extend_schema_view(put=docs.PUT_FILE)
class File(GateView):
    """One file of a draft."""

    scope = "submissions"
    parser_classes = ()

    def put(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Take the body as the file; sending it again replaces it."""
        submission = own(request, pk)
        resource = self._wanted(submission, name)
        check_unchanged(request, submission)
        incoming = self.spool.enter_context(Incoming())
        receive(request._request, incoming)
        if resource.declared_sha256 not in ("", incoming.sha256):
            raise _declared_otherwise(resource, incoming.sha256)
        document = {"name": name, "sha256": incoming.sha256, "size": incoming.size}
        try:
            submissions.put_file(submission, name, incoming.keep())
        except submissions.FileUnknown:
            raise Http404 from None
        return Response(document, status=201)

    @staticmethod
    def _wanted(submission: Submission, name: str) -> Resource:
        """The file that the draft names; asked before the body is read."""
        resource = submission.resources.filter(name=name).first() if "\0" not in name else None
        if resource is None:
            raise Http404
        if submission.state != State.DRAFT:
            raise Conflict(submission, State.DRAFT)
        return resource


def _declared_otherwise(resource: Resource, sha256: str) -> Problem:
    finding = Finding(
        DECLARED_OTHERWISE,
        f"file:{resource.name}",
        f"The file '{resource.name}' arrived with another SHA-256 than declared.",
        measured=sha256,
        threshold=resource.declared_sha256,
        fix="Send the file again, or open a new draft with the right sha256.",
    )
    return Problem(DIGEST_MISMATCH, finding.message, findings=[finding])
