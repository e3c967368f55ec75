"""What a label declared about AI, version by version."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from intake.models.submissions import Submission


class Statement(models.Model):
    """One declaration, from the moment that it was handed over; a later one has a higher version. Append-only."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="statements")
    version = models.PositiveSmallIntegerField()
    declared_by = models.CharField(max_length=200)
    declared_at = models.DateTimeField(default=timezone.now, editable=False)
    content = models.JSONField(help_text="The disclosure of each track, and of the cover.")
    confirmed = models.BooleanField(default=False, help_text="By confirming what the files say.")

    class Meta:
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["submission", "version"], name="statement_once")]

    def __str__(self) -> str:
        return f"{self.version} by {self.declared_by}"
