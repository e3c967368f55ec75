"""Run the whole gate on this machine: web, workers and clock under one supervisor."""

import fcntl
import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any, TextIO

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from intake.management.processes import Program, Supervisor

#: Seconds the workers may go on with what they have in hand after SIGTERM. What they leave is done again.
_WORKER_GRACE = 6.0


class Command(BaseCommand):
    help = "Run web, workers and clock in the foreground until SIGTERM or SIGINT; restart whatever dies."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-migrate", action="store_true", help="do not bring the database up to date first")

    def handle(self, *args: Any, **options: Any) -> None:
        lock = _sole_supervisor()
        _port_is_free(settings.GATE_HOST, settings.GATE_PORT)
        if not options["no_migrate"]:
            call_command("migrate", interactive=False, verbosity=0)
        connections.close_all()
        # What libraries leave behind when they are killed must not fill the machine's own folder for it.
        os.environ["TMPDIR"] = str(settings.GATE_TMP)
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(settings.BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        self.stderr.write(f"The gate opens at {settings.GATE_PUBLIC_URL}/ (state in {settings.GATE_DATA}).")
        Supervisor(list_programs(), settings.GATE_LOGS, sys.stderr, prefix=not settings.GATE_LOG_JSON).run()
        lock.close()
        self.stderr.write("The gate is closed.")


def list_programs() -> list[Program]:
    """Everything that must run, with how it is started; the container image starts the same ones one by one."""
    python = [sys.executable, "-m"]
    worker = [*python, "celery", "--app=config", "--quiet", "worker", "--loglevel=INFO"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [
        Program("web", [*python, "gunicorn", "--config=python:config.gunicorn", "config.wsgi:application"]),
        Program(
            "worker",
            [*worker, "--hostname=worker@%h", "--queues=work", f"--concurrency={settings.GATE_WORKERS}"],
            grace=_WORKER_GRACE,
        ),
        # Webhooks, the sweep and conclusions wait for the network or the database, not for the processor.
        Program(
            "courier",
            [*worker, "--hostname=courier@%h", "--queues=fast", "--pool=threads", "--concurrency=32"],
            grace=_WORKER_GRACE,
        ),
        # Nothing to remember between two runs: every interval is short and every tick may be repeated.
        Program("beat", [*python, "celery", "--app=config", "--quiet", "beat", "--scheduler=celery.beat:Scheduler"]),
    ]


def _sole_supervisor() -> TextIO:
    """Two of them on the same state would start everything twice."""
    lock = (settings.GATE_DATA / "supervisor.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CommandError(
            f"A gate is already running on {settings.GATE_DATA}; GATE_DATA chooses another one."
        ) from error
    return lock


def _port_is_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"{host}:{port}: {error.strerror}; GATE_HOST and GATE_PORT choose another one."
            ) from error
