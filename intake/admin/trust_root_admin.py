"""The trust list at the desk: roots are looked up, added and withdrawn here, and never changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import EmptyFieldListFilter, action, register
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from checks.analysis.c2pa_trust import NotARoot
from intake.admin.login import has_recent_password, prove_first
from intake.admin.read_only_admins import ReadOnly
from intake.admin.site import desk
from intake.models import TrustRoot
from intake.services.people.permissions import RIGHTS, Action
from intake.services.provenance import trust_roots


class TrustRootForm(forms.ModelForm):
    """A root's certificate, and who vouched for it."""

    class Meta:
        model = TrustRoot
        fields = ("pem", "note")

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        try:
            root = trust_roots.parse_trust_root(values.get("pem", ""), values.get("note", ""))
        except NotARoot as error:
            raise forms.ValidationError(str(error)) from error
        if TrustRoot.objects.current().filter(fingerprint=root.fingerprint).exists():
            raise forms.ValidationError("This root is on the list.")
        return values


@register(TrustRoot, site=desk)
class TrustRootAdmin(ReadOnly):
    """Trusted signers. Roots are added and withdrawn with the right to do so, and never changed."""

    form = TrustRootForm
    list_display = ("subject", "note", "added_by", "added_at", "not_after", "withdrawn_at")
    list_filter = (("withdrawn_at", EmptyFieldListFilter),)
    search_fields = ("subject", "fingerprint", "note")
    ordering = ("-id",)
    actions = ("withdraw",)

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        if obj is None:
            return TrustRootForm.Meta.fields
        return [field.name for field in TrustRoot._meta.fields if field.name != "id"]

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.has_withdraw_permission(request)

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        """One right for both: adding and withdrawing a root."""
        return bool(request.user.has_perm(f"intake.{RIGHTS[Action.TRUST]}"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A change of trust needs a recent password."""
        if self.has_add_permission(request) and not has_recent_password(request):
            return prove_first(request, request.get_full_path())
        return super().add_view(request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: TrustRoot, form: Any, change: bool) -> None:
        row, _ = trust_roots.add_trust_root(
            form.cleaned_data["pem"], form.cleaned_data["note"], _actor_of_request(request)
        )
        obj.__dict__.update(row.__dict__)  # what Django goes on to report

    @action(description="Withdraw the selected roots", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[TrustRoot]) -> HttpResponse | None:
        if not has_recent_password(request):
            return prove_first(request, request.get_full_path())
        count = sum(trust_roots.withdraw_trust_root(row, _actor_of_request(request)) for row in chosen)
        messages.success(request, f"{count} {'root is' if count == 1 else 'roots are'} trusted no longer.")
        return None


def _actor_of_request(request: HttpRequest) -> str:
    return f"moderator:{request.user.get_username()}"
