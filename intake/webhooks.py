"""What partners and labels hear of, and in which words (Standard Webhooks)."""

from __future__ import annotations

import json

from django.conf import settings
from django.db.models import Q, QuerySet

from intake.models import Endpoint, Event, Submission
from intake.states import CLEARED, State

#: Every type of event that an endpoint can subscribe to.
TYPES = (
    "submission.received",
    "submission.approved",
    "submission.labelled",
    "submission.in_review",
    "submission.rejected",
    "submission.returned",
    "submission.withdrawn",
    "submission.reopened",
    "labels.changed",
    "appeal.opened",
    "appeal.decided",
    "endpoint.test",
)


def audience(submission: Submission, event: Event) -> QuerySet[Endpoint]:
    """The endpoints that an event concerns: the label's own, and partners' once something is, or was, cleared."""
    concerned = Q(label_id=submission.label_id)
    if submission.state in CLEARED or _was_cleared(submission, event):
        concerned |= Q(partner__isnull=False)
    return Endpoint.objects.filter(concerned, disabled_at__isnull=True, deleted_at__isnull=True)


def body(submission: Submission, event: Event) -> str:
    """The text that is signed and sent; it stays the same over all attempts."""
    decision = submission.decision
    document = {
        "type": event.type,
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "id": str(submission.pk),
            "state": submission.state,
            "verdict": submission.verdict or None,
            "labels": [
                {key: label[key] for key in ("key", "value", "basis", "code")}
                for label in (decision.labels if decision else [])
            ],
            "upc": submission.upc or None,
            "isrcs": [track.isrc for track in submission.tracks.all() if track.isrc],
            "url": f"{settings.GATE_PUBLIC_URL}/api/v1/submissions/{submission.pk}",
            "sequence": event.sequence,
        },
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _was_cleared(submission: Submission, event: Event) -> bool:
    """Whether partners were told of a clearance before this event."""
    cleared = [f"submission.{State.APPROVED}", f"submission.{State.LABELLED}"]
    return submission.events.filter(type__in=cleared, sequence__lt=event.sequence).exists()
