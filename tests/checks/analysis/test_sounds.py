"""The project's own music: the same for the same seed, another for another, at a level like a record's."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from intake.demo import sounds

from . import files
from .conftest import Measure


def test_the_same_seed_plays_the_same_piece() -> None:
    piece = sounds.compose_demo_piece(3, 5)
    assert (piece.shape, piece.dtype) == ((5 * 44100, 2), np.float32)
    assert (piece == sounds.compose_demo_piece(3, 5)).all()
    assert not np.allclose(piece, sounds.compose_demo_piece(4, 5))


def test_pieces_sound_like_a_record(measure: Measure, tmp_path: Path) -> None:
    for seed in range(3):
        facts = measure(sounds.encode_demo_audio(sounds.compose_demo_piece(seed, 20), 44100, tmp_path / f"{seed}.wav"))
        assert facts.notes == ()
        assert facts.loudness_lufs == pytest.approx(-16, abs=3)
        assert facts.true_peak_dbtp == pytest.approx(-3, abs=0.3)
        assert facts.clipped_share == 0
        assert facts.fingerprint_distinct > 0.9 * facts.fingerprint_items


def test_different_seeds_are_never_taken_for_one_recording(measure: Measure, tmp_path: Path) -> None:
    heard = [
        np.frombuffer(
            measure(
                sounds.encode_demo_audio(sounds.compose_demo_piece(seed, 20), 44100, tmp_path / "a.wav")
            ).fingerprint,
            "<u4",
        )
        for seed in range(8)
    ]
    sixteen_seconds = 129
    for one, other in itertools.combinations(heard, 2):
        for offset in range(sixteen_seconds - len(one), len(other) - sixteen_seconds + 1):
            start, end = max(0, -offset), min(len(one), len(other) - offset)
            differing = np.bitwise_count(one[start:end] ^ other[start + offset : end + offset])
            window = np.convolve(differing, np.ones(sixteen_seconds), "valid") / (32 * sixteen_seconds)
            assert window.min() > 0.33


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "opus", "m4a"])
def test_every_encoding_keeps_the_recording(measure: Measure, tmp_path: Path, kind: str) -> None:
    music = files.music(10)
    original = np.frombuffer(measure(sounds.encode_demo_audio(music, 44100, tmp_path / "o.wav")).fingerprint, "<u4")
    path = sounds.encode_demo_audio(
        music, 44100, tmp_path / f"a.{kind}", bitrate=None if kind in ("wav", "flac") else 128_000
    )
    prints = np.frombuffer(measure(path).fingerprint, "<u4")
    both = min(len(original), len(prints))
    assert both > 40
    assert np.bitwise_count(original[:both] ^ prints[:both]).mean() / 32 < 0.04


def test_tags_and_mono_are_written(measure: Measure, tmp_path: Path) -> None:
    path = sounds.encode_demo_audio(
        files.music(1)[:, 0], 44100, tmp_path / "file", codec="flac", tags={"comment": "made with suno; x"}
    )
    facts = measure(path)
    assert (facts.channels, [claim.pattern for claim in facts.tags]) == (1, ["suno.made_with"])
