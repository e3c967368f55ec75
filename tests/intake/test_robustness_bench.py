"""The harness that measures how disguised a copy may be says what it should, on music that is made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import catalogue, robustness
from benchmarks.disguises import DISGUISES, RATE, reverberated
from intake.demo import sounds


def test_interval_is_that_of_clopper_and_pearson() -> None:
    assert robustness.interval(7, 7) == pytest.approx((0.5904, 1.0), abs=1e-4)
    assert robustness.interval(0, 12) == pytest.approx((0.0, 0.2646), abs=1e-4)
    assert robustness.interval(6, 12) == pytest.approx((0.2109, 0.7891), abs=1e-4)


def test_every_disguise_gives_sound_of_its_own() -> None:
    chance = np.random.default_rng(0)
    music, other = (chance.integers(-9000, 9000, (40 * RATE, 2), dtype=np.int16) for _ in range(2))
    for disguise in [disguise for disguise in DISGUISES if disguise.quick]:
        made = disguise.make(music, other)
        assert made.dtype == np.int16
        assert made.any(), disguise.name
    wet = reverberated(music)
    assert len(wet) > len(music)
    assert wet[len(music) :].any()


def test_harness_finds_what_is_disguised_among_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [item for item in DISGUISES if item.name in ("speed 1.04", "telephone", "noise 0 dB")]
    monkeypatch.setattr(robustness, "DISGUISES", chosen)
    monkeypatch.setattr(catalogue, "MEASURED", 100_000)  # strangers may be a little more or less strange
    music = tmp_path / "music"
    music.mkdir()
    for seed in range(3):
        sounds.encode_demo_audio(sounds.compose_demo_piece(seed, 25.0), RATE, music / f"{seed}.flac")
    choice = robustness.Choice(strangers=500, seconds=22.0, keep=tmp_path / "kept")
    report = robustness.measured(music, tmp_path / "once", choice)
    halves = {name: row for name, row in report.halves.items() if row.tried}
    both = {row[0]: row for row in report.tables[1].rows}
    assert list(both) == ["speed 1.04", "telephone", "noise 0 dB"]
    assert [row[1] for row in both.values()] == ["3", "3", "3"]
    assert both["speed 1.04"][2].startswith("100%")
    assert {row[6] for row in both.values()} == {"0"}  # none is certain and another
    assert halves
    assert "3 files and 500 synthetic strangers" in report.lines[0]
    again = robustness.measured(music, tmp_path / "again", choice)  # from what was kept
    assert [row[:8] for row in again.tables[1].rows] == [row[:8] for row in report.tables[1].rows]


def test_result_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = {"telephone": robustness.Row(tried=12, found=10, peer=5), "speed 1.04": robustness.Row(tried=12, found=12)}
    robustness.plot(rows, tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").stat().st_size > 1000
