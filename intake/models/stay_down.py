"""What rejections leave behind, so that the rejected content is recognised when it is delivered again."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from intake.core.uuid7 import uuid7
from intake.models.known_recordings import KnownRecording
from intake.models.submissions import Decision


class StayDownQuerySet(models.QuerySet):
    """What checks and services read."""

    def standing(self) -> Self:
        """In force: the decision behind it was neither overturned nor taken back."""
        return self.filter(lifted_at__isnull=True)


class StayDown(models.Model):
    """One sound, file or ISRC of a rejected submission, with the decision. One that was lifted stays as evidence."""

    class Kind(models.TextChoices):
        RECORDING = "recording", "recording, by its sound"
        FILE = "file", "file (SHA-256)"
        ISRC = "isrc", "ISRC"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="stay_downs")
    ground = models.CharField(max_length=40, help_text="The policy's reason for the rejection.")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    value = models.CharField(max_length=200, help_text="In canonical form; of a recording the SHA-256 of its file.")
    title = models.CharField(max_length=500, help_text="Of the track.")
    artist = models.CharField(max_length=500, blank=True, default="")
    recording = models.ForeignKey(
        KnownRecording, on_delete=models.PROTECT, null=True, blank=True, related_name="stay_downs"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True, default="")
    lifted_with = models.ForeignKey(
        Decision,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="lifted_stay_downs",
        help_text="The later decision that ended it.",
    )

    objects = StayDownQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stay-downs"
        indexes = [
            models.Index(fields=["kind", "value"], condition=Q(lifted_at__isnull=True), name="stay_down_standing")
        ]
        constraints = [
            models.CheckConstraint(
                name="stay_down_of_a_recording_names_it",
                condition=Q(kind="recording", recording__isnull=False) | (~Q(kind="recording") & Q(recording=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value} ({self.ground})"
