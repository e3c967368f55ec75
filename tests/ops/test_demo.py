"""The first thing that a newcomer runs ends as the README says."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_demo_brings_every_release_to_the_verdict_that_is_expected(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    run = subprocess.run(
        [sys.executable, "manage.py", "demo", "--json"], cwd=ROOT, env=environment | {"GATE_DATA": str(tmp_path)},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads(run.stdout)
    assert {result["verdict"] for result in results} == {"approve", "label", "review", "refused"}
    assert [item["release"] for item in results if item["verdict"] != item["expected"]] == []
    assert all(entry["reasons"] for entry in results if entry["verdict"] in ("review", "refused"))
