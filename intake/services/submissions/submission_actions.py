"""A label's side of a submission: open a draft, send files, hand it over, take it back."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

import checks
from checks.analysis import ANALYSIS_VERSION
from checks.analysis.artefact_lines import OFF
from checks.model.finding import Finding
from checks.policy import LATTICE
from checks.rules.delivered_files import DeliveredFile, find_mismatch
from intake.core import enqueue
from intake.core.states import TRANSITIONS, State
from intake.models import Analysis, Appeal, Blob, CheckRun, Label, Proposal, Resource, Submission, Track
from intake.models.leased_work import Status
from intake.services.checking import artwork
from intake.services.registry import protected_artists
from intake.services.storage import uploads
from intake.services.storage.blobs import Incoming
from intake.services.submissions import admission, declaration_versions
from intake.services.submissions.transitions import Conflict, transition_submission, write_first_event
from intake.services.work import dispatch


class FileUnknown(LookupError):
    """The release names no such file."""


class FileRefused(ValueError):
    """A file is not the declared one, or no partner takes it as a cover."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.message)


def submit_delivery(label: Label, document: Mapping[str, Any], files: Mapping[str, Blob]) -> Submission:
    """Take in a whole delivery: document and files in one.

    Raises door.Refused where the release is at fault; nothing is stored then.
    """
    admission.admit_release(label, document, {name: blob.delivered for name, blob in files.items()})
    return take_in(label, document, files)


def take_in(label: Label, document: Mapping[str, Any], files: Mapping[str, Blob]) -> Submission:
    """Store a whole delivery that ``door.admit`` has let in."""
    with transaction.atomic():
        submission = _create_submission(label, document, State.RECEIVED, files)
        declaration_versions.begin_declaration_history(submission)
    enqueue.enqueue_task("intake.start", str(submission.pk))
    return submission


def open_draft(label: Label, document: Mapping[str, Any]) -> Submission:
    """Open a draft; its files come later. Raises door.Refused where the release is at fault."""
    admission.admit_release(label, document)
    return store_draft(label, document)


def store_draft(label: Label, document: Mapping[str, Any]) -> Submission:
    """Store a draft that ``door.admit`` has let in."""
    with transaction.atomic():
        return _create_submission(label, document, State.DRAFT, {})


def put_file(submission: Submission, name: str, blob: Blob) -> Resource:
    """Attach one file to a draft; sending it again replaces it.

    Raises FileUnknown, FileRefused (against the SHA-256 and size that the document declares), or Conflict once handed
    over.
    """
    with transaction.atomic():
        # The row lock keeps ``submit`` out: a file is either in the delivery, or refused.
        current = Submission.objects.select_for_update().get(pk=submission.pk)
        resource = current.resources.filter(name=name).first()
        if resource is None:
            raise FileUnknown(name)
        if current.state != State.DRAFT:
            raise Conflict(current, State.DRAFT)
        if mismatch := find_mismatch(name, resource.declared, blob.delivered):
            raise FileRefused(mismatch)
        resource.blob = blob
        resource.save(update_fields=["blob"])
    return resource


def attach_file(submission: Submission, resource: Resource, incoming: Incoming) -> None:
    """Attach a file that has arrived whole to a draft.

    Raises FileRefused, and nothing of it is kept; FileUnknown, or Conflict.
    """
    incoming.finish()
    if refused := _find_refusal(resource, incoming.delivered):
        incoming.discard()
        raise FileRefused(refused)
    put_file(submission, resource.name, incoming.keep())


def _find_refusal(resource: Resource, delivered: DeliveredFile) -> Finding | None:
    """Why a file cannot be attached: the most telling of its findings that block; None where it can."""
    if mismatch := find_mismatch(resource.name, resource.declared, delivered):
        return mismatch
    if resource.kind != Resource.Kind.COVER:
        return None
    return next(iter(admission.select_blocking_findings(artwork.judge_before_storing(resource.name, delivered))), None)


def attach_finished_uploads(submission: Submission) -> None:
    """Attach each upload of a draft that is complete and was not attached.

    Its last request was killed, or the client stated no length, and the SHA-256 that the release declares is the only
    sign of its end. Raises uploads.Held where a request is still sending one.
    """
    for resource in submission.resources.filter(blob__isnull=True) if submission.state == State.DRAFT else ():
        if uploads.has_partial_upload(submission, resource.name):
            with uploads.hold_upload(submission, resource.name) as upload:
                if upload.is_complete(resource.declared):
                    attach_file(submission, resource, upload.taken())


def missing_files(submission: Submission) -> list[str]:
    """Names of the files that a draft still waits for."""
    return list(submission.resources.filter(blob__isnull=True).order_by("name").values_list("name", flat=True))


def submit_draft(submission: Submission) -> Submission:
    """Hand a draft over, with all its files.

    Raises FilesMissing, door.Refused (the world may have changed since it was opened), or Conflict.
    """
    with transaction.atomic():
        current = Submission.objects.select_for_update().get(pk=submission.pk)
        if current.state != State.DRAFT:
            raise Conflict(current, State.RECEIVED)
        if missing := missing_files(current):
            raise FilesMissing(missing)
        resources = current.resources.select_related("blob")
        delivered = {resource.name: resource.blob.delivered for resource in resources if resource.blob}
        admission.admit_release(current.label, stored_document(current), delivered, current)
        now = timezone.now()
        transition_submission(current, State.RECEIVED, current.label.actor, received_at=now, rung_at=now)
        declaration_versions.begin_declaration_history(current)
    enqueue.enqueue_task("intake.start", str(current.pk))
    return current


class FilesMissing(Exception):
    """Files missing."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(", ".join(names))


def withdraw_submission(submission: Submission, exactly: bool = False) -> Submission:
    """Take a submission back before it is decided. Raises Conflict afterwards.

    With ``exactly`` it must still stand where ``submission`` was loaded; without, a move of the gate's own in between
    (begun, sent to review) takes nothing from the label's right.
    """
    while True:
        try:
            with transaction.atomic():
                transition_submission(
                    submission, State.WITHDRAWN, submission.label.actor, due_at=None, concluded_at=timezone.now()
                )
                submission.check_runs.open().update(status=Status.DEAD, error="withdrawn", finished_at=timezone.now())
                _close_what_waited(submission)
        except Conflict:  # which has loaded the submission anew
            if exactly or State.WITHDRAWN not in TRANSITIONS[State(submission.state)]:
                raise
        else:
            return submission


def _close_what_waited(submission: Submission) -> None:
    """An appeal and a proposed rejection end with the submission that they are about."""
    now = timezone.now()
    submission.appeals.open().update(decided_at=now, outcome=Appeal.Outcome.WITHDRAWN)
    waiting = submission.proposals.filter(ended_at__isnull=True)
    waiting.update(ended_at=now, outcome=Proposal.Outcome.OVERTAKEN, ended_by=submission.label.actor)


def start_checking(submission_id: str | uuid.UUID) -> None:
    """Lay out the work on a received submission: its checks, and the measuring of files not yet measured."""
    submission = Submission.objects.get(pk=submission_id)
    try:
        with transaction.atomic():
            transition_submission(submission, State.CHECKING, "gate", rung_at=None, enqueue_count=0)
            _lay_out(submission)
    except Conflict:
        return  # begun already, or withdrawn
    _dispatch_first_work(submission)


def _lay_out(submission: Submission) -> None:
    rules = admission.current_policy()
    CheckRun.objects.bulk_create(
        CheckRun(submission=submission, name=check.name, version=check.version, needs_audio=check.needs_audio)
        for check in checks.CHECKS
        if rules.asks(check.name)
    )
    resources = submission.resources.filter(kind=Resource.Kind.AUDIO)
    audio = {resource.blob_id: resource.name for resource in resources if resource.blob_id}
    # What was measured with other instruments, or given up, gets another try with the new delivery.
    stale = Q(status=Status.DONE) & ~Q(version=ANALYSIS_VERSION) | Q(status=Status.DEAD)
    if rules.asks(LATTICE):  # measured while it was off
        stale |= Q(status=Status.DONE, facts__lattice__reason=OFF)
    again: dict[str, Any] = {"status": Status.PENDING, "attempts": 0, "facts": None, "rung_at": None}
    Analysis.objects.filter(stale, blob__in=audio).update(**again)
    Analysis.objects.bulk_create(
        [Analysis(blob_id=sha256, name=name) for sha256, name in audio.items()], ignore_conflicts=True
    )


def _dispatch_first_work(submission: Submission) -> None:
    """Enqueue the first work on a submission: to measure its files, and the checks that need none of them.

    A file that another submission has brought too is in the queue already. The checks that need the files follow when
    the last of them is measured (``checking.advance``).
    """
    delivered = submission.resources.filter(blob__isnull=False).values("blob")
    dispatch.send_work_messages("intake.analyse", Analysis.objects.filter(status=Status.PENDING, blob__in=delivered))
    runs = CheckRun.objects.filter(status=Status.PENDING, submission=submission)
    dispatch.send_work_messages("intake.run_check", runs.measured())


def _create_submission(
    label: Label, document: Mapping[str, Any], state: State, files: Mapping[str, Blob]
) -> Submission:
    release = document["release"]
    received_at = timezone.now() if state is State.RECEIVED else None
    submission = Submission(
        label=label,
        state=state,
        metadata=protected_artists.without_keys(release),
        title=release["title"][:500],
        artist=_join_artist_names(release),
        upc=(release.get("upc") or "")[:14],
        release_date=_date_or_none(release.get("release_date")),
        supersedes=admission.find_superseded_submission(label, document),
        received_at=received_at,
        rung_at=received_at,  # the entry point enqueues ``intake.start``
    )
    write_first_event(submission, label.actor)
    protected_artists.present_keys(submission, release)
    kinds = {track["file"]: Resource.Kind.AUDIO for track in release["tracks"]}
    cover = (release.get("cover") or {}).get("file")
    resources = {
        name: Resource(
            submission=submission,
            name=name,
            kind=kinds.get(name, Resource.Kind.COVER if name == cover else Resource.Kind.DOCUMENT),
            declared_sha256=declared.sha256,
            declared_size=declared.size,
            blob=files.get(name),
        )
        for name, declared in admission.named_files(document).items()
    }
    Resource.objects.bulk_create(resources.values())
    Track.objects.bulk_create(
        Track(
            submission=submission,
            position=track["position"],
            title=track["title"][:500],
            artist=_join_artist_names(track),
            isrc=(track.get("isrc") or "")[:12],
            resource=resources[track["file"]],
        )
        for track in release["tracks"]
    )
    return submission


def stored_document(submission: Submission) -> dict[str, Any]:
    """The delivery document as it stands."""
    return {
        "release": submission.metadata,
        "files": declared_files(submission),
        "supersedes": str(submission.supersedes_id) if submission.supersedes_id else None,
    }


def declared_files(submission: Submission) -> dict[str, dict[str, Any]]:
    """What a submission declared about its files, by name, as the delivery document says it."""
    return {resource.name: resource.declared._asdict() for resource in submission.resources.all()}


def _join_artist_names(entity: Mapping[str, Any]) -> str:
    return ", ".join(artist["name"] for artist in entity.get("display_artists") or ())[:500]


def _date_or_none(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
