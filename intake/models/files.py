"""Delivered bytes, kept once under their SHA-256, and what measuring them found."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from checks.rules.delivered_files import DeliveredFile
from intake.models.leased_work import Work


class Blob(models.Model):
    """A file's bytes in content-addressed storage: whole and verified once ``stored_at`` is set."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    size = models.PositiveBigIntegerField()
    touched_at = models.DateTimeField(default=timezone.now, help_text="Last delivered; unused ones are tidied away.")
    stored_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.sha256

    @property
    def delivered(self) -> DeliveredFile:
        """Its SHA-256 and size, as checks take them."""
        return DeliveredFile(self.sha256, self.size)

    @property
    def path(self) -> str:
        """Its name in the storage."""
        return f"blob/{self.sha256[:2]}/{self.sha256}"


class Analysis(Work):
    """The audio facts of one blob: measured once, however often it is delivered."""

    blob = models.OneToOneField(Blob, primary_key=True, on_delete=models.PROTECT, related_name="analysis")
    name = models.CharField(max_length=255, help_text="The file's name when it was first delivered.")
    version = models.PositiveSmallIntegerField(default=0, help_text="Of the measurement.")
    facts = models.JSONField(null=True, blank=True)
    fingerprint = models.BinaryField(default=b"", blank=True)

    class Meta:
        verbose_name_plural = "analyses"
        indexes = [models.Index(fields=["status", "lease_until"], name="analysis_open")]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class Picture(models.Model):
    """The picture of a file's sound, in a table of its own: 100 kB that only the search for copies reads."""

    analysis = models.OneToOneField(Analysis, primary_key=True, on_delete=models.CASCADE, related_name="picture")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"Picture of {self.analysis_id}"
