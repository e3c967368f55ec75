"""The web server's process: one loop that waits for all clients, and threads that never wait for slow ones.

gunicorn's ``gthread`` gives a connection a thread as soon as it is accepted, and the thread then reads the request:
so many half-sent headers as there are threads stop it. Here the loop receives headers and small bodies and sends
answers; a thread runs the application only on requests that are here, and, in a pool of its own, on large bodies.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import resource
import selectors
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors, get_parser, wsgi
from gunicorn.workers.gthread import ThreadWorker

from config import settings
from config.connections import HEAD_BYTES, SLOWEST, Answer, ClientSocket, Connection, Pace, State
from config.turns import Turns

log = logging.getLogger("gunicorn.error")

#: Seconds for the request line and the headers, from the first byte or the connection on. Apache's mod_reqtimeout
#: gives 20 to 40, nginx 60; a head is a few packets, and ten seconds are three retransmissions.
HEAD_SECONDS = 10.0
#: And for a small body, beside what the slowest permitted line needs for it.
BODY_SECONDS = 10.0
#: Seconds that a request may wait for a thread before it is refused: less than clients' usual timeouts of 60.
QUEUE_SECONDS = 30.0
#: A refused client may still be sending: it is read and forgotten for at most so many seconds, so that it reads the
#: answer instead of a reset. nginx gives 30 (lingering_time) while data comes.
LINGER_SECONDS = 5.0
#: Connections of one process: each costs a descriptor and a few kilobytes while it waits.
CONNECTIONS = 1000
#: Of these for one address; behind a trusted proxy all have the address of the proxy, and this does not apply.
CONNECTIONS_OF_ADDRESS = 500
#: Descriptors that the rest of the process needs: databases, spool files, logs.
OTHER_DESCRIPTORS = 256
#: Memory (bytes) that answers to slow readers may hold in one process.
OUTBOX_BYTES = 64 * 1024**2
#: How often deadlines are looked at (seconds).
TICK = 0.5
#: Connections that are accepted before those that are there have their turn.
ACCEPTED_AT_ONCE = 64
#: How often the log says what was refused (seconds).
REPORT_EVERY = 10.0

#: Connections that wait for a client in these states may be closed to make room for a new one, the longest first.
_CLOSABLE = (State.IDLE, State.HEAD, State.BODY, State.SENDING, State.LINGERING)


class BufferingWorker(ThreadWorker):
    """Serves requests by threads, and waits for clients in one loop with limits for each of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.cfg.is_ssl:
            raise ValueError("BufferingWorker serves plain HTTP: put a reverse proxy with the certificate in front.")
        self._connections: set[Connection] = set()
        #: By peer address, the connections that wait for the client, the longest first.
        self._waiting: dict[str, OrderedDict[Connection, None]] = {}
        self._refused: Counter[str] = Counter()
        self._reported_at = self._ticked_at = time.monotonic()

    def init_process(self) -> None:
        """Prepare what must be made in the process itself, and run."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        room = CONNECTIONS if hard == resource.RLIM_INFINITY else max(64, hard - OTHER_DESCRIPTORS)
        self._most = min(CONNECTIONS, room)
        self._requests = Turns("request", self.cfg.threads, self._run_in)
        self._uploads = Turns("upload", settings.GATE_WEB_UPLOADS, self._run_in)
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """The pool of requests; gunicorn's own shutdown knows one."""
        return self._requests.pool

    # --- The loop -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until told to stop; then finish what is under way, within the grace."""
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        self.set_accept_enabled(True)
        while self.alive and self.is_parent_alive():
            self._step()
        self.set_accept_enabled(False)
        for connection in [item for item in self._connections if item.state in (State.IDLE, State.HEAD)]:
            self._close(connection)
        end = time.monotonic() + self.cfg.graceful_timeout
        while self._connections and time.monotonic() < end:
            self._step()
        self._stop()

    def _step(self) -> None:
        self.notify()
        self.wait_for_and_dispatch_events(timeout=TICK)
        now = time.monotonic()
        if now - self._ticked_at >= TICK:
            self._ticked_at = now
            self._tick(now)

    def _stop(self) -> None:
        for connection in list(self._connections):
            if connection.state is State.RUNNING:
                with contextlib.suppress(OSError):
                    connection.sock.abort()  # a thread that waits for a body reads its end
            else:
                self._close(connection)
        for turns in (self._requests, self._uploads):
            turns.pool.shutdown(wait=False, cancel_futures=True)
        self.poller.close()
        for listener in self.sockets:
            listener.close()

    def _tick(self, now: float) -> None:
        """Look at the deadlines, and at what unread answers hold in memory."""
        held: dict[Connection, int] = {}
        for connection in list(self._connections):
            if connection.deadline is not None and now >= connection.deadline:
                self._expire(connection)
            elif connection.state is State.SENDING and not self._takes_answer(connection, now):
                self._give_up(connection, "answers not taken")
            elif connection.state is State.SENDING:
                held[connection] = connection.sock.held_bytes()
        while sum(held.values()) > OUTBOX_BYTES:
            largest = max(held, key=held.__getitem__)
            del held[largest]
            self._give_up(largest, "answers not taken")
        if self._refused and now - self._reported_at >= REPORT_EVERY:
            log.warning("Clients refused: %s", ", ".join(f"{n} {why}" for why, n in sorted(self._refused.items())))
            self._refused.clear()
            self._reported_at = now

    # --- Connections ----------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Take in new connections; where there is no room, those that have waited longest make room."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                raw, client = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE) and self._make_room():
                    continue
                if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EMFILE, errno.ENFILE):
                    raise
                return
            with contextlib.suppress(OSError):  # it has gone already
                self._admit(raw, client, listener.getsockname())

    def _admit(self, raw: socket.socket, client: Any, server: Any) -> None:
        peer = str(client[0]) if isinstance(client, tuple) else ""
        if len(self._connections) >= self._most and not self._make_room():
            self._refused["connections beyond the limit"] += 1
            raw.close()
            return
        if not settings.GATE_TRUST_PROXY and len(self._waiting.get(peer, ())) >= CONNECTIONS_OF_ADDRESS:
            self._make_room(peer)
        sock = ClientSocket(raw)
        parser = get_parser(self.cfg, sock, client)
        connection = Connection(sock, client, server, parser, peer)
        self._connections.add(connection)
        self._wait(connection, State.HEAD, HEAD_SECONDS)

    def _make_room(self, peer: str | None = None) -> bool:
        """Close the connection that has waited longest, of the address that has most; False where none waits."""
        if not self._waiting:
            return False
        waiting = self._waiting[peer] if peer is not None else max(self._waiting.values(), key=len)
        self._give_up(next(iter(waiting)), "connections beyond the limit")
        return True

    def _wait(self, connection: Connection, state: State, seconds: float | None) -> None:
        """Wait for the client in the loop."""
        self._leave_state(connection)
        connection.state = state
        connection.deadline = None if seconds is None else time.monotonic() + seconds
        if state in _CLOSABLE:
            self._waiting.setdefault(connection.peer, OrderedDict())[connection] = None
            self._watch(connection, selectors.EVENT_WRITE if state is State.SENDING else selectors.EVENT_READ)

    def _leave_state(self, connection: Connection) -> None:
        self._watch(connection, 0)
        waiting = self._waiting.get(connection.peer)
        if waiting is not None and connection in waiting:
            del waiting[connection]
            if not waiting:
                del self._waiting[connection.peer]

    def _watch(self, connection: Connection, events: int) -> None:
        if connection.watched == events:
            return
        if connection.watched:
            self.poller.unregister(connection.sock)
        if events:
            self.poller.register(connection.sock, events, partial(self._on_event, connection))
        connection.watched = events

    def _close(self, connection: Connection) -> None:
        self._leave_queue(connection)
        self._leave_state(connection)
        self._connections.discard(connection)
        _close_pieces(connection)
        connection.sock.close()

    def _give_up(self, connection: Connection, reason: str) -> None:
        self._refused[reason] += 1
        self._close(connection)

    def _linger(self, connection: Connection) -> None:
        """Half-close, and wait until the client has seen it: a reset could destroy the answer on its way."""
        try:
            connection.sock.end_sending()
        except OSError:
            self._close(connection)
        else:
            self._wait(connection, State.LINGERING, LINGER_SECONDS)

    def _expire(self, connection: Connection) -> None:
        """A state has lasted too long."""
        match connection.state:
            case State.HEAD if connection.inbox:
                self._refuse(connection, "request-timeout", f"The headers were not complete after {HEAD_SECONDS:g} s.")
            case State.BODY:
                self._refuse(connection, "request-timeout", f"The body came more slowly than {SLOWEST} bytes a second.")
            case State.QUEUED if connection.response is not None:
                self._give_up(connection, "answers cut off, because no thread was free")
            case State.QUEUED if connection.streamed:
                detail = "Other uploads with this API key or from this address are still running."
                self._refuse(connection, "too-many-uploads", detail)
            case State.QUEUED:
                self._refuse(connection, "unavailable", "Too many requests are waiting.")
            case State.HEAD:
                self._give_up(connection, "connections without a request")
            case _:
                self._close(connection)

    # --- Receiving ------------------------------------------------------------------------------------------------

    def _on_event(self, connection: Connection, _: object) -> None:
        with self._closing_on_errors(connection):
            match connection.state:
                case State.SENDING:
                    self._flush(connection)
                case State.LINGERING:
                    if connection.sock.receive() == b"":
                        self._close(connection)
                case State.IDLE | State.HEAD | State.BODY:
                    self._receive(connection)

    @contextlib.contextmanager
    def _closing_on_errors(self, connection: Connection) -> Iterator[None]:
        """Close one connection, whatever happens on it: the loop serves all the others."""
        try:
            yield
        except OSError:
            self._close(connection)
        except Exception:
            log.exception("Error in the loop; the connection is closed")
            self._close(connection)

    def _receive(self, connection: Connection) -> None:
        data = connection.sock.receive()
        if data is None:
            return
        if not data:
            self._close(connection)
        elif connection.state is State.BODY:
            connection.add_body(data)
            if not connection.missing():
                self._queue(connection)
        else:
            if connection.state is State.IDLE:
                self._wait(connection, State.HEAD, HEAD_SECONDS)
            connection.inbox += data
            self._read_head(connection)

    def _read_head(self, connection: Connection) -> None:
        """Go on as soon as the head is whole."""
        if not connection.head_end():
            if len(connection.inbox) > HEAD_BYTES:
                self._refuse(connection, "headers-too-large", f"The headers may have {HEAD_BYTES} bytes in all.")
            return
        try:
            connection.parse_head()
        except (StopIteration, errors.NoMoreData):
            self._close(connection)
            return
        except Exception as error:  # everything that gunicorn's parser raises; it has the answer for each
            self.handle_error(None, connection.sock, connection.client, error)
            self._send(connection)
            return
        connection.address = self._address(connection)
        # The key itself, however the scheme before it is written.
        connection.group = connection.header("AUTHORIZATION").rpartition(" ")[2] or connection.address
        missing = connection.missing()
        if connection.streamed or not missing:
            self._queue(connection)
        else:
            self._wait(connection, State.BODY, BODY_SECONDS + missing / SLOWEST)

    def _address(self, connection: Connection) -> str:
        """Where the request comes from; a trusted proxy adds it as the last one."""
        if settings.GATE_TRUST_PROXY:
            return connection.header("X-FORWARDED-FOR").rpartition(",")[2].strip() or connection.peer
        return connection.peer

    # --- Running --------------------------------------------------------------------------------------------------

    def _queue(self, connection: Connection) -> None:
        self._wait(connection, State.QUEUED, QUEUE_SECONDS)
        self._turns(connection).add(connection)

    def _leave_queue(self, connection: Connection) -> None:
        if connection.state is State.QUEUED:
            self._turns(connection).leave(connection)
            connection.state = State.RUNNING

    def _turns(self, connection: Connection) -> Turns:
        return self._uploads if connection.streamed else self._requests

    def _run_in(self, connection: Connection, pool: ThreadPoolExecutor) -> None:
        connection.state, connection.deadline = State.RUNNING, None
        connection.sock.let_reads_wait(connection.streamed)
        done = pool.submit(self._work, connection)
        done.add_done_callback(lambda future: self.method_queue.defer(self._worked, connection, future))

    def _worked(self, connection: Connection, done: Future[None]) -> None:
        """The thread has no more to do for now: the answer is sent from here."""
        self._turns(connection).done(connection)
        connection.sock.let_reads_wait(False)
        if done.cancelled() or done.exception() is not None:
            self._close(connection)
        else:
            self._send(connection)

    def _work(self, connection: Connection) -> None:
        """In a thread: run the application, as far as the client takes what it answers."""
        try:
            if connection.response is None:
                self._begin(connection)
            self._go_on(connection)
        except OSError as error:
            self.log.debug("Client gone: %s", error)
            raise
        except Exception as error:
            if connection.response is not None and connection.response.headers_sent:
                self.log.exception("Error handling request")
                raise
            _close_pieces(connection)
            connection.keep = False
            self.handle_error(connection.request, connection.sock, connection.client, error)

    def _begin(self, connection: Connection) -> None:
        response, environ = wsgi.create(
            connection.request, connection.sock, connection.client, connection.server, self.cfg, response_class=Answer
        )
        connection.response, connection.environ = response, environ
        environ["wsgi.multithread"] = True
        if not self.alive:
            response.force_close()
        connection.pieces = self.wsgi(environ, response.start_response)

    def _go_on(self, connection: Connection) -> None:
        """Produce the answer until it is whole, or until more than the client takes at once waits to be sent."""
        response, pieces = connection.response, connection.pieces
        assert response is not None
        if connection.iterator is None:
            is_file = isinstance(pieces, connection.environ["wsgi.file_wrapper"])
            connection.iterator = iter(()) if is_file and response.sendfile(pieces) else iter(pieces)
        for piece in connection.iterator:
            response.write(piece)
            if connection.sock.outbox:
                return  # the loop sends this first, and comes again
        response.close()
        _close_pieces(connection)
        connection.keep = bool(self.alive and self.cfg.keepalive and not response.should_close())

    # --- Answering ------------------------------------------------------------------------------------------------

    def _send(self, connection: Connection) -> None:
        connection.pace, connection.sent_at = Pace(), time.monotonic()
        self._wait(connection, State.SENDING, None)
        with self._closing_on_errors(connection):
            self._flush(connection)

    def _flush(self, connection: Connection) -> None:
        sent = connection.sock.flush()
        now = time.monotonic()
        paced = connection.pace.count(now - connection.sent_at, sent)
        connection.sent_at = now
        if connection.sock.outbox:
            if not paced:
                self._give_up(connection, "answers not taken")
        elif connection.pieces is not None:
            self._queue(connection)  # there is more of the answer
        elif connection.keep and self.alive and connection.parser.finish_body():
            connection.next_request()
            self._wait(connection, State.IDLE, self.cfg.keepalive)
            if connection.inbox:
                self._wait(connection, State.HEAD, HEAD_SECONDS)
                self._read_head(connection)
        else:
            self._linger(connection)

    def _takes_answer(self, connection: Connection, now: float) -> bool:
        kept = connection.pace.count(now - connection.sent_at, 0)
        connection.sent_at = now
        return kept

    def _refuse(self, connection: Connection, name: str, detail: str) -> None:
        """Answer instead of the application, and close."""
        self._refused[name] += 1
        self._leave_queue(connection)
        connection.keep = False
        path = connection.request.path if connection.request is not None else ""
        with self._closing_on_errors(connection):
            connection.sock.sendall(_build_problem_response(name, detail, path))
            self._send(connection)


def _close_pieces(connection: Connection) -> None:
    """Let the application clean up after its answer."""
    pieces, connection.pieces = connection.pieces, None
    connection.iterator = None
    close: Callable[[], None] | None = getattr(pieces, "close", None)
    if close is not None:
        try:
            close()
        except Exception:
            log.exception("The application failed to clean up after an answer")


def _build_problem_response(name: str, detail: str, path: str) -> bytes:
    """An error as the API answers it (RFC 9457)."""
    from intake.api import problems  # the process that minds the workers loads none of this

    kind = next(kind for kind in problems.KINDS if kind.name == name)
    document = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail, "instance": path}
    body = json.dumps(document).encode()
    head = [
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}",
        f"Content-Type: {problems.CONTENT_TYPE}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if kind.status in (429, 503):
        head.append(f"Retry-After: {QUEUE_SECONDS:.0f}")
    return "\r\n".join([*head, "", ""]).encode() + body
