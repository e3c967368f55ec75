"""ISRC and sound held against each other both ways, and copies in disguise: on music of the project's own, measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from checks.analysis import default_analyser
from checks.model.release import Account, AudioFacts
from checks.rules.similarity import recording_matches
from intake.demo import sounds
from intake.readers import check_context
from intake.services.catalogue import known_recordings
from tests.checks.builders import a_context, a_delivery, a_release, a_track, an_artist
from tests.intake.factories import a_label

pytestmark = pytest.mark.django_db

RATE, SECONDS = 44100, 60
ISRC, OTHER = "SEABC2600001", "SEABC2600002"


@pytest.fixture(scope="module")
def heard(tmp_path_factory) -> dict[str, AudioFacts]:
    """A piece, what can be made of it, and another piece."""
    folder: Path = tmp_path_factory.mktemp("sound")
    piece, stranger = sounds.compose_demo_piece(11, SECONDS), sounds.compose_demo_piece(12, SECONDS)
    edit = piece[: 40 * RATE]
    padded = np.concatenate([stranger[: 30 * RATE], piece, stranger[30 * RATE :]])
    faster = sounds.encode_demo_audio(piece, round(RATE * 1.06), folder / "faster.wav")  # as a turntable does it
    paths = {
        name: sounds.encode_demo_audio(samples, RATE, folder / f"{name}.wav")
        for name, samples in {"piece": piece, "stranger": stranger, "edit": edit, "padded": padded}.items()
    }
    facts = {}
    for name, path in {**paths, "faster": faster}.items():
        facts[name] = replace(default_analyser().analyse(path, name.ljust(64, "0")), sha256=name.ljust(64, "0"))
        assert facts[name].ok
    return facts


def said(label, facts: AudioFacts, isrc: str, **names) -> dict[str, str]:
    """What the check says of a single with this sound under this ISRC, by code."""
    known_recordings.index_new_recordings()
    context = replace(a_context(), recordings=check_context.Recordings(label))
    release = a_release(a_track(isrc=isrc, **names))
    account = Account(str(label.pk), label.name, (label.name,))
    delivery = a_delivery(release, account=account, facts={"01.flac": facts})
    return {item.code.id: item.message for item in recording_matches.CHECK.run(delivery, context)}


@pytest.fixture
def owner(heard):
    """A label that delivered the piece before."""
    label = a_label("Harbour Records")
    words = {"title": "Low Tide", "artist": "Mara Lindqvist", "owner": label.name, "label": label}
    known_recordings.learn_recording(heard["piece"], isrc=ISRC, source="delivered", ring=False, **words)
    return label


def test_same_sound_under_its_isrc_is_in_order(heard, owner):
    assert set(said(owner, heard["piece"], ISRC)) == {"similarity.own_recording"}


def test_other_sound_under_the_isrc_is_looked_at(heard, owner):
    assert set(said(owner, heard["stranger"], ISRC)) == {"isrc.reused_other_audio"}


def test_sound_under_another_isrc_is_told_the_one_that_it_has(heard, owner):
    found = said(owner, heard["piece"], OTHER)
    assert set(found) == {"similarity.own_recording", "isrc.audio_has_other_isrc"}
    assert ISRC in found["isrc.audio_has_other_isrc"]


@pytest.mark.parametrize(("name", "words"), [("edit", "20 s longer"), ("faster", "6.0 % slower")])
def test_another_version_under_the_old_isrc_is_looked_at(heard, owner, name, words):
    found = said(owner, heard[name], ISRC)
    assert words in found["isrc.new_version_needs_new"]


def test_another_labels_copy_is_found_however_it_was_changed_and_told_in_words(heard, owner):
    thief = a_label("North Pier Music")
    for name, words in (
        ("piece", "are the same as 'Low Tide' by 'Mara Lindqvist'"),
        ("edit", "are the same as 'Low Tide'"),
        ("faster", "played 6.0 % faster"),
        ("padded", "s before it and"),
    ):
        found = said(thief, heard[name], OTHER)
        assert words in found["similarity.known_recording"], name
    assert said(thief, heard["stranger"], OTHER) == {}


@pytest.mark.parametrize("name", ["piece", "faster"])
def test_copied_isrc_opens_nothing_to_another_account(heard, owner, name):
    thief = a_label("North Pier Music")
    for names in ({}, {"title": "Orchid Nights", "display_artists": (an_artist("DJ Borrow"),)}):
        found = said(thief, heard[name], ISRC, **names)
        assert {"similarity.owner_unconfirmed", "similarity.known_recording"}.intersection(found), names


def test_own_recording_played_faster_is_a_version_under_its_names_and_a_question_under_others(heard, owner):
    assert "similarity.own_recording" in said(owner, heard["faster"], OTHER, title="Low Tide (Sped Up)")
    found = said(owner, heard["faster"], OTHER, title="Orchid Nights", display_artists=(an_artist("DJ Borrow"),))
    assert set(found) == {"similarity.own_version_renamed"}
    assert "played 6.0 % faster" in found["similarity.own_version_renamed"]
