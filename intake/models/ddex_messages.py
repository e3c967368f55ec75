"""DDEX messages that were taken in, so that none is taken in twice."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from intake.models.accounts import Label
from intake.models.submissions import Submission


class DdexMessage(models.Model):
    """The message that a submission came in."""

    submission = models.OneToOneField(Submission, primary_key=True, on_delete=models.PROTECT, related_name="message")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="ddex_messages")
    digest = models.CharField(max_length=64, help_text="SHA-256 of its sender and id.")
    sender = models.CharField(max_length=100)
    message_id = models.CharField(max_length=255)
    version = models.CharField(max_length=10, help_text="Of ERN.")
    received_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["label", "digest"], name="ddex_message_once")]

    def __str__(self) -> str:
        return f"{self.sender} {self.message_id}"
