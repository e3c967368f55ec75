"""An immutable file of the keys of many recordings: read in place through the page cache, written in one stream."""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BufferedRandom
from itertools import pairwise
from pathlib import Path

import numpy as np

from checks.fingerprint import postings_kernels
from checks.fingerprint.bit_operations import Int64s, UInt32s, UInt64s
from checks.fingerprint.index import (
    Building,
    Damaged,
    Keys,
    Shelf,
    Table,
    join_postings,
    mark_listed_documents,
    sort_postings,
)
from checks.fingerprint.postings_kernels import GONE

MAGIC = b"gate-seg"
FORMAT = 2

#: magic, format, modulus, documents, (postings, bucket bits) of the sampled and the dense table, checksums of the five
#: parts that follow (documents, both directories, both tables' entries), checksum of this header.
HEADER = struct.Struct("<8sIIQQIQI5II")

#: The same in format 1, which is still read: one checksum of all parts, each table's entries behind its directory.
HEADER_1 = struct.Struct("<8sIIQQIQIII")
ALIGNMENT = 64

#: Postings that a merge holds at once, on average: 8 bytes each, twice, so that they stay in a core's second cache.
STEP = 1 << 16

#: A checksum is taken over so many bytes at a time.
CHUNK = 1 << 24

#: More postings than this, in either table, the places in a directory cannot say: some 20 million recordings of three
#: minutes at one key in eight.
MOST_POSTINGS = 2**32 - 1


class Segment:
    """An immutable file of the keys of many recordings, read in place through the page cache."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises Damaged where its header or its length is wrong, FileNotFoundError where it is gone."""
        self.path = path
        with path.open("rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            if self.size < HEADER_1.size:
                raise Damaged(f"{path.name}: shorter than a header")
            # Not closed by hand: the arrays below borrow it, and it goes when the last of them has gone.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._map.madvise(mmap.MADV_RANDOM)
        self._read_header()
        documents, n1, bits1, n2, bits2 = self._shape
        widths = [(8, documents), (4, (1 << bits1) + 1), (4, n1), (4, (1 << bits2) + 1), (4, n2)]
        order = [0, 1, 2, 3, 4] if self.format == 1 else [0, 1, 3, 2, 4]  # as they lie in the file
        sizes = [widths[part][0] * widths[part][1] for part in order]
        *places, end = _place_segment_parts(self._header_size, sizes)
        if end != self.size:
            raise Damaged(f"{path.name}: {self.size} bytes, expected {end}")
        self._parts = [(place, size) for place, size in zip(places, sizes, strict=True)]
        at = dict(zip(order, places, strict=True))
        arrays = [
            np.frombuffer(self._map, dtype=f"<{'i' if width == 8 else 'u'}{width}", count=count, offset=at[part])
            for part, (width, count) in enumerate(widths)
        ]
        self.documents: Int64s = arrays[0]
        self.sampled = Table(arrays[1], arrays[2], self._map, at[1])
        self.dense = Table(arrays[3], arrays[4], self._map, at[3])

    def _read_header(self) -> None:
        name, raw = self.path.name, self._map[: HEADER.size]
        self.format = int.from_bytes(raw[8:12], "little")
        layout = HEADER_1 if self.format == 1 else HEADER
        if len(raw) < layout.size:
            raise Damaged(f"{name}: shorter than a header")
        magic, _, self.modulus, *shape_and_sums, check = layout.unpack(raw[: layout.size])
        if magic != MAGIC or zlib.crc32(raw[: layout.size - 4]) != check:
            raise Damaged(f"{name}: not a segment of the index, or of a later format than {FORMAT}")
        self._shape, self._sums, self._header_size = shape_and_sums[:5], shape_and_sums[5:], layout.size

    def __contains__(self, document: int) -> bool:
        return bool(self.hold(np.array([document], dtype=np.int64))[0])

    def hold(self, documents: Int64s) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which of these recordings are in the file."""
        return mark_listed_documents(self.documents, documents)

    def shelf(self, *gone: Int64s) -> Shelf:
        """For searching, without those recordings."""
        return Shelf(self.documents, self.sampled, self.dense, gone)

    @property
    def postings(self) -> int:
        return int(self.sampled.entries.size + self.dense.entries.size)

    def faults(self) -> list[str]:
        """What is wrong with the file, in words; reads all of it."""
        name = self.path.name
        if self._measured() != self._sums or any(any(self._map[begin:end]) for begin, end in self._gaps()):
            return [f"{name}: the content does not fit its checksum"]
        found = []
        if np.any(self.documents[1:] <= self.documents[:-1]):
            found.append(f"{name}: the recordings are not in order")
        same = np.arange(self.documents.size, dtype=np.uint32)
        for table in (self.sampled, self.dense):
            directory = table.directory
            if np.any(directory[1:] < directory[:-1]) or int(directory[-1]) != table.entries.size:
                found.append(f"{name}: a directory does not fit its entries")
            elif any(
                np.any(part[1:] <= part[:-1])
                for part in _iterate_posting_slices([(table, same)], _choose_slice_bits([table]))
            ):
                found.append(f"{name}: postings are not in order")
        return found

    def _measured(self) -> list[int]:
        if self.format == 1:
            return [_segment_checksum(memoryview(self._map)[self._header_size :])]
        return [_segment_checksum(memoryview(self._map)[place : place + size]) for place, size in self._parts]

    def _gaps(self) -> list[tuple[int, int]]:
        ends = [self._header_size, *(place + size for place, size in self._parts)]
        return [(end, place) for end, (place, _) in zip(ends, self._parts, strict=False)]


def _segment_checksum(content: memoryview) -> int:
    checksum = 0
    for start in range(0, len(content), CHUNK):
        checksum = zlib.crc32(content[start : start + CHUNK], checksum)
    return checksum


def write_segment(path: Path, recordings: Sequence[tuple[int, Keys]], modulus: int) -> None:
    """Write the keys of new recordings (distinct, any order) as a segment, durably."""
    recordings = sorted(recordings, key=lambda one: one[0])
    documents = np.array([document for document, _ in recordings], dtype=np.int64)
    sampled, dense = (
        join_postings([kept if kept.dense == dense else None for _, kept in recordings]) for dense in (False, True)
    )
    write_durably(
        path,
        _build_segment_writer(
            documents,
            modulus,
            (sampled.size, _sort_postings_by_document(sampled)),
            (dense.size, _sort_postings_by_document(dense)),
        ),
    )


def merge_segments(path: Path, sources: Sequence[tuple[Segment, Int64s]], modulus: int) -> int:
    """Write several segments as one, without their removed recordings, durably; gives the number of recordings left.

    Holds some 30 bytes a recording and STEP postings at once, whatever the size of the segments.
    """
    living = [~mark_listed_documents(removed, segment.documents) for segment, removed in sources]
    documents = np.sort(np.concatenate([s.documents[alive] for (s, _), alive in zip(sources, living, strict=True)]))
    numbers = []
    for (segment, _), alive in zip(sources, living, strict=True):
        new = np.searchsorted(documents, segment.documents).astype(np.uint32)
        new[~alive] = GONE
        numbers.append(new)

    def stream(tables: Sequence[Table]) -> tuple[int, Iterator[UInt64s]]:
        pairs = [(table, new) for table, new in zip(tables, numbers, strict=True) if table.entries.size]
        return sum(table.entries.size for table in tables), _iterate_posting_slices(pairs, _choose_slice_bits(tables))

    sampled, dense = stream([s.sampled for s, _ in sources]), stream([s.dense for s, _ in sources])
    write_durably(path, _build_segment_writer(documents, modulus, sampled, dense))
    return int(documents.size)


def _sort_postings_by_document(postings: UInt64s) -> Iterator[UInt64s]:
    """Postings in the order of their documents, ascending: first thrown into parts by their highest bits, then each
    part by itself, which is small enough to be sorted in the cache."""
    if postings.size <= STEP:
        yield sort_postings(postings)
        return
    spare = np.empty_like(postings)
    thrown = spare if postings_kernels.radix_sort_postings(postings, spare, 5) else postings
    cuts = np.arange(1, 1 << 10, dtype=np.uint64) << np.uint64(54)
    bounds = [0, *np.searchsorted(thrown, cuts).tolist(), thrown.size]
    for first, last in pairwise(bounds):
        yield sort_postings(thrown[first:last])


def _choose_slice_bits(tables: Sequence[Table]) -> int:
    """In how many parts, as a power of two, the postings of all these tables are taken, so that none is large."""
    return max(0, (sum(table.entries.size for table in tables) // STEP).bit_length())


def _iterate_posting_slices(sources: Sequence[tuple[Table, UInt32s]], bits: int) -> Iterator[UInt64s]:
    """The postings of several tables, ascending, in 2**bits parts by the highest bits of the key.

    Where one table's numbers all stand above those of the one before, as with recordings that came one after the
    other, it is enough to bring the keys into order.
    """
    sources, apart = _one_after_the_other(sources)
    readers = [_build_slice_reader(table, numbers, bits) for table, numbers in sources]
    for place in range(1 << bits):
        parts = [read(place) for read in readers]
        if len(parts) == 1:
            yield parts[0]
        elif parts:
            joined = np.concatenate(parts)
            yield sort_postings(joined, by_key=apart)


def _build_slice_reader(table: Table, numbers: UInt32s, bits: int) -> Callable[[int], UInt64s]:
    """What gives a table's postings part by part."""
    if table.bits >= bits:
        each = 1 << (table.bits - bits)
        return lambda place: table.postings(place * each, (place + 1) * each, numbers)
    whole = table.postings(0, 1 << table.bits, numbers)  # fewer buckets than parts: few postings
    cuts = np.arange(1, 1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    bounds = np.concatenate(([0], np.searchsorted(whole, cuts), [whole.size]))
    return lambda place: whole[bounds[place] : bounds[place + 1]]


def _one_after_the_other(sources: Sequence[tuple[Table, UInt32s]]) -> tuple[list[tuple[Table, UInt32s]], bool]:
    """The sources by their lowest numbers, and whether each ends before the next begins."""
    spans = []
    for table, numbers in sources:
        kept = numbers[numbers != GONE]
        if kept.size:
            spans.append((int(kept[0]), int(kept[-1]), table, numbers))  # a segment's documents ascend, old and new
    spans.sort(key=lambda span: span[:2])
    apart = all(one[1] < other[0] for one, other in pairwise(spans))
    return [(table, numbers) for _, _, table, numbers in spans], apart


_Stream = tuple[int, Iterable[UInt64s]]


def _build_segment_writer(documents: Int64s, modulus: int, *streams: _Stream) -> Callable[[BufferedRandom], None]:
    """What writes a segment: at most so many postings in each stream, ascending over all of its parts."""

    def write(file: BufferedRandom) -> None:
        buildings = [Building(most, documents.size) for most, _ in streams]
        listed = documents.astype("<i8", copy=False)
        sizes = [listed.nbytes, *(building.directory.nbytes for building in buildings)]
        *places, end = _place_segment_parts(HEADER.size, sizes)
        file.truncate(file.seek(-(-end // ALIGNMENT) * ALIGNMENT))  # entries first: then the directories are known
        entries = []
        for building, (_, parts) in zip(buildings, streams, strict=True):
            file.write(bytes(-file.tell() % ALIGNMENT))
            entries.append(_write_table_entries(file, map(building.entries, parts)))
        counts = [building.close() for building in buildings]
        heads = [listed, *(building.directory.astype("<u4", copy=False) for building in buildings)]
        sums = []
        for place, part in zip(places, heads, strict=True):
            file.seek(place)
            content = part.view(np.uint8).data
            file.write(content)
            sums.append(_segment_checksum(content))
        header = HEADER.pack(
            MAGIC, FORMAT, modulus, documents.size,
            counts[0], buildings[0].bits, counts[1], buildings[1].bits, *sums, *entries, 0,
        )  # fmt: skip
        file.seek(0)
        file.write(header[:-4] + struct.pack("<I", zlib.crc32(header[:-4])))

    return write


def _write_table_entries(file: BufferedRandom, parts: Iterable[UInt32s]) -> int:
    """Write entries one part after the other; gives the checksum of all."""
    checksum = 0
    for part in parts:
        if part.size:
            content = part.astype("<u4", copy=False).view(np.uint8).data
            file.write(content)
            checksum = zlib.crc32(content, checksum)
    return checksum


def _place_segment_parts(at: int, sizes: Sequence[int]) -> list[int]:
    """Where each part of a segment begins behind the header, each aligned, and where the last ends."""
    places = []
    for size in sizes:
        at = -(-at // ALIGNMENT) * ALIGNMENT
        places.append(at)
        at += size
    return [*places, at]


def write_durably(path: Path, write: Callable[[BufferedRandom], None]) -> None:
    """Write a file that is there whole or not at all, whatever happens, and still there after a power cut."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w+b") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def write_bytes(path: Path, *parts: bytes) -> None:
    """The same for what is at hand."""
    write_durably(path, lambda file: file.writelines(parts))


def sync_directory(path: Path) -> None:
    """Make names that were put into a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
