"""Acoustic traces at the desk: recordings vouched for, the picture of the lines, and the test for a changed speed."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from checks.analysis import artefact_report
from checks.analysis.artefact_lines import FEATURE_VERSION
from checks.model.ai_declaration import Declared, find_declared_extent
from checks.model.release import LatticeFacts
from intake.core.states import State
from intake.models import Blob, SpeedTest, Submission, Track, VerifiedRecording
from intake.readers import release_mapping
from intake.services.storage import blobs


class NotVerifiable(ValueError):
    """What was named cannot stand for recordings made by people; nothing was changed."""


def verify_recordings(
    submission: Submission, actor: str, reason: str, positions: Collection[int] = ()
) -> list[VerifiedRecording]:
    """Vouch for the tracks of a decided release (all, or those at these positions) as made by people.

    Raises NotVerifiable where the release is not approved, a position is not there, what is heard of a track was
    declared as generated, or its traces were not measured as they are now.
    """
    if submission.state != State.APPROVED:
        raise NotVerifiable(f"the release is {submission.state}, and only approved ones can be vouched for")
    tracks = list(submission.tracks.select_related("resource__blob__analysis"))
    if unknown := set(positions) - {track.position for track in tracks}:
        raise NotVerifiable(f"there is no track {', '.join(map(str, sorted(unknown)))}")
    chosen = [track for track in tracks if not positions or track.position in positions]
    said = {
        track.position: find_declared_extent(track)
        for track in release_mapping.map_release_document(submission.metadata).tracks
    }
    if machine := [str(item.position) for item in chosen if said[item.position] is Declared.HEARD]:
        raise NotVerifiable(f"generated sound was declared for track {', '.join(machine)}")
    measured = [(_track_digest(track), _require_scored_facts(track)) for track in chosen]
    with transaction.atomic():
        return [vouch_for_recording(sha256, facts, submission.label.name, actor, reason) for sha256, facts in measured]


def vouch_for_recording(sha256: str, facts: LatticeFacts, source: str, actor: str, reason: str) -> VerifiedRecording:
    """Keep the score of a recording that a person vouches for; once for its bytes, however often it is said."""
    if not facts.assessed or facts.z is None or facts.rate_hz is None:
        raise NotVerifiable(f"{sha256[:12]} was not assessed: {facts.reason}")
    values = {
        "source": source[:200],
        "score": facts.z,
        "rate_hz": facts.rate_hz,
        "feature_version": facts.feature_version,
        "verified_by": actor[:200],
        "reason": reason,
    }
    return VerifiedRecording.objects.update_or_create(sha256=sha256, defaults=values)[0]


def plot_blob_artefacts(blob: Blob, *, dark: bool = False) -> bytes:
    """A PNG of the lines that a file has. Raises FileNotFoundError, and lattice_study.Unreadable with the reason."""
    with blobs.local_copy(blob) as path:
        return artefact_report.plot_file_artefacts(path, dark=dark)


def speed_test(blob: Blob, actor: str) -> SpeedTest:
    """Look for lines at any speed within six percent, and keep what was found: for eyes, never for routes.

    Raises FileNotFoundError, and lattice_study.Unreadable with the reason.
    """
    with blobs.local_copy(blob) as path:
        answer = artefact_report.analyse_speed_explanation(path)
    return SpeedTest.objects.create(sha256=blob.pk, asked_by=actor, answer=answer)


def speed_tests(sha256s: Collection[str]) -> dict[str, SpeedTest]:
    """The last test of each file."""
    return {item.sha256: item for item in SpeedTest.objects.filter(sha256__in=sha256s).order_by("id")}


def _track_digest(track: Track) -> str:
    return track.resource.blob_id or ""


def _require_scored_facts(track: Track) -> LatticeFacts:
    analysis = release_mapping.analysis_of(track.resource)
    facts = release_mapping.map_audio_facts(analysis).lattice if analysis and analysis.final else None
    if facts is None or facts.feature_version != FEATURE_VERSION or not facts.assessed:
        reason = (
            "not measured as traces are now" if facts is None or facts.assessed else f"not assessed ({facts.reason})"
        )
        raise NotVerifiable(f"track {track.position} was {reason}")
    return facts
