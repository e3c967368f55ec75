"""Lines at multiples of a decoder's frame rate are found, in whatever form the sound is delivered; nothing else is."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from checks.analysis import artefact_lines, facts_from_json, facts_to_json
from checks.analysis.decoder_rates import load_decoder_rates
from checks.model.release import LatticeFacts
from intake.demo import sounds

from . import decoders, files
from .conftest import Measure

SECONDS = 18.0
KINDS = tuple(decoders.STRIDES)
#: One kind of decoder, whose sound is sent through everything that happens to files on their way.
TRAVELLER = "codec at 44.1 kHz, 512-fold"


@functools.cache
def generated(name: str) -> decoders.Sound:
    """Music with a decoder's sound under it."""
    rate = decoders.STRIDES[name][0]
    return decoders.under(decoders.music(rate, SECONDS), decoders.decoded(name, SECONDS), 6.0)


@functools.cache
def played(name: str) -> decoders.Sound:
    """The same music with the same sound, only that it was not made frame by frame."""
    rate = decoders.STRIDES[name][0]
    return decoders.under(decoders.music(rate, SECONDS), decoders.hiss(decoders.decoded(name, SECONDS)), 6.0)


def heard(sound: npt.NDArray[np.float32], rate: int, piece: int = 65536) -> LatticeFacts:
    listener = artefact_lines.Listener(rate)
    for start in range(0, len(sound), piece):
        listener.feed(sound[start : start + piece])
    return listener.facts()


def stereo(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.stack([sound, 0.7 * sound], axis=1)


# --- Found, and not found --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_a_decoder_is_found_by_its_strides(name: str) -> None:
    facts = heard(generated(name), decoders.STRIDES[name][0])
    assert facts.assessed
    assert facts.z is not None
    assert facts.z >= 8
    assert facts.found
    assert facts.rate_hz is not None
    multiple = facts.rate_hz / decoders.frame_rate(name)
    assert multiple == pytest.approx(round(multiple)), "lines at multiples of 50 Hz are lines at some of 100 Hz, too"
    assert abs(facts.ppm or 0) <= 150
    assert not facts.holes


@pytest.mark.parametrize("name", KINDS)
def test_the_same_sound_without_frames_is_not(name: str) -> None:
    facts = heard(played(name), decoders.STRIDES[name][0])
    assert facts.assessed
    assert facts.z is not None
    assert facts.z < 5
    assert (facts.strength, facts.found, facts.holes) == ("none", False, False)


@pytest.mark.parametrize("name", KINDS)
def test_a_decoder_that_repeats_samples_leaves_gaps(name: str) -> None:
    facts = heard(decoders.decoded(name, SECONDS, nearest=True), decoders.STRIDES[name][0])
    assert facts.holes
    assert facts.holes_rate_hz == pytest.approx(decoders.frame_rate(name))
    assert not facts.found


def test_another_speed_hides_a_decoder() -> None:
    """Known and documented: whoever plays it half a percent faster has moved every line."""
    rate = decoders.STRIDES[TRAVELLER][0]
    sound = generated(TRAVELLER)
    faster = np.interp(np.arange(0, len(sound) - 1, 1.005), np.arange(len(sound)), sound).astype(np.float32)
    assert not heard(faster, rate).found


# --- Whatever happens to a file on its way ---------------------------------------------------------------------------


@functools.cache
def undisturbed() -> LatticeFacts:
    return heard(generated(TRAVELLER), 44_100)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda sound: sound * np.float32(0.1), id="20 dB quieter"),
        pytest.param(lambda sound: -sound, id="polarity"),
        pytest.param(lambda sound: np.rint(sound * 32767).astype(np.float32) / np.float32(32768), id="16 bit"),
    ],
)
def test_level_and_polarity_change_nothing(change) -> None:  # type: ignore[no-untyped-def]
    facts, before = heard(change(generated(TRAVELLER)), 44_100), undisturbed()
    assert facts.z == pytest.approx(before.z, rel=0.05)
    assert (facts.rate_hz, facts.strength) == (before.rate_hz, before.strength)


def test_channels_may_change_places(measure: Measure, tmp_path: Path) -> None:
    sound = stereo(generated(TRAVELLER))
    one = measure(sounds.encode_demo_audio(sound, 44_100, tmp_path / "one.wav")).lattice
    other = measure(sounds.encode_demo_audio(sound[:, ::-1], 44_100, tmp_path / "other.wav")).lattice
    assert one == other
    assert one is not None
    assert one.z == pytest.approx(undisturbed().z, rel=0.05)


@pytest.mark.parametrize(("start", "end"), [(44_100, 48_000), (48_000, 44_100), (44_100, 32_000), (44_100, 96_000)])
def test_another_sample_rate_keeps_the_lines_where_they_are(start: int, end: int) -> None:
    name = next(name for name in KINDS if decoders.STRIDES[name][0] == start)
    before, facts = heard(generated(name), start), heard(resampled(generated(name), start, end), end)
    assert facts.rate_hz == before.rate_hz
    assert facts.z == pytest.approx(before.z, rel=0.2)
    assert facts.found


def resampled(sound: npt.NDArray[np.float32], start: int, end: int) -> npt.NDArray[np.float32]:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=end)
    frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
    frame.sample_rate = start
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


@pytest.mark.parametrize("bitrate", [64_000, 96_000, 128_000])
@pytest.mark.parametrize("kind", ["mp3", "m4a", "opus"])
def test_lossy_encoders_do_not_wash_it_out(measure: Measure, tmp_path: Path, kind: str, bitrate: int) -> None:
    loud = stereo(generated(TRAVELLER))
    facts = measure(sounds.encode_demo_audio(loud, 44_100, tmp_path / f"a.{kind}", bitrate=bitrate)).lattice
    assert facts is not None
    assert facts.found
    assert facts.z is not None
    assert facts.z >= 8


@pytest.mark.parametrize("kind", ["mp3", "m4a", "opus"])
def test_lossy_encoders_leave_no_lines_of_their_own(measure: Measure, tmp_path: Path, kind: str) -> None:
    facts = measure(
        sounds.encode_demo_audio(stereo(played(TRAVELLER)), 44_100, tmp_path / f"a.{kind}", bitrate=64_000)
    ).lattice
    assert facts is not None
    assert facts.assessed
    assert facts.z is not None
    assert facts.z < 5


# --- What is not assessed, and how much is ---------------------------------------------------------------------------


def test_less_than_ten_seconds_are_not_assessed(measure: Measure, tmp_path: Path) -> None:
    facts = measure(sounds.encode_demo_audio(files.music(9.5), 44_100, tmp_path / "short.wav")).lattice
    assert facts is not None
    assert (facts.assessed, facts.reason, facts.z, facts.strength) == (False, "too_short", None, None)


@pytest.mark.parametrize("rate", [8000, 24_000, 44_100, 48_000, 96_000])
def test_ten_seconds_are_assessed_at_any_rate(rate: int) -> None:
    noise = np.random.default_rng(1).standard_normal(10 * rate).astype(np.float32)
    facts = heard(noise, rate)
    assert (facts.assessed, facts.reason, facts.strength) == (True, None, "none")
    assert facts.seconds == pytest.approx(10.0)
    assert heard(noise[:-100], rate).reason == "too_short"


def test_silence_is_not_assessed() -> None:
    assert heard(np.zeros(20 * 44_100, np.float32), 44_100).reason == "silent"


def test_a_telephones_band_is_too_narrow() -> None:
    for rate in (4000, 6000):
        noise = np.random.default_rng(1).standard_normal(12 * rate).astype(np.float32)
        assert heard(noise, rate).reason == "narrow_band"


def through(kernel: npt.NDArray[np.float64], sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.convolve(sound, kernel / np.abs(kernel.sum()), "same").astype(np.float32)


def low_pass(hertz: float, rate: int) -> npt.NDArray[np.float64]:
    times = np.arange(-400, 401) / rate
    return np.asarray(np.sinc(2 * hertz * times) * np.blackman(801))


def test_an_encoders_low_pass_is_not_looked_beyond() -> None:
    facts = heard(through(low_pass(9_000, 44_100), generated(TRAVELLER)), 44_100)
    assert facts.upper_hz is not None
    assert 8_300 <= facts.upper_hz <= 9_000
    assert facts.lower_hz == pytest.approx(facts.upper_hz - 5_000, abs=1)
    assert facts.found


def test_a_muffled_instrument_is_no_low_pass() -> None:
    noise = np.random.default_rng(1).standard_normal(15 * 44_100).astype(np.float32)
    muffled = 100 * through(low_pass(2_000, 44_100), noise) + noise
    facts = heard(muffled, 44_100)
    assert (facts.assessed, facts.lower_hz, facts.upper_hz) == (True, 4000.0, 15_800.0)


def test_silence_around_a_sound_does_not_thin_it() -> None:
    quiet = np.zeros(15 * 44_100, np.float32)
    facts = heard(np.concatenate([quiet, generated(TRAVELLER), quiet]), 44_100)
    assert facts.found
    assert facts.z == pytest.approx(undisturbed().z, rel=0.25)


@pytest.mark.parametrize("piece", [1000, 44_100, 1 << 20])
def test_it_does_not_matter_in_what_pieces_sound_comes(piece: int) -> None:
    assert heard(generated(TRAVELLER), 44_100, piece) == undisturbed()


def test_only_three_minutes_are_listened_to_in_bounded_memory() -> None:
    listener = artefact_lines.Listener(8000)
    noise = np.random.default_rng(1).standard_normal(8000 * 60).astype(np.float32)
    for _ in range(5):
        listener.feed(noise)
    assert listener.samples == artefact_lines.SECONDS * 8000
    assert len(listener._slots) <= 64
    spectrum = listener.spectrum()
    assert spectrum is not None
    assert len(spectrum.parts) == 4
    assert spectrum.seconds <= artefact_lines.SECONDS


def test_a_long_recording_is_summed_as_a_short_one_is() -> None:
    """Slots that were merged in pairs hold the same average as frames taken one by one."""
    rate = 8000
    noise = np.random.default_rng(1).standard_normal(rate * 170).astype(np.float32)
    listener = artefact_lines.Listener(rate)
    listener._SLOTS = 4  # type: ignore[misc]
    listener.feed(noise)
    whole = artefact_lines.Listener(rate)
    whole.feed(noise)
    some, every = listener.spectrum(), whole.spectrum()
    assert some is not None
    assert every is not None
    assert np.abs(some.whole - every.whole).mean() < 1.0
    assert listener._slot_frames > whole._slot_frames


def test_high_sample_rates_keep_the_width_of_a_bin() -> None:
    widths = [rate / artefact_lines.Listener(rate)._frame for rate in (44_100, 48_000, 88_200, 96_000, 192_000)]
    assert all(0.6 < width < 0.8 for width in widths)


# --- The rule and its catalogue --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("z", "bands", "segments", "ppm", "word"),
    [
        (7.9, (9.0, 9.0, 9.0), (9.0, 9.0), 0.0, "none"),
        (8.0, (9.0, 9.0, 9.0), (9.0, 9.0), 0.0, "weak"),
        (12.0, (9.0, 9.0, 9.0), (9.0, 9.0), 0.0, "moderate"),
        (20.1, (9.0, 9.0, 9.0), (9.0, 9.0), 0.0, "strong"),
        (30.0, (40.0, 2.5, 2.5), (9.0, 9.0), 0.0, "none"),  # one band only
        (30.0, (9.0, 9.0, 2.5), (9.0, 9.0), 0.0, "strong"),
        (30.0, (9.0, 9.0, 9.0), (40.0, 2.0, 2.0, 2.0), 0.0, "none"),  # one passage only
        (30.0, (9.0, 9.0, 9.0), (9.0, 9.0, 2.0, 2.0), 0.0, "strong"),
        (30.0, (9.0, 9.0, 9.0), (9.0, 9.0), 151.0, "none"),  # no clock of a computer
        (30.0, (9.0, 9.0, 9.0), (9.0, 9.0), -150.0, "strong"),
    ],
)
def test_every_part_of_the_rule_must_hold(
    z: float, bands: tuple[float, ...], segments: tuple[float, ...], ppm: float, word: str
) -> None:
    assert artefact_lines.name_artefact_strength(z, bands, segments, ppm) == word


def test_slow_ticks_of_trackers_are_left_out_by_default() -> None:
    assert {row.hz for row in load_decoder_rates().rows} - set(load_decoder_rates().looked_for) == {12.5, 25.0}


def test_every_rate_has_a_source_a_date_and_innocent_explanations() -> None:
    for row in load_decoder_rates().rows:
        assert row.families
        assert row.innocent
        assert row.source
        assert row.date.startswith("20")


def test_no_rate_is_called_by_the_name_of_a_product() -> None:
    products = (
        "suno",
        "udio",
        "musicgen",
        "elevenlabs",
        "stable audio",
        "encodec",
        "mureka",
        "riffusion",
        "bark",
        "ace-step",
    )
    told = " ".join(" ".join((*row.families, *row.innocent)) for row in load_decoder_rates().rows).casefold()
    assert [product for product in products if product in told] == []


def test_a_rate_finds_its_row_again_after_storage() -> None:
    for row in load_decoder_rates().rows:
        assert load_decoder_rates().row(round(row.hz, 3)) == row
    assert load_decoder_rates().row(60.0) is None


def test_facts_come_back_from_storage(measure: Measure, tmp_path: Path) -> None:
    facts = measure(sounds.encode_demo_audio(stereo(generated(TRAVELLER)), 44_100, tmp_path / "a.flac"))
    assert facts.lattice is not None
    assert facts.lattice.found
    assert facts_from_json(facts_to_json(facts), facts.fingerprint, facts.picture) == facts
    assert len(facts.lattice.rates) == len(load_decoder_rates().looked_for)
    assert math.isclose(max(z for _, z in facts.lattice.rates), facts.lattice.z or 0)
