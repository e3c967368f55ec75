"""Where the right form can be known, the label reads it."""

from __future__ import annotations

import pytest

from checks.model.finding import Finding
from checks.model.release import Relation, Release
from checks.rules.metadata import IDENTIFIERS, METADATA
from tests.checks.builders import a_context, a_delivery, a_release, a_track


def find(code: str, release: Release) -> Finding:
    """The first finding under this code."""
    found = [f for check in (IDENTIFIERS, METADATA) for f in check.run(a_delivery(release), a_context())]
    return next(f for f in found if f.code.id == code)


@pytest.mark.parametrize(
    "isrc", ["SE-ABC-26-00001", "seabc2600001", " SEABC2600001\n", "ISRC SE-ABC-26-00001", "ＳＥＡＢＣ２６０００01"]
)
def test_label_reads_the_isrc_it_meant(isrc: str) -> None:
    finding = find("isrc.malformed", a_release(a_track(isrc=isrc)))
    assert finding.fix == "Write SEABC2600001."


@pytest.mark.parametrize("isrc", ["SEABC260000", "SEABC26000012", "12ABC2600001", "hello"])
def test_label_is_not_told_an_isrc_that_cannot_be_known(isrc: str) -> None:
    assert find("isrc.malformed", a_release(a_track(isrc=isrc))).fix is None


@pytest.mark.parametrize(
    ("upc", "fix"),
    [
        ("0-36000-29145-2", "Write 036000291452."),
        ("03600029145", "Its check digit seems to be missing: 036000291452."),
        ("036000291453", "Compare it with the original; if all else is right, the last digit is 2."),
        ("no idea", None),
    ],
)
def test_label_reads_how_to_mend_the_upc(upc: str, fix: str | None) -> None:
    assert find("upc.malformed", a_release(upc=upc)).fix == fix


@pytest.mark.parametrize(
    ("code", "title", "language", "form"),
    [
        ("title.casing_unusual", "THE LAST PIER OF THE HARBOUR", "en", "“The Last Pier of the Harbour”"),
        ("title.casing_unusual", "part ii (the ebb)", "en", "“Part Ii (The Ebb)”"),
        ("title.casing_unusual", "PART II (THE EBB)", "en-GB", "“Part II (The Ebb)”"),
        ("title.casing_unusual", "LA MER EST BELLE", "fr", "“La mer est belle”"),
        ("title.feat_in_title", "Low Tide (feat. Jonas Ek)", "en", "“Low Tide”"),
        ("title.feat_in_title", "Low Tide (feat. Jonas Ek) [Live]", "en", "“Low Tide [Live]”"),
        ("title.feat_spelling", "Low Tide ft. Jonas Ek", "en", "“Low Tide (feat. Jonas Ek)”"),
        ("title.artist_dash_title", "Mara Lindqvist – Low Tide", "en", "“Low Tide”"),
        ("title.version_in_title", "Low Tide - Radio Edit", "en", "“Low Tide” and the version “Radio Edit”"),
        (
            "title.version_in_title",
            "Low Tide (Live at the Pier)",
            "en",
            "“Low Tide” and the version “Live at the Pier”",
        ),
        ("title.version_redundant", "Low Tide (Original Mix)", "en", "“Low Tide” and leave the version empty"),
        ("title.clean_explicit_word", "Low Tide (Explicit)", "en", "advisory to explicit"),
        ("title.clean_explicit_word", "Low Tide [Censored]", "en", "advisory to clean"),
        ("title.invisible_characters", "Low\u200b\tTide", "en", "“Low Tide”"),
    ],
)
def test_label_reads_the_right_form_of_a_title(code: str, title: str, language: str, form: str) -> None:
    assert form in (find(code, a_release(a_track(title=title, language=language))).fix or "")


def safe_changes(title: str, **more: str) -> dict[str, object]:
    """What the safe patches of a track's findings write, by the last part of the path."""
    release = a_release(a_track(title=title, **more))
    found = [f for check in (IDENTIFIERS, METADATA) for f in check.run(a_delivery(release), a_context())]
    steps = [step for f in found if f.safe and f.subject == "track:1" for step in f.patch if step["op"] != "test"]
    return {str(step["path"]).removeprefix("/release/tracks/0/"): step["value"] for step in steps}


@pytest.mark.parametrize(
    "title",
    [
        # measures, forts and deeds are no guests
        "10 Ft. Tall", "Six Ft. Under", "50 Ft. Wave", "Waltz (Ft. Worth)", "A Feat of Strength",
        "Songs Featuring Strings",
        "Level 10 ft. Jonas Ek", "Low Tide ft Jonas Ek",
        # several guests, or a guest and a remark
        "Low Tide (feat. Jonas Ek & Ada Holm)", "Low Tide (feat. Jonas Ek und Ada Holm)",
        "Low Tide (feat. Jonas Ek of the Piers)",
        "Low Tide (feat. Jonas Ek - Remix)",
        # words of the title beside it
        "Alive (Live in the Moment)", "Shake (Mix It Up)", "Stay (Lost in the Mix)", "Night (Extended Goodbye)",
        "Hold On (Don't Edit)", "Heart (My Version)", "Low Tide (Live in London)", "Low Tide (Jonas' Version)",
        "Coffee (Regular)", "House (Full)", "Blue (Original)", "Come (Clean)", "Hands (Dirty)", "Call Me (Ringtone)",
        # parts and numbers that are said
        "Part II", "For My Part I", "I Said No 2", "Part of Me", "Volume Up", "No. 1 Fan",
    ],
)  # fmt: skip
def test_safe_fix_leaves_what_may_be_meant(title: str) -> None:
    assert safe_changes(title) == {}


GUEST = {"name": "Jonas Ek", "role": "featured"}


@pytest.mark.parametrize(
    ("title", "changes"),
    [
        (
            "Low Tide (feat. Jonas Ek)",
            {"title": "Low Tide", "display_artists/-": {"name": "Jonas Ek", "role": "featured"}},
        ),
        (
            "Low Tide - feat. Jonas Ek",
            {"title": "Low Tide", "display_artists/-": {"name": "Jonas Ek", "role": "featured"}},
        ),
        ("Low Tide ft. Jonas Ek", {"title": "Low Tide", "display_artists/-": {"name": "Jonas Ek", "role": "featured"}}),
        (
            "Low Tide feat. Jonas Ek (Bells)",
            {"title": "Low Tide (Bells)", "display_artists/-": {"name": "Jonas Ek", "role": "featured"}},
        ),
        ("Low Tide (Live)", {"title": "Low Tide", "version": "Live"}),
        ("Mara Lindqvist - Live", {"title": "Mara Lindqvist", "version": "Live"}),
        ("Low Tide - 2011 Remaster", {"title": "Low Tide", "version": "2011 Remaster"}),
        ("Low Tide (Live at the Pier)", {"title": "Low Tide", "version": "Live at the Pier"}),
        ("Low Tide (Slowed + Reverb)", {"title": "Low Tide", "version": "Slowed + Reverb"}),
        ("Low Tide (Original Mix)", {"title": "Low Tide"}),
        ("Low Tide (Clean Version)", {"title": "Low Tide", "advisory": "clean"}),
        ("Low Tide, Part 2", {"title": "Low Tide, Pt. 2"}),
    ],
)
def test_safe_fix_moves_what_cannot_be_meant_otherwise(title: str, changes: dict[str, object]) -> None:
    assert safe_changes(title) == changes


def test_label_is_not_told_capitals_that_only_it_can_know() -> None:
    assert find("title.casing_unusual", a_release(a_track(title="DIE GUTE STUBE", language="de"))).fix is None


def test_label_reads_the_code_of_a_language_and_a_country() -> None:
    assert find("language.unknown_code", a_release(a_track(language="EN_us "))).fix == "Write en-US."
    assert find("territory.unknown_code", a_release(territories=("se",))).fix == "Write SE."
    assert find("territory.unknown_code", a_release(territories=("worldwide",))).fix == "Write Worldwide."


def test_label_reads_what_a_line_usually_says() -> None:
    assert find("rights.pline", a_release(p_line=None)).fix == "Usually: ℗ 2026 Harbour Records."


def test_label_reads_the_earliest_date_that_partners_meet() -> None:
    delivery = a_delivery()
    finding = find("date.short_lead", a_release(release_date=delivery.received))
    assert finding.measured == 0
    assert finding.fix == "For a new release, choose 2026-11-25 or later."


def test_message_names_the_twin_track_and_the_original() -> None:
    twin = find("isrc.dup_in_release", a_release(a_track(1), a_track(2, isrc="SEABC2600001")))
    assert twin.message == "Track 1 has the ISRC SEABC2600001 too."
    assert twin.evidence == {"other": "track:1"}
    cover = find("rights.cover_licence", a_release(a_track(relations=(Relation("cover_of", title="Help!"),))))
    assert cover.message == "This is a cover of “Help!”, and no licence is attached."


def test_message_spells_out_what_cannot_be_seen_and_stays_short() -> None:
    finding = find("title.invisible_characters", a_release(a_track(title="Low\u202eTide")))
    assert "“Low⟨U+202E⟩Tide”" in finding.message
    assert finding.measured == ["U+202E"]
    assert len(find("title.invisible_characters", a_release(a_track(title="\u202e" * 100_000))).message) < 2000


def test_label_can_copy_a_long_title_and_one_with_joiners_whole() -> None:
    long = "A" + "b" * 240
    assert f"“{long}”" in str(find("title.version_in_title", a_release(a_track(title=f"{long} (Live)"))).fix)
    persian = "می\u200cخواهم"
    assert f"“{persian}”" in str(find("title.version_in_title", a_release(a_track(title=f"{persian} (Live)"))).fix)


def test_label_is_not_told_to_write_nothing() -> None:
    assert find("title.invisible_characters", a_release(a_track(title="\u200b"))).fix is None
