"""Who made it: every work has a writer, every text its author, every voice a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.release import Contributor, Delivery, Element, Level, Track
from checks.rules.metadata.code_factories import blocking_code, reviewing_code, warning_code
from checks.rules.metadata.text_normalisation import fold_text, is_blank, make_printable, quote_text

COMPOSER_MISSING = blocking_code(
    "credit.composer_missing", "Every track names at least one composer.", "Apple; Music Gateway"
)
LYRICIST_MISSING = blocking_code(
    "credit.lyricist_missing", "A track with sung words names who wrote them.", "Music Gateway"
)
LEGAL_NAME = warning_code(
    "credit.legal_name",
    "Composers and lyricists are named with first and last name, as their society knows them.",
    "Music Gateway; WIS",
)
# Breaking Rust's vocals had no singer, and no reason was given: that silence is what a person should look into.
VOCALIST_MISSING = reviewing_code(
    "credit.vocalist_missing",
    "A vocal track names who sings, or declares that a machine does.",
    "our inference",
)
# The table of rules that partners apply blocks here. But an artist may cover a song of their own, and the delivery that
# the contract documents does: all that the metadata can tell is a suspicion, and heuristics never block.
COVER_WRITERS = reviewing_code(
    "credit.cover_original_writers", "A cover credits the writers of the original.", "Ingrooves 20-7"
)
GENERIC_PARTY = warning_code(
    "credit.generic_party", "A credit names somebody: not Unknown, Various or N/A.", "our inference"
)
ONE_PERSON_ALL_ROLES = replace(
    reviewing_code(
        "credit.one_person_all_roles",
        "One person who does everything alone makes only so many recordings a month.",
        "our inference",
    ),
    private=True,  # the limit would help a flooder
)

CODES = (
    COMPOSER_MISSING, LYRICIST_MISSING, LEGAL_NAME, VOCALIST_MISSING, COVER_WRITERS, GENERIC_PARTY,
    ONE_PERSON_ALL_ROLES,
)  # fmt: skip

#: A person credited with everything is looked at past two finished tracks a day for a month (our inference: beyond what
#: a person does by hand).
ALONE_TRACKS = 60
ALONE_DAYS = 30

#: Credits without a name or a meaning.
GENERIC_PARTIES = frozenset({
    "unknown", "unknown artist", "unknown composer", "unknown writer", "unknown author", "various", "various artists",
    "various composers", "various writers", "n/a", "na", "none", "no one", "nobody", "tba", "tbd", "test", "me", "self",
    "artist", "composer", "songwriter", "copyright control",
})  # fmt: skip

# Roles as labels and DDEX write them, without case and punctuation: "Composer/Lyricist" is composerlyricist.
_BOTH = frozenset({"composerlyricist", "songwriter", "writer", "author"})
COMPOSERS = _BOTH | {"composer", "cocomposer"}
LYRICISTS = _BOTH | {"lyricist", "colyricist", "librettist", "textauthor", "poet"}
VOCALISTS = frozenset({
    "vocalist", "vocals", "vocal", "voice", "singer", "leadvocalist", "leadvocals", "leadvocal", "leadsinger",
    "backgroundvocalist", "backgroundvocals", "backingvocalist", "backingvocals", "featuredvocalist", "rapper", "rap",
    "mc", "choir", "chorus", "vocalensemble", "vocalgroup", "soprano", "mezzosoprano", "alto", "contralto",
    "countertenor", "tenor", "baritone", "bassvocalist", "bassbaritone", "narrator", "speaker", "spokenword",
    "beatboxer", "throatsinger",
})  # fmt: skip

#: Writers that are no particular person, and rightly so.
NOBODY = frozenset({"traditional", "trad.", "trad", "public domain", "anonymous", "anon.", "anon"})

# Scripts in which a whole name has no space: nothing can be said about its parts.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|[\U00020000-\U0003ffff]"
)
_PUNCTUATION = re.compile(r"[\W_]+")

#: First and last name.
LEGAL_NAME_PARTS = 2


def list_contributors_in_roles(track: Track, roles: frozenset[str]) -> list[Contributor]:
    """The named contributors with at least one of these roles."""
    return [
        contributor
        for contributor in track.contributors
        if not is_blank(contributor.name)
        and any(_PUNCTUATION.sub("", role.casefold()) in roles for role in contributor.roles)
    ]


def is_credited_writer(contributor: Contributor) -> bool:
    """Whether a writer is credited for words or music."""
    return any(_PUNCTUATION.sub("", role.casefold()) in COMPOSERS | LYRICISTS for role in contributor.roles)


def is_sung_without_words(track: Track) -> bool:
    """Sung without words (a vocalise), as the label says it: a voice, no language, no text, no author."""
    return track.language == "zxx" and is_blank(track.lyrics) and not list_contributors_in_roles(track, LYRICISTS)


def by_machine(track: Track, *elements: Element, wholly: bool = False) -> bool:
    """Whether the label declares that a machine made this: then no person is missing, and honesty costs nothing."""
    levels = (Level.FULLY_GENERATED,) if wholly else (Level.FULLY_GENERATED, Level.PARTLY_GENERATED)
    made = track.disclosure.contributions if track.disclosure.declared else ()
    return any(contribution.element in elements and contribution.level in levels for contribution in made)


def check_writers(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A composer for every track, a lyricist for every sung text."""
    for track in delivery.release.tracks:
        if not list_contributors_in_roles(track, COMPOSERS) and not by_machine(track, Element.COMPOSITION, wholly=True):
            yield Finding(
                COMPOSER_MISSING,
                track.subject,
                "No composer is named.",
                fix="Add a contributor with the role composer; if the work is traditional, name “Traditional”.",
            )
        worded = track.vocals == "vocal" and not is_sung_without_words(track)
        if (
            worded
            and not list_contributors_in_roles(track, LYRICISTS)
            and not by_machine(track, Element.LYRICS, wholly=True)
        ):
            yield Finding(
                LYRICIST_MISSING,
                track.subject,
                "The track has vocals, but no lyricist is named.",
                fix="Add a contributor with the role lyricist; for singing without words, set the language to zxx.",
            )


def legal_names(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A stage name writes no songs: societies pay people."""
    for track in delivery.release.tracks:
        for name in dict.fromkeys(writer.name for writer in list_contributors_in_roles(track, COMPOSERS | LYRICISTS)):
            parts = name.split()
            if len(parts) < LEGAL_NAME_PARTS and fold_text(name) not in NOBODY and not _UNSPACED.search(name):
                yield Finding(
                    LEGAL_NAME,
                    track.subject,
                    f"The writer {quote_text(name)} has a single name.",
                    measured=len(parts),
                    threshold=LEGAL_NAME_PARTS,
                    fix="Write the first and last name under which the writer is registered.",
                )


def check_vocalists(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Check that a voice has a credited person or a declared machine."""
    for track in delivery.release.tracks:
        declared = by_machine(track, Element.LEAD_VOCALS, Element.BACKING_VOCALS)
        if track.vocals == "vocal" and not declared and not list_contributors_in_roles(track, VOCALISTS):
            yield Finding(
                VOCALIST_MISSING,
                track.subject,
                "The track has vocals, but nobody is named as singing, and no AI vocals are declared.",
                fix="Add a contributor with the role vocalist, or declare lead_vocals in the disclosure.",
            )


def cover_writers(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A cover with its performers as only writers was probably credited by habit."""
    for track in delivery.release.tracks:
        if not any(relation.type == "cover_of" for relation in track.relations):
            continue
        performers = {fold_text(artist.name) for artist in track.display_artists}
        composers = {
            fold_text(composer.name): composer.name for composer in list_contributors_in_roles(track, COMPOSERS)
        }
        if composers and performers.issuperset(composers):
            yield Finding(
                COVER_WRITERS,
                track.subject,
                "This is a cover, but only its performers are credited as composers.",
                measured=[make_printable(name) for name in composers.values()],
                fix="Credit the writers of the original; if the artist covers a song of their own, say so in review.",
            )


def generic_parties(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Words in place of names."""
    for track in delivery.release.tracks:
        for name in dict.fromkeys(contributor.name for contributor in track.contributors):
            if fold_text(name) in GENERIC_PARTIES:
                yield Finding(
                    GENERIC_PARTY,
                    track.subject,
                    f"{quote_text(name)} is nobody's name.",
                    measured=make_printable(name),
                    fix="Name who it was; for a work without known author, write “Traditional”.",
                )


def check_single_party_credits(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """One party, every part, more recordings than one person makes. A declared machine is asked about elsewhere."""
    release = delivery.release
    makers = [_only_maker(track) for track in release.tracks]
    for name in dict.fromkeys(maker for maker in makers if maker):
        tracks = makers.count(name) + context.history.tracks_by(name, ALONE_DAYS)
        if tracks > ALONE_TRACKS:
            yield Finding(
                ONE_PERSON_ALL_ROLES,
                release.subject,
                f"{quote_text(name)} alone wrote, sang and played {tracks} tracks that came within {ALONE_DAYS} days.",
                measured=tracks,
                threshold=ALONE_TRACKS,
            )


def _only_maker(track: Track) -> str | None:
    """The display artist who is also the one contributor, where that is so."""
    artists = {fold_text(artist.name): artist.name for artist in track.display_artists}
    makers = {fold_text(contributor.name) for contributor in track.contributors}
    only = len(artists) == 1 and makers == artists.keys()
    return next(iter(artists.values())) if only else None


RULES = (check_writers, legal_names, check_vocalists, cover_writers, generic_parties, check_single_party_credits)
