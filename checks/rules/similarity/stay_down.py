"""Content that a person rejected here before: a question to a moderator whenever any account delivers it again.

The label reads that this content was refused before, and nothing about the decision. Moderators see the
earlier decision in a finding of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from checks.model import match_description
from checks.model.check import Context, Match, Refusal
from checks.model.finding import JSON, Code, Finding, Route, Severity
from checks.model.recording_ownership import bare_isrc, is_own_known, list_unanswered_refusals, list_unsettled_refusals
from checks.model.release import Delivery, Track

RECORDING = Code(
    "staydown.recording",
    "Sound that was refused here before is not accepted before a person has looked, whoever delivers it.",
    Severity.WARNING,
    Route.REVIEW,
    "DSA article 23 (repeated misuse); partners' policies on infringing content and impersonation",
)
FILE = replace(
    RECORDING,
    id="staydown.file",
    rule="A file that was refused here before is not accepted before a person has looked, whoever delivers it.",
)
ISRC = replace(
    RECORDING,
    id="staydown.isrc",
    rule="An ISRC under which a recording was refused is not accepted before a person has looked.",
)
EARLIER_DECISION = Code(
    "staydown.earlier_decision",
    "A moderator sees the decision that refused the same content before, and who had delivered it.",
    Severity.WARNING,
    Route.PASS,  # the finding beside it, which the label reads, asks for the look
    "this gate",
    private=True,
)
CODES = (RECORDING, FILE, ISRC, EARLIER_DECISION)

_FIX = "If the recording is yours, change nothing: a moderator compares it with what was refused. Otherwise remove it."


def find_rejected_content(
    delivery: Delivery, heard: Mapping[int, Sequence[Match]], context: Context
) -> Iterator[Finding]:
    """Every track against what was rejected: its sound, then its file, then its ISRC.

    ``heard``: the matches of each track's sound, by position. What the sound answers for a decision, file and ISRC do
    not ask again.
    """
    tracks = delivery.release.tracks
    files = {track.position: delivery.facts[track.file].sha256 for track in tracks if track.file in delivery.facts}
    isrcs = {track.position: isrc for track in tracks if (isrc := bare_isrc(track.isrc))}
    by_file = context.refused.named("file", sorted(set(files.values())))
    by_isrc = context.refused.named("isrc", sorted(set(isrcs.values())))
    for track in tracks:
        matches = heard.get(track.position, ())
        yield from _find_rejected_sound(track, delivery, matches)
        answered = {refusal.decision for match in matches for refusal in match.refusals}
        file, isrc = files.get(track.position, ""), isrcs.get(track.position, "")
        same_file = [item for item in by_file.get(file, ()) if item.decision not in answered]
        if same_file:
            answered |= {entry.decision for entry in same_file}
            yield from _report_earlier_decision(FILE, track, "This file", f"The file {file}", same_file)
        if others := [element for element in by_isrc.get(isrc, ()) if element.decision not in answered]:
            own = [
                recording
                for recording in context.recordings.under_isrc(isrc)
                if is_own_known(delivery.account, recording)
            ]
            if refusals := list_unanswered_refusals(others, own, delivery.account):
                named = f"A recording under the ISRC {isrc}"
                yield from _report_earlier_decision(ISRC, track, named, named, refusals)


def _find_rejected_sound(track: Track, delivery: Delivery, matches: Sequence[Match]) -> Iterator[Finding]:
    """The rejected recordings that this track sounds like, unless the account was found to own the sound."""
    found = [
        replace(match, refusals=tuple(refusals))
        for match in matches
        if (refusals := list_unsettled_refusals(match, delivery.account, matches))
    ]
    if not found:
        return
    first = max(found, key=lambda match: (match.certain, match.score))
    duration = delivery.facts[track.file].duration
    if not first.certain:
        what = "This recording may contain sound that"
    elif match_description.covers_whole_track(first, duration):
        what = "This sound"
    else:
        what = "Part of this sound"
    decisions = {refusal.decision: refusal for match in found for refusal in match.refusals}
    evidence: dict[str, JSON] = {"matches": [match_description.serialise_match(match) for match in found]}
    heard = f"{match_description.describe_match(first, duration)} That recording"
    yield from _report_earlier_decision(
        RECORDING, track, what, heard, list(decisions.values()), round(first.score, 4), evidence
    )


def _report_earlier_decision(
    code: Code,
    track: Track,
    what: str,
    what_exactly: str,
    refusals: Sequence[Refusal],
    measured: JSON = None,
    evidence: dict[str, JSON] | None = None,
) -> Iterator[Finding]:
    """Two findings: what the label reads, and the same for moderators with the earlier decisions."""
    yield Finding(
        code, track.subject, f"{what} was refused here before. A person looks at it before it goes out.", fix=_FIX
    )
    last = max(refusals, key=lambda refusal: refusal.decided_at)
    more = f" It was rejected {len(refusals)} times." if len(refusals) > 1 else ""
    yield Finding(
        EARLIER_DECISION,
        track.subject,
        f"{what_exactly} was rejected on {last.decided_at:%Y-%m-%d} ({last.ground}), when '{last.account_name}' "
        f"delivered it as '{last.title}' by '{last.artist}'.{more}",
        measured=measured,
        evidence={**(evidence or {}), "refusals": [_as_evidence(refusal) for refusal in refusals]},
    )


def _as_evidence(refusal: Refusal) -> JSON:
    return {
        "submission": refusal.submission,
        "decision": refusal.decision,
        "account": refusal.account_name,
        "title": refusal.title,
        "artist": refusal.artist,
        "ground": refusal.ground,
        "decided_by": refusal.decided_by,
        "decided_at": refusal.decided_at.isoformat(),
    }
