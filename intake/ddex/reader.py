"""Reads a NewReleaseMessage (ERN 3.8 to 4.3.2) into a delivery document, and says what it did not understand.

Runs in a child that is shut in (``confined``). It judges nothing that the checks judge: an ISRC is handed on as it is
written. It reports what only a message can get wrong: references to nothing, files outside the delivery, dates that do
not exist.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from intake.ddex import ai_statements, message_purpose, recordings, vocabulary
from intake.ddex.parse_context import Fault, Gathering
from intake.ddex.tracked_xml import Node, Refused, Tree, parse_tracked_xml

#: Paths of what was not understood that are listed one by one; of a long list the rest is counted.
MAX_UNREAD = 200


def parse_ern_message(source: BinaryIO) -> bytes:
    """A message's bytes → JSON: header, document, places, faults, unread."""
    try:
        tree = parse_tracked_xml(source.read())
        answer = _parse_release_message(tree)
    except Refused as error:
        answer = {"faults": [dataclasses.asdict(Fault(error.code, error.message, "/", error.line))]}
    return json.dumps(answer).encode()


def _parse_release_message(tree: Tree) -> dict[str, Any]:
    root = tree.node()
    if root.name == "PurgeReleaseMessage":
        raise Refused("ddex.takedown", "A PurgeReleaseMessage removes a release instead of delivering one.", 1)
    if root.name != "NewReleaseMessage":
        raise Refused("ddex.not_a_release", f"The message is a {root.name[:80]}, not a NewReleaseMessage.", 1)
    if tree.namespace not in vocabulary.NAMESPACES:
        said = f"'{tree.namespace[:100]}'" if tree.namespace else "none"
        raise Refused("ddex.namespace_unknown", f"No version of ERN is known by the namespace {said}.", 1)
    gathering = Gathering(tree)
    header = _parse_message_header(root)
    document = _Reading(gathering, root).document(header.get("sender"))
    message_purpose.check_message_purpose(gathering, root)
    _check_references(gathering, root)
    unread = _list_unread_values(gathering, tree)
    return {
        "version": vocabulary.NAMESPACES[tree.namespace],
        "header": header,
        "document": document,
        "places": gathering.places,
        "faults": [dataclasses.asdict(fault) for fault in gathering.faults],
        "unread": unread,
    }


def _check_references(gathering: Gathering, root: Node) -> None:
    """Whatever points at something must point at something that is there, whether or not we follow it."""
    known: dict[str, set[str]] = {}
    for kind, names in _ANCHORS.items():
        known[kind] = {
            _plain_element_text(element) for element in root.tree.root.iter(*(f"{{*}}{name}" for name in names))
        }
    for kind, names in _REFERENCES.items():
        for element in root.tree.root.iter(*(f"{{*}}{name}" for name in names)):
            if (name := _plain_element_text(element)) not in known[kind]:
                gathering.dangling(Node(root.tree, (element,)), name, kind)


def _plain_element_text(element: Any) -> str:
    return (element.text or "").strip()


def _list_unread_values(get: Gathering, tree: Tree) -> list[dict[str, Any]]:
    """What was not read: one entry a path without its numbers, with the first line and how often.

    What speaks of AI is reported apart: it must not be one line among many that do not matter.
    """
    found: dict[str, dict[str, Any]] = {}
    for path, line, value in tree.unread():
        if ai_statements.is_ai_statement(path, value):
            get.report(Fault("ddex.ai_unread", ai_statements.unread_message(path, value), path, line, value[:200]))
            continue
        plain = re.sub(r"\[[0-9]+\]", "", path)
        entry = found.setdefault(plain, {"xpath": plain, "line": line, "count": 0})
        entry["count"] += 1
    return list(found.values())[:MAX_UNREAD]


def _parse_message_header(root: Node) -> dict[str, Any]:
    header = root.one("MessageHeader")
    if header is None:
        return {}
    for item in ("MessageThreadId", "MessageCreatedDateTime", "MessageFileName"):
        header.text(item)
    for recipient in header.all("MessageRecipient"):
        recipient.text("PartyId")
        _full_name(recipient)
    root.settle("LanguageAndScriptCode")
    sender = header.one("MessageSender")
    return {
        "message_id": header.text("MessageId"),
        "sender": sender.text("PartyId") if sender else None,
        "sender_name": _full_name(sender) if sender else None,
        "test": header.text("MessageControlType") == "TestMessage",
    }


def _full_name(party: Node) -> str | None:
    name = party.one("PartyName")
    return name.text("FullName") if name else None


@dataclass
class _Reading:
    """One message on its way to a document."""

    gathering: Gathering
    root: Node
    sounds: dict[str, Node] = field(default_factory=dict)
    images: dict[str, Node] = field(default_factory=dict)
    others: dict[str, Node] = field(default_factory=dict)

    def document(self, sender: str | None) -> dict[str, Any] | None:
        """The delivery document; None where there is no release in the message."""
        self.gathering.index_parties(self.root.one("PartyList"))
        self._index_resources()
        main = self._main_release()
        if main is None:
            self.gathering.fault("ddex.release_missing", "The message has no release.", self.root)
            return None
        release = self._release(main)
        release["label_dpid"] = sender if sender != vocabulary.NO_DPID else None
        self.gathering.place("/release", main)
        return {"release": release, "files": self.gathering.files}

    def _index_resources(self) -> None:
        resources = self.root.one("ResourceList")
        kinds = {"SoundRecording": self.sounds, "Image": self.images}
        taken: set[str] = set()
        for resource in resources.within().each(*_RESOURCES) if resources else ():
            reference = resource.text("ResourceReference")
            if reference is None:
                continue
            if reference in taken:
                words_ = f"The reference {reference} stands for more than one resource."
                self.gathering.fault("ddex.reference_duplicate", words_, resource, reference)
            taken.add(reference)
            kinds.get(resource.name, self.others).setdefault(reference, resource)

    def _main_release(self) -> Node | None:
        """The product itself. Until ERN 4.1 its tracks are releases too, and one is marked as the main one."""
        listed = self.root.one("ReleaseList")
        releases = listed.each("Release") if listed else []
        marked = [release for release in releases if release.attribute("IsMainRelease") == "true"]
        main = next(iter(marked or releases), None)
        return main.within("ReleaseDetailsByTerritory") if main else None

    # --- The release ----------------------------------------------------------------------------------------------

    def _release(self, main: Node) -> dict[str, Any]:
        get = self.gathering
        identifier = main.one("ReleaseId")
        title, version = get.title("/release", main)
        kind = self._type(main)
        release: dict[str, Any] = {
            "title": title or "",
            "version": version or "",
            "type": kind,
            "upc": get.said("/release/upc", identifier, "ICPN") if identifier else None,
            "display_label": self._label(main),
            "release_date": get.date("/release/release_date", main.one("ReleaseDate", "GlobalReleaseDate")),
            "original_release_date": get.date(
                "/release/original_release_date", main.one("OriginalReleaseDate", "GlobalOriginalReleaseDate")
            ),
            "display_artists": get.artists("/release/display_artists", main),
            "p_line": get.rights_line("/release/p_line", main, "P"),
            "c_line": get.rights_line("/release/c_line", main, "C"),
            "genre": self._genre(main),
            "language": main.attribute("LanguageAndScriptCode"),
            "advisory": get.advisory("/release/advisory", main),
        }
        self._settle_release(main)
        release["tracks"] = self._tracks(main)
        release["cover"] = self._cover(main)
        ai_statements.declare_release(get, main, release)
        release |= self._deals(main, release)
        shared = self._shared_p_line()
        release["p_line"] = release["p_line"] or shared
        return release

    def _settle_release(self, main: Node) -> None:
        """What repeats what is known from elsewhere."""
        main.text("Duration")
        main.text("ReleaseReference")
        listed = self.root.one("ReleaseList")
        label = main.text("ReleaseLabelReference")
        for track in listed.all("TrackRelease") if listed else ():
            track.text("ReleaseReference")
            track.text("ReleaseResourceReference")
            if (same := track.one("ReleaseLabelReference")) and _plain_element_text(same.elements[0]) == label:
                same.text()
                same.settle("ApplicableTerritoryCode", "IsDefault")
        if identifier := main.one("ReleaseId"):
            identifier.settle("IsReplaced")
            for proprietary in identifier.all("ProprietaryId"):
                if proprietary.attribute("Namespace") == vocabulary.OWN:
                    proprietary.text()

    def _type(self, main: Node) -> str:
        node = main.one("ReleaseType")
        kind = node.text() if node else None
        several = main.text("IsMultiArtistCompilation") == "true"
        if main.text("IsSingleArtistCompilation") == "true" or several:
            return "compilation"
        if kind is not None and kind not in vocabulary.RELEASE_TYPES_READ and node is not None:
            self.gathering.fault("ddex.value_unknown", f"'{kind}' is taken as an album.", node, kind)
        return vocabulary.RELEASE_TYPES_READ.get(kind or "", "album")

    def _label(self, main: Node) -> str | None:
        reference = main.one("ReleaseLabelReference")
        if reference is not None:
            reference.settle("ApplicableTerritoryCode", "IsDefault")
            party = self.gathering.party(reference)
            return party.name if party else None
        return main.text("LabelName")

    def _genre(self, main: Node) -> str | None:
        node = main.one("DisplayGenre", "Genre")
        if node is None:
            return None
        node.settle("ApplicableTerritoryCode", "IsDefault")
        return self.gathering.said("/release/genre", node, "GenreText")

    def _shared_p_line(self) -> dict[str, Any] | None:
        """Some senders put the ℗ line on the recordings alone: where all agree, it is the release's as well."""
        lines = [
            self.gathering.rights_line("", recordings.merge_recording_levels(sound), "P")
            for sound in self.sounds.values()
        ]
        if any(line != lines[0] for line in lines):
            message = "The recordings have different ℗ lines; only the release's own is kept."
            self.gathering.fault("ddex.value_unknown", message, self.root)
            return None
        return lines[0] if lines else None

    # --- Its tracks and its cover -----------------------------------------------------------------------------------

    def _tracks(self, main: Node) -> list[dict[str, Any]]:
        items = [item for group in main.all("ResourceGroup") for item in _iterate_track_items(group)]
        if not items and (listed := main.one("ReleaseResourceReferenceList")):
            items = listed.all("ReleaseResourceReference")
        ordered: list[tuple[int | None, Node]] = []
        for item in items:
            if (sound := self._sound(item)) is not None:
                number = item.text("SequenceNumber") if item.name == "ResourceGroupContentItem" else None
                ordered.append((int(number) if number and re.fullmatch("[0-9]{1,4}", number) else None, sound))
        numbers = [number for number, _ in ordered]
        if None in numbers or 0 in numbers or len(set(numbers)) < len(numbers):  # several discs, each counted anew
            ordered = [(position, sound) for position, (_, sound) in enumerate(ordered, 1)]
        tracks = []
        for index, (position, sound) in enumerate(ordered):
            base = f"/release/tracks/{index}"
            self.gathering.place(base, sound)
            tracks.append({"position": position, **recordings.parse_track(self.gathering, base, sound)})
        return tracks

    def _sound(self, item: Node) -> Node | None:
        """The recording that an entry of the track list points at."""
        if item.name == "ReleaseResourceReference":
            node: Node | None = item
        else:
            node = item.one("ReleaseResourceReference")
        reference = node.text() if node else None
        if node is None or reference is None:
            return None
        node.attribute("ReleaseResourceType")
        if reference in self.sounds:
            return self.sounds[reference]
        if reference in self.others:
            kind = self.others[reference].name
            self.gathering.fault("ddex.resource_not_taken", f"A {kind} is not taken here.", node, reference)
        return None

    def _cover(self, main: Node) -> dict[str, Any] | None:
        references = [resource for group in main.all("ResourceGroup") for resource in _iterate_linked_resources(group)]
        front = [image for image in self.images.values() if image.text("Type", "ImageType") == "FrontCoverImage"]
        linked = [self.images[r] for node in references if (r := node.text()) in self.images]
        image = next(iter([item for item in front if item in linked] or front), None)
        if image is None:
            return None
        return recordings.parse_front_cover(self.gathering, image)

    # --- Where and when -------------------------------------------------------------------------------------------

    def _deals(self, main: Node, release: dict[str, Any]) -> dict[str, Any]:
        """Territories and days from the deals of the release; those of single tracks are listed as not understood."""
        own, starts = main.text("ReleaseReference"), []
        let_in: list[str] = []
        left_out: list[set[str]] = []
        preorder: str | None = None
        now = dt.datetime.now(dt.UTC)
        deals = list(self._deals_of(own))
        message_purpose.check_deals(self.gathering, deals, list(self._all_deals()), now)
        for deal in deals:
            for terms in deal.all("DealTerms"):
                if message_purpose.terms_ended(terms, now):
                    continue  # it has ended, and is listed as not understood
                named, excluded = self._territories(terms)
                if excluded:  # of the whole world, as DDEX has it
                    left_out.append(excluded)
                    named = named or [vocabulary.WORLDWIDE]
                elif vocabulary.WORLDWIDE in named:
                    left_out.append(set())
                let_in += [code for code in named if code not in let_in]
                period = terms.one("ValidityPeriod")
                start = period.one("StartDate", "StartDateTime") if period else None
                day = self.gathering.date("/release/release_date", start)
                if terms.text("IsPreOrderDeal", "PreOrderReleaseDate") == "true":
                    preorder = preorder or day
                elif day:
                    starts.append(day)
        return {
            "territories": let_in,
            # Left out is what every deal for the world leaves out, and none lets in by name.
            "excluded_territories": sorted(set.intersection(*left_out) - set(let_in)) if left_out else [],
            "release_date": release["release_date"] or min(starts, default=None),
            "preorder_date": preorder,
        }

    def _territories(self, terms: Node) -> tuple[list[str], set[str]]:
        """The countries that a deal names, and those that it leaves out."""
        found: dict[str, list[str]] = {"TerritoryCode": [], "ExcludedTerritoryCode": []}
        for kind, pointer in (("TerritoryCode", "territories"), ("ExcludedTerritoryCode", "excluded_territories")):
            for node in terms.all(kind):
                self.gathering.place(f"/release/{pointer}", node)
                found[kind] += [code] if (code := node.text()) else []
        return found["TerritoryCode"], set(found["ExcludedTerritoryCode"])

    def _deals_of(self, reference: str | None) -> Iterator[Node]:
        listed = self.root.one("DealList")
        for release_deal in listed.all("ReleaseDeal") if listed else ():
            if reference in {node.text() for node in release_deal.all("DealReleaseReference")}:
                yield from release_deal.all("Deal")

    def _all_deals(self) -> Iterator[Node]:
        listed = self.root.one("DealList")
        for release_deal in listed.all("ReleaseDeal") if listed else ():
            yield from release_deal.all("Deal")


#: What can be pointed at, by what stands for it; and what points at it.
_ANCHORS: Mapping[str, tuple[str, ...]] = {
    "party": ("PartyReference",),
    "resource": ("ResourceReference",),
    "release": ("ReleaseReference",),
}
_REFERENCES: Mapping[str, tuple[str, ...]] = {
    "party": (
        "ArtistPartyReference", "ContributorPartyReference", "ReleaseLabelReference", "RightsControllerPartyReference",
        "DisplayCreditParty",
    ),
    "resource": ("ReleaseResourceReference", "LinkedReleaseResourceReference", "ResourceRelatedResourceReference"),
    "release": ("DealReleaseReference", "ResourceGroupReleaseReference"),
}  # fmt: skip

_RESOURCES = (
    "SoundRecording", "MIDI", "Video", "Image", "Text", "SheetMusic", "Software", "UserDefinedResource",
)  # fmt: skip


def _iterate_track_items(group: Node) -> Iterator[Node]:
    """The entries of a track list, disc after disc."""
    group.text("SequenceNumber")
    for child in group.each("ResourceGroup", "ResourceGroupContentItem"):
        if child.name == "ResourceGroup":
            child.attribute("ResourceGroupType")
            yield from _iterate_track_items(child)
        else:
            yield child


def _iterate_linked_resources(group: Node) -> Iterator[Node]:
    yield from group.each("LinkedReleaseResourceReference")
    for child in group.each("ResourceGroup", "ResourceGroupContentItem"):
        yield from _iterate_linked_resources(child)
