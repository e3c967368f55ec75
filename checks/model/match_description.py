"""A match in words: how much of a recording is in another one, where, and how it was changed on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from checks.model.check import Match, Segment
from checks.model.finding import JSON

#: A match that covers less of the track than this is told as a passage; one that covers as much of the known recording
#: has all of it.
WHOLE = 0.8

#: From these on a change of speed (share) or pitch (semitones) is worth words; less is a matter of measuring.
AUDIBLE_SPEED = 0.008
AUDIBLE_PITCH = 0.15

#: Played faster or slower by more than this is another version; less is a matter of transfer and measuring.
SAME_SPEED = 0.01

#: A passage that comes back takes so many times the room that it has in the known recording.
REPEATED = 1.5

#: Sound before or after a known recording that is worth words, in seconds: leader and fade are shorter.
ADDED_SECONDS = 5.0


def count_matched_seconds(match: Match) -> float:
    """How much of the delivered recording the match covers."""
    return sum(segment.end - segment.start for segment in match.segments)


def covers_whole_track(match: Match, duration: float) -> bool:
    """Whether the delivered recording, ``duration`` long, is nothing but the known one."""
    return count_matched_seconds(match) >= WHOLE * duration


def contains_whole_reference(match: Match) -> bool:
    """Whether all of the known recording is in the delivered one, whatever else is there."""
    return match.duration > 0 and _count_covered_seconds(_list_reference_ranges(match)) >= WHOLE * match.duration


def has_same_speed(match: Match) -> bool:
    """Whether it plays as fast as the known recording."""
    return abs(match.speed - 1) <= SAME_SPEED


def is_unchanged_copy(match: Match, duration: float) -> bool:
    """Whether it is the known recording as it is, but for what transfers and encoders do."""
    return covers_whole_track(match, duration) and has_same_speed(match) and abs(match.pitch) < AUDIBLE_PITCH


def list_match_changes(match: Match, duration: float) -> list[str]:
    """What was done to the known recording, in single words for programs; empty where nothing was."""
    found = []
    if abs(match.speed - 1) >= AUDIBLE_SPEED:
        found.append("faster" if match.speed > 1 else "slower")
    if abs(match.pitch) >= AUDIBLE_PITCH:
        found.append("pitch_kept" if _tempo_alone(match) else "higher" if match.pitch > 0 else "lower")
    if match.filtered:
        found.append("filtered")
    if match.segments and not covers_whole_track(match, duration):
        found.append("padded" if contains_whole_reference(match) else "passage")
    if _times_repeated(match) > 1:
        found.append("repeated")
    return found


def describe_match(match: Match, duration: float) -> str:
    """What was found, with its times."""
    isrc = f" (ISRC {match.isrc})" if match.isrc else ""
    same = "are the same as" if match.certain else "may be the same as"
    seconds, change = count_matched_seconds(match), _describe_change(match)
    text = f"{seconds:.1f} s of this recording {same} '{match.title}' by '{match.artist}'{isrc}{change}."
    if match.segments and not covers_whole_track(match, duration):
        text += (
            _describe_padding(match, duration)
            if contains_whole_reference(match)
            else _describe_passage(match, duration)
        )
    if match.deviation:
        text += (
            f" Its tempo wanders against the known recording by {1000 * match.deviation:.0f} ms, as in another "
            "performance of the same work."
        )
    if (times := _times_repeated(match)) > 1:
        start, end = min(_list_reference_ranges(match)), max(_list_reference_ranges(match), key=lambda place: place[1])
        text += f" What it has at {format_minutes(start[0])}-{format_minutes(end[1])} comes {times} times."
    return text


def format_minutes(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _describe_change(match: Match) -> str:
    """How the delivered recording was changed, as the end of a sentence.

    ``Match.pitch`` is what the speed does not explain: a tempo raised at the same pitch has a negative one.
    """
    found = []
    faster, kept = match.speed - 1, _tempo_alone(match)
    if abs(faster) >= AUDIBLE_SPEED:
        share = f"{abs(faster):.1%}".replace("%", " %")
        how = "its tempo {} at the same pitch" if kept else "played {}"
        found.append(how.format(f"{share} {'faster' if faster > 0 else 'slower'}"))
    if abs(match.pitch) >= AUDIBLE_PITCH and not kept:
        found.append(f"pitched {'up' if match.pitch > 0 else 'down'} by {abs(match.pitch):.1f} semitones")
    if match.filtered:
        found.append("its bass and treble changed as by a filter or an equaliser")
    return "".join(f", {item}" for item in found)


def _tempo_alone(match: Match) -> bool:
    return abs(match.pitch + 12 * math.log2(match.speed)) < AUDIBLE_PITCH <= abs(match.pitch)


def _describe_passage(match: Match, duration: float) -> str:
    times = ", ".join(f"{format_minutes(s.start)}-{format_minutes(s.end)}" for s in match.segments[:3])
    others = " and elsewhere" if len(match.segments) > 3 else ""
    return f" It is a part of {duration:.1f} s, at {times}{others}, as with a sample or an excerpt."


def _describe_padding(match: Match, duration: float) -> str:
    """All of the known recording is here, and more."""
    start, end = min(s.start for s in match.segments), max(s.end for s in match.segments)
    before, after = start >= ADDED_SECONDS, duration - end >= ADDED_SECONDS
    added = [f"{start:.0f} s before it"] * before + [f"{duration - end:.0f} s after it"] * after
    where = f", with {' and '.join(added)}" if added else ", in pieces"
    return f" All of it is here, at {format_minutes(start)}-{format_minutes(end)} of {format_minutes(duration)}{where}."


def _list_reference_ranges(match: Match) -> list[tuple[float, float]]:
    return [(s.reference_start, s.reference_end) for s in match.segments]


def _times_repeated(match: Match) -> int:
    """How often a passage of the known recording comes; 1 where nothing comes back."""
    taken = sum(end - start for start, end in _list_reference_ranges(match))
    room = _count_covered_seconds(_list_reference_ranges(match))
    return round(taken / room) if room > 0 and taken >= REPEATED * room else 1


def _count_covered_seconds(places: Sequence[tuple[float, float]]) -> float:
    """The seconds that these stretches cover together, what they share counted once."""
    total, reached = 0.0, -math.inf
    for start, end in sorted(places):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def swap_match_sides(match: Match, identity: Mapping[str, Any]) -> Match:
    """The same match seen from the other recording; ``identity``: what is known of the one that it was seen from."""
    pitch = -match.pitch if match.pitch else 0.0
    changed = {"segments": swap_segments(match.segments), "speed": round(1 / match.speed, 4), "pitch": pitch}
    return replace(match, **{**changed, **identity})


def swap_segments(found: Iterable[Segment]) -> tuple[Segment, ...]:
    """The same stretches, seen from the other recording."""
    return tuple(Segment(s.reference_start, s.reference_end, s.start, s.end) for s in found)


def serialise_match(match: Match) -> JSON:
    """A match as findings keep it."""
    more: dict[str, JSON] = {"filtered": True} if match.filtered else {}
    if match.deviation:
        more["tempo_deviation_ms"] = round(1000 * match.deviation)
    if match.pending:
        more["submission"] = match.pending
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
        "segments": serialise_segments(match.segments),
        **more,
    }


def serialise_segments(found: Iterable[Segment]) -> JSON:
    """Its stretches."""
    return [
        {"start": s.start, "end": s.end, "reference_start": s.reference_start, "reference_end": s.reference_end}
        for s in found
    ]
