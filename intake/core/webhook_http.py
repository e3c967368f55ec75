"""Carry one webhook to its receiver: to a checked address, once, within a deadline, and no further."""

from __future__ import annotations

import contextlib
import functools
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import structlog
import urllib3.exceptions
from django.conf import settings
from urllib3.util import parse_url

log = structlog.get_logger(__name__)

#: Seconds from the look-up of the name to the last byte of the answer; what other senders of webhooks allow.
DEADLINE = 15.0
#: Bytes of an answer that are read at all; a receiver owes us a status, not a download.
MAX_ANSWER = 64 * 1024
#: Bytes of an answer that are kept for troubleshooting.
KEPT_OF_ANSWER = 1024
#: Interim answers (1xx) that are read past; a receiver that processes for long sends one or two.
MAX_INTERIM = 10
#: Ports that web servers are published on. Any other one would make the gate a port scanner.
PORTS = frozenset({443, 8443})
USER_AGENT = "release-intake-gate/1 (webhooks)"

#: Of the deadline, for one address to take the call: of three dead ones, the last is still tried.
_SHARE_OF_ONE_CALL = 0.3
_STANDARD_PORTS = {"https": 443, "http": 80}


def _local_networks(*names: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(name) for name in names)


#: Where a development machine keeps its own receivers.
_LOCAL = _local_networks("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
#: Metadata services of cloud providers that live outside of the link-local range.
_METADATA = _local_networks("168.63.129.16/32", "fd00:ec2::254/128")
#: Addresses that are no public host (IANA's special-purpose registries). Python's own ``is_global`` lets
#: multicast, 6to4 and translated addresses pass, depending on its version.
_NOT_PUBLIC = _local_networks(
    "0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "2001::/23",  # Teredo, benchmarking, ORCHID
    "2001:db8::/32", "2002::/16", "3fff::/20",
)  # fmt: skip
#: The only part of IPv6 from which public addresses are given out.
_IPV6_PUBLIC = ipaddress.IPv6Network("2000::/3")
#: Carries an IPv4 address in its last 32 bits (RFC 6052), and leads wherever that one leads.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class UnsafeURL(ValueError):
    """The gate does not send to this address."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: where to connect, and what to ask for."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one try. Without a status there was no answer, and ``error`` says why."""

    status: int | None = None
    error: str = ""
    body: str = ""
    retry_after: str = ""
    milliseconds: int = 0

    @property
    def taken(self) -> bool:
        """Whether the receiver has accepted the webhook."""
        return self.status is not None and 200 <= self.status < 300


def parse_target_url(url: str) -> Target:
    """Take a URL apart, or raise UnsafeURL where its very shape is not one that the gate sends to.

    Where its name leads is asked at every sending anew; here only an address written out is judged.
    """
    local = settings.GATE_WEBHOOKS_ALLOW_LOCAL
    if not url.isascii() or any(character <= " " or character in "\\\x7f" for character in url):
        raise UnsafeURL("a URL is written in printable ASCII, with international names as xn--…")
    try:
        parts = parse_url(url)
    except urllib3.exceptions.LocationParseError:
        raise UnsafeURL("this is not a URL") from None
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise UnsafeURL("webhooks are sent over https only")
    if not parts.host:
        raise UnsafeURL("the URL names no host")
    if parts.auth is not None or parts.fragment is not None:
        raise UnsafeURL("a URL with a user name, a password or a fragment is not accepted")
    port = _STANDARD_PORTS[parts.scheme] if parts.port is None else parts.port
    if not local and port not in PORTS:
        raise UnsafeURL(f"webhooks are sent to the ports {', '.join(map(str, sorted(PORTS)))} only")
    host = parts.host.strip("[]")
    if _is_address(host):
        _require_public_addresses([host])
    return Target(parts.scheme, host, port, parts.request_uri)


def resolve_host(host: str, port: int) -> list[str]:
    """Every address of a name, as the system's resolver gives them. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def send_webhook(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    deadline: float = DEADLINE,
    resolver: Callable[[str, int], Iterable[str]] = resolve_host,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """POST the body to the URL and say what came back; never raises for anything that the receiver does.

    The exchange has a thread of its own, because no timeout of a library covers it whole: looking a name up has none,
    and all others begin anew with every byte that drips in. After ``deadline`` seconds the line is cut.
    """
    line, heard, began = _Line(), queue.SimpleQueue[Answer](), time.monotonic()

    def exchange() -> None:
        for answer in _exchange_webhook(line, url, headers, body, deadline, resolver, trust or _build_tls_context()):
            heard.put(answer)

    thread = threading.Thread(target=exchange, name="webhook", daemon=True)
    thread.start()
    thread.join(deadline)
    answer = Answer(error=f"no answer within {deadline:g} seconds")
    while not heard.empty():  # first the status, then the same with what could be read of the body
        answer = heard.get()
    line.cut()  # only now: what the thread makes of a line that was cut is no answer
    return replace(answer, milliseconds=round((time.monotonic() - began) * 1000))


class _Line:
    """A connection that can be cut from another thread, whatever it is waiting for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def hold(self, connection: socket.socket) -> None:
        """Keep a second handle on the connection. Raises TimeoutError where it comes too late to be used."""
        with self._lock:
            if self._is_cut:
                raise TimeoutError("too late")
            self._socket = connection.dup()

    def cut(self) -> None:
        """End the connection, and let none begin."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    log.debug("webhook.line_already_closed")
                self._socket.close()


def _exchange_webhook(
    line: _Line,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    deadline: float,
    resolver: Callable[[str, int], Iterable[str]],
    trust: ssl.SSLContext,
) -> Iterable[Answer]:
    """The answers as far as they are known: at its status, and again with its body. Faults become answers."""
    try:
        to = parse_target_url(url)
        addresses = list(dict.fromkeys(resolver(to.host, to.port)))
        _require_public_addresses(addresses)
        with _connect_to_first(addresses, to.port, deadline) as plain:
            line.hold(plain)
            with contextlib.closing(_open_http(to, plain, trust)) as connection:
                connection.request("POST", to.path, body, {**_HEADERS, **headers})
                with connection.getresponse() as response:
                    answer = Answer(response.status, retry_after=response.getheader("Retry-After", "")[:100])
                    yield answer
                    yield replace(answer, body=_printable_text(_read_limited_body(response)))
    except UnsafeURL as error:
        yield Answer(error=f"not sent: {error}")
    except (OSError, http.client.HTTPException) as error:
        yield Answer(error=_describe_error(error))
    except Exception as error:  # a fault of ours is still no reason to lose the delivery
        log.exception("webhook.sender_failed")
        yield Answer(error=f"the gate could not send it ({type(error).__name__})")


_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}


def _require_public_addresses(addresses: Iterable[str]) -> None:
    """Raise UnsafeURL unless every one of the addresses is a public host's.

    The message names no address: who may not reach our network shall not map it either.
    """
    local = settings.GATE_WEBHOOKS_ALLOW_LOCAL
    for address in addresses:
        if not _is_allowed_address(ipaddress.ip_address(address), local):
            raise UnsafeURL("the host's address is not one on the public internet")


def _is_allowed_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, local: bool) -> bool:
    if any(address in network for network in _METADATA):
        return False
    if any(address in network for network in _LOCAL):
        return local
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return _is_allowed_address(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF), local)
        if address not in _IPV6_PUBLIC:
            return False
    return not any(address in network for network in _NOT_PUBLIC)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _connect_to_first(addresses: Iterable[str], port: int, deadline: float) -> socket.socket:
    """Connect to the first address that takes the call. Raises OSError where none does."""
    last: OSError = OSError("the name has no address")
    for address in addresses:
        try:
            connection = socket.create_connection((address, port), timeout=deadline * _SHARE_OF_ONE_CALL)
        except OSError as error:
            last = error
        else:
            # From here on the line is cut from outside; this only ends a thread with a line that could not be.
            connection.settimeout(2 * deadline)
            return connection
    raise last


def _open_http(to: Target, plain: socket.socket, trust: ssl.SSLContext) -> http.client.HTTPConnection:
    """HTTP over a connection that stands. Certificate and Host header are of the name, whatever the address."""
    if to.scheme == "http":
        connection = http.client.HTTPConnection(to.host, to.port)
        connection.sock = plain
    else:
        connection = http.client.HTTPSConnection(to.host, to.port, context=trust)
        connection.sock = trust.wrap_socket(plain, server_hostname=to.host)
    connection.response_class = _FinalResponse
    return connection


class _FinalResponse(http.client.HTTPResponse):
    """Reads past every interim answer (1xx, RFC 9110 section 15.2): only the final status says what came of it.

    The class it is made of reads past 100 alone, for ever, and takes 102 and 103 for final.
    """

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status >= http.HTTPStatus.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {MAX_INTERIM} interim answers (1xx)")


def _read_limited_body(response: http.client.HTTPResponse) -> bytes:
    """The body up to the limit, as it came over the wire; what breaks off, as far as it came."""
    received = bytearray()
    try:
        while len(received) < MAX_ANSWER and (chunk := response.read1(MAX_ANSWER - len(received))):
            received += chunk
    except (OSError, http.client.HTTPException):
        log.debug("webhook.answer_broke_off", received=len(received))
    return bytes(received)


def _printable_text(body: bytes) -> str:
    """Readable, and without the NUL that PostgreSQL stores in no text."""
    return body[:KEPT_OF_ANSWER].decode(errors="replace").replace("\x00", "\ufffd")


def _describe_error(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "the name could not be looked up"
    said = "".join(letter if letter.isprintable() else "\ufffd" for letter in str(error)[:200])  # it may quote theirs
    return f"{type(error).__name__}: {said}"


@functools.cache
def _build_tls_context() -> ssl.SSLContext:
    """The system's certificate authorities; reading them takes a while, so once a process."""
    return ssl.create_default_context()
