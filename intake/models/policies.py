"""Which policies were in force since when, who adopted them and why; and what a candidate would have done."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from intake.core.uuid7 import uuid7
from intake.models.leased_work import Work


class PolicyChange(models.Model):
    """Another policy came into force. Append-only: the last one is the one that was seen last."""

    version = models.CharField(max_length=40)
    digest = models.CharField(max_length=80)
    content = models.TextField(help_text="The whole file.")
    actor = models.CharField(max_length=200, help_text='"file" where the file was changed by hand.')
    reason = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.version} by {self.actor}"


class PolicyTrial(Work):
    """A candidate policy held against the past; carried out by a worker, and changing nothing."""

    id: models.UUIDField[uuid.UUID, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.CharField(max_length=40)
    digest = models.CharField(max_length=80)
    content = models.TextField()
    days = models.PositiveSmallIntegerField()
    asked_by = models.CharField(max_length=200)
    result = models.JSONField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} over {self.days} days"
