"""Submissions in review, for tests of the desk: moved by the services, with findings written as a check would."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from django.utils import timezone

from checks.model.finding import Route, Severity
from checks.policy import Ruling, Verdict
from intake.core.states import State
from intake.models import Analysis, CheckRun, Finding, Label, Resource, Submission
from intake.models.leased_work import Status
from intake.services.checking import pipeline
from intake.services.submissions import admission
from intake.services.submissions.transitions import transition_submission
from tests.intake.factories import a_document, a_label, a_submission

_numbers = itertools.count(1)


def a_finding(**changes: Any) -> dict[str, Any]:
    """A protected name imitated, unless said otherwise."""
    ordinary: dict[str, Any] = {
        "code": "artist.lookalike",
        "severity": Severity.CRITICAL,
        "route": Route.REVIEW,
        "subject": "release",
        "message": "The name looks like a protected artist's.",
        "evidence": {"protected": "Nora Castellane", "delivered": "Nora Castellanе"},
    }
    return ordinary | changes


def in_review(
    *findings: dict[str, Any],
    title: str = "Low Tide",
    label: Label | None = None,
    due: dt.timedelta = dt.timedelta(hours=24),
    **release: Any,
) -> Submission:
    """A submission that waits for a moderator because of these findings (one, where none are given)."""
    document = a_document(title, next(_numbers), **release)
    submission = a_submission(label or _label(), document)
    transition_submission(submission, State.CHECKING, "gate")
    told = findings or (a_finding(),)
    runs = {
        name: CheckRun.objects.create(
            submission=submission, name=name, version=1, needs_audio=False, status=Status.DONE
        )
        for name in dict.fromkeys(element["code"].partition(".")[0] for element in told)
    }
    for item in told:
        Finding.objects.create(submission=submission, check_run=runs[item["code"].partition(".")[0]], **item)
    codes = tuple(dict.fromkeys(entry["code"] for entry in told))
    rules = admission.current_policy()
    pipeline.commit_machine_decision(submission, Ruling(Verdict.REVIEW, codes, (), {}), rules, ())
    Submission.objects.filter(pk=submission.pk).update(due_at=timezone.now() + due)
    submission.refresh_from_db()
    return submission


def measured(submission: Submission, **facts: Any) -> None:
    """Every audio file of it, as measured."""
    for resource in submission.resources.filter(kind=Resource.Kind.AUDIO):
        Analysis.objects.create(
            blob_id=resource.blob_id,
            name=resource.name,
            status=Status.DONE,
            facts={"duration": 100.0, "codec": "flac"} | facts,
        )


def _label() -> Label:
    return Label.objects.filter(name="Harbour Records").first() or a_label()
