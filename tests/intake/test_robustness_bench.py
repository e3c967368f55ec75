"""The harness that measures how disguised a copy may be says what it should, on music that is made here."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import robustness
from benchmarks.disguises import DISGUISES, RATE, reverberated


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
