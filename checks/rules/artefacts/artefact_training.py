"""How an installation trains its own small model on its own recordings, and learns honestly what it is worth."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from checks.model.artefact_model import FEATURES, FORMAT, RULE_OF_THREE
from checks.model.finding import JSON

Floats = npt.NDArray[np.float64]

#: People's recordings are scored by models that saw none of their source: in so many folds of sources.
_FOLDS = 5
#: Pull towards zero, in recordings' worth: without it weights run away where the two kinds are apart.
_RIDGE = 1.0
_STEPS, _SETTLED = 50, 1e-8
#: Both ends of a Clopper-Pearson interval together leave out so much.
_ALPHA = 0.05


class Untrainable(ValueError):
    """Nothing honest can be learned from these recordings, and why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording with its features."""

    values: tuple[float, ...]
    human: bool
    generator: str  # of a generated one
    source: str


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and between what the true share lies with 95 % confidence (Clopper and Pearson)."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of

    @property
    def interval(self) -> tuple[float, float]:
        lower = _solve_binomial_tail(self.hits, self.of, _ALPHA / 2, above=True) if self.hits else 0.0
        upper = _solve_binomial_tail(self.hits, self.of, _ALPHA / 2, above=False) if self.hits < self.of else 1.0
        return lower, upper

    def as_json(self) -> dict[str, JSON]:
        lower, upper = self.interval
        return {"n": self.of, "share": round(self.value, 4), "ci": [round(lower, 4), round(upper, 4)]}


@dataclass(frozen=True, slots=True)
class Weights:
    """A standardiser and a logistic regression."""

    mean: Floats
    scale: Floats
    coef: Floats
    intercept: float

    def scores(self, samples: Sequence[Sample]) -> Floats:
        values: Floats = (_build_feature_matrix(samples) - self.mean) / self.scale @ self.coef + self.intercept
        return values


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and what it came to on recordings of generators and sources that it had not seen."""

    weights: Weights
    human_scores: tuple[float, ...]  # in rising order
    threshold: float
    target: float
    unseen_generators: Mapping[str, Share]
    false_alarms: Mapping[str, Share]  # by source
    sources: int
    generated: int

    def document(self, feature_version: str, rates: Sequence[float], **about: JSON) -> dict[str, JSON]:
        """As it is written down."""
        alarms = Share(sum(score >= self.threshold for score in self.human_scores), len(self.human_scores))
        by_generator: dict[str, JSON] = {name: share.as_json() for name, share in self.unseen_generators.items()}
        by_source: dict[str, JSON] = {name: share.as_json() for name, share in self.false_alarms.items()}
        return {
            "format": FORMAT,
            "feature_version": feature_version,
            "features": [*FEATURES],
            "rates_hz": [*rates],
            "mean": self.weights.mean.tolist(),
            "scale": self.weights.scale.tolist(),
            "coef": self.weights.coef.tolist(),
            "intercept": self.weights.intercept,
            "calibration": {
                "method": "conformal",
                "human_scores_sorted": [round(item, 6) for item in self.human_scores],
                "n_human": len(self.human_scores),
                "n_sources": self.sources,
            },
            "threshold": {
                "target_fpr": self.target,
                "value": self.threshold,
                "fpr_upper95": round(alarms.interval[1], 6),
            },
            "eval": {"leave_one_generator_out": by_generator, "false_alarms_by_source": by_source},
            "trained_on": {"n_ai": self.generated, "n_human": len(self.human_scores), **about},
        }


def train_artefact_model(samples: Sequence[Sample], target: float) -> Trained:
    """A model with a share of false alarms on people's recordings of at most the target. Raises Untrainable."""
    humans, machines = [sample for sample in samples if sample.human], [item for item in samples if not item.human]
    sources, generators = (
        sorted({human.source for human in humans}),
        sorted({machine.generator for machine in machines}),
    )
    if not humans or not machines:
        raise Untrainable("both kinds are needed: recordings by people, and generated ones")
    if len(sources) < 2:
        raise Untrainable("recordings by people come from one source only: whether it is the source cannot be told")
    if len(generators) < 2:
        raise Untrainable("generated recordings come from one generator only: what another would do cannot be told")
    if target < RULE_OF_THREE / len(humans):
        least = math.ceil(RULE_OF_THREE / target)
        raise Untrainable(
            f"false alarms of {target:g} cannot be told from {len(humans)} recordings by people: {least} are needed"
        )
    scores = out_of_fold(humans, machines)
    threshold = threshold_for(scores.tolist(), target)
    return Trained(
        weights=fit_logistic_regression([*humans, *machines]),
        human_scores=tuple(sorted(scores.tolist())),
        threshold=threshold,
        target=target,
        unseen_generators={name: _measure_unseen_recall(humans, machines, name, target) for name in generators},
        false_alarms=_measure_false_alarms(humans, scores, threshold),
        sources=len(sources),
        generated=len(machines),
    )


def random_split(samples: Sequence[Sample], target: float, seed: int = 1) -> tuple[Share, Share]:
    """Recall and false alarms on a random third: what a model seems worth where every generator is known."""
    held: dict[bool, list[Sample]] = {}
    rest: dict[bool, list[Sample]] = {}
    for kind in (True, False):
        alike = [sample for sample in samples if sample.human is kind]
        order = np.random.default_rng(seed).permutation(len(alike)).tolist()
        held[kind] = [alike[at] for at in order[::3]]
        rest[kind] = [alike[at] for at in order[1::3] + order[2::3]]
    if not all((*held.values(), *rest.values())):
        raise Untrainable("too few recordings for a random split")
    weights = fit_logistic_regression([*rest[True], *rest[False]])
    threshold = threshold_for(weights.scores(rest[True]).tolist(), target)
    return _share_above_threshold(weights, held[False], threshold), _share_above_threshold(
        weights, held[True], threshold
    )


def fit_logistic_regression(samples: Sequence[Sample]) -> Weights:
    """Logistic regression by Newton's method; both kinds weigh the same, however many there are of each."""
    raw, human = _build_feature_matrix(samples), np.array([sample.human for sample in samples])
    mean, scale = raw.mean(axis=0), raw.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    columns = np.column_stack([(raw - mean) / scale, np.ones(len(raw))])
    wanted = (~human).astype(float)
    weight = np.where(human, len(raw) / (2 * max(human.sum(), 1)), len(raw) / (2 * max((~human).sum(), 1)))
    pull = np.diag([_RIDGE] * raw.shape[1] + [0.0])
    solution = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ solution, -30, 30)))
        slope = columns.T @ (weight * (wanted - chance)) - pull @ solution
        bend = (columns * (weight * chance * (1 - chance))[:, None]).T @ columns + pull
        bend[-1, -1] += 1e-9
        step = np.linalg.solve(bend, slope)
        solution += step
        if np.abs(step).max() < _SETTLED:
            break
    return Weights(mean, scale, solution[:-1], float(solution[-1]))


def out_of_fold(humans: Sequence[Sample], machines: Sequence[Sample]) -> Floats:
    """The score of each recording by people, by a model that has seen nothing of its source."""
    sources = sorted({human.source for human in humans}, key=lambda name: zlib.crc32(name.encode()))
    fold = {source: place % min(_FOLDS, len(sources)) for place, source in enumerate(sources)}
    scores = np.zeros(len(humans))
    for number in set(fold.values()):
        held = np.array([fold[item.source] == number for item in humans])
        seen = [one for one, out in zip(humans, held, strict=True) if not out]
        weights = fit_logistic_regression([*seen, *machines])
        scores[held] = weights.scores([one for one, out in zip(humans, held, strict=True) if out])
    return scores


def threshold_for(scores: Sequence[float], target: float) -> float:
    """The lowest score with a conformal rank (1 + those as high) / (n + 1) of no more than the target."""
    ordered = sorted(scores, reverse=True)
    allowed = math.floor(target * (len(ordered) + 1) + 1e-9) - 1
    if allowed < 0:
        raise Untrainable(f"{target:g} is less than {len(ordered)} recordings can tell")
    return math.nextafter(ordered[allowed], math.inf)


def _measure_unseen_recall(humans: Sequence[Sample], machines: Sequence[Sample], name: str, target: float) -> Share:
    """The recall of one generator by a model, and a threshold, that know nothing of it."""
    others = [machine for machine in machines if machine.generator != name]
    threshold = threshold_for(out_of_fold(humans, others).tolist(), target)
    return _share_above_threshold(
        fit_logistic_regression([*humans, *others]), [item for item in machines if item.generator == name], threshold
    )


def _measure_false_alarms(humans: Sequence[Sample], scores: Floats, threshold: float) -> dict[str, Share]:
    found: dict[str, list[bool]] = {}
    for one, score in zip(humans, scores, strict=True):
        found.setdefault(one.source, []).append(bool(score >= threshold))
    return {source: Share(sum(hits), len(hits)) for source, hits in sorted(found.items())}


def _share_above_threshold(weights: Weights, samples: Sequence[Sample], threshold: float) -> Share:
    return Share(int((weights.scores(samples) >= threshold).sum()), len(samples))


def _build_feature_matrix(samples: Iterable[Sample]) -> Floats:
    return np.array([sample.values for sample in samples], np.float64).reshape(-1, len(FEATURES))


def _solve_binomial_tail(hits: int, of: int, tail: float, *, above: bool) -> float:
    """The share at which so many hits, or more (fewer), have just the chance ``tail``."""
    counts = np.arange(of + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, of + 1)))])
    ways = factorials[of] - factorials - factorials[::-1]
    part = counts >= hits if above else counts <= hits
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        chance = np.exp(ways[part] + counts[part] * math.log(share) + (of - counts[part]) * math.log1p(-share)).sum()
        if (chance < tail) == above:
            low = share
        else:
            high = share
    return (low + high) / 2
