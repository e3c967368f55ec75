"""Who owns it and who allowed it: the ℗ and © lines, the shares, and the papers for other people's music."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from checks.model.check import Context
from checks.model.finding import Basis, Code, Finding, Label, Route, Severity
from checks.model.json_patch import Patch, replace_value_patch
from checks.model.recording_ownership import is_own_original
from checks.model.release import Delivery, Element, Imitates, Level, Release, RightsLine, Share, Track
from checks.rules.metadata.code_factories import blocking_code, reviewing_code, warning_code
from checks.rules.metadata.dates import EARLIEST_YEAR
from checks.rules.metadata.text_normalisation import (
    LONGEST_TITLE,
    fold_text,
    is_blank,
    make_printable,
    quote_text,
    write_out_text,
)

P_LINE = blocking_code(
    "rights.pline",
    "The ℗ line names an owner and a year that is not later than the release.",
    "interfine; emubands; SoundCloud",
)
C_LINE = blocking_code(
    "rights.cline", "The © line names an owner and a year that is not later than the release.", "emubands"
)
SUM_NOT_100 = blocking_code(
    "split.sum_not_100",
    "The shares of the master, and those of the composition, add up to 100.00 %.",
    "DDEX (RightSharePercentage)",
)
INVALID_SHARE = blocking_code(
    "split.invalid_share",
    "A share is above 0 and at most 100 %, and each party has one share of each right.",
    "our inference",
)
COVER_LICENCE = reviewing_code(
    "rights.cover_licence",
    "A cover brings its mechanical licence, or a statement where the law grants one.",
    "lacupula; DistroKid",
)
CLEARANCE_MISSING = reviewing_code(
    "rights.clearance_document_missing",
    "A remix, or a track with samples, brings the document that allows it, unless the account owns the original.",
    "CD Baby; SoundCloud",
)
LINE_FORM = warning_code(
    "rights.line_form",
    "The owner in a ℗ or © line is a name alone: sign and year have their own places.",
    "DDEX (PLine, CLine)",
)
# Distributors deliver for hundreds of imprints that are not registered here, and how often that is meant ill has not
# been measured: it is shown, until an installation that knows its labels routes it to a person.
OWNER_UNLICENSED = warning_code(
    "rights.owner_unlicensed",
    "The owner in the ℗ line is a name that the account may deliver under.",
    "our inference",
)
PUBLIC_DOMAIN = reviewing_code(
    "rights.public_domain",
    "A recording in the public domain is claimed by nobody, and delivered only knowingly.",
    "Amazon",
)
# The label that follows says what partners shall not earn with; where AI use led to it, that is not another risk.
CONTENTID_INELIGIBLE = Code(
    "rights.contentid_ineligible",
    "Leased beats, loops and material in the public domain stay out of user-content monetisation.",
    Severity.INFORMATION,
    Route.LABEL,
    "CD Baby; SoundCloud",
)

# What the label declares of voices is judged under the rule's own name; the disclosure check weighs it as a whole.
VOICE_CONSENT = reviewing_code(
    "rights.voice_consent",
    "A voice that imitates an identifiable person comes with the document by which that person, or the estate, agrees.",
    "Spotify (impersonation policy)",
)
UNACCEPTED = warning_code(
    "split.unaccepted", "Whoever has a share has agreed to it.", "our inference from distributors' split sheets"
)

CODES = (
    VOICE_CONSENT,
    UNACCEPTED,
    LINE_FORM,
    OWNER_UNLICENSED,
    PUBLIC_DOMAIN,
    CONTENTID_INELIGIBLE,
    P_LINE,
    C_LINE,
    SUM_NOT_100,
    INVALID_SHARE,
    COVER_LICENCE,
    CLEARANCE_MISSING,
)

VOICES = frozenset({Element.LEAD_VOCALS, Element.BACKING_VOCALS})

#: With all of these made by a machine, no person can say which part of the sound is theirs alone.
WHOLLY_GENERATED = frozenset({Element.LEAD_VOCALS, Element.INSTRUMENTS, Element.COMPOSITION})

#: Owners that stand for none: what they own is in the public domain.
PUBLIC = frozenset(
    {"public domain", "the public domain", "pd", "p.d.", "domaine public", "dominio público", "gemeinfrei"}
)
#: What is free for all cannot be claimed by one.
_SHARED = re.compile(
    r"\b(?:leased? beats?|beat leases?|non-?exclusive (?:beat|licen[cs]e)|royalty[- ]free (?:loops?|beats?))\b"
)
_LINE_FORM = re.compile(
    r"\s*(?P<sign>℗|©|\((?:p|c)\)|copyright\b|(?:p|c)(?=\s+[12][0-9]{3}\s))?\s*(?P<year>[12][0-9]{3}(?=[\s,]))?[\s,]*(?P<owner>\S.*)",
    re.IGNORECASE | re.DOTALL,
)

WHOLE = Decimal(100)
#: Shares are stated in hundredths of a percent; three thirds of 33.333 are whole at that precision.
SHARE_PRECISION = Decimal("0.01")


def check_copyright_lines(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """℗ and ©: present, owned, and in a possible year."""
    release = delivery.release
    latest = (release.release_date or delivery.received).year
    yield from _check_copyright_line(P_LINE, "℗", "p_line", release, latest)
    yield from _check_copyright_line(C_LINE, "©", "c_line", release, latest)


def _check_copyright_line(code: Code, sign: str, field: str, release: Release, latest: int) -> Iterator[Finding]:
    line: RightsLine | None = getattr(release, field)
    label = release.display_label
    usual = f"Usually: {sign} {latest} {make_printable(label)}." if label and not is_blank(label) else None
    if line is None:
        added: Patch = ({"op": "add", "path": f"/release/{field}", "value": {"year": latest, "owner": label}},)
        yield Finding(code, "release", f"The {sign} line is missing.", fix=usual, patch=added if usual else ())
        return
    if is_blank(line.owner):
        yield Finding(code, "release", f"The {sign} line names no owner.", fix=usual)
    if not EARLIEST_YEAR <= line.year <= latest:
        yield Finding(
            code,
            "release",
            f"The {sign} line says {_format_year(line.year)}; possible are {EARLIEST_YEAR} to {latest}.",
            measured=_format_year(line.year),
            threshold=latest if line.year > latest else EARLIEST_YEAR,
        )


def line_forms(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """*℗ 2026 Harbour Records* where *Harbour Records* belongs."""
    release = delivery.release
    for field, line in (("p_line", release.p_line), ("c_line", release.c_line)):
        found = _LINE_FORM.fullmatch(line.owner[:LONGEST_TITLE]) if line else None
        if line is None or found is None or len(line.owner) > LONGEST_TITLE:
            continue
        # *1969 Records* is a label: a bare year is one too many only where it is the line's own.
        said = found["year"] == str(line.year)
        if found["sign"] or said:
            owner = found["owner"].strip()
            yield Finding(
                LINE_FORM,
                release.subject,
                f"The owner {quote_text(line.owner)} repeats the sign or the year of its line.",
                measured=make_printable(line.owner),
                fix=f"Write the owner {write_out_text(owner)}.",
                patch=replace_value_patch(f"/release/{field}/owner", line.owner, owner),
                safe=said or not found["year"],
            )


def check_recording_owners(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Check the owner of a recording by its own ℗ line."""
    line, account = delivery.release.p_line, delivery.account
    if line is None or is_blank(line.owner):
        return
    if fold_text(line.owner) in PUBLIC:
        yield Finding(
            PUBLIC_DOMAIN,
            "release",
            f"The ℗ line gives the recording to {quote_text(line.owner)}.",
            measured=make_printable(line.owner),
            fix="Name who made this recording; if nobody owns it, say in review where it comes from.",
        )
    elif fold_text(line.owner) not in {fold_text(name) for name in (account.name, *account.names)}:
        yield Finding(
            OWNER_UNLICENSED,
            "release",
            f"The ℗ line names {quote_text(line.owner)}, which is not among the names of this account.",
            measured=make_printable(line.owner),
        )


def shared_material(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Sound that others use too: monetising it in other people's videos would claim what is theirs."""
    for track in delivery.release.tracks:
        if reason := _find_shared_owner(track, delivery.release):
            yield Finding(
                CONTENTID_INELIGIBLE,
                track.subject,
                f"This recording is not eligible for user-content monetisation: {reason}.",
                labels=(Label("rights:ugc_ineligible", "yes", Basis.DECLARED),),
            )


def _find_shared_owner(track: Track, release: Release) -> str | None:
    for relation in track.relations:
        if relation.type == "samples" and (said := _SHARED.search(fold_text(relation.title or "")[:LONGEST_TITLE])):
            return f"it is made from {said[0]}"
    if release.p_line and fold_text(release.p_line.owner) in PUBLIC:
        return "its ℗ line names the public domain"
    made = {
        contribution.element
        for contribution in track.disclosure.contributions
        if contribution.level is Level.FULLY_GENERATED
    }
    if track.disclosure.declared and made >= WHOLLY_GENERATED:
        return "voice, instruments and composition are declared as wholly generated"
    return None


def _format_year(year: int) -> int | str:
    """Years that no database would hold are told in words."""
    return year if abs(year) < 1_000_000 else "a year far outside history"


def check_ownership_shares(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Where shares are given, they are whole."""
    for track in delivery.release.tracks:
        yield from _check_share_list(track.subject, "master", track.master_shares)
        yield from _check_share_list(track.subject, "composition", track.composition_shares)


def _check_share_list(subject: str, right: str, given: tuple[Share, ...] | None) -> Iterator[Finding]:
    if not given:
        return
    possible = all(share.percent.is_finite() and 0 < share.percent <= WHOLE for share in given)
    parties: set[str] = set()
    for share in given:
        party = fold_text(share.party)
        if problem := _describe_share_problem(share, twice=party in parties):
            percent = make_printable(str(share.percent))
            yield Finding(
                INVALID_SHARE,
                subject,
                f"A share of the {right} {problem}: {quote_text(share.party)}, {percent} %.",
                measured=percent,
            )
        parties.add(party)
    # What is no share is not added up: one finding is enough.
    total = sum((share.percent for share in given), Decimal(0)).quantize(SHARE_PRECISION) if possible else WHOLE
    if total != WHOLE:
        yield Finding(
            SUM_NOT_100,
            subject,
            f"The shares of the {right} add up to {total} %.",
            measured=str(total),
            threshold="100.00",
            fix=f"{abs(WHOLE - total)} % {'are missing' if total < WHOLE else 'are too much'}.",
        )


def check_unaccepted_shares(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Shares that the label itself marks as not agreed to."""
    for track in delivery.release.tracks:
        given = [*(track.master_shares or ()), *(track.composition_shares or ())]
        if waiting := [*dict.fromkeys(share.party for share in given if share.accepted is False)]:
            yield Finding(
                UNACCEPTED,
                track.subject,
                f"{quote_text(waiting[0])} has not agreed to the share"
                f"{' (and others neither)' if waiting[1:] else ''}.",
                measured=[make_printable(party) for party in waiting[:20]],
                fix="Ask them, and deliver the release once they have agreed.",
            )


def check_voice_permission(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Check that a generated imitation of a voice has permission."""
    for track in delivery.release.tracks:
        for contribution in track.disclosure.contributions:
            imitates = contribution.imitates in (Imitates.WITH_CONSENT, Imitates.WITHOUT_CONSENT)
            agreed = contribution.imitates is Imitates.WITH_CONSENT and not is_blank(contribution.consent)
            if contribution.element in VOICES and imitates and not agreed:
                yield Finding(
                    VOICE_CONSENT,
                    track.subject,
                    "A voice on this track imitates an identifiable person, and no consent is given.",
                    measured=contribution.imitates.value,
                    evidence={"element": contribution.element.value},
                    fix="Deliver the document in which the person or the estate agrees, and name it as `consent`.",
                )


def _describe_share_problem(share: Share, twice: bool) -> str | None:
    if not (share.percent.is_finite() and 0 < share.percent <= WHOLE):
        return "is not above 0 and at most 100 %"
    if is_blank(share.party):
        return "has no party"
    return "names a party twice" if twice else None


def check_licence_documents(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Other people's music comes with a paper."""
    for track in delivery.release.tracks:
        for relation in track.relations:
            if relation.licence_file:
                continue
            original = f" of {quote_text(relation.title)}" if relation.title else ""
            if relation.type == "cover_of":
                yield Finding(
                    COVER_LICENCE,
                    track.subject,
                    f"This is a cover{original}, and no licence is attached.",
                    fix="Add the mechanical licence, or your statement, as licence_file of the relation.",
                )
            elif relation.type in ("samples", "remix_of") and not is_own_original(
                relation, track, delivery, context.recordings
            ):
                what = "contains a sample" if relation.type == "samples" else "is a remix"
                yield Finding(
                    CLEARANCE_MISSING,
                    track.subject,
                    f"This track {what}{original}, and no clearance is attached.",
                    fix="Add the clearance as licence_file of the relation. If the original is your own recording, its "
                    "ISRC in the relation is enough.",
                )


RULES = (
    check_copyright_lines,
    line_forms,
    check_recording_owners,
    shared_material,
    check_ownership_shares,
    check_unaccepted_shares,
    check_voice_permission,
    check_licence_documents,
)
