"""Broken releases by code, each broken in one place; and what looks alike, and must pass.

``fires`` and ``passes`` are the two tables: every code of the two checks stands in both.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from stdnum import ean

from checks.model.check import Context, Known, ProtectedName, RegistrantUse
from checks.model.release import (
    Artist,
    ContainsAI,
    Contribution,
    Contributor,
    Delivery,
    Disclosure,
    Element,
    Imitates,
    Level,
    Relation,
    Release,
    RightsLine,
    Share,
)
from checks.rules.metadata.release_structure import TERRITORIES
from tests.checks.builders import (
    ARTIST,
    LABEL,
    RECEIVED,
    RELEASE_DATE,
    FakeHistory,
    FakeNames,
    FakeRecordings,
    a_context,
    a_contributor,
    a_delivery,
    a_release,
    a_track,
    an_album,
    an_artist,
    an_instrumental,
)


@dataclass(frozen=True)
class Case:
    code: str
    why: str
    delivery: Delivery
    subject: str
    context: Context

    def __str__(self) -> str:
        return f"{self.code}: {self.why}"


fires: list[Case] = []
passes: list[Case] = []


def fire(
    code: str,
    why: str,
    release: Release,
    subject: str = "track:1",
    history: FakeHistory | None = None,
    **instruments: Any,
) -> None:
    fires.append(Case(code, why, a_delivery(release), subject, a_context(history=history, **instruments)))


def pass_(code: str, why: str, release: Release, history: FakeHistory | None = None, **instruments: Any) -> None:
    passes.append(Case(code, why, a_delivery(release), "", a_context(history=history, **instruments)))


def single(**track: Any) -> Release:
    """An ordinary single whose track (and, in agreement with it, release) is changed."""
    return a_release(a_track(**track))


def two(**second: Any) -> Release:
    """Two ordinary tracks, the second changed."""
    return a_release(a_track(1), a_track(2, **second))


def singing(*contributors: Contributor, **track: Any) -> Release:
    return single(contributors=contributors, **track)


def declared(element: Element, level: Level = Level.FULLY_GENERATED) -> Disclosure:
    return Disclosure("declared", (Contribution(element, level),))


def related(type: str, **relation: Any) -> tuple[Relation, ...]:
    return (Relation(type, isrc="GBAYE6500521", title="Help!", artist="The Beatles", **relation),)


# Identifiers -----------------------------------------------------------------------------------------------------

for isrc in (None, "", "  "):
    fire("isrc.missing", repr(isrc), single(isrc=isrc))
pass_("isrc.missing", "given", single(isrc="SEABC2600001"))

for isrc in (
    "SE-ABC-26-00001",
    "seabc2600001",
    "SEABC26000012",
    "SEABC260000",
    "SEABC2600001\n",
    " SEABC2600001",
    "1EABC2600001",
    "SEABC26０0001",
    "ＳＥABC2600001",
    "SEABC26٠٠٠٠١",
    "SEABC2600O01",
    "SÉABC2600001",
    "SEABC2600001\x00",
):
    fire("isrc.malformed", ascii(isrc), single(isrc=isrc))
for isrc in ("SEABC2600001", "QMDA71418090", "GBAYE6500521"):
    pass_("isrc.malformed", isrc, single(isrc=isrc))

fire("isrc.dup_in_release", "the same twice", two(isrc="SEABC2600001"), "track:2")
fire("isrc.dup_in_release", "the same with hyphens", two(isrc="SE-ABC-26-00001"), "track:2")
pass_("isrc.dup_in_release", "two numbers", two())
pass_("isrc.dup_in_release", "both missing", a_release(a_track(1, isrc=None), a_track(2, isrc=None)))

fire("isrc.year_future", "two years ahead", single(isrc="SEABC2800001"))
pass_("isrc.year_future", "next year", single(isrc="SEABC2700001"))
pass_("isrc.year_future", "numbered by the year of the recording, 1965", single(isrc="GBAYE6500521"))

for isrc in ("XXABC2600001", "EUABC2600001"):
    fire("isrc.unknown_prefix", isrc, single(isrc=isrc))
for isrc in ("QZABC2600001", "UKABC2600001", "ZZABC2600001", "BXABC0600001", "SE-ABC-26-00001", "YUABC9600001"):
    pass_("isrc.unknown_prefix", isrc, single(isrc=isrc))


def under(own: int, elsewhere: int, accounts: int) -> FakeHistory:
    return FakeHistory(registrants={"SEABC": RegistrantUse(own, elsewhere, accounts)})


fire("isrc.foreign_registrant", "one other label's", single(), history=under(0, 10, 1))
pass_("isrc.foreign_registrant", "one's own too", single(), under(1, 10, 1))
pass_("isrc.foreign_registrant", "a distributor's", single(), under(0, 500, 3))
pass_("isrc.foreign_registrant", "a guest track", single(), under(0, 9, 1))

for dpid in ("PADPIDA2007040502J", "PADPIDA20070405", "padpida2007040502i", "PADPIDA２007040502I"):
    fire("dpid.malformed", ascii(dpid), a_release(label_dpid=dpid), "release")
for dpid in ("PADPIDA2007040502I", "PADPIDA2013042401U", "PA-DPIDA-2007040502-I", None):
    pass_("dpid.malformed", str(dpid), a_release(label_dpid=dpid))

fire("upc.missing", "none", a_release(upc=None), "release")
fire("upc.missing", "empty", a_release(upc=" "), "release")
pass_("upc.missing", "given", a_release())

for upc in (
    "036000291453",
    "03600029145",
    "0360002914525",
    "036000291452\n",
    "03600029145２",
    "abc",
    "0-36000-29145-2",
):
    fire("upc.malformed", ascii(upc), a_release(upc=upc), "release")
for upc in ("036000291452", "0036000291452", "00036000291452", "4006381333931", "14006381333938"):
    pass_("upc.malformed", upc, a_release(upc=upc))

for upc in ("000000000000", "111111111117", "123456789012", "012345678905", "1234567890128"):
    fire("upc.placeholder", upc, a_release(upc=upc), "release")
for start in ("20000000000", "40000000001", "020000000001", "041234567891", "201234567890"):
    fire("upc.placeholder", start, a_release(upc=start + ean.calc_check_digit(start)), "release")
pass_("upc.placeholder", "an ordinary EAN", a_release(upc="4006381333931"))
pass_("upc.placeholder", "an ordinary UPC", a_release())

fire("upc.reused", "the same", a_release(), "release", FakeHistory(upcs={"036000291452"}))
fire(
    "upc.reused", "the same in 13 digits", a_release(upc="0036000291452"), "release", FakeHistory(upcs={"036000291452"})
)
pass_("upc.reused", "others were seen", a_release(), FakeHistory(upcs={"4006381333931"}))
pass_("upc.reused", "another account's", a_release(), FakeHistory(elsewhere={"036000291452"}))
fire("upc.reused_elsewhere", "another account's", a_release(), "release", FakeHistory(elsewhere={"036000291452"}))
pass_("upc.reused_elsewhere", "one's own", a_release(), FakeHistory(upcs={"036000291452"}))

for iswc in ("T-034.524.680-2", "T-34.524.680-1", "0345246801", "T-034.524.680-١"):
    fire("iswc.malformed", ascii(iswc), single(iswc=iswc))
fire(
    "iswc.malformed",
    "of the original",
    single(relations=related("cover_of", iswc="T-034.524.680-7", licence_file="l.pdf")),
)
pass_("iswc.malformed", "with punctuation", single(iswc="T-034.524.680-1"))
pass_("iswc.malformed", "without", single(iswc="T0345246801"))

fire("party_id.malformed", "ISNI, wrong check", single(display_artists=(an_artist(isni="0000000121032684"),)))
fire("party_id.malformed", "ISNI, too short", single(contributors=(a_contributor(isni="000000012103268"),)))
fire("party_id.malformed", "IPI, wrong check", single(contributors=(a_contributor(ipi="00014107339"),)))
fire("party_id.malformed", "IPI, letters", single(contributors=(a_contributor(ipi="I-000000229-7x"),)))
pass_("party_id.malformed", "ISNI", single(display_artists=(an_artist(isni="0000000121032683"),)))
pass_("party_id.malformed", "ISNI, spaced", single(display_artists=(an_artist(isni="0000 0001 2103 2683"),)))
pass_("party_id.malformed", "IPI", single(contributors=(a_contributor(ipi="00014107338"),)))
pass_(
    "party_id.malformed", "IPI without its zeros", single(contributors=(a_contributor(ipi="14107338".rjust(9, "0")),))
)

# The release as a whole ------------------------------------------------------------------------------------------

fire("track.positions", "no tracks", a_release(tracks=()), "release")
fire("track.positions", "a gap", a_release(a_track(1), a_track(3)), "release")
fire("track.positions", "twice", a_release(a_track(1), a_track(1, isrc="SEABC2600002", title="Ebb")), "release")
fire("track.positions", "from zero", a_release(a_track(0)), "release")
pass_("track.positions", "in another order", a_release(a_track(2), a_track(1)))

fire("release.type", "a single of four", an_album(4, type="single"), "release")
fire("release.type", "an EP of seven", an_album(7, type="ep"), "release")
fire("release.type", "an album of one", a_release(type="album"), "release")
fire("release.type", "a hundred tracks", an_album(100), "release")
pass_("release.type", "three", an_album(3, type="single"))
pass_("release.type", "an EP of one long piece", a_release(type="ep"))
pass_("release.type", "ninety-nine", an_album(99))

fire("genre.missing", "none", a_release(genre=None), "release")
pass_("genre.missing", "given", a_release())
fire("genre.unlisted", "nobody's", a_release(genre="Harbourcore"), "release")
for genre in (
    "Country",
    "hip hop",
    "Hip-Hop/Rap",
    "R&B/Soul",
    "Drum 'n' Bass",
    "Norteño",
    "K-Pop",
    "Singer/Songwriter",
):
    pass_("genre.unlisted", genre, a_release(genre=genre))
fire("genre.rules", "karaoke as Country", single(version="Karaoke Version"))
pass_("genre.rules", "karaoke as Karaoke", a_release(a_track(version="Karaoke Version"), genre="Karaoke"))
pass_("genre.rules", "a song called Karaoke", single(title="Karaoke"))

for code in ("XX", "us", "EN", "Europe", "", "USA"):
    fire("territory.unknown_code", repr(code), a_release(territories=("SE", code)), "release")
fire("territory.unknown_code", "left out", a_release(excluded_territories=("Worldwide",)), "release")
pass_("territory.unknown_code", "the world but one", a_release(excluded_territories=("US",)))
fire("territory.conflict", "in and out", a_release(territories=("SE", "US"), excluded_territories=("US",)), "release")
fire("territory.conflict", "never in", a_release(territories=("SE",), excluded_territories=("US",)), "release")
fire("territory.conflict", "nowhere", a_release(excluded_territories=tuple(sorted(TERRITORIES))), "release")
pass_("territory.conflict", "the world but one", a_release(excluded_territories=("US",)))
fire("territory.redundant", "the world and one", a_release(territories=("Worldwide", "SE")), "release")
pass_("territory.redundant", "the world", a_release())
pass_("territory.unknown_code", "countries", a_release(territories=("SE", "GB", "XK")))

# Titles ----------------------------------------------------------------------------------------------------------

for title in ("", "   ", "\u200b", "\u3164"):
    fire("title.empty_or_too_long", ascii(title), two(title=title), "track:2")
fire("title.empty_or_too_long", "256 characters", single(title="a" * 256))
fire("title.empty_or_too_long", "a version of 256", single(version="a" * 256))
fire("title.empty_or_too_long", "no release title", an_album(title=""), "release")
for title in ("!!!", "4:44", "÷", "é", "a" * 255, "…", "周", "7"):
    pass_("title.empty_or_too_long", title[:5], single(title=title))

for sign in (
    "\u202e",
    "\u200b",
    "\ufeff",
    "\x00",
    "\n",
    "\t",
    "\ue000",
    "\U000f0000",
    "\xad",
    "\u2066",
    "\ud800",
    "\ufffe",
):
    fire("title.invisible_characters", ascii(sign), single(title=f"Low{sign}Tide"))
fire("title.invisible_characters", "joiner in Latin", single(title="Lo\u200dw Tide"))
fire("title.invisible_characters", "direction mark in Latin", single(title="Low Tide\u200e"))
fire("title.invisible_characters", "in the version", single(version="Live\u200b"))
for why, title in {
    "Persian non-joiner": "می\u200cخواهم",
    "Hindi joiner": "क्\u200dष",
    "emoji of a singer": "👩\u200d🎤",
    "flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "direction mark in Hebrew": "שלום\u200f!",
    "symbols": "∞ $ § ÷",
}.items():
    pass_("title.invisible_characters", why, single(title=title))

for title in ("Low Tide 🌊", "∞", "Ke$ha", "Tide!!!", "A_B", "Love ♥", "= (Equals)"):
    fire("title.emoji_symbols", title, single(title=title))
for title in (
    '"Heroes"',
    "What's Going On?",
    "Good 4 U",
    "...Baby",
    "Help!",
    "R.I.P.",
    "Tick, Tick",
    "C’est si bon",
    "L/R",
    "A&B",
):
    pass_("title.emoji_symbols", title, single(title=title))

fire("title.dup_in_release", "the same", two(title="Low Tide"), "track:2")
fire("title.dup_in_release", "in another case", two(title="LOW  TIDE"), "track:2")
fire(
    "title.dup_in_release",
    "both explicit",
    a_release(a_track(1, advisory="explicit"), a_track(2, title="Low Tide", advisory="explicit")),
    "track:2",
)
pass_("title.dup_in_release", "another version", two(title="Low Tide", version="Acoustic"))
pass_(
    "title.dup_in_release",
    "explicit and clean",
    a_release(a_track(1, advisory="explicit"), a_track(2, title="Low Tide", advisory="clean")),
)
pass_("title.dup_in_release", "another artist's", two(title="Low Tide", display_artists=(an_artist("Jonas Ek"),)))

fire("title.single_mismatch", "title", a_release(title="High Tide"), "release")
fire("title.single_mismatch", "version", a_release(version="Live"), "release")
fire("title.single_mismatch", "artist", a_release(display_artists=(an_artist("Jonas Ek"),)), "release")
fire("title.single_mismatch", "case", a_release(title="LOW TIDE"), "release")
pass_("title.single_mismatch", "several tracks", two())
_GUEST = an_artist("Jonas Ek", role="featured")
pass_(
    "title.single_mismatch",
    "a guest on the track only",
    a_release(a_track(display_artists=(an_artist(), _GUEST)), display_artists=(an_artist(),)),
)
pass_("title.single_mismatch", "composed and decomposed", a_release(a_track(title="Café"), title="Cafe\u0301"))

fire("title.casing_unusual", "shouted", single(title="LOW TIDE"))
fire("title.casing_unusual", "mumbled", single(title="low tide"))
fire("title.casing_unusual", "French", single(title="la mer", language="fr"))
for title in ("Low Tide", "DNA", "4:44", "deadMAU5", "La mer", "L.A.", "周杰倫", "7"):
    pass_("title.casing_unusual", title, single(title=title))

for title in ("Track 1", "track 07", "Untitled", "Instrumental", "Beat #3", "New Song"):
    fire("title.generic", title, single(title=title))
for title in ("Song 2", "Tracks", "Untitled Love", "Beat It", "Trackdown", "Test Pilot"):
    pass_("title.generic", title, single(title=title))

# How titles are written ------------------------------------------------------------------------------------------

for title in ("Welcome To The Jungle", "Salt And Iron", "Lord Of the Tides"):
    fire("title.casing_en", title, single(title=title))
for title in (
    "Salt and Iron",
    "Come On Eileen",
    "The End",
    "What Are You Waiting For",
    "Tide: The Return",
    "Low Tide (The Ebb)",
    "HUMBLE AND SO ON",
    "To Be and Not To",
):
    pass_("title.casing_en", title, single(title=title))
pass_("title.casing_en", "another language", single(title="Ja Och Of Nej", language="sv"))
pass_(
    "title.casing_en",
    "a name with a capital article",
    single(title="Waiting for The Who Tonight", display_artists=(an_artist("The Who"),)),
)

for language, title in {
    "fr": "Les Feuilles Mortes",
    "it": "Nel Blu Dipinto",
    "sv": "Du Och Jag",
    "es": "La Casa Y El Mar",
    "pt": "Mar E Terra Longe",
    "de": "Berge Und Meer",
}.items():
    fire("title.casing_lang", title, single(title=title, language=language))
fire(
    "title.casing_lang",
    "two ways on one release",
    a_release(
        a_track(1, title="Noche Larga Oscura", language="es"), a_track(2, title="Noche larga oscura", language="es")
    ),
    "release",
)
for language, title in {
    "fr": "Les feuilles mortes",
    "it": "Nel blu dipinto di blu",
    "sv": "Du och jag",
    "es": "Noche en Las Vegas",
    "de": "Berge und Meer",
    "ja": "夜に駆ける",
    "ar": "أنت عمري",
    "he": "שלום עליכם",
    "hi": "तुम ही हो",
    "zh": "月亮代表我的心",
    "ko": "봄 여름 가을 겨울",
    "th": "รัก เธอ เสมอ",
}.items():
    pass_("title.casing_lang", title, single(title=title, language=language))
    pass_("title.casing_unusual", title, single(title=title, language=language))

for title in (
    "Low Tide Part 2",
    "Low Tide, pt 2",
    "Low Tide Vol.2",
    "Low Tide (Volume II)",
    "Low Tide No 5",
    "Low VS Tide",
    "Low vs Tide",
):
    fire("title.abbrev", title, single(title=title))
fire("title.abbrev", "in the version", single(version="Part 2"))
for title in ("Low Tide, Pt. 2", "Low Tide Vol. 2", "No. 5", "Part of Me", "Low vs. Tide", "Part 2 of Us", "Oh No I"):
    pass_("title.abbrev", title, single(title=title))

fire("title.two_versions", "both round", single(title="Low Tide (Night) (Mono)"))
for title in ("Low Tide (Night) [Mono]", "(I Can't Get No) Satisfaction", "(Low) Tide (Night)"):
    pass_("title.two_versions", title, single(title=title))

for title in ("F**k", "Sh*t Happens", "What the F***"):
    fire("title.censored", title, single(title=title))
for title in ("M*A*S*H", "*", "***", "2*2", "Love"):
    pass_("title.censored", title, single(title=title))

for title, language in {
    "夜に駆ける (Into the Night)": "ja",
    "Je t'aime (I Love You)": "fr",
    "Сердце (Heart)": "ru",
    "Himlen (The Sky Above)": "sv",
}.items():
    fire("title.translation_in_title", title, single(title=title, language=language))
for title, language in {
    "夜に駆ける (Remix)": "ja",
    "Je t'aime (moi non plus)": "fr",
    "Low Tide (Of You)": "en",
    "夜 (feat. Ado)": "ja",
}.items():
    pass_("title.translation_in_title", title, single(title=title, language=language))

fire("title.medley_slash", "with spaces", single(title="Low Tide / High Tide"))
fire("title.medley_slash", "without spaces", single(title="Low Tide/High Tide"))
for title in ("AC/DC", "24/7", "Hit/Miss", "Either/Or", "Low Tide /"):
    pass_("title.medley_slash", title, single(title=title))

# What has a field of its own -------------------------------------------------------------------------------------

for title in (
    "Low Tide (feat. Jonas Ek)",
    "Low Tide ft. Jonas Ek",
    "Low Tide [Featuring Jonas Ek]",
    f"Low Tide (with {ARTIST})",
):
    fire("title.feat_in_title", title, single(title=title))
for title in (
    "Ft. Worth Blues", "Feats of Strength", "Defeat", "Low Tide (With You)", "Soft Rain", "Feat", "10 Ft. Tall",
    "Six Ft. Under", "TEN FT. TALL", "Twenty ft. above the Sea", "50 ft. Wave", "5½ Ft. High", "A Few Ft. of Snow",
    "No Small Feat of Love",
    "A Feat of Strength", "Blues (Ft. Worth)", "Road to Ft. Lauderdale", "Waltz (Feat of Arms)", "Square Ft. of Heaven",
):  # fmt: skip
    pass_("title.feat_in_title", title, single(title=title))
for title in (
    "Low Tide ft. Jonas Ek",
    "Low Tide (Feat. Jonas Ek)",
    "Low Tide feat. Jonas Ek",
    "Low Tide (featuring Jonas Ek)",
):
    fire("title.feat_spelling", title, single(title=title))
pass_("title.feat_spelling", "Apple's own way", single(title="Low Tide (feat. Jonas Ek)"))

for dash in "-–—":
    fire("title.artist_dash_title", dash, single(title=f"{ARTIST} {dash} Low Tide"))
pass_("title.artist_dash_title", "not the artist", single(title="Low Tide - High Tide"))
pass_("title.artist_dash_title", "only the name", single(title=ARTIST))

for title in (
    "Low Tide (Live)",
    "Low Tide - Live",
    "Low Tide (Live at the Pier)",
    "Low Tide [Radio Edit]",
    "Low Tide (Demo)",
    "Low Tide (Jonas Ek Remix)",
    "Low Tide (Instrumental)",
    "Low Tide - 2011 Remaster",
    "Low Tide (Sped Up)",
    "Low Tide (Slowed + Reverb)",
    "Low Tide (Extended Club Mix)",
    'Low Tide (12" Mix)',
    "Low Tide (Jonas' Version)",
    "Low Tide (Live in London)",
    "Low Tide (Alternate Ver.)",
    "Low Tide - Remastered 2011",
):
    fire("title.version_in_title", title, single(title=title))
for title in (
    "Live and Let Die",
    "Low Tide (Live Forever)",
    "Remix",
    "(Demo) Tape",
    "Ebb - Flow",
    "Low Tide (Part 1)",
    "Born to Live",
    "Alive (Live in the Moment)",
    "Shake (Mix It Up)",
    "Alive (Live for My Love)",
    "Stay (Lost in the Mix)",
    "Night (Extended Goodbye)",
    "Hold On (Don't Edit)",
    "Heart (My Version)",
    "Heart (A Version of the Truth)",
    "Blend - Mix It",
    "River (Take)",
    "Tape (Demo of Love)",
    "Slow (Slowed by You)",
):
    pass_("title.version_in_title", title, single(title=title))

for version in ("Original Mix", "Album Version", "Original Version", "Full Version", "original"):
    fire("title.version_redundant", version, single(version=version))
fire("title.version_redundant", "in the title", single(title="Low Tide (Original Mix)"))
for version in ("", "Live", "Original Demo", "Album Edit"):
    pass_("title.version_redundant", version or "none", single(version=version))

for title in ("Low Tide (Explicit)", "Low Tide [Clean]", "Low Tide (Clean Version)", "Low Tide (Dirty)"):
    fire("title.clean_explicit_word", title, single(title=title))
fire("title.clean_explicit_word", "as version", single(version="Explicit"))
for title in ("Clean", "Explicit", "Dirty Old Town", "Clean Slate"):
    pass_("title.clean_explicit_word", title, single(title=title))

for title in (
    "Low Tide (Official Video)",
    "Low Tide Ringtone",
    "Low Tide (With Lyrics)",
    "Low Tide 2 CD Set",
    "Low Tide [Official Audio]",
):
    fire("title.format_words", title, single(title=title))
for title in ("Video Killed the Radio Star", "Lyrics", "Digital Love", "Official Girl", "Vinyl"):
    pass_("title.format_words", title, single(title=title))

for title in ("Low Tide - Out Now", "Low Tide (Exclusive)", "Low Tide (Limited Edition)", "Low Tide [New]"):
    fire("title.temporal", title, single(title=title))
for title in ("Exclusive", "Out Now", "New", "Coming Soon", "Out of Time"):
    pass_("title.temporal", title, single(title=title))

# What misleads ---------------------------------------------------------------------------------------------------

for title in (
    "Sleep, Relax, Study",
    "Relaxing Music | Sleep Music | Meditation",
    "Low Tide #viral #fyp",
    "Spa, Yoga, Massage & Calm",
):
    fire("title.seo_bait", title, single(title=title))
for title in (
    "Money, Money, Money",
    "Sleep",
    "Eat, Sleep, Rave, Repeat",
    "1, 2, 3, 4",
    "Baby, Baby, You",
    "#Beautiful",
    "Love, Peace and Harmony",
    "Crosby, Stills, Nash & Young",
):
    pass_("title.seo_bait", title, single(title=title))

for title in (
    "Low Tide (In the Style of Adele)",
    "A Tribute to Adele",
    "Originally Performed by Adele",
    "Drake Type Beat",
    "Low Tide (AI Cover)",
    "Low Tide (Sounds Like Adele)",
    "Low Tide (Cover of Adele)",
):
    fire("title.original_artist_ref", title, single(title=title))
for title in ("The Cover of Rolling Stone", "Sounds Like a Melody", "Tribute", "Style", "In Style", "Main Type"):
    pass_("title.original_artist_ref", title, single(title=title))

for title in (
    "www.example.com",
    "Low Tide @maralindqvist",
    "Buy Now",
    "Low Tide $9.99",
    "Low Tide (Spotify)",
    "lowtide.com",
):
    fire("title.url_handle_ad", title, single(title=title))
for title in ("50 Cent", "$100 Bills", "TiK ToK", "Tidal", "L.A. Woman", "Me@Home", "@", "No.1", "Mr.Me", "Vol.2"):
    pass_("title.url_handle_ad", title, single(title=title))

for version in ("Sped Up", "Slowed + Reverb", "Nightcore", "Sped-Up Version", "Super Slowed", "Slowed"):
    fire("version.speed_declared", version, single(version=version))
fire("version.speed_declared", "in the title", single(title="Low Tide (sped up)"))
fire("version.speed_declared", "no licence", single(version="Sped Up", relations=related("sped_up_of")))
pass_(
    "version.speed_declared",
    "licensed",
    single(version="Sped Up", relations=related("sped_up_of", licence_file="l.pdf")),
)
pass_("version.speed_declared", "a word of the song", single(title="She Slowed Down"))
_OWN = FakeRecordings(known=[Known("1", "Help!", "The Beatles", "GBAYE6500521", "harbour")])
_NAMED_OWN = FakeRecordings(known=[Known("1", "Help!", "The Beatles", "GBAYE6500521", None, owner="HARBOUR records")])
_FOREIGN = FakeRecordings(known=[Known("1", "Help!", "The Beatles", "GBAYE6500521", "pier", owner="Pier")])
_SPED_UP = single(version="Sped Up", relations=related("sped_up_of"))
pass_("version.speed_declared", "of one's own recording", _SPED_UP, recordings=_OWN)
pass_("version.speed_declared", "of a recording in one's name", _SPED_UP, recordings=_NAMED_OWN)
fire("version.speed_declared", "of another's recording", _SPED_UP, recordings=_FOREIGN)
_ORIGINAL = (Relation("slowed_of", isrc="SE-ABC-26-00001"),)
pass_("version.speed_declared", "of a track beside it", two(version="Slowed", relations=_ORIGINAL))
fire("version.speed_declared", "of itself", single(version="Slowed", relations=_ORIGINAL))

_HELP = Known("1", "Help!", "The Beatles", "GBAYE6500521", None)
fire(
    "title.known_title_mimic",
    "nearly the name",
    single(title="Help!", display_artists=(an_artist("The Beatels"),)),
    recordings=FakeRecordings(known=[_HELP]),
)
for why, title, name, known in (
    ("the artist's own", "Help!", "The Beatles", _HELP),
    ("another artist's song", "Help!", "Bananarama", _HELP),
    ("another title", "Yesterday", "The Beatels", _HELP),
    ("one's own recording", "Help!", "The Beatels", replace(_HELP, owner_account="harbour")),
    ("short names", "Help!", "Ada", replace(_HELP, artist="Ida")),
):
    pass_(
        "title.known_title_mimic",
        why,
        single(title=title, display_artists=(an_artist(name),)),
        recordings=FakeRecordings(known=[known]),
    )

# Artists ---------------------------------------------------------------------------------------------------------

fire("artist.missing_primary", "nobody", single(display_artists=()))
fire("artist.missing_primary", "a guest alone", single(display_artists=(an_artist(role="featured"),)))
fire("artist.missing_primary", "an empty name", two(display_artists=(an_artist(" "),)), "track:2")
fire("artist.missing_primary", "nobody on the release", a_release(display_artists=()), "release")
pass_("artist.missing_primary", "a name of signs", single(display_artists=(an_artist("!!!"),)))

fire("artist.invisible_characters", "artist", single(display_artists=(an_artist("Mara\u200b Lindqvist"),)))
fire("artist.invisible_characters", "contributor", single(contributors=(a_contributor("Mara\u202e Lindqvist"),)))
pass_("artist.invisible_characters", "Persian", single(display_artists=(an_artist("می\u200cخواهم"),)))

fire("artist.role_conflict", "both", single(display_artists=(an_artist(), an_artist(role="featured"))))
fire(
    "artist.role_conflict",
    "in another case",
    single(display_artists=(an_artist(), an_artist(ARTIST.upper(), role="featured"))),
)
pass_(
    "artist.role_conflict",
    "another guest",
    single(display_artists=(an_artist(), an_artist("Jonas Ek", role="featured"))),
)
pass_(
    "artist.role_conflict",
    "two people of one name",
    single(display_artists=(an_artist(isni="0000000121032683"), an_artist(role="featured", isni="0000000114559647"))),
)

fire("artist.ai_tool_as_artist", "artist", single(display_artists=(an_artist("Suno"),)))
_SUNO = an_artist("Suno", isni="0000000121032683")
fire("artist.ai_tool_credited", "an artist who is registered", single(display_artists=(_SUNO,)))
fire(
    "artist.ai_tool_credited",
    "a player",
    single(contributors=(a_contributor(), a_contributor("Suno", "guitar"))),
)
fire(
    "artist.ai_tool_credited",
    "a writer who says that it is partly a machine's work",
    single(contributors=(a_contributor(), a_contributor("Suno", "composer", ai_contribution=ContainsAI.PARTLY))),
)
pass_("artist.ai_tool_credited", "the blocking one", single(display_artists=(an_artist("Suno"),)))
pass_("artist.ai_tool_as_artist", "an artist who is registered", single(display_artists=(_SUNO,)))
fire("artist.ai_tool_as_artist", "writer", single(contributors=(a_contributor(), a_contributor("UDIO", "composer"))))
pass_("artist.ai_tool_as_artist", "more of a name", single(display_artists=(an_artist("Sunoo"),)))
pass_(
    "artist.ai_tool_as_artist",
    "declared as a machine",
    single(contributors=(a_contributor(), a_contributor("Suno", "composer", ai_contribution=ContainsAI.ALL))),
)

for name in ("Top Hits", "Various", "relaxing jazz", "White Noise", "Unknown Artist"):
    fire("artist.generic", name, single(display_artists=(an_artist(name),)))
for name in ("Sleep", "Future", "Heart", "Yoga", "The Various", "Hits", "Jazz"):
    pass_("artist.generic", name, single(display_artists=(an_artist(name),)))

for name in ("Mara & Jonas", "Mara, Jonas", "Mara feat. Jonas", "Mara x Jonas", "Mara vs. Jonas"):
    fire("artist.compound", name, single(display_artists=(an_artist(name),)))
for name in ("AC/DC", "The Mamas & the Papas", "Florence and the Machine", "Lil Nas X", "Malcolm X", "X Ambassadors"):
    pass_("artist.compound", name, single(display_artists=(an_artist(name),)))
pass_("artist.compound", "a group", single(display_artists=(an_artist("Sam & Dave", party_type="group"),)))

_FOUR = tuple(Artist(name) for name in ("Ada Berg", "Bo Dahl", "Cia Ek", "Dan Falk"))
fire("artist.various", "four", an_album(display_artists=_FOUR), "release")
fire("artist.various", "short", an_album(display_artists=(an_artist("V.A."),)), "release")
fire("artist.various", "on a track", two(display_artists=(an_artist("Various Artists"),)), "track:2")
pass_("artist.various", "on the release", an_album(type="compilation", display_artists=(an_artist("Various Artists"),)))
pass_("artist.various", "three", an_album(display_artists=_FOUR[:3]))

for name in ("Mara (vocals)", "Mara [1985]", "Mara - guitar", "Mara (ex-Tide)", "www.mara.se", "Mara formerly of Tide"):
    fire("artist.extra_info", name, single(display_artists=(an_artist(name),)))
for name in ("The 1975", "Bass Drum of Death", "Kidz Bop (Kids)", "Drums", "John 5", "Singer", "!!! (Chk Chk Chk)"):
    pass_("artist.extra_info", name, single(display_artists=(an_artist(name),)))

for name in (LABEL, LABEL.upper(), "DistroKid", "Sony Music"):
    fire("artist.label_as_artist", name, single(display_artists=(an_artist(name),)))
pass_("artist.label_as_artist", "another's", single(display_artists=(an_artist("Records on Ribs"),)))
pass_("artist.label_as_artist", "under one's own name", a_release(display_label=ARTIST))

_TWO = FakeNames([ProtectedName("1", ARTIST), ProtectedName("2", ARTIST), ProtectedName("3", "Mara Lind")])
fire("artist.ambiguous_profile", "two of one name", single(), "release", names=_TWO)
pass_("artist.ambiguous_profile", "one of that name", single(), names=FakeNames([ProtectedName("1", ARTIST)]))
pass_(
    "artist.ambiguous_profile",
    "with an ISNI",
    single(display_artists=(an_artist(isni="0000000121032683"),)),
    names=_TWO,
)

_REMIXED = (an_artist(), an_artist("Jonas Ek"))
fire("artist.remixer_as_primary", "in the version", single(version="Jonas Ek Remix", display_artists=_REMIXED))
fire("artist.remixer_as_primary", "in the title", single(title="Low Tide (Jonas Ek's Remix)", display_artists=_REMIXED))
pass_("artist.remixer_as_primary", "alone", single(version="Mara Lindqvist Remix"))
pass_("artist.remixer_as_primary", "somebody else's", single(version="Bo Dahl Remix", display_artists=_REMIXED))

# Credits ---------------------------------------------------------------------------------------------------------

fire("credit.composer_missing", "nobody", single(contributors=(a_contributor(ARTIST, "lyricist", "vocalist"),)))
fire(
    "credit.composer_missing",
    "an empty name",
    single(contributors=(a_contributor(" ", "composer"), a_contributor(ARTIST, "lyricist"))),
)
pass_(
    "credit.composer_missing",
    "in DDEX words",
    single(contributors=(a_contributor(ARTIST, "ComposerLyricist", "Vocalist"),)),
)
pass_("credit.composer_missing", "traditional", single(contributors=(a_contributor("Traditional"),)))
pass_(
    "credit.composer_missing",
    "a declared machine composed",
    single(contributors=(a_contributor(ARTIST, "lyricist", "vocalist"),), disclosure=declared(Element.COMPOSITION)),
)

fire(
    "credit.composer_missing",
    "a machine composed only a part",
    singing(
        a_contributor(ARTIST, "lyricist", "vocalist"),
        disclosure=declared(Element.COMPOSITION, Level.PARTLY_GENERATED),
    ),
)
fire("credit.lyricist_missing", "nobody", single(contributors=(a_contributor(ARTIST, "composer", "vocalist"),)))
pass_("credit.lyricist_missing", "an instrumental", a_release(an_instrumental()))
pass_(
    "credit.lyricist_missing", "a songwriter", single(contributors=(a_contributor(ARTIST, "songwriter", "vocalist"),))
)
pass_(
    "credit.lyricist_missing",
    "singing without words",
    single(language="zxx", contributors=(a_contributor(ARTIST, "composer", "vocalist"),)),
)
pass_(
    "credit.lyricist_missing",
    "a declared machine wrote",
    single(contributors=(a_contributor(ARTIST, "composer", "vocalist"),), disclosure=declared(Element.LYRICS)),
)

fire("credit.legal_name", "a stage name", single(contributors=(a_contributor("Mara"),)))
pass_("credit.legal_name", "a performer", single(contributors=(a_contributor(), a_contributor("Mara", "guitar"))))
for name in ("Traditional", "周杰倫", "Mara L."):
    pass_("credit.legal_name", name, single(contributors=(a_contributor(name),)))

_WRITER = (a_contributor(ARTIST, "composer", "lyricist"),)
fire("credit.vocalist_missing", "nobody", single(contributors=_WRITER))
fire(
    "credit.vocalist_missing",
    "an assistive tool is no singer",
    single(contributors=_WRITER, disclosure=declared(Element.LEAD_VOCALS, Level.ASSISTIVE_TOOL)),
)
pass_(
    "credit.vocalist_missing",
    "declared AI vocals",
    single(contributors=_WRITER, disclosure=declared(Element.LEAD_VOCALS)),
)
fire(
    "credit.vocalist_missing",
    "a statement that was never made",
    singing(*_WRITER, disclosure=replace(declared(Element.LEAD_VOCALS), status="undeclared")),
)
pass_("credit.vocalist_missing", "an instrumental", a_release(an_instrumental()))
pass_("credit.vocalist_missing", "a rapper", single(contributors=(*_WRITER, a_contributor("Jonas Ek", "Lead Vocals"))))

fire("credit.cover_original_writers", "the performer", single(relations=related("cover_of", licence_file="l.pdf")))
_ORIGINAL_WRITER = a_contributor("John Lennon", "composer", "lyricist")
pass_(
    "credit.cover_original_writers",
    "the writers",
    singing(a_contributor(ARTIST, "vocalist"), _ORIGINAL_WRITER, relations=related("cover_of", licence_file="l.pdf")),
)
pass_("credit.cover_original_writers", "no cover", single())

for name in ("Unknown", "Various Writers", "N/A"):
    fire("credit.generic_party", name, single(contributors=(a_contributor(), a_contributor(name, "composer"))))
for name in ("Traditional", "The Unknowns", "Anonymous"):
    pass_("credit.generic_party", name, single(contributors=(a_contributor(), a_contributor(name, "composer"))))

fire("credit.one_person_all_roles", "sixty-one", single(), "release", FakeHistory(tracks={ARTIST: 60}))
pass_("credit.one_person_all_roles", "sixty", single(), FakeHistory(tracks={ARTIST: 59}))
pass_(
    "credit.one_person_all_roles",
    "others play too",
    single(contributors=(a_contributor(), a_contributor("Jonas Ek", "guitar"))),
    FakeHistory(tracks={ARTIST: 500}),
)

# Rights ----------------------------------------------------------------------------------------------------------

for code, field in (("rights.pline", "p_line"), ("rights.cline", "c_line")):
    for why, line in {
        "missing": None,
        "nobody": RightsLine(2026, " "),
        "a year ahead": RightsLine(2027, "Harbour Records"),
        "before sound": RightsLine(1726, "Harbour Records"),
        "beyond history": RightsLine(10**30, "Harbour Records"),
    }.items():
        fire(code, why, a_release(**{field: line}), "release")
    pass_(code, "a re-release", a_release(**{field: RightsLine(1969, "Harbour Records")}))

for owner in (
    "℗ 2026 Harbour Records",
    "(P) Harbour Records",
    "2026 Harbour Records",
    "Copyright 2026 Harbour Records",
):
    fire("rights.line_form", owner, a_release(p_line=RightsLine(2026, owner)), "release")
for owner in ("Harbour Records", "1969 Records", "Copyright", "P Diddy", "C"):
    pass_("rights.line_form", owner, a_release(p_line=RightsLine(2026, owner)))

fire("rights.owner_unlicensed", "somebody else", a_release(p_line=RightsLine(2026, "Pier Records")), "release")
pass_("rights.owner_unlicensed", "in another case", a_release(p_line=RightsLine(2026, "HARBOUR RECORDS")))

fire("rights.public_domain", "as owner", a_release(p_line=RightsLine(1910, "Public Domain")), "release")
pass_("rights.public_domain", "a name", a_release(p_line=RightsLine(2026, "Public Domain Records")))

_BEAT = (Relation("samples", title="Leased beat by Jonas Ek", licence_file="l.pdf"),)
fire("rights.contentid_ineligible", "a leased beat", single(relations=_BEAT))
_WHOLLY = (Element.LEAD_VOCALS, Element.INSTRUMENTS, Element.COMPOSITION)
fire(
    "rights.contentid_ineligible",
    "declared as wholly generated",
    single(disclosure=Disclosure("declared", tuple(Contribution(item, Level.FULLY_GENERATED) for item in _WHOLLY))),
)
pass_("rights.contentid_ineligible", "generated vocals", single(disclosure=declared(Element.LEAD_VOCALS)))
pass_("rights.contentid_ineligible", "a cleared sample", single(relations=related("samples", licence_file="l.pdf")))

for why, amounts in {"too little": ("50", "49.99"), "too much": ("60", "60"), "one": ("99",)}.items():
    fire(
        "split.sum_not_100",
        why,
        single(master_shares=tuple(Share(f"Party {n}", Decimal(amount)) for n, amount in enumerate(amounts))),
    )
fire("split.sum_not_100", "composition", single(composition_shares=(Share(ARTIST, Decimal(50)),)))
pass_("split.sum_not_100", "not given", single(master_shares=None, composition_shares=()))
pass_(
    "split.sum_not_100",
    "thirds",
    single(composition_shares=tuple(Share(f"Party {n}", Decimal("33.3333")) for n in range(3))),
)

for amount in ("0", "-5", "100.01", "NaN", "Infinity", "1E+999999"):
    fire("split.invalid_share", amount, single(master_shares=(Share(ARTIST, Decimal(amount)),)))
fire(
    "split.invalid_share",
    "twice",
    single(master_shares=(Share(ARTIST, Decimal(50)), Share(ARTIST.upper(), Decimal(50)))),
)
fire("split.invalid_share", "nobody", single(master_shares=(Share("", Decimal(100)),)))
pass_(
    "split.invalid_share", "halves", single(master_shares=(Share(ARTIST, Decimal(50)), Share("Jonas Ek", Decimal(50))))
)

_HALVES = (Share(ARTIST, Decimal(50), True), Share("Jonas Ek", Decimal(50)))
fire("split.unaccepted", "one", single(master_shares=(_HALVES[0], replace(_HALVES[1], accepted=False))))
pass_("split.unaccepted", "agreed, or not said", single(composition_shares=_HALVES))


def imitating(imitates: Imitates, element: Element = Element.LEAD_VOCALS, consent: str | None = None) -> Release:
    one = Contribution(element, Level.FULLY_GENERATED, imitates=imitates, consent=consent)
    return single(disclosure=Disclosure("declared", (one,)))


fire("rights.voice_consent", "without", imitating(Imitates.WITHOUT_CONSENT))
fire("rights.voice_consent", "with one that is not named", imitating(Imitates.WITH_CONSENT))
pass_("rights.voice_consent", "with a document", imitating(Imitates.WITH_CONSENT, consent="consent.pdf"))
pass_("rights.voice_consent", "nobody's", imitating(Imitates.NO))
pass_("rights.voice_consent", "a style of playing", imitating(Imitates.WITHOUT_CONSENT, Element.INSTRUMENTS))

fire("rights.cover_licence", "none", single(relations=related("cover_of")))
pass_("rights.cover_licence", "given", single(relations=related("cover_of", licence_file="l.pdf")))
for type in ("samples", "remix_of"):
    fire("rights.clearance_document_missing", type, single(relations=related(type)))
    pass_("rights.clearance_document_missing", type, single(relations=related(type, licence_file="l.pdf")))
    pass_("rights.clearance_document_missing", f"{type} one's own", single(relations=related(type)), recordings=_OWN)
    fire("rights.clearance_document_missing", f"{type} a foreign", single(relations=related(type)), recordings=_FOREIGN)
pass_("rights.clearance_document_missing", "one's own edit", single(relations=related("edit_of")))

# Dates -----------------------------------------------------------------------------------------------------------

fire("date.release_missing", "none", a_release(release_date=None), "release")
pass_("date.release_missing", "given", a_release())
fire("date.impossible", "year 1", a_release(release_date=dt.date(1, 1, 1)), "release")
fire("date.impossible", "original of 1726", a_release(original_release_date=dt.date(1726, 1, 1)), "release")
pass_("date.impossible", "shellac", a_release(original_release_date=dt.date(1902, 4, 11)))
_DAY = dt.timedelta(days=1)
fire("date.original_after_release", "a day", a_release(original_release_date=RELEASE_DATE + _DAY), "release")
pass_("date.original_after_release", "the same day", a_release(original_release_date=RELEASE_DATE))
fire("date.preorder_order", "the same day", a_release(preorder_date=RELEASE_DATE), "release")
pass_("date.preorder_order", "the day before", a_release(preorder_date=RELEASE_DATE - _DAY))
fire("date.short_lead", "four days", a_release(release_date=RECEIVED + 4 * _DAY), "release")
fire("date.short_lead", "past", a_release(release_date=RECEIVED - 400 * _DAY), "release")
pass_("date.short_lead", "five days", a_release(release_date=RECEIVED + 5 * _DAY))

fire("date.original_by_type", "a remaster", single(version="2011 Remaster"), "release")
fire(
    "date.original_by_type",
    "a remix with the song's date",
    a_release(a_track(version="Jonas Ek Remix"), original_release_date=dt.date(1999, 1, 1)),
    "release",
)
pass_(
    "date.original_by_type",
    "a remaster with its date",
    a_release(a_track(version="2011 Remaster"), original_release_date=dt.date(1999, 1, 1)),
)
pass_("date.original_by_type", "a re-release", a_release(original_release_date=dt.date(1999, 1, 1)))
pass_("date.original_by_type", "a new remix", single(version="Jonas Ek Remix"))

# Languages -------------------------------------------------------------------------------------------------------

for tag in ("english", "xq", "e n", "ｅｎ", "en\n", "a" * 500, "Swedish", "en-XX-YYYYYYYYYYY"):
    fire("language.unknown_code", ascii(tag[:20]), single(language=tag))
for tag in ("en", "pt-BR", "mul", "zh-Hant", "yue", "sv", "EN"):
    pass_("language.unknown_code", tag, single(language=tag))
pass_("language.unknown_code", "zxx", a_release(an_instrumental()))

for tag, title in {"en": "Сердце", "ja": "Сердце", "ru": "夜に駆ける", "sv": "שלום"}.items():
    fire("language.script_mismatch", f"{tag} {title}", single(title=title, language=tag))
for tag, title in {
    "ru": "Сердце",
    "ja": "夜に駆ける",
    "zh": "月亮",
    "ko": "봄",
    "ar": "حب",
    "el": "Ψ",
    "en": "4:44",
}.items():
    pass_("language.script_mismatch", f"{tag} {title}", single(title=title, language=tag))
pass_("language.script_mismatch", "written down in Latin", single(title="Serdtse", language="ru"))
pass_("language.script_mismatch", "a script that is not known here", single(title="ႁႄႈ", language="my"))

fire("language.missing", "none", single(language=None))
pass_("language.missing", "an instrumental", a_release(an_instrumental(language=None)))

fire("language.instrumental_mismatch", "language", a_release(an_instrumental(language="en")))
fire("language.instrumental_mismatch", "lyrics", a_release(an_instrumental(lyrics="Low tide, low tide")))
fire(
    "language.instrumental_mismatch",
    "lyricist",
    a_release(an_instrumental(contributors=(a_contributor(ARTIST, "composer", "lyricist"),))),
)
fire("language.instrumental_mismatch", "vocal without words", single(language="zxx"))
pass_("language.instrumental_mismatch", "an instrumental", a_release(an_instrumental()))
pass_(
    "language.instrumental_mismatch",
    "instrumental version of a song",
    a_release(an_instrumental(version="Instrumental", contributors=(a_contributor(ARTIST, "composer", "lyricist"),))),
)
pass_(
    "language.instrumental_mismatch",
    "a vocalise",
    single(language="zxx", contributors=(a_contributor(ARTIST, "composer", "vocalist"),)),
)

for value in (None, "", "maybe", "Explicit"):
    fire("advisory.unknown", repr(value), two(advisory=value), "track:2")
fire("advisory.unknown", "of the release", a_release(advisory="maybe"), "release")
for value in ("explicit", "not_explicit", "clean"):
    pass_("advisory.unknown", value, single(advisory=value))

fire("advisory.mismatch", "clean, of nothing explicit", two(advisory="clean"), "track:2")
pass_(
    "advisory.mismatch",
    "clean beside its explicit form",
    a_release(a_track(1, advisory="explicit"), a_track(2, title="Low Tide", advisory="clean"), advisory="explicit"),
)
pass_("advisory.mismatch", "a whole release that is clean", single(advisory="clean"))
fire("advisory.mismatch", "strong words", single(lyrics="This fucking tide"))
fire(
    "advisory.mismatch",
    "an explicit track",
    a_release(a_track(advisory="explicit"), advisory="not_explicit"),
    "release",
)
pass_("advisory.mismatch", "said", single(lyrics="This fucking tide", advisory="explicit"))
pass_("advisory.mismatch", "Scunthorpe", single(lyrics="Shitake in Scunthorpe, Dickens and cocktails"))

for title in ("Star Wars Theme", "Gotta Catch 'Em All (From Pokémon)", "BATMAN", "Spider-Man Lullaby"):
    fire("title.franchise", title, single(title=title))
for title in ("Frozen", "Star Crossed", "Titanic", "Harry", "Batmanghelidj", "Lord of the Flies", "Minecraftsman"):
    pass_("title.franchise", title, single(title=title))

#: Releases that nobody would stop; the last one before its audio is measured.
ordinary = [
    a_delivery(),
    a_delivery(a_release(an_instrumental())),
    a_delivery(an_album()),
    replace(a_delivery(), facts={}),
]
