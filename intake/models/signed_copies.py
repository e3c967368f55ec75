"""Copies of cleared files that say, in a signed manifest, what was decided about AI."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import F, OuterRef, Subquery

from intake.core.uuid7 import uuid7
from intake.models.files import Blob
from intake.models.leased_work import Work, WorkQuerySet
from intake.models.submissions import Decision, Resource, Submission


class MarkedFileQuerySet(WorkQuerySet):
    """What screens and endpoints read."""

    def standing(self) -> Self:
        """Of the decisions that stand: a later one of the same submission takes its place."""
        last = Decision.objects.filter(submission=OuterRef("submission")).order_by("-number").values("pk")[:1]
        return self.annotate(_last=Subquery(last)).filter(decision=F("_last"))


class MarkedFile(Work):
    """One audio file to be marked because of one decision, and what came of it."""

    class Outcome(models.TextChoices):
        MARKED = "marked"
        REFUSED = "refused"  # this file cannot be marked: ``because`` says why
        OVERTAKEN = "overtaken"  # the decision stood no longer when its turn came

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="marked_files")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="marked_files")
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="marked_files")
    source_type = models.CharField(max_length=60, help_text="IPTC digital source type that the labels come to.")
    labels = models.JSONField(default=list)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")
    because = models.CharField(max_length=300, blank=True, default="")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, blank=True, related_name="marked_files")
    sound = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of the coded sound, in the original and in this copy."
    )
    signer = models.CharField(max_length=500, blank=True, default="")

    objects = MarkedFileQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "resource"], name="marked_file_once")]
        indexes = [models.Index(fields=["status", "lease_until"], name="marked_file_open")]

    def __str__(self) -> str:
        return f"{self.resource_id} ({self.outcome or self.status})"
