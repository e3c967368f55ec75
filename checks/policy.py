"""The policy: findings in, verdict out, and why. A file with a version, stamped on every decision."""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from checks.model import evidence_matrix
from checks.model.ai_declaration import Declared
from checks.model.check import CHECK_MISSING
from checks.model.finding import Finding, Label, Route


class Verdict(StrEnum):
    """What happens to the release. The machine gives the first three; reject and return are human."""

    APPROVE = "approve"
    LABEL = "label"
    REVIEW = "review"
    REJECT = "reject"
    RETURN = "return"


class Outcome(StrEnum):
    """What one partner gets of a release."""

    DELIVER = "deliver"
    DELIVER_LABELLED = "deliver_labelled"
    NO_MONETISE = "no_monetise"
    WITHHOLD = "withhold"


class Traces(StrEnum):
    """What this installation does about acoustic traces of synthesis."""

    OFF = "off"  # not asked, and not measured either
    NOTE = "note"  # recorded and shown to moderators, never routing
    REVIEW = "review"  # as the matrix of evidence says, and never more than a human's look


class OtherSpeeds(StrEnum):
    """The accounts with recordings that are searched at other speeds, pitches and tempos as well."""

    ALWAYS = "always"  # all accounts
    NEW = "new"  # those of labels that are new, or that had a rejection lately
    NEVER = "never"


#: What a finding must ask for to keep a release waiting for a human.
HOLDING = (Route.REVIEW, Route.BLOCK)


#: A label is new for so long, where the policy does not say otherwise.
NEW_LABEL_DAYS = 90


class PolicyError(ValueError):
    """The policy file says something that the gate does not understand."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of partner takes labelled releases: label "key=value" → outcome."""

    name: str
    rules: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class Reason:
    """A ground on which a person may reject a release here."""

    key: str
    title: str  # in a moderator's words
    four_eyes: bool  # a second moderator must agree
    stay_down: bool  # what was rejected on it is recognised when it is delivered again


@dataclass(frozen=True, slots=True)
class Policy:
    """What this installation does about what the checks find."""

    version: str
    digest: str  # "sha256:…" of the file's bytes
    mandatory: tuple[str, ...]  # checks; without their results nothing is approved
    routes: Mapping[str, Route]  # code → route, where it differs from the code's own
    review_hours: int  # a human looks within
    release_lead_hours: int  # and at least this long before the release date
    profiles: Mapping[str, Profile]
    matrix: evidence_matrix.Matrix = field(default_factory=dict)  # what a file shows × what was declared → route
    reasons: Mapping[str, Reason] = field(default_factory=dict)  # none: a person rejects in words of their own
    appeal_hours: int = 72  # another moderator looks at an appeal within
    appeal_days: int = 180  # and a label may appeal for so long after the decision
    lattice: Traces = Traces.NOTE
    other_speeds: OtherSpeeds = OtherSpeeds.ALWAYS
    new_label_days: int = NEW_LABEL_DAYS

    def stays_down(self, ground: str) -> bool:
        """Whether what is rejected on this ground must be recognised when it is delivered again."""
        reason = self.reasons.get(ground)
        return reason.stay_down if reason else ground in STAY_DOWN

    def asks(self, check: str) -> bool:
        """Whether this check is put to releases here."""
        return check != LATTICE or self.lattice is not Traces.OFF

    def undoes_changes(self, age: dt.timedelta, rejected: Callable[[], bool]) -> bool:
        """Whether a label's recordings are searched at other speeds, pitches and tempos too.

        ``age``: since when it delivers here. ``rejected``: whether something of it was, asked only where that matters.
        """
        if self.other_speeds is not OtherSpeeds.NEW:
            return self.other_speeds is OtherSpeeds.ALWAYS
        return age.days < self.new_label_days or rejected()

    def route(self, finding: Finding) -> Route:
        """What this finding asks for here: by its code, by what it holds against a declaration, or by itself."""
        if self.lattice is not Traces.REVIEW and _of_lattice(finding.code.id):
            return Route.NOTE
        pair = evidence_matrix.find_matrix_cell(finding.evidence)
        if finding.code.id in self.routes:
            route = self.routes[finding.code.id]
            # A route override must not penalise audio that was already declared as generated.
            return Route.PASS if pair and pair[1] is Declared.HEARD and route in HOLDING else route
        if pair and pair[0] in self.matrix:
            return self.matrix[pair[0]][pair[1]]
        return finding.code.route


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict with everything that led to it."""

    verdict: Verdict
    reasons: tuple[str, ...]  # codes, the ones that decided
    labels: tuple[tuple[Label, str], ...]  # with the code each comes from
    tracks: Mapping[int, Verdict]  # by position


#: The check with a score as its finding: it is switched as a whole, and can neither label nor refuse.
LATTICE = "lattice"
#: The code of an honest declaration.
DECLARED_CODE = "disclosure.declared"
_ROUTES_OF_LATTICE = (Route.NOTE, Route.PASS, Route.REVIEW)

#: What a policy file is made of. Anything else is a misspelling, and would change nothing without a word.
_SECTIONS = ("version", "checks", "routes", "disclosure", "review", "profiles", "reasons", "appeals")
_CHECKS = ("mandatory", LATTICE, "other_speeds", "new_label_days")
_REASON = ("title", "four_eyes", "stay_down")
#: The grounds that stay down where the policy does not say: those that concern the content, not its sender.
STAY_DOWN = frozenset({"infringement", "impersonation", "voice", "fraud"})
_APPEALS = ("hours", "days")


def load_policy_file(path: Path, known_codes: Iterable[str] = (), known_checks: Iterable[str] = ()) -> Policy:
    """Read a policy file.

    With ``known_codes`` and ``known_checks`` given, a name that is not among them is refused: a misspelt
    code would silently route nothing.

    Raises PolicyError, saying what and where.
    """
    try:
        raw = path.read_bytes()
        document = tomllib.loads(raw.decode())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: {error}") from error
    _refuse_unknown(path, "section", document, _SECTIONS)
    try:
        asked, appeals = _require_table(document, "checks"), _require_table(document, "appeals", {})
        _refuse_unknown(path, "line in [checks]", asked, _CHECKS)
        _refuse_unknown(path, "line in [appeals]", appeals, _APPEALS)
        policy = Policy(
            version=_require_text(document, "version"),
            digest="sha256:" + hashlib.sha256(raw).hexdigest(),
            mandatory=_require_texts(asked, "mandatory"),
            routes={code: Route(route) for code, route in _require_table(document, "routes", {}).items()},
            review_hours=_require_positive(_require_table(document, "review"), "hours"),
            release_lead_hours=_require_positive(_require_table(document, "review"), "release_lead_hours"),
            profiles={
                name: _parse_partner_profile(name, document["profiles"])
                for name in _require_table(document, "profiles", {})
            },
            matrix=evidence_matrix.parse_evidence_matrix(_require_table(document, "disclosure", {})),
            lattice=Traces(asked.get(LATTICE, Traces.NOTE)),
            other_speeds=OtherSpeeds(asked.get("other_speeds", OtherSpeeds.ALWAYS)),
            new_label_days=_require_positive({"new_label_days": NEW_LABEL_DAYS, **asked}, "new_label_days"),
            reasons={
                key: _parse_rejection_reason(path, key, document["reasons"])
                for key in _require_table(document, "reasons", {})
            },
            **{f"appeal_{name}": _require_positive(appeals, name) for name in appeals},
        )
        _refuse_scores_that_decide(policy)
        _refuse_costly_honesty(policy)
    except PolicyError:  # says already where
        raise
    except KeyError as error:
        raise PolicyError(f"{path}: {error.args[0]!r} is missing") from error
    except (TypeError, ValueError) as error:
        raise PolicyError(f"{path}: {error}") from error
    _refuse_unknown(path, "code", policy.routes, known_codes)
    _refuse_unknown(path, "check", policy.mandatory, known_checks)
    return policy


def _of_lattice(code: str) -> bool:
    return code.startswith(f"{LATTICE}.")


def _refuse_costly_honesty(policy: Policy) -> None:
    """A declaration goes out as a label; what a partner does about that is its profile's."""
    if policy.routes.get(DECLARED_CODE, Route.LABEL) is not Route.LABEL:
        raise ValueError(f"{DECLARED_CODE}: an honest declaration labels, and asks for nothing else")


def _refuse_scores_that_decide(policy: Policy) -> None:
    for code, route in policy.routes.items():
        if _of_lattice(code) and route not in _ROUTES_OF_LATTICE:
            raise ValueError(f"{code}: a score cannot ask for '{route}'; it can ask a human to look")
    if LATTICE in policy.mandatory and not policy.asks(LATTICE):
        raise ValueError(f"{LATTICE} is mandatory and off")


def judge_findings(
    policy: Policy, findings: Sequence[Finding], missing: Sequence[str], positions: Sequence[int]
) -> Ruling:
    """Judge a release by its findings: the most cautious one wins.

    ``missing`` names the mandatory checks that gave no result; any of them means review.
    """
    routed = [(finding, policy.route(finding)) for finding in findings]
    holding = [finding for finding, route in routed if route in HOLDING]
    labelling = [finding for finding, route in routed if route is Route.LABEL]
    if holding or missing:
        verdict = Verdict.REVIEW
        reasons = [finding.code.id for finding in holding] + [CHECK_MISSING.id] * bool(missing)
    elif labelling:
        verdict, reasons = Verdict.LABEL, [finding.code.id for finding in labelling]
    else:
        verdict, reasons = Verdict.APPROVE, []
    # A release that waits for a human has no labels yet; its findings keep what they propose.
    labels = {label: finding.code.id for finding in labelling for label in finding.labels if verdict is Verdict.LABEL}
    return Ruling(
        verdict=verdict,
        reasons=tuple(dict.fromkeys(reasons)),
        labels=tuple(labels.items()),
        tracks={position: _track_verdict(position, holding, labelling, missing) for position in positions},
    )


def decide_partner_outcome(
    profile: Profile | None, verdict: Verdict, labels: Iterable[Label]
) -> tuple[Outcome, tuple[str, ...]]:
    """What one partner gets of a judged release, and the labels because of which."""
    if verdict not in (Verdict.APPROVE, Verdict.LABEL):
        return Outcome.WITHHOLD, ()
    order = list(Outcome)
    applied = [
        (profile.rules[key] if profile and key in profile.rules else Outcome.DELIVER_LABELLED, key)
        for key in (f"{label.key}={label.value}" for label in labels)
    ]
    if not applied:
        return Outcome.DELIVER, ()
    strictest = max((rule for rule, _ in applied), key=order.index)
    return strictest, tuple(dict.fromkeys(key for rule, key in applied if rule is strictest))


def _track_verdict(
    position: int, holding: Sequence[Finding], labelling: Sequence[Finding], missing: Sequence[str]
) -> Verdict:
    """A track is judged by its own findings and those of the whole release."""
    mine = {f"track:{position}", "release"}
    if missing or any(finding.subject in mine for finding in holding):
        return Verdict.REVIEW
    if any(finding.subject in mine for finding in labelling):
        return Verdict.LABEL
    return Verdict.APPROVE


def _parse_partner_profile(name: str, profiles: Mapping[str, Any]) -> Profile:
    rules = {label: Outcome(outcome) for label, outcome in _require_table(profiles, name).items()}
    if malformed := [label for label in rules if not all(label.partition("="))]:
        raise ValueError(f'profile {name}: {", ".join(malformed)}: a label is written "key=value"')
    return Profile(name, rules)


def _parse_rejection_reason(path: Path, key: str, reasons: Mapping[str, Any]) -> Reason:
    table = _require_table(reasons, key)
    _refuse_unknown(path, f"line in [reasons.{key}]", table, _REASON)
    choices = {"four_eyes": False, "stay_down": key in STAY_DOWN, **table}
    if wrong := [name for name in ("four_eyes", "stay_down") if not isinstance(choices[name], bool)]:
        raise TypeError(f"reasons.{key}: {wrong[0]} must be true or false")
    return Reason(key, _require_text(table, "title"), choices["four_eyes"], choices["stay_down"])


def _require_table(
    document: Mapping[str, Any], key: str, default: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    table = document[key] if default is None else document.get(key, default)
    if not isinstance(table, dict):
        raise TypeError(f"{key} must be a table")
    return table


def _require_texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = table[key]
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{key} must be a list of texts, and not empty")
    return tuple(values)


def _require_text(table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} must be a text")
    return value


def _require_positive(table: Mapping[str, Any], key: str) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{key} must be a whole number above 0")
    return value


def _refuse_unknown(path: Path, kind: str, named: Iterable[str], known: Iterable[str]) -> None:
    known = frozenset(known)
    strangers = sorted(set(named) - known)
    if known and strangers:
        raise PolicyError(f"{path}: unknown {kind}: {', '.join(strangers)}")
