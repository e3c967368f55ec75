"""Acoustic traces are told with all that speaks against them, and can do no more than ask a human to look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import CHECKS
from checks.analysis.decoder_rates import load_decoder_rates
from checks.model.artefact_model import FEATURES, Model
from checks.model.check import Context
from checks.model.finding import Finding, Route
from checks.model.release import Contribution, Delivery, Element, LatticeFacts, Level
from checks.policy import PolicyError, Traces, Verdict, judge_findings, load_policy_file
from checks.rules.artefacts import generator_artefacts

from .builders import a_context, a_delivery, a_disclosure, a_release, a_track, some_facts

SHIPPED = Path(__file__).parents[2] / "config" / "policy.toml"


@dataclass
class FakeReference:
    """What an installation knows about traces."""

    scores: Sequence[float] = ()
    mine: Model | None = None
    unusable: str = ""

    def human_scores(self, feature_version: str) -> Sequence[float]:
        return self.scores if feature_version == "7" else ()

    def model(self) -> tuple[Model | None, str]:
        return self.mine, self.unusable


def some_lattice(**changes: Any) -> LatticeFacts:
    """Moderate traces at 50 Hz."""
    ordinary: dict[str, Any] = {
        "feature_version": "7",
        "assessed": True,
        "seconds": 180.0,
        "lower_hz": 4000.0,
        "upper_hz": 15800.0,
        "z": 14.25,
        "rate_hz": 50.0,
        "strength": "moderate",
        "rates": ((50.0, 14.25), (75.0, -0.5)),
        "bands": (8.0, 9.0, 7.0),
        "segments": (7.0, 8.0, 9.0, 6.0),
        "ppm": 10.0,
        "low_high_ratio": 0.6,
        "holes_z": -0.5,
        "holes_rate_hz": 75.0,
    }
    return LatticeFacts(**(ordinary | changes))


def delivered(facts: LatticeFacts | None, **track: Any) -> Delivery:
    release = a_release(a_track(**track))
    return a_delivery(release, facts={"01.flac": some_facts("01.flac", lattice=facts)})


def found(delivery: Delivery, reference: FakeReference | None = None) -> list[Finding]:
    context: Context = replace(a_context(), lattice=reference)
    return list(generator_artefacts.find_generator_artefacts(delivery, context))


def only(delivery: Delivery, reference: FakeReference | None = None) -> Finding:
    (finding,) = found(delivery, reference)
    return finding


# --- What is said ----------------------------------------------------------------------------------------------------


def test_clear_traces_are_told_with_rate_strength_and_kinds_of_decoder() -> None:
    finding = only(delivered(some_lattice()))
    assert finding.code == generator_artefacts.TRACES
    assert (finding.subject, finding.measured, finding.threshold) == ("track:1", 14.25, 12.0)
    assert "50 Hz" in finding.message
    assert finding.evidence is not None
    row = load_decoder_rates().row(50.0)
    assert row is not None
    assert finding.evidence["kinds_of_decoder"] == list(row.families)
    assert (finding.evidence["says"], finding.evidence["declared"]) == ("traces", "no_ai")
    json.dumps(finding.evidence, allow_nan=False)


def test_weak_traces_have_a_code_of_their_own() -> None:
    finding = only(delivered(some_lattice(z=9.0, strength="weak")))
    assert finding.code == generator_artefacts.WEAK_TRACES
    assert finding.evidence is not None
    assert finding.evidence["says"] == "traces_weak"


def test_known_causes_of_false_alarms_stand_beside_every_trace() -> None:
    evidence = only(delivered(some_lattice())).evidence
    assert evidence is not None
    told = " ".join(evidence["innocent_causes"]).casefold()  # type: ignore[arg-type]
    for cause in ("tracker", "125 beats", "time-stretching", "denoising", "looped", "mastering", "stem separation"):
        assert cause in told
    assert "post-production, not authorship" in told
    assert "cannot be told which part" in str(evidence["scope"])


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ((), "not calibrated here (0 verified human tracks, 100 are needed)"),
        (range(99), "not calibrated here (99 verified human tracks, 100 are needed)"),
        ([1.0] * 996 + [14.25, 15.0, 30.0, 31.0], "among 1000 verified human tracks here, 0.4 % score this high"),
        ([1.0] * 500, "among 500 verified human tracks here, none scores this high"),
    ],
)
def test_rarity_is_told_among_verified_recordings_or_not_at_all(scores: Sequence[float], words: str) -> None:
    finding = only(delivered(some_lattice()), FakeReference(scores))
    assert words in finding.message
    assert finding.evidence is not None
    assert finding.evidence["rarity"] == words
    assert (finding.evidence["p_value"] is None) == ("not calibrated" in words)


def test_p_value_is_the_conformal_rank() -> None:
    evidence = only(delivered(some_lattice()), FakeReference([1.0] * 996 + [14.25, 15.0, 30.0, 31.0])).evidence
    assert evidence is not None
    assert evidence["p_value"] == round(5 / 1001, 6)


@pytest.mark.parametrize(
    "facts",
    [
        None,
        LatticeFacts("7", False, "too_short"),
        LatticeFacts("7", False, "off"),
        some_lattice(z=3.0, strength="none"),
        some_lattice(z=30.0, strength="none", ppm=900.0),
    ],
)
def test_nothing_is_said_where_nothing_was_found(facts: LatticeFacts | None) -> None:
    assert found(delivered(facts), FakeReference([1.0] * 1000)) == []


def test_gaps_are_recorded_for_moderators() -> None:
    finding = only(delivered(some_lattice(z=1.0, strength="none", holes_z=-9.5)))
    assert (finding.code, finding.measured, finding.threshold) == (generator_artefacts.HOLES, -9.5, -8.0)
    assert finding.code.private


@given(
    z=st.floats(8, 1e6),
    strength=st.sampled_from(["weak", "moderate", "strong"]),
    rate=st.sampled_from([row.hz for row in load_decoder_rates().rows] + [61.0]),
    holes=st.floats(-100, 0),
    declared=st.booleans(),
)
def test_no_finding_ever_speaks_of_a_chance_or_of_human_hands(
    z: float, strength: str, rate: float, holes: float, declared: bool
) -> None:
    facts = some_lattice(z=z, strength=strength, rate_hz=rate, holes_z=holes)
    track = {} if declared else {"disclosure": a_disclosure()}
    for finding in found(delivered(facts, **track), FakeReference([1.0] * 1000, a_model(threshold=-1e9))):
        told = f"{finding.message} {json.dumps(finding.evidence)}".casefold()
        assert "% ai" not in told
        assert "human-made" not in told
        assert "made by a machine" not in told
        assert finding.labels == ()


# --- A model of the installation's own -------------------------------------------------------------------------------


def a_model(threshold: float = 2.0, **changes: Any) -> Model:
    """It weighs log z alone."""
    values: dict[str, Any] = {
        "feature_version": "7",
        "mean": (0.0,) * len(FEATURES),
        "scale": (1.0,) * len(FEATURES),
        "coef": (1.0, *(0.0,) * (len(FEATURES) - 1)),
        "intercept": 0.0,
        "human_scores": tuple([0.1] * 999 + [3.0]),
        "sources": 12,
        "target": 0.005,
        "threshold": threshold,
        "sha256": "ab" * 32,
        "document": {},
    }
    return Model(**(values | changes))


def test_a_model_asks_with_its_digest_and_its_own_rarity() -> None:
    finding = only(delivered(some_lattice(strength="none")), FakeReference(mine=a_model()))
    assert finding.code == generator_artefacts.MODEL
    assert finding.evidence is not None
    assert finding.evidence["model_sha256"] == "ab" * 32
    assert finding.evidence["rarity"] == "among 1000 verified human tracks here, 0.1 % score this high"
    assert finding.labels == ()


def test_a_score_below_the_threshold_says_nothing() -> None:
    assert found(delivered(some_lattice(strength="none")), FakeReference(mine=a_model(threshold=3.0))) == []


def test_a_model_for_other_features_is_not_asked() -> None:
    other = a_model(feature_version="6")
    assert found(delivered(some_lattice(strength="none")), FakeReference(mine=other)) == []


def test_an_unusable_model_is_told_and_the_rest_goes_on() -> None:
    codes = [item.code for item in found(delivered(some_lattice()), FakeReference(unusable="no such file"))]
    assert codes == [generator_artefacts.MODEL_UNUSABLE, generator_artefacts.TRACES]


# --- What it can do --------------------------------------------------------------------------------------------------

POLICY = SHIPPED.read_text(encoding="utf-8")


def a_policy(folder: Path, mode: str, routes: str = "") -> Any:
    path = folder / "policy.toml"
    text = POLICY.replace('lattice = "note"', f'lattice = "{mode}"').replace("[routes]", f"[routes]\n{routes}")
    path.write_text(text, encoding="utf-8")
    return load_policy_file(path, checks_codes(), [check.name for check in CHECKS])


def checks_codes() -> list[str]:
    return [code.id for check in CHECKS for code in check.codes]


EVERYTHING = FakeReference([1.0] * 1000, a_model(threshold=-100.0), "and unusable")


def test_shipped_policy_records_and_routes_nothing() -> None:
    policy = load_policy_file(SHIPPED)
    assert policy.lattice is Traces.NOTE
    findings = found(delivered(some_lattice(holes_z=-20.0)), EVERYTHING)
    assert {policy.route(finding) for finding in findings} == {Route.NOTE}
    assert judge_findings(policy, findings, (), [1]).verdict is Verdict.APPROVE


def test_review_asks_a_human_about_clear_traces_only(tmp_path: Path) -> None:
    policy = a_policy(tmp_path, "review")
    assert policy.route(only(delivered(some_lattice()))) is Route.REVIEW
    assert policy.route(only(delivered(some_lattice(z=9.0, strength="weak")))) is Route.NOTE
    assert policy.route(only(delivered(some_lattice(strength="none", holes_z=-20.0)))) is Route.NOTE


def test_whoever_declared_generated_sound_is_not_held_for_it(tmp_path: Path) -> None:

    declared = a_disclosure(Contribution(Element.LEAD_VOCALS, Level.FULLY_GENERATED))
    finding = only(delivered(some_lattice(), disclosure=declared))
    assert a_policy(tmp_path, "review").route(finding) is Route.PASS


@pytest.mark.parametrize("mode", ["off", "note", "review"])
def test_no_score_ever_labels_or_refuses(tmp_path: Path, mode: str) -> None:
    policy = a_policy(tmp_path, mode)
    for facts in (some_lattice(holes_z=-20.0), some_lattice(z=1e6, strength="strong")):
        findings = found(delivered(facts), EVERYTHING)
        ruling = judge_findings(policy, findings, (), [1])
        assert ruling.labels == ()
        assert ruling.verdict in (Verdict.APPROVE, Verdict.REVIEW)
        assert all(policy.route(finding) in (Route.NOTE, Route.REVIEW) for finding in findings)


@pytest.mark.parametrize("route", ["label", "block"])
def test_a_policy_by_which_a_score_decides_is_refused(tmp_path: Path, route: str) -> None:
    with pytest.raises(PolicyError, match="a score cannot ask for"):
        a_policy(tmp_path, "review", f'"lattice.traces" = "{route}"\n')


def test_a_check_that_is_off_is_not_asked_and_cannot_be_mandatory(tmp_path: Path) -> None:
    assert not a_policy(tmp_path, "off").asks("lattice")
    assert a_policy(tmp_path, "off").asks("audio")
    path = tmp_path / "both.toml"
    text = POLICY.replace('lattice = "note"', 'lattice = "off"').replace('"disclosure"]', '"disclosure", "lattice"]')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match="mandatory and off"):
        load_policy_file(path)


def test_a_misspelt_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="shadow"):
        a_policy(tmp_path, "shadow")
