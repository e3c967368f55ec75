"""What a rejection leaves behind: the rejected sound, file and ISRC, recognised for as long as the decision stands."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone

from checks.policy import Verdict
from intake.core import enqueue
from intake.core.states import REFUSED, State
from intake.models import Decision, KnownRecording, StayDown, Submission, Track
from intake.services.catalogue import known_recordings
from intake.services.submissions import admission

Kind = StayDown.Kind
Source = KnownRecording.Source

#: Human verdicts that end what an earlier rejection of the same submission left behind.
CONCLUDING = frozenset({Verdict.APPROVE, Verdict.LABEL, Verdict.REJECT, Verdict.RETURN})


def update_stay_downs(submission: Submission, decision: Decision | None) -> None:
    """Bring what stays down in line with the decision that stands; within the transaction that moves the submission.

    A rejection on a ground that stays down is remembered. The next verdict on the same submission, as on appeal, ends
    that. Taking a verdict back undoes both. An appeal that is only open, or was withdrawn, changes nothing.
    """
    entries = StayDown.objects.filter(decision__submission=submission)
    if decision is not None and decision.undoes_id is not None:
        _lift_stay_downs(entries.filter(decision=decision.undoes_id), decision)
        entries.filter(lifted_with=decision.undoes_id).update(lifted_at=None, lifted_by="", lifted_with=None)
    elif decision is not None and decision.verdict in CONCLUDING:
        _lift_stay_downs(entries, decision)
        if decision.verdict == Verdict.REJECT and admission.current_policy().stays_down(decision.code):
            _record_stay_downs(submission, decision)
    _keep_sounds(submission, entries.standing())


def _lift_stay_downs(entries: QuerySet[StayDown], decision: Decision) -> None:
    entries.filter(lifted_at__isnull=True).update(
        lifted_at=timezone.now(), lifted_by=decision.actor, lifted_with=decision
    )


def _record_stay_downs(submission: Submission, decision: Decision) -> None:
    """Write down the sound, file and ISRC of every track."""
    sounds = {track.pk: (track, facts) for track, facts in known_recordings.iterate_comparable_tracks(submission)}
    entries = []
    for track in submission.tracks.select_related("resource"):
        named = {Kind.FILE: track.resource.blob_id, Kind.ISRC: track.isrc}
        entries += [_build_stay_down(track, decision, kind, value) for kind, value in named.items() if value]
        if track.pk in sounds:
            _, facts = sounds[track.pk]
            row = _own_recording_rows(submission).filter(sha256=facts.sha256, isrc=track.isrc).order_by("-pk").first()
            if row is None:  # the label has the same recording here by another submission, or taught it
                row = KnownRecording.objects.create(
                    submission=submission,
                    label=submission.label,
                    owner=submission.label.name,
                    title=track.title,
                    artist=track.artist,
                    isrc=track.isrc,
                    sha256=facts.sha256,
                    duration=facts.duration,
                    fingerprint=facts.fingerprint,
                    source=Source.REJECTED,
                )
            entries.append(_build_stay_down(track, decision, Kind.RECORDING, facts.sha256, row))
    StayDown.objects.bulk_create(entries)


def _build_stay_down(
    track: Track, decision: Decision, kind: Kind, value: str, recording: KnownRecording | None = None
) -> StayDown:
    return StayDown(
        decision=decision,
        ground=decision.code,
        kind=kind,
        value=value,
        title=track.title,
        artist=track.artist,
        recording=recording,
    )


def _own_recording_rows(submission: Submission) -> QuerySet[KnownRecording]:
    """What the submission brought and no other release stands for."""
    return KnownRecording.objects.filter(submission=submission, source__in=(Source.PENDING, Source.REJECTED))


def _keep_sounds(submission: Submission, standing: Iterable[StayDown]) -> None:
    """Keep the sounds that stay down in the catalogue: as rejected ones, or as pending ones while a person looks again.

    The rows stay the same, and so does what the index has of them: there is no moment at which a copy finds nothing.
    """
    wanted = [item.recording_id for item in standing if item.recording_id is not None]
    if not wanted:
        return
    source = Source.REJECTED if State(submission.state) in REFUSED else Source.PENDING
    _own_recording_rows(submission).filter(pk__in=wanted).update(source=source, forgotten_at=None)
    enqueue.enqueue_task("intake.index")  # one that was forgotten long ago has left the index
