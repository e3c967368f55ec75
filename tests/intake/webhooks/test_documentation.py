"""What docs/webhooks.md tells partners to do works, and the figures in it are ours."""

import datetime as dt
import re

import pytest
from django.conf import settings
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from intake.core import webhook_http
from intake.readers import webhook_payloads
from intake.services.webhooks import webhook_delivery

PAGE = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
BODY = b'{"type":"endpoint.test","data":{}}'


@pytest.fixture(params=EXAMPLES, ids=["with the library", "without a library"])
def verified(request):
    names = {}
    exec(request.param, names)
    return names["verified"]


def test_partner_verifies_as_the_page_says(verified):
    old, new = webhook_payloads.new_secret(), webhook_payloads.new_secret()
    headers = webhook_payloads.sign_webhook_headers("1", BODY, [new, old], timezone.now())
    assert verified(old, headers, BODY) == verified(new, headers, BODY) == {"type": "endpoint.test", "data": {}}


def test_partner_refuses_as_the_page_says(verified):
    secret = webhook_payloads.new_secret()
    good = webhook_payloads.sign_webhook_headers("1", BODY, [secret], timezone.now())
    stale = webhook_payloads.sign_webhook_headers("1", BODY, [secret], timezone.now() - dt.timedelta(minutes=6))
    for headers, body in [
        (good, BODY + b" "),
        (good | {"webhook-id": "2"}, BODY),
        (good | {"webhook-signature": "nonsense"}, BODY),
        (stale, BODY),
    ]:
        with pytest.raises((ValueError, WebhookVerificationError)):
            verified(secret, headers, body)


def test_page_has_an_example_with_and_one_without_the_library():
    assert len(EXAMPLES) == 2
    assert len(EXAMPLES[1].partition("def ")[2].strip().splitlines()) == 10


def test_page_names_every_type_and_who_hears_it():
    rows = re.findall(r"^\| (`.*?) \| .* \| (yes) \| (yes|) ?\|$", PAGE, re.MULTILINE)
    named = {kind: bool(partner) for names, _, partner in rows for kind in re.findall(r"`(.*?)`", names)}
    assert named == {
        kind: kind in (*webhook_payloads.PARTNER_TYPES, webhook_payloads.TEST) for kind in webhook_payloads.TYPES
    }


def test_figures_on_the_page_are_the_gate_s():
    units = {"s": 1, "min": 60, "h": 3600}
    tries = re.search(r"\*\*Tries\.\*\* At once, then after (.*?), each", PAGE, re.DOTALL)[1]
    steps = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", tries)]
    assert steps == [step.total_seconds() for step in webhook_delivery.BACKOFF]
    waits = (webhook_delivery.GIVEN_UP_AFTER, webhook_delivery.BOTH_SECRETS, webhook_delivery.RETRY_AFTER_LIMIT)
    assert [wait / dt.timedelta(days=1) for wait in waits] == [5, 1, 1]
    assert (webhook_http.DEADLINE, webhook_http.MAX_ANSWER, webhook_http.KEPT_OF_ANSWER) == (15, 64 * 1024, 1024)
    assert sorted(webhook_http.PORTS) == [443, 8443]
    assert webhook_http.USER_AGENT in PAGE
