"""Only new releases are taken in: what takes a release down, changes it or has nothing to deliver is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intake.ddex import codes as ddex_codes
from tests.intake.ddex.conftest import ROOT, a_message, codes, read

VERSIONS = ("432", "431", "43", "42", "411", "41", "383", "382", "381", "38")
TERRITORY = "<TerritoryCode>Worldwide</TerritoryCode>"


def ns(version):
    return f"http://ddex.net/xml/ern/{version}"


def ends(message, *ends):
    """The message with these ends of its one deal's period."""
    said = "".join(ends)
    return message.replace("<StartDate>2030-06-01</StartDate>", f"<StartDate>2019-06-01</StartDate>{said}")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("value", ["true", "1", " true "])
def test_takedown_is_refused_in_every_version(version, value):
    message = a_message(namespace=ns(version), deals=f"<TakeDown>{value}</TakeDown>{TERRITORY}")
    (fault,) = [item for item in read(message)["faults"] if item["code"] == "ddex.takedown"]
    assert fault["xpath"].endswith("/DealTerms[1]/TakeDown[1]")
    assert fault["line"]


def test_takedown_of_one_territory_beside_a_live_deal_is_refused():
    more = """</DealTerms></Deal><Deal><DealTerms><TakeDown>true</TakeDown><TerritoryCode>DE</TerritoryCode>"""
    assert "ddex.takedown" in codes(read(a_message(deals=TERRITORY + more)))


@pytest.mark.parametrize("version", ["432", "43", "42", "382"])
def test_purge_is_refused_as_a_takedown(version):
    message = f'<ern:PurgeReleaseMessage xmlns:ern="{ns(version)}"><MessageHeader/></ern:PurgeReleaseMessage>'
    assert codes(read(message)) == {"ddex.takedown"}


@pytest.mark.parametrize("value", ["UpdateMessage", "SomethingNew", ""])
def test_update_is_refused(value):
    message = a_message(namespace=ns("382")).replace(
        "</MessageHeader>", f"</MessageHeader><UpdateIndicator>{value}</UpdateIndicator>"
    )
    assert "ddex.update" in codes(read(message))


@pytest.mark.parametrize("value", ["UpdateMessage", "Unheard"])
def test_unknown_kind_of_message_is_refused(value):
    header = f"<MessageControlType>{value}</MessageControlType>"
    assert "ddex.update" in codes(read(a_message(header=header)))


@pytest.mark.parametrize("value", ["false", "0"])
def test_ordinary_deliveries_pass(value):
    header = "<MessageControlType>LiveMessage</MessageControlType>"
    message = a_message(header=header, deals=f"<TakeDown>{value}</TakeDown>{TERRITORY}").replace(
        "</MessageHeader>", "</MessageHeader><UpdateIndicator>OriginalMessage</UpdateIndicator>"
    )
    assert not codes(read(message)) & {"ddex.takedown", "ddex.update", "ddex.deals_ended"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "end",
    [
        "<EndDate>2021-01-01</EndDate>",
        "<EndDateTime>2021-01-01T00:00:00</EndDateTime>",
        "<EndDateTime>2021-01-01T00:00:00Z</EndDateTime>",
        "<EndDateTime>2021-01-01T00:00:00+02:00</EndDateTime>",
    ],
)
def test_release_whose_deals_have_all_ended_is_refused(version, end):
    (fault,) = [
        item
        for item in read(ends(a_message(namespace=ns(version)), end))["faults"]
        if item["code"] == "ddex.deals_ended"
    ]
    assert "EndDate" in fault["xpath"]


@pytest.mark.parametrize(
    "end", ["", "<EndDate>2099-01-01</EndDate>", "<EndDateTime>2099-01-01T00:00:00Z</EndDateTime>"]
)
def test_release_with_a_deal_that_has_not_ended_passes(end):
    assert "ddex.deals_ended" not in codes(read(ends(a_message(), end)))


def test_deal_that_has_ended_lets_no_country_in():
    ended = (
        "</DealTerms></Deal><Deal><DealTerms><TerritoryCode>DE</TerritoryCode>"
        "<ValidityPeriod><StartDate>2019-01-01</StartDate><EndDate>2020-01-01</EndDate></ValidityPeriod>"
    )
    deals = (
        "<TerritoryCode>US</TerritoryCode><ValidityPeriod><StartDate>2019-01-01</StartDate></ValidityPeriod>" + ended
    )
    message = a_message(deals=deals).replace(
        "\n        <ValidityPeriod><StartDate>2030-06-01</StartDate></ValidityPeriod>", ""
    )
    answer = read(message)
    assert answer["document"]["release"]["territories"] == ["US"]
    assert "ddex.deals_ended" not in codes(answer)


@pytest.mark.parametrize("code", [ddex_codes.TAKEDOWN, ddex_codes.UPDATE, ddex_codes.DEALS_ENDED])
def test_refusal_says_what_to_do(code):
    assert "withdraw" in ddex_codes.FIXES[code.id]


def test_many_warnings_do_not_hide_a_takedown():
    many = "".join(
        "<Contributor><ContributorPartyReference>P0</ContributorPartyReference></Contributor>" for _ in "x" * 300
    )
    message = a_message(deals=f"<TakeDown>true</TakeDown>{TERRITORY}").replace("<Duration>", f"{many}<Duration>")
    assert "ddex.takedown" in codes(read(message))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("takedown_382.xml", "ddex.takedown"),
        ("takedown_382.xml", "ddex.update"),
        ("all_deals_ended.xml", "ddex.deals_ended"),
    ],
)
def test_messages_from_practice_are_refused(name, code):
    folder = Path(os.environ.get("GATE_CASES", ROOT.parent / "shared" / "cases")) / "ddex"
    if not folder.is_dir():
        pytest.skip("no cases here (GATE_CASES)")
    assert code in codes(read((folder / name).read_bytes()))
