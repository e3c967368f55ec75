"""Two recordings side by side: the delivered file and the known one, laid over each other where they match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.urls import reverse

from checks.model.finding import JSON
from intake.models import Blob, Finding, KnownRecording

#: The picture's width, in its own units.
_WIDTH = 1000.0
#: Where the upper and the lower lane begin and end, in the same units; the player's script has them too.
UPPER, LOWER = (2, 50), (82, 130)
#: Matches of one finding that get a panel; the rest are in the table.
PANELS = 5


class Sound(Protocol):
    """A track as the panel needs it."""

    @property
    def url(self) -> str: ...

    @property
    def waveform_url(self) -> str: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """A matched segment: its times in seconds, and where the picture shows them."""

    start: float
    end: float
    reference_start: float
    reference_end: float
    scale: float  # picture units a second

    @property
    def upper(self) -> str:
        return f"{self.start * self.scale:.1f}"

    @property
    def lower(self) -> str:
        return f"{self.reference_start * self.scale:.1f}"

    @property
    def upper_width(self) -> str:
        return f"{max(2.0, (self.end - self.start) * self.scale):.1f}"

    @property
    def lower_width(self) -> str:
        return f"{max(2.0, (self.reference_end - self.reference_start) * self.scale):.1f}"

    @property
    def ribbon(self) -> str:
        """The four corners between both lanes."""
        top = (self.start * self.scale, self.end * self.scale)
        bottom = (self.reference_end * self.scale, self.reference_start * self.scale)
        upper, lower = UPPER[1], LOWER[0]
        return f"{top[0]:.1f},{upper} {top[1]:.1f},{upper} {bottom[0]:.1f},{lower} {bottom[1]:.1f},{lower}"


@dataclass(frozen=True, slots=True)
class Panel:
    """One match to listen to. An empty ``reference_url`` says that there is no audio of it on file."""

    key: str
    match: Mapping[str, Any]
    url: str
    duration: float
    reference_url: str
    reference_duration: float
    segments: tuple[Stretch, ...]
    looks: Mapping[str, str]  # where the waveforms of both sides are to be had
    alike_url: str  # a picture of where both are alike

    @property
    def upper_width(self) -> str:
        return f"{self.duration * _common_lane_scale(self.duration, self.reference_duration):.1f}"

    @property
    def lower_width(self) -> str:
        return f"{self.reference_duration * _common_lane_scale(self.duration, self.reference_duration):.1f}"

    @property
    def title(self) -> str:
        """However the check called the known recording."""
        return str(self.match.get("title") or self.match.get("recording") or "known recording")

    @property
    def island(self) -> dict[str, JSON]:
        """What the player's script reads."""
        return {
            "a": self.url,
            "b": self.reference_url,
            "scale": _common_lane_scale(self.duration, self.reference_duration),
            "speed": _number_or_default(self.match.get("speed"), 1.0) or 1.0,
            # As in the evidence: what the speed does not explain; 0 where the pitch goes with the speed, as a tape's.
            "pitch_semitones": _number_or_default(self.match.get("pitch")),
            "looks": dict(self.looks),
            "segments": [
                {
                    "start": segment.start,
                    "end": segment.end,
                    "bStart": segment.reference_start,
                    "bEnd": segment.reference_end,
                }
                for segment in self.segments
            ],
        }


def build_ab_panels(findings: Iterable[Finding], sounds: Mapping[int, Sound]) -> dict[int, tuple[Panel, ...]]:
    """The panels of each finding that tells of matches, by the finding's id; two queries whatever their number."""
    told = [
        (finding, sound, match) for finding in findings for sound, match in _iterate_player_matches(finding, sounds)
    ]
    known = KnownRecording.objects.defer("fingerprint").in_bulk(
        [int(match["recording"]) for _, _, match in told if str(match.get("recording", "")).isdigit()]
    )
    stored = set(
        Blob.objects.filter(pk__in={item.sha256 for item in known.values()}, stored_at__isnull=False).values_list(
            "pk", flat=True
        )
    )
    found: dict[int, list[Panel]] = {}
    for finding, sound, match in told:
        reference = known.get(int(match["recording"])) if str(match.get("recording", "")).isdigit() else None
        listed = found.setdefault(finding.pk, [])
        if len(listed) < PANELS:
            key = f"match-{finding.pk}-{len(listed)}"
            listed.append(_build_ab_panel(key, _alike_url(finding, match, reference), sound, match, reference, stored))
    return {pk: tuple(listed) for pk, listed in found.items()}


def _iterate_player_matches(finding: Finding, sounds: Mapping[int, Sound]) -> Iterable[tuple[Sound, Mapping[str, Any]]]:
    kind, _, position = finding.subject.partition(":")
    sound = sounds.get(int(position)) if kind == "track" and position.isdigit() else None
    matches = finding.evidence.get("matches") if isinstance(finding.evidence, Mapping) else None
    if sound is None or not sound.url or not isinstance(matches, list):
        return []
    return [(sound, match) for match in matches if isinstance(match, Mapping) and match.get("segments")]


def _alike_url(finding: Finding, match: Mapping[str, Any], reference: KnownRecording | None) -> str:
    if reference is None or not isinstance(finding.evidence, Mapping):
        return ""
    number = finding.evidence["matches"].index(match)
    return reverse("admin:intake_submission_alike", args=[finding.submission_id, finding.pk, number])


def _build_ab_panel(
    key: str,
    alike_url: str,
    sound: Sound,
    match: Mapping[str, Any],
    reference: KnownRecording | None,
    stored: set[str],
) -> Panel:
    segments = [
        (
            _number_or_default(item.get("start")),
            _number_or_default(item.get("end")),
            _number_or_default(item.get("reference_start")),
            _number_or_default(item.get("reference_end")),
        )
        for item in match["segments"]
    ]
    # An unmeasured length is at least as long as what was matched in it.
    duration = max([_number_or_default(sound.facts.get("duration")), *(segment[1] for segment in segments)])
    reference_duration = max([reference.duration if reference else 0.0, *(entry[3] for entry in segments)])
    scale = _common_lane_scale(duration, reference_duration)
    url, looks = "", {"a": sound.waveform_url}
    if reference and reference.sha256 in stored:
        url = reverse("admin:intake_knownrecording_audio", args=[reference.pk])
        looks["b"] = reverse("admin:intake_knownrecording_waveform", args=[reference.pk])
    return Panel(
        key=key,
        match={**_describe_reference(reference), **match},
        url=sound.url,
        duration=duration,
        reference_url=url,
        reference_duration=reference_duration,
        segments=tuple(Stretch(*place, scale) for place in segments),
        looks=looks,
        alike_url=alike_url,
    )


def _describe_reference(reference: KnownRecording | None) -> dict[str, Any]:
    """What the catalogue says of a recording; the evidence, which stays as it was, goes before it."""
    if reference is None:
        return {}
    return {"title": reference.title, "artist": reference.artist, "isrc": reference.isrc, "owner": reference.owner}


def _common_lane_scale(*durations: float) -> float:
    """Both lanes to the same scale, so that a stretched copy looks stretched."""
    longest = max(durations)
    return _WIDTH / longest if longest > 0 else 1.0


def _number_or_default(value: Any, default: float = 0.0) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
