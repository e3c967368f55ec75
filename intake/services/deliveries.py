"""Webhooks on their way: one delivery of each event to each endpoint that wants it."""

from __future__ import annotations

from django.utils import timezone

from intake import webhooks
from intake.models import Delivery, Event, Submission


def post(submission: Submission, event: Event) -> None:
    """Write the deliveries of an event, within the transaction that wrote the event (the outbox)."""
    if event.type not in webhooks.TYPES:
        return
    endpoints = [one for one in webhooks.audience(submission, event) if event.type in one.types]
    body = webhooks.body(submission, event) if endpoints else ""
    Delivery.objects.bulk_create(
        Delivery(endpoint=endpoint, event=event, type=event.type, body=body, next_attempt_at=timezone.now())
        for endpoint in endpoints
    )
