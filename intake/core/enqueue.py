"""Enqueue Celery tasks after the transaction commits, and say whether a queue is empty."""

import time
from collections.abc import Callable

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError
from prometheus_client import Counter

logger = structlog.get_logger(__name__)

BROKER_ERRORS = Counter("gate_broker_errors", "Messages that could not be sent; the sweep finds their rows.")

#: After a failed ring the bell is left alone this long (seconds), so that a dead or frozen broker delays one request
#: and not every one; the sweep finds the rows.
_REST_AFTER_FAILURE = 5.0


class _Bell:
    """Sends messages, and stops trying for a while when the broker is away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._broken = False
        self._silent_until = 0.0

    def ring(self, task_name: str, args: tuple[str, ...]) -> None:
        # Through the registry, unlike send_task, so that the eager mode of tests holds.
        task = current_app.tasks[task_name]
        if self._clock() < self._silent_until:
            BROKER_ERRORS.inc()
            return
        if self._broken:
            self._rest()  # one caller tries again; others do not wait for the outcome
        try:
            task.apply_async(args, retry=False)
        except (KombuError, OSError) as error:
            self._broken = True
            self._rest()
            BROKER_ERRORS.inc()
            logger.warning("broker.unreachable", task=task_name, error=str(error))
        else:
            self._broken, self._silent_until = False, 0.0

    def _rest(self) -> None:
        self._silent_until = self._clock() + _REST_AFTER_FAILURE


_bell = _Bell()


def enqueue_task(task_name: str, *args: str) -> None:
    """Have a task run once the current transaction is committed (at once, where there is none).

    Never fails because of the broker: the row is the truth and the reaper finds unsent work.

    Raises celery.exceptions.NotRegistered, after the commit and logged, for an unknown task.
    """
    transaction.on_commit(lambda: _bell.ring(task_name, args), robust=True)


def is_empty(queue_name: str) -> bool:
    """Whether no message waits in a queue, not counting those that a worker has taken.

    False where the broker does not answer.
    """
    with current_app.connection_or_acquire() as broker:
        try:
            with broker.channel() as channel:
                return bool(channel.queue_declare(queue=queue_name).message_count == 0)
        except (KombuError, OSError, *broker.connection_errors, *broker.channel_errors) as error:
            logger.warning("broker.unreachable", queue=queue_name, error=str(error))
            return False
