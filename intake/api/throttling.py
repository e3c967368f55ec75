"""How many requests an API key may make in a while, counted exactly even where many processes serve it."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import math
import os
import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import redis
import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from intake.models import ApiKey

if TYPE_CHECKING:  # the framework imports this module before its own views
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)

_UNITS = {"s": 1, "min": 60, "h": 3600}
#: Seconds that a server for counters gets; without an answer this machine counts alone.
_PATIENCE = 0.25
#: And so long it is then left alone.
_REST = 5.0


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests within so many seconds, counted from full minutes (or whatever the window is)."""

    requests: int
    window: int

    @classmethod
    def read(cls, text: str) -> Limit | None:
        """``600/min``, ``20/s``, ``10000/h``; ``off`` for none. Raises ImproperlyConfigured."""
        if text == "off":
            return None
        match = re.fullmatch(r"([1-9][0-9]{0,8})/(s|min|h)", text)
        if match is None:
            raise ImproperlyConfigured(f"GATE_RATE_LIMIT is {text!r}; write 600/min, 20/s, 10000/h or off")
        return cls(int(match[1]), _UNITS[match[2]])


#: Requests with bad API keys that one network may make: a client with a revoked key retries, a scanner is slowed.
BAD_KEYS = Limit(120, 60)
#: Counters for the networks that send bad keys.
_BUCKETS = 4096


class Counter(Protocol):
    """Counts requests."""

    def count(self, name: str, window: int, number: int) -> int:
        """How many have come under this name in window ``number``, this one included."""


class FileCounter:
    """Counters in small files of this machine, locked while one is changed."""

    _FORM = struct.Struct("<qq")  # number of the window, requests in it

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def count(self, name: str, window: int, number: int) -> int:
        descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            kept = os.pread(descriptor, self._FORM.size, 0)
            before, requests = self._FORM.unpack(kept) if len(kept) == self._FORM.size else (number, 0)
            requests = requests + 1 if before == number else 1
            os.pwrite(descriptor, self._FORM.pack(number, requests), 0)
        finally:
            os.close(descriptor)
        return requests


class RedisCounter:
    """Counters in Redis, for several machines; while it does not answer, each machine counts its own."""

    def __init__(self, url: str, meanwhile: Counter) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
        self._meanwhile = meanwhile
        self._silent_until = 0.0

    def count(self, name: str, window: int, number: int) -> int:
        if time.monotonic() < self._silent_until:
            return self._meanwhile.count(name, window, number)
        try:
            with self._client.pipeline(transaction=True) as steps:
                key = f"gate:limit:{name}:{number}"
                steps.incr(key)
                steps.expire(key, 2 * window)
                return int(steps.execute()[0])
        except (redis.RedisError, OSError) as error:
            self._silent_until = time.monotonic() + _REST
            log.warning("limits.counting_alone", error=str(error))
            return self._meanwhile.count(name, window, number)


@functools.lru_cache(maxsize=4)
def _choose_counter(folder: Path, broker: str) -> Counter:
    here = FileCounter(folder)
    return RedisCounter(broker, here) if broker.startswith(("redis://", "rediss://")) else here


def count_bad_key(network: str) -> int | None:
    """Count a request with a bad API key; returns the seconds to wait, or None within the limit.

    Networks share counters, so that a flood from many of them leaves a bounded number of files.
    """
    number, passed = divmod(time.time(), BAD_KEYS.window)
    bucket = int.from_bytes(hashlib.sha256(network.encode()).digest()[:2]) % _BUCKETS
    counter = _choose_counter(Path(settings.GATE_DATA) / "limits", settings.CELERY_BROKER_URL)
    count = counter.count(f"bad-key-{bucket}", BAD_KEYS.window, int(number))
    return None if count <= BAD_KEYS.requests else math.ceil(BAD_KEYS.window - passed)


class PerKey(BaseThrottle):
    """Counts a request against its API key. Atomic: of two simultaneous last requests one is refused."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        limit, key = Limit.read(settings.GATE_RATE_LIMIT), request.auth
        if limit is None or not isinstance(key, ApiKey):
            return True
        now = time.time()
        number, passed = int(now // limit.window), now % limit.window
        count = _choose_counter(Path(settings.GATE_DATA) / "limits", settings.CELERY_BROKER_URL).count(
            key.prefix, limit.window, number
        )
        self._left = math.ceil(limit.window - passed)
        remaining = max(0, limit.requests - count)
        view.rate_headers = {  # type: ignore[attr-defined]
            "RateLimit-Policy": f'"key";q={limit.requests};w={limit.window}',
            "RateLimit": f'"key";r={remaining};t={self._left}',
        }
        return count <= limit.requests

    def wait(self) -> float:
        """Seconds until the next window."""
        return self._left
