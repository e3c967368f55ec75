"""Does this release contain a recording that another label delivered before, or the same recording twice?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.analysis import Failure
from checks.fingerprint.comparison import POSSIBLE_BLOCKS, Comparison, is_degenerate
from checks.fingerprint.matcher import find_matches
from checks.fingerprint.store import MemoryStore
from checks.model import match_description, recording_ownership
from checks.model.check import Check, Context, Match
from checks.model.finding import JSON, Code, Finding, Route, Severity
from checks.model.match_description import AUDIBLE_PITCH, AUDIBLE_SPEED
from checks.model.recording_ownership import (
    SAME_SOUND,
    bare_isrc,
    fold_owner_name,
    has_isrc,
    has_other_artist,
    has_other_title,
    is_own,
    is_renamed,
)
from checks.model.release import Account, AudioFacts, Delivery, Relation, Track
from checks.rules.similarity import blocklist_matches, isrc_consistency, stay_down

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
OWN_VERSION_RENAMED = Code(
    "similarity.own_version_renamed",
    "A label's own recording at another speed or pitch keeps its artist, and its title or a relation to its ISRC.",
    Severity.WARNING,
    Route.REVIEW,
    "Spotify on artificial streams and spam; Apple Music editorial guide, repeated submissions",
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
    "A known recording may be delivered under its ISRC by an account that is authorised to deliver for its artist.",
    Severity.INFORMATION,
    Route.PASS,
    "IFPI ISRC handbook; registry of protected names",
)
# An ISRC is printed on every streaming service: it says which recording this is, and nothing about who delivers it.
OWNER_UNCONFIRMED = Code(
    "similarity.owner_unconfirmed",
    "A person confirms that an account may deliver a known recording, where the gate does not know it for its owner.",
    Severity.WARNING,
    Route.REVIEW,
    "Amazon Music, Apple Music and Spotify policies on infringing content",
)
# An unread licence proves nothing: anyone can attach a document. So it informs the moderator and
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
    "The licence must cover the actual use of the recording.",
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

#: What a person answers once for an account and a recording, as long as both stay what they were.
ASKED_ONCE = frozenset({KNOWN_RECORDING, POSSIBLE_MATCH, OWNER_UNCONFIRMED, LICENSED, USED_OTHERWISE})

#: The relations that use the sound of another recording. A cover or a live version is a new recording of the work: it
#: has no reason to contain the old one.
USES_THE_SOUND = frozenset({"remix_of", "samples", "sped_up_of", "slowed_of", "edit_of", "remaster_of"})

#: All of a known recording is most of a track above this share: what was added is not half as long as it, and makes no
#: other recording. A medley of two recordings stays below (our inference).
MOST_OF_A_TRACK = 2 / 3

#: Two tracks are the same recording when this much of each is in the other; a radio edit, a medley or a continuous mix
#: on the same release shares less.
DUPLICATE_COVERAGE = 0.8


def find_known_recordings(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every track against the known recordings, then the tracks against each other."""
    heard: dict[int, Sequence[Match]] = {}
    for track in delivery.release.tracks:
        facts = delivery.facts.get(track.file)
        if facts is None or not facts.ok or is_degenerate(facts.fingerprint):
            yield _not_assessed(track, facts)
        else:
            matches = context.recordings.matches(facts, track)
            heard[track.position] = matches
            yield from blocklist_matches.find_blocked_recordings(track, facts, matches)
            yield from _against_known(track, facts, delivery.account, matches, context)
            if isrc := bare_isrc(track.isrc):
                known = context.recordings.under_isrc(isrc)
                accepted = [match for match in matches if not match.refusals]
                yield from isrc_consistency.check_isrc_consistency(
                    track, isrc, facts, delivery.account.id, accepted, known
                )
    yield from stay_down.find_rejected_content(delivery, heard, context)
    yield from _find_duplicate_tracks(delivery)
    yield from blocklist_matches.find_blocked_names(delivery, context)


def _not_assessed(track: Track, facts: AudioFacts | None) -> Finding:
    fix: str | None
    if facts is not None and facts.error == Failure.ANALYSIS_FAILED:
        why, fix = "the gate could not measure its file", None
    elif facts is None or not facts.ok:
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


def _against_known(
    track: Track, facts: AudioFacts, account: Account, matches: Sequence[Match], context: Context
) -> Iterator[Finding]:
    """One finding for each kind of match that the track has."""
    kinds: dict[Code, list[Match]] = {}
    for match in matches:
        if match.blocked is not None or (match.refusals and not match.pending):
            continue  # these have findings of their own, and are no reference
        if match.pending and _is_already_settled(match, account, matches):
            continue
        code = _classify_match(track, facts.duration, account, match, context)
        if code in ASKED_ONCE and (
            recording_ownership.is_of_refused_account(match, matches)
            or recording_ownership.is_settled(track, facts.duration, match, account, matches)
        ):
            continue
        kinds.setdefault(code, []).append(match)
    for code, alike in kinds.items():
        yield build_match_finding(code, track, facts.duration, alike)


def build_match_finding(code: Code, track: Track, duration: float, alike: Sequence[Match]) -> Finding:
    """The finding for matches of one kind."""
    first = max(alike, key=lambda match: (match.certain, match.score))
    more = f" The same holds for {len(alike) - 1} more known recordings." if len(alike) > 1 else ""
    evidence: dict[str, JSON] = {"matches": [match_description.serialise_match(match) for match in alike]}
    if changes := match_description.list_match_changes(first, duration):
        evidence["changes"] = list(changes)
    return Finding(
        code,
        track.subject,
        match_description.describe_match(first, duration) + _build_match_remark(code, track, first) + more,
        measured=round(first.score, 4),
        threshold=_reporting_score(first),
        evidence=evidence,
        fix=_suggest_match_fix(code, first),
    )


def _is_already_settled(pending: Match, account: Account, matches: Sequence[Match]) -> bool:
    """Whether this account, or the one with the pending delivery, has had as much of the recording here before.

    Then the owner was settled, and a pending copy does not block the owner's redelivery.
    """
    return any(
        item.certain
        and not (item.pending or item.blocked or item.refusals)
        and (is_own(account, item) or fold_owner_name(item.owner) == fold_owner_name(pending.owner))
        and not recording_ownership.is_of_refused_account(item, matches)
        and match_description.count_matched_seconds(item)
        >= SAME_SOUND * match_description.count_matched_seconds(pending)
        for item in matches
    )


def _classify_match(track: Track, duration: float, account: Account, match: Match, context: Context) -> Code:
    """What the match means for this label and this track."""
    if is_own(account, match):
        return _classify_own_match(track, duration, match)
    if match.pending:
        return PENDING_ELSEWHERE
    if licences := [
        relation
        for relation in _list_matching_relations(track, match)
        if relation.licence_file and relation.type in USES_THE_SOUND
    ]:
        return LICENSED if any(_fits_declared_use(licence, match, duration) for licence in licences) else USED_OTHERWISE
    same = match.certain and has_isrc(track, match.isrc) and match_description.is_unchanged_copy(match, duration)
    if same and not is_renamed(track, match):
        return SAME_ISRC if recording_ownership.is_authorised(track, match, account, context) else OWNER_UNCONFIRMED
    return KNOWN_RECORDING if match.certain else POSSIBLE_MATCH


def _classify_own_match(track: Track, duration: float, match: Match) -> Code:
    """The account's own recording: as it was, as another version, or passed off as something else.

    A part of a track is a use that its owner is free to make. Where the match is only possible, one of two names that
    stayed explains it: another performance of a work has its title, another song of an act has its sound.
    """
    if not _is_most_of(match, duration):
        return OWN_RECORDING
    other_title, other_artist = has_other_title(track, match), has_other_artist(track, match)
    if match_description.has_same_speed(match) and abs(match.pitch) < AUDIBLE_PITCH:
        return OWN_OTHER_TITLE if match.certain and (other_title or other_artist) else OWN_RECORDING
    if not match.certain:
        return OWN_VERSION_RENAMED if other_title and other_artist else OWN_RECORDING
    declared = any(
        relation.type in USES_THE_SOUND and _fits_declared_use(relation, match, duration)
        for relation in _list_matching_relations(track, match)
    )
    return OWN_VERSION_RENAMED if other_artist or (other_title and not declared) else OWN_RECORDING


def _is_most_of(match: Match, duration: float) -> bool:
    """Whether the track is the known recording, alone or with something added that is shorter than it."""
    return match_description.covers_whole_track(match, duration) or (
        match_description.contains_whole_reference(match)
        and match_description.count_matched_seconds(match) > MOST_OF_A_TRACK * duration
    )


def _list_matching_relations(track: Track, match: Match) -> list[Relation]:
    """What the label says of its use of this recording."""
    return [
        relation for relation in track.relations if match.isrc and bare_isrc(relation.isrc) == bare_isrc(match.isrc)
    ]


def _fits_declared_use(relation: Relation, match: Match, duration: float) -> bool:
    """Whether what is heard is a use of the declared kind; an uncertain match contradicts nothing."""
    if not match.certain:
        return True
    match relation.type:
        case "sped_up_of":
            return match.speed > 1 + AUDIBLE_SPEED
        case "slowed_of":
            return match.speed < 1 - AUDIBLE_SPEED
        case "samples" | "remix_of":  # all of a recording, and nothing else, is neither
            return not (
                match_description.is_unchanged_copy(match, duration)
                and match_description.contains_whole_reference(match)
            )
        case "remaster_of":
            return match_description.has_same_speed(match) and match_description.covers_whole_track(match, duration)
        case _:
            return True


def _build_match_remark(code: Code, track: Track, match: Match) -> str:
    if code in (KNOWN_RECORDING, POSSIBLE_MATCH) and (declared := _list_matching_relations(track, match)):
        type_ = declared[0].type
        if type_ not in USES_THE_SOUND:
            return f" It was declared as {type_}, which is a new recording; the sound of the old one is in it."
        return f" It was declared as {type_}, and no licence was delivered for it."
    if code == KNOWN_RECORDING and has_isrc(track, match.isrc):
        renamed = ", under another title or artist" if is_renamed(track, match) else ""
        return f" It has the same ISRC here{renamed}."
    return {
        OWN_RECORDING: " You delivered it before.",
        OWN_OTHER_TITLE: " You delivered it before, under another title or artist.",
        OWN_VERSION_RENAMED: " That recording is yours, and it has another title or artist here.",
        SAME_ISRC: " It has the same ISRC here, and you are authorised to deliver for its artist.",
        OWNER_UNCONFIRMED: " It has the same ISRC, title and artist here. Your account is not known as its owner's.",
        LICENSED: " A licence was delivered for it.",
        USED_OTHERWISE: " A licence was delivered for another use than the one that is heard.",
        PENDING_ELSEWHERE: f" '{match.owner}' has delivered it too, and neither is decided.",
    }.get(code, "")


def _suggest_match_fix(code: Code, match: Match) -> str | None:
    if code == OWN_OTHER_TITLE:
        return f"Deliver it as '{match.title}' by '{match.artist}', or the recording that belongs to this title."
    if code == OWN_VERSION_RENAMED:
        relation = f"a relation of type {_name_relation_type(match)}" + (
            f" naming ISRC {match.isrc}" if match.isrc else ""
        )
        return (
            f"Deliver it by '{match.artist}', as a version of '{match.title}', with {relation}; no licence is needed."
        )
    if code == OWNER_UNCONFIRMED:
        return (
            "If you own the recording or deliver for its owner, change nothing: a person confirms it once. "
            "Otherwise remove the track."
        )
    if code == USED_OTHERWISE:
        return f"Declare the use that is made ({_name_relation_type(match)}), with the licence for it."
    if code not in (KNOWN_RECORDING, POSSIBLE_MATCH):
        return None
    if match.deviation:
        return "If it is a recording of your own performance, change nothing: a person compares the two."
    relation = _name_relation_type(match)
    other = "" if relation != "samples" else " (or remix_of, edit_of, remaster_of)"
    named = f" naming ISRC {match.isrc}" if match.isrc else ""
    return (
        f"If you hold a licence, add it as a relation of type {relation}{other}{named} with the licence file. "
        "If it is the same recording and the rights are yours, deliver it under its own ISRC, title and artist, and a "
        "person confirms it."
    )


def _name_relation_type(match: Match) -> str:
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


def _find_duplicate_tracks(delivery: Delivery) -> Iterator[Finding]:
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
            yield _report_duplicate(track, tracks[files[facts.sha256]], None)
            continue
        files[facts.sha256] = number
        if not facts.ok or is_degenerate(facts.fingerprint):
            continue
        found = find_matches(earlier, lambda wanted: {n: prints[n] for n in wanted}, facts.fingerprint)
        for other, comparison in found:
            if _is_whole_copy(comparison) and not _is_clean_explicit_pair(track, tracks[other]):
                yield _report_duplicate(track, tracks[other], comparison)
                break
        prints[number] = facts.fingerprint
        earlier.add(number, facts.fingerprint)


def _is_whole_copy(comparison: Comparison) -> bool:
    return comparison.certain and min(comparison.coverage, comparison.reference_coverage) >= DUPLICATE_COVERAGE


def _is_clean_explicit_pair(track: Track, other: Track) -> bool:
    """The clean and the explicit version of one recording, which may stand on one release."""
    return {track.advisory, other.advisory} == {"clean", "explicit"}


def _report_duplicate(track: Track, other: Track, comparison: Comparison | None) -> Finding:
    """``comparison`` is None where the two are the very same file."""
    what = "the same recording" if comparison else "the very same file"
    evidence: dict[str, JSON] = {"track": other.position, "same_file": comparison is None}
    if comparison:
        evidence |= {
            "bit_error_rate": comparison.bit_error_rate,
            "segments": match_description.serialise_segments(comparison.segments),
        }
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
    version=5,
    title="Known recordings",
    codes=(
        KNOWN_RECORDING,
        POSSIBLE_MATCH,
        PENDING_ELSEWHERE,
        OWN_RECORDING,
        OWN_OTHER_TITLE,
        OWN_VERSION_RENAMED,
        SAME_ISRC,
        OWNER_UNCONFIRMED,
        LICENSED,
        USED_OTHERWISE,
        DUPLICATE,
        NOT_ASSESSED,
        *isrc_consistency.CODES,
        *blocklist_matches.CODES,
        *stay_down.CODES,
    ),
    run=find_known_recordings,
    needs_audio=True,
)
