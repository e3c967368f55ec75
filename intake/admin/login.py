"""Coming in: the log-in that resists guessing, the second factor, and the proof that it is still the same person."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import qrcode
import qrcode.image.svg
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from intake.admin import known_devices
from intake.services.people import login_throttle, second_factor
from intake.services.people.login_throttle import Client, LockedOut

#: Of the session: of the last activity, when the password was last typed, which device was verified.
SEEN, PROVED, DEVICE = "desk.seen", "desk.proved", "desk.device"
#: What is done is written into the session at most this often (seconds).
NOTED_EVERY = 60
#: For so long after the password was typed it is not asked for again (seconds).
PROOF = 600


class LogIn(AdminAuthenticationForm):
    """Name and password, limited by client and by name; where that is locked, a one-time password opens it."""

    token = forms.CharField(label="One-time password", max_length=40, required=False)
    locked = False

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username") or ""
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        assert self.request is not None, "only the view makes this form"
        person = User.objects.filter(username=name).first()
        client = known_devices.client_of(self.request, person)
        protected = person is not None and second_factor.has_second_factor(person)
        try:
            attempt = login_throttle.count_login(name, client, second_factor=protected)
        except LockedOut as lock:
            return self._log_in_with_both(name, person, client, lock)
        cleaned = super().clean()
        attempt.succeed()
        return cleaned

    @property
    def asks_token(self) -> bool:
        """Whether a one-time password helps."""
        return self.locked and settings.GATE_OTP

    def _log_in_with_both(self, name: str, person: User | None, client: Client, lock: LockedOut) -> dict[str, Any]:
        """Take the password together with a one-time password; the answer never says which of them was wrong."""
        self.locked = True
        refused = ValidationError(self._locked_text(lock), code="locked")
        token = self.cleaned_data.get("token", "")
        if not token or not settings.GATE_OTP:
            raise refused
        try:
            attempt = login_throttle.count_both(name)
            cleaned = super().clean()
            if person is None or not second_factor.verify_second_factor(person, token, client):
                raise refused
        except (LockedOut, ValidationError):
            self.user_cache = None
            raise refused from None
        attempt.succeed()
        enrolled = second_factor.find_confirmed_device(person)
        assert enrolled is not None, "it was just verified"
        assert self.request is not None, "only the view makes this form"
        self.request.session[DEVICE] = enrolled.pk
        return cleaned

    def _locked_text(self, lock: LockedOut) -> str:
        way = " To log in now, type your password together with a one-time password." if settings.GATE_OTP else ""
        return f"{str(lock).capitalize()}.{way}"


class TokenForm(forms.Form):
    """A one-time password, or a recovery code."""

    token = forms.CharField(max_length=40, error_messages={"required": "Type the six digits, or a recovery code."})


class ProofForm(forms.Form):
    """The password once more."""

    password = forms.CharField(max_length=4096, widget=forms.PasswordInput, strip=False)

    def __init__(self, person: User, data: Any = None) -> None:
        super().__init__(data)
        self._person = person

    def clean_password(self) -> str:
        """Right, and not guessed."""
        try:
            attempt = login_throttle.count_confirmation(self._person.get_username())
        except LockedOut as lock:
            text = f"{str(lock).capitalize()}. To go on now, log out and log in again."
            raise ValidationError(text, code="locked") from None
        if not self._person.check_password(self.cleaned_data["password"]):
            raise ValidationError("That is not your password.")
        attempt.succeed()
        return ""


class GuardedSite(AdminSite):
    """An admin site behind this log-in."""

    login_form = LogIn
    login_template = "admin/intake/login.html"

    def get_urls(self) -> list[URLResolver | URLPattern]:
        return [
            path("otp/", never_cache(self.otp_view), name="otp"),
            path("prove/", never_cache(self.prove_view), name="prove"),
            *super().get_urls(),
        ]

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff with recent activity, and with a verified second factor where that is required."""
        return super().has_permission(request) and self._awake(request) and _has_verified_factor(request)

    @method_decorator(sensitive_post_parameters())
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Name and password first; then the second factor, where it is asked."""
        if super().has_permission(request) and not _has_verified_factor(request):
            return redirect("admin:otp")
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            request.session[SEEN] = request.session[PROVED] = time.time()
            if isinstance(request.user, User) and _has_verified_factor(request):
                known_devices.remember_device(request, response, request.user)
        return response

    def otp_view(self, request: HttpRequest) -> HttpResponseBase:
        """Type the one-time password; or, the first time, keep the secret that it comes from."""
        person = request.user
        if not isinstance(person, User) or not super().has_permission(request):
            return redirect("admin:login")
        enrolled = second_factor.find_confirmed_device(person)
        form = TokenForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            client = known_devices.client_of(request, person)
            try:
                if enrolled is None and (
                    codes := second_factor.confirm_enrolment(person, form.cleaned_data["token"], client)
                ):
                    return self._let_in(request, person, codes)
                if enrolled is not None and second_factor.verify_second_factor(
                    person, form.cleaned_data["token"], client
                ):
                    return self._let_in(request, person, [])
                form.add_error("token", "That is not right. Each password counts once, and for half a minute.")
            except LockedOut as lock:
                form.add_error("token", f"{str(lock).capitalize()}.")
        return self._otp_page(request, person, form, enrolled is None)

    def _let_in(self, request: HttpRequest, person: User, codes: list[str]) -> HttpResponse:
        enrolled = second_factor.find_confirmed_device(person)
        assert enrolled is not None, "it was just verified"
        request.session.cycle_key()
        request.session[DEVICE] = enrolled.pk
        response: HttpResponse
        if codes:
            context = {**self.each_context(request), "title": "Recovery codes", "codes": codes}
            response = TemplateResponse(request, "admin/intake/recovery_codes.html", context)
        else:
            response = redirect("admin:index")
        known_devices.remember_device(request, response, person)
        return response

    def _otp_page(self, request: HttpRequest, person: User, form: TokenForm, enrolling: bool) -> HttpResponse:
        context: dict[str, Any] = {**self.each_context(request), "title": "One-time password", "form": form}
        if enrolling:
            waiting = second_factor.ensure_unconfirmed_device(person)
            context |= {
                "picture": _draw_qr_code(waiting.config_url),
                "secret": second_factor.format_totp_secret(waiting),
            }
        status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
        return TemplateResponse(request, "admin/intake/otp.html", context, status=status)

    @method_decorator(sensitive_post_parameters())
    def prove_view(self, request: HttpRequest) -> HttpResponseBase:
        """Type the password once more, before something grave is done."""
        person = request.user
        if not isinstance(person, User) or not self.has_permission(request):
            return redirect("admin:login")
        form = ProofForm(person, request.POST if request.method == "POST" else None)
        wanted = request.GET.get("next", "")
        if request.method == "POST" and form.is_valid():
            request.session[PROVED] = time.time()
            safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
            return redirect(wanted if safe else "admin:index")
        context = {**self.each_context(request), "title": "Your password, once more", "form": form}
        status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
        return TemplateResponse(request, "admin/intake/prove.html", context, status=status)

    @staticmethod
    def _awake(request: HttpRequest) -> bool:
        """Whether something was done of late; else the session ends."""
        now, seen = time.time(), request.session.get(SEEN)
        if seen is not None and not -NOTED_EVERY <= now - seen <= settings.GATE_SESSION_IDLE:
            logout(request)
            return False
        if seen is None or (now - seen > NOTED_EVERY and _by_hand(request)):
            request.session[SEEN] = now
        return True


def has_recent_password(request: HttpRequest) -> bool:
    """Whether the password was typed a moment ago."""
    return 0 <= time.time() - request.session.get(PROVED, 0) <= PROOF


def require_recent_password(view: Callable[..., HttpResponseBase], back: str) -> Callable[..., HttpResponseBase]:
    """For what opens or closes much (keys, the policy): the password is asked for first, unless it was just typed.

    Afterwards the page ``back`` is shown, from where it is done again.
    """

    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if has_recent_password(request) else prove_first(request, reverse(back))

    return asked


def prove_first(request: HttpRequest, back: str) -> HttpResponse:
    """To the question for the password, and to a page of ours afterwards."""
    messages.info(request, "Type your password once more, then do it again.")
    return redirect(f"{reverse('admin:prove')}?{urlencode({'next': back})}")


def _has_verified_factor(request: HttpRequest) -> bool:
    """Whether the second factor was given, where this installation asks for it."""
    if not settings.GATE_OTP:
        return True
    known = request.session.get(DEVICE)
    person = request.user
    if known is None or not isinstance(person, User):
        return False
    enrolled = second_factor.find_confirmed_device(person)  # one that was reset since opens nothing any more
    return enrolled is not None and enrolled.pk == known


def _by_hand(request: HttpRequest) -> bool:
    """Whether the user is active: what a page asks for by itself does not count, but the claim that is renewed
    only while a person moves or listens."""
    by_script = request.headers.get("Accept", "").startswith("application/json")
    return not by_script or request.path.endswith("/claim/")


def _draw_qr_code(address: str) -> str:
    """A QR code as an image that needs no request."""
    drawn = io.BytesIO()
    qrcode.make(address, image_factory=qrcode.image.svg.SvgPathImage, box_size=12).save(drawn)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()
