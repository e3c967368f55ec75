"""Which known recordings share sound with this one: candidates from the index first, then an honest comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from checks.fingerprint import variants
from checks.fingerprint.compare import Comparison, compare, degenerate
from checks.fingerprint.picture import Picture, unpacked
from checks.fingerprint.store import Store
from checks.fingerprint.variants import Change

#: Gives the complete fingerprints of recordings by number; one that has gone meanwhile is left out.
Load = Callable[[Sequence[int]], Mapping[int, bytes]]

#: Keys that an undone change must share with a recording before the two are compared. Flipping weak bits multiplies
#: what chance shares, and every variant is another chance; see docs/robustness.md for what strangers come to.
BANK_HITS = 8

#: The same where nothing was undone and only weak bits are flipped: the same strangers came to 3.
PLAIN_HITS = 5

#: Most recordings that are held against undone changes: some 40 ms each.
MOST_VERIFIED = 8

#: The pitch found in the bank is off by half a step at most; it is refined by these steps, in semitones.
PITCH_STEPS = (0.05, 0.025, 0.0125)

#: A tempo is read off a shared stretch of at least so many seconds.
TEMPO_SECONDS = 10.0

#: A certain match as clean and as whole as this needs no better explanation; one of which parts are missing, or whose
#: bits differ more than encoders make them, may be a copy at another tempo.
EXPLAINED_ERRORS, EXPLAINED_COVERAGE = 0.05, 0.9

#: The simpler explanation (speed alone, pitch alone, tempo alone) is taken where it costs no more score than this.
SIMPLER = 0.01

#: … and lies this near (as a factor).
NEARLY = 0.015


def find(
    store: Store, load: Load, fingerprint: bytes, *, picture: bytes = b"", suggested: Sequence[int] = ()
) -> list[tuple[int, Comparison]]:
    """The recordings that share sound with the query, best first.

    With its ``picture`` those are found as well of which the query is a faster, slower, higher or lower copy.
    ``suggested`` are recordings that something else names (the claimed ISRC, a title): they are compared at every
    offset, whatever the index says. A degenerate fingerprint finds nothing; ask ``degenerate`` first.
    """
    if degenerate(fingerprint):
        return []
    candidates = [candidate.document for candidate in store.search(fingerprint)]
    best: dict[int, Comparison] = {}
    for document, reference in load(list(dict.fromkeys([*suggested, *candidates]))).items():
        _keep(best, document, compare(fingerprint, reference, exhaustive=document in suggested))
    pictured = unpacked(picture)
    if pictured is not None:
        for document, comparison in _undone(store, load, fingerprint, pictured, best):
            _keep(best, document, comparison)
    return sorted(best.items(), key=lambda found: (*(-x for x in _rank(found[1])), found[0]))


def _keep(best: dict[int, Comparison], document: int, comparison: Comparison) -> None:
    if comparison.found and (document not in best or _rank(comparison) > _rank(best[document])):
        best[document] = comparison


def _rank(comparison: Comparison) -> tuple[bool, bool, float]:
    return comparison.certain, comparison.matched, comparison.score


def _undone(
    store: Store, load: Load, fingerprint: bytes, picture: Picture, known: Mapping[int, Comparison]
) -> Iterator[tuple[int, Comparison]]:
    """What is found once changes are undone and weak bits flipped, but for what needs no better explanation.

    Chance had many tries here, so only what it does not reach is reported.
    """
    suspected = {
        document: change
        for document, change in _suspected(store, picture).items()
        if document not in known or not _explained(known[document])
    }
    for document, reference in load(list(suspected)[:MOST_VERIFIED]).items():
        comparison = verify(picture, suspected[document], reference)
        if suspected[document] == Change() and document not in known:
            comparison = max(compare(fingerprint, reference), comparison, key=_rank)
        if comparison.matched:
            yield document, comparison


def _explained(comparison: Comparison) -> bool:
    whole = max(comparison.coverage, comparison.reference_coverage) >= EXPLAINED_COVERAGE
    return comparison.certain and whole and comparison.bit_error_rate <= EXPLAINED_ERRORS


def _suspected(store: Store, picture: Picture) -> dict[int, Change]:
    """The recordings that share enough keys with a variant, the most hits first, and the change that has them."""
    unchanged = [Change(), Change()]
    changes = [*unchanged, *variants.bank()]
    phases = [0.0, 0.5] + [0.0] * (len(changes) - len(unchanged))
    asked = variants.keys(picture, changes, store.modulus, phases)
    hits: dict[int, tuple[int, Change]] = {}
    for change, found in zip(changes, store.search_keys(asked, PLAIN_HITS), strict=True):
        least = PLAIN_HITS if change in unchanged else BANK_HITS
        for document, count in found:
            if count >= least and (document not in hits or count > hits[document][0]):
                hits[document] = count, change
    ranked = sorted(hits.items(), key=lambda item: (-item[1][0], item[0]))
    return {document: change for document, (_, change) in ranked}


def verify(picture: Picture, change: Change, reference: bytes) -> Comparison:
    """The picture's recording held against a reference, after the change that fits best near ``change`` is undone."""

    def undo(change: Change) -> tuple[Change, Comparison]:
        return change, compare(variants.sub_prints(picture, change).astype("<u4").tobytes(), reference)

    best = _better(undo(change), undo(Change(change.frequency, change.frequency)))
    for step in (0.0, *PITCH_STEPS):
        for semitones in (-step, step) if step else ():
            best = _better(best, undo(_shifted(best[0], semitones)))
        if best[0].tempo != best[0].frequency or best[0] == Change():  # else pitch and tempo are one speed
            best = _better(best, undo(_at_its_tempo(*best)), SIMPLER)
    for simpler in _simpler(best[0]):
        tried = undo(simpler)
        if tried[1].score >= best[1].score - SIMPLER and tried[1].certain >= best[1].certain:
            best = tried
            break
    change, comparison = best
    return comparison.at(round(change.tempo, 4), round(change.semitones - Change(1.0, change.tempo).semitones, 3))


def _better(
    one: tuple[Change, Comparison], other: tuple[Change, Comparison], handicap: float = 0.0
) -> tuple[Change, Comparison]:
    """The one with the higher score; the other may have less by the handicap."""
    return other if other[1].found and other[1].score > one[1].score - handicap else one


def _shifted(change: Change, semitones: float) -> Change:
    """The same a little higher; a change of speed stays one."""
    factor = 2 ** (semitones / 12)
    linked = change.tempo == change.frequency
    return Change(change.tempo * factor if linked else change.tempo, change.frequency * factor)


def _at_its_tempo(change: Change, comparison: Comparison) -> Change:
    """The change with the tempo at which the longest shared stretch takes as long here as there."""
    longest = max(comparison.segments, key=lambda segment: segment.end - segment.start, default=None)
    if longest is None or longest.end - longest.start < TEMPO_SECONDS:
        return change
    slope = (longest.reference_end - longest.reference_start) / (longest.end - longest.start)
    return replace(change, tempo=change.tempo * slope)


def _simpler(change: Change) -> list[Change]:
    """The plainer changes that this one may have been."""
    plainer = []
    if abs(change.tempo / change.frequency - 1) < NEARLY:
        plainer.append(Change(change.frequency, change.frequency))
    if abs(change.tempo - 1) < NEARLY:
        plainer.append(Change(1.0, change.frequency))
    if abs(change.frequency - 1) < NEARLY:
        plainer.append(Change(change.tempo, 1.0))
    return plainer
