"""Measures that do to the child what the worst of files might do; the analyser is given them by name."""

import contextlib
import ctypes
import os
import time
from typing import BinaryIO

from checks.analysis import c2pa_reader, decode
from checks.model.release import AudioFacts

#: A file that starts so is measured by misbehaving; any other is measured as always.
TRIGGER = b"misbehave"


def _well_or(misdeed):  # type: ignore[no-untyped-def]
    def measure(file: BinaryIO, sha256: str, name: str | None, **switched: bool) -> AudioFacts:
        file.seek(0)
        if file.read(len(TRIGGER)) == TRIGGER:
            misdeed()
        return decode.measure_audio_file(file, sha256, name, **switched)

    return measure


def _eat() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(16 << 20))


def _spin() -> None:
    while True:
        pass


def _stumble() -> None:
    raise IndexError("a fault of our own")


def _babble() -> None:
    """Floods every descriptor that it has, the answer's among them."""
    for descriptor in range(3, 32):
        with contextlib.suppress(OSError):
            for _ in range(40):
                os.write(descriptor, b"\xff" * (1 << 20))
    os._exit(0)


eats_memory = _well_or(_eat)
spins = _well_or(_spin)
sleeps = _well_or(lambda: time.sleep(3600))
crashes = _well_or(lambda: ctypes.string_at(8))
stumbles = _well_or(_stumble)
leaves = _well_or(lambda: os._exit(0))
babbles = _well_or(_babble)


def eaten_by_its_credential(file: BinaryIO, sha256: str, name: str | None, **switched: bool) -> AudioFacts:
    """Measures well, and then the library that reads manifests ends as native code does that gets no memory."""
    if not sha256:  # a known sample, which is no trouble to it
        return decode.measure_audio_file(file, sha256, name, **switched)
    c2pa_reader.read_c2pa_credential = lambda *_, **__: ctypes.CDLL(None).abort()  # type: ignore[assignment]  # in this child alone
    return decode.measure_audio_file(file, sha256, name, **switched)
