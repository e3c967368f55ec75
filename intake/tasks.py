"""Celery's door: load nothing, decide nothing, call one service."""

from celery import shared_task

from intake.models import Submission
from intake.services import checking, deliveries, indexing, marking, partial, policies, portraits, submissions, sweep


@shared_task(name="intake.start")
def start(submission_id: str) -> None:
    submissions.start(submission_id)


@shared_task(name="intake.analyse")
def analyse(sha256: str) -> None:
    checking.analyse(sha256)


@shared_task(name="intake.run_check")
def run_check(run_id: str) -> None:
    checking.run_check(run_id)


@shared_task(name="intake.conclude")
def conclude(submission_id: str) -> None:
    checking.conclude(submission_id)


@shared_task(name="intake.carry_on")
def carry_on(submission_id: str) -> None:
    partial.carry_on(submission_id)


@shared_task(name="intake.portray")
def portray(submission_id: str) -> None:
    portraits.prepare(Submission.objects.get(pk=submission_id))


@shared_task(name="intake.index")
def index() -> None:
    indexing.follow()


@shared_task(name="intake.mark")
def mark(marked_file_id: str) -> None:
    marking.mark(marked_file_id)


@shared_task(name="intake.sweep")
def sweep_() -> None:
    sweep.sweep()


@shared_task(name="intake.tidy")
def tidy() -> None:
    sweep.tidy()


@shared_task(name="intake.pump")
def pump() -> None:
    deliveries.pump()


@shared_task(name="intake.deliver")
def deliver(delivery_id: str) -> None:
    deliveries.attempt(delivery_id)


@shared_task(name="intake.try_policy")
def try_policy(trial_id: str) -> None:
    policies.run_trial(trial_id)
