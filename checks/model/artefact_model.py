"""What an installation has learned about acoustic traces: its own verified recordings, and perhaps a small model."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.model.finding import JSON
from checks.model.release import LatticeFacts

#: The only kind of model there is: standardised features, weighed and added up. Nothing in it can run.
FORMAT = "ai-lattice-lr/1"

#: What a model weighs, in this order.
FEATURES = (
    "log_z",
    "lowest_band_z",
    "median_band_z",
    "median_segment_z",
    "lowest_segment_z",
    "ppm_off",
    "low_high_ratio",
)

#: Fewer verified recordings than this say nothing about one in a hundred: not calibrated.
FEWEST_VERIFIED = 100

#: With no false alarm among n recordings the true share may still be 3/n (rule of three, 95 %).
RULE_OF_THREE = 3

#: A model is a kilobyte; with 100,000 calibration scores it is one or two megabytes.
_LARGEST = 16 << 20


class ModelError(ValueError):
    """The model is not one that this gate can use."""


def extract_model_features(facts: LatticeFacts) -> tuple[float, ...]:
    """What a model weighs, from a recording that was assessed. Raises ValueError for one that was not."""
    if not facts.assessed or facts.z is None or not facts.bands or not facts.segments:
        raise ValueError("a recording that was not assessed has no features")
    ratio = 0.0 if facts.low_high_ratio is None else facts.low_high_ratio
    return (
        math.log(max(facts.z, 0.1)),
        min(facts.bands),
        statistics.median(facts.bands),
        statistics.median(facts.segments),
        min(facts.segments),
        abs(facts.ppm or 0.0),
        min(max(ratio, -5.0), 5.0),  # with hardly any lines above, the ratio is anything
    )


@dataclass(frozen=True, slots=True)
class Rarity:
    """How rare a score is among recordings that people are known to have made."""

    verified: int
    as_high: int  # of them

    @property
    def calibrated(self) -> bool:
        return self.verified >= FEWEST_VERIFIED

    @property
    def p_value(self) -> float:
        """Conformal: the chance that one more verified recording ranks as high, at most."""
        return (1 + self.as_high) / (self.verified + 1)

    @property
    def words(self) -> str:
        if not self.calibrated:
            return f"not calibrated here ({self.verified} verified human tracks, {FEWEST_VERIFIED} are needed)"
        if not self.as_high:
            return f"among {self.verified} verified human tracks here, none scores this high"
        share = f"{100 * self.as_high / self.verified:.2g}"
        return f"among {self.verified} verified human tracks here, {share} % score this high"


def rank_artefact_score(sorted_scores: Sequence[float], score: float) -> Rarity:
    """Where a score stands among those of verified recordings, in rising order."""
    return Rarity(len(sorted_scores), len(sorted_scores) - bisect_left(sorted_scores, score))


@dataclass(frozen=True, slots=True)
class Model:
    """A distributor's own: trained on its own recordings, for its own desk."""

    feature_version: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coef: tuple[float, ...]
    intercept: float
    human_scores: tuple[float, ...]  # of calibration, in rising order; each by a model that had not heard its source
    sources: int
    target: float  # share of false alarms
    threshold: float
    sha256: str
    document: Mapping[str, JSON]

    def score(self, values: Sequence[float]) -> float:
        """No probability: a number that only ranks."""
        parts = zip(values, self.mean, self.scale, self.coef, strict=True)
        return self.intercept + sum(weight * (value - mean) / scale for value, mean, scale, weight in parts)


def parse_artefact_model(content: bytes, feature_version: str) -> Model:
    """A model from its file. Raises ModelError, saying what is wrong, where it is none, or one for other features."""
    if len(content) > _LARGEST:
        raise ModelError("it is larger than a model can be")
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ModelError(f"it is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelError(f"it is not of the format {FORMAT}")
    if document.get("feature_version") != feature_version:
        theirs = document.get("feature_version")
        raise ModelError(f"it was trained on features of version {theirs!r}, and these are {feature_version!r}")
    calibration, threshold = _require_object(document, "calibration"), _require_object(document, "threshold")
    scale, scores = (
        _require_numbers(document, "scale", len(FEATURES)),
        _require_numbers(calibration, "human_scores_sorted"),
    )
    if min(scale) <= 0:
        raise ModelError("scale: every one must be above 0")
    if list(scores) != sorted(scores) or not scores:
        raise ModelError("calibration.human_scores_sorted: in rising order, and not empty")
    target = _require_number(threshold, "target_fpr")
    if not RULE_OF_THREE / len(scores) <= target < 1:
        raise ModelError(f"threshold.target_fpr: {target} cannot be told from {len(scores)} recordings")
    if calibration.get("method") != "conformal":
        raise ModelError("calibration.method: only 'conformal' is known")
    return Model(
        feature_version=feature_version,
        mean=_require_numbers(document, "mean", len(FEATURES)),
        scale=scale,
        coef=_require_numbers(document, "coef", len(FEATURES)),
        intercept=_require_number(document, "intercept"),
        human_scores=scores,
        sources=int(_require_number(calibration, "n_sources")),
        target=target,
        threshold=_require_number(threshold, "value"),
        sha256=hashlib.sha256(content).hexdigest(),
        document=document,
    )


def _require_object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = document.get(key)
    if not isinstance(table, dict):
        raise ModelError(f"{key} is missing, or no object")
    return table


def _require_number(document: Mapping[str, Any], key: str) -> float:
    return _require_finite(document.get(key), key)


def _require_numbers(document: Mapping[str, Any], key: str, count: int | None = None) -> tuple[float, ...]:
    values = document.get(key)
    if not isinstance(values, list) or (count is not None and len(values) != count):
        raise ModelError(f"{key} must be a list of {count or 'some'} numbers")
    return tuple(_require_finite(value, key) for value in values)


def _require_finite(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ModelError(f"{key}: {value!r} is no finite number")
    return float(value)
