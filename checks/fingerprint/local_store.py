"""The store of fingerprint keys in a folder that every process of a host shares."""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from checks.fingerprint import index, index_segment, journal
from checks.fingerprint.bit_operations import Int64s, UInt32s
from checks.fingerprint.index import Candidate, Damaged, Keys, Query
from checks.fingerprint.index_segment import Segment
from checks.fingerprint.journal import Journal, Mark, Memtable, Record, Shrunk
from checks.fingerprint.store import Applied, Behind, Change, Contents, Fetch, Stats, StoreAt, digest_documents
from checks.fingerprint.store_state import FORMAT, Listed, Manifest

#: Recordings in the journal after which they become a segment: replaying so many takes some milliseconds.
FLUSH = 256

#: Recordings that are learned under one fsync when many come at once.
BATCH = 65_536

#: A batch of so many becomes a segment of its own, without the way through the journal.
BULK = 2048

#: So many segments of about the same size become one.
FANOUT = 8

#: Recordings that the learning process merges at once, in a second or two; more wait for ``tidy``.
INLINE = 100_000

#: What is in every store's folder, beside the files that the manifest lists.
_STANDING = {"manifest.json", "lock", "merge-lock"}

#: How often a reader tries again when a merge took a file away between reading the manifest and opening it.
ATTEMPTS = 20


class Gone(Damaged):
    """The folder of an open store was removed, or another was put in its place: open the store anew."""


class _Stamp(NamedTuple):
    """By which a file is known again: a folder that was restored has other files under the same names."""

    inode: int
    changed: int  # nanoseconds

    @classmethod
    def of(cls, path: Path) -> _Stamp:
        status = path.stat()
        return cls(status.st_ino, status.st_mtime_ns)


@dataclass(frozen=True, eq=False)
class _Part:
    """An open segment with what has been removed from it."""

    listed: Listed
    segment: Segment
    removed: Int64s  # ascending
    stamps: tuple[_Stamp, ...]  # of its files, when they were read

    @cached_property
    def digest(self) -> int:
        return digest_documents(self.segment.documents) ^ digest_documents(self.removed)

    def hold(self, documents: Int64s) -> Int64s:
        """Those of the documents that are here and not removed."""
        some = documents[self.segment.hold(documents)]
        return some[~index.mark_listed_documents(self.removed, some)]


class LocalStore:
    """A store in a folder of a local file system, shared by any number of processes and threads.

    One writes at a time; readers never wait, and look before every search whether others have written. The folder
    holds a manifest, a journal of the latest changes and immutable segments; files that the manifest does not list
    do not count. Merging needs no one's turn: a merge takes a turn only to put its result into the manifest.
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
            with self._lock("lock"):
                if not self._manifest_path.exists():
                    first = Manifest(1, modulus, "000000000001.journal")
                    journal.create_journal(path / first.journal)
                    index_segment.write_bytes(self._manifest_path, first.packed())
        self._parts: tuple[_Part, ...] = ()
        self._load()
        self._clear()

    @property
    def modulus(self) -> int:
        """One key in so many is kept."""
        return self._manifest.modulus

    def __len__(self) -> int:
        with self._mutex:
            self._refresh()
            fresh, touched = self._memtable.shelf()
            return fresh.documents.size + sum(part.listed.alive - part.hold(touched).size for part in self._parts)

    def __contains__(self, document: int) -> bool:
        with self._mutex:
            self._refresh()
            return self._holds(document)

    def documents(self) -> Int64s:
        """The numbers of all recordings, ascending."""
        with self._mutex:
            self._refresh()
            fresh, touched = self._memtable.shelf()
            parts = self._parts
        old = [part.segment.documents for part in parts]
        kept = [
            numbers[
                ~(index.mark_listed_documents(touched, numbers) | index.mark_listed_documents(part.removed, numbers))
            ]
            for numbers, part in zip(old, parts, strict=True)
        ]
        return np.sort(np.concatenate([fresh.documents, *kept]))

    def add(self, document: int, fingerprint: bytes) -> None:
        self.extend([(document, fingerprint)])

    def extend(self, recordings: Iterable[tuple[int, bytes]]) -> int:
        """Learn many: durable batch by batch. Gives how many."""
        waiting, count = iter(recordings), 0
        while batch := self._records(islice(waiting, BATCH)):
            with self._writing():
                full = self._record(batch)
            if full:
                self.tidy(INLINE)
            count += len(batch)
        return count

    def _records(self, recordings: Iterable[tuple[int, bytes]]) -> list[Record]:
        modulus = self.modulus
        return [Record(document, index.build_index_keys(fingerprint, modulus)) for document, fingerprint in recordings]

    def remove(self, document: int) -> None:
        with self._writing():
            full = self._holds(document) and self._record([Record(document, None)])
        if full:
            self.tidy(INLINE)

    def search(self, fingerprint: bytes) -> list[Candidate]:
        (found,) = self.ask([index.build_index_query(fingerprint, self.modulus)])
        return found

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        return self.ask([Query(mixed, at_least) for mixed in queries])

    def at(self, position: int) -> StoreAt:
        return StoreAt(self, position)

    def ask(self, queries: Sequence[Query], position: int = 0) -> list[list[Candidate]]:
        """Answer from what is there at this moment. Raises Behind where that is not as far as ``position``."""
        with self._mutex:
            self._refresh()
            mark = self._memtable.mark
            if position and (mark is None or mark.position < position):
                raise Behind(f"the index is at {mark.position if mark else 'no position'}, not at {position}")
            fresh, touched = self._memtable.shelf()
            parts, modulus = self._parts, self.modulus
        shelves = [fresh, *(part.segment.shelf(part.removed, touched) for part in parts)]
        return index.answer_index_queries(shelves, queries, modulus)

    def applied(self) -> Applied:
        with self._mutex:
            self._refresh()
            return Applied(self._memtable.mark, self._contents())

    def contents(self) -> Contents:
        with self._mutex:
            self._refresh()
            return self._contents()

    def _contents(self) -> Contents:
        """In constant time once the segments' own digests are known: the journal is short."""
        fresh, touched = self._memtable.shelf()
        count, joined = fresh.documents.size, digest_documents(fresh.documents)
        for part in self._parts:
            gone = part.hold(touched)
            count += part.listed.alive - gone.size
            joined ^= part.digest ^ digest_documents(gone)
        return Contents(count, joined)

    def apply(self, changes: Sequence[Change], mark: Mark, after: Mark | None) -> bool:
        modulus = self.modulus
        last = dict(changes)  # of several changes of one recording, the last
        records = [
            Record(one, None if prints is None else index.build_index_keys(prints, modulus))
            for one, prints in last.items()
        ]
        with self._writing():
            if self._memtable.mark != after:
                return False
            records = [record for record in records if record.keys is not None or self._holds(record.document)]
            full = self._record(records, mark)
        if full:
            self.tidy(INLINE)
        return True

    def clear(self, after: Mark | None) -> bool:
        """Begin anew with nothing and the log's first position, unless the mark is another than ``after``."""
        with self._lock("merge-lock"), self._writing():
            if self._memtable.mark != after:
                return False
            generation = self._manifest.generation + 1
            name = f"{generation:012d}.journal"
            journal.create_journal(self._path / name)
            self._commit(Manifest(generation, self.modulus, name, (), Mark()))
            return True

    def tidy(self, most: int | None = None) -> int:
        """Merge segments while there are too many of them, and rewrite half-empty ones; of at most so many recordings.

        Returns how many merges that took: none where another process merges. Others read and write meanwhile.
        """
        count = 0
        with self._lock("merge-lock", wait=False) as alone:
            while alone and (group := self._next_merge(most)):
                self._merge(group)
                count += 1
        return count

    def compact(self) -> None:
        """Write everything anew in as few segments as may be, without what was removed."""
        with self._lock("merge-lock"):
            with self._writing():
                self._flush()
            group: list[_Part] = []
            for part in sorted(self._parts, key=lambda part: part.segment.postings):
                if group and sum(item.segment.postings for item in [*group, part]) > index_segment.MOST_POSTINGS:
                    self._merge(group)
                    group = []
                group.append(part)
            if len(group) > 1 or any(part.listed.removed for part in group):
                self._merge(group)

    def rebuild(
        self,
        everything: Iterable[tuple[int, bytes]],
        fetch: Fetch,
        modulus: int = index.MODULUS,
    ) -> int:
        """See SharedStore; under another modulus than before, where one is given."""
        with self._lock("merge-lock"):
            self._clear_merging()
            before, built = self.documents(), np.zeros(0, dtype=np.int64)
            files: list[tuple[Path, int]] = []
            waiting = iter(everything)
            while batch := {
                number: index.build_index_keys(prints, modulus) for number, prints in islice(waiting, BATCH)
            }:
                path = self._path / f"{len(files):06d}.merging"
                index_segment.write_segment(path, list(batch.items()), modulus)
                files.append((path, len(batch)))
                built = np.union1d(built, np.fromiter(batch, np.int64, len(batch)))
            with self._writing():
                now = self.documents()
                late = {
                    number: index.build_index_keys(prints, modulus)
                    for number, prints in fetch(np.setdiff1d(now, built).tolist())
                }
                gone = np.setdiff1d(built, now)  # of which those that the index had lost are to stay
                some = np.setdiff1d(gone, before)
                for first in range(0, some.size, BATCH):
                    asked = some[first : first + BATCH]
                    gone = np.setdiff1d(gone, [number for number, _ in fetch(asked.tolist())])
                self._replace(files, gone, late, modulus)
            return len(self)

    def _replace(self, files: Sequence[tuple[Path, int]], gone: Int64s, late: dict[int, Keys], modulus: int) -> None:
        """Make these files the store, but for what is gone, and those that came late."""
        generation = self._manifest.generation + 1
        listed = []
        for number, (path, documents) in enumerate(files):
            file = f"{generation:012d}-{number}.segment"
            path.rename(self._path / file)
            part = _Part(Listed(file, documents), Segment(self._path / file), np.zeros(0, dtype=np.int64), ())
            listed.append(self._without(part, gone, generation))
        if late:
            listed.append(self._written(list(late.items()), generation, modulus))
        index_segment.sync_directory(self._path)
        name = f"{generation:012d}.journal"
        journal.create_journal(self._path / name)
        self._commit(Manifest(generation, modulus, name, tuple(listed), self._memtable.mark))

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
                postings=sum(segment.postings for segment in segments) + waiting,
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
        """See what other processes have written. Raises Gone where the folder was removed."""
        try:
            written = _Stamp.of(self._manifest_path)
        except FileNotFoundError as error:
            raise Gone("manifest.json: the folder of the index was removed while it was open") from error
        if written != self._stamp:
            self._load()
            return
        try:
            news = self._journal.news()
        except (FileNotFoundError, Shrunk):
            self._load()
            return
        for record in news:
            self._memtable.apply(record)

    def _load(self) -> None:
        """Read the manifest and open what it lists; a merge may take a file away meanwhile, and then lists others."""
        for _ in range(ATTEMPTS):
            try:
                file = self._manifest_path.open("rb")
            except FileNotFoundError as error:
                raise Gone("manifest.json: the folder of the index was removed while it was open") from error
            with file:
                # The mapping keeps the inode from being given to a later manifest: by the inode we know this one again.
                pinned, status = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), os.fstat(file.fileno())
            manifest = Manifest.parse(pinned[:])
            try:
                parts = self._opened(manifest.segments)
                fresh = Journal(self._path / manifest.journal)
                news = fresh.news()
            except FileNotFoundError as error:
                missing = error
                continue
            self._manifest, self._parts, self._journal = manifest, parts, fresh
            self._memtable = Memtable(manifest.mark)
            self._pinned, self._stamp = pinned, _Stamp(status.st_ino, status.st_mtime_ns)
            for record in news:
                self._memtable.apply(record)
            return
        raise Damaged(f"{missing.filename}: listed in the manifest and not there")

    def _opened(self, segments: Sequence[Listed]) -> tuple[_Part, ...]:
        """The listed segments, those that are open already taken over."""
        known = {part.listed.file: part for part in self._parts}
        parts = []
        for listed in segments:
            part, stamps = known.get(listed.file), self._stamps(listed)
            if part is None or part.stamps != stamps:
                same = part is not None and part.stamps[:1] == stamps[:1]
                segment = part.segment if part is not None and same else Segment(self._path / listed.file)
                part = _Part(listed, segment, self._read_removed(listed), stamps)
            parts.append(part)
        return tuple(parts)

    def _stamps(self, listed: Listed) -> tuple[_Stamp, ...]:
        """Of the segment's file, and of that of what was removed from it."""
        return tuple(_Stamp.of(self._path / file) for file in (listed.file, listed.removed_file) if file)

    def _read_removed(self, listed: Listed) -> Int64s:
        if listed.removed_file is None:
            return np.zeros(0, dtype=np.int64)
        raw = (self._path / listed.removed_file).read_bytes()
        if len(raw) != 4 + 8 * listed.removed or zlib.crc32(raw[4:]) != int.from_bytes(raw[:4], "little"):
            raise Damaged(f"{listed.removed_file}: not what was written")
        return np.frombuffer(raw, dtype="<i8", offset=4).astype(np.int64, copy=False)

    def _holds(self, document: int) -> bool:
        if document in self._memtable.touched:
            return document in self._memtable.recordings
        number = np.array([document], dtype=np.int64)
        return any(part.hold(number).size for part in self._parts)

    # Writing

    @contextmanager
    def _lock(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Alone among all processes; a crashed holder frees it. Without waiting, it may not be had."""
        try:
            file = (self._path / name).open("wb")
        except FileNotFoundError as error:
            raise Gone(f"{name}: the folder of the index was removed while it was open") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone among all writers, with everything seen that they wrote."""
        with self._mutex, self._lock("lock"):
            self._refresh()
            yield

    def _record(self, records: Sequence[Record], mark: Mark | None = None) -> bool:
        """Into the journal, and from there into memory; into a segment when enough have come together, as it says."""
        if len(records) >= BULK or (mark and self._journal.format < journal.FORMAT):
            self._flush(records, mark)
            return True
        self._journal.append([*records, mark] if mark else records)
        self._refresh()
        full = len(self._memtable.touched) >= self._flush_at
        if full:
            self._flush()
        return full

    def _flush(self, more: Sequence[Record] = (), mark: Mark | None = None) -> None:
        """Turn the journal, and what comes beside it, into a segment and begin a new one."""
        recordings, touched = dict(self._memtable.recordings), set(self._memtable.touched)
        recordings |= {record.document: record.keys for record in more if record.keys is not None}
        dropped = {record.document for record in more if record.keys is None}
        recordings = {number: keys for number, keys in recordings.items() if number not in dropped}
        touched |= {record.document for record in more}
        if not (touched or mark):
            return
        generation = self._manifest.generation + 1
        numbers = np.sort(np.fromiter(touched, np.int64, len(touched)))
        listed = [self._without(part, numbers, generation) for part in self._parts]
        if recordings:
            listed.append(self._written(list(recordings.items()), generation, self.modulus))
        name = f"{generation:012d}.journal"
        journal.create_journal(self._path / name)
        self._commit(Manifest(generation, self.modulus, name, tuple(listed), mark or self._memtable.mark))

    def _written(self, recordings: Sequence[tuple[int, Keys]], generation: int, modulus: int) -> Listed:
        file = f"{generation:012d}.segment"
        index_segment.write_segment(self._path / file, recordings, modulus)
        return Listed(file, len(recordings))

    def _without(self, part: _Part, touched: Int64s, generation: int) -> Listed:
        """The segment as it is listed once these recordings are removed from it."""
        gone = part.hold(touched)
        return self._listed(part.listed, np.union1d(part.removed, gone), generation) if gone.size else part.listed

    def _listed(self, listed: Listed, removed: Int64s, generation: int) -> Listed:
        file = f"{generation:012d}-{Path(listed.file).stem}.removed"
        raw = removed.astype("<i8").tobytes()
        index_segment.write_bytes(self._path / file, zlib.crc32(raw).to_bytes(4, "little"), raw)
        return replace(listed, removed_file=file, removed=int(removed.size))

    def _next_merge(self, most: int | None) -> list[_Part]:
        """Segments to be merged: many of one size where only so many recordings may be, else all that together are as
        large as the next larger one. The former costs little, the latter leaves few segments."""
        with self._mutex:
            self._refresh()
            parts = [part for part in self._parts if most is None or part.listed.alive <= most]
        if worn := [part for part in parts if part.listed.removed * 2 > part.listed.documents]:
            return worn[:1]
        if most is not None:
            return self._alike(parts, most)
        parts.sort(key=lambda part: part.listed.alive, reverse=True)
        for place, part in enumerate(parts[:-1]):
            rest = parts[place + 1 :]
            fits = sum(item.segment.postings for item in parts[place:]) <= index_segment.MOST_POSTINGS
            if fits and part.listed.alive <= sum(entry.listed.alive for entry in rest):
                return parts[place:]
        return []

    def _alike(self, parts: Sequence[_Part], most: int) -> list[_Part]:
        tiers: dict[int, list[_Part]] = {}
        for part in parts:
            tier, size = 0, part.listed.alive
            while size > self._flush_at:
                tier, size = tier + 1, size // FANOUT
            tiers.setdefault(tier, []).append(part)
        for _, group in sorted(tiers.items()):
            if len(group) >= FANOUT and sum(part.listed.alive for part in group) <= most:
                return group
        return []

    def _merge(self, group: Sequence[_Part]) -> None:
        """One segment in place of several; the caller holds the lock for merging."""
        self._clear_merging()
        path, kept = self._path / "0.merging", 0
        if any(part.listed.alive for part in group):
            kept = index_segment.merge_segments(path, [(part.segment, part.removed) for part in group], self.modulus)
        with self._writing():
            files = {part.listed.file for part in group}
            now = [part for part in self._parts if part.listed.file in files]
            generation = self._manifest.generation + 1
            others = [part.listed for part in self._parts if part.listed.file not in files]
            if kept:
                file = f"{generation:012d}.segment"
                path.rename(self._path / file)
                index_segment.sync_directory(self._path)
                # What others removed since: it is in the merged file and must not come back.
                earlier = np.concatenate([part.removed for part in group])
                since = np.setdiff1d(np.concatenate([part.removed for part in now]), earlier)
                listed = Listed(file, kept)
                others.append(self._listed(listed, since, generation) if since.size else listed)
            self._commit(replace(self._manifest, generation=generation, segments=tuple(others)))

    def _commit(self, manifest: Manifest) -> None:
        """Make the files of the new manifest the store, then clear away what no longer belongs to it."""
        index_segment.write_bytes(self._manifest_path, manifest.packed())
        self._load()
        self._clear_unlisted()

    def _clear(self) -> None:
        """Clear away what a killed process left behind, where no process writes or merges at the moment."""
        with self._mutex:
            if {file.name for file in self._path.iterdir()} <= {*self._manifest.files, *_STANDING}:
                return
            with self._lock("lock", wait=False) as alone:
                if alone:
                    self._refresh()
                    self._clear_unlisted()
            with self._lock("merge-lock", wait=False) as alone:
                if alone:
                    self._clear_merging()

    def _clear_unlisted(self) -> None:
        for file in self._path.iterdir():
            mine = file.suffix in {".segment", ".removed", ".journal", ".tmp"} and ".merging" not in file.name
            if mine and file.name not in self._manifest.files:
                file.unlink()

    def _clear_merging(self) -> None:
        for file in self._path.glob("*.merging*"):
            file.unlink()
