"""No query waits for the compiler: what is kept is loaded, and where nothing can be kept the answers are the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def said(program: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_second_process_compiles_nothing_and_neither_does_its_first_query():
    said("from checks.fingerprint.precompile import precompile_in_process; precompile_in_process()")
    assert (
        said(
            """
import tempfile
from pathlib import Path
from checks.fingerprint.precompile import compile_all_kernels, compiled_here, count_compiled_signatures
assert compile_all_kernels() == 0
before = count_compiled_signatures()
from checks.fingerprint.matcher import find_matches
from checks.fingerprint.local_store import LocalStore
from checks.fingerprint.store import MemoryStore
from tests.checks.fingerprint.test_speed_variants import music, painted, prints
sound = music(1)
print_ = prints(sound).tobytes()
for store in (LocalStore(Path(tempfile.mkdtemp())), LocalStore(Path(tempfile.mkdtemp()), flush=1), MemoryStore()):
    store.add(1, print_)
    for length in (len(sound), 12 * 11025, 5 * 11025):
        piece = sound[-length:]
        heard = prints(piece).tobytes()
        found = find_matches(store, lambda wanted: {1: print_}, heard, picture=painted(piece), suggested=[1])
        assert [number for number, _ in found] == [1], found
print(count_compiled_signatures() - before, compiled_here())
"""
        )
        == "0 0"
    )


def test_nothing_can_be_written_and_the_answer_is_the_same():
    program = """
import numpy as np
from checks.fingerprint import alignment
values = np.arange(100, dtype=np.uint32) % 7
print(alignment.count_distinct(values, values > 2, 50), alignment.count_distinct.stats.cache_path)
"""
    environment = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": ""}
    assert said(program, **environment) == "4 None"


def test_shut_in_child_has_no_compiler():
    program = """
import sys, types
house = types.ModuleType("checks")  # as the analyser starts it: the package without its front door
house.__path__ = ["checks"]
sys.modules["checks"] = house
import checks.analysis.fork_server
print([name for name in ("numba", "llvmlite", "checks.fingerprint.chroma_kernels") if name in sys.modules])
"""
    assert said(program) == "[]"
