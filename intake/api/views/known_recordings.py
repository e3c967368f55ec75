"""What a label makes known to the gate: its own recordings, and what must not come in unseen."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from checks.analysis import AnalysisFailed, default_analyser
from checks.fingerprint.acoustid_codec import Unreadable, decode_acoustid
from checks.model.release import AudioFacts
from checks.rules.metadata.identifiers import canonical_isrc
from intake.api import openapi as docs
from intake.api import representations, serializers
from intake.api.base_views import GateView, Posting
from intake.api.parsers import Multipart, Parts, StrictJSON
from intake.api.problems import (
    BLOCK_REFUSED,
    BLOCKED,
    EXISTS,
    MULTIPART_MALFORMED,
    PARAMETER_INVALID,
    RECORDING_REFUSED,
    Problem,
    invalid_document_problem,
)
from intake.api.views.registry import RegistryView, require_label
from intake.core import document_schema
from intake.models import Block, KnownRecording
from intake.services.catalogue import known_recordings, label_recordings
from intake.services.review import blocklist


@extend_schema_view(get=docs.LIST_RECORDINGS, post=docs.LEARN_RECORDING)
class KnownRecordings(RegistryView, Posting):
    """The recordings that a label has made known as its own."""

    parser_classes = (StrictJSON, Multipart)
    parameters = ("limit", "cursor", "isrc", "owner")

    facts: AudioFacts
    said: dict[str, Any]

    def get(self, request: Request) -> Response:
        """Newest first."""
        rows = KnownRecording.objects.taught_by(require_label(request)).defer("fingerprint")
        for name in ("isrc", "owner"):
            if (wanted := request.query_params.get(name)) is not None:
                if not wanted or "\0" in wanted:
                    raise Problem(PARAMETER_INVALID, f"{name} is empty, or has a null character.")
                rows = rows.filter(**{name: canonical_isrc(wanted) if name == "isrc" else wanted})
        return self.page(rows, lambda page: [representations.known_recording(row) for row in page])

    def prepare(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Hear the file, or read the fingerprint, outside any transaction."""
        body = request.data
        if isinstance(body, Parts):
            self.said = _read_document_of_kind(serializers.RecordingWordsSerializer, body.document)
            self.facts = self._heard(body)
            return
        self.said = _read_document_of_kind(serializers.NewRecordingSerializer, body)
        try:
            fingerprint = decode_acoustid(self.said["fingerprint"])
        except Unreadable as error:
            raise Problem(RECORDING_REFUSED, f"The fingerprint is {error}.") from None
        self.facts = AudioFacts(sha256="", version=0, ok=True, duration=self.said["duration"], fingerprint=fingerprint)

    def _heard(self, parts: Parts) -> AudioFacts:
        """What measuring the one file finds; its bytes are kept, so that moderators can listen."""
        if len(parts.files) != 1:
            raise Problem(MULTIPART_MALFORMED, "Send the part 'metadata' and one audio file.")
        ((name, incoming),) = parts.files.items()
        if self.claim is not None:
            self.claim.renew()
        try:
            facts = default_analyser().analyse(incoming.path, incoming.sha256, name=name)
        except AnalysisFailed:
            raise Problem(RECORDING_REFUSED, "The file could not be measured; no fault of it is known.") from None
        if self.claim is not None:
            self.claim.renew()
        if facts.ok:
            incoming.keep()
        return facts

    def perform(self, request: Request) -> Response:
        """Keep it; what is known already under the same owner and ISRC is answered as it is."""
        try:
            row, new = label_recordings.make_known(require_label(request), self.facts, self.said)
        except known_recordings.NothingToLearn as error:
            raise Problem(RECORDING_REFUSED, f"{str(error).capitalize()}.") from None
        if row.label_id != require_label(request).pk or row.source != KnownRecording.Source.LEARNED:
            raise Problem(EXISTS, "This recording is known already under this owner and ISRC.")
        location = {"Location": reverse("known-recording", args=[row.pk])} if new else {}
        return Response(representations.known_recording(row), status=201 if new else 200, headers=location)


@extend_schema_view(get=docs.READ_RECORDING, delete=docs.FORGET_RECORDING)
class OneRecording(RegistryView):
    """One of them."""

    def get(self, request: Request, pk: int) -> Response:
        """As it stands."""
        return Response(representations.known_recording(self._own(request, pk)))

    def delete(self, request: Request, pk: int) -> Response:
        """Compare nothing with it any more."""
        row = self._own(request, pk)
        if not known_recordings.forget_recordings([row]) and row.blocks.filter(lifted_at=None).exists():
            raise Problem(BLOCKED, "Lift its block first.")
        return Response(status=204)

    @staticmethod
    def _own(request: Request, pk: int) -> KnownRecording:
        found = KnownRecording.objects.taught_by(require_label(request)).filter(pk=pk).first() if pk < 2**63 else None
        if found is None:
            raise Http404
        return found


@extend_schema_view(get=docs.LIST_BLOCKS, post=docs.ADD_BLOCK)
class Blocklist(RegistryView, Posting):
    """What a label has put on the blocklist."""

    parameters = ("limit", "cursor")

    def get(self, request: Request) -> Response:
        """Newest first."""
        return self.page(
            Block.objects.filter(label=require_label(request)),
            lambda rows: [representations.represent_block(row) for row in rows],
        )

    def perform(self, request: Request) -> Response:
        """Block it; the reason is for moderators alone."""
        label = require_label(request)
        wanted = self.read(serializers.NewBlockSerializer)
        if wanted["kind"] == Block.Kind.RECORDING:
            _check_own(request, wanted["value"])
        try:
            row, new = blocklist.add_block(**wanted, by=label.actor, label=label)
        except blocklist.Unusable as error:
            raise Problem(BLOCK_REFUSED, f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        if row.label_id != label.pk:
            raise Problem(EXISTS, "This is blocked already.")
        return Response(representations.represent_block(row), status=201 if new else 200)


@extend_schema_view(delete=docs.LIFT_BLOCK)
class OneBlock(GateView):
    """One of the label's blocks."""

    scope = "catalogue"

    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Lift it."""
        label = require_label(request)
        row = Block.objects.filter(label=label, pk=pk, lifted_at__isnull=True).first()
        if row is None:
            raise Http404
        blocklist.lift_block(row, label.actor)
        return Response(status=204)


def _check_own(request: Request, value: str) -> None:
    """Another's recording is not told from one that does not exist."""
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0
    if not KnownRecording.objects.taught_by(require_label(request)).filter(pk=number).exists():
        raise Problem(BLOCK_REFUSED, "You have made no such recording known.")


def _read_document_of_kind(kind: type[document_schema.Strict], document: Any) -> dict[str, Any]:
    try:
        return document_schema.read_through_serializer(kind, document)
    except document_schema.ShapeError as error:
        raise invalid_document_problem(error) from None
