"""What the gate has seen before, as checks ask it; and fixes that are kept with the findings."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.utils import timezone

from checks.fingerprint.store import MemoryStore
from checks.model.check import RegistrantUse
from checks.model.release import Artist, Relation
from checks.policy import OtherSpeeds
from intake.core.states import State
from intake.models import Submission
from intake.readers import check_context
from intake.readers.delivery_history import DeliveryHistory
from intake.services.catalogue import known_recordings
from intake.services.submissions import admission, submission_actions
from tests.checks.builders import a_track
from tests.intake.factories import a_document, a_label, a_submission, facts_of
from tests.intake.test_pipeline import concluded

pytestmark = pytest.mark.django_db


def test_registrant_is_known_by_who_has_delivered_under_it() -> None:
    mine, other = a_label(), a_label("Pier Records")
    history = DeliveryHistory(mine, None)
    assert history.registrant("SEHBR") == RegistrantUse()
    a_submission(other, a_document(tracks=3))
    assert history.registrant("SEHBR") == RegistrantUse(own=0, elsewhere=3, accounts=1)
    assert history.registrant("SEHB9") == RegistrantUse()
    withdrawn = a_submission(mine, a_document("Slack Water", 2))
    assert history.registrant("SEHBR").own == 1
    submission_actions.withdraw_submission(withdrawn)
    assert history.registrant("SEHBR").own == 0


def test_release_does_not_count_itself() -> None:
    label = a_label()
    submission = a_submission(label, a_document(tracks=2))
    assert DeliveryHistory(label, submission).registrant("SEHBR").own == 0
    assert DeliveryHistory(label, submission).tracks_by("Mara Lindqvist", 30) == 0


def test_tracks_of_one_artist_are_counted_for_one_label() -> None:
    label = a_label()
    a_submission(label, a_document(tracks=2))
    assert DeliveryHistory(label, None).tracks_by("Mara Lindqvist", 30) == 2
    assert DeliveryHistory(label, None).tracks_by("Jonas Ek", 30) == 0
    assert DeliveryHistory(a_label("Pier Records"), None).tracks_by("Mara Lindqvist", 30) == 0


def test_known_recordings_are_found_by_isrc_and_title_until_forgotten() -> None:
    facts = facts_of("aa")
    row, _ = known_recordings.learn_recording(
        facts, title="Help!", artist="The Beatles", isrc="GBAYE6500521", owner="EMI"
    )
    known = check_context.Recordings()
    (found,) = known.under_isrc("GBAYE6500521")
    assert (found.title, found.fingerprint) == ("Help!", facts.fingerprint)
    assert [item.artist for item in known.titled(["Help!", "Help"])["Help!"]] == ["The Beatles"]
    assert (known.under_isrc("GBAYE6500522"), known.titled(["Help"])["Help"]) == ([], [])
    type(row).objects.update(forgotten_at=row.learned_at)
    assert (known.under_isrc("GBAYE6500521"), known.titled(["Help!"])["Help!"]) == ([], [])


def test_common_title_takes_no_room_from_a_rare_one(monkeypatch) -> None:
    monkeypatch.setattr(check_context, "MOST_KNOWN", 3)
    for number in range(5):
        known_recordings.learn_recording(
            facts_of(f"intro {number}"), title="Intro", artist="Somebody", owner=f"Label {number}"
        )
    known_recordings.learn_recording(
        facts_of("rare"), title="Low Tide", artist="Mara Lindqvist", owner="Harbour Records"
    )
    found = check_context.Recordings().titled(["Intro", "Low Tide"])
    assert {title: len(known) for title, known in found.items()} == {"Intro": 3, "Low Tide": 1}


def test_fix_is_kept_with_its_finding(rung, analyser) -> None:
    submission = concluded(rung, analyser, document=a_document("Salt And Iron"))
    kept = {row.subject: row.patch for row in submission.findings.filter(code="title.casing_en")}
    assert kept["release"][1] == {"op": "replace", "path": "/release/title", "value": "Salt and Iron"}
    assert kept["track:1"][1]["path"] == "/release/tracks/0/title"


@pytest.mark.parametrize(
    ("speeds", "undone"),
    [
        (OtherSpeeds.ALWAYS, [True, True, True]),
        (OtherSpeeds.NEW, [True, False, True]),
        (OtherSpeeds.NEVER, [False, False, False]),
    ],
)
def test_other_speeds_are_undone_for_whom_the_policy_says(speeds, undone) -> None:
    rules = replace(admission.current_policy(), other_speeds=speeds)
    new, old, rejected = a_label(), a_label("Pier Records"), a_label("North Pier Music")
    for label in (old, rejected):
        label.created_at -= dt.timedelta(days=rules.new_label_days)
    now = timezone.now()
    for label, days in ((old, 366), (rejected, 364)):
        row = a_submission(label)
        Submission.objects.filter(pk=row.pk).update(state=State.REJECTED, concluded_at=now - dt.timedelta(days=days))
    asked = [check_context.build_check_context(label, None, rules).recordings for label in (new, old, rejected)]
    assert [item._undoes() for item in asked] == undone
    assert check_context.Recordings(rules=rules)._undoes(), "a person's own question is asked whole"


def test_check_searches_as_the_policy_in_force_says(rung, analyser, settings, tmp_path, monkeypatch) -> None:
    searched = []
    monkeypatch.setattr(check_context, "find_matches", lambda *_, undo, **__: searched.append(undo) or [])
    shipped = settings.GATE_POLICY.read_text(encoding="utf-8")
    settings.GATE_POLICY = tmp_path / "policy.toml"
    for speeds in ("always", "never"):
        settings.GATE_POLICY.write_text(shipped.replace('other_speeds = "always"', f'other_speeds = "{speeds}"'))
        label = a_label(f"{speeds.title()} Records")
        concluded(rung, analyser, label=label)
    assert searched == [True, False]


@pytest.mark.parametrize(
    "said",
    [
        {"isrc": "GBAYE6500521"},
        {"title": "Help!"},
        {"display_artists": (Artist("The Beatles"),)},
        {"relations": (Relation("remix_of", isrc="GBAYE6500521"),)},
        {"relations": (Relation("cover_of", title="Help!"),)},
    ],
)
def test_what_is_written_about_a_track_is_compared_whatever_the_index_says(said, monkeypatch) -> None:
    facts = facts_of("aa")
    row, _ = known_recordings.learn_recording(
        facts, title="Help!", artist="The Beatles", isrc="GBAYE6500521", owner="EMI"
    )
    known_recordings.index_new_recordings()
    nothing = SimpleNamespace(at=lambda position: MemoryStore())  # an index that knows nothing
    monkeypatch.setattr(check_context, "open_fingerprint_store", lambda: nothing)
    nobody = {"isrc": "SEABC2600001", "title": "Low Tide", "display_artists": (Artist("Mara Lindqvist"),)}
    track = a_track(**(nobody | said))
    assert check_context.Recordings().matches(facts) == []
    assert check_context.Recordings().matches(facts, a_track(**nobody)) == []
    assert [match.recording for match in check_context.Recordings().matches(facts, track)] == [str(row.pk)]


def test_only_so_many_are_compared_for_their_names(monkeypatch) -> None:
    monkeypatch.setattr(check_context, "MOST_SUGGESTED", 3)
    for number in range(6):
        known_recordings.learn_recording(
            facts_of(f"{number}"), title="Intro", artist="Somebody", owner=f"Label {number}"
        )
    last, _ = known_recordings.learn_recording(facts_of("rare"), title="Outro", isrc="GBAYE6500521", owner="EMI")
    suggested = check_context.Recordings()._suggested(a_track(title="Intro", isrc="GBAYE6500521"))
    assert (len(suggested), suggested[0]) == (3, last.pk)
