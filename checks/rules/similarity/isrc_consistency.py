"""Whether an ISRC and the sound under it belong together, by everything the gate has heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from checks.fingerprint.comparison import compare_fingerprints, is_degenerate
from checks.model.check import Known, Match
from checks.model.finding import Code, Finding, Route, Severity
from checks.model.match_description import SAME_SPEED, has_same_speed
from checks.model.release import AudioFacts, Track

REUSED_OTHER_AUDIO = Code(
    "isrc.reused_other_audio",
    "An ISRC stands for one recording, and no other sound comes under it.",
    Severity.WARNING,
    Route.REVIEW,
    "IFPI ISRC handbook (one recording, one ISRC)",
    private=True,  # the other recording may be another label's, and unreleased
)
NEW_VERSION_NEEDS_NEW = replace(
    REUSED_OTHER_AUDIO,
    id="isrc.new_version_needs_new",
    rule="An edit, a remix or another materially changed version has an ISRC of its own.",
    source="IFPI ISRC handbook (when to assign)",
)
AUDIO_HAS_OTHER_ISRC = Code(
    "isrc.audio_has_other_isrc",
    "A recording that was delivered before must keep its ISRC.",
    Severity.WARNING,
    Route.PASS,
    "IFPI ISRC handbook (when not to assign)",
)

CODES = (REUSED_OTHER_AUDIO, NEW_VERSION_NEEDS_NEW, AUDIO_HAS_OTHER_ISRC)

#: Another playing time by more than this is another version (IFPI ISRC handbook: a change of more than ten seconds).
SAME_SECONDS = 10.0
#: The whole recording, not a passage: so much score.
WHOLE_SCORE = 0.8


def check_isrc_consistency(
    track: Track, isrc: str, facts: AudioFacts, account: str, matches: Sequence[Match], known: Sequence[Known]
) -> Iterator[Finding]:
    """What speaks against this ISRC: ``known`` are the recordings under it, ``matches`` those that sound like this."""
    heard = {match.recording: match for match in matches}
    comparable = [item for item in known if not is_degenerate(item.fingerprint)]
    alike = [entry for entry in comparable if _sounds_like_known(entry, facts, heard)]
    if comparable and not alike:
        yield Finding(
            REUSED_OTHER_AUDIO,
            track.subject,
            f"Another sound is known under the ISRC {isrc}: nothing of it is in this recording.",
            evidence={"recording": comparable[0].recording, "isrc": isrc},
        )
    elif alike and (change := _describe_version_change(facts, alike, heard)):
        yield Finding(
            NEW_VERSION_NEEDS_NEW,
            track.subject,
            f"Under the ISRC {isrc} the recording is known {change}.",
            measured=round(facts.duration, 1),
            threshold=round(alike[0].duration, 1),
            evidence={"recording": alike[0].recording, "isrc": isrc},
        )
    # What others have under this ISRC must not be read off what is said here.
    own = [element for element in known if element.owner_account in (account, None)]
    if not own and (
        other := next(
            (candidate for candidate in matches if _own_whole(candidate, account) and candidate.isrc != isrc), None
        )
    ):
        yield Finding(
            AUDIO_HAS_OTHER_ISRC,
            track.subject,
            f"You have delivered this recording before under the ISRC {other.isrc}.",
            measured=isrc,
            threshold=other.isrc,
            fix=f"If nothing about the sound has changed, keep {other.isrc}.",
        )


def _sounds_like_known(known: Known, facts: AudioFacts, heard: dict[str, Match]) -> bool:
    return known.recording in heard or compare_fingerprints(facts.fingerprint, known.fingerprint).found


def _describe_version_change(facts: AudioFacts, alike: Sequence[Known], heard: dict[str, Match]) -> str | None:
    """How this version differs from every one that is known under its ISRC, or None where it is one of them."""
    changes: list[str] = []
    for item in alike:
        match, longer = heard.get(item.recording), facts.duration - item.duration
        if match and abs(match.speed - 1) > SAME_SPEED:
            changes.append(
                f"at another speed, {abs(match.speed - 1) * 100:.1f} % {'slower' if match.speed > 1 else 'faster'}"
            )
        elif item.duration and abs(longer) > SAME_SECONDS:
            changes.append(f"{abs(longer):.0f} s {'shorter' if longer > 0 else 'longer'}")
        else:
            return None
    return changes[0] if changes else None


def _own_whole(match: Match, account: str) -> bool:
    return bool(
        match.certain
        and match.isrc
        and has_same_speed(match)
        and match.owner_account == account
        and match.score >= WHOLE_SCORE
    )
