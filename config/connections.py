"""One client's connection: its socket, and the request on it from the first byte to the last byte of the answer."""

from __future__ import annotations

import os
import select
import socket
import time
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, BinaryIO

from gunicorn.http import RequestParser
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.wsgi import Response

#: Bytes of the request line and headers together. nginx takes 32 KiB (large_client_header_buffers), Apache 800 KiB.
HEAD_BYTES = 64 * 1024
#: Bodies up to this size (bytes) are received before a thread is used; larger ones are streamed to a thread.
BUFFERED_BODY_BYTES = 64 * 1024
#: Bytes asked of the socket, or of a file that is sent, at a time.
CHUNK = 256 * 1024
#: The kernel asks for more of an answer when so little is left. It would otherwise take megabytes at once, and a slow
#: line would make no progress that can be seen for longer than WINDOW.
UNSENT_BYTES = 64 * 1024
#: A body or an answer must make this progress (bytes a second). Kestrel asks for 240, Apache's mod_reqtimeout for 500;
#: here a large body holds a thread. A line of 1 Mbit/s, shared by 16 uploads, gives each 7800.
SLOWEST = 4096
#: And it is measured over so many seconds, so that a line may fail for a while: twice Apache's allowance.
WINDOW = 30.0


class Pace:
    """Whether a client makes the progress that is asked of it; only time spent waiting for the client counts."""

    def __init__(self) -> None:
        self._waited = 0.0
        self._bytes = 0

    @property
    def left(self) -> float:
        """Seconds that the client may be waited for in this window."""
        return max(0.0, WINDOW - self._waited)

    def count(self, waited: float, number: int) -> bool:
        """Count seconds of waiting and bytes that moved; False at the end of a window in which too few did."""
        self._waited += waited
        self._bytes += number
        if self._waited < WINDOW:
            return True
        enough = self._bytes >= SLOWEST * self._waited
        self._waited, self._bytes = 0.0, 0
        return enough


@dataclass(slots=True)
class _FilePart:
    """What is left to be sent of an open file; the descriptor is our own."""

    descriptor: int
    offset: int
    left: int


class ClientSocket:
    """The socket as gunicorn's parser and response use it.

    Reading waits for the client, as long as it keeps the pace; raises TimeoutError then. Writing never waits: what the
    client does not take at once stays in ``outbox`` and is sent by the worker's loop.
    """

    def __init__(self, raw: socket.socket) -> None:
        raw.setblocking(False)
        if hasattr(socket, "TCP_NOTSENT_LOWAT") and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self.raw = raw
        self.outbox: deque[memoryview | _FilePart] = deque()
        self._pace = Pace()
        self._may_wait = False

    def fileno(self) -> int:
        """The descriptor; -1 when closed."""
        return self.raw.fileno()

    # --- Reading --------------------------------------------------------------------------------------------------

    def let_reads_wait(self, allowed: bool) -> None:
        """Whether ``recv`` may wait for the client. In the worker's loop it may not: it has what was received."""
        self._may_wait = allowed

    def receive(self, size: int = CHUNK) -> bytes | None:
        """The bytes that are here, at most ``size``; None where there are none yet, b"" at the end."""
        try:
            return self.raw.recv(size)
        except (BlockingIOError, InterruptedError):
            return None

    def recv(self, size: int) -> bytes:
        """The next bytes; b"" at the end. Raises TimeoutError where the client is too slow, or other OSError."""
        while self._may_wait:
            piece = self.receive(size)
            if piece is not None:
                self._pace.count(0.0, len(piece))
                return piece
            self.flush()  # "100 Continue" may be waiting there
            waiting = select.poll()
            waiting.register(self.raw, select.POLLIN)
            began = time.monotonic()
            waiting.poll(self._pace.left * 1000)
            if not self._pace.count(time.monotonic() - began, 0):
                raise TimeoutError(f"the body came more slowly than {SLOWEST} bytes a second")
        return b""

    # --- Writing --------------------------------------------------------------------------------------------------

    def sendall(self, data: bytes) -> None:
        """Send what the client takes now and keep the rest for later. Raises OSError where it has gone."""
        self.outbox.append(memoryview(data))
        self.flush()

    send = sendall

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None:
        """Send a part of a file, now or later; the caller may close it."""
        self.outbox.append(_FilePart(os.dup(file.fileno()), offset, count))
        self.flush()

    def flush(self) -> int:
        """Send what the client takes now; returns how many bytes. Raises OSError where it has gone."""
        total = 0
        while self.outbox and total < CHUNK:  # the others shall have their turn
            try:
                sent = self._send(self.outbox[0])
            except (BlockingIOError, InterruptedError):
                break
            total += sent
        return total

    def _send(self, part: memoryview | _FilePart) -> int:
        if isinstance(part, memoryview):
            sent = self.raw.send(part) if part else 0
            self.outbox[0] = part = part[sent:]
            done = not part
        else:
            sent = os.sendfile(self.raw.fileno(), part.descriptor, part.offset, min(part.left, CHUNK))
            part.offset, part.left = part.offset + sent, part.left - sent
            done = part.left == 0
            if not sent and not done:
                raise ConnectionAbortedError("the file that is being sent has become shorter")
        if done:
            self._drop_first()
        return sent

    def held_bytes(self) -> int:
        """Bytes of memory that wait to be sent."""
        return sum(len(part) for part in self.outbox if isinstance(part, memoryview))

    # --- The end --------------------------------------------------------------------------------------------------

    def end_sending(self) -> None:
        """Tell the client that nothing more comes, while it may still be sending (RFC 9112, section 9.6)."""
        self.raw.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """End both directions, so that a thread that reads wakes up; the socket stays open until ``close``."""
        self.raw.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close, and forget what was not sent."""
        while self.outbox:
            self._drop_first()
        self.raw.close()

    def _drop_first(self) -> None:
        part = self.outbox.popleft()
        if isinstance(part, _FilePart):
            os.close(part.descriptor)

    # --- gunicorn sets modes that are not ours -------------------------------------------------------------------

    def setblocking(self, _: object) -> None:
        """Nothing: writes never wait, and reads wait where ``let_reads_wait`` says so."""

    settimeout = setblocking

    def gettimeout(self) -> float:
        """0.0: writes never wait."""
        return 0.0


class State(Enum):
    """What a connection waits for."""

    IDLE = "the next request"
    HEAD = "the end of the headers"
    BODY = "the end of a small body"
    QUEUED = "a free thread"
    RUNNING = "the application"
    SENDING = "the client to take the answer"
    LINGERING = "the client to notice the end"


@dataclass(eq=False, slots=True)
class Connection:
    """A connection, and where its present request stands."""

    sock: ClientSocket
    client: Any
    server: Any
    parser: RequestParser
    #: The owner of the connection, for limits: the peer's address.
    peer: str
    state: State = State.HEAD
    #: Monotonic seconds at which the state has lasted too long; None while it is the gate that is waited for.
    deadline: float | None = None
    inbox: bytearray = field(default_factory=bytearray)
    searched: int = 0
    request: Any = None
    streamed: bool = False
    address: str = ""
    group: Hashable = None
    environ: dict[str, Any] = field(default_factory=dict)
    response: Answer | None = None
    #: The application's answer, and how far it was iterated over.
    pieces: Any = None
    iterator: Iterator[bytes] | None = None
    keep: bool = False
    pace: Pace = field(default_factory=Pace)
    sent_at: float = 0.0
    #: What the poller watches the socket for at present.
    watched: int = 0

    def head_end(self) -> bool:
        """Whether the whole head is in the inbox. Empty lines before it are dropped (RFC 9112, section 2.2)."""
        while self.inbox.startswith(b"\r\n"):
            del self.inbox[:2]
        found = self.inbox.find(b"\r\n\r\n", self.searched)
        self.searched = max(0, len(self.inbox) - 3)
        return found >= 0

    def parse_head(self) -> None:
        """Parse the head; the rest of the inbox is the beginning of the body. Raises what gunicorn's parser does."""
        self.parser.unreader.unread(bytes(self.inbox))
        self.inbox, self.searched = bytearray(), 0
        self.sock.let_reads_wait(False)
        self.request = next(self.parser)
        length = self.missing()
        self.streamed = length is None or length > BUFFERED_BODY_BYTES or self.request._expected_100_continue
        self.request.streamed = self.streamed

    def missing(self) -> int | None:
        """Bytes of the body that have not been received; None where the request does not say."""
        reader = self.request.body.reader
        if not isinstance(reader, LengthReader):
            return None
        return max(0, int(reader.length) - len(self.parser.unreader.buf.getbuffer()))

    def add_body(self, data: bytes) -> None:
        """More of a small body."""
        buffer = self.parser.unreader.buf
        buffer.seek(0, os.SEEK_END)
        buffer.write(data)

    def header(self, name: str) -> str:
        """The last value of a header of the request; empty where there is none. ``name`` in upper case."""
        return next((value for given, value in reversed(self.request.headers) if given == name), "")

    def next_request(self) -> None:
        """Forget the request that was answered; what the client sent behind it is the beginning of the next."""
        self.inbox = bytearray(self.parser.unreader.take_buffered())
        self.request = self.response = self.pieces = self.iterator = None
        self.environ = {}


class Answer(Response):
    """A response that says ``Connection: close`` where a body was not read: the client need not send the rest of it."""

    def send_headers(self) -> None:
        """Send them once."""
        if not self.headers_sent and self.req.streamed and _has_unread_bytes(self.req.body.reader):
            self.force_close()
        super().send_headers()


def _has_unread_bytes(reader: Any) -> bool:
    if isinstance(reader, LengthReader):
        return bool(reader.length)
    return isinstance(reader, ChunkedReader) and reader.parser is not None
