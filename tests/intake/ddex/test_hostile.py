"""Nobody gets further with a message than its words: no entity, no address, no path out of the delivery."""

import gzip

import pytest

from checks.model.finding import Route
from intake.ddex import messages
from tests.intake.ddex.conftest import a_message, a_recording, codes, read

BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha"}">' for n in range(10))

REFUSED = {
    "entity bomb": (f"<!DOCTYPE a [{BOMB}]>" + "<a>&a9;</a>", "ddex.doctype"),
    "external entity": ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "ddex.doctype"),
    "external subset": ('<!DOCTYPE a SYSTEM "http://169.254.169.254/latest/meta-data/"><a/>', "ddex.doctype"),
    "harmless doctype": ("<!DOCTYPE html><html/>", "ddex.doctype"),
    "packed": (gzip.compress(b"<a/>" * 100_000), "ddex.not_xml"),
    "no XML": ("{}", "ddex.not_xml"),
    "nothing": (b"", "ddex.not_xml"),
    "broken off": (a_message()[:900], "ddex.not_xml"),
    "nested without end": ("<a>" * 200 + "</a>" * 200, "ddex.too_large"),
    "another message": ("<ern:CatalogListMessage xmlns:ern='http://ddex.net/xml/ern/432'/>", "ddex.not_a_release"),
    "a namespace like it": (a_message(namespace="http://ddex.net.example.org/xml/ern/432"), "ddex.namespace_unknown"),
    "no namespace": ("<NewReleaseMessage/>", "ddex.namespace_unknown"),
    "a version to come": (a_message(namespace="http://ddex.net/xml/ern/99"), "ddex.namespace_unknown"),
    "no release": (
        "<e:NewReleaseMessage xmlns:e='http://ddex.net/xml/ern/432'><ReleaseList/></e:NewReleaseMessage>",
        "ddex.release_missing",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bytes_that_are_no_message_are_refused_with_a_reason(case):
    content, code = REFUSED[case]
    answer = read(content)
    assert codes(answer) == {code}
    assert answer.get("document") is None


@pytest.mark.parametrize(
    "uri",
    [
        "../01.flac", "../../etc/passwd", "resources/../../01.flac", "/etc/passwd", "file:///etc/passwd",
        "..%2f01.flac", "%2e%2e/01.flac", "..%252f01.flac", r"..\01.flac", r"C:\01.flac", "http://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/01.flac", "resources/", "01.flac\u202e", "..",
    ],
)  # fmt: skip
def test_uri_that_leads_out_of_the_delivery_is_found(uri):
    assert "ddex.uri_unsafe" in codes(read(a_message(a_recording(uri=uri))))


@pytest.mark.parametrize("uri", ["01.flac", "resources/01.flac", "a b/c d/01.flac", "0:01.flac", "a..b/01.flac"])
def test_uri_inside_the_delivery_is_taken_by_its_name(uri):
    answer = read(a_message(a_recording(uri=uri)))
    assert answer["faults"] == []
    assert answer["document"]["release"]["tracks"][0]["file"] == uri.rpartition("/")[2]


def test_two_files_of_one_name_are_not_confused():
    recordings = a_recording(uri="cd1/01.flac") + a_recording("A2", "SEABC2600002", uri="cd2/01.flac")
    items = "".join(
        "<ResourceGroupContentItem><ReleaseResourceReference>"
        f"{item}</ReleaseResourceReference></ResourceGroupContentItem>"
        for item in ("A1", "A2")
    )
    assert "ddex.file_ambiguous" in codes(read(a_message(recordings, items=items)))


@pytest.mark.parametrize("inside", ["<!-- & Ruelle -->", "<?php x?>"])
def test_comment_inside_a_name_does_not_shorten_it(inside):
    answer = read(a_message(name=f"Mara {inside}Lindqvist"))
    assert answer["document"]["release"]["display_artists"][0]["name"] == "Mara Lindqvist"
    assert "ddex.value_interrupted" in codes(answer)


def test_day_that_does_not_exist_is_found_where_it_stands():
    message = a_message(release_date="2030-02-30")
    (fault,) = read(message)["faults"]
    assert (fault["code"], fault["measured"]) == ("ddex.date_invalid", "2030-02-30")
    assert fault["xpath"] == "/NewReleaseMessage/ReleaseList[1]/Release[1]/ReleaseDate[1]"
    assert fault["line"] == message[: message.index("<ReleaseDate")].count("\n") + 1


def test_month_without_a_day_is_told():
    answer = read(a_message(release_date="2030-06"))
    assert codes(answer) == {"ddex.date_partial"}


def test_isrc_with_hyphens_is_handed_on_as_it_is_and_told():
    answer = read(a_message(a_recording(isrc="SE-ABC-26-00001")))
    assert codes(answer) == {"ddex.isrc_hyphenated"}
    assert answer["document"]["release"]["tracks"][0]["isrc"] == "SE-ABC-26-00001"


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("<ArtistPartyReference>PMara<", "<ArtistPartyReference>PNobody<"),
        ("<ContributorPartyReference>PMara<", "<ContributorPartyReference>PNobody<"),
        ("<ReleaseLabelReference>PHarbour<", "<ReleaseLabelReference>PNobody<"),
        ("<ReleaseResourceReference>A1<", "<ReleaseResourceReference>A7<"),
        ("<LinkedReleaseResourceReference>A99<", "<LinkedReleaseResourceReference>A7<"),
        ("<DealReleaseReference>R0<", "<DealReleaseReference>R7<"),
    ],
)
def test_reference_to_nothing_is_found(there, instead):
    message = a_message()
    assert there in message
    assert "ddex.reference_dangling" in codes(read(message.replace(there, instead)))


def test_reference_with_two_meanings_is_found():
    assert "ddex.reference_duplicate" in codes(read(a_message(a_recording() + a_recording(isrc="SEABC2600002"))))


def test_no_fault_of_the_sender_is_a_fault_of_ours():
    message = a_message().encode()
    for cut in range(0, len(message), 97):
        read(message[:cut] + message[cut + 40 :])


def test_child_reads_and_is_shut_in():
    message = messages.read_ern_message(a_message().encode())
    assert message.document["release"]["title"] == "Low Tide"
    assert (message.version, message.message_id, message.sender) == ("432", "HAR-1", "PADPIDA2026112201H")


def test_message_that_is_too_large_is_not_even_read():
    message = messages.read_ern_message(b" " * (messages.MAX_BYTES + 1))
    assert [(finding.code.id, finding.code.route) for finding in message.findings] == [("ddex.too_large", Route.BLOCK)]


def test_message_that_costs_too_much_is_given_up(monkeypatch):
    monkeypatch.setattr(messages, "MEMORY_BYTES", 8 << 20)
    huge = a_message(a_recording(title="x" * 2_000_000)).encode()
    message = messages.read_ern_message(huge)
    assert message.document is None
    assert [finding.code.id for finding in message.findings] == ["ddex.unreadable"]
