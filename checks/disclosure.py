"""Whether what the label says about AI is whole, agrees with itself, and agrees with what the files say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum

from checks.check import Check, Context
from checks.finding import JSON, Basis, Code, Finding, Label, Route, Severity
from checks.release import (
    AudioFacts,
    ContainsAI,
    Contribution,
    Contributor,
    Delivery,
    Element,
    Imitates,
    Level,
    Release,
    Track,
)
from checks.roles import ROLES

DECLARED = Code(
    "disclosure.declared",
    "The label declares that a machine made this material; it goes out with the labels that say so.",
    Severity.INFORMATION,
    Route.LABEL,
    "DDEX ERN 4.3.2 ContainsAI; Apple Music transparency tags; Spotify AI credits",
)
UNDECLARED = Code(
    "disclosure.undeclared",
    "The label has not said whether AI was used. That is not the same as saying that it was not.",
    Severity.WARNING,
    Route.PASS,
    "DDEX ERN 4.3.2; TIDAL and Spotify ask distributors to declare",
)
CONTRADICTORY = Code(
    "disclosure.contradictory",
    "The declaration says two things that cannot both be true.",
    Severity.CRITICAL,
    Route.REVIEW,
    "DDEX ERN 4.3.2, consistency of ContainsAI and AiContribution",
)
IMITATES_WITHOUT_CONSENT = Code(
    "disclosure.imitates_without_consent",
    "An identifiable person is imitated without consent.",
    Severity.CRITICAL,
    Route.REVIEW,
    "Spotify impersonation policy; EU AI Act, Art. 50",
)
CONSENT_MISSING = Code(
    "disclosure.consent_missing",
    "An imitation is declared as agreed, and the document of consent is not named.",
    Severity.CRITICAL,
    Route.REVIEW,
    "Spotify impersonation policy",
)
LIKENESS_UNKNOWN = Code(
    "disclosure.likeness_unknown",
    "The label does not know whether somebody's voice, name or style is imitated.",
    Severity.WARNING,
    Route.PASS,
    "EU AI Act, Art. 50; own inference",
)
GENERATOR_TAG = Code(
    "disclosure.generator_tag",
    "A tag in the file says that a generator made it, and the label has declared nothing of the kind.",
    Severity.CRITICAL,
    Route.REVIEW,
    "TIDAL on undisclosed AI; own inference",
)
CREDENTIAL_UNDISCLOSED = Code(
    "disclosure.credential_undisclosed",
    "The file carries a Content Credential that may speak of AI, and the label has declared nothing of the kind.",
    Severity.CRITICAL,
    Route.REVIEW,
    "C2PA; own inference",
)
SCOPE_TOO_NARROW = Code(
    "disclosure.scope_too_narrow",
    "The label declares AI for words, melody or finishing only, and the file says that its sound was generated.",
    Severity.WARNING,
    Route.REVIEW,
    "own inference",
)
CONFIRMED_BY_FILE = Code(
    "disclosure.confirmed_by_file",
    "What the file says about AI agrees with the declaration.",
    Severity.INFORMATION,
    Route.PASS,
    "C2PA; own inference",
)
CREDENTIAL_PRESENT = Code(
    "disclosure.credential_present",
    "The file carries a Content Credential.",
    Severity.INFORMATION,
    Route.PASS,
    "C2PA",
)

# ---------------------------------------------------------------------------------------------------------------------
# What was declared
# ---------------------------------------------------------------------------------------------------------------------

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


class Says(StrEnum):
    """What a file says about itself: the columns of the matrix below."""

    TAG = "tag"  # a tag by a generator: anyone can write it
    CREDENTIAL = "credential"  # a Content Credential that says "generated"
    PROCESSED = "processed"  # a Content Credential that says "by an algorithm", which may mean either
    UNREAD = "unread"  # a Content Credential that could not be read
    CAPTURED = "captured"  # a Content Credential that speaks of recording and editing


#: What was declared × what the file says → what is reported. Where a file says nothing, nothing is reported: that
#: would be taken for proof that people made it.
MATRIX: Mapping[Declared, Mapping[Says, Code]] = {
    Declared.NOTHING: {
        Says.TAG: GENERATOR_TAG,
        Says.CREDENTIAL: CREDENTIAL_UNDISCLOSED,
        Says.PROCESSED: CREDENTIAL_UNDISCLOSED,
        Says.UNREAD: CREDENTIAL_UNDISCLOSED,
        Says.CAPTURED: CREDENTIAL_PRESENT,
    },
    Declared.NO_AI: {
        Says.TAG: GENERATOR_TAG,
        Says.CREDENTIAL: CREDENTIAL_UNDISCLOSED,
        Says.PROCESSED: CREDENTIAL_UNDISCLOSED,
        Says.UNREAD: CREDENTIAL_UNDISCLOSED,
        Says.CAPTURED: CREDENTIAL_PRESENT,
    },
    Declared.ASSISTED: {
        Says.TAG: GENERATOR_TAG,
        Says.CREDENTIAL: CREDENTIAL_UNDISCLOSED,
        Says.PROCESSED: CREDENTIAL_PRESENT,
        Says.UNREAD: CREDENTIAL_UNDISCLOSED,
        Says.CAPTURED: CREDENTIAL_PRESENT,
    },
    Declared.UNHEARD: {
        Says.TAG: SCOPE_TOO_NARROW,
        Says.CREDENTIAL: SCOPE_TOO_NARROW,
        Says.PROCESSED: CREDENTIAL_PRESENT,
        Says.UNREAD: CREDENTIAL_PRESENT,
        Says.CAPTURED: CREDENTIAL_PRESENT,
    },
    Declared.HEARD: {
        Says.TAG: CONFIRMED_BY_FILE,
        Says.CREDENTIAL: CONFIRMED_BY_FILE,
        Says.PROCESSED: CONFIRMED_BY_FILE,
        Says.UNREAD: CREDENTIAL_PRESENT,
        Says.CAPTURED: CREDENTIAL_PRESENT,
    },
}

#: IPTC digital source types, by what they say. None of them proves that a person made the recording.
GENERATED_SOURCES = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"})
PROCESSED_SOURCES = frozenset({"algorithmicMedia", "algorithmicallyEnhanced", "compositeSynthetic"})


def run(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Each track's declaration by itself and against its file; then the cover's."""
    for track in delivery.release.tracks:
        yield from _judge_declaration(track)
        yield from _judge_contradictions(track)
        yield from _judge_imitations(track)
        yield from _judge_file(track, delivery.facts.get(track.file))
    yield from _judge_cover(delivery.release)


def labels(track: Track) -> tuple[Label, ...]:
    """The public labels that the track's declaration asks for; none where nothing was declared as generated."""
    levels = _levels(track)
    values = {
        key: _extent([levels[element] for element in group if element in levels]) for key, group in LABELLED.items()
    }
    if values["ai:production"] is ContainsAI.ALL and Element.PRODUCTION not in levels:
        values["ai:production"] = ContainsAI.PARTLY
    values = {"ai:recording": _recording(track, levels), **values}
    said = [Label(key, value.value, Basis.DECLARED) for key, value in values.items() if value is not ContainsAI.NONE]
    if any(_consented_voice(contribution) for contribution in track.disclosure.contributions):
        said.append(Label("ai:voice_replica_consented", "yes", Basis.DECLARED))
    return tuple(said)


def _listed(track: Track) -> dict[Element, Level]:
    """What the disclosure declares of each element. Several entries are several parts of it."""
    parts: dict[Element, list[Level]] = {}
    for contribution in track.disclosure.contributions:
        parts.setdefault(contribution.element, []).append(contribution.level)
    return {element: _together(levels) for element, levels in parts.items()}


def _levels(track: Track) -> dict[Element, Level]:
    """What was declared of each element: by the disclosure, or where that is silent, by the contributors."""
    parts: dict[Element, list[Level]] = {}
    for contributor in track.contributors:
        for element in _elements(contributor):
            if level := _LEVEL_OF_CONTRIBUTOR.get(contributor.ai_contribution):
                parts.setdefault(element, []).append(level)
    by_contributors = {element: _together(levels) for element, levels in parts.items()}
    return {element: level for element, level in by_contributors.items() if level.generated} | _listed(track)


def _together(levels: list[Level]) -> Level:
    """One level for several parts: fully generated if all of them are, otherwise partly if any is generated at all."""
    if len(set(levels)) == 1:
        return levels[0]
    return Level.PARTLY_GENERATED if any(level.generated for level in levels) else Level.ASSISTIVE_TOOL


def _generated_contributor(contributor: Contributor) -> bool:
    return contributor.ai_contribution in (ContainsAI.ALL, ContainsAI.PARTLY)


def _elements(contributor: Contributor) -> set[Element]:
    """What the contributor had a part in."""
    return {element for parts in _parts(contributor) for element in parts}


def parts_of(contributor: Contributor) -> frozenset[Element]:
    """The elements that a contributor had a part in, by the names of the roles."""
    return frozenset(_elements(contributor))


def _parts(contributor: Contributor) -> list[frozenset[Element]]:
    """For each role with a name here, the elements that it has a part in."""
    plain = dict.fromkeys(re.sub(r"[\W_]+", "", role.casefold()) for role in contributor.roles)
    parts = (frozenset(element for element, roles in ROLES.items() if role in roles) for role in plain)
    return [part for part in parts if part]


def _extent(levels: Iterable[Level]) -> ContainsAI:
    """All if every part is fully generated, partly if any of it is generated at all."""
    parts = list(levels)
    if parts and all(level is Level.FULLY_GENERATED for level in parts):
        return ContainsAI.ALL
    return ContainsAI.PARTLY if any(level.generated for level in parts) else ContainsAI.NONE


def _recording(track: Track, levels: Mapping[Element, Level]) -> ContainsAI:
    """How much of what is heard was generated: what is said of the whole, where that says more than its parts.

    A generated contributor whose part has no name here counts as heard.
    """
    whole, parts = track.disclosure.contains_ai, _recording_by_parts(track, levels)
    return max(whole, parts, key=_EXTENTS.index)


#: From nothing said to everything generated.
_EXTENTS = (ContainsAI.UNDECLARED, ContainsAI.NONE, ContainsAI.PARTLY, ContainsAI.ALL)


def _recording_by_parts(track: Track, levels: Mapping[Element, Level]) -> ContainsAI:
    """What the declared parts come to."""
    extent = _extent(levels[element] for element in SOUND if element in levels)
    if extent is ContainsAI.NONE and any(
        _generated_contributor(contributor) and not _elements(contributor) for contributor in track.contributors
    ):
        return ContainsAI.PARTLY
    sounding = SOUNDING.get(track.vocals, SOUNDING[None])
    return ContainsAI.PARTLY if extent is ContainsAI.ALL and not sounding <= levels.keys() else extent


def _declared(track: Track) -> Declared:
    levels = _levels(track)
    unheard = [level for element, level in levels.items() if element in _LABELLED_ELEMENTS]
    if _recording(track, levels) is not ContainsAI.NONE:
        return Declared.HEARD
    if any(level.generated for level in unheard):
        return Declared.UNHEARD
    if not track.disclosure.declared:
        return Declared.NOTHING
    return Declared.ASSISTED if Level.ASSISTIVE_TOOL in unheard else Declared.NO_AI


def _judge_declaration(track: Track) -> Iterator[Finding]:
    if said := labels(track):
        listed = ", ".join(f"{label.key.partition(':')[2]} ({label.value})" for label in said)
        yield Finding(
            DECLARED,
            track.subject,
            f"Declared as made with AI: {listed}.",
            evidence={"contributions": [_as_json(contribution) for contribution in track.disclosure.contributions]},
            labels=said,
        )
    if not track.disclosure.declared:
        yield Finding(
            UNDECLARED,
            track.subject,
            "Nothing was declared about the use of AI in this track.",
            fix="Declare it, also where no AI was used: set the disclosure's status and list the elements.",
        )


def _as_json(contribution: Contribution) -> JSON:
    return {
        "element": contribution.element.value,
        "level": contribution.level.value,
        "tool": contribution.tool,
        "imitates": contribution.imitates.value,
    }


# ---------------------------------------------------------------------------------------------------------------------
# Whether it agrees with itself
# ---------------------------------------------------------------------------------------------------------------------


def _listed_though_undeclared(track: Track) -> Iterator[str]:
    if not track.disclosure.declared and track.disclosure.contributions:
        yield "contributions are listed, and yet the status is undeclared"


def _whole_against_parts(track: Track) -> Iterator[str]:
    """ERN: where the whole is said to be free of AI, no part is generated; where all is generated, every part is."""
    whole, levels = track.disclosure.contains_ai, _levels(track)
    if whole is ContainsAI.NONE:
        for element in (element for element, level in levels.items() if level.generated):
            yield f"the recording is declared as made without AI, and its {_spoken(element)} as generated"
    if whole is ContainsAI.ALL:
        for element in (one for one in SOUND if levels.get(one, Level.FULLY_GENERATED) is not Level.FULLY_GENERATED):
            yield f"all of the recording is declared as generated, and not all of its {_spoken(element)}"
    if whole is not ContainsAI.UNDECLARED and not track.disclosure.declared:
        yield "it is said how much of the recording was generated, and yet the status is undeclared"


def _one_part_twice(track: Track) -> Iterator[str]:
    """Two singers may be declared apart, each by name; one part cannot be made in two ways."""
    levels: dict[tuple[Element, str | None], set[str]] = {}
    for contribution in track.disclosure.contributions:
        part = (contribution.element, contribution.human_contributor)
        levels.setdefault(part, set()).add(contribution.level.value)
    for (element, _), values in levels.items():
        if len(values) > 1:
            yield f"{_spoken(element)} {_are(element)} declared as {' and as '.join(sorted(values))}"


def _singing_in_an_instrumental(track: Track) -> Iterator[str]:
    if track.vocals == "instrumental" and _listed(track).get(Element.LEAD_VOCALS, Level.NONE).generated:
        yield "the track is an instrumental, and its lead vocals are declared as generated"


def _machine_credited_for_human_work(track: Track) -> Iterator[str]:
    """ERN: where nothing is generated, no contributor may be. Someone with two roles may be so in one of them."""
    listed = _listed(track)
    whole = track.disclosure.contains_ai in (ContainsAI.ALL, ContainsAI.PARTLY)
    nothing_generated = track.disclosure.declared and not (whole or any(level.generated for level in listed.values()))
    for contributor in filter(_generated_contributor, track.contributors):
        parts = [{listed[e].generated for e in part if e in listed} for part in _parts(contributor)]
        spoken_of = [True in generated for generated in parts if generated]
        wholly = contributor.ai_contribution is ContainsAI.ALL
        agrees = all(spoken_of) if wholly else any(spoken_of) or not spoken_of
        if nothing_generated or not agrees:
            credited = f"{contributor.name} is credited with AI contribution '{contributor.ai_contribution.value}'"
            yield f"{credited}, and the part is declared as not generated"


def _human_credited_for_machine_work(track: Track) -> Iterator[str]:
    """Someone whose one role has a part in two elements, such as a songwriter, may have made the other."""
    fully = {element for element, level in _listed(track).items() if level is Level.FULLY_GENERATED}
    for contributor in track.contributors:
        if contributor.ai_contribution is ContainsAI.NONE:
            for element in sorted({element for part in _parts(contributor) if part <= fully for element in part}):
                declared = f"{_spoken(element)} {_are(element)} declared as fully generated"
                yield f"{declared}, and {contributor.name} is credited for that with AI contribution 'none'"


#: Each yields, in words, what contradicts what.
CONTRADICTIONS: tuple[Callable[[Track], Iterator[str]], ...] = (
    _listed_though_undeclared,
    _whole_against_parts,
    _one_part_twice,
    _singing_in_an_instrumental,
    _machine_credited_for_human_work,
    _human_credited_for_machine_work,
)


def _judge_contradictions(track: Track) -> Iterator[Finding]:
    for find in CONTRADICTIONS:
        for words in dict.fromkeys(find(track)):
            yield _contradiction(track.subject, words)


def _contradiction(subject: str, words: str) -> Finding:
    return Finding(
        CONTRADICTORY,
        subject,
        f"{words[0].upper()}{words[1:]}.",
        fix="Correct whichever of the two is wrong. A declaration of AI use by itself never holds a release.",
    )


def _spoken(element: Element) -> str:
    return element.value.replace("_", " ")


def _are(element: Element) -> str:
    return "are" if element.value.endswith("s") else "is"


# ---------------------------------------------------------------------------------------------------------------------
# Whether it hurts somebody
# ---------------------------------------------------------------------------------------------------------------------


def _consented_voice(contribution: Contribution) -> bool:
    sung_by_machine = contribution.element in LABELLED["ai:vocals"] and contribution.level.generated
    return sung_by_machine and contribution.imitates is Imitates.WITH_CONSENT and bool(contribution.consent)


def _judge_imitations(track: Track) -> Iterator[Finding]:
    for contribution in track.disclosure.contributions:
        element = _spoken(contribution.element)
        match contribution.imitates:
            case Imitates.WITHOUT_CONSENT:
                yield Finding(
                    IMITATES_WITHOUT_CONSENT,
                    track.subject,
                    f"A person who has not agreed is imitated ({element}).",
                    fix="Obtain the consent of the person or the estate, or use another voice.",
                )
            case Imitates.WITH_CONSENT if not contribution.consent:
                yield Finding(
                    CONSENT_MISSING,
                    track.subject,
                    f"A person is imitated who is said to have agreed ({element}); no document of consent is named.",
                    fix="Deliver the document and name it as the contribution's consent.",
                )
            case Imitates.UNKNOWN:
                yield Finding(
                    LIKENESS_UNKNOWN,
                    track.subject,
                    f"It is not known whether a person is imitated ({element}).",
                    fix="Ask whoever made the track, and declare it.",
                )


# ---------------------------------------------------------------------------------------------------------------------
# Whether the file says the same
# ---------------------------------------------------------------------------------------------------------------------


def _judge_file(track: Track, facts: AudioFacts | None) -> Iterator[Finding]:
    if facts is None:
        return
    declared = _declared(track)
    if facts.tags:
        where = ", ".join(dict.fromkeys(tag.where for tag in facts.tags))
        evidence: list[JSON] = [{"pattern": t.pattern, "where": t.where, "value": t.value} for t in facts.tags]
        yield _file_says(
            track, Says.TAG, declared, f"a tag ({where}) says that a generator made it", {"tags": evidence}
        )
    if credential_says := _credential_says(facts):
        credential = facts.credential
        sources: list[JSON] = list(credential.source_types)
        yield _file_says(
            track,
            credential_says,
            declared,
            _CREDENTIAL_IN_WORDS[credential_says],
            {"credential": {"state": credential.state, "source_types": sources, "signer": credential.signer}},
        )


def _credential_says(facts: AudioFacts) -> Says | None:
    credential = facts.credential
    if credential.state == "none":
        return None
    sources = {source.rpartition("/")[2] for source in credential.source_types}
    if sources & GENERATED_SOURCES:
        return Says.CREDENTIAL
    if sources & PROCESSED_SOURCES:
        return Says.PROCESSED
    return Says.CAPTURED if sources and credential.state != "unread" else Says.UNREAD


_CREDENTIAL_IN_WORDS = {
    Says.CREDENTIAL: "a Content Credential says that it was generated",
    Says.PROCESSED: "a Content Credential says that an algorithm made or changed it",
    Says.UNREAD: "a Content Credential is there, and it does not say how the sound was made",
    Says.CAPTURED: "a Content Credential speaks of recording and editing",
}
_DECLARED_IN_WORDS = {
    Declared.NOTHING: "nothing was declared",
    Declared.NO_AI: "it was declared that no AI was used",
    Declared.ASSISTED: "only assistive tools were declared",
    Declared.UNHEARD: "only words, melody or finishing were declared as generated",
    Declared.HEARD: "generated sound was declared",
}
_FIXES = {
    GENERATOR_TAG: "Declare what was generated, or tell the reviewer how the tag came into the file.",
    CREDENTIAL_UNDISCLOSED: "Declare what was generated, or tell the reviewer what the credential is about.",
    SCOPE_TOO_NARROW: "Declare every element that was generated: vocals, instruments, production.",
}


def _file_says(track: Track, says: Says, declared: Declared, words: str, evidence: dict[str, JSON]) -> Finding:
    code = MATRIX[declared][says]
    return Finding(
        code,
        track.subject,
        f"In {track.file}, {words}; {_DECLARED_IN_WORDS[declared]}.",
        evidence={"declared": declared.value, **evidence},
        fix=_FIXES.get(code),
    )


def _judge_cover(release: Release) -> Iterator[Finding]:
    """The cover's own declaration; where it has none, what the tracks say of their artwork."""
    if release.cover is None:
        return
    by_tracks = [levels[Element.ARTWORK] for levels in map(_listed, release.tracks) if Element.ARTWORK in levels]
    extent = release.cover.contains_ai
    if extent is ContainsAI.NONE and any(level.generated for level in by_tracks):
        yield _contradiction(
            release.subject, "the cover is declared as made without AI, and tracks declare generated artwork"
        )
    if extent is ContainsAI.UNDECLARED and by_tracks:
        extent = _extent(by_tracks)
    if extent in (ContainsAI.ALL, ContainsAI.PARTLY):
        yield Finding(
            DECLARED,
            release.subject,
            f"Declared as made with AI: artwork ({extent.value}).",
            evidence={"cover": extent.value},
            labels=(Label("ai:artwork", extent.value, Basis.DECLARED),),
        )
    elif extent is ContainsAI.UNDECLARED:
        yield Finding(
            UNDECLARED,
            release.subject,
            "Nothing was declared about the use of AI in the cover.",
            fix="Set the cover's contains_ai to none, partly or all.",
        )


CHECK = Check(
    name="disclosure",
    version=1,
    title="AI disclosure",
    codes=(
        DECLARED,
        UNDECLARED,
        CONTRADICTORY,
        IMITATES_WITHOUT_CONSENT,
        CONSENT_MISSING,
        LIKENESS_UNKNOWN,
        GENERATOR_TAG,
        CREDENTIAL_UNDISCLOSED,
        SCOPE_TOO_NARROW,
        CONFIRMED_BY_FILE,
        CREDENTIAL_PRESENT,
    ),
    run=run,
    needs_audio=True,
)
