"""Both implementations of the fingerprint give the same bits: those written down here."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from checks.analysis import Analyser, decode
from checks.fingerprint import chromaprint
from checks.fingerprint.chromaprint import SAMPLE_RATE, BuiltInFingerprinter, Fingerprinter, LibraryFingerprinter

from . import files

GOLDEN = json.loads(Path(__file__).with_name("golden_prints.json").read_text())
library = pytest.mark.skipif(
    chromaprint.describe_backend() == "built-in", reason="libchromaprint is not on this machine"
)
BACKENDS = [BuiltInFingerprinter, pytest.param(LibraryFingerprinter, marks=library)]
MUSIC = Path(os.environ.get("GATE_MUSIC") or Path(__file__).parents[4] / "shared" / "music")


def signal(name: str) -> npt.NDArray[np.int16]:
    """Signals of whole numbers only: the same on every machine."""
    time = np.arange(20 * SAMPLE_RATE, dtype=np.int64)
    sweep = (time * time // 311 & 0xFFFF) - 0x8000
    noise = ((time * 2654435761 ^ time >> 3) * 40503 >> 7 & 0x7FFF) - 0x4000
    chords = sum(time * step // 64 * 41 % 9001 - 4500 for step in (37, 47, 56)) * (1 + time // 9000 % 3) // 3
    made = {
        "sweep": sweep,
        "noise": noise,
        "chords": chords,
        "quiet": chords // 500,
        "late": np.where(time < 8 * SAMPLE_RATE, 0, chords + noise // 8),
        "silence": time * 0,
        "short": sweep[: 2 * SAMPLE_RATE],
        "nothing": sweep[:0],
    }
    return made[name].astype(np.int16)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_prints_are_the_ones_written_down(backend: Callable[[], Fingerprinter], name: str) -> None:
    listener = backend()
    listener.feed(signal(name))
    assert listener.finish().astype(">u4").tobytes().hex() == GOLDEN[name]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("step", [1000, 4096, 50_001])
def test_pieces_of_any_size_give_the_same_prints(backend: Callable[[], Fingerprinter], step: int) -> None:
    samples = signal("chords")
    listener = backend()
    for start in range(0, len(samples), step):
        listener.feed(samples[start : start + step])
    assert listener.finish().astype(">u4").tobytes().hex() == GOLDEN["chords"]


@library
@pytest.mark.parametrize("seed", range(6))
def test_the_port_hears_music_as_the_library_does(seed: int) -> None:
    samples = files.pcm(files.music(30, seed).mean(axis=1)[::4])
    both = (BuiltInFingerprinter(), LibraryFingerprinter())
    for listener in both:
        listener.feed(samples)
    ported, native = (listener.finish() for listener in both)
    assert len(ported) > 200
    assert (ported == native).all()


@library
@pytest.mark.skipif(not MUSIC.is_dir(), reason="no folder of real music")
def test_the_port_hears_real_music_as_the_library_does(analyser: Analyser, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in sorted(MUSIC.glob("*.ogg"), key=lambda path: path.stat().st_size)[:3]:
        native = analyser.analyse(path, "").fingerprint
        with monkeypatch.context() as without_library, path.open("rb") as file:
            without_library.setattr(chromaprint, "_library", None)
            facts = decode.measure_audio_file(file, "")
        assert facts.measured_by["fingerprint"] == "built-in"
        assert facts.fingerprint == native, path.name
