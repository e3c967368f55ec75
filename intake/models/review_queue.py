"""What makes the queue a queue: why each submission waits, who is looking at it, and which views moderators keep."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from intake.models.accounts import Label
from intake.models.submissions import Submission


class Reason(models.Model):
    """One kind of finding that sent a submission to a human, and what became of it.

    It says again what findings and decisions say, in the shape in which the desk asks: how many wait for this, what
    was decided in like cases. Written with every move into review and out of it.
    """

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="reasons")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    artist = models.CharField(max_length=500)
    code = models.CharField(max_length=60)
    family = models.CharField(max_length=12)
    leads = models.BooleanField(help_text="The first of its family, by which the submission is counted there.")
    waiting = models.BooleanField(default=True)
    outcome = models.CharField(max_length=8, blank=True, default="", help_text="The verdict that a person gave.")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["submission", "code"], name="reason_once")]
        indexes = [
            models.Index(fields=["family"], name="reason_queue", condition=Q(waiting=True, leads=True)),
            models.Index(fields=["code", "outcome"], name="reason_like_cases"),
            models.Index(fields=["code", "-decided_at"], name="reason_lately"),
            models.Index(fields=["label", "code", "outcome"], name="reason_of_label"),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.outcome or 'waiting'})"


class Presence(models.Model):
    """A moderator with a submission's page open; it lapses by itself, and holds nothing."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="watched_by")
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["submission", "moderator"], name="presence_once")]

    def __str__(self) -> str:
        return f"{self.moderator} at {self.seen_at:%H:%M:%S}"


class SavedFilter(models.Model):
    """A view of the queue that a moderator keeps under a name."""

    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="filters")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, help_text="As the address has it: family=match&label=Blue+Buoy.")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["moderator", "name"], name="saved_filter_once")]

    def __str__(self) -> str:
        return self.name
