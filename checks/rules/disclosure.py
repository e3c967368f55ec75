"""Whether what the label says about AI is whole, agrees with itself, and agrees with what the files say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from checks.model import ai_declaration, digital_source_types, json_patch
from checks.model.ai_declaration import Declared
from checks.model.check import Check, Context
from checks.model.digital_source_types import Meaning
from checks.model.evidence_matrix import Says
from checks.model.finding import JSON, Basis, Code, Finding, Label, Route, Severity
from checks.model.release import (
    AudioFacts,
    ContainsAI,
    Contribution,
    Cover,
    Credential,
    CredentialState,
    Delivery,
    Element,
    ImageFacts,
    Imitates,
    Level,
    Release,
    Track,
)

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
CONSENT_UNVERIFIED = Code(
    "consent.unverified",
    "A person looks at the document by which somebody agrees to be imitated before the release goes out.",
    Severity.WARNING,
    Route.REVIEW,
    "Spotify impersonation policy; EU AI Act, Art. 50",
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


def _name_matrix_row(*codes: Code) -> Mapping[Declared, Code]:
    """A row of the matrix, in the order of ``Declared``."""
    return dict(zip(Declared, codes, strict=True))


#: What a file says × what was declared → what that is called. What it asks for stands in the policy. Where a file says
#: nothing, nothing is reported: that would be taken for proof that people made it.
MATRIX: Mapping[Says, Mapping[Declared, Code]] = {
    Says.TAG: _name_matrix_row(GENERATOR_TAG, GENERATOR_TAG, GENERATOR_TAG, SCOPE_TOO_NARROW, CONFIRMED_BY_FILE),
    Says.CREDENTIAL: _name_matrix_row(
        CREDENTIAL_UNDISCLOSED, CREDENTIAL_UNDISCLOSED, CREDENTIAL_UNDISCLOSED, SCOPE_TOO_NARROW, CONFIRMED_BY_FILE
    ),
    Says.CHANGED: _name_matrix_row(
        CREDENTIAL_UNDISCLOSED, CREDENTIAL_UNDISCLOSED, CREDENTIAL_UNDISCLOSED, SCOPE_TOO_NARROW, CONFIRMED_BY_FILE
    ),
    Says.PROCESSED: _name_matrix_row(
        CREDENTIAL_UNDISCLOSED, CREDENTIAL_UNDISCLOSED, CREDENTIAL_PRESENT, CREDENTIAL_PRESENT, CONFIRMED_BY_FILE
    ),
    Says.UNREAD: _name_matrix_row(
        CREDENTIAL_UNDISCLOSED, CREDENTIAL_UNDISCLOSED, CREDENTIAL_UNDISCLOSED, CREDENTIAL_PRESENT, CREDENTIAL_PRESENT
    ),
    Says.CAPTURED: _name_matrix_row(*[CREDENTIAL_PRESENT] * len(Declared)),
}


def check_ai_disclosure(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Each track's declaration by itself and against its file; then the cover's."""
    for track in delivery.release.tracks:
        yield from _judge_declaration(delivery, track)
        yield from _judge_contradictions(track)
        yield from _judge_imitations(delivery, track)
        yield from _judge_file(delivery.release, track, delivery.facts.get(track.file))
    yield from _judge_cover(delivery.release)
    if cover := delivery.release.cover:
        yield from _judge_cover_file(cover, delivery.images.get(cover.file))


def _judge_declaration(delivery: Delivery, track: Track) -> Iterator[Finding]:
    said = ai_declaration.list_ai_labels(track)
    if any(
        ai_declaration.is_consented_voice(item) and _is_accepted(delivery, track, item)
        for item in _list_contributions(track)
    ):
        said = (*said, ai_declaration.CONSENTED_VOICE)
    if said:
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
    whole, levels = track.disclosure.contains_ai, ai_declaration.declared_levels(track)
    if whole is ContainsAI.NONE:
        for element in (element for element, level in levels.items() if level.generated):
            yield f"the recording is declared as made without AI, and its {_name_element(element)} as generated"
    if whole is ContainsAI.ALL:
        for element in (
            item
            for item in ai_declaration.SOUND
            if levels.get(item, Level.FULLY_GENERATED) is not Level.FULLY_GENERATED
        ):
            yield f"all of the recording is declared as generated, and not all of its {_name_element(element)}"
        for contributor in track.contributors:
            if contributor.ai_contribution is ContainsAI.NONE and ai_declaration.is_heard(contributor):
                credited = f"{contributor.name} is credited for a part of it with AI contribution 'none'"
                yield f"all of the recording is declared as generated, and {credited}"
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
            yield f"{_name_element(element)} {_verb_for_element(element)} declared as {' and as '.join(sorted(values))}"


def _singing_in_an_instrumental(track: Track) -> Iterator[str]:
    if (
        track.vocals == "instrumental"
        and ai_declaration.listed_levels(track).get(Element.LEAD_VOCALS, Level.NONE).generated
    ):
        yield "the track is an instrumental, and its lead vocals are declared as generated"


def _machine_credited_for_human_work(track: Track) -> Iterator[str]:
    """ERN: where nothing is generated, no contributor may be. One with two roles may be, in one of them."""
    listed = ai_declaration.listed_levels(track)
    whole = track.disclosure.contains_ai in (ContainsAI.ALL, ContainsAI.PARTLY)
    nothing_generated = track.disclosure.declared and not (whole or any(level.generated for level in listed.values()))
    for contributor in filter(ai_declaration.generated_contributor, track.contributors):
        parts = [
            {listed[e].generated for e in part if e in listed}
            for part in ai_declaration.list_parts_of_roles(contributor)
        ]
        spoken_of = [True in generated for generated in parts if generated]
        wholly = contributor.ai_contribution is ContainsAI.ALL
        agrees = all(spoken_of) if wholly else any(spoken_of) or not spoken_of
        if nothing_generated or not agrees:
            credited = f"{contributor.name} is credited with AI contribution '{contributor.ai_contribution.value}'"
            yield f"{credited}, and the part is declared as not generated"


def _human_credited_for_machine_work(track: Track) -> Iterator[str]:
    """A person with one role in two elements, such as a songwriter, may have made the other."""
    fully = {
        element for element, level in ai_declaration.listed_levels(track).items() if level is Level.FULLY_GENERATED
    }
    for contributor in track.contributors:
        if contributor.ai_contribution is ContainsAI.NONE:
            for element in sorted(
                {
                    element
                    for part in ai_declaration.list_parts_of_roles(contributor)
                    if part <= fully
                    for element in part
                }
            ):
                declared = f"{_name_element(element)} {_verb_for_element(element)} declared as fully generated"
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
            yield _report_contradiction(track.subject, words)


def _report_contradiction(subject: str, words: str) -> Finding:
    return Finding(
        CONTRADICTORY,
        subject,
        f"{words[0].upper()}{words[1:]}.",
        fix="Correct whichever of the two is wrong. A declaration of AI use by itself never holds a release.",
    )


def _name_element(element: Element) -> str:
    return element.value.replace("_", " ")


def _verb_for_element(element: Element) -> str:
    return "are" if element.value.endswith("s") else "is"


# ---------------------------------------------------------------------------------------------------------------------
# Harm to a person
# ---------------------------------------------------------------------------------------------------------------------


def _list_contributions(track: Track) -> tuple[Contribution, ...]:
    return track.disclosure.contributions


def _find_consent_digest(delivery: Delivery, contribution: Contribution) -> str | None:
    """The SHA-256 of the delivered document of consent."""
    return delivery.documents.get((contribution.consent or "").strip())


def _is_accepted(delivery: Delivery, track: Track, contribution: Contribution) -> bool:
    """Whether a person has accepted this very document for this part of this recording before."""
    document = _find_consent_digest(delivery, contribution)
    return bool(document) and (document, track.isrc or "", contribution.element.value) in delivery.accepted_consents


def _judge_consent(delivery: Delivery, track: Track, contribution: Contribution) -> Iterator[Finding]:
    """A consent is what a delivered document says, and what that is worth is for a person to say."""
    named, document = (contribution.consent or "").strip(), _find_consent_digest(delivery, contribution)
    if _is_accepted(delivery, track, contribution):
        return
    element = _name_element(contribution.element)
    evidence: dict[str, JSON] = {"element": contribution.element.value, "consent": named, "sha256": document}
    if document:
        words = (
            f"A person is imitated who is said to have agreed ({element}); a moderator looks at '{named[:80]}' first."
        )
        fix = "Nothing has to be corrected: the document is here, and a moderator looks at it."
    else:
        words = f"A person is imitated who is said to have agreed ({element}); no document of consent was delivered."
        fix = "Deliver the signed document (PDF, JPEG, PNG or text) with the release, and name the file as `consent`."
    voice = ai_declaration.is_consented_voice(contribution) and bool(document)
    yield Finding(
        CONSENT_UNVERIFIED,
        track.subject,
        words,
        measured=named[:200],
        evidence=evidence,
        fix=fix,
        labels=(ai_declaration.CONSENTED_VOICE,) if voice else (),
    )


def _judge_imitations(delivery: Delivery, track: Track) -> Iterator[Finding]:
    for contribution in _list_contributions(track):
        element = _name_element(contribution.element)
        match contribution.imitates:
            case Imitates.WITHOUT_CONSENT:
                yield Finding(
                    IMITATES_WITHOUT_CONSENT,
                    track.subject,
                    f"A person who has not agreed is imitated ({element}).",
                    fix="Obtain the consent of the person or the estate, or use another voice.",
                )
            case Imitates.WITH_CONSENT if (contribution.consent or "").strip():
                yield from _judge_consent(delivery, track, contribution)
            case Imitates.WITH_CONSENT:
                yield Finding(
                    CONSENT_MISSING,
                    track.subject,
                    f"A person is imitated who is said to have agreed ({element}); no document of consent is named.",
                    fix="Deliver the signed document with the release, and name it as the contribution's `consent`.",
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


def _judge_file(release: Release, track: Track, facts: AudioFacts | None) -> Iterator[Finding]:
    if facts is None:
        return
    if facts.tags:
        where = ", ".join(dict.fromkeys(tag.where for tag in facts.tags))
        evidence: list[JSON] = [{"pattern": t.pattern, "where": t.where, "value": t.value} for t in facts.tags]
        words = f"a tag ({where}) says that a generator made it"
        yield _file_says(release, track, Says.TAG, ContainsAI.ALL, words, {"tags": evidence})
    if says := _credential_says(facts.credential):
        extent = ContainsAI.PARTLY if _find_credential_meaning(facts.credential) is Meaning.PART else ContainsAI.ALL
        yield _file_says(
            release, track, says, extent, _CREDENTIAL_IN_WORDS[says], {"credential": _in_json(facts.credential)}
        )


def _credential_says(credential: Credential) -> Says | None:
    if credential.state in (CredentialState.NONE, CredentialState.NOT_ASSESSED):
        return None
    meant = _find_credential_meaning(credential)
    if meant is not None and meant.generated:
        return Says.CHANGED if credential.state == CredentialState.INVALID else Says.CREDENTIAL
    if meant is Meaning.ASK:
        return Says.PROCESSED
    return Says.CAPTURED if meant and credential.state != CredentialState.UNREAD else Says.UNREAD


def _find_credential_meaning(credential: Credential) -> Meaning | None:
    return digital_source_types.find_strongest_meaning(credential.source_types)


def _in_json(credential: Credential) -> JSON:
    return {
        "state": credential.state,
        "source_types": list(credential.source_types),
        "signer": credential.signer,
        "explanation": credential.explanation,
        "trust_list": credential.trust_list,
    }


_CREDENTIAL_IN_WORDS = {
    Says.CREDENTIAL: "a Content Credential says that it was generated",
    Says.CHANGED: "a Content Credential says that it was generated, and the file was changed after it was signed",
    Says.PROCESSED: "a Content Credential says that an algorithm made or changed it",
    Says.UNREAD: "a Content Credential is there, and it does not say how this was made",
    Says.CAPTURED: "a Content Credential speaks of recording and editing",
}
_CONFIRM = "Where the file is right, confirm it (POST …/disclosure/confirm): the declaration is then completed. "
_FIXES = {
    GENERATOR_TAG: _CONFIRM + "Otherwise declare what was generated, or tell how the tag came into the file.",
    CREDENTIAL_UNDISCLOSED: _CONFIRM + "Otherwise declare what was generated, or tell what the credential is about.",
    SCOPE_TOO_NARROW: _CONFIRM + "Otherwise declare every element that was generated.",
}


def _file_says(
    release: Release, track: Track, says: Says, extent: ContainsAI, words: str, evidence: dict[str, JSON]
) -> Finding:
    """What the file says beside what was declared; where it says more, with the declaration that would agree.

    What only may mean generation proposes nothing.
    """
    declared = ai_declaration.find_declared_extent(track)
    code = MATRIX[says][declared]
    asks = says in (Says.TAG, Says.CREDENTIAL, Says.CHANGED) and code in _FIXES
    return Finding(
        code,
        track.subject,
        f"In {track.file}, {words}; {ai_declaration.IN_WORDS[declared]}.",
        evidence={"declared": declared.value, "says": says.value, **evidence},
        fix=_FIXES[code] if asks else _FIXES[code].removeprefix(_CONFIRM) if code in _FIXES else None,
        patch=ai_declaration.build_declaration_patch(release, track, extent) if asks else (),
    )


def _judge_cover(release: Release) -> Iterator[Finding]:
    """The cover's own declaration; where it has none, what the tracks say of their artwork."""
    if release.cover is None:
        return
    by_tracks = [
        levels[Element.ARTWORK]
        for levels in map(ai_declaration.listed_levels, release.tracks)
        if Element.ARTWORK in levels
    ]
    extent = release.cover.contains_ai
    if extent is ContainsAI.NONE and any(level.generated for level in by_tracks):
        yield _report_contradiction(
            release.subject, "the cover is declared as made without AI, and tracks declare generated artwork"
        )
    if extent is ContainsAI.UNDECLARED and by_tracks:
        extent = ai_declaration.extent_of(by_tracks)
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


#: A cover's declaration has no parts: it was generated, or it was not.
_OF_COVER = {
    ContainsAI.UNDECLARED: Declared.NOTHING,
    ContainsAI.NONE: Declared.NO_AI,
    ContainsAI.PARTLY: Declared.HEARD,
    ContainsAI.ALL: Declared.HEARD,
}


def _judge_cover_file(cover: Cover, facts: ImageFacts | None) -> Iterator[Finding]:
    """The cover's Content Credential against what was declared of it: artwork is a matter of its own."""
    says = _credential_says(facts.credential) if facts else None
    if facts is None or says is None:
        return
    declared = _OF_COVER[cover.contains_ai]
    code = MATRIX[says][declared]
    extent = ContainsAI.PARTLY if _find_credential_meaning(facts.credential) is Meaning.PART else ContainsAI.ALL
    asks = says in (Says.CREDENTIAL, Says.CHANGED) and code in _FIXES
    now, new = cover.contains_ai.value, extent.value
    yield Finding(
        code,
        "release",
        f"In the cover {cover.file}, {_CREDENTIAL_IN_WORDS[says]}; {_DECLARED_OF_COVER[declared]}.",
        evidence={"declared": declared.value, "says": says.value, "credential": _in_json(facts.credential)},
        fix=(_CONFIRM if asks else "") + "Set the cover's contains_ai." if code in _FIXES else None,
        patch=json_patch.replace_value_patch("/release/cover/contains_ai", now, new) if asks else (),
    )


_DECLARED_OF_COVER = {
    Declared.NOTHING: "nothing was declared of the cover",
    Declared.NO_AI: "the cover was declared as made without AI",
    Declared.HEARD: "the cover was declared as generated",
}


CHECK = Check(
    name="disclosure",
    version=3,
    title="AI disclosure",
    codes=(
        DECLARED,
        UNDECLARED,
        CONTRADICTORY,
        IMITATES_WITHOUT_CONSENT,
        CONSENT_MISSING,
        CONSENT_UNVERIFIED,
        LIKENESS_UNKNOWN,
        GENERATOR_TAG,
        CREDENTIAL_UNDISCLOSED,
        SCOPE_TOO_NARROW,
        CONFIRMED_BY_FILE,
        CREDENTIAL_PRESENT,
    ),
    run=check_ai_disclosure,
    needs_audio=True,
    needs_images=True,
    hears_declaration=True,
)
