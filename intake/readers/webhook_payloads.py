"""What partners and labels hear of, in which words, and signed how (Standard Webhooks)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from checks.model.finding import Basis, Label
from checks.policy import Outcome, Policy, Profile, Verdict, decide_partner_outcome
from intake.core.states import CLEARED
from intake.models import Decision, Delivery, Endpoint, Event, Submission

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
TEST = "endpoint.test"
#: By these a partner is told that it may have a release.
CLEARANCES = tuple(f"submission.{state.value}" for state in sorted(CLEARED))
#: What concerns those who received a release. The rest is between the label and the gate.
PARTNER_TYPES = (
    *CLEARANCES,
    "submission.reopened",
    "submission.rejected",
    "submission.returned",
    "submission.withdrawn",
    "labels.changed",
)

#: Bytes of randomness in a secret; the specification asks for 24 to 64.
SECRET_BYTES = 32
_MARK = "whsec_"


def find_event_audience(submission: Submission, event: Event, rules: Policy) -> QuerySet[Endpoint]:
    """The endpoints that an event concerns: the label's own, and those of partners with deliveries that it touches.

    A clearance goes to the partners that may have the release under their profile; what follows it, to them and to
    the receivers of an earlier clearance.
    """
    concerned = Q(label_id=submission.label_id)
    if event.type in PARTNER_TYPES:
        concerned |= _partner_condition(submission, event, rules)
    return Endpoint.objects.filter(concerned, disabled_at__isnull=True, deleted_at__isnull=True)


def build_webhook_body(submission: Submission, event: Event) -> str:
    """The text that is signed and sent; it stays the same over all attempts."""
    decision = submission.decision
    return _serialise_payload(
        event.type,
        event.created_at,
        {
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
        }
        | _appeal_payload(event),
    )


def _appeal_payload(event: Event) -> dict[str, Any]:
    """What an event about an appeal says besides: which, and what came of it."""
    if not event.type.startswith("appeal."):
        return {}
    return {"appeal": {"id": event.data["appeal"], "outcome": event.data.get("outcome")}}


def body_of_test(endpoint: Endpoint, now: dt.datetime) -> str:
    """The text of a test event: about the endpoint itself, and nothing else."""
    url = f"{settings.GATE_PUBLIC_URL}/api/v1/webhook-endpoints/{endpoint.pk}"
    return _serialise_payload(TEST, now, {"id": str(endpoint.pk), "url": url})


def new_secret() -> str:
    """A secret to sign with, as receivers' libraries take it."""
    return _MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign_webhook_headers(webhook_id: str, body: bytes, keys: Iterable[str], now: dt.datetime) -> dict[str, str]:
    """The headers of one attempt: the id stays, time and signatures are fresh; one signature for each secret."""
    timestamp = str(int(now.timestamp()))
    content = b".".join((webhook_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_sign_content(key, content) for key in keys),
    }


def _sign_content(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_MARK))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def _serialise_payload(kind: str, at: dt.datetime, data: dict[str, Any]) -> str:
    document = {"type": kind, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _partner_condition(submission: Submission, event: Event, rules: Policy) -> Q:
    """Those that may have the release under a clearance that this event gives or follows; in two queries."""
    clearances = submission.decisions.kept().filter(verdict__in=(Verdict.APPROVE, Verdict.LABEL)).order_by("-number")
    clearing = event.type in CLEARANCES
    judged = list(clearances[:1] if clearing else clearances)
    if not judged:
        return Q(pk__in=())
    withheld = [name for name, profile in rules.profiles.items() if _is_withheld_from(profile, judged)]
    concerned = Q(partner__isnull=False) & ~Q(partner__profile__in=withheld)
    if clearing:
        return concerned
    told = Delivery.objects.filter(endpoint__partner=OuterRef("partner"), event__submission=submission)
    told = told.exclude(status=Delivery.Status.CANCELLED)
    return concerned | Q(Exists(told.filter(type__in=CLEARANCES)))


def _is_withheld_from(profile: Profile, decisions: Iterable[Decision]) -> bool:
    return all(
        decide_partner_outcome(profile, Verdict(decision.verdict), _decision_labels(decision))[0] is Outcome.WITHHOLD
        for decision in decisions
    )


def _decision_labels(decision: Decision) -> list[Label]:
    return [Label(label["key"], label["value"], Basis(label["basis"])) for label in decision.labels]
