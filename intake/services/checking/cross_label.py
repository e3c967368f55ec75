"""What is not decided yet, held against what others deliver meanwhile: both sides are told, in either order.

A submission shows its recordings to the others before it looks for theirs. Of two that come at the same moment at least
one then finds the other, and the finder writes the finding into both. Neither label is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from checks.model import match_description
from checks.model.check import Match, Segment
from checks.model.finding import Finding as FindingValue
from checks.rules.similarity import recording_matches
from intake.core import enqueue
from intake.core.states import CLEARED, State
from intake.models import CheckRun, Decision, Finding, KnownRecording, Resource, Submission, Track
from intake.readers import release_mapping
from intake.services.catalogue import known_recordings
from intake.services.review import review_queue

#: A submission that stands here has recordings that others are compared with, and no decision.
UNDECIDED = (State.RECEIVED, State.CHECKING, State.IN_REVIEW)
CODE = recording_matches.PENDING_ELSEWHERE
Source = KnownRecording.Source


def publish_pending_recordings(submission: Submission) -> None:
    """Have what a submission brings compared with what others deliver, until it is decided.

    What is committed here is found by every question that catches up with the catalogue's log afterwards.
    """
    label = submission.label
    own = KnownRecording.objects.settled().filter(owner=label.name)
    with transaction.atomic():
        # The lock keeps a withdrawal waiting: what it takes out must not be put in afterwards.
        if not Submission.objects.select_for_update().filter(pk=submission.pk, state__in=UNDECIDED).exists():
            return
        for track, facts in known_recordings.iterate_comparable_tracks(submission):
            if not own.filter(sha256=facts.sha256, isrc=track.isrc).exists():
                KnownRecording.objects.pending().get_or_create(
                    submission=submission,
                    sha256=facts.sha256,
                    isrc=track.isrc,
                    defaults={
                        "title": track.title[:500],
                        "artist": track.artist[:500],
                        "owner": label.name,
                        "label": label,
                        "source": Source.PENDING,
                        "duration": facts.duration,
                        "fingerprint": facts.fingerprint,
                    },
                )


def list_other_submissions(found: Iterable[FindingValue]) -> list[uuid.UUID]:
    """The submissions of other labels that these findings speak of, in the order in which they are locked."""
    return sorted(
        {
            uuid.UUID(str(match["submission"]))
            for item in found
            if item.code == CODE
            for match in _list_finding_matches(item)
        }
    )


def retire_pending_recordings(submission: Submission) -> None:
    """Stop comparing with what was withdrawn or refused; within the transaction that moves it.

    What stays down (see ``staydown``) is taken up again in the same transaction.
    """
    rows = KnownRecording.objects.current().filter(submission=submission)
    rows.filter(source=Source.PENDING).update(forgotten_at=timezone.now())
    for row in rows.filter(source=Source.DELIVERED):
        heir = _find_heir_submission(row, submission)
        if heir:  # the label has another cleared release with this very recording
            KnownRecording.objects.filter(pk=row.pk).update(submission=heir)
        else:
            KnownRecording.objects.filter(pk=row.pk).update(source=Source.PENDING, forgotten_at=timezone.now())


def reactivate_pending_recordings(submission: Submission) -> None:
    """The reverse, where a refusal is looked at again; within the transaction that moves it."""
    brought = KnownRecording.objects.filter(submission=submission)
    gone = brought.filter(Q(source=Source.REJECTED) | Q(source=Source.PENDING, forgotten_at__isnull=False))
    last = {(row.sha256, row.isrc): row.pk for row in gone.order_by("pk")}
    brought.filter(pk__in=last.values()).update(source=Source.PENDING, forgotten_at=None)
    enqueue.enqueue_task("intake.index")


def unsettle_recordings(submission: Submission) -> None:
    """What a clearance had settled waits again, where it was taken back; within the transaction that moves it."""
    for row in KnownRecording.objects.current().filter(submission=submission, source=Source.DELIVERED):
        heir = _find_heir_submission(row, submission)
        values: dict[str, Any] = {"submission": heir} if heir else {"source": Source.PENDING}
        KnownRecording.objects.filter(pk=row.pk).update(**values)


def _find_heir_submission(row: KnownRecording, submission: Submission) -> uuid.UUID | None:
    same = Track.objects.filter(resource__blob_id=row.sha256, isrc=row.isrc, submission__label=submission.label_id)
    others = same.filter(submission__state__in=CLEARED).exclude(submission=submission)
    return others.values_list("submission_id", flat=True).first()


def store_cross_label_findings(
    run: CheckRun, found: Sequence[FindingValue], keep: Callable[[CheckRun, Iterable[FindingValue]], None]
) -> list[Submission]:
    """Keep what a check found; what it says of other submissions is written into those too.

    In the caller's transaction. The rows of all sides are locked in one order, so that both may do this at once.
    Returns those that the machine cleared meanwhile: they must be taken back.
    """
    others = list_other_submissions(found)
    if not others:
        keep(run, found)
        return []
    submission = run.submission
    locked = Submission.objects.select_for_update().filter(pk__in=[*others, submission.pk]).order_by("pk")
    standing = {row.pk: row for row in locked}
    cleared = []
    for other in (standing[pk] for pk in others):
        theirs = CheckRun.objects.filter(submission=other, name=recording_matches.CHECK.name).first()
        if theirs is None or other.state not in (*UNDECIDED, *CLEARED):
            continue  # it was withdrawn or refused this very moment
        turned = _turn_findings(other, submission, found)
        new = [item for item in turned if not _is_already_found(other, item.subject, _list_finding_matches(item))]
        keep(theirs, new)
        if other.state == State.IN_REVIEW:
            review_queue.renew_hold_reasons(other)
        if new and other.state in CLEARED and other.decision and other.decision.actor == Decision.MACHINE:
            cleared.append(other)
    keep(
        run,
        [
            entry
            for entry in found
            if entry.code != CODE or not _is_already_found(submission, entry.subject, _list_finding_matches(entry))
        ],
    )
    return cleared


def _turn_findings(other: Submission, submission: Submission, found: Sequence[FindingValue]) -> list[FindingValue]:
    """What was found in ``submission`` about ``other``, as findings of ``other`` about ``submission``."""
    turned = []
    tracks = {track.subject: track for track in release_mapping.map_release_document(submission.metadata).tracks}
    theirs = {track.position: track for track in release_mapping.map_release_document(other.metadata).tracks}
    for item in found:
        for match in _list_finding_matches(item) if item.code == CODE else ():
            if match["submission"] != str(other.pk):
                continue
            row = KnownRecording.objects.get(pk=match["recording"])
            mine = _own_row(submission, tracks[item.subject].file)
            for position in other.tracks.filter(resource__blob_id=row.sha256).values_list("position", flat=True):
                seen = _seen_from(match, mine, submission)
                turned.append(recording_matches.build_match_finding(CODE, theirs[position], row.duration, [seen]))
    return turned


def _own_row(submission: Submission, name: str) -> KnownRecording:
    """The row of one of the submission's own files: its label's, or the operator's."""
    blob = Resource.objects.get(submission=submission, name=name).blob_id
    own = Q(label=submission.label) | Q(owner=submission.label.name)
    rows = KnownRecording.objects.filter(own, sha256=blob).order_by("-pk")
    return rows.filter(submission=submission).first() or rows[0]


def _seen_from(match: dict[str, Any], mine: KnownRecording, submission: Submission) -> Match:
    """A match that is on file, seen from the other side."""
    segments = (Segment(s["start"], s["end"], s["reference_start"], s["reference_end"]) for s in match["segments"])
    kept = {key: match[key] for key in ("score", "bit_error_rate", "speed", "pitch", "certain")}
    kept["deviation"] = match.get("tempo_deviation_ms", 0) / 1000
    identity = {
        "recording": str(mine.pk),
        "title": mine.title,
        "artist": mine.artist,
        "isrc": mine.isrc or None,
        "owner": mine.owner,
        "owner_account": str(mine.label_id),
        "duration": mine.duration,
        "pending": str(submission.pk),
    }
    return match_description.swap_match_sides(Match(**{**kept, **identity}, segments=tuple(segments)), identity)


def _is_already_found(submission: Submission, subject: str, matches: Sequence[dict[str, Any]]) -> bool:
    """Whether this track's finding about the same other submissions is on file."""
    wanted = {match["submission"] for match in matches}
    rows = Finding.objects.current().filter(submission=submission, code=CODE.id, subject=subject)
    kept = {match["submission"] for row in rows for match in (row.evidence or {}).get("matches", [])}
    return wanted <= kept


def _list_finding_matches(finding: FindingValue) -> list[Any]:
    matches = (finding.evidence or {}).get("matches")
    return matches if isinstance(matches, list) else []
