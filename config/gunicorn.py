"""How the web server runs: a few processes with many threads each."""

import gc
from typing import Any

from config import settings

bind = f"{settings.GATE_HOST}:{settings.GATE_PORT}"
worker_class = "config.web_worker.BufferingWorker"
workers = settings.GATE_WEB_WORKERS
threads = settings.GATE_WEB_THREADS
#: Seconds; counts a hung worker process, not a slow upload, which only holds its thread.
timeout = 60
graceful_timeout = 3
keepalive = 5
control_socket_disable = True
accesslog = None  # requests are logged by the gate itself, with their ids
logconfig_dict = {
    **settings.LOGGING,
    "loggers": {"gunicorn.error": {"handlers": [], "propagate": True, "level": "INFO"}},
}


def post_worker_init(worker: Any) -> None:
    """What is loaded now stays to the end, and the garbage collector need not look through it again.

    A full collection goes through two hundred thousand functions, classes and modules: 100 ms and more in which every
    thread stands still. Views are loaded first, which would otherwise wait for the first request.
    """
    from django.urls import get_resolver  # the process that minds the workers loads none of this

    assert get_resolver().url_patterns

    from intake.services.catalogue.index_log import Follower

    Follower().start()  # a host without workers has an index as well: blocking a recording asks it
    gc.collect()
    gc.freeze()
