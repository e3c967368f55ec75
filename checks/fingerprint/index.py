"""Which of many recordings could it be: a few hundred keys a recording, and an immutable file that answers for them.

A key is kept or left by what it is, not by where it stands, so that an excerpt keeps the same keys as the whole.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from checks.fingerprint import kernels
from checks.fingerprint.kernels import Bools, Int64s, UInt32s, UInt64s

#: One key in so many is kept, as a new store records it for good. With the plain query (no undone changes, no flipped
#: bits) one in two finds all excerpts of 15 and of 10 s, one in eight half and a quarter of them; it costs 3 kB a
#: recording instead of 760 bytes, which suits catalogues of up to some hundred thousand. See docs/adr/0021.
MODULUS = 2

#: A recording with fewer kept keys than this (shorter than 18 s at one key in two, a minute at one in eight) keeps all.
FEWEST_KEPT = 64

#: A candidate shares this many distinct keys. Unrelated recordings of three minutes share 0.05 on average at one key in
#: two (4.6e-8 for a pair of sub-prints): two in 100,000 share three by chance, and a candidate is only compared, not
#: believed. Copies with one sub-print in a hundred intact still share this many.
CANDIDATE_HITS = 3

#: A query with fewer kept keys than FEWEST_KEPT has no three to spare.
CANDIDATE_HITS_SHORT = 2

#: Most candidates that are worth an honest comparison.
MOST_CANDIDATES = 50

#: Postings that one query looks at in one table, keys with the shortest lists first: bounds the time of a query full of
#: common keys, without leaving any key out of the index.
WORK_BUDGET = 500_000

#: A table has one bucket for so many postings at least: its directory costs a quarter of a byte for each at most.
POSTINGS_PER_BUCKET = 16

#: A table is built in so many parts, so that a merge needs little more memory than its result; a power of two.
SLICES = 64

#: The document number in a posting.
LOW = np.uint64(0xFFFFFFFF)

MAGIC = b"gate-seg"
FORMAT = 1

#: magic, format, modulus, documents, (postings, bucket bits) of the sampled and the dense table, checksum of the body,
#: checksum of this header.
HEADER = struct.Struct("<8sIIQQIQIII")
ALIGNMENT = 64


class Damaged(ValueError):
    """A file of the index is not what was written."""


class Candidate(NamedTuple):
    """A recording that shares keys with a query."""

    document: int
    hits: int  # distinct keys in common


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """What the index knows of one recording: its mixed keys, ascending; ``dense`` where all of them are kept."""

    values: UInt32s
    dense: bool


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """The keys to look up: the sampled ones everywhere, all of them among the short recordings."""

    sampled: UInt32s
    every: UInt32s
    least: int  # hits that make a candidate


def keys(fingerprint: bytes, modulus: int = MODULUS) -> Keys:
    """The keys under which a recording is kept."""
    every = kernels.mixed_keys(kernels.subprints(fingerprint))
    sampled = every[every % np.uint32(modulus) == 0]
    return Keys(every, True) if sampled.size < FEWEST_KEPT else Keys(sampled, False)


def query(fingerprint: bytes, modulus: int = MODULUS) -> Query:
    """The keys by which a recording is sought."""
    every = kernels.mixed_keys(kernels.subprints(fingerprint))
    sampled = every[every % np.uint32(modulus) == 0]
    return Query(sampled, every, CANDIDATE_HITS_SHORT if sampled.size < FEWEST_KEPT else CANDIDATE_HITS)


def asked(mixed: UInt32s, modulus: int, at_least: int) -> Query:
    """A query by keys that were found elsewhere: mixed, distinct, ascending. Those that are not sampled only find
    recordings that keep all of theirs."""
    return Query(mixed[mixed % np.uint32(modulus) == 0], mixed, at_least)


def best(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The most promising candidates, best first."""
    return sorted(candidates, key=lambda c: (-c.hits, c.document))[:MOST_CANDIDATES]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Postings (mixed key, document number) in ascending order, four bytes each.

    The high bits of a key choose its bucket; an entry holds the remaining bits above the document's number.
    """

    directory: UInt32s  # where each bucket begins, and the end; shape (2**bits + 1,)
    entries: UInt32s

    @property
    def bits(self) -> int:
        return int(self.directory.size - 1).bit_length() - 1

    @classmethod
    def build(cls, slices: Iterable[UInt64s], most: int, documents: int) -> Table:
        """From distinct postings, key << 32 | document number, the numbers below ``documents``.

        They come in SLICES parts by the highest bits of the key, in any order within a part, and are not more than
        ``most`` in all: one part at a time is held as 8 bytes a posting.
        """
        bits = _bucket_bits(most, documents)
        rest, each = 32 - bits, (1 << bits) // SLICES
        counts, entries = [], []
        for place, postings in enumerate(slices):
            ordered = np.sort(postings)
            bucket = (ordered >> np.uint64(32 + rest)).astype(np.int64) - place * each
            remainder = (ordered >> np.uint64(32)) & np.uint64((1 << rest) - 1)
            counts.append(np.bincount(bucket, minlength=each))
            entries.append(((remainder << np.uint64(bits)) | (ordered & LOW)).astype(np.uint32))
        directory = np.concatenate(([0], np.cumsum(np.concatenate(counts))))
        return cls(directory.astype(np.uint32), np.concatenate(entries))

    def postings(self, place: int) -> UInt64s:
        """One of the SLICES parts of what it was built from, ascending."""
        bits, rest = self.bits, 32 - self.bits
        each = (1 << bits) // SLICES
        bounds = self.directory[place * each : (place + 1) * each + 1]
        buckets = np.arange(place * each, (place + 1) * each, dtype=np.uint64)
        bucket = np.repeat(buckets, bounds[1:] - bounds[:-1])
        entries = self.entries[int(bounds[0]) : int(bounds[-1])]
        remainder, number = entries >> np.uint32(bits), entries & np.uint32((1 << bits) - 1)
        return (((bucket << np.uint64(rest)) | remainder) << np.uint64(32)) | number

    def lookup(self, wanted: UInt32s, budget: int = WORK_BUDGET) -> UInt32s:
        """The document numbers under the wanted keys, each as often as it has one of them."""
        bits, rest = self.bits, 32 - self.bits
        bucket = wanted >> np.uint32(rest)
        starts = self.directory[bucket].astype(np.int64)
        counts = self.directory[bucket + np.uint32(1)].astype(np.int64) - starts
        if int(counts.sum()) > budget:
            rarest = np.argsort(counts, kind="stable")
            within = np.cumsum(counts[rarest]) <= budget
            counts[rarest[~within]] = 0
        entries = self.entries[kernels.expand(starts, counts)]
        remainder = np.repeat(wanted & np.uint32((1 << rest) - 1), counts)
        numbers: UInt32s = entries[entries >> np.uint32(bits) == remainder] & np.uint32((1 << bits) - 1)
        return numbers


def _bucket_bits(postings: int, documents: int) -> int:
    """As many as the directory needs, and at least as many as a document's number has: an entry is 32 bits in all."""
    least = SLICES.bit_length() - 1
    if not postings:
        return least
    return max(least, (documents - 1).bit_length(), (postings // POSTINGS_PER_BUCKET).bit_length() - 1)


class Segment:
    """An immutable file of the keys of many recordings, read in place through the page cache."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises Damaged where its header or its length is wrong, FileNotFoundError where it is gone."""
        self.path = path
        with path.open("rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            if self.size < HEADER.size:
                raise Damaged(f"{path.name}: shorter than a header")
            # Not closed by hand: the arrays below borrow it, and it goes when the last of them has gone.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._map.madvise(mmap.MADV_RANDOM)
        header = self._map[: HEADER.size]
        magic, version, self.modulus, documents, n1, bits1, n2, bits2, self.checksum, check = HEADER.unpack(header)
        if magic != MAGIC or zlib.crc32(header[:-4]) != check:
            raise Damaged(f"{path.name}: not a segment of the index")
        if version != FORMAT:
            raise Damaged(f"{path.name}: format {version}, and this program reads {FORMAT}")
        shapes = [(8, documents), (4, (1 << bits1) + 1), (4, n1), (4, (1 << bits2) + 1), (4, n2)]
        places = _places([width * count for width, count in shapes])
        if places[-1] != self.size:
            raise Damaged(f"{path.name}: {self.size} bytes, expected {places[-1]}")
        arrays = [
            np.frombuffer(self._map, dtype=f"<{'i' if width == 8 else 'u'}{width}", count=count, offset=place)
            for (width, count), place in zip(shapes, places, strict=False)
        ]
        self.documents: Int64s = arrays[0]
        self.sampled = Table(arrays[1], arrays[2])
        self.dense = Table(arrays[3], arrays[4])

    def __contains__(self, document: int) -> bool:
        place = int(np.searchsorted(self.documents, document))
        return place < self.documents.size and int(self.documents[place]) == document

    def search(self, query: Query) -> list[Candidate]:
        """The recordings with enough of the keys, in no order."""
        result = []
        for table, wanted in ((self.sampled, query.sampled), (self.dense, query.every)):
            if table.entries.size and wanted.size:
                numbers, hits = kernels.count_documents(table.lookup(wanted), query.least)
                result += list(map(Candidate, self.documents[numbers].tolist(), hits.tolist()))
        return result

    def faults(self) -> list[str]:
        """What is wrong with the file, in words; reads all of it."""
        name = self.path.name
        if zlib.crc32(memoryview(self._map)[HEADER.size :]) != self.checksum:
            return [f"{name}: the content does not fit its checksum"]
        found = []
        if np.any(np.diff(self.documents) <= 0):
            found.append(f"{name}: the recordings are not in order")
        for table in (self.sampled, self.dense):
            ordered = bool(np.all(np.diff(table.directory.astype(np.int64)) >= 0))
            if not ordered or int(table.directory[-1]) != table.entries.size:
                found.append(f"{name}: a directory does not fit its entries")
            elif any(np.any(part[1:] <= part[:-1]) for part in map(table.postings, range(SLICES))):
                found.append(f"{name}: postings are not in order")
        return found


def write_segment(path: Path, recordings: Sequence[tuple[int, Keys]], modulus: int) -> None:
    """Write the keys of new recordings (distinct, any order) as a segment, durably."""
    documents = np.array(sorted(document for document, _ in recordings), dtype=np.int64)
    number = {document: np.uint64(place) for place, document in enumerate(documents.tolist())}
    tables = []
    for dense in (False, True):
        parts = [
            (kept.values.astype(np.uint64) << np.uint64(32)) | number[document]
            for document, kept in recordings
            if kept.dense == dense
        ]
        postings = np.concatenate([np.zeros(0, dtype=np.uint64), *parts])
        tables.append(Table.build(_sliced(postings), postings.size, documents.size))
    _write(path, documents, tables[0], tables[1], modulus)


def _sliced(postings: UInt64s) -> list[UInt64s]:
    ordered = np.sort(postings)
    bounds = np.arange(1, SLICES, dtype=np.uint64) * np.uint64(2**64 // SLICES)
    return np.split(ordered, np.searchsorted(ordered, bounds))


def merge_segments(path: Path, sources: Sequence[tuple[Segment, Int64s]], modulus: int) -> int:
    """Write several segments as one, without their removed recordings, durably; gives the number of recordings left."""
    kept = [np.setdiff1d(segment.documents, removed) for segment, removed in sources]
    documents = np.sort(np.concatenate(kept))
    living = [np.isin(segment.documents, alive) for (segment, _), alive in zip(sources, kept, strict=True)]
    renumbered = [np.searchsorted(documents, segment.documents).astype(np.uint64) for segment, _ in sources]

    def merged(tables: Sequence[Table]) -> Table:
        def part(place: int) -> UInt64s:
            each = zip(tables, living, renumbered, strict=True)
            return np.concatenate([_renumbered(t.postings(place), alive, numbers) for t, alive, numbers in each])

        most = sum(table.entries.size for table in tables)
        return Table.build(map(part, range(SLICES)), most, documents.size)

    sampled, dense = [segment.sampled for segment, _ in sources], [segment.dense for segment, _ in sources]
    _write(path, documents, merged(sampled), merged(dense), modulus)
    return int(documents.size)


def _renumbered(postings: UInt64s, living: Bools, numbers: UInt64s) -> UInt64s:
    """The postings of the living documents under their new numbers."""
    old = (postings & LOW).astype(np.int64)
    new: UInt64s = ((postings & ~LOW) | numbers[old])[living[old]]
    return new


def _places(sizes: Sequence[int]) -> list[int]:
    """Where each part of a segment begins, each aligned, and where the file ends."""
    places, at = [], HEADER.size
    for size in sizes:
        at = -(-at // ALIGNMENT) * ALIGNMENT
        places.append(at)
        at += size
    return [*places, at]


def _write(path: Path, documents: Int64s, sampled: Table, dense: Table, modulus: int) -> None:
    arrays = [
        documents.astype("<i8", copy=False),
        *(part.astype("<u4", copy=False) for table in (sampled, dense) for part in (table.directory, table.entries)),
    ]
    places = _places([array.nbytes for array in arrays])
    body: list[bytes] = []
    at = HEADER.size
    for array, place in zip(arrays, places, strict=False):
        body += [bytes(place - at), array.tobytes()]
        at = place + array.nbytes
    checksum = 0
    for part in body:
        checksum = zlib.crc32(part, checksum)
    header = HEADER.pack(
        MAGIC, FORMAT, modulus, documents.size,
        sampled.entries.size, sampled.bits, dense.entries.size, dense.bits, checksum, 0,
    )  # fmt: skip
    write_durably(path, header[:-4] + struct.pack("<I", zlib.crc32(header[:-4])), *body)


def write_durably(path: Path, *parts: bytes) -> None:
    """Write a file that is there whole or not at all, whatever happens, and still there after a power cut."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make names that were put into a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
