"""Other engines under the same keys: what can be had here is measured, what cannot is named."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from checks.fingerprint.index import MOST_CANDIDATES, Candidate

UInt32s = npt.NDArray[np.uint32]


class Search(Protocol):
    """As ``Store.search_keys``."""

    def __call__(self, queries: Sequence[UInt32s], at_least: int, /) -> list[list[Candidate]]: ...


class Peer(Protocol):
    """An engine that keeps postings and answers like a store."""

    name: str

    def learn(self, documents: Sequence[int], keys: Sequence[UInt32s]) -> None: ...

    def finish(self) -> int:
        """Make what was learned ready for questions; gives its bytes on disk."""

    def search(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]: ...

    def close(self) -> None: ...


def available(folder: Path) -> Iterator[Peer]:
    """Every engine that is here, one after the other."""
    if importlib.util.find_spec("lmdb"):
        yield Lmdb(folder / "lmdb")
    if importlib.util.find_spec("chdb"):
        yield ClickHouse(folder / "clickhouse")
    if url := os.environ.get("GATE_TEST_DATABASE_URL"):
        yield PostgresTree(url)
        yield PostgresInverted(url)


def missing() -> list[str]:
    """What was not measured, and what would bring it."""
    said = []
    if not importlib.util.find_spec("lmdb"):
        said.append("LMDB: not here (pip install lmdb).")
    if not importlib.util.find_spec("chdb"):
        said.append("ClickHouse: not here (pip install chdb).")
    if not os.environ.get("GATE_TEST_DATABASE_URL"):
        said.append("PostgreSQL: not here (GATE_TEST_DATABASE_URL names a database that may be written to).")
    return said


def _best(hits: dict[int, int], at_least: int) -> list[Candidate]:
    enough = [Candidate(document, count) for document, count in hits.items() if count >= at_least]
    return sorted(enough, key=lambda one: (-one.hits, one.document))[:MOST_CANDIDATES]


class Lmdb:
    """A B+ tree in a mapped file: one key, many fixed-size duplicates."""

    name = "LMDB"

    def __init__(self, path: Path) -> None:
        import lmdb

        self._path = path
        self._file: Any = lmdb.open(str(path), map_size=1 << 36, max_dbs=1, sync=False, readahead=False)
        self._table = self._file.open_db(b"postings", dupsort=True, dupfixed=True, integerkey=True, integerdup=True)
        self._waiting: list[npt.NDArray[np.uint64]] = []

    def learn(self, documents: Sequence[int], keys: Sequence[UInt32s]) -> None:
        self._waiting += [
            (one.astype(np.uint64) << np.uint64(32)) | np.uint64(number)
            for number, one in zip(documents, keys, strict=True)
        ]

    def finish(self) -> int:
        ordered = np.sort(np.concatenate(self._waiting))
        self._waiting.clear()
        keys, documents = (ordered >> np.uint64(32)).astype("<u4"), ordered.astype("<u4")
        items = ((keys[i].tobytes(), documents[i].tobytes()) for i in range(ordered.size))
        with self._file.begin(write=True, db=self._table) as transaction, transaction.cursor() as cursor:
            cursor.putmulti(items, append=True)
        self._file.sync()
        return sum(file.stat().st_blocks * 512 for file in self._path.iterdir())

    def search(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        result = []
        with self._file.begin(db=self._table) as transaction, transaction.cursor() as cursor:
            for wanted in queries:
                raw = cursor.getmulti([key.tobytes() for key in wanted], dupdata=True, dupfixed_bytes=4)
                documents = np.frombuffer(b"".join(value for _, value in raw), dtype="<u4")
                numbers, hits = np.unique(documents, return_counts=True)
                some = hits >= at_least
                result.append(_best(dict(zip(numbers[some].tolist(), hits[some].tolist(), strict=True)), at_least))
        return result

    def close(self) -> None:
        self._file.close()
        shutil.rmtree(self._path)


class ClickHouse:
    """A MergeTree ordered by key, embedded, told to use one thread."""

    name = "ClickHouse (chdb)"

    def __init__(self, path: Path) -> None:
        from chdb import session

        self._path = path
        self._session: Any = session.Session(str(path))
        self._session.query("CREATE DATABASE peer ENGINE = Atomic")
        self._session.query(
            "CREATE TABLE peer.postings (key UInt32, document UInt32) ENGINE = MergeTree ORDER BY (key, document) "
            "SETTINGS index_granularity = 256"
        )

    def learn(self, documents: Sequence[int], keys: Sequence[UInt32s]) -> None:
        sizes = [key.size for key in keys]
        rows = np.empty(sum(sizes), dtype=[("key", "<u4"), ("document", "<u4")])
        rows["key"], rows["document"] = np.concatenate(keys), np.repeat(np.asarray(documents), sizes)
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            rows.tofile(file.name)
            self._session.query(
                f"INSERT INTO peer.postings SELECT * FROM "
                f"file('{file.name}', 'RowBinary', 'key UInt32, document UInt32') SETTINGS max_threads = 1"
            )

    def finish(self) -> int:
        self._session.query("OPTIMIZE TABLE peer.postings FINAL")
        size = self._session.query(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = 'peer' AND active", "CSV"
        )
        return int(str(size).strip())

    def search(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        sets = ",".join("[" + ",".join(map(str, wanted.tolist())) + "]" for wanted in queries)
        every = ",".join(map(str, np.unique(np.concatenate(queries)).tolist()))
        raw = self._session.query(
            f"SELECT query, document, count() AS hits FROM (SELECT arrayJoin(arrayEnumerate(sets)) AS query, "
            f"arrayJoin(sets[query]) AS key FROM (SELECT [{sets}] AS sets)) AS asked INNER JOIN "
            f"(SELECT key, document FROM peer.postings WHERE key IN ({every})) AS held USING (key) "
            f"GROUP BY query, document HAVING hits >= {at_least} "
            f"SETTINGS max_threads = 1, max_query_size = 1000000000, max_ast_elements = 100000000, "
            f"max_expanded_ast_elements = 100000000",
            "CSV",
        )
        found: list[dict[int, int]] = [{} for _ in queries]
        for line in str(raw).split():
            query, document, hits = map(int, line.split(","))
            found[query - 1][document] = hits
        return [_best(hits, at_least) for hits in found]

    def close(self) -> None:
        self._session.close()
        shutil.rmtree(self._path, ignore_errors=True)


class _Postgres:
    """A table of its own in a database that may be written to."""

    create: tuple[str, ...]

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url.replace("postgres://", "postgresql://", 1), autocommit=True)
        self._connection.execute("DROP TABLE IF EXISTS peer")
        self._connection.execute(self.create[0])

    def finish(self) -> int:
        self._connection.execute(self.create[1])
        self._connection.execute("VACUUM ANALYZE peer")
        row = self._connection.execute("SELECT pg_total_relation_size('peer')").fetchone()
        assert row
        return int(row[0])

    def close(self) -> None:
        self._connection.execute("DROP TABLE peer")
        self._connection.close()


def _signed(keys: UInt32s) -> list[int]:
    return keys.astype(np.int32).tolist()


class PostgresTree(_Postgres):
    """A posting a row, under a B-tree that holds all of it."""

    name = "PostgreSQL, B-tree"
    create = (
        "CREATE UNLOGGED TABLE peer (key integer, document integer)",
        "CREATE INDEX ON peer (key) INCLUDE (document)",
    )

    def learn(self, documents: Sequence[int], keys: Sequence[UInt32s]) -> None:
        with self._connection.cursor() as cursor, cursor.copy("COPY peer FROM STDIN") as copy:
            for number, one in zip(documents, keys, strict=True):
                copy.write("".join(f"{key}\t{number}\n" for key in _signed(one)))

    def search(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        result = []
        for wanted in queries:
            rows = self._connection.execute(
                "SELECT document, count(*) FROM peer WHERE key = ANY(%s) GROUP BY document HAVING count(*) >= %s",
                (_signed(wanted), at_least),
            ).fetchall()
            result.append(_best(dict(rows), at_least))
        return result


class PostgresInverted(_Postgres):
    """A recording a row with its keys in an array, under an inverted index."""

    name = "PostgreSQL, GIN"
    create = (
        "CREATE UNLOGGED TABLE peer (document integer, keys integer[])",
        "CREATE INDEX ON peer USING gin (keys)",
    )

    def learn(self, documents: Sequence[int], keys: Sequence[UInt32s]) -> None:
        with self._connection.cursor() as cursor, cursor.copy("COPY peer FROM STDIN") as copy:
            for number, one in zip(documents, keys, strict=True):
                copy.write(f"{number}\t{{{','.join(map(str, _signed(one)))}}}\n")

    def search(self, queries: Sequence[UInt32s], at_least: int) -> list[list[Candidate]]:
        result = []
        for wanted in queries:
            asked = set(_signed(wanted))
            hits = Counter(
                {
                    document: len(asked.intersection(keys))
                    for document, keys in self._connection.execute(
                        "SELECT document, keys FROM peer WHERE keys && %s::integer[]", (list(asked),)
                    )
                }
            )
            result.append(_best(hits, at_least))
        return result
