"""A Celery app of the tests' own on the embedded broker: every task writes down that it began and ended."""

import os
import time
from pathlib import Path

from celery import Celery

import config.celery  # noqa: F401 - registers gatesql:// and what happens in a new pool process

HERE = Path(os.environ.get("LETTERBOX", "."))

app = Celery("letterbox", broker="gatesql://", set_as_current=False)
app.conf.update(
    broker_transport_options={"path": str(HERE / "broker.sqlite3"), "visibility_timeout": 600},
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    worker_enable_remote_control=False,
    task_default_queue="work",
)


@app.task(name="letterbox.write")
def write(number: int, seconds: float) -> None:
    _note("begun", number)
    time.sleep(seconds)
    _note("done", number)


def _note(word: str, number: int) -> None:
    # One short write to a file opened for appending is atomic.
    with (HERE / word).open("a") as file:
        file.write(f"{number}\n")


def numbers(folder: Path, word: str) -> list[int]:
    """The tasks that have begun, or are done, in order."""
    file = folder / word
    return [int(line) for line in file.read_text().split()] if file.exists() else []
