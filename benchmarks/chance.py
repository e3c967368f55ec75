"""How near do recordings come that have nothing to do with one another? By this the bands of a match are drawn.

    python -m benchmarks.chance [--keep FOLDER] [--every N] [--markdown]

Takes a folder of music (``GATE_MUSIC``, or ``music`` in the folder ``shared`` beside the project). Every recording is
heard as it is, and with some changes undone, and is held against every other one of its half at all offsets; pairs that
the folder knows to be related are left out. Bands are chosen on the half of the recordings whose hashed name is even,
and must hold on the other half. Two adjacent blocks of eight seconds count with the worse one.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import machine, real_music, robustness  # noqa: E402 the project is found first
from benchmarks.report import Table  # noqa: E402
from checks.fingerprint import comparison, speed_variants  # noqa: E402
from checks.fingerprint.band_spectrogram import unpack_band_spectrogram  # noqa: E402
from checks.fingerprint.comparison import MATCH, MATCH_SOUGHT, MATCH_UNDONE, Bands, is_degenerate  # noqa: E402
from checks.fingerprint.precompile import compile_all_kernels  # noqa: E402
from checks.fingerprint.speed_variants import Change, Ear  # noqa: E402

#: One in so many of the bank is undone, where nobody says: slower, faster, pitch alone and tempo alone are among them.
EVERY = 16


@dataclass(frozen=True)
class Hearing:
    """How recordings are heard, and the bands that then hold."""

    name: str
    changes: Sequence[Change | None]  # None: by the fingerprint itself
    bands: Bands


def hearings(every: int) -> tuple[Hearing, ...]:
    """As the search hears them; one in ``every`` of the bank."""
    return (
        Hearing("as it is", (None,), MATCH),
        Hearing("as it is, from its picture", (Change(),), MATCH_SOUGHT),
        Hearing("balance undone", (Change(filtered=True),), MATCH_UNDONE),
        Hearing(
            "speed, pitch or tempo undone", speed_variants.list_undone_changes()[every // 2 :: every], MATCH_UNDONE
        ),
    )


def heard(copy: robustness.Copy, change: Change | None) -> bytes:
    """The fingerprint after the change is undone."""
    if change is None:
        return copy.fingerprint
    picture = unpack_band_spectrogram(copy.picture)
    return Ear(picture).sub_prints(change).astype("<u4").tobytes() if picture else b""


def strangers(music: Path, keep: Path | None, tuning: bool) -> Iterator[tuple[robustness.Copy, robustness.Copy]]:
    """The ordered pairs of one half that have nothing to do with one another."""
    related = [robustness.groups(music, same) for same in (True, False)]
    half = [path for path in robustness.files(music) if robustness.tuning(path) == tuning]
    wholes = {path.name: robustness.whole(path, keep) for path in half}
    known = {name: copy for name, copy in wholes.items() if copy and not is_degenerate(copy.fingerprint)}
    for one, other in itertools.permutations(known, 2):
        if not any(other in group.get(one, ()) for group in related):
            yield known[one], known[other]


def nearest(pairs: Sequence[tuple[robustness.Copy, robustness.Copy]], hearing: Hearing) -> tuple[list[float], int]:
    """The bit error rates of the nearest block and of the nearest two adjacent ones, and how many pairs were tried."""
    queries = {id(query): query for query, _ in pairs}
    best, tried = [0.5, 0.5], 0
    for change in hearing.changes:
        sounds: Mapping[int, bytes] = {number: heard(query, change) for number, query in queries.items()}
        for query, reference in pairs:
            if sounds[id(query)]:
                near = comparison.measure_nearest_blocks(sounds[id(query)], reference.fingerprint, hearing.bands.items)
                best, tried = list(np.minimum(best, near)), tried + 1
    return best, tried


def table(music: Path, keep: Path | None, every: int) -> Table:
    """What chance reaches in each half, beside the bands."""
    rows = []
    halves = {name: list(strangers(music, keep, tuning)) for name, tuning in (("chosen on", True), ("reported", False))}
    for hearing in hearings(every):
        found = {name: nearest(pairs, hearing) for name, pairs in halves.items()}
        for place, (what, band) in enumerate((("one block", hearing.bands.one_block), ("two", hearing.bands.blocks))):
            said = [f"{best[place]:.3f} of {tried:,}" for best, tried in found.values()]
            rows.append([f"{hearing.name}: {what}", *said, f"{band:.2f}"])
    return Table(
        "How near strangers come",
        f"python -m benchmarks.chance --every {every}",
        ["heard", *(f"nearest, half {name}" for name in halves), "band"],
        rows,
        ["Bit error rates at the best of all offsets; 0.500 stands for none below 0.35.", machine.load()],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="keep what was measured of the recordings in this folder, and use it")
    parser.add_argument("--every", type=int, default=EVERY, help="one in so many of the bank is undone")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    music = real_music.folder()
    if music is None:
        sys.exit("no music (GATE_MUSIC names a folder)")
    compile_all_kernels()
    found = table(music, options.keep, options.every)
    print(found.markdown() if options.markdown else found.text())


if __name__ == "__main__":
    main()
