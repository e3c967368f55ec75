"""Habits of fraud are recorded for moderators, and add up to an order of looking; honest labels hear nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import checks
from checks.model.check import Habits
from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import Delivery
from checks.policy import Verdict, judge_findings, load_policy_file
from checks.review_priority import MOST, WEIGHTS, compute_review_priority
from checks.rules.fraud import CHECK, fold_party_name
from tests.checks.builders import (
    FakeHistory,
    a_context,
    a_contributor,
    a_delivery,
    a_release,
    a_track,
    an_album,
    an_artist,
    some_facts,
)


def found(delivery: Delivery | None = None, refused: Any = None, **habits: Any) -> dict[str, Finding]:
    history = FakeHistory(account=Habits(**habits), refused=refused or {})
    return {item.code.id: item for item in CHECK.run(delivery or a_delivery(), a_context(history=history))}


def lasting(*seconds: float) -> Delivery:
    """An album whose tracks last so long, each another recording."""
    release = an_album(len(seconds))
    facts = {
        track.file: some_facts(track.file, duration=length)
        for track, length in zip(release.tracks, seconds, strict=True)
    }
    return a_delivery(release, facts=facts)


def test_ordinary_labels_show_no_habit():
    assert found() == {}
    assert found(lasting(181.2, 204.3, 175.9, 240.1)) == {}


@pytest.mark.parametrize(
    ("habits", "burst"),
    [
        ({}, False),
        ({"tracks_today": 39}, False),
        ({"tracks_today": 40}, True),
        ({"tracks_today": 100, "tracks_a_day": 25.0, "busiest_day": 60}, False),
        ({"tracks_today": 100, "tracks_a_day": 2.0, "busiest_day": 80}, False),
        ({"tracks_today": 200, "tracks_a_day": 2.0, "busiest_day": 80}, True),
    ],
)
def test_more_tracks_in_a_day_than_the_account_is_used_to(habits, burst):
    assert ("fraud.burst" in found(**habits)) == burst


def test_burst_weighs_by_how_far_it_goes_beyond():
    little, much = found(tracks_today=45)["fraud.burst"], found(tracks_today=400)["fraud.burst"]
    assert compute_review_priority([little]) < compute_review_priority([much]) == 60


def test_nearly_every_track_under_a_name_of_its_own():
    names = frozenset(f"artist{n}" for n in range(30))
    assert "fraud.many_artists" in found(artists=names, tracks=31)
    assert "fraud.many_artists" not in found(artists=names, tracks=100), "a label with a roster"
    assert "fraud.many_artists" not in found(artists=frozenset({"a", "b"}), tracks=2)


def test_cluster_of_tracks_just_above_what_is_paid():
    finding = found(lasting(31, 32, 33.3, 34, 30.2, 180))["fraud.short_cluster"]
    assert (finding.measured, finding.evidence) == (5, {"tracks": [1, 2, 3, 4, 5]})
    assert "fraud.short_cluster" not in found(lasting(31, 32, 33, 34, 180, 200)), "an album with interludes"
    assert "fraud.short_cluster" not in found(lasting(*[31] * 5, *[200 + n for n in range(7)]))


def test_different_recordings_of_equal_length():
    finding = found(lasting(61.5, 61.5, 61.5, 61.5))["fraud.equal_lengths"]
    assert (finding.measured, finding.evidence) == (4, {"duration": 61.5})
    assert "fraud.equal_lengths" not in found(lasting(61.5, 61.5, 61.5))
    assert "fraud.equal_lengths" in found(lasting(61.5), lengths_today=(6150, 6150, 6150, 9000))


def test_very_same_file_again_is_no_second_recording():
    release = an_album(4)
    same = some_facts("01.flac", duration=61.5)
    delivery = a_delivery(release, facts={track.file: same for track in release.tracks})
    assert "fraud.equal_lengths" not in found(delivery)


def test_writer_of_refused_releases():
    delivery = a_delivery(a_release(a_track(contributors=(a_contributor("Jörg M. Fälscher", "composer"),))))
    finding = found(delivery, refused={fold_party_name("JORG M FALSCHER"): 2})["fraud.tied_party"]
    assert (finding.measured, finding.evidence) == (2, {"party": "Jörg M. Fälscher"})
    player = a_delivery(a_release(a_track(contributors=(a_contributor("Jörg M. Fälscher", "vocalist"),))))
    assert "fraud.tied_party" not in found(player, refused={fold_party_name("Jörg M. Fälscher"): 2})


def test_rejections_count_ten_each_and_trust_counts_against_them():
    assert compute_review_priority([found(rejected=3)["fraud.rejected_before"]]) == 30
    assert compute_review_priority([found(rejected=50)["fraud.rejected_before"]]) == MOST
    assert "fraud.trusted" not in found(cleared=500, rejected=1)
    assert "fraud.trusted" not in found(cleared=19)
    suspicious = a_finding("artist.exact_protected")
    for cleared, points in ((20, 70), (100, 50), (500, 30)):
        assert compute_review_priority([suspicious, found(cleared=cleared)["fraud.trusted"]]) == points


def test_no_habit_routes_anything_and_no_label_reads_of_one():
    for code in CHECK.codes:
        assert (code.route, code.private) == (Route.NOTE, True)
        assert code.severity is not Severity.CRITICAL
    policy = load_policy_file(Path(__file__).parents[2] / "config" / "policy.toml", checks.CODES)
    everything = [Finding(code, "release", "x") for code in CHECK.codes]
    assert judge_findings(policy, everything, (), (1,)).verdict is Verdict.APPROVE


# --- The sum ----------------------------------------------------------------------------------------------------------


def a_finding(code: str, **values: Any) -> Finding:
    kind = checks.CODES.get(code) or Code(code, "x", Severity.WARNING, Route.NOTE, "x")
    return Finding(kind, "track:1", "x", **values)


def test_declared_use_of_ai_weighs_nothing_in_either_direction():
    honest = {
        "disclosure.declared",
        "disclosure.confirmed_by_file",
        "disclosure.undeclared",
        "disclosure.likeness_unknown",
    }
    assert honest.isdisjoint(WEIGHTS)
    others = [a_finding("artist.lookalike")]
    assert compute_review_priority([*others, a_finding("disclosure.declared")]) == compute_review_priority(others)


def test_every_code_that_weighs_is_one_of_the_gate():
    assert set(WEIGHTS) <= set(checks.CODES)


@pytest.mark.parametrize(
    ("changes", "measured", "points"),
    [([], 0.9, 90), (["faster"], 0.9, 70), (["pitch_kept"], 0.9, 70), (["passage"], 0.0, 30), (["passage"], 1.0, 60)],
)
def test_known_recording_weighs_by_how_it_was_used(changes, measured, points):
    evidence = {"changes": changes} if changes else {}
    assert (
        compute_review_priority([a_finding("similarity.known_recording", measured=measured, evidence=evidence)])
        == points
    )


def test_kind_counts_once_with_its_heaviest():
    many = [a_finding("similarity.known_recording", measured=0.5, evidence={"changes": ["passage"]})] * 5
    assert compute_review_priority(many) == 45
    assert compute_review_priority([*many, a_finding("similarity.known_recording", evidence={})]) == 90


def test_sum_stays_between_nothing_and_all():
    assert compute_review_priority([]) == compute_review_priority([a_finding("artist.key_verified")]) == 0
    assert compute_review_priority([a_finding(code, measured=9, threshold=1) for code in WEIGHTS]) <= MOST
    assert compute_review_priority([a_finding("no.such_code")]) == 0


def test_spectral_evidence_alone_never_weighs_more_than_forty():
    spectral = [code for code in WEIGHTS if code.startswith("lattice.")]
    assert spectral
    assert all(compute_review_priority([a_finding(code)]) <= 40 for code in spectral)


def test_different_artists_are_told_apart_whatever_their_case():
    assert fold_party_name("  MÁRA Lindqvist!") == fold_party_name("mara-lindqvist")
    one = a_delivery(a_release(a_track(display_artists=(an_artist("Mara Lindqvist"),))))
    assert found(one, artists=frozenset({fold_party_name("MARA LINDQVIST")})) == found(
        replace(one), artists=frozenset()
    )
