"""Which of many recordings could it be: a few hundred keys a recording, and an immutable file that answers for them.

A key is kept or left by what it is, not by where it stands, so that an excerpt keeps the same keys as the whole.
"""

from __future__ import annotations

import mmap
import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from checks.fingerprint import bit_operations, postings_kernels
from checks.fingerprint.bit_operations import Int64s, UInt32s, UInt64s

#: One key in so many is kept, as a new store records it for good: 760 bytes a recording of three minutes. What is lost
#: of short or disguised copies the query makes up for with keys that it guesses. See docs/adr/0021.
MODULUS = 8

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

#: Postings that a query may look at, on average for each of its keys: those with the fewest come first, and the rest
#: of the keys go unasked. So the time of a query full of common keys is bounded without leaving a key out of the index.
#: Among ten million recordings a key has 340 of them, half of the keys fewer than 200. With four times as many postings
#: a search takes two and a half times as long, and of 393 copies in nineteen disguises it finds the same ones
#: (``benchmarks/robustness.py --strangers 10000000``), but for a recording of which strangers were made.
WORK_PER_KEY = 128

#: No query need be shorter of work than this, a third of a millisecond.
LEAST_WORK = 100_000

#: A table has one bucket for so many postings at least: its directory costs a quarter of a byte for each at most.
POSTINGS_PER_BUCKET = 16

#: A table has at least so many buckets, as a power of two.
LEAST_BITS = 6

#: So many keys are looked up first; where that many of them had to wait for the disk, the others are asked for at once.
TRIED, WAITED = 16, 4

#: Files below this are soon read whole.
WORTH_ADVICE = 16 << 20


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
    """All keys to look up, ascending. Of most recordings only those divisible by the modulus are kept."""

    keys: UInt32s
    least: int  # hits that make a candidate


def _mixed_fingerprint_keys(fingerprint: bytes, modulus: int) -> UInt32s:
    """The distinct mixed keys that are divisible by the modulus, ascending."""
    prints = bit_operations.read_subprints(fingerprint)
    held = np.empty(prints.size, dtype=np.uint32)
    ordered = np.sort(held[: postings_kernels.collect_mixed_keys(prints, modulus, held)])
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if ordered.size else ordered


def build_index_keys(fingerprint: bytes, modulus: int = MODULUS) -> Keys:
    """The keys under which a recording is kept."""
    sampled = _mixed_fingerprint_keys(fingerprint, modulus)
    return Keys(_mixed_fingerprint_keys(fingerprint, 1), True) if sampled.size < FEWEST_KEPT else Keys(sampled, False)


def build_index_query(fingerprint: bytes, modulus: int = MODULUS) -> Query:
    """The keys by which a recording is sought."""
    every = _mixed_fingerprint_keys(fingerprint, 1)
    short = np.count_nonzero(every % np.uint32(modulus) == 0) < FEWEST_KEPT
    return Query(every, CANDIDATE_HITS_SHORT if short else CANDIDATE_HITS)


def rank_best_candidates(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The most promising candidates, best first."""
    return sorted(candidates, key=lambda c: (-c.hits, c.document))[:MOST_CANDIDATES]


def compute_query_budget(wanted: UInt32s, modulus: int) -> int:
    """How many postings a query with these keys may look at."""
    return max(LEAST_WORK, WORK_PER_KEY * int(np.count_nonzero(wanted % np.uint32(modulus) == 0)))


def find_skipped_keys(counts: Int64s, work: int) -> Int64s:
    """Which keys a query leaves unasked, by how many recordings have each: the most common, beyond its work."""
    rarest = np.argsort(counts, kind="stable")
    return rarest[np.cumsum(counts[rarest]) > work]


class Table:
    """Postings (mixed key, document number) in ascending order, four bytes each.

    The high bits of a key choose its bucket; an entry holds the remaining bits above the document's number.
    """

    def __init__(self, directory: UInt32s, entries: UInt32s, file: mmap.mmap | None = None, offset: int = 0) -> None:
        """``directory`` says where each bucket begins, and the end; shape (2**bits + 1,). Where both are parts of a
        mapped file, ``offset`` is where it begins, and the entries' own is found from their addresses."""
        self.directory, self.entries = directory, entries
        self.bits = int(directory.size - 1).bit_length() - 1
        directory.flags.writeable = entries.flags.writeable = False  # compiled once for tables in memory and in files
        large = file is not None and directory.nbytes + entries.nbytes > WORTH_ADVICE
        self._file = file if large else None
        self._places = (offset, offset + entries.ctypes.data - directory.ctypes.data)

    def ranges(self, wanted: UInt32s, modulus: int = 1) -> tuple[UInt32s, UInt32s]:
        """Where the postings of every wanted key stand, and how many; none for those the modulus does not divide."""
        starts, counts = np.empty(wanted.size, dtype=np.uint32), np.empty(wanted.size, dtype=np.uint32)

        def look(part: slice) -> None:
            postings_kernels.find_posting_ranges(
                self.directory, self.entries, self.bits, wanted[part], modulus, starts[part], counts[part]
            )

        if self._file is None or wanted.size <= TRIED:
            look(slice(None))
            return starts, counts
        some = np.flatnonzero(wanted[: TRIED * modulus] % np.uint32(modulus) == 0)[:TRIED]  # that the table may have
        tried, waits = int(some[-1]) + 1 if some.size else 0, _count_page_faults()
        look(slice(tried))
        if _count_page_faults() - waits >= WAITED:
            rest = wanted[tried:]
            self._prefetch(rest if modulus == 1 else rest[rest % np.uint32(modulus) == 0])
        look(slice(tried, None))
        return starts, counts

    def _prefetch(self, wanted: UInt32s) -> None:
        """Have the kernel read what these keys need while we go on: first their buckets' places, then the buckets."""
        bucket = (wanted >> np.uint32(32 - self.bits)).astype(np.int64)
        directory, entries = self._places
        self._advise(directory + 4 * bucket, directory + 4 * bucket + 8)
        begin, end = self.directory[bucket].astype(np.int64), self.directory[bucket + 1].astype(np.int64)
        some = begin < end
        self._advise(entries + 4 * begin[some], entries + 4 * end[some])

    def _advise(self, begin: Int64s, end: Int64s) -> None:
        pages = np.stack([begin // mmap.PAGESIZE, -(-end // mmap.PAGESIZE)])
        for first, last in np.unique(pages, axis=1).T.tolist():
            self._file.madvise(mmap.MADV_WILLNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)  # type: ignore[union-attr]

    def lookup(self, wanted: UInt32s) -> UInt32s:
        """The document numbers under the wanted keys, each as often as it has one of them."""
        starts, counts = self.ranges(wanted)
        places = bit_operations.expand_ranges(starts.astype(np.int64), counts.astype(np.int64))
        numbers: UInt32s = self.entries[places] & np.uint32((1 << self.bits) - 1)
        return numbers

    def postings(self, first: int, last: int, numbers: UInt32s) -> UInt64s:
        """The postings (key << 32 | number) of the buckets [first, last), every document under its new number and
        left out where that is GONE."""
        size = int(self.directory[last]) - int(self.directory[first])
        out = np.empty(size, dtype=np.uint64)
        return out[
            : postings_kernels.decode_postings(self.directory, self.entries, self.bits, first, last, numbers, out)
        ]


def _count_page_faults() -> int:
    """How often this thread had to wait for the disk because something mapped was not in memory."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_majflt


def bucket_bits(postings: int, documents: int) -> int:
    """As many as the directory needs, and at least as many as a document's number has: an entry is 32 bits in all."""
    if not postings:
        return LEAST_BITS
    return max(LEAST_BITS, (documents - 1).bit_length(), (postings // POSTINGS_PER_BUCKET).bit_length() - 1)


class Building:
    """A table on its way: ascending postings come in, entries go out, the directory fills."""

    def __init__(self, most: int, documents: int) -> None:
        """For at most so many postings of so many documents."""
        self.bits = bucket_bits(most, documents)
        self.directory: UInt32s = np.zeros((1 << self.bits) + 1, dtype=np.uint32)
        self._state: Int64s = np.zeros(2, dtype=np.int64)

    def entries(self, postings: UInt64s) -> UInt32s:
        """The entries of the postings that come next."""
        entries = np.empty(postings.size, dtype=np.uint32)
        postings_kernels.encode_postings(postings, self.bits, self.directory, self._state, entries)
        return entries

    def close(self) -> int:
        """Fill what is left of the directory; gives the number of entries."""
        bucket, size = self._state.tolist()
        self.directory[bucket:] = size
        return int(size)


def build_index_tables(recordings: Sequence[tuple[int, Keys]]) -> tuple[Table, Table]:
    """The sampled and the dense table of some recordings, numbered as they come; in memory."""

    def table(dense: bool) -> Table:
        ascending = sort_postings(join_postings([kept if kept.dense == dense else None for _, kept in recordings]))
        building = Building(ascending.size, len(recordings))
        entries = building.entries(ascending)
        building.close()
        return Table(building.directory, entries)

    return table(False), table(True)


def join_postings(kept: Sequence[Keys | None]) -> UInt64s:
    """The postings of recordings numbered as they come, one recording after the other."""
    sizes = [item.values.size if item else 0 for item in kept]
    values = np.concatenate([np.zeros(0, dtype=np.uint32), *(entry.values for entry in kept if entry)])
    return postings_kernels.join_document_postings(values, np.array(sizes, dtype=np.int64))


def sort_postings(postings: UInt64s, by_key: bool = True) -> UInt64s:
    """Postings ascending; where only their keys are out of order, that is done sooner. The old array is used up."""
    spare = np.empty_like(postings)
    return spare if postings_kernels.radix_sort_postings(postings, spare, 3 if by_key else 0) else postings


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """Recordings that are searched together: their numbers, by which the tables call them, and what is gone."""

    documents: Int64s
    sampled: Table
    dense: Table
    gone: tuple[Int64s, ...] = ()  # each ascending; not reported any more


def answer_index_queries(shelves: Sequence[Shelf], queries: Sequence[Query], modulus: int) -> list[list[Candidate]]:
    """For each query the recordings that share enough keys with it, best first. Every recording is on one shelf."""
    tables = [
        (shelf, table, divisor)
        for shelf in shelves
        for table, divisor in ((shelf.sampled, modulus), (shelf.dense, 1))
        if table.entries.size
    ]
    bounds = np.cumsum([0, *(query.keys.size for query in queries)])
    if not tables or not bounds[-1]:
        return [[] for _ in queries]
    wanted = np.concatenate([query.keys for query in queries])
    places = [table.ranges(wanted, divisor) for _, table, divisor in tables]
    _skip_common_keys(wanted, bounds, [counts for _, counts in places], modulus)
    least = np.array([query.least for query in queries], dtype=np.int64)
    found = []
    for (shelf, table, _), (starts, counts) in zip(tables, places, strict=True):
        of, numbers, hits = postings_kernels.count_query_hits(table.entries, table.bits, bounds, starts, counts, least)
        documents = shelf.documents[numbers]
        alive = np.ones(documents.size, dtype=bool)
        for gone in shelf.gone:
            alive &= ~mark_listed_documents(gone, documents)
        found.append((of[alive], documents[alive], hits[alive]))
    return _rank_query_hits(len(queries), found)


def _skip_common_keys(wanted: UInt32s, bounds: Int64s, counts: Sequence[UInt32s], modulus: int) -> None:
    """Leave out the most common keys of a query where all of them would be too much work."""
    if sum(int(each.sum(dtype=np.int64)) for each in counts) <= LEAST_WORK:
        return
    totals: Int64s = np.asarray(np.sum(counts, axis=0, dtype=np.int64))
    ahead = np.diff(np.concatenate(([0], np.cumsum(totals)))[bounds])
    for query in np.flatnonzero(ahead > LEAST_WORK).tolist():
        part = slice(int(bounds[query]), int(bounds[query + 1]))
        left_out = find_skipped_keys(totals[part], compute_query_budget(wanted[part], modulus))
        for each in counts:
            each[part][left_out] = 0


def _rank_query_hits(queries: int, found: Sequence[tuple[Int64s, Int64s, Int64s]]) -> list[list[Candidate]]:
    of, documents, hits = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((documents, -hits, of))
    of, documents, hits = of[order], documents[order], hits[order]
    bounds = np.searchsorted(of, np.arange(queries + 1)).tolist()
    result = []
    for first, last in pairwise(bounds):
        some = slice(first, min(last, first + MOST_CANDIDATES))
        result.append(list(map(Candidate, documents[some].tolist(), hits[some].tolist())))
    return result


def mark_listed_documents(ordered: Int64s, documents: Int64s) -> bit_operations.Bools:
    """Which of the documents are in an ascending list."""
    if not ordered.size:
        return np.zeros(documents.size, dtype=bool)
    place = np.minimum(np.searchsorted(ordered, documents), ordered.size - 1)
    return np.asarray(ordered[place] == documents)
