"""The address that a request comes from, and the network that counts as one client."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

#: A provider gives one customer at least this IPv6 network (RFC 6177): its addresses are one client.
IPV6_CLIENT_PREFIX = 64


def client_network(request: HttpRequest) -> str:
    """Return the IPv4 address or the IPv6 /64 network of the client, in its normal form.

    Behind a trusted proxy (``GATE_TRUST_PROXY``) it is the last entry of ``X-Forwarded-For``: the one that the proxy
    itself has added. Earlier entries are the client's own words. Returns "unknown" where there is no address at all
    (a Unix socket).
    """
    peer = request.META.get("REMOTE_ADDR", "")
    if settings.GATE_TRUST_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
        return parse_network(forwarded) or parse_network(peer) or "unknown"
    return parse_network(peer) or "unknown"


def parse_network(text: str) -> str:
    """Return the network of an address as ``client_network`` does; "" for what is no address.

    Read are ``192.0.2.1``, ``192.0.2.1:80``, ``2001:db8::1``, ``[2001:db8::1]:443`` and ``2001:db8::/64``.
    """
    host = text.strip().removesuffix(f"/{IPV6_CLIENT_PREFIX}")
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, IPV6_CLIENT_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(address)
