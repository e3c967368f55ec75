"""Labels and partners look after their own endpoints."""

import datetime as dt

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from intake.core.webhook_http import UnsafeURL
from intake.models import Delivery, Endpoint
from intake.services.webhooks import webhook_delivery
from tests.intake.webhooks.receiver import answer

URL = "https://hooks.example/"
TYPES = ["submission.approved", "submission.labelled"]

pytestmark = pytest.mark.django_db


def test_partner_s_endpoint_is_its_own_and_has_a_secret(partner):
    endpoint = webhook_delivery.create_endpoint(partner, URL, reversed(TYPES))
    assert (endpoint.partner, endpoint.label) == (partner, None)
    assert endpoint.types == TYPES
    assert endpoint.secret.startswith("whsec_")
    assert endpoint.active


@pytest.mark.parametrize("types", [[], ["submission.exploded"], ["submission.approved", "*"]])
def test_owner_can_subscribe_only_to_what_there_is(label, types):
    with pytest.raises(webhook_delivery.UnknownType):
        webhook_delivery.create_endpoint(label, URL, types)
    assert not Endpoint.objects.exists()


def test_owner_cannot_point_an_endpoint_into_our_network(label, settings):
    endpoint = webhook_delivery.create_endpoint(label, URL, TYPES)
    settings.GATE_WEBHOOKS_ALLOW_LOCAL = False
    for url in ("http://hooks.example/", "https://127.0.0.1/", "https://169.254.169.254/"):
        with pytest.raises(UnsafeURL):
            webhook_delivery.create_endpoint(label, url, TYPES)
        with pytest.raises(UnsafeURL):
            webhook_delivery.update_endpoint(endpoint, url=url)
    assert Endpoint.objects.get().url == URL


def test_owner_can_have_so_many_endpoints_and_no_more(label, partner, monkeypatch):
    monkeypatch.setattr(webhook_delivery, "MAX_ENDPOINTS", 2)
    first = webhook_delivery.create_endpoint(label, URL, TYPES)
    webhook_delivery.create_endpoint(label, URL, TYPES)
    webhook_delivery.create_endpoint(partner, URL, TYPES)
    with pytest.raises(webhook_delivery.TooManyEndpoints):
        webhook_delivery.create_endpoint(label, URL, TYPES)
    webhook_delivery.delete_endpoint(first)
    webhook_delivery.create_endpoint(label, URL, TYPES)


def test_owner_switches_off_and_on_and_has_all_days_again_but_no_clean_record(label):
    endpoint = webhook_delivery.create_endpoint(label, URL, TYPES)
    Endpoint.objects.update(failing_since=timezone.now() - dt.timedelta(days=5))
    webhook_delivery.update_endpoint(endpoint, enabled=False)
    assert not endpoint.active
    assert endpoint.disabled_because == "switched off by its owner"
    before = timezone.now()
    webhook_delivery.update_endpoint(endpoint, enabled=True)
    assert endpoint.active
    assert endpoint.disabled_because == ""
    assert before <= endpoint.failing_since <= timezone.now()


def test_owner_who_switches_a_healthy_endpoint_off_and_on_has_a_healthy_one(label):
    endpoint = webhook_delivery.create_endpoint(label, URL, TYPES)
    webhook_delivery.update_endpoint(endpoint, enabled=False)
    webhook_delivery.update_endpoint(endpoint, enabled=True)
    assert endpoint.failing_since is None


def test_owner_moves_and_resubscribes_an_endpoint(label):
    endpoint = webhook_delivery.create_endpoint(label, URL, TYPES)
    before, failing_since = endpoint.subscribed_at, timezone.now()
    Endpoint.objects.update(failing_since=failing_since)
    webhook_delivery.update_endpoint(endpoint, url=URL + "new", types=["labels.changed"])
    assert (endpoint.url, endpoint.types, endpoint.failing_since) == (URL + "new", ["labels.changed"], failing_since)
    assert endpoint.subscribed_at > before


def test_owner_cannot_change_what_is_deleted(label):
    endpoint = webhook_delivery.create_endpoint(label, URL, TYPES)
    webhook_delivery.delete_endpoint(endpoint)
    with pytest.raises(webhook_delivery.Inactive):
        webhook_delivery.update_endpoint(endpoint, url=URL + "new")
    assert Endpoint.objects.get().url == URL


def test_owner_changes_the_secret_over_without_a_gap(endpoint, receiver, clock):
    old = endpoint.secret
    new = webhook_delivery.rotate_secret(endpoint).secret
    assert old != new
    webhook_delivery.attempt_delivery(webhook_delivery.send_test(endpoint).pk)
    overlapping = receiver.requests[-1]
    Webhook(old).verify(overlapping.body, overlapping.headers)
    Webhook(new).verify(overlapping.body, overlapping.headers)

    Endpoint.objects.update(previous_until=timezone.now())
    webhook_delivery.attempt_delivery(webhook_delivery.send_test(endpoint).pk)
    afterwards = receiver.requests[-1]
    Webhook(new).verify(afterwards.body, afterwards.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(afterwards.body, afterwards.headers)


def test_owner_tries_an_endpoint_out(endpoint, receiver):
    delivery = webhook_delivery.send_test(endpoint)
    webhook_delivery.attempt_delivery(delivery.pk)
    delivery.refresh_from_db()
    document = Webhook(endpoint.secret).verify(receiver.requests[0].body, receiver.requests[0].headers)
    assert delivery.status == Delivery.Status.DELIVERED
    assert document["type"] == "endpoint.test"
    assert document["data"]["id"] == str(endpoint.pk)


def test_owner_cannot_try_out_what_is_switched_off(endpoint, receiver):
    webhook_delivery.update_endpoint(endpoint, enabled=False)
    with pytest.raises(webhook_delivery.Inactive):
        webhook_delivery.send_test(endpoint)
    assert not Delivery.objects.exists()


def test_owner_replays_a_delivery_with_the_same_id_and_body(endpoint, receiver):
    delivery = webhook_delivery.send_test(endpoint)
    webhook_delivery.attempt_delivery(delivery.pk)
    assert webhook_delivery.replay_delivery(delivery).status == Delivery.Status.PENDING
    webhook_delivery.attempt_delivery(delivery.pk)
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert list(delivery.attempts.values_list("number", "status_code")) == [(1, 200), (2, 200)]
    assert Delivery.objects.count() == 1


def test_owner_replays_a_failed_delivery_with_all_its_tries(endpoint, receiver):
    delivery = webhook_delivery.send_test(endpoint)
    Delivery.objects.update(status=Delivery.Status.FAILED, attempts_made=10, next_attempt_at=None)
    receiver.plan = [answer(500)]
    webhook_delivery.replay_delivery(delivery)
    webhook_delivery.attempt_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts_made) == (Delivery.Status.PENDING, 1)


def test_owner_who_replays_what_still_waits_need_not_wait(endpoint, receiver):
    receiver.plan = [answer(500), answer(200)]
    delivery = webhook_delivery.send_test(endpoint)
    webhook_delivery.attempt_delivery(delivery.pk)
    webhook_delivery.attempt_delivery(delivery.pk)
    assert len(receiver.requests) == 1
    webhook_delivery.replay_delivery(delivery)
    webhook_delivery.attempt_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, len(receiver.requests)) == (Delivery.Status.DELIVERED, 2)


def test_owner_cannot_replay_to_an_endpoint_that_is_off(endpoint, receiver):
    delivery = webhook_delivery.send_test(endpoint)
    webhook_delivery.attempt_delivery(delivery.pk)
    webhook_delivery.update_endpoint(endpoint, enabled=False)
    delivery.refresh_from_db()
    with pytest.raises(webhook_delivery.Inactive):
        webhook_delivery.replay_delivery(delivery)
    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.DELIVERED
