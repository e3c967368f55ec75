"""What reading a message gathers besides the document: where each value stood, which files it names, what is wrong."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from intake.ddex import vocabulary
from intake.ddex.tracked_xml import Node, Tree

#: Faults of one code that are reported. Each code is counted apart: many warnings must not hide what refuses or holds.
MAX_FAULTS = 100

_SHA256_NAMES = ("SHA-256", "SHA256", "SHA2")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the message itself."""

    code: str
    message: str
    xpath: str
    line: int | None
    measured: str | None = None
    subject: str = "release"


@dataclass(frozen=True, slots=True)
class Party:
    """A person or organisation of the message."""

    name: str
    isni: str | None = None
    ipi: str | None = None


class Gathering:
    """Collects while the parts of a message are read."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.places: dict[str, tuple[str, int]] = {}
        self.faults: list[Fault] = []
        self.files: dict[str, dict[str, str]] = {}
        #: Generative AI as a display artist, by the pointer of the artists: the name that is displayed, and its roles.
        self.machines: dict[str, list[tuple[str | None, list[str]]]] = {}
        self._uris: dict[str, str] = {}
        self._parties: dict[str, Node] = {}

    def place(self, pointer: str, node: Node) -> None:
        """Remember where the value at a JSON pointer of the document comes from."""
        if pointer:
            self.places.setdefault(pointer, node.place)

    def fault(self, code: str, message: str, node: Node, measured: str | None = None) -> None:
        """Report something wrong, with its place."""
        xpath, line = node.place
        self.report(Fault(code, message, xpath, line, measured[:200] if measured else None))

    def report(self, fault: Fault) -> None:
        """Keep a fault, unless it is known or its code has been reported often enough."""
        same = [item for item in self.faults if item.code == fault.code]
        if len(same) < MAX_FAULTS and fault not in same:
            self.faults.append(fault)

    def dangling(self, node: Node, reference: str, what: str) -> None:
        """Report a reference to something that the message does not have."""
        message = f"{reference[:80] or 'A reference'} points at no {what} of this message."
        self.fault("ddex.reference_dangling", message, node, reference)

    def said(self, pointer: str, node: Node, *names: str) -> str | None:
        """A text, with its place; a comment that splits it is reported."""
        child = node.one(*names)
        if child is None:
            return None
        self.place(pointer, child)
        self._check_whole(child)
        return child.text()

    def _check_whole(self, node: Node) -> None:
        if node.interrupted:
            message = "A comment stands inside this value; it was read as if it were not there."
            self.fault("ddex.value_interrupted", message, node)

    # --- Parties --------------------------------------------------------------------------------------------------

    def index_parties(self, listed: Node | None) -> None:
        """The parties by the references that stand for them."""
        for party in listed.all("Party") if listed else ():
            reference = party.text("PartyReference")
            if reference in self._parties:
                message = f"The reference {reference} stands for more than one party."
                self.fault("ddex.reference_duplicate", message, party, reference)
            elif reference:
                self._parties[reference] = party

    def party(self, reference: Node) -> Party | None:
        """The party that a reference points at; None where there is none, which is reported for all of them at once."""
        party = self._parties.get(reference.text() or "")
        return self.described(party) if party else None

    def described(self, node: Node) -> Party:
        """A party as the message describes it, in a list of its own or where it is needed."""
        names = node.all("PartyName")
        plain = [name for name in names if name.attribute("IsDefault") == "true"]
        plain += [item for item in names if item.elements[0].get("LanguageAndScriptCode") is None]
        chosen = next(iter([*plain, *names]), None)
        full = chosen.one("FullName") if chosen else None
        if full is not None:
            self._check_whole(full)
        isni = ipi = None
        for identifier in node.all("PartyId"):
            if identifier.attribute("IsISNI") == "true":
                isni = isni or identifier.text()
            isni = isni or identifier.text("ISNI")
            ipi = ipi or identifier.text("IpiNameNumber")
        return Party((full.text() if full else None) or "", isni, ipi)

    def artists(self, pointer: str, node: Node) -> list[dict[str, Any]]:
        """The display artists, in their order."""
        found = [
            artist for item in _in_order(node.all("DisplayArtist")) if (artist := self._artist(pointer, node, item))
        ]
        if found and (first := node.one("DisplayArtist")):
            self.place(pointer, first)
        self._read_artist_names(node, [artist["name"] for artist in found])
        if not found and (name := self.said(pointer, node, "DisplayArtistName")):
            found = [{"name": name, "role": "main"}]
        return found

    def _artist(self, pointer: str, owner: Node, node: Node) -> dict[str, Any] | None:
        role_node = node.one("DisplayArtistRole", "ArtistRole")
        role = role_node.text() if role_node else None
        special = node.text("SpecialDisplayArtist")
        if special == vocabulary.GENERATIVE_AI:
            return self._machine(pointer, owner, node, role)
        if role_node is not None and role not in vocabulary.ARTIST_ROLES_READ:
            self.fault("ddex.value_unknown", f"The artist role '{role}' is taken as main.", role_node, role)
        if special is not None:
            spelt = {"VariousArtists": "Various Artists", "Traditional": "Traditional"}
            name = spelt.get(special) or owner.text("DisplayArtistName") or special
            return {"name": name, "role": "main"}
        reference = node.one("ArtistPartyReference")
        party = self.party(reference) if reference else self.described(node)
        if party is None:
            return None
        return {"name": party.name, "role": vocabulary.ARTIST_ROLES_READ.get(role or "", "main"), "isni": party.isni}

    def _machine(self, pointer: str, owner: Node, node: Node, role: str | None) -> dict[str, Any] | None:
        """Generative AI as a display artist: a declaration, and an artist only where a name is displayed for it."""
        name = owner.text("DisplayArtistName")
        said = [role, *(entry.text("Value") or entry.text() for entry in node.all("ArtisticRole"))]
        roles = [vocabulary.role_read(item) for item in said if item and item not in vocabulary.ARTIST_ROLES_READ]
        self.machines.setdefault(pointer, []).append((name, roles or ["artist"]))
        if name is None:
            return None
        return {
            "name": name,
            "role": vocabulary.ARTIST_ROLES_READ.get(role or "", "main"),
            "party_type": vocabulary.GENERATIVE,
        }

    @staticmethod
    def _read_artist_names(node: Node, names: Sequence[str]) -> None:
        """The artists written as one line: read where it adds nothing to the artists themselves."""
        for line in node.all("DisplayArtistName"):
            if "".join(line.elements[0].itertext()).strip() in (*names, written_artists(names)):
                line.text()
                line.settle("ApplicableTerritoryCode", "IsDefault", "LanguageAndScriptCode")

    # --- Values ---------------------------------------------------------------------------------------------------

    def title(self, base: str, node: Node) -> tuple[str | None, str | None]:
        """Title and version: the default ones, of the several that a message may have for countries and scripts."""
        titles = node.all("DisplayTitle", "ReferenceTitle", "Title")
        chosen = next((title for title in titles if title.attribute("IsDefault") == "true"), None) or next(
            iter(titles), None
        )
        if chosen is None:
            return self.said(f"{base}/title", node, "DisplayTitleText"), None
        chosen.settle("ApplicableTerritoryCode", "LanguageAndScriptCode", "TitleType")
        text = self.said(f"{base}/title", chosen, "TitleText")
        parts = chosen.all("SubTitle")
        for part in parts:
            part.settle("SubTitleType", "SequenceNumber", "IsDisplayedInTitle")
        version = ", ".join(filter(None, (part.text() for part in parts))) or None
        for line in node.all("DisplayTitleText"):
            if (line.elements[0].text or "").strip() in (text, written_title(text or "", version or "")):
                line.text()
                line.settle("ApplicableTerritoryCode", "IsDefault", "LanguageAndScriptCode")
        return text, version

    def date(self, pointer: str, node: Node | None) -> str | None:
        """A day. One that does not exist is a fault; a month or a year alone is no day, and is told."""
        if node is None:
            return None
        self.place(pointer, node)
        node.settle("ApplicableTerritoryCode", "IsDefault")
        text = node.text() or ""
        match = re.fullmatch(r"([0-9]{4})(-[0-9]{2})?(-[0-9]{2})?(T.*)?", text, re.ASCII)
        if match and not match[3]:
            self.fault("ddex.date_partial", f"'{text}' names no day.", node, text)
            return None
        try:
            return dt.date.fromisoformat(text[:10] if match else "").isoformat()
        except ValueError:
            self.fault("ddex.date_invalid", f"'{text[:40]}' is no date that exists.", node, text)
            return None

    def advisory(self, pointer: str, node: Node) -> str | None:
        """explicit, clean or not_explicit; None where the message says that it gives no advice."""
        read = {theirs: ours for ours, theirs in vocabulary.ADVISORIES.items()}
        for item in node.all("ParentalWarningType"):
            item.settle("ApplicableTerritoryCode", "IsDefault")
            self.place(pointer, item)
            value = item.text()
            if value in read:
                return read[value]
            if value not in (None, vocabulary.NO_ADVICE):
                self.fault("ddex.value_unknown", f"'{value}' is no advisory that is known here.", item, value)
        return None

    def rights_line(self, pointer: str, node: Node, letter: str) -> dict[str, Any] | None:
        """A ℗ or © line. Where the owner is not named apart, it is the text without sign and year."""
        line = node.one(f"{letter}Line")
        if line is None:
            return None
        line.settle("ApplicableTerritoryCode", "IsDefault")
        self.place(pointer, line)
        text = line.text(f"{letter}LineText") or ""
        sign = re.match(rf"\s*(?:[(]?[{letter}{letter.lower()}℗©][)]?)?\s*([0-9]{{4}})?\s*", text)
        year = line.text("Year") or (sign[1] if sign else None)
        owner = line.text(f"{letter}LineCompany") or (text[sign.end() :] if sign else text)
        if not year or not re.fullmatch("[0-9]{4}", year) or year == "0000":
            self.fault("ddex.value_unknown", f"The {letter} line names no year.", line, text)
            return None
        return {"year": int(year), "owner": owner}

    # --- Files ----------------------------------------------------------------------------------------------------

    def file(self, pointer: str, node: Node | None) -> str | None:
        """The name of a delivered file, from its URI: plain, or with folders inside the delivery before it."""
        if node is None:
            return None
        uri_node = node.one("URI", "FileName")
        uri = uri_node.text() if uri_node else None
        if uri_node is None or uri is None:
            return None
        self.place(pointer, uri_node)
        folder = node.text("FilePath") or ""
        whole = f"{folder.rstrip('/')}/{uri}" if folder else uri
        name = PurePosixPath(uri).name
        if not _is_inside_folder(whole):
            message = f"'{uri[:80]}' does not name a file of this delivery."
            self.fault("ddex.uri_unsafe", message, uri_node, uri)
            return name or "unnamed"
        if self._uris.setdefault(name, whole) != whole:
            message = f"Two different files are called {name[:80]}; files are told apart by their last name."
            self.fault("ddex.file_ambiguous", message, uri_node, uri)
        self._read_digest(node, name)
        node.text("FileSize")
        return name

    def _read_digest(self, file: Node, name: str) -> None:
        declared = self.files.setdefault(name, {"sha256": ""})
        digest = file.one("HashSum")
        if digest is None:
            return
        algorithm = digest.text("Algorithm", "HashSumAlgorithmType") or ""
        value = digest.text("HashSumValue", "HashSum") or ""
        if algorithm in _SHA256_NAMES and len(value) == 64:
            declared["sha256"] = value.lower()
        else:
            message = f"A {algorithm or 'nameless'} checksum is not compared here; SHA-256 is."
            self.fault("ddex.checksum_unused", message, digest, algorithm)


def _is_inside_folder(uri: str) -> bool:
    """Whether a URI is a relative path that stays below the folder it starts from."""
    plain = unquote(unquote(uri)).replace("\\", "/")
    rooted = plain.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", plain)
    parts = plain.split("/")
    return not rooted and plain.isprintable() and ".." not in parts and bool(parts[-1]) and parts[-1] != "."


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """By their sequence numbers, where all have one."""
    numbers = [node.attribute("SequenceNumber") for node in nodes]
    if not all(number and re.fullmatch("[0-9]{1,4}", number) for number in numbers):
        return list(nodes)
    return [node for _, node in sorted(zip(map(int, map(str, numbers)), nodes, strict=True), key=lambda pair: pair[0])]


def written_title(title: str, version: str) -> str:
    """Title and version in one line."""
    return f"{title} ({version})" if version else title


def written_artists(names: Sequence[str]) -> str:
    """Artists in one line."""
    return ", ".join(names)
