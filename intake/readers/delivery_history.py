"""What was delivered before, as checks ask for it: an account's habits, and numbers and covers seen elsewhere."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from checks.model.check import Habits, RegistrantUse
from checks.model.finding import Basis
from checks.model.name_matching import fold_name
from checks.policy import Verdict
from checks.rules.fraud import fold_party_name
from intake import models
from intake.core.states import CLEARED, State
from intake.models.submissions import NOT_LIVE

DAY = dt.timedelta(days=1)
#: So far back decisions say something of an account, or of a party.
YEAR = 365 * DAY
#: Names and recordings of an account that are read for its habits, and refused releases that parties are looked for in.
MOST_NAMES, MOST_REFUSED = 1000, 300

#: Corrections of corrections that are followed; no case has needed as many.
LONGEST_LINE = 50

#: Bits of a perceptual hash in which copies of one picture differ after scaling and recoding: with up to three, two
#: hashes share at least one of their four parts, so that copies are found by those.
COVER_BITS = 3


def split_hash_bands(dhash: str) -> list[int]:
    """The four parts of a perceptual hash, as they are searched."""
    return [65_536 * index + int(dhash[4 * index : 4 * index + 4], 16) for index in range(4)]


def _count_differing_bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


class DeliveryHistory:
    """What was delivered before: this submission, and all that it supersedes, left out."""

    def __init__(self, label: models.Label, submission: models.Submission | None) -> None:
        self._label = label
        self._submission = submission
        self._seen: dict[tuple[str, ...], Sequence[tuple[uuid.UUID, str]]] = {}

    def upc_seen(self, upcs: Sequence[str], title: str) -> bool:
        """Whether this account has delivered another live release of another title under a UPC, however spelt."""
        return any(
            fold_name(other) != fold_name(title) for owner, other in self._under(tuple(upcs)) if owner == self._label.pk
        )

    def cover_seen(self, dhash: str) -> bool:
        """Whether another account has a live release with a cover that looks the same."""
        near = models.ImageMeasurement.objects.filter(bands__band__in=split_hash_bands(dhash)).distinct()
        alike = [row.pk for row in near if _count_differing_bits(row.facts["dhash"], dhash) <= COVER_BITS]
        others = models.Submission.objects.live().exclude(label=self._label)
        return others.filter(resources__blob__in=alike, resources__kind=models.Resource.Kind.COVER).exists()

    def upc_elsewhere(self, upcs: Sequence[str]) -> bool:
        """Whether another account has a live release under a UPC, however spelt."""
        return any(owner != self._label.pk for owner, _ in self._under(tuple(upcs)))

    def registrant(self, prefix: str) -> RegistrantUse:
        """Who has delivered live tracks under the first five characters of an ISRC."""
        # A range instead of a pattern: every database finds it in the index.
        under = models.Track.objects.filter(isrc__gte=prefix, isrc__lt=f"{prefix}\uffff")
        live = under.exclude(submission__state__in=NOT_LIVE)
        if line := self._stored_line():
            live = live.exclude(submission__in=line)  # all of it is this account's own
        used = dict(live.values_list("submission__label").annotate(Count("pk")))
        own = used.pop(self._label.pk, 0)
        return RegistrantUse(own=own, elsewhere=sum(used.values()), accounts=len(used))

    def tracks_by(self, artist: str, days: int) -> int:
        """How many tracks by this artist alone the account has delivered in so many days."""
        since = timezone.now() - dt.timedelta(days=days)
        recent = models.Submission.objects.live().filter(label=self._label, received_at__gte=since)
        if line := self._stored_line():
            recent = recent.exclude(pk__in=line)
        return models.Track.objects.filter(submission__in=recent, artist=artist).count()

    def habits(self) -> Habits:
        """How the account has delivered."""
        now = timezone.now()
        live = models.Submission.objects.live().filter(label=self._label).exclude(pk__in=self._line())
        tracks = models.Track.objects.filter(submission__in=live)
        today = tracks.filter(submission__received_at__gte=now - DAY)
        month = tracks.filter(submission__received_at__range=(now - 31 * DAY, now - DAY))
        days = month.values_list(TruncDate("submission__received_at")).annotate(Count("pk")).values_list("pk__count")
        a_day = [count for (count,) in days]
        season = tracks.filter(submission__received_at__gte=now - 90 * DAY)
        lengths = today.values_list("resource__blob", "resource__blob__analysis__facts__duration").distinct()
        year = models.Submission.objects.filter(label=self._label, concluded_at__gte=now - YEAR)
        names = season.values_list("artist", flat=True).distinct()[:MOST_NAMES]
        return Habits(
            tracks_today=today.count(),
            tracks_a_day=sum(a_day) / 30,
            busiest_day=max(a_day, default=0),
            lengths_today=tuple(round(100 * one) for _, one in lengths[:MOST_NAMES] if one),
            tracks=season.count(),
            artists=frozenset(fold_party_name(name) for row in names for name in row.split(", ")),
            cleared=year.filter(state__in=CLEARED).count(),
            rejected=year.filter(state=State.REJECTED).exclude(pk__in=self._line()).count(),
        )

    def refused_with(self, parties: Sequence[str]) -> Mapping[str, int]:
        """How many of the last year's refused releases name each of the parties; the newest that were, where many."""
        since = timezone.now() - YEAR
        rejected = models.Submission.objects.filter(state=State.REJECTED, concluded_at__gte=since)
        wrong = set(rejected.order_by("-concluded_at").values_list("pk", flat=True)[:MOST_REFUSED])
        found = models.Decision.objects.filter(verdict=Verdict.LABEL, created_at__gte=since).order_by("-created_at")
        for submission, labels in found.values_list("submission_id", "labels")[:MOST_REFUSED]:
            if any(label["basis"] == Basis.VERIFIED_BY_HUMAN for label in labels):
                wrong.add(submission)  # a person found what the label had not declared
        counted: Counter[str] = Counter()
        rows = models.Submission.objects.filter(pk__in=wrong.difference(self._line()))
        for metadata in rows.values_list("metadata", flat=True):
            named = {
                fold_party_name(item["name"])
                for track in metadata["tracks"]
                for item in track.get("contributors") or ()
            }
            counted.update(named.intersection(parties))
        return dict(counted)

    def _under(self, upcs: tuple[str, ...]) -> Sequence[tuple[uuid.UUID, str]]:
        """(account, title) of every live release under a UPC: one look answers both questions about it."""
        if upcs not in self._seen:
            live = models.Submission.objects.live().filter(upc__in=upcs)
            if line := self._stored_line():
                live = live.exclude(pk__in=line)
            self._seen[upcs] = list(live.values_list("label_id", "title"))
        return self._seen[upcs]

    def _stored_line(self) -> list[uuid.UUID]:
        """As much of it as any row can be of: what is not stored yet has none."""
        return self._line()[1:] if self._submission and self._submission._state.adding else self._line()

    def _line(self) -> list[uuid.UUID]:
        """This submission and everything that it corrects, the correction of a correction included."""
        line: list[uuid.UUID] = []
        current = self._submission
        while current is not None and len(line) < LONGEST_LINE:
            line.append(current.pk)
            current = current.supersedes
        return line
