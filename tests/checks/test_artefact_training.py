"""An installation's own model: trained without flattery, read without trust."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from checks.model.artefact_model import (
    FEATURES,
    ModelError,
    extract_model_features,
    parse_artefact_model,
    rank_artefact_score,
)
from checks.model.release import LatticeFacts
from checks.rules.artefacts.artefact_training import (
    Sample,
    Share,
    Untrainable,
    out_of_fold,
    random_split,
    threshold_for,
    train_artefact_model,
)

DICE = np.random.default_rng(7)


def some(count: int, human: bool, group: str, strength: float) -> list[Sample]:
    """Recordings whose first features lie around a strength."""
    values = DICE.normal(0, 1, (count, len(FEATURES)))
    values[:, :5] += strength
    return [Sample(tuple(row), human, "" if human else group, group) for row in values.tolist()]


HUMANS = [item for number in range(8) for item in some(100, True, f"label {number}", 0.0)]
MACHINES = [*some(40, False, "loud", 4.0), *some(40, False, "louder", 5.0), *some(40, False, "silent", 0.0)]
MODEL = train_artefact_model([*HUMANS, *MACHINES], 0.005)
DOCUMENT = MODEL.document("7", [50.0], date="2026-11-25", sha256="ab")


def test_a_generator_with_traces_is_found_unseen_and_one_without_is_not() -> None:
    assert MODEL.unseen_generators["loud"].value > 0.9
    assert MODEL.unseen_generators["louder"].value > 0.9
    assert MODEL.unseen_generators["silent"].value < 0.1


def test_false_alarms_are_kept_below_the_target_on_sources_not_heard() -> None:
    alarms = sum(share.hits for share in MODEL.false_alarms.values())
    assert sum(share.of for share in MODEL.false_alarms.values()) == 800
    assert (1 + alarms) / 801 <= 0.005


def test_no_recording_is_calibrated_by_a_model_that_heard_its_source() -> None:
    """A source whose recordings all look generated is told apart only by a model that has heard it."""
    odd = some(100, True, "odd", 4.0)
    scores = out_of_fold([*HUMANS, *odd], MACHINES)
    assert scores[-100:].mean() > scores[:-100].mean() + 2


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ([*HUMANS[:500], *MACHINES], "600 are needed"),
        (HUMANS, "both kinds"),
        (MACHINES, "both kinds"),
        ([*some(800, True, "one", 0.0), *MACHINES], "one source only"),
        ([*HUMANS, *some(40, False, "loud", 4.0)], "one generator only"),
    ],
)
def test_what_cannot_be_learned_honestly_is_refused(samples: list[Sample], why: str) -> None:
    with pytest.raises(Untrainable, match=why):
        train_artefact_model(samples, 0.005)


def test_exactly_three_in_n_is_allowed() -> None:
    assert train_artefact_model([*HUMANS[:600], *MACHINES], 3 / 600).threshold > 0


def test_a_random_split_flatters() -> None:
    recall, alarms = random_split([*HUMANS, *MACHINES], 0.005)
    assert (recall.of, alarms.of) == (math.ceil(len(MACHINES) / 3), math.ceil(len(HUMANS) / 3))
    unseen = MODEL.unseen_generators["silent"].value
    assert recall.value > unseen


@pytest.mark.parametrize("target", [0.01, 0.05, 0.5])
def test_threshold_is_the_lowest_that_keeps_the_conformal_rank(target: float) -> None:
    scores = DICE.normal(0, 1, 400).tolist()
    threshold = threshold_for(scores, target)

    def rank(score: float) -> float:
        return (1 + sum(item >= score for item in scores)) / (len(scores) + 1)

    assert rank(threshold) <= target
    assert rank(math.nextafter(threshold, -math.inf)) > target


@pytest.mark.parametrize(
    ("hits", "of", "lower", "upper"),
    [
        (0, 10, 0.0, 0.3085),
        (10, 10, 0.6915, 1.0),
        (5, 10, 0.1871, 0.8129),
        (2, 272, 0.0009, 0.0263),
        (1, 1, 0.025, 1.0),
    ],
)
def test_intervals_are_those_of_clopper_and_pearson(hits: int, of: int, lower: float, upper: float) -> None:
    assert Share(hits, of).interval == pytest.approx((lower, upper), abs=2e-4)


# --- The file --------------------------------------------------------------------------------------------------------


def written(**changes: Any) -> bytes:
    document = json.loads(json.dumps(DOCUMENT))
    for path, value in changes.items():
        *way, last = path.split("__")
        place = document
        for step in way:
            place = place[step]
        place[last] = value
    return json.dumps(document).encode()


def test_a_model_comes_back_from_its_file_and_scores_the_same() -> None:
    model = parse_artefact_model(written(), "7")
    assert model.threshold == MODEL.threshold
    for sample in (*HUMANS[:5], *MACHINES[:5]):
        assert model.score(sample.values) == pytest.approx(MODEL.weights.scores([sample])[0])
    assert len(model.sha256) == 64
    assert model.sha256 != parse_artefact_model(written(intercept=0.5), "7").sha256


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x80\x04pickle", "no JSON"),
        (b"[]", "not of the format"),
        (written(format="ai-lattice-lr/2"), "not of the format"),
        (written(feature_version="8"), "trained on features of version '8'"),
        (written(mean=[0.0] * 6), "mean must be a list of 7 numbers"),
        (written(coef=[0.0] * 6 + ["1"]), "coef"),
        (written(coef=[0.0] * 6 + [True]), "coef"),
        (written(intercept=float("nan")), "intercept"),
        (written(scale=[0.0] * 7), "scale"),
        (written(calibration__human_scores_sorted=[2.0, 1.0]), "rising order"),
        (written(calibration__human_scores_sorted=[]), "rising order"),
        (written(calibration__method="guess"), "conformal"),
        (written(threshold__target_fpr=0.001), "cannot be told from 800"),
        (written(threshold={}), "target_fpr"),
    ],
)
def test_a_file_that_is_no_model_is_refused_by_name(content: bytes, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        parse_artefact_model(content, "7")


# --- What it weighs --------------------------------------------------------------------------------------------------


def test_features_are_those_that_are_named() -> None:
    facts = LatticeFacts(
        "7",
        True,
        z=math.e,
        rate_hz=50.0,
        bands=(3.0, 1.0, 2.0),
        segments=(4.0, 5.0, 6.0),
        ppm=-20.0,
        low_high_ratio=9.0,
    )
    told = dict(zip(FEATURES, extract_model_features(facts), strict=True))
    assert told["log_z"] == pytest.approx(1.0)
    assert (told["lowest_band_z"], told["median_band_z"]) == (1.0, 2.0)
    assert (told["lowest_segment_z"], told["median_segment_z"]) == (4.0, 5.0)
    assert (told["ppm_off"], told["low_high_ratio"]) == (20.0, 5.0)


def test_what_was_not_assessed_has_no_features() -> None:
    with pytest.raises(ValueError, match="not assessed"):
        extract_model_features(LatticeFacts("7", False, "too_short"))


def test_rarity_counts_equal_scores_as_as_high() -> None:
    assert rank_artefact_score([1.0, 2.0, 2.0, 3.0], 2.0).as_high == 3
    assert rank_artefact_score([1.0, 2.0, 2.0, 3.0], 2.0).p_value == pytest.approx(4 / 5)
