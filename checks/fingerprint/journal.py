"""What was learned and forgotten since the last segment was written: a file that only grows, and survives any crash."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from checks.fingerprint import index
from checks.fingerprint.bit_operations import Int64s
from checks.fingerprint.index import Damaged, Keys, Shelf
from checks.fingerprint.index_segment import write_bytes

MAGIC = b"gate-jrn"

#: Since 2 a frame may hold a mark; journals of 1 are read, and none is continued with a mark.
FORMAT = 2

#: magic, format, checksum of both.
HEADER = struct.Struct("<8sII")

#: mark, length of the records that follow, checksum of the length and of them. What is acknowledged together stands
#: in one frame: a power cut may have written any pages of the last frame, but never any of a later one.
FRAME = struct.Struct("<4sII")
MARK = b"\xf5rec"

#: kind, recording, number of keys that follow.
RECORD = struct.Struct("<IqI")

ADD_SAMPLED, ADD_DENSE, REMOVE, MARK_AT = 1, 2, 3, 4

#: A mark's token, in the place of a record's keys: two of them.
TOKEN = struct.Struct("<q")


class Shrunk(Exception):
    """The journal is shorter than what was read of it: the folder was restored from an older copy."""


@dataclass(frozen=True, slots=True)
class Record:
    """One recording learned, or forgotten where it has no keys."""

    document: int
    keys: Keys | None

    def packed(self) -> bytes:
        kind = REMOVE if self.keys is None else ADD_DENSE if self.keys.dense else ADD_SAMPLED
        body = b"" if self.keys is None else self.keys.values.astype("<u4").tobytes()
        return RECORD.pack(kind, self.document, len(body) // 4) + body


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a store has applied the log of its catalogue: the position of a change, and that change's token.

    ``position`` 0: nothing is applied yet. The token is drawn at random for each change, so that a position of another
    history (the log was restored from a backup, and went on differently) is not mistaken for this one.
    """

    position: int = 0
    token: int = 0

    def packed(self) -> bytes:
        return RECORD.pack(MARK_AT, self.position, TOKEN.size // 4) + TOKEN.pack(self.token)


def create_journal(path: Path) -> None:
    """Begin an empty journal, durably."""
    head = HEADER.pack(MAGIC, FORMAT, 0)[:-4]
    write_bytes(path, head + struct.pack("<I", zlib.crc32(head)))


class Journal:
    """One journal file as one process has read it; ``position`` is the end of what it has seen."""

    def __init__(self, path: Path) -> None:
        """Open at the beginning. Raises Damaged where it is no journal, FileNotFoundError where it is gone."""
        self.path = path
        with path.open("rb") as file:
            head = file.read(HEADER.size)
        if len(head) < HEADER.size or HEADER.unpack(head)[2] != zlib.crc32(head[:-4]) or not head.startswith(MAGIC):
            raise Damaged(f"{path.name}: not a journal of the index")
        self.format = HEADER.unpack(head)[1]
        if not 1 <= self.format <= FORMAT:
            raise Damaged(f"{path.name}: format {self.format}, and this program reads {FORMAT}")
        self.position = HEADER.size

    def news(self) -> list[Record | Mark]:
        """The records that stand behind what was seen; half a frame at the end waits for its writer.

        Raises Shrunk, and FileNotFoundError where the file is gone.
        """
        size = self.path.stat().st_size
        if size == self.position:
            return []
        if size < self.position:
            raise Shrunk(self.path.name)
        with self.path.open("rb") as file:
            file.seek(self.position)
            records, length = parse_journal_frames(file.read())
        self.position += length
        return records

    def append(self, records: Sequence[Record | Mark]) -> None:
        """Write records durably; only the process that holds the store's lock, and has read the news, may."""
        with self.path.open("r+b") as file:
            self._cut_torn_tail(file.fileno())
            file.seek(self.position)
            try:
                file.write(frame_records(records))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), self.position)  # a full disk must not leave half of what was refused
                raise

    def _cut_torn_tail(self, descriptor: int) -> None:
        """Remove what a crashed writer left half written, which it never acknowledged.

        Raises Damaged where a whole frame stands behind the broken place: that is no torn tail but a damaged file.
        """
        tail = os.pread(descriptor, os.fstat(descriptor).st_size - self.position, self.position)
        if not tail:
            return
        place = tail.find(MARK, 1)
        while place >= 0:
            if parse_journal_frames(tail[place:])[0]:
                raise Damaged(f"{self.path.name}: damaged at byte {self.position}, with good records behind it")
            place = tail.find(MARK, place + 1)
        os.ftruncate(descriptor, self.position)


def frame_records(records: Sequence[Record | Mark]) -> bytes:
    """Records as they are written together."""
    body = b"".join(record.packed() for record in records)
    length = struct.pack("<I", len(body))
    return MARK + length + struct.pack("<I", zlib.crc32(body, zlib.crc32(length))) + body


def parse_journal_frames(data: bytes) -> tuple[list[Record | Mark], int]:
    """The records of the whole frames that ``data`` begins with, and how many bytes those take."""
    records: list[Record | Mark] = []
    at = 0
    while at + FRAME.size <= len(data):
        mark, length, check = FRAME.unpack_from(data, at)
        body = data[at + FRAME.size : at + FRAME.size + length]
        if mark != MARK or len(body) < length or zlib.crc32(body, zlib.crc32(data[at + 4 : at + 8])) != check:
            break
        records += _unpack_frame(body)
        at += FRAME.size + length
    return records, at


def _unpack_frame(body: bytes) -> Iterator[Record | Mark]:
    at = 0
    while at < len(body):
        kind, document, count = RECORD.unpack_from(body, at)
        if kind == MARK_AT:
            yield Mark(document, *TOKEN.unpack_from(body, at + RECORD.size))
            at += RECORD.size + TOKEN.size
            continue
        values = np.frombuffer(body, dtype="<u4", count=count, offset=at + RECORD.size).astype(np.uint32, copy=False)
        yield Record(document, None if kind == REMOVE else Keys(values, kind == ADD_DENSE))
        at += RECORD.size + 4 * count


class Memtable:
    """What the journal says: recordings with their keys, every number that it speaks of, and how far it goes."""

    def __init__(self, mark: Mark | None = None) -> None:
        """``mark``: what holds where the journal has none."""
        self.mark = mark
        self.recordings: dict[int, Keys] = {}
        self.touched: set[int] = set()  # what segments say of these is out of date
        self._shelf: tuple[Shelf, Int64s] | None = None

    def apply(self, record: Record | Mark) -> None:
        if isinstance(record, Mark):
            self.mark = record
            return
        self.touched.add(record.document)
        if record.keys is None:
            self.recordings.pop(record.document, None)
        else:
            self.recordings[record.document] = record.keys
        self._shelf = None

    def shelf(self) -> tuple[Shelf, Int64s]:
        """For searching; and the numbers that only this shelf may speak of, ascending."""
        if self._shelf is None:
            documents = np.fromiter(self.recordings, np.int64, len(self.recordings))
            touched = np.sort(np.fromiter(self.touched, np.int64, len(self.touched)))
            self._shelf = Shelf(documents, *index.build_index_tables(list(self.recordings.items()))), touched
        return self._shelf
