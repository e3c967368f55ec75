"""What a recording looks like, drawn in a child that is shut in (``drawing``), and what comes back from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import BinaryIO

from checks.analysis import known_samples, sandbox_run
from checks.analysis.errors import AnalysisUnavailable

#: Raise it whenever the same file would be drawn differently.
VERSION = 1
#: An hour of sound takes some ten seconds.
_CPU_SECONDS, _MEMORY_BYTES = 60, 700 << 20


@dataclass(frozen=True, slots=True)
class Portrait:
    """Waveform, average spectrum and spectrogram; nothing but an ``error`` where the file could not be read."""

    error: str = ""
    duration: float = 0.0  # seconds
    rate: int = 0
    rms_db: float | None = None  # of what sounds
    peaks: bytes = b""  # the loudest sample of each stretch, then the effective values, in steps of a 255th
    spectrum: bytes = b""  # float16 dB of equal bands up to half the rate
    spectrogram: bytes = b""  # a PNG


def draw_waveform(file: BinaryIO) -> Portrait:
    """The portrait of an open file, or an ``error`` where the file cannot be drawn.

    Raises AnalysisUnavailable where no file can be drawn on this host, and AnalysisFailed where our own code fails on
    this one alone.
    """
    found = _draw_waveform_in_child(file)
    if found.error:
        draw_known()
    return found


def draw_known() -> None:
    """Draw a sample of the project's own. Raises AnalysisUnavailable where that fails."""
    with known_samples.SOUNDS["wav"].open("rb") as sample:
        found = _draw_waveform_in_child(sample)
    if found.error or abs(found.duration - known_samples.SECONDS) > known_samples.SECONDS_OFF:
        raise AnalysisUnavailable(f"{sample.name} cannot be drawn: {found.error or found.duration}")


def _draw_waveform_in_child(file: BinaryIO) -> Portrait:
    try:
        answer = sandbox_run.run_sandboxed(
            "checks.analysis.waveform_render:render_waveform",
            file,
            known_samples.SOUNDS["wav"],
            cpu_seconds=_CPU_SECONDS,
            memory_bytes=_MEMORY_BYTES,
        )
    except sandbox_run.Ended as ended:
        return Portrait(error=ended.ending.value)
    try:
        return _parse_waveform_answer(answer)
    except (ValueError, KeyError, TypeError):
        return Portrait(error=sandbox_run.Ending.KILLED.value)


def _parse_waveform_answer(answer: bytes) -> Portrait:
    line, _, rest = answer.partition(b"\n")
    head = json.loads(line)
    if head.get("error"):
        return Portrait(error=str(head["error"]))
    parts = []
    for length in head["parts"]:
        parts.append(rest[: int(length)])
        rest = rest[int(length) :]
    peaks, spectrum, spectrogram = parts
    level = head["rms_db"]
    return Portrait(
        duration=float(head["duration"]),
        rate=int(head["rate"]),
        rms_db=None if level is None else float(level),
        peaks=peaks,
        spectrum=spectrum,
        spectrogram=spectrogram,
    )
