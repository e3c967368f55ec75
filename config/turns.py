"""Threads for requests: so many at a time in all, for one key and for one address; the others wait in turn."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor

from config.connections import Connection


class Turns:
    """A pool of threads that no single key and no single address can fill. Used by one thread, the worker's loop.

    Keys take turns; within a key, requests run in the order in which they came.
    """

    def __init__(self, name: str, threads: int, start: Callable[[Connection, ThreadPoolExecutor], None]) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        #: One key leaves half of the threads to others, and all keys of one address leave a quarter.
        self._per_group = max(1, threads // 2)
        self._per_address = max(1, threads * 3 // 4)
        self._start = start
        self._running = 0
        self._by_group: Counter[Hashable] = Counter()
        self._by_address: Counter[Hashable] = Counter()
        self._queues: OrderedDict[Hashable, deque[Connection]] = OrderedDict()

    def add(self, connection: Connection) -> None:
        """Run the connection's request, or put it in the queue."""
        self._queues.setdefault(connection.group, deque()).append(connection)
        self._run()

    def done(self, connection: Connection) -> None:
        """Give the thread of a connection to the next one."""
        self._running -= 1
        for counter, name in ((self._by_group, connection.group), (self._by_address, connection.address)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]
        self._run()

    def leave(self, connection: Connection) -> None:
        """Take a connection out of the queue."""
        queue = self._queues[connection.group]
        queue.remove(connection)
        if not queue:
            del self._queues[connection.group]

    def _run(self) -> None:
        while self._running < self._threads and (connection := next(self._eligible(), None)) is not None:
            self.leave(connection)
            if connection.group in self._queues:
                self._queues.move_to_end(connection.group)
            self._running += 1
            self._by_group[connection.group] += 1
            self._by_address[connection.address] += 1
            self._start(connection, self.pool)

    def _eligible(self) -> Iterator[Connection]:
        for group, queue in self._queues.items():
            first = queue[0]
            if self._by_group[group] < self._per_group and self._by_address[first.address] < self._per_address:
                yield first
