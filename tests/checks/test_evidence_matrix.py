"""What was declared × what the file shows → what becomes of the release: the whole table, under the shipped policy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model.ai_declaration import Declared, find_declared_extent
from checks.model.evidence_matrix import Matrix, Says, Unfair, find_matrix_cell, parse_evidence_matrix
from checks.model.finding import Finding, Route
from checks.model.release import Contribution, Credential, Disclosure, Element, LatticeFacts, Level, TagClaim, Track
from checks.policy import PolicyError, Traces, Verdict, judge_findings, load_policy_file
from checks.rules.artefacts import generator_artefacts
from checks.rules.disclosure import CHECK
from tests.checks.builders import a_context, a_delivery, a_disclosure, a_release, a_track, some_facts

SHIPPED = Path(__file__).parents[2] / "config" / "policy.toml"
GENERATED = ("trainedAlgorithmicMedia",)

DECLARED: dict[str, Track] = {
    "nothing": a_track(disclosure=Disclosure()),
    "no AI": a_track(),
    "tools": a_track(disclosure=a_disclosure(Contribution(Element.MIXING_MASTERING, Level.ASSISTIVE_TOOL))),
    "lyrics": a_track(disclosure=a_disclosure(Contribution(Element.LYRICS, Level.FULLY_GENERATED)), contributors=()),
    "vocals": a_track(
        disclosure=a_disclosure(Contribution(Element.LEAD_VOCALS, Level.FULLY_GENERATED)), contributors=()
    ),
}
SHOWN: dict[str, dict[str, Any]] = {
    "-": {},
    "tag": {"tags": (TagClaim("suno.comment", "COMM", "made with suno; created=2026-10-01T10:00:00Z"),)},
    "trusted": {"credential": Credential("trusted", GENERATED)},
    "untrusted": {"credential": Credential("untrusted", GENERATED)},
    "changed": {"credential": Credential("invalid", GENERATED)},
    "processed": {"credential": Credential("trusted", ("algorithmicallyEnhanced",))},
    "unread": {"credential": Credential("unread")},
    "captured": {"credential": Credential("trusted", ("digitalCapture",))},
    "weak": {"lattice": LatticeFacts("2026.1", True, z=9.0, rate_hz=50.0, strength="weak")},
    "strong": {"lattice": LatticeFacts("2026.1", True, z=24.0, rate_hz=50.0, strength="strong")},
}

#: The last two columns with the acoustic check set to "review"; as shipped, they are as the first.
TABLE = """
declared |    -     tag    trusted untrusted changed processed unread  captured weak    strong
nothing  | approve review  review  review    review  review    review  approve  approve review
no AI    | approve review  review  review    review  review    review  approve  approve review
tools    | approve review  review  review    review  approve   review  approve  approve review
lyrics   | label   review  review  review    review  label     label   label    label   review
vocals   | label   label   label   label     label   label     label   label    label   label
"""
ACOUSTIC = ("weak", "strong")


def cells() -> list[tuple[str, str, str]]:
    header, *rows = [line.partition("|") for line in TABLE.strip().splitlines()]
    return [
        (declared.strip(), shown, verdict)
        for declared, _, verdicts in rows
        for shown, verdict in zip(header[2].split(), verdicts.split(), strict=True)
    ]


def found(track: Track, shown: dict[str, Any]) -> list[Finding]:
    delivery = a_delivery(a_release(track), facts={track.file: some_facts(track.file, **shown)})
    return [finding for check in (CHECK, generator_artefacts.CHECK) for finding in check.run(delivery, a_context())]


@pytest.mark.parametrize(("declared", "shown", "verdict"), cells())
def test_what_becomes_of_a_release(declared: str, shown: str, verdict: str) -> None:
    listening = replace(load_policy_file(SHIPPED), lattice=Traces.REVIEW)
    ruling = judge_findings(listening, found(DECLARED[declared], SHOWN[shown]), [], [1])
    assert ruling.verdict == verdict
    assert (ruling.verdict is Verdict.LABEL) == bool(ruling.labels), "a label has a basis, and review has none yet"


@pytest.mark.parametrize("shown", ACOUSTIC)
@pytest.mark.parametrize("declared", DECLARED)
def test_a_score_changes_nothing_as_shipped(declared: str, shown: str) -> None:
    with_it, without = (
        judge_findings(load_policy_file(SHIPPED), found(DECLARED[declared], SHOWN[item]), [], [1])
        for item in (shown, "-")
    )
    assert (with_it.verdict, with_it.labels, with_it.reasons) == (without.verdict, without.labels, without.reasons)


def test_the_table_is_whole() -> None:
    assert {declared for declared, _, _ in cells()} == set(DECLARED)
    assert {shown for _, shown, _ in cells()} == set(SHOWN)
    assert [find_declared_extent(track) for track in DECLARED.values()] == list(Declared)


def test_the_shipped_policy_speaks_of_all_evidence() -> None:
    assert set(load_policy_file(SHIPPED).matrix) == set(Says)


def test_every_finding_about_a_file_says_which_pair_it_speaks_of() -> None:
    for track in DECLARED.values():
        for name, shown in SHOWN.items():
            pairs = [pair for item in found(track, shown) if (pair := find_matrix_cell(item.evidence))]
            assert [declared for _, declared in pairs] == [find_declared_extent(track)] * (name != "-")


# A policy cannot be unfair


def lines(**changes: str) -> dict[str, dict[str, str]]:
    routes = {declared.value: "review" for declared in Declared} | {"heard": "pass"}
    return {"tag": routes | changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"heard": "review"}, "has declared it"),
        ({"nothing": "pass"}, "declaring more"),
        ({"nothing": "note", "no_ai": "pass"}, "declaring more"),
        ({"no_ai": "label"}, "by itself"),
        ({"nothing": "block"}, "by itself"),
    ],
)
def test_an_unfair_matrix_is_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(Unfair, match=words):
        parse_evidence_matrix(lines(**changes))


@pytest.mark.parametrize(
    "table",
    [{"rumour": lines()["tag"]}, {"tag": lines()["tag"] | {"perhaps": "pass"}}, {"tag": {"nothing": "review"}}],
)
def test_a_matrix_with_unknown_or_missing_words_is_refused(table: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"rumour|perhaps|no_ai"):
        parse_evidence_matrix(table)


def test_a_policy_with_an_unfair_matrix_is_no_policy(tmp_path: Path) -> None:
    unfair = SHIPPED.read_text().replace('captured = { nothing = "pass"', 'captured = { nothing = "note"')
    (tmp_path / "policy.toml").write_text(unfair)
    with pytest.raises(PolicyError, match="captured: declaring more"):
        load_policy_file(tmp_path / "policy.toml")


@pytest.mark.parametrize("code", ["lattice.traces", "disclosure.confirmed_by_file"])
def test_no_line_about_a_code_holds_what_was_declared(code: str) -> None:
    shipped = load_policy_file(SHIPPED)
    strict = replace(shipped, lattice=Traces.REVIEW, routes={**shipped.routes, code: Route.REVIEW})
    for shown in ("strong", "tag"):
        assert judge_findings(strict, found(DECLARED["vocals"], SHOWN[shown]), [], [1]).verdict is Verdict.LABEL


@pytest.mark.parametrize("route", ["review", "block", "note", "pass"])
def test_a_policy_cannot_route_an_honest_declaration(tmp_path: Path, route: str) -> None:
    line = f'[routes]\n"disclosure.declared" = "{route}"'
    (tmp_path / "policy.toml").write_text(SHIPPED.read_text().replace("[routes]", line, 1))
    with pytest.raises(PolicyError, match="honest declaration"):
        load_policy_file(tmp_path / "policy.toml")


ANY_TABLE = st.dictionaries(
    st.sampled_from([says.value for says in Says]),
    st.fixed_dictionaries({declared.value: st.sampled_from([route.value for route in Route]) for declared in Declared}),
)


@given(ANY_TABLE)
def test_whatever_matrix_is_accepted_declaring_more_never_costs(table: dict[str, dict[str, str]]) -> None:
    try:
        accepted: Matrix = parse_evidence_matrix(table)
    except Unfair:
        return
    for row in accepted.values():
        assert row[Declared.HEARD] is not Route.REVIEW
        assert not {Route.LABEL, Route.BLOCK} & set(row.values()), "evidence alone neither labels nor refuses"
        reviewed = [row[declared] is Route.REVIEW for declared in Declared]
        assert reviewed == sorted(reviewed, reverse=True)
