"""What the search for disguised copies costs, piece by piece, and verifying beside pyacoustid's own comparison.

    python -m benchmarks.search [--known 20000]

CPU milliseconds for three minutes, the best of several rounds, both sides in turn. The music is the project's own; the
catalogue holds so many synthetic strangers. A *look* is what each suspected recording gets, *in full* what the nearest
of them get, *exhaustive* every offset of a pair that something else suggests.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import repeat
from pathlib import Path

import acoustid
import chromaprint as peer
import numpy as np

from benchmarks import machine, tracks
from checks.analysis import decode
from checks.fingerprint import variants
from checks.fingerprint.catalogue import find
from checks.fingerprint.compare import compare, likeness
from checks.fingerprint.index import MODULUS
from checks.fingerprint.picture import unpacked
from checks.fingerprint.store import LocalStore
from checks.fingerprint.variants import Change, Ear
from checks.fingerprint.warm import warm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--known", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    begun = time.process_time()
    compiled = warm()
    print(f"ready after {time.process_time() - begun:.1f} s CPU, {compiled} functions compiled; {machine.load()}")
    with tempfile.TemporaryDirectory() as folder:
        path = tracks.one_piece(Path(folder), ("flac",))["flac"]
        with path.open("rb") as file:
            facts = decode.measure(file, "")
        measure(facts.fingerprint, facts.picture, Path(folder) / "index", arguments.known, arguments.rounds)


def measure(fingerprint: bytes, picture: bytes, folder: Path, known: int, rounds: int) -> None:
    """Print a line for each piece."""
    store = LocalStore(folder)
    pool = np.frombuffer(fingerprint, "<u4")
    made = lambda number: stranger(number, pool)  # noqa: E731
    store.extend((number, made(number)) for number in range(known))
    bank = variants.bank()

    def say(what: str, work: Callable[[], object]) -> None:
        print(f"{what:54} {best(work, rounds):9.3f}")

    seen = unpacked(picture)
    assert seen is not None
    stranger_print = made(known + 1)
    copy = pool ^ ((np.random.default_rng(0).random((pool.size, 32)) < 0.1) @ (1 << np.arange(32))).astype(np.uint32)
    copied = copy.astype("<u4").tobytes()
    say("unpack the picture", lambda: unpacked(picture))
    say(f"hear {len(bank)} variants, their keys", lambda: list(map(Ear(seen).keys, bank, repeat(MODULUS))))
    ear = Ear(seen)
    say("one variant, in full", lambda: ear.sub_prints(Change(1.04, 1.04)))

    def load(wanted: Sequence[int]) -> dict[int, bytes]:
        return {number: made(number) for number in wanted}

    say(f"the whole search among {known:,}", lambda: find(store, load, fingerprint, picture=picture, known=known))
    say("a look at a stranger", lambda: likeness(fingerprint, stranger_print))
    say("a stranger in full", lambda: compare(fingerprint, stranger_print))
    say("a copy in full", lambda: compare(copied, fingerprint))
    say("a stranger, exhaustive", lambda: compare(fingerprint, stranger_print, exhaustive=True))
    mine, other = (peer.encode_fingerprint(list(map(int, p)), 1) for p in (pool, np.frombuffer(stranger_print, "<u4")))
    say("pyacoustid, a stranger", lambda: acoustid.compare_fingerprints((180.0, mine), (180.0, other)))


def stranger(number: int, pool: np.ndarray) -> bytes:
    chance = np.random.default_rng(number)
    return (chance.choice(pool, 1432) ^ chance.integers(0, 1 << 28, 1432).astype(np.uint32)).astype("<u4").tobytes()


def best(work: Callable[[], object], rounds: int) -> float:
    """CPU milliseconds of the cheapest round; quick work is done many times in each."""
    work()
    begun = time.process_time()
    work()
    times = max(1, int(0.02 / max(time.process_time() - begun, 1e-5)))
    costs = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            work()
        costs.append((time.process_time() - begun) / times)
    return 1000 * min(costs)


if __name__ == "__main__":
    main()
