"""The queue as a screen: who waits, for how long still, why, and who has it in hand."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.utils import timezone

from checks.model.finding import Severity
from checks.policy import Verdict
from intake.core import reason_groups
from intake.core.reason_groups import BY_KEY, FAMILIES, HOLDING, code_in_words, family_of
from intake.core.states import State
from intake.models import Claim, Decision, Finding, Label, SavedFilter, Submission, Track
from intake.models import Reason as HeldFor
from intake.models.submissions import THESE_DAYS

#: Rows of one page of the queue: two screens.
PAGE = 50
#: What is due within this long is shown as urgent.
SOON = dt.timedelta(hours=4)
#: Worst first.
SEVERITIES = {severity.value: rank for rank, severity in enumerate(reversed(Severity))}
#: Tabs, the work first.
TABS = (
    State.IN_REVIEW,
    State.RECEIVED,
    State.CHECKING,
    State.APPROVED,
    State.LABELLED,
    State.RETURNED,
    State.REJECTED,
    State.WITHDRAWN,
    State.DRAFT,
)


#: How the queue can be ordered instead of by urgency: by what the findings of each add up to, the most first.
HEAVIEST = "weight"


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """What the moderator asked to see; anything unknown in the address is ignored."""

    state: State = State.IN_REVIEW
    verdict: str = ""
    family: str = ""
    label: str = ""
    text: str = ""
    order: str = ""  # HEAVIEST, or by urgency
    put_off: bool = False  # what was put off, instead of what can be handed out

    @classmethod
    def of(cls, query: Mapping[str, str]) -> QueueFilters:
        state = query.get("state", "")
        verdict, family = query.get("verdict", ""), query.get("family", "")
        reviewed = state not in set(State) or state == State.IN_REVIEW
        return cls(
            state=State(state) if state in set(State) else State.IN_REVIEW,
            verdict=verdict if verdict in set(Verdict) else "",
            family=family if family in BY_KEY else "",
            label=query.get("label", "").strip(),
            text=query.get("q", "").strip(),
            order=HEAVIEST if reviewed and query.get("order") == HEAVIEST else "",
            put_off=reviewed and query.get("off") == "1",
        )

    def items(self, **changes: str) -> dict[str, str]:
        """As parameters of an address; what is empty or usual is left out."""
        now = {
            "state": "" if self.state is State.IN_REVIEW else self.state.value,
            "verdict": self.verdict,
            "family": self.family,
            "label": self.label,
            "q": self.text,
            "order": self.order,
            "off": "1" if self.put_off else "",
        }
        return {key: value for key, value in {**now, **changes}.items() if value}

    @property
    def query(self) -> str:
        """As an address has it."""
        return urlencode(sorted(self.items().items()))


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding that holds a release, as the queue shows it."""

    code: str
    message: str
    severity: str

    @property
    def family(self) -> reason_groups.Family:
        return family_of(self.code)

    @property
    def words(self) -> str:
        return code_in_words(self.code)


@dataclass(frozen=True, slots=True)
class Row:
    """One submission of the queue."""

    submission: Submission
    reasons: tuple[Reason, ...]
    claim: Claim | None
    said: str  # what the last decision says in people's words: why it was reopened, returned, rejected

    @property
    def gone(self) -> int:
        """How much of its time has gone by, in hundredths."""
        begun, due = self.submission.received_at, self.submission.due_at
        if not begun or not due or due <= begun:
            return 100
        return max(0, min(100, round(100 * (timezone.now() - begun) / (due - begun))))

    @property
    def near(self) -> bool:
        """Whether it comes out in these days."""
        out = self.submission.release_date
        return out is not None and abs(out - timezone.now().date()) <= THESE_DAYS

    @property
    def chips(self) -> list[Reason]:
        """Each kind of reason once."""
        return list({reason.code: reason for reason in self.reasons}.values())


@dataclass(frozen=True, slots=True)
class Tab:
    state: State
    count: int
    current: bool

    @property
    def title(self) -> str:
        return self.state.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Family:
    """What waits for reasons of one family."""

    family: reason_groups.Family
    count: int
    overdue: int
    oldest: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Screen:
    """Everything the queue page shows."""

    wanted: QueueFilters
    tabs: tuple[Tab, ...]
    families: tuple[Family, ...]
    labels: tuple[str, ...]
    saved: tuple[SavedFilter, ...]
    page: Page
    rows: tuple[Row, ...]
    waiting: int  # and not put off
    overdue: int
    unclaimed: int
    oldest: dt.datetime | None
    put_off: int
    back: dt.datetime | None  # when the first of these comes back

    @property
    def in_review(self) -> bool:
        return self.wanted.state is State.IN_REVIEW

    @property
    def title(self) -> str:
        """What is looked at, in words."""
        if self.kept:
            return self.kept.name
        if self.wanted.put_off:
            return "Put off"
        if self.wanted.family:
            return BY_KEY[self.wanted.family].title
        return "Queue" if self.in_review else self.wanted.state.value.replace("_", " ").capitalize()

    @property
    def kept(self) -> SavedFilter | None:
        """The saved view that this is."""
        return next((item for item in self.saved if item.query == self.wanted.query), None)


def load_queue_screen(wanted: QueueFilters, moderator: User, page: str = "1") -> Screen:
    """Read one page of the queue in a fixed number of queries."""
    now = timezone.now()
    counts = dict(Submission.objects.order_by().values_list("state").annotate(n=Count("*")))
    current = Paginator(find_queued_submissions(wanted), PAGE).get_page(page)
    later = Q(snoozed_until__gt=now)
    waiting = Submission.objects.filter(state=State.IN_REVIEW).aggregate(
        count=Count("pk", filter=~later),
        overdue=Count("pk", filter=~later & Q(due_at__lt=now)),
        oldest=Min("received_at", filter=~later),
        put_off=Count("pk", filter=later),
        back=Min("snoozed_until", filter=later),
    )
    claimed = Claim.objects.filter(until__gt=now, submission__state=State.IN_REVIEW)
    held = claimed.exclude(submission__snoozed_until__gt=now).count()
    return Screen(
        wanted=wanted,
        tabs=tuple(Tab(state, counts.get(state.value, 0), state is wanted.state) for state in TABS),
        families=_count_waiting_families(now),
        labels=tuple(Label.objects.order_by("name").values_list("name", flat=True)[:500]),
        saved=tuple(SavedFilter.objects.filter(moderator=moderator)),
        page=current,
        rows=_build_queue_rows(list(current.object_list), now),
        waiting=waiting["count"],
        overdue=waiting["overdue"],
        unclaimed=waiting["count"] - held,
        oldest=waiting["oldest"],
        put_off=waiting["put_off"],
        back=waiting["back"],
    )


def find_queued_submissions(wanted: QueueFilters) -> QuerySet[Submission]:
    """The submissions asked for: the most urgent first in the queue, elsewhere the newest."""
    if wanted.state is State.IN_REVIEW:
        found, now = Submission.objects.queue(), timezone.now()
        if wanted.put_off:
            found = found.filter(snoozed_until__gt=now).order_by("snoozed_until", "id")
        elif not wanted.text:
            found = found.awake(now)  # who looks for it finds what was put off
    else:
        found = Submission.objects.filter(state=wanted.state).order_by("-id")
    # A correlated count instead of a join: the page's fifty rows are counted, not the whole queue.
    tracks = Track.objects.filter(submission=OuterRef("pk")).order_by().values("submission")
    return (
        narrow_submissions(found, wanted)
        .select_related("label", "claim__moderator")
        .defer("metadata")
        .annotate(track_count=Subquery(tracks.annotate(n=Count("pk")).values("n")))
    )


def narrow_submissions(found: QuerySet[Submission], wanted: QueueFilters) -> QuerySet[Submission]:
    """Only what answers the description, in the order that it has, or the heaviest first."""
    if wanted.order == HEAVIEST:
        found = found.order_by("-weight", *found.query.order_by)
    if wanted.verdict:
        found = found.filter(verdict=wanted.verdict)
    if wanted.family:
        found = found.filter(Exists(HeldFor.objects.filter(submission=OuterRef("pk"), family=wanted.family)))
    if wanted.label:
        found = found.filter(label__name=wanted.label)
    if wanted.text:
        found = found.filter(_search_condition(wanted.text))
    return found


def list_hold_reasons(findings: Iterable[Finding]) -> tuple[Reason, ...]:
    """The findings that hold a release, worst first; among equals, where a mistake costs most."""
    order = {family.key: rank for rank, family in enumerate(FAMILIES)}
    held = [Reason(finding.code, finding.message, finding.severity) for finding in findings if finding.route in HOLDING]
    return tuple(sorted(held, key=lambda one: (SEVERITIES.get(one.severity, 9), order[one.family.key])))


def _search_condition(text: str) -> Combinable | Q:
    """Where a search text may be found: in words, or in identifiers typed with or without hyphens."""
    identifier = text.replace("-", "").replace(" ", "")
    tracks = Track.objects.filter(Q(isrc__istartswith=identifier) | Q(title__icontains=text))
    return (
        Q(title__icontains=text)
        | Q(artist__icontains=text)
        | Q(label__name__icontains=text)
        | Q(upc__startswith=identifier)
        | Exists(tracks.filter(submission=OuterRef("pk")))
    )


def _count_waiting_families(now: dt.datetime) -> tuple[Family, ...]:
    """What waits, by family; a submission with reasons of two families waits in both."""
    waiting = (
        HeldFor.objects.filter(waiting=True, leads=True)
        .exclude(submission__snoozed_until__gt=now)
        .order_by()
        .values_list("family")
        .annotate(
            count=Count("pk"),
            overdue=Count("pk", filter=Q(submission__due_at__lt=now)),
            oldest=Min("submission__received_at"),
        )
    )
    found = {key: (count, overdue, oldest) for key, count, overdue, oldest in waiting}
    return tuple(Family(item, *found.get(item.key, (0, 0, None))) for item in FAMILIES)


def _build_queue_rows(submissions: Sequence[Submission], now: dt.datetime) -> tuple[Row, ...]:
    findings: dict[Any, list[Finding]] = defaultdict(list)
    for item in (
        Finding.objects.current()
        .filter(submission__in=[s.pk for s in submissions], route__in=HOLDING)
        .only("submission_id", "code", "message", "severity", "route")
    ):
        findings[item.submission_id].append(item)
    last = Decision.objects.filter(submission__in=[s.pk for s in submissions], actor__startswith="moderator:")
    said = {entry.submission_id: entry for entry in last.order_by("number")}
    return tuple(
        Row(
            submission=submission,
            reasons=list_hold_reasons(findings[submission.pk]),
            claim=_active_claim(submission, now),
            said=" ".join(said[submission.pk].reasons) if submission.pk in said else "",
        )
        for submission in submissions
    )


def _active_claim(submission: Submission, now: dt.datetime) -> Claim | None:
    claim: Claim | None = getattr(submission, "claim", None)
    return claim if claim and claim.held(now) else None
