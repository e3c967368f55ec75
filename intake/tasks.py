"""Celery's door: load nothing, decide nothing, call one service."""

from celery import shared_task

from intake.models import Submission
from intake.services.catalogue import index_log
from intake.services.checking import pipeline
from intake.services.operations import reaper
from intake.services.policy import policy_versions
from intake.services.provenance import signed_copies, waveforms
from intake.services.review import partial_acceptance
from intake.services.submissions import submission_actions
from intake.services.webhooks import webhook_delivery


@shared_task(name="intake.start")
def start(submission_id: str) -> None:
    submission_actions.start_checking(submission_id)


@shared_task(name="intake.analyse")
def analyse(sha256: str) -> None:
    pipeline.analyse_audio_file(sha256)


@shared_task(name="intake.run_check")
def run_check(run_id: str) -> None:
    pipeline.run_check(run_id)


@shared_task(name="intake.conclude")
def conclude(submission_id: str) -> None:
    pipeline.conclude_submission(submission_id)


@shared_task(name="intake.carry_on")
def carry_on(submission_id: str) -> None:
    partial_acceptance.carry_on(submission_id)


@shared_task(name="intake.portray")
def portray(submission_id: str) -> None:
    waveforms.prepare_waveforms(Submission.objects.get(pk=submission_id))


@shared_task(name="intake.index")
def index() -> None:
    index_log.follow_log()


@shared_task(name="intake.mark")
def mark(marked_file_id: str) -> None:
    signed_copies.sign_copy(marked_file_id)


@shared_task(name="intake.sweep")
def sweep_() -> None:
    reaper.enqueue_lost_work()


@shared_task(name="intake.tidy")
def tidy() -> None:
    reaper.run_housekeeping()


@shared_task(name="intake.pump")
def pump() -> None:
    webhook_delivery.dispatch_due_deliveries()


@shared_task(name="intake.deliver")
def deliver(delivery_id: str) -> None:
    webhook_delivery.attempt_delivery(delivery_id)


@shared_task(name="intake.try_policy")
def try_policy(trial_id: str) -> None:
    policy_versions.run_trial(trial_id)
