"""Audio that is not fit to go out is held or pointed out; ordinary audio passes without a word."""

import math
from typing import Any

import pytest

from checks.analysis.facts_json import Failure, Note
from checks.model.finding import Finding, Route, Severity
from checks.model.release import AudioFacts, Release
from checks.rules.audio import (
    CHECK,
    CLIPPED_SHARE,
    DC_OFFSET_SHARE,
    EDGE_SILENCE_SECONDS,
    IRREGULARITIES,
    ODDITIES,
    UNREADABLE,
)
from tests.checks.builders import a_context, a_delivery, a_release, a_track, an_album, some_facts


def judged(release: Release | None = None, **facts: AudioFacts) -> list[Finding]:
    """Findings on a release (by default one track, ``01.flac``) whose files measure what is given."""
    delivery = a_delivery(release)
    files = {name.replace("_", "") + ".flac": fact for name, fact in facts.items()}
    return list(CHECK.run(a_delivery(release, facts={**delivery.facts, **files}), a_context()))


def on_one_file(**changes: Any) -> list[Finding]:
    return judged(_01=some_facts(**changes))


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code.id for finding in findings]


def test_ordinary_audio_has_nothing_to_say() -> None:
    assert judged() == []
    assert judged(an_album(12)) == []


@pytest.mark.parametrize(
    "error", ["not_audio", "empty", "truncated", "decoder_killed", "decoder_timeout", "something_new", None]
)
def test_a_file_that_cannot_be_read_is_reviewed_and_judged_no_further(error: str | None) -> None:
    (finding,) = on_one_file(ok=False, error=error, duration=0.0, channel_rms=(), notes=("trailing_data",))
    assert finding.code.id == "audio.undecodable"
    assert (finding.code.severity, finding.code.route) == (Severity.CRITICAL, Route.REVIEW)
    assert finding.subject == "track:1"
    assert finding.fix


def test_our_own_failure_is_told_to_the_label_without_blame_and_to_the_operator_with_its_cause() -> None:
    told, private = on_one_file(
        ok=False, error="analysis_failed", fault="IndexError: a fault of our own", duration=0.0, channel_rms=()
    )
    assert (told.code.id, told.code.route, told.code.private) == ("audio.not_measured", Route.REVIEW, False)
    assert "IndexError" not in told.message
    assert told.fix is None
    assert told.measured is told.evidence is None
    assert (private.code.id, private.code.private) == ("audio.analysis_failed", True)
    assert "IndexError: a fault of our own" in private.message


def test_a_file_that_was_never_measured_is_reviewed() -> None:
    delivery = a_delivery(facts={})
    (finding,) = CHECK.run(delivery, a_context())
    assert finding.code.id == "audio.undecodable"
    assert finding.measured == "not_measured"


def test_a_truncated_file_says_how_far_it_was_read() -> None:
    (finding,) = on_one_file(ok=False, error="truncated", duration=14.2, declared_duration=60.0)
    assert "14.2 s" in finding.message
    assert finding.evidence is not None
    assert finding.evidence["declared_seconds"] == 60.0


@pytest.mark.parametrize(
    ("declared", "decoded", "lossless", "held"),
    [
        (180.0, 180.0, True, False),
        (180.0, 179.7, True, False),
        (180.0, 179.0, True, True),
        (180.0, 181.5, False, False),
        (180.0, 177.0, False, False),
        (180.0, 170.0, False, True),
        (180.0, 18_000.0, True, True),
        (math.inf, 180.0, False, True),
        (math.nan, 180.0, False, True),
        (None, 180.0, True, False),
    ],
)
def test_a_header_that_says_another_length_is_reviewed(
    declared: float | None, decoded: float, lossless: bool, held: bool
) -> None:
    found = on_one_file(declared_duration=declared, duration=decoded, lossless=lossless)
    assert ("audio.duration_mismatch" in codes(found)) is held


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_rms": (0.0, 0.0), "downmix_rms": 0.0, "loudness_lufs": None},
        {"channel_rms": (0.0005, 0.0004), "downmix_rms": 0.0004},
        {"channel_rms": (), "silence_head": 187.4, "loudness_lufs": None},
    ],
)
def test_a_file_without_sound_is_reviewed_for_that_alone(changes: dict[str, Any]) -> None:
    (finding,) = on_one_file(silence_tail=187.4, **changes)
    assert finding.code.id == "audio.silent"
    assert finding.code.route is Route.REVIEW


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"non_finite": 3}, "audio.non_finite"),
        ({"non_finite": 3, "channel_rms": (0.0, 0.0)}, "audio.non_finite"),
        ({"audio_streams": 2}, "audio.more_than_one_stream"),
        ({"downmix_rms": 0.0}, "audio.channels_cancel"),
        ({"notes": ("format_change",)}, "audio.irregular"),
        ({"notes": ("checksum_mismatch",)}, "audio.irregular"),
        ({"duration": 29.5, "declared_duration": 29.5}, "audio.length"),
    ],
)
def test_damage_that_only_a_person_can_judge_is_reviewed(changes: dict[str, Any], code: str) -> None:
    (finding,) = on_one_file(**changes)
    assert finding.code.id == code
    assert finding.code.route is Route.REVIEW
    assert finding.measured is not None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"silence_head": 10.5}, "audio.silence"),
        ({"silence_tail": 61.0}, "audio.silence"),
        ({"longest_silence": 45.0}, "audio.silence"),
        ({"clipped_share": 0.02}, "audio.clipping"),
        ({"dc_offset": -0.05}, "audio.dc_offset"),
        ({"channel_rms": (0.2, 0.00001), "downmix_rms": 0.1}, "audio.dead_channel"),
        ({"lossless": False, "codec": "mp3", "bit_depth": None, "bandwidth_hz": 16_000.0}, "audio.format"),
        ({"lossless": False, "codec": "vorbis", "bit_depth": None}, "audio.format"),
        ({"bit_depth": 8}, "audio.format"),
        ({"sample_rate": 22_050, "bandwidth_hz": 11_000.0}, "audio.format"),
        ({"channels": 1, "channel_rms": (0.1,), "downmix_rms": 0.1}, "audio.format"),
        ({"bandwidth_hz": 16_000.0}, "audio.bandwidth"),
        ({"notes": ("trailing_data",)}, "audio.oddity"),
        ({"container": "mp3"}, "audio.oddity"),
        ({"notes": ("something_new",)}, "audio.oddity"),
    ],
)
def test_a_blemish_is_pointed_out_and_passes(changes: dict[str, Any], code: str) -> None:
    (finding,) = on_one_file(**changes)
    assert finding.code.id == code
    assert (finding.code.severity, finding.code.route) == (Severity.WARNING, Route.PASS)


def test_everything_that_the_measurement_can_say_has_words() -> None:
    assert set(UNREADABLE) == set(Failure) - {Failure.ANALYSIS_FAILED}  # which is not the file's
    assert IRREGULARITIES.keys() | ODDITIES.keys() == set(Note)
    assert not IRREGULARITIES.keys() & ODDITIES.keys()


def test_everything_that_falls_short_of_a_master_is_one_finding() -> None:
    (finding,) = on_one_file(lossless=False, codec="mp3", sample_rate=32_000, channels=1, channel_rms=(0.1,))
    assert finding.measured == ["lossy (mp3)", "32 kHz", "mono"]


@pytest.mark.parametrize(
    "changes",
    [
        {"silence_head": EDGE_SILENCE_SECONDS},
        {"clipped_share": CLIPPED_SHARE},
        {"dc_offset": DC_OFFSET_SHARE},
        {"bandwidth_hz": 440.0},
        {"bandwidth_hz": 19_500.0},
        {"bandwidth_hz": None},
        {"bit_depth": 24, "sample_rate": 96_000},
        {"bit_depth": None},
        {"downmix_rms": 0.085},  # two independent channels
        {"duration": 30.0, "declared_duration": 30.0},
        {"true_peak_dbtp": 0.4},
    ],
)
def test_what_honest_masters_do_passes_without_a_word(changes: dict[str, Any]) -> None:
    assert on_one_file(**changes) == []


def test_an_interlude_on_an_album_is_no_short_single() -> None:
    assert judged(an_album(8), _03=some_facts("03.flac", duration=12.0, declared_duration=12.0)) == []


def test_an_album_of_short_tracks_is_pointed_out_once() -> None:
    short = {f"_{n:02}": some_facts(f"{n:02}.flac", duration=33.0, declared_duration=33.0) for n in range(1, 9)}
    (finding,) = judged(an_album(8), **short)
    assert finding.code.id == "audio.short_tracks"
    assert finding.subject == "release"
    assert finding.measured == pytest.approx(33.0)


def test_only_the_track_at_fault_is_named() -> None:
    release = a_release(a_track(1), a_track(2))
    (finding,) = judged(release, _02=some_facts("02.flac", audio_streams=3))
    assert finding.subject == "track:2"


def test_every_finding_is_of_a_code_that_the_check_announces() -> None:
    everything = on_one_file(
        declared_duration=10.0, duration=20.0, non_finite=1, audio_streams=2, notes=("format_change", "x"),
        downmix_rms=0.0, silence_head=11.0, clipped_share=0.5, dc_offset=0.3, sample_rate=44_100, bit_depth=8,
        bandwidth_hz=15_000.0,
    )  # fmt: skip
    assert len(everything) >= 10
    assert {finding.code for finding in everything} <= set(CHECK.codes)
