"""What submissions are compared with: known recordings and protected names."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone

from intake.models.accounts import Label
from intake.models.ids import uuid7


class KnownRecordingQuerySet(models.QuerySet):
    def current(self) -> Self:
        """In the catalogue: not forgotten."""
        return self.filter(forgotten_at__isnull=True)


class KnownRecording(models.Model):
    """An entry of the reference catalogue. Its number is its document in the fingerprint index."""

    class Source(models.TextChoices):
        LEARNED = "learned"
        DELIVERED = "delivered"

    id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64, db_index=True, blank=True, default="")
    title = models.CharField(max_length=500)
    artist = models.CharField(max_length=500, blank=True, default="")
    isrc = models.CharField(max_length=12, blank=True, default="", db_index=True)
    owner = models.CharField(max_length=200, blank=True, default="", db_index=True)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, blank=True, related_name="known_recordings")
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.LEARNED)
    duration = models.FloatField(default=0.0)
    fingerprint = models.BinaryField()
    learned_at = models.DateTimeField(default=timezone.now, editable=False)
    indexed_at = models.DateTimeField(null=True, blank=True, db_index=True)
    forgotten_at = models.DateTimeField(null=True, blank=True)

    objects = KnownRecordingQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["title"], name="known_recording_titled")]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "owner", "isrc"],
                condition=models.Q(forgotten_at__isnull=True) & ~models.Q(sha256=""),
                name="known_recording_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} by {self.artist or 'unknown'}"


class ProtectedArtist(models.Model):
    """An artist whose identity the registry guards."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200, unique=True)
    labels = models.ManyToManyField(
        Label, blank=True, related_name="protected_artists", help_text="Who may deliver under this name."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class ProtectedName(models.Model):
    """A name or alias of a protected artist."""

    artist = models.ForeignKey(ProtectedArtist, on_delete=models.CASCADE, related_name="protected_names")
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["artist", "name"], name="protected_name_once")]

    def __str__(self) -> str:
        return self.name


class NameKey(models.Model):
    """A key under which a protected name is searched (see ``checks.names.search_keys``)."""

    name = models.ForeignKey(ProtectedName, on_delete=models.CASCADE, related_name="keys")
    key = models.CharField(max_length=200, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "key"], name="name_key_once")]

    def __str__(self) -> str:
        return self.key
