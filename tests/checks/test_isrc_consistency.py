"""An ISRC under which something else is known, and a recording that had an ISRC already."""

from __future__ import annotations

from typing import Any

from checks.model.check import Known, Match
from checks.rules.similarity.recording_matches import CHECK
from tests.checks.builders import FakeRecordings, a_context, a_delivery, some_facts

ISRC = "SEABC2600001"
CODES = {"isrc.reused_other_audio", "isrc.new_version_needs_new", "isrc.audio_has_other_isrc"}
DELIVERED = some_facts("01.flac")


def known(sound: str = "01.flac", **changes: Any) -> Known:
    facts = some_facts(sound)
    ordinary = {
        "recording": "7",
        "title": "Low Tide",
        "artist": "Mara Lindqvist",
        "isrc": ISRC,
        "owner_account": "harbour",
    }
    return Known(**{**ordinary, "duration": facts.duration, "fingerprint": facts.fingerprint, **changes})


def match(**changes: Any) -> Match:
    ordinary = {
        "recording": "7", "title": "Low Tide", "artist": "Mara Lindqvist", "isrc": ISRC, "owner": "Harbour Records",
        "owner_account": "harbour", "score": 0.98, "bit_error_rate": 0.01, "segments": (),
    }  # fmt: skip
    return Match(**{**ordinary, **changes})


def found(matches: list[Match], *under: Known) -> set[str]:
    recordings = FakeRecordings({DELIVERED.sha256: matches}, list(under))
    return {f.code.id for f in CHECK.run(a_delivery(), a_context(recordings))} & CODES


def test_label_with_a_new_recording_under_a_new_isrc_hears_nothing() -> None:
    assert found([]) == set()


def test_label_that_delivers_the_same_recording_again_hears_nothing() -> None:
    assert found([match()], known()) == set()


def test_other_sound_under_a_known_isrc_is_looked_at() -> None:
    assert found([], known("something else")) == {"isrc.reused_other_audio"}


def test_sound_that_only_a_direct_comparison_finds_is_the_same() -> None:
    assert found([], known("01.flac")) == set()


def test_known_recording_without_a_fingerprint_proves_nothing() -> None:
    assert found([], known(fingerprint=b"")) == set()


def test_shorter_edit_under_the_old_isrc_is_looked_at() -> None:
    assert found([match()], known(duration=240.0)) == {"isrc.new_version_needs_new"}
    assert found([match()], known(duration=DELIVERED.duration + 9)) == set()


def test_other_speed_under_the_old_isrc_is_looked_at() -> None:
    assert found([match(speed=1.06)], known()) == {"isrc.new_version_needs_new"}


def test_edit_of_which_the_whole_is_known_too_is_one_of_them() -> None:
    assert found([match()], known(duration=240.0, recording="8"), known()) == set()


def test_label_hears_the_isrc_that_its_recording_has() -> None:
    assert found([match(isrc="SEABC2500009")]) == {"isrc.audio_has_other_isrc"}


def test_passages_remixes_and_strangers_recordings_have_isrcs_of_their_own() -> None:
    assert found([match(isrc="SEABC2500009", score=0.4)]) == set()
    assert found([match(isrc="SEABC2500009", speed=1.06)]) == set()
    assert found([match(isrc="SEABC2500009", owner_account="pier")]) == set()
