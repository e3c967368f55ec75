"""The gate's own work on a submission: measure its files, put the checks to it, conclude."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils import timezone

import checks
from checks.analysis import ANALYSIS_VERSION, default_analyser, facts_to_json
from checks.fingerprint.index import Damaged
from checks.fingerprint.store import Behind
from checks.model.check import CHECK_FAILED, PARTIAL_ACCEPTED, Check
from checks.model.finding import Finding as FindingValue
from checks.policy import LATTICE, Policy, Ruling, Verdict, judge_findings
from checks.rules.similarity import recording_matches
from intake.core import enqueue
from intake.core.states import State
from intake.models import Analysis, CheckRun, Decision, Finding, Picture, Submission
from intake.models.leased_work import Status, WorkQuerySet
from intake.readers import check_context, release_mapping
from intake.services.catalogue import index_log, known_recordings
from intake.services.checking import artwork, cross_label
from intake.services.operations import self_tests
from intake.services.registry import protected_artists
from intake.services.storage import blobs
from intake.services.submissions import admission
from intake.services.submissions.transitions import Conflict, transition_submission
from intake.services.work import dispatch

log = structlog.get_logger(__name__)

#: A worker that has not renewed a lease for so long has died; what takes longer is renewed meanwhile.
LEASE = dt.timedelta(seconds=30)
#: A piece of work that failed this often, or killed its worker this often, is given up: a human looks.
MAX_ATTEMPTS = 3

#: What each machine verdict makes of a submission.
STATES = {Verdict.APPROVE: State.APPROVED, Verdict.LABEL: State.LABELLED, Verdict.REVIEW: State.IN_REVIEW}


def analyse_audio_file(sha256: str) -> None:
    """Measure a file once, and enqueue the checks that waited for it."""
    analysis = Analysis.objects.select_related("blob").get(pk=sha256)
    if not analysis.final and not _given_up(analysis):
        token = Analysis.objects.claim(sha256, LEASE)
        if token is None or not _measure_claimed_file(analysis, token):
            return  # another worker has it, or the reaper will enqueue it again
    enqueue_waiting_checks(sha256)


def _measure_claimed_file(analysis: Analysis, token: uuid.UUID) -> bool:
    """Measure a claimed file; returns whether that has ended, for good or for bad."""
    with _renew_lease(Analysis.objects.all(), analysis.pk, token):
        try:
            if cause := self_tests.broken_here("sound"):
                raise self_tests.KnownBroken(cause)  # noqa: TRY301 - given back like what fails
            with blobs.local_copy(analysis.blob) as path:
                left_out: dict[str, Any] = {} if admission.current_policy().asks(LATTICE) else {"lattice": False}
                facts = default_analyser().analyse(path, analysis.pk, **left_out)
        except self_tests.KnownBroken as error:
            return self_tests.give_back(Analysis.objects.all(), analysis.pk, token, error, MAX_ATTEMPTS)
        except Exception as error:
            log.exception("analysis failed", sha256=analysis.pk)
            return self_tests.give_back(Analysis.objects.all(), analysis.pk, token, error, MAX_ATTEMPTS)
    self_tests.note_success()
    Picture.objects.update_or_create(analysis=analysis, defaults={"content": facts.picture})  # before anyone asks
    return Analysis.objects.finish(
        analysis.pk,
        token,
        version=ANALYSIS_VERSION,
        facts=facts_to_json(facts),
        fingerprint=facts.fingerprint,
        error=facts.error or "",
    )


@contextlib.contextmanager
def _renew_lease(rows: WorkQuerySet, pk: object, token: uuid.UUID) -> Iterator[None]:
    """Renew the lease of what takes long. The renewing thread dies with its process, as it must."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE.total_seconds() / 3):
            rows.renew(pk, token, LEASE)
        connection.close()

    keeper = threading.Thread(target=renew, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def enqueue_waiting_checks(sha256: str) -> None:
    """Enqueue the checks of every submission with this one as its last file to be measured."""
    delivered = Submission.objects.filter(state=State.CHECKING, resources__blob_id=sha256)
    runs = CheckRun.objects.filter(status=Status.PENDING, needs_audio=True, submission__in=delivered)
    dispatch.send_work_messages("intake.run_check", runs.measured())


def run_check(run_id: str | uuid.UUID) -> None:
    """Put one check to one submission, store what it finds, and then conclude where it was the last."""
    run = CheckRun.objects.select_related("submission__label").get(pk=run_id)
    submission = run.submission
    if submission.state != State.CHECKING:
        return
    if not run.final and not _given_up(run):
        if run.needs_audio and _is_being_measured(submission):
            # Another delivery has had a file measured anew. ``advance`` sends the message again when that is done.
            CheckRun.objects.filter(pk=run.pk, status=Status.PENDING).update(rung_at=None)
            return
        token = CheckRun.objects.claim(run.pk, LEASE)
        if token is None:
            return
        _run_claimed_check(run, token)
    conclude_submission(submission.pk)


def conclude_submission(submission_id: str | uuid.UUID) -> None:
    """Judge a submission once all its checks have ended. Runs after the commit that ended the last one."""
    submission = Submission.objects.get(pk=submission_id)
    runs = list(submission.check_runs.all())
    if submission.state != State.CHECKING or not runs or not all(run.final for run in runs):
        return
    rules = admission.current_policy()
    missing = sorted(set(rules.mandatory) - {run.name for run in runs if run.status == Status.DONE})
    try:
        while not _try_to_settle(submission, rules, missing):
            log.info("judged again, for another delivery has come", submission=str(submission.pk))
    except Conflict:
        log.info("somebody concluded first", submission=str(submission.pk))


def _try_to_settle(submission: Submission, rules: Policy, missing: Sequence[str]) -> bool:
    """Judge and move, unless something was found meanwhile by the check of another submission (see ``pending``)."""
    seen = submission.findings.current().count()
    ruling = judge_submission(submission, rules, missing)
    if submission.accepts_id:
        # A person has said already what may go out of this release, and with which labels: that is carried on.
        reasons = ruling.reasons or (PARTIAL_ACCEPTED.id,)
        ruling = replace(ruling, verdict=Verdict.REVIEW, reasons=reasons, labels=())
    with transaction.atomic():
        commit_machine_decision(
            submission, ruling, rules, missing
        )  # from here on its row is ours, and no other process writes findings
        outdated = submission.findings.current().count() != seen
        transaction.set_rollback(outdated)
    if outdated:
        submission.refresh_from_db()
    return not outdated


def judge_submission(submission: Submission, rules: Policy, missing: Sequence[str] = ()) -> Ruling:
    """What a policy says to the findings that are on file."""
    findings = release_mapping.map_stored_findings(list(submission.findings.current()), checks.CODES)
    positions = list(submission.tracks.values_list("position", flat=True))
    return judge_findings(rules, findings, missing, positions)


def commit_machine_decision(submission: Submission, ruling: Ruling, rules: Policy, missing: Sequence[str]) -> None:
    """Write the machine's decision and move the submission. Raises Conflict where another actor was first."""
    now = timezone.now()
    actor = Decision.MACHINE
    decision = Decision(
        verdict=ruling.verdict,
        actor=actor,
        reasons=list(ruling.reasons),
        labels=[label_document(label, code, actor, now) for label, code in ruling.labels],
        policy_version=rules.version,
        policy_digest=rules.digest,
    )
    review = ruling.verdict is Verdict.REVIEW
    with transaction.atomic():
        transition_submission(
            submission,
            STATES[ruling.verdict],
            actor,
            {"checks_missing": list(missing)} if missing else None,
            decision,
            verdict=ruling.verdict,
            concluded_at=None if review else now,
            due_at=due_at(submission, rules, now) if review else None,
            snoozed_until=None,
            rung_at=now if submission.accepts_id else None,
            enqueue_count=0,
        )
        protected_artists.count_uses(submission)
        for verdict in set(ruling.tracks.values()):
            positions = [position for position, given in ruling.tracks.items() if given == verdict]
            submission.tracks.filter(position__in=positions).update(verdict=verdict)
        if not review:
            known_recordings.learn_delivered(submission)
        if submission.accepts_id:
            enqueue.enqueue_task("intake.carry_on", str(submission.pk))


def label_document(label: Any, code: str, actor: str, at: dt.datetime) -> dict[str, Any]:
    """A label as decisions keep it: what, on what basis, from which code, which actor, when."""
    return {
        "key": label.key,
        "value": label.value,
        "basis": str(label.basis),
        "code": code,
        "set_by": actor,
        "set_at": at.isoformat(),
    }


def due_at(submission: Submission, rules: Policy, now: dt.datetime) -> dt.datetime:
    """When a human must have looked: within the policy's hours, and earlier where the release is near."""
    latest = now + dt.timedelta(hours=rules.review_hours)
    if submission.release_date is None:
        return latest
    out = dt.datetime.combine(submission.release_date, dt.time(), dt.UTC)
    return max(now, min(latest, out - dt.timedelta(hours=rules.release_lead_hours)))


@functools.cache
def _find_check(name: str) -> Check:
    return next(check for check in checks.CHECKS if check.name == name)


def _is_being_measured(submission: Submission) -> bool:
    return Analysis.objects.open().filter(blob__resources__submission=submission).exists()


def _run_claimed_check(run: CheckRun, token: uuid.UUID) -> None:
    """Run a claimed check. A fault of ours gives it back; after the last try it is dead, and says so."""
    submission, position = run.submission, None
    try:
        if run.name == recording_matches.CHECK.name:
            cross_label.publish_pending_recordings(submission)
            position = index_log.catch_up_index()  # what was learned a moment ago counts
        if _find_check(run.name).needs_images:
            artwork.measure_submission_artwork(submission)
        delivery = release_mapping.map_submission(submission)
        context = check_context.build_check_context(submission.label, submission, admission.current_policy(), position)
        found = list(_find_check(run.name).run(delivery, context))
        with transaction.atomic():
            if CheckRun.objects.finish(run.pk, token, error=""):
                for cleared in cross_label.store_cross_label_findings(run, found, store_check_findings):
                    _take_back(cleared)
    except (Behind, Damaged) as error:
        # The index of this host says nothing about the sound: another host is asked, or this one a little later.
        log.warning("check.postponed", check=run.name, submission=str(submission.pk), why=str(error))
        CheckRun.objects.postpone(run.pk, token, str(error), index_log.WAIT)
    except Exception as error:
        log.exception("check failed", check=run.name, submission=str(submission.pk))
        with _renew_lease(CheckRun.objects.all(), run.pk, token):
            given_up = self_tests.give_back(CheckRun.objects.all(), run.pk, token, error, MAX_ATTEMPTS)
        if given_up:
            _store_failure(run)


def _take_back(cleared: Submission) -> None:
    """Put a submission before a human that was cleared while another label's delivery of the same sound came in."""
    now, rules = timezone.now(), admission.current_policy()
    decision = Decision(
        verdict=Verdict.REVIEW,
        actor="gate",
        reasons=[recording_matches.PENDING_ELSEWHERE.id],
        policy_version=rules.version,
        policy_digest=rules.digest,
    )
    values: dict[str, Any] = {
        "verdict": Verdict.REVIEW,
        "concluded_at": None,
        "due_at": due_at(cleared, rules, now),
    }
    transition_submission(cleared, State.IN_REVIEW, "gate", None, decision, **values)


def _given_up(work: Analysis | CheckRun) -> bool:
    """Give up work with a lease that ran out on its last try: it kills its workers."""
    expired = work.status == Status.RUNNING and work.lease_until and work.lease_until < timezone.now()
    if not expired or work.attempts < MAX_ATTEMPTS:
        return False
    with transaction.atomic():
        buried = (
            type(work)
            .objects.filter(pk=work.pk, status=Status.RUNNING, lease_token=work.lease_token)
            .update(status=Status.DEAD, error="the worker died", finished_at=timezone.now(), lease_token=None)
        )
        if buried and isinstance(work, CheckRun):
            _store_failure(work)
    work.refresh_from_db()
    return True


def store_check_findings(run: CheckRun, found: Iterable[FindingValue]) -> None:
    """Keep what a check found, with what it asks for under the policy in force."""
    rules = admission.current_policy()
    Finding.objects.bulk_create(
        Finding(
            check_run=run,
            submission_id=run.submission_id,
            code=finding.code.id,
            severity=finding.code.severity,
            subject=finding.subject,
            message=finding.message,
            measured=finding.measured,
            threshold=finding.threshold,
            evidence=finding.evidence,
            fix=finding.fix or "",
            patch=list(finding.patch),
            labels=[{"key": label.key, "value": label.value, "basis": str(label.basis)} for label in finding.labels],
            route=rules.route(finding),
            private=finding.code.private,
        )
        for finding in found
    )


def _store_failure(run: CheckRun) -> None:
    message = f"The check '{run.name}' could not be carried out; a moderator looks instead."
    store_check_findings(run, [FindingValue(CHECK_FAILED, "release", message)])
