"""What reading and writing Content Credentials costs, on a three-minute stereo track in every container.

    python -m benchmarks.provenance [--rounds N]

Prints CPU milliseconds of the whole analysis without and with a credential in the file, in turn, the best of all
rounds; what the credential adds; and the wall time of marking a file, the process that does it included.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from checks import analysis
from checks.analysis import c2pa_sign
from intake.demo import sounds
from tests import authority

SECONDS = 180
FORMATS = (("wav", None), ("mp3", 320_000), ("flac", None), ("m4a", 256_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    root = authority.root("Root")
    signer = authority.signer("Signer", root)
    identity = c2pa_sign.Identity(signer.pem, signer.key_pem.encode())
    music = sounds.compose_demo_piece(1, SECONDS)
    with tempfile.TemporaryDirectory() as folder, analysis.Analyser() as analyser:
        print(f"{SECONDS} s stereo, best of {rounds}, load {os.getloadavg()[0]:.1f}")
        print(f"{'':6} {'without':>8} {'with':>8} {'adds':>6}   CPU ms a file   {'marking':>8} ms")
        for kind, bitrate in FORMATS:
            plain = sounds.encode_demo_audio(music, 44100, Path(folder) / f"plain.{kind}", bitrate=bitrate)
            signed = authority.sign(Path(shutil.copy(plain, Path(folder) / f"signed.{kind}")), signer)
            without, with_one, marks = [], [], []
            for _ in range(rounds + 1):
                without.append(_cost(analyser, plain, "none"))
                with_one.append(_cost(analyser, signed, "untrusted"))
                marks.append(_marking(plain, identity))
            best, more = min(without[1:]), min(with_one[1:])
            print(f"{kind:6} {best:8.0f} {more:8.0f} {more - best:6.0f} {'':15} {1000 * min(marks[1:]):8.0f}")


def _cost(analyser: analysis.Analyser, path: Path, state: str) -> float:
    """Milliseconds of the child."""
    facts = analyser.analyse(path, "")
    assert facts.credential.state == state, facts.credential
    return 1000 * analyser.last_cpu_seconds


def _marking(path: Path, identity: c2pa_sign.Identity) -> float:
    manifest = {
        "claim_generator_info": [{"name": "Benchmark", "version": "1"}],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [authority.action("c2pa.published")]}},
        ],
    }
    started = time.monotonic()
    with path.open("rb") as source, tempfile.TemporaryFile() as target:
        c2pa_sign.write_signed_copy(source, target, manifest, identity)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
