"""One bad track need not sink the release: the label takes the part that may go out, as a submission of its own."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from checks.model.finding import Route
from checks.policy import Verdict
from intake.core.states import State
from intake.models import Blob, Decision, KeyUse, Submission
from intake.services.catalogue import known_recordings
from intake.services.review import decisions
from intake.services.submissions import admission, submission_actions
from intake.services.submissions.transitions import Conflict, transition_submission

log = structlog.get_logger(__name__)


class NothingOffered(Exception):
    """There is no partial release to accept; says why."""


def find_partial_offer(submission: Submission) -> Decision | None:
    """The standing decision, where it offers a part of the release."""
    standing = submission.decision
    return standing if standing and standing.offer and submission.state == State.RETURNED else None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A part that the door has let in, and the decision that offers it."""

    offered: Decision
    document: dict[str, Any]
    files: Mapping[str, Blob]


def accept_partial_release(submission: Submission) -> Submission:
    """Take the part of a returned release that may go out. Raises NothingOffered or door.Refused."""
    return create_partial_submission(submission, admit_partial_release(submission))


def admit_partial_release(submission: Submission) -> Admitted:
    """Judge the part at the door, outside any transaction: the same document without the other tracks, and its files.

    Raises NothingOffered, or door.Refused where it cannot stand alone.
    """
    standing = find_partial_offer(submission)
    if standing is None:
        raise NothingOffered("no part of this release is offered")
    document = build_partial_document(submission, standing.offer["tracks"])
    stored = {resource.name: resource.blob for resource in submission.resources.select_related("blob") if resource.blob}
    files = {name: stored[name] for name in admission.named_files(document)}
    admission.admit_release(submission.label, document, {name: blob.delivered for name, blob in files.items()})
    return Admitted(standing, document, files)


def create_partial_submission(submission: Submission, admitted: Admitted) -> Submission:
    """Make a submission of an admitted part; it supersedes the whole, and is checked like any other.

    Raises NothingOffered where the offer no longer stands, or was taken.
    """
    with transaction.atomic():
        # The row's lock: a moderator who takes the decision back at this moment comes before, or is told so.
        current = Submission.objects.select_for_update().get(pk=submission.pk)
        if find_partial_offer(current) != admitted.offered:
            raise NothingOffered("the decision that offered it was taken back")
        if Submission.objects.filter(accepts=admitted.offered).exists():
            raise NothingOffered("it has been accepted already")
        taken = submission_actions.take_in(submission.label, admitted.document, admitted.files)
        Submission.objects.filter(pk=taken.pk).update(accepts=admitted.offered)
        uses = KeyUse.objects.filter(submission=submission)
        KeyUse.objects.bulk_create(KeyUse(key_id=use.key_id, submission=taken) for use in uses)
    taken.refresh_from_db()
    return taken


def build_partial_document(submission: Submission, positions: Sequence[int]) -> dict[str, Any]:
    """The delivery document of some tracks of a release, numbered anew."""
    release = copy.deepcopy(submission.metadata)
    release["tracks"] = [
        {**track, "position": number}
        for number, track in enumerate(
            (track for track in release["tracks"] if track["position"] in positions), start=1
        )
    ]
    if len(release["tracks"]) == 1:
        release["type"] = "single"
    declared = submission_actions.declared_files(submission)
    document: dict[str, Any] = {"release": release, "files": {}, "supersedes": str(submission.pk)}
    document["files"] = {name: declared[name] for name in admission.named_files(document) if name in declared}
    return document


def carry_on(submission_id: str | uuid.UUID) -> None:
    """Let the moderator's verdict hold for the part that the label accepted, once it is checked.

    Only where nothing holds it that the moderator has not seen on the whole release; else it waits for a person like
    any other. May be called twice, or too late.
    """
    submission = Submission.objects.select_related("label", "accepts__submission").get(pk=submission_id)
    given, standing = submission.accepts, submission.decision
    if given is None or submission.state != State.IN_REVIEW or not standing or standing.actor != Decision.MACHINE:
        return
    if news := held_anew(submission, given):
        log.info("partial.held_anew", submission=str(submission.pk), codes=news)
        return
    labels = given.offer["labels"]
    verdict = Verdict.LABEL if labels else Verdict.APPROVE
    now, rules = timezone.now(), admission.current_policy()
    decision = Decision(
        verdict=verdict,
        actor=given.actor,
        moderator_id=given.moderator_id,
        seconded_by=given.seconded_by,
        second_moderator_id=given.second_moderator_id,
        reasons=given.reasons,
        language=given.language,
        labels=labels,
        carries_on=given,
        policy_version=rules.version,
        policy_digest=rules.digest,
    )
    try:
        with transaction.atomic():
            transition_submission(
                submission,
                decisions.STATES[verdict],
                given.actor,
                {"carries_on": str(given.pk)},
                decision,
                verdict=verdict,
                concluded_at=now,
                due_at=None,
            )
            for track, position in zip(submission.tracks.all(), given.offer["tracks"], strict=True):
                judged = given.tracks.get(str(position), str(verdict))
                submission.tracks.filter(pk=track.pk).update(verdict=judged)
            known_recordings.learn_delivered(submission)
    except Conflict:
        log.info("somebody decided first", submission=str(submission.pk))


def held_anew(submission: Submission, given: Decision) -> list[str]:
    """Codes of the findings that hold a part and were not on the whole release when the moderator decided."""
    was = dict(enumerate(given.offer["tracks"], start=1))
    seen = {_finding_identity(finding, {}) for finding in _holding_findings(given.submission)}
    return sorted(item.code for item in _holding_findings(submission) if _finding_identity(item, was) not in seen)


def _holding_findings(submission: Submission) -> Any:
    return submission.findings.current().filter(route__in=(Route.REVIEW, Route.BLOCK)).select_related("check_run")


def _finding_identity(finding: Any, was: Mapping[int, int]) -> tuple[Any, ...]:
    """What makes two findings the same one; ``was`` gives the position that a track had before."""
    kind, _, number = finding.subject.partition(":")
    subject = f"track:{was.get(int(number), number)}" if kind == "track" and number.isdigit() else finding.subject
    return (finding.check_run.name, finding.check_run.version, finding.code, subject, repr(finding.measured))
