"""Does this release contain a recording that somebody else delivered before, or the same recording twice?"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from checks import blocklist, isrc_audio, likeness
from checks.check import Check, Context, Match
from checks.finding import JSON, Code, Finding, Route, Severity
from checks.fingerprint.catalogue import find
from checks.fingerprint.compare import POSSIBLE_BLOCKS, Comparison, degenerate
from checks.fingerprint.store import MemoryStore
from checks.likeness import AUDIBLE_PITCH, AUDIBLE_SPEED
from checks.release import Account, AudioFacts, Delivery, Relation, Track

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
OWN_OTHER_TITLE = Code(
    "similarity.own_other_title",
    "A recording that the label delivered before keeps its title and its artist.",
    Severity.WARNING,
    Route.REVIEW,
    "Apple Music editorial guide and Spotify guide, repeated submissions",
)
# Two labels deliver the same sound within minutes: neither may learn of the other, and a human sees both.
PENDING_ELSEWHERE = Code(
    "similarity.pending_elsewhere",
    "A recording that another label has just delivered is not decided before a person has seen both.",
    Severity.CRITICAL,
    Route.REVIEW,
    "this gate",
    private=True,
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
USED_OTHERWISE = Code(
    "similarity.used_otherwise",
    "A licence is for the use that is made of the recording.",
    Severity.WARNING,
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

#: What covers this share of a match covers it.
AS_MUCH = 0.9

#: Two tracks are the same recording when this much of each is in the other; a radio edit, a medley or a continuous mix
#: on the same release shares less.
DUPLICATE_COVERAGE = 0.8


def run(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every track against the known recordings, then the tracks against each other."""
    for track in delivery.release.tracks:
        facts = delivery.facts.get(track.file)
        if facts is None or not facts.ok or degenerate(facts.fingerprint):
            yield _not_assessed(track, facts)
        else:
            matches = context.recordings.matches(facts, track)
            yield from blocklist.heard(track, facts, matches)
            yield from _against_known(track, facts, delivery.account, matches)
            if isrc := _isrc(track.isrc):
                known = context.recordings.under_isrc(isrc)
                yield from isrc_audio.consistency(track, isrc, facts, delivery.account.id, matches, known)
    yield from _duplicates(delivery)
    yield from blocklist.named(delivery, context)


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
        if match.blocked is not None:
            continue  # that is told to moderators alone
        if match.pending and _is_no_news(match, account, matches):
            continue
        kinds.setdefault(_kind(track, facts.duration, account, match), []).append(match)
    for code, alike in kinds.items():
        yield told(code, track, facts.duration, alike)


def told(code: Code, track: Track, duration: float, alike: Sequence[Match]) -> Finding:
    """The finding for matches of one kind."""
    first = max(alike, key=lambda match: (match.certain, match.score))
    more = f" The same holds for {len(alike) - 1} more known recordings." if len(alike) > 1 else ""
    evidence: dict[str, JSON] = {"matches": [likeness.evidence(match) for match in alike]}
    if changes := likeness.changes(first, duration):
        evidence["changes"] = list(changes)
    return Finding(
        code,
        track.subject,
        likeness.sentence(first, duration) + _remark(code, track, first) + more,
        measured=round(first.score, 4),
        threshold=_reporting_score(first),
        evidence=evidence,
        fix=_fix(code, first),
    )


def _is_no_news(pending: Match, account: Account, matches: Sequence[Match]) -> bool:
    """Whether this account, or the one whose delivery is pending, has had as much of the recording here before.

    Then whose it is was settled, and a copy that is on its way to a human holds nobody up who delivers his own again.
    """
    return any(
        one.certain
        and not (one.pending or one.blocked)
        and (_is_own(account, one) or _folded(one.owner) == _folded(pending.owner))
        and likeness.seconds(one) >= AS_MUCH * likeness.seconds(pending)
        for one in matches
    )


def _is_own(account: Account, match: Match) -> bool:
    return match.owner_account == account.id or _is_named(account, match.owner)


def _kind(track: Track, duration: float, account: Account, match: Match) -> Code:
    """What the match means for this label and this track."""
    if _is_own(account, match):
        renamed = (
            match.certain and likeness.whole(match, duration) and likeness.steady(match) and _renamed(track, match)
        )
        return OWN_OTHER_TITLE if renamed else OWN_RECORDING
    if match.pending:
        return PENDING_ELSEWHERE
    # Where the other party delivers here itself, the two accounts claim the same recording, and a human asks why.
    same = match.certain and match.isrc and _isrc(match.isrc) == _isrc(track.isrc) and match.owner_account is None
    if same and likeness.unchanged(match, duration):
        return SAME_ISRC
    if licences := [one for one in _relations(track, match) if one.licence_file and one.type in USES_THE_SOUND]:
        return LICENSED if any(_fits(one, match, duration) for one in licences) else USED_OTHERWISE
    return KNOWN_RECORDING if match.certain else POSSIBLE_MATCH


def _relations(track: Track, match: Match) -> list[Relation]:
    """What the label says of its use of this recording."""
    return [one for one in track.relations if match.isrc and _isrc(one.isrc) == _isrc(match.isrc)]


def _fits(relation: Relation, match: Match, duration: float) -> bool:
    """Whether what is heard is a use of the declared kind; an uncertain match contradicts nothing."""
    if not match.certain:
        return True
    match relation.type:
        case "sped_up_of":
            return match.speed > 1 + AUDIBLE_SPEED
        case "slowed_of":
            return match.speed < 1 - AUDIBLE_SPEED
        case "samples" | "remix_of":  # all of a recording, and nothing else, is neither
            return not (likeness.unchanged(match, duration) and likeness.holds_all(match))
        case "remaster_of":
            return likeness.steady(match) and likeness.whole(match, duration)
        case _:
            return True


def _renamed(track: Track, match: Match) -> bool:
    """Whether it came under another title or another artist before. A version's addition to the title is none."""
    title, before = _folded(track.title), _folded(match.title)
    if title and before and title not in before and before not in title:
        return True
    names = [_folded(artist.name) for artist in track.display_artists]
    return bool(_folded(match.artist)) and bool(names) and not any(name in _folded(match.artist) for name in names)


def _is_named(account: Account, owner: str) -> bool:
    return bool(_folded(owner)) and _folded(owner) in {_folded(name) for name in (account.name, *account.names)}


def _folded(name: str) -> str:
    """A name without case, accents, punctuation and spaces."""
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if c.isalnum())


def _isrc(isrc: str | None) -> str | None:
    return isrc.replace("-", "").replace(" ", "").upper() if isrc else None


def _remark(code: Code, track: Track, match: Match) -> str:
    if code in (KNOWN_RECORDING, POSSIBLE_MATCH) and (declared := _relations(track, match)):
        type_ = declared[0].type
        if type_ not in USES_THE_SOUND:
            return f" It was declared as {type_}, which is a new recording; the sound of the old one is in it."
        return f" It was declared as {type_}, and no licence was delivered for it."
    if code == KNOWN_RECORDING and match.isrc and _isrc(match.isrc) == _isrc(track.isrc):
        return " It has the same ISRC here."
    return {
        OWN_RECORDING: " You delivered it before.",
        OWN_OTHER_TITLE: " You delivered it before, under another title or artist.",
        SAME_ISRC: " It has the same ISRC here: it is the same recording.",
        LICENSED: " A licence was delivered for it.",
        USED_OTHERWISE: " A licence was delivered for another use than the one that is heard.",
        PENDING_ELSEWHERE: f" '{match.owner}' has delivered it too, and neither is decided.",
    }.get(code, "")


def _fix(code: Code, match: Match) -> str | None:
    if code == OWN_OTHER_TITLE:
        return f"Deliver it as '{match.title}' by '{match.artist}', or the recording that belongs to this title."
    if code == USED_OTHERWISE:
        return f"Declare the use that is made ({_relation(match)}), with the licence for it."
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
        evidence |= {"bit_error_rate": comparison.bit_error_rate, "segments": likeness.segments(comparison.segments)}
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
    version=3,
    title="Known recordings",
    codes=(
        KNOWN_RECORDING,
        POSSIBLE_MATCH,
        PENDING_ELSEWHERE,
        OWN_RECORDING,
        OWN_OTHER_TITLE,
        SAME_ISRC,
        LICENSED,
        USED_OTHERWISE,
        DUPLICATE,
        NOT_ASSESSED,
        *isrc_audio.CODES,
        *blocklist.CODES,
    ),
    run=run,
    needs_audio=True,
)
