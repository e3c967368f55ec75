"""Which words beside a title name a version of the recording, and which only contain such a word.

The vocabulary (``checks/data/version_names.toml``) is closed: a phrase is a version where all of it is, so that *Alive
(Live in the Moment)* and *Shake (Mix It Up)* stay titles.
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from checks.rules.metadata.text_normalisation import fold_text


class VersionName(enum.Enum):
    """How surely a phrase names a version."""

    USUAL = "usual"  # made of the vocabulary alone: moving it to the version field changes nothing that is meant
    NAMED = "named"  # holds a name or a place beside it: only the label knows
    NONE = "none"


def version_name(phrase: str) -> VersionName:
    """Whether the phrase that stands beside a title names a version."""
    said = " ".join(_JOINTS.sub(" ", _INCHES.sub("''", fold_text(phrase))).split())
    if _USUAL.fullmatch(said):
        return VersionName.USUAL
    if place := _LIVE_AT.fullmatch(said):
        if _VENUE.search(place["where"]):
            return VersionName.USUAL
        return VersionName.NONE if _NO_PLACE.match(place["where"]) else VersionName.NAMED
    if (named := _SOMEBODYS.fullmatch(said)) and not _SENTENCE.search(named["who"]):
        return VersionName.NAMED
    return VersionName.NONE


def _any_of(phrases: Iterable[str]) -> str:
    """A pattern of whole phrases, the longest first."""
    return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))


_DATA = tomllib.loads((Path(__file__).parents[2] / "data" / "version_names.toml").read_text(encoding="utf-8"))
_VENUES, _ALONE = _any_of(_DATA["venues"]), _any_of(_DATA["kinds"])
_KINDS = _any_of([*_DATA["kinds"], *_DATA["qualified_kinds"]])
_WORDS = _any_of([*_DATA["kinds"], *_DATA["qualified_kinds"], *_DATA["qualifiers"]])

_JOINTS = re.compile(r"[-‐‑–—./+&,]| and | n ")
_INCHES = re.compile(r"(?<=[0-9])\s*(?:\"|”|″)|''")
_YEAR = r"(?:'[0-9]{2}|’[0-9]{2}|(?:19|20)[0-9]{2})"
_NUMBER = r"(?:[0-9]{1,3}(?: ?bpm| ?hz)?|[0-9]{1,3}(?:st|nd|rd|th) anniversary|[ivx]{1,4})"
_PART = rf"(?:{_WORDS}|{_YEAR}|{_NUMBER})(?![\w'’])"
#: Only such parts, at least one of them a kind.
_USUAL = re.compile(rf"(?:the )?(?:{_ALONE}|(?=(?:.* )?(?:{_KINDS})(?![\w'’])){_PART}(?: {_PART})+)")

_LIVE_AT = re.compile(r"(?:recorded )?live (?:at|in|from|on) (?P<where>.+)")
_VENUE = re.compile(rf"\b(?:{_VENUES}|{_YEAR})\b")
#: *Live in the Moment*, *Live for My Love*: after these a feeling follows oftener than a place.
_NO_PLACE = re.compile(
    r"(?:the|a|an|my|your|our|his|her|their|this|that|it|me|you|us|no|every|love|peace|fear|harmony|color|colour|last)\b"
)
#: *MK Remix*, *Taylor's Version*: a name, then the kind.
_SOMEBODYS = re.compile(
    rf"(?P<who>.{{1,80}}?) (?:re mix|remix|rmx|mix|edit|rework|refix|bootleg|version|flip|dub|vip)(?: {_YEAR})?"
)
#: A phrase with one of these is a sentence and no name: *Lost in the Mix*, *Don't Edit*, *My Version*.
_SENTENCE = re.compile(
    r"\b(?:the|a|an|my|your|our|his|her|their|its|this|that|in|into|of|for|from|to|at|don't|do|is|are|was|be|i'm|i|you|we"
    r"|no|not|never|every|any|some|best|just)\b"
)
