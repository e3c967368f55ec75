"""A receiver of webhooks on this machine, which behaves as well or as badly as a test wants."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

TLS = Path(__file__).parent / "tls"
#: The name that the certificates in ``tls`` are for.
NAME = "hooks.example"


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


#: What happens once a request has been read: the connection, and an event that is set when the test is over.
Behaviour = Callable[[socket.socket, threading.Event], None]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Behaviour:
    """Answer once, and close."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    content = "\r\n".join([*lines, "", ""]).encode() + body
    return lambda connection, over: connection.sendall(content)


def hang(connection: socket.socket, over: threading.Event) -> None:
    """Say nothing."""
    over.wait()


def drip(content: bytes, repeat: bytes, every: float = 0.02) -> Behaviour:
    """Send something at once, and then a few bytes at a time, for ever."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(content)
        while not over.wait(every):
            connection.sendall(repeat)

    return behave


def flood(head: bytes) -> Behaviour:
    """Send a body without end, as fast as it is taken."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.is_set():
            connection.sendall(b"x" * 65536)

    return behave


def reset(connection: socket.socket, over: threading.Event) -> None:
    """Break the connection off without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass
class Receiver:
    """Listens while its context lasts; behaves as in ``plan``, the last of it for ever after."""

    plan: list[Behaviour] = field(default_factory=lambda: [answer()])
    certificate: str | None = None
    address: str = "127.0.0.1"
    port: int = 0

    def __enter__(self) -> Self:
        self.requests: list[Request] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((self.address, self.port))
        self.port = self._listener.getsockname()[1]
        self._tls: ssl.SSLContext | None = None
        if self.certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(TLS / self.certificate)
        self._start(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        # Wakes the thread that waits in accept; closing alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/hooks?from=gate"

    @property
    def secure_url(self) -> str:
        return f"https://{NAME}:{self.port}/hooks"

    def _start(self, run: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        try:
            plain.settimeout(5)
            with self._tls.wrap_socket(plain, server_side=True) if self._tls else plain as connection:
                if request := self._read(connection):
                    self.requests.append(request)
                    self.plan[min(len(self.requests), len(self.plan)) - 1](connection, self._over)
        except OSError:
            return  # the gate has hung up, as it may

    def _read(self, connection: socket.socket) -> Request | None:
        received = b""
        while b"\r\n\r\n" not in received:
            if not (chunk := connection.recv(65536)):
                return None
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        return Request(first, headers, body)
