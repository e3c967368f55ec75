"""A copy of which low and high are balanced otherwise is heard as it was, and found."""

import numpy as np
import pytest

from benchmarks.disguises import filtered
from checks.fingerprint.band_spectrogram import FRAME, SAMPLE_RATE, Picture
from checks.fingerprint.equalisation import equalise_bands
from checks.fingerprint.speed_variants import Change, Ear
from tests.checks.fingerprint.test_speed_variants import Samples, answers, bit_error_rate, drawn, music, prints

TELEPHONE = [("highpass", "f=300"), ("lowpass", "f=3400")]
BOOMING = [("bass", "g=14:f=250"), ("volume", "-12dB")]


@pytest.fixture(scope="module")
def catalogue() -> dict[int, Samples]:
    return {seed: music(seed) for seed in range(6)}


@pytest.mark.parametrize("decibels_an_octave", [-6, 3, 6])
def test_tilted_sound_is_evened_to_the_same(decibels_an_octave: int):
    straight = drawn(music(1))
    middle = np.sqrt(straight.edges[1:] * straight.edges[:-1]) * SAMPLE_RATE / FRAME
    tilt = 10 ** (decibels_an_octave * np.log2(middle / 300) / 10)
    tilted = Picture(straight.energy * tilt[:, None].astype(np.float32), straight.edges)
    one, other = (Ear(seen).sub_prints(Change(filtered=True)) for seen in (straight, tilted))
    heard_as_it_is = bit_error_rate(Ear(straight).sub_prints(Change()), Ear(tilted).sub_prints(Change()))
    assert bit_error_rate(one, other) < heard_as_it_is / 3


def test_balance_stays_evened():
    once = equalise_bands(drawn(music(2)))
    again = equalise_bands(once)
    shares = [seen.energy.mean(axis=1) / seen.energy.mean() for seen in (once, again)]
    assert np.abs(np.log10(shares[0] / shares[1])).mean() < 0.2


def test_silence_has_no_balance():
    silent = Picture(np.zeros((20, 9), np.float32), np.arange(21.0) + 7)
    assert not equalise_bands(silent).energy.any()


@pytest.mark.parametrize("filters", [TELEPHONE, BOOMING], ids=["telephone", "bass"])
def test_filtered_copy_is_found_and_told(catalogue: dict[int, Samples], filters: list[tuple[str, str]]):
    copy = filtered(catalogue[3], SAMPLE_RATE, filters)
    assert bit_error_rate(prints(copy), prints(catalogue[3])) > 0.05
    found = answers(catalogue, copy)
    assert list(found) == [3]
    assert found[3].matched
    assert (found[3].filtered, found[3].speed, found[3].pitch) == (True, 1.0, 0.0)


def test_copy_that_is_not_filtered_is_not_told_to_be(catalogue: dict[int, Samples]):
    assert not answers(catalogue, catalogue[3])[3].filtered


def test_filtered_stranger_finds_nothing(catalogue: dict[int, Samples]):
    assert answers(catalogue, filtered(music(99), SAMPLE_RATE, TELEPHONE)) == {}
