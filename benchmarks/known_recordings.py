"""How fast one recording is sought among very many, and what they cost to keep.

    python benchmarks/known_recordings.py [RECORDINGS [MODULUS]]

The recordings are synthetic: three minutes each, drawn from the sub-prints of the folder of real music (see
``real_music.py``) with one symbol in seven changed, so that they collide about as often as real ones do; without such a
folder they are random. Every query keeps only three in ten of its sub-prints.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import real_music  # noqa: E402 the project is found first
from checks.fingerprint.index import MODULUS  # noqa: E402
from checks.fingerprint.store import LocalStore  # noqa: E402

ITEMS = 1432
QUERIES = 300
SURVIVING = 0.3
CHANGED = 0.14

Synthesise = Callable[[int], npt.NDArray[np.uint32]]


def synthesiser() -> Synthesise:
    """A function from a number to the sub-prints of a recording."""
    music = real_music.folder()
    if music is None:
        return lambda number: np.random.default_rng(number).integers(0, 2**32, ITEMS, dtype=np.uint32)
    heard = b"".join(real_music.fingerprints(music, real_music.files(music)).values())
    pool = np.frombuffer(heard, dtype="<u4")

    def drawn(number: int) -> npt.NDArray[np.uint32]:
        chance = np.random.default_rng(number)
        symbols = (chance.random((ITEMS, 16)) < CHANGED) * chance.integers(1, 4, (ITEMS, 16))
        flips = (symbols.astype(np.uint32) << (2 * np.arange(16, dtype=np.uint32))).sum(axis=1, dtype=np.uint32)
        return chance.choice(pool, ITEMS) ^ flips

    return drawn


def ask(store: LocalStore, synthesise: Synthesise, recordings: int) -> str:
    """Query for recordings that are there, and say how long it took and whether they came first."""
    chance = np.random.default_rng(0)
    times, first, others = [], 0, 0
    for number in chance.integers(0, recordings, QUERIES).tolist():
        query = synthesise(number)
        lost = chance.random(ITEMS) > SURVIVING
        query[lost] = chance.integers(0, 2**32, int(lost.sum()), dtype=np.uint32)
        begun = time.perf_counter()
        found = store.search(query.astype("<u4").tobytes())
        times.append(1000 * (time.perf_counter() - begun))
        first += bool(found) and found[0].document == number
        others += len(found) - 1
    p50, p99 = np.quantile(times, [0.5, 0.99])
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, {first}/{QUERIES} first, {others / QUERIES:.1f} other candidates"


def main(recordings: int = 100_000, modulus: int = MODULUS) -> None:
    synthesise = synthesiser()
    with tempfile.TemporaryDirectory() as path:
        store = LocalStore(Path(path), modulus=modulus)
        prints = (synthesise(number).astype("<u4").tobytes() for number in range(recordings))
        begun = time.process_time()
        store.extend(enumerate(prints))
        built = time.process_time() - begun
        begun = time.perf_counter()
        store = LocalStore(Path(path))
        opened = time.perf_counter() - begun
        stats = store.stats()
        print(f"{recordings} recordings, one key in {modulus}; load {os.getloadavg()[0]:.1f}")
        print(f"learned    {built:.1f} s CPU with making them up")
        print(f"stored     {stats.bytes / recordings:.0f} bytes a recording, {stats.segments} segments")
        print(f"opened     {1000 * opened:.1f} ms")
        print(f"queries    {ask(store, synthesise, recordings)}")
        begun = time.perf_counter()
        store.compact()
        print(
            f"compacted  {time.perf_counter() - begun:.1f} s; {store.stats().bytes / recordings:.0f} bytes a recording"
        )
        print(f"queries    {ask(store, synthesise, recordings)}")
        times = []
        for number in range(recordings, recordings + 50):
            learned = synthesise(number).astype("<u4").tobytes()
            begun = time.perf_counter()
            store.add(number, learned)
            times.append(1000 * (time.perf_counter() - begun))
        print(f"learn one  p50 {np.median(times):.2f} ms, durable")
        print(f"memory     {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
