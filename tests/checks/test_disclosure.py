"""Honest declarations go out with their labels; contradictions, silence and what files say otherwise are met fairly."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model.ai_declaration import LABELLED, Declared
from checks.model.contributor_roles import ROLES
from checks.model.evidence_matrix import Says
from checks.model.finding import Basis, Finding, Route
from checks.model.release import (
    AudioFacts,
    ContainsAI,
    Contribution,
    Contributor,
    Cover,
    Credential,
    Disclosure,
    Element,
    ImageFacts,
    Imitates,
    Level,
    Release,
    TagClaim,
    Track,
)
from checks.rules.disclosure import CHECK, MATRIX
from tests.checks.builders import (
    a_context,
    a_contributor,
    a_delivery,
    a_disclosure,
    a_release,
    a_track,
    an_instrumental,
    some_facts,
)

SUNO = (TagClaim("suno.comment", "TXXX:comment", "made with suno; created=2026-10-01T10:00:00Z"),)
GENERATED = Credential("trusted", ("trainedAlgorithmicMedia",), "Some Generator Inc.")
NOT_SAID = Disclosure()

FULLY, PARTLY, ASSISTED, NONE = Level.FULLY_GENERATED, Level.PARTLY_GENERATED, Level.ASSISTIVE_TOOL, Level.NONE


def judged(release: Release, **measured: Any) -> list[Finding]:
    """Findings on a release all of whose files measure what is given."""
    facts = {track.file: some_facts(track.file, **measured) for track in release.tracks}
    return list(CHECK.run(a_delivery(release, facts=facts), a_context()))


def with_levels(*levels: tuple[Element, Level], **changes: Any) -> Track:
    """A track whose disclosure lists these levels, and whose contributors leave the question open."""
    contributors = (a_contributor(ai_contribution=ContainsAI.UNDECLARED),)
    disclosure = Disclosure("declared", tuple(Contribution(element, level) for element, level in levels))
    return a_track(**{"contributors": contributors, "disclosure": disclosure, **changes})


def on(track: Track, **measured: Any) -> list[Finding]:
    return judged(a_release(track), **measured)


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code.id for finding in findings]


def labels(findings: list[Finding]) -> dict[str, str]:
    return {label.key: label.value for finding in findings for label in finding.labels}


def held(findings: list[Finding]) -> bool:
    return any(finding.code.route in (Route.REVIEW, Route.BLOCK) for finding in findings)


# Declarations and their labels


def test_a_recording_made_by_people_has_nothing_to_say() -> None:
    assert on(a_track()) == []


@pytest.mark.parametrize("element", list(Element))
def test_an_assistive_tool_puts_no_label(element: Element) -> None:
    found = on(with_levels((element, ASSISTED)))
    assert found == []


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(Element.LEAD_VOCALS, FULLY)], {"ai:recording": "partly", "ai:vocals": "all"}),
        ([(Element.LEAD_VOCALS, PARTLY)], {"ai:recording": "partly", "ai:vocals": "partly"}),
        (
            [(Element.LEAD_VOCALS, FULLY), (Element.BACKING_VOCALS, NONE)],
            {"ai:recording": "partly", "ai:vocals": "partly"},
        ),
        (
            [(Element.LEAD_VOCALS, FULLY), (Element.INSTRUMENTS, FULLY)],
            {"ai:recording": "all", "ai:vocals": "all", "ai:instruments": "all"},
        ),
        (
            [(Element.LEAD_VOCALS, FULLY), (Element.INSTRUMENTS, FULLY), (Element.PRODUCTION, NONE)],
            {"ai:recording": "partly", "ai:vocals": "all", "ai:instruments": "all"},
        ),
        ([(Element.LYRICS, FULLY)], {"ai:lyrics": "all"}),
        ([(Element.COMPOSITION, PARTLY)], {"ai:composition": "partly"}),
        ([(Element.PRODUCTION, FULLY)], {"ai:recording": "partly", "ai:production": "all"}),
        ([(Element.MIXING_MASTERING, FULLY)], {"ai:production": "partly"}),
        ([(Element.METADATA, FULLY)], {}),
    ],
)
def test_a_declaration_is_labelled_as_declared(levels: list[tuple[Element, Level]], expected: dict[str, str]) -> None:
    found = on(with_levels(*levels))
    assert labels(found) == expected
    assert codes(found) == ["disclosure.declared"] * bool(expected)
    assert not held(found)


def test_an_instrumental_is_wholly_generated_without_vocals() -> None:
    disclosure = a_disclosure(Contribution(Element.INSTRUMENTS, FULLY))
    found = on(an_instrumental(disclosure=disclosure))
    assert labels(found) == {"ai:recording": "all", "ai:instruments": "all"}


def test_every_label_comes_from_the_declaration_and_names_its_track() -> None:
    release = a_release(a_track(1), with_levels((Element.LEAD_VOCALS, FULLY), position=2, file="02.flac"))
    (finding,) = judged(release)
    assert finding.subject == "track:2"
    assert finding.code.route is Route.LABEL
    assert {label.basis for label in finding.labels} == {Basis.DECLARED}


@pytest.mark.parametrize(("extent", "expected"), [(ContainsAI.ALL, "all"), (ContainsAI.PARTLY, "partly")])
def test_a_generated_cover_is_labelled_on_the_release(extent: ContainsAI, expected: str) -> None:
    (finding,) = judged(a_release(cover=Cover("cover.jpg", extent)))
    assert finding.subject == "release"
    assert labels([finding]) == {"ai:artwork": expected}


def test_a_cover_that_only_the_tracks_speak_of_is_labelled() -> None:
    release = a_release(with_levels((Element.ARTWORK, FULLY)), cover=Cover("cover.jpg"))
    assert labels(judged(release)) == {"ai:artwork": "all"}


def test_a_cover_of_unknown_making_is_asked_for() -> None:
    (finding,) = judged(a_release(cover=Cover("cover.jpg")))
    assert (finding.code.id, finding.code.route, finding.labels) == ("disclosure.undeclared", Route.PASS, ())


def test_a_contributor_s_own_statement_is_a_declaration() -> None:
    singer = a_contributor("Breaking Dawn", "vocalist", ai_contribution=ContainsAI.ALL)
    found = on(a_track(contributors=(singer,), disclosure=NOT_SAID))
    assert labels(found) == {"ai:recording": "partly", "ai:vocals": "all"}
    assert codes(found) == ["disclosure.declared", "disclosure.undeclared"]


def test_a_generated_contributor_of_an_unknown_role_is_not_lost() -> None:
    machine = a_contributor("Model 4", "Sound Wizard", ai_contribution=ContainsAI.ALL)
    assert labels(on(a_track(contributors=(machine,), disclosure=NOT_SAID))) == {"ai:recording": "partly"}


@pytest.mark.parametrize("role", ["BackgroundVocalist", "background_vocalist", "Background Vocalist"])
def test_roles_are_read_however_they_are_written(role: str) -> None:
    singer = a_contributor("Choir", role, ai_contribution=ContainsAI.ALL)
    assert labels(on(a_track(contributors=(singer,), disclosure=NOT_SAID)))["ai:vocals"] == "all"


# Silence


def test_an_undeclared_track_is_asked_about_and_never_taken_for_none() -> None:
    (finding,) = on(a_track(disclosure=NOT_SAID))
    assert (finding.code.id, finding.code.route) == ("disclosure.undeclared", Route.PASS)
    assert finding.labels == ()
    assert "human" not in finding.message.lower()


# Contradictions


def contradictions() -> dict[str, Track]:
    sung = Contribution(Element.LEAD_VOCALS, FULLY)
    unsung = Contribution(Element.LEAD_VOCALS, NONE)
    machine = a_contributor("Model 4", "vocalist", ai_contribution=ContainsAI.ALL)
    return {
        "listed though undeclared": a_track(disclosure=Disclosure("undeclared", (sung,)), contributors=()),
        "one part in two ways": a_track(disclosure=a_disclosure(sung, unsung), contributors=()),
        "singing in an instrumental": an_instrumental(disclosure=a_disclosure(sung)),
        "machine credited, vocals by people": a_track(disclosure=a_disclosure(unsung), contributors=(machine,)),
        "machine credited, nothing generated": a_track(disclosure=Disclosure("declared"), contributors=(machine,)),
        "human credited for generated vocals": a_track(disclosure=a_disclosure(sung)),
        "human credited where all was generated": a_track(disclosure=Disclosure("declared", (), ContainsAI.ALL)),
    }


@pytest.mark.parametrize("case", contradictions())
def test_a_declaration_that_contradicts_itself_is_reviewed(case: str) -> None:
    found = on(contradictions()[case])
    (finding,) = [finding for finding in found if finding.code.id == "disclosure.contradictory"]
    assert finding.code.route is Route.REVIEW
    assert finding.fix


def test_a_cover_and_tracks_that_disagree_are_reviewed() -> None:
    found = judged(a_release(with_levels((Element.ARTWORK, FULLY))))
    assert [(f.code.id, f.subject) for f in found if held([f])] == [("disclosure.contradictory", "release")]


def test_two_singers_declared_apart_are_no_contradiction() -> None:
    both = (
        Contribution(Element.LEAD_VOCALS, NONE, human_contributor="Mara Lindqvist"),
        Contribution(Element.LEAD_VOCALS, FULLY, tool="Model 4"),
    )
    singers = (
        a_contributor(),
        a_contributor("Model 4", "vocalist", ai_contribution=ContainsAI.ALL),
    )
    found = on(a_track(disclosure=a_disclosure(*both), contributors=singers))
    assert not held(found)
    assert labels(found)["ai:vocals"] == "partly"


def test_someone_with_two_roles_may_be_generated_in_one() -> None:
    writer = a_contributor("Mara Lindqvist", "composer", "vocalist", ai_contribution=ContainsAI.PARTLY)
    track = with_levels((Element.LEAD_VOCALS, PARTLY), (Element.COMPOSITION, NONE), contributors=(writer,))
    assert not held(on(track))


def test_a_songwriter_may_have_made_what_was_not_generated() -> None:
    writer = a_contributor("Mara Lindqvist", "songwriter")
    assert not held(on(with_levels((Element.LYRICS, FULLY), (Element.COMPOSITION, NONE), contributors=(writer,))))
    assert held(on(with_levels((Element.LYRICS, FULLY), (Element.COMPOSITION, FULLY), contributors=(writer,))))


# Imitation


@pytest.mark.parametrize(
    ("imitates", "consent", "code"),
    [
        (Imitates.WITHOUT_CONSENT, None, "disclosure.imitates_without_consent"),
        (Imitates.WITH_CONSENT, None, "disclosure.consent_missing"),
    ],
)
def test_an_imitation_without_proof_of_consent_is_reviewed(imitates: Imitates, consent: str | None, code: str) -> None:
    sung = Contribution(Element.LEAD_VOCALS, PARTLY, imitates=imitates, consent=consent)
    found = on(a_track(disclosure=a_disclosure(sung)))
    assert [finding.code.id for finding in found if held([finding])] == [code]


def test_an_imitation_with_consent_is_looked_at_by_a_person() -> None:
    """A question of law and not of AI: what was declared of AI is held for nothing."""
    sung = Contribution(Element.LEAD_VOCALS, PARTLY, imitates=Imitates.WITH_CONSENT, consent="consent.pdf")
    found = on(a_track(disclosure=a_disclosure(sung)))
    assert [finding.code.id for finding in found if held([finding])] == ["consent.unverified"]
    assert "ai:voice_replica_consented" not in labels(found)


def test_not_knowing_whether_anyone_is_imitated_is_asked_about() -> None:
    sung = Contribution(Element.LEAD_VOCALS, PARTLY, imitates=Imitates.UNKNOWN)
    found = on(a_track(disclosure=a_disclosure(sung)))
    assert "disclosure.likeness_unknown" in codes(found)
    assert not held(found)


# What the file says


NOTHING_DECLARED = a_track(disclosure=NOT_SAID)
NO_AI = a_track()
HELPED = with_levels((Element.MIXING_MASTERING, ASSISTED))
LYRICS = with_levels((Element.LYRICS, FULLY))
VOCALS = with_levels((Element.LEAD_VOCALS, FULLY))


@pytest.mark.parametrize(
    ("track", "says", "code"),
    [
        (NOTHING_DECLARED, {"tags": SUNO}, "disclosure.generator_tag"),
        (NO_AI, {"tags": SUNO}, "disclosure.generator_tag"),
        (HELPED, {"tags": SUNO}, "disclosure.generator_tag"),
        (LYRICS, {"tags": SUNO}, "disclosure.scope_too_narrow"),
        (VOCALS, {"tags": SUNO}, "disclosure.confirmed_by_file"),
        (NO_AI, {"credential": GENERATED}, "disclosure.credential_undisclosed"),
        (NO_AI, {"credential": replace(GENERATED, state="invalid")}, "disclosure.credential_undisclosed"),
        (NO_AI, {"credential": Credential("unread")}, "disclosure.credential_undisclosed"),
        (
            NO_AI,
            {"credential": Credential("untrusted", ("algorithmicallyEnhanced",))},
            "disclosure.credential_undisclosed",
        ),
        (HELPED, {"credential": Credential("trusted", ("algorithmicallyEnhanced",))}, "disclosure.credential_present"),
        (NO_AI, {"credential": Credential("trusted", ("digitalCapture",))}, "disclosure.credential_present"),
        (LYRICS, {"credential": GENERATED}, "disclosure.scope_too_narrow"),
        (VOCALS, {"credential": GENERATED}, "disclosure.confirmed_by_file"),
        (VOCALS, {"credential": Credential("unread")}, "disclosure.credential_present"),
        (NOTHING_DECLARED, {"credential": Credential("unread")}, "disclosure.credential_undisclosed"),
    ],
)
def test_a_file_that_speaks_of_ai_is_held_against_the_declaration(
    track: Track, says: dict[str, Any], code: str
) -> None:
    found = on(track, **says)
    assert code in codes(found)
    reviewed = {"disclosure.generator_tag", "disclosure.credential_undisclosed", "disclosure.scope_too_narrow"}
    assert held(found) is (code in reviewed)


@pytest.mark.parametrize(
    ("cover", "credential", "code", "asks"),
    [
        (ContainsAI.NONE, GENERATED, "disclosure.credential_undisclosed", True),
        (ContainsAI.UNDECLARED, GENERATED, "disclosure.credential_undisclosed", True),
        (ContainsAI.ALL, GENERATED, "disclosure.confirmed_by_file", False),
        (ContainsAI.NONE, Credential("trusted", ("digitalCapture",)), "disclosure.credential_present", False),
        (ContainsAI.NONE, Credential("trusted", ("algorithmicMedia",)), "disclosure.credential_undisclosed", False),
    ],
)
def test_a_cover_s_credential_is_held_against_what_was_declared_of_the_cover(
    cover: ContainsAI, credential: Credential, code: str, asks: bool
) -> None:
    release = a_release(a_track(), cover=Cover("cover.jpg", cover))
    image = ImageFacts("0" * 64, 1, True, credential=credential)
    found = list(CHECK.run(a_delivery(release, images={"cover.jpg": image}), a_context()))
    (finding,) = [item for item in found if item.evidence and "says" in item.evidence]
    assert (finding.code.id, finding.subject, bool(finding.patch)) == (code, "release", asks)
    assert "artwork" not in labels(found) or cover is ContainsAI.ALL


def test_a_file_s_question_comes_with_the_declaration_that_would_agree() -> None:
    (finding,) = [item for item in on(NO_AI, credential=GENERATED) if item.patch]
    operation = finding.patch[-1]
    assert (operation["op"], operation["path"]) == ("add", "/release/tracks/0/disclosure")
    value: Any = operation["value"]
    assert (value["status"], value["contains_ai"]) == ("declared", "all")
    assert [(entry["element"], entry["level"]) for entry in value["contributions"]] == [
        ("instruments", "fully_generated"),
        ("lead_vocals", "fully_generated"),
    ]
    assert "confirm" in finding.fix


def test_what_only_may_mean_generation_proposes_nothing() -> None:
    for says in ({"credential": Credential("unread")}, {"credential": Credential("trusted", ("algorithmicMedia",))}):
        (finding,) = [item for item in on(NO_AI, **says) if held([item])]
        assert not finding.patch
        assert "confirm" not in (finding.fix or "")


def test_a_full_iptc_address_is_read_by_its_last_part() -> None:
    address = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert "disclosure.credential_undisclosed" in codes(on(NO_AI, credential=Credential("trusted", (address,))))


def test_a_file_never_sets_a_label_by_itself() -> None:
    for track in (NOTHING_DECLARED, NO_AI):
        assert labels(on(track, tags=SUNO, credential=GENERATED)) == {}


def test_the_evidence_shows_the_tag_where_it_stands() -> None:
    (finding,) = on(NO_AI, tags=SUNO)
    assert finding.evidence == {
        "declared": "no_ai",
        "says": "tag",
        "tags": [{"pattern": "suno.comment", "where": "TXXX:comment", "value": SUNO[0].value}],
    }


def test_a_file_that_was_not_measured_proves_nothing() -> None:
    assert list(CHECK.run(a_delivery(a_release(a_track()), facts={}), a_context())) == []


def test_the_matrix_has_a_name_for_everything_that_this_check_reads() -> None:
    assert set(MATRIX) == set(Says) - {Says.TRACES, Says.TRACES_WEAK}
    for row in MATRIX.values():
        assert list(row) == list(Declared)
        assert set(row.values()) <= set(CHECK.codes)


@pytest.mark.parametrize("says", list(MATRIX))
def test_the_more_is_declared_the_less_is_held(says: Says) -> None:
    held_by_declaration = [MATRIX[says][declared].route is Route.REVIEW for declared in Declared]
    assert held_by_declaration == sorted(held_by_declaration, reverse=True)


# Honesty never costs


ELEMENTS = [element for group in LABELLED.values() for element in group]
ROLE_OF = {element: min(roles) for element, roles in ROLES.items()}
EXTENT_OF = {FULLY: ContainsAI.ALL, PARTLY: ContainsAI.PARTLY, ASSISTED: ContainsAI.NONE, NONE: ContainsAI.NONE}
ORDER = [NONE, ASSISTED, PARTLY, FULLY]
SOME_LEVELS = st.dictionaries(st.sampled_from(ELEMENTS), st.sampled_from(ORDER))
SOME_FACTS = st.builds(
    lambda tags, credential: {"tags": tags, "credential": credential},
    st.sampled_from([(), SUNO]),
    st.builds(
        Credential,
        st.sampled_from(["none", "trusted", "untrusted", "invalid", "unread"]),
        st.sampled_from([(), ("trainedAlgorithmicMedia",), ("algorithmicMedia",), ("digitalCapture",)]),
    ),
)


def declared_truly(levels: dict[Element, Level], vocals: str | None, credited: bool) -> Track:
    contributors = tuple(
        Contributor(f"Part {element}", (ROLE_OF[element],), ai_contribution=EXTENT_OF[level])
        for element, level in levels.items()
    )
    contributions = tuple(Contribution(element, level) for element, level in levels.items())
    disclosure = Disclosure("declared", contributions)
    return a_track(vocals=vocals, disclosure=disclosure, contributors=contributors if credited else ())


@given(SOME_LEVELS, SOME_LEVELS, SOME_FACTS, st.sampled_from(["vocal", "spoken", None]), st.booleans())
def test_declaring_more_never_holds_a_release_that_declaring_less_would_not(
    less: dict[Element, Level], more: dict[Element, Level], says: dict[str, Any], vocals: str | None, credited: bool
) -> None:
    raised = {
        element: max(less.get(element, NONE), more.get(element, NONE), key=ORDER.index) for element in less | more
    }
    if held(on(declared_truly(raised, vocals, credited), **says)):
        assert held(on(declared_truly(less, vocals, credited), **says))
        assert held(on(a_track(vocals=vocals, disclosure=NOT_SAID), **says))


@given(SOME_LEVELS, st.sampled_from(["vocal", "spoken", None]), st.booleans())
def test_a_true_declaration_alone_holds_nothing(
    levels: dict[Element, Level], vocals: str | None, credited: bool
) -> None:
    assert not held(on(declared_truly(levels, vocals, credited)))


ANY_TRACK = st.builds(
    lambda levels, extents, status, vocals: a_track(
        vocals=vocals,
        disclosure=Disclosure(status, tuple(Contribution(*pair) for pair in levels)),
        contributors=tuple(
            Contributor(f"Part {n}", roles, ai_contribution=extent) for n, (roles, extent) in enumerate(extents)
        ),
    ),
    st.lists(st.tuples(st.sampled_from(Element), st.sampled_from(Level)), max_size=6),
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["other", *sorted(frozenset().union(*ROLES.values()))]), max_size=3).map(tuple),
            st.sampled_from(ContainsAI),
        ),
        max_size=4,
    ),
    st.sampled_from(["declared", "undeclared"]),
    st.sampled_from(["vocal", "instrumental", "spoken", None, "hummed"]),
)


@given(ANY_TRACK, SOME_FACTS)
def test_no_label_is_set_without_a_declaration_of_something_generated(track: Track, says: dict[str, Any]) -> None:
    found = on(track, **says)
    said = any(contribution.level.generated for contribution in track.disclosure.contributions) or any(
        contributor.ai_contribution in (ContainsAI.ALL, ContainsAI.PARTLY) for contributor in track.contributors
    )
    for finding in found:
        assert "human-made" not in finding.message
        assert not isinstance(finding.measured, float), "a declaration is compared, never scored"
        assert all(label.basis is Basis.DECLARED for label in finding.labels)
        assert said or not finding.labels


def test_facts_that_could_not_be_read_to_the_end_still_speak() -> None:
    facts: AudioFacts = some_facts(ok=False, error="truncated", tags=SUNO)
    found = list(CHECK.run(a_delivery(a_release(NO_AI), facts={NO_AI.file: facts}), a_context()))
    assert codes(found) == ["disclosure.generator_tag"]
