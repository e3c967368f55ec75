"""A store in ClickHouse beyond what every store does: generations, crashes, clusters, and segments made of it."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.fingerprint import clickhouse, index
from checks.fingerprint.clickhouse import PRESENT, Address, ClickHouseStore, build_clickhouse_schema
from checks.fingerprint.local_store import LocalStore
from tests.checks.fingerprint.sounds import recording
from tests.checks.fingerprint.test_stores import EMBEDDED, NUMBERS

SONGS = [recording(seed, 300) for seed in range(8)]


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    pytest.importorskip("chdb")
    made = ClickHouseStore(f"chdb:///{EMBEDDED.name}/chdb?database=gate_{next(NUMBERS)}")
    yield made
    made._command(f"DROP DATABASE {made._database} SYNC")
    made.close()


def found(store: ClickHouseStore | LocalStore) -> list[list[int]]:
    return [[candidate.document for candidate in store.search(song)] for song in SONGS]


def test_store_keeps_its_modulus_and_what_it_knew(store: ClickHouseStore):
    store.extend(enumerate(SONGS))
    again = ClickHouseStore(f"chdb:///{EMBEDDED.name}/chdb?database={store._database}", modulus=store.modulus + 1)
    assert again.modulus == store.modulus
    assert again.documents().tolist() == list(range(8))
    assert len(again) == 8
    assert 3 in again
    assert found(again) == [[number] for number in range(8)]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_crash_at_any_step_leaves_what_held(store: ClickHouseStore, step: int, monkeypatch: pytest.MonkeyPatch):
    store.add(1, SONGS[1])
    real, steps = store._insert, iter(range(1, 9))

    def crashing(table: str, columns: dict[str, object]) -> None:
        if next(steps) == step:
            raise KeyboardInterrupt
        real(table, columns)

    monkeypatch.setattr(store, "_insert", crashing)
    with pytest.raises(KeyboardInterrupt):
        store.extend([(1, SONGS[2]), (3, SONGS[3])])
    monkeypatch.setattr(store, "_insert", real)
    assert found(store) == [[], [1], [], [], [], [], [], []]
    assert store.documents().tolist() == [1]
    store._command("OPTIMIZE TABLE @recordings FINAL")  # rows on their way must not replace what holds
    assert found(store)[1] == [1]
    store.extend([(1, SONGS[2]), (3, SONGS[4])])
    assert found(store) == [[], [], [1], [], [3], [], [], []]
    assert store.verify() == []
    store.compact()
    assert found(store) == [[], [], [1], [], [3], [], [], []]
    assert store.stats().postings == sum(
        index.build_index_keys(SONGS[number], store.modulus).values.size for number in (2, 4)
    )


def test_what_no_longer_counts_is_deleted_in_time(store: ClickHouseStore):
    store.extend(enumerate(SONGS))
    store.remove(2)
    store.add(3, SONGS[2])
    assert store.stats().removed == 2
    before = found(store)
    assert store.tidy() == 2
    assert store.tidy() == 0
    stats = store.stats()
    assert (stats.removed, stats.recordings) == (0, 7)
    assert found(store) == before == [[0], [1], [3], [], [4], [5], [6], [7]]
    assert dict(store.fingerprints([2, 3, 99])) == {3: SONGS[2]}


def test_same_batch_twice_at_once_counts_no_key_twice(store: ClickHouseStore):
    store.add(1, SONGS[1])
    (before,) = store.search(SONGS[1])
    kept = index.build_index_keys(SONGS[1], store.modulus)
    store._insert(
        "postings", {"key": kept.values, "document": [1] * kept.values.size, "generation": [1] * kept.values.size}
    )
    store._say([1], [1], PRESENT, [SONGS[1]], [kept.values.size], time.time_ns())
    assert store.search(SONGS[1]) == [before]
    assert store.verify() == []


def test_lost_postings_are_noticed(store: ClickHouseStore):
    store.extend(enumerate(SONGS))
    store._command("ALTER TABLE @postings DELETE WHERE document = 5 SETTINGS mutations_sync = 2")
    size = index.build_index_keys(SONGS[5], store.modulus).values.size
    assert store.verify() == [f"recording 5: 0 of its {size} keys are there"]


def test_many_questions_go_in_several_statements(store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch):
    store.extend(enumerate(SONGS))
    asked = [index.build_index_keys(song, store.modulus).values for song in SONGS]
    whole = store.search_keys(asked, 3)
    monkeypatch.setattr(clickhouse, "ASKED", 2 * asked[0].size)
    assert store.search_keys(asked, 3) == whole


def test_segments_are_made_of_it_shard_by_shard(store: ClickHouseStore, tmp_path: Path):
    store.extend(enumerate(SONGS))
    store.remove(4)
    whole = LocalStore(tmp_path / "whole", modulus=2)
    whole.add(77, SONGS[0])
    assert whole.rebuild(store.recordings(), store.fingerprints, store.modulus) == 7
    assert whole.modulus == store.modulus
    assert found(whole) == found(store)
    assert whole.verify() == []
    parts = []
    for shard in range(3):
        part = LocalStore(tmp_path / str(shard))
        part.rebuild(store.recordings(shard, 3), store.fingerprints, store.modulus)
        parts.append(found(part))
    together = [[number for answer in answers for number in answer] for answers in zip(*parts, strict=True)]
    assert together == found(store)


def test_all_is_learned_again_in_a_rebuild(store: ClickHouseStore):
    store.extend(enumerate(SONGS))
    assert store.rebuild([(number, SONGS[number]) for number in range(1, 8)], store.fingerprints) == 7
    assert found(store) == [[], *([number] for number in range(1, 8))]
    assert store.verify() == []


def test_cluster_has_a_replicated_table_on_every_shard_and_one_for_all():
    address = Address.parse("clickhouse://gate:secret@db.example:8443/music?cluster=everywhere&tls=1")
    assert (address.dsn, address.database) == ("clickhouses://gate:secret@db.example:8443", "music")
    made = build_clickhouse_schema(address)
    assert made[0] == "CREATE DATABASE IF NOT EXISTS music ON CLUSTER everywhere"
    (postings,) = (statement for statement in made if " music.postings_local ON CLUSTER" in statement)
    assert "ReplicatedMergeTree('/clickhouse/tables/{shard}/music/postings', '{replica}')" in postings
    assert "ORDER BY (key, document)" in postings
    (all_postings,) = (statement for statement in made if "TABLE IF NOT EXISTS music.postings ON" in statement)
    assert "Distributed(everywhere, music, postings_local, cityHash64(document))" in all_postings
    (recordings,) = (statement for statement in made if " music.recordings_local ON CLUSTER" in statement)
    assert (
        "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/music/recordings', '{replica}', version)"
        in recordings
    )


@pytest.mark.parametrize(
    "url", ["http://db", "clickhouse:///gate", "clickhouse://db/ga-te", "clickhouse://db/g?cluster=a;b"]
)
def test_address_that_is_none_is_refused(url: str):
    with pytest.raises(ValueError, match=r"clickhouse://|letters"):
        Address.parse(url)


def test_missing_client_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "clickhouse_connect", None)
    with pytest.raises(ImportError, match=r"release-intake-gate\[clickhouse\]"):
        ClickHouseStore("clickhouse://db/gate")
