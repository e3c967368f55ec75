"""The title as it is written: there, readable, the same everywhere, and not a stopgap."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.json_patch import rewrite_fields_patch
from checks.model.release import Artist, Delivery, Track
from checks.rules.metadata.casing import suggest_title_case
from checks.rules.metadata.code_factories import blocking_code, warning_code
from checks.rules.metadata.text_normalisation import (
    LONGEST_TITLE,
    fold_text,
    is_blank,
    language_of,
    list_invisible_characters,
    list_readable_parts,
    list_titled_parts,
    make_printable,
    quote_text,
    suggest_visible_text,
    without_unseen,
    write_out_text,
)

EMPTY_OR_TOO_LONG = blocking_code(
    "title.empty_or_too_long",
    f"A title has at least one visible character and at most {LONGEST_TITLE}.",
    "DDEX (MetadataMissing); the length is our inference",
)
INVISIBLE_CHARACTERS = blocking_code(
    "title.invisible_characters",
    "A title holds no control, zero-width, direction-override or private-use characters.",
    "Unicode (UTS #39, UTR #36); partners' style guides",
)
SYMBOLS = warning_code(
    "title.emoji_symbols",
    "Emoji, decorative symbols and repeated punctuation in titles are changed or refused by some partners.",
    "partners' style guides",
)
DUPLICATE = blocking_code(
    "title.dup_in_release",
    "Two tracks of one artist on a release differ in title or version, unless one is the clean form of the other.",
    "Symphonic",
)
SINGLE_MISMATCH = blocking_code(
    "title.single_mismatch",
    "A release of one track has the same title, version and main artists as its track.",
    "Ingrooves; Symphonic",
)
CASING = warning_code(
    "title.casing_unusual",
    "A title is written with capitals as its language writes titles.",
    "Amuse; JTV Digital; FUGA",
)
GENERIC = warning_code("title.generic", "A title names the recording, not its number or kind.", "MusicTeam; Symphonic")

CODES = (EMPTY_OR_TOO_LONG, INVISIBLE_CHARACTERS, SYMBOLS, DUPLICATE, SINGLE_MISMATCH, CASING, GENERIC)

_SYMBOLS = re.compile(
    "[∞$_+=~^|<>{}\\\\�\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
    r"|([!?,;:*#&-])\1{2,}|\.{4,}"
)
_GENERIC = re.compile(
    r"(?:track|audio|beat|demo|recording|untitled|unknown|new (?:song|track|recording))\s*(?:no\.?\s*|#\s*)?[0-9]*"
    r"|instrumental|song title|title|test"
)


def check_title_lengths(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every title can be seen and delivered."""
    for holder in list_titled_parts(delivery.release):
        if is_blank(holder.title):
            yield Finding(EMPTY_OR_TOO_LONG, holder.subject, "The title is empty.", measured=0)
        for name, text in (("title", holder.title), ("version", holder.version)):
            if len(text) > LONGEST_TITLE:
                yield Finding(
                    EMPTY_OR_TOO_LONG,
                    holder.subject,
                    f"The {name} is {len(text)} characters long.",
                    measured=len(text),
                    threshold=LONGEST_TITLE,
                )


def check_title_characters(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """What cannot be seen is not in the title; what few partners print is pointed out."""
    release = delivery.release
    for holder in list_titled_parts(release):
        for name, text in (("title", holder.title), ("version", holder.version)):
            if found := list_invisible_characters(text):
                fix = suggest_visible_text(text)
                yield Finding(
                    INVISIBLE_CHARACTERS,
                    holder.subject,
                    f"The {name} {quote_text(text)} holds characters that cannot be seen: {', '.join(found[:5])}.",
                    measured=[*found[:20]],
                    fix=fix,
                    patch=rewrite_fields_patch(release, holder, **{name: (text, without_unseen(text))}) if fix else (),
                    safe=bool(fix),
                )
    for holder in list_readable_parts(delivery.release):
        symbols = [match[0] for text in (holder.title, holder.version) for match in _SYMBOLS.finditer(text)]
        if symbols:
            yield Finding(
                SYMBOLS,
                holder.subject,
                f"{quote_text(holder.title)} holds {' '.join(symbols[:5])}, which some partners do not print.",
                measured=[*symbols[:20]],
            )


def check_duplicate_titles(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """The same title and version stands twice only as an explicit recording and its clean form."""
    seen: dict[tuple[str, str, frozenset[str]], list[Track]] = {}
    for track in delivery.release.tracks:
        if is_blank(track.title):
            continue
        # Two artists may both sing "Silent Night" on one compilation: that is no duplicate.
        key = (fold_text(track.title), fold_text(track.version), frozenset(_main_names(track.display_artists)))
        earlier = seen.setdefault(key, [])
        twin = next((other for other in earlier if not _clean_pair(other, track)), None)
        if twin:
            yield Finding(
                DUPLICATE,
                track.subject,
                f"Track {twin.position} has the title {quote_text(track.title)} and the same version too.",
                measured=make_printable(track.title),
                evidence={"other": twin.subject},
                fix="Say in the version field what makes the recordings different, or deliver the recording once.",
            )
        earlier.append(track)


def _clean_pair(one: Track, other: Track) -> bool:
    return one.advisory != other.advisory and "clean" in (one.advisory, other.advisory)


def check_single_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A release of one track is called what its track is called."""
    release = delivery.release
    if len(release.tracks) != 1 or is_blank(release.title) or is_blank(release.tracks[0].title):
        return
    track = release.tracks[0]
    pairs = [
        ("title", _plain_title(release.title), _plain_title(track.title)),
        ("version", _plain_title(release.version), _plain_title(track.version)),
        ("main artists", *(", ".join(_main_names(level.display_artists)) for level in (release, track))),
    ]
    different = [(what, above, below) for what, above, below in pairs if above != below]
    if different:
        yield Finding(
            SINGLE_MISMATCH,
            release.subject,
            "The release has one track, but they differ in "
            + "; ".join(f"{what}: {quote_text(above)} and {quote_text(below)}" for what, above, below in different)
            + ".",
            measured=[what for what, _, _ in different],
            fix="Write the same on the release and on its track.",
        )


def _plain_title(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _main_names(artists: tuple[Artist, ...]) -> list[str]:
    return [_plain_title(artist.name) for artist in artists if artist.role == "main"]


def check_title_casing(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """All capitals and all small letters are usually an accident of typing."""
    release = delivery.release
    for holder in list_readable_parts(release):
        unusual, right = suggest_title_case(holder.title, language_of(release, holder))
        if unusual:
            yield Finding(
                CASING,
                holder.subject,
                f"{quote_text(holder.title)} is written in {unusual}.",
                measured=make_printable(holder.title),
                fix=f"If that is not the artist's own way, write {write_out_text(right)}." if right else None,
                # Not safe: *HUMBLE.* is meant so, and only the label can say.
                patch=rewrite_fields_patch(release, holder, title=(holder.title, right)) if right else (),
            )


def check_placeholder_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A stopgap is pointed out; *Untitled* may be the true title."""
    for holder in list_readable_parts(delivery.release):
        if _GENERIC.fullmatch(fold_text(holder.title)):
            yield Finding(
                GENERIC,
                holder.subject,
                f"{quote_text(holder.title)} reads like a stopgap.",
                measured=make_printable(holder.title),
                fix="Give the title that listeners shall see; leave it if this is the true one.",
            )


RULES = (
    check_title_lengths,
    check_title_characters,
    check_duplicate_titles,
    check_single_title,
    check_title_casing,
    check_placeholder_title,
)
