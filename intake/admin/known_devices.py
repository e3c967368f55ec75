"""Known devices: browsers in which a person has logged in completely, which strangers cannot lock out.

A signed cookie for each person names the device. It opens nothing: a known device only has a counter of failed attempts
of its own. A changed password ends it.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from intake.core.client_address import client_network
from intake.services.people.login_throttle import Client

#: Seconds for which a device is known after the last log-in in it: half a year, as banks and mail services have it.
KNOWN_FOR = 180 * 24 * 3600
_SALT = "intake.known_device"
#: Random bytes that name a device.
_NAME_BYTES = 12


def client_of(request: HttpRequest, person: User | None) -> Client:
    """Return who makes this attempt to be ``person`` (None: an unknown name)."""
    return Client(client_network(request), _read_device_cookie(request, person) if person else "")


def remember_device(request: HttpRequest, response: HttpResponse, person: User) -> None:
    """Mark the browser as a known device of this person, who has just logged in with everything that is asked for."""
    name = _read_device_cookie(request, person) or secrets.token_hex(_NAME_BYTES)
    value = signing.dumps({"device": name, "of": person.get_session_auth_hash()}, salt=_SALT)
    response.set_cookie(
        _device_cookie_name(person),
        value,
        max_age=KNOWN_FOR,
        path=reverse("admin:index"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read_device_cookie(request: HttpRequest, person: User) -> str:
    try:
        value = signing.loads(request.COOKIES.get(_device_cookie_name(person), ""), salt=_SALT, max_age=KNOWN_FOR)
    except signing.BadSignature:
        return ""
    same = constant_time_compare(str(value["of"]), person.get_session_auth_hash())
    return str(value["device"]) if same else ""


def _device_cookie_name(person: User) -> str:
    return f"known_device_{person.pk}"
