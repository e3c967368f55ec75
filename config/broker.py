"""The embedded broker: a queue in one SQLite file, for installations without Redis.

A message stays in the file until its task is acknowledged. Whoever takes it hides it for the visibility timeout and
signs it with its process id; it shows again when that time is over, or at once when that process is gone. So killing
every worker loses nothing. The file belongs to one machine and may be deleted whenever nothing runs: the rows of the
gate's own database are the truth, and its sweep rings again for whatever is left undone.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import threading
import time
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import base, virtual

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tag TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    payload TEXT NOT NULL,
    visible_at REAL NOT NULL,  -- seconds since 1970
    expires_at REAL,  -- worth nothing to anybody after this
    owner INTEGER  -- process id of the consumer that holds it
);
CREATE INDEX IF NOT EXISTS message_next ON message (queue, visible_at, id);
"""
_READY = "queue = :queue AND visible_at <= :now AND (expires_at IS NULL OR expires_at > :now)"
_LOOK = f"SELECT 1 FROM message WHERE {_READY} LIMIT 1"  # noqa: S608
_COUNT = f"SELECT count(*) FROM message WHERE {_READY}"  # noqa: S608
_TAKE = f"""
UPDATE message SET visible_at = :until, owner = :owner
WHERE id = (SELECT id FROM message WHERE {_READY} ORDER BY id LIMIT 1) RETURNING payload
"""  # noqa: S608
#: Ready messages carry no time of day, so a clock that is set back hides none of them.
_AT_ONCE = 0.0

#: Seconds a writer waits for another one; each holds the file for well under a millisecond.
_BUSY_TIMEOUT = 20.0
#: Seconds between two looks for messages whose consumer is gone, and for expired ones.
_HOUSEKEEPING_INTERVAL = 1.0


class _File:
    """One process's connection to the broker file, shared by its threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._next_housekeeping = 0.0

    def put(self, tag: str, queue: str, payload: str, expires_at: float | None) -> None:
        self._write(
            "INSERT OR REPLACE INTO message (tag, queue, payload, visible_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            (tag, queue, payload, _AT_ONCE, expires_at),
        )

    def take(self, queue: str, visibility_timeout: float) -> str | None:
        """The oldest ready message, hidden from everybody else; None where there is none."""
        now = time.time()
        self._keep_house(now)
        parameters = {"queue": queue, "now": now, "until": now + visibility_timeout, "owner": os.getpid()}
        with self._lock:
            # Looking needs no write lock, so idle workers never stand in anybody's way.
            if self._connection.execute(_LOOK, parameters).fetchone() is None:
                return None
            row = self._connection.execute(_TAKE, parameters).fetchone()
        return None if row is None else str(row[0])

    def release(self, tag: str) -> None:
        self._write("UPDATE message SET visible_at = ?, owner = NULL WHERE tag = ?", (_AT_ONCE, tag))

    def delete(self, tag: str) -> None:
        self._write("DELETE FROM message WHERE tag = ?", (tag,))

    def purge(self, queue: str) -> int:
        """Delete what nobody holds; says how many."""
        return self._write("DELETE FROM message WHERE queue = ? AND visible_at <= ?", (queue, time.time()))

    def size(self, queue: str) -> int:
        with self._lock:
            row = self._connection.execute(_COUNT, {"queue": queue, "now": time.time()}).fetchone()
        return int(row[0])

    def _write(self, statement: str, parameters: tuple[object, ...]) -> int:
        with self._lock:
            return self._connection.execute(statement, parameters).rowcount

    def _keep_house(self, now: float) -> None:
        """Free what dead consumers held, drop what is expired."""
        if time.monotonic() < self._next_housekeeping:
            return
        self._next_housekeeping = time.monotonic() + _HOUSEKEEPING_INTERVAL
        with self._lock:
            held = self._connection.execute("SELECT DISTINCT owner FROM message WHERE owner IS NOT NULL").fetchall()
            expired = self._connection.execute("SELECT 1 FROM message WHERE expires_at <= ? LIMIT 1", (now,)).fetchone()
        for (owner,) in held:
            if not _alive(owner):
                self._write("UPDATE message SET visible_at = ?, owner = NULL WHERE owner = ?", (_AT_ONCE, owner))
        if expired:
            self._write("DELETE FROM message WHERE expires_at <= ? AND owner IS NULL", (now,))


def _alive(pid: int) -> bool:
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
            payload=json.dumps(message),
            expires_at=dt.datetime.fromisoformat(expires).timestamp() if expires else None,
        )

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        payload = self.file.take(queue, self._options["visibility_timeout"])
        if payload is None:
            raise Empty
        message: dict[str, Any] = json.loads(payload)
        return message

    def _restore(self, message: virtual.Message) -> None:
        self.file.release(message.delivery_tag)

    def _purge(self, queue: str) -> int:
        return self.file.purge(queue)

    def _size(self, queue: str) -> int:
        return self.file.size(queue)


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
