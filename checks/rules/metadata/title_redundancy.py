"""What stands in a title and has a field of its own: artists, versions, advisories, formats, the news of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.model.check import Context
from checks.model.finding import JSON, Code, Finding
from checks.model.json_patch import Patch, appended, pointer, rewritten
from checks.model.release import Delivery, Release
from checks.rules.metadata.code_factories import warning
from checks.rules.metadata.guest_artists import find_guest
from checks.rules.metadata.text_normalisation import (
    Titled,
    asides,
    fold,
    is_blank,
    quoted,
    readable,
    shown,
    split_aside,
    without_dangling,
    written,
)
from checks.rules.metadata.version_names import VersionName, version_name

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

#: As many artists as a delivery document may name; a guest more would make it none.
MOST_ARTISTS = 30

_WITH = re.compile(r"\s*[(\[]\s*with\s+(?P<who>[^()\[\]]+)[)\]]", re.IGNORECASE)
_GUESTS = re.compile(r"(?:feat|ft|featuring|with|prod)\b")
_DASH = re.compile(r"\s+[-–—]\s+")

_REDUNDANT = re.compile(
    r"(?:the )?(?:original|album|full|standard|main|normal|regular)(?: (?P<kind>mix|version|length))?"
)
_ADVISORY = re.compile(r"(?P<what>clean|explicit|dirty|censored|uncensored)(?: (?P<kind>version|edit|mix|lyrics))?")
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
    release = delivery.release
    for holder in readable(release):
        if guest := find_guest(holder.title):
            yield _move(
                FEAT_IN_TITLE,
                holder,
                f"credit {written(guest.name)} as featured and write the title {written(guest.title)}",
                _credited(release, holder, guest.title, guest.name),
                safe=guest.is_certain,
            )
            if not guest.is_well_spelt:
                yield Finding(
                    FEAT_SPELLING,
                    holder.subject,
                    f"{quoted(holder.title)} spells the guest's part in an unusual way.",
                    measured=shown(guest.mention),
                    fix=f"If it must stay in the title, write {written(f'{guest.title} (feat. {guest.name})')}.",
                )
        elif (found := _WITH.search(holder.title)) and fold(found["who"]) in _names(holder):
            base = _without(holder.title, found)
            yield _move(
                FEAT_IN_TITLE,
                holder,
                f"keep {written(found['who'])} as artist and write {written(base)}",
                _retitled(release, holder, base),
                safe=True,
            )


def _credited(release: Release, holder: Titled, base: str, who: str) -> Patch:
    """The guest out of the title and among the artists, unless already there."""
    out = _retitled(release, holder, base)
    if not out or fold(who) in _names(holder):
        return out
    if len(holder.display_artists) >= MOST_ARTISTS:
        return ()
    guest: dict[str, JSON] = {"name": who, "role": "featured"}
    return (*out, *appended(pointer(release, holder, "display_artists"), holder.display_artists, guest))


def _retitled(release: Release, holder: Titled, title: str, **more: tuple[JSON, JSON]) -> Patch:
    """Another title; none where nothing of it would remain."""
    return () if is_blank(title) else rewritten(release, holder, title=(holder.title, title), **more)


def artist_dash_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """*Artist – Title* in the title field."""
    release = delivery.release
    for holder in readable(release):
        first, *rest = _DASH.split(holder.title.strip(), maxsplit=1)
        if rest and fold(first) in _names(holder):
            patch = _retitled(release, holder, rest[0])
            # "Berlin - Live" by Berlin is a title and its version.
            safe = not is_version(rest[0])
            yield _move(ARTIST_DASH_TITLE, holder, f"write the title {written(rest[0])}", patch, safe)


def versions(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Versions in the title, and versions that say nothing."""
    release = delivery.release
    for holder in readable(release):
        if _REDUNDANT.fullmatch(fold(holder.version)):
            yield Finding(
                VERSION_REDUNDANT,
                holder.subject,
                f"The version {quoted(holder.version)} says nothing.",
                measured=shown(holder.version),
                fix="Leave the version empty.",
                patch=rewritten(release, holder, version=(holder.version, "")),
                safe=True,
            )
        if (parts := split_aside(holder.title)) is None:
            continue
        base, aside = parts
        named = version_name(aside)
        if redundant := _REDUNDANT.fullmatch(fold(aside)):
            fix = f"write the title {written(base)} and leave the version empty"
            # "(Original Mix)" can only be the version; "(Regular)" and "(Full)" may be words of the title.
            patch = _retitled(release, holder, base)
            yield _move(VERSION_REDUNDANT, holder, fix, patch, safe=redundant["kind"] is not None)
        elif named is not VersionName.NONE and not _ADVISORY.fullmatch(fold(aside)):
            fix = f"write the title {written(base)} and the version {written(aside)}"
            # Two versions at once are the label's to put in order.
            free = is_blank(holder.version) or fold(holder.version) == fold(aside)
            patch = _retitled(release, holder, base, version=(holder.version, aside)) if free else ()
            yield _move(VERSION_IN_TITLE, holder, fix, patch, safe=named is VersionName.USUAL)


def advisory_words(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """(Clean) and (Explicit); a song may well be called *Clean*."""
    release = delivery.release
    for holder in readable(release):
        for aside in asides(holder):
            if said := _ADVISORY.fullmatch(fold(aside)):
                value = "clean" if said["what"] in ("clean", "censored") else "explicit"
                yield _move(
                    CLEAN_EXPLICIT_WORD,
                    holder,
                    f"leave {written(aside)} out and set the advisory to {value}",
                    _left_out(release, holder, aside, advisory=(holder.advisory, value)),
                    # A machine may add a warning to listeners, and take none away. "(Clean)" and "(Dirty)" may be words
                    # of the title, unless the advisory says the same or "version" stands beside it.
                    safe=(said["kind"] is not None or said["what"] == "explicit" or holder.advisory == value)
                    and (value == "explicit" or holder.advisory != "explicit"),
                )


def _left_out(release: Release, holder: Titled, aside: str, **more: tuple[JSON, JSON]) -> Patch:
    """The last thing said beside the title, or the whole version, left out; none where it stands elsewhere."""
    parts = split_aside(holder.title)
    if parts and parts[1] == aside:
        return _retitled(release, holder, parts[0], **more)
    if holder.version.strip() == aside:
        return rewritten(release, holder, version=(holder.version, ""), **more)
    return ()


def formats(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Carriers, files and videos."""
    release = delivery.release
    for holder in readable(release):
        for text in (holder.title, holder.version):
            if found := _FORMAT.search(fold(text)):
                whole = next((aside for aside in asides(holder) if fold(aside) == found[0]), None)
                patch = _left_out(release, holder, whole) if whole else ()
                # One word may be a word of the title: "(Ringtone)", "(MP3)".
                safe = len(found[0].split()) > 1
                yield _move(FORMAT_WORDS, holder, f"leave {written(found[0])} out", patch, safe)


def temporal(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """What is news today and untrue tomorrow; a song may well be called *Exclusive*."""
    release = delivery.release
    for holder in readable(release):
        whole = fold(holder.title)
        found = [hit[0] for text in (whole, fold(holder.version)) for hit in _TEMPORAL_ANYWHERE.finditer(text)]
        found += [aside for aside in map(fold, asides(holder)) if _TEMPORAL_ASIDE.fullmatch(aside)]
        if beside := next((words for words in found if words != whole), None):
            said = next((aside for aside in asides(holder) if fold(aside) == beside), None)
            patch = _left_out(release, holder, said) if said else ()
            yield _move(TEMPORAL, holder, f"leave {written(beside)} out", patch, safe=False)


def _move(code: Code, holder: Titled, fix: str, patch: Patch, safe: bool) -> Finding:
    """A finding about words that stand in the wrong field."""
    whole = f"{holder.title} / {holder.version}" if holder.version else holder.title
    return Finding(
        code,
        holder.subject,
        f"{quoted(whole)}: {code.rule[0].lower()}{code.rule[1:]}",
        measured=shown(whole),
        fix=f"{fix[0].upper()}{fix[1:]}.",
        patch=patch,
        safe=safe and bool(patch),
    )


def is_version(aside: str) -> bool:
    """Whether what is said beside a title speaks of the recording, its guests or its advisory."""
    said = fold(aside)
    patterns = (_REDUNDANT.fullmatch, _ADVISORY.fullmatch, _FORMAT.search, _GUESTS.match)
    return version_name(aside) is not VersionName.NONE or any(matches(said) for matches in patterns)


def _names(holder: Titled) -> set[str]:
    return {fold(artist.name) for artist in holder.display_artists}


def _without(title: str, found: re.Match[str]) -> str:
    return without_dangling(f"{title[: found.start()]} {title[found.end() :]}")


RULES = (featured, artist_dash_title, versions, advisory_words, formats, temporal)
