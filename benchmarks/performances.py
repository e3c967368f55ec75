"""Is another performance of a work, or another noise, taken for a copy?

    python -m benchmarks.performances [--works N] [--performers N] [--markdown]

Works are made up from seeds, and each is played by several performers: a score, and for each performer a tempo, a curve
of rubato, the unevenness of hands, an instrument and a room. Every performance is held against the others of its work,
and copies of each against their original. Beside them stand sounds that resemble themselves everywhere: noises and
singing bowls, each made twice. Thresholds may be chosen on works with an even number; the result is the other half.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import machine  # noqa: E402 the project is found first
from benchmarks.disguises import RATE, Samples, changed, delivered  # noqa: E402
from benchmarks.report import Table  # noqa: E402
from checks.fingerprint.comparison import Comparison  # noqa: E402
from checks.fingerprint.matcher import find_matches  # noqa: E402
from checks.fingerprint.precompile import compile_all_kernels  # noqa: E402
from checks.fingerprint.store import MemoryStore  # noqa: E402
from checks.model.release import AudioFacts  # noqa: E402

Floats = npt.NDArray[np.float64]

WORKS, PERFORMERS = 8, 5

#: Bars of a work, and notes of a bar: about a minute at the usual tempo.
BARS, NOTES = 24, 16

#: What is done to a performance where a copy of it is meant.
COPIES: dict[str, Callable[[Samples], Samples]] = {
    "as it is": lambda sound: sound,
    "played 6 % faster": lambda sound: changed(sound, RATE, speed=1.06),
    "tempo 5 % slower": lambda sound: changed(sound, RATE, tempo=0.95),
    "a semitone higher": lambda sound: changed(sound, RATE, pitch=1.0),
}


@dataclass
class Row:
    """What came of the pairs of one kind."""

    tried: int = 0
    certain: int = 0
    possible: int = 0
    deviations: list[float] = field(default_factory=list)  # of what was found, in ms

    def add(self, comparison: Comparison | None) -> None:
        """Count a pair."""
        self.tried += 1
        if comparison is not None:
            self.certain += comparison.certain
            self.possible += not comparison.certain
            self.deviations.append(1000 * comparison.deviation)

    def cells(self) -> list[str]:
        """The row as it is shown."""
        spread = f"{min(self.deviations):.0f}-{max(self.deviations):.0f}" if self.deviations else "-"
        return [
            str(self.tried),
            *(f"{count} ({count / self.tried:.0%})" for count in (self.certain, self.possible)),
            spread,
        ]


def score(work: int) -> list[tuple[int, ...]]:
    """The chords of a work, as MIDI numbers, lowest first: broken chords over a wandering bass, as in many preludes."""
    random = np.random.default_rng(1000 + work)
    scale = np.array([0, 2, 4, 5, 7, 9, 11] if random.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10])
    key, chords = int(random.integers(45, 57)), []
    for degree in np.cumsum(random.choice([-3, -1, 1, 2, 3], BARS)):
        steps = degree % 7 + np.array([0, 2, 4, 7, 9 if random.random() < 0.6 else 8])
        chords.append(tuple(int(key + 12 * (step // 7) + scale[step % 7]) for step in steps))
    return chords


def performance(work: int, performer: int) -> Samples:
    """One performer's recording of a work, mono."""
    random = np.random.default_rng(7919 * work + performer)
    pattern = np.random.default_rng(2000 + work).integers(0, 5, NOTES // 2)
    unit = 60 / random.uniform(66, 84) / 4
    depth, period, phase = random.uniform(0.03, 0.08), random.uniform(4, 9), random.uniform(0, 2 * math.pi)
    tuning = random.choice([440.0, 441.0, 442.0, 443.0])
    instrument = INSTRUMENTS[int(random.integers(len(INSTRUMENTS)))]
    brightness, drift, at = random.uniform(0.8, 1.4), 0.0, 0.3
    sounds: dict[int, Floats] = {}
    line = np.zeros(int((BARS * NOTES * unit * 1.3 + 4) * RATE))
    for bar, chord in enumerate(score(work)):
        for note in range(NOTES):
            pitch = chord[0] if note % 8 == 0 else chord[int(pattern[note % 8])]
            if pitch not in sounds:
                sounds[pitch] = instrument(tuning * 2 ** ((pitch - 69) / 12), brightness)
            sound = sounds[pitch]
            start = int((at + random.normal(0, 0.008)) * RATE)
            line[start : start + sound.size] += sound * max(0.2, random.normal(0.8, 0.12))
            drift = 0.98 * drift + random.normal(0, 0.004)
            wave = math.sin(2 * math.pi * (bar + note / NOTES) / period + phase)
            at += unit * (1 + depth * wave + drift + random.normal(0, 0.015))
    return _recorded(line[: int((at + 2) * RATE)], random)


def _recorded(line: Floats, random: np.random.Generator) -> Samples:
    """In a room, with the noise of a microphone."""
    tail = np.arange(int(random.uniform(0.4, 2.0) * RATE))
    room = random.standard_normal(tail.size) * np.exp(-6.9 * tail / tail.size)
    room *= random.uniform(0.1, 0.35) / math.sqrt(float((room**2).sum()))
    room[0] += 1.0
    size = 1 << (line.size + room.size).bit_length()
    wet = np.fft.irfft(np.fft.rfft(line, size) * np.fft.rfft(room, size), size)[: line.size]
    wet /= np.abs(wet).max()
    noisy = wet + random.standard_normal(wet.size) * 10 ** (-random.uniform(55, 75) / 20)
    return (26000 * noisy / np.abs(noisy).max()).astype(np.int16)


def _partials(frequency: float, seconds: float, amplitudes: Sequence[float], stretch: float) -> Floats:
    time = np.arange(int(seconds * RATE)) / RATE
    harmonics = np.arange(1, len(amplitudes) + 1)
    sounding = frequency * harmonics * np.sqrt(1 + stretch * harmonics**2)
    audible = sounding < RATE / 2.2
    waves = np.sin(2 * math.pi * sounding[audible, None] * time) * np.array(amplitudes)[audible, None]
    return np.asarray(waves.sum(axis=0))


def _struck(frequency: float, brightness: float) -> Floats:
    """Strings that are struck, and die away the sooner the higher they are."""
    sound = _partials(frequency, 2.0, [n ** (-1.3 / brightness) for n in range(1, 11)], 4e-4)
    return sound * np.exp(-np.arange(sound.size) / RATE * (1.5 + frequency / 400))


def _plucked(frequency: float, brightness: float) -> Floats:
    """Strings that are plucked: many partials, soon over."""
    sound = _partials(frequency, 1.1, [n ** (-0.7 / brightness) for n in range(1, 17)], 0.0)
    return sound * np.exp(-np.arange(sound.size) / RATE * 4)


def _blown(frequency: float, brightness: float) -> Floats:
    """Pipes: as loud as long as they sound."""
    sound = _partials(frequency, 0.3, [1, 0.6 * brightness, 0.2, 0.4 * brightness, 0.05, 0.2], 0.0)
    edge = np.minimum(1.0, np.minimum(np.arange(sound.size), np.arange(sound.size)[::-1]) / (0.03 * RATE))
    return sound * edge


INSTRUMENTS = (_struck, _plucked, _blown)


def noise(colour: float, seed: int) -> Samples:
    """A minute of noise whose amplitude falls with the frequency by this power."""
    random = np.random.default_rng(3000 + seed)
    spectrum = np.fft.rfft(random.standard_normal(60 * RATE))
    spectrum *= np.maximum(np.fft.rfftfreq(60 * RATE, 1 / RATE), 20.0) ** -colour
    sound = np.fft.irfft(spectrum)
    return (20000 * sound / np.abs(sound).max()).astype(np.int16)


def bowl(frequency: float, seed: int) -> Samples:
    """A singing bowl, struck every ten seconds or so: beating partials that are not harmonic."""
    random = np.random.default_rng(4000 + seed)
    time = np.arange(70 * RATE) / RATE
    sound = np.zeros(time.size)
    for ratio, amplitude in ((1.0, 1.0), (2.71, 0.4), (5.1, 0.15), (8.2, 0.05)):
        for beat in (-0.35, 0.4):
            sound += amplitude * np.sin(2 * math.pi * (frequency * ratio + beat) * time + random.uniform(0, 6))
    struck = np.zeros(time.size)
    for start in np.cumsum(random.uniform(7, 13, 8)) - 6:
        struck += np.where(time >= start, np.exp(-np.maximum(0, time - start) / 6), 0)
    return _recorded(sound * (0.2 + struck), random)


STATIONARY: dict[str, Callable[[int], Samples]] = {
    "white noise": lambda seed: noise(0.0, seed),
    "pink noise": lambda seed: noise(0.5, seed),
    "brown noise": lambda seed: noise(1.0, seed),
    "singing bowls of one pitch": lambda seed: bowl(216.0, seed),
}


def best(query: AudioFacts, reference: AudioFacts) -> Comparison | None:
    """What the gate finds of one recording in another, whatever its index would propose."""
    store = MemoryStore(modulus=1)
    store.add(1, reference.fingerprint)
    found = find_matches(
        store, lambda wanted: dict.fromkeys(wanted, reference.fingerprint), query.fingerprint, picture=query.picture
    )
    return found[0][1] if found else None


def rows(works: Sequence[int], performers: int) -> Iterator[tuple[str, Row]]:
    """The works' performances against each other, then copies of them."""
    others, copies = Row(), {name: Row() for name in COPIES}
    for work in works:
        sounds = [performance(work, performer) for performer in range(performers)]
        heard = [delivered(sound) for sound in sounds]
        for one, other in itertools.permutations(heard, 2):
            others.add(best(one, other))
        for name, change in COPIES.items():
            copies[name].add(best(delivered(change(sounds[0]), "mp3", 128_000), heard[0]))
    yield "another performance of the work", others
    yield from ((f"copy, {name}", row) for name, row in copies.items())


def stationary() -> Iterator[tuple[str, Row]]:
    """Each sound made twice, and a copy of the first."""
    for name, make in STATIONARY.items():
        others, copy = Row(), Row()
        sounds = [make(seed) for seed in range(3)]
        heard = [delivered(sound) for sound in sounds]
        for one, other in itertools.permutations(heard, 2):
            others.add(best(one, other))
        copy.add(best(delivered(sounds[0], "mp3", 128_000), heard[0]))
        yield f"{name}, made by another", others
        yield f"{name}, copy", copy


def table(works: int, performers: int) -> Table:
    """Both halves."""
    lines = []
    for half, remainder in (("reported", 1), ("chosen on", 0)):
        numbers = [work for work in range(works) if work % 2 == remainder]
        lines += [[f"{name} (half {half})", *row.cells()] for name, row in rows(numbers, performers)]
    lines += [[name, *row.cells()] for name, row in stationary()]
    return Table(
        "Performances and sounds that resemble themselves",
        f"python -m benchmarks.performances --works {works} --performers {performers}",
        ["pair", "tried", "certain", "possible", "deviation, ms"],
        lines,
        ["Deviation: of the time map from a straight line, root mean square; more than 35 ms bends.", machine.load()],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", type=int, default=WORKS)
    parser.add_argument("--performers", type=int, default=PERFORMERS)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    compile_all_kernels()
    found = table(options.works, options.performers)
    print(found.markdown() if options.markdown else found.text())


if __name__ == "__main__":
    main()
