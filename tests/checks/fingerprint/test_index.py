"""The keys that are kept, and the tables that answer for them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.fingerprint import index, kernels
from checks.fingerprint.index import SLICES, Damaged, Segment, Table
from tests.checks.fingerprint.sounds import packed, part, recording, silence

postings = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 40)), max_size=300, unique=True)


def a_table(built: list[int], documents: int) -> Table:
    slices = [[posting for posting in built if posting >> 58 == place] for place in range(SLICES)]
    return Table.build([np.array(part, dtype=np.uint64) for part in slices], len(built), documents)


def test_key_is_kept_by_what_it_is_not_by_where_it_stands():
    song = recording(1)
    whole, inside = index.keys(song), index.keys(part(song, 400, 1000))
    assert not whole.dense
    assert set(inside.values.tolist()) <= set(whole.values.tolist())
    assert whole.values.size == pytest.approx(1432 / index.MODULUS, rel=0.1)


def test_short_recording_keeps_every_key():
    kept = index.keys(recording(1, 100))
    assert kept.dense
    assert kept.values.size == 100


def test_lowest_bits_and_silence_make_no_key():
    song = np.frombuffer(recording(1), dtype="<u4")
    assert np.array_equal(index.keys(packed(song)).values, index.keys(packed(song ^ 0xF)).values)
    assert index.keys(silence(50)).values.size == 0


def test_mixing_is_one_to_one():
    keys = np.random.default_rng(1).integers(0, 2**32, 100_000, dtype=np.uint32)
    assert np.unique(kernels.mix32(keys)).size == np.unique(keys).size


@given(postings)
def test_table_gives_back_what_it_was_built_from(pairs: list[tuple[int, int]]):
    built = [key << 32 | number for key, number in pairs]
    table = a_table(built, 41)
    assert np.concatenate([table.postings(place) for place in range(SLICES)]).tolist() == sorted(built)


@given(postings, st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_table_finds_exactly_the_wanted_keys(pairs: list[tuple[int, int]], strangers: list[int]):
    table = a_table([key << 32 | number for key, number in pairs], 41)
    wanted = sorted({key for key, _ in pairs[:10]} | set(strangers))
    found = table.lookup(np.array(wanted, dtype=np.uint32))
    assert sorted(found.tolist()) == sorted(number for key, number in pairs if key in set(wanted))


def test_lookup_spends_its_budget_on_the_rarest_keys():
    common, rare = 1 << 31, 5
    table = a_table([common << 32 | number for number in range(1000)] + [rare << 32 | 3], 1000)
    assert table.lookup(np.array([rare, common], dtype=np.uint32), budget=100).tolist() == [3]


def test_segment_costs_four_bytes_a_posting(tmp_path: Path):
    songs = [(number, index.keys(recording(number))) for number in range(400)]
    index.write_segment(tmp_path / "a.segment", songs, index.MODULUS)
    segment = Segment(tmp_path / "a.segment")
    assert segment.size / segment.sampled.entries.size < 4.4
    assert segment.faults() == []


def test_segment_of_another_kind_is_refused(tmp_path: Path):
    path = tmp_path / "a.segment"
    index.write_segment(path, [(1, index.keys(recording(1)))], index.MODULUS)
    good = path.read_bytes()
    for bad in (b"", good[:20], b"x" + good[1:], good[:-4], good + b"\0\0\0\0", good[:20] + b"\x01" + good[21:]):
        path.write_bytes(bad)
        with pytest.raises(Damaged):
            Segment(path)


@given(st.data())
def test_segment_notices_every_changed_byte(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    path = tmp_path_factory.mktemp("segment") / "a.segment"
    index.write_segment(path, [(n, index.keys(recording(n, 80))) for n in range(3)], index.MODULUS)
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        faults = Segment(path).faults()
    except Damaged:
        return
    assert faults
