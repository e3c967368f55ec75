"""Does this release contain a recording that somebody else delivered before, or the same recording twice?"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from checks import isrc_audio
from checks.check import Check, Context, Match, Segment
from checks.finding import JSON, Code, Finding, Route, Severity
from checks.fingerprint.catalogue import find
from checks.fingerprint.compare import POSSIBLE_BLOCKS, Comparison, degenerate
from checks.fingerprint.store import MemoryStore
from checks.release import Account, AudioFacts, Delivery, Track

KNOWN_RECORDING = Code(
    "similarity.known_recording",
    "The sound must not be a recording that another party controls.",
    Severity.CRITICAL,
    Route.REVIEW,
    "Amazon Music, Apple Music and Spotify policies on infringing content",
)
POSSIBLE_MATCH = Code(
    "similarity.possible_match",
    "A resemblance to another party's recording that only a listener can judge is listened to.",
    Severity.WARNING,
    Route.REVIEW,
    "Amazon Music, Apple Music and Spotify policies on infringing content",
)
OWN_RECORDING = Code(
    "similarity.own_recording",
    "A recording that the label itself delivered before may be delivered again.",
    Severity.INFORMATION,
    Route.PASS,
    "Apple Music editorial guide, repeated submissions",
)
SAME_ISRC = Code(
    "similarity.same_isrc",
    "The same sound under the same ISRC is the same recording, whoever delivers it.",
    Severity.INFORMATION,
    Route.PASS,
    "IFPI ISRC handbook",
)
# A licence that nobody has read proves nothing: anyone can attach a document. So it informs the moderator and
# lightens the finding, and still a human looks; an installation that checks licences elsewhere may let it pass.
LICENSED = Code(
    "similarity.licensed",
    "Another party's recording may be used under a licence, and the licence is read.",
    Severity.INFORMATION,
    Route.REVIEW,
    "CD Baby and SoundCloud guides on samples and remixes",
)
DUPLICATE = Code(
    "audio.duplicate",
    "Every track of a release is a different recording.",
    Severity.WARNING,
    Route.REVIEW,
    "CD Baby; Apple Music editorial guide, repeated submissions",
)
# "Nothing could be compared" must never look like "nothing was found".
NOT_ASSESSED = Code(
    "similarity.not_assessed",
    "Every track has a sound that can be compared with known recordings.",
    Severity.WARNING,
    Route.REVIEW,
    "this gate",
)

#: The relations that use the sound of another recording. A cover or a live version is a new recording of the work: it
#: has no reason to contain the old one.
USES_THE_SOUND = frozenset({"remix_of", "samples", "sped_up_of", "slowed_of", "edit_of", "remaster_of"})

#: A match that covers less of the track than this is told as a passage.
WHOLE = 0.8

#: Two tracks are the same recording when this much of each is in the other; a radio edit, a medley or a continuous mix
#: on the same release shares less.
DUPLICATE_COVERAGE = 0.8

#: From these on a change of speed (share) or pitch (semitones) is worth words; less is a matter of measuring.
AUDIBLE_SPEED = 0.005
AUDIBLE_PITCH = 0.15


def run(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every track against the known recordings, then the tracks against each other."""
    for track in delivery.release.tracks:
        facts = delivery.facts.get(track.file)
        if facts is None or not facts.ok or degenerate(facts.fingerprint):
            yield _not_assessed(track, facts)
        else:
            matches = context.recordings.matches(facts)
            yield from _against_known(track, facts, delivery.account, matches)
            if isrc := _isrc(track.isrc):
                known = context.recordings.under_isrc(isrc)
                yield from isrc_audio.consistency(track, isrc, facts, delivery.account.id, matches, known)
    yield from _duplicates(delivery)


def _not_assessed(track: Track, facts: AudioFacts | None) -> Finding:
    if facts is None or not facts.ok:
        why, fix = "its file could not be measured", "Deliver an audio file that plays to its end."
    elif not facts.fingerprint:
        why, fix = "no fingerprint could be made of it", "If the recording is only a few seconds long, no action helps."
    else:
        why = "it is silent, one held tone, or a few seconds long"
        fix = "Check that the right file was delivered and that its channels do not cancel each other."
    return Finding(
        NOT_ASSESSED,
        track.subject,
        f"This recording was not compared with known recordings, because {why}.",
        measured=facts.fingerprint_distinct if facts else None,
        fix=fix,
    )


def _against_known(track: Track, facts: AudioFacts, account: Account, matches: Sequence[Match]) -> Iterator[Finding]:
    """One finding for each kind of match that the track has."""
    kinds: dict[Code, list[Match]] = {}
    for match in matches:
        kinds.setdefault(_kind(track, account, match), []).append(match)
    for code, alike in kinds.items():
        first = max(alike, key=lambda match: (match.certain, match.score))
        more = f" The same holds for {len(alike) - 1} more known recordings." if len(alike) > 1 else ""
        yield Finding(
            code,
            track.subject,
            _sentence(first, facts.duration) + _remark(code) + more,
            measured=round(first.score, 4),
            threshold=_reporting_score(first),
            evidence={"matches": [_evidence(match) for match in alike]},
            fix=_fix(code, first),
        )


def _kind(track: Track, account: Account, match: Match) -> Code:
    """What the match means for this label and this track."""
    if match.owner_account == account.id or _is_named(account, match.owner):
        return OWN_RECORDING
    if match.certain and match.isrc and _isrc(match.isrc) == _isrc(track.isrc):
        return SAME_ISRC
    if any(
        relation.type in USES_THE_SOUND
        and relation.licence_file
        and match.isrc
        and _isrc(relation.isrc) == _isrc(match.isrc)
        for relation in track.relations
    ):
        return LICENSED
    return KNOWN_RECORDING if match.certain else POSSIBLE_MATCH


def _is_named(account: Account, owner: str) -> bool:
    return bool(_folded(owner)) and _folded(owner) in {_folded(name) for name in (account.name, *account.names)}


def _folded(name: str) -> str:
    """A name without case, accents, punctuation and spaces."""
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if c.isalnum())


def _isrc(isrc: str | None) -> str | None:
    return isrc.replace("-", "").replace(" ", "").upper() if isrc else None


def _sentence(match: Match, duration: float) -> str:
    """What was found, in words, with its times."""
    seconds = sum(segment.end - segment.start for segment in match.segments)
    isrc = f" (ISRC {match.isrc})" if match.isrc else ""
    same = "are the same as" if match.certain else "may be the same as"
    text = f"{seconds:.1f} s of this recording {same} '{match.title}' by '{match.artist}'{isrc}{_change(match)}."
    if match.segments and seconds < WHOLE * duration:
        times = ", ".join(f"{_clock(s.start)}-{_clock(s.end)}" for s in match.segments[:3])
        others = " and elsewhere" if len(match.segments) > 3 else ""
        text += f" It is a part of {duration:.1f} s, at {times}{others}, as with a sample or an excerpt."
    return text


def _change(match: Match) -> str:
    """How the delivered recording was changed, as the end of a sentence.

    ``Match.pitch`` is what the speed does not explain: a tempo raised at the same pitch has a negative one.
    """
    changes = []
    faster = match.speed - 1
    kept = abs(match.pitch + 12 * math.log2(match.speed)) < AUDIBLE_PITCH <= abs(match.pitch)
    if abs(faster) >= AUDIBLE_SPEED:
        share = f"{abs(faster):.1%}".replace("%", " %")
        how = "its tempo {} at the same pitch" if kept else "played {}"
        changes.append(how.format(f"{share} {'faster' if faster > 0 else 'slower'}"))
    if abs(match.pitch) >= AUDIBLE_PITCH and not kept:
        changes.append(f"pitched {'up' if match.pitch > 0 else 'down'} by {abs(match.pitch):.1f} semitones")
    return "".join(f", {change}" for change in changes)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _remark(code: Code) -> str:
    return {
        OWN_RECORDING: " You delivered it before.",
        SAME_ISRC: " It has the same ISRC here: it is the same recording.",
        LICENSED: " A licence was delivered for it.",
    }.get(code, "")


def _fix(code: Code, match: Match) -> str | None:
    if code not in (KNOWN_RECORDING, POSSIBLE_MATCH):
        return None
    relation = _relation(match)
    other = "" if relation != "samples" else " (or remix_of, edit_of, remaster_of)"
    named = f" naming ISRC {match.isrc}" if match.isrc else ""
    return (
        f"If you hold a licence, add it as a relation of type {relation}{other}{named} with the licence file. "
        "If it is the same recording and the rights are yours, deliver it under its own ISRC."
    )


def _relation(match: Match) -> str:
    """The relation that a licensed use of the recording in this way would have."""
    if match.speed > 1 + AUDIBLE_SPEED:
        return "sped_up_of"
    if match.speed < 1 - AUDIBLE_SPEED:
        return "slowed_of"
    return "edit_of" if abs(match.pitch) >= AUDIBLE_PITCH else "samples"


def _reporting_score(match: Match) -> float:
    """The score that the same stretch would have at the highest bit error rate that is still reported."""
    agreement = 1 - 2 * match.bit_error_rate
    coverage = match.score / agreement if agreement > 0 else 0.0
    return round(coverage * (1 - 2 * POSSIBLE_BLOCKS), 4)


def _evidence(match: Match) -> JSON:
    return {
        "recording": match.recording,
        "isrc": match.isrc,
        "title": match.title,
        "artist": match.artist,
        "owner": match.owner,
        "score": round(match.score, 4),
        "bit_error_rate": round(match.bit_error_rate, 4),
        "certain": match.certain,
        "speed": match.speed,
        "pitch": match.pitch,
        "segments": _segments(match.segments),
    }


def _segments(segments: Iterable[Segment]) -> JSON:
    return [
        {"start": s.start, "end": s.end, "reference_start": s.reference_start, "reference_end": s.reference_end}
        for s in segments
    ]


def _duplicates(delivery: Delivery) -> Iterator[Finding]:
    """Every track that is the same recording as an earlier one of the release."""
    tracks = delivery.release.tracks
    prints: dict[int, bytes] = {}
    earlier = MemoryStore(modulus=1)
    files: dict[str, int] = {}
    for number, track in enumerate(tracks):
        facts = delivery.facts.get(track.file)
        if facts is None:
            continue
        if facts.sha256 in files:
            yield _duplicate(track, tracks[files[facts.sha256]], None)
            continue
        files[facts.sha256] = number
        if not facts.ok or degenerate(facts.fingerprint):
            continue
        found = find(earlier, lambda wanted: {n: prints[n] for n in wanted}, facts.fingerprint)
        for other, comparison in found:
            if _whole(comparison) and not _twins(track, tracks[other]):
                yield _duplicate(track, tracks[other], comparison)
                break
        prints[number] = facts.fingerprint
        earlier.add(number, facts.fingerprint)


def _whole(comparison: Comparison) -> bool:
    return comparison.certain and min(comparison.coverage, comparison.reference_coverage) >= DUPLICATE_COVERAGE


def _twins(track: Track, other: Track) -> bool:
    """The clean and the explicit version of one recording, which may stand on one release."""
    return {track.advisory, other.advisory} == {"clean", "explicit"}


def _duplicate(track: Track, other: Track, comparison: Comparison | None) -> Finding:
    """``comparison`` is None where the two are the very same file."""
    what = "the same recording" if comparison else "the very same file"
    evidence: dict[str, JSON] = {"track": other.position, "same_file": comparison is None}
    if comparison:
        evidence |= {"bit_error_rate": comparison.bit_error_rate, "segments": _segments(comparison.segments)}
    return Finding(
        DUPLICATE,
        track.subject,
        f"This is {what} as track {other.position}, '{other.title}'.",
        measured=round(min(comparison.coverage, comparison.reference_coverage), 4) if comparison else 1.0,
        threshold=DUPLICATE_COVERAGE,
        evidence=evidence,
        fix="Deliver the recording that belongs to this track, or remove the track.",
    )


CHECK = Check(
    name="similarity",
    version=1,
    title="Known recordings",
    codes=(
        KNOWN_RECORDING,
        POSSIBLE_MATCH,
        OWN_RECORDING,
        SAME_ISRC,
        LICENSED,
        DUPLICATE,
        NOT_ASSESSED,
        *isrc_audio.CODES,
    ),
    run=run,
    needs_audio=True,
)
