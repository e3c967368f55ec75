"""The postman: Celery, which rings a worker when a row says that there is work."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery, signals
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

#: The embedded broker: a small SQLite file instead of a server.
TRANSPORT_ALIASES["gatesql"] = "config.broker:Transport"

app = Celery("gate")
app.config_from_object("django.conf:settings", namespace="CELERY")

#: Message header that carries the log context (request id, submission) from the web to the worker.
_LOG_CONTEXT = "log_context"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@signals.worker_process_init.connect
def _die_with_the_worker(**_: Any) -> None:
    """A pool child of a killed worker would live on and hold its database connection; let it die too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@signals.worker_process_init.connect
def _follow_the_catalogue(**_: Any) -> None:
    """A worker's host keeps its index current, also while no check runs."""
    from intake.services.catalogue.index_log import Follower

    Follower().start()


@signals.worker_init.connect
def _warm_before_the_fork(sender: Any, **_: Any) -> None:
    """Machine code for the search is compiled or read once, here: the pool's children have it from their birth."""
    if sender.hostname.startswith("worker@"):  # the courier searches nothing
        from checks.fingerprint.precompile import (
            compile_all_kernels,
        )  # the compiler is large: no other process need load it

        compile_all_kernels()
    gc.collect()
    gc.freeze()  # or each full collection would go through all that was loaded, 100 ms and more, in every child


@signals.worker_ready.connect
def _keep_testing_this_host(sender: Any, **_: Any) -> None:
    """A host with broken decoders must say so: the worker is where they run."""
    if sender.hostname.startswith("worker@"):
        threading.Thread(target=_test_this_host, name="self-test", daemon=True).start()


def _test_this_host() -> None:
    """Test at start and again and again, each time in a program of its own, which finds libraries as they are now.

    In a program, and not here: the pool forks from this process, and a connection to the database must not be shared.
    """
    from intake.services.operations import self_tests

    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "self_test"]
    while True:
        try:
            passed = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0  # noqa: S603
        except OSError as error:  # no memory for another process, say
            structlog.get_logger(__name__).warning("self_test.not_started", error=str(error))
            passed = False
        time.sleep((self_tests.INTERVAL if passed else self_tests.INTERVAL_WHILE_BROKEN).total_seconds())


@signals.beat_init.connect
def _leave_a_trace(**_: Any) -> None:
    """The clock touches a file at every tick, so that health checks can tell whether it still runs."""
    trace = settings.GATE_TMP / "beat"

    def tick(**_: Any) -> None:
        trace.touch()

    tick()
    signals.after_task_publish.connect(tick, weak=False)


@signals.before_task_publish.connect
def _send_log_context(headers: dict[str, Any], **_: Any) -> None:
    headers[_LOG_CONTEXT] = structlog.contextvars.get_contextvars()


@signals.task_prerun.connect
def _take_log_context(task: Any, task_id: str, args: Sequence[str], **_: Any) -> None:
    if task.request.is_eager:
        return  # the caller's own context is already here
    structlog.contextvars.clear_contextvars()
    sent = getattr(task.request, _LOG_CONTEXT, None) or {}
    about = {"row": args[0]} if args else {}
    structlog.contextvars.bind_contextvars(**{**sent, "task": task.name, "task_id": task_id, **about})


@signals.setup_logging.connect
def _keep_our_logs(**_: Any) -> None:
    """Being connected is enough: Celery then leaves the logging alone that settings have configured."""
