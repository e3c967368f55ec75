"""Reads the recordings and images of a message: who made them, with what help of machines, and their files."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from intake.ddex import ai_statements, vocabulary
from intake.ddex.parse_context import Gathering
from intake.ddex.tracked_xml import Node

_ELEMENT_OF_ROLE = {role: element for element, role in vocabulary.ELEMENT_ROLES.items()}
_LEVELS = {"all": "fully_generated", "partly": "partly_generated"}
_RELATIONS_READ = {theirs: ours for ours, theirs in vocabulary.RELATIONS.items()}


def merge_recording_levels(sound: Node) -> Node:
    """A recording with what the versions of ERN put one level deeper."""
    return sound.within("SoundRecordingEdition", "SoundRecordingDetailsByTerritory")


def parse_track(get: Gathering, base: str, sound: Node) -> dict[str, Any]:
    """One track of the document."""
    node = merge_recording_levels(sound)
    title, version = get.title(base, node)
    identifier, work = node.one("ResourceId", "SoundRecordingId"), node.one("WorkId", "MusicalWorkId")
    contributors, generated = _parse_contributors(get, base, node)
    artists = get.artists(f"{base}/display_artists", node)
    ai_statements.credit_generative_ai(contributors, get.machines.get(f"{base}/display_artists", ()))
    track: dict[str, Any] = {
        "title": title or "",
        "version": version or "",
        "isrc": _parse_isrc(get, base, identifier),
        "iswc": get.said(f"{base}/iswc", work, "ISWC") if work else None,
        "file": _audio_file(get, base, node),
        "display_artists": artists,
        "contributors": contributors,
        "vocals": _parse_vocals(node),
        "language": _parse_lyrics_language(get, base, node),
        "advisory": get.advisory(f"{base}/advisory", node),
        "preview_start": _parse_preview_start(get, base, node),
        "shares": {
            "master": _parse_rights_shares(get, node, "ResourceRightsController"),
            "composition": _parse_rights_shares(get, node, "WorkRightsController"),
        },
        "relations": _parse_relations(get, node),
        "disclosure": _parse_ai_disclosure(get, base, node, contributors, generated),
    }
    node.text("Duration")
    node.text("ResourceReference")
    for detail in node.all("TechnicalDetails", "TechnicalSoundRecordingDetails"):
        detail.text("TechnicalResourceDetailsReference")
    return track


def parse_front_cover(get: Gathering, image: Node) -> dict[str, Any] | None:
    """The front cover; None where no file is named for it."""
    node = image.within("ImageDetailsByTerritory")
    details = node.one("TechnicalDetails", "TechnicalImageDetails")
    name = get.file("/release/cover/file", details.one("File")) if details else None
    if details is not None:
        details.text("TechnicalResourceDetailsReference")
    if identifier := node.one("ResourceId"):
        for item in identifier.all("ProprietaryId"):
            if item.attribute("Namespace") == vocabulary.OWN:
                item.text()
    get.place("/release/cover", image)
    if name is None:
        return None
    return {"file": name, "contains_ai": ai_statements.of_image(get, node) or "undeclared"}


def _parse_isrc(get: Gathering, base: str, identifier: Node | None) -> str | None:
    isrc = get.said(f"{base}/isrc", identifier, "ISRC") if identifier else None
    if isrc and "-" in isrc and identifier and (node := identifier.one("ISRC")):
        message = f"The ISRC {isrc[:40]} is written with hyphens; DDEX writes twelve characters without."
        get.fault("ddex.isrc_hyphenated", message, node, isrc)
    return isrc


def _audio_file(get: Gathering, base: str, node: Node) -> str:
    """The file of the recording; of several forms of it, the first that is whole."""
    for details in node.all("TechnicalDetails", "TechnicalSoundRecordingDetails"):
        if details.text("IsClip") == "true" or details.text("IsPreview") == "true":
            continue
        for holder in (*details.all("DeliveryFile"), details):
            holder.text("Type")
            if name := get.file(f"{base}/file", holder.one("File")):
                return name
    return ""


def _parse_preview_start(get: Gathering, base: str, node: Node) -> float | None:
    details = node.one("TechnicalDetails", "TechnicalSoundRecordingDetails")
    clip = details.one("ClipDetails", "PreviewDetails") if details else None
    if clip is None:
        return None
    timing = clip.one("Timing") or clip
    for item in ("ClipType", "ExpressionType", "TechnicalResourceDetailsReference"):
        clip.text(item)
    start = get.said(f"{base}/preview_start", timing, "StartPoint")
    if start is None or not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,6})?", start):
        return None
    return int(start) if "." not in start else float(start)


def _parse_vocals(node: Node) -> str | None:
    kind, instrumental = node.text("Type", "SoundRecordingType"), node.text("IsInstrumental")
    sung = node.text("HasVocalPerformance")
    if kind == "SpokenWordSoundRecording":
        return "spoken"
    if instrumental == "true":
        return "instrumental"
    return "vocal" if instrumental == "false" or sung == "true" else None


def _parse_lyrics_language(get: Gathering, base: str, node: Node) -> str | None:
    """The language of the words; of several, the one that is called the main one, and the first otherwise."""
    spoken = node.all("LanguageOfPerformance")
    chosen = next((item for item in spoken if item.attribute("IsMainLanguage") == "true"), None) or next(
        iter(spoken), None
    )
    if chosen is None:
        return None
    get.place(f"{base}/language", chosen)
    return chosen.text()


def _parse_contributors(get: Gathering, base: str, node: Node) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The contributors, each party once; and the parts that are credited to a machine without a name."""
    people: dict[tuple[Any, ...], dict[str, Any]] = {}
    key: tuple[Any, ...]
    person: dict[str, Any]
    generated: list[dict[str, str]] = []
    for item in node.each("Contributor", "ResourceContributor", "IndirectResourceContributor"):
        item.settle("SequenceNumber")
        roles, special = _parse_contributor_roles(get, item), item.text("SpecialContributor")
        share = ai_statements.read_ai_extent(get, item, "AiContribution")
        if special == vocabulary.GENERATIVE_AI:
            share = ai_statements.of_machine(get, item, share)
            credit = item.one("DisplayCredits")
            name = credit.text("DisplayCreditText") if credit else None
            elements = [_ELEMENT_OF_ROLE.get(role) for role, _ in roles]
            level = _LEVELS.get(share or "all")
            if not name and level and elements and None not in elements:
                generated += [{"element": str(element), "level": level} for element in elements]
                continue
            key = (special, name)
            person = {"name": name or vocabulary.GENERATIVE_AI, "ai_contribution": share or "all"}
        else:
            reference = item.one("ContributorPartyReference")
            party = get.party(reference) if reference else get.described(item)
            if party is None:
                continue
            if share == "all":
                message = f"{party.name} is a person, and is credited as a machine."
                get.fault("ddex.ai_inconsistent", message, item, share)
            key = (party, share)
            person = {"name": _special_name(get, item, special) or party.name, "isni": party.isni, "ipi": party.ipi}
            person["ai_contribution"] = share or "undeclared"
        get.place(f"{base}/contributors", item)
        known = people.setdefault(key, person | {"roles": []})
        known["roles"] += [word for _, word in roles if word not in known["roles"]]
    return list(people.values()), generated


def _special_name(get: Gathering, contributor: Node, special: str | None) -> str | None:
    """The name of a special contributor: one that the sender defines has it in an attribute."""
    node = contributor.one("SpecialContributor")
    if special != "UserDefined" or node is None:
        return special
    node.settle("Namespace")
    own = node.attribute("UserDefinedValue")
    ai_statements.check_words(get, node, own)
    return own or special


def _parse_contributor_roles(get: Gathering, node: Node) -> list[tuple[str, str]]:
    """A contributor's roles: in the words of DDEX, and in ours. Instruments count as roles."""
    found: list[tuple[str, str]] = []
    for role in node.each("Role", "ResourceContributorRole", "IndirectResourceContributorRole", "InstrumentType"):
        inner = role.one("Value") or role
        value = inner.text()
        if value == "UserDefined":
            inner.settle("Namespace")
            own = inner.attribute("UserDefinedValue")
            ai_statements.check_words(get, inner, own)
            found.append(("UserDefined", own or "unknown"))
        elif value:
            found.append((value, vocabulary.role_read(value)))
        found += [
            (text, vocabulary.to_snake_case(text)) for item in role.all("InstrumentType") if (text := item.text())
        ]
    return found


def _parse_ai_disclosure(
    get: Gathering, base: str, node: Node, people: list[dict[str, Any]], generated: list[dict[str, str]]
) -> dict[str, Any]:
    """What the message declares about AI. Older versions have no word for it, and then nothing was declared."""
    stated = ai_statements.read_ai_extent(get, node)
    if stated and (found := node.one("ContainsAI")):
        get.place(f"{base}/disclosure", found)
    human = [person["name"] for person in people if person["ai_contribution"] in ("none", "undeclared")]
    if stated == "all" and human:
        message = f"All of the recording is declared as generated, and {human[0]} is credited as a person."
        get.fault("ddex.ai_inconsistent", message, node, "All")
    some = generated or any(item["ai_contribution"] in _LEVELS for item in people)
    declared = stated or ("partly" if some else None)  # a generated part makes the whole partly so
    return {
        "status": "declared" if declared else "undeclared",
        "contains_ai": declared or "undeclared",
        "contributions": generated,
    }


def _parse_rights_shares(get: Gathering, node: Node, kind: str) -> list[dict[str, str]] | None:
    shares = []
    for item in node.all(kind):
        percentage, reference = item.one("RightSharePercentage"), item.one("RightsControllerPartyReference")
        party = get.party(reference) if reference else get.described(item)
        item.settle("SequenceNumber")
        for role in item.all("RightsControlType"):
            role.text()
        if percentage is None or party is None:
            continue
        text = percentage.text() or ""
        if percentage.attribute("HasMaxValueOfOne") == "true":
            text = _format_percentage(text)
        shares.append({"party": party.name, "percent": text})
    return shares or None


def _format_percentage(share: str) -> str:
    try:
        return str((Decimal(share) * 100).normalize().quantize(Decimal("0.01")))
    except InvalidOperation:
        return share


def _parse_relations(get: Gathering, node: Node) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for item in node.all("RelatedResource"):
        kind_node, identifier = item.one("ResourceRelationshipType"), item.one("ResourceId")
        kind = kind_node.text() if kind_node else None
        relation = _RELATIONS_READ.get(kind or "")
        if kind == "UserDefined" and identifier:
            relation = _own_relation(identifier)
        if relation is None:
            if kind_node is not None:
                get.fault("ddex.value_unknown", f"The relation '{kind}' is not known here.", kind_node, kind)
            continue
        found.append({"type": relation, "isrc": identifier.text("ISRC") if identifier else None})
    if node.text("IsCover") == "true" and not any(entry["type"] == "cover_of" for entry in found):
        found.append({"type": "cover_of", "isrc": None})
    return found


def _own_relation(identifier: Node) -> str | None:
    for item in identifier.all("ProprietaryId"):
        if item.attribute("Namespace") == vocabulary.OWN and item.elements[0].text in _OWN_RELATIONS:
            return item.text()
    return None


_OWN_RELATIONS = ("remix_of", "live_version_of", "remaster_of")
