"""The sender reaches whom it means to reach, for as long as it wants to, and nobody else."""

import gzip
import os
import ssl
import time

import pytest

from intake.core import webhook_http
from intake.core.webhook_http import UnsafeURL
from tests.intake.webhooks.receiver import NAME, TLS, Behaviour, Receiver, answer, drip, flood, hang, reset

BODY = b'{"type":"endpoint.test"}'
METADATA = "http://169.254.169.254/latest/meta-data/"


@pytest.fixture
def production(settings):
    settings.GATE_WEBHOOKS_ALLOW_LOCAL = False


@pytest.fixture
def trust():
    return ssl.create_default_context(cafile=str(TLS / "authority.pem"))


class Resolver:
    """A name server that gives one answer after the other, and counts how often it is asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host, port):
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def test_receiver_gets_the_body_and_the_gate_its_answer():
    with Receiver([answer(202, b"thanks")]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {"webhook-id": "1"}, BODY)
    request = receiver.requests[0]
    assert (got.status, got.taken, got.body, got.error) == (202, True, "thanks", "")
    assert (request.line, request.body) == ("POST /hooks?from=gate HTTP/1.1", BODY)
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["webhook-id"] == "1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == webhook_http.USER_AGENT


@pytest.mark.parametrize("status", [300, 302, 307, 308, 400, 410, 500, 503])
def test_receiver_that_answers_anything_but_2xx_has_not_taken_it(status):
    with Receiver([answer(status)]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
    assert (got.status, got.taken) == (status, False)


def interim(*statuses: int, then: bytes = b"") -> Behaviour:
    """Send interim answers, and then something else."""
    lines = (f"HTTP/1.1 {status} Wait\r\nLink: </style.css>; rel=preload\r\n\r\n" for status in statuses)
    return lambda connection, over: connection.sendall("".join(lines).encode() + then)


FINAL = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.mark.parametrize("statuses", [[100], [101], [102], [103], [199], [102, 102, 103, 100], [103] * 10])
def test_receiver_that_answers_1xx_first_is_heard_to_the_end(statuses):
    with Receiver([interim(*statuses, then=FINAL)]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
    assert (got.status, got.taken, got.body, got.error) == (202, True, "ok", "")


@pytest.mark.parametrize("status", [100, 102, 103])
def test_receiver_that_answers_1xx_and_then_no_has_not_taken_it(status):
    refusal = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n"
    with Receiver([interim(status, then=refusal)]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
    assert (got.status, got.taken, got.retry_after) == (503, False, "7")


@pytest.mark.parametrize("statuses", [[103], [100, 102]])
def test_receiver_that_answers_1xx_and_nothing_else_has_not_answered(statuses):
    with Receiver([interim(*statuses)]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
    assert got.status is None
    assert got.error


@pytest.mark.parametrize("status", [100, 103])
def test_receiver_that_answers_1xx_without_end_is_left(status):
    endless = f"HTTP/1.1 {status} Wait\r\n\r\n".encode()
    with Receiver([drip(endless, endless, every=0.001)]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY, deadline=5.0)
    assert (got.status, got.taken) == (None, False)
    assert "more than 10 interim answers" in got.error
    assert got.milliseconds < 3000


def test_receiver_cannot_redirect_the_gate():
    with Receiver() as elsewhere, Receiver([answer(307, Location=elsewhere.url)]) as receiver:
        assert webhook_http.send_webhook(receiver.url, {}, BODY).status == 307
        receiver.plan = [answer(307, Location=METADATA)]
        assert webhook_http.send_webhook(receiver.url, {}, BODY).status == 307
    assert len(receiver.requests) == 2
    assert elsewhere.requests == []


def test_operator_s_proxy_variables_are_ignored(monkeypatch):
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setitem(os.environ, name, f"http://127.0.0.1:{proxy.port}")
        assert webhook_http.send_webhook(receiver.url, {}, BODY).taken
    assert proxy.requests == []


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(hang, id="says nothing"),
        pytest.param(drip(b"", b"H"), id="drips its status"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"X-More: of it\r\n"), id="drips headers"),
        pytest.param(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="continues for ever"),
    ],
)
def test_receiver_that_takes_for_ever_is_cut_off_at_the_deadline(behaviour):
    began = time.monotonic()
    with Receiver([behaviour]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY, deadline=0.2)
        took = time.monotonic() - began
    assert got.status is None
    assert got.error  # the deadline, or that http.client has seen enough headers
    assert took < 0.6
    assert len(receiver.requests) == 1


def test_receiver_that_hangs_in_the_handshake_is_cut_off_at_the_deadline(trust):
    with Receiver([hang]) as receiver:  # no TLS: the greeting is never answered
        began = time.monotonic()
        url = f"https://{NAME}:{receiver.port}/"
        got = webhook_http.send_webhook(url, {}, BODY, deadline=0.2, resolver=Resolver(["127.0.0.1"]), trust=trust)
        assert time.monotonic() - began < 0.6
    assert got.error == "no answer within 0.2 seconds"


def test_name_server_that_hangs_is_waited_for_no_longer_than_the_deadline():
    def slow(host, port):
        time.sleep(0.5)
        return ["127.0.0.1"]

    with Receiver() as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY, deadline=0.1, resolver=slow)
        time.sleep(0.6)
    assert got.error == "no answer within 0.1 seconds"
    assert receiver.requests == []  # what comes too late is not sent: it has been counted as failed


def test_receiver_that_drips_its_body_has_answered_all_the_same():
    with Receiver([drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b"x")]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY, deadline=0.2)
    assert (got.status, got.taken) == (200, True)
    assert got.milliseconds < 600


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n", id="2 GB"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", id="endless"),
    ],
)
def test_receiver_that_floods_is_read_no_further_than_the_cap(head):
    with Receiver([flood(head)]) as receiver:
        began = time.monotonic()
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
        assert time.monotonic() - began < 2
    assert got.taken
    assert got.body == "x" * webhook_http.KEPT_OF_ANSWER


def test_receiver_s_gzip_bomb_is_not_unpacked():
    bomb = gzip.compress(b"\0" * 10_000_000)
    with Receiver([answer(200, bomb, Content_Encoding="gzip")]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
    assert got.taken
    assert got.body.encode()[1:2] != b"\0"
    assert len(got.body) <= webhook_http.KEPT_OF_ANSWER
    assert "\x00" not in got.body  # PostgreSQL would refuse to store it


def test_receiver_that_breaks_the_connection_off_is_a_failure_with_a_reason():
    with Receiver([reset]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
    assert got.status is None
    assert "Connection" in got.error


def test_receiver_that_is_not_there_is_a_failure_with_a_reason():
    with Receiver() as receiver:
        pass
    assert "ConnectionRefusedError" in webhook_http.send_webhook(receiver.url, {}, BODY).error


def test_receiver_that_talks_nonsense_is_a_failure_with_a_reason():
    with Receiver([lambda connection, over: connection.sendall(b"SSH-2.0\0\x1b[31m OpenSSH\r\n\r\n")]) as receiver:
        got = webhook_http.send_webhook(receiver.url, {}, BODY)
    assert got.error.startswith("BadStatusLine: SSH-2.0")
    assert got.error.isprintable()  # PostgreSQL stores no NUL, and a terminal obeys an escape


def test_receiver_s_certificate_is_checked_against_the_name_though_the_address_is_pinned(trust):
    at_home = Resolver(["127.0.0.1"])
    with Receiver(certificate="receiver.pem") as receiver:
        got = webhook_http.send_webhook(receiver.secure_url, {}, BODY, resolver=at_home, trust=trust)
        other_name = receiver.secure_url.replace(NAME, "hooks.test")
        mistaken = webhook_http.send_webhook(other_name, {}, BODY, resolver=at_home, trust=trust)
        unknown = webhook_http.send_webhook(receiver.secure_url, {}, BODY, resolver=at_home)
    assert got.taken
    assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"
    assert "certificate was not accepted" in mistaken.error
    assert "certificate was not accepted" in unknown.error
    assert len(receiver.requests) == 1


def test_receiver_with_an_expired_certificate_gets_nothing(trust):
    with Receiver(certificate="expired.pem") as receiver:
        got = webhook_http.send_webhook(receiver.secure_url, {}, BODY, resolver=Resolver(["127.0.0.1"]), trust=trust)
    assert "expired" in got.error
    assert receiver.requests == []


def test_name_is_looked_up_once_and_the_connection_goes_where_the_check_looked():
    rebinding = Resolver(["127.0.0.1"], ["127.0.0.2"])
    with Receiver() as checked, Receiver(address="127.0.0.2", port=checked.port) as rebound:
        url = f"http://{NAME}:{checked.port}/"
        assert webhook_http.send_webhook(url, {}, BODY, resolver=rebinding).taken
    assert rebinding.asked == 1
    assert (len(checked.requests), len(rebound.requests)) == (1, 0)


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.1.2.3"], ["93.184.215.14", "127.0.0.1"], ["::1"]])
def test_name_that_leads_into_our_network_is_refused_whatever_else_it_leads_to(addresses, monkeypatch):
    calls = []
    monkeypatch.setattr(webhook_http, "_connect_to_first", lambda *args: calls.append(args))
    got = webhook_http.send_webhook(f"https://{NAME}/", {}, BODY, resolver=Resolver(addresses))
    assert got.error == "not sent: the host's address is not one on the public internet"
    assert calls == []


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_odd_spelling_of_a_local_address_is_judged_by_where_it_leads(host):
    assert webhook_http.send_webhook(f"https://{host}/", {}, BODY).error.startswith("not sent: the host's address")


FORBIDDEN = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.9.1", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:93.184.215.14", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "3fff::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["93.184.215.14", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:2800:21f:cb07::1", "64:ff9b::808:808"]


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("address", FORBIDDEN)
def test_address_that_is_no_public_host_is_refused(address):
    with pytest.raises(UnsafeURL):
        webhook_http._require_public_addresses([address])
    with pytest.raises(UnsafeURL):
        webhook_http._require_public_addresses([PUBLIC[0], address])


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("address", PUBLIC)
def test_address_of_a_public_host_is_allowed(address):
    webhook_http._require_public_addresses([address])


@pytest.mark.parametrize("address", ["169.254.169.254", "168.63.129.16", "fd00:ec2::254", "0.0.0.0", "fe80::1"])
def test_metadata_service_is_refused_in_development_too(address):
    with pytest.raises(UnsafeURL):
        webhook_http._require_public_addresses([address])


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "//hooks.example/", "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd",
        "gopher://hooks.example/", "https://", "https:///path", "https://user@hooks.example/",
        "https://user:secret@hooks.example/", "https://hooks.example/#part", "https://hooks.example:22/",
        "https://hooks.example:6379/", "https://hooks.example:0/", "https://hooks.example:99999/",
        "https://hooks.example:x/", "https://hooks.example/a b", "https://hooks.example/\r\nHost: x",
        "https://hooks.example\\@127.0.0.1/", "https://hööks.example/", "https://127.0.0.1/", "https://[::1]/",
        "https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1%25lo]/",
        "https://hooks.example\x00/", "https://hooks.example/\x7f",
    ],
)  # fmt: skip
def test_url_of_a_wrong_shape_is_refused(url):
    with pytest.raises(UnsafeURL):
        webhook_http.parse_target_url(url)


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("url", "port", "path"),
    [
        ("https://hooks.example", 443, "/"),
        ("https://hooks.example:8443/a/b?c=d&e=%20", 8443, "/a/b?c=d&e=%20"),
        ("HTTPS://HOOKS.example:443/a", 443, "/a"),
    ],
)
def test_url_of_a_right_shape_is_taken_apart(url, port, path):
    assert webhook_http.parse_target_url(url) == webhook_http.Target("https", "hooks.example", port, path)
