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
import io
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import machine, real_music  # noqa: E402 the project is found first
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


@dataclass(frozen=True)
class Transform:
    """A way to disguise a copy, and what it makes of speed and pitch."""

    name: str
    make: Callable[[Samples, Samples], Samples]  # from the recording and another one
    speed: float = 1.0
    pitch: float = 0.0
    mp3: bool = False
    quick: bool = True
    middle: bool = False


def changed(
    samples: Samples, rate: int = 11025, *, speed: float = 1.0, pitch: float = 0.0, tempo: float = 1.0
) -> Samples:
    """Played faster by ``speed``, higher by ``pitch`` semitones at the same tempo, and at another tempo."""
    frequency = speed * 2 ** (pitch / 12)
    pace = tempo * speed / frequency
    filters: list[tuple[str, str]] = []
    if frequency != 1:
        filters += [("asetrate", str(round(rate * frequency))), ("aresample", str(rate))]
    if abs(pace - 1) > 1e-6:
        filters += [("atempo", f"{pace:.6f}")]
    return filtered(samples, rate, filters)


def filtered(samples: Samples, rate: int, filters: Filters) -> Samples:
    """The samples after FFmpeg's filters, of the same number of channels."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    layout = {1: "mono", 2: "stereo"}[channels]
    graph = av.filter.Graph()
    last = graph.add_abuffer(sample_rate=rate, format="s16", layout=layout)
    source = last
    for name, arguments in [*filters, ("aformat", f"sample_fmts=s16:channel_layouts={layout}:sample_rates={rate}")]:
        node = graph.add(name, arguments)
        last.link_to(node)
        last = node
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout=layout)
    frame.sample_rate = rate
    source.push(frame)
    source.push(None)
    pieces = [frame.to_ndarray().reshape(-1) for frame in _pulled(graph)]
    flat = np.concatenate(pieces) if pieces else np.empty(0, np.int16)
    return flat if samples.ndim == 1 else flat.reshape(-1, channels)


def _pulled(graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _speed(factor: float, quick: bool = True) -> Transform:
    return Transform(f"speed {factor:.2f}", lambda a, _: changed(a, RATE, speed=factor), speed=factor, quick=quick)


def _pitch(semitones: float) -> Transform:
    make = lambda a, _: changed(a, RATE, pitch=semitones)  # noqa: E731
    return Transform(f"pitch {semitones:+.0f} semitones", make, pitch=semitones)


def _tempo(factor: float, quick: bool = True) -> Transform:
    make = lambda a, _: changed(a, RATE, tempo=factor)  # noqa: E731
    return Transform(f"tempo {factor:.2f}", make, factor, -12 * math.log2(factor), quick=quick)


def _excerpt(seconds: int) -> Transform:
    def cut(samples: Samples, _: Samples) -> Samples:
        start = min(len(samples) // 3 + 317, max(0, len(samples) - seconds * RATE))
        return samples[start : start + seconds * RATE]

    return Transform(f"{seconds} s, MP3 128k", cut, mp3=True, middle=True)


def _mixed(samples: Samples, other: npt.NDArray[np.floating[Any]], decibels: float) -> Samples:
    """With something else under it, so many dB below."""
    loudness, its = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (samples, other))
    mixed = samples + other * (loudness / max(its, 1e-9) * 10 ** (decibels / 20))
    return np.clip(mixed * 0.5, -32768, 32767).astype(np.int16)


def _noise(samples: Samples, _: Samples) -> Samples:
    return _mixed(samples, np.random.default_rng(1).standard_normal(samples.shape), 0.0)


def _overlay(samples: Samples, other: Samples) -> Samples:
    return _mixed(samples, np.resize(other, samples.shape).astype(np.float64), -6.0)


def _karaoke(samples: Samples, _: Samples) -> Samples:
    difference = (samples[:, 0].astype(np.int32) - samples[:, 1]) // 2
    return np.stack([difference, difference], axis=1).astype(np.int16)


ECHO: Filters = [("aecho", "0.8:0.7:37|61|97|149|211:0.5|0.4|0.35|0.25|0.2")]
TRANSFORMS = (
    Transform("unchanged, MP3 128k", lambda a, _: a, mp3=True),
    *(_speed(factor, factor in (0.8, 0.92, 0.98, 1.04, 1.25)) for factor in
      (0.8, 0.85, 0.92, 0.96, 0.98, 1.01, 1.02, 1.04, 1.08, 1.15, 1.25)),
    *(_pitch(semitones) for semitones in (-3, -2, -1, 1, 2, 3)),
    *(_tempo(factor, factor == 1.1) for factor in (0.9, 0.95, 1.05, 1.1)),
    *(_excerpt(seconds) for seconds in (30, 15, 10, 5)),
    Transform("nightcore 1.25, MP3 128k", lambda a, _: changed(a, RATE, speed=1.25), speed=1.25, mp3=True, quick=False),
    Transform("slowed 0.85 and echo", lambda a, _: filtered(changed(a, RATE, speed=0.85), RATE, ECHO), speed=0.85),
    Transform("telephone", lambda a, _: filtered(a, RATE, [("highpass", "f=300"), ("lowpass", "f=3400")])),
    Transform("karaoke L-R", _karaoke),
    Transform("noise 0 dB", _noise),
    Transform("overlay -6 dB", _overlay),
)  # fmt: skip


def files(music: Path) -> list[Path]:
    return sorted(path for path in music.iterdir() if path.suffix in AUDIO)


def decoded(path: Path, seconds: float) -> Samples:
    """The beginning as stereo at RATE; a mono file has twice the same."""
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
    pieces, have = [], 0
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0):
            for part in resampler.resample(frame):
                pieces.append(part.to_ndarray().reshape(-1, 2))
                have += len(pieces[-1])
            if have >= seconds * RATE:
                break
    return np.concatenate(pieces)[: int(seconds * RATE)]


def delivered(samples: Samples, mp3: bool) -> AudioFacts:
    """What the gate measures of them as a file."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp3" if mp3 else "wav") as made:
        stream = made.add_stream("libmp3lame" if mp3 else "pcm_s16le", rate=RATE, layout="stereo")
        if mp3:
            stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout="stereo")
        frame.sample_rate = RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        converter = av.AudioResampler(format=stream.format.name, layout="stereo", rate=RATE)
        while (piece := fifo.read(1152, partial=True)) is not None:
            for part in converter.resample(piece):
                made.mux(stream.encode(part))
        made.mux(stream.encode(None))
    return decode.measure(target, "")


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


def right_factor(comparison: Comparison, transform: Transform) -> bool:
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

    def put(self, row: Row, path: Path, transform: Transform, facts: AudioFacts) -> None:
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
    transforms = [transform for transform in TRANSFORMS if transform.quick or not chosen.quick]
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
                    facts = delivered(made, transform.mp3)
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
    transforms: Sequence[Transform], rows: Mapping[tuple[str, bool], Row], known: int, options: str, load: str
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
