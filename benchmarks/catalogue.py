"""How fast one recording is sought among millions, what they cost to keep, to write and to merge.

    python -m benchmarks.catalogue                            # 100,000 recordings of three minutes, one key in eight
    python -m benchmarks.catalogue --recordings 10000000      # 8 GB of disk, removed afterwards
    python -m benchmarks.catalogue --recordings 1000000 --items 120 --modulus 1      # 120 sub-prints each, as AcoustID
    python -m benchmarks.catalogue --peers                    # the same beside PostgreSQL, LMDB and ClickHouse

The recordings are synthetic: sub-prints drawn from a folder of real music (see ``real_music.py``), of whose two-bit
symbols so many are changed that two frames of different recordings are equal as often as real ones are: 8.0e-8 of all
pairs in the 28 bits that make a key. What was reached is printed. They go into the store through its own code. Without
such a folder the pool is random, and reaches the same rate. CPU times are this process's; load stands beside them.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import catalogue_peers, machine, real_music  # noqa: E402 the project is found first
from benchmarks.report import Table  # noqa: E402
from checks.fingerprint import bit_operations, index, postings_kernels, precompile  # noqa: E402
from checks.fingerprint.comparison import is_degenerate  # noqa: E402
from checks.fingerprint.index import Keys  # noqa: E402
from checks.fingerprint.journal import Record  # noqa: E402
from checks.fingerprint.local_store import BATCH, LocalStore  # noqa: E402
from checks.fingerprint.matcher import find_matches  # noqa: E402
from checks.fingerprint.postings_kernels import compile_kernel  # noqa: E402

#: Sub-prints of three minutes.
ITEMS = 1432

#: Pairs of frames of different recordings that are equal in 28 bits, of 490,000 sub-prints of 313 real recordings.
COLLISIONS = 8.0e-8

#: Sub-prints by which the rate is measured: 2e12 pairs, of which 160,000 are equal.
MEASURED = 2_000_000

#: How a symbol may be changed, drawn beforehand.
MASKS = 1 << 16

#: Recordings of the short form.
SHORT = 50_000

#: Hits that make a candidate, and the shares of a member's sub-prints that survive in a query.
LEAST = 3
SURVIVING = (0.3, 0.1)

#: A query with all its changes undone: variants, and keys each, as ``checks.fingerprint.matcher`` asks.
VARIANTS, PROBES = 138, 4

UInt32s = npt.NDArray[np.uint32]


@compile_kernel
def _drawn(numbers: npt.NDArray[np.int64], items: int, base: UInt32s, masks: UInt32s, out: UInt32s) -> None:
    """The sub-prints of recordings, a function of their numbers alone (SplitMix64); shape (numbers, items)."""
    for place in range(numbers.size):
        state = np.uint64(numbers[place]) * np.uint64(0xD1342543DE82EF95) + np.uint64(0x9E3779B97F4A7C15)
        for item in range(items):
            state += np.uint64(0x9E3779B97F4A7C15)
            word = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            word ^= word >> np.uint64(31)
            which = (word & np.uint64(0xFFFFFFFF)) * np.uint64(base.size) >> np.uint64(32)
            out[place, item] = base[which] ^ masks[word >> np.uint64(48)]


@compile_kernel
def _kept(prints: UInt32s, modulus: int, keys: UInt32s, sizes: npt.NDArray[np.int64]) -> None:
    """The keys of recordings, one behind the other, as ``index.keys`` makes them."""
    at, held = 0, np.empty(prints.shape[1], np.uint32)
    for place in range(prints.shape[0]):
        some = np.sort(held[: postings_kernels.collect_mixed_keys(prints[place], modulus, held)])
        begin = at
        for i in range(some.size):
            if i == 0 or some[i] != some[i - 1]:
                keys[at] = some[i]
                at += 1
        sizes[place] = at - begin


@dataclass(frozen=True)
class Music:
    """What synthetic recordings are made of."""

    base: UInt32s
    masks: UInt32s
    changed: float
    collisions: float
    items: int = ITEMS

    def prints(self, numbers: Sequence[int] | npt.NDArray[np.int64]) -> UInt32s:
        """The sub-prints of recordings; shape (numbers, items)."""
        out = np.empty((len(numbers), self.items), dtype=np.uint32)
        _drawn(np.asarray(numbers, dtype=np.int64), self.items, self.base, self.masks, out)
        return out

    def fingerprints(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """The same by number, as a catalogue gives them."""
        return {one: row.astype("<u4").tobytes() for one, row in zip(numbers, self.prints(numbers), strict=True)}

    def keys(self, numbers: Sequence[int], modulus: int) -> list[Keys]:
        """The same as the index keeps them."""
        prints = self.prints(numbers)
        keys, sizes = np.empty(prints.size, dtype=np.uint32), np.empty(len(numbers), dtype=np.int64)
        _kept(prints, modulus, keys, sizes)
        return [Keys(values, dense=False) for values in np.split(keys[: sizes.sum()], np.cumsum(sizes)[:-1])]

    def query(self, number: int, surviving: float, modulus: int) -> UInt32s:
        """The keys of a recording of whose sub-prints only so many are left; the others are a stranger's."""
        (prints, stranger) = self.prints([number, number + (1 << 40)])
        lost = np.random.default_rng(number).random(self.items) > surviving
        prints[lost] = stranger[lost]
        return index.build_index_query(prints.astype("<u4").tobytes(), modulus).keys


def music(items: int) -> Music:
    """Made of a folder of real music; of chance, where there is none."""
    folder = real_music.folder()
    if folder is None:
        return calibrated(np.random.default_rng(1).integers(0, 2**32, 150_000, dtype=np.uint32), items)
    heard = b"".join(real_music.fingerprints(folder, real_music.files(folder)).values())
    return calibrated(np.frombuffer(heard, dtype="<u4").astype(np.uint32), items)


def calibrated(heard: UInt32s, items: int = ITEMS) -> Music:
    """Made of these sub-prints, with the share of changed symbols at which frames collide as often as real ones."""
    base, low, high = heard[heard != bit_operations.SILENCE], 0.0, 0.5
    for _ in range(12):
        changed = (low + high) / 2
        masks = _masks(changed)
        rate = _collisions(base, masks)
        low, high = (changed, high) if rate > COLLISIONS else (low, changed)
    return Music(base, masks, changed, rate, items)


def _masks(changed: float) -> UInt32s:
    chance = np.random.default_rng(2)
    symbols = (chance.random((MASKS, 16)) < changed) * chance.integers(1, 4, (MASKS, 16))
    return (symbols.astype(np.uint32) << (2 * np.arange(16, dtype=np.uint32))).sum(axis=1, dtype=np.uint32)


def _collisions(base: UInt32s, masks: UInt32s) -> float:
    drawn = np.empty((1, MEASURED), dtype=np.uint32)
    _drawn(np.array([1 << 50]), MEASURED, base, masks, drawn)
    _, times = np.unique(drawn & np.uint32(bit_operations.KEY_MASK), return_counts=True)
    return float((times * (times - 1)).sum() / (MEASURED * (MEASURED - 1)))


def build(store: LocalStore, made_of: Music, recordings: int) -> tuple[float, int]:
    """Write the recordings as segments; CPU seconds of that, and postings."""
    spent, postings = 0.0, 0
    for batch in _batches(recordings):
        kept = made_of.keys(batch, store.modulus)
        records = [Record(number, one) for number, one in zip(batch, kept, strict=True)]
        postings += sum(item.values.size for item in kept)
        begun = time.process_time()
        with store._writing():
            store._flush(records)
        spent += time.process_time() - begun
        print(f"  {batch.stop:,} written", end="\r", file=sys.stderr)
    return spent, postings


def _batches(recordings: int) -> Iterator[range]:
    for first in range(0, recordings, BATCH):
        yield range(first, min(first + BATCH, recordings))


@dataclass
class Asked:
    """Queries and what they came to; CPU of this thread and wall, in ms."""

    name: str
    cpu: list[float]
    wall: list[float]
    first: int = 0
    others: int = 0

    def row(self) -> list[str]:
        p50, p99 = np.quantile(self.cpu, [0.5, 0.99])
        w50, w99 = np.quantile(self.wall, [0.5, 0.99])
        count = len(self.cpu)
        times = [f"{time:.3f}" for time in (p50, p99, w50, w99)]
        found = f"{self.first}/{count}" if "member" in self.name else "–"
        return [self.name, *times, found, f"{self.others / count:.2f}"]


def ask(search: catalogue_peers.Search, queries: Sequence[tuple[int, UInt32s]], name: str) -> Asked:
    """Put the queries one by one; each is a member's number, or -1, and keys."""
    asked = Asked(name, [], [])
    for number, wanted in queries:
        begun, cpu = time.perf_counter(), time.thread_time()
        (found,) = search([wanted], LEAST)
        asked.cpu.append(1000 * (time.thread_time() - cpu))
        asked.wall.append(1000 * (time.perf_counter() - begun))
        asked.first += bool(found) and found[0].document == number
        asked.others += sum(candidate.document != number for candidate in found)
    return asked


def questions(made_of: Music, recordings: int, modulus: int, count: int) -> dict[str, list[tuple[int, UInt32s]]]:
    """Members of which a share survives, and strangers."""
    members = np.random.default_rng(3).integers(0, recordings, count).tolist()
    strangers = [(-1, made_of.query((1 << 45) + number, 1.0, modulus)) for number in range(count)]

    def sampled(wanted: UInt32s) -> UInt32s:
        return wanted[wanted % np.uint32(modulus) == 0]

    asked = {
        f"members, {share:.0%} of the sub-prints survive": [
            (number, sampled(made_of.query(number, share, modulus))) for number in members
        ]
        for share in SURVIVING
    }
    return asked | {"strangers": [(number, sampled(wanted)) for number, wanted in strangers]}


def bank(store: LocalStore, made_of: Music, name: str) -> list[str]:
    """A query with all its changes undone: so many sets of keys in one call."""
    sets = []
    for variant in range(VARIANTS):
        prints = made_of.prints([(1 << 46) + PROBES * variant + probe for probe in range(PROBES)])
        sets.append(index.build_index_query(prints.astype("<u4").tobytes(), store.modulus).keys)
    sets = [wanted[wanted % np.uint32(store.modulus) == 0] for wanted in sets]
    times, found = [], 0
    for _ in range(5):
        begun = time.process_time()
        found = sum(map(len, store.search_keys(sets, 8)))
        times.append(1000 * (time.process_time() - begun))
    keys = sum(wanted.size for wanted in sets)
    remark = f"{name}: {VARIANTS} sets of keys ({keys:,} keys) in one call"
    return [f"{remark}: {min(times):.1f} ms CPU the best of five, {max(times):.1f} the first; {found} share 8 keys"]


def real(store: LocalStore, made_of: Music, recordings: int) -> list[str]:
    """The whole search, changes undone and all, for every recording of a folder of real music, none of which is here.

    Whatever is found is false.
    """
    where = real_music.folder()
    if where is None:
        return []

    times, seconds, matched, possible = [], 0.0, 0, 0
    for _, facts in real_music.measured(where, real_music.files(where)):
        if is_degenerate(facts.fingerprint):
            continue
        begun = time.process_time()
        found = find_matches(store, made_of.fingerprints, facts.fingerprint, picture=facts.picture, known=recordings)
        times.append(1000 * (time.process_time() - begun))
        seconds += facts.duration
        matched += sum(comparison.certain for _, comparison in found)
        possible += sum(not comparison.certain for _, comparison in found)
    return [
        f"The whole search, all changes undone, for {len(times)} real recordings that are not among them: {matched} "
        f"found for certain, {possible} possible, of {len(times) * recordings:,} pairs. CPU ms for each three minutes "
        f"{sum(times) / seconds * 180:.0f}, of which making up the fingerprints of suspects is a part."
    ]


def cold(folder: Path, queries: Sequence[tuple[int, UInt32s]]) -> Asked:
    """Each query after the files were put out of memory, and the store was opened anew."""
    asked = Asked("cold members", [], [])
    for question in queries:
        gc.collect()  # nothing may hold the files mapped
        for file in folder.glob("*.segment"):
            descriptor = os.open(file, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
        store = LocalStore(folder)
        one = ask(store.search_keys, [question], "")
        del store
        asked.cpu += one.cpu
        asked.wall += one.wall
        asked.first += one.first
        asked.others += one.others
    return asked


COLUMNS = ["", "CPU p50, ms", "CPU p99", "wall p50", "wall p99", "first", "others"]


def measure(folder: Path, made_of: Music, recordings: int, modulus: int, queries: int) -> Table:
    """Build, merge, open, ask."""
    store = LocalStore(folder, modulus=modulus)
    spent, postings = build(store, made_of, recordings)
    segments = store.stats().segments
    before = bank(store, made_of, f"in {segments} segments")
    begun, wall = time.process_time(), time.perf_counter()
    store.compact()
    merging, waited = time.process_time() - begun, time.perf_counter() - wall
    del store
    begun = time.perf_counter()
    store = LocalStore(folder)
    opened = 1000 * (time.perf_counter() - begun)
    asked = questions(made_of, recordings, modulus, queries)
    for some in asked.values():
        ask(store.search_keys, some, "")  # warm
    rows = [ask(store.search_keys, some, name).row() for name, some in asked.items()]
    after = [*bank(store, made_of, f"in {store.stats().segments}"), *real(store, made_of, recordings)]
    del store
    rows.append(cold(folder, asked["members, 10% of the sub-prints survive"][:40]).row())
    size = sum(file.stat().st_size for file in folder.glob("*.segment"))
    remarks = [
        f"{recordings:,} recordings of {made_of.items} sub-prints, one key in {modulus}, {postings:,} postings; frames "
        f"collide at {made_of.collisions:.2e} with {made_of.changed:.3f} of the symbols changed.",
        f"Written as {segments} segments: {postings / spent / 1e6:.1f} M postings/s of CPU."
        + (f" Merged into one: {postings / merging / 1e6:.1f} M/s, {waited:.1f} s." if segments > 1 else ""),
        f"{size / recordings:.0f} bytes a recording, directory and numbers included. Opened in {opened:.1f} ms.",
        *before,
        *after,
        f"Memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB at most, mapped files included. "
        f"{machine.load()}.",
    ]
    title = f"One recording sought among {recordings:,}"
    command = f"python -m benchmarks.catalogue --recordings {recordings}"
    more = {"items": (made_of.items, ITEMS), "modulus": (modulus, 8)}
    command += "".join(f" --{name} {value}" for name, (value, usual) in more.items() if value != usual)
    return Table(title, command, COLUMNS, rows, remarks)


def run(folder: Path) -> list[Table]:
    """The short form: some ten seconds."""
    precompile.compile_postings_kernels()
    return [measure(folder / "catalogue", music(ITEMS), SHORT, 8, 100)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=ITEMS, help="sub-prints of each")
    parser.add_argument("--modulus", type=int, default=8, help="one key in so many is kept")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where the files go meanwhile; default: the temporary folder")
    parser.add_argument("--peers", action="store_true", help="the same data and questions put to what can be had here")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    precompile.compile_postings_kernels()
    made_of = music(options.items)
    path = Path(tempfile.mkdtemp(prefix="gate-catalogue-", dir=options.folder))
    try:
        tables = [measure(path / "index", made_of, options.recordings, options.modulus, options.queries)]
        if options.peers:
            tables.append(peers(path, made_of, options.recordings, options.modulus))
    finally:
        shutil.rmtree(path)
    for table in tables:
        print(table.markdown() if options.markdown else table.text())


def peers(path: Path, made_of: Music, recordings: int, modulus: int) -> Table:
    """The same keys in other engines, the same questions, one thread each as far as they let themselves be told."""
    asked = questions(made_of, recordings, modulus, 50)
    batches = [(batch, made_of.keys(batch, modulus)) for batch in _batches(recordings)]
    rows, remarks = (
        [],
        ["CPU is this process's: of PostgreSQL, a process of its own, only the wall time says anything."],
    )
    for peer in catalogue_peers.available(path):
        begun, wall = time.process_time(), time.perf_counter()
        for batch, kept in batches:
            peer.learn(batch, [item.values for item in kept])
        size = peer.finish()
        remarks.append(
            f"{peer.name}: {size / recordings:,.0f} bytes a recording, written in "
            f"{time.process_time() - begun:.0f} s of CPU, {time.perf_counter() - wall:.0f} s."
        )
        for name, some in asked.items():
            ask(peer.search, some[:5], "")
            rows.append(ask(peer.search, some, f"{peer.name}: {name}").row())
        every = [wanted for some in asked.values() for _, wanted in some]
        wall = time.perf_counter()
        peer.search(every, LEAST)
        per_query = 1000 * (time.perf_counter() - wall) / len(every)
        remarks.append(f"{peer.name}: {len(every)} questions in one call: {per_query:.2f} ms each.")
        peer.close()
    remarks += catalogue_peers.missing()
    return Table(f"The same {recordings:,} recordings elsewhere", "… --peers", COLUMNS, rows, remarks)


if __name__ == "__main__":
    main()
