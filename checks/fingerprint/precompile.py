"""Has everything compiled that a query runs, so that no query waits for a compiler.

python -m checks.fingerprint.precompile
"""

from __future__ import annotations

import sys
import time

import numba
import numpy as np

from checks.fingerprint import alignment, chroma_kernels, index, postings_kernels, speed_variants
from checks.fingerprint.comparison import best_block_error_rate, compare_fingerprints

_KERNELS = tuple(
    value
    for room in (chroma_kernels, alignment, postings_kernels)
    for value in vars(room).values()
    if isinstance(value, numba.core.registry.CPUDispatcher)
)


def compile_all_kernels() -> int:
    """Compile what is not kept yet, load the rest; returns how many functions had to be compiled.

    Half a minute the first time on a machine, half a second from then on. A worker that warms before it forks has
    children that are warm.
    """
    before = compiled_here()
    compile_postings_kernels()
    speed_variants.compile_variant_kernels()
    chance = np.random.default_rng(0)
    sound = chance.integers(0, 2**32, 200, dtype=np.uint32).tobytes()
    best_block_error_rate(sound, sound)
    compare_fingerprints(sound, sound)
    compare_fingerprints(sound, sound, exhaustive=True)
    return compiled_here() - before


def compile_postings_kernels() -> None:
    """Compile everything that a query or a merge of the index runs, or load it; a second the first time."""
    one = index.Keys(np.arange(0, 4096, 8, dtype=np.uint32), dense=False)
    table, _ = index.build_index_tables([(1, one), (2, one)])
    index.answer_index_queries([index.Shelf(np.array([1, 2]), table, table)], [index.Query(one.values, 1)], 8)
    index.build_index_keys(np.arange(64, dtype="<u4").tobytes())
    table.postings(0, 1, np.arange(2, dtype=np.uint32))


def compiled_here() -> int:
    """How many functions this process had to compile, because none were kept."""
    return sum(sum(kernel.stats.cache_misses.values()) for kernel in _KERNELS)


def count_compiled_signatures() -> int:
    """For how many kinds of arguments there is machine code in this process."""
    return sum(len(kernel.signatures) for kernel in _KERNELS)


def precompile_in_process() -> None:
    begun = time.perf_counter()
    count = compile_all_kernels()
    sys.stdout.write(
        f"{count_compiled_signatures()} functions ready, {count} of them compiled, "
        f"in {time.perf_counter() - begun:.1f} s\n"
    )


if __name__ == "__main__":
    precompile_in_process()
