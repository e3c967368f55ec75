"""The blocklist at the desk: read by every moderator, kept by those who decide."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import action, register
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from intake.admin.read_only_admins import ReadOnly
from intake.admin.site import desk
from intake.models import Block, StayDown
from intake.services.people.permissions import name_moderator_actor
from intake.services.review import blocklist


class BlockForm(ModelForm):
    """What a moderator writes; whether it can be blocked, the service says."""

    class Meta:
        model = Block
        fields = ("kind", "value", "reason", "expires_at")
        widgets = {"reason": forms.Textarea(attrs={"rows": 3})}

    by = ""

    def clean(self) -> dict[str, Any]:
        """Block it, so that what is refused is told beside the form."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.instance, self.new = blocklist.add_block(
                cleaned["kind"], cleaned["value"], cleaned["reason"], self.by, expires_at=cleaned["expires_at"]
            )
        except blocklist.Unusable as error:
            raise ValidationError(str(error)) from error
        return cleaned

    def _post_clean(self) -> None:
        """The row is there already; nothing is left to construct."""


@register(Block, site=desk)
class BlockAdmin(ReadOnly):
    """What is blocked, why, and the actor."""

    form = BlockForm
    list_display = ("kind", "value", "recording", "reason", "blocked_by", "blocked_at", "expires_at", "lifted_at")
    list_filter = ("kind",)
    list_select_related = ("recording",)
    search_fields = ("value", "reason", "recording__title")
    ordering = ("-id",)
    actions = ("lift", "reopen")
    fields = ("kind", "value", "reason", "expires_at")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """The right to decide is the right to block."""
        return request.user.has_perm("intake.change_submission")

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return super().get_model_perms(request) | {"add": self.has_add_permission(request)}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows who writes."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        return type("BlockForm", (form,), {"by": name_moderator_actor(request.user)})  # type: ignore[arg-type]

    def save_model(self, request: HttpRequest, obj: Block, form: Any, change: bool) -> None:
        """The service has written the row."""

    @action(description="Lift the chosen blocks", permissions=["add"])
    def lift(self, request: HttpRequest, rows: QuerySet[Block]) -> None:
        """They are on the list no more."""
        count = sum(blocklist.lift_block(row, name_moderator_actor(request.user)) for row in rows)  # type: ignore[arg-type]
        self.message_user(request, f"{count} lifted.", messages.SUCCESS)

    @action(description="Put live releases on the list before a moderator", permissions=["add"])
    def reopen(self, request: HttpRequest, rows: QuerySet[Block]) -> None:
        """What was cleared before the block goes back into the queue."""
        who = name_moderator_actor(request.user)  # type: ignore[arg-type]
        told = [
            submission
            for row in rows.filter(lifted_at=None)
            for submission in blocklist.reopen_affected_submissions(row, who)
        ]
        self.message_user(request, f"{len(told)} submissions heard of it.", messages.SUCCESS)


@register(StayDown, site=desk)
class StayDownAdmin(ReadOnly):
    """What rejections have left behind, with the decision; it is lifted by another decision on the same submission."""

    list_display = ("kind", "value", "title", "artist", "ground", "decision", "created_at", "lifted_at", "lifted_by")
    list_filter = ("kind", "ground")
    list_select_related = ("decision",)
    search_fields = ("value", "title", "artist")
    ordering = ("-id",)
