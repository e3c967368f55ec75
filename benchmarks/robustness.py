"""How disguised may a copy be? Music, changed in all the usual ways, is held against a catalogue of the originals.

    python benchmarks/robustness.py [--quick] [--modulus N] [--seconds S] [--write docs/robustness.md]

Takes a folder of music (``GATE_MUSIC``, or ``music`` in the folder ``shared`` beside the project; every audio file in
it). Every recording is learned; then the first 90 s of each are changed and delivered as a file, and a change counts as
found where its own recording is among the matches (certain or possible). ``AcoustID`` is the published way of the peer
on the same fingerprints: 120 hashes from the eightieth on, and the best score within 80 sub-prints above 0.4.
Thresholds may be chosen on the recordings whose hashed name is even; what is reported as result is the other half.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import machine, real_music  # noqa: E402 the project is found first
from benchmarks.disguises import DISGUISES, Disguise, decoded, delivered  # noqa: E402
from checks.analysis import decode  # noqa: E402
from checks.fingerprint import kernels  # noqa: E402
from checks.fingerprint.catalogue import find  # noqa: E402
from checks.fingerprint.compare import Comparison, degenerate  # noqa: E402
from checks.fingerprint.store import LocalStore  # noqa: E402
from checks.release import AudioFacts  # noqa: E402

Samples = npt.NDArray[np.int16]  # (n,) or (n, channels)
Filters = Sequence[tuple[str, str]]

#: So much of each recording is delivered, from its beginning; excerpts come from its middle.
SECONDS = 90.0
RATE = 44100
AUDIO = {".ogg", ".flac", ".mp3", ".wav", ".m4a", ".opus", ".aiff"}

#: AcoustID's published constants: see pg_acoustid's acoustid_compare.c and the server's fingerprint.py.
ACOUSTID_FIRST, ACOUSTID_HASHES, ACOUSTID_OFFSET, ACOUSTID_SCORE = 80, 120, 80, 0.4


def files(music: Path) -> list[Path]:
    return sorted(path for path in music.iterdir() if path.suffix in AUDIO)


def acoustid(query: bytes, references: Mapping[str, bytes]) -> set[str]:
    """The references that AcoustID's published method would take for the query."""
    a = kernels.subprints(query)
    asked = _hashes(a)
    return {
        name for name, reference in references.items()
        if np.isin(asked, _hashes(kernels.subprints(reference))).any()
        and _acoustid_score(a, kernels.subprints(reference)) > ACOUSTID_SCORE
    }  # fmt: skip


def _hashes(prints: kernels.UInt32s) -> kernels.UInt32s:
    heard = prints[prints != kernels.SILENCE][ACOUSTID_FIRST:] & np.uint32(kernels.KEY_MASK)
    _, first = np.unique(heard, return_index=True)
    return heard[np.sort(first)[:ACOUSTID_HASHES]]


def _acoustid_score(a: kernels.UInt32s, b: kernels.UInt32s) -> float:
    best = 0.0
    for offset in range(-ACOUSTID_OFFSET, ACOUSTID_OFFSET + 1):
        x, y = a[max(0, -offset) :], b[max(0, offset) :]
        length = min(len(x), len(y))
        if length:
            rate = float(np.bitwise_count(x[:length] ^ y[:length]).mean()) / 32
            best = max(best, length / min(len(a), len(b)) * (1 - 2 * rate))
    return best


def interval(found: int, tried: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's: the shares at which so many, or so few, would be no more than this unlikely."""
    tail = (1 - confidence) / 2

    def at_least(share: float, count: int) -> float:
        return sum(math.comb(tried, k) * share**k * (1 - share) ** (tried - k) for k in range(count, tried + 1))

    def where(reached: Callable[[float], bool]) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        return low

    low = where(lambda share: at_least(share, found) >= tail) if found else 0.0
    high = where(lambda share: 1 - at_least(share, found + 1) <= tail) if found < tried else 1.0
    return low, high


@dataclass
class Row:
    """What came of one transform on one half of the recordings."""

    tried: int = 0
    found: int = 0
    certain: int = 0
    with_factor: int = 0
    peer: int = 0
    false: int = 0  # certain, and another recording
    doubtful: int = 0  # possible, and another recording
    seconds: float = 0.0

    def told(self, name: str) -> str:
        low, high = interval(self.found, self.tried)
        return (
            f"| {name} | {self.tried} | {self.found / self.tried:.0%} ({low:.0%}-{high:.0%}) | "
            f"{self.certain / self.tried:.0%} | {self.with_factor / self.tried:.0%} | {self.peer / self.tried:.0%} | "
            f"{self.false} | {self.doubtful} | {1000 * self.seconds / self.tried:.0f} |"
        )


HEAD = (
    "| change | tried | found (95 %) | certain | factor right | AcoustID way | false, certain | false, possible "
    "| query, CPU ms |\n|---|---|---|---|---|---|---|---|---|"
)


def tuning(path: Path) -> bool:
    """Whether thresholds may be chosen on this recording: half of them, by the hash of the name."""
    return hashlib.sha256(path.name.encode()).digest()[0] % 2 == 0


def right_factor(comparison: Comparison, transform: Disguise) -> bool:
    """Within 1 % of the speed and 0.1 semitone of the pitch."""
    pitch = comparison.pitch + 12 * math.log2(comparison.speed)
    expected = transform.pitch + 12 * math.log2(transform.speed)
    return abs(comparison.speed / transform.speed - 1) <= 0.01 and abs(pitch - expected) <= 0.1


class Catalogue:
    """All recordings of the folder, learned."""

    def __init__(self, paths: Sequence[Path], folder: Path, modulus: int, alike: Mapping[str, set[str]]) -> None:
        self._alike = alike
        self._store = LocalStore(folder, modulus=modulus)
        self._prints: dict[int, bytes] = {}
        self._names: dict[int, str] = {}
        for number, path in enumerate(paths):
            with path.open("rb") as file:
                facts = decode.measure(file, "")
            if facts.ok and not degenerate(facts.fingerprint):
                self._prints[number], self._names[number] = facts.fingerprint, path.name
        self._store.extend(self._prints.items())

    def __contains__(self, path: Path) -> bool:
        return path.name in self._names.values()

    def put(self, row: Row, path: Path, transform: Disguise, facts: AudioFacts) -> None:
        """Deliver a changed copy, and count what is found."""
        begun = time.process_time()
        load = lambda wanted: {number: self._prints[number] for number in wanted}  # noqa: E731
        found = find(self._store, load, facts.fingerprint, picture=facts.picture)
        row.seconds += time.process_time() - begun
        row.tried += 1
        same = self._alike.get(path.name, set()) | {path.name}
        own = [comparison for number, comparison in found if self._names[number] in same]
        others = [comparison for number, comparison in found if self._names[number] not in same]
        row.found += bool(own)
        row.certain += any(comparison.certain for comparison in own)
        row.with_factor += any(right_factor(comparison, transform) for comparison in own)
        row.false += sum(comparison.certain for comparison in others)
        row.doubtful += sum(not comparison.certain for comparison in others)
        references = {self._names[number]: fingerprint for number, fingerprint in self._prints.items()}
        own_references = {name: references[name] for name in same if name in references}
        row.peer += bool(acoustid(facts.fingerprint, own_references))


def alike(music: Path) -> dict[str, set[str]]:
    """The files that are the same recording, after ``pairs.csv`` where there is one."""
    groups: dict[str, set[str]] = {}
    if (music / "pairs.csv").exists():
        for pair in real_music.pairs(music):
            if pair.match:
                groups.setdefault(pair.copy, set()).add(pair.original)
                groups.setdefault(pair.original, set()).add(pair.copy)
    return groups


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every third recording, half of the changes")
    parser.add_argument("--every", type=int, help="every so-many-th recording")
    parser.add_argument("--modulus", type=int, default=2, help="one key in so many is indexed")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--write", type=Path, help="put the table between the marks of this page")
    chosen = parser.parse_args(arguments)
    music = Path(os.environ.get("GATE_MUSIC") or ROOT.parent / "shared" / "music")
    if not music.is_dir():
        print("skipped: no music (set GATE_MUSIC)")
        return 0
    paths = files(music)
    transforms = [transform for transform in DISGUISES if transform.quick or not chosen.quick]
    rows = {(transform.name, half): Row() for transform in transforms for half in (False, True)}
    with tempfile.TemporaryDirectory() as folder, machine.Meter(os.getpid()) as meter:
        catalogue = Catalogue(paths, Path(folder) / "index", chosen.modulus, alike(music))
        other = decoded(paths[0], chosen.seconds)
        for path in paths[:: chosen.every or (3 if chosen.quick else 1)]:
            if path not in catalogue:
                continue
            samples = decoded(path, chosen.seconds)
            for transform in transforms:
                made = transform.make(samples, other)
                if made.any():  # nothing is left of a mono recording without its middle
                    facts = delivered(made, transform.codec, transform.bitrate)
                    catalogue.put(rows[transform.name, tuning(path)], path, transform, facts)
            other = samples
    report = _report(transforms, rows, len(paths), " ".join(sys.argv[1:]), meter.told())
    print(report)
    if chosen.write:
        before, mark, _ = chosen.write.read_text(encoding="utf-8").partition("<!-- measured -->\n")
        if not mark:
            raise SystemExit(f"{chosen.write} has no mark <!-- measured -->")
        chosen.write.write_text(f"{before}{mark}{report}\n", encoding="utf-8")
    return 0


def _report(
    transforms: Sequence[Disguise], rows: Mapping[tuple[str, bool], Row], known: int, options: str, load: str
) -> str:
    lines = [f"`python benchmarks/robustness.py {options}`, {known} files learned.", ""]
    lines += [f"- {line}" for line in (*machine.describe(Path(tempfile.gettempdir())), load)]
    for title, halves in (("Reported half", [False]), ("Both halves", [False, True])):
        lines += ["", f"### {title}", "", HEAD]
        for transform in transforms:
            parts = [dataclasses.astuple(rows[transform.name, half]) for half in halves]
            row = Row(*(sum(values) for values in zip(*parts, strict=True)))
            if row.tried:
                lines.append(row.told(transform.name))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
