"""The embedded broker: a queue in one SQLite file, for installations without Redis.

A message stays in the file until its task is acknowledged. A consumer that takes a message hides it for the visibility
timeout and writes its process id on it; the message waits again when that time is over, or when that process is gone.
So killing every worker loses nothing.

Two messages for the same task with the same arguments are worth one: while the first waits, the second takes its
place in the queue. So a queue never holds more waiting messages than there are pieces of work, however often they are
enqueued. A message that a consumer holds does not count: its task may have read the database before the change that
the second message is about.

The file belongs to one machine, and the rows of the gate's own database are the truth: a damaged file, or one that an
older version has left, is replaced by an empty one, and the sweep enqueues what was in it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import Empty
from typing import Any, TypeVar

import structlog
from kombu.transport import base, virtual

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Of the schema below. A file of another version is replaced, whatever is in it.
_VERSION = 2
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tag TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    task TEXT,  -- the same for messages that ask for the same; NULL: never the same
    payload TEXT NOT NULL,
    visible_at REAL NOT NULL,  -- until then a held message is hidden, in seconds since 1970
    expires_at REAL,  -- the message is dropped after this
    owner INTEGER  -- process id of the consumer that holds it; NULL: it waits
);
CREATE INDEX message_waiting ON message (queue, id) WHERE owner IS NULL;
CREATE UNIQUE INDEX message_waiting_once ON message (queue, task) WHERE owner IS NULL;
CREATE INDEX message_held ON message (owner, visible_at) WHERE owner IS NOT NULL;
CREATE INDEX message_expires ON message (expires_at) WHERE expires_at IS NOT NULL;
PRAGMA user_version = {_VERSION};
COMMIT;
"""
#: A message waits while no consumer holds it. The time of day does not matter, so a clock that is set back hides none.
_WAITING = "queue = :queue AND owner IS NULL AND (expires_at IS NULL OR expires_at > :now)"
_LOOK = f"SELECT 1 FROM message WHERE {_WAITING} LIMIT 1"  # noqa: S608
_COUNT = f"SELECT count(*) FROM message WHERE {_WAITING}"  # noqa: S608
_PUT = """
INSERT INTO message (tag, queue, task, payload, visible_at, expires_at)
VALUES (:tag, :queue, :task, :payload, 0, :expires_at)
ON CONFLICT (queue, task) WHERE owner IS NULL
DO UPDATE SET tag = excluded.tag, payload = excluded.payload, expires_at = excluded.expires_at
"""
#: The oldest one, by the index alone: as fast among a hundred thousand messages as among ten.
_TAKE = f"""
UPDATE message SET visible_at = :until, owner = :owner
WHERE id = (SELECT id FROM message WHERE {_WAITING} ORDER BY id LIMIT 1) RETURNING tag, payload
"""  # noqa: S608
#: A message that waits again takes the place of a later one that asks for the same.
_RELEASE = "UPDATE OR REPLACE message SET visible_at = 0, owner = NULL WHERE "

#: Seconds a writer waits for another one; each holds the file for well under a millisecond.
_BUSY_TIMEOUT = 20.0
#: Seconds to wait for another process when the file is opened. All that it may be doing then takes milliseconds.
_OPEN_TIMEOUT = 1.0
#: Seconds between two looks for messages of dead consumers, and for expired ones.
_HOUSEKEEPING_INTERVAL = 1.0
#: Rights of a new file: messages name rows only, but no other user of the machine needs to read them.
_MODE = 0o640
#: SQLite's result codes for a file that this module has not written. All statements are constants, so
#: SQLITE_ERROR means that a table or column is missing.
_UNUSABLE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY_CODE = 0xFF  # SQLite keeps details in the higher bits


class _Unusable(sqlite3.DatabaseError):
    """The file is sound and not of this version, or fails SQLite's own examination."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class _File:
    """One process's connection to the broker file, shared by its threads.

    The file may be replaced or deleted at any time, by this process or another one: every call looks whether the path
    still leads to the file that is open, and opens it anew where it does not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection, self._inode = _open_broker_file(path)
        self._next_housekeeping = 0.0

    def put(self, tag: str, queue: str, task: str | None, payload: str, expires_at: float | None) -> None:
        values = {"tag": tag, "queue": queue, "task": task, "payload": payload, "expires_at": expires_at}
        self._write(_PUT, values)

    def take(self, queue: str, visibility_timeout: float) -> tuple[str, str] | None:
        """Return tag and payload of the oldest waiting message, now held by this process; None where none waits."""
        now = time.time()
        self._keep_house(now)
        parameters = {"queue": queue, "now": now, "until": now + visibility_timeout, "owner": os.getpid()}

        def take(connection: sqlite3.Connection) -> tuple[str, str] | None:
            # Looking needs no write lock, so idle workers never block others.
            if connection.execute(_LOOK, parameters).fetchone() is None:
                return None
            row: tuple[str, str] | None = connection.execute(_TAKE, parameters).fetchone()
            return row

        return self._use(take)

    def release(self, tag: str) -> None:
        self._write(_RELEASE + "tag = :tag", {"tag": tag})

    def delete(self, tag: str) -> None:
        self._write("DELETE FROM message WHERE tag = :tag", {"tag": tag})

    def purge(self, queue: str) -> int:
        """Delete messages that no consumer holds; returns how many."""
        return self._write("DELETE FROM message WHERE queue = :queue AND owner IS NULL", {"queue": queue})

    def size(self, queue: str) -> int:
        parameters = {"queue": queue, "now": time.time()}
        return self._use(lambda connection: int(connection.execute(_COUNT, parameters).fetchone()[0]))

    def _write(self, statement: str, parameters: Mapping[str, str | float | None]) -> int:
        return self._use(lambda connection: connection.execute(statement, parameters).rowcount)

    def _keep_house(self, now: float) -> None:
        """Release what dead consumers held, or held for too long; drop what is expired."""
        if time.monotonic() < self._next_housekeeping:
            return
        self._next_housekeeping = time.monotonic() + _HOUSEKEEPING_INTERVAL

        def look(connection: sqlite3.Connection) -> tuple[list[tuple[int, float]], bool]:
            held = "SELECT owner, min(visible_at) FROM message WHERE owner IS NOT NULL GROUP BY owner"
            expired = "SELECT 1 FROM message WHERE expires_at <= :now AND owner IS NULL LIMIT 1"
            found = connection.execute(held).fetchall()
            return found, connection.execute(expired, {"now": now}).fetchone() is not None

        held, expired = self._use(look)
        for owner, first in held:
            if not _is_process_alive(owner):
                self._write(_RELEASE + "owner = :owner", {"owner": owner})
            elif first <= now:
                self._write(_RELEASE + "owner = :owner AND visible_at <= :now", {"owner": owner, "now": now})
        if expired:
            self._write("DELETE FROM message WHERE expires_at <= :now AND owner IS NULL", {"now": now})

    def _use(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out one operation on the file that the path leads to; once more on an empty one where it is damaged."""
        with self._lock:
            if _read_inode(self._path) != self._inode:
                self._reopen(None)
            try:
                return operation(self._connection)
            except sqlite3.DatabaseError as error:
                if not _is_unusable(error):
                    raise
                log.warning("broker.file_unusable", path=str(self._path), error=str(error))
                self._reopen(self._inode)
                return operation(self._connection)

    def _reopen(self, unusable: int | None) -> None:
        self._connection.close()
        self._connection, self._inode = _open_broker_file(self._path, unusable)


def _open_broker_file(path: Path, unusable: int | None = None) -> tuple[sqlite3.Connection, int]:
    """Open the broker file; returns the connection and the file's inode.

    A file that is damaged, of another version, or has the inode ``unusable``, is replaced. Processes open it one after
    the other, so that none removes what another one has just made.
    """
    with _opening_alone(path):
        if unusable is not None and unusable == _read_inode(path):
            _remove_broker_file(path)
        try:
            return _connect_sqlite(path)
        except sqlite3.DatabaseError as error:
            if not _is_unusable(error):
                raise
            log.warning("broker.file_replaced", path=str(path), error=str(error))
            _remove_broker_file(path)
            return _connect_sqlite(path)


@contextlib.contextmanager
def _opening_alone(path: Path) -> Iterator[None]:
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough: a process forked meanwhile has inherited the lock with the open file.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _connect_sqlite(path: Path) -> tuple[sqlite3.Connection, int]:
    path.touch(mode=_MODE)
    connection = sqlite3.connect(path, timeout=_OPEN_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT * 1000:.0f}")
        _prepare_schema(connection)
    except BaseException:
        connection.close()
        raise
    return connection, path.stat().st_ino


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, which a file of ours has. Raises _Unusable where another process prevents it."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise _Unusable("it was overwritten while another process had it open") from error
        raise


def _prepare_schema(connection: sqlite3.Connection) -> None:
    """Write the schema into an empty file. Raises _Unusable for any other file that this version did not write."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version == 0 and tables == 0:
        connection.executescript(_SCHEMA)
        return
    if version != _VERSION:
        raise _Unusable(f"schema version {version} instead of {_VERSION}")
    (fault,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if fault != "ok":
        raise _Unusable(fault)


def _remove_broker_file(path: Path) -> None:
    """Delete a broker file with its journals: those first, or SQLite would apply them to the next file.

    Other processes that have the file open notice at their next call. SQLite sees that their file was removed when they
    close it, and leaves the journals of the new one alone.
    """
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _read_inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _is_unusable(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY_CODE in _UNUSABLE


def _is_process_alive(pid: int) -> bool:
    """Whether a process of that number runs; a number used again only delays until the visibility timeout."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Files:
    """The broker files this process has open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Path, _File] = {}
        self._inherited: list[_File] = []
        os.register_at_fork(after_in_child=self._start_afresh)

    def __call__(self, path: Path) -> _File:
        with self._lock:
            if path not in self._open:
                self._open[path] = _File(path)
            return self._open[path]

    def _start_afresh(self) -> None:
        """A forked child may neither use nor close its parent's connections: it keeps them, untouched."""
        self._lock = threading.Lock()
        self._inherited.extend(self._open.values())
        self._open = {}


_file = _Files()


class _QoS(virtual.QoS):
    """Acknowledging deletes the message from the file; handing it back shows it again."""

    def ack(self, delivery_tag: str) -> None:
        self.channel.file.delete(delivery_tag)
        self._quick_ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if requeue:
            self.channel.file.release(delivery_tag)
        else:
            self.channel.file.delete(delivery_tag)
        self._quick_ack(delivery_tag)


class Channel(virtual.Channel):
    """Kombu's virtual channel over the file."""

    QoS = _QoS

    @property
    def file(self) -> _File:
        return _file(self._options["path"])

    @property
    def _options(self) -> dict[str, Any]:
        options = self.connection.client.transport_options
        return {"path": Path(options["path"]), "visibility_timeout": float(options["visibility_timeout"])}

    def _put(self, queue: str, message: dict[str, Any], **_: object) -> None:
        expires = (message.get("headers") or {}).get("expires")
        self.file.put(
            tag=message["properties"]["delivery_tag"],
            queue=queue,
            task=_find_task_identity(message),
            payload=json.dumps(message),
            expires_at=dt.datetime.fromisoformat(expires).timestamp() if expires else None,
        )

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        taken = self.file.take(queue, self._options["visibility_timeout"])
        if taken is None:
            raise Empty
        tag, payload = taken
        try:
            message: dict[str, Any] = json.loads(payload)
        except ValueError:  # it would stop every worker that takes it
            log.warning("broker.message_unreadable", queue=queue, tag=tag)
            self.file.delete(tag)
            raise Empty from None
        return message

    def _restore(self, message: virtual.Message) -> None:
        self.file.release(message.delivery_tag)

    def _purge(self, queue: str) -> int:
        return self.file.purge(queue)

    def _size(self, queue: str) -> int:
        return self.file.size(queue)


def _find_task_identity(message: dict[str, Any]) -> str | None:
    """Return what is the same for two messages that ask for the same: a task's name and its arguments."""
    headers = message.get("headers") or {}
    if "task" not in headers or headers.get("eta"):
        return None  # no message of Celery's, or one that asks for a later time as well
    return f"{headers['task']} {hashlib.sha256(message['body'].encode()).hexdigest()}"


class Transport(virtual.Transport):
    """What ``gatesql://`` means to Celery; options ``path`` and ``visibility_timeout`` (seconds) must be given."""

    Channel = Channel
    driver_type = "gatesql"
    driver_name = "sqlite3"
    connection_errors = (*base.Transport.connection_errors, sqlite3.Error, OSError)  # type: ignore[assignment]
    #: Seconds between two looks at an empty queue: 0.4 % of a core for an idle worker, 15 ms until a message is taken.
    polling_interval = 0.02
    can_parse_url = True

    def driver_version(self) -> str:
        return sqlite3.sqlite_version
