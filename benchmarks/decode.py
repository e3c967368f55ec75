"""CPU time of the whole analysis of a three-minute track against ``fpcalc -length 0`` on the same files, in one run.

    python -m benchmarks.decode [--rounds N] [--formats wav flac …]
    python -m benchmarks decode                            (the short set: three formats, two rounds)

CPU milliseconds, the best of all rounds for each, and their ratio to fpcalc's. *Alone* is what fpcalc does as well:
decode, bring to 11,025 Hz, fingerprint, by the same libraries and with the same settings as the whole pass, but without
its meters. *And picture* adds the small picture that other speeds and pitches are undone in: with the search
(``benchmarks/search.py``, or among millions ``benchmarks/catalogue.py``) that is all by which a copy is found. *Whole*
is everything that the shut-in child measures, its start and end included. The rounds are interleaved, so that all sides
see the same machine.

Speed is worth something only where the sub-prints stay what they are: those of the built-in port are held against
libchromaprint's on the same samples, which must be the same to the bit, and those that the gate keeps against fpcalc's,
which brings the sound to 11,025 Hz by itself.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from benchmarks import machine, tracks
from benchmarks.report import Table
from checks import analysis
from checks.analysis import decode
from checks.fingerprint import chromaprint
from checks.fingerprint.band_spectrogram import Painter
from checks.fingerprint.chromaprint import BuiltInFingerprinter, Fingerprinter, LibraryFingerprinter, SubPrints
from intake.demo import sounds

SECONDS = 180
FORMATS = {**tracks.FORMATS, "opus": 128_000}
COLUMNS = (
    "", "fpcalc", "alone", "alone / fpcalc", "and picture", "whole", "whole / fpcalc", "bits as libchromaprint's",
    "as fpcalc's",
)  # fmt: skip


def run(
    folder: Path, rounds: int = 2, formats: Sequence[str] = ("wav", "flac", "mp3"), seconds: float = SECONDS
) -> list[Table]:
    """As short as it can be; without names of formats, all of them."""
    place = folder / "decode"
    place.mkdir()
    made = {kind: FORMATS[kind] for kind in formats or FORMATS}
    music = sounds.compose_demo_piece(1, seconds)
    paths = {
        kind: sounds.encode_demo_audio(music, tracks.RATE, place / f"track.{kind}", bitrate=made[kind]) for kind in made
    }
    with analysis.Analyser() as analyser:
        analyser.analyse(next(iter(paths.values())), "")  # warms up both processes
        rows = [_row(analyser, kind, path, rounds) for kind, path in paths.items()]
        spare = min(_ours(analyser, _nothing(place))[0] for _ in range(rounds))
    remarks = [
        f"CPU ms a file of {seconds:.0f} s stereo, the best of {rounds} rounds, all sides in turn; {machine.load()}. "
        f"The gate fingerprints with {analysis.fingerprint_backend()}.",
        f"The child's own start and end, on a file that is no audio: {spare:.1f} ms.",
        "Bits: sub-prints that are the same, of all; the built-in port beside libchromaprint on the same samples, and "
        "what the gate keeps beside what fpcalc prints.",
    ]
    if chromaprint._library is None:
        remarks.append("libchromaprint is not installed: nobody says whether the port gives the same bits.")
    if machine.fpcalc() is None:
        remarks.append(machine.fpcalc_version())
    named = f" --formats {' '.join(formats)}" if formats else ""
    command = f"python -m benchmarks.decode --rounds {rounds}{named}"
    return [Table("The pass over the audio, beside fpcalc", command, COLUMNS, rows, remarks)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), default=(), help="default: all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gate-decode-") as folder:
        for table in run(Path(folder), options.rounds, options.formats):
            print(table.text())


def _row(analyser: analysis.Analyser, kind: str, path: Path, rounds: int) -> tuple[str, ...]:
    fpcalc = machine.fpcalc()
    alone, painted, whole, theirs = [], [], [], []
    for _ in range(rounds):
        alone.append(_alone(path))
        painted.append(_alone(path, Painter()))
        cost, kept = _ours(analyser, path)
        whole.append(cost)
        if fpcalc:
            cost, printed = _theirs(fpcalc, path)
            theirs.append(cost)
    ours = [f"{min(costs):.0f}" for costs in (alone, painted, whole)]
    if not theirs:
        return kind, "–", ours[0], "–", *ours[1:], "–", _as_the_library(path), "–"
    peer = min(theirs)
    ratios = [f"{min(costs) / peer:.2f}" for costs in (alone, whole)]
    costs = (f"{peer:.0f}", ours[0], ratios[0], *ours[1:], ratios[1])
    return kind, *costs, _as_the_library(path), _same(kept, printed)


def _as_the_library(path: Path) -> str:
    """How many sub-prints of the built-in port are those of libchromaprint, heard in one decoding."""
    if chromaprint._library is None:
        return "–"
    port, library = BuiltInFingerprinter(), LibraryFingerprinter()
    _hear(path, port, library)
    return _same(port.finish(), library.finish())


def _same(some: SubPrints, others: SubPrints) -> str:
    shared = min(len(some), len(others))
    return f"{np.count_nonzero(some[:shared] == others[:shared]):,}/{max(len(some), len(others)):,}"


def _nothing(folder: Path) -> Path:
    path = folder / "nothing.wav"
    path.write_bytes(b"no audio at all")
    return path


def _ours(analyser: analysis.Analyser, path: Path) -> tuple[float, SubPrints]:
    """Milliseconds of the worker, which waits, and of the child, which says what it and its parent spent; and what is
    kept of the file."""
    before = _own_cpu()
    facts = analyser.analyse(path, "")
    return 1000 * (_own_cpu() - before + analyser.last_cpu_seconds), np.frombuffer(facts.fingerprint, "<u4")


def _alone(path: Path, *others: Painter) -> float:
    """Milliseconds of decoding and fingerprinting, and of others who hear the same, in this process."""
    before = _own_cpu()
    prints = chromaprint.choose_fingerprinter()
    _hear(path, prints, *others)
    if not prints.finish().size or not all(other.finish() for other in others):
        raise RuntimeError(f"{path.name}: nothing was heard")
    return 1000 * (_own_cpu() - before)


def _hear(path: Path, *listeners: Fingerprinter | Painter) -> None:
    """Decode a file, and let them hear it as the whole pass would."""
    resampler = av.AudioResampler("s16", "mono", chromaprint.SAMPLE_RATE, options=decode._RESAMPLER)
    with av.open(str(path)) as opened:
        stream = opened.streams.audio[0]
        stream.codec_context.thread_count = 1
        fifo = av.AudioFifo()
        for frame in opened.decode(stream):
            frame.pts = None
            fifo.write(frame)
            while fifo.samples >= decode.CHUNK:
                _feed(resampler, fifo.read(decode.CHUNK), listeners)
        for piece in (fifo.read(), None):
            _feed(resampler, piece, listeners)


def _feed(
    resampler: av.AudioResampler, piece: av.AudioFrame | None, listeners: Sequence[Fingerprinter | Painter]
) -> None:
    for part in resampler.resample(piece):
        samples = part.to_ndarray()[0]
        for listener in listeners:
            listener.feed(samples)


def _theirs(fpcalc: str, path: Path) -> tuple[float, SubPrints]:
    """Milliseconds of fpcalc, and what it prints. 1.5.1 ends every file with an error, after the whole fingerprint."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run([fpcalc, "-raw", "-length", "0", path], capture_output=True, text=True, check=False).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = np.array(said.partition("FINGERPRINT=")[2].split(",") if "FINGERPRINT=" in said else [], np.uint32)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), printed


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
