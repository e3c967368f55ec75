"""The rows behind the desk, to look up and never to change: nothing here can be added, edited or deleted."""

from __future__ import annotations

from typing import Any, ClassVar

import structlog
from django.contrib import messages
from django.contrib.admin import ModelAdmin, TabularInline, action, display, register
from django.contrib.auth.models import User
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from intake.admin import file_streaming
from intake.admin.login import has_recent_password, prove_first
from intake.admin.site import desk
from intake.models import (
    Analysis,
    ApiKey,
    Appeal,
    ArtistIdentifier,
    ArtistKey,
    Attempt,
    Authorisation,
    Blob,
    CheckRun,
    Decision,
    Delivery,
    Endpoint,
    Event,
    Finding,
    KnownRecording,
    Label,
    MarkedFile,
    Note,
    Partner,
    Proposal,
    ProtectedArtist,
    ProtectedName,
    Viewing,
)
from intake.services.people import accounts, permissions
from intake.services.people.permissions import Action
from intake.services.webhooks import webhook_delivery

log = structlog.get_logger(__name__)


class Untouchable:
    """No adding, no editing, no deleting, also by superusers."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnly(Untouchable, ModelAdmin):
    """An admin that only shows."""

    actions: Any = ()
    list_per_page = 50
    show_full_result_count = False
    show_facets = ModelAdmin.show_facets.NEVER

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        # Django lets users with the change permission also view; here the right to change is the right to decide.
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_module_perms(self.opts.app_label)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {"add": False, "change": False, "delete": False, "view": self.has_view_permission(request)}


class ReadOnlyRows(Untouchable, TabularInline):
    """Rows shown with the row that they belong to."""

    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")


def _review_link(submission_id: object, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:intake_submission_change", args=[submission_id]), text)


class OfSubmission(ReadOnly):
    """Rows that belong to a submission, with the way to its review page."""

    list_select_related: ClassVar[tuple[str, ...]] = ("submission",)

    @display(description="submission")
    def release(self, row: Any) -> SafeString:
        return _review_link(row.submission_id, str(row.submission))


@register(Label, site=desk)
class LabelAdmin(ReadOnly):
    list_display = ("name", "names", "created_at")
    search_fields = ("name",)


@register(Partner, site=desk)
class PartnerAdmin(ReadOnly):
    list_display = ("slug", "profile", "created_at")
    search_fields = ("slug",)


@register(ApiKey, site=desk)
class ApiKeyAdmin(ReadOnly):
    """Keys by their prefix; the hash stays private."""

    list_display = ("prefix", "label", "partner", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("label", "partner")
    search_fields = ("prefix", "label__name", "partner__slug")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_keys_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and permissions.is_permitted(request.user, Action.KEYS)

    @action(permissions=["keys"], description="Revoke the selected keys")
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> HttpResponse | None:
        """Close keys for good, after a recent password."""
        if not has_recent_password(request):
            return prove_first(request, request.get_full_path())
        for key in keys:
            accounts.revoke_api_key(key)
            log.warning("api_key.revoked", key=key.prefix, by=request.user.get_username())
        messages.success(request, f"{len(keys)} revoked: they open nothing any more.")
        return None


@register(Viewing, site=desk)
class ViewingAdmin(ReadOnly):
    """Who heard and saw what was delivered in confidence, for auditors."""

    list_display = ("at", "actor", "what", "submission")
    list_select_related: ClassVar[tuple[str, ...]] = ("submission",)
    search_fields = ("actor", "what")
    date_hierarchy = "at"
    ordering = ("-id",)


@register(Appeal, site=desk)
class AppealAdmin(OfSubmission):
    list_display = ("opened_at", "release", "against", "outcome", "due_at", "decided_at", "decision")
    list_filter = ("outcome",)
    list_select_related = ("submission", "against", "decision")
    ordering = ("-id",)


@register(Note, site=desk)
class NoteAdmin(OfSubmission):
    list_display = ("created_at", "actor", "release", "text", "public")
    list_filter = ("public",)
    ordering = ("-id",)


@register(Proposal, site=desk)
class ProposalAdmin(OfSubmission):
    list_display = ("created_at", "moderator", "code", "release", "outcome", "ended_by", "ended_at")
    list_filter = ("outcome", "code")
    list_select_related = ("submission", "moderator")
    ordering = ("-id",)


@register(CheckRun, site=desk)
class CheckRunAdmin(OfSubmission):
    list_display = ("name", "version", "status", "release", "attempts", "started_at", "finished_at")
    list_filter = ("status", "name")
    exclude = ("lease_token",)
    ordering = ("-id",)


@register(Finding, site=desk)
class FindingAdmin(OfSubmission):
    list_display = ("code", "severity", "route", "subject", "message", "release", "private")
    list_filter = ("severity", "route", "private")
    search_fields = ("code", "message")
    ordering = ("-id",)


@register(Decision, site=desk)
class DecisionAdmin(OfSubmission):
    list_display = ("created_at", "verdict", "actor", "release", "why", "policy_version")
    list_filter = ("verdict",)
    search_fields = ("actor",)
    ordering = ("-id",)

    @display(description="reasons")
    def why(self, row: Decision) -> str:
        return ", ".join(row.reasons)


@register(Event, site=desk)
class EventAdmin(OfSubmission):
    list_display = ("created_at", "type", "sequence", "actor", "release")
    list_filter = ("type",)
    search_fields = ("actor",)
    ordering = ("-id",)


@register(Analysis, site=desk)
class AnalysisAdmin(ReadOnly):
    """What measuring each file found."""

    list_display = ("name", "status", "version", "attempts", "error", "finished_at")
    list_filter = ("status",)
    search_fields = ("name", "blob__sha256")
    exclude = ("lease_token",)
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Analysis]:
        return super().get_queryset(request).defer("fingerprint")


@register(MarkedFile, site=desk)
class MarkedFileAdmin(OfSubmission):
    """Copies of cleared files with a signed manifest, what it says, and why there is none of some."""

    list_display = ("file", "release", "outcome", "status", "source_type", "because", "signer", "finished_at")
    list_filter = ("outcome", "status", "source_type")
    search_fields = ("resource__name", "blob__sha256", "sound")
    exclude = ("lease_token",)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MarkedFile]:
        return super().get_queryset(request).select_related("resource")

    @display(description="file")
    def file(self, row: MarkedFile) -> str:
        return row.resource.name


@register(KnownRecording, site=desk)
class KnownRecordingAdmin(ReadOnly):
    """The reference catalogue, with the sound where its bytes are on file."""

    list_display = ("title", "artist", "isrc", "owner", "source", "learned_at", "forgotten_at")
    list_filter = ("source",)
    list_select_related = ("label",)
    search_fields = ("title", "artist", "isrc", "owner")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[KnownRecording]:
        return super().get_queryset(request).defer("fingerprint")

    def get_urls(self) -> list[URLPattern]:
        hear = self.admin_site.admin_view(require_safe(self.audio_view))
        look = self.admin_site.admin_view(require_safe(self.waveform_view))
        return [
            path("<int:pk>/audio/", hear, name="intake_knownrecording_audio"),
            path("<int:pk>/waveform.json", look, name="intake_knownrecording_waveform"),
            *super().get_urls(),
        ]

    def waveform_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """What the player draws of a known recording."""
        file_streaming.require_listening_right(request)
        recording = get_object_or_404(KnownRecording, pk=pk)
        return file_streaming.answer_waveform_json(
            Blob.objects.filter(pk=recording.sha256, stored_at__isnull=False).first()
        )

    def audio_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The known recording's sound."""
        file_streaming.require_listening_right(request)
        recording = get_object_or_404(KnownRecording.objects.defer("fingerprint"), pk=pk)
        blob = Blob.objects.filter(pk=recording.sha256, stored_at__isnull=False).first()
        if blob is None:
            raise Http404("no audio of it on file")
        file_streaming.record_file_view(request, None, f"known recording {pk}")
        return file_streaming.stream_stored_file(request, blob, recording.title, "audio", recording=pk)


class ProtectedNameRows(ReadOnlyRows):
    model = ProtectedName
    fields = ("name", "kind")


class IdentifierRows(ReadOnlyRows):
    model = ArtistIdentifier


class AuthorisationRows(ReadOnlyRows):
    """Who may deliver, who vouched for it, and who could once."""

    model = Authorisation
    fields = ("label", "vouched_by", "vouched_at", "ended_by", "ended_at")
    readonly_fields = ("vouched_at",)


class ArtistKeyRows(ReadOnlyRows):
    """Keys by their prefix; the hash stays private."""

    model = ArtistKey
    fields = ("prefix", "issued_by", "created_at", "uses", "last_used_at", "revoked_by", "revoked_at")
    readonly_fields = ("created_at",)


@register(ProtectedArtist, site=desk)
class ProtectedArtistAdmin(ReadOnly):
    """The registry: an artist's names and identifiers, who may use them and who vouched, and the keys given away."""

    list_display = ("name", "other_names", "may_deliver", "valid_keys", "uses", "created_at", "retired_at")
    search_fields = ("name", "protected_names__name", "identifiers__value", "artist_keys__prefix")
    inlines = (ProtectedNameRows, IdentifierRows, AuthorisationRows, ArtistKeyRows)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProtectedArtist]:
        return ProtectedArtist.objects.whole()

    @display(description="also known as")
    def other_names(self, row: ProtectedArtist) -> str:
        return ", ".join(name.name for name in row.protected_names.all() if name.name != row.name)

    @display(description="may deliver")
    def may_deliver(self, row: ProtectedArtist) -> str:
        return ", ".join(label.name for label in row.may_deliver())

    @display(description="valid keys")
    def valid_keys(self, row: ProtectedArtist) -> str:
        return ", ".join(f"{key.prefix}…" for key in row.artist_keys.all() if key.revoked_at is None)

    @display(description="key uses")
    def uses(self, row: ProtectedArtist) -> int:
        return sum(key.uses for key in row.artist_keys.all())


@register(Endpoint, site=desk)
class EndpointAdmin(ReadOnly):
    """Where webhooks go; the secrets that sign them are not shown."""

    list_display = ("url", "label", "partner", "types", "created_at", "failing_since", "disabled_at", "deleted_at")
    list_select_related = ("label", "partner")
    search_fields = ("url", "label__name", "partner__slug")
    exclude = ("secret", "previous_secret")
    readonly_fields = ("url",)  # a URL field of a form would have to know how to complete one


class AttemptRows(ReadOnlyRows):
    model = Attempt


@register(Delivery, site=desk)
class DeliveryAdmin(ReadOnly):
    """Webhooks on their way, with every attempt; those that failed can be sent again."""

    list_display = ("created_at", "type", "endpoint", "status", "attempts_made", "next_attempt_at", "delivered_at")
    list_filter = ("status", "type")
    list_select_related = ("endpoint",)
    exclude = ("lease_token", "lease_until")
    inlines = (AttemptRows,)
    ordering = ("-id",)
    actions = ("replay",)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("intake.change_delivery"))

    @action(description="Send the selected deliveries again", permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        count = 0
        for delivery in chosen:
            webhook_delivery.replay_delivery(delivery)
            count += 1
        messages.success(request, f"{count} {'delivery' if count == 1 else 'deliveries'} will be sent again.")
