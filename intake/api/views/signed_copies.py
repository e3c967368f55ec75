"""Marked copies of cleared files: which there are, and their bytes."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable
from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api.openapi_texts import BAD_QUERY, NOT_THERE, PAGING, describe_operation, list_of
from intake.api.serializers import MarkedFileSerializer
from intake.api.views.ddex import Readable
from intake.core.states import CLEARED, State
from intake.models import MarkedFile, Status, Submission
from intake.services.submissions.transitions import Conflict

_LIST = describe_operation(
    "Submissions",
    {200: list_of(MarkedFileSerializer)},
    {**NOT_THERE, **BAD_QUERY, 409: "Not approved."},
    operation_id="submission_marked_files",
    summary="Copies of its files that say, signed, what was decided about AI",
    description="Where the operator marks what is delivered: one for each file that a label about AI speaks of.",
    parameters=PAGING,
)
_READ = describe_operation(
    "Submissions",
    {(200, "application/octet-stream"): OpenApiTypes.BINARY},
    {**NOT_THERE, 409: "Not approved."},
    operation_id="submission_marked_file",
    summary="One marked file: bit for bit the sound that was delivered, and a signed manifest",
)


class _OfCleared(Readable):
    """What is there once a submission is cleared, and while it stays so."""

    def cleared(self, request: Request, pk: uuid.UUID) -> Submission:
        """One of the principal's submissions. Raises Conflict where it is not cleared."""
        row = self.submission(request, pk)
        if row.state not in CLEARED:
            raise Conflict(row, State.APPROVED)
        return row


@extend_schema_view(get=_LIST)
class MarkedFiles(_OfCleared):
    """What is marked, or will be, because of the standing decision."""

    parameters = ("limit", "cursor")

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """None where marking is off, or nothing is said about AI."""
        rows = MarkedFile.objects.standing().filter(submission=self.cleared(request, pk))
        return self.page(rows.select_related("resource", "blob"), self._shown, "id")

    def _shown(self, rows: Iterable[MarkedFile]) -> list[dict[str, Any]]:
        return [self._one(row) for row in rows]

    def _one(self, row: MarkedFile) -> dict[str, Any]:
        address = reverse("marked-file", args=[row.submission_id, row.resource.name]) if row.blob else None
        return {
            "file": row.resource.name,
            "status": _status_of_copy(row),
            "because": row.because or None,
            "source_type": row.source_type,
            "labels": row.labels,
            "decision": row.decision_id,
            "source_sha256": row.resource.blob_id,
            "sha256": row.blob_id,
            "size": row.blob.size if row.blob else None,
            "signer": row.signer or None,
            "marked_at": row.finished_at if row.blob else None,
            "url": self.request.build_absolute_uri(address) if address else None,
        }


def _status_of_copy(row: MarkedFile) -> str:
    if row.status == Status.DEAD:
        return "failed"
    return row.outcome or "pending"


@extend_schema_view(get=_READ)
class OneMarkedFile(_OfCleared):
    """The bytes of one marked file."""

    def get(self, request: Request, pk: uuid.UUID, name: str) -> HttpResponseBase:
        """Bit for bit the sound that was delivered, with a signed manifest."""
        row = self.cleared(request, pk)
        found = MarkedFile.objects.standing().filter(submission=row, resource__name=name, blob__isnull=False)
        marked = found.select_related("blob").first() if "\0" not in name else None
        if marked is None or marked.blob is None or not default_storage.exists(marked.blob.path):
            raise Http404
        digest = base64.b64encode(bytes.fromhex(marked.blob.pk)).decode()
        return FileResponse(
            default_storage.open(marked.blob.path),
            as_attachment=True,
            filename=name,
            content_type="application/octet-stream",
            headers={"Content-Digest": f"sha-256=:{digest}:", "ETag": f'"{marked.blob.pk}"'},
        )
