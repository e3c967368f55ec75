"""What is sung and said: languages that exist, words only where there is a voice, and warnings for strong ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import langcodes

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.json_patch import build_json_pointer, replace_value_patch, rewrite_fields_patch
from checks.model.release import Delivery, Release, Track
from checks.rules.metadata.code_factories import blocking_code, warning_code
from checks.rules.metadata.credits import LYRICISTS, is_sung_without_words, list_contributors_in_roles
from checks.rules.metadata.text_normalisation import (
    Titled,
    fold_text,
    is_blank,
    list_readable_parts,
    list_title_asides,
    list_titled_parts,
    make_printable,
    quote_text,
)
from checks.rules.metadata.title_style import list_text_scripts

UNKNOWN_CODE = blocking_code(
    "language.unknown_code",
    "A language is given as a BCP 47 code, such as en, pt-BR, zxx (no words) or mul (several).",
    "DDEX; RBS (ISO 639)",
)
MISSING = warning_code("language.missing", "A track says in which language it is sung.", "Apple; Spotify")
INSTRUMENTAL_MISMATCH = blocking_code(
    "language.instrumental_mismatch",
    "An instrumental has no language (zxx), no lyrics and no lyricist; words have a language.",
    "Music Gateway; ministrymusics",
)
ADVISORY_UNKNOWN = blocking_code("advisory.unknown", "Every track is explicit, not_explicit or clean.", "FUGA; RBS")
ADVISORY_MISMATCH = warning_code(
    "advisory.mismatch",
    "Strong language makes a track explicit, an explicit track its release; what is clean has an explicit form.",
    "FUGA; RBS",
)
SCRIPT_MISMATCH = warning_code(
    "language.script_mismatch", "A title is written in the letters of its language, or in Latin ones.", "DDEX; RBS"
)

CODES = (UNKNOWN_CODE, SCRIPT_MISMATCH, MISSING, INSTRUMENTAL_MISMATCH, ADVISORY_UNKNOWN, ADVISORY_MISMATCH)

#: The letters of a script (ISO 15924) as their Unicode names begin.
_SCRIPTS = {
    "Latn": frozenset({"LATIN"}),
    "Cyrl": frozenset({"CYRILLIC"}),
    "Grek": frozenset({"GREEK"}),
    "Arab": frozenset({"ARABIC"}),
    "Hebr": frozenset({"HEBREW"}),
    "Deva": frozenset({"DEVANAGARI"}),
    "Thai": frozenset({"THAI"}),
    "Jpan": frozenset({"CJK"}),
    "Hans": frozenset({"CJK"}),
    "Hant": frozenset({"CJK", "BOPOMOFO"}),
    "Kore": frozenset({"HANGUL", "CJK"}),
}
_PUNCTUATION = re.compile(r"[\W_]+")

ADVISORIES = ("explicit", "not_explicit", "clean")
NO_WORDS = "zxx"

#: The longest tag that is looked up: BCP 47 asks readers for 35 characters at least, and no language needs more.
LONGEST_TAG = 35

# English only, and only words that every partner takes for explicit: a warning, which the label may well know better.
_STRONG = re.compile(
    r"\b(?:mother)?fuck\w*|\b(?:bull|horse)?shit(?:s|ty|ting|ted)?\b|\bcunts?\b|\bnigg(?:a|er)[sz]?\b|\bbitch(?:es)?\b"
    r"|\bpuss(?:y|ies)\b|\bass ?holes?\b|\bcocksuckers?\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def is_language(tag: str) -> bool:
    """Whether BCP 47 knows the tag."""
    return len(tag) <= LONGEST_TAG and tag.isascii() and tag == tag.strip() and bool(langcodes.tag_is_valid(tag))


def check_language_codes(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Languages that exist."""
    release = delivery.release
    for holder in list_titled_parts(release):
        if holder.language and not is_language(holder.language):
            right = _language_code(holder.language)
            at = build_json_pointer(release, holder, "language")
            yield Finding(
                UNKNOWN_CODE,
                holder.subject,
                f"{quote_text(holder.language)} is not the code of a language.",
                measured=make_printable(holder.language),
                fix=f"Write {right}." if right else None,
                patch=replace_value_patch(at, holder.language, right) if right else (),
                safe=bool(right),
            )
        elif not holder.language and isinstance(holder, Track) and holder.vocals != "instrumental":
            yield Finding(MISSING, holder.subject, "This track has no language.", fix="Add the language of the words.")


@lru_cache(maxsize=1024)
def _language_code(tag: str) -> str | None:
    """The code that a slip in case, width or spacing hides."""
    plain = fold_text(tag).replace(" ", "-").replace("_", "-")
    return langcodes.standardize_tag(plain) if is_language(plain) else None


def check_instrumental_words(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Without a singer there are no words; where there are words there is a language."""
    for track in delivery.release.tracks:
        told = [name for name, present in _list_signs_of_words(track) if present]
        if track.vocals == "instrumental" and told:
            yield Finding(
                INSTRUMENTAL_MISMATCH,
                track.subject,
                f"The track is called instrumental, but has {' and '.join(told)}.",
                measured=[*told],
                fix="Set the language to zxx and leave lyrics and lyricist out, or say that the track has vocals.",
            )
        elif track.vocals in ("vocal", "spoken") and track.language == NO_WORDS and not is_sung_without_words(track):
            yield Finding(
                INSTRUMENTAL_MISMATCH,
                track.subject,
                f"The track has {track.vocals} parts with words, but its language says that there are none (zxx).",
                measured=NO_WORDS,
                fix="Give the language of the words, or say that the track is instrumental.",
            )


def _list_signs_of_words(track: Track) -> tuple[tuple[str, bool], ...]:
    """What speaks for words in an instrumental. An instrumental *version* of a song may name the song's lyricist."""
    of_a_song = bool(track.relations) or any(
        word in fold_text(aside) for aside in list_title_asides(track) for word in ("instrumental", "karaoke")
    )
    return (
        ("a language", bool(track.language) and track.language != NO_WORDS),
        ("lyrics", not is_blank(track.lyrics)),
        ("a lyricist", bool(list_contributors_in_roles(track, _LYRICISTS_ONLY)) and not of_a_song),
    )


#: "Writer" and "songwriter" say nothing about words.
_LYRICISTS_ONLY = LYRICISTS - {"songwriter", "writer", "author", "composerlyricist"}


def check_advisories(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every track says whether it is explicit, and the release agrees with its tracks."""
    release = delivery.release
    for track in release.tracks:
        if track.advisory not in ADVISORIES:
            given = (
                f"{quote_text(track.advisory)} is not an advisory." if track.advisory else "The advisory is missing."
            )
            yield Finding(
                ADVISORY_UNKNOWN,
                track.subject,
                given,
                measured=make_printable(track.advisory or ""),
                **_build_advisory_patch(release, track),
            )
        elif track.advisory != "explicit" and (word := _STRONG.search(track.lyrics or "")):
            yield Finding(
                ADVISORY_MISMATCH,
                track.subject,
                f"The lyrics hold {quote_text(word[0])}, but the track is {track.advisory}.",
                measured=track.advisory,
                fix="Set the advisory to explicit, or deliver the lyrics as they are sung.",
            )
        elif track.advisory == "clean" and release.advisory != "clean" and not _explicit_twin(release, track):
            yield Finding(
                ADVISORY_MISMATCH,
                track.subject,
                "The track is clean, so something was cut out; its explicit form is not on this release.",
                measured=track.advisory,
                fix="If nothing was cut out, set it to not_explicit; if the whole release is clean, say so of it.",
            )
    if release.advisory is not None and release.advisory not in ADVISORIES:
        yield Finding(
            ADVISORY_UNKNOWN,
            release.subject,
            f"{quote_text(release.advisory)} is not an advisory.",
            measured=make_printable(release.advisory),
            **_build_advisory_patch(release, release),
        )
    elif release.advisory in ("not_explicit", "clean") and any(t.advisory == "explicit" for t in release.tracks):
        yield Finding(
            ADVISORY_MISMATCH,
            release.subject,
            f"The release is {release.advisory}, but a track is explicit.",
            measured=release.advisory,
            fix="Set the advisory of the release to explicit.",
            patch=rewrite_fields_patch(release, release, advisory=(release.advisory, "explicit")),
            safe=True,
        )


def _explicit_twin(release: Release, track: Track) -> bool:
    """Whether the recording of which this is the clean form is here. Its version may differ: *Clean*, *Radio Edit*."""
    title = fold_text(track.title)
    return any(other.advisory == "explicit" and fold_text(other.title) == title for other in release.tracks)


def _build_advisory_patch(release: Release, holder: Titled) -> Any:
    """The fix where only case or spacing is wrong."""
    right = _PUNCTUATION.sub("_", fold_text(holder.advisory or ""))
    if right not in ADVISORIES:
        return {}
    patch = rewrite_fields_patch(release, holder, advisory=(holder.advisory, right))
    return {"fix": f"Write {right}.", "patch": patch, "safe": True}


def check_title_alphabet(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Latin letters write every language down; other alphabets only their own."""
    for holder in list_readable_parts(delivery.release):
        if not holder.language or not is_language(holder.language):
            continue
        own, found = _find_language_scripts(holder.language), list_text_scripts(holder.title)
        if own and found and found.isdisjoint(own | {"LATIN"}):
            yield Finding(
                SCRIPT_MISMATCH,
                holder.subject,
                f"{quote_text(holder.title)} is not written in the letters of its language, "
                f"{make_printable(holder.language)}.",
                measured=[*sorted(found)[:20]],
                threshold=[*sorted(own)],
                fix="Give the language of the title, or the title in its language.",
            )


@lru_cache(maxsize=1024)
def _find_language_scripts(tag: str) -> frozenset[str]:
    """The scripts of a language, as Unicode names begin; empty where they are not known here."""
    return _SCRIPTS.get(langcodes.get(tag).maximize().script or "", frozenset())


RULES = (check_language_codes, check_title_alphabet, check_instrumental_words, check_advisories)
