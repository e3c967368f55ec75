"""What a label's declaration about AI comes to: the parts it speaks of, the labels it asks for, how far it goes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from checks.model import json_patch
from checks.model.contributor_roles import ROLES
from checks.model.finding import JSON, Basis, Label
from checks.model.release import ContainsAI, Contribution, Contributor, Element, Imitates, Level, Release, Track

#: Which label speaks of which elements. Finishing counts as production, and alone never makes all of it.
LABELLED = {
    "ai:vocals": (Element.LEAD_VOCALS, Element.BACKING_VOCALS),
    "ai:instruments": (Element.INSTRUMENTS,),
    "ai:composition": (Element.COMPOSITION,),
    "ai:lyrics": (Element.LYRICS,),
    "ai:production": (Element.PRODUCTION, Element.MIXING_MASTERING),
}

_LABELLED_ELEMENTS = frozenset(element for group in LABELLED.values() for element in group)

#: What is heard. Generated words or melodies, sung and played by people, leave the sound to people.
SOUND = (Element.LEAD_VOCALS, Element.BACKING_VOCALS, Element.INSTRUMENTS, Element.PRODUCTION)

#: Without these no recording of the kind is wholly generated. What kind it is may not have been said.
SOUNDING: Mapping[str | None, frozenset[Element]] = {
    "vocal": frozenset({Element.LEAD_VOCALS, Element.INSTRUMENTS}),
    "instrumental": frozenset({Element.INSTRUMENTS}),
    "spoken": frozenset({Element.LEAD_VOCALS}),
    None: frozenset({Element.LEAD_VOCALS, Element.INSTRUMENTS}),
}

_LEVEL_OF_CONTRIBUTOR = {
    ContainsAI.ALL: Level.FULLY_GENERATED,
    ContainsAI.PARTLY: Level.PARTLY_GENERATED,
    ContainsAI.NONE: Level.NONE,
}


class Declared(StrEnum):
    """How far a declaration goes: the rows of the matrix below."""

    NOTHING = "nothing"  # nothing was declared
    NO_AI = "no_ai"  # no generated material, and no tool that helped
    ASSISTED = "assisted"  # no generated material; assistive tools helped
    UNHEARD = "unheard"  # generated, but not what is heard: words, melody, finishing
    HEARD = "heard"  # what is heard was generated, wholly or partly


#: What a finding about a file says of the declaration beside it.
IN_WORDS: Mapping[Declared, str] = {
    Declared.NOTHING: "nothing was declared",
    Declared.NO_AI: "it was declared that no AI was used",
    Declared.ASSISTED: "only assistive tools were declared",
    Declared.UNHEARD: "only words, melody or finishing were declared as generated",
    Declared.HEARD: "generated sound was declared",
}


def list_ai_labels(track: Track) -> tuple[Label, ...]:
    """The public labels that the track's declaration asks for; none where nothing was declared as generated."""
    levels = declared_levels(track)
    values = {
        key: extent_of([levels[element] for element in group if element in levels]) for key, group in LABELLED.items()
    }
    if values["ai:production"] is ContainsAI.ALL and Element.PRODUCTION not in levels:
        values["ai:production"] = ContainsAI.PARTLY
    values = {"ai:recording": _extent_of_recording(track, levels), **values}
    said = [Label(key, value.value, Basis.DECLARED) for key, value in values.items() if value is not ContainsAI.NONE]
    return tuple(said)


def listed_levels(track: Track) -> dict[Element, Level]:
    """What the disclosure declares of each element. Several entries are several parts of it."""
    parts: dict[Element, list[Level]] = {}
    for contribution in track.disclosure.contributions:
        parts.setdefault(contribution.element, []).append(contribution.level)
    return {element: _combine_levels(levels) for element, levels in parts.items()}


def declared_levels(track: Track) -> dict[Element, Level]:
    """What was declared of each element: by the disclosure, or where that is silent, by the contributors."""
    parts: dict[Element, list[Level]] = {}
    for contributor in track.contributors:
        for element in _list_elements(contributor):
            if level := _LEVEL_OF_CONTRIBUTOR.get(contributor.ai_contribution):
                parts.setdefault(element, []).append(level)
    by_contributors = {element: _combine_levels(levels) for element, levels in parts.items()}
    return {element: level for element, level in by_contributors.items() if level.generated} | listed_levels(track)


def _combine_levels(levels: list[Level]) -> Level:
    """One level for several parts: fully generated if all of them are, otherwise partly if any is generated at all."""
    if len(set(levels)) == 1:
        return levels[0]
    return Level.PARTLY_GENERATED if any(level.generated for level in levels) else Level.ASSISTIVE_TOOL


def generated_contributor(contributor: Contributor) -> bool:
    return contributor.ai_contribution in (ContainsAI.ALL, ContainsAI.PARTLY)


def _list_elements(contributor: Contributor) -> set[Element]:
    """What the contributor had a part in."""
    return {element for elements in list_parts_of_roles(contributor) for element in elements}


def parts_of(contributor: Contributor) -> frozenset[Element]:
    """The elements that a contributor had a part in, by the names of the roles."""
    return frozenset(_list_elements(contributor))


def list_parts_of_roles(contributor: Contributor) -> list[frozenset[Element]]:
    """For each role with a name here, the elements that it has a part in."""
    plain = dict.fromkeys(re.sub(r"[\W_]+", "", role.casefold()) for role in contributor.roles)
    parts = (frozenset(element for element, roles in ROLES.items() if role in roles) for role in plain)
    return [part for part in parts if part]


def is_heard(contributor: Contributor) -> bool:
    """Whether the contributor had a part in what is heard."""
    return not _list_elements(contributor).isdisjoint(SOUND)


def extent_of(levels: Iterable[Level]) -> ContainsAI:
    """All if every part is fully generated, partly if any of it is generated at all."""
    parts = list(levels)
    if parts and all(level is Level.FULLY_GENERATED for level in parts):
        return ContainsAI.ALL
    return ContainsAI.PARTLY if any(level.generated for level in parts) else ContainsAI.NONE


def _extent_of_recording(track: Track, levels: Mapping[Element, Level]) -> ContainsAI:
    """How much of what is heard was generated: what is said of the whole, where that says more than its parts.

    A generated contributor with a part that has no name here counts as heard.
    """
    whole, parts = track.disclosure.contains_ai, _recording_by_parts(track, levels)
    return max(whole, parts, key=_EXTENTS.index)


#: From nothing said to everything generated.
_EXTENTS = (ContainsAI.UNDECLARED, ContainsAI.NONE, ContainsAI.PARTLY, ContainsAI.ALL)


def _recording_by_parts(track: Track, levels: Mapping[Element, Level]) -> ContainsAI:
    """What the declared parts come to."""
    extent = extent_of(levels[element] for element in SOUND if element in levels)
    if extent is ContainsAI.NONE and any(
        generated_contributor(contributor) and not _list_elements(contributor) for contributor in track.contributors
    ):
        return ContainsAI.PARTLY
    sounding = SOUNDING.get(track.vocals, SOUNDING[None])
    return ContainsAI.PARTLY if extent is ContainsAI.ALL and not sounding <= levels.keys() else extent


def find_declared_extent(track: Track) -> Declared:
    levels = declared_levels(track)
    unheard = [level for element, level in levels.items() if element in _LABELLED_ELEMENTS]
    if _extent_of_recording(track, levels) is not ContainsAI.NONE:
        return Declared.HEARD
    if any(level.generated for level in unheard):
        return Declared.UNHEARD
    if not track.disclosure.declared:
        return Declared.NOTHING
    return Declared.ASSISTED if Level.ASSISTIVE_TOOL in unheard else Declared.NO_AI


#: Goes out only once a person has looked at the document of consent.
CONSENTED_VOICE = Label("ai:voice_replica_consented", "yes", Basis.VERIFIED_BY_HUMAN)


def is_consented_voice(contribution: Contribution) -> bool:
    """Whether a generated voice is declared as the imitation of a person who has agreed."""
    sung_by_machine = contribution.element in LABELLED["ai:vocals"] and contribution.level.generated
    return sung_by_machine and contribution.imitates is Imitates.WITH_CONSENT


def build_declaration_patch(release: Release, track: Track, extent: ContainsAI) -> json_patch.Patch:
    """Operations (RFC 6902) on the delivery document that declare what is heard as generated, to this extent.

    What was declared of words, melody or finishing stays; that the sound was made by people does not, nor, where all
    was generated, that a credited part in it was.
    """
    listed = [
        contribution
        for contribution in track.disclosure.contributions
        if contribution.element not in SOUND or contribution.level.generated
    ]
    if extent is ContainsAI.ALL:
        missing = SOUNDING.get(track.vocals, SOUNDING[None]) - {entry.element for entry in listed}
        listed += [Contribution(element, Level.FULLY_GENERATED) for element in sorted(missing)]
    contributions: list[JSON] = [contribution_document(item) for item in listed]
    disclosure: dict[str, JSON] = {
        "status": "declared",
        "contains_ai": extent.value,
        "contributions": contributions,
    }
    credited = [
        json_patch.replace_value_patch(
            json_patch.build_json_pointer(release, track, "contributors", number, "ai_contribution"),
            ContainsAI.NONE.value,
            ContainsAI.UNDECLARED.value,
        )
        for number, contributor in enumerate(track.contributors)
        if extent is ContainsAI.ALL and contributor.ai_contribution is ContainsAI.NONE and is_heard(contributor)
    ]
    whole: dict[str, JSON] = {
        "op": "add",
        "path": json_patch.build_json_pointer(release, track, "disclosure"),
        "value": disclosure,
    }
    return json_patch.combine_json_patches(*credited, (whole,))


def contribution_document(contribution: Contribution) -> dict[str, JSON]:
    """A contribution as delivery documents have it."""
    return {
        "element": contribution.element.value,
        "level": contribution.level.value,
        "tool": contribution.tool,
        "tool_version": contribution.tool_version,
        "tool_licence": contribution.tool_licence,
        "human_contributor": contribution.human_contributor,
        "imitates": contribution.imitates.value,
        "consent": contribution.consent,
    }
