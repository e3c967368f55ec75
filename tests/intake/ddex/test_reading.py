"""A label delivers a DDEX message, and the gate understands what it says."""

import pytest

from intake.core import document_schema
from tests.intake.ddex.conftest import a_message, a_recording, codes, read


def release_of(message):
    answer = read(message)
    assert not [fault for fault in answer["faults"] if fault["code"] != "ddex.value_unknown"]
    return document_schema.parse_document(answer["document"])["release"]


def test_message_becomes_the_same_document_as_json():
    release = release_of(a_message())
    assert (release["title"], release["type"], release["upc"]) == ("Low Tide", "single", "036000291452")
    assert (release["display_label"], release["genre"], release["language"]) == ("Harbour Records", "Folk", "en")
    assert (release["release_date"], release["territories"]) == ("2030-06-01", ["Worldwide"])
    assert release["p_line"] == release["c_line"] == {"year": 2030, "owner": "Harbour Records"}
    assert release["cover"] == {"file": "cover.jpg", "contains_ai": "none"}
    assert release["label_dpid"] == "PADPIDA2026112201H"
    track = release["tracks"][0]
    assert (track["position"], track["title"], track["isrc"]) == (1, "Low Tide", "SEABC2600001")
    assert (track["file"], track["vocals"], track["language"]) == ("01.flac", "vocal", "en")
    assert track["display_artists"][0]["isni"] == "0000000121707484"
    assert track["contributors"][0]["roles"] == ["composer", "lyricist", "vocalist"]
    assert track["disclosure"] == {"status": "declared", "contains_ai": "none", "contributions": []}


def test_everything_in_an_ordinary_message_is_understood():
    left = [item["xpath"] for item in read(a_message())["unread"]]
    image = "/NewReleaseMessage/ResourceList/Image/ResourceId/ProprietaryId"
    assert left == [image]


def test_what_is_not_understood_is_listed_with_its_line():
    message = a_message(
        rest="\n  <SupplementalDocumentList><Mystery Kind='odd'>words</Mystery></SupplementalDocumentList>"
    )
    line = message[: message.index("<Mystery")].count("\n") + 1
    left = {item["xpath"]: item["line"] for item in read(message)["unread"]}
    base = "/NewReleaseMessage/SupplementalDocumentList/Mystery"
    assert left[base] == left[f"{base}/@Kind"] == line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_of_xml_is_read(encoding):
    message = a_message(name="Måra Lindqvist").replace("UTF-8", "UTF-8" if "8" in encoding else "UTF-16")
    content = message.encode(encoding)
    if encoding == "utf-16-le":
        content = b"\xff\xfe" + content
    if encoding == "utf-16-be":
        content = b"\xfe\xff" + content
    answer = read(content)
    assert answer["document"]["release"]["display_artists"][0]["name"] == "Måra Lindqvist"


def test_roles_of_4_3_and_of_4_3_2_are_read_alike():
    newer = release_of(a_message())
    older = a_message(namespace="http://ddex.net/xml/ern/43").replace("<Role><Value>", "<Role>")
    older = older.replace("</Value></Role>", "</Role>").replace("DisplayGenre", "Genre")
    release = release_of(older)
    assert release["tracks"][0]["contributors"] == newer["tracks"][0]["contributors"]
    assert release["genre"] == "Folk"


def test_version_3_8_2_is_read_as_far_as_it_maps():
    release = release_of(VERSION_3_8_2)
    assert (release["title"], release["type"], release["upc"]) == ("Low Tide", "single", "036000291452")
    assert (release["display_label"], release["genre"]) == ("Harbour Records", "Folk")
    assert release["cover"]["file"] == "cover.jpg"
    assert release["territories"] == ["Worldwide"]
    track = release["tracks"][0]
    assert (track["isrc"], track["file"], track["title"]) == ("SEABC2600001", "01.flac", "Low Tide")
    assert track["display_artists"][0]["name"] == "Mara Lindqvist"
    assert {item["name"]: item["roles"] for item in track["contributors"]} == {
        "Ada Strand": ["producer"],
        "Mara Lindqvist": ["composer"],
    }
    assert track["disclosure"]["status"] == "undeclared"


def test_version_4_2_is_read_as_far_as_it_maps():
    release = release_of(VERSION_4_2)
    assert (release["title"], release["version"], release["type"], release["upc"]) == (
        "Low Tide", "Live", "ep", "036000291452"
    )  # fmt: skip
    assert (release["display_label"], release["genre"], release["release_date"]) == (
        "Harbour Records", "Folk", "2030-06-01"
    )  # fmt: skip
    assert (release["p_line"], release["c_line"]) == (
        {"year": 2030, "owner": "Harbour Records"}, {"year": 2030, "owner": "Harbour Records"}
    )  # fmt: skip
    assert release["territories"] == ["SE", "NO"]
    (track,) = release["tracks"]
    assert (track["isrc"], track["file"], track["title"], track["version"]) == (
        "SEABC2600001", "01.flac", "Low Tide", "Live"
    )  # fmt: skip
    assert [(item["name"], item["role"]) for item in track["display_artists"]] == [
        ("Mara Lindqvist", "main"), ("Jonas Ek", "featured")
    ]  # fmt: skip
    assert [(entry["name"], entry["roles"]) for entry in track["contributors"]] == [("Mara Lindqvist", ["composer"])]
    assert (track["advisory"], track["disclosure"]["status"]) == ("explicit", "undeclared")


def test_countries_that_a_deal_leaves_out_stay_out():
    release = release_of(a_message(deals="<ExcludedTerritoryCode>US</ExcludedTerritoryCode>"))
    assert (release["territories"], release["excluded_territories"]) == (["Worldwide"], ["US"])


def test_country_that_another_deal_lets_in_is_not_left_out():
    second = (
        "</DealTerms></Deal><Deal><DealTerms><TerritoryCode>US</TerritoryCode>"
        "<ValidityPeriod><StartDate>2030-07-01</StartDate></ValidityPeriod></DealTerms></Deal><Deal><DealTerms>"
        "<ExcludedTerritoryCode>US</ExcludedTerritoryCode><ExcludedTerritoryCode>CU</ExcludedTerritoryCode>"
    )
    both = "<ExcludedTerritoryCode>US</ExcludedTerritoryCode><ExcludedTerritoryCode>CU</ExcludedTerritoryCode>"
    release = release_of(a_message(deals=both + second))
    assert (release["territories"], release["excluded_territories"]) == (["Worldwide", "US"], ["CU"])


def test_machine_with_a_name_and_machine_by_its_part():
    contributors = """
      <Contributor>
        <SpecialContributor>GenerativeAI</SpecialContributor><Role><Value>LeadVocalist</Value></Role>
      </Contributor>
      <Contributor>
        <SpecialContributor>GenerativeAI</SpecialContributor><Role><Value>StudioProducer</Value></Role>
        <AiContribution>All</AiContribution>
        <DisplayCredits><DisplayCreditText>Halcyon</DisplayCreditText></DisplayCredits>
      </Contributor>"""
    track = release_of(a_message(a_recording(contributors=contributors, ai="<ContainsAI>Partly</ContainsAI>")))[
        "tracks"
    ][0]
    assert track["disclosure"]["contains_ai"] == "partly"
    parts = [(item["element"], item["level"]) for item in track["disclosure"]["contributions"]]
    assert parts == [("lead_vocals", "fully_generated")]
    named = track["contributors"][1]
    assert (named["name"], named["roles"], named["ai_contribution"]) == ("Halcyon", ["producer"], "all")


def test_part_of_a_contributor_by_a_machine_makes_the_whole_partly_so():
    contributors = """
      <Contributor>
        <ContributorPartyReference>PMara</ContributorPartyReference><Role><Value>Musician</Value></Role>
        <AiContribution>Partly</AiContribution>
      </Contributor>"""
    track = release_of(a_message(a_recording(contributors=contributors, ai="")))["tracks"][0]
    assert track["disclosure"] == {"status": "declared", "contains_ai": "partly", "contributions": []}
    assert [item["ai_contribution"] for item in track["contributors"]] == ["undeclared", "partly"]


def test_nothing_said_about_ai_is_not_taken_for_none():
    track = release_of(a_message(a_recording(ai="")))["tracks"][0]
    assert track["disclosure"]["status"] == track["disclosure"]["contains_ai"] == "undeclared"


def test_person_credited_where_all_is_generated_is_told():
    assert "ddex.ai_inconsistent" in codes(read(a_message(a_recording(ai="<ContainsAI>All</ContainsAI>"))))


def test_tracks_of_several_discs_are_numbered_through():
    recordings = "".join(a_recording(f"A{n}", f"SEABC260000{n}", f"0{n}.flac") for n in (1, 2, 3))
    item = (
        "<ResourceGroupContentItem><SequenceNumber>{}</SequenceNumber>"
        "<ReleaseResourceReference>A{}</ReleaseResourceReference></ResourceGroupContentItem>"
    )
    first, second = item.format(1, 2) + item.format(2, 1), item.format(1, 3)
    discs = f"<ResourceGroup>{first}</ResourceGroup><ResourceGroup>{second}</ResourceGroup>"
    tracks = release_of(a_message(recordings, items=discs))["tracks"]
    assert [(track["position"], track["file"]) for track in tracks] == [(1, "02.flac"), (2, "01.flac"), (3, "03.flac")]


def test_checksums_are_declared_with_the_files():
    digest = "ab" * 32
    hashed = (
        "<URI>01.flac</URI><HashSum><Algorithm>SHA-256</Algorithm>"
        f"<HashSumValue>{digest.upper()}</HashSumValue></HashSum>"
    )
    answer = read(a_message().replace("<URI>01.flac</URI>", hashed))
    assert answer["document"]["files"]["01.flac"] == {"sha256": digest}


def test_checksum_of_another_kind_is_told_and_not_used():
    hashed = "<URI>01.flac</URI><HashSum><Algorithm>MD5</Algorithm><HashSumValue>00</HashSumValue></HashSum>"
    answer = read(a_message().replace("<URI>01.flac</URI>", hashed))
    assert "ddex.checksum_unused" in codes(answer)
    assert answer["document"]["files"]["01.flac"] == {"sha256": ""}


VERSION_4_2 = """<?xml version="1.0"?>
<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/42" ReleaseProfileVersionId="Audio" AvsVersionId="2">
  <MessageHeader>
    <MessageThreadId>T1</MessageThreadId><MessageId>OLD-2</MessageId>
    <MessageSender><PartyId>PADPIDA2026112201H</PartyId></MessageSender>
    <MessageRecipient><PartyId>PADPIDA2026112202H</PartyId></MessageRecipient>
    <MessageCreatedDateTime>2026-11-22T10:00:00Z</MessageCreatedDateTime>
  </MessageHeader>
  <PartyList>
    <Party><PartyReference>PMara</PartyReference><PartyName><FullName>Mara Lindqvist</FullName></PartyName></Party>
    <Party><PartyReference>PJonas</PartyReference><PartyName><FullName>Jonas Ek</FullName></PartyName></Party>
    <Party><PartyReference>PLabel</PartyReference><PartyName><FullName>Harbour Records</FullName></PartyName></Party>
  </PartyList>
  <ResourceList>
    <SoundRecording>
      <ResourceReference>A1</ResourceReference>
      <Type>MusicalWorkSoundRecording</Type>
      <ResourceId><ISRC>SEABC2600001</ISRC></ResourceId>
      <DisplayTitleText>Low Tide (Live)</DisplayTitleText>
      <DisplayTitle IsDefault="true"><TitleText>Low Tide</TitleText><SubTitle>Live</SubTitle></DisplayTitle>
      <DisplayArtistName>Mara Lindqvist feat. Jonas Ek</DisplayArtistName>
      <DisplayArtist SequenceNumber="1">
        <ArtistPartyReference>PMara</ArtistPartyReference><DisplayArtistRole>MainArtist</DisplayArtistRole>
      </DisplayArtist>
      <DisplayArtist SequenceNumber="2">
        <ArtistPartyReference>PJonas</ArtistPartyReference><DisplayArtistRole>FeaturedArtist</DisplayArtistRole>
      </DisplayArtist>
      <Contributor>
        <ContributorPartyReference>PMara</ContributorPartyReference><Role>Composer</Role>
      </Contributor>
      <PLine><Year>2030</Year><PLineText>(P) 2030 Harbour Records</PLineText></PLine>
      <Duration>PT3M7S</Duration>
      <ParentalWarningType>Explicit</ParentalWarningType>
      <LanguageOfPerformance>en</LanguageOfPerformance>
      <TechnicalDetails>
        <TechnicalResourceDetailsReference>T1</TechnicalResourceDetailsReference>
        <File><URI>01.flac</URI></File>
      </TechnicalDetails>
    </SoundRecording>
  </ResourceList>
  <ReleaseList>
    <Release>
      <ReleaseReference>R0</ReleaseReference>
      <ReleaseType>EP</ReleaseType>
      <ReleaseId><ICPN>036000291452</ICPN></ReleaseId>
      <DisplayTitleText>Low Tide (Live)</DisplayTitleText>
      <DisplayTitle IsDefault="true"><TitleText>Low Tide</TitleText><SubTitle>Live</SubTitle></DisplayTitle>
      <DisplayArtistName>Mara Lindqvist</DisplayArtistName>
      <DisplayArtist SequenceNumber="1">
        <ArtistPartyReference>PMara</ArtistPartyReference><DisplayArtistRole>MainArtist</DisplayArtistRole>
      </DisplayArtist>
      <ReleaseLabelReference>PLabel</ReleaseLabelReference>
      <PLine><Year>2030</Year><PLineText>(P) 2030 Harbour Records</PLineText></PLine>
      <CLine><Year>2030</Year><CLineText>(C) 2030 Harbour Records</CLineText></CLine>
      <Genre><GenreText>Folk</GenreText></Genre>
      <ReleaseDate>2030-06-01</ReleaseDate>
      <ParentalWarningType>Explicit</ParentalWarningType>
      <ResourceGroup>
        <ResourceGroupContentItem>
          <SequenceNumber>1</SequenceNumber><ReleaseResourceReference>A1</ReleaseResourceReference>
        </ResourceGroupContentItem>
      </ResourceGroup>
    </Release>
  </ReleaseList>
  <DealList>
    <ReleaseDeal>
      <DealReleaseReference>R0</DealReleaseReference>
      <Deal><DealTerms>
        <TerritoryCode>SE</TerritoryCode><TerritoryCode>NO</TerritoryCode>
        <ValidityPeriod><StartDate>2030-06-01</StartDate></ValidityPeriod>
        <CommercialModelType>SubscriptionModel</CommercialModelType><UseType>OnDemandStream</UseType>
      </DealTerms></Deal>
    </ReleaseDeal>
  </DealList>
</ern:NewReleaseMessage>
"""

VERSION_3_8_2 = """<?xml version="1.0"?>
<ernm:NewReleaseMessage xmlns:ernm="http://ddex.net/xml/ern/382" MessageSchemaVersionId="ern/382">
  <MessageHeader>
    <MessageId>OLD-1</MessageId>
    <MessageSender><PartyId>PADPIDA2026112201H</PartyId></MessageSender>
  </MessageHeader>
  <ResourceList>
    <SoundRecording>
      <SoundRecordingType>MusicalWorkSoundRecording</SoundRecordingType>
      <SoundRecordingId><ISRC>SEABC2600001</ISRC></SoundRecordingId>
      <ResourceReference>A1</ResourceReference>
      <ReferenceTitle><TitleText>Low Tide</TitleText></ReferenceTitle>
      <LanguageOfPerformance>en</LanguageOfPerformance>
      <Duration>PT3M7S</Duration>
      <SoundRecordingDetailsByTerritory>
        <TerritoryCode>Worldwide</TerritoryCode>
        <DisplayArtist SequenceNumber="1">
          <PartyName><FullName>Mara Lindqvist</FullName></PartyName><ArtistRole>MainArtist</ArtistRole>
        </DisplayArtist>
        <ResourceContributor>
          <PartyName><FullName>Ada Strand</FullName></PartyName>
          <ResourceContributorRole>StudioProducer</ResourceContributorRole>
        </ResourceContributor>
        <IndirectResourceContributor>
          <PartyName><FullName>Mara Lindqvist</FullName></PartyName>
          <IndirectResourceContributorRole>Composer</IndirectResourceContributorRole>
        </IndirectResourceContributor>
        <ParentalWarningType>NotExplicit</ParentalWarningType>
        <TechnicalSoundRecordingDetails>
          <File><FileName>01.flac</FileName><FilePath>resources</FilePath></File>
        </TechnicalSoundRecordingDetails>
      </SoundRecordingDetailsByTerritory>
    </SoundRecording>
    <Image>
      <ImageType>FrontCoverImage</ImageType>
      <ResourceReference>A2</ResourceReference>
      <ImageDetailsByTerritory>
        <TechnicalImageDetails><File><FileName>cover.jpg</FileName></File></TechnicalImageDetails>
      </ImageDetailsByTerritory>
    </Image>
  </ResourceList>
  <ReleaseList>
    <Release>
      <ReleaseId><ISRC>SEABC2600001</ISRC></ReleaseId>
      <ReleaseReference>R1</ReleaseReference><ReleaseType>TrackRelease</ReleaseType>
    </Release>
    <Release IsMainRelease="true">
      <ReleaseId><ICPN>036000291452</ICPN></ReleaseId>
      <ReleaseReference>R0</ReleaseReference>
      <ReferenceTitle><TitleText>Low Tide</TitleText></ReferenceTitle>
      <ReleaseResourceReferenceList>
        <ReleaseResourceReference ReleaseResourceType="PrimaryResource">A1</ReleaseResourceReference>
      </ReleaseResourceReferenceList>
      <ReleaseType>Single</ReleaseType>
      <ReleaseDetailsByTerritory>
        <TerritoryCode>Worldwide</TerritoryCode>
        <LabelName>Harbour Records</LabelName>
        <DisplayArtist><PartyName><FullName>Mara Lindqvist</FullName></PartyName><ArtistRole>MainArtist</ArtistRole>
        </DisplayArtist>
        <Genre><GenreText>Folk</GenreText></Genre>
      </ReleaseDetailsByTerritory>
      <PLine><Year>2030</Year><PLineText>(P) 2030 Harbour Records</PLineText></PLine>
    </Release>
  </ReleaseList>
  <DealList>
    <ReleaseDeal>
      <DealReleaseReference>R0</DealReleaseReference>
      <Deal><DealTerms>
        <TerritoryCode>Worldwide</TerritoryCode>
        <ValidityPeriod><StartDate>2030-06-01</StartDate></ValidityPeriod>
      </DealTerms></Deal>
    </ReleaseDeal>
  </DealList>
</ernm:NewReleaseMessage>
"""
