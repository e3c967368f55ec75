"""How the web server runs: a few processes with many threads each."""

from config import settings

bind = f"{settings.GATE_HOST}:{settings.GATE_PORT}"
worker_class = "gthread"
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
