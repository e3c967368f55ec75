"""Real recordings, learned and then delivered: copies must be found, everything else must not be.

    python benchmarks/real_music.py

Needs a folder with ``manifest.csv`` (a column ``file``) and ``pairs.csv`` (``file_a``, ``file_b``, ``expected``, which
says ``match`` for the same recording): ``GATE_MUSIC``, or ``music`` in the folder ``shared`` beside the project. Every
recording is learned but the copies (``file_a`` of a matching pair); then every file is delivered. A copy must be found
for certain with the stretch it shares; a pair that is expected to be no exact match may be called possible at most; and
nothing else may be found at all, but each learned recording itself.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from checks.analysis import Analyser  # noqa: E402 the project is found first
from checks.fingerprint.comparison import Comparison, is_degenerate  # noqa: E402
from checks.fingerprint.local_store import LocalStore  # noqa: E402
from checks.fingerprint.matcher import find_matches  # noqa: E402
from checks.fingerprint.store import Store  # noqa: E402
from checks.model.release import AudioFacts  # noqa: E402


@dataclass(frozen=True)
class Pair:
    """Two files of the folder, and whether they are the same recording."""

    copy: str
    original: str
    relation: str
    match: bool


@dataclass(frozen=True)
class Answer:
    """What the catalogue said when a file was delivered."""

    file: str
    found: Mapping[str, Comparison]
    seconds: float
    assessed: bool


def folder() -> Path | None:
    """The folder with the music, where there is one."""
    path = Path(os.environ.get("GATE_MUSIC") or ROOT.parent / "shared" / "music")
    return path if (path / "manifest.csv").exists() and (path / "pairs.csv").exists() else None


def files(music: Path) -> list[str]:
    with (music / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [row["file"] for row in csv.DictReader(file)]


def pairs(music: Path) -> list[Pair]:
    with (music / "pairs.csv").open(newline="", encoding="utf-8") as file:
        return [
            Pair(row["file_a"], row["file_b"], row["relation"], row["expected"] == "match")
            for row in csv.DictReader(file)
        ]


def measured(music: Path, names: Sequence[str]) -> Iterator[tuple[str, AudioFacts]]:
    """Every file with its facts, measured as at the gate. Raises ValueError where a file cannot be measured."""
    with Analyser() as analyser:
        for name in names:
            path = music / name
            facts = analyser.analyse(path, hashlib.sha256(path.read_bytes()).hexdigest())
            if not facts.ok:
                raise ValueError(f"{name}: {facts.error}")
            yield name, facts


def fingerprints(music: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The fingerprint of every file. Raises ValueError where a file cannot be measured."""
    return {name: facts.fingerprint for name, facts in measured(music, names)}


def ask(store: Store, prints: Mapping[str, bytes], known: Sequence[Pair]) -> list[Answer]:
    """Learn every recording but the copies, then deliver every file."""
    copies = {pair.copy for pair in known if pair.match}
    learned = {number: name for number, name in enumerate(prints) if name not in copies}
    for number, name in learned.items():
        store.add(number, prints[name])
    answers = []
    for name, fingerprint in prints.items():
        begun = time.perf_counter()
        found = find_matches(store, lambda wanted: {number: prints[learned[number]] for number in wanted}, fingerprint)
        seconds = time.perf_counter() - begun
        answers.append(Answer(name, {learned[n]: c for n, c in found}, seconds, not is_degenerate(fingerprint)))
    return answers


def faults(answers: Sequence[Answer], known: Sequence[Pair]) -> list[str]:
    """Where an answer is not what the folder says; in words."""
    same = {(p.copy, p.original) for p in known if p.match} | {(p.original, p.copy) for p in known if p.match}
    alike = {(p.copy, p.original) for p in known} | {(p.original, p.copy) for p in known}
    copies = {p.copy for p in known if p.match}
    result = []
    for answer in answers:
        if not answer.assessed:
            result.append(f"{answer.file}: not assessed")
        expected = {other for other in answer.found if (answer.file, other) in same or other == answer.file}
        if not any(answer.found[other].certain and answer.found[other].segments for other in expected):
            what = "its original" if answer.file in copies else "itself"
            result.append(f"{answer.file}: {what} is not found for certain")
        for other, comparison in answer.found.items():
            if other in expected:
                continue
            if comparison.certain:
                result.append(f"{answer.file}: taken for {other}")
            elif (answer.file, other) not in alike:
                result.append(f"{answer.file}: resembles {other}, and should not")
    return result


def row(file: str, other: str, comparison: Comparison) -> str:
    """One line of the table."""
    stretch = ", ".join(
        f"{s.start:.1f}-{s.end:.1f} = {s.reference_start:.1f}-{s.reference_end:.1f}" for s in comparison.segments
    )
    sure = "certain" if comparison.certain else "possible"
    return (
        f"{file[:48]:48} {other[:48]:48} {sure:8} {comparison.score:.3f}  {comparison.bit_error_rate:.3f}   {stretch}"
    )


def main() -> int:
    music = folder()
    if music is None:
        print("skipped: no music (set GATE_MUSIC to a folder with manifest.csv and pairs.csv)")
        return 0
    known = pairs(music)
    begun = time.perf_counter()
    prints = fingerprints(music, files(music))
    measured = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as path:
        store = LocalStore(Path(path))
        answers = ask(store, prints, known)
        stats = store.stats()
    print(f"{'delivered':48} {'found':48} {'':8} score  errors  stretch, seconds")
    for answer in answers:
        for other, comparison in answer.found.items():
            if other != answer.file:
                print(row(answer.file, other, comparison))
    wrong = faults(answers, known)
    for fault in wrong:
        print("WRONG", fault)
    copies = sum(pair.match for pair in known)
    others = sum(len(answer.found) for answer in answers) - len(answers)
    times = [1000 * answer.seconds for answer in answers]
    print(
        f"{len(prints)} files, {stats.recordings} learned, {copies} copies among them, {others} other resemblances; "
        f"{len(wrong)} wrong answers; measuring {measured:.1f} s, "
        f"query and comparison {sum(times) / len(times):.1f} ms a file (slowest {max(times):.1f} ms)"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
