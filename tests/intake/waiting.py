"""Submissions that wait for a moderator, for tests of what moderators do with them; and all that could be changed."""

from __future__ import annotations

import itertools
from typing import Any

from django.apps import apps
from django.core.serializers import serialize
from django.utils import timezone

from checks.model.finding import Route, Severity
from checks.policy import Ruling, Verdict
from intake.core.states import State
from intake.models import ApiKey, CheckRun, Finding, IdempotencyKey, Label, Submission
from intake.models.leased_work import Status
from intake.services.checking import pipeline
from intake.services.submissions import admission
from intake.services.submissions.transitions import transition_submission
from tests.intake.factories import a_document, a_label, a_submission

_numbers = itertools.count(1)

AI_VOCALS = {"key": "ai:vocals", "value": "all", "basis": "declared"}


def found(code: str = "artist.lookalike", subject: str = "release", **changes: Any) -> dict[str, Any]:
    """A finding that holds a release."""
    ordinary = {"severity": Severity.CRITICAL, "route": Route.REVIEW, "message": "Somebody should look."}
    return {"code": code, "subject": subject} | ordinary | changes


def declared(subject: str = "track:1") -> dict[str, Any]:
    """A declaration of machine-made vocals."""
    return found("disclosure.declared", subject, route=Route.LABEL, severity=Severity.INFORMATION, labels=[AI_VOCALS])


def waiting(*findings: dict[str, Any], label: Label | None = None, tracks: int = 1, **release: Any) -> Submission:
    """A submission in review because of these findings (one, where none are given)."""
    number = next(_numbers)
    label = label or Label.objects.filter(name="Harbour Records").first() or a_label()
    submission = a_submission(label, a_document(f"Low Tide {number}", number, tracks, **release))
    transition_submission(submission, State.CHECKING, "gate")
    told = findings or (found(),)
    for name in dict.fromkeys(entry["code"].partition(".")[0] for entry in told):
        run = CheckRun.objects.create(
            submission=submission, name=name, version=1, needs_audio=False, status=Status.DONE
        )
        for item in told:
            if item["code"].partition(".")[0] == name:
                Finding.objects.create(submission=submission, check_run=run, **item)
    holding = tuple(dict.fromkeys(element["code"] for element in told if element["route"] == Route.REVIEW))
    positions = dict.fromkeys(range(1, tracks + 1), Verdict.REVIEW)
    pipeline.commit_machine_decision(
        submission, Ruling(Verdict.REVIEW, holding, (), positions), admission.current_policy(), ()
    )
    submission.refresh_from_db()
    return submission


def everything() -> str:
    """All rows of the app, as one text: what a refusal must leave as it is."""
    # A key says when it was last used, and an answer is kept, whatever was answered.
    models = [item for item in apps.get_app_config("intake").get_models() if item not in (ApiKey, IdempotencyKey)]
    return "".join(serialize("json", model.objects.order_by("pk")) for model in models)


def verdicts(submission: Submission) -> dict[int, str]:
    return dict(submission.tracks.values_list("position", "verdict"))


def due_in(submission: Submission, **by: float) -> None:
    """Due so much later than now."""
    Submission.objects.filter(pk=submission.pk).update(due_at=timezone.now() + timezone.timedelta(**by))
    submission.refresh_from_db()
