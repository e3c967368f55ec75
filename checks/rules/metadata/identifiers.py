"""The numbers by which recordings, releases, works and people are known: well formed, once each, and not made up."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from stdnum import ean, isni
from stdnum.iso7064 import mod_37_36

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.json_patch import build_json_pointer, replace_value_patch
from checks.model.release import Delivery, Release, Track
from checks.rules.metadata.code_factories import blocking_code, reviewing_code, warning_code
from checks.rules.metadata.isrc_prefixes import ISRC_PREFIXES
from checks.rules.metadata.text_normalisation import (
    Titled,
    is_blank,
    list_titled_parts,
    make_printable,
    quote_text,
    without_unseen,
)

ISRC_MISSING = blocking_code("isrc.missing", "Every track needs an ISRC.", "partners' delivery guides")
ISRC_MALFORMED = blocking_code(
    "isrc.malformed",
    "An ISRC is two letters, three letters or digits and seven digits: twelve characters without hyphens.",
    "IFPI ISRC handbook (ISO 3901)",
)
ISRC_DUPLICATE = blocking_code(
    "isrc.dup_in_release", "Two tracks of a release cannot have the same ISRC.", "IFPI ISRC handbook (ISO 3901)"
)
ISRC_YEAR_FUTURE = warning_code(
    "isrc.year_future",
    "The year in an ISRC should not lie more than a year ahead.",
    "our inference from the IFPI ISRC handbook",
)
ISRC_UNKNOWN_PREFIX = warning_code(
    "isrc.unknown_prefix",
    "An ISRC begins with a prefix that is given out to registrants.",
    "IFPI ISRC handbook (prefix allocation); ISO 3166-1",
)
ISRC_FOREIGN_REGISTRANT = replace(
    reviewing_code(
        "isrc.foreign_registrant",
        "Nobody assigns ISRCs under another label's registrant code.",
        "IFPI ISRC handbook (who assigns)",
    ),
    private=True,  # the holder of the code stays private
)
UPC_MISSING = blocking_code("upc.missing", "Every release needs a UPC or EAN.", "GS1; partners' delivery guides")
UPC_MALFORMED = blocking_code(
    "upc.malformed", "A UPC or EAN has 12, 13 or 14 digits, the last of which is a check digit.", "GS1"
)
UPC_PLACEHOLDER = blocking_code(
    "upc.placeholder",
    "A UPC must be a number issued for this release: not a filler, and not from the ranges kept for use inside shops.",
    "GS1 (restricted circulation numbers)",
)
UPC_REUSED = blocking_code(
    "upc.reused", "A UPC that another release was delivered under cannot be used again.", "Apple (a UPC is immutable)"
)
UPC_ELSEWHERE = replace(
    reviewing_code("upc.reused_elsewhere", "A UPC belongs to one release of one label.", "Apple (a UPC is immutable)"),
    private=True,  # what another label delivers stays private: the label is not told, a person looks
)
ISWC_MALFORMED = warning_code(
    "iswc.malformed", "An ISWC is the letter T, nine digits and a check digit.", "ISO 15707; django-music-publisher"
)
PARTY_ID_MALFORMED = warning_code(
    "party_id.malformed",
    "An IPI name number has eleven digits, an ISNI sixteen characters; both carry check digits.",
    "CISAC; ISO 27729; django-music-publisher",
)
DPID_MALFORMED = warning_code(
    "dpid.malformed",
    "A DDEX party id is PADPIDA, ten digits or letters and a check character.",
    "DDEX party identifier standard (ISO 7064 mod 37-36); django-music-publisher",
)

CODES = (
    ISRC_MISSING, ISRC_MALFORMED, ISRC_DUPLICATE, ISRC_YEAR_FUTURE, ISRC_UNKNOWN_PREFIX, ISRC_FOREIGN_REGISTRANT,
    UPC_MISSING, UPC_MALFORMED, UPC_PLACEHOLDER, UPC_REUSED, UPC_ELSEWHERE, ISWC_MALFORMED,
    PARTY_ID_MALFORMED, DPID_MALFORMED,
)  # fmt: skip

# `[0-9]`, never `\d`: digits of other scripts look right and are not.
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_UPC = re.compile(r"[0-9]{12,14}")
_ISWC = re.compile(r"T-?([0-9]{3})\.?([0-9]{3})\.?([0-9]{3})-?([0-9])")
_IPI = re.compile(r"[0-9]{9,11}")
_DPID = re.compile(r"PA-?DPIDA-?[0-9A-Z]{10}-?[0-9A-Z]")
_ISNI = re.compile(r"[0-9]{15}[0-9X]")
_SEPARATORS = re.compile(r"[\s.‐-―−-]+")

#: A label may number next year's recordings early; a reference year further ahead is a slip of the pen.
ISRC_YEARS_AHEAD = 1
#: Two digits name a year of a century; up to so many years ahead they are read as the future, beyond as the past:
#: old catalogues carry the year of the recording (GBAYE65… is from 1965).
ISRC_CENTURY_TURNS_AFTER = 13

#: So many live tracks of one other account make a registrant code that account's (our inference; fewer may be a guest
#: release or a slip of the pen).
REGISTRANT_TRACKS = 10

#: GS1 prefixes for numbers that mean something inside one shop or company only, in thirteen digits.
RESTRICTED_PREFIXES = ("02", "04", "2")


def check_isrcs(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Each track has its own well-formed ISRC."""
    first: dict[str, Track] = {}
    for track in delivery.release.tracks:
        if track.isrc is None or is_blank(track.isrc):
            yield Finding(ISRC_MISSING, track.subject, "This track has no ISRC.")
            continue
        mended = canonical_isrc(track.isrc)
        if not _ISRC.fullmatch(track.isrc):
            yield Finding(
                ISRC_MALFORMED,
                track.subject,
                f"{quote_text(track.isrc)} is not a well-formed ISRC.",
                measured=make_printable(track.isrc),
                **_written_as(
                    delivery.release, track, ("isrc",), track.isrc, mended if _ISRC.fullmatch(mended) else None
                ),
            )
        if mended and (other := first.get(mended)):
            yield Finding(
                ISRC_DUPLICATE,
                track.subject,
                f"Track {other.position} has the ISRC {make_printable(mended)} too.",
                measured=make_printable(mended),
                evidence={"other": other.subject},
            )
        first.setdefault(mended, track)
        if _ISRC.fullmatch(mended):
            yield from _isrc_year(track, mended, delivery.received)
            yield from _isrc_prefix(track, mended)


def _written_as(release: Release, holder: Titled, way: tuple[str | int, ...], now: str, right: str | None) -> Any:
    """The right form of an identifier as a finding says it: in words and as a patch, where it is known."""
    if right is None or right == now:
        return {}
    return {
        "fix": f"Write {right}.",
        "patch": replace_value_patch(build_json_pointer(release, holder, *way), now, right),
        "safe": True,
    }


def _isrc_prefix(track: Track, isrc: str) -> Iterator[Finding]:
    if isrc[:2] not in ISRC_PREFIXES:
        yield Finding(
            ISRC_UNKNOWN_PREFIX,
            track.subject,
            f"No registrant has ISRCs that begin with {isrc[:2]}, as {isrc} does.",
            measured=isrc[:2],
            fix="Compare it with the original.",
        )


def check_isrc_registrants(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A registrant code that one other label uses, and this one never has."""
    by_prefix: dict[str, Track] = {}
    for track in delivery.release.tracks:
        isrc = canonical_isrc(track.isrc or "")
        if _ISRC.fullmatch(isrc):
            by_prefix.setdefault(isrc[:5], track)
    for prefix, track in by_prefix.items():
        use = context.history.registrant(prefix)
        # A code that several accounts use belongs to a distributor or a national agency, and says nothing.
        if use.own == 0 and use.accounts == 1 and use.elsewhere >= REGISTRANT_TRACKS:
            yield Finding(
                ISRC_FOREIGN_REGISTRANT,
                track.subject,
                f"One other account has {use.elsewhere} live tracks under the registrant {prefix}, and this one none.",
                measured=use.elsewhere,
                threshold=REGISTRANT_TRACKS,
                evidence={"registrant": prefix},
            )


def canonical_isrc(isrc: str) -> str:
    """The twelve characters that were meant: narrow, upper case, without separators or the word ISRC before them."""
    return _normalise_number(isrc).upper().removeprefix("ISRC").removeprefix(":")


def _normalise_number(number: str) -> str:
    """A number in narrow digits, without separators and without what cannot be seen."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", without_unseen(number)))


def _isrc_year(track: Track, isrc: str, received: dt.date) -> Iterator[Finding]:
    ahead = (int(isrc[5:7]) - received.year) % 100
    if ISRC_YEARS_AHEAD < ahead <= ISRC_CENTURY_TURNS_AFTER:
        yield Finding(
            ISRC_YEAR_FUTURE,
            track.subject,
            f"The year in the ISRC {isrc} is {received.year + ahead}.",
            measured=received.year + ahead,
            threshold=received.year + ISRC_YEARS_AHEAD,
        )


def check_upc(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """The release has a UPC that was issued for it alone."""
    release = delivery.release
    upc = release.upc
    if upc is None or is_blank(upc):
        yield Finding(UPC_MISSING, release.subject, "This release has no UPC or EAN.")
    elif not (_UPC.fullmatch(upc) and ean.is_valid(upc)):
        yield Finding(
            UPC_MALFORMED,
            release.subject,
            f"{quote_text(upc)} is not a well-formed UPC or EAN.",
            measured=make_printable(upc),
            **(_upc_as_meant(release, upc) or {"fix": _mended_upc(upc)}),
        )
    elif reason := _why_made_up(upc):
        yield Finding(UPC_PLACEHOLDER, release.subject, f"{upc} {reason}.", measured=upc)
    elif context.history.upc_seen(list_upc_spellings(upc), release.title):
        yield Finding(
            UPC_REUSED,
            release.subject,
            f"You have already delivered another release under the UPC {upc}.",
            measured=upc,
            fix="If this is a correction of that release, deliver it as a submission that supersedes it.",
        )
    elif context.history.upc_elsewhere(list_upc_spellings(upc)):
        yield Finding(
            UPC_ELSEWHERE,
            release.subject,
            f"Another account has a live release under the UPC {upc}.",
            measured=upc,
        )


def list_upc_spellings(upc: str) -> tuple[str, ...]:
    """The same number in 12, 13 and 14 digits, as far as leading zeros allow; ``upc`` itself among them."""
    shortest = upc.lstrip("0").rjust(12, "0")
    return tuple(shortest.rjust(length, "0") for length in range(len(shortest), 15))


def _upc_as_meant(release: Release, upc: str) -> Any:
    plain = _normalise_number(upc)
    return _written_as(
        release, release, ("upc",), upc, plain if _UPC.fullmatch(plain) and ean.is_valid(plain) else None
    )


def _mended_upc(upc: str) -> str | None:
    """What can be said where the number itself is not certain."""
    plain = _normalise_number(upc)
    if not re.fullmatch(r"[0-9]{11,14}", plain):
        return None
    if len(plain) == 11:
        return f"Its check digit seems to be missing: {plain}{ean.calc_check_digit(plain)}."
    return f"Compare it with the original; if all else is right, the last digit is {ean.calc_check_digit(plain[:-1])}."


def _why_made_up(upc: str) -> str | None:
    """Why a number with a right check digit was never issued, or None."""
    digits = upc.rjust(14, "0")[1:]
    body = upc[:-1]
    if len(set(body)) == 1:
        return "repeats one digit"
    if body in "01234567890123456789" or body in "98765432109876543210":
        return "only counts"
    if digits.startswith(RESTRICTED_PREFIXES):
        return "is from a range kept for use inside shops"
    return None


def check_iswcs(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every ISWC has the right form and check digit."""
    for track in delivery.release.tracks:
        ways: dict[str | None, tuple[str | int, ...]] = {track.iswc: ("iswc",)}
        for number, relation in enumerate(track.relations):
            ways.setdefault(relation.iswc, ("relations", number, "iswc"))
        for iswc, way in ways.items():
            if iswc and not iswc_is_valid(iswc):
                yield Finding(
                    ISWC_MALFORMED,
                    track.subject,
                    f"{quote_text(iswc)} is not a well-formed ISWC.",
                    measured=make_printable(iswc),
                    **_written_as(delivery.release, track, way, iswc, _mended_iswc(iswc)),
                )


def iswc_is_valid(iswc: str) -> bool:
    """Whether form and check digit are right, with or without the usual punctuation (ISO 15707)."""
    parts = _ISWC.fullmatch(iswc)
    if not parts:
        return False
    digits = [int(digit) for digit in "".join(parts.groups())]
    # The letter T counts 1; the digits count by their place; the check digit completes the sum to a multiple of 10.
    return (1 + sum(place * digit for place, digit in enumerate(digits[:9], 1)) + digits[9]) % 10 == 0


def _mended_iswc(iswc: str) -> str | None:
    plain = _normalise_number(iswc).upper()
    return plain if iswc_is_valid(plain) else None


def party_ids(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every ISNI and IPI has the right form and check digits."""
    release = delivery.release
    for holder in list_titled_parts(release):
        seen: set[tuple[str, str, str]] = set()
        for way, kind, number, name in _party_ids(holder):
            right = isni_is_valid if kind == "ISNI" else ipi_is_valid
            if right(number) or (kind, number, name) in seen:
                continue
            seen.add((kind, number, name))
            plain = _normalise_number(number).upper()
            yield Finding(
                PARTY_ID_MALFORMED,
                holder.subject,
                f"{quote_text(number)} of {quote_text(name)} is not a well-formed {kind}.",
                measured=make_printable(number),
                **_written_as(release, holder, way, number, plain if right(plain) else None),
            )


def _party_ids(holder: Titled) -> Iterator[tuple[tuple[str | int, ...], str, str, str]]:
    """Where each number stands, of which kind it is, the number, and its holder."""
    for index, artist in enumerate(holder.display_artists):
        if artist.isni:
            yield ("display_artists", index, "isni"), "ISNI", artist.isni, artist.name
    for index, contributor in enumerate(holder.contributors if isinstance(holder, Track) else ()):
        if contributor.isni:
            yield ("contributors", index, "isni"), "ISNI", contributor.isni, contributor.name
        if contributor.ipi:
            yield ("contributors", index, "ipi"), "IPI", contributor.ipi, contributor.name


def check_sender_dpid(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """The DDEX party id of the sender, where it is given."""
    release = delivery.release
    if release.label_dpid and not dpid_is_valid(release.label_dpid):
        plain = _normalise_number(release.label_dpid).upper()
        yield Finding(
            DPID_MALFORMED,
            release.subject,
            f"{quote_text(release.label_dpid)} is not a well-formed DDEX party id.",
            measured=make_printable(release.label_dpid),
            **_written_as(
                release, release, ("label_dpid",), release.label_dpid, plain if dpid_is_valid(plain) else None
            ),
        )


def dpid_is_valid(dpid: str) -> bool:
    """Whether a DDEX party id, hyphens optional, carries the right check character (ISO 7064 mod 37-36)."""
    return bool(_DPID.fullmatch(dpid)) and bool(mod_37_36.is_valid(dpid.replace("-", "")))


def isni_is_valid(number: str) -> bool:
    """Whether sixteen characters, spaced or not, carry a right check character (ISO 7064 mod 11-2)."""
    plain = number.replace(" ", "")
    return bool(_ISNI.fullmatch(plain)) and bool(isni.is_valid(plain))


def ipi_is_valid(number: str) -> bool:
    """Whether an IPI name number, leading zeros optional, carries the right two check digits (CISAC, mod 101)."""
    if not _IPI.fullmatch(number):
        return False
    digits = number.rjust(11, "0")
    rest = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits[:9], strict=True)) % 101
    return int(digits[9:]) == (101 - rest) % 101 % 100


RULES = (check_isrcs, check_isrc_registrants, check_upc, check_iswcs, party_ids, check_sender_dpid)
