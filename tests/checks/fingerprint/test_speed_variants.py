"""From the picture of a changed recording its own fingerprint is drawn, and the original found with the factor."""

import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.disguises import changed
from checks.fingerprint import band_spectrogram, speed_variants
from checks.fingerprint.band_spectrogram import FRAME, HOP, SAMPLE_RATE, Painter, Picture, unpack_band_spectrogram
from checks.fingerprint.bit_operations import KEY_MASK, UInt32s, mixed_keys, scatter_keys
from checks.fingerprint.chromaprint import BuiltInFingerprinter
from checks.fingerprint.comparison import Comparison
from checks.fingerprint.index import MODULUS
from checks.fingerprint.matcher import find_matches
from checks.fingerprint.speed_variants import Change, Ear
from checks.fingerprint.store import MemoryStore
from tests.checks.analysis import files
from tests.checks.fingerprint import plain

Samples = npt.NDArray[np.int16]


def music(seed: int, seconds: int = 45) -> Samples:
    return files.pcm(files.music(seconds, seed).mean(axis=1)[::4])


def prints(samples: Samples) -> UInt32s:
    listener = BuiltInFingerprinter()
    listener.feed(samples)
    return listener.finish()


def painted(samples: Samples, step: int = 20_000) -> bytes:
    painter = Painter()
    for start in range(0, len(samples), step):
        painter.feed(samples[start : start + step])
    return painter.finish()


def drawn(samples: Samples) -> Picture:
    result = unpack_band_spectrogram(painted(samples))
    assert result is not None
    return result


def bit_error_rate(one: UInt32s, other: UInt32s) -> float:
    length = min(len(one), len(other))
    return float(np.bitwise_count(one[:length] ^ other[:length]).mean() / 32)


@pytest.fixture(scope="module")
def catalogue() -> dict[int, Samples]:
    return {seed: music(seed) for seed in range(6)}


def answers(catalogue: dict[int, Samples], query: Samples) -> dict[int, Comparison]:
    store, shelf = MemoryStore(MODULUS), {number: prints(samples).tobytes() for number, samples in catalogue.items()}
    for number, fingerprint in shelf.items():
        store.add(number, fingerprint)
    found = find_matches(
        store, lambda wanted: {n: shelf[n] for n in wanted}, prints(query).tobytes(), picture=painted(query)
    )
    return dict(found)


@pytest.mark.parametrize("seed", range(3))
def test_unchanged_variant_is_chromaprints_fingerprint_bit_for_bit(seed: int):
    samples = music(seed)
    window = (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))) / 32767
    spectra = np.fft.rfft(sliding_window_view(samples, FRAME)[::HOP] * window)
    whole = Picture((np.abs(spectra) ** 2).T, np.arange(FRAME // 2 + 2) - 0.5)
    ours = speed_variants.sub_prints(whole, Change())
    assert len(ours) > 300
    assert (ours == prints(samples)).all()


@pytest.mark.parametrize("seed", range(3))
def test_packed_picture_keeps_what_the_fingerprint_needs(seed: int):
    samples = music(seed)
    assert bit_error_rate(speed_variants.sub_prints(drawn(samples), Change()), prints(samples)) < 0.06
    assert len(painted(samples)) * 180 / 45 < 200_000  # bytes for three minutes


def test_pieces_of_any_size_give_the_same_picture():
    samples = music(1)
    assert painted(samples, 999) == painted(samples, 1 << 20)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.4])
def test_a_moment_of_silence_is_painted(seconds: float):
    made = painted(np.zeros(int(seconds * SAMPLE_RATE), np.int16))
    assert bool(made) == (seconds * SAMPLE_RATE >= FRAME)
    if made:
        assert Ear(drawn(np.zeros(SAMPLE_RATE, np.int16))).keys(Change(), 2).size == 0


def test_long_recording_is_painted_as_far_as_it_may_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(band_spectrogram, "_MOST_FRAMES", 256)
    assert drawn(music(1)).frames == 256


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made[:5],
        lambda made: made[:-9],
        lambda made: made[:6] + b"nonsense",
        lambda made: made[:2] + b"\xff\xff\xff\x7f" + made[6:],
        lambda made: made[:2] + (1).to_bytes(4, "little") + made[6:],
        lambda made: made[:6] + zlib.compress(bytes(10_000_000)),
    ],
)
def test_damaged_picture_is_refused(spoil: Callable[[bytes], bytes]):
    with pytest.raises(ValueError, match="picture"):
        unpack_band_spectrogram(spoil(painted(music(1, 5))))


def test_picture_of_another_version_is_not_looked_at():
    made = painted(music(1, 5))
    assert unpack_band_spectrogram((band_spectrogram.VERSION + 1).to_bytes(2, "little") + made[2:]) is None
    assert unpack_band_spectrogram(b"") is None


def test_bank_undoes_every_speed_from_four_fifths_to_five_quarters():
    bank = speed_variants.list_undone_changes()
    assert len(set(bank)) == len(bank)
    assert Change() not in bank
    speeds = [change.tempo for change in bank if change.tempo == change.frequency]
    assert min(speeds) <= 0.8
    assert max(speeds) >= 1.25


@pytest.mark.parametrize("flipped", [1, 2, 3])
def test_keys_are_those_of_the_sub_prints_and_of_their_weak_bits(flipped: int):
    seen = drawn(music(2))
    heard = speed_variants.sub_prints(seen, Change())
    asked = Ear(seen).keys(Change(), 1, flipped=flipped)
    assert (np.diff(asked.astype(np.int64)) > 0).all()
    assert np.isin(mixed_keys(heard), asked).all()
    flips = np.array([1 << bit for bit in range(4, 32)], np.uint32)
    neighbours = scatter_keys(((heard[:, None] & np.uint32(KEY_MASK)) ^ flips).ravel()).reshape(heard.size, flips.size)
    assert (np.isin(neighbours, asked).sum(axis=1) >= flipped).all()
    assert asked.size <= 2**flipped * np.unique(heard).size


def test_keys_of_several_phases_are_those_of_each():
    ear = Ear(drawn(music(2)))
    together = ear.keys(Change(), 2, (0.0, 0.5))
    assert (together == np.union1d(ear.keys(Change(), 2), ear.keys(Change(), 2, (0.5,)))).all()


@pytest.mark.parametrize("place", [0, 11, 70, 100, 137])
@pytest.mark.parametrize("phase", [0.0, 0.3])
def test_kernels_hear_what_the_plain_definition_says(place: int, phase: float):
    seen, change = drawn(music(place)), speed_variants.list_undone_changes()[place]
    ear = Ear(seen)
    expected = plain.sub_prints(seen, change, phase)
    heard = ear.sub_prints(change, phase)
    assert len(expected) > 200
    assert heard.shape == expected.shape
    assert np.bitwise_count(heard ^ expected).sum() <= 2  # energies are summed in another order: a bit on the border
    for modulus, flipped in ((1, 2), (3, 2), (8, 4)):
        asked = ear.keys(change, modulus, (phase,), flipped)
        wanted = plain.keys(seen, change, modulus, flipped, phase)
        assert abs(asked.size - wanted.size) <= 0.01 * wanted.size
        assert np.isin(asked, wanted).mean() > 0.99


@pytest.mark.parametrize("cut", [HOP // 4, HOP // 2, 3 * HOP // 4])
def test_a_copy_cut_between_two_frames_is_not_told_to_be_slower(catalogue: dict[int, Samples], cut: int):
    noise = np.random.default_rng(7).normal(0, 40, len(catalogue[3])).astype(np.int16)
    found = answers(catalogue, (catalogue[3] + noise)[5 * SAMPLE_RATE // HOP * HOP + cut :])
    assert list(found) == [3]
    assert (found[3].certain, found[3].speed, found[3].pitch) == (True, 1.0, 0.0)


@pytest.mark.parametrize("speed", [0.8, 0.9, 0.96, 0.98, 1.02, 1.06, 1.15, 1.25])
def test_other_speed_is_found_with_the_factor(catalogue: dict[int, Samples], speed: float):
    found = answers(catalogue, changed(catalogue[3], speed=speed))
    assert list(found) == [3]
    assert found[3].certain
    assert found[3].speed == pytest.approx(speed, rel=0.015)
    assert found[3].pitch == pytest.approx(0, abs=0.15)
    assert found[3].segments[0].end == pytest.approx(45 / speed, abs=2)


@pytest.mark.parametrize("semitones", [-2.0, -1.0, 1.0, 2.0])
def test_other_pitch_is_found_with_the_factor(catalogue: dict[int, Samples], semitones: float):
    found = answers(catalogue, changed(catalogue[3], pitch=semitones))
    assert list(found) == [3]
    assert found[3].speed == pytest.approx(1, abs=0.01)
    assert found[3].pitch == pytest.approx(semitones, abs=0.2)


@pytest.mark.parametrize("tempo", [0.9, 1.08])
def test_other_tempo_is_found_with_the_factor(catalogue: dict[int, Samples], tempo: float):
    found = answers(catalogue, changed(catalogue[3], tempo=tempo))
    assert list(found) == [3]
    assert found[3].speed == pytest.approx(tempo, abs=0.015)
    assert found[3].pitch == pytest.approx(-Change(1.0, found[3].speed).semitones, abs=0.1)


def test_stranger_finds_nothing_at_any_speed(catalogue: dict[int, Samples]):
    assert answers(catalogue, changed(music(99), speed=1.1)) == {}


def test_other_speeds_are_left_out_where_one_asks_for_that(catalogue: dict[int, Samples]):
    store, shelf = MemoryStore(MODULUS), {number: prints(samples).tobytes() for number, samples in catalogue.items()}
    for number, fingerprint in shelf.items():
        store.add(number, fingerprint)
    for speed, expected in ((1.0, [3]), (1.1, [])):
        query = changed(catalogue[3], speed=speed)
        found = find_matches(
            store,
            lambda wanted: {number: shelf[number] for number in wanted},
            prints(query).tobytes(),
            picture=painted(query),
            undo=False,
        )
        assert [number for number, _ in found] == expected


@pytest.mark.parametrize("start", [3.0, 11.3, 27.77])
@pytest.mark.parametrize("seconds", [5, 10])
def test_five_seconds_from_anywhere_find_the_whole(catalogue: dict[int, Samples], start: float, seconds: int):
    first = int(start * SAMPLE_RATE)
    found = answers(catalogue, catalogue[2][first : first + seconds * SAMPLE_RATE])
    assert list(found) == [2]
    assert found[2].certain
    assert found[2].segments[0].reference_start == pytest.approx(start, abs=0.5)
