"""What the findings of a release add up to: the order in which moderators look, and nothing else.

Nothing is rejected, held or shown because of this number. That a label declares the use of AI is worth nothing in
it, in either direction: disclosure never costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType

from checks.model.finding import Finding
from checks.rules.fraud import TRUSTED_FROM

#: A sum beyond this says nothing more.
MOST = 100


def compute_review_priority(findings: Iterable[Finding]) -> int:
    """0-100; each kind of finding counts once, with the heaviest that there is of it."""
    heaviest: dict[str, int] = {}
    for finding in findings:
        rule = WEIGHTS.get(finding.code.id)
        if rule is not None:
            points = rule if isinstance(rule, int) else rule(finding)
            before = heaviest.get(finding.code.id)
            heaviest[finding.code.id] = points if before is None else max(before, points)
    return max(0, min(MOST, sum(heaviest.values())))


def _weigh_known_recording(finding: Finding) -> int:
    """Another party's recording: whole, changed, or in part by how much of it."""
    changes = (finding.evidence or {}).get("changes")
    words = set(map(str, changes)) if isinstance(changes, list) else set()
    if words & {"faster", "slower", "higher", "lower", "pitch_kept", "filtered"}:
        return 70
    if words & {"passage", "padded"}:
        return 30 + round(30 * min(1.0, _read_measured_number(finding)))
    return 90


def _weigh_rejections(finding: Finding) -> int:
    return min(MOST, 10 * round(_read_measured_number(finding)))


def _weigh_delivery_burst(finding: Finding) -> int:
    """Twice what the account is used to weighs twice as much, up to 60."""
    threshold = finding.threshold if isinstance(finding.threshold, int | float) else 0
    return min(60, round(30 * _read_measured_number(finding) / threshold)) if threshold else 30


def _weigh_reputation(finding: Finding) -> int:
    return -20 * sum(_read_measured_number(finding) >= least for least in TRUSTED_FROM)


def _read_measured_number(finding: Finding) -> float:
    measured = finding.measured
    return float(measured) if isinstance(measured, int | float) and not isinstance(measured, bool) else 0.0


#: code → points, or how they follow from the finding. The spectral evidence is capped: it never weighs more than 40.
WEIGHTS: MappingProxyType[str, int | Callable[[Finding], int]] = MappingProxyType(
    {
        "artist.exact_protected": 90,
        "artist.lookalike": 55,
        "artist.name_plus_keyword": 60,
        "id.blocklisted": 90,
        "similarity.pending_elsewhere": 90,
        "similarity.known_recording": _weigh_known_recording,
        "similarity.possible_match": 30,
        "similarity.used_otherwise": 40,
        "similarity.own_other_title": 50,
        "similarity.own_version_renamed": 50,
        "similarity.owner_unconfirmed": 40,
        "staydown.recording": 90,
        "staydown.file": 90,
        "staydown.isrc": 60,
        "fraud.burst": _weigh_delivery_burst,
        "fraud.many_artists": 40,
        "fraud.short_cluster": 35,
        "fraud.equal_lengths": 35,
        "fraud.tied_party": 40,
        "fraud.rejected_before": _weigh_rejections,
        "credit.vocalist_missing": 50,
        "disclosure.generator_tag": 80,
        "disclosure.credential_undisclosed": 90,
        "lattice.traces": 40,
        "lattice.weak_traces": 10,
        "fraud.trusted": _weigh_reputation,
        "artist.key_verified": -40,
    }
)
