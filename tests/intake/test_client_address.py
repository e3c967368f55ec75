"""Which address counts as the client: forged headers, proxies, IPv6."""

import pytest
from django.test import RequestFactory

from intake.core.client_address import client_network


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "network"),
    [
        ("192.0.2.1", "", False, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", False, "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", True, "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", True, "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7:4711", True, "198.51.100.7"),
        ("10.0.0.1", "", True, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, garbage", True, "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", False, "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "", False, "2001:db8:1:2::/64"),
        ("10.0.0.1", "[2001:db8:1:2::9]:443", True, "2001:db8:1:2::/64"),
        ("10.0.0.1", "2001:DB8:1:2::9", True, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "", False, "192.0.2.1"),
        ("fe80::1%eth0", "", False, "fe80::/64"),
        ("", "", False, "unknown"),
    ],
)
def test_client_is_an_address_or_an_ipv6_network(settings, peer, forwarded, trusted, network):
    settings.GATE_TRUST_PROXY = trusted
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_network(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)) == network
