"""The example of the API's documentation is an honest release: it passes, and as a cover it is looked at."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from checks.model.finding import Finding, Route, Severity
from checks.model.release import (
    Account,
    Artist,
    ContainsAI,
    Contribution,
    Contributor,
    Cover,
    Delivery,
    Disclosure,
    Element,
    Level,
    Relation,
    Release,
    RightsLine,
    Share,
    Track,
)
from checks.rules.metadata import IDENTIFIERS, METADATA
from tests.checks.builders import a_context, a_delivery, a_release, an_instrumental

COVER = Relation("cover_of", iswc="T-034.524.680-1", title="…", artist="…")


def example(*relations: Relation) -> Delivery:
    artist = Artist("Mara Lindqvist", "main", party_type="natural_person")
    track = Track(
        position=1,
        title="Low Tide",
        isrc="SEABC2600001",
        file="01.flac",
        display_artists=(Artist("Mara Lindqvist", "main"),),
        contributors=(
            Contributor("Mara Lindqvist", ("composer", "lyricist", "vocalist"), ai_contribution=ContainsAI.NONE),
        ),
        vocals="vocal",
        language="en",
        advisory="not_explicit",
        preview_start=Decimal(30),
        master_shares=(Share("Harbour Records", Decimal("100.00")),),
        composition_shares=(Share("Mara Lindqvist", Decimal("100.00")),),
        relations=relations,
        disclosure=Disclosure(
            "declared",
            (
                Contribution(Element.LEAD_VOCALS, Level.NONE),
                Contribution(Element.MIXING_MASTERING, Level.ASSISTIVE_TOOL, tool="…"),
            ),
        ),
    )
    release = Release(
        title="Low Tide",
        type="single",
        upc="036000291452",
        display_label="Harbour Records",
        release_date=dt.date(2026, 12, 18),
        display_artists=(artist,),
        p_line=RightsLine(2026, "Harbour Records"),
        c_line=RightsLine(2026, "Harbour Records"),
        genre="Country",
        language="en",
        advisory="not_explicit",
        territories=("Worldwide",),
        cover=Cover("cover.jpg", ContainsAI.NONE),
        tracks=(track,),
    )
    return Delivery(release, Account("harbour", "Harbour Records"), received=dt.date(2026, 11, 22))


def findings(delivery: Delivery) -> list[Finding]:
    return [*IDENTIFIERS.run(delivery, a_context()), *METADATA.run(delivery, a_context())]


def test_label_delivering_the_documented_example_hears_nothing() -> None:
    assert findings(example()) == []


def test_label_delivering_the_documented_example_late_is_only_warned() -> None:
    late = Delivery(example().release, example().account, received=dt.date(2027, 3, 1))
    assert [(f.code.id, f.code.severity) for f in findings(late)] == [("date.short_lead", Severity.WARNING)]


def test_label_delivering_an_instrumental_hears_nothing() -> None:
    assert findings(a_delivery(a_release(an_instrumental()))) == []


def test_label_delivering_the_documented_cover_waits_for_review() -> None:
    found = findings(example(COVER))
    assert {f.code.id for f in found} == {"credit.cover_original_writers", "rights.cover_licence"}
    assert {f.code.route for f in found} == {Route.REVIEW}
