"""A moderator's side of a submission: claim it, decide it, reopen it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from checks.finding import Basis, Label, Route
from checks.policy import Verdict
from intake.models import Claim, Decision, Submission
from intake.services import catalogue, door
from intake.services.checking import due_at, label_document
from intake.services.moves import Conflict, move
from intake.states import CLEARED, State

#: A claim ends by itself after this long without a sign of life.
CLAIM = dt.timedelta(minutes=5)

#: The code of a label that a moderator sets.
VERIFIED = "moderator.verified"

#: What each human verdict makes of a submission in review.
STATES = {
    Verdict.APPROVE: State.APPROVED,
    Verdict.LABEL: State.LABELLED,
    Verdict.REJECT: State.REJECTED,
    Verdict.RETURN: State.RETURNED,
}


class Held(Exception):
    """Another moderator holds the submission."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        super().__init__(f"{claim.moderator} holds it until {claim.until:%H:%M:%S} UTC")


class Unfounded(ValueError):
    """A decision without what it needs: a reason, or labels to show."""


def actor(moderator: User) -> str:
    """How history names a moderator."""
    return f"moderator:{moderator.get_username()}"


def claim(submission: Submission, moderator: User) -> Claim:
    """Take or renew the hold on a submission in review. Raises Held, or Conflict when it is not in review."""
    if not Submission.objects.filter(pk=submission.pk, state=State.IN_REVIEW).exists():
        submission.refresh_from_db()
        raise Conflict(submission, State.IN_REVIEW)
    now = timezone.now()
    free = Q(moderator=moderator) | Q(until__lt=now)
    values = {"moderator": moderator, "until": now + CLAIM}
    if not Claim.objects.filter(free, submission=submission).update(**values):
        try:
            with transaction.atomic():
                return Claim.objects.create(submission=submission, **values)
        except IntegrityError:
            raise Held(Claim.objects.select_related("moderator").get(submission=submission)) from None
    return Claim.objects.get(submission=submission)


def release_claim(submission: Submission, moderator: User) -> None:
    """Give the hold back; does nothing where somebody else has it."""
    Claim.objects.filter(submission=submission, moderator=moderator).update(until=timezone.now())


def decide(
    submission: Submission,
    moderator: User,
    verdict: Verdict,
    reason: str,
    note: str = "",
    labels: Sequence[tuple[str, str]] = (),
) -> Decision:
    """Give a human verdict on a submission in review, as the moderator saw it when it was loaded.

    ``reason`` is told to the label, ``note`` stays inside. ``labels`` (key, value) go with a label verdict; what the
    label declared itself keeps that basis, for all others it is the human look. A declaration is never dropped: not by
    an approval, and not by choosing other labels, which can only overrule it key by key.
    Raises Unfounded, Held, or Conflict (somebody decided first).
    """
    if verdict not in STATES:
        raise Unfounded(f"a moderator cannot decide {verdict!s}")
    if not reason.strip():
        raise Unfounded("a decision needs a reason")
    if (verdict is Verdict.LABEL) != bool(labels):
        raise Unfounded("labels go with the verdict 'label', and with no other")
    declared = _declared(submission)
    if verdict is Verdict.APPROVE and declared:
        raise Unfounded("the label declared the use of AI: decide 'label', so that the declaration is carried on")
    if submission.state != State.IN_REVIEW:
        raise Conflict(submission, STATES[verdict])
    now, rules = timezone.now(), door.policy()
    who = actor(moderator)
    chosen = {key for key, _ in labels}
    carried = [pair for pair in declared if pair[0] not in chosen] if labels else []
    decision = Decision(
        verdict=verdict,
        actor=who,
        reasons=[reason.strip()],
        note=note.strip(),
        labels=[
            label_document(Label(*pair, basis), code, who, now)
            for pair in dict.fromkeys([*carried, *labels])
            for basis, code in [declared.get(pair, (Basis.VERIFIED_BY_HUMAN, VERIFIED))]
        ],
        policy_version=rules.version,
        policy_digest=rules.digest,
    )
    with transaction.atomic():
        # Claimed within: whoever comes second waits here, and then hears what was decided and not just by whom.
        claim(submission, moderator)
        move(submission, STATES[verdict], who, None, decision, verdict=verdict, concluded_at=now, due_at=None)
        submission.tracks.update(verdict=verdict)
        Claim.objects.filter(submission=submission).delete()
        if STATES[verdict] in CLEARED:
            catalogue.learn_delivered(submission)
    return decision


def _declared(submission: Submission) -> dict[tuple[str, str], tuple[Basis, str]]:
    """The labels that follow from what the label declared, with their basis and code."""
    rows = submission.findings.filter(route=Route.LABEL).values_list("code", "labels")
    return {(one["key"], one["value"]): (Basis(one["basis"]), code) for code, labels in rows for one in labels}


def reopen(submission: Submission, moderator: User, reason: str) -> None:
    """Put a concluded submission before a human again. Raises Unfounded without a reason, or Conflict."""
    if not reason.strip():
        raise Unfounded("reopening needs a reason")
    now, rules = timezone.now(), door.policy()
    decision = Decision(
        verdict=Verdict.REVIEW,
        actor=actor(moderator),
        reasons=[reason.strip()],
        policy_version=rules.version,
        policy_digest=rules.digest,
    )
    move(
        submission,
        State.IN_REVIEW,
        actor(moderator),
        None,
        decision,
        verdict=Verdict.REVIEW,
        concluded_at=None,
        due_at=due_at(submission, rules, now),
    )
