"""A receiver can prove that a webhook is the gate's own (Standard Webhooks)."""

import base64
import datetime as dt

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from intake.readers import webhook_payloads

BODY = '{"type":"endpoint.test","data":{"name":"Ñandú – 音楽"}}'.encode()


def test_receiver_verifies_with_the_standard_library_for_it():
    secret = webhook_payloads.new_secret()
    headers = webhook_payloads.sign_webhook_headers("msg_1", BODY, [secret], timezone.now())
    assert Webhook(secret).verify(BODY, headers)["type"] == "endpoint.test"


def test_receiver_notices_another_body_another_id_and_another_secret():
    secret = webhook_payloads.new_secret()
    headers = webhook_payloads.sign_webhook_headers("msg_1", BODY, [secret], timezone.now())
    for key, body, sent in [
        (secret, BODY + b" ", headers),
        (secret, BODY, headers | {"webhook-id": "msg_2"}),
        (webhook_payloads.new_secret(), BODY, headers),
    ]:
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, sent)


def test_receiver_verifies_with_either_secret_while_it_rotates():
    new, old = webhook_payloads.new_secret(), webhook_payloads.new_secret()
    headers = webhook_payloads.sign_webhook_headers("msg_1", BODY, [new, old], timezone.now())
    assert Webhook(new).verify(BODY, headers) == Webhook(old).verify(BODY, headers)


def test_signature_is_the_one_that_the_specification_s_authors_published():
    # The example in the documentation of Svix, who wrote the specification.
    headers = webhook_payloads.sign_webhook_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        dt.datetime.fromtimestamp(1614265330, dt.UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secret_is_drawn_from_256_bits():
    drawn = webhook_payloads.new_secret()
    assert drawn.startswith("whsec_")
    assert len(base64.b64decode(drawn.removeprefix("whsec_"), validate=True)) == 32
    assert drawn != webhook_payloads.new_secret()
