"""An index whose processes are killed at any moment; ``python -m benchmarks.kills --kills 100`` is the long version."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import kills

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_killed_index_loses_nothing_acknowledged_and_leaves_nothing_behind():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", "--kills", "6", "--seed", str(random.Random().randrange(10**6))],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.search(r"^6 +5 +([\d,]+) .* 0$", done.stdout, re.MULTILINE)
    assert said, done.stdout
    assert said[1] != "0"


def test_losses_and_leftovers_would_be_seen(tmp_path: Path):
    """The same look at an index from which something was taken, to which something came back, and beside which lies
    something."""
    path = tmp_path / "index"
    opened = kills._opened(path)
    for number in range(20):
        opened.add(number, kills.song(number))
    told = kills.Round()
    told.hear(" ".join(f"+{number}" for number in range(20)))
    assert kills.look(path, told) == []
    told.hear("~4")
    opened.remove(4)
    told.hear("-4")
    assert kills.look(path, told) == []
    opened.remove(7)
    told.present.add(7)
    assert kills.look(path, told) == ["lost: [7]", "not found: [7]"]
    opened.add(4, kills.song(4))
    assert kills.look(path, told) == ["came back: [4]"]
    told.hear("~4")
    opened.remove(4)
    with opened._lock("lock"):  # so that opening does not clear it away
        (path / "000000000999.segment").write_bytes(b"half")
        assert kills.look(path, told) == ["files that nobody knows: ['000000000999.segment']"]
