"""What must not come in again without a person looking at it: numbers, parties, files and recordings."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from intake.core.uuid7 import uuid7
from intake.models.accounts import Label
from intake.models.known_recordings import KnownRecording


class BlockQuerySet(models.QuerySet):
    def standing(self, now: dt.datetime | None = None) -> Self:
        """In force: neither lifted nor expired."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now or timezone.now()), lifted_at__isnull=True)


class Block(models.Model):
    """One entry of the blocklist, with who put it there and why. One that was lifted stays as evidence."""

    class Kind(models.TextChoices):
        ISRC = "isrc", "ISRC"
        UPC = "upc", "UPC"
        PARTY = "party", "party"
        FILE = "file", "file (SHA-256)"
        RECORDING = "recording", "recording, by its sound"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    value = models.CharField(max_length=200, help_text="In canonical form; a recording's number in the catalogue.")
    recording = models.ForeignKey(
        KnownRecording, on_delete=models.PROTECT, null=True, blank=True, related_name="blocks"
    )
    reason = models.CharField(max_length=500, help_text="For moderators alone.")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, blank=True, related_name="blocks")
    blocked_by = models.CharField(max_length=200)
    blocked_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True, default="")
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects = BlockQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "value"], condition=Q(lifted_at__isnull=True), name="block_once"),
            models.CheckConstraint(
                name="block_of_a_recording_names_it",
                condition=Q(kind="recording", recording__isnull=False) | (~Q(kind="recording") & Q(recording=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}"

    def stands(self, now: dt.datetime) -> bool:
        return self.lifted_at is None and (self.expires_at is None or now < self.expires_at)
