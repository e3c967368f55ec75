"""What it means for a release when its sound is known already."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from checks.model.check import Match, OpenedArtist, OwnerClaim, ProtectedName, Segment
from checks.model.finding import Finding, Route, Severity
from checks.model.release import Account, Delivery, Relation, Track
from checks.rules.similarity import recording_matches
from tests.checks.builders import (
    LABEL,
    FakeNames,
    FakeRecordings,
    a_context,
    a_delivery,
    a_release,
    a_track,
    an_album,
    an_artist,
    some_facts,
)
from tests.checks.fingerprint.sounds import degraded, part, recording, silence, tone


def a_match(**changes: Any) -> Match:
    """A whole recording of a stranger, certainly the same."""
    ordinary: dict[str, Any] = {
        "recording": "known-1",
        "title": "Long Way Down",
        "artist": "Ole Strand",
        "isrc": "NOXYZ2400007",
        "owner": "Fjord Music",
        "owner_account": None,
        "score": 0.93,
        "bit_error_rate": 0.035,
        "segments": (Segment(0.0, 187.4, 3.1, 190.5),),
    }
    return Match(**(ordinary | changes))


def findings(*matches: Match, track: Track | None = None, **changes: Any) -> list[Finding]:
    """What the check says of an ordinary single that has these matches."""
    delivery = a_delivery(a_release(track or a_track()), **changes)
    sha256 = next(iter(delivery.facts.values())).sha256
    return list(recording_matches.CHECK.run(delivery, a_context(FakeRecordings({sha256: matches}))))


def codes(found: list[Finding]) -> list[str]:
    return [finding.code.id for finding in found]


def test_unknown_recording_gives_no_finding():
    assert findings() == []


def test_recording_of_another_owner_is_critical_and_reviewed():
    (finding,) = findings(a_match())
    assert finding.code.id == "similarity.known_recording"
    assert (finding.code.severity, finding.code.route) == (Severity.CRITICAL, Route.REVIEW)
    assert finding.subject == "track:1"
    assert finding.message == (
        "187.4 s of this recording are the same as 'Long Way Down' by 'Ole Strand' (ISRC NOXYZ2400007)."
    )
    assert finding.measured == 0.93
    assert finding.threshold == pytest.approx(0.3, abs=0.001)
    assert "samples" in (finding.fix or "")
    assert "NOXYZ2400007" in (finding.fix or "")


def test_evidence_has_every_match_in_the_published_shape():
    (finding,) = findings(a_match(speed=1.06, pitch=1.0), a_match(recording="known-2", isrc=None, score=0.2))
    assert finding.evidence is not None
    assert json.loads(json.dumps(finding.evidence)) == finding.evidence
    first, second = finding.evidence["matches"]  # type: ignore[misc]
    assert first == {
        "recording": "known-1",
        "isrc": "NOXYZ2400007",
        "title": "Long Way Down",
        "artist": "Ole Strand",
        "owner": "Fjord Music",
        "score": 0.93,
        "bit_error_rate": 0.035,
        "certain": True,
        "speed": 1.06,
        "pitch": 1.0,
        "segments": [{"start": 0.0, "end": 187.4, "reference_start": 3.1, "reference_end": 190.5}],
    }
    assert second["recording"] == "known-2"  # type: ignore[index,call-overload]
    assert "1 more" in finding.message


@pytest.mark.parametrize(
    ("speed", "pitch", "words", "relation"),
    [
        (1.06, 0.0, ", played 6.0 % faster.", "sped_up_of"),
        (0.85, 0.0, ", played 15.0 % slower.", "slowed_of"),
        (1.0, -2.0, ", pitched down by 2.0 semitones.", "edit_of"),
        (1.06, 1.0, ", played 6.0 % faster, pitched up by 1.0 semitones.", "sped_up_of"),
        (1.06, -1.009, ", its tempo 6.0 % faster at the same pitch.", "sped_up_of"),
        (1.001, 0.05, "(ISRC NOXYZ2400007).", "samples"),
    ],
)
def test_change_of_speed_and_pitch_is_told_in_words(speed: float, pitch: float, words: str, relation: str):
    (finding,) = findings(a_match(speed=speed, pitch=pitch))
    assert finding.message.endswith(words)
    assert f"of type {relation}" in (finding.fix or "")


def test_passage_is_told_as_a_passage_with_its_times():
    passage = (Segment(62.0, 74.3, 10.0, 22.3), Segment(120.0, 132.0, 10.0, 22.0))
    (finding,) = findings(a_match(segments=passage, score=0.1))
    assert finding.message.startswith("24.3 s of this recording are the same as")
    assert "a part of 187.4 s, at 1:02-1:14, 2:00-2:12" in finding.message


def test_uncertain_match_is_a_warning_and_reviewed():
    (finding,) = findings(a_match(certain=False, bit_error_rate=0.33, score=0.3))
    assert finding.code.id == "similarity.possible_match"
    assert (finding.code.severity, finding.code.route) == (Severity.WARNING, Route.REVIEW)
    assert "may be the same as" in finding.message


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize(
    ("owner", "account"),
    [
        ("Fjord Music", "harbour"),
        (LABEL, None),
        ("HARBOUR  records", None),
        ("Hárbour-Records", None),
        ("Old Name", None),
    ],
)
def test_own_recording_passes(certain: bool, owner: str, account: str | None):
    mine = Account("harbour", LABEL, (LABEL, "Old Name"))
    same = {"title": "Low Tide", "artist": "Mara Lindqvist"}
    found = findings(a_match(owner=owner, owner_account=account, certain=certain, **same), account=mine)
    (finding,) = (item for item in found if item.code.id != "isrc.audio_has_other_isrc")  # that ISRC is told apart
    assert (finding.code.id, finding.code.route) == ("similarity.own_recording", Route.PASS)
    assert finding.code.severity is Severity.INFORMATION


def test_owner_without_a_name_is_not_everybody():
    assert codes(findings(a_match(owner="—"), account=Account("harbour", "!", ("!",)))) == [
        "similarity.known_recording"
    ]


# The same ISRC: it says which recording this is, and nothing about who delivers it

OLE = an_artist("Ole Strand")
NEVER, BEFORE, AFTER = None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def the_track(**changes: Any) -> Track:
    """The stranger's recording with everything copied."""
    return a_track(**({"title": "Long Way Down", "isrc": "NOXYZ2400007", "display_artists": (OLE,)} | changes))


@pytest.mark.parametrize("isrc", ["NOXYZ2400007", "NO-XYZ-24-00007", "noxyz2400007"])
@pytest.mark.parametrize("account", [None, "fjord"], ids=["taught", "delivered by another account"])
def test_stranger_with_everything_copied_is_asked_about_and_not_accused(isrc: str, account: str | None):
    (finding,) = findings(a_match(owner_account=account), track=the_track(isrc=isrc))
    assert (finding.code.id, finding.code.route) == ("similarity.owner_unconfirmed", Route.REVIEW)
    assert finding.code.severity is Severity.WARNING
    assert "change nothing" in (finding.fix or "")


@pytest.mark.parametrize(
    "copied",
    [
        {"title": "Orchid Nights", "display_artists": (an_artist("DJ Borrow"),)},
        {"title": "Orchid Nights"},
        {"display_artists": (an_artist("DJ Borrow"),)},
    ],
    ids=["title and artist", "title", "artist"],
)
def test_same_isrc_under_another_title_or_artist_is_told_in_stronger_words(copied: dict[str, Any]):
    (finding,) = findings(a_match(), track=the_track(**copied))
    assert (finding.code.id, finding.code.severity) == ("similarity.known_recording", Severity.CRITICAL)
    assert "the same ISRC here, under another title or artist" in finding.message


@pytest.mark.parametrize(
    "changed", [{"speed": 1.03}, {"pitch": 1.0}, {"segments": (Segment(0.0, 60.0, 0.0, 60.0),)}], ids=str
)
def test_isrc_with_less_than_the_whole_unchanged_recording_opens_nothing(changed: dict[str, Any]):
    assert "similarity.known_recording" in codes(findings(a_match(**changed), track=the_track()))


GUARDED = ProtectedName("ole", "Ole Strand")


def said_with(names: FakeNames, match: Match, track: Track) -> list[str]:
    delivery = a_delivery(a_release(track))
    sha256 = next(iter(delivery.facts.values())).sha256
    context = a_context(FakeRecordings({sha256: [match]}), names)
    return codes(list(recording_matches.CHECK.run(delivery, context)))


@pytest.mark.parametrize(
    ("guarded", "key", "expected"),
    [
        ({"accounts": {"harbour"}, "vouched": {"harbour"}}, None, "similarity.same_isrc"),
        ({"accounts": {"harbour"}}, None, "similarity.owner_unconfirmed"),
        ({"accounts": {"pier"}, "vouched": {"pier"}}, None, "similarity.owner_unconfirmed"),
        (
            {"name": "Ole Strandh", "accounts": {"harbour"}, "vouched": {"harbour"}},
            None,
            "similarity.owner_unconfirmed",
        ),
        ({}, OpenedArtist("ole", "abc", vouched=True), "similarity.same_isrc"),
        ({}, OpenedArtist("ole", "abc"), "similarity.owner_unconfirmed"),
        ({}, OpenedArtist("other", "abc", vouched=True), "similarity.owner_unconfirmed"),
    ],
    ids=[
        "vouched for",
        "its own word",
        "another account",
        "a similar name",
        "key",
        "a label's own key",
        "another's key",
    ],
)
def test_only_an_account_that_somebody_vouches_for_passes_with_the_isrc(guarded, key, expected):
    artist = replace(GUARDED, **{name: frozenset(v) if isinstance(v, set) else v for name, v in guarded.items()})
    names = FakeNames([artist], {"key": key} if key else {})
    track = the_track(display_artists=(an_artist("Ole Strand", artist_key="key" if key else None),))
    assert said_with(names, a_match(), track) == [expected]
    assert said_with(names, a_match(owner_account="fjord"), track) == ["similarity.owner_unconfirmed"]
    assert said_with(names, a_match(), replace(track, title="Orchid Nights")) == ["similarity.known_recording"]


@pytest.mark.parametrize(
    ("reviewed", "changes", "asked"),
    [
        (AFTER, {}, False),
        (NEVER, {}, True),
        (BEFORE, {}, True),
        (AFTER, {"title": "Orchid Nights"}, True),
        (AFTER, {"isrc": "SEABC2600009"}, True),
    ],
    ids=["accepted", "never accepted", "accepted before it was known", "another title", "another ISRC"],
)
def test_what_a_person_has_accepted_from_an_account_is_not_asked_again(reviewed, changes, asked):
    known = a_match(known_since=dt.datetime(2026, 2, 1, tzinfo=dt.UTC))
    own = a_match(recording="own", owner=LABEL, owner_account="harbour", claim=OwnerClaim.DELIVERED)
    found = codes(findings(known, replace(own, reviewed_since=reviewed), track=the_track(**changes)))
    held = {"similarity.owner_unconfirmed", "similarity.known_recording"}
    assert bool(held.intersection(found)) is asked


# The account's own recording, changed


VARIANTS = [{"speed": 1.06}, {"speed": 0.85}, {"pitch": 2.0}, {"pitch": -1.0}, {"speed": 1.06, "pitch": -1.009}]


def own_match(**changes: Any) -> Match:
    return a_match(
        owner=LABEL, owner_account="harbour", title="Low Tide", artist="Mara Lindqvist", duration=187.4, **changes
    )


@pytest.mark.parametrize("change", VARIANTS, ids=str)
@pytest.mark.parametrize(
    "named",
    [
        {"title": "Orchid Nights", "display_artists": (an_artist("DJ Borrow"),)},
        {"title": "Low Tide", "display_artists": (an_artist("DJ Borrow"),)},
        {"title": "Orchid Nights"},
    ],
    ids=["title and artist", "artist", "title"],
)
def test_own_recording_at_another_speed_or_pitch_under_another_name_is_looked_at(change, named):
    (finding,) = (
        item
        for item in findings(own_match(**change), track=a_track(**named))
        if item.code.id != "isrc.audio_has_other_isrc"
    )
    assert (finding.code.id, finding.code.route) == ("similarity.own_version_renamed", Route.REVIEW)
    assert "That recording is yours, and it has another title or artist here." in finding.message
    assert "no licence is needed" in (finding.fix or "")


@pytest.mark.parametrize(
    ("named", "held"),
    [
        ({"title": "Orchid Nights", "display_artists": (an_artist("DJ Borrow"),)}, True),
        ({"display_artists": (an_artist("Ida Sund"),)}, False),
        ({"title": "Orchid Nights"}, False),
    ],
    ids=["both", "another performer of the work", "another song of the act"],
)
def test_possible_version_is_looked_at_only_where_both_names_are_others(named, held):
    found = codes(findings(own_match(speed=0.85, certain=False), track=a_track(**named)))
    assert ("similarity.own_version_renamed" in found) is held


@pytest.mark.parametrize("change", VARIANTS, ids=str)
@pytest.mark.parametrize("title", ["Low Tide", "Low Tide (Sped Up)", "low tide - nightcore"])
def test_own_version_under_its_artist_and_title_passes(change, title):
    assert "similarity.own_recording" in codes(findings(own_match(**change), track=a_track(title=title)))


def test_relation_to_its_isrc_explains_another_title_and_no_other_artist():
    relation = Relation("sped_up_of", isrc="NOXYZ2400007")
    track = a_track(title="Rush", relations=(relation,))
    assert "similarity.own_recording" in codes(findings(own_match(speed=1.06), track=track))
    slowed = codes(findings(own_match(speed=0.9), track=track))
    assert "similarity.own_version_renamed" in slowed, "slowed is not sped up"
    other = replace(track, display_artists=(an_artist("DJ Borrow"),))
    assert "similarity.own_version_renamed" in codes(findings(own_match(speed=1.06), track=other))


@pytest.mark.parametrize("change", [{}, *VARIANTS[:2]], ids=str)
def test_padding_makes_no_other_recording_of_it(change):
    padded = own_match(**change, segments=(Segment(20.0, 150.0, 0.0, 130.0),))
    padded = replace(padded, duration=130.0)
    found = codes(findings(padded, track=a_track(title="Orchid Nights", display_artists=(an_artist("DJ Borrow"),))))
    assert {"similarity.own_version_renamed", "similarity.own_other_title"}.intersection(found)


def test_piece_of_an_own_recording_in_another_own_track_passes():
    piece = own_match(segments=(Segment(60.0, 90.0, 30.0, 60.0),), speed=1.06, score=0.15)
    found = codes(findings(piece, track=a_track(title="Orchid Nights", display_artists=(an_artist("DJ Borrow"),))))
    assert "similarity.own_recording" in found


def test_same_isrc_with_an_uncertain_match_is_still_listened_to():
    track = a_track(isrc="NOXYZ2400007")
    assert codes(findings(a_match(certain=False), track=track)) == ["similarity.possible_match"]


def test_no_isrc_on_either_side_is_not_the_same_isrc():
    assert codes(findings(a_match(isrc=None), track=a_track(isrc=None))) == ["similarity.known_recording"]


@pytest.mark.parametrize("type_", sorted(recording_matches.USES_THE_SOUND))
@pytest.mark.parametrize("certain", [True, False])
def test_licensed_use_informs_and_somebody_reads_the_licence(type_: str, certain: bool):
    track = a_track(relations=(Relation(type_, isrc="NO-XYZ-24-00007", licence_file="licence.pdf"),))
    speed = {"sped_up_of": 1.06, "slowed_of": 0.94}.get(type_, 1.0)
    (finding,) = findings(a_match(certain=certain, speed=speed), track=track)
    assert finding.code.id == "similarity.licensed"
    assert (finding.code.severity, finding.code.route) == (Severity.INFORMATION, Route.REVIEW)


@pytest.mark.parametrize(
    "relation",
    [
        Relation("samples", isrc="NOXYZ2400007"),
        Relation("samples", isrc="NOXYZ2400008", licence_file="licence.pdf"),
        Relation("samples", licence_file="licence.pdf"),
        Relation("cover_of", isrc="NOXYZ2400007", licence_file="licence.pdf"),
    ],
    ids=["no file", "another recording", "no recording", "a cover has its own sound"],
)
def test_relation_that_licenses_nothing_changes_nothing(relation: Relation):
    assert codes(findings(a_match(), track=a_track(relations=(relation,)))) == ["similarity.known_recording"]


def test_relation_without_isrc_does_not_license_a_recording_without_isrc():
    track = a_track(relations=(Relation("samples", licence_file="licence.pdf"),))
    assert codes(findings(a_match(isrc=None), track=track)) == ["similarity.known_recording"]


def test_each_kind_of_match_has_its_own_finding():
    own = a_match(owner=LABEL, title="Low Tide", artist="Mara Lindqvist")
    assert sorted(codes(findings(own, a_match(), a_match(certain=False)))) == [
        "similarity.known_recording",
        "similarity.own_recording",
        "similarity.possible_match",
    ]


# Not assessed: never a silent pass


@pytest.mark.parametrize(
    "changes",
    [
        {"ok": False, "error": "truncated"},
        {"ok": False, "error": "not_audio", "fingerprint": b"", "fingerprint_distinct": 0},
        {"fingerprint": b"", "fingerprint_distinct": 0},
        {"fingerprint": silence(1000), "fingerprint_distinct": 1},
        {"fingerprint": tone(1000), "fingerprint_distinct": 1},
        {"fingerprint": recording(1, 15), "fingerprint_distinct": 15},
    ],
    ids=["truncated", "not audio", "no fingerprint", "silence", "tone", "four seconds"],
)
def test_recording_that_cannot_be_compared_is_reviewed(changes: dict[str, Any]):
    found = findings(a_match(), facts={"01.flac": some_facts(**changes)})
    assert codes(found) == ["similarity.not_assessed"]
    assert found[0].code.route is Route.REVIEW
    assert found[0].subject == "track:1"


def test_unmeasured_file_is_reviewed():
    delivery = replace(a_delivery(), facts={})
    assert codes(list(recording_matches.CHECK.run(delivery, a_context()))) == ["similarity.not_assessed"]


# The tracks of one release


def album(*prints: bytes, **changes: Any) -> Delivery:
    """An album whose tracks sound like this."""
    release = an_album(len(prints), **changes)
    facts = {
        track.file: some_facts(track.file, fingerprint=fingerprint)
        for track, fingerprint in zip(release.tracks, prints, strict=True)
    }
    return a_delivery(release, facts=facts)


def test_different_tracks_give_no_finding():
    assert not list(recording_matches.CHECK.run(album(*(recording(n) for n in range(8))), a_context()))


def test_same_recording_twice_is_reviewed_at_the_later_track():
    delivery = album(recording(1), recording(2), degraded(recording(1), 0.02))
    (finding,) = recording_matches.CHECK.run(delivery, a_context())
    assert (finding.code.id, finding.code.route, finding.subject) == ("audio.duplicate", Route.REVIEW, "track:3")
    assert "track 1, 'Low Tide'" in finding.message
    assert finding.evidence is not None
    assert finding.evidence["track"] == 1


def test_edit_and_medley_are_not_the_same_recording():
    long, other = recording(1), recording(2)
    delivery = album(long, part(long, 0, 900), part(long, 200, 500) + part(other, 200, 1100), other)
    assert not list(recording_matches.CHECK.run(delivery, a_context()))


def test_very_same_file_twice_is_found_even_where_nothing_can_be_compared():
    delivery = album(silence(1000), recording(2), silence(1000))
    facts = dict(delivery.facts)
    facts["03.flac"] = replace(facts["03.flac"], sha256=facts["01.flac"].sha256)
    found = list(recording_matches.CHECK.run(replace(delivery, facts=facts), a_context()))
    assert codes(found) == ["similarity.not_assessed", "similarity.not_assessed", "audio.duplicate"]
    assert "the very same file as track 1" in found[-1].message


def test_clean_and_explicit_version_may_stand_side_by_side():
    delivery = album(recording(1), degraded(recording(1), 0.02))
    first, second = delivery.release.tracks
    tracks = (replace(first, advisory="explicit"), replace(second, advisory="clean"))
    delivery = replace(delivery, release=replace(delivery.release, tracks=tracks))
    assert not list(recording_matches.CHECK.run(delivery, a_context()))


def test_every_code_is_declared():
    declared = {code.id for code in recording_matches.CHECK.codes}
    assert len(declared) == len(recording_matches.CHECK.codes)
    rooms = ("similarity.", "isrc.", "id.", "staydown.")
    assert all(code.id.startswith(rooms) or code.id == "audio.duplicate" for code in recording_matches.CHECK.codes)


def test_match_whose_tempo_wanders_may_be_another_performance():
    (finding,) = findings(a_match(certain=False, bit_error_rate=0.15, deviation=0.0874))
    assert finding.code is recording_matches.POSSIBLE_MATCH
    assert "may be the same as" in finding.message
    assert "wanders against the known recording by 87 ms, as in another performance" in finding.message
    assert finding.evidence["matches"][0]["tempo_deviation_ms"] == 87
    assert "your own performance" in finding.fix
