"""What stands in a title and has a field of its own: artists, versions, advisories, formats, the news of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.model.check import Context
from checks.model.finding import JSON, Code, Finding
from checks.model.json_patch import Patch, append_entry_patch, build_json_pointer, rewrite_fields_patch
from checks.model.release import Delivery, Release
from checks.rules.metadata.code_factories import warning_code
from checks.rules.metadata.guest_artists import find_guest
from checks.rules.metadata.text_normalisation import (
    Titled,
    fold_text,
    is_blank,
    list_readable_parts,
    list_title_asides,
    make_printable,
    quote_text,
    split_aside,
    without_dangling,
    write_out_text,
)
from checks.rules.metadata.version_names import VersionName, version_name

FEAT_IN_TITLE = warning_code(
    "title.feat_in_title",
    "Featured artists are named in their role, not in the title; each partner shows them its own way.",
    "Apple Music style guide 2.13; Spotify",
)
FEAT_SPELLING = warning_code(
    "title.feat_spelling",
    "Where a title does name a featured artist, it says “(feat. Name)” in small letters and brackets.",
    "Apple Music style guide 2.13",
)
ARTIST_DASH_TITLE = warning_code(
    "title.artist_dash_title", "A title does not begin with the name of its artist and a dash.", "RBS"
)
VERSION_IN_TITLE = warning_code(
    "title.version_in_title", "Live, remix, radio edit and the like stand in the version field.", "Symphonic"
)
VERSION_REDUNDANT = warning_code(
    "title.version_redundant",
    "The usual version of a recording needs no version name such as Original Mix or Album Version.",
    "Symphonic; MusicTeam; DMB",
)
CLEAN_EXPLICIT_WORD = warning_code(
    "title.clean_explicit_word", "Clean and explicit are said by the advisory, not in words.", "MusicTeam; RBS"
)
FORMAT_WORDS = warning_code("title.format_words", "A title does not speak of carriers, files or videos.", "MusicTeam")
TEMPORAL = warning_code(
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


def check_featured_in_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Guests named in a title."""
    release = delivery.release
    for holder in list_readable_parts(release):
        if guest := find_guest(holder.title):
            yield _report_wrong_field(
                FEAT_IN_TITLE,
                holder,
                f"credit {write_out_text(guest.name)} as featured and write the title {write_out_text(guest.title)}",
                _build_guest_patch(release, holder, guest.title, guest.name),
                safe=guest.is_certain,
            )
            if not guest.is_well_spelt:
                yield Finding(
                    FEAT_SPELLING,
                    holder.subject,
                    f"{quote_text(holder.title)} spells the guest's part in an unusual way.",
                    measured=make_printable(guest.mention),
                    fix=f"If it must stay in the title, write {write_out_text(f'{guest.title} (feat. {guest.name})')}.",
                )
        elif (found := _WITH.search(holder.title)) and fold_text(found["who"]) in _list_artist_names(holder):
            base = _remove_from_title(holder.title, found)
            yield _report_wrong_field(
                FEAT_IN_TITLE,
                holder,
                f"keep {write_out_text(found['who'])} as artist and write {write_out_text(base)}",
                _build_title_patch(release, holder, base),
                safe=True,
            )


def _build_guest_patch(release: Release, holder: Titled, base: str, who: str) -> Patch:
    """The guest out of the title and among the artists, unless already there."""
    out = _build_title_patch(release, holder, base)
    if not out or fold_text(who) in _list_artist_names(holder):
        return out
    if len(holder.display_artists) >= MOST_ARTISTS:
        return ()
    guest: dict[str, JSON] = {"name": who, "role": "featured"}
    return (
        *out,
        *append_entry_patch(build_json_pointer(release, holder, "display_artists"), holder.display_artists, guest),
    )


def _build_title_patch(release: Release, holder: Titled, title: str, **more: tuple[JSON, JSON]) -> Patch:
    """Another title; none where nothing of it would remain."""
    return () if is_blank(title) else rewrite_fields_patch(release, holder, title=(holder.title, title), **more)


def artist_dash_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """*Artist – Title* in the title field."""
    release = delivery.release
    for holder in list_readable_parts(release):
        first, *rest = _DASH.split(holder.title.strip(), maxsplit=1)
        if rest and fold_text(first) in _list_artist_names(holder):
            patch = _build_title_patch(release, holder, rest[0])
            # "Berlin - Live" by Berlin is a title and its version.
            safe = not is_version(rest[0])
            yield _report_wrong_field(
                ARTIST_DASH_TITLE, holder, f"write the title {write_out_text(rest[0])}", patch, safe
            )


def check_version_in_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Versions in the title, and versions that say nothing."""
    release = delivery.release
    for holder in list_readable_parts(release):
        if _REDUNDANT.fullmatch(fold_text(holder.version)):
            yield Finding(
                VERSION_REDUNDANT,
                holder.subject,
                f"The version {quote_text(holder.version)} says nothing.",
                measured=make_printable(holder.version),
                fix="Leave the version empty.",
                patch=rewrite_fields_patch(release, holder, version=(holder.version, "")),
                safe=True,
            )
        if (parts := split_aside(holder.title)) is None:
            continue
        base, aside = parts
        named = version_name(aside)
        if redundant := _REDUNDANT.fullmatch(fold_text(aside)):
            fix = f"write the title {write_out_text(base)} and leave the version empty"
            # "(Original Mix)" can only be the version; "(Regular)" and "(Full)" may be words of the title.
            patch = _build_title_patch(release, holder, base)
            yield _report_wrong_field(VERSION_REDUNDANT, holder, fix, patch, safe=redundant["kind"] is not None)
        elif named is not VersionName.NONE and not _ADVISORY.fullmatch(fold_text(aside)):
            fix = f"write the title {write_out_text(base)} and the version {write_out_text(aside)}"
            # Two versions at once are the label's to put in order.
            free = is_blank(holder.version) or fold_text(holder.version) == fold_text(aside)
            patch = _build_title_patch(release, holder, base, version=(holder.version, aside)) if free else ()
            yield _report_wrong_field(VERSION_IN_TITLE, holder, fix, patch, safe=named is VersionName.USUAL)


def advisory_words(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """(Clean) and (Explicit); a song may well be called *Clean*."""
    release = delivery.release
    for holder in list_readable_parts(release):
        for aside in list_title_asides(holder):
            if said := _ADVISORY.fullmatch(fold_text(aside)):
                value = "clean" if said["what"] in ("clean", "censored") else "explicit"
                yield _report_wrong_field(
                    CLEAN_EXPLICIT_WORD,
                    holder,
                    f"leave {write_out_text(aside)} out and set the advisory to {value}",
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
        return _build_title_patch(release, holder, parts[0], **more)
    if holder.version.strip() == aside:
        return rewrite_fields_patch(release, holder, version=(holder.version, ""), **more)
    return ()


def check_format_in_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Carriers, files and videos."""
    release = delivery.release
    for holder in list_readable_parts(release):
        for text in (holder.title, holder.version):
            if found := _FORMAT.search(fold_text(text)):
                whole = next((aside for aside in list_title_asides(holder) if fold_text(aside) == found[0]), None)
                patch = _left_out(release, holder, whole) if whole else ()
                # One word may be a word of the title: "(Ringtone)", "(MP3)".
                safe = len(found[0].split()) > 1
                yield _report_wrong_field(FORMAT_WORDS, holder, f"leave {write_out_text(found[0])} out", patch, safe)


def check_temporal_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """What is news today and untrue tomorrow; a song may well be called *Exclusive*."""
    release = delivery.release
    for holder in list_readable_parts(release):
        whole = fold_text(holder.title)
        found = [hit[0] for text in (whole, fold_text(holder.version)) for hit in _TEMPORAL_ANYWHERE.finditer(text)]
        found += [aside for aside in map(fold_text, list_title_asides(holder)) if _TEMPORAL_ASIDE.fullmatch(aside)]
        if beside := next((words for words in found if words != whole), None):
            said = next((aside for aside in list_title_asides(holder) if fold_text(aside) == beside), None)
            patch = _left_out(release, holder, said) if said else ()
            yield _report_wrong_field(TEMPORAL, holder, f"leave {write_out_text(beside)} out", patch, safe=False)


def _report_wrong_field(code: Code, holder: Titled, fix: str, patch: Patch, safe: bool) -> Finding:
    """A finding about words that stand in the wrong field."""
    whole = f"{holder.title} / {holder.version}" if holder.version else holder.title
    return Finding(
        code,
        holder.subject,
        f"{quote_text(whole)}: {code.rule[0].lower()}{code.rule[1:]}",
        measured=make_printable(whole),
        fix=f"{fix[0].upper()}{fix[1:]}.",
        patch=patch,
        safe=safe and bool(patch),
    )


def is_version(aside: str) -> bool:
    """Whether what is said beside a title speaks of the recording, its guests or its advisory."""
    said = fold_text(aside)
    patterns = (_REDUNDANT.fullmatch, _ADVISORY.fullmatch, _FORMAT.search, _GUESTS.match)
    return version_name(aside) is not VersionName.NONE or any(matches(said) for matches in patterns)


def _list_artist_names(holder: Titled) -> set[str]:
    return {fold_text(artist.name) for artist in holder.display_artists}


def _remove_from_title(title: str, found: re.Match[str]) -> str:
    return without_dangling(f"{title[: found.start()]} {title[found.end() :]}")


RULES = (
    check_featured_in_title,
    artist_dash_title,
    check_version_in_title,
    advisory_words,
    check_format_in_title,
    check_temporal_title,
)
