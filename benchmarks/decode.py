"""CPU time of the whole analysis of a three-minute track against ``fpcalc -length 0`` on the same files, in one run.

    python -m benchmarks.decode [--rounds N]

Prints CPU milliseconds, the best of all rounds for each, and their ratio to fpcalc's. ``alone`` is what fpcalc does as
well: decode, bring to 11,025 Hz, fingerprint, by the same libraries and with the same settings as the whole pass, but
without its meters. ``whole`` is everything that the shut-in child measures, its start and end included. The rounds are
interleaved, so that all sides see the same machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import av

from checks import analysis
from checks.analysis import chromaprint, decode
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
        print(f"{'':6} {'fpcalc':>8} {'alone':>8} {'ratio':>6} {'whole':>8} {'ratio':>6}   CPU ms a file")
        for kind, path in files.items():
            alone, ours, theirs = [], [], []
            for _ in range(rounds):
                alone.append(_alone(path))
                ours.append(_ours(analyser, path))
                if fpcalc:
                    theirs.append(_theirs(fpcalc, path))
            peer = min(theirs, default=float("nan"))
            parts = [f"{min(part):8.0f} {min(part) / peer:6.2f}" for part in (alone, ours)]
            print(f"{kind:6} {peer:8.0f} {' '.join(parts)}")
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


def _alone(path: Path) -> float:
    """Milliseconds of decoding and fingerprinting, in this process."""
    before = _own_cpu()
    resampler = av.AudioResampler("s16", "mono", chromaprint.SAMPLE_RATE, options=decode._RESAMPLER)
    prints = chromaprint.fingerprinter()
    with av.open(str(path)) as opened:
        stream = opened.streams.audio[0]
        stream.codec_context.thread_count = 1
        fifo = av.AudioFifo()
        for frame in opened.decode(stream):
            frame.pts = None
            fifo.write(frame)
            while fifo.samples >= decode.CHUNK:
                for part in resampler.resample(fifo.read(decode.CHUNK)):
                    prints.feed(part.to_ndarray()[0])
        for piece in (fifo.read(), None):
            for part in resampler.resample(piece):
                prints.feed(part.to_ndarray()[0])
    if not prints.finish().size:
        raise RuntimeError(f"{path.name}: no fingerprint")
    return 1000 * (_own_cpu() - before)


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
