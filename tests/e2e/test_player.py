"""What comes out of the player: a copy and its original sound at one pitch, whatever was done to the copy."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intake.models import Finding, KnownRecording
from intake.services.storage.blobs import Incoming
from tests.e2e import scene
from tests.e2e.test_desk import morning, plays, review, until

__all__ = ["morning"]
pytestmark = pytest.mark.django_db(transaction=True)

RATE = 44_100
#: Hz, and how long both sounds are, in seconds.
TONE, SECONDS = 440.0, 40.0

#: Records what goes to the loudspeakers and tells its strongest frequency.
LISTEN = """
(() => {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
      const analyser = window.analyser ||= new AnalyserNode(this.context, { fftSize: 32768, smoothingTimeConstant: 0 });
      connect.call(this, analyser);
    }
    return connect.call(this, target, ...rest);
  };
  window.strongest = () => {
    if (!window.analyser) return 0;
    const bins = new Float32Array(window.analyser.frequencyBinCount);
    window.analyser.getFloatFrequencyData(bins);
    let top = 1;
    bins.forEach((level, bin) => { if (level > bins[top]) top = bin; });
    if (bins[top] < -60) return 0;
    const [a, b, c] = [bins[top - 1], bins[top], bins[top + 1]];
    return ((top + (a - c) / (2 * (a - 2 * b + c))) * window.analyser.context.sampleRate) / window.analyser.fftSize;
  };
})();
"""

#: What was done to the copy: how much faster it plays, and how many semitones higher it sounds than its original.
CHANGES = {
    "tape slower": (0.88, 12 * math.log2(0.88)),
    "tape faster": (1.06, 12 * math.log2(1.06)),
    "tempo alone": (1.12, 0.0),
    "tempo alone, slower": (0.9, 0.0),
    "pitch alone": (1.0, 2.0),
    "pitch alone, lower": (1.0, -3.0),
    "tempo and pitch": (1.1, -2.0),
    "nothing": (1.0, 0.0),
}


def tone(path: Path, hertz: float) -> Path:
    """A tone as WAVE, 16 bits, mono."""
    samples = 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(SECONDS * RATE)) / RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(samples)}h", *(samples * 32767).astype(int)))
    return path


def keep(path: Path) -> Any:
    with Incoming() as incoming:
        incoming.write(path.read_bytes())
        return incoming.keep()


def prepare(submission: Any, folder: Path, speed: float, semitones: float) -> None:
    """Make tones of both recordings, and evidence that says what was done to the copy."""
    track = submission.tracks.get()
    track.resource.blob = keep(tone(folder / "copy.wav", TONE * 2 ** (semitones / 12)))
    track.resource.save()
    finding = Finding.objects.get(submission=submission, code="similarity.known_recording")
    known = KnownRecording.objects.filter(pk=finding.evidence["matches"][0]["recording"])
    known.update(sha256=keep(tone(folder / "original.wav", TONE)).pk)
    # As the check writes it: what the speed does not explain.
    match = finding.evidence["matches"][0] | {"speed": speed, "pitch": round(semitones - 12 * math.log2(speed), 3)}
    match["segments"] = [{"start": 2.0, "end": 30.0, "reference_start": 3.0, "reference_end": 3.0 + 28.0 * speed}]
    finding.evidence = {"matches": [match]}
    finding.save()


def heard(page: Any) -> float:
    """The frequency that comes out, once it has settled."""
    until(page, "window.strongest && window.strongest() > 0")
    page.wait_for_timeout(1500)  # longer than the analysed stretch (0.74 s) and the fade
    return float(page.evaluate("window.strongest()"))


@pytest.mark.parametrize("change", CHANGES)
def test_copy_and_original_sound_at_one_pitch(morning, visit, tmp_path, change):
    speed, semitones = CHANGES[change]
    prepare(morning["Quiet Water"], tmp_path, speed, semitones)
    ada = visit()
    ada.page.add_init_script(LISTEN)
    ada.log_in("ada", scene.PASSWORD)
    review(ada, "Quiet Water")
    page = ada.page
    page.click("[data-do=play]")
    plays(page, "a")
    delivered = heard(page)
    assert 12 * math.log2(delivered / TONE) == pytest.approx(semitones, abs=0.05)
    page.keyboard.press("b")
    plays(page, "b")
    original = heard(page)
    assert 12 * math.log2(original / delivered) == pytest.approx(0.0, abs=0.1)
