"""Webhook endpoints of labels and partners, and what was sent to them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api import openapi as docs
from intake.api import representations, serializers
from intake.api.auth import Principal, require_principal
from intake.api.base_views import GateView, Posting
from intake.api.problems import ENDPOINT_REFUSED, INACTIVE, NOT_FOUND, Problem
from intake.core import webhook_http
from intake.models import Delivery, Endpoint, Label, Partner
from intake.services.webhooks import webhook_delivery


class EndpointView(GateView):
    """Open to all principals that may have endpoints."""

    scope = "webhooks"
    principals = (Label, Partner)


def list_owned_endpoints(who: Principal) -> QuerySet[Endpoint]:
    """The principal's endpoints."""
    mine = {"label": who} if isinstance(who, Label) else {"partner": who}
    return Endpoint.objects.filter(deleted_at__isnull=True, **mine)


def get_owned_endpoint(request: Request, pk: uuid.UUID) -> Endpoint:
    """One of them. Raises Http404."""
    found = list_owned_endpoints(require_principal(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@contextlib.contextmanager
def endpoint_refusals_as_problems() -> Iterator[None]:
    """What the service refuses, as problems."""
    try:
        yield
    except webhook_delivery.Inactive as error:
        raise Problem(INACTIVE, f"{str(error).capitalize()}.") from None
    except (webhook_http.UnsafeURL, webhook_delivery.UnknownType, webhook_delivery.TooManyEndpoints) as error:
        raise Problem(ENDPOINT_REFUSED, f"{error}.") from None


@extend_schema_view(get=docs.LIST_ENDPOINTS, post=docs.CREATE_ENDPOINT)
class Endpoints(EndpointView, Posting):
    """The principal's endpoints."""

    parameters = ("limit", "cursor")

    def get(self, request: Request) -> Response:
        """Newest first."""
        return self.page(
            list_owned_endpoints(require_principal(request)),
            lambda rows: [representations.represent_endpoint(row) for row in rows],
        )

    def perform(self, request: Request) -> Response:
        """Make one; its secret is shown this once."""
        wanted = self.read(serializers.NewEndpointSerializer)
        with endpoint_refusals_as_problems():
            row = webhook_delivery.create_endpoint(require_principal(request), wanted["url"], wanted["types"])
        location = {"Location": reverse("endpoint", args=[row.pk])}
        return Response(representations.represent_endpoint(row, secret=True), status=201, headers=location)


@extend_schema_view(get=docs.READ_ENDPOINT, patch=docs.CHANGE_ENDPOINT, delete=docs.DELETE_ENDPOINT)
class OneEndpoint(EndpointView):
    """One endpoint."""

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """As it stands."""
        return Response(representations.represent_endpoint(get_owned_endpoint(request, pk)))

    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what is given."""
        row = get_owned_endpoint(request, pk)
        changes: dict[str, Any] = self.read(serializers.EndpointChangesSerializer, partial=True)
        with endpoint_refusals_as_problems():
            return Response(representations.represent_endpoint(webhook_delivery.update_endpoint(row, **changes)))

    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Send nothing there any more."""
        webhook_delivery.delete_endpoint(get_owned_endpoint(request, pk))
        return Response(status=204)


@extend_schema_view(post=docs.ROTATE_SECRET)
class RotateSecret(EndpointView, Posting):
    """A new secret; the old one signs too for a while."""

    takes_body = False

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """The new secret is shown this once."""
        return Response(
            representations.represent_endpoint(
                webhook_delivery.rotate_secret(get_owned_endpoint(request, pk)), secret=True
            )
        )


@extend_schema_view(post=docs.TEST_ENDPOINT)
class TestEndpoint(EndpointView, Posting):
    """An event that means nothing but that the endpoint is reached."""

    takes_body = False

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """Send it soon; the delivery tells what came of it."""
        with endpoint_refusals_as_problems():
            return Response(
                representations.represent_delivery(webhook_delivery.send_test(get_owned_endpoint(request, pk))),
                status=202,
            )


@extend_schema_view(get=docs.LIST_DELIVERIES)
class Deliveries(EndpointView):
    """What was sent to an endpoint."""

    parameters = ("limit", "cursor")

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Newest first, with every attempt."""
        rows = get_owned_endpoint(request, pk).deliveries.prefetch_related("attempts")
        return self.page(rows, lambda page: [representations.represent_delivery(row) for row in page])


@extend_schema_view(post=docs.REPLAY)
class Replay(EndpointView, Posting):
    """The same delivery again."""

    takes_body = False

    def perform(self, request: Request, pk: uuid.UUID) -> Response:
        """The same id and body; a receiver that has it already can tell."""
        mine = Delivery.objects.filter(endpoint__in=list_owned_endpoints(require_principal(request)))
        row = mine.select_related("endpoint").filter(pk=pk).first()
        if row is None:
            raise Problem(NOT_FOUND)
        with endpoint_refusals_as_problems():
            return Response(representations.represent_delivery(webhook_delivery.replay_delivery(row)), status=202)
