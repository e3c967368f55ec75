"""What happens to a submission whose events go out, told in a few words."""

from __future__ import annotations

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Decision, Delivery, Label, Partner, Submission
from intake.services.submissions import transitions

AI_VOCALS = {"key": "ai:vocals", "value": "all", "basis": "declared", "code": "disclosure.declared"}


def received(label: Label) -> Submission:
    """A submission that was just handed over."""
    submission = Submission(label=label, state=State.RECEIVED, metadata={}, title="Low Tide", artist="Mara Lindqvist")
    transitions.write_first_event(submission, label.actor)
    return submission


def clear(submission: Submission, *labels: dict[str, str]) -> None:
    """Let the machine, or a moderator where it lies before one, clear a submission."""
    if submission.state == State.RECEIVED:
        transitions.transition_submission(submission, State.CHECKING, "gate")
    verdict, state = (Verdict.LABEL, State.LABELLED) if labels else (Verdict.APPROVE, State.APPROVED)
    decision = Decision(verdict=verdict, actor="policy", labels=list(labels), policy_version="1", policy_digest="1")
    transitions.transition_submission(submission, state, "policy", None, decision, verdict=verdict)


def reopen(submission: Submission) -> None:
    transitions.transition_submission(submission, State.IN_REVIEW, "moderator:ada")


def sent(owner: Label | Partner) -> list[str]:
    """The types of the events that were posted to an owner's endpoints, in order."""
    endpoints = owner.endpoints.all()
    return list(Delivery.objects.filter(endpoint__in=endpoints).order_by("pk").values_list("type", flat=True))
