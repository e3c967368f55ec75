"""Writes an accepted release as ERN 4.3.2: the whole message, or the part of it that discloses AI."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from checks.model import ai_declaration
from checks.model.release import Artist, ContainsAI, Contributor, Level, Release, RightsLine, Share, Track
from intake.ddex import vocabulary
from intake.ddex.parse_context import written_artists, written_title

#: What a tag of a language looks like in ERN; what does not is left out.
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z]+)?(-[a-zA-Z]{2}|-[0-9]{3})?(-[a-zA-Z][a-zA-Z0-9]{4}[a-zA-Z0-9]*)?")
#: What XML cannot hold at all.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DPID = re.compile("PADPIDA[a-zA-Z0-9]+")
_IPI = re.compile("[0-9]{11}")
_TERRITORY = re.compile("[A-Z]{2}|Worldwide")
#: What is licensed with a release that says nothing of it: to be streamed, by subscription.
_COMMERCIAL_MODEL, _USE = "SubscriptionModel", "OnDemandStream"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message says besides the release."""

    message_id: str
    created: dt.datetime
    thread_id: str = ""
    durations: Mapping[str, float] = field(default_factory=dict)  # seconds, by file name
    digests: Mapping[str, str] = field(default_factory=dict)  # SHA-256, by file name


@dataclass
class _Parties:
    """The parties of a message, each listed once."""

    references: dict[tuple[str, str | None, str | None], str] = field(default_factory=dict)

    def reference(self, name: str, isni: str | None = None, ipi: str | None = None) -> str:
        """What stands for a party."""
        return self.references.setdefault((name, isni or None, ipi or None), f"P{len(self.references) + 1}")

    def write(self, listed: Any) -> None:
        for (name, isni, ipi), reference in self.references.items():
            party = _add_element(listed, "Party")
            _add_element(party, "PartyReference", reference)
            _add_element(_add_element(party, "PartyName"), "FullName", name)
            if isni or (ipi and _IPI.fullmatch(ipi)):
                identifier = _add_element(party, "PartyId")
                _add_element(identifier, "ISNI", isni)
                _add_element(identifier, "IpiNameNumber", ipi if ipi and _IPI.fullmatch(ipi) else None)


def write_ern_message(release: Release, envelope: Envelope) -> bytes:
    """The whole NewReleaseMessage, in UTF-8."""
    root, parties = _build_root_element(), _Parties()
    _write_header(root, release, envelope)
    listed, resources = _add_element(root, "PartyList"), _add_element(root, "ResourceList")
    for number, track in enumerate(release.tracks, 1):
        _write_recording(resources, parties, release, track, f"A{number}", envelope)
    _write_image(resources, release, envelope)
    _write_release(_add_element(root, "ReleaseList"), parties, release)
    _write_deals(root, release, envelope)
    parties.write(listed)
    return _serialise_tree(root)


def write_ai_disclosure(release: Release) -> bytes:
    """The elements by which ERN discloses AI, and those by which a reader tells what they speak of."""
    root, parties = _build_root_element(), _Parties()
    listed, resources = _add_element(root, "PartyList"), _add_element(root, "ResourceList")
    for number, track in enumerate(release.tracks, 1):
        recording = _add_element(resources, "SoundRecording")
        _add_element(recording, "ResourceReference", f"A{number}")
        if track.isrc:
            _add_element(
                _add_element(_add_element(recording, "SoundRecordingEdition"), "ResourceId"), "ISRC", track.isrc
            )
        _add_element(recording, "DisplayTitleText", written_title(track.title, track.version))
        _write_contributors(recording, parties, track)
        _add_element(recording, "ContainsAI", _CONTAINS.get(contains_ai(track)))
    if release.cover:
        image = _add_element(resources, "Image")
        _add_element(image, "ResourceReference", f"A{len(release.tracks) + 1}")
        _add_element(image, "Type", "FrontCoverImage")
        _add_element(image, "ContainsAI", _CONTAINS.get(release.cover.contains_ai))
    product = _add_element(_add_element(root, "ReleaseList"), "Release")
    _add_element(product, "ReleaseReference", "R0")
    _add_element(product, "ContainsAI", _CONTAINS.get(_extent_of_release(release)))
    parties.write(listed)
    return _serialise_tree(root)


def contains_ai(track: Track) -> ContainsAI:
    """How much of a recording was generated, as ERN counts it: words and melody count, and so does finishing.

    ``All`` leaves no room for people, so a recording with a person who wrote or made a part by hand is ``Partly`` so.
    """
    said = {label.key: label.value for label in ai_declaration.list_ai_labels(track)}
    if not said:
        return ContainsAI.NONE if track.disclosure.declared else ContainsAI.UNDECLARED
    if said.get("ai:recording") != ContainsAI.ALL.value:
        return ContainsAI.PARTLY
    return (
        ContainsAI.PARTLY if any(_by_hand(track, contributor) for contributor in track.contributors) else ContainsAI.ALL
    )


_CONTAINS = {ContainsAI(ours): theirs for ours, theirs in vocabulary.CONTAINS_AI.items()}


def _by_hand(track: Track, contributor: Contributor) -> bool:
    """Whether a contributor had a part that is not declared as generated from beginning to end."""
    if contributor.ai_contribution is ContainsAI.ALL:
        return False
    generated = {
        contribution.element
        for contribution in track.disclosure.contributions
        if contribution.level is Level.FULLY_GENERATED
    }
    return (
        contributor.ai_contribution is not ContainsAI.UNDECLARED
        or not ai_declaration.parts_of(contributor) <= generated
    )


def _extent_of_release(release: Release) -> ContainsAI:
    """Of a whole release: what its recordings and its cover come to. A recording that says nothing would be read as
    declared by this, so nothing is said then."""
    extents = {contains_ai(track) for track in release.tracks}
    if ContainsAI.UNDECLARED in extents:
        return ContainsAI.UNDECLARED
    extents |= {release.cover.contains_ai} if release.cover else set()
    if len(extents) == 1:
        return extents.pop()
    generated = extents & {ContainsAI.ALL, ContainsAI.PARTLY}
    return ContainsAI.PARTLY if generated else ContainsAI.UNDECLARED


# --- The message --------------------------------------------------------------------------------------------------


def _write_header(root: Any, release: Release, envelope: Envelope) -> None:
    header = _add_element(root, "MessageHeader")
    _add_element(header, "MessageThreadId", envelope.thread_id or None)
    _add_element(header, "MessageId", envelope.message_id)
    dpid = release.label_dpid if release.label_dpid and _DPID.fullmatch(release.label_dpid) else vocabulary.NO_DPID
    sender = _add_element(header, "MessageSender")
    _add_element(sender, "PartyId", dpid)
    if release.display_label:
        _add_element(_add_element(sender, "PartyName"), "FullName", release.display_label)
    _add_element(_add_element(header, "MessageRecipient"), "PartyId", vocabulary.NO_DPID)
    _add_element(header, "MessageCreatedDateTime", envelope.created.astimezone(dt.UTC).isoformat(timespec="seconds"))


def _write_recording(
    resources: Any, parties: _Parties, release: Release, track: Track, reference: str, envelope: Envelope
) -> None:
    sound = _add_element(resources, "SoundRecording")
    _add_element(sound, "ResourceReference", reference)
    spoken = track.vocals == "spoken"
    _add_element(sound, "Type", "SpokenWordSoundRecording" if spoken else "MusicalWorkSoundRecording")
    _write_edition(sound, release, track, f"T{reference[1:]}", envelope)
    if track.iswc:
        _add_element(_add_element(sound, "WorkId"), "ISWC", track.iswc)
    _write_title(sound, track.title, track.version)
    _write_artists(sound, parties, track.display_artists)
    _write_contributors(sound, parties, track)
    _write_shares(sound, parties, "ResourceRightsController", track.master_shares)
    _write_shares(sound, parties, "WorkRightsController", track.composition_shares)
    _add_element(sound, "Duration", _format_iso_duration(envelope.durations.get(track.file, 0.0)))
    _add_element(sound, "ParentalWarningType", vocabulary.ADVISORIES.get(track.advisory or ""))
    for relation in track.relations:
        related = _add_element(sound, "RelatedResource")
        _add_element(related, "ResourceRelationshipType", vocabulary.RELATIONS.get(relation.type, "UserDefined"))
        own = relation.type not in vocabulary.RELATIONS
        if relation.isrc or own:
            identifier = _add_element(related, "ResourceId")
            _add_element(identifier, "ISRC", relation.isrc)
            _add_element(identifier, "ProprietaryId", relation.type if own else None, Namespace=vocabulary.OWN)
    _add_element(sound, "ContainsAI", _CONTAINS.get(contains_ai(track)))
    _add_element(sound, "IsCover", "true" if any(item.type == "cover_of" for item in track.relations) else None)
    _add_element(sound, "IsInstrumental", {"instrumental": "true", "vocal": "false"}.get(track.vocals or ""))
    _add_element(sound, "LanguageOfPerformance", _ddex_language(track.language))


def _write_edition(sound: Any, release: Release, track: Track, reference: str, envelope: Envelope) -> None:
    edition = _add_element(sound, "SoundRecordingEdition")
    identifier = _add_element(edition, "ResourceId")
    _add_element(identifier, "ISRC", track.isrc)
    _rights_line(edition, "P", "℗", release.p_line)
    details = _add_element(edition, "TechnicalDetails")
    _add_element(details, "TechnicalResourceDetailsReference", reference)
    delivery = _add_element(details, "DeliveryFile")
    _add_element(delivery, "Type", "AudioFile")
    _write_file(delivery, track.file, envelope)
    if track.preview_start is not None:
        clip = _add_element(details, "ClipDetails")
        _add_element(clip, "TechnicalResourceDetailsReference", f"{reference}C")
        _add_element(clip, "ClipType", "Preview")
        _add_element(_add_element(clip, "Timing"), "StartPoint", f"{track.preview_start:f}")
        _add_element(clip, "ExpressionType", "Instructive")


def _write_image(resources: Any, release: Release, envelope: Envelope) -> None:
    if release.cover is None:
        return
    number = len(release.tracks) + 1
    image = _add_element(resources, "Image")
    _add_element(image, "ResourceReference", f"A{number}")
    _add_element(image, "Type", "FrontCoverImage")
    _add_element(
        _add_element(image, "ResourceId"), "ProprietaryId", f"{envelope.message_id}:cover", Namespace=vocabulary.OWN
    )
    _add_element(image, "ContainsAI", _CONTAINS.get(release.cover.contains_ai))
    details = _add_element(image, "TechnicalDetails")
    _add_element(details, "TechnicalResourceDetailsReference", f"T{number}")
    _write_file(details, release.cover.file, envelope)


def _write_release(listed: Any, parties: _Parties, release: Release) -> None:
    product = _add_element(listed, "Release")
    if language := _ddex_language(release.language):
        product.set("LanguageAndScriptCode", language)
    _add_element(product, "ReleaseReference", "R0")
    _add_element(product, "ReleaseType", vocabulary.RELEASE_TYPES[release.type])
    _add_element(_add_element(product, "ReleaseId"), "ICPN", release.upc)
    _write_title(product, release.title, release.version)
    _write_artists(product, parties, release.display_artists)
    _add_element(product, "ReleaseLabelReference", parties.reference(release.display_label or ""))
    _rights_line(product, "P", "℗", release.p_line)
    _rights_line(product, "C", "©", release.c_line)
    _add_element(_add_element(product, "DisplayGenre"), "GenreText", release.genre or "")
    _add_element(product, "ReleaseDate", release.release_date.isoformat() if release.release_date else None)
    original = release.original_release_date
    _add_element(product, "OriginalReleaseDate", original.isoformat() if original else None)
    _add_element(product, "ParentalWarningType", vocabulary.ADVISORIES.get(release.advisory or ""))
    _add_element(product, "IsMultiArtistCompilation", "true" if release.type == "compilation" else None)
    group = _add_element(product, "ResourceGroup")
    for number, track in enumerate(release.tracks, 1):
        item = _add_element(group, "ResourceGroupContentItem")
        _add_element(item, "SequenceNumber", str(track.position))
        _add_element(item, "ReleaseResourceReference", f"A{number}")
    _add_element(group, "LinkedReleaseResourceReference", f"A{len(release.tracks) + 1}" if release.cover else None)
    _add_element(product, "ContainsAI", _CONTAINS.get(_extent_of_release(release)))


def _write_deals(root: Any, release: Release, envelope: Envelope) -> None:
    """Where and from when; nothing is licensed where no territory is named."""
    territories, excluded = _split_territories(release)
    if not territories and not excluded:
        return
    deals = _add_element(_add_element(root, "DealList"), "ReleaseDeal")
    _add_element(deals, "DealReleaseReference", "R0")
    start = release.release_date or envelope.created.date()
    for day, preorder in ((start, False), (release.preorder_date, True)):
        if day is None:
            continue
        terms = _add_element(_add_element(deals, "Deal"), "DealTerms")
        for code in territories:
            _add_element(terms, "TerritoryCode", code)
        for code in excluded:
            _add_element(terms, "ExcludedTerritoryCode", code)
        _add_element(_add_element(terms, "ValidityPeriod"), "StartDate", day.isoformat())
        _add_element(terms, "CommercialModelType", "PayAsYouGoModel" if preorder else _COMMERCIAL_MODEL)
        _add_element(terms, "UseType", "PermanentDownload" if preorder else _USE)
        _add_element(terms, "IsPreOrderDeal", "true" if preorder else None)


def _split_territories(release: Release) -> tuple[list[str], list[str]]:
    """Countries let in, or countries of the world left out: a deal names the ones or the others."""
    excluded = [code for code in release.excluded_territories if _TERRITORY.fullmatch(code)]
    named = [code for code in release.territories if _TERRITORY.fullmatch(code) and code not in excluded]
    return ([], excluded) if excluded and vocabulary.WORLDWIDE in named else (named, [])


# --- What several parts have in common ----------------------------------------------------------------------------


def _write_title(parent: Any, title: str, version: str) -> None:
    _add_element(parent, "DisplayTitleText", written_title(title, version))
    display = _add_element(parent, "DisplayTitle", ApplicableTerritoryCode="Worldwide", IsDefault="true")
    _add_element(display, "TitleText", title)
    _add_element(display, "SubTitle", version or None, SubTitleType="Version")


def _write_artists(parent: Any, parties: _Parties, artists: Iterable[Artist]) -> None:
    artists = list(artists)
    _add_element(parent, "DisplayArtistName", written_artists([artist.name for artist in artists]))
    for number, artist in enumerate(artists, 1):
        display = _add_element(parent, "DisplayArtist", SequenceNumber=str(number))
        if artist.party_type == vocabulary.GENERATIVE:
            _add_element(display, "SpecialDisplayArtist", vocabulary.GENERATIVE_AI)
        else:
            _add_element(display, "ArtistPartyReference", parties.reference(artist.name, artist.isni))
        _add_element(display, "DisplayArtistRole", vocabulary.ARTIST_ROLES.get(artist.role, "MainArtist"))


def _write_contributors(parent: Any, parties: _Parties, track: Track) -> None:
    """People by reference; a machine as what it is: with the name under which it is credited, or for its part alone."""
    whole = contains_ai(track) is ContainsAI.ALL
    for item in track.contributors:
        contributor = _add_element(parent, "Contributor")
        if whole or item.ai_contribution is ContainsAI.ALL:
            _add_element(contributor, "SpecialContributor", vocabulary.GENERATIVE_AI)
            _write_roles(contributor, item.roles)
            _add_element(contributor, "AiContribution", "All")
            _add_element(_add_element(contributor, "DisplayCredits"), "DisplayCreditText", item.name)
        else:
            _add_element(contributor, "ContributorPartyReference", parties.reference(item.name, item.isni, item.ipi))
            _write_roles(contributor, item.roles)
            _add_element(contributor, "AiContribution", _CONTAINS.get(item.ai_contribution))
    for contribution in track.disclosure.contributions:
        role = vocabulary.ELEMENT_ROLES.get(contribution.element.value)
        if role and contribution.level.generated:
            contributor = _add_element(parent, "Contributor")
            _add_element(contributor, "SpecialContributor", vocabulary.GENERATIVE_AI)
            _add_element(_add_element(contributor, "Role"), "Value", role)
            fully = contribution.level is Level.FULLY_GENERATED
            _add_element(contributor, "AiContribution", "All" if fully else "Partly")


def _write_roles(contributor: Any, roles: Iterable[str]) -> None:
    for role in roles:
        written = vocabulary.role_written(role)
        own = {} if written else {"Namespace": vocabulary.OWN, "UserDefinedValue": role}
        _add_element(_add_element(contributor, "Role"), "Value", written or "UserDefined", **own)


def _write_shares(parent: Any, parties: _Parties, kind: str, shares: Iterable[Share] | None) -> None:
    for share in shares or ():
        controller = _add_element(parent, kind)
        _add_element(controller, "RightsControllerPartyReference", parties.reference(share.party))
        _add_element(controller, "RightSharePercentage", f"{share.percent:f}")


def _rights_line(parent: Any, letter: str, sign: str, line: RightsLine | None) -> None:
    if line is None:
        return
    written = _add_element(parent, f"{letter}Line")
    _add_element(written, "Year", f"{line.year:04}")
    _add_element(written, f"{letter}LineCompany", line.owner)
    _add_element(written, f"{letter}LineText", f"{sign} {line.year} {line.owner}")


def _write_file(parent: Any, name: str, envelope: Envelope) -> None:
    file = _add_element(parent, "File")
    _add_element(file, "URI", name)
    if digest := envelope.digests.get(name):
        checksum = _add_element(file, "HashSum")
        _add_element(checksum, "Algorithm", "SHA-256")
        _add_element(checksum, "HashSumValue", digest)


def _ddex_language(tag: str | None) -> str | None:
    return tag if tag and _LANGUAGE.fullmatch(tag) else None


def _format_iso_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"PT{minutes // 60}H{minutes % 60:02}M{rest:02}S"


def _build_root_element() -> Any:
    root = etree.Element(f"{{{vocabulary.NAMESPACE}}}NewReleaseMessage", nsmap={"ern": vocabulary.NAMESPACE})
    root.set("AvsVersionId", vocabulary.AVS_VERSION)
    root.set("ReleaseProfileVersionId", "Audio")
    root.set("LanguageAndScriptCode", "en")
    return root


def _add_element(parent: Any, name: str, text: str | None = "", **attributes: str) -> Any:
    """Add an element; none where its text is None. What XML cannot hold is left out of the text."""
    if text is None:
        return None
    element = etree.SubElement(parent, name)
    element.text = _IMPOSSIBLE.sub("", text) or None
    for key, value in attributes.items():
        element.set(key, _IMPOSSIBLE.sub("", value))
    return element


def _serialise_tree(root: Any) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
