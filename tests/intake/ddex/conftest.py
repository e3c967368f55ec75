"""Short messages of our own, and where the schemas and samples of DDEX are, for those who have them."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from intake.ddex import reader

ROOT = Path(__file__).parents[3]


def ddex_folder() -> Path:
    """The folder with the official schemas and samples; the test is skipped where it is missing."""
    folder = Path(os.environ.get("GATE_DDEX", ROOT.parent / "shared" / "ddex"))
    if not folder.is_dir():
        pytest.skip("no DDEX schemas here (GATE_DDEX)")
    return folder


def read(message: str | bytes) -> dict[str, Any]:
    """What the reader answers, without the child around it."""
    content = message.encode() if isinstance(message, str) else message
    return json.loads(reader.parse_ern_message(io.BytesIO(content)))


def codes(answer: dict[str, Any]) -> set[str]:
    return {fault["code"] for fault in answer["faults"]}


def a_recording(
    reference: str = "A1",
    isrc: str = "SEABC2600001",
    uri: str = "01.flac",
    title: str = "Low Tide",
    contributors: str = "",
    ai: str = "<ContainsAI>None</ContainsAI>",
    rest: str = "",
) -> str:
    """A sound recording of ERN 4.3.2."""
    return f"""
    <SoundRecording>
      <ResourceReference>{reference}</ResourceReference>
      <Type>MusicalWorkSoundRecording</Type>
      <SoundRecordingEdition>
        <ResourceId><ISRC>{isrc}</ISRC></ResourceId>
        <TechnicalDetails>
          <TechnicalResourceDetailsReference>T{reference}</TechnicalResourceDetailsReference>
          <DeliveryFile><Type>AudioFile</Type><File><URI>{uri}</URI></File></DeliveryFile>
        </TechnicalDetails>
      </SoundRecordingEdition>
      <DisplayTitleText>{title}</DisplayTitleText>
      <DisplayTitle IsDefault="true"><TitleText>{title}</TitleText></DisplayTitle>
      <DisplayArtistName>Mara Lindqvist</DisplayArtistName>
      <DisplayArtist SequenceNumber="1">
        <ArtistPartyReference>PMara</ArtistPartyReference><DisplayArtistRole>MainArtist</DisplayArtistRole>
      </DisplayArtist>
      <Contributor>
        <ContributorPartyReference>PMara</ContributorPartyReference>
        <Role><Value>Composer</Value></Role><Role><Value>Lyricist</Value></Role><Role><Value>Vocalist</Value></Role>
      </Contributor>{contributors}
      <Duration>PT3M7S</Duration>
      <ParentalWarningType>NotExplicit</ParentalWarningType>
      {ai}{rest}
      <IsInstrumental>false</IsInstrumental>
      <LanguageOfPerformance>en</LanguageOfPerformance>
    </SoundRecording>"""


def a_message(
    recordings: str | None = None,
    *,
    message_id: str = "HAR-1",
    header: str = "",
    release_date: str = "2030-06-01",
    name: str = "Mara Lindqvist",
    items: str = "<ResourceGroupContentItem><SequenceNumber>1</SequenceNumber>"
    "<ReleaseResourceReference>A1</ReleaseResourceReference></ResourceGroupContentItem>",
    rest: str = "",
    deals: str = "<TerritoryCode>Worldwide</TerritoryCode>",
    cover: str = "cover.jpg",
    namespace: str = "http://ddex.net/xml/ern/432",
    upc: str = "036000291452",
    release: str = "",
) -> str:
    """A single that no check holds against its label, as ERN 4.3.2."""
    recordings = a_recording() if recordings is None else recordings
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:NewReleaseMessage xmlns:ern="{namespace}" AvsVersionId="9" LanguageAndScriptCode="en">
  <MessageHeader>
    <MessageId>{message_id}</MessageId>
    <MessageSender><PartyId>PADPIDA2026112201H</PartyId></MessageSender>
    <MessageRecipient><PartyId>PADPIDA2026112202H</PartyId></MessageRecipient>
    <MessageCreatedDateTime>2026-11-22T10:00:00Z</MessageCreatedDateTime>{header}
  </MessageHeader>
  <PartyList>
    <Party>
      <PartyReference>PMara</PartyReference><PartyName><FullName>{name}</FullName></PartyName>
      <PartyId><ISNI>0000000121707484</ISNI></PartyId>
    </Party>
    <Party>
      <PartyReference>PHarbour</PartyReference><PartyName><FullName>Harbour Records</FullName></PartyName>
    </Party>
  </PartyList>
  <ResourceList>{recordings}
    <Image>
      <ResourceReference>A99</ResourceReference>
      <Type>FrontCoverImage</Type>
      <ResourceId><ProprietaryId Namespace="PADPIDA2026112201H">COVER</ProprietaryId></ResourceId>
      <ContainsAI>None</ContainsAI>
      <TechnicalDetails>
        <TechnicalResourceDetailsReference>T99</TechnicalResourceDetailsReference>
        <File><URI>{cover}</URI></File>
      </TechnicalDetails>
    </Image>
  </ResourceList>
  <ReleaseList>
    <Release LanguageAndScriptCode="en">
      <ReleaseReference>R0</ReleaseReference>
      <ReleaseType>Single</ReleaseType>
      <ReleaseId><ICPN>{upc}</ICPN></ReleaseId>
      <DisplayTitleText>Low Tide</DisplayTitleText>
      <DisplayTitle IsDefault="true"><TitleText>Low Tide</TitleText></DisplayTitle>
      <DisplayArtistName>Mara Lindqvist</DisplayArtistName>
      <DisplayArtist SequenceNumber="1">
        <ArtistPartyReference>PMara</ArtistPartyReference><DisplayArtistRole>MainArtist</DisplayArtistRole>
      </DisplayArtist>
      <ReleaseLabelReference>PHarbour</ReleaseLabelReference>
      <PLine><Year>2030</Year><PLineText>(P) 2030 Harbour Records</PLineText></PLine>
      <CLine><Year>2030</Year><CLineText>(C) 2030 Harbour Records</CLineText></CLine>
      <DisplayGenre><GenreText>Folk</GenreText></DisplayGenre>
      <ReleaseDate>{release_date}</ReleaseDate>
      <ParentalWarningType>NotExplicit</ParentalWarningType>{release}
      <ResourceGroup>{items}
        <LinkedReleaseResourceReference>A99</LinkedReleaseResourceReference>
      </ResourceGroup>
    </Release>
  </ReleaseList>
  <DealList>
    <ReleaseDeal>
      <DealReleaseReference>R0</DealReleaseReference>
      <Deal><DealTerms>{deals}
        <ValidityPeriod><StartDate>2030-06-01</StartDate></ValidityPeriod>
      </DealTerms></Deal>
    </ReleaseDeal>
  </DealList>{rest}
</ern:NewReleaseMessage>
"""
