"""The wiring: what plugs checks, intake, database, broker and web server into one gate."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
