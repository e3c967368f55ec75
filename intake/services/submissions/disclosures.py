"""What a label declares about AI: changed in a draft, handed over as version one, and completed when a file asks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import jsonpatch
import jsonpointer
from django.db import transaction

import checks
from checks.model.finding import Finding as FindingValue
from checks.policy import HOLDING, Verdict
from intake.core.states import State
from intake.models import Claim, Finding, Statement, Submission
from intake.models.leased_work import Status
from intake.readers import check_context, release_mapping
from intake.services.checking import artwork, pipeline
from intake.services.review import review_queue
from intake.services.submissions import admission, submission_actions
from intake.services.submissions.declaration_versions import extract_declaration
from intake.services.submissions.transitions import Conflict, record_event

#: The event by which history tells of a new declaration.
DECLARED = "disclosure.declared"

Change = Callable[[dict[str, Any]], dict[str, Any]]


class NothingAsked(Exception):
    """No file asks for a confirmation that is still open."""


def restate_disclosure(submission: Submission, changes: Mapping[str, Any]) -> Submission:
    """Declare anew: ``changes`` has the disclosure of some tracks (by position), and of the cover.

    A draft is changed. What waits for a human because of its declaration gets another version, is judged by it, and
    is concluded by the machine where nothing holds it any more. Saying the same again changes nothing.
    Raises KeyError for a track that is not there, door.Refused, or Conflict in any other state.
    """
    return _declare_anew(submission, lambda release: _apply_disclosure_changes(release, changes), confirmed=False)


def confirm_disclosure(submission: Submission) -> Submission:
    """Declare what the files say, as the findings that hold the submission have filled it in.

    Raises NothingAsked, door.Refused, or Conflict where it does not wait in review.
    """
    if submission.state != State.IN_REVIEW:
        raise Conflict(submission, State.IN_REVIEW)
    questions = [question.patch for question in open_questions(submission)]
    if not questions:
        raise NothingAsked

    def agreed(release: dict[str, Any]) -> dict[str, Any]:
        document = {"release": copy.deepcopy(release)}
        for patch in questions:
            try:
                jsonpatch.apply_patch(document, patch, in_place=True)
            except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
                raise NothingAsked from error  # another answer was first
        return document["release"]

    return _declare_anew(submission, agreed, confirmed=True)


def open_questions(submission: Submission) -> list[Finding]:
    """The findings that hold the submission and bring the declaration that would agree with the file."""
    findings = submission.findings.current().filter(check_run__name="disclosure").order_by("pk")
    rules = admission.current_policy()
    values = release_mapping.map_stored_findings(list(findings), checks.CODES)
    holding = [row for row, value in zip(findings, values, strict=True) if rules.route(value) in HOLDING]
    return list({row.subject: row for row in holding if row.patch}.values())


def _apply_disclosure_changes(release: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(release)
    tracks = {track["position"]: track for track in changed["tracks"]}
    for change in changes.get("tracks") or ():
        tracks[change["position"]]["disclosure"] = change["disclosure"]
    if changes.get("cover") is not None and changed.get("cover"):
        changed["cover"]["contains_ai"] = changes["cover"]["contains_ai"]
    return changed


def _declare_anew(submission: Submission, change: Change, confirmed: bool) -> Submission:
    release = change(submission.metadata)
    if release == submission.metadata:
        if submission.state not in (State.DRAFT, State.IN_REVIEW):
            raise Conflict(submission, State.IN_REVIEW)
        return submission
    if submission.state == State.DRAFT:
        return _redraft_submission(submission, release)
    if submission.state != State.IN_REVIEW:
        raise Conflict(submission, State.IN_REVIEW)
    return _answer_with_declaration(submission, release, confirmed)


def _redraft_submission(submission: Submission, release: dict[str, Any]) -> Submission:
    with transaction.atomic():
        # The row lock keeps ``submit`` out: what is handed over was judged at the door as it is.
        current = Submission.objects.select_for_update().get(pk=submission.pk)
        if current.state != State.DRAFT or current.metadata != submission.metadata:
            raise Conflict(current, State.DRAFT)
        current.metadata = release
        admission.admit_release(current.label, submission_actions.stored_document(current), draft=current)
        current.save(update_fields=["metadata"])
    return current


def _answer_with_declaration(submission: Submission, release: dict[str, Any], confirmed: bool) -> Submission:
    """Another version of the declaration of a submission in review, judged at once."""
    version, actor = submission.statement + 1, submission.label.actor
    before = submission.metadata
    submission.metadata = release
    try:
        admission.admit_release(submission.label, submission_actions.stored_document(submission), draft=submission)
        found = _asked_again(submission)
    finally:
        submission.metadata = before
    with transaction.atomic():
        machines = _only_the_machine_asked(submission)
        data = {"version": version, "confirmed": confirmed}
        record_event(submission, DECLARED, actor, data, metadata=release, statement=version)
        Statement.objects.create(
            submission=submission,
            version=version,
            declared_by=actor,
            content=extract_declaration(release),
            confirmed=confirmed,
        )
        for run in submission.check_runs.filter(name__in=found, status=Status.DONE):
            run.findings.current().update(ended_by=version)
            pipeline.store_check_findings(run, found[run.name])
        review_queue.renew_hold_reasons(submission)
        if machines:
            _conclude_if_free(submission)
    submission.refresh_from_db()
    return submission


def _asked_again(submission: Submission) -> dict[str, list[FindingValue]]:
    """What the checks that listen to a declaration find now, by their names."""
    artwork.measure_submission_artwork(submission)
    delivery = release_mapping.map_submission(submission)
    context = check_context.build_check_context(submission.label, submission, admission.current_policy())
    listening = [check for check in checks.CHECKS if check.hears_declaration]
    return {check.name: list(check.run(delivery, context)) for check in listening}


def _only_the_machine_asked(submission: Submission) -> bool:
    """Whether it waits because of what the machine found, and no person has asked anything since: no moderator opened
    it again, handed it upwards, or proposed to reject it."""
    decision = submission.decision
    asked = submission.escalated_at or submission.proposals.filter(ended_at__isnull=True).exists()
    return decision is not None and decision.actor == decision.MACHINE and not asked


def _conclude_if_free(submission: Submission) -> None:
    """Let the machine conclude where nothing holds the submission any more. In the transaction of the new findings:
    no other code ends checks in review, so that none can be missed."""
    rules = admission.current_policy()
    done = set(submission.check_runs.filter(status=Status.DONE).values_list("name", flat=True))
    missing = sorted(set(rules.mandatory) - done)
    ruling = pipeline.judge_submission(submission, rules, missing)
    if ruling.verdict is not Verdict.REVIEW:
        pipeline.commit_machine_decision(submission, ruling, rules, missing)
        Claim.objects.filter(submission=submission).delete()


def describe_current_declaration(submission: Submission) -> dict[str, Any]:
    """The declaration as it stands, who gave it, and every version before."""
    statements = list(submission.statements.all())
    last = statements[-1] if statements else None
    return {
        "submission": submission.pk,
        "statement_version": last.version if last else None,
        "declared_by": last.declared_by if last else None,
        "declared_at": last.declared_at if last else None,
        "editable": submission.state == State.DRAFT,
        **extract_declaration(submission.metadata),
        "versions": [
            {
                "version": statement.version,
                "declared_at": statement.declared_at,
                "confirmed": statement.confirmed,
                **statement.content,
            }
            for statement in statements
        ],
    }
