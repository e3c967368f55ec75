"""Where the keys of the known recordings are kept: in memory, or in a folder that every process shares."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import threading
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from checks.fingerprint import index, journal
from checks.fingerprint.index import Candidate, Damaged, Keys, Query, Segment
from checks.fingerprint.journal import Journal, Record
from checks.fingerprint.kernels import Int64s, UInt32s

FORMAT = 1

#: Recordings in the journal after which they become a segment: replaying so many takes some 10 ms.
FLUSH = 256

#: Recordings that are learned under one fsync when many come at once.
BATCH = 2048

#: So many segments of about the same size become one; each costs a query about 0.1 ms.
FANOUT = 8

#: Recordings in the largest segment that merging makes: a merge holds it in memory, up to 3 kB a recording.
LARGEST = 400_000

#: How often a reader tries again when a merge took a file away between reading the manifest and opening it.
ATTEMPTS = 20


class Store(Protocol):
    """An index of recordings by number.

    Adding a number again replaces what it had; removing one that is not there changes nothing.
    """

    def add(self, document: int, fingerprint: bytes) -> None:
        """Learn a recording. When this returns, it is durable and every query finds it."""

    def remove(self, document: int) -> None:
        """Forget a recording, as durably."""

    @property
    def modulus(self) -> int:
        """One key in so many is kept."""

    def search(self, fingerprint: bytes) -> list[Candidate]:
        """The recordings that share enough keys to be worth a comparison, best first."""

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        """For each set of mixed keys (distinct, ascending) the recordings with at least so many of them, best first.

        Of long recordings only the keys divisible by ``modulus`` are kept, so only those need be asked for.
        """


class MemoryStore:
    """A store for a few hundred recordings that lasts as long as the process."""

    def __init__(self, modulus: int = index.MODULUS) -> None:
        self._modulus = modulus
        self._recordings: dict[int, Keys] = {}

    def __len__(self) -> int:
        return len(self._recordings)

    def __contains__(self, document: int) -> bool:
        return document in self._recordings

    def add(self, document: int, fingerprint: bytes) -> None:
        self._recordings[document] = index.keys(fingerprint, self._modulus)

    def remove(self, document: int) -> None:
        self._recordings.pop(document, None)

    @property
    def modulus(self) -> int:
        return self._modulus

    def search(self, fingerprint: bytes) -> list[Candidate]:
        return self._search(index.query(fingerprint, self._modulus))

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        return [self._search(index.asked(mixed, self._modulus, at_least)) for mixed in queries]

    def _search(self, query: Query) -> list[Candidate]:
        shared = (
            Candidate(document, np.intersect1d(kept.values, query.every, assume_unique=True).size)
            for document, kept in self._recordings.items()
        )
        return index.best(candidate for candidate in shared if candidate.hits >= query.least)


@dataclass(frozen=True, slots=True)
class Stats:
    """The state of a local store."""

    recordings: int
    removed: int  # recordings whose keys still stand in segments
    segments: int
    postings: int
    bytes: int  # on disk, journal included
    journal_bytes: int
    generation: int
    modulus: int
    format: int


@dataclass(frozen=True, slots=True)
class _Listed:
    """A segment as the manifest lists it."""

    file: str
    documents: int
    removed_file: str | None = None
    removed: int = 0

    @property
    def alive(self) -> int:
        return self.documents - self.removed


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What belongs to the store at one moment; replaced as a whole."""

    generation: int
    modulus: int
    journal: str
    segments: tuple[_Listed, ...] = ()

    def packed(self) -> bytes:
        content = {
            "format": FORMAT,
            "generation": self.generation,
            "modulus": self.modulus,
            "journal": self.journal,
            "segments": [
                {"file": s.file, "documents": s.documents, "removed_file": s.removed_file, "removed": s.removed}
                for s in self.segments
            ],
        }
        return json.dumps({"checksum": _checksum(content), **content}, indent=1).encode()

    @classmethod
    def parse(cls, raw: bytes) -> _Manifest:
        """Raises Damaged where it is not what was written, or was written by a later program."""
        try:
            content: dict[str, Any] = json.loads(raw)
            if content.pop("checksum") != _checksum(content):
                raise Damaged("manifest: the content does not fit its checksum")
            if content["format"] != FORMAT:
                raise Damaged(f"manifest: format {content['format']}, and this program reads {FORMAT}")
            listed = tuple(_Listed(**segment) for segment in content["segments"])
            return cls(content["generation"], content["modulus"], content["journal"], listed)
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise Damaged(f"manifest: {error!r}") from error

    @property
    def files(self) -> set[str]:
        """Every file that belongs to the store, but for the manifest and the lock."""
        removed = {segment.removed_file for segment in self.segments if segment.removed_file}
        return {self.journal, *(segment.file for segment in self.segments), *removed}


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


class _Memtable:
    """What the journal says: recordings with their keys, and every number that it speaks of."""

    def __init__(self) -> None:
        self.recordings: dict[int, Keys] = {}
        self.touched: set[int] = set()  # what segments say of these is out of date
        self._sampled: dict[int, set[int]] = {}  # key → recordings
        self._dense: dict[int, set[int]] = {}
        self._behind: dict[int, Keys | None] = {}  # what the two do not say yet: many changes may come between searches

    def apply(self, record: Record) -> None:
        self.touched.add(record.document)
        self._behind.setdefault(record.document, self.recordings.pop(record.document, None))
        if record.keys is not None:
            self.recordings[record.document] = record.keys

    def search(self, query: Query) -> list[Candidate]:
        self._catch_up()
        hits: Counter[int] = Counter()
        for lists, wanted in ((self._sampled, query.sampled), (self._dense, query.every)):
            if lists:
                for key in wanted.tolist():
                    hits.update(lists.get(key, ()))
        return [Candidate(document, count) for document, count in hits.items() if count >= query.least]

    def _catch_up(self) -> None:
        for document, old in self._behind.items():
            if old is not None:
                lists = self._lists(old)
                for key in old.values.tolist():
                    lists[key].remove(document)
            new = self.recordings.get(document)
            if new is not None:
                lists = self._lists(new)
                for key in new.values.tolist():
                    lists.setdefault(key, set()).add(document)
        self._behind.clear()

    def _lists(self, kept: Keys) -> dict[int, set[int]]:
        return self._dense if kept.dense else self._sampled


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """An open segment with what has been removed from it."""

    listed: _Listed
    segment: Segment
    removed: Int64s  # ascending

    def holds(self, document: int) -> bool:
        return document in self.segment and not _among(self.removed, document)


class LocalStore:
    """A store in a folder of a local file system, shared by any number of processes and threads.

    One writes at a time; readers never wait, and look before every search whether others have written. The folder
    holds a manifest, a journal of the latest changes and immutable segments; files that the manifest does not list
    do not count.
    """

    def __init__(self, path: Path, *, modulus: int = index.MODULUS, flush: int = FLUSH) -> None:
        """Open the store at ``path``, or begin it; ``modulus`` is for a new one, an old one keeps its own.

        Raises Damaged where the files are not what was written.
        """
        self._path = path
        self._flush_at = flush
        self._mutex = threading.RLock()
        path.mkdir(parents=True, exist_ok=True)
        if not self._manifest_path.exists():
            with self._lock():
                if not self._manifest_path.exists():
                    first = _Manifest(1, modulus, "000000000001.journal")
                    journal.create(path / first.journal)
                    index.write_durably(self._manifest_path, first.packed())
        self._parts: tuple[_Part, ...] = ()
        self._load()

    @property
    def modulus(self) -> int:
        """One key in so many is kept."""
        return self._manifest.modulus

    def __len__(self) -> int:
        return int(self.documents().size)

    def __contains__(self, document: int) -> bool:
        with self._mutex:
            self._refresh()
            return self._holds(document)

    def documents(self) -> Int64s:
        """The numbers of all recordings, ascending."""
        with self._mutex:
            self._refresh()
            touched = np.fromiter(self._memtable.touched, np.int64, len(self._memtable.touched))
            fresh = np.fromiter(self._memtable.recordings, np.int64, len(self._memtable.recordings))
            old = [np.setdiff1d(part.segment.documents, part.removed) for part in self._parts]
            kept = [np.setdiff1d(numbers, touched) for numbers in old]
            return np.sort(np.concatenate([fresh, *kept]))

    def add(self, document: int, fingerprint: bytes) -> None:
        self.extend([(document, fingerprint)])

    def extend(self, recordings: Iterable[tuple[int, bytes]]) -> int:
        """Learn many: durable batch by batch. Gives how many."""
        waiting, count = iter(recordings), 0
        while batch := list(islice(waiting, BATCH)):
            kept = [Record(document, index.keys(fingerprint, self.modulus)) for document, fingerprint in batch]
            with self._writing():
                self._record(kept)
            count += len(batch)
        return count

    def remove(self, document: int) -> None:
        with self._writing():
            if self._holds(document):
                self._record([Record(document, None)])

    def search(self, fingerprint: bytes) -> list[Candidate]:
        (found,) = self._search([index.query(fingerprint, self.modulus)])
        return found

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        return self._search([index.asked(mixed, self.modulus, at_least) for mixed in queries])

    def _search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        result = []
        with self._mutex:
            self._refresh()
            for query in queries:
                found = self._memtable.search(query)
                for part in self._parts:
                    found += [
                        candidate
                        for candidate in part.segment.search(query)
                        if candidate.document not in self._memtable.touched
                        and not _among(part.removed, candidate.document)
                    ]
                result.append(index.best(found))
        return result

    def compact(self) -> None:
        """Write everything anew in as few segments as may be, without what was removed."""
        with self._writing():
            self._flush()
            group: list[_Part] = []
            for part in sorted(self._parts, key=lambda part: part.listed.alive):
                if group and sum(member.listed.alive for member in group) + part.listed.alive > LARGEST:
                    self._merge(group)
                    group = []
                group.append(part)
            if len(group) > 1 or any(part.listed.removed for part in group):
                self._merge(group)

    def stats(self) -> Stats:
        """How much there is, and how it lies."""
        with self._mutex:
            recordings = len(self)
            segments = [part.segment for part in self._parts]
            waiting = sum(kept.values.size for kept in self._memtable.recordings.values())
            journal_bytes = (self._path / self._manifest.journal).stat().st_size
            stored = sum(segment.documents.size for segment in segments)
            return Stats(
                recordings=recordings,
                removed=stored + len(self._memtable.recordings) - recordings,
                segments=len(segments),
                postings=sum(s.sampled.entries.size + s.dense.entries.size for s in segments) + waiting,
                bytes=sum(segment.size for segment in segments) + journal_bytes,
                journal_bytes=journal_bytes,
                generation=self._manifest.generation,
                modulus=self._manifest.modulus,
                format=FORMAT,
            )

    def verify(self) -> list[str]:
        """Read everything; what is wrong, in words, and an empty list where nothing is."""
        with self._mutex:
            self._refresh()
            found = [fault for part in self._parts for fault in part.segment.faults()]
            for part in self._parts:
                if part.segment.modulus != self.modulus:
                    found.append(
                        f"{part.listed.file}: sampled one in {part.segment.modulus}, not one in {self.modulus}"
                    )
                if part.listed.documents != part.segment.documents.size or part.listed.removed != part.removed.size:
                    found.append(f"{part.listed.file}: not as many recordings as the manifest says")
            numbers, times = np.unique(self.documents(), return_counts=True)
            found += [f"recording {number}: in several segments" for number in numbers[times > 1].tolist()]
            unread = (self._path / self._manifest.journal).stat().st_size - self._journal.position
            if unread:
                found.append(f"{self._manifest.journal}: the last {unread} bytes are no whole record")
            return found

    # Reading

    @property
    def _manifest_path(self) -> Path:
        return self._path / "manifest.json"

    def _refresh(self) -> None:
        """See what other processes have written."""
        if self._manifest_path.stat().st_ino != self._inode:
            self._load()
            return
        try:
            news = self._journal.news()
        except FileNotFoundError:
            self._load()
            return
        for record in news:
            self._memtable.apply(record)

    def _load(self) -> None:
        """Read the manifest and open what it lists; a merge may take a file away meanwhile, and then lists others."""
        for _ in range(ATTEMPTS):
            with self._manifest_path.open("rb") as file:
                # The mapping keeps the inode from being given to a later manifest: by the inode we know this one again.
                self._pinned = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._inode = os.fstat(file.fileno()).st_ino
            manifest = _Manifest.parse(self._pinned[:])
            try:
                parts = self._opened(manifest.segments)
                fresh = Journal(self._path / manifest.journal)
                news = fresh.news()
            except FileNotFoundError as error:
                missing = error
                continue
            self._manifest, self._parts, self._journal, self._memtable = manifest, parts, fresh, _Memtable()
            for record in news:
                self._memtable.apply(record)
            return
        raise Damaged(f"{missing.filename}: listed in the manifest and not there")

    def _opened(self, segments: Sequence[_Listed]) -> tuple[_Part, ...]:
        """The listed segments, those that are open already taken over."""
        known = {part.listed.file: part for part in self._parts}
        parts = []
        for listed in segments:
            part = known.get(listed.file)
            if part is None or part.listed != listed:
                segment = part.segment if part else Segment(self._path / listed.file)
                part = _Part(listed, segment, self._read_removed(listed))
            parts.append(part)
        return tuple(parts)

    def _read_removed(self, listed: _Listed) -> Int64s:
        if listed.removed_file is None:
            return np.zeros(0, dtype=np.int64)
        raw = (self._path / listed.removed_file).read_bytes()
        if len(raw) != 4 + 8 * listed.removed or zlib.crc32(raw[4:]) != int.from_bytes(raw[:4], "little"):
            raise Damaged(f"{listed.removed_file}: not what was written")
        return np.frombuffer(raw, dtype="<i8", offset=4).astype(np.int64, copy=False)

    def _holds(self, document: int) -> bool:
        if document in self._memtable.touched:
            return document in self._memtable.recordings
        return any(part.holds(document) for part in self._parts)

    # Writing

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Alone among all processes; a crashed holder frees it."""
        with (self._path / "lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone among all writers, with everything seen that they wrote."""
        with self._mutex, self._lock():
            self._refresh()
            yield

    def _record(self, records: Sequence[Record]) -> None:
        """Into the journal, and from there into memory; into a segment when enough have come together."""
        self._journal.append(records)
        self._refresh()
        if len(self._memtable.touched) >= self._flush_at:
            self._flush()
            self._tidy()

    def _flush(self) -> None:
        """Turn the journal into a segment and begin a new one."""
        if not self._memtable.touched:
            return
        generation = self._manifest.generation + 1
        listed = [self._without(part, self._memtable.touched, generation) for part in self._parts]
        if self._memtable.recordings:
            file = f"{generation:012d}.segment"
            index.write_segment(self._path / file, list(self._memtable.recordings.items()), self.modulus)
            listed.append(_Listed(file, len(self._memtable.recordings)))
        name = f"{generation:012d}.journal"
        journal.create(self._path / name)
        self._commit(_Manifest(generation, self.modulus, name, tuple(listed)))

    def _without(self, part: _Part, touched: Iterable[int], generation: int) -> _Listed:
        """The segment as it is listed once these recordings are removed from it."""
        gone = [document for document in touched if part.holds(document)]
        if not gone:
            return part.listed
        removed = np.union1d(part.removed, np.array(gone, dtype=np.int64)).astype("<i8")
        file = f"{generation:012d}-{Path(part.listed.file).stem}.removed"
        raw = removed.tobytes()
        index.write_durably(self._path / file, zlib.crc32(raw).to_bytes(4, "little"), raw)
        return replace(part.listed, removed_file=file, removed=int(removed.size))

    def _tidy(self) -> None:
        """Merge segments of about the same size while there are too many of them, and rewrite half-empty ones."""
        while group := self._next_merge():
            self._merge(group)

    def _next_merge(self) -> list[_Part]:
        tiers: dict[int, list[_Part]] = {}
        for part in self._parts:
            if part.listed.removed * 2 > part.listed.documents:
                return [part]
            tier, size = 0, part.listed.alive
            while size > self._flush_at:
                tier, size = tier + 1, size // FANOUT
            tiers.setdefault(tier, []).append(part)
        for _, group in sorted(tiers.items()):
            if len(group) >= FANOUT and sum(part.listed.alive for part in group) <= LARGEST:
                return group
        return []

    def _merge(self, group: Sequence[_Part]) -> None:
        """One segment in place of several."""
        generation = self._manifest.generation + 1
        others = [part.listed for part in self._parts if part not in group]
        if any(part.listed.alive for part in group):
            file = f"{generation:012d}.segment"
            sources = [(part.segment, part.removed) for part in group]
            others.append(_Listed(file, index.merge_segments(self._path / file, sources, self.modulus)))
        self._commit(replace(self._manifest, generation=generation, segments=tuple(others)))

    def _commit(self, manifest: _Manifest) -> None:
        """Make the files of the new manifest the store, then clear away what no longer belongs to it."""
        index.write_durably(self._manifest_path, manifest.packed())
        self._load()
        for file in self._path.iterdir():
            if file.suffix in {".segment", ".removed", ".journal", ".tmp"} and file.name not in manifest.files:
                file.unlink()


def _among(ordered: Int64s, document: int) -> bool:
    place = int(np.searchsorted(ordered, document))
    return place < ordered.size and int(ordered[place]) == document
