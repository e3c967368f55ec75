"""Test the lowest and the newest allowed packages on every supported Python: ``python -m tests.versions``.

Each supported Python that this machine has gets a virtual environment for either. The lowest are those that
``pyproject.toml`` names; the newest are what a resolver finds today, whatever the lock files say.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
#: Decoding, tags, covers, credentials, messages, web, rows, tasks, pages: together they import every dependency.
TESTS = (
    "tests/checks/analysis", "tests/checks/fingerprint/test_comparison.py", "tests/checks/test_artwork.py",
    "tests/checks/metadata/test_names.py", "tests/intake/ddex", "tests/intake/api/test_deliver.py",
    "tests/intake/api/test_schema.py", "tests/intake/api/test_monitoring_views.py",
    "tests/intake/admin/test_review_queue_page.py",
    "tests/intake/test_pipeline.py", "tests/intake/test_real_sound.py", "tests/intake/webhooks",
    "tests/ops/test_broker.py", "tests/ops/test_web_server.py",
)  # fmt: skip


def say(text: str) -> None:
    """Tell whoever waits, in order with what the tests print."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def pythons() -> Iterator[tuple[str, str]]:
    """Version and path of each supported Python that starts here."""
    names = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    low, high = (int(minor) for minor in re.findall(r"3\.([0-9]+)", names))
    installed = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("*/bin"))
    for minor in range(low, high):
        name = f"python3.{minor}"
        beside = [path / name for path in installed if (path / name).exists()]
        for path in map(str, [*beside, *filter(None, [shutil.which(name)])]):
            # A version manager's stand-in may refuse; Debian's Python may come without ``venv``.
            if subprocess.run([path, "-c", "import ssl, venv"], capture_output=True).returncode == 0:
                yield f"3.{minor}", path
                break
        else:
            say(f"Python 3.{minor}: not on this machine, so not tested.")


def run_tests(version: str, python: str, name: str, folder: Path) -> bool:
    """Whether the tests pass on one Python with one choice of packages."""
    say(f"Python {version}, {name} packages …")
    place = str(folder / f"{version}-{name}")
    resolution = ["--resolution", RESOLUTIONS[name], "--python", place]
    commands = [
        ["uv", "venv", "--quiet", "--no-project", "--python", python, place],
        ["uv", "pip", "install", "--quiet", *resolution, "--editable", f"{ROOT}[test]"],
        [f"{place}/bin/python", "-m", "pytest", "--numprocesses=2", *TESTS],
    ]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return all(subprocess.run(command, cwd=ROOT, env=environment).returncode == 0 for command in commands)


def main() -> None:
    """Test each combination, or with ``--ends`` the two that differ most. Exits 1 if any fails."""
    found = list(pythons())
    if len(found) < 2:
        say("There is one supported Python here: the test of several is incomplete.")
    wanted = [(version, python, name) for version, python in found for name in RESOLUTIONS]
    if "--ends" in sys.argv[1:]:
        wanted = [wanted[0], wanted[-1]]
    with tempfile.TemporaryDirectory() as folder:
        failed = [f"{item[0]} {item[2]}" for item in wanted if not run_tests(*item, Path(folder))]
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
