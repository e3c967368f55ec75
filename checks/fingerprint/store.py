"""The stores of fingerprint keys: what every one of them can do, and the one in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from checks.fingerprint import index
from checks.fingerprint.bit_operations import Int64s, UInt32s, UInt64s
from checks.fingerprint.index import Candidate, Keys, Query
from checks.fingerprint.journal import Mark

#: Mixes numbers before they are joined by exclusive or: the finaliser of MurmurHash3, with the constant with which
#: ClickHouse's ``intHash64`` begins, so that both kinds of store have the same digest of the same set.
_FIRST, _SECOND, _THIRD = 0x4CF2D2BAAE6DA887, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53

#: A digest has 63 bits: every database has a signed number of 64.
DIGEST_BITS = (1 << 63) - 1

#: Gives the fingerprints of some recordings by number.
Fetch = Callable[[Sequence[int]], Iterable[tuple[int, bytes]]]

#: A recording by number, with its fingerprint where it is learned and None where it is forgotten.
Change = tuple[int, bytes | None]


class Behind(Exception):
    """The index has not applied as much of the catalogue's log as a question needs. Nothing is said about the sound:
    the question waits, or another host answers it."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A set of recordings: how many, and a digest of their numbers that does not depend on the order."""

    count: int = 0
    digest: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What a store holds at one moment: ``mark`` is None where it never applied a log, ``contents`` where finding out
    takes longer than a question may."""

    mark: Mark | None
    contents: Contents | None


def digest_documents(documents: Int64s) -> int:
    """The digest of a set of numbers; the digest of a union of disjoint sets is the exclusive or of theirs."""
    return int(np.bitwise_xor.reduce(mix_document_numbers(documents), initial=np.uint64(0))) & DIGEST_BITS


def mix_document_numbers(documents: Int64s) -> UInt64s:
    """What each number adds to the digest of a set, 64 bits each."""
    x = documents.astype(np.uint64) ^ np.uint64(_FIRST)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(_SECOND)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(_THIRD)
    return x ^ (x >> np.uint64(33))


class Searched(Protocol):
    """What finds recordings by number."""

    @property
    def modulus(self) -> int:
        """One key in so many is kept."""

    def search(self, fingerprint: bytes) -> list[Candidate]:
        """The recordings that share enough keys to be worth a comparison, best first."""

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        """For each set of mixed keys (distinct, ascending) the recordings with at least so many of them, best first.

        Of long recordings only the keys divisible by ``modulus`` are kept, so only those need be asked for.
        """


class Store(Searched, Protocol):
    """An index of recordings by number.

    Adding a number again replaces what it had; removing one that is not there changes nothing.
    """

    def add(self, document: int, fingerprint: bytes) -> None:
        """Learn a recording. When this returns, it is durable and every query finds it."""

    def remove(self, document: int) -> None:
        """Forget a recording, as durably."""


class SharedStore(Store, Protocol):
    """A store that many processes keep together, and that lasts."""

    def __len__(self) -> int: ...

    def __contains__(self, document: int) -> bool: ...

    def applied(self) -> Applied:
        """How far the store has applied the log, and what it holds, at the same moment."""

    def apply(self, changes: Sequence[Change], mark: Mark, after: Mark | None) -> bool:
        """Make changes of the log, in their order, and set the mark, all or nothing; ``after`` is where they follow on.

        Returns False, and changes nothing, where the mark is not ``after``: another process was first.
        """

    def at(self, position: int) -> Searched:
        """The same store; its searches raise Behind unless at least this position of the log was applied."""

    def contents(self) -> Contents:
        """What the store holds, however long that takes."""

    def documents(self) -> Int64s:
        """The numbers of all recordings, ascending."""

    def extend(self, recordings: Iterable[tuple[int, bytes]]) -> int:
        """Learn many: durable batch by batch. Gives how many."""

    def tidy(self) -> int:
        """Do the housekeeping that has come together; gives how much there was."""

    def compact(self) -> None:
        """Write everything anew in as few pieces as may be, without what was removed."""

    def stats(self) -> Stats:
        """How much there is, and how it lies."""

    def verify(self) -> list[str]:
        """Read everything; what is wrong, in words, and an empty list where nothing is."""

    def rebuild(self, everything: Iterable[tuple[int, bytes]], fetch: Fetch) -> int:
        """Put these recordings in the place of all others; gives how many.

        Others read and write meanwhile. What they add, and what may have been removed, is asked for again at the end:
        ``fetch`` gives those of the numbers that are still known.
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
        self._recordings[document] = index.build_index_keys(fingerprint, self._modulus)

    def remove(self, document: int) -> None:
        self._recordings.pop(document, None)

    @property
    def modulus(self) -> int:
        return self._modulus

    def search(self, fingerprint: bytes) -> list[Candidate]:
        return self._search(index.build_index_query(fingerprint, self._modulus))

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        return [self._search(Query(mixed, at_least)) for mixed in queries]

    def _search(self, query: Query) -> list[Candidate]:
        if not self._recordings or not query.keys.size:
            return []
        held = np.stack([np.isin(query.keys, kept.values) for kept in self._recordings.values()])
        held[:, index.find_skipped_keys(held.sum(axis=0), index.compute_query_budget(query.keys, self._modulus))] = (
            False
        )
        hits = zip(self._recordings, held.sum(axis=1).tolist(), strict=True)
        return index.rank_best_candidates(
            Candidate(document, count) for document, count in hits if count >= query.least
        )


class Answering(Protocol):
    """A store that can say how far it has come together with an answer."""

    @property
    def modulus(self) -> int: ...

    def ask(self, queries: Sequence[Query], position: int) -> list[list[Candidate]]:
        """Answer from what is there at this moment. Raises Behind where that is not as far as ``position``."""


@dataclass(frozen=True, slots=True)
class StoreAt:
    """A shared store that answers only where it has applied the log up to ``position``. Nothing is written to it."""

    store: Answering
    position: int

    @property
    def modulus(self) -> int:
        return self.store.modulus

    def search(self, fingerprint: bytes) -> list[Candidate]:
        (found,) = self.store.ask([index.build_index_query(fingerprint, self.modulus)], self.position)
        return found

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        return self.store.ask([Query(mixed, at_least) for mixed in queries], self.position)


@dataclass(frozen=True, slots=True)
class Stats:
    """The state of a store."""

    recordings: int
    removed: int  # removed recordings with keys in segments
    segments: int
    postings: int
    bytes: int  # on disk, journal included
    journal_bytes: int
    generation: int
    modulus: int
    format: int
