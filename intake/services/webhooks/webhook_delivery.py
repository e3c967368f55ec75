"""Webhooks on their way: one delivery of each event to each endpoint that wants it, until it is taken or given up."""

from __future__ import annotations

import datetime as dt
import email.utils
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from intake.core import enqueue, webhook_http
from intake.core.webhook_http import Answer
from intake.models import Attempt, Delivery, Endpoint, Event, Label, Partner, Submission
from intake.readers import webhook_payloads
from intake.services.submissions import admission
from intake.services.webhooks import delivery_slots

log = structlog.get_logger(__name__)

PENDING = Delivery.Status.PENDING

#: How long to wait after each failed attempt. One delivery is tried ten times, in a little over three days.
BACKOFF = (
    dt.timedelta(seconds=5),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    dt.timedelta(hours=2),
    dt.timedelta(hours=5),
    dt.timedelta(hours=10),
    dt.timedelta(hours=14),
    dt.timedelta(hours=20),
    dt.timedelta(hours=24),
)
#: A wait may be longer by up to this share, so that what failed together does not come back together.
JITTER = 0.1
#: The longest wait that a receiver can ask for with ``Retry-After``: no longer than our own longest.
RETRY_AFTER_LIMIT = BACKOFF[-1]
#: Answers with which a receiver may say when to come back (RFC 9110, RFC 6585).
_COME_BACK_LATER = (429, 503)
#: The receiver is gone for good, and asks not to be called again.
_GONE = 410

#: An endpoint that took nothing for this long is disabled.
GIVEN_UP_AFTER = dt.timedelta(days=5)
#: Clocks are set wrong by hours, in either direction. Between the first failure and the last one that can make a
#: difference of four hours, which must not disable an endpoint early.
CLOCK_TOLERANCE = dt.timedelta(hours=4)

#: Longer than an attempt can take: the sender's deadline and the writing down of what came of it.
LEASE = dt.timedelta(seconds=30)
#: A bell rung this long ago has been lost.
PATIENCE = dt.timedelta(seconds=30)
#: For this long after a rotation the previous secret signs as well.
BOTH_SECRETS = dt.timedelta(hours=24)
#: Endpoints that one label or partner can have.
MAX_ENDPOINTS = 20


class UnknownType(ValueError):
    """There is no event of this type to subscribe to."""


class TooManyEndpoints(ValueError):
    """The owner has as many endpoints as it can have."""


class Inactive(Exception):
    """The endpoint is disabled or deleted; nothing is sent to it."""


def create_endpoint(owner: Label | Partner, url: str, types: Iterable[str]) -> Endpoint:
    """Subscribe a URL to types of events; its ``secret`` was drawn with it.

    Raises UnsafeURL, UnknownType or TooManyEndpoints.
    """
    webhook_http.parse_target_url(url)
    wanted = _require_known_types(types)
    owned = {"label": owner} if isinstance(owner, Label) else {"partner": owner}
    if Endpoint.objects.filter(**owned, deleted_at__isnull=True).count() >= MAX_ENDPOINTS:
        raise TooManyEndpoints(f"there can be {MAX_ENDPOINTS} endpoints; delete one first")
    return Endpoint.objects.create(**owned, url=url, types=wanted, secret=webhook_payloads.new_secret())


def update_endpoint(
    endpoint: Endpoint, *, url: str | None = None, types: Iterable[str] | None = None, enabled: bool | None = None
) -> Endpoint:
    """Change what is given. An endpoint that is failing stays so until it takes a delivery, whatever its URL is.

    One that is enabled again has as many days as any other before it is given up.
    Raises UnsafeURL, UnknownType, or Inactive where it has been deleted.
    """
    values: dict[str, Any] = {}
    if url is not None and url != endpoint.url:
        webhook_http.parse_target_url(url)
        values |= {"url": url}
    if types is not None:
        values |= {"types": _require_known_types(types), "subscribed_at": timezone.now()}
    if enabled is False and endpoint.disabled_at is None:
        values |= {"disabled_at": timezone.now(), "disabled_because": "switched off by its owner"}
    if enabled and endpoint.disabled_at is not None:
        now = timezone.now()
        failing_since = Case(When(failing_since__isnull=False, then=Value(now)), default=None)
        values |= {
            "disabled_at": None,
            "disabled_because": "",
            "failing_since": failing_since,
            "subscribed_at": now,
        }
    if values and not Endpoint.objects.filter(pk=endpoint.pk, deleted_at__isnull=True).update(**values):
        raise Inactive("the endpoint has been deleted")
    endpoint.refresh_from_db()
    return endpoint


def delete_endpoint(endpoint: Endpoint) -> None:
    """Send nothing to it any more. The row stays, as do its deliveries."""
    Endpoint.objects.filter(pk=endpoint.pk, deleted_at__isnull=True).update(deleted_at=timezone.now())
    endpoint.refresh_from_db()


def rotate_secret(endpoint: Endpoint) -> Endpoint:
    """Draw a new secret; for a day the previous one signs too, so that the receiver can change over without a gap."""
    Endpoint.objects.filter(pk=endpoint.pk).update(
        previous_secret=F("secret"), previous_until=timezone.now() + BOTH_SECRETS, secret=webhook_payloads.new_secret()
    )
    endpoint.refresh_from_db()
    return endpoint


def post_event_deliveries(submission: Submission, event: Event, hold: dt.datetime | None = None) -> None:
    """Write the deliveries of an event, within the transaction that wrote the event (the outbox).

    None of them leaves before ``hold``. Posting an event again changes nothing.
    """
    if event.type not in webhook_payloads.TYPES:
        return
    audience = webhook_payloads.find_event_audience(submission, event, admission.current_policy())
    endpoints = [endpoint for endpoint in audience if event.type in endpoint.types]
    body = webhook_payloads.build_webhook_body(submission, event) if endpoints else ""
    now = timezone.now()
    Delivery.objects.bulk_create(
        [
            Delivery(
                endpoint=endpoint,
                event=event,
                type=event.type,
                body=body,
                next_attempt_at=now,
                held_until=hold,
                rung_at=None if endpoint.failing_since or hold else now,
            )
            for endpoint in endpoints
        ],
        ignore_conflicts=True,
    )
    if hold:
        return  # the pump rings when the moment has passed
    posted = Delivery.objects.filter(event=event, status=PENDING, endpoint__failing_since__isnull=True)
    for pk in posted.values_list("pk", flat=True):
        enqueue.enqueue_task("intake.deliver", str(pk))


def recall_event_deliveries(events: Iterable[Event]) -> bool:
    """Cancel every delivery of these events; False where one is on its way or has arrived.

    Within the caller's transaction, which takes everything back on False. Each row is changed where it still waits:
    a courier that claims it at the same moment finds it cancelled, or has it and makes this False.
    """
    posted = Delivery.objects.filter(event__in=[event.pk for event in events])
    waiting = posted.filter(status=PENDING, lease_token__isnull=True, attempts_made=0)
    cancelled = waiting.update(status=Delivery.Status.CANCELLED, next_attempt_at=None)
    return cancelled == posted.count()


def send_test(endpoint: Endpoint) -> Delivery:
    """Send an endpoint an event that means nothing but that it is reached. Raises Inactive."""
    if not endpoint.active:
        raise Inactive("the endpoint is disabled")
    now = timezone.now()
    body = webhook_payloads.body_of_test(endpoint, now)
    delivery = Delivery.objects.create(endpoint=endpoint, type=webhook_payloads.TEST, body=body, next_attempt_at=now)
    enqueue.enqueue_task("intake.deliver", str(delivery.pk))
    return delivery


def replay_delivery(delivery: Delivery) -> Delivery:
    """Send a delivery again, the same id and body with all its tries; one still waiting goes at once.

    Raises Inactive, also where it tells of a decision that was taken back.
    """
    if delivery.status == Delivery.Status.CANCELLED:
        raise Inactive("the decision that it tells of was taken back")
    if not delivery.endpoint.active:
        raise Inactive("the endpoint is disabled; enable it first")
    now = timezone.now()
    idle = Delivery.objects.filter(pk=delivery.pk, lease_token__isnull=True)
    ended = idle.exclude(status__in=(PENDING, Delivery.Status.CANCELLED))
    if not ended.update(status=PENDING, attempts_made=0, next_attempt_at=now, rung_at=None, delivered_at=None):
        idle.filter(status=PENDING).update(next_attempt_at=now, rung_at=None)
    enqueue.enqueue_task("intake.deliver", str(delivery.pk))
    delivery.refresh_from_db()
    return delivery


def dispatch_due_deliveries(limit: int = 200) -> int:
    """Enqueue the deliveries that are due and may begin now, at most ``limit``, and end those that no receiver takes.

    Returns how many messages it has sent.
    """
    _give_up_inactive()
    _take_back_abandoned()
    return _enqueue_due(Endpoint.objects.all(), limit)


def attempt_delivery(delivery_id: str | uuid.UUID) -> None:
    """Try to send one delivery, where it is its turn and not another's, and write down what came of it."""
    waiting = Delivery.objects.select_related("event", "endpoint").filter(pk=delivery_id).first()
    token = _begin_attempt(waiting) if waiting is not None else None
    if token is None:
        # Its message is used up: it gets the next one as soon as there is room for it.
        refused = Delivery.objects.filter(pk=delivery_id, status=PENDING, lease_token__isnull=True)
        refused.filter(rung_at__isnull=False).update(rung_at=None)
        return
    delivery = Delivery.objects.select_related("event", "endpoint").get(pk=delivery_id)
    endpoint, body, now = delivery.endpoint, delivery.body.encode(), timezone.now()
    keys = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_until and now < endpoint.previous_until:
        keys.append(endpoint.previous_secret)
    answer = webhook_http.send_webhook(
        endpoint.url, webhook_payloads.sign_webhook_headers(str(delivery.pk), body, keys, now), body
    )
    _record_attempt(delivery, token, answer)
    same_owner = Endpoint.objects.filter(label=endpoint.label_id, partner=endpoint.partner_id)
    _enqueue_due(
        same_owner.filter(failing_since__isnull=True), delivery_slots.OWNER_AT_ONCE
    )  # failing ones are left to the pump


class Watch:
    """Finds abandoned leases, by this process's own clock.

    The wall clock cannot tell: when it is set forward by an hour, every lease in the database has run out, and the
    receiver that is being called would be called twice. So the dispatcher remembers since when it has seen a lease, by
    the monotonic clock, which cannot be set.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[uuid.UUID, float] = {}

    def abandoned(self, tokens: Iterable[uuid.UUID]) -> list[uuid.UUID]:
        """Of all the leases that there are now, those held for longer than any attempt can take."""
        with self._lock:
            now = self._clock()
            self._seen = {token: self._seen.get(token, now) for token in tokens}
            return [token for token, since in self._seen.items() if now - since > LEASE.total_seconds()]


_watch = Watch()


def _require_known_types(types: Iterable[str]) -> list[str]:
    wanted = set(types)
    if strangers := sorted(wanted - set(webhook_payloads.TYPES)):
        raise UnknownType(f"unknown: {', '.join(strangers)}")
    if not wanted:
        raise UnknownType("an endpoint subscribes to at least one type of event")
    return [kind for kind in webhook_payloads.TYPES if kind in wanted]


def _earlier_deliveries(endpoint: Any, submission: Any, sequence: Any) -> QuerySet[Delivery]:
    """Deliveries of earlier events of a submission that still wait for the same endpoint; failed ones do not."""
    return Delivery.objects.filter(
        status=PENDING, endpoint=endpoint, event__submission=submission, event__sequence__lt=sequence
    )


def _ripe_condition(now: dt.datetime) -> Q:
    """Free and due. The first try is due at once, whatever the clock was set to since; or,
    where a decision can still be taken back, when that moment has passed. A hold that ends later than any can was
    written before the clock was set back."""
    furthest = now + dt.timedelta(seconds=settings.GATE_UNDO_SECONDS)
    free = Q(held_until__isnull=True) | Q(held_until__lte=now) | Q(held_until__gt=furthest)
    due = Q(attempts_made=0) | Q(next_attempt_at__lte=now)
    return Q(status=PENDING, lease_token__isnull=True) & free & due


def _ready_deliveries(now: dt.datetime) -> QuerySet[Delivery]:
    """Deliveries that could be tried now: ripe, the first of their submission, to an endpoint that is on."""
    first = ~Exists(
        _earlier_deliveries(OuterRef("endpoint"), OuterRef("event__submission"), OuterRef("event__sequence"))
    )
    active = Q(endpoint__disabled_at__isnull=True, endpoint__deleted_at__isnull=True)
    return Delivery.objects.filter(_ripe_condition(now), first, active)


def _due_deliveries(now: dt.datetime) -> QuerySet[Delivery]:
    """Deliveries to enqueue: ready, and no message for them waits."""
    late = Q(rung_at__isnull=True) | Q(rung_at__lt=now - PATIENCE) | Q(rung_at__gt=now)  # sent before the clock was set
    return _ready_deliveries(now).filter(late)


def _enqueue_due(endpoints: QuerySet[Endpoint], limit: int) -> int:
    """Enqueue what is due to these endpoints and may begin now, most overdue first; returns how many messages.

    An endpoint that has just failed stands behind all that have been due since before that, so that none is forgotten
    behind one with a long backlog.
    """
    due = _due_deliveries(timezone.now())
    first = due.filter(endpoint=OuterRef("pk")).order_by("next_attempt_at").values("next_attempt_at")[:1]
    waiting = endpoints.annotate(due_at=Subquery(first)).filter(due_at__isnull=False)
    free, keys = delivery_slots.Slots(), list[uuid.UUID]()
    for endpoint in waiting.order_by(Greatest("due_at", Coalesce("last_failed_at", "due_at")), "pk"):
        number = free.take(endpoint, limit - len(keys))
        if number:
            mine = due.filter(endpoint=endpoint).order_by("next_attempt_at", "pk")
            keys += mine.values_list("pk", flat=True)[:number]
    if keys:
        Delivery.objects.filter(pk__in=keys).update(rung_at=timezone.now())
    for key in keys:
        enqueue.enqueue_task("intake.deliver", str(key))
    return len(keys)


def _begin_attempt(delivery: Delivery) -> uuid.UUID | None:
    """Claim a delivery for one attempt, where its endpoint and its owner have one free; returns the fencing token."""
    if not delivery_slots.Slots().take(delivery.endpoint):
        return None  # seen without a lock: most refusals cost one query
    with transaction.atomic():
        delivery_slots.lock_owner(delivery.endpoint)
        return _claim_delivery(delivery) if delivery_slots.Slots().take(delivery.endpoint) else None


def _claim_delivery(delivery: Delivery) -> uuid.UUID | None:
    """Take a delivery for one attempt; returns the fencing token, or None where it is not its turn, or another's.

    One UPDATE with all conditions on the row itself: with a join they would move into a sub-query, which two
    workers can both pass.
    """
    now, token = timezone.now(), uuid.uuid4()
    open_endpoint = Endpoint.objects.filter(pk=delivery.endpoint_id, disabled_at__isnull=True, deleted_at__isnull=True)
    claimable = Delivery.objects.filter(_ripe_condition(now), Exists(open_endpoint), pk=delivery.pk)
    if event := delivery.event:
        claimable = claimable.filter(
            ~Exists(_earlier_deliveries(delivery.endpoint_id, event.submission_id, event.sequence))
        )
    taken = claimable.update(lease_token=token, lease_until=now + LEASE, attempts_made=F("attempts_made") + 1)
    return token if taken else None


def _record_attempt(delivery: Delivery, token: uuid.UUID, answer: Answer, *, theirs: bool = True) -> None:
    """Write down one attempt and what follows from it, unless the delivery has been taken from us meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        held = Delivery.objects.filter(pk=delivery.pk, lease_token=token)
        if not held.update(
            lease_token=None, lease_until=None, rung_at=None, **_values_after_answer(delivery, answer, now)
        ):
            log.warning("webhook.answered_too_late", delivery=str(delivery.pk), status=answer.status)
            return
        last = delivery.attempts.aggregate(last=Max("number"))["last"] or 0
        Attempt.objects.create(
            delivery=delivery,
            number=last + 1,
            at=now,
            milliseconds=answer.milliseconds,
            status_code=answer.status,
            error=answer.error[:300],
            response=answer.body,
        )
        if theirs:
            _note_health(delivery.endpoint_id, answer, now)


def _values_after_answer(delivery: Delivery, answer: Answer, now: dt.datetime) -> dict[str, Any]:
    """What an answer makes of the delivery."""
    if answer.taken:
        return {"status": Delivery.Status.DELIVERED, "delivered_at": now, "next_attempt_at": None}
    if answer.status == _GONE or delivery.attempts_made > len(BACKOFF):
        return {"status": Delivery.Status.FAILED, "next_attempt_at": None}
    return {"next_attempt_at": now + _wait_before_retry(BACKOFF[delivery.attempts_made - 1], answer, now)}


def _wait_before_retry(step: dt.timedelta, answer: Answer, now: dt.datetime) -> dt.timedelta:
    """How long until the next try: our own step, or longer where the receiver asks for it, within limits."""
    wait = step * (1 + JITTER * secrets.SystemRandom().random())
    if answer.status in _COME_BACK_LATER and (asked := _retry_after(answer.retry_after, now)):
        wait = max(wait, min(asked, RETRY_AFTER_LIMIT))
    return wait


def _retry_after(header: str, now: dt.datetime) -> dt.timedelta | None:
    """A ``Retry-After`` header, in seconds or as a date; None where it is neither."""
    if header.isascii() and header.isdigit():
        return dt.timedelta(seconds=min(int(header), int(RETRY_AFTER_LIMIT.total_seconds())))
    try:
        at = email.utils.parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)) - now


def _note_health(endpoint_id: uuid.UUID, answer: Answer, now: dt.datetime) -> None:
    """Remember since when an endpoint fails; disable one that is gone, or that has failed for days."""
    endpoint = Endpoint.objects.filter(pk=endpoint_id)
    if answer.taken:
        endpoint.filter(failing_since__isnull=False).update(failing_since=None)
        return
    endpoint.update(failing_since=Coalesce("failing_since", Value(now)), last_failed_at=now)
    if answer.status == _GONE:
        _disable_endpoints(endpoint, "the receiver answered 410 Gone", now)
    else:
        days = GIVEN_UP_AFTER.days
        tired = endpoint.filter(failing_since__lte=now - GIVEN_UP_AFTER - CLOCK_TOLERANCE)
        _disable_endpoints(tired, f"every attempt failed for {days} days; last: {answer.error or answer.status}", now)


def _disable_endpoints(endpoints: QuerySet[Endpoint], because: str, now: dt.datetime) -> None:
    if endpoints.filter(disabled_at__isnull=True).update(disabled_at=now, disabled_because=because[:200]):
        log.warning("webhook.endpoint_disabled", because=because)


def _give_up_inactive() -> None:
    """Nothing waits for an endpoint that is switched off: its deliveries have failed, and can be replayed."""
    off = Endpoint.objects.filter(Q(disabled_at__isnull=False) | Q(deleted_at__isnull=False), pk=OuterRef("endpoint"))
    stranded = Delivery.objects.filter(Exists(off), status=PENDING, lease_token__isnull=True)
    if stranded.exists():  # the update alone would take SQLite's one write lock at every tick
        stranded.update(status=Delivery.Status.FAILED, next_attempt_at=None)


def _take_back_abandoned() -> None:
    """End the attempts of workers that died over them. They count: a delivery may be what kills its worker."""
    by_token = {
        delivery.lease_token: delivery for delivery in delivery_slots.list_held_deliveries() if delivery.lease_token
    }
    for token in _watch.abandoned(by_token):
        answer = Answer(error="the gate stopped before it had written down an answer")
        _record_attempt(by_token[token], token, answer, theirs=False)
