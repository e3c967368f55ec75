"""What must always be true of the records, whatever was killed, emptied or cut off meanwhile: asked of the rows."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from intake.core.states import CLEARED, REOPENING, TRANSITIONS, UNDOING, State
from intake.models import (
    Analysis,
    Appeal,
    Attempt,
    Blob,
    CheckRun,
    Decision,
    Delivery,
    Endpoint,
    Event,
    KnownRecording,
    Resource,
    Submission,
)
from intake.models.leased_work import Status
from intake.services.checking import pipeline
from intake.services.review import decisions
from intake.services.storage import blobs
from intake.services.submissions import admission
from intake.services.submissions.transitions import UNDONE

#: An event and a subscription this close together may have been written in either order.
SAME_MOMENT = dt.timedelta(minutes=1)

#: The state that each verdict puts a submission in.
_STATES = {**decisions.STATES, **pipeline.STATES}


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be, and is."""

    invariant: str
    subject: str
    message: str


def find_invariant_violations(patience: dt.timedelta) -> Iterator[Violation]:
    """Everything that is wrong. What moves on its own is given ``patience`` before it counts as hanging."""
    late = timezone.now() - patience
    for ask in (_nothing_hangs, _nothing_is_left_behind, _deliveries_arrive):
        yield from ask(late)
    for look in (
        _one_decision_stands,
        _what_was_taken_back_was_never_told,
        _two_people_where_two_are_asked,
        _nothing_is_cleared_unchecked,
        _bytes_are_those_declared,
        _history_verifies,
    ):
        yield from look()
    yield from _deliveries_are_complete()


def _violations_of_rows(invariant: str, rows: Iterable[Any], says: Callable[[Any], str]) -> Iterator[Violation]:
    for row in rows:
        yield Violation(invariant, f"{type(row).__name__.lower()} {row.pk}", says(row))


def _say_without_result(check: str, submission: Submission) -> str:
    return f"{submission.state} without a result of '{check}'"


def _say_without_delivery(endpoint: Endpoint, event: Event) -> str:
    return f"{event.type} has no delivery to {endpoint.pk}"


def _nothing_hangs(late: dt.datetime) -> Iterator[Violation]:
    """I1: what was handed over reaches an end or a human's queue."""
    working = Submission.objects.filter(state__in=(State.RECEIVED, State.CHECKING), received_at__lt=late)
    yield from _violations_of_rows("I1", working, lambda one: f"{one.state} since {one.received_at:%Y-%m-%d %H:%M:%S}")
    undue = Submission.objects.filter(state=State.IN_REVIEW, due_at__isnull=True)
    yield from _violations_of_rows("I1", undue, lambda one: "in review, and due at no time")
    measuring = Analysis.objects.open().filter(created_at__lt=late, blob__resources__submission__state=State.CHECKING)
    yield from _violations_of_rows(
        "I1", measuring.distinct(), lambda one: f"{one.status} after {one.attempts} attempts"
    )


def _one_decision_stands() -> Iterator[Violation]:
    """I2: one decision stands at a time, and the submission stands where it says."""
    counted = Submission.objects.annotate(
        made=Count("decisions"), by_machine=Count("decisions", filter=Q(decisions__actor=Decision.MACHINE))
    )
    # Once, and once more for each declaration that answered its question.
    often = counted.filter(by_machine__gt=F("statement"))
    yield from _violations_of_rows("I2", often, lambda one: f"the machine decided {one.by_machine} times")
    standing = Decision.objects.filter(submission=OuterRef("pk")).order_by("-number")
    judged = counted.annotate(
        last=Subquery(standing.values("number")[:1]), standing=Subquery(standing.values("verdict")[:1])
    )
    gaps = judged.filter(made__gt=0).exclude(last=F("made"))
    yield from _violations_of_rows("I2", gaps, lambda one: f"{one.made} decisions, and the last is number {one.last}")
    undecided = judged.filter(made=0, state__in=[state.value for state in _STATES.values()])
    yield from _violations_of_rows("I2", undecided, lambda one: f"{one.state} without a decision")
    agrees = Q(state=State.WITHDRAWN)
    for verdict, state in _STATES.items():
        agrees |= Q(standing=verdict, verdict=verdict, state=state)
    yield from _violations_of_rows(
        "I2",
        judged.filter(made__gt=0).exclude(agrees),
        lambda one: f"{one.state} with the verdict '{one.verdict}', and the decision '{one.standing}' stands",
    )


def _what_was_taken_back_was_never_told() -> Iterator[Violation]:
    """I2: a decision is taken back at once, by one that says so; and no webhook was sent."""
    taken = Decision.objects.filter(undoes__isnull=False)
    elsewhere = taken.exclude(submission=F("undoes__submission"), number=F("undoes__number") + 1)
    yield from _violations_of_rows("I2", elsewhere, lambda one: "takes back a decision that is not the one before it")
    undone = {str(pk) for pk in taken.values_list("undoes", flat=True)}
    told = Event.objects.filter(data__decision__in=undone, deliveries__isnull=False)
    told = told.exclude(deliveries__status=Delivery.Status.CANCELLED).distinct()
    yield from _violations_of_rows("I2", told, lambda one: "tells of a decision that was taken back")
    cancelled = Delivery.objects.filter(status=Delivery.Status.CANCELLED).select_related("event")
    stray = [item for item in cancelled if not item.event or item.event.data.get("decision") not in undone]
    yield from _violations_of_rows("I2", stray, lambda one: "cancelled, and its decision stands")


def _two_people_where_two_are_asked() -> Iterator[Violation]:
    """I2: four eyes are those of two people, and an appeal is decided by a person who has not decided before."""
    unknown = Q(moderator__isnull=True) | Q(second_moderator__isnull=True)
    second = Q(seconded_by="") | Q(second_moderator=F("moderator")) | (unknown & Q(seconded_by=F("actor")))
    alone = Decision.objects.filter(second, four_eyes=True)
    yield from _violations_of_rows("I2", alone, lambda one: f"'{one.code}' asks for a second moderator, and has none")
    rules = admission.current_policy()
    grave = [key for key, reason in rules.reasons.items() if reason.four_eyes]
    unasked = Decision.objects.filter(four_eyes=False, code__in=grave, policy_digest=rules.digest)
    yield from _violations_of_rows(
        "I2", unasked, lambda one: f"'{one.code}' asks for a second moderator, and nobody was asked"
    )
    for appeal in Appeal.objects.filter(decision__isnull=False).select_related("against", "decision"):
        before = Decision.objects.human().filter(
            submission=appeal.submission_id, number__lte=appeal.against.number if appeal.against else 0
        )
        if appeal.decision and any(_same_person(item, appeal.decision) for item in before):
            yield Violation("I2", f"appeal {appeal.pk}", "decided by somebody who had decided on it before")
    stray = Appeal.objects.open().exclude(submission__state=State.IN_REVIEW)
    yield from _violations_of_rows("I2", stray, lambda one: "open, and its submission is not in review")


def _same_person(one: Decision, other: Decision) -> bool:
    """Whether one person gave or seconded both: by account, and by name where one of them has no account."""

    def people(decision: Decision) -> list[tuple[int | None, str]]:
        pairs = [
            (decision.moderator_id, decision.actor),
            (decision.second_moderator_id, decision.seconded_by),
        ]
        return [pair for pair in pairs if pair[1]]

    return any(
        id_ == other_id if id_ and other_id else name == other_name
        for id_, name in people(one)
        for other_id, other_name in people(other)
    )


def _nothing_is_cleared_unchecked() -> Iterator[Violation]:
    """I3: nothing is cleared before every mandatory check has its result; by the machine, not without one either."""
    cleared = Submission.objects.filter(state__in=CLEARED)
    runs = CheckRun.objects.filter(submission=OuterRef("pk"))
    unfinished = cleared.filter(Exists(runs.exclude(status__in=(Status.DONE, Status.DEAD))))
    yield from _violations_of_rows("I3", unfinished, lambda one: f"{one.state} before its checks had ended")
    rules = admission.current_policy()
    standing = Decision.objects.filter(submission=OuterRef("pk")).order_by("-number")
    by_policy = cleared.annotate(actor=Subquery(standing.values("actor")[:1])).filter(actor=Decision.MACHINE)
    for name in rules.mandatory:
        # A policy of the past may have demanded less; what it demanded is held against what it decided.
        demanded = Q(Exists(runs.filter(name=name))) | Q(
            Exists(standing.filter(actor=Decision.MACHINE, policy_digest=rules.digest))
        )
        without = by_policy.filter(demanded, ~Exists(runs.filter(name=name, status=Status.DONE)))
        says = partial(_say_without_result, name)
        yield from _violations_of_rows("I3", without, says)


def _bytes_are_those_declared() -> Iterator[Violation]:
    """I5: the bytes that were checked are the bytes that were declared, and they are all here."""
    absent = Resource.objects.filter(blob__isnull=True).exclude(submission__state__in=(State.DRAFT, State.WITHDRAWN))
    yield from _violations_of_rows("I5", absent, lambda one: f"'{one.name}' was handed over without its bytes")
    other = Resource.objects.filter(blob__isnull=False).exclude(declared_sha256="").exclude(declared_sha256=F("blob"))
    yield from _violations_of_rows("I5", other, lambda one: f"'{one.name}' has another SHA-256 than declared")
    unstored = Blob.objects.filter(stored_at__isnull=True, resources__isnull=False).distinct()
    yield from _violations_of_rows("I5", unstored, lambda one: "named by a submission, and not stored")


def _history_verifies() -> Iterator[Violation]:
    """I7, I8, I10: a submission's events are numbered without a gap, follow the table, and chain to its state."""
    expected = {
        pk: (state, sequence) for pk, state, sequence in Submission.objects.values_list("pk", "state", "sequence")
    }
    events = Event.objects.order_by("submission", "sequence").iterator(chunk_size=2000)
    for pk, history in itertools.groupby(events, key=lambda event: event.submission_id):
        state, sequence = expected.pop(pk, ("", 0))
        yield from _one_history(f"submission {pk}", list(history), state, sequence)
    for pk in expected:
        yield Violation("I7", f"submission {pk}", "has no history")


def _one_history(subject: str, events: list[Event], state: str, sequence: int) -> Iterator[Violation]:
    numbers = [event.sequence for event in events]
    if numbers != list(range(1, sequence + 1)):
        yield Violation(
            "I10", subject, f"its events are numbered {_format_number_ranges(numbers)}, and {sequence} is the last"
        )
    digest, stood = "", ""
    for event in events:
        digest = event.chained(digest)
        if event.digest != digest:
            yield Violation("I8", subject, f"event {event.sequence} is not the one that was written")
            digest = event.digest
        became = _state_after_event(event)
        if event.type == UNDONE and stood not in UNDOING:
            yield Violation("I7", subject, f"event {event.sequence}: taken back from {stood or 'nothing'}")
        elif event.type != UNDONE and became and stood and became not in TRANSITIONS[State(stood)]:
            yield Violation("I7", subject, f"event {event.sequence}: {stood} cannot become {became}")
        if event.type == "submission.reopened" and stood not in REOPENING:
            yield Violation("I7", subject, f"event {event.sequence}: reopened from {stood or 'nothing'}")
        stood = became or stood
    if stood != state:
        yield Violation("I7", subject, f"{state}, and its history ends with {stood or 'nothing'}")


def _state_after_event(event: Event) -> str:
    """The state that an event leaves a submission in; nothing where it is no move."""
    if event.type == UNDONE:
        return State.IN_REVIEW.value
    kind, _, name = event.type.partition(".")
    if kind != "submission":
        return ""
    return State.IN_REVIEW.value if name == "reopened" else State(name).value


def _format_number_ranges(numbers: list[int]) -> str:
    groups = itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    spans = [[number for _, number in group] for _, group in groups]
    return ", ".join(f"{span[0]}-{span[-1]}" if len(span) > 1 else str(span[0]) for span in spans) or "not at all"


def _deliveries_are_complete() -> Iterator[Violation]:
    """I9: every event yields exactly one delivery per subscribed endpoint.

    Asked of labels' endpoints: what partners hear depends on the policy of the day.
    """
    twice = Delivery.objects.filter(event__isnull=False).values("event", "endpoint").annotate(times=Count("pk"))
    for row in twice.filter(times__gt=1):
        yield Violation("I9", f"event {row['event']}", f"{row['times']} deliveries to endpoint {row['endpoint']}")
    active = Endpoint.objects.filter(label__isnull=False, disabled_at__isnull=True, deleted_at__isnull=True)
    for endpoint in active:
        since = endpoint.subscribed_at + SAME_MOMENT
        posted = Delivery.objects.filter(endpoint=endpoint, event=OuterRef("pk"))
        events = Event.objects.filter(submission__label=endpoint.label_id, type__in=endpoint.types)
        unposted = events.filter(~Exists(posted), created_at__gt=since)
        yield from _violations_of_rows("I9", unposted, partial(_say_without_delivery, endpoint))


def _deliveries_arrive(late: dt.datetime) -> Iterator[Violation]:
    """I9: a delivery that is due is on its way, and one that counts as taken was taken."""
    attempts = Attempt.objects.filter(delivery=OuterRef("pk"))
    untaken = Delivery.objects.filter(
        ~Exists(attempts.filter(status_code__gte=200, status_code__lt=300)), status=Delivery.Status.DELIVERED
    )
    yield from _violations_of_rows("I9", untaken, lambda one: "counts as delivered, and no attempt says so")
    counted = Delivery.objects.annotate(made=Count("attempts"))
    numbered = counted.annotate(last=Subquery(attempts.order_by("-number").values("number")[:1]))
    gaps = numbered.filter(made__gt=0).exclude(last=F("made"))
    yield from _violations_of_rows("I9", gaps, lambda one: f"{one.made} attempts, and the last is number {one.last}")
    yield from _violations_of_rows(
        "I9", _overdue_deliveries(late), lambda one: f"due since {one.next_attempt_at:%Y-%m-%d %H:%M:%S}"
    )


def _overdue_deliveries(late: dt.datetime) -> QuerySet[Delivery]:
    """Pending to a healthy endpoint, with nothing before it, and still not tried."""
    earlier = Delivery.objects.filter(
        status=Delivery.Status.PENDING,
        endpoint=OuterRef("endpoint"),
        event__submission=OuterRef("event__submission"),
        event__sequence__lt=OuterRef("event__sequence"),
    )
    return Delivery.objects.filter(
        ~Exists(earlier),
        status=Delivery.Status.PENDING,
        next_attempt_at__lt=late,
        endpoint__failing_since__isnull=True,
        endpoint__disabled_at__isnull=True,
        endpoint__deleted_at__isnull=True,
    )


def _nothing_is_left_behind(late: dt.datetime) -> Iterator[Violation]:
    """I15: no bytes without a name, no recording missing in the index."""
    # Twice as long as they may lie about, so that the tidying has had its turn.
    cutoff = min(late, timezone.now() - 2 * blobs.ABANDONED_AFTER)
    yield from _violations_of_rows("I15", blobs.list_unused_blobs(cutoff), lambda one: "nothing names it")
    unlogged = KnownRecording.objects.current().filter(logged_at__isnull=True, learned_at__lt=late)
    yield from _violations_of_rows(
        "I15", unlogged, lambda one: "learned, and not in the catalogue's log, so in no index"
    )


#: Each in one sentence, for the reader of a violation.
INVARIANTS = {
    "I1": "What was handed over reaches an end or a human's queue.",
    "I2": "Exactly one decision stands at a time.",
    "I3": "Nothing is cleared unless every mandatory check has its result.",
    "I5": "The bytes that were delivered are the bytes that were checked.",
    "I7": "A submission moves only along the table, and every move writes one event.",
    "I8": "The chain of events verifies.",
    "I9": "Every event yields exactly one delivery per subscribed endpoint.",
    "I10": "The events of a submission are numbered without a gap.",
    "I15": "Nothing is left behind.",
}
