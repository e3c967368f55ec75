"""Matches with the blocklist: a number, a party, a file, or a recording however it is disguised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from checks.model import match_description
from checks.model.check import Context, Match
from checks.model.finding import JSON, Code, Finding, Route, Severity
from checks.model.release import AudioFacts, Delivery, Release, Track

BLOCKLISTED = Code(
    "id.blocklisted",
    "Nothing that was blocked comes in again without a person looking at it.",
    Severity.CRITICAL,
    Route.REVIEW,
    "sounds.co; takedowns of this gate's partners",
    private=True,  # a blocked party must not learn by what
)
CODES = (BLOCKLISTED,)

#: What can be blocked by its name alone, as moderators read it.
KINDS = {"isrc": "ISRC", "upc": "UPC", "party": "party", "file": "file"}


def find_blocked_names(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every number, party and file of the release that is on the list."""
    for kind, words in KINDS.items():
        places = _list_blockable_values(kind, delivery)
        listed = context.blocklist.listed(kind, sorted({value for _, value in places}))
        for subject, value in dict.fromkeys(places):
            if (reason := listed.get(value)) is not None:
                yield Finding(
                    BLOCKLISTED,
                    subject,
                    f"The {words} {value} is on the blocklist: {reason}",
                    measured=value,
                    evidence={"kind": kind, "reason": reason},
                )


def find_blocked_recordings(track: Track, facts: AudioFacts, matches: Sequence[Match]) -> Iterator[Finding]:
    """The recordings on the list that this one sounds like."""
    for match in matches:
        if match.blocked is not None:
            evidence: dict[str, JSON] = {
                "kind": "recording",
                "reason": match.blocked,
                "matches": [match_description.serialise_match(match)],
            }
            yield Finding(
                BLOCKLISTED,
                track.subject,
                f"{match_description.describe_match(match, facts.duration)} "
                f"That recording is on the blocklist: {match.blocked}",
                measured=round(match.score, 4),
                evidence=evidence,
            )


def canonical_block_value(kind: str, value: str) -> str:
    """A value as it is listed and looked for, however it was written."""
    text = value.strip()
    if kind == "upc":
        return re.sub(r"[\s-]", "", text).lstrip("0")  # the same number as UPC, EAN and GTIN
    if kind == "party":
        scheme, _, number = text.partition(":")
        return f"{scheme.strip().lower()}:{_canonical_number(number)}"
    return text.lower() if kind == "file" else _canonical_number(text)


def _canonical_number(text: str) -> str:
    return re.sub(r"[\s.-]", "", text).upper()


def _list_blockable_values(kind: str, delivery: Delivery) -> list[tuple[str, str]]:
    """(subject, canonical value) of everything of this kind that the release names."""
    release = delivery.release
    found: list[tuple[str, str | None]]
    match kind:
        case "isrc":
            found = [(track.subject, track.isrc) for track in release.tracks]
        case "upc":
            found = [(release.subject, release.upc)]
        case "party":
            found = list(_list_party_identifiers(release))
        case _:
            found = [(f"file:{name}", facts.sha256) for name, facts in delivery.facts.items()]
            found += [(f"file:{name}", facts.sha256) for name, facts in delivery.images.items()]
    return [(subject, canonical_block_value(kind, value)) for subject, value in found if value]


def _list_party_identifiers(release: Release) -> Iterator[tuple[str, str]]:
    """The identifiers of all named parties, as ``scheme:number``."""
    holders: list[Release | Track] = [release, *release.tracks]
    for holder in holders:
        for artist in holder.display_artists:
            if artist.isni:
                yield holder.subject, f"isni:{artist.isni}"
    for track in release.tracks:
        for contributor in track.contributors:
            if contributor.isni:
                yield track.subject, f"isni:{contributor.isni}"
            if contributor.ipi:
                yield track.subject, f"ipi:{contributor.ipi}"
