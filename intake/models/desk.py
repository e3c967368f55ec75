"""What moderators leave behind at the desk besides decisions: what they listened to and looked at."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from intake.models.submissions import Submission

#: Of what was looked at; longer names are cut.
WHAT_LENGTH = 300


class Viewing(models.Model):
    """One look at something private: a delivered recording, its picture, a document. Append-only."""

    actor = models.CharField(max_length=200, db_index=True)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, null=True, blank=True, related_name="viewings")
    what = models.CharField(
        max_length=WHAT_LENGTH, help_text='"audio 01.flac", "known recording 17", "spectrogram 02.flac".'
    )
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.actor}: {self.what}"
