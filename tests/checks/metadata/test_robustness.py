"""Whatever a label writes, the checks answer, twice the same, in words that can be stored."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from checks import CHECKS
from checks.model.check import ProtectedName
from checks.model.finding import Finding
from checks.model.release import (
    Account,
    Artist,
    ContainsAI,
    Contribution,
    Contributor,
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
from tests.checks.builders import FakeHistory, FakeNames, a_context

#: Fragments on which rules turn, so that chance meets them.
FRAGMENTS = st.sampled_from((
    "(feat. ", ")", "[", " - ", "Live", "Remix", " ft. ", "Explicit", "Sped Up", "type beat", ", ",
    "sleep", "#a ", "www.", "$9.99", "zxx", "en", "EN-us", "SEABC2600001", "036000291452",
    "T-034.524.680-1", "00014107338", "\u200d", "\u202e", "\ud800", "\x00", "🏴", "\U000e0067", "२",
    "ﬀ", "İ", "Suno", "Various Artists", "karaoke", "Mara",
))  # fmt: skip
TEXT = st.one_of(
    st.text(st.characters(), max_size=20),  # lone surrogates and controls included
    st.lists(FRAGMENTS, max_size=6).map("".join),
    st.text("a(", min_size=250, max_size=300),
)
MAYBE = st.none() | TEXT
ROLE = st.sampled_from(("main", "featured", "composer", "lyricist", "vocalist")) | TEXT
WHOLE = st.integers() | st.integers(1900, 2100)


def several(strategy: st.SearchStrategy[object], most: int = 3) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


ARTISTS = several(st.builds(Artist, name=TEXT, role=ROLE, isni=MAYBE, party_type=MAYBE, artist_key=MAYBE))
CONTRIBUTORS = several(
    st.builds(
        Contributor, name=TEXT, roles=several(ROLE), ipi=MAYBE, isni=MAYBE, ai_contribution=st.sampled_from(ContainsAI)
    )
)
SHARES = st.none() | several(
    st.builds(
        Share, party=TEXT, accepted=st.none() | st.booleans(), percent=st.decimals() | st.just(Decimal("1E+999999"))
    )
)
RELATIONS = several(
    st.builds(
        Relation,
        type=st.sampled_from(("cover_of", "samples", "remix_of", "sped_up_of")) | TEXT,
        iswc=MAYBE,
        title=MAYBE,
        artist=MAYBE,
        licence_file=MAYBE,
    )
)
TRACKS = several(
    st.builds(
        Track,
        position=WHOLE | st.integers(1, 3),
        title=TEXT,
        file=TEXT,
        version=TEXT,
        isrc=MAYBE,
        iswc=MAYBE,
        display_artists=ARTISTS,
        contributors=CONTRIBUTORS,
        vocals=st.sampled_from(("vocal", "instrumental", "spoken")) | MAYBE,
        language=MAYBE,
        advisory=st.sampled_from(("clean", "explicit")) | MAYBE,
        lyrics=MAYBE,
        master_shares=SHARES,
        composition_shares=SHARES,
        relations=RELATIONS,
        disclosure=st.builds(
            Disclosure,
            status=TEXT,
            contributions=several(
                st.builds(Contribution, element=st.sampled_from(Element), level=st.sampled_from(Level), tool=MAYBE)
            ),
        ),
    )
)
LINE = st.none() | st.builds(RightsLine, year=WHOLE, owner=TEXT)
DATE = st.none() | st.dates()
RELEASES = st.builds(
    Release,
    title=TEXT,
    type=st.sampled_from(("single", "ep", "album")) | TEXT,
    tracks=TRACKS,
    version=TEXT,
    upc=MAYBE,
    display_label=MAYBE,
    release_date=DATE,
    original_release_date=DATE,
    preorder_date=DATE,
    display_artists=ARTISTS,
    p_line=LINE,
    c_line=LINE,
    genre=MAYBE,
    language=MAYBE,
    advisory=MAYBE,
    territories=several(st.sampled_from(("Worldwide", "SE")) | TEXT),
    excluded_territories=several(st.sampled_from(("SE", "US")) | TEXT),
)


ASKED_OF_DOCUMENTS = tuple(check for check in CHECKS if not check.needs_audio)


def findings(delivery: Delivery) -> list[Finding]:
    guarded = FakeNames([ProtectedName("1", "Mara Lindqvist"), ProtectedName("2", "İﬀ"), ProtectedName("3", "२")])
    context = a_context(names=guarded, history=FakeHistory(upcs={"036000291452"}))
    found = [(check, finding) for check in ASKED_OF_DOCUMENTS for finding in check.run(delivery, context)]
    assert all(finding.code in check.codes for check, finding in found)
    return [finding for _, finding in found]


#: What these say is made to be stored whatever a text holds; the others see only texts that the door has let in, which
#: have no halves of characters.
STORED_AS_IT_IS = {code.id for check in (IDENTIFIERS, METADATA) for code in check.codes}


@settings(max_examples=100, deadline=None)
@given(RELEASES, st.dates() | st.just(dt.date.max))
def test_any_release_is_answered_twice_the_same(release: Release, received: dt.date) -> None:
    delivery = Delivery(release, Account("a", "A"), received)
    found = findings(delivery)
    assert findings(delivery) == found
    for finding in (item for item in found if item.code.id in STORED_AS_IT_IS):
        said = (finding.message, finding.measured, finding.threshold, finding.evidence, finding.fix, finding.subject)
        stored = json.dumps(said, ensure_ascii=False, allow_nan=False)
        stored.encode()  # raises on half a character
        assert "\\u0000" not in json.dumps(said)  # PostgreSQL takes no zero byte
        assert len(finding.message) < 3000
