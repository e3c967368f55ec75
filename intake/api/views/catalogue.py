"""The registry that guards artists' identities."""

from __future__ import annotations

from django.db import transaction
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api import documentation as docs
from intake.api import present, serializers
from intake.api.auth import principal
from intake.api.base import Posting
from intake.api.problems import EXISTS, Problem
from intake.models import Label, ProtectedArtist
from intake.services import catalogue


@extend_schema_view(get=docs.LIST_ARTISTS, post=docs.PROTECT_ARTIST)
class ProtectedArtists(Posting):
    """Protected artists, for keys that keep the catalogue."""

    scope = "catalogue"
    parameters = ("limit", "cursor")

    def get(self, request: Request) -> Response:
        """Newest first."""
        who = principal(request)
        rows = ProtectedArtist.objects.prefetch_related("protected_names", "labels")
        return self.page(rows, lambda page: [present.protected_artist(row, who) for row in page])

    def perform(self, request: Request) -> Response:
        """Protect a name for the label that asks. One that is guarded already is not opened to it."""
        label = principal(request)
        assert isinstance(label, Label)
        wanted = self.read(serializers.NewArtistSerializer)
        with transaction.atomic():
            artist, new = catalogue.protect(wanted["name"], wanted["aliases"], [label])
            if not new:
                raise Problem(EXISTS, "This name is protected already.")
        return Response(present.protected_artist(artist, label), status=201)
