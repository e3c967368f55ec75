"""The keys that are kept, and the tables that answer for them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.fingerprint import bit_operations, index, index_segment, postings_kernels, precompile
from checks.fingerprint.index import Building, Candidate, Damaged, Keys, Query, Shelf, Table
from checks.fingerprint.index_segment import Segment, merge_segments, write_segment
from checks.fingerprint.local_store import LocalStore
from tests.checks.fingerprint.sounds import packed, part, recording, silence

postings = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 40)), max_size=300, unique=True)


def a_table(built: list[int], documents: int) -> Table:
    building = Building(len(built), documents)
    entries = building.entries(np.array(sorted(built), dtype=np.uint64))
    assert building.close() == len(built)
    return Table(building.directory, entries)


def test_key_is_kept_by_what_it_is_not_by_where_it_stands():
    song = recording(1)
    whole, inside = index.build_index_keys(song), index.build_index_keys(part(song, 400, 1000))
    assert not whole.dense
    assert set(inside.values.tolist()) <= set(whole.values.tolist())
    assert whole.values.size == pytest.approx(1432 / index.MODULUS, rel=0.1)


def test_short_recording_keeps_every_key():
    kept = index.build_index_keys(recording(1, 100))
    assert kept.dense
    assert kept.values.size == 100


def test_lowest_bits_and_silence_make_no_key():
    song = np.frombuffer(recording(1), dtype="<u4")
    assert np.array_equal(
        index.build_index_keys(packed(song)).values, index.build_index_keys(packed(song ^ 0xF)).values
    )
    assert index.build_index_keys(silence(50)).values.size == 0


def test_mixing_is_one_to_one():
    keys = np.random.default_rng(1).integers(0, 2**32, 100_000, dtype=np.uint32)
    assert np.unique(bit_operations.scatter_keys(keys)).size == np.unique(keys).size


@given(postings)
def test_table_gives_back_what_it_was_built_from(pairs: list[tuple[int, int]]):
    built = [key << 32 | number for key, number in pairs]
    table = a_table(built, 41)
    same, half = np.arange(41, dtype=np.uint32), 1 << (table.bits - 1)
    assert [*table.postings(0, half, same), *table.postings(half, 2 * half, same)] == sorted(built)


@given(postings, st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_table_finds_exactly_the_wanted_keys(pairs: list[tuple[int, int]], strangers: list[int]):
    table = a_table([key << 32 | number for key, number in pairs], 41)
    wanted = sorted({key for key, _ in pairs[:10]} | set(strangers))
    found = table.lookup(np.array(wanted, dtype=np.uint32))
    assert sorted(found.tolist()) == sorted(number for key, number in pairs if key in set(wanted))


def test_segment_costs_four_bytes_a_posting(tmp_path: Path):
    songs = [(number, index.build_index_keys(recording(number))) for number in range(400)]
    write_segment(tmp_path / "a.segment", songs, index.MODULUS)
    one = Segment(tmp_path / "a.segment")
    assert one.size / one.sampled.entries.size < 4.4
    assert one.faults() == []


def test_segment_of_another_kind_is_refused(tmp_path: Path):
    path = tmp_path / "a.segment"
    write_segment(path, [(1, index.build_index_keys(recording(1)))], index.MODULUS)
    good = path.read_bytes()
    for bad in (b"", good[:20], b"x" + good[1:], good[:-4], good + b"\0\0\0\0", good[:20] + b"\x01" + good[21:]):
        path.write_bytes(bad)
        with pytest.raises(Damaged):
            Segment(path)


@given(st.data())
def test_segment_notices_every_changed_byte(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    path = tmp_path_factory.mktemp("segment") / "a.segment"
    write_segment(path, [(n, index.build_index_keys(recording(n, 80))) for n in range(3)], index.MODULUS)
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        faults = Segment(path).faults()
    except Damaged:
        return
    assert faults


recordings = st.dictionaries(
    st.integers(0, 2**40),
    st.tuples(st.sets(st.integers(0, 40), max_size=12), st.booleans()),
    max_size=12,
)


def kept(values: set[int], dense: bool) -> Keys:
    """A few keys, of which recordings share many; those that are not dense are divisible by 8."""
    spread = sorted(value * 0x05F5E108 % 2**32 + (value % 8 if dense else 0) for value in values)
    return Keys(np.array(sorted(set(spread)), dtype=np.uint32), dense)


@given(st.lists(recordings, min_size=1, max_size=4), st.data())
def test_merged_segments_hold_what_one_would(
    tmp_path_factory: pytest.TempPathFactory, groups: list[dict[int, tuple[set[int], bool]]], data: st.DataObject
):
    """Whatever was removed, however the numbers lie between each other, however small the parts are."""
    path, seen, sources, whole = tmp_path_factory.mktemp("merge"), set(), [], []
    for place, group in enumerate(groups):
        fresh = [(number, kept(*what)) for number, what in group.items() if number not in seen]
        seen.update(group)
        removed = {number for number, _ in fresh if data.draw(st.booleans())}
        write_segment(path / f"{place}.segment", fresh, 8)
        sources.append((Segment(path / f"{place}.segment"), np.array(sorted(removed), dtype=np.int64)))
        whole += [(number, keys) for number, keys in fresh if number not in removed]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_segment, "STEP", data.draw(st.sampled_from([1, 7, 1 << 16])))
        assert merge_segments(path / "merged.segment", sources, 8) == len(whole)
        write_segment(path / "whole.segment", whole, 8)
    merged, one = Segment(path / "merged.segment"), Segment(path / "whole.segment")
    assert merged.faults() == one.faults() == []
    assert merged.documents.tolist() == one.documents.tolist()
    same = np.arange(len(whole), dtype=np.uint32)
    for ours, theirs in ((merged.sampled, one.sampled), (merged.dense, one.dense)):
        assert ours.postings(0, 1 << ours.bits, same).tolist() == theirs.postings(0, 1 << theirs.bits, same).tolist()


@given(recordings, st.lists(st.sets(st.integers(0, 40), max_size=12), min_size=1, max_size=5), st.data())
def test_answers_are_those_of_the_plain_definition(
    held: dict[int, tuple[set[int], bool]], asked: list[set[int]], data: st.DataObject
):
    known = {number: kept(*what) for number, what in held.items()}
    first = {number for number in known if data.draw(st.booleans())}
    gone = {number for number in known if data.draw(st.integers(0, 3)) == 0}
    least = data.draw(st.integers(1, 4))
    shelves = []
    for group in (first, set(known) - first):
        numbers = sorted(group)
        tables = index.build_index_tables([(number, known[number]) for number in numbers])
        removed = np.array(sorted(gone), dtype=np.int64)
        shelves.append(Shelf(np.array(numbers, dtype=np.int64), *tables, (removed, removed[:1])))
    queries = [Query(kept(values, dense=True).values, least) for values in asked]
    expected = [
        index.rank_best_candidates(
            Candidate(number, hits)
            for number, keys in known.items()
            if number not in gone and (hits := int(np.isin(keys.values, query.keys).sum())) >= least
        )
        for query in queries
    ]
    assert index.answer_index_queries(shelves, queries, 8) == expected


@given(st.lists(st.integers(0, 2**26), min_size=1, max_size=400), st.integers(1, 300), st.integers(1, 9))
def test_hashed_counters_count_exactly(numbers: list[int], repeated: int, least: int):
    """Numbers that share counters, and one that is counted beyond what a byte holds."""
    lists = [
        sorted(set(numbers[place::7]) | {number ^ (1 << 18) for number in numbers[place::3]}) for place in range(9)
    ]
    lists += [[numbers[0]]] * repeated
    entries = np.array([number for each in lists for number in each], dtype=np.uint32)
    sizes = [len(each) for each in lists]
    starts = np.cumsum([0, *sizes[:-1]]).astype(np.uint32)
    bounds, wanted = np.array([0, len(lists)], dtype=np.int64), np.array([least], dtype=np.int64)
    of, found, hits = postings_kernels.count_query_hits(
        entries, 27, bounds, starts, np.array(sizes, dtype=np.uint32), wanted
    )
    expected = {number: count for number, count in Counter(entries.tolist()).items() if count >= least}
    assert dict(zip(found.tolist(), hits.tolist(), strict=True)) == expected
    assert found.size == len(expected)
    assert not of.any()


def test_places_are_asked_of_the_disk_at_once_where_it_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    songs = [(number, index.build_index_keys(recording(number), 8)) for number in range(40)]
    write_segment(tmp_path / "a.segment", songs, 8)
    wanted = np.unique(np.concatenate([songs[3][1].values, songs[7][1].values]))
    plain = Segment(tmp_path / "a.segment").sampled
    monkeypatch.setattr(index, "WORTH_ADVICE", 0)
    asked: list[int] = []
    waits = iter(range(0, 1000, index.WAITED))
    monkeypatch.setattr(index, "_count_page_faults", lambda: next(waits))
    monkeypatch.setattr(Table, "_advise", lambda self, begin, end: asked.append(begin.size))
    advised = Segment(tmp_path / "a.segment").sampled
    assert sorted(advised.lookup(wanted).tolist()) == sorted(plain.lookup(wanted).tolist())
    assert asked[0] == wanted.size - index.TRIED


def test_advice_covers_the_bytes_that_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    songs = [(number, index.build_index_keys(recording(number), 8)) for number in range(40)]
    write_segment(tmp_path / "a.segment", songs, 8)
    monkeypatch.setattr(index, "WORTH_ADVICE", 0)
    table, told = Segment(tmp_path / "a.segment").sampled, []
    monkeypatch.setattr(Table, "_advise", lambda self, begin, end: told.append((begin, end)))
    wanted = songs[5][1].values
    table._prefetch(wanted)
    raw = (tmp_path / "a.segment").read_bytes()
    (begin, end), (first, last) = told
    places = [np.frombuffer(raw[a:b], dtype="<u4").tolist() for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
    bucket = wanted >> np.uint32(32 - table.bits)
    assert places == [table.directory[number : number + 2].tolist() for number in bucket.tolist()]
    entries = [
        np.frombuffer(raw[a:b], dtype="<u4").tolist() for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
    assert entries == [table.entries[a:b].tolist() for a, b in places if a < b]


def test_only_the_most_common_keys_are_spared():
    assert index.find_skipped_keys(np.array([5, 1000, 3, 9]), 17).tolist() == [1]
    assert index.find_skipped_keys(np.array([5, 1000, 3, 9]), 10).tolist() == [3, 1]
    assert index.find_skipped_keys(np.array([5, 5, 5]), 10).tolist() == [2]
    assert index.find_skipped_keys(np.array([5, 5]), 10).tolist() == []


def test_nothing_is_left_to_be_compiled_once_it_is_warm(tmp_path: Path):
    """What a user does after ``warm`` finds its machine code: learning, merging, asking, of memory and of files."""
    precompile.compile_postings_kernels()
    loops = [var for var in vars(postings_kernels).values() if hasattr(var, "signatures")]
    assert len(loops) >= 8
    before = [loop.signatures for loop in loops]
    store = LocalStore(tmp_path / "index", flush=4)
    for number in range(9):
        store.add(number, recording(number, 1432 if number % 2 else 80))
    store.extend((number, recording(number)) for number in range(20, 30))
    store.compact()
    store.add(50, recording(50))
    assert [candidate.document for candidate in store.search(recording(3))] == [3]
    assert store.search_keys([index.build_index_keys(recording(50)).values], 3)[0][0].document == 50
    assert store.verify() == []
    assert [item.signatures for item in loops] == before
