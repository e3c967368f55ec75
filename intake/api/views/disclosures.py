"""What a release says about AI: read in each partner's form, declared anew, confirmed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from checks import partner_disclosure
from checks.model.release import Release
from intake.api import openapi as docs
from intake.api.auth import require_principal
from intake.api.base_views import Posting
from intake.api.parsers import check_body_announced
from intake.api.problems import FORBIDDEN, NOTHING_ASKED, PARAMETER_INVALID, TRACK_UNKNOWN, Problem
from intake.api.views.ddex import Readable, answer_xml
from intake.api.views.submissions import answer_accepted, check_unchanged, get_own_submission
from intake.core import document_schema
from intake.ddex import writer
from intake.models import Label
from intake.readers import release_mapping
from intake.services.submissions import disclosures

#: The forms in which partners take a disclosure, beside the elements of ERN.
FORMS: Mapping[str, Callable[[Release], dict[str, Any]]] = {
    "apple": partner_disclosure.apple_transparency_tags,
    "spotify": partner_disclosure.spotify_ai_credits,
    "c2pa": partner_disclosure.c2pa_source_types,
}


@extend_schema_view(get=docs.READ_DISCLOSURE, put=docs.DECLARE)
class Disclosure(Readable):
    """What a release says about AI."""

    parameters = ("format",)

    def get(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """As a partner takes it; ``record``: as it was declared, version by version, for the label alone."""
        row = self.submission(request, pk)
        wanted = request.query_params.get("format", "ern")
        if wanted == "ern":
            return answer_xml(writer.write_ai_disclosure(release_mapping.map_release_document(row.metadata)))
        if wanted in FORMS:
            return Response(FORMS[wanted](release_mapping.map_release_document(row.metadata)))
        if wanted == "record" and isinstance(require_principal(request), Label):
            return Response(disclosures.describe_current_declaration(row))
        forms = ", ".join(("ern", *FORMS, "record"))
        raise Problem(PARAMETER_INVALID, f"The disclosure is given as one of {forms}; 'record' to its label alone.")

    def put(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """Declare anew. Saying the same again changes nothing."""
        if not isinstance(require_principal(request), Label):
            raise Problem(FORBIDDEN)
        check_body_announced(request, needed=True)
        submission = get_own_submission(request, pk)
        check_unchanged(request, submission)
        changes = self.read(document_schema.DeclarationSerializer)
        known = {track["position"] for track in submission.metadata["tracks"]}
        for number, track in enumerate(changes["tracks"] or ()):
            if track["position"] not in known:
                pointer = f"/tracks/{number}/position"
                error = {"pointer": pointer, "code": TRACK_UNKNOWN.name, "detail": "The release has no such track."}
                raise Problem(TRACK_UNKNOWN, errors=[error])
        return answer_accepted(self, disclosures.restate_disclosure(submission, changes), 200)


@extend_schema_view(post=docs.CONFIRM)
class Confirm(Posting):
    """Answer the question that a file asks: yes, what it says is so."""

    scope = "submissions"
    takes_body = False

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """The declaration is completed, and concluded without a human where nothing else holds the release."""
        submission = get_own_submission(request, pk)
        check_unchanged(request, submission)
        try:
            return answer_accepted(self, disclosures.confirm_disclosure(submission), 200)
        except disclosures.NothingAsked:
            raise Problem(NOTHING_ASKED) from None
