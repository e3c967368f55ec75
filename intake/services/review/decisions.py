"""A moderator's verdict on a submission: claim it, decide it, take that back for a moment, open it again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from checks.model.ai_declaration import CONSENTED_VOICE
from checks.model.finding import Basis, Label, Route
from checks.policy import Policy, Verdict
from checks.rules.disclosure import CONSENT_UNVERIFIED
from intake.core.states import CLEARED, State
from intake.models import AcceptedConsent, Appeal, Claim, Decision, Event, Finding, Proposal, Resource, Submission
from intake.models.submissions import SubmissionQuerySet
from intake.services.catalogue import known_recordings
from intake.services.checking import cross_label
from intake.services.checking.pipeline import due_at, label_document
from intake.services.people import access_log, permissions
from intake.services.people.permissions import Action, name_moderator_actor
from intake.services.submissions import admission, transitions
from intake.services.submissions.transitions import Conflict, transition_submission
from intake.services.webhooks import webhook_delivery

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
#: A track that may go out.
GOOD = frozenset({Verdict.APPROVE, Verdict.LABEL})


class ReviewHeldByOther(Exception):
    """Another moderator holds the submission."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        super().__init__(f"{claim.moderator} holds it until {claim.until:%H:%M:%S} UTC")


class InvalidDecision(ValueError):
    """A decision without what it needs: a reason, or labels to show."""


class NotAllowedToDecide(InvalidDecision):
    """This must be decided by another moderator."""


class UndoExpired(Exception):
    """The decision can no longer be taken back: a webhook was sent, or something followed from it."""


@dataclass(frozen=True, slots=True)
class DecisionInput:
    """A human verdict with everything that it says.

    ``reason`` is told to the label, ``note`` stays inside. ``labels`` (key, value) go with a label verdict. ``code``
    is the policy's reason for a rejection. ``tracks`` are the verdicts by position, where tracks differ. ``to_fix`` are
    the findings that the label is asked to mend, and ``language`` is that of the reason.
    """

    verdict: Verdict
    reason: str
    note: str = ""
    labels: Sequence[tuple[str, str]] = ()
    code: str = ""
    tracks: Mapping[int, Verdict] = field(default_factory=dict)
    to_fix: Sequence[int] = ()
    language: str = ""

    def on(self, position: int) -> Verdict:
        """The verdict on one track."""
        return self.tracks.get(position, self.verdict)

    @property
    def labelling(self) -> bool:
        """Whether anything goes out with labels."""
        return Verdict.LABEL in {self.verdict, *self.tracks.values()}


# --- Who has it in hand -------------------------------------------------------------------------------------------


def claim_submission(submission: Submission, moderator: User) -> Claim:
    """Take or renew the hold on a submission in review.

    Raises Held, Conflict when it is not in review, SomebodyElse where this person cannot decide it, or Forbidden.
    """
    permissions.require_permission(moderator, Action.DECIDE)
    current = Submission.objects.filter(pk=submission.pk, state=State.IN_REVIEW).first()
    if current is None:
        submission.refresh_from_db()
        raise Conflict(submission, State.IN_REVIEW)
    _check_turn(current, moderator)
    now = timezone.now()
    free = Q(moderator=moderator) | Q(until__lt=now)
    values = {"moderator": moderator, "until": now + CLAIM}
    if not Claim.objects.filter(free, submission=submission).update(**values):
        try:
            with transaction.atomic():
                return Claim.objects.create(submission=submission, **values)
        except IntegrityError:
            raise ReviewHeldByOther(Claim.objects.select_related("moderator").get(submission=submission)) from None
    return Claim.objects.get(submission=submission)


def release_claim(submission: Submission, moderator: User) -> None:
    """Give the hold back; does nothing where another moderator has it."""
    Claim.objects.filter(submission=submission, moderator=moderator).update(until=timezone.now())


def open_to(moderator: User, now: dt.datetime) -> SubmissionQuerySet:
    """What this person can be handed, most urgent first: unclaimed, not put off, and theirs to decide."""
    waiting = Submission.objects.queue().awake(now).exclude(claim__until__gt=now)
    if not permissions.is_permitted(moderator, Action.DECIDE_ESCALATED):
        waiting = waiting.filter(escalated_at__isnull=True)
    # Asked beforehand: open appeals and proposals are few, and what a person has ever decided is not.
    appealed = list(Appeal.objects.open().values_list("submission_id", flat=True))
    given = Decision.objects.human().filter(given_by(moderator), submission__in=appealed)
    mine = set(given.values_list("submission_id", flat=True)) if appealed else set()
    proposed = Proposal.objects.filter(ended_at__isnull=True, moderator=moderator)
    return waiting.exclude(pk__in=mine.union(proposed.values_list("submission_id", flat=True)))


def _check_turn(submission: Submission, moderator: User) -> None:
    """Raise SomebodyElse where this person may decide in general, and not this."""
    if submission.escalated_at and not permissions.is_permitted(moderator, Action.DECIDE_ESCALATED):
        raise NotAllowedToDecide("it was escalated: a senior moderator decides it")
    if submission.appeals.open().exists() and submission.decisions.human().filter(given_by(moderator)).exists():
        raise NotAllowedToDecide("it is an appeal: somebody who has not decided on it before decides it now")


def given_by(person: User) -> Q:
    """Select the decisions that this person gave or seconded, whatever their name was then.

    Decisions without an account, from before accounts were kept with them, are compared by name.
    """
    name = name_moderator_actor(person)
    first = Q(moderator=person) | Q(moderator__isnull=True, actor=name)
    second = Q(second_moderator=person) | Q(second_moderator__isnull=True, seconded_by=name)
    return first | second


# --- The verdict --------------------------------------------------------------------------------------------------


def decide_submission(
    submission: Submission,
    moderator: User,
    verdict: Verdict,
    reason: str,
    note: str = "",
    labels: Sequence[tuple[str, str]] = (),
    **more: Any,
) -> Decision | Proposal:
    """Give a human verdict on a submission in review, as the moderator saw it when it was loaded.

    The arguments are those of ``Given``. What the label declared itself keeps that basis, for all other labels it is
    the human look. A declaration is never dropped: not by an approval, and not by choosing other labels, which can only
    overrule it key by key. Where the policy asks four eyes for the reason, the first moderator's rejection is a
    proposal, and nothing is decided yet; the same from another moderator seconds it.
    Raises Unfounded, SomebodyElse, Forbidden, Held, or Conflict (another moderator decided first).
    """
    permissions.require_permission(moderator, Action.DECIDE)
    given = DecisionInput(verdict, reason.strip(), note.strip(), tuple(labels), **more)
    rules = admission.current_policy()
    _check_founded(submission, moderator, given, rules)
    if submission.state != State.IN_REVIEW:
        raise Conflict(submission, STATES[verdict])
    ground = rules.reasons.get(given.code)
    if ground and ground.four_eyes:
        waiting = submission.proposals.filter(ended_at__isnull=True).first()
        if waiting is None or waiting.code != given.code or waiting.moderator_id == moderator.pk:
            return _propose_rejection(submission, moderator, given)
        return _second_proposal(submission, moderator, waiting, rules)
    return _give_decision(submission, moderator, given, rules)


def second_rejection(submission: Submission, moderator: User) -> Decision:
    """Agree to a rejection that waits for a second moderator. Raises SomebodyElse for the first one, Unfounded where
    none waits, Forbidden, Held or Conflict."""
    permissions.require_permission(moderator, Action.DECIDE)
    return _second_proposal(submission, moderator, _find_waiting_proposal(submission), admission.current_policy())


def decline_rejection(submission: Submission, moderator: User, why: str) -> Proposal:
    """Do not agree to a rejection that waits; or take one's own back. The submission is in review as before.

    Raises Unfounded without a reason or where none waits, Forbidden, Held or Conflict.
    """
    permissions.require_permission(moderator, Action.DECIDE)
    if not why.strip():
        raise InvalidDecision("say why")
    proposal = _find_waiting_proposal(submission)
    with transaction.atomic():
        claim_submission(submission, moderator)
        transitions.record_event(
            submission, "review.declined", name_moderator_actor(moderator), {"code": proposal.code}
        )
        submission.notes.create(actor=name_moderator_actor(moderator), text=why.strip())
        _end_proposal(submission, Proposal.Outcome.DECLINED, name_moderator_actor(moderator))
    proposal.refresh_from_db()
    return proposal


def _find_waiting_proposal(submission: Submission) -> Proposal:
    proposal = submission.proposals.select_related("moderator").filter(ended_at__isnull=True).first()
    if proposal is None:
        raise InvalidDecision("no rejection waits for a second moderator")
    return proposal


def _propose_rejection(submission: Submission, moderator: User, given: DecisionInput) -> Proposal:
    with transaction.atomic():
        claim_submission(submission, moderator)
        transitions.record_event(submission, "review.proposed", name_moderator_actor(moderator), {"code": given.code})
        _end_proposal(submission, Proposal.Outcome.OVERTAKEN, name_moderator_actor(moderator))
        Claim.objects.filter(submission=submission).delete()
        return Proposal.objects.create(
            submission=submission,
            moderator=moderator,
            code=given.code,
            reason=given.reason,
            note=given.note,
            language=given.language,
        )


def _second_proposal(submission: Submission, moderator: User, proposal: Proposal, rules: Policy) -> Decision:
    if proposal.moderator_id == moderator.pk:
        raise NotAllowedToDecide("a second moderator must agree to this")
    given = DecisionInput(
        Verdict.REJECT, proposal.reason, proposal.note, code=proposal.code, language=proposal.language
    )
    if submission.state != State.IN_REVIEW:
        raise Conflict(submission, State.REJECTED)
    return _give_decision(submission, moderator, given, rules, proposal)


def _end_proposal(submission: Submission, outcome: Proposal.Outcome, who: str) -> None:
    submission.proposals.filter(ended_at__isnull=True).update(ended_at=timezone.now(), outcome=outcome, ended_by=who)


def _give_decision(
    submission: Submission,
    moderator: User,
    given: DecisionInput,
    rules: Policy,
    proposal: Proposal | None = None,
) -> Decision:
    """Write a verdict that is founded, with everything that follows from it."""
    now, who, state = timezone.now(), name_moderator_actor(moderator), STATES[given.verdict]
    decision = _build_human_decision(submission, who, given, rules, now)
    decision.moderator = moderator
    if proposal:
        decision.actor, decision.seconded_by, decision.four_eyes = name_moderator_actor(proposal.moderator), who, True
        decision.moderator, decision.second_moderator = proposal.moderator, moderator
    hold = now + undo_window() if undo_window() else None
    with transaction.atomic():
        # Claimed within: the second caller waits here, and then gets the decision and its actor.
        claim_submission(submission, moderator)
        transition_submission(
            submission,
            state,
            who,
            {"was": _save_undo_state(submission)},
            decision,
            hold=hold,
            verdict=given.verdict,
            concluded_at=now,
            due_at=None,
            snoozed_until=None,
            escalated_at=None,
        )
        _judge_tracks(submission, {track.position: given.on(track.position) for track in submission.tracks.all()})
        Claim.objects.filter(submission=submission).delete()
        _end_proposal(submission, Proposal.Outcome.SECONDED if proposal else Proposal.Outcome.OVERTAKEN, who)
        _answer_appeal(submission, decision, who, hold)
        if state in CLEARED:
            known_recordings.learn_delivered(submission)
            _accept_consents(submission, decision, who, _list_clearable_positions(submission, given))
    return decision


def _save_undo_state(submission: Submission) -> dict[str, Any]:
    """What a decision changes besides the state, so that it can be taken back."""
    return {
        "due_at": submission.due_at.isoformat() if submission.due_at else None,
        "escalated_at": submission.escalated_at.isoformat() if submission.escalated_at else None,
        "tracks": {str(track.position): track.verdict for track in submission.tracks.all()},
    }


def _judge_tracks(submission: Submission, verdicts: Mapping[int, str]) -> None:
    for position, verdict in verdicts.items():
        submission.tracks.filter(position=position).update(verdict=verdict)


def _answer_appeal(submission: Submission, decision: Decision, who: str, hold: dt.datetime | None) -> None:
    """A decision on a submission under appeal decides the appeal."""
    appeal = submission.appeals.open().select_related("against").first()
    if appeal is None:
        return
    same = _summarise_decision(appeal.against) == _summarise_decision(decision)
    outcome = Appeal.Outcome.CONFIRMED if same else Appeal.Outcome.OVERTURNED
    submission.appeals.filter(pk=appeal.pk).update(decided_at=decision.created_at, decision=decision, outcome=outcome)
    data = {"decision": str(decision.pk), "appeal": str(appeal.pk), "outcome": str(outcome)}
    transitions.record_event(submission, "appeal.decided", who, data, hold=hold)


def _summarise_decision(decision: Decision) -> tuple[str, frozenset[tuple[str, str]]]:
    return str(decision.verdict), frozenset((label["key"], label["value"]) for label in decision.labels)


# --- What a verdict needs -----------------------------------------------------------------------------------------


def _check_founded(submission: Submission, moderator: User, given: DecisionInput, rules: Policy) -> None:
    """Raise Unfounded where something is missing, or does not go together."""
    if given.verdict not in STATES:
        raise InvalidDecision(f"a moderator cannot decide {given.verdict!s}")
    if not given.reason:
        raise InvalidDecision("a decision needs a reason")
    if given.labelling != bool(given.labels):
        raise InvalidDecision("labels go with the verdict 'label', and with no other")
    if given.code and given.verdict is not Verdict.REJECT:
        raise InvalidDecision("one of the policy's reasons goes with a rejection, and with nothing else")
    if given.verdict is Verdict.REJECT and rules.reasons and given.code not in rules.reasons:
        raise InvalidDecision(f"a rejection names one of the policy's reasons: {', '.join(rules.reasons)}")
    _check_tracks(submission, given)
    if _list_declared_labels(submission, _list_clearable_positions(submission, given)) and not given.labelling:
        raise InvalidDecision("the label declared the use of AI: decide 'label', so that the declaration is carried on")
    _check_consents_seen(submission, moderator, given)
    if given.to_fix and given.verdict is not Verdict.RETURN:
        raise InvalidDecision("what is to be mended goes with the verdict 'return'")
    known = set(
        Finding.objects.current().told().filter(submission=submission, pk__in=given.to_fix).values_list("pk", flat=True)
    )
    if known != set(given.to_fix):
        raise InvalidDecision("only findings that the label is shown can be asked to be mended")


def _check_consents_seen(submission: Submission, moderator: User, given: DecisionInput) -> None:
    """Raise Unfounded where imitated parts would go out and the moderator has not opened their documents of consent, or
    where the label that says so has no document behind it."""
    waiting = _list_unaccepted_consents(submission, _list_clearable_positions(submission, given))
    if (CONSENTED_VOICE.key, CONSENTED_VOICE.value) in given.labels and not waiting:
        # A document that was accepted before, for the same recording, has its label proposed by the check.
        proposed = {
            label["key"]
            for labels in submission.findings.current().values_list("labels", flat=True)
            for label in labels
        }
        if CONSENTED_VOICE.key not in proposed:
            raise InvalidDecision(
                f"'{CONSENTED_VOICE.key}' needs a delivered document of consent: return the release and ask for it"
            )
    for name in sorted({consent["name"] for consent in waiting}):
        what = access_log.shorten_viewed_name(f"{Resource.Kind.DOCUMENT} {name}")
        if not submission.viewings.filter(viewer=moderator, what=what).exists():
            raise InvalidDecision(f"open the document of consent '{name}' before you let the release out")


def _list_unaccepted_consents(submission: Submission, positions: Sequence[int]) -> list[dict[str, str]]:
    """The delivered documents of consent without an acceptance yet: name, SHA-256, ISRC and element of each."""
    tracks = {f"track:{item.position}": item for item in submission.tracks.all() if item.position in positions}
    rows = submission.findings.current().filter(code=CONSENT_UNVERIFIED.id, subject__in=tracks)
    found = [(tracks[row.subject], row.evidence or {}) for row in rows]
    return [
        {
            "name": evidence["consent"],
            "sha256": evidence["sha256"],
            "isrc": track.isrc,
            "element": evidence["element"],
        }
        for track, evidence in found
        if evidence.get("sha256")
    ]


def _accept_consents(submission: Submission, decision: Decision, who: str, positions: Sequence[int]) -> None:
    """Keep which documents of consent a person has accepted with a decision that lets the release out."""
    AcceptedConsent.objects.bulk_create(
        [
            AcceptedConsent(submission=submission, decision=decision, actor=who, **consent)
            for consent in _list_unaccepted_consents(submission, positions)
        ],
        ignore_conflicts=True,
    )


def _check_tracks(submission: Submission, given: DecisionInput) -> None:
    """Tracks may differ where that leads somewhere: a cleared release goes out whole, a rejected one not at all."""
    if not given.tracks:
        return
    positions = {track.position for track in submission.tracks.all()}
    if strangers := sorted(set(given.tracks) - positions):
        raise InvalidDecision(f"there is no track {strangers[0]}")
    verdicts = {given.on(position) for position in positions}
    allowed = {
        Verdict.APPROVE: {Verdict.APPROVE},
        Verdict.LABEL: GOOD,
        Verdict.REJECT: {Verdict.REJECT},
        Verdict.RETURN: set(STATES),
    }
    if not verdicts <= allowed[given.verdict]:
        raise InvalidDecision(
            f"tracks cannot differ so where the release is to be '{given.verdict}': return it instead"
        )
    if given.verdict is Verdict.RETURN and verdicts <= GOOD:
        raise InvalidDecision("every track may go out: approve or label the release")


def _list_clearable_positions(submission: Submission, given: DecisionInput) -> list[int]:
    """Positions of the tracks that may go out."""
    return [track.position for track in submission.tracks.all() if given.on(track.position) in GOOD]


def _list_declared_labels(submission: Submission, positions: Sequence[int]) -> dict[tuple[str, str], tuple[Basis, str]]:
    """The labels that follow from what the label declared for these tracks, with their basis and code."""
    if not positions:
        return {}
    subjects = {f"track:{position}" for position in positions}
    proposed = Q(route=Route.LABEL) | Q(code=CONSENT_UNVERIFIED.id)  # the latter's go out once a person has looked
    rows = submission.findings.current().filter(proposed).values_list("code", "labels", "subject")
    return {
        (label["key"], label["value"]): (Basis(label["basis"]), VERIFIED if code == CONSENT_UNVERIFIED.id else code)
        for code, labels, subject in rows
        if subject in subjects or not subject.startswith("track:")
        for label in labels
    }


def _build_human_decision(
    submission: Submission, who: str, given: DecisionInput, rules: Policy, now: dt.datetime
) -> Decision:
    good = _list_clearable_positions(submission, given)
    declared = _list_declared_labels(submission, good)
    chosen = {key for key, _ in given.labels}
    carried = [pair for pair in declared if pair[0] not in chosen] if given.labels else []
    labels = [
        label_document(Label(*pair, basis), code, who, now)
        for pair in dict.fromkeys([*carried, *given.labels])
        for basis, code in [declared.get(pair, (Basis.VERIFIED_BY_HUMAN, VERIFIED))]
    ]
    partly = given.verdict is Verdict.RETURN and bool(good)
    return Decision(
        verdict=given.verdict,
        actor=who,
        reasons=[given.reason],
        note=given.note,
        # What goes back has no labels; the part of it that may go out has them in the offer.
        labels=[] if partly else labels,
        offer={"tracks": good, "labels": labels} if partly else {},
        tracks={str(position): str(verdict) for position, verdict in given.tracks.items()},
        to_fix=list(given.to_fix),
        code=given.code,
        language=given.language or submission.label.language,
        policy_version=rules.version,
        policy_digest=rules.digest,
        created_at=now,
    )


# --- Second thoughts ----------------------------------------------------------------------------------------------


def undo_window() -> dt.timedelta:
    """For how long a decision can be taken back."""
    return dt.timedelta(seconds=settings.GATE_UNDO_SECONDS)


def undo_decision(decision: Decision, moderator: User) -> Submission:
    """Take one's own decision back within the moment that there is for it: no webhook was sent, and the submission
    is in review as before, in the same hands. Raises TooLate, SomebodyElse or Forbidden; nothing is changed then."""
    permissions.require_permission(moderator, Action.DECIDE)
    now = timezone.now()
    if not Decision.objects.filter(given_by(moderator), pk=decision.pk).exists():
        raise NotAllowedToDecide("only who decided takes it back; others open it again")
    if decision.verdict not in STATES or now > decision.created_at + undo_window():
        raise UndoExpired("the moment for that has passed")
    with transaction.atomic():
        submission = Submission.objects.select_related("label").get(pk=decision.submission_id)
        events = list(Event.objects.filter(submission=submission, data__decision=str(decision.pk)).order_by("sequence"))
        if not events or events[-1].sequence != submission.sequence:
            raise UndoExpired("something has happened since")
        if not webhook_delivery.recall_event_deliveries(events):
            raise UndoExpired("the first message about it has left")
        _take_back(submission, decision, moderator, events[0].data["was"])
        Claim.objects.update_or_create(submission=submission, defaults={"moderator": moderator, "until": now + CLAIM})
        cross_label.unsettle_recordings(submission)
    return submission


def _take_back(submission: Submission, decision: Decision, moderator: User, was: Mapping[str, Any]) -> None:
    """Everything as it was before the decision. Raises TooLate where the label has acted on it."""
    who = name_moderator_actor(moderator)
    taken = Decision(
        verdict=Verdict.REVIEW,
        actor=who,
        moderator=moderator,
        reasons=["taken back"],
        undoes=decision,
        policy_version=decision.policy_version,
        policy_digest=decision.policy_digest,
    )
    values = {name: was[name] and dt.datetime.fromisoformat(was[name]) for name in ("due_at", "escalated_at")}
    try:
        transitions.revert_transition(
            submission, who, {"undoes": str(decision.pk)}, taken, verdict=Verdict.REVIEW, concluded_at=None, **values
        )
    except Conflict as conflict:
        raise UndoExpired("something has happened since") from conflict
    # The row is ours now: an acceptance of the partial release either stands already, or will find it gone.
    if Submission.objects.filter(accepts=decision).exists():
        raise UndoExpired("the label has accepted the partial release")
    _judge_tracks(submission, {int(position): verdict for position, verdict in was["tracks"].items()})
    submission.appeals.filter(decision=decision).update(decided_at=None, decision=None, outcome="")


def reopen_submission(submission: Submission, moderator: User, reason: str) -> None:
    """Put a concluded submission before a human again. Raises Unfounded without a reason, Forbidden, or Conflict."""
    permissions.require_permission(moderator, Action.DECIDE)
    if not reason.strip():
        raise InvalidDecision("reopening needs a reason")
    put_before_human(submission, name_moderator_actor(moderator), reason.strip(), None, moderator=moderator)


def put_before_human(
    submission: Submission,
    who: str,
    reason: str,
    due: dt.datetime | None,
    data: dict[str, Any] | None = None,
    moderator: User | None = None,
) -> Event:
    """Reopen a concluded submission; due with the policy's hours unless said otherwise. Raises Conflict."""
    now, rules = timezone.now(), admission.current_policy()
    decision = Decision(
        verdict=Verdict.REVIEW,
        actor=who,
        moderator=moderator,
        reasons=[reason],
        policy_version=rules.version,
        policy_digest=rules.digest,
    )
    return transition_submission(
        submission,
        State.IN_REVIEW,
        who,
        data,
        decision,
        verdict=Verdict.REVIEW,
        concluded_at=None,
        due_at=due or due_at(submission, rules, now),
    )
