"""What the search for disguised copies costs, piece by piece, and verifying beside pyacoustid's own comparison.

    python -m benchmarks.search [--known 20000] [--rounds 7]
    python -m benchmarks search                            (the short set: five thousand strangers, three rounds)

CPU milliseconds for three minutes, the best of several rounds. The music is the project's own; the catalogue holds so
many synthetic strangers. A *look* is what each suspected recording gets, *in full* what the nearest of them get,
*exhaustive* every offset of a pair that something else suggests; pyacoustid compares every pair at every offset.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np

try:
    import acoustid
    import chromaprint as peer
except ImportError:  # pyacoustid's binding finds no libchromaprint on this machine
    peer = None

from benchmarks import machine, tracks
from benchmarks.report import Table
from checks.analysis import decode
from checks.fingerprint import speed_variants
from checks.fingerprint.band_spectrogram import unpack_band_spectrogram
from checks.fingerprint.comparison import best_block_error_rate, compare_fingerprints
from checks.fingerprint.index import MODULUS
from checks.fingerprint.local_store import LocalStore
from checks.fingerprint.matcher import find_matches
from checks.fingerprint.precompile import compile_all_kernels
from checks.fingerprint.speed_variants import Change, Ear

COLUMNS = ("", "ours", "pyacoustid", "times")

#: A piece of the work: what it is, ours, and the same by pyacoustid where it does that.
Piece = tuple[str, Callable[[], object], Callable[[], object] | None]


def run(folder: Path, known: int = 5_000, rounds: int = 3) -> list[Table]:
    """Some ten seconds as short as this; half a minute more where nothing was compiled on this machine yet."""
    begun = time.process_time()
    compiled = compile_all_kernels()
    ready = time.process_time() - begun
    place = folder / "search"
    place.mkdir()
    path = tracks.one_piece(place, ("flac",))["flac"]
    with path.open("rb") as file:
        facts = decode.measure_audio_file(file, "")
    asked = [
        *searching(facts.fingerprint, facts.picture, place / "index", known),
        *comparing(facts.fingerprint),
    ]
    remarks = [
        f"CPU ms for three minutes, the best of {rounds} rounds; {machine.load()}.",
        f"Ready after {ready:.1f} s of CPU, {compiled} functions compiled meanwhile.",
    ]
    if peer is None:
        remarks.append("libchromaprint is not installed, and pyacoustid cannot compare: our figures stand alone.")
    command = f"python -m benchmarks.search --known {known} --rounds {rounds}"
    rows = [_row(*piece, rounds) for piece in asked]
    return [Table("The search for disguised copies, piece by piece", command, COLUMNS, rows, remarks)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-search-") as folder:
        for table in run(Path(folder), options.known, options.rounds):
            print(table.text())


def searching(fingerprint: bytes, picture: bytes, folder: Path, known: int) -> Iterator[Piece]:
    """The pieces of one search among so many strangers, and the whole of it."""
    store, pool, bank = LocalStore(folder), np.frombuffer(fingerprint, "<u4"), speed_variants.list_undone_changes()
    store.extend((number, stranger(number, pool)) for number in range(known))
    seen = unpack_band_spectrogram(picture)
    assert seen is not None
    ear = Ear(seen)

    def load(wanted: Sequence[int]) -> dict[int, bytes]:
        return {number: stranger(number, pool) for number in wanted}

    yield "unpack the picture", lambda: unpack_band_spectrogram(picture), None
    yield f"hear {len(bank)} variants, their keys", lambda: list(map(Ear(seen).keys, bank, repeat(MODULUS))), None
    yield "one variant, in full", lambda: ear.sub_prints(Change(1.04, 1.04)), None
    whole = f"the whole search among {known:,}"
    yield whole, lambda: find_matches(store, load, fingerprint, picture=picture, known=known), None


def comparing(fingerprint: bytes) -> Iterator[Piece]:
    """One candidate verified: a stranger, and a copy of which a tenth of the bits are others."""
    pool = np.frombuffer(fingerprint, "<u4")
    other = stranger(0, pool)
    changed = (np.random.default_rng(0).random((pool.size, 32)) < 0.1) @ (1 << np.arange(32))
    copy = (pool ^ changed.astype(np.uint32)).astype("<u4").tobytes()
    yield "a look at a stranger", lambda: best_block_error_rate(fingerprint, other), None
    yield "a stranger in full", lambda: compare_fingerprints(fingerprint, other), _theirs(fingerprint, other)
    yield "a copy in full", lambda: compare_fingerprints(copy, fingerprint), _theirs(copy, fingerprint)
    exhaustive = lambda: compare_fingerprints(fingerprint, other, exhaustive=True)  # noqa: E731
    yield "a stranger, exhaustive", exhaustive, _theirs(fingerprint, other)


def _theirs(one: bytes, another: bytes) -> Callable[[], object] | None:
    """The same pair, put to pyacoustid."""
    if peer is None:
        return None
    some, others = ((180.0, peer.encode_fingerprint(np.frombuffer(p, "<u4").tolist(), 1)) for p in (one, another))
    return lambda: acoustid.compare_fingerprints(some, others)


def _row(what: str, ours: Callable[[], object], theirs: Callable[[], object] | None, rounds: int) -> tuple[str, ...]:
    cost = best(ours, rounds)
    if theirs is None:
        return what, f"{cost:.3f}", "–", "–"
    dearer = best(theirs, rounds)
    return what, f"{cost:.3f}", f"{dearer:.1f}", f"{dearer / cost:,.0f}"


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
