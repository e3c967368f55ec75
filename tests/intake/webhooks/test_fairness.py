"""Whatever one owner's receivers do, those of others are sent to in time."""

from __future__ import annotations

import datetime as dt
import queue as queues
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from intake.core import webhook_http
from intake.core.webhook_http import Answer
from intake.models import Delivery, Endpoint, Label, Partner
from intake.services.webhooks import delivery_slots, webhook_delivery
from tests.intake.webhooks.receiver import Receiver, answer, hang

PENDING, DELIVERED = Delivery.Status.PENDING, Delivery.Status.DELIVERED

pytestmark = pytest.mark.django_db


def an_owner(name: str, kind: type[Label] | type[Partner] = Label) -> Label | Partner:
    return Label.objects.create(name=name) if kind is Label else Partner.objects.create(slug=name)


def endpoints_of(owner: Label | Partner, count: int, **values: Any) -> list[Endpoint]:
    """Endpoints with one delivery each that is due now."""
    made = []
    for number in range(count):
        endpoint = webhook_delivery.create_endpoint(owner, f"https://hooks.example/{number}", ["submission.approved"])
        Endpoint.objects.filter(pk=endpoint.pk).update(**values)
        webhook_delivery.send_test(endpoint)
        made.append(endpoint)
    return made


def delivery_to(endpoint: Endpoint) -> Delivery:
    return Delivery.objects.get(endpoint=endpoint)


def hold(*endpoints: Endpoint) -> None:
    """Let an attempt to each of these be under way."""
    for endpoint in endpoints:
        assert webhook_delivery._claim_delivery(delivery_to(endpoint))


def called(rung: list[tuple[str, tuple[str, ...]]]) -> list[Endpoint]:
    """The endpoints whose deliveries were enqueued, in order."""
    sent = [Delivery.objects.get(pk=arguments[0]).endpoint for _, arguments in rung]
    rung.clear()
    return sent


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """Where webhooks were sent to; every receiver takes them."""
    urls: list[str] = []

    def send(url: str, *_: object) -> Answer:
        urls.append(url)
        return Answer(200)

    monkeypatch.setattr(webhook_http, "send_webhook", send)
    return urls


# --- an owner's share -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Label, Partner])
def test_owner_occupies_its_share_and_the_next_owner_is_sent_to(rung, sent, kind):
    mine = endpoints_of(an_owner("hanging", kind), 6)
    (theirs,) = endpoints_of(an_owner("honest", kind), 1)
    hold(*mine[: delivery_slots.OWNER_AT_ONCE])
    webhook_delivery.attempt_delivery(delivery_to(mine[4]).pk)
    refused = delivery_to(mine[4])
    assert (sent, refused.attempts_made, refused.lease_token) == ([], 0, None)
    webhook_delivery.attempt_delivery(delivery_to(theirs).pk)
    assert delivery_to(theirs).status == DELIVERED


def test_delivery_that_was_refused_is_enqueued_when_there_is_room_again(rung, sent):
    mine = endpoints_of(an_owner("busy"), 6)
    hold(*mine[:4])
    for endpoint in mine[4:]:
        webhook_delivery.attempt_delivery(delivery_to(endpoint).pk)
    rung.clear()
    assert webhook_delivery.dispatch_due_deliveries() == 0
    Delivery.objects.filter(endpoint=mine[0]).update(lease_token=None, attempts_made=0)
    webhook_delivery.attempt_delivery(delivery_to(mine[0]).pk)
    assert called(rung) == [mine[4]]
    Delivery.objects.filter(endpoint=mine[1]).update(lease_token=None, status=DELIVERED)
    assert webhook_delivery.dispatch_due_deliveries() == 1
    assert called(rung) == [mine[5]]


@pytest.mark.django_db(transaction=True)
def test_workers_that_come_together_cannot_exceed_the_owners_share(rung, monkeypatch):
    mine = endpoints_of(an_owner("hanging"), 12)
    lock, under_way, most = threading.Lock(), [0], [0]

    def send(*_: object) -> Answer:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.1)
        with lock:
            under_way[0] -= 1
        return Answer(200)

    monkeypatch.setattr(webhook_http, "send_webhook", send)
    together = threading.Barrier(len(mine))

    def work(pk: object) -> None:
        try:
            together.wait()
            webhook_delivery.attempt_delivery(pk)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, args=(delivery_to(item).pk,)) for item in mine]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert 1 <= most[0] <= delivery_slots.OWNER_AT_ONCE


def test_failing_endpoints_of_an_owner_leave_room_for_those_that_work(rung, sent):
    owner, now = an_owner("half"), timezone.now()
    failing = endpoints_of(owner, 4, failing_since=now, last_failed_at=now)
    (healthy,) = endpoints_of(owner, 1)
    hold(*failing[: delivery_slots.OWNER_FAILING_AT_ONCE])
    webhook_delivery.attempt_delivery(delivery_to(failing[2]).pk)
    webhook_delivery.attempt_delivery(delivery_to(healthy).pk)
    assert delivery_to(failing[2]).attempts_made == 0
    assert delivery_to(healthy).status == DELIVERED


# --- retries by due time ----------------------------------------------------------------------------------------------


def due(endpoint: Endpoint, **ago: float) -> None:
    """Let the delivery of an endpoint have failed once, and be due again since then."""
    since = timezone.now() - dt.timedelta(**ago)
    Delivery.objects.filter(endpoint=endpoint).update(attempts_made=1, next_attempt_at=since, rung_at=None)


def test_owner_that_failed_once_is_retried_when_it_is_due_however_many_endpoints_of_another_hang(rung, sent, clock):
    long_ago = timezone.now() - dt.timedelta(hours=1)
    hanging = endpoints_of(an_owner("hanging"), 20, failing_since=long_ago, last_failed_at=long_ago)
    (honest,) = endpoints_of(an_owner("honest"), 1, failing_since=long_ago, last_failed_at=long_ago)
    for endpoint in hanging:
        due(endpoint, minutes=30)
    due(honest, seconds=-5)
    hold(*hanging[:2])
    rung.clear()
    for _ in range(2):
        webhook_delivery.dispatch_due_deliveries()
        clock.forward(seconds=2)
    assert called(rung) == []
    clock.forward(seconds=2)
    webhook_delivery.dispatch_due_deliveries()
    assert called(rung) == [honest]


def test_failing_endpoints_are_tried_in_the_order_in_which_they_are_due(rung, monkeypatch):
    monkeypatch.setattr(delivery_slots, "FAILING_AT_ONCE", 3)
    now = timezone.now()
    mine = [
        endpoints_of(an_owner(f"owner-{number}"), 1, failing_since=now - dt.timedelta(hours=2))[0]
        for number in range(5)
    ]
    for endpoint, minutes in zip(mine, (1, 50, 3, 40, 2), strict=True):
        due(endpoint, minutes=minutes)
    rung.clear()
    webhook_delivery.dispatch_due_deliveries()
    assert called(rung) == [mine[1], mine[3], mine[2]]


def test_endpoint_with_a_long_backlog_that_has_just_failed_stands_behind_the_others(rung, monkeypatch):
    monkeypatch.setattr(delivery_slots, "FAILING_AT_ONCE", 1)
    now = timezone.now()
    (backlog,) = endpoints_of(an_owner("backlog"), 1, failing_since=now, last_failed_at=now)
    (other,) = endpoints_of(an_owner("other"), 1, failing_since=now, last_failed_at=now - dt.timedelta(minutes=5))
    due(backlog, hours=5)
    due(other, seconds=1)
    rung.clear()
    webhook_delivery.dispatch_due_deliveries()
    assert called(rung) == [other]


def test_failure_notes_when_it_was_and_a_success_clears_the_record(label, endpoint, receiver, rung, clock):
    receiver.plan = [answer(500), answer(500), answer(200)]
    delivery = webhook_delivery.send_test(endpoint)
    seen = []
    for _ in range(3):
        webhook_delivery.attempt_delivery(delivery.pk)
        endpoint.refresh_from_db()
        seen.append((endpoint.failing_since, endpoint.last_failed_at))
        clock.forward(minutes=10)
    (first, first_again), (since, last), (cleared, _) = seen
    assert first == first_again == since < last
    assert cleared is None


def test_breaker_is_not_reset_by_another_url_nor_by_switching_off_and_on(rung, sent):
    owner, long_ago = an_owner("hanging"), timezone.now() - dt.timedelta(hours=1)
    mine = endpoints_of(owner, 4, failing_since=long_ago, last_failed_at=long_ago)
    hold(*mine[:2])
    for number, endpoint in enumerate(mine):
        webhook_delivery.update_endpoint(endpoint, url=f"https://hooks.example/elsewhere/{number}")
        webhook_delivery.update_endpoint(endpoint, enabled=False)
        webhook_delivery.update_endpoint(endpoint, enabled=True)
    for endpoint in mine[2:]:
        webhook_delivery.attempt_delivery(delivery_to(endpoint).pk)
    assert sent == []


def test_owner_that_mends_its_url_is_sent_to_again_with_the_next_event(label, endpoint, receiver, rung):
    Endpoint.objects.update(failing_since=timezone.now(), last_failed_at=timezone.now(), url="https://wrong.example/")
    endpoint.refresh_from_db()
    webhook_delivery.update_endpoint(endpoint, url=receiver.url)
    delivery = webhook_delivery.send_test(endpoint)
    webhook_delivery.attempt_delivery(delivery.pk)
    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert (delivery.status, endpoint.failing_since) == (DELIVERED, None)


# --- a courier with real receivers ------------------------------------------------------------------------------------

#: The courier's threads, as the supervisor starts them.
THREADS = 32
#: Seconds that a receiver which hangs is waited for; the true deadline would only make the test longer.
DEADLINE = 3.0


@contextmanager
def a_courier(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads that carry out what is enqueued, and the pump every 0.2 s."""
    messages: queues.SimpleQueue[str | None] = queues.SimpleQueue()
    over = threading.Event()

    def enqueue(_: str, *arguments: str) -> None:
        messages.put(arguments[0])

    def work() -> None:
        while (pk := messages.get()) is not None:
            webhook_delivery.attempt_delivery(pk)
        connections.close_all()

    def pump() -> None:
        while not over.wait(0.2):
            webhook_delivery.dispatch_due_deliveries()
        connections.close_all()

    monkeypatch.setattr("intake.core.enqueue.enqueue_task", enqueue)
    monkeypatch.setitem(webhook_http.send_webhook.__kwdefaults__, "deadline", DEADLINE)
    with ThreadPoolExecutor(THREADS + 1) as pool:
        running = [pool.submit(work) for _ in range(THREADS)] + [pool.submit(pump)]
        try:
            yield
        finally:
            over.set()
            for _ in range(THREADS):
                messages.put(None)
    for item in running:
        item.result()


@pytest.mark.django_db(transaction=True)
def test_label_waits_for_nobody_though_another_has_twenty_endpoints_that_hang_and_move(monkeypatch):
    attacker, honest = an_owner("attacker"), an_owner("honest")
    arrived: list[float] = []

    def take(connection: Any, over: threading.Event) -> None:
        arrived.append(time.monotonic())
        answer()(connection, over)

    with Receiver([hang]) as hanging, Receiver([take]) as receiver:
        theirs = [webhook_delivery.create_endpoint(attacker, hanging.url, ["submission.approved"]) for _ in range(20)]
        mine = webhook_delivery.create_endpoint(honest, receiver.url, ["submission.approved"])
        waits = []
        with a_courier(monkeypatch):
            for moved in range(12):
                for endpoint in theirs:
                    webhook_delivery.update_endpoint(endpoint, url=f"{hanging.url}&moved={moved}")
                    for _ in range(3):
                        webhook_delivery.send_test(endpoint)
                began, before = time.monotonic(), len(arrived)
                webhook_delivery.send_test(mine)
                until = began + 20 * DEADLINE
                while len(arrived) == before and time.monotonic() < until:
                    time.sleep(0.005)
                waits.append(time.monotonic() - began)
    assert len(arrived) == 12
    assert statistics.median(waits) < DEADLINE / 3, waits
