"""How disguised may a copy be? Music, changed in all the usual ways, is held against a catalogue of the originals.

    python benchmarks/robustness.py [--quick] [--strangers N] [--modulus N] [--seconds S] [--every K]
                                    [--keep FOLDER] [--plot docs/images/robustness.svg] [--write docs/robustness.md]

Takes a folder of music (``GATE_MUSIC``, or ``music`` in the folder ``shared`` beside the project; every audio file in
it). Every recording is learned, and as many synthetic strangers as one likes; then the first 90 s of each are changed
and delivered as a file, and a change counts as found where its own recording is among the matches (certain or
possible). At last every recording is delivered as it is, and what it is taken for beside itself is counted: all ordered
pairs of the folder. ``AcoustID`` is the published way of the peer on the same fingerprints: 120 hashes from the
eightieth on, and the best score within 80 sub-prints above 0.4. Thresholds may be chosen on the recordings whose hashed
name is even; what is reported as result is the other half. ``--keep`` keeps what was measured of every changed copy:
another run, with another catalogue or other thresholds, then takes a tenth of the time.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import catalogue, machine, real_music  # noqa: E402 the project is found first
from benchmarks.disguises import DISGUISES, Disguise, decoded, delivered  # noqa: E402
from benchmarks.report import Table  # noqa: E402
from checks.analysis import decode  # noqa: E402
from checks.fingerprint import bit_operations  # noqa: E402
from checks.fingerprint.comparison import Comparison, is_degenerate  # noqa: E402
from checks.fingerprint.index import MODULUS  # noqa: E402
from checks.fingerprint.local_store import LocalStore  # noqa: E402
from checks.fingerprint.matcher import find_matches  # noqa: E402
from checks.fingerprint.precompile import compile_all_kernels  # noqa: E402

#: So much of each recording is delivered, from its beginning; excerpts come from within it.
SECONDS = 90.0
AUDIO = {".ogg", ".flac", ".mp3", ".wav", ".m4a", ".opus", ".aiff"}

#: The short run takes so many recordings.
QUICK = 8

#: AcoustID's published constants: see pg_acoustid's acoustid_compare.c and the server's fingerprint.py.
ACOUSTID_FIRST, ACOUSTID_HASHES, ACOUSTID_OFFSET, ACOUSTID_SCORE = 80, 120, 80, 0.4

#: The recordings' numbers begin here; those of synthetic strangers (``benchmarks/catalogue.py``) lie below.
FIRST = 1 << 40


Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Copy:
    """What the gate measured of one changed copy."""

    disguise: str
    fingerprint: bytes
    picture: bytes


@dataclass
class Row:
    """What came of one disguise on one half of the recordings."""

    tried: int = 0
    found: int = 0
    certain: int = 0
    with_factor: int = 0
    peer: int = 0
    false: int = 0  # certain, and another recording
    doubtful: int = 0  # possible, and another recording
    seconds: float = 0.0

    def told(self) -> list[str]:
        low, high = interval(self.found, self.tried)
        return [
            str(self.tried),
            f"{self.found / self.tried:.0%} ({low:.0%}-{high:.0%})",
            *(f"{count / self.tried:.0%}" for count in (self.certain, self.with_factor, self.peer)),
            str(self.false),
            str(self.doubtful),
            f"{1000 * self.seconds / self.tried:.0f}",
        ]


COLUMNS = (
    "change", "tried", "found (95 %)", "certain", "factor right", "AcoustID way", "false, certain", "false, possible",
    "query, CPU ms",
)  # fmt: skip


def files(music: Path) -> list[Path]:
    return sorted(path for path in music.iterdir() if path.suffix in AUDIO)


def acoustid(query: bytes, references: Mapping[str, bytes]) -> set[str]:
    """The references that AcoustID's published method would take for the query."""
    a = bit_operations.read_subprints(query)
    asked = _hashes(a)
    return {
        name for name, reference in references.items()
        if np.isin(asked, _hashes(bit_operations.read_subprints(reference))).any()
        and _acoustid_score(a, bit_operations.read_subprints(reference)) > ACOUSTID_SCORE
    }  # fmt: skip


def _hashes(prints: bit_operations.UInt32s) -> bit_operations.UInt32s:
    heard = prints[prints != bit_operations.SILENCE][ACOUSTID_FIRST:] & np.uint32(bit_operations.KEY_MASK)
    _, first = np.unique(heard, return_index=True)
    return heard[np.sort(first)[:ACOUSTID_HASHES]]


def _acoustid_score(a: bit_operations.UInt32s, b: bit_operations.UInt32s) -> float:
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


def tuning(path: Path) -> bool:
    """Whether thresholds may be chosen on this recording: half of them, by the hash of the name."""
    return hashlib.sha256(path.name.encode()).digest()[0] % 2 == 0


def right_factor(comparison: Comparison, disguise: Disguise) -> bool:
    """Within 1 % of the speed and 0.1 semitone of the pitch."""
    pitch = comparison.pitch + 12 * math.log2(comparison.speed)
    expected = disguise.pitch + 12 * math.log2(disguise.speed)
    return abs(comparison.speed / disguise.speed - 1) <= 0.01 and abs(pitch - expected) <= 0.1


@dataclass
class Catalogue:
    """All recordings of the folder, learned, and strangers among them."""

    folder: Path
    modulus: int
    alike: Mapping[str, set[str]]  # the same recording
    kin: Mapping[str, set[str]]  # another mix of it, or the like
    strangers: int
    names: dict[int, str] = field(default_factory=dict)
    prints: dict[int, bytes] = field(default_factory=dict)
    pictures: dict[int, bytes] = field(default_factory=dict)

    def learn(self, paths: Sequence[Path], keep: Path | None) -> None:
        for number, path in enumerate(paths, FIRST):
            copy = whole(path, keep)
            if copy and not is_degenerate(copy.fingerprint):
                self.names[number] = path.name
                self.prints[number], self.pictures[number] = copy.fingerprint, copy.picture
        self._others = self._made_up() if self.strangers else None
        self._store = LocalStore(self.folder, modulus=self.modulus)
        if self._others:
            catalogue.build(self._store, self._others, self.strangers)
        self._store.extend(self.prints.items())
        self._store.compact()

    def _made_up(self) -> catalogue.Music:
        """What strangers are made of: the half that is not reported, but for what has relatives in the other.

        Whatever strangers are made of has keys that are common among them, as no real recording's are.
        """
        half = [
            self.prints[number]
            for number, name in self.names.items()
            if all(tuning(Path(relative)) for relative in self.relatives(name))
        ]
        return catalogue.calibrated(bit_operations.read_subprints(b"".join(half or self.prints.values())))

    def __contains__(self, path: Path) -> bool:
        return path.name in self.names.values()

    def same(self, name: str) -> set[str]:
        """The recording under all its names."""
        return {name} | self.alike.get(name, set())

    def relatives(self, name: str) -> set[str]:
        """The recording, and what has to do with it."""
        return self.same(name) | self.kin.get(name, set())

    def find(self, fingerprint: bytes, picture: bytes) -> tuple[dict[str, Comparison], float]:
        """What is found, by name, and what that cost."""
        begun = time.process_time()
        known = len(self.prints) + self.strangers
        found = find_matches(self._store, self._load, fingerprint, picture=picture, known=known)
        seconds = time.process_time() - begun
        return {self.names.get(number, f"stranger {number}"): comparison for number, comparison in found}, seconds

    def put(self, row: Row, path: Path, disguise: Disguise, copy: Copy, beside: set[str]) -> None:
        """Deliver a changed copy, and count what is found; what else is heard in it is no false match."""
        found, seconds = self.find(copy.fingerprint, copy.picture)
        row.seconds += seconds
        row.tried += 1
        same = self.same(path.name)
        own = [comparison for name, comparison in found.items() if name in same]
        kin = self.kin.get(path.name, set())
        others = [
            comparison
            for name, comparison in found.items()
            if name not in same | beside and (comparison.certain or name not in kin)
        ]
        row.found += bool(own)
        row.certain += any(comparison.certain for comparison in own)
        row.with_factor += any(right_factor(comparison, disguise) for comparison in own)
        row.false += sum(comparison.certain for comparison in others)
        row.doubtful += sum(not comparison.certain for comparison in others)
        references = {name: self.prints[number] for number, name in self.names.items() if name in same}
        row.peer += bool(acoustid(copy.fingerprint, references))

    def pairs(self) -> tuple[int, list[str]]:
        """Every recording against every other: how many ordered pairs there are, and those that are found, in words.

        Pairs that have to do with one another, as the folder says, are left out unless one is taken for the same.
        """
        count, wrong = 0, []
        for number, name in self.names.items():
            found, _ = self.find(self.prints[number], self.pictures[number])
            same = self.same(name)
            count += len(self.names) - len(self.relatives(name) & set(self.names.values()))
            for other, comparison in found.items():
                if other not in same and (comparison.certain or other not in self.kin.get(name, set())):
                    sure = "certain" if comparison.certain else "possible"
                    wrong.append(
                        f"{name} ~ {other}: {sure}, bit error rate {comparison.bit_error_rate:.3f} over "
                        f"{comparison.seconds:.0f} s, speed {comparison.speed}, pitch {comparison.pitch:+}"
                    )
        return count, wrong

    def _load(self, wanted: Sequence[int]) -> dict[int, bytes]:
        known = {number: self.prints[number] for number in wanted if number >= FIRST}
        strangers = [number for number in wanted if number < FIRST]
        return known | self._others.fingerprints(strangers) if self._others and strangers else known


def groups(music: Path, same: bool) -> dict[str, set[str]]:
    """The files that are the same recording as another, or not quite, after ``pairs.csv`` where there is one."""
    found: dict[str, set[str]] = {}
    if (music / "pairs.csv").exists():
        for pair in real_music.pairs(music):
            if pair.match == same:
                found.setdefault(pair.copy, set()).add(pair.original)
                found.setdefault(pair.original, set()).add(pair.copy)
    return found


def copies(path: Path, other: Path, disguises: Sequence[Disguise], seconds: float, keep: Path | None) -> list[Copy]:
    """A recording in every disguise, as the gate measures it; kept, where that is wished."""

    def make() -> list[Copy | None]:
        samples, under = decoded(path, seconds), decoded(other, seconds)
        wanted = DISGUISES if keep else disguises
        sounds = (d.make(samples, under) if d in wanted else samples[:0] for d in DISGUISES)
        measured = (
            delivered(s, d.codec, d.bitrate) if s.any() else None for s, d in zip(sounds, DISGUISES, strict=True)
        )
        return [
            Copy(disguise.name, facts.fingerprint, facts.picture) if facts else None
            for disguise, facts in zip(DISGUISES, measured, strict=True)
        ]

    made = _kept(keep, f"{path.name}.{seconds:g}", make)
    return [copy for disguise, copy in zip(DISGUISES, made, strict=True) if copy and disguise in disguises]


def whole(path: Path, keep: Path | None) -> Copy | None:
    """A recording as it is; None where it cannot be measured."""

    def make() -> Copy | None:
        with path.open("rb") as file:
            facts = decode.measure_audio_file(file, "")
        return Copy("", facts.fingerprint, facts.picture) if facts.ok else None

    return _kept(keep, path.name, make)


def _kept(keep: Path | None, name: str, make: Callable[[], Kept]) -> Kept:
    """What was made before, or what is made now, kept where that is wished."""
    if keep is None:
        return make()
    place = keep / f"{name}.pickle"
    if place.exists():
        kept: Kept = pickle.loads(place.read_bytes())
        return kept
    made = make()
    keep.mkdir(parents=True, exist_ok=True)
    place.write_bytes(pickle.dumps(made))
    return made


def run(folder: Path) -> list[Table]:
    """The short form: a few disguises of a few recordings; none where there is no music."""
    music = real_music.folder()
    if music is None:
        print("no real recordings (GATE_MUSIC names a folder): how copies are found is not measured", file=sys.stderr)
        return []
    every = -(-len(files(music)) // QUICK)
    report = measured(music, folder / "robustness", Choice(quick=True, every=every))
    return report.tables[1:]


@dataclass(frozen=True)
class Choice:
    """What is measured."""

    quick: bool = False
    every: int = 1
    modulus: int = MODULUS
    strangers: int = 0
    seconds: float = SECONDS
    keep: Path | None = None


@dataclass(frozen=True)
class Report:
    """What came of it."""

    tables: list[Table]  # the reported half, both halves
    halves: Mapping[str, Row]  # the reported half by disguise
    lines: list[str]


def measured(music: Path, folder: Path, choice: Choice) -> Report:
    """Learn everything, disguise everything, ask for everything."""
    compile_all_kernels()
    paths = files(music)
    disguises = [disguise for disguise in DISGUISES if disguise.quick or not choice.quick]
    rows = {(disguise.name, half): Row() for disguise in disguises for half in (False, True)}
    with machine.Meter(os.getpid()) as meter:
        known = Catalogue(folder / "index", choice.modulus, groups(music, True), groups(music, False), choice.strangers)
        known.learn(paths, choice.keep)
        for place, path in list(enumerate(paths))[:: choice.every]:
            if path not in known:
                continue
            named = {disguise.name: disguise for disguise in disguises}
            for copy in copies(path, paths[place - 1], disguises, choice.seconds, choice.keep):
                beside = known.relatives(paths[place - 1].name) if copy.disguise.startswith("overlay") else set()
                known.put(rows[copy.disguise, tuning(path)], path, named[copy.disguise], copy, beside)
        count, wrong = known.pairs()
    false = "none is taken for the other" if not wrong else f"{len(wrong)} are found: " + "; ".join(wrong)
    lines = [
        f"{len(paths)} files and {choice.strangers:,} synthetic strangers learned, one key in {choice.modulus}.",
        f"Whole recordings against one another: {count:,} ordered pairs that share nothing; {false}.",
        meter.told(),
    ]
    names = list(dict.fromkeys(disguise.name for disguise in disguises))
    sums = {halves: {name: _sum([rows[name, half] for half in halves]) for name in names}
            for halves in ((False,), (False, True))}  # fmt: skip
    command = "python benchmarks/robustness.py" + (f" --strangers {choice.strangers}" if choice.strangers else "")
    tables = [
        Table(title, command, COLUMNS, [[name, *row.told()] for name, row in of.items() if row.tried], lines)
        for title, of in zip(("Disguised copies, the reported half", "Disguised copies, both halves"), sums.values(),
                             strict=True)
    ]  # fmt: skip
    return Report(tables, sums[False,], lines)


def _sum(parts: Sequence[Row]) -> Row:
    return Row(*(sum(values) for values in zip(*map(dataclasses.astuple, parts), strict=True)))


def plot(rows: Mapping[str, Row], path: Path) -> None:
    """Recall with its interval for every disguise, beside the peer's."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    named = [(name, row) for name, row in rows.items() if row.tried][::-1]
    places = np.arange(len(named))
    shares = np.array([row.found / row.tried for _, row in named])
    reach = np.array([interval(row.found, row.tried) for _, row in named]).T
    figure, axes = pyplot.subplots(figsize=(8, 0.24 * len(named) + 1), layout="constrained")
    axes.barh(places, shares, 0.62, color="#3b6ea5", label="found")
    axes.errorbar(shares, places, xerr=np.abs(reach - shares), fmt="none", ecolor="#1d2b3a", elinewidth=1, capsize=2)
    peers = [row.peer / row.tried for _, row in named]
    axes.plot(peers, places, "o", color="#d1603d", markersize=5, label="AcoustID's way")
    axes.set_yticks(places, [name for name, _ in named], fontsize=8)
    axes.set_xlim(0, 1.005)
    axes.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    axes.set_ylim(-0.6, len(named) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few of the changes")
    parser.add_argument("--every", type=int, default=1, help="every so-many-th recording")
    parser.add_argument("--modulus", type=int, default=MODULUS, help="one key in so many is indexed")
    parser.add_argument("--strangers", type=int, default=0, help="synthetic recordings that are learned as well")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--keep", type=Path, help="keep what was measured of the copies in this folder, and use it")
    parser.add_argument("--plot", type=Path, help="draw the reported half into this file")
    parser.add_argument("--write", type=Path, help="put the tables between the marks of this page")
    chosen = vars(parser.parse_args(arguments))
    drawn, page = chosen.pop("plot"), chosen.pop("write")
    music = Path(os.environ.get("GATE_MUSIC") or ROOT.parent / "shared" / "music")
    if not music.is_dir():
        print("skipped: no music (set GATE_MUSIC)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        report = measured(music, Path(folder), Choice(**chosen))
        head = [f"- {line}" for line in (*machine.describe(Path(folder)), *report.lines)]
    text = "\n".join([*head, "", *(dataclasses.replace(table, remarks=()).markdown() for table in report.tables)])
    print(text)
    if drawn:
        plot(report.halves, drawn)
    if page:
        before, mark, _ = page.read_text(encoding="utf-8").partition("<!-- measured -->\n")
        if not mark:
            raise SystemExit(f"{page} has no mark <!-- measured -->")
        page.write_text(f"{before}{mark}{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
