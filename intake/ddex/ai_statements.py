"""Reads what a message says of AI. Nothing that speaks of AI is left out without a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from intake.ddex import vocabulary
from intake.ddex.parse_context import Gathering
from intake.ddex.tracked_xml import Node

_READ = {theirs: ours for ours, theirs in vocabulary.CONTAINS_AI.items()}
_GENERATED = ("all", "partly")

#: Elements and attributes that speak of AI by their names: ContainsAI, AiContribution, IsAiGenerated.
_NAMED = re.compile(r"(?:^|[a-z])(?:AI|Ai)(?![a-z])")
#: Values that do. Whether a licensee may train models with a recording is a term of use and says nothing of its making.
_VALUED = re.compile(r"(?i:generative ?ai|ai[- ]?generated|artificial ?intelligence)|\bAI\b|\bA\.I\.")
_TRAINING = "UseForTraining"
#: Free text is no statement in a field of the standard: titles, names and comments are judged by the checks.
_STATEMENTS = ("@UserDefinedValue", "Value", "Role", "SpecialContributor", "SpecialDisplayArtist", "Type")


def read_ai_extent(get: Gathering, node: Node, name: str = "ContainsAI") -> str | None:
    """What ``ContainsAI`` or ``AiContribution`` of an element says: all, partly or none; None where it is silent."""
    found = node.one(name)
    value = found.text() if found else None
    if found is not None and value not in _READ:
        get.fault("ddex.ai_unread", f"'{value or ''}' is no value of {name}; All, Partly and None are.", found, value)
    return _READ.get(value or "")


def of_machine(get: Gathering, contributor: Node, share: str | None) -> str:
    """How much of its part a contributor GenerativeAI made: all of it, as ERN has it, unless the message says less."""
    if share == "none":
        message = "A contributor is GenerativeAI, and its AiContribution is None."
        get.fault("ddex.ai_contradictory", message, contributor, "None")
    return share if share in _GENERATED else "all"


def credit_generative_ai(contributors: list[dict[str, Any]], machines: Iterable[tuple[str | None, list[str]]]) -> None:
    """Add generative AI that is displayed as an artist to the contributors, with its roles."""
    for name, roles in machines:
        credited = name or vocabulary.GENERATIVE_AI
        known = next(
            (
                contributor
                for contributor in contributors
                if contributor["name"] == credited and contributor["ai_contribution"] == "all"
            ),
            None,
        )
        if known is None:
            known = {"name": credited, "ai_contribution": "all", "roles": []}
            contributors.append(known)
        known["roles"] += [role for role in roles if role not in known["roles"]]


def of_image(get: Gathering, node: Node) -> str | None:
    """What is said of an image: by itself, or else by its contributors."""
    stated = read_ai_extent(get, node)
    shares = [
        share
        for item in node.each("Contributor", "ResourceContributor")
        if (share := _read_contributor_extent(get, item))
    ]
    if stated == "none" and any(share in _GENERATED for share in shares):
        message = "The image has ContainsAI None, and one of its contributors is generative AI or was helped by it."
        get.fault("ddex.ai_contradictory", message, node, "None")
    if stated or not shares:
        return stated
    return shares[0] if len(set(shares)) == 1 else "partly"


def _read_contributor_extent(get: Gathering, contributor: Node) -> str | None:
    share = read_ai_extent(get, contributor, "AiContribution")
    if contributor.text("SpecialContributor") == vocabulary.GENERATIVE_AI:
        return of_machine(get, contributor, share)
    return share


def declare_release(get: Gathering, main: Node, release: dict[str, Any]) -> None:
    """Take what is said of the whole release as said of each recording that says nothing itself.

    A release that contradicts its recordings or its cover is reported; then the recordings keep what they say.
    """
    machines = get.machines.get("/release/display_artists", [])
    stated = read_ai_extent(get, main)
    place = main.one("ContainsAI", "DisplayArtist") or main
    for words_ in _find_contradictions(stated, bool(machines), release):
        get.fault("ddex.ai_contradictory", words_, place, stated)
    for index, track in enumerate(release["tracks"]):
        disclosure = track["disclosure"]
        if disclosure["status"] == "declared":
            continue
        credit_generative_ai(track["contributors"], machines)
        if whole := stated or ("partly" if machines else None):
            disclosure |= {"status": "declared", "contains_ai": whole}
            get.place(f"/release/tracks/{index}/disclosure", place)


def _find_contradictions(stated: str | None, machine: bool, release: dict[str, Any]) -> Iterator[str]:
    said = [
        item["disclosure"]["contains_ai"] for item in release["tracks"] if item["disclosure"]["status"] == "declared"
    ]
    cover = (release["cover"] or {}).get("contains_ai", "undeclared")
    if stated == "none" and any(entry in _GENERATED for entry in [*said, cover]):
        yield "The release has ContainsAI None, and a recording or the cover is declared as generated."
    if stated == "none" and machine:
        yield "The release has ContainsAI None, and its display artist is GenerativeAI."
    if stated == "all" and any(element != "all" for element in said):
        yield "The release has ContainsAI All, and a recording is declared as not wholly generated."
    silent = len(said) < len(release["tracks"])
    if stated == "partly" and said and not silent:
        parts = {*said, *([cover] if cover != "undeclared" else [])}
        if parts == {"none"} and cover != "undeclared":
            yield "The release has ContainsAI Partly, and each recording and the cover are declared as made without AI."
        if parts == {"all"}:
            yield "The release has ContainsAI Partly, and everything in it is declared as wholly generated."
    if machine and "none" in said:
        yield "The display artist of the release is GenerativeAI, and a recording is declared as made without AI."


def is_ai_statement(path: str, value: str) -> bool:
    """Whether a value that was not read is a statement about AI. That there is none in something else is no statement
    that has to be kept."""
    last = re.sub(r"\[[0-9]+\]$", "", path.rpartition("/")[2])
    if value.startswith(_TRAINING):
        return False
    if _NAMED.search(last.removeprefix("@")):
        return value not in ("None", "false", "0")
    return last.endswith(_STATEMENTS) and _VALUED.search(value) is not None


def check_words(get: Gathering, node: Node, text: str | None) -> None:
    """Report words of the sender's own that speak of AI where the standard has words for it."""
    if text and _VALUED.search(text):
        get.fault("ddex.ai_unread", f"'{text[:80]}' speaks of AI in words that are not those of DDEX.", node, text)


def unread_message(path: str, value: str) -> str:
    """What is reported of a statement that was not read."""
    return f"{path} says '{value[:80]}' of AI, and this gate does not read it there."
