"""The processes of the gate do not look through all that they have loaded whenever garbage is collected."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTS = {
    "web": "import config.wsgi, config.gunicorn as at_work; at_work.post_worker_init(None)",
    "courier": (
        "import config.celery, django, types; django.setup(); "
        "config.celery._warm_before_the_fork(types.SimpleNamespace(hostname='courier@here'))"
    ),
}
COUNT = "; import gc; print(gc.get_freeze_count() > 20 * len(gc.get_objects()))"


@pytest.mark.parametrize("program", STARTS)
def test_what_was_loaded_at_the_start_is_not_looked_through_again(program: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS[program] + COUNT]
    environment = {**os.environ, "GATE_DATA": str(tmp_path)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"
