"""Music to measure with: three-minute pieces of the project's own, in the formats that labels deliver."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intake.demo import sounds

RATE = 44100
SECONDS = 180.0
#: What is measured beside fpcalc: file ending, and bits a second of the lossy ones.
FORMATS = {"wav": None, "flac": None, "mp3": 320_000, "ogg": 192_000, "m4a": 256_000}


def one_piece(folder: Path, formats: Sequence[str] = tuple(FORMATS), seconds: float = SECONDS) -> dict[str, Path]:
    """The same piece as a file of each format, by file ending."""
    piece = sounds.compose_demo_piece(1, seconds)
    return {
        kind: sounds.encode_demo_audio(piece, RATE, folder / f"piece.{kind}", bitrate=FORMATS[kind]) for kind in formats
    }


def many_pieces(folder: Path, count: int, seconds: float = SECONDS) -> list[Path]:
    """Pieces that differ in sound and, by up to a sixth, in length; WAV and FLAC in turn, as labels deliver them."""
    numbers = range(count)
    kinds = ("flac", "wav")
    lengths = np.random.default_rng(0).uniform(5 / 6, 7 / 6, count) * seconds
    paths = [folder / f"{number}.{kinds[number % 2]}" for number in numbers]
    fresh = multiprocessing.get_context("spawn")  # a fork would inherit open databases
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as pool:
        return list(pool.map(_make, [1000 + number for number in numbers], lengths.tolist(), paths))


def _make(seed: int, seconds: float, path: Path) -> Path:
    return sounds.encode_demo_audio(sounds.compose_demo_piece(seed, seconds), RATE, path)
