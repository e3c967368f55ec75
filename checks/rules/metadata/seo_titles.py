"""Titles that fish: search words, advertisement, other people's names, and speeds that belong to another original."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from rapidfuzz.distance import OSA

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.recording_ownership import is_own_original
from checks.model.release import Delivery, Track
from checks.rules.metadata.code_factories import reviewing_code
from checks.rules.metadata.franchises import FRANCHISES
from checks.rules.metadata.text_normalisation import (
    LONGEST_TITLE,
    fold_text,
    is_blank,
    list_invisible_characters,
    list_readable_parts,
    list_title_asides,
    make_printable,
    quote_text,
)

SEO_BAIT = reviewing_code(
    "title.seo_bait",
    "A title is not a list of search words.",
    "Apple Music style guide 1.2; Spotify",
)
ORIGINAL_ARTIST_REFERENCE = reviewing_code(
    "title.original_artist_ref",
    "A title does not lean on another artist's name: no “in the style of”, “tribute to”, “type beat” or “AI cover”.",
    "Ingrooves 20-8 to 20-10; SLF",
)
ADVERTISEMENT = reviewing_code(
    "title.url_handle_ad",
    "A title holds no web address, handle, price, advertisement or name of a music service.",
    "Apple Music style guide 1.1, 1.2",
)
SPEED_DECLARED = reviewing_code(
    "version.speed_declared",
    "A sped-up, slowed or nightcore version names its original as a relation, and brings the licence where that is not "
    "the account's own recording.",
    "Pex; our inference",
)
# The sources mean chart titles of the last month. No list of charts is at hand; what the gate knows are recordings.
KNOWN_TITLE_MIMIC = replace(
    reviewing_code(
        "title.known_title_mimic",
        "A release does not carry the title of a known recording together with nearly its artist's name.",
        "Amazon; Apple editorial guide",
    ),
    private=True,  # it would teach how far a name must be changed
)

FRANCHISE = reviewing_code(
    "title.franchise",
    "A title that names a film, series, game or brand is delivered by whoever may use it.",
    "Amazon",
)

CODES = (FRANCHISE, KNOWN_TITLE_MIMIC, SEO_BAIT, ORIGINAL_ARTIST_REFERENCE, ADVERTISEMENT, SPEED_DECLARED)

#: Words that people search by mood, use or fashion. One in a title is a title; a list of them is bait.
_SEARCH_WORDS = re.compile(
    r"\b(?:sleep(?:ing)?|stud(?:y|ying)|relax(?:ing|ation)?|meditation|chill(?:out)?|lo-?fi|focus|work ?out|gym|spa"
    r"|yoga|massage|calm(?:ing)?|soothing|ambient|baby|lullab(?:y|ies)|rain sounds?|nature sounds?|white noise|asmr"
    r"|healing|background music|hits|viral|trending|tik ?tok|playlist|best of|20[0-9]{2})\b"
)
#: One letter in five may differ; names of fewer than five letters are not compared (our inference).
MIMIC_SIMILARITY = 0.8
MIMIC_LENGTH = 5

_WORD = re.compile(r"[^\W_]+")
_LIST_SEPARATOR = re.compile(r"\s*[,;|/•·]\s*|\s+[-–—&+]\s+")
_HASHTAG = re.compile(r"(?:^|\s)#[^\W\d]\w*")

#: So many parts of a title, each with a search word, are a list ("Money, Money, Money" has none).
BAIT_PARTS = 3
#: One hashtag may be a title; two are for a search box.
BAIT_HASHTAGS = 2

_REFERENCE = re.compile(
    r"\b(?:in the style of|(?:a )?tribute to|originally (?:performed|recorded|sung) by|(?:as )?made famous by"
    r"|ai covers?|ai voice|type beats?|sound-?alikes?|karaoke version of)\b"
)
# These are ordinary words of songs ("The Cover of Rolling Stone", "Sounds Like a Melody"): beside the title only.
_REFERENCE_ASIDE = re.compile(r"\b(?:cover of|sounds like|style of|inspired by|as sung by)\b")

_ADDRESS = re.compile(
    r"https?:|\bwww\.|(?<![\w.])[\w-]{2,}\.(?:com|net|org|info|biz|io|fm|tv|shop|link|app|co\.uk|ly/\w+)\b"
    r"|(?<![\w.])@\w{2,}|[$€£] ?[0-9]+[.,][0-9]{2}\b"
)
_ADVERT = re.compile(
    r"\b(?:buy (?:now|it|here)|order now|link in (?:the )?(?:bio|description)|subscribe|follow (?:me|us) on"
    r"|use code|download (?:now|here)|stream (?:now|on)"
    r"|spotify|apple music|itunes|soundcloud|youtube|deezer|bandcamp|beatport|tiktok|amazon music)\b"
)

_SPED_UP = re.compile(r"\b(?:sped|speed(?:ed)?)[ -]?up\b|\bnightcore\b")
_SLOWED = re.compile(r"\bslowed (?:\+|&|and|n|x|'n'|w/|with) ?(?:reverb|rain)")
_SLOWED_ASIDE = re.compile(r"\b(?:super |ultra )?slowed\b|\bdaycore\b|\bchopped (?:and|&|n) screwed\b")


def seo_bait(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Lists of moods, uses and fashions; rows of hashtags."""
    for holder in list_readable_parts(delivery.release):
        text = fold_text(f"{holder.title} {holder.version}")
        parts = [part for part in _LIST_SEPARATOR.split(text) if _SEARCH_WORDS.search(part)]
        hashtags = [tag.strip() for tag in _HASHTAG.findall(text)]
        if len(parts) >= BAIT_PARTS or len(hashtags) >= BAIT_HASHTAGS:
            found = parts if len(parts) >= BAIT_PARTS else hashtags
            yield Finding(
                SEO_BAIT,
                holder.subject,
                f"{quote_text(holder.title)} reads like a list of search words.",
                measured=[make_printable(word) for word in found[:20]],
                threshold=BAIT_PARTS if found is parts else BAIT_HASHTAGS,
                fix="Write the title of the music alone; moods and uses belong in the genre and in playlists.",
            )


def original_artist(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Phrases that lend a release another's fame; whether the name is known is not asked here."""
    for holder in list_readable_parts(delivery.release):
        texts = [(_REFERENCE, fold_text(text)) for text in (holder.title, holder.version)]
        texts += [(_REFERENCE_ASIDE, fold_text(aside)) for aside in list_title_asides(holder)]
        if found := next((hit for pattern, text in texts if (hit := pattern.search(text))), None):
            yield Finding(
                ORIGINAL_ARTIST_REFERENCE,
                holder.subject,
                f"{quote_text(holder.title)} refers to another artist: {quote_text(found[0])}.",
                measured=make_printable(found[0]),
                fix="Leave it out; if this is a cover, add a relation of type cover_of and credit its writers.",
            )


def check_advertising_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Addresses, handles, prices, calls to buy, names of services."""
    for holder in list_readable_parts(delivery.release):
        texts = (fold_text(holder.title), fold_text(holder.version))
        found = next((hit for text in texts for p in (_ADDRESS, _ADVERT) if (hit := p.search(text))), None)
        if found:
            yield Finding(
                ADVERTISEMENT,
                holder.subject,
                f"{quote_text(holder.title)} advertises: {quote_text(found[0])}.",
                measured=make_printable(found[0]),
                fix="Leave it out of the title.",
            )


def check_franchise_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Names that belong to a film, series, game or toy and mean nothing else; all others a moderator is asked about."""
    for holder in list_readable_parts(delivery.release):
        words = _WORD.findall(fold_text(f"{holder.title} | {holder.version}").replace("é", "e"))
        begun = [(place, name) for place, word in enumerate(words) for name in FRANCHISES.get(word, ())]
        if name := next((" ".join(name) for place, name in begun if tuple(words[place:][: len(name)]) == name), None):
            yield Finding(
                FRANCHISE,
                holder.subject,
                f"{quote_text(holder.title)} names {quote_text(name)}, which belongs to somebody.",
                measured=name,
                fix="If you may use the name, tell the moderator by whose leave; otherwise leave it out.",
            )


def check_speed_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Check that a version at another speed names its original and its permission.

    Only the owner can license a recording, so an original that the account owns needs no licence.
    """
    for track in list_readable_parts(delivery.release):
        if not isinstance(track, Track):
            continue
        said = _says_speed(track)
        if said and not any(
            relation.licence_file or is_own_original(relation, track, delivery, context.recordings)
            for relation in track.relations
            if relation.type in ("sped_up_of", "slowed_of")
        ):
            yield Finding(
                SPEED_DECLARED,
                track.subject,
                f"This track is called {quote_text(said)}, but no original is named that is licensed or your own.",
                measured=make_printable(said),
                fix="Add a relation of type sped_up_of or slowed_of with the original's ISRC, and the licence file "
                "unless the original is your own recording.",
            )


def check_mimicked_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """The title of a known recording, by an artist with nearly its artist's name. Equal titles alone are common."""
    asked = [
        track
        for track in delivery.release.tracks
        if not (is_blank(track.title) or len(track.title) > LONGEST_TITLE or list_invisible_characters(track.title))
    ]
    titled = context.recordings.titled(dict.fromkeys(track.title for track in asked))
    for track in asked:
        known = [item for item in titled.get(track.title, ()) if item.owner_account != delivery.account.id]
        pairs = [
            (artist.name, entry)
            for artist in track.display_artists
            for entry in known
            if _is_nearly_same_name(artist.name, entry.artist)
        ]
        if pairs:
            name, one = pairs[0]
            yield Finding(
                KNOWN_TITLE_MIMIC,
                track.subject,
                f"{quote_text(track.title)} is known by {quote_text(one.artist)}, "
                f"and is delivered by {quote_text(name)}.",
                measured=round(OSA.normalized_similarity(fold_text(name), fold_text(one.artist)), 4),
                threshold=MIMIC_SIMILARITY,
                evidence={"recording": one.recording, "artist": make_printable(one.artist), "isrc": one.isrc},
            )


def _is_nearly_same_name(name: str, other: str) -> bool:
    """Whether two names are not the same and hardly differ; short names differ in everything."""
    one, two = fold_text(name[:LONGEST_TITLE]), fold_text(other[:LONGEST_TITLE])
    return (
        one != two
        and min(len(one), len(two)) >= MIMIC_LENGTH
        and bool(OSA.normalized_similarity(one, two, score_cutoff=MIMIC_SIMILARITY))
    )


def _says_speed(track: Track) -> str | None:
    texts = [(pattern, fold_text(text)) for pattern in (_SPED_UP, _SLOWED) for text in (track.title, track.version)]
    texts += [(_SLOWED_ASIDE, fold_text(aside)) for aside in list_title_asides(track)]
    return next((hit[0] for pattern, text in texts if (hit := pattern.search(text))), None)


RULES = (
    seo_bait,
    original_artist,
    check_mimicked_title,
    check_franchise_title,
    check_advertising_title,
    check_speed_title,
)
