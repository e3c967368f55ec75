"""Where events go: endpoints, the one delivery of each event to each of them, and every attempt."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from intake.core.uuid7 import uuid7
from intake.models.accounts import Label, Partner
from intake.models.submissions import Event


class Endpoint(models.Model):
    """A URL of a label or a partner that wants to hear of events."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, blank=True, related_name="endpoints")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="endpoints")
    url = models.URLField(max_length=500)
    types = models.JSONField(default=list, help_text="Event types it subscribed to.")
    secret = models.CharField(max_length=100)
    previous_secret = models.CharField(max_length=100, blank=True, default="")
    previous_until = models.DateTimeField(null=True, blank=True, help_text="Until then both secrets sign.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    subscribed_at = models.DateTimeField(default=timezone.now, help_text="Since when it wants these types.")
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_because = models.CharField(max_length=200, blank=True, default="")
    failing_since = models.DateTimeField(
        null=True, blank=True, help_text="The first failure since it last took a delivery."
    )
    last_failed_at = models.DateTimeField(null=True, blank=True, help_text="The last failure, whatever came after it.")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="endpoint_has_one_owner",
                condition=models.Q(label__isnull=False) ^ models.Q(partner__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def active(self) -> bool:
        return self.disabled_at is None and self.deleted_at is None

    @property
    def owner_id(self) -> uuid.UUID:
        """The id of the label or partner that it belongs to."""
        return self.label_id or self.partner_id  # type: ignore[return-value] # the constraint says: one of them


class Delivery(models.Model):
    """One event to one endpoint. Its id is the ``webhook-id``; its body never changes."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"  # all tries used up; can be replayed
        CANCELLED = "cancelled"  # its decision was taken back before it left

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deliveries")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, blank=True, related_name="deliveries")
    type = models.CharField(max_length=40)
    body = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then its decision can be taken back, and nobody is told."
    )
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When a message was last sent for it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "endpoint"], condition=models.Q(event__isnull=False), name="delivery_once"
            )
        ]
        indexes = [
            models.Index(fields=["status", "next_attempt_at"], name="delivery_due"),
            models.Index(fields=["endpoint", "status", "next_attempt_at"], name="delivery_of_endpoint"),
            models.Index(fields=["endpoint"], condition=models.Q(lease_token__isnull=False), name="delivery_held"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.endpoint} ({self.status})"


class Attempt(models.Model):
    """One try to send one delivery."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)
    milliseconds = models.PositiveIntegerField(default=0)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, default="")
    response = models.TextField(blank=True, default="", help_text="The first kilobyte of the answer.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"{self.number}: {self.status_code or self.error}"
