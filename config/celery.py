"""The postman: Celery, which rings a worker when a row says that there is work."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

#: The embedded broker: a small SQLite file instead of a server.
TRANSPORT_ALIASES["gatesql"] = "config.broker:Transport"

app = Celery("gate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
