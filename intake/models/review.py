"""What belongs to a submission at the desk besides its decisions: notes, proposals, appeals, and who looked."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils import timezone

from checks.model.finding import Route
from intake.core.states import CLEARED
from intake.core.uuid7 import uuid7
from intake.models.files import Blob
from intake.models.person_keys import person_key
from intake.models.submissions import Decision, Submission

#: Of what was looked at; longer names are cut.
WHAT_LENGTH = 300


class Viewing(models.Model):
    """One look at something private: a delivered recording, its picture, a document. Append-only."""

    actor = models.CharField(max_length=200, db_index=True, help_text="The name as it was at the time.")
    viewer = person_key("The account that looked; the name may change.")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, null=True, blank=True, related_name="viewings")
    what = models.CharField(
        max_length=WHAT_LENGTH, help_text='"audio 01.flac", "known recording 17", "spectrogram 02.flac".'
    )
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.actor}: {self.what}"


class AcceptedConsentQuerySet(models.QuerySet):
    """What checks read."""

    def standing(self) -> Self:
        """Those with a decision that was not taken back, of releases that are cleared still."""
        return self.filter(decision__undone_by__isnull=True, submission__state__in=CLEARED)


class AcceptedConsent(models.Model):
    """A document of consent that a person looked at and accepted for one part of one recording. Append-only."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="accepted_consents")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="accepted_consents")
    actor = models.CharField(max_length=200, help_text="Who looked at it and accepted it.")
    name = models.CharField(max_length=255, help_text="Of the delivered file.")
    sha256 = models.CharField(max_length=64, db_index=True)
    isrc = models.CharField(max_length=12, blank=True, default="")
    element = models.CharField(max_length=40, help_text="The part that imitates, as the disclosure names it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AcceptedConsentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "sha256", "isrc", "element"], name="accepted_consent_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.element}), accepted by {self.actor}"


class Note(models.Model):
    """What a moderator wrote down about a submission; a public one is shown to the label. Append-only."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="notes")
    actor = models.CharField(max_length=200)
    text = models.TextField()
    public = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.text[:60]}"


class Proposal(models.Model):
    """A rejection that waits for a second moderator, because the policy asks four eyes for its reason."""

    class Outcome(models.TextChoices):
        SECONDED = "seconded"
        DECLINED = "declined"
        OVERTAKEN = "overtaken"  # decided otherwise, or taken back by the label

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="proposals")
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proposals")
    code = models.CharField(max_length=40)
    reason = models.TextField()
    note = models.TextField(blank=True, default="")
    language = models.CharField(max_length=8, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")
    ended_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["submission"], condition=Q(ended_at__isnull=True), name="proposal_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} by {self.moderator} ({self.outcome or 'open'})"


class AppealQuerySet(models.QuerySet):
    """What screens, services and figures read."""

    def open(self) -> Self:
        """Not decided yet."""
        return self.filter(decided_at__isnull=True)

    def by_check(self) -> list[tuple[str, str, int, int]]:
        """(check, code, appeals decided, of these overturned) for every kind of finding that held or labelled what
        was appealed against: where the gate, or the moderator, was wrong."""
        told = (Route.REVIEW, Route.BLOCK, Route.LABEL)
        rows = (
            self.filter(decided_at__isnull=False, submission__findings__route__in=told)
            .exclude(outcome=Appeal.Outcome.WITHDRAWN)
            .order_by()
            .values_list("submission__findings__check_run__name", "submission__findings__code")
            .annotate(
                decided=Count("pk", distinct=True),
                overturned=Count("pk", distinct=True, filter=Q(outcome=Appeal.Outcome.OVERTURNED)),
            )
        )
        return sorted(rows, key=lambda row: (-row[3], row[0], row[1]))


class Appeal(models.Model):
    """A label's objection to a decision; another moderator than the first decides it, within its own time."""

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed"
        OVERTURNED = "overturned"
        WITHDRAWN = "withdrawn"  # the label took the submission back

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="appeals")
    against = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="appeals")
    statement = models.TextField()
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.OneToOneField(
        Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="decided_appeal"
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")

    objects = AppealQuerySet.as_manager()

    class Meta:
        ordering = ["opened_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["submission"], condition=Q(decided_at__isnull=True), name="appeal_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"Appeal of {self.submission} ({self.outcome or 'open'})"


class AppealFile(models.Model):
    """A document that a label sent with its appeal."""

    appeal = models.ForeignKey(Appeal, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="appeal_files")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["appeal", "name"], name="appeal_file_once")]

    def __str__(self) -> str:
        return self.name
