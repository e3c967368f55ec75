"""Who owns it and who allowed it: the ℗ and © lines, the shares, and the papers for other people's music."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from checks.check import Context
from checks.finding import Code, Finding
from checks.metadata.dates import EARLIEST_YEAR
from checks.metadata.grades import blocking, review
from checks.metadata.wording import fold, is_blank, quoted, shown
from checks.release import Delivery, RightsLine, Share

P_LINE = blocking(
    "rights.pline",
    "The ℗ line names an owner and a year that is not later than the release.",
    "interfine; emubands; SoundCloud",
)
C_LINE = blocking(
    "rights.cline", "The © line names an owner and a year that is not later than the release.", "emubands"
)
SUM_NOT_100 = blocking(
    "split.sum_not_100",
    "The shares of the master, and those of the composition, add up to 100.00 %.",
    "DDEX (RightSharePercentage)",
)
INVALID_SHARE = blocking(
    "split.invalid_share",
    "A share is above 0 and at most 100 %, and each party has one share of each right.",
    "our inference",
)
COVER_LICENCE = review(
    "rights.cover_licence",
    "A cover brings its mechanical licence, or a statement where the law grants one.",
    "lacupula; DistroKid",
)
CLEARANCE_MISSING = review(
    "rights.clearance_document_missing",
    "A remix, or a track with samples, brings the document that allows it.",
    "CD Baby; SoundCloud",
)

CODES = (P_LINE, C_LINE, SUM_NOT_100, INVALID_SHARE, COVER_LICENCE, CLEARANCE_MISSING)

WHOLE = Decimal(100)
#: Shares are stated in hundredths of a percent; three thirds of 33.333 are whole at that precision.
SHARE_PRECISION = Decimal("0.01")


def lines(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """℗ and ©: present, owned, and in a possible year."""
    release = delivery.release
    latest = (release.release_date or delivery.received).year
    yield from _line(P_LINE, "℗", release.p_line, latest, release.display_label)
    yield from _line(C_LINE, "©", release.c_line, latest, release.display_label)


def _line(code: Code, sign: str, line: RightsLine | None, latest: int, label: str | None) -> Iterator[Finding]:
    usual = f"Usually: {sign} {latest} {shown(label)}." if label and not is_blank(label) else None
    if line is None:
        yield Finding(code, "release", f"The {sign} line is missing.", fix=usual)
        return
    if is_blank(line.owner):
        yield Finding(code, "release", f"The {sign} line names no owner.", fix=usual)
    if not EARLIEST_YEAR <= line.year <= latest:
        yield Finding(
            code,
            "release",
            f"The {sign} line says {_year(line.year)}; possible are {EARLIEST_YEAR} to {latest}.",
            measured=_year(line.year),
            threshold=latest if line.year > latest else EARLIEST_YEAR,
        )


def _year(year: int) -> int | str:
    """Years that no database would hold are told in words."""
    return year if abs(year) < 1_000_000 else "a year far outside history"


def shares(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Where shares are given, they are whole."""
    for track in delivery.release.tracks:
        yield from _shares(track.subject, "master", track.master_shares)
        yield from _shares(track.subject, "composition", track.composition_shares)


def _shares(subject: str, right: str, given: tuple[Share, ...] | None) -> Iterator[Finding]:
    if not given:
        return
    possible = all(share.percent.is_finite() and 0 < share.percent <= WHOLE for share in given)
    parties: set[str] = set()
    for share in given:
        party = fold(share.party)
        if problem := _problem(share, twice=party in parties):
            percent = shown(str(share.percent))
            yield Finding(
                INVALID_SHARE,
                subject,
                f"A share of the {right} {problem}: {quoted(share.party)}, {percent} %.",
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


def _problem(share: Share, twice: bool) -> str | None:
    if not (share.percent.is_finite() and 0 < share.percent <= WHOLE):
        return "is not above 0 and at most 100 %"
    if is_blank(share.party):
        return "has no party"
    return "names a party twice" if twice else None


def papers(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Other people's music comes with a paper."""
    for track in delivery.release.tracks:
        for relation in track.relations:
            if relation.licence_file:
                continue
            original = f" of {quoted(relation.title)}" if relation.title else ""
            if relation.type == "cover_of":
                yield Finding(
                    COVER_LICENCE,
                    track.subject,
                    f"This is a cover{original}, and no licence is attached.",
                    fix="Add the mechanical licence, or your statement, as licence_file of the relation.",
                )
            elif relation.type in ("samples", "remix_of"):
                what = "contains a sample" if relation.type == "samples" else "is a remix"
                yield Finding(
                    CLEARANCE_MISSING,
                    track.subject,
                    f"This track {what}{original}, and no clearance is attached.",
                    fix="Add the clearance as licence_file of the relation.",
                )


RULES = (lines, shares, papers)
