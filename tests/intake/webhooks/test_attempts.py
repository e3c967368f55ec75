"""A delivery is tried until it is taken, in order, and by one worker at a time, whatever the clocks say."""

import datetime as dt
import itertools
import json
import threading
import time
from email.utils import format_datetime

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from intake.core import webhook_http
from intake.core.states import State
from intake.core.webhook_http import Answer
from intake.models import Attempt, Delivery, Endpoint, Partner
from intake.services.submissions import transitions
from intake.services.webhooks import delivery_slots, webhook_delivery
from tests.intake.webhooks.receiver import Receiver, answer, hang
from tests.intake.webhooks.story import clear, received, sent

PENDING, DELIVERED, FAILED = Delivery.Status.PENDING, Delivery.Status.DELIVERED, Delivery.Status.FAILED

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(label, endpoint):
    received(label)
    return Delivery.objects.get()


def attempt(delivery: Delivery) -> Delivery:
    """One message of the doorbell."""
    webhook_delivery.attempt_delivery(str(delivery.pk))
    delivery.refresh_from_db()
    return delivery


def wait(delivery: Delivery) -> dt.timedelta:
    """From the last attempt to the next one."""
    return delivery.next_attempt_at - delivery.attempts.last().at


def hold(delivery: Delivery) -> None:
    """What a worker that died over a delivery leaves behind."""
    assert webhook_delivery._claim_delivery(delivery)


def test_event_travels_from_the_move_to_the_receiver(label, endpoint, receiver, inline):
    with inline():
        submission = received(label)
    with inline():
        clear(submission)
    bodies = [Webhook(endpoint.secret).verify(request.body, request.headers) for request in receiver.requests]
    assert [body["type"] for body in bodies] == ["submission.received", "submission.approved"]
    assert set(Delivery.objects.values_list("status", flat=True)) == {DELIVERED}


def test_receiver_that_takes_it_is_called_once_however_often_the_bell_rings(delivery, receiver):
    for _ in range(3):
        attempt(delivery)
        webhook_delivery.dispatch_due_deliveries()
    assert delivery.status == DELIVERED
    assert delivery.delivered_at
    assert delivery.next_attempt_at is None
    assert len(receiver.requests) == delivery.attempts.count() == 1
    assert delivery.attempts.get().status_code == 200


def test_receiver_that_fails_is_tried_again_when_the_row_says_so(delivery, receiver, clock):
    receiver.plan = [answer(500, b"out of order"), answer(200)]
    attempt(delivery)
    assert (delivery.status, delivery.attempts_made) == (PENDING, 1)
    attempt(delivery)  # a message that came too early
    assert len(receiver.requests) == 1
    clock.forward(seconds=6)
    attempt(delivery)
    assert delivery.status == DELIVERED
    assert list(delivery.attempts.values_list("number", "status_code", "response")) == [
        (1, 500, "out of order"),
        (2, 200, ""),
    ]


def test_delivery_keeps_id_and_body_over_all_its_tries_and_gives_up_after_the_last(delivery, endpoint, receiver, clock):
    receiver.plan = [answer(500)]
    waits = []
    while attempt(delivery).status == PENDING:
        waits.append(wait(delivery))
        clock.off += waits[-1]
    assert len(waits) == len(webhook_delivery.BACKOFF) == 9
    for waited, step in zip(waits, webhook_delivery.BACKOFF, strict=True):
        assert step <= waited <= step * (1 + webhook_delivery.JITTER)
    assert (delivery.status, delivery.attempts.count()) == (FAILED, 10)

    requests = receiver.requests
    assert {(item.headers["webhook-id"], item.body) for item in requests} == {
        (str(delivery.pk), delivery.body.encode())
    }
    stamps = [int(request.headers["webhook-timestamp"]) for request in requests]
    assert stamps == sorted(set(stamps))
    for one, stamp in zip(requests, stamps, strict=True):
        at = dt.datetime.fromtimestamp(stamp, dt.UTC)
        expected = Webhook(endpoint.secret).sign(str(delivery.pk), at, delivery.body)
        assert one.headers["webhook-signature"] == expected


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "3600", 3600),
        (503, "600", 600),
        (429, "1", 5),  # never sooner than our own step
        (429, "99999999999999999999", 24 * 3600),  # never later than our longest
        (429, "soon", 5),
        (429, "Mon, 01 Jan 2026 00:00:00 +99999999999999999999", 5),
        (429, "", 5),
        (429, "-7", 5),
        (500, "3600", 5),  # only where the status says so
    ],
)
def test_receiver_can_ask_for_a_longer_wait_within_limits(delivery, receiver, status, header, seconds):
    receiver.plan = [answer(status, Retry_After=header)]
    attempt(delivery)
    assert seconds <= wait(delivery).total_seconds() <= seconds * (1 + webhook_delivery.JITTER)


def test_receiver_can_ask_for_a_wait_until_a_time(delivery, receiver):
    receiver.plan = [answer(503, Retry_After=format_datetime(timezone.now() + dt.timedelta(hours=1), usegmt=True))]
    attempt(delivery)
    assert 3590 <= wait(delivery).total_seconds() <= 3600


def test_receiver_that_is_gone_is_not_called_again(label, delivery, endpoint, receiver):
    received(label)
    receiver.plan = [answer(410)]
    attempt(delivery)
    endpoint.refresh_from_db()
    assert not endpoint.active
    assert "410" in endpoint.disabled_because
    webhook_delivery.dispatch_due_deliveries()
    assert set(Delivery.objects.values_list("status", flat=True)) == {FAILED}
    received(label)
    assert Delivery.objects.count() == 2
    assert len(receiver.requests) == 1


def test_receiver_that_redirects_to_a_metadata_service_gets_a_failure(delivery, receiver):
    receiver.plan = [answer(307, Location="http://169.254.169.254/latest/")]
    attempt(delivery)
    assert delivery.status == PENDING
    assert delivery.attempts.get().status_code == 307


def test_receiver_that_never_answers_costs_a_deadline_and_a_try(delivery, receiver, monkeypatch):
    monkeypatch.setitem(webhook_http.send_webhook.__kwdefaults__, "deadline", 0.1)
    receiver.plan = [hang]
    attempt(delivery)
    tried = delivery.attempts.get()
    assert (tried.status_code, tried.error) == (None, "no answer within 0.1 seconds")
    assert 100 <= tried.milliseconds < 1000
    assert delivery.status == PENDING


def test_name_that_leads_into_our_network_by_now_gets_nothing(delivery, receiver, settings):
    settings.GATE_WEBHOOKS_ALLOW_LOCAL = False
    Endpoint.objects.update(url="https://localhost/")
    attempt(delivery)
    assert delivery.attempts.get().error == "not sent: the host's address is not one on the public internet"
    assert (delivery.status, receiver.requests) == (PENDING, [])


def test_delivery_without_a_row_is_no_fault():
    webhook_delivery.attempt_delivery("0190b2c5-0000-7000-8000-000000000000")
    assert not Attempt.objects.exists()


# --- the bell -----------------------------------------------------------------------------------------------------


def bells(rung) -> list[str]:
    called = [args[0] for name, args in rung if name == "intake.deliver"]
    rung.clear()
    return called


def test_post_rings_at_once_and_the_pump_only_when_that_bell_was_lost(label, endpoint, rung, clock):
    received(label)
    delivery = Delivery.objects.get()
    assert bells(rung) == [str(delivery.pk)]
    assert webhook_delivery.dispatch_due_deliveries() == 0
    clock.forward(seconds=31)
    assert webhook_delivery.dispatch_due_deliveries() == 1
    assert bells(rung) == [str(delivery.pk)]
    assert webhook_delivery.dispatch_due_deliveries() == 0


def test_pump_rings_for_retries_when_they_are_due_and_no_more_than_it_may(label, endpoint, rung, clock):
    for _ in range(3):
        received(label)
    clock.forward(minutes=1)
    assert webhook_delivery.dispatch_due_deliveries(limit=1) == 1
    assert webhook_delivery.dispatch_due_deliveries(limit=1) == 1
    assert webhook_delivery.dispatch_due_deliveries() == 1
    assert webhook_delivery.dispatch_due_deliveries() == 0
    Delivery.objects.update(attempts_made=1, rung_at=None, next_attempt_at=timezone.now() + dt.timedelta(minutes=5))
    assert webhook_delivery.dispatch_due_deliveries() == 0
    clock.forward(minutes=6)
    assert (
        webhook_delivery.dispatch_due_deliveries() == delivery_slots.ENDPOINT_AT_ONCE == 2
    )  # as many as may be under way


def test_pump_tries_failing_endpoints_a_few_at_a_time_beside_the_healthy_ones(
    label, endpoint, rung, clock, monkeypatch
):
    monkeypatch.setattr(delivery_slots, "FAILING_AT_ONCE", 3)
    for number in range(5):
        dead = webhook_delivery.create_endpoint(
            Partner.objects.create(slug=f"dead-{number}"), f"https://dead-{number}.example/", ["submission.approved"]
        )
        Endpoint.objects.filter(pk=dead.pk).update(failing_since=timezone.now())
    for _ in range(4):
        clear(received(label))
    rung.clear()
    clock.forward(minutes=1)
    webhook_delivery.dispatch_due_deliveries()
    called = Delivery.objects.filter(pk__in=bells(rung))
    assert called.filter(endpoint=endpoint).count() == delivery_slots.ENDPOINT_AT_ONCE
    failing = list(called.exclude(endpoint=endpoint))
    assert len(failing) == delivery_slots.FAILING_AT_ONCE == len({item.endpoint_id for item in failing})

    hold(failing[0])
    second = Delivery.objects.filter(endpoint=failing[0].endpoint).exclude(pk=failing[0].pk).first()
    assert attempt(second).attempts_made == 0  # one at a time to an endpoint that fails
    hold(failing[1])
    hold(failing[2])
    other = Delivery.objects.exclude(endpoint__in=[entry.endpoint_id for entry in failing]).exclude(endpoint=endpoint)
    assert attempt(other.first()).attempts_made == 0  # and three to all of them
    clock.forward(minutes=1)
    webhook_delivery.dispatch_due_deliveries()
    assert not Delivery.objects.filter(pk__in=bells(rung), endpoint__failing_since__isnull=False).exists()


def test_endpoint_that_begins_to_hang_holds_two_workers_and_no_more(label, endpoint, rung):
    for _ in range(4):
        received(label)
    first, second, third, _fourth = Delivery.objects.order_by("pk")
    hold(first)
    hold(second)
    assert attempt(third).attempts_made == 0


def test_what_was_refused_while_others_were_on_their_way_is_rung_for_afterwards(label, endpoint, receiver, rung):
    for _ in range(4):
        received(label)
    first, second, third, fourth = Delivery.objects.order_by("pk")
    hold(first)
    hold(second)
    attempt(third)
    attempt(fourth)
    Delivery.objects.filter(pk=first.pk).update(lease_token=None, attempts_made=0)
    rung.clear()
    attempt(first)
    assert bells(rung) == [str(third.pk)]  # as many as there is room for
    assert bells(rung) == []
    attempt(third)
    assert bells(rung) == [str(fourth.pk)]
    Delivery.objects.filter(pk=fourth.pk).update(rung_at=None)
    receiver.plan = [answer(500)]
    Delivery.objects.filter(pk=second.pk).update(lease_token=None, attempts_made=0)
    attempt(second)
    assert bells(rung) == []  # one that fails is left to the pump


# --- in order -----------------------------------------------------------------------------------------------------


def test_receiver_hears_of_a_submission_in_order(label, endpoint, receiver, rung, clock):
    receiver.plan = [answer(500), answer(200)]
    clear(received(label))
    first, second = Delivery.objects.order_by("pk")
    attempt(first)
    attempt(second)
    assert len(receiver.requests) == 1
    clock.forward(seconds=6)
    webhook_delivery.dispatch_due_deliveries()
    rung.clear()
    attempt(first)
    assert bells(rung) == [str(second.pk)]  # its own bell was refused
    attempt(second)
    assert [json.loads(request.body)["data"]["sequence"] for request in receiver.requests] == [1, 1, 3]


def test_pump_does_not_ring_for_what_must_wait_its_turn(label, endpoint, rung, clock):
    clear(received(label))
    rung.clear()
    clock.forward(minutes=1)
    webhook_delivery.dispatch_due_deliveries()
    assert bells(rung) == [str(Delivery.objects.order_by("pk").first().pk)]


def test_what_failed_for_good_holds_nothing_up(label, endpoint, receiver):
    clear(received(label))
    first, second = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(status=FAILED)
    assert attempt(second).status == DELIVERED


def test_one_submission_holds_up_no_other_and_one_endpoint_no_other(label, partner, endpoint, receiver):
    with Receiver([answer(500)]) as broken:
        failing = webhook_delivery.create_endpoint(label, broken.url, ["submission.received", "submission.approved"])
        clear(received(label))
        for delivery in Delivery.objects.filter(endpoint=failing).order_by("pk"):
            attempt(delivery)
        Endpoint.objects.filter(pk=failing.pk).update(failing_since=None)
        received(label)
        for delivery in Delivery.objects.order_by("pk"):
            attempt(delivery)
    assert [json.loads(request.body)["data"]["sequence"] for request in receiver.requests] == [1, 3, 1]
    assert [json.loads(item.body)["data"]["sequence"] for item in broken.requests] == [1, 1]


# --- health -------------------------------------------------------------------------------------------------------


def fail_since(endpoint: Endpoint, **ago: float) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=timezone.now() - dt.timedelta(**ago))


def test_endpoint_that_failed_for_days_is_switched_off_with_a_notice(delivery, endpoint, receiver):
    receiver.plan = [answer(500)]
    fail_since(endpoint, days=5, hours=5)
    attempt(delivery)
    endpoint.refresh_from_db()
    assert endpoint.disabled_at
    assert endpoint.disabled_because == "every attempt failed for 5 days; last: 500"


def test_endpoint_is_not_switched_off_early_by_clocks_that_are_two_hours_wrong(delivery, endpoint, receiver, clock):
    receiver.plan = [answer(500)]
    clock.back(hours=2)
    attempt(delivery)  # the first failure is noted two hours too early,
    clock.off = dt.timedelta(days=4, hours=23, minutes=59) + dt.timedelta(hours=2)
    attempt(delivery)  # and the last one two hours too late
    endpoint.refresh_from_db()
    assert (endpoint.active, delivery.attempts_made) == (True, 2)


def test_endpoint_that_takes_one_delivery_is_healthy_again(label, delivery, endpoint, receiver):
    receiver.plan = [answer(500), answer(200)]
    attempt(delivery)
    endpoint.refresh_from_db()
    assert endpoint.failing_since
    received(label)
    attempt(Delivery.objects.order_by("pk").last())
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


# --- one worker at a time -----------------------------------------------------------------------------------------


class Called:
    """A sender that counts, and lets something happen while it is at it."""

    def __init__(self, meanwhile=lambda: None):
        self.count = 0
        self.meanwhile = meanwhile

    def __call__(self, url, headers, body):
        self.count += 1
        self.meanwhile()
        return Answer(200)


def test_delivery_on_its_way_is_not_sent_again_because_the_clock_jumped(delivery, clock, monkeypatch):
    def meanwhile():
        for _ in range(3):
            clock.forward(hours=2)
            webhook_delivery.dispatch_due_deliveries()
            webhook_delivery.attempt_delivery(delivery.pk)

    calls = Called(meanwhile)
    monkeypatch.setattr(webhook_http, "send_webhook", calls)
    attempt(delivery)
    assert calls.count == 1
    assert delivery.status == DELIVERED


def test_delivery_whose_worker_died_is_taken_back_and_tried_again(delivery, receiver, clock, monkeypatch):
    ticks = itertools.count(step=16)
    monkeypatch.setattr(webhook_delivery, "_watch", webhook_delivery.Watch(clock=lambda: next(ticks)))
    hold(delivery)
    webhook_delivery.dispatch_due_deliveries()
    webhook_delivery.dispatch_due_deliveries()
    assert not delivery.attempts.exists()
    webhook_delivery.dispatch_due_deliveries()  # 32 seconds after the lease was first seen
    delivery.refresh_from_db()
    assert "the gate stopped" in delivery.attempts.get().error
    assert Endpoint.objects.get().failing_since is None  # no fault of theirs
    clock.forward(seconds=6)
    assert attempt(delivery).status == DELIVERED
    assert delivery.attempts_made == 2


def test_delivery_that_kills_every_worker_is_given_up(delivery, clock, monkeypatch):
    ticks = itertools.count(step=31)
    monkeypatch.setattr(webhook_delivery, "_watch", webhook_delivery.Watch(clock=lambda: next(ticks)))
    for _ in range(10):
        hold(delivery)
        webhook_delivery.dispatch_due_deliveries()
        webhook_delivery.dispatch_due_deliveries()
        clock.forward(days=2)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts.count()) == (FAILED, 10)


def test_worker_that_answers_too_late_changes_nothing(delivery, clock, monkeypatch):
    ticks = itertools.count(step=31)
    monkeypatch.setattr(webhook_delivery, "_watch", webhook_delivery.Watch(clock=lambda: next(ticks)))

    def meanwhile():
        webhook_delivery.dispatch_due_deliveries()
        webhook_delivery.dispatch_due_deliveries()

    monkeypatch.setattr(webhook_http, "send_webhook", Called(meanwhile))
    attempt(delivery)
    assert delivery.status == PENDING
    assert "the gate stopped" in delivery.attempts.get().error


def test_new_delivery_goes_out_at_once_though_the_clock_was_set_back(delivery, receiver, rung, clock):
    clock.back(hours=2)
    assert webhook_delivery.dispatch_due_deliveries() == 1  # its bell seems to have been rung in two hours
    assert attempt(delivery).status == DELIVERED


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_race_for_one_delivery_make_one_attempt(delivery, monkeypatch):
    calls = Called(lambda: time.sleep(0.05))
    monkeypatch.setattr(webhook_http, "send_webhook", calls)
    together = threading.Barrier(6)

    def work():
        try:
            together.wait()
            webhook_delivery.attempt_delivery(delivery.pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    delivery.refresh_from_db()
    assert (calls.count, delivery.attempts.count(), delivery.attempts_made) == (1, 1, 1)
    assert delivery.status == DELIVERED


def test_delivery_replayed_while_a_message_for_it_was_read_has_all_its_tries(delivery, receiver, monkeypatch):
    Delivery.objects.update(status=FAILED, attempts_made=10)
    receiver.plan = [answer(500)]
    claim = webhook_delivery._claim_delivery

    def replayed_meanwhile(stale):
        webhook_delivery.replay_delivery(Delivery.objects.get(pk=stale.pk))
        return claim(stale)

    monkeypatch.setattr(webhook_delivery, "_claim_delivery", replayed_meanwhile)
    attempt(delivery)
    assert (delivery.status, delivery.attempts_made) == (PENDING, 1)


def test_move_that_fails_leaves_no_delivery(label, endpoint):
    submission = received(label)
    with pytest.raises(transitions.Conflict):
        transitions.transition_submission(submission, State.APPROVED, "gate")
    assert sent(label) == ["submission.received"]
