"""Measures of a decoder that is broken as a whole; the analyser is given them by name."""

import ctypes
import dataclasses
from typing import BinaryIO

from checks.analysis import decode
from checks.analysis.facts_json import Failure, build_failed_facts
from checks.model.release import AudioFacts


def _raising(error: type[BaseException]):  # type: ignore[no-untyped-def]
    def measure(file: BinaryIO, sha256: str, name: str | None, **_: object) -> AudioFacts:
        raise error("a fault of every file")

    return measure


type_error = _raising(TypeError)
attribute_error = _raising(AttributeError)
memory_error = _raising(MemoryError)


def crash(file: BinaryIO, sha256: str, name: str | None, **_: object) -> AudioFacts:
    ctypes.string_at(8)
    raise AssertionError("unreachable")


def refuses_everything(file: BinaryIO, sha256: str, name: str | None, **_: object) -> AudioFacts:
    """As FFmpeg does that was built without its decoders."""
    return build_failed_facts(sha256, Failure.UNDECODABLE)


def measures_nothing(file: BinaryIO, sha256: str, name: str | None, **_: object) -> AudioFacts:
    """Blames good files, and finds no sound in others."""
    if not sha256:
        return dataclasses.replace(decode.measure_audio_file(file, sha256, name, lattice=False), duration=0.0)
    return build_failed_facts(sha256, Failure.EMPTY if sha256 == "empty" else Failure.TRUNCATED)
