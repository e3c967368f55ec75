"""Which known recordings share sound with this one: candidates from the index first, then an honest comparison."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from checks.fingerprint import speed_variants
from checks.fingerprint.band_spectrogram import Picture, unpack_band_spectrogram
from checks.fingerprint.bit_operations import UInt32s
from checks.fingerprint.comparison import (
    FEWER_BITS,
    MATCH_SOUGHT,
    MATCH_UNDONE,
    Comparison,
    best_block_error_rate,
    compare_fingerprints,
    is_degenerate,
)
from checks.fingerprint.speed_variants import Change, Ear
from checks.fingerprint.store import Searched

#: Gives the complete fingerprints of recordings by number; one that has gone meanwhile is left out.
Load = Callable[[Sequence[int]], Mapping[int, bytes]]

#: Where nothing was undone keys are asked for at four places of the frame, and with so many weak bits flipped: few for
#: what is nearly the same (excerpts), many for what was filtered, drowned or reverberated.
PHASES = (0.0, 0.25, 0.5, 0.75)
FLIPPED = (2, 6)

#: A query of which fewer keys than this are left (some twelve seconds) asks for each alone: one hit is a candidate.
SHORT_KEYS = 100
FLIPPED_SHORT = 4

#: Keys that a recording of three minutes shares by chance with each key asked for: 2.7e-5 to 7e-5 were measured among
#: real recordings, the least for keys with many bits flipped.
CHANCE = 4.5e-5

#: So many strangers may come up by chance for each variant. What is rarer than that is looked at; the fewer recordings
#: there are, the fewer hits it takes.
STRANGERS = 10.0

#: … but what happens to every thirtieth stranger is never a surprise (1.5 is the power of ten).
LEAST_SURPRISE = 1.5

#: How many recordings are searched by default.
USUAL_KNOWN = 100_000

#: Fewest hits that are looked at, whatever chance has to say.
FEWEST_HITS = 2

#: Recordings that were slowed down are mostly drowned in reverberation as well: from this speed down more weak bits are
#: flipped, four times as many keys.
SLOWED, FLIPPED_SLOWED = 0.96, 4

#: Recordings with a changed balance of low and high (a telephone, an equaliser) are asked for with so many weak bits
#: flipped: more of them find no more.
FILTERED, FLIPPED_FILTERED = Change(filtered=True), 4

#: Most recordings that are looked at, some 0.1 ms each with reading them, and most that are then compared at refined
#: pitches, some milliseconds each.
MOST_LOOKED_AT = 256
MOST_VERIFIED = 12

#: What is looked at is refined where its best block is this near: undoing a pitch that is off by half a step costs
#: 0.1, and strangers come down to 0.42 (0.03 more or less) at the best of all offsets.
NEAR = 0.4

#: The pitch found in the bank is off by half a step at most; it is refined by these steps, in semitones.
PITCH_STEPS = (0.05, 0.025, 0.0125)

#: A tempo is read off a shared stretch of at least so many seconds.
TEMPO_SECONDS = 10.0

#: A certain match as clean and as whole as this needs no better explanation; one with missing parts, or with more
#: bit errors than encoders make, may be a copy at another tempo.
EXPLAINED_ERRORS, EXPLAINED_COVERAGE = 0.05, 0.9

#: The simpler explanation (speed alone, pitch alone, tempo alone) is taken where it costs no more score than this.
SIMPLER = 0.01

#: … and lies this near (as a factor).
NEARLY = 0.015


def find_matches(
    store: Searched,
    load: Load,
    fingerprint: bytes,
    *,
    picture: bytes = b"",
    suggested: Sequence[int] = (),
    known: int = USUAL_KNOWN,
    undo: bool = True,
) -> list[tuple[int, Comparison]]:
    """The recordings that share sound with the query, best first.

    With its ``picture`` those are found as well of which the query is a faster, slower, higher or lower copy.
    ``suggested`` are recordings that something else names (the claimed ISRC, a title): they are compared at every
    offset, whatever the index says, and told only where chance does not reach that. ``known`` is about how many
    recordings there are. Without ``undo`` no change of speed, pitch or tempo is undone: a third of the cost. A
    degenerate fingerprint finds nothing; ask ``degenerate`` first.
    """
    if is_degenerate(fingerprint):
        return []
    candidates = {candidate.document for candidate in store.search(fingerprint)}
    best: dict[int, Comparison] = {}
    for document, reference in load(list(dict.fromkeys([*suggested, *candidates]))).items():
        if document in candidates:
            _keep_better_match(best, document, compare_fingerprints(fingerprint, reference))
        if document in suggested:
            # Thousands of offsets of two dozen recordings of one artist are many tries: what may be chance, is.
            closely = compare_fingerprints(fingerprint, reference, exhaustive=True, bands=MATCH_SOUGHT)
            if closely.matched:
                _keep_better_match(best, document, closely)
    pictured = unpack_band_spectrogram(picture)
    if pictured is not None:
        for document, comparison in _find_changed_copies(
            _Search(store, known, undo), load, fingerprint, pictured, best
        ):
            _keep_better_match(best, document, comparison)
    return sorted(best.items(), key=lambda found: (*(-x for x in _rank_comparison(found[1])), found[0]))


def _keep_better_match(best: dict[int, Comparison], document: int, comparison: Comparison) -> None:
    if comparison.found and (document not in best or _rank_comparison(comparison) > _rank_comparison(best[document])):
        best[document] = comparison


def _rank_comparison(comparison: Comparison) -> tuple[bool, bool, float]:
    return comparison.certain, comparison.matched, comparison.score


def _find_changed_copies(
    search: _Search, load: Load, fingerprint: bytes, picture: Picture, known: Mapping[int, Comparison]
) -> Iterator[tuple[int, Comparison]]:
    """What is found once changes are undone and weak bits flipped, but for what needs no better explanation.

    Chance had many tries here, so only what it does not reach is reported.
    """
    heard = _Heard(Ear(picture))
    suspected = [
        suspect
        for suspect in search.suspected(heard.ear)
        if suspect.document not in known or not _is_explained(known[suspect.document])
    ][:MOST_LOOKED_AT]
    references = load([suspect.document for suspect in suspected])
    looks = [
        (*_find_nearest_change(heard, suspect.changes, references[suspect.document]), suspect.document)
        for suspect in suspected
        if suspect.document in references
    ]
    near = sorted((look for look in looks if look[0] <= NEAR), key=lambda look: (look[0], look[2]))
    for _, change, document in near[:MOST_VERIFIED]:
        if document in known and _is_cut_between_frames(heard.ear, known[document], references[document]):
            continue
        comparison = verify_candidate(heard, change, references[document])
        if change == Change() and document not in known:
            unchanged = compare_fingerprints(
                fingerprint, references[document], proposing=FEWER_BITS, bands=MATCH_SOUGHT
            )
            comparison = max(unchanged, comparison, key=_rank_comparison)
        if comparison.matched:
            yield document, comparison


def _is_explained(comparison: Comparison) -> bool:
    whole = max(comparison.coverage, comparison.reference_coverage) >= EXPLAINED_COVERAGE
    return comparison.certain and whole and comparison.bit_error_rate <= EXPLAINED_ERRORS


def _is_cut_between_frames(ear: Ear, comparison: Comparison, reference: bytes) -> bool:
    """Whether a copy that is certain is only cut between two frames: heard half a frame later it is as it was.

    The errors that such a cut makes are otherwise taken for a speed that drifts through the frames.
    """
    if not comparison.certain:
        return False
    later = ear.sub_prints(Change(), phase=0.5).astype("<u4").tobytes()
    return _is_explained(compare_fingerprints(later, reference))


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A recording that shares more keys with a variant than chance explains, or with two: one is the query as it is."""

    document: int
    changes: tuple[Change, ...]
    surprise: float


class _Heard:
    """What the query sounds like once changes are undone, each drawn once."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self._drawn: dict[Change, bytes] = {}

    def __call__(self, change: Change) -> bytes:
        if change not in self._drawn:
            self._drawn[change] = self.ear.sub_prints(change).astype("<u4").tobytes()
        return self._drawn[change]


class _Search:
    """Asks a store of about so many recordings for what shares more keys with a variant than chance explains."""

    def __init__(self, store: Searched, known: int, undo: bool) -> None:
        self._store = store
        self._undo = undo
        self._modulus = store.modulus
        self._surprising = max(LEAST_SURPRISE, math.log10(max(1, known) / STRANGERS))

    def suspected(self, ear: Ear) -> list[_Suspect]:
        """The recordings under suspicion, the most surprising first, each with the variants that have most hits."""
        found = [self._most_surprising(suspects) for suspects in (self._unchanged(ear), self._changed(ear))]
        suspects = []
        for document in {**found[0], **found[1]}:
            of_it = [best[document] for best in found if document in best]
            changes = tuple(change for suspect in of_it for change in suspect.changes)
            suspects.append(_Suspect(document, changes, max(suspect.surprise for suspect in of_it)))
        return sorted(suspects, key=lambda suspect: (-suspect.surprise, suspect.document))

    @staticmethod
    def _most_surprising(suspects: Iterable[_Suspect]) -> dict[int, _Suspect]:
        best: dict[int, _Suspect] = {}
        for suspect in suspects:
            if suspect.document not in best or suspect.surprise > best[suspect.document].surprise:
                best[suspect.document] = suspect
        return best

    def _unchanged(self, ear: Ear) -> Iterator[_Suspect]:
        """Suspects where nothing is undone, but weak bits are flipped and frames begin elsewhere."""
        few = ear.keys(Change(), self._modulus, PHASES, FLIPPED_SHORT)
        if few.size <= SHORT_KEYS:
            hits: Counter[int] = Counter()
            for found in self._store.search_keys([few[place : place + 1] for place in range(few.size)], 1):
                hits.update(dict(found))
            for document, count in hits.items():
                yield _Suspect(document, (Change(),), _compute_surprise(few.size, count))
        else:
            for flipped in FLIPPED:
                yield from self._asked({Change(): ear.keys(Change(), self._modulus, PHASES, flipped)})
            yield from self._asked({FILTERED: ear.keys(FILTERED, self._modulus, PHASES, FLIPPED_FILTERED)})

    def _changed(self, ear: Ear) -> Iterator[_Suspect]:
        """Suspects where speed, pitch or tempo are undone."""
        if not self._undo:
            return
        keys = {change: ear.keys(change, self._modulus) for change in speed_variants.list_undone_changes()}
        slowed = [change for change in keys if change.tempo == change.frequency <= SLOWED]
        yield from self._asked(keys)
        yield from self._asked({c: ear.keys(c, self._modulus, flipped=FLIPPED_SLOWED) for c in slowed})

    def _asked(self, keys: Mapping[Change, UInt32s]) -> Iterator[_Suspect]:
        """What shares the keys of each change."""
        least = min(map(self._least_hits, {asked.size for asked in keys.values()}))
        answers = self._store.search_keys(list(keys.values()), least)
        for (change, asked), found in zip(keys.items(), answers, strict=True):
            for document, count in found:
                surprise = _compute_surprise(asked.size, count)
                if surprise >= self._surprising:
                    yield _Suspect(document, (change,), surprise)

    def _least_hits(self, asked: int) -> int:
        hits = FEWEST_HITS
        while _compute_surprise(asked, hits) < self._surprising:
            hits += 1
        return hits


def _compute_surprise(asked: int, hits: int) -> float:
    """How unlikely it is that a stranger has so many of the keys asked for: minus the power of ten."""
    mean = max(1, asked) * CHANCE
    exactly = -mean + hits * math.log(mean) - math.lgamma(hits + 1)
    tail, more, term = 1.0, hits, 1.0  # of so many hits and more, in units of exactly so many
    while term > 1e-6 * tail:
        more += 1
        term *= mean / more
        tail += term
    return -(exactly + math.log(tail)) / math.log(10)


def _find_nearest_change(heard: _Heard, changes: Iterable[Change], reference: bytes) -> tuple[float, Change]:
    """How near the two come, and under which of the changes or of those that share their pitch."""
    alike = dict.fromkeys(other for c in changes for other in (c, replace(c, tempo=c.frequency), replace(c, tempo=1.0)))
    return min(((best_block_error_rate(heard(other), reference), other) for other in alike), key=lambda look: look[0])


def verify_candidate(heard: _Heard, change: Change, reference: bytes) -> Comparison:
    """The query's recording held against a reference, after the change that fits best near ``change`` is undone."""

    def undo(change: Change) -> tuple[Change, Comparison]:
        bands = MATCH_SOUGHT if change == Change() else MATCH_UNDONE
        return change, compare_fingerprints(heard(change), reference, proposing=FEWER_BITS, bands=bands)

    best = undo(change)
    for step in (0.0, *PITCH_STEPS):
        for semitones in (-step, step) if step else ():
            best = _better_explanation(best, undo(_shift_pitch(best[0], semitones)))
        if best[0].tempo != best[0].frequency or best[0].tempo == 1.0:  # else pitch and tempo are one speed
            best = _better_explanation(best, undo(_at_its_tempo(*best)), SIMPLER)
    for plainer in (_unfiltered_change, _simpler_changes):
        tries = map(undo, plainer(best[0]))
        best = next((tried for tried in tries if _as_good(tried[1], best[1])), best)
    change, comparison = best
    pitch = round(change.semitones - Change(1.0, change.tempo).semitones, 3)
    return comparison.at(round(change.tempo, 4), pitch, filtered=change.filtered)


def _as_good(simpler: Comparison, best: Comparison) -> bool:
    return simpler.score >= best.score - SIMPLER and simpler.certain >= best.certain


def _better_explanation(
    one: tuple[Change, Comparison], other: tuple[Change, Comparison], handicap: float = 0.0
) -> tuple[Change, Comparison]:
    """The one with the higher score; the other may have less by the handicap."""
    return other if other[1].found and other[1].score > one[1].score - handicap else one


def _shift_pitch(change: Change, semitones: float) -> Change:
    """The same a little higher; a change of speed stays one."""
    factor = 2 ** (semitones / 12)
    linked = change.tempo == change.frequency
    return replace(change, tempo=change.tempo * factor if linked else change.tempo, frequency=change.frequency * factor)


def _at_its_tempo(change: Change, comparison: Comparison) -> Change:
    """The change with the tempo at which the longest shared stretch takes as long here as there."""
    longest = max(comparison.segments, key=lambda segment: segment.end - segment.start, default=None)
    if longest is None or longest.end - longest.start < TEMPO_SECONDS:
        return change
    slope = (longest.reference_end - longest.reference_start) / (longest.end - longest.start)
    return replace(change, tempo=change.tempo * slope)


def _unfiltered_change(change: Change) -> list[Change]:
    return [replace(change, filtered=False)] if change.filtered else []


def _simpler_changes(change: Change) -> list[Change]:
    """The plainer changes of speed and pitch that this one may have been."""
    plainer = []
    if abs(change.tempo / change.frequency - 1) < NEARLY:
        plainer.append(replace(change, tempo=change.frequency))
    if abs(change.tempo - 1) < NEARLY:
        plainer.append(replace(change, tempo=1.0))
    if abs(change.frequency - 1) < NEARLY:
        plainer.append(replace(change, frequency=1.0))
    return plainer
