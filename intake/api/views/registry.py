"""The registry that guards artists' identities."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api import openapi as docs
from intake.api import representations, serializers
from intake.api.auth import require_principal
from intake.api.base_views import GateView, Posting
from intake.api.problems import ARTIST_REFUSED, EXISTS, KEYS_EXHAUSTED, Problem
from intake.models import Label, ProtectedArtist
from intake.services.registry import protected_artists


class RegistryView(GateView):
    """Open to keys that keep the catalogue."""

    scope = "catalogue"


def require_label(request: Request) -> Label:
    """The label that asks."""
    label = require_principal(request)
    assert isinstance(label, Label)
    return label


def get_own_artist(request: Request, pk: uuid.UUID) -> ProtectedArtist:
    """An artist that the label delivers for. Raises Http404: another's cannot be changed."""
    found = ProtectedArtist.objects.of(require_label(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def represent_shown_artist(request: Request, pk: uuid.UUID) -> dict[str, Any]:
    """An artist as the label may see it. Raises Http404."""
    row = ProtectedArtist.objects.current().whole().filter(pk=pk).first()
    if row is None:
        raise Http404
    return representations.protected_artist(row, require_principal(request))


@contextlib.contextmanager
def registry_refusals_as_problems() -> Iterator[None]:
    """What the service refuses, as problems."""
    try:
        yield
    except protected_artists.NameTaken:
        raise Problem(EXISTS, "This name is protected already.") from None
    except protected_artists.TooManyKeys:
        raise Problem(KEYS_EXHAUSTED, f"Revoke one of the {protected_artists.MOST_KEYS} first.") from None
    except protected_artists.Unusable as error:
        raise Problem(ARTIST_REFUSED, f"{str(error).capitalize()}.") from None


def with_pairs(wanted: dict[str, Any]) -> dict[str, Any]:
    """Identifiers as the service takes them; what is null was not given."""
    given = {name: value for name, value in wanted.items() if value is not None}
    if "identifiers" in given:
        given["identifiers"] = [(item["scheme"], item["value"]) for item in given["identifiers"]]
    return given


@extend_schema_view(get=docs.LIST_ARTISTS, post=docs.PROTECT_ARTIST)
class ProtectedArtists(RegistryView, Posting):
    """Protected artists."""

    parameters = ("limit", "cursor")

    def get(self, request: Request) -> Response:
        """Newest first."""
        who = require_principal(request)
        rows = ProtectedArtist.objects.current().whole()
        return self.page(rows, lambda page: [representations.protected_artist(row, who) for row in page])

    def perform(self, request: Request) -> Response:
        """Protect a name for the label that asks. One that is guarded already is not opened to it."""
        label = require_label(request)
        wanted = with_pairs(self.read(serializers.NewArtistSerializer))
        with registry_refusals_as_problems(), transaction.atomic():
            artist, new = protected_artists.protect_artist(
                wanted.pop("name"), labels=[label], vouched_by=label.actor, **wanted
            )
            if not new:
                raise protected_artists.NameTaken
        return Response(represent_shown_artist(request, artist.pk), status=201)


@extend_schema_view(get=docs.READ_ARTIST, patch=docs.CHANGE_ARTIST, delete=docs.RETIRE_ARTIST)
class OneArtist(RegistryView):
    """One protected artist: keepers of the catalogue may read it, its own labels may change it."""

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """As it stands."""
        return Response(represent_shown_artist(request, pk))

    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what is given."""
        artist = get_own_artist(request, pk)
        changes = with_pairs(self.read(serializers.ArtistChangesSerializer, partial=True))
        with registry_refusals_as_problems():
            protected_artists.change_artist(artist, **changes)
        return Response(represent_shown_artist(request, pk))

    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Guard the names no longer."""
        protected_artists.retire_artist(get_own_artist(request, pk), require_label(request).actor)
        return Response(status=204)


@extend_schema_view(post=docs.ISSUE_KEY)
class ArtistKeys(RegistryView, Posting):
    """The keys that an artist gives away."""

    takes_body = False

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """Draw one; it is shown this once."""
        with registry_refusals_as_problems():
            row, key = protected_artists.issue_artist_key(get_own_artist(request, pk), require_label(request))
        return Response({**representations.artist_key(row), "key": key}, status=201)

    def kept(self, response: HttpResponse) -> HttpResponse:
        """A key is kept nowhere, and so not with the answer: a lost key is replaced by another."""
        document = json.loads(response.content)
        without = json.dumps({**document, "key": None}, ensure_ascii=False, separators=(",", ":"))
        return HttpResponse(without, status=response.status_code, headers=dict(response.items()))


@extend_schema_view(delete=docs.REVOKE_KEY)
class OneKey(RegistryView):
    """One of an artist's keys."""

    def delete(self, request: Request, pk: uuid.UUID, key: uuid.UUID) -> Response:
        """It opens nothing any more."""
        label = require_label(request)
        row = get_own_artist(request, pk).artist_keys.filter(pk=key).first()
        if row is None:
            raise Http404
        protected_artists.revoke_artist_key(row, label.actor)
        return Response(status=204)
