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
    submission_actions.start(submission_id)


@shared_task(name="intake.analyse")
def analyse(sha256: str) -> None:
    pipeline.analyse(sha256)


@shared_task(name="intake.run_check")
def run_check(run_id: str) -> None:
    pipeline.run_check(run_id)


@shared_task(name="intake.conclude")
def conclude(submission_id: str) -> None:
    pipeline.conclude(submission_id)


@shared_task(name="intake.carry_on")
def carry_on(submission_id: str) -> None:
    partial_acceptance.carry_on(submission_id)


@shared_task(name="intake.portray")
def portray(submission_id: str) -> None:
    waveforms.prepare(Submission.objects.get(pk=submission_id))


@shared_task(name="intake.index")
def index() -> None:
    index_log.follow()


@shared_task(name="intake.mark")
def mark(marked_file_id: str) -> None:
    signed_copies.mark(marked_file_id)


@shared_task(name="intake.sweep")
def sweep_() -> None:
    reaper.sweep()


@shared_task(name="intake.tidy")
def tidy() -> None:
    reaper.tidy()


@shared_task(name="intake.pump")
def pump() -> None:
    webhook_delivery.pump()


@shared_task(name="intake.deliver")
def deliver(delivery_id: str) -> None:
    webhook_delivery.attempt(delivery_id)


@shared_task(name="intake.try_policy")
def try_policy(trial_id: str) -> None:
    policy_versions.run_trial(trial_id)
