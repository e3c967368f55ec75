"""The instruments that checks ask: known recordings, protected names, and what the gate has seen before."""

from __future__ import annotations

import datetime as dt
import functools
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from checks.check import Context, Known, Match, ProtectedName, RegistrantUse
from checks.fingerprint.catalogue import find
from checks.fingerprint.store import LocalStore
from checks.names import fold, search_keys
from checks.release import AudioFacts
from intake import models


def context(label: models.Label, submission: models.Submission | None = None) -> Context:
    """The instruments for one label's release; with a submission, what it says of itself is left out."""
    return Context(recordings=Recordings(), names=Names(), history=Deliveries(label, submission))


def store() -> LocalStore:
    """The fingerprint index of this installation, one handle a process."""
    return _open(Path(settings.GATE_INDEX), os.getpid())


@functools.lru_cache(maxsize=1)
def _open(folder: Path, _process: int) -> LocalStore:
    return LocalStore(folder)


#: Recordings that are read for one title or ISRC: a hundred tell what a thousand would.
MOST_KNOWN = 100

#: Corrections of corrections that are followed; nobody has needed as many.
LONGEST_LINE = 50


class Recordings:
    """The reference catalogue: candidates from the index, evidence from the rows."""

    def matches(self, facts: AudioFacts) -> Sequence[Match]:
        """Known recordings that share sound with the file, best first."""
        found = find(store(), self._fingerprints, facts.fingerprint)
        rows = models.KnownRecording.objects.current().in_bulk([document for document, _ in found])
        return [
            Match(
                recording=str(row.pk),
                title=row.title,
                artist=row.artist,
                isrc=row.isrc or None,
                owner=row.owner,
                owner_account=str(row.label_id) if row.label_id else None,
                score=comparison.score,
                bit_error_rate=comparison.bit_error_rate,
                segments=comparison.segments,
                speed=comparison.speed,
                pitch=comparison.pitch,
                certain=comparison.certain,
            )
            for document, comparison in found
            if (row := rows.get(document))
        ]

    def under_isrc(self, isrc: str) -> Sequence[Known]:
        """The known recordings under an ISRC, with fingerprints."""
        rows = models.KnownRecording.objects.current().filter(isrc=isrc).order_by("pk")[:MOST_KNOWN]
        return [_known(row, bytes(row.fingerprint)) for row in rows]

    def titled(self, title: str) -> Sequence[Known]:
        """Known recordings with exactly this title, without fingerprints."""
        rows = models.KnownRecording.objects.current().filter(title=title).defer("fingerprint").order_by("pk")
        return [_known(row) for row in rows[:MOST_KNOWN]]

    @staticmethod
    def _fingerprints(documents: Sequence[int]) -> Mapping[int, bytes]:
        rows = models.KnownRecording.objects.current().filter(pk__in=documents)
        return {pk: bytes(fingerprint) for pk, fingerprint in rows.values_list("pk", "fingerprint")}


def _known(row: models.KnownRecording, fingerprint: bytes = b"") -> Known:
    return Known(
        recording=str(row.pk),
        title=row.title,
        artist=row.artist,
        isrc=row.isrc or None,
        owner_account=str(row.label_id) if row.label_id else None,
        duration=row.duration,
        fingerprint=fingerprint,
    )


class Names:
    """The identity registry, searched by key: an index, not a scan."""

    def near(self, name: str) -> Sequence[ProtectedName]:
        """Every protected name that shares a search key with this one."""
        rows = (
            models.ProtectedName.objects.filter(keys__key__in=search_keys(name))
            .distinct()
            .select_related("artist")
            .prefetch_related("artist__labels")
        )
        return [
            ProtectedName(
                artist=str(row.artist_id),
                name=row.name,
                accounts=frozenset(str(label.pk) for label in row.artist.labels.all()),
            )
            for row in rows.order_by("pk")
        ]


class Deliveries:
    """What was delivered before: this submission, and all that it supersedes, left out."""

    def __init__(self, label: models.Label, submission: models.Submission | None) -> None:
        self._label = label
        self._submission = submission

    def upc_seen(self, upc: str, title: str) -> bool:
        """Whether this account has delivered another live release, of another title, under this UPC."""
        own = self._live(upc).filter(label=self._label)
        return any(fold(other) != fold(title) for other in own.values_list("title", flat=True))

    def upc_elsewhere(self, upc: str) -> bool:
        """Whether another account has a live release under this UPC."""
        return self._live(upc).exclude(label=self._label).exists()

    def registrant(self, prefix: str) -> RegistrantUse:
        """Who has delivered live tracks under the first five characters of an ISRC."""
        # A range instead of a pattern: every database finds it in the index.
        under = models.Track.objects.filter(isrc__gte=prefix, isrc__lt=f"{prefix}\uffff")
        live = under.filter(submission__in=models.Submission.objects.live())
        others = live.exclude(submission__label=self._label)
        return RegistrantUse(
            own=live.filter(submission__label=self._label).exclude(submission__in=self._line()).count(),
            elsewhere=others.count(),
            accounts=others.values("submission__label").distinct().count(),
        )

    def tracks_by(self, artist: str, days: int) -> int:
        """How many tracks by this artist alone the account has delivered in so many days."""
        since = timezone.now() - dt.timedelta(days=days)
        recent = models.Submission.objects.live().filter(label=self._label, received_at__gte=since)
        return models.Track.objects.filter(submission__in=recent.exclude(pk__in=self._line()), artist=artist).count()

    def _live(self, upc: str) -> QuerySet[models.Submission]:
        live = models.Submission.objects.live().filter(upc=upc)
        return live.exclude(pk__in=self._line()) if self._submission else live

    def _line(self) -> list[uuid.UUID]:
        """This submission and everything that it corrects, the correction of a correction included."""
        line: list[uuid.UUID] = []
        current = self._submission
        while current is not None and len(line) < LONGEST_LINE:
            line.append(current.pk)
            current = current.supersedes
        return line
