"""What stands in a title and has a field of its own: artists, versions, advisories, formats, the news of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.check import Context
from checks.finding import Code, Finding
from checks.metadata.grades import warning
from checks.metadata.wording import Titled, asides, fold, quoted, readable, shown, split_aside, written
from checks.release import Delivery

FEAT_IN_TITLE = warning(
    "title.feat_in_title",
    "Featured artists are named in their role, not in the title; each partner shows them its own way.",
    "Apple Music style guide 2.13; Spotify",
)
FEAT_SPELLING = warning(
    "title.feat_spelling",
    "Where a title does name a featured artist, it says “(feat. Name)” in small letters and brackets.",
    "Apple Music style guide 2.13",
)
ARTIST_DASH_TITLE = warning(
    "title.artist_dash_title", "A title does not begin with the name of its artist and a dash.", "RBS"
)
VERSION_IN_TITLE = warning(
    "title.version_in_title", "Live, remix, radio edit and the like stand in the version field.", "Symphonic"
)
VERSION_REDUNDANT = warning(
    "title.version_redundant",
    "The usual version of a recording needs no version name such as Original Mix or Album Version.",
    "Symphonic; MusicTeam; DMB",
)
CLEAN_EXPLICIT_WORD = warning(
    "title.clean_explicit_word", "Clean and explicit are said by the advisory, not in words.", "MusicTeam; RBS"
)
FORMAT_WORDS = warning("title.format_words", "A title does not speak of carriers, files or videos.", "MusicTeam")
TEMPORAL = warning(
    "title.temporal", "A title does not say what will soon be untrue, such as Out Now.", "Symphonic; FUGA; DMB"
)

CODES = (
    FEAT_IN_TITLE, FEAT_SPELLING, ARTIST_DASH_TITLE, VERSION_IN_TITLE, VERSION_REDUNDANT, CLEAN_EXPLICIT_WORD,
    FORMAT_WORDS, TEMPORAL,
)  # fmt: skip

# Not at the very beginning: "Ft. Worth Blues" is a place.
_FEAT = re.compile(
    r"(?<=\S)\s*(?P<open>[(\[]?)\s*\b(?P<word>feat|ft|featuring)\b(?P<dot>\.?)\s*(?P<who>[^()\[\]]+)(?P<close>[)\]]?)",
    re.IGNORECASE,
)
_WITH = re.compile(r"\s*[(\[]\s*with\s+(?P<who>[^()\[\]]+)[)\]]", re.IGNORECASE)
_DASH = re.compile(r"\s+[-–—]\s+")

_REDUNDANT = re.compile(r"(?:the )?(?:original|album|full|standard|main|normal|regular)(?: (?:mix|version|length))?")
# What is said beside a title is a version if it speaks of how the recording was made. "(Live Forever)" is not.
_VERSION = re.compile(
    r"(?:recorded )?live(?:$|,? (?:at|in|from|on|version|session|acoustic|edit|[0-9]))"
    r"|.*\b(?:(?:re)?mix|edit|remaster(?:ed)?|rework|bootleg|version|karaoke|a ?cappella|unplugged|re-?recorded"
    r"|sped up|slowed(?: down)?|nightcore|extended)\b"
    r"|(?:acoustic|instrumental|demo|dub|mono|stereo|deluxe)(?:$| (?:take|session|edition|cut|[0-9]))"
)
_ADVISORY = re.compile(r"(?P<what>clean|explicit|dirty|censored|uncensored)(?: (?:version|edit|mix|lyrics))?")
_FORMAT = re.compile(
    r"\b(?:ringtones?|e-album|digital (?:only|album|single|download)|[0-9] ?-?cd(?: set)?|(?:cd|dvd|vinyl)"
    r"(?: (?:single|album|rip|version))|official (?:music |lyrics? )?(?:video|audio|visuali[sz]er)|lyrics? video"
    r"|music video|with lyrics|free (?:download|mp3)|mp3|wav|hq audio|full album)\b"
)
_TEMPORAL_ANYWHERE = re.compile(r"\b(?:out now|now streaming|streaming now|available now|limited edition)\b")
_TEMPORAL_ASIDE = re.compile(
    r"(?:new|exclusive|brand new|coming soon|pre-?order|pre-?release|latest (?:hit|single)"
    r"|new (?:single|song|release|album))"
)


def featured(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Guests named in a title."""
    for holder in readable(delivery.release):
        if found := _FEAT.search(holder.title):
            base, who = _without(holder.title, found), found["who"].strip()
            yield _move(FEAT_IN_TITLE, holder, f"credit {written(who)} as featured and write the title {written(base)}")
            well_spelt = found["open"] and found["close"] and (found["word"], found["dot"]) == ("feat", ".")
            if not well_spelt:
                yield Finding(
                    FEAT_SPELLING,
                    holder.subject,
                    f"{quoted(holder.title)} spells the guest's part in an unusual way.",
                    measured=shown(found[0].strip()),
                    fix=f"If it must stay in the title, write {written(f'{base} (feat. {who})')}.",
                )
        elif (found := _WITH.search(holder.title)) and fold(found["who"]) in _names(holder):
            base = _without(holder.title, found)
            yield _move(FEAT_IN_TITLE, holder, f"keep {written(found['who'])} as artist and write {written(base)}")


def artist_dash_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """*Artist – Title* in the title field."""
    for holder in readable(delivery.release):
        first, *rest = _DASH.split(holder.title.strip(), maxsplit=1)
        if rest and fold(first) in _names(holder):
            yield _move(ARTIST_DASH_TITLE, holder, f"write the title {written(rest[0])}")


def versions(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Versions in the title, and versions that say nothing."""
    for holder in readable(delivery.release):
        if _REDUNDANT.fullmatch(fold(holder.version)):
            yield Finding(
                VERSION_REDUNDANT,
                holder.subject,
                f"The version {quoted(holder.version)} says nothing.",
                measured=shown(holder.version),
                fix="Leave the version empty.",
            )
        if (parts := split_aside(holder.title)) is None:
            continue
        base, aside = parts
        if _REDUNDANT.fullmatch(fold(aside)):
            yield _move(VERSION_REDUNDANT, holder, f"write the title {written(base)} and leave the version empty")
        elif _VERSION.match(fold(aside)) and not _ADVISORY.fullmatch(fold(aside)):
            yield _move(VERSION_IN_TITLE, holder, f"write the title {written(base)} and the version {written(aside)}")


def advisory_words(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """(Clean) and (Explicit); a song may well be called *Clean*."""
    for holder in readable(delivery.release):
        for aside in asides(holder):
            if said := _ADVISORY.fullmatch(fold(aside)):
                value = "clean" if said["what"] in ("clean", "censored") else "explicit"
                yield _move(CLEAN_EXPLICIT_WORD, holder, f"leave {written(aside)} out and set the advisory to {value}")


def formats(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Carriers, files and videos."""
    for holder in readable(delivery.release):
        for text in (holder.title, holder.version):
            if found := _FORMAT.search(fold(text)):
                yield _move(FORMAT_WORDS, holder, f"leave {written(found[0])} out")


def temporal(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """What is news today and untrue tomorrow; a song may well be called *Exclusive*."""
    for holder in readable(delivery.release):
        whole = fold(holder.title)
        found = [hit[0] for text in (whole, fold(holder.version)) for hit in _TEMPORAL_ANYWHERE.finditer(text)]
        found += [aside for aside in map(fold, asides(holder)) if _TEMPORAL_ASIDE.fullmatch(aside)]
        if beside := next((words for words in found if words != whole), None):
            yield _move(TEMPORAL, holder, f"leave {written(beside)} out")


def _move(code: Code, holder: Titled, fix: str) -> Finding:
    """A finding about words that stand in the wrong field."""
    whole = f"{holder.title} / {holder.version}" if holder.version else holder.title
    return Finding(
        code,
        holder.subject,
        f"{quoted(whole)}: {code.rule[0].lower()}{code.rule[1:]}",
        measured=shown(whole),
        fix=f"{fix[0].upper()}{fix[1:]}.",
    )


def _names(holder: Titled) -> set[str]:
    return {fold(artist.name) for artist in holder.display_artists}


def _without(title: str, found: re.Match[str]) -> str:
    return " ".join((title[: found.start()] + " " + title[found.end() :]).split())


RULES = (featured, artist_dash_title, versions, advisory_words, formats, temporal)
