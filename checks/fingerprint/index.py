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
from checks.fingerprint.kernels import Int64s, UInt32s, UInt64s

#: One key in eight is kept: about 180 for three minutes, 720 bytes, and 300 of 300 recordings are still found where
#: only a tenth of the sub-prints survived.
MODULUS = 8

#: A recording with fewer kept keys than this (shorter than about half a minute) keeps them all.
FEWEST_KEPT = 24

#: A candidate shares this many distinct keys. Unrelated recordings of three minutes share 0.0015 on average at one key
#: in eight (4.6e-8 for a pair of sub-prints), so three of them by chance are a few in 10 million × 10 million; and a
#: candidate is only compared, not believed.
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
    def build(cls, postings: UInt64s, documents: int) -> Table:
        """From distinct ascending postings, key << 32 | document number, the numbers below ``documents``."""
        bits = _bucket_bits(postings.size, documents)
        rest = 32 - bits
        bucket = postings >> np.uint64(32 + rest)
        remainder = (postings >> np.uint64(32)) & np.uint64((1 << rest) - 1)
        number = postings & np.uint64(0xFFFFFFFF)
        directory = np.searchsorted(bucket, np.arange((1 << bits) + 1, dtype=np.uint64))
        entries = (remainder << np.uint64(bits)) | number
        return cls(directory.astype(np.uint32), entries.astype(np.uint32))

    def postings(self) -> UInt64s:
        """What it was built from."""
        bits, rest = self.bits, 32 - self.bits
        bucket = np.repeat(np.arange(1 << bits, dtype=np.uint64), self.directory[1:] - self.directory[:-1])
        remainder, number = self.entries >> np.uint32(bits), self.entries & np.uint32((1 << bits) - 1)
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
    if not postings:
        return 1
    return max(1, (documents - 1).bit_length(), (postings // POSTINGS_PER_BUCKET).bit_length() - 1)


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
            elif np.any(np.diff(table.postings().astype(np.int64)) <= 0):
                found.append(f"{name}: postings are not in order")
        return found


def write_segment(path: Path, recordings: Sequence[tuple[int, Keys]], modulus: int) -> None:
    """Write the keys of new recordings (distinct, any order) as a segment, durably."""
    documents = np.array(sorted(document for document, _ in recordings), dtype=np.int64)
    number = {document: place for place, document in enumerate(documents.tolist())}
    tables = []
    for dense in (False, True):
        parts = [_postings(kept.values, number[document]) for document, kept in recordings if kept.dense == dense]
        tables.append(_table(parts, documents.size))
    _write(path, documents, tables[0], tables[1], modulus)


def merge_segments(path: Path, sources: Sequence[tuple[Segment, Int64s]], modulus: int) -> int:
    """Write several segments as one, without their removed recordings, durably; gives the number of recordings left."""
    kept = [np.setdiff1d(segment.documents, removed) for segment, removed in sources]
    documents = np.sort(np.concatenate(kept))
    tables = []
    for dense in (False, True):
        parts = []
        for (segment, _), alive in zip(sources, kept, strict=True):
            postings = (segment.dense if dense else segment.sampled).postings()
            living = np.isin(segment.documents, alive)
            renumbered = np.searchsorted(documents, segment.documents).astype(np.uint64)
            old = (postings & np.uint64(0xFFFFFFFF)).astype(np.int64)
            high = postings & np.uint64(0xFFFFFFFF00000000)
            parts.append((high | renumbered[old])[living[old]])
        tables.append(_table(parts, documents.size))
    _write(path, documents, tables[0], tables[1], modulus)
    return int(documents.size)


def _postings(values: UInt32s, number: int) -> UInt64s:
    return (values.astype(np.uint64) << np.uint64(32)) | np.uint64(number)


def _table(parts: list[UInt64s], documents: int) -> Table:
    postings = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
    postings.sort()
    return Table.build(postings, documents)


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
        documents.astype("<i8"),
        *(part.astype("<u4") for table in (sampled, dense) for part in (table.directory, table.entries)),
    ]
    places = _places([array.nbytes for array in arrays])
    body = bytearray(places[-1] - HEADER.size)
    for array, place in zip(arrays, places, strict=False):
        body[place - HEADER.size : place - HEADER.size + array.nbytes] = array.tobytes()
    header = HEADER.pack(
        MAGIC, FORMAT, modulus, documents.size,
        sampled.entries.size, sampled.bits, dense.entries.size, dense.bits, zlib.crc32(body), 0,
    )  # fmt: skip
    check = struct.pack("<I", zlib.crc32(header[:-4]))
    write_durably(path, header[:-4] + check, bytes(body))


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
