"""Labels and partners look after their own endpoints."""

import datetime as dt

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from intake.models import Delivery, Endpoint
from intake.sender import UnsafeURL
from intake.services import deliveries
from tests.intake.webhooks.receiver import answer

URL = "https://hooks.example/"
TYPES = ["submission.approved", "submission.labelled"]

pytestmark = pytest.mark.django_db


def test_partner_s_endpoint_is_its_own_and_has_a_secret(partner):
    endpoint = deliveries.create_endpoint(partner, URL, reversed(TYPES))
    assert (endpoint.partner, endpoint.label) == (partner, None)
    assert endpoint.types == TYPES
    assert endpoint.secret.startswith("whsec_")
    assert endpoint.active


@pytest.mark.parametrize("types", [[], ["submission.exploded"], ["submission.approved", "*"]])
def test_owner_can_subscribe_only_to_what_there_is(label, types):
    with pytest.raises(deliveries.UnknownType):
        deliveries.create_endpoint(label, URL, types)
    assert not Endpoint.objects.exists()


def test_owner_cannot_point_an_endpoint_into_our_network(label, settings):
    endpoint = deliveries.create_endpoint(label, URL, TYPES)
    settings.GATE_WEBHOOKS_ALLOW_LOCAL = False
    for url in ("http://hooks.example/", "https://127.0.0.1/", "https://169.254.169.254/"):
        with pytest.raises(UnsafeURL):
            deliveries.create_endpoint(label, url, TYPES)
        with pytest.raises(UnsafeURL):
            deliveries.update_endpoint(endpoint, url=url)
    assert Endpoint.objects.get().url == URL


def test_owner_can_have_so_many_endpoints_and_no_more(label, partner, monkeypatch):
    monkeypatch.setattr(deliveries, "MAX_ENDPOINTS", 2)
    first = deliveries.create_endpoint(label, URL, TYPES)
    deliveries.create_endpoint(label, URL, TYPES)
    deliveries.create_endpoint(partner, URL, TYPES)
    with pytest.raises(deliveries.TooManyEndpoints):
        deliveries.create_endpoint(label, URL, TYPES)
    deliveries.delete_endpoint(first)
    deliveries.create_endpoint(label, URL, TYPES)


def test_owner_switches_off_and_on_and_has_all_days_again_but_no_clean_record(label):
    endpoint = deliveries.create_endpoint(label, URL, TYPES)
    Endpoint.objects.update(failing_since=timezone.now() - dt.timedelta(days=5))
    deliveries.update_endpoint(endpoint, enabled=False)
    assert not endpoint.active
    assert endpoint.disabled_because == "switched off by its owner"
    before = timezone.now()
    deliveries.update_endpoint(endpoint, enabled=True)
    assert endpoint.active
    assert endpoint.disabled_because == ""
    assert before <= endpoint.failing_since <= timezone.now()


def test_owner_who_switches_a_healthy_endpoint_off_and_on_has_a_healthy_one(label):
    endpoint = deliveries.create_endpoint(label, URL, TYPES)
    deliveries.update_endpoint(endpoint, enabled=False)
    deliveries.update_endpoint(endpoint, enabled=True)
    assert endpoint.failing_since is None


def test_owner_moves_and_resubscribes_an_endpoint(label):
    endpoint = deliveries.create_endpoint(label, URL, TYPES)
    before, failing_since = endpoint.subscribed_at, timezone.now()
    Endpoint.objects.update(failing_since=failing_since)
    deliveries.update_endpoint(endpoint, url=URL + "new", types=["labels.changed"])
    assert (endpoint.url, endpoint.types, endpoint.failing_since) == (URL + "new", ["labels.changed"], failing_since)
    assert endpoint.subscribed_at > before


def test_owner_cannot_change_what_is_deleted(label):
    endpoint = deliveries.create_endpoint(label, URL, TYPES)
    deliveries.delete_endpoint(endpoint)
    with pytest.raises(deliveries.Inactive):
        deliveries.update_endpoint(endpoint, url=URL + "new")
    assert Endpoint.objects.get().url == URL


def test_owner_changes_the_secret_over_without_a_gap(endpoint, receiver, clock):
    old = endpoint.secret
    new = deliveries.rotate_secret(endpoint).secret
    assert old != new
    deliveries.attempt(deliveries.send_test(endpoint).pk)
    overlapping = receiver.requests[-1]
    Webhook(old).verify(overlapping.body, overlapping.headers)
    Webhook(new).verify(overlapping.body, overlapping.headers)

    Endpoint.objects.update(previous_until=timezone.now())
    deliveries.attempt(deliveries.send_test(endpoint).pk)
    afterwards = receiver.requests[-1]
    Webhook(new).verify(afterwards.body, afterwards.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(afterwards.body, afterwards.headers)


def test_owner_tries_an_endpoint_out(endpoint, receiver):
    delivery = deliveries.send_test(endpoint)
    deliveries.attempt(delivery.pk)
    delivery.refresh_from_db()
    document = Webhook(endpoint.secret).verify(receiver.requests[0].body, receiver.requests[0].headers)
    assert delivery.status == Delivery.Status.DELIVERED
    assert document["type"] == "endpoint.test"
    assert document["data"]["id"] == str(endpoint.pk)


def test_owner_cannot_try_out_what_is_switched_off(endpoint, receiver):
    deliveries.update_endpoint(endpoint, enabled=False)
    with pytest.raises(deliveries.Inactive):
        deliveries.send_test(endpoint)
    assert not Delivery.objects.exists()


def test_owner_replays_a_delivery_with_the_same_id_and_body(endpoint, receiver):
    delivery = deliveries.send_test(endpoint)
    deliveries.attempt(delivery.pk)
    assert deliveries.replay(delivery).status == Delivery.Status.PENDING
    deliveries.attempt(delivery.pk)
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert list(delivery.attempts.values_list("number", "status_code")) == [(1, 200), (2, 200)]
    assert Delivery.objects.count() == 1


def test_owner_replays_a_failed_delivery_with_all_its_tries(endpoint, receiver):
    delivery = deliveries.send_test(endpoint)
    Delivery.objects.update(status=Delivery.Status.FAILED, attempts_made=10, next_attempt_at=None)
    receiver.plan = [answer(500)]
    deliveries.replay(delivery)
    deliveries.attempt(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts_made) == (Delivery.Status.PENDING, 1)


def test_owner_who_replays_what_still_waits_need_not_wait(endpoint, receiver):
    receiver.plan = [answer(500), answer(200)]
    delivery = deliveries.send_test(endpoint)
    deliveries.attempt(delivery.pk)
    deliveries.attempt(delivery.pk)
    assert len(receiver.requests) == 1
    deliveries.replay(delivery)
    deliveries.attempt(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, len(receiver.requests)) == (Delivery.Status.DELIVERED, 2)


def test_owner_cannot_replay_to_an_endpoint_that_is_off(endpoint, receiver):
    delivery = deliveries.send_test(endpoint)
    deliveries.attempt(delivery.pk)
    deliveries.update_endpoint(endpoint, enabled=False)
    delivery.refresh_from_db()
    with pytest.raises(deliveries.Inactive):
        deliveries.replay(delivery)
    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.DELIVERED
