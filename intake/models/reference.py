"""What submissions are compared with: known recordings."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone

from intake.models.accounts import Label


class KnownRecordingQuerySet(models.QuerySet):
    def current(self) -> Self:
        """In the catalogue: not forgotten."""
        return self.filter(forgotten_at__isnull=True)

    def settled(self) -> Self:
        """In the catalogue as somebody's recording: neither waiting for a decision nor rejected."""
        return self.current().exclude(source__in=(KnownRecording.Source.PENDING, KnownRecording.Source.REJECTED))

    def taught_by(self, label: Label) -> Self:
        """What a label has made known as its own, beside what it has delivered."""
        return self.settled().filter(label=label, source=KnownRecording.Source.LEARNED)

    def pending(self) -> Self:
        """What submissions that are not decided have brought."""
        return self.current().filter(source=KnownRecording.Source.PENDING)


class KnownRecording(models.Model):
    """An entry of the reference catalogue. Its number is its document in the fingerprint index."""

    class Source(models.TextChoices):
        LEARNED = "learned"
        DELIVERED = "delivered"
        PENDING = "pending", "brought by a submission that is not decided"
        BLOCKED = "blocked", "known for being on the blocklist alone"
        REJECTED = "rejected", "brought by a submission that was rejected on a ground that stays down"

    id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64, db_index=True, blank=True, default="")
    title = models.CharField(max_length=500)
    artist = models.CharField(max_length=500, blank=True, default="")
    isrc = models.CharField(max_length=12, blank=True, default="", db_index=True)
    owner = models.CharField(max_length=200, blank=True, default="", db_index=True)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, blank=True, related_name="known_recordings")
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.LEARNED)
    submission = models.ForeignKey(
        "intake.Submission",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="known_recordings",
        help_text="The one that brought it.",
    )
    duration = models.FloatField(default=0.0)
    fingerprint = models.BinaryField()
    #: By which the same fingerprint is known again; see ``intake.services.catalogue.digest``.
    fingerprint_digest = models.CharField(max_length=32, blank=True, default="", db_index=True, editable=False)
    #: Its number in the catalogue that it was learned from.
    external_id = models.CharField(max_length=100, blank=True, default="", db_index=True)
    learned_at = models.DateTimeField(default=timezone.now, editable=False)
    indexed_at = models.DateTimeField(null=True, blank=True, db_index=True)
    forgotten_at = models.DateTimeField(null=True, blank=True)

    objects = KnownRecordingQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["title"], name="known_recording_titled"),
            models.Index(fields=["artist"], name="known_recording_by"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "owner", "isrc"],
                condition=models.Q(forgotten_at__isnull=True)
                & ~models.Q(sha256="")
                & ~models.Q(source__in=("pending", "rejected")),
                name="known_recording_once",
            ),
            models.UniqueConstraint(
                fields=["fingerprint_digest", "owner", "isrc"],
                condition=models.Q(forgotten_at__isnull=True) & models.Q(sha256="") & ~models.Q(fingerprint_digest=""),
                name="known_fingerprint_once",
            ),
            models.UniqueConstraint(
                fields=["submission", "sha256", "isrc"],
                condition=models.Q(forgotten_at__isnull=True, source="pending"),
                name="pending_recording_once",
            ),
            models.UniqueConstraint(
                fields=["submission", "sha256", "isrc"],
                condition=models.Q(forgotten_at__isnull=True, source="rejected"),
                name="rejected_recording_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} by {self.artist or 'unknown'}"
