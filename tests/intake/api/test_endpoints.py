"""Labels and partners keep their own webhook endpoints, and see what was sent to them."""

import pytest

from intake.models import Attempt, Delivery, Endpoint, Partner
from tests.intake.api.conftest import a_caller

pytestmark = pytest.mark.django_db
WANTED = {"url": "https://example.org/hook", "types": ["submission.approved", "submission.labelled"]}


@pytest.fixture
def endpoint(caller):
    answer = caller.post("webhook-endpoints", json=WANTED)
    assert answer.status_code == 201
    return answer.json()


def test_label_subscribes_and_sees_its_secret_once(caller, endpoint):
    assert endpoint["secret"].startswith("whsec_")
    assert (endpoint["url"], endpoint["types"], endpoint["enabled"]) == (WANTED["url"], WANTED["types"], True)
    path = f"webhook-endpoints/{endpoint['id']}"
    for answer in (caller.get(path), caller.get("webhook-endpoints")):
        assert "whsec_" not in answer.content.decode()


def test_address_of_a_new_endpoint_is_told(caller):
    answer = caller.post("webhook-endpoints", json=WANTED)
    assert caller.get(answer.headers["Location"]).json()["id"] == answer.json()["id"]


def test_partner_has_endpoints_of_its_own(endpoint):
    wave = a_caller(Partner.objects.create(slug="wave"))
    assert wave.get("webhook-endpoints").json()["results"] == []
    assert wave.post("webhook-endpoints", json=WANTED).status_code == 201
    assert Endpoint.objects.get(partner__slug="wave").url == WANTED["url"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "ftp://example.org",
        "https://user:pw@example.org/",
        "javascript:alert(1)",
        "https://",
        "x",
    ],
)
def test_unsafe_url_is_refused(caller, url, settings):
    settings.GATE_WEBHOOKS_ALLOW_LOCAL = False
    answer = caller.post("webhook-endpoints", json=WANTED | {"url": url})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/endpoint-refused")
    assert Endpoint.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"types": []}, "/types"),
        ({"types": ["submission.sung"]}, "/types/0"),
        ({"types": "submission.approved"}, "/types"),
        ({"types": [5]}, "/types/0"),
        ({"url": 5}, "/url"),
        ({"url": None}, "/url"),
        ({"url": "https://example.org/" + "x" * 500}, "/url"),
        ({"url": "https://example.org/\0"}, "/url"),
        ({"secret": "mine"}, "/secret"),
    ],
)
def test_wrong_shape_is_refused_where_it_stands(caller, change, pointer):
    answer = caller.post("webhook-endpoints", json=WANTED | change)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/document-invalid")
    assert [item["pointer"] for item in answer.json()["errors"]] == [pointer]
    assert Endpoint.objects.count() == 0


def test_label_changes_what_it_names_and_nothing_else(caller, endpoint):
    path = f"webhook-endpoints/{endpoint['id']}"
    changed = caller.call("PATCH", path, json={"types": ["appeal.decided"]}).json()
    assert (changed["types"], changed["url"], changed["enabled"]) == (["appeal.decided"], WANTED["url"], True)
    off = caller.call("PATCH", path, json={"enabled": False}).json()
    assert off["enabled"] is False
    assert off["disabled_because"]
    assert caller.call("PATCH", path, json={"enabled": True}).json()["enabled"] is True
    assert caller.call("PATCH", path, json={}).status_code == 200


@pytest.mark.parametrize("change", [{"enabled": "true"}, {"enabled": 1}, {"url": 5}, {"name": "x"}, [], None])
def test_wrong_change_is_refused_and_changes_nothing(caller, endpoint, change):
    before = Endpoint.objects.values().get()
    assert caller.call("PATCH", f"webhook-endpoints/{endpoint['id']}", json=change).status_code == 422
    assert Endpoint.objects.values().get() == before


def test_secret_is_rotated(caller, endpoint):
    answer = caller.post(f"webhook-endpoints/{endpoint['id']}/rotate-secret")
    assert answer.status_code == 200
    assert answer.json()["secret"] not in ("", endpoint["secret"])


def test_test_event_is_sent_and_seen(caller, endpoint, rung):
    path = f"webhook-endpoints/{endpoint['id']}"
    answer = caller.post(f"{path}/test")
    assert (answer.status_code, answer.json()["type"], answer.json()["status"]) == (202, "endpoint.test", "pending")
    assert ("intake.deliver", (answer.json()["id"],)) in rung
    assert [item["id"] for item in caller.get(f"{path}/deliveries").json()["results"]] == [answer.json()["id"]]


def test_disabled_endpoint_is_sent_nothing(caller, endpoint):
    path = f"webhook-endpoints/{endpoint['id']}"
    caller.call("PATCH", path, json={"enabled": False})
    answer = caller.post(f"{path}/test")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/inactive")
    assert Delivery.objects.count() == 0


def test_delivery_is_seen_with_its_attempts_and_sent_again(caller, endpoint):
    delivery = Delivery.objects.create(
        endpoint_id=endpoint["id"], type="submission.approved", body='{"a": 1}', status="failed"
    )
    Attempt.objects.create(delivery=delivery, number=1, milliseconds=12, status_code=500, response="oops")
    (seen,) = caller.get(f"webhook-endpoints/{endpoint['id']}/deliveries").json()["results"]
    assert seen["attempts"][0]["status_code"] == 500
    assert seen["attempts"][0]["response"] == "oops"
    answer = caller.post(f"deliveries/{delivery.pk}/replay")
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (202, str(delivery.pk), "pending")
    assert Delivery.objects.get().body == '{"a": 1}'


def test_there_can_be_too_many_endpoints(caller, endpoint, monkeypatch):
    monkeypatch.setattr("intake.services.webhooks.webhook_delivery.MAX_ENDPOINTS", 1)
    answer = caller.post("webhook-endpoints", json=WANTED)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/endpoint-refused")
