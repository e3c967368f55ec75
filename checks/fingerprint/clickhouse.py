"""A store in ClickHouse, for catalogues beyond one machine: shards, replicas, and the complete fingerprints beside.

``recordings`` says of every recording what holds, with its fingerprint: from it segments can be made anew anywhere.
``postings`` are its keys, ordered so that one key's recordings lie together. Learning a recording again, or anew after
it was removed, begins another generation of it: its earlier postings no longer count, and are deleted in time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from checks.fingerprint import index
from checks.fingerprint.bit_operations import Int64s, UInt32s
from checks.fingerprint.index import Candidate, Keys, Query
from checks.fingerprint.journal import Mark
from checks.fingerprint.store import DIGEST_BITS, Applied, Behind, Change, Contents, Fetch, Stats, StoreAt

#: The tables are those of this version.
FORMAT = 1

#: Recordings that are inserted together: some 360,000 postings at one key in eight.
BATCH = 2000

#: Keys that are asked for in one statement; more are asked in several.
ASKED = 200_000

#: What a recording's row says: its postings may be on their way (nothing holds yet), are there, or no longer count.
COMING, PRESENT, REMOVED = 0, 1, 2

#: Versions of recordings' rows that were written by applying the log: beyond those that are times (nanoseconds until
#: 2116), first by the history that the log belongs to, then by the position. So of two hosts that apply the same
#: stretch at the same time, or one of them late, the later change holds in whatever order their rows arrive.
LOGGED, HISTORY_BITS = 1 << 62, 44

#: A statement may be this long: the keys stand in it as one text.
_SETTINGS = {"max_query_size": 64 << 20}

#: Statements name tables with @ before them, which stands for the database. Of each recording, what holds: its latest
#: row that is not merely on its way.
_CURRENT = """
    SELECT document, argMax(row.generation, row.version) AS generation, argMax(row.state, row.version) AS state,
        argMax(row.keys, row.version) AS keys
    FROM @recordings AS row WHERE row.state != 0 AND which GROUP BY document"""

#: Every recording, and those with certain numbers.
_EVERY = _CURRENT.replace("which", "1")
_SOME = _CURRENT.replace("which", "document IN {documents:Array(Int64)}")

_SEARCH = """
WITH
    asked AS (SELECT pair.1 AS query, pair.2 AS key FROM (SELECT arrayJoin(arrayZip(
        arrayMap(x -> toUInt32(x), splitByChar(',', {queries:String})),
        arrayMap(x -> toUInt32(x), splitByChar(',', {keys:String})))) AS pair)),
    least AS (SELECT pair.1 AS query, pair.2 AS hits, pair.3 AS work FROM (SELECT arrayJoin(arrayZip(
        arrayMap(x -> toUInt32(x), splitByChar(',', {numbers:String})),
        arrayMap(x -> toUInt32(x), splitByChar(',', {hits:String})),
        arrayMap(x -> toUInt64(x), splitByChar(',', {work:String})))) AS pair)),
    held AS (SELECT key, document, generation FROM @postings WHERE key IN (SELECT key FROM asked)),
    chosen,
    shared AS (
        SELECT query, document, generation, uniqExact(key) AS hits FROM chosen INNER JOIN held USING (key)
        GROUP BY query, document, generation),
    enough AS (
        SELECT query, document, generation, shared.hits AS hits FROM shared INNER JOIN least USING (query)
        WHERE shared.hits >= least.hits),
    holding AS (current)
SELECT query, document, enough.hits AS hits FROM enough
INNER JOIN holding ON enough.document = holding.document AND enough.generation = holding.generation
WHERE holding.state = 1
ORDER BY query, hits DESC, document LIMIT 50 BY query""".replace(
    "current", _CURRENT.replace("which", "document IN (SELECT document FROM enough)")
).replace("LIMIT 50", f"LIMIT {index.MOST_CANDIDATES}")

#: All keys, where no query can come to more postings than it may look at …
_ALL = _SEARCH.replace("chosen,", "chosen AS (SELECT query, key FROM asked),")

#: … and else the rarest.
_RAREST = _SEARCH.replace(
    "chosen,",
    """counts AS (SELECT key, count() AS recordings FROM held GROUP BY key),
    ahead AS (
        SELECT query, key, sum(recordings) OVER (
            PARTITION BY query ORDER BY recordings, key ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS postings
        FROM asked INNER JOIN counts USING (key)),
    chosen AS (SELECT query, key FROM ahead INNER JOIN least USING (query) WHERE postings <= work),""",
)

#: Generations that have postings and count no more, nor are on their way at this moment.
_SUPERSEDED = """
    SELECT document, generation FROM @postings
    WHERE document IN (SELECT document FROM @recordings WHERE state = 2 OR generation > 1)
    AND (document, generation) NOT IN (SELECT document, generation FROM (every) WHERE state = 1)
    AND (document, generation) NOT IN (
        SELECT document, max(row.generation) FROM @recordings AS row
        GROUP BY document HAVING argMax(row.state, row.version) = 0)""".replace("every", _EVERY)

#: Recordings without some of their postings.
_INCOMPLETE = """
    SELECT wanted.document, wanted.keys, found.keys FROM (every) AS wanted
    LEFT JOIN (
        SELECT document, generation, uniqExact(key) AS keys FROM @postings GROUP BY document, generation) AS found
    ON wanted.document = found.document AND wanted.generation = found.generation
    WHERE wanted.state = 1 AND wanted.keys != found.keys ORDER BY wanted.document LIMIT 100""".replace("every", _EVERY)

_GONE = "SELECT uniqExact(document, generation) FROM (superseded)".replace("superseded", _SUPERSEDED)
_COUNT = "SELECT count() FROM (every) WHERE state = 1".replace("every", _EVERY)
_DOCUMENTS = "SELECT document FROM (every) WHERE state = 1 ORDER BY document".replace("every", _EVERY)
_FINGERPRINTS = """
    SELECT document, argMax(row.fingerprint, row.version) FROM @recordings AS row
    WHERE row.state != 0 AND document IN {documents:Array(Int64)} GROUP BY document
    HAVING argMax(row.state, row.version) = 1 ORDER BY document"""
_LAST = """
    SELECT document, max(generation), max(version) FROM @recordings WHERE document IN {documents:Array(Int64)}
    GROUP BY document"""
_CONTENTS = "SELECT count(), groupBitXor(intHash64(document)) FROM (every) WHERE state = 1".replace("every", _EVERY)
_MARK = "SELECT history, position, token FROM @mark ORDER BY history DESC, position DESC LIMIT 1"
_PARTS = """
    SELECT table, sum(rows), sum(bytes_on_disk), count() FROM system.parts
    WHERE database = {database:String} AND active GROUP BY table"""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a ClickHouse is, from ``clickhouse://user:password@host:8123/database?cluster=name&tls=1``, or an embedded
    one in a folder, from ``chdb:///folder?database=name``."""

    dsn: str
    database: str = "gate"
    cluster: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises ValueError where the address is of another kind."""
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        cluster, tls = options.get("cluster", ""), options.get("tls") == "1"
        if parts.scheme == "chdb":
            return cls(f"chdb://{parts.path}", options.get("database", "gate"))
        if parts.scheme != "clickhouse" or not parts.hostname:
            raise ValueError(f"{url.partition('://')[0]}: an index is at clickhouse://user:password@host:port/database")
        database = unquote(parts.path.strip("/")) or "gate"
        for name in (database, cluster):
            if name and not name.isidentifier():
                raise ValueError(f"{name!r}: a database or a cluster is named with letters, digits and underscores")
        return cls(f"clickhouse{'s' if tls else ''}://{parts.netloc}", database, cluster)


class ClickHouseStore:
    """A store that any number of machines share. See ``checks.fingerprint.store.Store``."""

    def __init__(self, url: str, *, modulus: int = index.MODULUS) -> None:
        """Connect, and make what is missing; ``modulus`` is for a new store, an old one keeps its own."""
        self._address = Address.parse(url)
        try:
            import clickhouse_connect  # an extra: only who has a cluster needs it
        except ImportError as error:
            wanted = "pip install 'release-intake-gate[clickhouse]'"
            raise ImportError(f"an index in ClickHouse needs its client: {wanted}") from error
        self._database = self._address.database
        self._client: Any = clickhouse_connect.get_client(dsn=self._address.dsn, settings=_SETTINGS)
        self._mutex = threading.Lock()  # a client carries one statement at a time
        self._version = 0
        for statement in build_clickhouse_schema(self._address):
            self._command(statement)
        if not self._rows("SELECT modulus FROM @store FINAL"):
            self._insert("store", {"name": ["modulus"], "modulus": [modulus]})
        ((self._modulus,),) = self._rows("SELECT modulus FROM @store FINAL")

    @property
    def modulus(self) -> int:
        return int(self._modulus)

    def close(self) -> None:
        self._client.close()

    # Learning

    def add(self, document: int, fingerprint: bytes) -> None:
        self.extend([(document, fingerprint)])

    def extend(self, recordings: Iterable[tuple[int, bytes]]) -> int:
        """Learn many, batch by batch; gives how many. A batch that fails half way leaves what held before."""
        waiting, count = iter(recordings), 0
        while batch := dict(islice(waiting, BATCH)):
            kept = {
                document: index.build_index_keys(fingerprint, self.modulus) for document, fingerprint in batch.items()
            }
            self._learn(batch, kept)
            count += len(batch)
        return count

    def _learn(self, batch: dict[int, bytes], kept: dict[int, Keys]) -> None:
        documents = list(batch)
        rows = self._rows(_LAST, documents=documents)
        last = {document: generation for document, generation, _ in rows}
        generations = [int(last.get(document, 0)) + 1 for document in documents]
        self._insert_recordings(batch, kept, generations, self._next_version(rows))

    def _insert_recordings(
        self, batch: dict[int, bytes], kept: dict[int, Keys], generations: Sequence[int], version: int
    ) -> None:
        """First that they are on their way, then their keys, then that they are there."""
        documents = list(batch)
        sizes = [kept[document].values.size for document in documents]
        self._say(documents, generations, COMING, [b""] * len(documents), [0] * len(documents), version)
        self._insert(
            "postings",
            {
                "key": np.concatenate([kept[document].values for document in documents]),
                "document": np.repeat(np.array(documents, dtype=np.int64), sizes),
                "generation": np.repeat(np.array(generations, dtype=np.uint32), sizes),
            },
        )
        self._say(documents, generations, PRESENT, list(batch.values()), sizes, version)

    def remove(self, document: int) -> None:
        """Forget a recording: it counts no more at once, and its fingerprint goes with it; its postings go in time."""
        for generation, state in self._holding([document]).values():
            if state == PRESENT:
                version = self._next_version(self._rows(_LAST, documents=[document]))
                self._say([document], [generation], REMOVED, [b""], [0], version)

    def _next_version(self, rows: Iterable[tuple[int, int, int]]) -> int:
        """Beyond everything that was said of the recordings; ``rows``: number, generation, version."""
        self._version = max(self._version + 1, time.time_ns(), *(int(version) + 1 for _, _, version in rows))
        return self._version

    def _say(
        self, documents: Sequence[int], generations: Sequence[int], state: int, prints: Sequence[bytes],
        sizes: Sequence[int], version: int,
    ) -> None:  # fmt: skip
        self._insert(
            "recordings",
            {
                "document": np.array(documents, dtype=np.int64),
                "state": [state] * len(documents),
                "generation": list(generations),
                "version": [version] * len(documents),
                "keys": list(sizes),
                "fingerprint": list(prints),
            },
        )

    # Applying the log

    def applied(self) -> Applied:
        """The mark alone: counting what there is takes longer than a question may."""
        return Applied(self._mark()[1], None)

    def _mark(self) -> tuple[int, Mark | None]:
        """The history that the log belongs to, and how far it is applied."""
        rows = self._rows(_MARK)
        return (int(rows[0][0]), Mark(int(rows[0][1]), int(rows[0][2]))) if rows else (0, None)

    def contents(self) -> Contents:
        ((count, joined),) = self._rows(_CONTENTS)
        return Contents(int(count), int(joined) & DIGEST_BITS)

    def apply(self, changes: Sequence[Change], mark: Mark, after: Mark | None) -> bool:
        """See SharedStore. Hosts may apply the same stretch at the same time: every row says the same then, and the
        mark is written once all before it is there."""
        history, now = self._mark()
        if now != after:
            return False
        self._apply(changes, mark, history)
        return True

    def restart(self, changes: Iterable[Sequence[Change]], mark: Mark) -> None:
        """Apply everything anew as another history of the log, in pieces; then the mark is of that history."""
        history = self._mark()[0] + 1
        for some in changes:
            self._apply(some, mark, history, done=False)
        self._apply([], mark, history)

    def _apply(self, changes: Sequence[Change], mark: Mark, history: int, done: bool = True) -> None:
        version = LOGGED + (history << HISTORY_BITS) + mark.position
        generation = mark.position & 0xFFFFFFFF  # the same from every host
        last = dict(changes)
        batch = {document: prints for document, prints in last.items() if prints is not None}
        if batch:
            kept = {document: index.build_index_keys(prints, self.modulus) for document, prints in batch.items()}
            self._insert_recordings(batch, kept, [generation] * len(batch), version)
        if gone := [document for document in last if document not in batch]:
            empty = [b""] * len(gone)
            self._say(gone, [generation] * len(gone), REMOVED, empty, [0] * len(gone), version)
        if done:
            self._insert("mark", {"history": [history], "position": [mark.position], "token": [mark.token]})

    # Searching

    def at(self, position: int) -> StoreAt:
        return StoreAt(self, position)

    def ask(self, queries: Sequence[Query], position: int = 0) -> list[list[Candidate]]:
        """Answer from what is there at this moment. Raises Behind where that is not as far as ``position``."""
        mark = self._mark()[1] if position else None
        if position and (mark is None or mark.position < position):
            raise Behind(f"the index is at {mark.position if mark else 'no position'}, not at {position}")
        return self._search(queries)

    def search(self, fingerprint: bytes) -> list[Candidate]:
        (found,) = self._search([index.build_index_query(fingerprint, self.modulus)])
        return found

    def search_keys(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        return self._search([Query(mixed, at_least) for mixed in queries])

    def _search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        """All questions in as few statements as may be."""
        result: list[list[Candidate]] = [[] for _ in queries]
        together: list[int] = []
        for number, query in enumerate(queries):
            if together and sum(queries[item].keys.size for item in together) + query.keys.size > ASKED:
                self._ask(queries, together, result)
                together = []
            if query.keys.size:
                together.append(number)
        if together:
            self._ask(queries, together, result)
        return result

    def _ask(self, queries: Sequence[Query], numbers: Sequence[int], result: list[list[Candidate]]) -> None:
        chosen = [queries[number] for number in numbers]
        most = max(query.keys.size for query in chosen) * self._count()
        statement = _ALL if most <= index.LEAST_WORK else _RAREST
        rows = self._rows(
            statement,
            queries=_join_sql_values(np.repeat(numbers, [query.keys.size for query in chosen])),
            keys=_join_sql_values(np.concatenate([query.keys for query in chosen])),
            numbers=_join_sql_values(numbers),
            hits=_join_sql_values([query.least for query in chosen]),
            work=_join_sql_values([index.compute_query_budget(query.keys, self.modulus) for query in chosen]),
        )
        for number, document, hits in rows:
            result[number].append(Candidate(int(document), int(hits)))

    def _count(self) -> int:
        """Rows that speak of recordings: at least as many as there are recordings with postings."""
        ((count,),) = self._rows("SELECT count() FROM @recordings")
        return int(count)

    # What there is

    def __len__(self) -> int:
        ((count,),) = self._rows(_COUNT)
        return int(count)

    def __contains__(self, document: int) -> bool:
        return any(state == PRESENT for _, state in self._holding([document]).values())

    def documents(self) -> Int64s:
        """The numbers of all recordings, ascending."""
        rows = self._rows(_DOCUMENTS)
        return np.array([document for (document,) in rows], dtype=np.int64)

    def recordings(self, shard: int = 0, of: int = 1) -> Iterator[tuple[int, bytes]]:
        """All recordings with their fingerprints, or one part of so many: for making segments elsewhere."""
        mine = [document for document in self.documents().tolist() if document % of == shard]
        for first in range(0, len(mine), BATCH):
            yield from self.fingerprints(mine[first : first + BATCH])

    def fingerprints(self, documents: Sequence[int]) -> list[tuple[int, bytes]]:
        """Recordings by number with their fingerprints, without those that are not there."""
        rows = self._rows(_FINGERPRINTS, documents=list(documents))
        return [(int(document), fingerprint) for document, fingerprint in rows]

    def stats(self) -> Stats:
        """How much there is, and how it lies."""
        statement = _PARTS
        if self._address.cluster:
            statement = statement.replace("system.parts", f"cluster('{self._address.cluster}', system.parts)")
        parts = {table.decode(): numbers for table, *numbers in self._rows(statement, database=self._database)}
        suffix = "_local" if self._address.cluster else ""
        postings, recordings = (parts.get(name + suffix, [0, 0, 0]) for name in ("postings", "recordings"))
        return Stats(
            recordings=len(self),
            removed=self._gone(),
            segments=int(postings[2]),
            postings=int(postings[0]),
            bytes=int(postings[1]) + int(recordings[1]),  # the complete fingerprints as well
            journal_bytes=0,
            generation=0,
            modulus=self.modulus,
            format=FORMAT,
        )

    def rebuild(self, everything: Iterable[tuple[int, bytes]], fetch: Fetch) -> int:
        """See SharedStore. Every recording is learned again under its number; the modulus stays."""
        begun, waiting = set(self.documents().tolist()), iter(everything)
        kept: set[int] = set()
        while batch := list(islice(waiting, BATCH)):
            self.extend(batch)
            kept.update(document for document, _ in batch)
        for document in begun - kept:
            self.remove(document)
        return len(self)

    def verify(self) -> list[str]:
        """Count every recording's postings; what is wrong, in words, and an empty list where nothing is."""
        rows = self._rows(_INCOMPLETE)
        return [f"recording {document}: {found} of its {keys} keys are there" for document, keys, found in rows]

    def tidy(self, most: int | None = None) -> int:
        """Delete postings that no longer count; ClickHouse merges by itself. Gives how many recordings they were of."""
        gone = self._gone()
        if gone:
            table = "postings_local" if self._address.cluster else "postings"
            self._command(
                f"ALTER TABLE @{table} {self._on_cluster()} DELETE WHERE (document, generation) IN "
                f"({_SUPERSEDED}) SETTINGS mutations_sync = 2"
            )
        return gone

    def compact(self) -> None:
        """Delete what no longer counts and merge every part into one."""
        self.tidy()
        suffix = "_local" if self._address.cluster else ""
        for table in ("postings", "recordings"):
            self._command(f"OPTIMIZE TABLE @{table}{suffix} {self._on_cluster()} FINAL")

    def _gone(self) -> int:
        ((count,),) = self._rows(_GONE)
        return int(count)

    # Statements

    def _holding(self, documents: Sequence[int]) -> dict[int, tuple[int, int]]:
        rows = self._rows(_SOME, documents=list(documents))
        return {document: (generation, state) for document, generation, state, _ in rows}

    def _on_cluster(self) -> str:
        return f"ON CLUSTER {self._address.cluster}" if self._address.cluster else ""

    def _settings(self) -> dict[str, Any]:
        return {"distributed_product_mode": "global", "insert_quorum": "auto"} if self._address.cluster else {}

    def _rows(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self._mutex:
            answer = self._client.query(
                self._named(statement),
                parameters=parameters or None,
                query_formats={"String": "bytes"},
                settings=self._settings(),
            )
        return list(answer.result_rows)

    def _command(self, statement: str) -> None:
        with self._mutex:
            self._client.command(self._named(statement))

    def _named(self, statement: str) -> str:
        return statement.replace("@", f"{self._database}.")

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        with self._mutex:
            self._client.insert(
                table, list(columns.values()), column_names=list(columns), database=self._database,
                column_oriented=True, settings=self._settings(),
            )  # fmt: skip


def _join_sql_values(values: Iterable[int] | np.ndarray[Any, Any]) -> str:
    return ",".join(map(str, values.tolist() if isinstance(values, np.ndarray) else values))


def build_clickhouse_schema(address: Address) -> list[str]:
    """What makes the tables; in a cluster, a replicated one on every shard and one that stands for all of them.

    A recording's rows and its postings lie on one shard. An insertion is on the disk when it is acknowledged.
    """
    database, cluster = address.database, address.cluster
    durably = "fsync_after_insert = 1, fsync_part_directory = 1"
    tables = {
        "store": ("name String, modulus UInt32", "Replacing", "ORDER BY name", ""),
        "mark": (
            "history UInt32, position UInt64, token Int64",
            "Replacing",
            "ORDER BY (history, position)",
            "",
        ),
        "recordings": (
            "document Int64, state UInt8, generation UInt32, version UInt64, keys UInt32, "
            "fingerprint String CODEC(ZSTD(3))",
            "Replacing",
            "ORDER BY (document, state = 0)",  # what is on its way must not replace what holds
            "index_granularity = 512, ",
        ),
        "postings": (
            "key UInt32 CODEC(Delta, LZ4), document Int64 CODEC(T64, LZ4), generation UInt32 CODEC(T64, LZ4)",
            "",
            "ORDER BY (key, document)",
            "index_granularity = 256, ",
        ),
    }
    statements = [f"CREATE DATABASE IF NOT EXISTS {database}" + (f" ON CLUSTER {cluster}" if cluster else "")]
    for name, (columns, kind, order, extra) in tables.items():
        arguments = ["version"] if name == "recordings" else []
        if not cluster:
            statements.append(
                f"CREATE TABLE IF NOT EXISTS {database}.{name} ({columns}) "
                f"ENGINE = {kind}MergeTree({', '.join(arguments)}) {order} SETTINGS {extra}{durably}"
            )
            continue
        path = [f"'/clickhouse/tables/{{shard}}/{database}/{name}'", "'{replica}'", *arguments]
        statements += [
            f"CREATE TABLE IF NOT EXISTS {database}.{name}_local ON CLUSTER {cluster} ({columns}) "
            f"ENGINE = Replicated{kind}MergeTree({', '.join(path)}) {order} SETTINGS {extra}{durably}",
            f"CREATE TABLE IF NOT EXISTS {database}.{name} ON CLUSTER {cluster} AS {database}.{name}_local "
            f"ENGINE = Distributed({cluster}, {database}, {name}_local, "
            f"{'0' if name in ('store', 'mark') else 'cityHash64(document)'}) SETTINGS fsync_after_insert = 1",
        ]
    return statements
