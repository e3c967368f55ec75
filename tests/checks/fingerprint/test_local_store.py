"""A local store through crashes, damage, other processes and time."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.fingerprint import index_segment
from checks.fingerprint.index import Damaged
from checks.fingerprint.index_segment import Segment
from checks.fingerprint.local_store import FANOUT, LocalStore
from tests.checks.fingerprint.sounds import recording

ROOT = Path(__file__).parents[3]


def song(number: int) -> bytes:
    """Short, so that a thousand of them are quickly written; all keys are kept."""
    return recording(number, 64)


def found(store: LocalStore, number: int) -> bool:
    return [candidate.document for candidate in store.search(song(number))] == [number]


def the_journal(path: Path) -> Path:
    (journal,) = path.glob("*.journal")
    return journal


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index"


# Time


def test_reopened_store_knows_what_it_knew(path: Path):
    store = LocalStore(path, flush=4)
    for number in range(10):
        store.add(number, song(number))
    store.remove(3)
    store.remove(9)
    again = LocalStore(path, flush=4)
    assert again.documents().tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert [number for number in range(10) if found(again, number)] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert 3 not in again
    assert 4 in again


def test_old_store_keeps_its_own_modulus(path: Path):
    LocalStore(path, modulus=2).add(1, recording(1))
    again = LocalStore(path, modulus=8)
    assert again.modulus == again.stats().modulus == 2
    assert again.search(recording(1))[0].hits > 600


def test_many_small_segments_become_few(path: Path):
    store = LocalStore(path, flush=2)
    for number in range(2 * FANOUT * FANOUT):
        store.add(number, song(number))
    assert store.stats().segments < FANOUT
    assert len(store) == 2 * FANOUT * FANOUT
    assert all(found(store, number) for number in range(2 * FANOUT * FANOUT))
    assert store.verify() == []


def test_compacting_leaves_one_segment_and_nothing_removed(path: Path):
    store = LocalStore(path, flush=4)
    store.extend((number, song(number)) for number in range(30))
    store.remove(7)
    store.add(8, song(1008))
    store.compact()
    stats = store.stats()
    assert (stats.segments, stats.removed, stats.recordings) == (1, 0, 29)
    assert {file.suffix for file in path.iterdir()} == {".segment", ".journal", ".json", ""}
    assert not found(store, 7)
    assert store.search(song(8)) == []
    assert store.search(song(1008))[0].document == 8


def test_segment_more_than_half_removed_is_rewritten(path: Path):
    store = LocalStore(path, flush=10)
    store.extend((number, song(number)) for number in range(10))
    for number in range(8):
        store.remove(number)
    for number in range(20, 24):
        store.add(number, song(number))
    assert store.stats().removed == 0
    assert store.documents().tolist() == [8, 9, 20, 21, 22, 23]


def test_emptied_store_has_no_segment(path: Path):
    store = LocalStore(path, flush=2)
    store.extend((number, song(number)) for number in range(6))
    for number in range(6):
        store.remove(number)
    store.compact()
    assert (len(store), store.stats().segments) == (0, 0)
    assert store.search(song(1)) == []


# Other processes


def test_every_process_sees_a_recording_at_once(path: Path):
    stores = [LocalStore(path, flush=5) for _ in range(3)]
    for number in range(40):
        stores[number % 3].add(number, song(number))
        assert all(found(store, number) for store in stores)
    for number in range(0, 40, 7):
        stores[number % 2].remove(number)
        assert not any(found(store, number) for store in stores)


def test_reader_keeps_answering_while_another_process_writes(path: Path):
    store = LocalStore(path, flush=4)
    store.add(0, song(0))
    with a_writer(path, first=1) as writer:
        readers = [LocalStore(path) for _ in range(2)]
        seen = lost = 0
        while seen < 25:
            number = int(acknowledged(writer))
            seen += 1
            lost += sum(not (found(reader, 0) and found(reader, number)) for reader in readers)
    assert lost == 0


def test_threads_share_a_store(path: Path):
    store = LocalStore(path, flush=3)
    wrong: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 12):
            store.add(number, song(number))
            if not found(store, number):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(100 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(store) == 48


# Crashes


@settings(max_examples=25)
@given(torn=st.integers(0, 700))
def test_journal_cut_at_any_byte_keeps_every_whole_record(tmp_path_factory: pytest.TempPathFactory, torn: int):
    path = tmp_path_factory.mktemp("torn") / "index"
    store = LocalStore(path)
    sizes = []
    for number in range(6):
        store.add(number, song(number))
        sizes.append(the_journal(path).stat().st_size)
    os.truncate(the_journal(path), sizes[-1] - torn)
    whole = [number for number in range(6) if sizes[number] <= sizes[-1] - torn]
    again = LocalStore(path)
    assert again.documents().tolist() == whole
    again.add(99, song(99))
    assert LocalStore(path).documents().tolist() == [*whole, 99]
    assert LocalStore(path).verify() == []


@settings(max_examples=25)
@given(rubbish=st.binary(min_size=1, max_size=300))
def test_rubbish_behind_the_journal_is_cut_off_by_the_next_writer(
    tmp_path_factory: pytest.TempPathFactory, rubbish: bytes
):
    path = tmp_path_factory.mktemp("rubbish") / "index"
    store = LocalStore(path)
    store.add(1, song(1))
    with the_journal(path).open("ab") as file:
        file.write(rubbish)
    again = LocalStore(path)
    assert again.documents().tolist() == [1]
    assert len(again.verify()) == 1
    again.add(2, song(2))
    assert found(store, 2)
    assert LocalStore(path).documents().tolist() == [1, 2]
    assert again.verify() == []


def test_damage_before_good_records_is_reported_and_nothing_is_cut(path: Path):
    store = LocalStore(path)
    for number in range(3):
        store.add(number, song(number))
    raw = bytearray(the_journal(path).read_bytes())
    raw[60] ^= 1
    the_journal(path).write_bytes(raw)
    before = contents(path)
    again = LocalStore(path)
    with pytest.raises(Damaged, match="good records behind"):
        again.add(9, song(9))
    assert contents(path) == before


class Crash(BaseException):
    """The machine stops here."""


class Countdown:
    """Stops the machine before the n-th step that reaches the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
        self.left = steps
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "rename"), (Path, "unlink"), (os, "ftruncate")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, real):  # type: ignore[no-untyped-def]
        def step(*args, **kwargs):  # type: ignore[no-untyped-def]
            self.left -= 1
            if self.left == 0:
                raise Crash
            return real(*args, **kwargs)

        return step


@pytest.mark.parametrize("change", ["add", "replace", "remove", "extend", "compact", "bulk", "rebuild"])
def test_crash_at_any_step_loses_nothing_acknowledged(path: Path, change: str):
    """The store is written up to a flush and merge, then the change is cut short at every step it takes."""
    template = path.with_name("template")
    store = LocalStore(template, flush=3)
    for number in range(3 * FANOUT - 1):
        store.add(number, song(number))
    kept = set(range(3 * FANOUT - 1))
    for steps in range(1, 200):
        shutil.copytree(template, path)
        store = LocalStore(path, flush=3)
        with pytest.MonkeyPatch.context() as patch:
            countdown = Countdown(patch, steps)
            try:
                expected = CHANGES[change](store)
            except Crash:
                expected = None
        again = LocalStore(path, flush=3)
        known = set(again.documents().tolist())
        assert kept - {5} <= known
        assert again.verify() == []
        assert all(found(again, number) for number in kept & known - {5})
        if expected is not None:
            assert known == expected
        again.add(500, song(500))
        assert found(LocalStore(path), 500)
        assert again.verify() == []
        shutil.rmtree(path)
        if countdown.left > 0:
            break
    assert countdown.left > 0
    assert steps > 2


def _add(store: LocalStore) -> set[int]:
    store.add(300, song(300))
    assert found(store, 300)
    return {*range(3 * FANOUT - 1), 300}


def _replace(store: LocalStore) -> set[int]:
    store.add(5, song(305))
    assert store.search(song(305))[0].document == 5
    return set(range(3 * FANOUT - 1))


def _remove(store: LocalStore) -> set[int]:
    store.remove(5)
    return set(range(3 * FANOUT - 1)) - {5}


def _extend(store: LocalStore) -> set[int]:
    store.extend((number, song(number)) for number in range(300, 310))
    return {*range(3 * FANOUT - 1), *range(300, 310)}


def _compact(store: LocalStore) -> set[int]:
    store.compact()
    return set(range(3 * FANOUT - 1))


def _bulk(store: LocalStore) -> set[int]:
    """So many at once that they need not go through the journal; what stands in it is older."""
    store.add(5, song(305))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("checks.fingerprint.local_store.BULK", 10)
        store.extend([(5, song(5)), *((number, song(number)) for number in range(300, 310))])
    assert found(store, 5)
    return {*range(3 * FANOUT - 1), *range(300, 310)}


def _rebuild(store: LocalStore) -> set[int]:
    """Made anew under another modulus, in two files, while somebody learns and forgets."""

    def everything():  # type: ignore[no-untyped-def]
        for number in range(3 * FANOUT - 1):
            yield number, song(number)
        other = LocalStore(store._path, flush=3)
        other.add(301, song(301))
        other.remove(5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("checks.fingerprint.local_store.BATCH", 15)
        count = store.rebuild(everything(), lambda late: [(item, song(item)) for item in late if item != 5], modulus=8)
    assert store.modulus == 8
    assert count == 3 * FANOUT - 1
    assert found(store, 301)
    return {*range(3 * FANOUT - 1), 301} - {5}


CHANGES = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
    "extend": _extend,
    "compact": _compact,
    "bulk": _bulk,
    "rebuild": _rebuild,
}


def test_killed_merge_leaves_nothing_behind(path: Path):
    store = LocalStore(path, flush=2)
    store.extend((number, song(number)) for number in range(2))
    for left in ("0.merging", "000001.merging.tmp", "000000000099.segment", "000000000099.segment.tmp"):
        (path / left).write_bytes(b"half")
    assert LocalStore(path).verify() == []
    assert {file.name for file in path.iterdir()} <= {*store._manifest.files, "manifest.json", "lock", "merge-lock"}


def test_files_of_a_running_merge_are_left_alone(path: Path):
    store = LocalStore(path, flush=2)
    with store._lock("merge-lock"):
        (path / "0.merging").write_bytes(b"half")
        (path / "0.merging.tmp").write_bytes(b"half")
        LocalStore(path, flush=2).extend((number, song(number)) for number in range(4))
        assert {file.name for file in path.glob("*.merging*")} == {"0.merging", "0.merging.tmp"}


def test_others_learn_and_forget_while_a_merge_runs(path: Path, monkeypatch: pytest.MonkeyPatch):
    store, other = LocalStore(path, flush=2), LocalStore(path, flush=2)
    for first in range(0, 12, 2):
        store.extend((number, song(number)) for number in (first, first + 1))
    real = index_segment.merge_segments

    def meanwhile(*arguments: Any) -> int:
        kept = real(*arguments)
        other.remove(3)
        other.add(4, song(304))
        other.extend((number, song(number)) for number in (20, 21, 22))
        other.remove(7)
        return kept

    monkeypatch.setattr(index_segment, "merge_segments", meanwhile)
    store.compact()
    for each in (store, other, LocalStore(path)):
        assert each.documents().tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 20, 21, 22]
        assert [number for number in range(23) if found(each, number)] == [0, 1, 2, 5, 6, 8, 9, 10, 11, 20, 21, 22]
        assert each.search(song(304))[0].document == 4
    assert store.verify() == []


def test_tidying_leaves_few_segments_each_larger_than_the_rest_together(path: Path):
    store = LocalStore(path, flush=1)
    with store._lock("merge-lock"):  # so that nothing is merged on the way
        for number in range(21):
            store.add(number, song(number))
    assert store.stats().segments == 21
    store.tidy()
    sizes = sorted(part.listed.alive for part in store._parts)
    assert sum(sizes) == 21
    assert all(size > sum(sizes[:place]) for place, size in enumerate(sizes))
    assert all(found(store, number) for number in range(21))


def test_index_written_by_the_first_format_is_read(path: Path):
    store = LocalStore(path, flush=1000)
    songs = [(number, recording(number, 64 if number % 2 else 300)) for number in range(30)]
    store.extend(songs)
    store.compact()
    (file,) = path.glob("*.segment")
    modern = Segment(file)
    expected = [store.search(sound) for _, sound in songs]
    in_the_first_format(file, modern)
    old = LocalStore(path)
    assert old._parts[0].segment.format == 1
    assert [old.search(sound) for _, sound in songs] == expected
    assert old.verify() == []
    old.remove(3)
    old.compact()
    assert old._parts[0].segment.format == 2
    assert [old.search(sound) for _, sound in songs] == [*expected[:3], [], *expected[4:]]


def in_the_first_format(file: Path, segment: Segment) -> None:
    """As it was: one checksum, and the entries of each table behind its directory."""
    tables = (segment.sampled, segment.dense)
    arrays = [segment.documents, *(part for table in tables for part in (table.directory, table.entries))]
    body, at = b"", 56
    for array in arrays:
        body += bytes(-(at + len(body)) % 64) + array.tobytes()
    shape = (part for table in tables for part in (table.entries.size, table.bits))
    head = struct.pack("<8sIIQQIQII", b"gate-seg", 1, segment.modulus, segment.documents.size, *shape, zlib.crc32(body))
    file.write_bytes(head + struct.pack("<I", zlib.crc32(head)) + body)


def test_full_disk_refuses_and_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch):
    store = LocalStore(path)
    store.add(1, song(1))
    before = contents(path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            store.add(2, song(2))
    assert contents(path) == before
    assert not found(store, 2)
    store.add(2, song(2))
    assert found(store, 2)


def test_files_that_the_manifest_does_not_list_do_not_count(path: Path):
    store = LocalStore(path, flush=2)
    store.extend((number, song(number)) for number in range(2))
    (file,) = path.glob("*.segment")
    shutil.copy(file, path / "000000000099.segment")
    (path / "000000000098.journal").write_bytes(b"half a")
    (path / "000000000097.segment.tmp").write_bytes(b"half")
    again = LocalStore(path, flush=2)
    assert (again.stats().segments, len(again), again.verify()) == (1, 2, [])
    again.extend((number, song(number)) for number in range(2, 4))
    assert not list(path.glob("00000000009*"))


WRITER = """
import sys
from pathlib import Path
from checks.fingerprint.local_store import LocalStore
from tests.checks.fingerprint.sounds import recording
store = LocalStore(Path(sys.argv[1]), flush=4)
number = int(sys.argv[2])
while True:
    store.add(number, recording(number, 64))
    print(number, flush=True)
    number += 1
"""


class a_writer:  # noqa: N801 reads as a word in "with a_writer(...)"
    """A process that learns one recording after the other and says so each time, killed at the end."""

    def __init__(self, path: Path, first: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(first)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> subprocess.Popen[str]:
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def acknowledged(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout
    ready, _, _ = select.select([writer.stdout], [], [], 20)
    assert ready, "the writer says nothing"
    return writer.stdout.readline()


@pytest.mark.slow
def test_killed_writer_loses_no_acknowledged_recording(path: Path):
    chance = random.Random(7)
    first = 0
    for _ in range(6):
        told: list[int] = []
        with a_writer(path, first) as writer:
            told += [int(acknowledged(writer)) for _ in range(chance.randint(1, 9))]
            time.sleep(chance.uniform(0.0, 0.05))
            writer.send_signal(signal.SIGKILL)
            assert writer.stdout
            told += [int(line) for line in writer.stdout.read().split("\n") if line.strip()]
        store = LocalStore(path, flush=4)
        assert set(range(told[-1] + 1)) <= set(store.documents().tolist())
        assert all(found(store, number) for number in told)
        first = told[-1] + 1
    assert first > 20
    store.add(10_000, song(10_000))
    assert store.verify() == []


# Damage


def test_damaged_manifest_is_refused(path: Path):
    LocalStore(path).add(1, song(1))
    manifest = path / "manifest.json"
    good = manifest.read_text()
    for bad in ("", "{", "[]", good.replace('"modulus": 8', '"modulus": 4'), good.replace("journal", "diary")):
        manifest.write_text(bad or "\n")
        with pytest.raises(Damaged):
            LocalStore(path)


def test_manifest_of_a_later_program_is_refused(path: Path):
    LocalStore(path)
    manifest = path / "manifest.json"
    content = json.loads(manifest.read_text())
    content.pop("checksum")
    content["format"] = 3
    checksum = zlib.crc32(json.dumps(content, sort_keys=True).encode())
    manifest.write_text(json.dumps({"checksum": checksum, **content}))
    with pytest.raises(Damaged, match="format 3"):
        LocalStore(path)


def test_missing_segment_is_refused(path: Path):
    LocalStore(path, flush=1).add(1, song(1))
    next(path.glob("*.segment")).unlink()
    with pytest.raises(Damaged, match="not there"):
        LocalStore(path)


def test_verifying_finds_a_flipped_bit(path: Path):
    store = LocalStore(path, flush=1)
    store.add(1, song(1))
    segment = next(path.glob("*.segment"))
    raw = bytearray(segment.read_bytes())
    raw[-10] ^= 4
    segment.write_bytes(raw)
    assert [fault for fault in LocalStore(path).verify() if "checksum" in fault]


def test_stats_count_what_is_there(path: Path) -> None:
    store = LocalStore(path, flush=4)
    store.extend((number, song(number)) for number in range(4))
    store.add(4, song(4))
    store.remove(0)
    stats = store.stats()
    assert (stats.recordings, stats.removed, stats.segments, stats.postings) == (4, 1, 1, 5 * 64)
    assert stats.bytes == sum(file.stat().st_size for file in path.iterdir() if file.suffix in {".segment", ".journal"})
