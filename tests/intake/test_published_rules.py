"""One bad release for each published rule, as a label would send it, and the ordinary one beside it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from checks.published_rules import RULEBOOK
from intake.services.people import accounts
from intake.services.registry import protected_artists
from tests.intake.factories import a_document
from tests.intake.test_blocking import MAIN, Break, artists, release, shares, title, track

pytestmark = pytest.mark.django_db

#: The rule's own name → what is wrong with the release. Blocking rules are broken once more in test_blocking.
BREAKS: dict[str, Break] = {}


def breaks(name: str, *changes: Break) -> None:
    def change(document: dict[str, Any]) -> None:
        for change in changes:
            change(document)

    BREAKS[name] = change


def both(**values: Any) -> Break:
    """The same values on the release and its track, so that a single agrees with itself."""

    def change(document: dict[str, Any]) -> None:
        for level in (document["release"], document["release"]["tracks"][0]):
            level.update(values)

    return change


def people(*contributors: dict[str, Any]) -> Break:
    return track(contributors=[{"ai_contribution": "none", **contributor} for contributor in contributors])


def relation(type: str, **values: Any) -> Break:
    return track(relations=[{"type": type, "title": "Help!", "artist": "The Beatles", **values}])


def tracks(kind: str, count: int) -> Break:
    """So many tracks under a kind of release."""
    return lambda document: document["release"].update(a_document(tracks=count)["release"], type=kind)


def voice(**values: Any) -> Break:
    part = {"element": "lead_vocals", "level": "fully_generated", **values}
    return track(disclosure={"status": "declared", "contributions": [part]})


def called(name: str) -> Break:
    return artists({"name": name, "role": "main"})


TODAY = timezone.now().date()

breaks("isrc.malformed", track(isrc="SE-HBR-26-00001"))
breaks("isrc.missing", track(isrc=None))
breaks("isrc.dup_in_release", tracks("ep", 2), track(1, isrc="SEHBR2600001"))
breaks("isrc.year_future", track(isrc=f"SEHBR{(TODAY.year + 3) % 100:02}00101"))
breaks("upc.malformed", release(upc="036000290019"))
breaks("upc.placeholder", release(upc="000000000000"))
breaks("iswc.malformed", track(iswc="T-034.524.680-2"))
breaks("party_id.malformed", artists({**MAIN, "isni": "0000000121032684"}))
breaks("dpid.malformed", release(label_dpid="PADPIDA2007040502J"))
breaks("title.empty_or_too_long", title(""))
breaks("title.casing_unusual", title("LOW TIDE AGAIN"))
breaks("title.casing_en", title("Salt And Iron"))
breaks("title.casing_lang", title("La Mer Est Belle Ce Soir"), both(language="fr"))
breaks("title.abbrev", title("Low Tide, Part. 2"))
breaks("title.feat_in_title", title("Low Tide (feat. Jonas Ek)"))
breaks("title.feat_spelling", title("Low Tide Ft. Jonas Ek"))
breaks("title.artist_dash_title", title("Mara Lindqvist - Low Tide"))
breaks("title.version_redundant", title("Low Tide (Original Mix)"))
breaks("title.version_in_title", title("Low Tide (Live)"))
breaks("title.two_versions", title("Low Tide (Live) (Acoustic)"))
breaks("title.clean_explicit_word", title("Low Tide (Explicit)"))
breaks("title.format_words", title("Low Tide (Official Video)"))
breaks("title.temporal", title("Low Tide (Out Now)"))
breaks("title.generic", title("Track 1"))
breaks("title.dup_in_release", tracks("ep", 2), track(1, title="Low Tide Part 2"), track(0, title="Low Tide Part 2"))
breaks("title.seo_bait", title("Sleep Music, Relaxing Music, Study Music, Spa"))
breaks("title.original_artist_ref", title("Low Tide (In the Style of Nora Castellane)"))
breaks("title.franchise", title("Star Wars Lullaby"))
breaks("title.emoji_symbols", title("Low Tide 🔥🔥"))
breaks("title.homoglyph", title("Lоw Tide"))
breaks("title.censored", title("F**k the Tide"))
breaks("title.translation_in_title", title("Je t'aime (I Love You)"), both(language="fr"))
breaks("title.medley_slash", title("Low Tide / High Tide / Ebb"))
breaks("title.single_mismatch", track(title="High Tide"))
breaks("title.url_handle_ad", title("Low Tide www.lowtide.com"))
breaks("version.speed_declared", both(version="Sped Up"))
breaks("artist.missing_primary", artists({**MAIN, "role": "featured"}))
breaks("artist.generic", called("Relaxing Jazz"))
breaks("artist.extra_info", called("Mara Lindqvist (vocals)"))
breaks("artist.compound", called("Mara Lindqvist & Jonas Ek"))
breaks("artist.various", called("VA"))
breaks("artist.role_conflict", artists(MAIN, {**MAIN, "role": "featured"}))
breaks("artist.label_as_artist", called("Harbour Records"))
breaks("artist.lookalike", called("Nоra Castellane"))
breaks("artist.exact_protected", called("Nora Castellane"))
breaks("artist.ambiguous_profile", called("Ilse Varga"))
breaks("artist.ai_tool_as_artist", called("Suno"))
breaks("artist.name_plus_keyword", called("Nora Castellane AI"))
breaks("artist.remixer_as_primary", both(version="Jonas Ek Remix"), artists(MAIN, {**MAIN, "name": "Jonas Ek"}))
breaks("credit.composer_missing", people({"name": "Mara Lindqvist", "roles": ["lyricist", "vocalist"]}))
breaks("credit.lyricist_missing", people({"name": "Mara Lindqvist", "roles": ["composer", "vocalist"]}))
breaks("credit.legal_name", people({"name": "Mara", "roles": ["composer", "lyricist", "vocalist"]}))
breaks("credit.vocalist_missing", people({"name": "Mara Lindqvist", "roles": ["composer", "lyricist"]}))
breaks("credit.cover_original_writers", relation("cover_of", licence_file="licence.pdf"))
breaks("credit.generic_party", people({"name": "Unknown", "roles": ["composer", "lyricist", "vocalist"]}))
breaks("split.sum_not_100", shares("60.00", "39.99"))
breaks("split.invalid_share", shares("0.00", "100.00"))
breaks(
    "split.unaccepted",
    track(shares={"master": [{"party": "Jonas Ek", "percent": "100.00", "accepted": False}]}),
)
breaks("rights.pline", release(p_line=None))
breaks("rights.cline", release(c_line={"year": 2031, "owner": "Harbour Records"}))
breaks("rights.owner_unlicensed", release(p_line={"year": 2030, "owner": "Pier Records"}))
breaks("rights.cover_licence", relation("cover_of"))
breaks("rights.clearance_document_missing", relation("samples"))
breaks("rights.public_domain", release(p_line={"year": 1910, "owner": "Public Domain"}))
breaks("rights.contentid_ineligible", relation("samples", title="Leased beat by Jonas Ek", licence_file="l.pdf"))
breaks("rights.voice_consent", voice(imitates="without_consent"))
breaks("territory.conflict", release(territories=["SE", "US"], excluded_territories=["US"]))
breaks("date.original_after_release", release(original_release_date="2031-01-01"))
breaks("date.short_lead", release(release_date=(TODAY + dt.timedelta(days=1)).isoformat()))
breaks("date.original_by_type", both(version="2011 Remaster"))
breaks("date.preorder_order", release(preorder_date="2030-06-02"))
breaks("language.unknown_code", track(language="english"))
breaks("language.instrumental_mismatch", track(vocals="instrumental"))
breaks("advisory.mismatch", track(lyrics="This fucking tide"))
breaks("genre.rules", both(version="Karaoke Version"))
breaks("release.type", tracks("single", 4))

#: Rules that are for moderators alone, or need more than a document: each has a test of its own below or elsewhere.
APART = {
    "isrc.reused_other_audio", "isrc.audio_has_other_isrc", "isrc.new_version_needs_new", "isrc.foreign_registrant",
    "upc.reused", "id.blocklisted", "title.known_title_mimic", "artist.deceased", "credit.one_person_all_roles",
}  # fmt: skip


@pytest.fixture
def key() -> str:
    """A label's key, in a gate that guards one name, and knows two artists of another."""
    protected_artists.protect_artist("Nora Castellane")
    protected_artists.protect_artist("Ilse Varga")
    protected_artists.protect_artist("Ilse Varga of Budapest", ["Ilse Varga"])
    return accounts.create_label("Harbour Records")[1]


def asked(client: Client, key: str, document: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(
        "/api/v1/validate",
        json.dumps(document),
        content_type="application/json",
        headers={"authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_every_published_rule_before_those_about_files_is_broken_here():
    about_documents = {rule.name for rule in RULEBOOK if not rule.name.startswith(("art.", "audio."))}
    assert BREAKS.keys() | APART == about_documents


@pytest.mark.parametrize("name", BREAKS)
def test_label_that_breaks_a_rule_reads_its_name(name: str, client: Client, key: str):
    document = a_document()
    BREAKS[name](document)
    findings = asked(client, key, document)["findings"]
    assert name in {item["code"] for item in findings}, [finding["code"] for finding in findings]


def test_label_that_breaks_none_reads_nothing(client: Client, key: str):
    assert asked(client, key, a_document()) == {"blocking": False, "findings": []}
