"""The meters against known signals and against FFmpeg's own meter."""

import math

import av
import av.filter
import numpy as np
import numpy.typing as npt
import pytest

from checks.analysis import meters
from checks.analysis.meters import BLOCK, Loudness, Silence, TruePeak
from checks.analysis.spectrum import Spectrum

from . import files

Sound = npt.NDArray[np.float32]


def tone(rate: int, seconds: float, hertz: float, peak: float, channels: int = 2, phase: float = 0.0) -> Sound:
    wave = peak * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate + phase)
    return np.tile(wave.astype(np.float32), (channels, 1))


def pieces(sound: Sound, blocks: int = 256) -> list[Sound]:
    padded = np.pad(sound, ((0, 0), (0, -sound.shape[1] % BLOCK)))
    return [
        np.ascontiguousarray(padded[:, at : at + blocks * BLOCK]) for at in range(0, padded.shape[1], blocks * BLOCK)
    ]


def loudness(sound: Sound, rate: int, blocks: int = 256) -> float | None:
    meter = Loudness(rate, len(sound))
    for piece in pieces(sound, blocks):
        meter.feed(piece)
    return meter.integrated(sound.shape[1])


def true_peak(sound: Sound, blocks: int = 256) -> float | None:
    meter = TruePeak(len(sound))
    for piece in pieces(sound, blocks):
        meter.feed(piece, meters.block_peaks(piece))
    return meter.dbtp


def ffmpeg_meter(sound: Sound, rate: int) -> tuple[float, float]:
    """(integrated loudness, true peak in dB) by the filter ebur128."""
    layout = "mono" if len(sound) == 1 else "stereo"
    graph = av.filter.Graph()
    source = graph.add(
        "abuffer", sample_rate=str(rate), sample_fmt="fltp", channel_layout=layout, time_base=f"1/{rate}"
    )
    meter, sink = graph.add("ebur128", metadata="1", peak="true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout=layout)
    frame.sample_rate = rate
    frame.pts = None
    graph.push(frame)
    graph.push(None)
    said: dict[str, str] = {}
    while True:
        try:
            said = graph.pull().metadata
        except (EOFError, av.error.BlockingIOError):
            return float(said["lavfi.r128.I"]), 20 * math.log10(float(said["lavfi.r128.true_peak"]))


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000, 192000])
def test_a_tone_at_full_scale_reads_what_the_standard_says(rate: int) -> None:
    """BS.1770-5: a 997 Hz sine of 0 dBFS in one front channel reads -3.01 LKFS; EBU Tech 3341 allows 0.1 LU."""
    exact = 0.01 if rate == 48000 else 0.05
    assert loudness(tone(rate, 5, 997, 1.0, channels=1), rate) == pytest.approx(-3.01, abs=exact)
    assert loudness(tone(rate, 5, 997, 0.1), rate) == pytest.approx(-20.0, abs=exact)


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("seed", [1, 2])
def test_music_reads_what_ffmpeg_reads(rate: int, seed: int) -> None:
    sound = np.ascontiguousarray(files.sounds.compose_demo_piece(seed, 12, rate).T)
    sound[:, : 3 * rate] *= np.float32(0.05)  # for the gates
    integrated, peak = ffmpeg_meter(sound, rate)
    assert loudness(sound, rate) == pytest.approx(integrated, abs=0.06)
    assert true_peak(sound) == pytest.approx(peak, abs=0.15)


@pytest.mark.parametrize("blocks", [1, 3, 37])
def test_loudness_and_peak_do_not_depend_on_the_pieces(blocks: int) -> None:
    sound = np.ascontiguousarray(files.music(3).T)
    assert loudness(sound, 44100, blocks) == pytest.approx(loudness(sound, 44100), abs=0.001)
    assert true_peak(sound, blocks) == pytest.approx(true_peak(sound), abs=1e-5)


def test_quiet_passages_are_gated_out() -> None:
    loud, quiet = tone(48000, 10, 997, 0.1), tone(48000, 10, 997, 0.001)
    assert loudness(np.hstack((loud, quiet)), 48000) == pytest.approx(-20.0, abs=0.15)


@pytest.mark.parametrize("sound", [np.zeros((2, 48000), np.float32), tone(48000, 5, 997, 1e-5)])
def test_silence_has_no_loudness(sound: Sound) -> None:
    assert loudness(sound, 48000) is None


def test_less_than_a_window_has_no_loudness() -> None:
    assert loudness(tone(48000, 0.39, 997, 0.5), 48000) is None
    assert loudness(tone(48000, 0.41, 997, 0.5), 48000) is not None


def test_the_peak_between_samples_is_seen() -> None:
    """A quarter of the sample rate, sampled 45 degrees off its crests: 3 dB hide between the samples."""
    sound = tone(48000, 0.5, 12000, 1.0, phase=math.pi / 4)
    assert 20 * math.log10(float(np.abs(sound).max())) == pytest.approx(-3.01, abs=0.01)
    assert true_peak(sound) == pytest.approx(0.0, abs=0.3)


def test_no_peak_is_missed_by_looking_only_where_it_may_be() -> None:
    dice = np.random.default_rng(3)
    for _ in range(20):
        sound = (dice.normal(0, 0.1, (2, 20 * BLOCK)) * dice.uniform(0, 1, 20).repeat(BLOCK)).astype(np.float32)
        everywhere = TruePeak(2)
        padded = np.pad(sound, ((0, 0), (everywhere._MEMORY, 0)))
        everywhere._interpolate(
            np.lib.stride_tricks.sliding_window_view(padded, everywhere._MEMORY + BLOCK, axis=1)[:, ::BLOCK].reshape(
                -1, everywhere._MEMORY + BLOCK
            )
        )
        highest = 20 * math.log10(max(everywhere.peak, float(np.abs(sound).max())))
        assert true_peak(sound) == pytest.approx(highest, abs=1e-4)


def test_digital_silence_has_no_peak() -> None:
    assert true_peak(np.zeros((2, 1000), np.float32)) is None


def test_silence_is_measured_at_both_ends_and_inside() -> None:
    rate = 44100
    quiet = np.full((2, rate), 0.0009, np.float32)
    sound = np.hstack((quiet, tone(rate, 2, 440, 0.3), quiet, quiet, tone(rate, 1, 440, 0.3), quiet[:, : rate // 2]))
    meter = Silence()
    for piece in pieces(sound):
        meter.feed(meters.block_peaks(piece).max(axis=0))
    assert meter.seconds(sound.shape[1], rate) == pytest.approx((1.0, 0.5, 2.0), abs=0.015)


def test_one_loud_channel_is_no_silence() -> None:
    sound = tone(44100, 1, 440, 0.3)
    sound[0] = 0
    meter = Silence()
    for piece in pieces(sound):
        meter.feed(meters.block_peaks(piece).max(axis=0))
    assert meter.seconds(44100, 44100) == pytest.approx((0, 0, 0), abs=0.006)


def test_runs_at_full_scale_are_clipped_and_single_peaks_are_not() -> None:
    sound = np.zeros((2, 1000), np.float32)
    sound[0, 100:105] = 1.0
    sound[1, 200:203] = -1.0
    sound[0, 300:302] = 1.0
    sound[1, 400] = 1.0
    assert meters.clipped_samples(sound) == 5 + 3


@pytest.mark.parametrize("cutoff", [4000, 11000, 16000])
def test_the_end_of_the_spectrum_is_found(cutoff: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 65536))
    spectrum = np.fft.rfft(noise)
    spectrum[:, int(cutoff * 65536 / 44100) :] = 0
    meter = Spectrum(44100)
    meter.feed(np.fft.irfft(spectrum).astype(np.float32))
    assert meter.bandwidth_hz() == pytest.approx(cutoff, abs=300)


def test_noise_is_flat_and_music_is_not() -> None:
    noise, music = Spectrum(44100), Spectrum(44100)
    sound = np.ascontiguousarray(files.music(20).T)
    for _ in range(30):
        noise.feed(np.random.default_rng(1).normal(0, 0.1, (2, 65536)).astype(np.float32))
    for at in range(0, sound.shape[1], 65536):
        music.feed(sound[:, at : at + 65536])
    assert (noise.flatness() or 0) > 0.5
    assert (music.flatness() or 1) < 0.1


def test_silence_has_no_spectrum() -> None:
    meter = Spectrum(44100)
    meter.feed(np.zeros((2, 100), np.float32))
    assert (meter.bandwidth_hz(), meter.flatness()) == (None, None)
