"""What a label can do about a decision: appeal against it, or take the part of the release that may go out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from checks.rules.delivered_files import judge_names
from intake.api import openapi as docs
from intake.api import representations
from intake.api.base_views import Posting
from intake.api.parsers import Multipart, Parts, StrictJSON
from intake.api.problems import DOCUMENT_INVALID, TOO_LARGE, Problem, invalid_document_problem
from intake.api.serializers import StatementSerializer
from intake.api.views.submissions import answer_accepted, check_unchanged, get_own_submission
from intake.core.document_schema import ShapeError, read_through_serializer
from intake.models import Blob
from intake.services.review import appeals, partial_acceptance
from intake.services.storage.blobs import Incoming


class Statement(Multipart):
    """An appeal with files: the part ``statement`` in words, every other part a file under its own name."""

    document_part = "statement"

    def understood(self, raw: bytes) -> Any:
        """The document that the same appeal would be in JSON. Raises Problem."""
        try:
            return {"statement": raw.decode()}
        except UnicodeDecodeError:
            raise Problem(DOCUMENT_INVALID, "The statement is not UTF-8.") from None


@extend_schema_view(post=docs.APPEAL, get=docs.READ_APPEALS)
class Appeal(Posting):
    """The label's objection to the decision that stands."""

    scope = "submissions"
    parser_classes = (StrictJSON, Statement)

    statement: str
    blobs: dict[str, Blob]

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """All of them, the first one first."""
        found = (
            get_own_submission(request, pk)
            .appeals.prefetch_related("files__blob")
            .select_related("against", "decision")
        )
        return Response({"results": [representations.represent_appeal(item) for item in found]})

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """See that it can be heard, and read it whole; only then keep its files."""
        submission = get_own_submission(request, kwargs["pk"])
        check_unchanged(request, submission)
        body = request.data
        parts = body if isinstance(body, Parts) else Parts(body, {})
        try:
            self.statement = read_through_serializer(StatementSerializer, parts.document)["statement"]
        except ShapeError as error:
            raise invalid_document_problem(error) from None
        _check_files(parts.files)
        appeals.require_appealable(submission, timezone.now())
        self.blobs = {}
        for name, incoming in parts.files.items():
            if self.claim is not None:
                self.claim.renew()
            self.blobs[name] = incoming.keep()

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """From here on another moderator has it."""
        submission = get_own_submission(request, pk)
        check_unchanged(request, submission)
        appeals.open_appeal(submission, self.statement, self.blobs)
        return answer_accepted(self, submission, 202)


@extend_schema_view(post=docs.ACCEPT_PARTIAL)
class AcceptPartial(Posting):
    """The part of a returned release that may go out."""

    scope = "submissions"
    takes_body = False

    admitted: partial_acceptance.Admitted

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Judge it at the door."""
        submission = get_own_submission(request, kwargs["pk"])
        check_unchanged(request, submission)
        self.admitted = partial_acceptance.admit_partial_release(submission)

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """A submission of its own, which supersedes the whole."""
        return answer_accepted(
            self, partial_acceptance.create_partial_submission(get_own_submission(request, pk), self.admitted), 202
        )


def _check_files(files: Mapping[str, Incoming]) -> None:
    """Raise Problem for too many, too large, or under names that no file can have."""
    if len(files) > appeals.MAX_FILES:
        raise Problem(DOCUMENT_INVALID, f"An appeal can have {appeals.MAX_FILES} files.")
    if any(file.size > appeals.MAX_FILE_BYTES for file in files.values()):
        raise Problem(TOO_LARGE, f"A file of an appeal may have at most {appeals.MAX_FILE_BYTES} bytes.")
    errors = [
        {"pointer": "/files", "code": finding.code.id, "detail": finding.message}
        for finding in judge_names(dict.fromkeys(files, ""))
    ]
    if errors:
        raise Problem(DOCUMENT_INVALID, errors=errors)
