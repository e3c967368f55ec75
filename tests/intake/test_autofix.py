"""Fixes that a machine carries out: each once, none that breaks something else, and nothing the second time."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Sequence
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.model.finding import Finding, Route
from checks.model.release import Account, Delivery
from checks.rules.metadata import IDENTIFIERS, METADATA
from tests.checks.builders import FakeHistory, a_context

TODAY = dt.date(2030, 5, 1)
ACCOUNT = Account("a", "Harbour Records", ("Harbour Records",))


def examine(document: dict[str, Any]) -> Sequence[Finding]:
    from intake.readers import release_mapping

    delivery = Delivery(release_mapping.map_release_document(document["release"]), ACCOUNT, TODAY)
    context = a_context(history=FakeHistory())
    return [finding for check in (IDENTIFIERS, METADATA) for finding in check.run(delivery, context)]


def refuses(finding: Finding) -> bool:
    return finding.code.route is Route.BLOCK


def mended(document: dict[str, Any], unsafe: bool = False) -> tuple[dict[str, Any], list[str], Sequence[Finding]]:
    from intake.services.submissions import autofix

    return autofix.apply_document_fixes(document, examine, refuses, lambda finding: finding.safe or unsafe)


def a_document(tracks: int = 1, **track: Any) -> dict[str, Any]:
    """A good release, each track (and with a single track the release) changed in these fields."""
    from intake.core import document_schema
    from tests.intake import factories

    document = document_schema.parse_document(factories.a_document(tracks=tracks))
    for item in document["release"]["tracks"]:
        item.update(copy.deepcopy(track))
    if tracks == 1:
        shared = {key: value for key, value in track.items() if key in document["release"] and key != "language"}
        document["release"].update(copy.deepcopy(shared))
    return document


def only(document: dict[str, Any]) -> dict[str, Any]:
    (track,) = document["release"]["tracks"]
    return dict(track)


@pytest.mark.parametrize(
    ("code", "field", "messy", "right"),
    [
        ("isrc.malformed", "isrc", "se-hbr-25-00101", "SEHBR2500101"),
        ("isrc.malformed", "isrc", "ＳＥＨＢＲ２５００１０１", "SEHBR2500101"),
        ("iswc.malformed", "iswc", "t 034 524 680 1", "T0345246801"),
        ("title.invisible_characters", "title", "Low\u200b Tide", "Low Tide"),
        ("title.casing_en", "title", "Salt And Iron", "Salt and Iron"),
        ("title.casing_lang", "title", "Natten Och Jag Igen", "Natten och Jag Igen"),
        ("title.abbrev", "title", "Low Tide Volume II", "Low Tide Vol. II"),
        ("title.version_redundant", "version", "Original Mix", ""),
        ("title.format_words", "title", "Low Tide (Official Audio)", "Low Tide"),
        ("title.two_versions", "title", "Low Tide (Night) (Sea)", "Low Tide (Night) [Sea]"),
        ("language.unknown_code", "language", "EN_us ", "en-US"),
        ("advisory.unknown", "advisory", "Not Explicit", "not_explicit"),
    ],
)
def test_field_is_mended(code: str, field: str, messy: str, right: str) -> None:
    language = "sv" if "Och" in messy else "en"
    document = a_document(**{"language": language, field: messy})
    after, applied, _ = mended(document)
    assert (only(after)[field], code in applied) == (right, True)


def test_guest_moves_from_the_title_to_the_artists() -> None:
    after, applied, findings = mended(a_document(title="Low Tide (feat. Jonas Ek) [Live]"))
    track = only(after)
    assert (track["title"], track["version"]) == ("Low Tide", "Live")
    assert track["display_artists"][-1] == {"name": "Jonas Ek", "role": "featured"}
    assert set(applied) == {"title.feat_in_title", "title.version_in_title"}
    assert not [finding for finding in findings if refuses(finding)]


def test_word_becomes_a_warning_and_never_takes_one_away() -> None:
    after, _, _ = mended(a_document(title="Low Tide (Explicit)", advisory="not_explicit"))
    assert (only(after)["title"], only(after)["advisory"]) == ("Low Tide", "explicit")
    after, applied, _ = mended(a_document(title="Low Tide (Clean)", advisory="explicit"))
    assert (only(after)["title"], applied) == ("Low Tide (Clean)", [])


def test_line_keeps_its_owner_alone() -> None:
    document = a_document()
    document["release"]["p_line"]["owner"] = f"℗ {document['release']['p_line']['year']} Harbour Records"
    assert mended(document)[0]["release"]["p_line"]["owner"] == "Harbour Records"


def test_capitals_that_may_be_meant_are_left_to_the_label() -> None:
    document = a_document(title="LOW TIDE", language="en")
    assert mended(document)[:2] == (document, [])
    after, applied, _ = mended(document, unsafe=True)
    assert (only(after)["title"], applied) == ("Low Tide", ["title.casing_unusual"])


def test_fix_that_would_make_two_tracks_the_same_is_left_alone() -> None:
    document = a_document(tracks=2)
    first, second = document["release"]["tracks"]
    first["title"], second["title"], second["isrc"] = "Low Tide", "Low Tide (feat. Jonas Ek)", "se-hbr-25-00102"
    after, applied, findings = mended(document)
    assert after["release"]["tracks"][1]["title"] == "Low Tide (feat. Jonas Ek)"
    assert "title.feat_in_title" not in applied
    assert not [finding for finding in findings if refuses(finding) and finding.code.id.startswith("title.")]


def test_document_that_is_mended_is_a_new_one() -> None:
    document = a_document(title="Low Tide (Live)")
    before = copy.deepcopy(document)
    mended(document)
    assert document == before


MESS = st.sampled_from((
    "Low Tide", "LOW TIDE", " (feat. Jonas Ek)", " ft. Jonas", " (Live)", " [Radio Edit]", " - Original Mix", "Part 2",
    " Vol. II", " (Explicit)", " (Clean)", " And ", " The ", "Salt", "/", " vs ", "\u200b", "\u202e", "F**k", " (with ",
    ")", "Mara Lindqvist - ", " Out Now", " (Official Video)", "夜に", "Och", " Remix", "no 5", "(", "\t",
))  # fmt: skip
TITLE = st.lists(MESS, max_size=6).map("".join)
NUMBER = st.sampled_from(("SEHBR2500101", "se-hbr-25-00101", " SEHBR2500101", "SEHBR25O0101", "", "ISRC SEHBR2500101"))
TRACK = st.fixed_dictionaries(
    {"title": TITLE},
    optional={
        "version": TITLE,
        "isrc": NUMBER,
        "iswc": st.sampled_from(("T-034.524.680-1", "t 034 524 680 1", "x")),
        "language": st.sampled_from(("en", "EN_us", "sv", "fr", "es", "de", "zxx", "ja", None, "xx1")),
        "advisory": st.sampled_from(("explicit", "Explicit", "not explicit", "clean", None)),
        "display_artists": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(("Mara Lindqvist", "Jonas Ek", "V.A.", "Mara\u200b"))}),
            max_size=3,
        ),
    },
)
RELEASE = st.fixed_dictionaries(
    {},
    optional={
        "title": TITLE,
        "version": TITLE,
        "upc": st.sampled_from(("0-36000-29145-2", "036000291452", "03600029145")),
        "territories": st.lists(st.sampled_from(("se", "SE", "worldwide", "UK", "??")), max_size=3),
        "p_line": st.sampled_from((None, {"year": 2030, "owner": "℗ 2030 Harbour Records"}, {"year": 9, "owner": ""})),
        "advisory": st.sampled_from(("Explicit", "not_explicit", None)),
        "language": st.sampled_from(("en", "EN", None)),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TRACK, min_size=1, max_size=3), RELEASE, st.booleans())
def test_mending_twice_changes_nothing(tracks: list[dict[str, Any]], release: dict[str, Any], unsafe: bool) -> None:
    from intake.core import document_schema

    document = a_document(tracks=len(tracks))
    document["release"].update(release)
    for one, changes in zip(document["release"]["tracks"], tracks, strict=True):
        one.update(changes)
    document = document_schema.parse_document(document)
    before = {(f.code.id, f.subject) for f in examine(document) if refuses(f)}
    after, _, findings = mended(document, unsafe)
    assert {(f.code.id, f.subject) for f in findings if refuses(f)} <= before, "mending made something worse"
    assert document_schema.parse_document(after) == document_schema.parse_document(
        document_schema.parse_document(after)
    ), "what was mended is a document"
    again, applied, _ = mended(after, unsafe)
    assert (again, applied) == (after, [])


@settings(max_examples=60, deadline=None)
@given(TRACK)
def test_any_patch_is_carried_out_once(track: dict[str, Any]) -> None:
    from intake.core import document_schema

    document = document_schema.parse_document(a_document(**track))
    for finding in examine(document):
        if not finding.patch:
            continue
        assert finding.patch[0]["op"] == "test" or finding.code.id in ("rights.pline", "rights.cline")
        once = jsonpatch.apply_patch(document, list(finding.patch))
        assert once != document
        try:
            assert jsonpatch.apply_patch(once, list(finding.patch)) == once
        except jsonpatch.JsonPatchTestFailed:
            continue  # it has seen that it is done
