"""Who is asking: an API key opens what its scopes name, for the one label or partner that it belongs to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from intake.api import throttling
from intake.core.client_address import client_network
from intake.models import ApiKey, Label, Partner
from intake.services.people import accounts

if TYPE_CHECKING:  # the framework imports this module before its own views
    from rest_framework.views import APIView

Principal: TypeAlias = Label | Partner

#: A bearer token of RFC 6750; everything else cannot be a key, and need not be looked up.
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]{1,200})", re.IGNORECASE)


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer <api key>``: ``request.user`` is the label or partner, ``request.auth`` the key."""

    def authenticate(self, request: Request) -> tuple[Principal, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        token = _BEARER.fullmatch(header.strip())
        key = accounts.authenticate_api_key(token[1]) if token else None
        if key is None:
            # After the look-up: good keys of the same address are never refused for what strangers send.
            if (wait := throttling.count_bad_key(client_network(request._request))) is not None:
                raise Throttled(wait)
            raise AuthenticationFailed("This API key is unknown, expired or revoked.")
        principal = key.label or key.partner
        assert principal is not None, "the database holds every key to one owner"
        structlog.contextvars.bind_contextvars(api_key=key.prefix)
        return principal, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="gate"'


class HasScope(BasePermission):
    """The key must have the view's ``scope``, and belong to a kind of principal that the view serves.

    A view that names no scope is closed.
    """

    message = "This API key has not the scope that is needed here."

    def has_permission(self, request: Request, view: APIView) -> bool:
        scope, served = getattr(view, "scope", None), getattr(view, "principals", ())
        if not isinstance(request.auth, ApiKey) or scope is None:
            return False
        return scope in request.auth.scopes and isinstance(request.user, served)


def require_principal(request: Request | HttpRequest) -> Principal:
    """The principal of the request."""
    user: Any = request.user
    assert isinstance(user, (Label, Partner)), "only views behind HasScope ask"
    return user


def principal_id(who: Principal) -> str:
    """The principal's name in keys: unique over labels and partners."""
    return f"{'label' if isinstance(who, Label) else 'partner'}:{who.pk}"
