"""What was decided before: in like cases, on this label's and this artist's releases; and what partners would get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from checks import CODES
from checks.model.finding import Basis, Label
from checks.policy import Verdict, decide_partner_outcome
from intake.core.reason_groups import code_in_words
from intake.models import Decision, Finding, Partner, Reason, Submission
from intake.readers import release_mapping
from intake.services.submissions import admission

#: In the order in which a release fares worse.
VERDICTS = (Verdict.APPROVE, Verdict.LABEL, Verdict.RETURN, Verdict.REJECT)
#: Of each list.
LATELY = 6


@dataclass(frozen=True, slots=True)
class Rule:
    """What the policy in force says about one kind of finding."""

    text: str  # the rule, as labels read it
    source: str  # who asks for it
    route: str  # what it asks for here today
    own: bool  # whether that is the check's own word, and not this installation's
    then: str  # what it asked for when the release was judged, where that was something else
    version: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How people decided: (verdict, how often), and how often in all."""

    counts: tuple[tuple[Verdict, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def bars(self) -> list[tuple[Verdict, int, float, float]]:
        """(verdict, count, where its bar begins, how long it is), in hundredths of the whole."""
        found, start = [], 0.0
        for verdict, count in self.counts:
            share = 100 * count / self.total
            if count:
                found.append((verdict, count, round(start, 2), round(share, 2)))
            start += share
        return found


@dataclass(frozen=True, slots=True)
class Like:
    """What was decided where the same was found."""

    code: str
    everywhere: Tally
    of_label: Tally
    lately: tuple[Reason, ...]

    @property
    def words(self) -> str:
        return code_in_words(self.code)

    @property
    def tallies(self) -> tuple[tuple[str, Tally], ...]:
        return ("everywhere", self.everywhere), ("this label", self.of_label)


@dataclass(frozen=True, slots=True)
class Past:
    """The label's and the artist's releases before this one."""

    label_counts: Mapping[str, int]
    label_lately: tuple[Submission, ...]
    artist_counts: Mapping[str, int]
    artist_lately: tuple[Submission, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """What one partner gets: now, or if it were approved as it is, or with the labels that findings propose."""

    partner: str
    approved: str
    labelled: str
    because: tuple[str, ...]


def rules_for(findings: Sequence[Finding]) -> dict[int, Rule]:
    """What the policy in force says to each finding with a code that the catalogue still knows, by the finding's id."""
    rules = admission.current_policy()
    known = [row for row in findings if row.code in CODES]
    found = {}
    for row, value in zip(known, release_mapping.map_stored_findings(known, CODES), strict=True):
        route = str(rules.route(value))
        found[row.pk] = Rule(
            text=value.code.rule,
            source=value.code.source,
            route=route,
            own=route == value.code.route,
            then=row.route if row.route != route else "",
            version=rules.version,
        )
    return found


def list_like_cases(codes: Sequence[str], submission: Submission) -> tuple[Like, ...]:
    """What people decided where they had to decide on the same codes; three queries, however many."""
    decided = Reason.objects.filter(code__in=codes).exclude(outcome="")
    everywhere = _count_decisions_by_code(decided)
    of_label = _count_decisions_by_code(decided.filter(label=submission.label_id))
    lately: list[Reason] = []
    if codes:
        last = Reason.objects.filter(code=codes[0], decided_at__isnull=False).exclude(submission=submission)
        lately = list(
            last.select_related("submission__label").defer("submission__metadata").order_by("-decided_at")[:LATELY]
        )
    return tuple(
        Like(
            code,
            _tally_of_code(everywhere, code),
            _tally_of_code(of_label, code),
            tuple(item for item in lately if item.code == code),
        )
        for code in codes
    )


def describe_past_deliveries(submission: Submission) -> Past:
    """What else this label and this artist delivered; four queries."""
    others = Submission.objects.exclude(pk=submission.pk).defer("metadata").select_related("label").order_by("-id")
    of_label, of_artist = others.filter(label=submission.label_id), others.filter(artist=submission.artist)
    return Past(_count_states(of_label), tuple(of_label[:LATELY]), _count_states(of_artist), tuple(of_artist[:LATELY]))


def list_partner_outcomes(
    proposed: Iterable[tuple[str, str]], decision: Decision | None, cleared: bool
) -> tuple[Served, ...]:
    """What each partner gets of it: of what was decided, or of what could be."""
    rules = admission.current_policy()
    partners = Partner.objects.order_by("slug")[:50]
    given = (
        [Label(label["key"], label["value"], Basis(label["basis"])) for label in decision.labels] if decision else []
    )
    wanted = [Label(key, value, Basis.VERIFIED_BY_HUMAN) for key, value in proposed]
    found = []
    for partner in partners:
        profile = rules.profiles.get(partner.profile)
        plain, because = decide_partner_outcome(
            profile, Verdict.LABEL if given else Verdict.APPROVE, given if cleared else ()
        )
        labelled = ""
        if wanted and not cleared:
            labelled, because = decide_partner_outcome(profile, Verdict.LABEL, wanted)
        found.append(Served(partner.slug, str(plain), str(labelled), tuple(because)))
    return tuple(found)


def _count_decisions_by_code(decided: QuerySet[Reason]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for code, outcome, count in decided.order_by().values_list("code", "outcome").annotate(n=Count("pk")):
        found.setdefault(code, {})[outcome] = count
    return found


def _tally_of_code(tallies: Mapping[str, Mapping[str, int]], code: str) -> Tally:
    return Tally(tuple((verdict, tallies.get(code, {}).get(verdict, 0)) for verdict in VERDICTS))


def _count_states(found: QuerySet[Submission]) -> dict[str, int]:
    counts = found.order_by().values_list("state").annotate(n=Count("pk"))
    return dict(sorted(counts, key=lambda one: -one[1]))
