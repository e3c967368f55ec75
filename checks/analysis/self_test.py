"""Whether this host can measure at all: samples of the project's own, measured as files of labels are."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass

from checks.analysis import artwork_client, known_samples, waveform
from checks.analysis.analyser import Analyser
from checks.analysis.errors import AnalysisError

#: Libraries that decode; their versions belong beside every failure.
_LIBRARIES = ("av", "numpy", "numba", "mutagen", "pillow", "c2pa-python")


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of measurement, and what is wrong with it: the exception and its message, for the operator."""

    name: str
    ok: bool
    detail: str


def run_self_test() -> list[Part]:
    """Measure every sample in processes that are started for it; takes two seconds. Raises nothing."""
    return [
        run_self_test_part("sound", _measure_sample_sounds),
        run_self_test_part("artwork", _measure_sample_images),
        run_self_test_part("waveform", _draw_sample_waveform),
    ]


def run_self_test_part(name: str, measure: Callable[[], str]) -> Part:
    """One part of the self-test: ``measure`` returns the detail, or raises what is wrong."""
    try:
        return Part(name, True, measure())
    except AnalysisError as error:
        return Part(name, False, f"{error} ({list_library_versions()})")
    except Exception as error:  # whatever it is, it is this host's, for the samples are good
        return Part(name, False, f"{type(error).__name__}: {error} ({list_library_versions()})")


def list_library_versions() -> str:
    """The versions of the libraries that decode, as far as they are installed."""
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def _measure_sample_sounds() -> str:
    samples = (*known_samples.SOUNDS.values(), known_samples.OPUS_SOUND)
    with Analyser() as analyser:
        for sample in samples:
            analyser.measure_known(sample)
    return f"{len(samples)} formats"


def _measure_sample_images() -> str:
    for sample in known_samples.IMAGES.values():
        artwork_client.measure_known(sample)
    return f"{len(known_samples.IMAGES)} formats"


def _draw_sample_waveform() -> str:
    waveform.draw_known()
    return "drawn"
