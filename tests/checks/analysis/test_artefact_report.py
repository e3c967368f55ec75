"""A closer look: the picture of a recording's lines, and whether another speed explains them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from checks.analysis import artefact_report
from intake.demo import sounds

from . import decoders, files
from .test_artefact_lines import TRAVELLER, generated, played

RATE = decoders.STRIDES[TRAVELLER][0]


def file_of(sound: decoders.Sound, folder: Path, name: str = "a.flac") -> Path:
    return sounds.encode_demo_audio(sound, RATE, folder / name)


def at_speed(sound: decoders.Sound, speed: float) -> decoders.Sound:
    return np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound).astype(np.float32)


@pytest.mark.parametrize("speed", [1.03, 0.985])
def test_a_changed_speed_is_found_with_its_factor(tmp_path: Path, speed: float) -> None:
    answer = artefact_report.analyse_speed_explanation(file_of(at_speed(generated(TRAVELLER), speed), tmp_path))
    assert answer["found"]
    assert any(item["speed"] == pytest.approx(speed, abs=2e-4) for item in answer["readings"])
    assert f"{speed:.3f}" in answer["words"]
    assert "one in five" in answer["warning"]


def test_an_unchanged_speed_is_told_as_such(tmp_path: Path) -> None:
    answer = artefact_report.analyse_speed_explanation(file_of(generated(TRAVELLER), tmp_path))
    assert answer["found"]
    assert "at its own speed" in answer["words"]


def test_music_is_not_taken_for_another_speed(tmp_path: Path) -> None:
    answer = artefact_report.analyse_speed_explanation(file_of(played(TRAVELLER), tmp_path))
    assert not answer["found"]
    assert "one in five" in answer["warning"]


def note(roll_off: float, hiss: float) -> decoders.Sound:
    """One note held for twenty seconds, whose partials fall by a power of their number."""
    time = np.arange(20 * RATE) / RATE
    partials = sum(np.sin(2 * np.pi * 87.31 * k * time + k * k) / k**roll_off for k in range(1, 180))
    return np.asarray(0.2 * partials + hiss * np.random.default_rng(1).standard_normal(len(time)), np.float32)


def test_a_held_note_is_told_from_lines_by_the_low_band(tmp_path: Path) -> None:
    answer = artefact_report.analyse_speed_explanation(file_of(note(1.6, 0.02), tmp_path))
    assert answer["z"] > 8
    assert answer["low_high_ratio"] > 1.2
    assert not answer["found"]
    assert "as notes are" in answer["words"]


def test_a_saw_wave_without_end_is_the_false_alarm_that_the_warning_speaks_of(tmp_path: Path) -> None:
    answer = artefact_report.analyse_speed_explanation(file_of(note(1.0, 0.001), tmp_path))
    assert answer["found"]
    assert "held notes of synthesizers" in answer["warning"]


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_is_small_and_has_its_ticks(tmp_path: Path, dark: bool) -> None:
    content = artefact_report.plot_file_artefacts(file_of(generated(TRAVELLER), tmp_path), dark=dark)
    image = Image.open(io.BytesIO(content)).convert("RGB")
    assert image.size == (1000, 460)
    assert len(content) < 40_000
    pixels = np.asarray(image).reshape(-1, 3).astype(int)
    red = (pixels[:, 0] > 180) & (pixels[:, 1] < 120) & (pixels[:, 2] < 130)
    assert red.sum() > 300, "ticks, and the rate among those beside it"
    assert (pixels.mean() < 60) == dark


def test_what_cannot_be_looked_at_says_why(tmp_path: Path) -> None:
    with pytest.raises(artefact_report.Unreadable, match="too_short"):
        artefact_report.plot_file_artefacts(file_of(files.music(4)[:, 0], tmp_path))
    with pytest.raises(artefact_report.Unreadable, match="not_audio"):
        artefact_report.analyse_speed_explanation(files.write(tmp_path / "b.flac", b"no audio"))
