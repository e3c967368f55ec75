"""The queue as a screen: who waits, for how long still, why, and who has it in hand."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.utils import timezone

from checks.finding import Severity
from checks.policy import Verdict
from intake.admin.families import BY_KEY, FAMILIES, HOLDING, Family, code_in_words, family_case, family_of, of_family
from intake.models import Claim, Decision, Finding, Label, Submission, Track
from intake.states import State

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the moderator asked to see; anything unknown in the address is ignored."""

    state: State = State.IN_REVIEW
    verdict: str = ""
    family: str = ""
    label: str = ""
    text: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        state = query.get("state", "")
        verdict, family = query.get("verdict", ""), query.get("family", "")
        return cls(
            state=State(state) if state in set(State) else State.IN_REVIEW,
            verdict=verdict if verdict in set(Verdict) else "",
            family=family if family in BY_KEY else "",
            label=query.get("label", "").strip(),
            text=query.get("q", "").strip(),
        )

    def items(self, **changes: str) -> dict[str, str]:
        """As parameters of an address; what is empty or usual is left out."""
        now = {
            "state": "" if self.state is State.IN_REVIEW else self.state.value,
            "verdict": self.verdict,
            "family": self.family,
            "label": self.label,
            "q": self.text,
        }
        return {key: value for key, value in {**now, **changes}.items() if value}


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding that holds a release, as the queue shows it."""

    code: str
    message: str
    severity: str

    @property
    def family(self) -> Family:
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
class Screen:
    """Everything the queue page shows."""

    wanted: Wanted
    tabs: tuple[Tab, ...]
    families: tuple[tuple[Family, int], ...]
    labels: tuple[Label, ...]
    page: Page
    rows: tuple[Row, ...]
    overdue: int
    unclaimed: int


def screen(wanted: Wanted, page: str = "1") -> Screen:
    """Read one page of the queue in a fixed number of queries."""
    now = timezone.now()
    counts = dict(Submission.objects.order_by().values_list("state").annotate(n=Count("*")))
    current = Paginator(find(wanted), PAGE).get_page(page)
    waiting = Submission.objects.queue().aggregate(
        overdue=Count("pk", filter=Q(due_at__lt=now)),
        held=Count("pk", filter=Q(claim__until__gt=now)),
    )
    return Screen(
        wanted=wanted,
        tabs=tuple(Tab(state, counts.get(state.value, 0), state is wanted.state) for state in TABS),
        families=_family_counts(wanted),
        labels=tuple(Label.objects.order_by("name")[:500]),
        page=current,
        rows=_rows(list(current.object_list), now),
        overdue=waiting["overdue"],
        unclaimed=counts.get(State.IN_REVIEW.value, 0) - waiting["held"],
    )


def find(wanted: Wanted) -> QuerySet[Submission]:
    """The submissions asked for: the most urgent first in the queue, elsewhere the newest."""
    found = Submission.objects.filter(state=wanted.state)
    if wanted.verdict:
        found = found.filter(verdict=wanted.verdict)
    if wanted.family:
        held = Finding.objects.filter(of_family(BY_KEY[wanted.family]), submission=OuterRef("pk"), route__in=HOLDING)
        found = found.filter(Exists(held))
    if wanted.label:
        found = found.filter(label__name=wanted.label)
    if wanted.text:
        found = found.filter(_says(wanted.text))
    order = ("due_at", "id") if wanted.state is State.IN_REVIEW else ("-id",)
    # A correlated count instead of a join: the page's fifty rows are counted, not the whole queue.
    tracks = Track.objects.filter(submission=OuterRef("pk")).order_by().values("submission")
    return (
        found.order_by(*order)
        .select_related("label", "claim__moderator")
        .defer("metadata")
        .annotate(track_count=Subquery(tracks.annotate(n=Count("pk")).values("n")))
    )


def unclaimed(now: dt.datetime) -> QuerySet[Submission]:
    """What waits and nobody has in hand, the most urgent first."""
    return Submission.objects.queue().exclude(claim__until__gt=now)


def reasons(findings: Iterable[Finding]) -> tuple[Reason, ...]:
    """The findings that hold a release, worst first; among equals, where a mistake costs most."""
    order = {family.key: rank for rank, family in enumerate(FAMILIES)}
    held = [Reason(one.code, one.message, one.severity) for one in findings if one.route in HOLDING]
    return tuple(sorted(held, key=lambda one: (SEVERITIES.get(one.severity, 9), order[one.family.key])))


def _says(text: str) -> Combinable | Q:
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


def _family_counts(wanted: Wanted) -> tuple[tuple[Family, int], ...]:
    found = (
        Finding.objects.filter(submission__state=wanted.state, route__in=HOLDING)
        .annotate(family=family_case())
        .order_by()
        .values_list("family")
        .annotate(Count("submission", distinct=True))
    )
    counts: dict[str, int] = dict(found)
    return tuple((family, counts.get(family.key, 0)) for family in FAMILIES)


def _rows(submissions: Sequence[Submission], now: dt.datetime) -> tuple[Row, ...]:
    findings: dict[Any, list[Finding]] = defaultdict(list)
    for one in Finding.objects.filter(submission__in=[s.pk for s in submissions], route__in=HOLDING).only(
        "submission_id", "code", "message", "severity", "route"
    ):
        findings[one.submission_id].append(one)
    last = Decision.objects.filter(submission__in=[s.pk for s in submissions], actor__startswith="moderator:")
    said = {one.submission_id: one for one in last.order_by("number")}
    return tuple(
        Row(
            submission=one,
            reasons=reasons(findings[one.pk]),
            claim=_held(one, now),
            said=" ".join(said[one.pk].reasons) if one.pk in said else "",
        )
        for one in submissions
    )


def _held(submission: Submission, now: dt.datetime) -> Claim | None:
    claim: Claim | None = getattr(submission, "claim", None)
    return claim if claim and claim.held(now) else None
