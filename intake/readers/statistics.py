"""How the gate treats those who deliver: volumes, routes, waiting times, and how often people bear the machine out."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

import checks
from checks.policy import Verdict
from intake.core.states import State
from intake.models import Decision, Event, Reason, Submission

#: Days that the figures look back, and most that may be asked for.
DAYS, MOST_DAYS = 30, 366
#: Counting a year takes a second or two; fresher is not needed.
FRESH_SECONDS = 60
#: In public nothing is told of fewer than this: it would identify a label.
FEWEST_TOLD = 10
#: The forecast goes by the last so many days, and looks ahead as far.
TREND_DAYS = 7
#: What a person decides against what the machine asked a person for: these bear its suspicion out.
BORNE_OUT = (Verdict.LABEL.value, Verdict.REJECT.value, Verdict.RETURN.value)


@dataclass(frozen=True, slots=True)
class Day:
    """One day's deliveries, and the machine's first verdicts on that day."""

    date: dt.date
    received: int
    approve: int
    label: int
    review: int

    @property
    def judged(self) -> int:
        return self.approve + self.label + self.review


@dataclass(frozen=True, slots=True)
class Waiting:
    """Seconds from delivery to decision: how many were decided, and the percentiles (nearest rank)."""

    decided: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Precision:
    """What became of what one code sent to a person: borne out by another verdict than a plain approval, or not.

    ``low`` and ``high``: Wilson's interval at 95 %. A label that says what was declared bears nothing out against the
    label; it shows that looking was worth while.
    """

    check: str
    code: str
    decided: int
    borne_out: int
    waiting: int

    @property
    def share(self) -> float | None:
        return self.borne_out / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson_interval(self.borne_out, self.decided) if self.decided else None


@dataclass(frozen=True, slots=True)
class Overturned:
    """Concluded decisions that were looked at again, and those that became another verdict, by who had decided."""

    by: str  # machine | moderators
    concluded: int
    reopened: int
    overturned: int

    @property
    def rate(self) -> float | None:
        """Of all that were concluded."""
        return self.overturned / self.concluded if self.concluded else None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a person, how fast it comes and goes, and what that comes to if nothing changes."""

    waiting: int
    late: int  # past the due date
    oldest: float | None  # seconds
    came: float  # a day, over the last days
    went: float  # a day
    forecast: tuple[int, ...]  # at the end of each of the next days

    @property
    def clear_in(self) -> float | None:
        """Days until nothing waits; None where more comes than goes."""
        return self.waiting / (self.went - self.came) if self.went > self.came else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything, over one stretch of time."""

    since: dt.datetime
    until: dt.datetime
    days: tuple[Day, ...]
    machine: Waiting
    people: Waiting
    in_time: int  # of what people decided, before its due date
    with_due: int  # of what people decided, how much had one
    precision: tuple[Precision, ...]
    overturned: tuple[Overturned, ...]
    backlog: Backlog

    @property
    def received(self) -> int:
        return sum(day.received for day in self.days)

    @property
    def judged(self) -> int:
        return sum(day.judged for day in self.days)

    @property
    def routes(self) -> Mapping[str, int]:
        """The machine's first verdicts."""
        return {kind: sum(getattr(day, kind) for day in self.days) for kind in ("approve", "label", "review")}

    @property
    def sla(self) -> float | None:
        """Share of what people decided that was in time."""
        return self.in_time / self.with_due if self.with_due else None


def gather_statistics(days: int = DAYS, now: dt.datetime | None = None) -> Figures:
    """The figures of the last ``days`` days, counted from the rows."""
    until = now or timezone.now()
    since = until - dt.timedelta(days=days)
    human = Decision.objects.human().filter(created_at__range=(since, until))
    with_due = human.filter(due_at__isnull=False)
    return Figures(
        since=since,
        until=until,
        days=_count_days(since, until),
        machine=_measure_waiting_times(
            Decision.objects.filter(number=1, actor=Decision.MACHINE, created_at__range=(since, until))
        ),
        people=_measure_waiting_times(human),
        in_time=with_due.filter(created_at__lte=F("due_at")).count(),
        with_due=with_due.count(),
        precision=_measure_precision(since, until),
        overturned=_count_overturned(since, until),
        backlog=_forecast_backlog(until),
    )


def cached_statistics(days: int = DAYS) -> Figures:
    """The same, counted at most once a minute."""
    key = f"figures:{days}"
    found: Figures | None = cache.get(key)
    if found is None:
        found = gather_statistics(days)
        cache.set(key, found, FRESH_SECONDS)
    return found


def wilson_interval(hits: int, tries: int, z: float = 1.96) -> tuple[float, float]:
    """The interval in which a share lies with 95 % confidence (Wilson's score interval)."""
    share, square = hits / tries, z * z / tries
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / tries + square / (4 * tries)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def _count_days(since: dt.datetime, until: dt.datetime) -> tuple[Day, ...]:
    received = Counter(dict(
        Submission.objects.filter(received_at__range=(since, until))
        .order_by().values_list(TruncDate("received_at")).annotate(Count("pk"))
    ))  # fmt: skip
    verdicts: defaultdict[dt.date, Counter[str]] = defaultdict(Counter)
    first = Decision.objects.filter(number=1, actor=Decision.MACHINE, created_at__range=(since, until)).order_by()
    for date, verdict, count in first.values_list(TruncDate("created_at"), "verdict").annotate(Count("pk")):
        verdicts[date][verdict] = count
    length = (until.date() - since.date()).days
    dates = [since.date() + dt.timedelta(days=number) for number in range(length + 1)]
    return tuple(
        Day(date, received[date], *(verdicts[date][kind] for kind in ("approve", "label", "review"))) for date in dates
    )


def _measure_waiting_times(decisions: QuerySet[Decision]) -> Waiting:
    waited = decisions.filter(submission__received_at__isnull=False).annotate(
        waited=F("created_at") - F("submission__received_at")
    )
    times = waited.order_by("waited").values_list("waited", flat=True)
    count = times.count()

    def percentile(share: float) -> float | None:
        return times[max(0, math.ceil(share * count) - 1)].total_seconds() if count else None

    return Waiting(count, percentile(0.5), percentile(0.95))


def _measure_precision(since: dt.datetime, until: dt.datetime) -> tuple[Precision, ...]:
    lately = Q(decided_at__range=(since, until)) & ~Q(outcome="")
    rows = (
        Reason.objects.order_by()
        .values("code")
        .annotate(
            decided=Count("pk", filter=lately),
            borne_out=Count("pk", filter=lately & Q(outcome__in=BORNE_OUT)),
            now_waiting=Count("pk", filter=Q(waiting=True)),
        )
        .filter(Q(decided__gt=0) | Q(now_waiting__gt=0))
    )
    owner = {code.id: check.name for check in checks.CHECKS for code in check.codes}
    found = [
        Precision(owner.get(row["code"], "gate"), row["code"], row["decided"], row["borne_out"], row["now_waiting"])
        for row in rows
    ]
    return tuple(sorted(found, key=lambda one: (-one.decided, -one.waiting, one.code)))


def by_check(precision: Iterable[Precision]) -> tuple[Precision, ...]:
    """The same, of all codes of a check together."""
    sums: dict[str, list[int]] = {}
    for item in precision:
        total = sums.setdefault(item.check, [0, 0, 0])
        for place, value in enumerate((item.decided, item.borne_out, item.waiting)):
            total[place] += value
    return tuple(Precision(check, "", *total) for check, total in sums.items())


def _count_overturned(since: dt.datetime, until: dt.datetime) -> tuple[Overturned, ...]:
    """Of the decisions that concluded a submission in this time: which were reopened, and which became another."""
    concluded = Decision.objects.kept().exclude(verdict=Verdict.REVIEW).filter(created_at__range=(since, until))
    by_machine = concluded.filter(actor=Decision.MACHINE).count()
    counts = {True: by_machine, False: concluded.count() - by_machine}
    again = Event.objects.filter(type="submission.reopened", created_at__gte=since).values("submission")
    seen: dict[bool, list[int]] = {True: [0, 0], False: [0, 0]}
    histories: defaultdict[object, list[Decision]] = defaultdict(list)
    for item in Decision.objects.kept().filter(submission__in=again).order_by("submission", "number"):
        histories[item.submission_id].append(item)
    for history in histories.values():
        _count_reopened(history, since, until, seen)
    return tuple(
        Overturned(name, counts[machine], *seen[machine])
        for name, machine in (("machine", True), ("moderators", False))
    )


def _count_reopened(
    history: Sequence[Decision], since: dt.datetime, until: dt.datetime, seen: dict[bool, list[int]]
) -> None:
    final = [item for item in history if item.verdict != Verdict.REVIEW]
    for one, later in zip(final, [*final[1:], None], strict=True):
        reopened = any(other.verdict == Verdict.REVIEW and other.number > one.number for other in history)
        if since <= one.created_at <= until and reopened:
            counted = seen[one.actor == Decision.MACHINE]
            counted[0] += 1
            counted[1] += later is not None and later.verdict != one.verdict


def _forecast_backlog(now: dt.datetime) -> Backlog:
    review = Submission.objects.filter(state=State.IN_REVIEW)
    lately = now - dt.timedelta(days=TREND_DAYS)
    events = Event.objects.filter(created_at__gt=lately)
    came = events.filter(type__in=("submission.in_review", "submission.reopened")).count() / TREND_DAYS
    went = Decision.objects.human().filter(created_at__gt=lately).count() / TREND_DAYS
    waiting = review.count()
    oldest = review.aggregate(oldest=Min("received_at"))["oldest"]
    return Backlog(
        waiting=waiting,
        late=review.filter(due_at__lt=now).count(),
        oldest=(now - oldest).total_seconds() if oldest else None,
        came=came,
        went=went,
        forecast=tuple(max(0, round(waiting + (came - went) * day)) for day in range(1, TREND_DAYS + 1)),
    )


def serialise_statistics(figures: Figures) -> dict[str, object]:
    """The figures as JSON."""
    return {
        "since": figures.since,
        "until": figures.until,
        "received": figures.received,
        "routes": figures.routes,
        "days": [
            {
                "date": day.date,
                "received": day.received,
                "approve": day.approve,
                "label": day.label,
                "review": day.review,
            }
            for day in figures.days
        ],
        "seconds_to_decision": {
            who: {"decided": one.decided, "p50": one.p50, "p95": one.p95}
            for who, one in (("machine", figures.machine), ("people", figures.people))
        },
        "sla": {"decided": figures.with_due, "in_time": figures.in_time, "share": figures.sla},
        "checks": [_serialise_row(item) for item in by_check(figures.precision)],
        "codes": [_serialise_row(entry) | {"code": entry.code} for entry in figures.precision],
        "overturned": [
            {
                "by": element.by,
                "concluded": element.concluded,
                "reopened": element.reopened,
                "overturned": element.overturned,
                "rate": element.rate,
            }
            for element in figures.overturned
        ],
        "backlog": {
            "waiting": figures.backlog.waiting,
            "late": figures.backlog.late,
            "oldest_seconds": figures.backlog.oldest,
            "came_a_day": figures.backlog.came,
            "went_a_day": figures.backlog.went,
            "forecast": figures.backlog.forecast,
            "clear_in_days": figures.backlog.clear_in,
        },
    }


def _serialise_row(one: Precision) -> dict[str, object]:
    return {
        "check": one.check,
        "decided": one.decided,
        "borne_out": one.borne_out,
        "precision": one.share,
        "interval": one.interval,
        "waiting": one.waiting,
    }


def build_transparency_report(figures: Figures) -> dict[str, object]:
    """What the public may read: shares and waiting times, and nothing that points at a label, a release or a person."""

    def told(count: int) -> int | None:
        return count if count >= FEWEST_TOLD else None

    return {
        "since": figures.since.date(),
        "until": figures.until.date(),
        "received": told(figures.received),
        "routes": {kind: told(count) for kind, count in figures.routes.items()},
        "seconds_to_decision": {
            who: {"p50": one.p50, "p95": one.p95}
            for who, one in (("machine", figures.machine), ("people", figures.people))
            if one.decided >= FEWEST_TOLD
        },
        "decided_in_time": figures.sla if figures.with_due >= FEWEST_TOLD else None,
        "borne_out_by_people": {
            item.check: round(item.share, 3)
            for item in by_check(figures.precision)
            if item.share is not None and item.decided >= FEWEST_TOLD
        },
        "overturned": {
            entry.by: round(entry.rate, 4)
            for entry in figures.overturned
            if entry.rate is not None and entry.concluded >= FEWEST_TOLD
        },
        "fewest_told": FEWEST_TOLD,
    }
