"""Which known recordings share sound with this one: candidates from the index first, then an honest comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from checks.fingerprint.compare import Comparison, compare, degenerate
from checks.fingerprint.store import Store

#: Gives the complete fingerprints of recordings by number; one that has gone meanwhile is left out.
Load = Callable[[Sequence[int]], Mapping[int, bytes]]


@dataclass(frozen=True, slots=True)
class Variant:
    """The query as it would be, had it not been changed: its fingerprint after speed and pitch were undone."""

    fingerprint: bytes
    speed: float  # 1.06: the query plays 6 % faster than this variant
    pitch: float  # semitones beyond what the speed explains


def find(
    store: Store,
    load: Load,
    fingerprint: bytes,
    *,
    variants: Sequence[Variant] = (),
    suggested: Sequence[int] = (),
) -> list[tuple[int, Comparison]]:
    """The recordings that share sound with the query, best first.

    ``variants`` are tried beside the fingerprint itself, and each recording keeps the one that fits it best.
    ``suggested`` are recordings that something else names (the claimed ISRC, a title): they are compared at every
    offset, whatever the index says. A degenerate fingerprint finds nothing; ask ``degenerate`` first.
    """
    best: dict[int, Comparison] = {}
    for variant in (Variant(fingerprint, 1.0, 0.0), *variants):
        if degenerate(variant.fingerprint):
            continue
        candidates = [candidate.document for candidate in store.search(variant.fingerprint)]
        for document, reference in load(list(dict.fromkeys([*suggested, *candidates]))).items():
            comparison = compare(variant.fingerprint, reference, exhaustive=document in suggested)
            if comparison.found and (document not in best or _rank(comparison) > _rank(best[document])):
                best[document] = comparison.at(variant.speed, variant.pitch)
    return sorted(best.items(), key=lambda found: (*(-x for x in _rank(found[1])), found[0]))


def _rank(comparison: Comparison) -> tuple[bool, bool, float]:
    return comparison.certain, comparison.matched, comparison.score
