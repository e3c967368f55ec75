"""The web server's configuration with limits so short that a test can wait for each of them."""

from config import connections, web_worker
from config.gunicorn import *  # noqa: F403

connections.WINDOW = 2.0
web_worker.HEAD_SECONDS = 2.0
web_worker.BODY_SECONDS = 2.0
web_worker.QUEUE_SECONDS = 4.0
web_worker.LINGER_SECONDS = 1.0
web_worker.OUTBOX_BYTES = 4 * 1024**2
workers = 1
keepalive = 2
