"""A local index whose processes are killed again and again while they learn, forget, merge and make it anew.

    python -m benchmarks.kills --kills 100
    python -m benchmarks kills                             (the short set: ten times)

Each round starts two who learn one by one and forget some of it, one who learns many at once, one who merges, and one
who makes the index anew. After a moment all get SIGKILL. Then the index must open, be whole, hold all that was
acknowledged and nothing whose forgetting was acknowledged, find all of it, and have no file that it does not know.
Prints one row of figures; ends with 1 where anything was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.report import Table  # noqa: E402 the project is found first
from checks.fingerprint import index, local_store, precompile  # noqa: E402
from checks.fingerprint.local_store import LocalStore  # noqa: E402

#: Few, so that there is always something to flush and to merge.
FLUSH = 8
BULK = 16
ITEMS = 200

#: Of so many recordings it is tried each time whether they are found; at last of all.
ASKED = 5_000

#: Numbers of one process in one round.
ROOM = 100_000

COLUMNS = ("killed, times", "processes", "acknowledged", "merged", "made anew", "recordings at last", "faults")


def song(number: int) -> bytes:
    """A recording that is a function of its number."""
    return np.random.default_rng(number).integers(0, 2**32, ITEMS, dtype=np.uint32).astype("<u4").tobytes()


def _opened(path: Path) -> LocalStore:
    return LocalStore(path, flush=FLUSH)


def learner(path: Path, first: int, say: Callable[[str], None]) -> None:
    """One by one; every third time one of the earlier is forgotten. ``~`` says that it is being forgotten."""
    opened, chance, mine = _opened(path), random.Random(first), []
    for number in range(first, first + ROOM):
        opened.add(number, song(number))
        say(f"+{number}")
        mine.append(number)
        if number % 3 == 0:
            gone = mine.pop(chance.randrange(len(mine)))
            say(f"~{gone}")
            opened.remove(gone)
            say(f"-{gone}")


def bulk(path: Path, first: int, say: Callable[[str], None]) -> None:
    """Forty at once, which become a segment without the way through the journal."""
    opened = _opened(path)
    for begin in range(first, first + ROOM, 40):
        opened.extend((number, song(number)) for number in range(begin, begin + 40))
        say("+" + " +".join(map(str, range(begin, begin + 40))))


def merger(path: Path, first: int, say: Callable[[str], None]) -> None:
    """Merges whatever there is."""
    opened = _opened(path)
    while True:
        opened.tidy()
        opened.compact()
        say("merged")
        time.sleep(0.01)


def rebuilder(path: Path, first: int, say: Callable[[str], None]) -> None:
    """Makes the index anew, now under one modulus and then under another."""
    opened = _opened(path)
    while True:
        for modulus in (4, 8):
            everything = ((number, song(number)) for number in opened.documents().tolist())
            opened.rebuild(everything, lambda asked: [(item, song(item)) for item in asked if item in opened], modulus)
            say("rebuilt")
            time.sleep(0.02)


ROLES = (learner, learner, bulk, merger, rebuilder)


@dataclass
class Round:
    """What the processes said, and what must be so."""

    present: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)
    acknowledged: int = 0
    merged: int = 0
    rebuilt: int = 0

    def hear(self, words: str) -> None:
        for word in words.split():
            if word == "merged":
                self.merged += 1
            elif word == "rebuilt":
                self.rebuilt += 1
            elif word[0] == "+":
                self.present.add(int(word[1:]))
                self.acknowledged += 1
            elif word[0] == "~":
                self.present.discard(int(word[1:]))
                self.unsure.add(int(word[1:]))
            else:
                self.unsure.discard(int(word[1:]))
                self.forgotten.add(int(word[1:]))
                self.acknowledged += 1


def _start(role: Callable[..., None], path: Path, first: int) -> tuple[int, int]:
    """A process in this role, and what it says."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    os.close(reading)
    try:
        role(path, first, lambda words: os.write(writing, f"{words}\n".encode()))
    finally:
        os._exit(1)


def one_round(path: Path, number: int, told: Round, chance: random.Random) -> list[str]:
    """Start, kill, look; what is wrong, in words."""
    children = [_start(role, path, ROOM * (len(ROLES) * number + place)) for place, role in enumerate(ROLES)]
    time.sleep(chance.uniform(0.02, 1.0))
    faults = [
        f"{role.__name__} ended by itself" for role, (child, _) in zip(ROLES, children, strict=True) if _ended(child)
    ]
    for child, _ in children:
        os.kill(child, signal.SIGKILL)
    for child, reading in children:
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as file:
            told.hear(file.read().rpartition(b"\n")[0].decode())
    there = sorted(told.present)
    return faults + look(path, told, sorted(chance.sample(there, min(ASKED, len(there)))))


def _ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def look(path: Path, told: Round, asked: Sequence[int] | None = None) -> list[str]:
    """What is wrong with the index, in words; these are sought in it, or all that must be there."""
    asked = sorted(told.present) if asked is None else asked
    opened = _opened(path)
    faults = opened.verify()
    faults = [fault for fault in faults if "no whole record" not in fault]  # half a frame, for the next writer to cut
    there = set(opened.documents().tolist())
    if lost := told.present - there:
        faults.append(f"lost: {sorted(lost)[:5]}")
    found = opened.search_keys([index.build_index_keys(song(number), opened.modulus).values for number in asked], 3)
    unfound = [
        number for number, some in zip(asked, found, strict=True) if [item.document for item in some] != [number]
    ]
    if unfound:
        faults.append(f"not found: {unfound[:5]}")
    strange = {file.name for file in path.iterdir()} - opened._manifest.files - local_store._STANDING
    if strange:
        faults.append(f"files that nobody knows: {sorted(strange)}")
    if back := told.forgotten & there:
        faults.append(f"came back: {sorted(back)[:5]}")
    # Learned or forgotten and not acknowledged: either is right, and from now on it is known which.
    told.present, told.unsure = there, set()
    return faults


def run(folder: Path, kills: int = 10, seed: int = 1) -> list[Table]:
    """As often as it takes a dozen seconds; ends with the first fault, which is a remark."""
    precompile.compile_postings_kernels()
    path, told, chance = folder / "kills", Round(), random.Random(seed)
    begun, done, faults = time.monotonic(), 0, list[str]()
    with _much_at_once():
        while done < kills and not faults:
            faults = one_round(path, done, told, chance)
            done += 1
        if not faults:
            faults = look(path, told)
        last = _opened(path).stats().recordings
    counted = (done, len(ROLES), told.acknowledged, told.merged, told.rebuilt, last, len(faults))
    whole = "whole each time, with all that was acknowledged" if not faults else f"round {done}: {'; '.join(faults)}"
    title = "An index whose processes are killed while they learn, forget, merge and make it anew"
    remarks = [f"{whole}; {time.monotonic() - begun:.0f} s."]
    command = f"python -m benchmarks.kills --kills {kills} --seed {seed}"
    return [Table(title, command, COLUMNS, [[f"{number:,}" for number in counted]], remarks)]


@contextlib.contextmanager
def _much_at_once() -> Iterator[None]:
    """Fewer recordings than usual count as many: what learns them at once writes a segment."""
    before, local_store.BULK = local_store.BULK, BULK
    try:
        yield
    finally:
        local_store.BULK = before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-kills-") as folder:
        (table,) = run(Path(folder), options.kills, options.seed)
    print(table.text())
    return int(table.rows[0][-1] != "0")


if __name__ == "__main__":
    sys.exit(main())
