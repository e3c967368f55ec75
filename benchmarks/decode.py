"""CPU time of the whole analysis of a three-minute track against ``fpcalc -length 0`` on the same files, in one run.

    python -m benchmarks.decode [--rounds N]

Prints CPU milliseconds, ours in the shut-in child and fpcalc's in its own process, the best of all rounds for each,
and their ratio. The rounds are interleaved, so that both sides see the same machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

from checks import analysis
from intake.demo import sounds

SECONDS = 180
FORMATS = (("wav", None), ("flac", None), ("mp3", 320_000), ("ogg", 192_000), ("m4a", 256_000), ("opus", 128_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    fpcalc = shutil.which("fpcalc")
    with tempfile.TemporaryDirectory() as folder, analysis.Analyser() as analyser:
        files = _tracks(Path(folder))
        analyser.analyse(files["wav"], "")
        print(f"{SECONDS} s stereo, {analysis.fingerprint_backend()}, best of {rounds}, load {os.getloadavg()[0]:.1f}")
        print(f"{'':6} {'ours':>8} {'fpcalc':>8} {'ratio':>6}   CPU ms a file")
        for kind, path in files.items():
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(_ours(analyser, path))
                if fpcalc:
                    theirs.append(_theirs(fpcalc, path))
            best, peer = min(ours), min(theirs, default=float("nan"))
            print(f"{kind:6} {best:8.0f} {peer:8.0f} {best / peer:6.2f}")
        spare = min(_ours(analyser, _nothing(Path(folder))) for _ in range(rounds))
        print(f"{'(none)':6} {spare:8.1f}   the child's own start and end, on a file that is no audio")


def _tracks(folder: Path) -> dict[str, Path]:
    music = sounds.compose(1, SECONDS)
    return {kind: sounds.encode(music, 44100, folder / f"track.{kind}", bitrate=bitrate) for kind, bitrate in FORMATS}


def _nothing(folder: Path) -> Path:
    path = folder / "nothing.wav"
    path.write_bytes(b"no audio at all")
    return path


def _ours(analyser: analysis.Analyser, path: Path) -> float:
    """Milliseconds of the worker, which waits, and of the child, which says what it and its parent spent."""
    before = _own_cpu()
    analyser.analyse(path, "")
    return 1000 * (_own_cpu() - before + analyser.last_cpu_seconds)


def _theirs(fpcalc: str, path: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([fpcalc, "-raw", "-length", "0", path], stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
