"""The acoustic lattice on real recordings: who is found, who is accused, what survives on the way, and what it costs.

    python -m benchmarks.lattice [PATH] [--each] [--matrix N] [--cost] [--json FILE]

PATH is a folder of recordings by people, or a CSV (path, label ai|human, generator, source); by default the music of
``GATE_MUSIC``, or ``music`` in the folder ``shared`` beside the project. Prints for each generator how many are found
and for each source how many false alarms there are, with the interval in which the true share lies (Clopper and
Pearson, 95 %); with ``--each`` the z of every file, with ``--matrix N`` what happens to N files of each kind that are
encoded, resampled, filtered and sped up, with ``--cost`` the CPU time a three-minute track costs more because of it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import django
import numpy as np
import numpy.typing as npt

from checks import analysis
from checks.analysis import artefact_lines, decode
from checks.model.release import LatticeFacts
from checks.rules.artefacts.artefact_training import Share
from intake.demo import sounds

if TYPE_CHECKING:
    from intake.management.recordings_csv import Row

ROOT = Path(__file__).resolve().parents[1]
ENDINGS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aif", ".aiff"}
#: Seconds of each file that go through the changes.
_EXCERPT = 60

Sound = npt.NDArray[np.float32]


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as state:
        os.environ |= {"GATE_DATA": state, "DJANGO_SETTINGS_MODULE": "config.settings"}
        django.setup()
        _run(arguments, importlib.import_module("intake.management.recordings_csv"))


def _run(arguments: argparse.Namespace, manifest: Any) -> None:
    rows = list(_rows(arguments.path, manifest))
    if not rows:
        print("skipped: no music (name a folder or a CSV, or set GATE_MUSIC)")
    else:
        found = [(row, facts) for row, facts in manifest.measured(rows, sys.stderr)]
        if arguments.each:
            _each(found)
        _groups(found)
        if arguments.json:
            arguments.json.write_text(json.dumps([_as_json(row, facts) for row, facts in found], indent=1))
        if arguments.matrix:
            _matrix(
                [row for row, facts in found if isinstance(facts, LatticeFacts) and facts.assessed], arguments.matrix
            )
    if arguments.cost:
        _cost()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    music = Path(os.environ.get("GATE_MUSIC") or ROOT.parent / "shared" / "music")
    parser.add_argument("path", nargs="?", type=Path, default=music)
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--matrix", type=int, default=0, metavar="N")
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _rows(path: Path, manifest: Any) -> Iterator[Row]:
    if path.is_file():
        yield from manifest.read(path, ("path", "label", "generator", "source"))
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in ENDINGS:
                yield manifest.Row(file, "human", "", file.name.partition("__")[0])


def _each(found: Sequence[tuple[Row, LatticeFacts | str]]) -> None:
    print(f"{'z':>6} {'rate':>8} {'lowest':>7}  {'strength':9} file")
    for row, facts in sorted(found, key=lambda one: -(_z(one[1]) or -99)):
        if isinstance(facts, str) or not facts.assessed:
            print(f"{'':24} not assessed ({facts if isinstance(facts, str) else facts.reason})  {row.path.name}")
        else:
            print(f"{facts.z:6.1f} {facts.rate_hz:8.2f} {facts.holes_z:7.1f}  {facts.strength:9} {row.path.name}")
    print()


def _z(facts: LatticeFacts | str) -> float | None:
    return facts.z if isinstance(facts, LatticeFacts) else None


def _groups(found: Sequence[tuple[Row, LatticeFacts | str]]) -> None:
    groups: dict[tuple[str, str], list[LatticeFacts]] = defaultdict(list)
    for row, facts in found:
        if isinstance(facts, LatticeFacts) and facts.assessed:
            groups[row.label, row.generator if row.label == "ai" else row.source].append(facts)
    humans = [facts for (label, _), several in groups.items() if label == "human" for facts in several]
    for (label, name), several in sorted(groups.items()):
        if label == "ai":
            _line(f"found: {name}", several)
    for (label, name), several in sorted(groups.items()):
        if label == "human" and any(item.found for item in several):
            _line(f"false alarms: {name}", several)
    if humans:
        _line("false alarms, all recordings by people", humans)
        print(
            f"highest z among them {max(human.z or 0 for human in humans):.1f}, lowest of all rates "
            f"{min(entry.holes_z or 0 for entry in humans):.1f}"
        )
    print(f"not assessed: {len(found) - sum(map(len, groups.values()))} of {len(found)}\n")


def _line(name: str, several: Sequence[LatticeFacts]) -> None:
    share = Share(sum(entry.found for entry in several), len(several))
    lower, upper = share.interval
    clear = sum(item.strength in ("moderate", "strong") for item in several)
    print(f"{name:42} {share.hits:4} of {share.of:4} {share.value:7.1%} ({lower:.1%} to {upper:.1%}), clear {clear}")


def _as_json(row: Row, facts: LatticeFacts | str) -> dict[str, object]:
    known = facts if isinstance(facts, LatticeFacts) else None
    return {
        "file": row.path.name, "label": row.label, "generator": row.generator, "source": row.source,
        "z": known and known.z, "rate_hz": known and known.rate_hz, "strength": known and known.strength,
        "reason": known.reason if known else facts,
    }  # fmt: skip


# --- What happens on the way -----------------------------------------------------------------------------------------


def _matrix(rows: Sequence[Row], most: int) -> None:
    """Of the first files of each kind: how many are found after each change."""
    kinds: dict[str, list[tuple[int, Sound]]] = defaultdict(list)
    for row in rows:
        kind = row.generator or "by people"
        if len(kinds[kind]) < most:
            kinds[kind].append(_excerpt(row.path))
    print(f"{'found after …':26}" + "".join(f"{kind[:18]:>20}" for kind in kinds))
    for name, change in CHANGES.items():
        cells = []
        for several in kinds.values():
            hits = sum(_heard(*change(sound, rate)).found for rate, sound in several)
            cells.append(f"{hits} of {len(several)}")
        print(f"{name:26}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
    print()


def _excerpt(path: Path) -> tuple[int, Sound]:
    with path.open("rb") as file:
        parts, rate = [], 0
        for rate, mono in decode.mono_pieces(file):
            parts.append(mono.copy())
            if sum(map(len, parts)) > _EXCERPT * rate:
                break
    return rate, np.concatenate(parts)[: _EXCERPT * rate]


def _heard(sound: Sound, rate: int) -> LatticeFacts:
    listener = artefact_lines.Listener(rate)
    listener.feed(sound)
    return listener.facts()


def _coded(kind: str, bitrate: int) -> Callable[[Sound, int], tuple[Sound, int]]:
    def change(sound: Sound, rate: int) -> tuple[Sound, int]:
        with tempfile.TemporaryDirectory() as folder:
            usual = sound if rate in (32_000, 44_100, 48_000) else _resampled(44_100)(sound, rate)[0]
            path = sounds.encode_demo_audio(
                usual, rate if usual is sound else 44_100, Path(folder) / f"a.{kind}", bitrate=bitrate
            )
            again, decoded = _excerpt(path)
            return decoded, again

    return change


def _resampled(to: int) -> Callable[[Sound, int], tuple[Sound, int]]:
    def change(sound: Sound, rate: int) -> tuple[Sound, int]:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=to)
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        parts = [part.to_ndarray()[0] for part in (*resampler.resample(frame), *resampler.resample(None))]
        return np.concatenate(parts), to

    return change


def _noisy(decibels: float) -> Callable[[Sound, int], tuple[Sound, int]]:
    def change(sound: Sound, rate: int) -> tuple[Sound, int]:
        level = float(np.sqrt(np.mean(sound**2))) * 10 ** (-decibels / 20)
        return sound + np.random.default_rng(1).normal(0, level, len(sound)).astype(np.float32), rate

    return change


def _low_passed(hertz: float) -> Callable[[Sound, int], tuple[Sound, int]]:
    def change(sound: Sound, rate: int) -> tuple[Sound, int]:
        taps = np.arange(-200, 201) / rate
        kernel = np.sinc(2 * hertz * taps) * np.hamming(len(taps))
        return np.convolve(sound, kernel / kernel.sum(), "same").astype(np.float32), rate

    return change


def _sped_up(speed: float) -> Callable[[Sound, int], tuple[Sound, int]]:
    def change(sound: Sound, rate: int) -> tuple[Sound, int]:
        return _resampled(round(rate / speed))(sound, rate)[0], rate

    return change


CHANGES: dict[str, Callable[[Sound, int], tuple[Sound, int]]] = {
    "nothing": lambda sound, rate: (sound, rate),
    "MP3 128k": _coded("mp3", 128_000),
    "MP3 64k": _coded("mp3", 64_000),
    "AAC 64k": _coded("m4a", 64_000),
    "Opus 96k": _coded("opus", 96_000),
    "48 kHz": _resampled(48_000),
    "44.1 kHz": _resampled(44_100),
    "20 dB quieter": lambda sound, rate: (sound * np.float32(0.1), rate),
    "clipped (tanh, +10 dB)": lambda sound, rate: (np.tanh(sound * np.float32(3.2)), rate),
    "low-pass 10 kHz": _low_passed(10_000),
    "white noise at 25 dB": _noisy(25),
    "0.5 % faster": _sped_up(1.005),
}


# --- What it costs ---------------------------------------------------------------------------------------------------


def _cost(rounds: int = 7) -> None:
    """Three minutes of stereo, with and without, in turn: the best of all rounds."""
    music = sounds.compose_demo_piece(1, 180)
    print(f"CPU ms for 180 s of stereo at 44.1 kHz, best of {rounds}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder, analysis.Analyser() as analyser:
        for kind, bitrate in (("wav", None), ("flac", None), ("mp3", 320_000)):
            path = sounds.encode_demo_audio(music, 44_100, Path(folder) / f"a.{kind}", bitrate=bitrate)
            best = {with_it: min(_spent(analyser, path, with_it) for _ in range(rounds)) for with_it in (True, False)}
            print(f"  {kind:5} with {best[True]:5.0f}, without {best[False]:5.0f}: {best[True] - best[False]:+.0f}")
    rng = np.random.default_rng(1).standard_normal(180 * 44_100).astype(np.float32)
    spent = min(_alone(rng) for _ in range(rounds))
    print(f"  by itself, on one channel already decoded: {spent:.0f}")


def _spent(analyser: analysis.Analyser, path: Path, with_it: bool) -> float:
    analyser.analyse(path, "", lattice=with_it)
    return 1000 * analyser.last_cpu_seconds


def _alone(sound: Sound) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    listener = artefact_lines.Listener(44_100)
    for start in range(0, len(sound), decode.CHUNK):
        listener.feed(sound[start : start + decode.CHUNK])
    listener.facts()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
