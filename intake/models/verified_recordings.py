"""What this installation knows about acoustic traces: recordings that people are verified to have made."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class VerifiedRecording(models.Model):
    """A recording that a moderator vouches for as made by people. Its bytes may go; its score stays."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    source = models.CharField(max_length=200, help_text="Whose it is: scores of one source resemble each other.")
    score = models.FloatField(help_text="The highest z of all rates.")
    rate_hz = models.FloatField()
    feature_version = models.CharField(max_length=40, db_index=True, help_text="Only scores of one version compare.")
    verified_by = models.CharField(max_length=200)
    reason = models.TextField(help_text="How it is known.")
    verified_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["feature_version", "score"], name="verified_recording_score")]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} of {self.source}: z {self.score:.1f}"


class SpeedTest(models.Model):
    """What a moderator found when asking whether a recording was sped up or slowed down to hide its traces."""

    sha256 = models.CharField(max_length=64, db_index=True)
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    answer = models.JSONField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.sha256[:12]}, asked by {self.asked_by}"
