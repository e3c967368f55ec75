"""The instruments that checks ask: known recordings, protected names, and what the gate has seen before."""

from __future__ import annotations

import datetime as dt
import functools
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from checks.analysis.artefact_lines import FEATURE_VERSION
from checks.fingerprint.clickhouse import ClickHouseStore
from checks.fingerprint.local_store import LocalStore
from checks.fingerprint.matcher import find_matches
from checks.fingerprint.store import Behind, SharedStore
from checks.model import artefact_model
from checks.model.artefact_model import Model, ModelError
from checks.model.check import Context, Known, Match, OwnerClaim, Refusal
from checks.model.release import AudioFacts, Track
from checks.policy import Policy, Verdict
from intake import models
from intake.core.states import CLEARED, State
from intake.readers.delivery_history import YEAR, DeliveryHistory
from intake.readers.protected_names import Names


def build_check_context(
    label: models.Label, submission: models.Submission | None, rules: Policy, position: int | None = None
) -> Context:
    """The instruments for one label's release, as thorough as the policy has them; with a submission, what it says of
    itself is left out. ``position``: of the catalogue's log, which what is said of a sound must rest on."""
    return Context(
        recordings=Recordings(label, submission, rules, position),
        names=Names(submission),
        history=DeliveryHistory(label, submission),
        blocklist=Blocks(),
        refused=Refused(submission),
        lattice=Lattice(),
    )


class Lattice:
    """What this installation knows about acoustic traces: its verified recordings, and a model where it names one."""

    def human_scores(self, feature_version: str) -> Sequence[float]:
        rows = models.VerifiedRecording.objects.filter(feature_version=feature_version)
        return list(rows.order_by("score").values_list("score", flat=True))

    def model(self) -> tuple[Model | None, str]:
        if not settings.GATE_LATTICE_MODEL:
            return None, ""
        path = Path(settings.GATE_LATTICE_MODEL)
        try:
            return _cached_artefact_model(path, path.stat().st_mtime_ns), ""
        except (OSError, ModelError) as error:
            return None, str(error)


@functools.lru_cache(maxsize=1)
def _cached_artefact_model(path: Path, _changed: int) -> Model:
    return artefact_model.parse_artefact_model(path.read_bytes(), FEATURE_VERSION)


def open_fingerprint_store() -> SharedStore:
    """The fingerprint index of this installation, one handle a process."""
    return _open_cached_store(settings.GATE_INDEX_URL or Path(settings.GATE_INDEX), os.getpid())


def reopen_fingerprint_store() -> None:
    """Have the next question open the index anew, for its folder was removed."""
    _open_cached_store.cache_clear()


@functools.lru_cache(maxsize=1)
def _open_cached_store(place: Path | str, _process: int) -> SharedStore:
    return LocalStore(place) if isinstance(place, Path) else ClickHouseStore(place)


_Source = models.KnownRecording.Source
_PENDING, _BLOCKED, _REJECTED = _Source.PENDING, _Source.BLOCKED, _Source.REJECTED

#: Seconds after which it is counted anew how many recordings are known: the search need only know about how many.
COUNTED_EVERY = 600.0


@functools.lru_cache(maxsize=1)
def _count_known_recordings(_period: int) -> int:
    return models.KnownRecording.objects.current().count()


#: Recordings that are read for one title or ISRC: a hundred tell what a thousand would.
MOST_KNOWN = 100

#: Recordings that are compared at every offset because of what is written about a track: some 3 ms each.
MOST_SUGGESTED = 24


class Recordings:
    """The reference catalogue: candidates from the index, evidence from the rows.

    What submissions that are not decided have brought is in it as well, but for what this one has brought itself.
    """

    def __init__(
        self,
        label: models.Label | None = None,
        submission: models.Submission | None = None,
        rules: Policy | None = None,
        position: int | None = None,
    ) -> None:
        """``position``: of the catalogue's log, as ``index_log.catch_up`` returns it; by default, the end of the log at
        the time of each question."""
        self._label = label
        self._submission = submission
        self._rules = rules
        self._position = position

    def matches(self, facts: AudioFacts, track: Track | None = None) -> Sequence[Match]:
        """Known recordings that share sound with the file, best first.

        Raises checks.fingerprint.store.Behind where this host's index has not applied as much of the log.
        """
        suggested = self._suggested(track) if track else []
        picture = facts.picture or self._picture(facts.sha256)
        known = _count_known_recordings(int(time.monotonic() // COUNTED_EVERY))
        found = find_matches(
            open_fingerprint_store().at(self._needed()),
            self._fingerprints,
            facts.fingerprint,
            picture=picture,
            suggested=suggested,
            known=known,
            undo=self._undoes(),
        )
        rows = self._rows().select_related("submission").in_bulk([document for document, _ in found])
        blocks = models.Block.objects.standing().filter(recording__in=list(rows))
        blocked = dict(blocks.values_list("recording_id", "reason"))
        refused = _group_refusals(
            models.StayDown.objects.filter(recording__in=list(rows)), "recording_id", self._submission
        )
        reviewed = self._reviewed_since(rows.values())
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
                filtered=comparison.filtered,
                certain=comparison.certain,
                deviation=comparison.deviation if comparison.bends else 0.0,
                duration=row.duration,
                pending=self._pending(row),
                blocked=blocked.get(row.pk),
                refusals=tuple(refused.get(row.pk, ())),
                claim=_owner_claim_of(row),
                known_since=row.learned_at,
                reviewed_since=reviewed.get((row.sha256, row.isrc)),
            )
            for document, comparison in found
            if (row := rows.get(document))
            and not (row.source == _BLOCKED and row.pk not in blocked)
            and not (row.source == _REJECTED and row.pk not in refused)
        ]

    def _needed(self) -> int:
        if self._position is not None:
            return self._position
        head = models.CatalogueChange.objects.head()
        if head.waiting:
            raise Behind("something was learned or forgotten that the catalogue's log does not have yet")
        return head.position

    def _suggested(self, track: Track) -> list[int]:
        """Recordings that the track may be by what is written about it, the likeliest first."""
        isrcs = [track.isrc, *(relation.isrc for relation in track.relations)]
        titles = [track.title, *(relation.title for relation in track.relations)]
        artists = [artist.name for artist in track.display_artists]
        ways = (
            Q(isrc__in=[isrc.replace("-", "") for isrc in isrcs if isrc]),
            Q(title__in=[title for title in titles if title]),
            Q(artist__in=artists),
        )
        found: dict[int, None] = {}
        for way in ways:
            found |= dict.fromkeys(
                self._rows().filter(way).order_by("-pk").values_list("pk", flat=True)[:MOST_SUGGESTED]
            )
        return list(found)[:MOST_SUGGESTED]

    def _undoes(self) -> bool:
        """Whether changes of speed, pitch and tempo are undone: as the policy has it for this label, and always where
        a person asks and no label delivers."""
        label, rules = self._label, self._rules
        if label is None or rules is None:
            return True
        now = timezone.now()
        rejected = models.Submission.objects.filter(label=label, state=State.REJECTED, concluded_at__gte=now - YEAR)
        return rules.undoes_changes(now - label.created_at, rejected.exists)

    def _rows(self) -> QuerySet[models.KnownRecording]:
        """The catalogue without what this submission itself has brought."""
        current = models.KnownRecording.objects.current()
        if self._submission is None:
            return current
        return current.exclude(submission=self._submission) if self._submission.pk else current

    def _pending(self, row: models.KnownRecording) -> str | None:
        """The submission of another label that brought this and was not decided when this one came in.

        One that was cleared meanwhile still counts: who comes second must not learn how fast the first is decided.
        """
        if row.submission is None or self._label is None or row.label_id == self._label.pk:
            return None
        came = self._submission.received_at if self._submission else None
        decided = row.submission.concluded_at
        meanwhile = came is not None and decided is not None and decided >= came and row.source != _REJECTED
        return str(row.submission_id) if row.source == _PENDING or meanwhile else None

    def _reviewed_since(self, rows: Iterable[models.KnownRecording]) -> Mapping[tuple[str, str], dt.datetime]:
        """(file, ISRC) of the label's own recordings → when the last delivery came in that a person has accepted."""
        label = self._label
        if label is None or label._state.adding:
            return {}
        own = {row.sha256 for row in rows if row.sha256 and row.source not in (_PENDING, _REJECTED, _BLOCKED)}
        accepted = models.Decision.objects.human().filter(verdict__in=(Verdict.APPROVE, Verdict.LABEL))
        tracks = models.Track.objects.filter(
            submission__label=label,
            submission__state__in=CLEARED,
            submission__decisions__in=accepted,
            resource__blob__in=own,
        )
        since = tracks.values_list("resource__blob", "isrc").annotate(Max("submission__received_at"))
        return {(sha256, isrc): received for sha256, isrc, received in since if received} if own else {}

    def under_isrc(self, isrc: str) -> Sequence[Known]:
        """The known recordings under an ISRC, with fingerprints; nothing that was rejected or blocked."""
        known = self._rows().filter(isrc=isrc).exclude(source__in=(_REJECTED, _BLOCKED))
        rows = list(known.exclude(stay_downs__in=models.StayDown.objects.standing()).order_by("pk")[:MOST_KNOWN])
        own = [row for row in rows if self._label is not None and row.label_id == self._label.pk]
        reviewed = self._reviewed_since(own)
        return [_build_known_value(row, bytes(row.fingerprint), reviewed.get((row.sha256, row.isrc))) for row in rows]

    def titled(self, titles: Iterable[str]) -> Mapping[str, Sequence[Known]]:
        """Known recordings with exactly these titles, without fingerprints: one question, unless one title has many."""
        wanted = list(titles)
        # What is not decided has no title that others may hear of.
        rows = models.KnownRecording.objects.settled().exclude(source=_BLOCKED).defer("fingerprint").order_by("pk")
        found = list(rows.filter(title__in=wanted)[: MOST_KNOWN + 1]) if wanted else []
        if len(found) > MOST_KNOWN and len(wanted) > 1:  # so that a common title takes no room from a rare one
            return {title: self.titled([title])[title] for title in wanted}
        known: dict[str, list[Known]] = {title: [] for title in wanted}
        for row in found[:MOST_KNOWN]:
            known[row.title].append(_build_known_value(row))
        return known

    @staticmethod
    def _picture(sha256: str) -> bytes:
        """Pictures are large, and only this reader needs them: they are read here and not with the facts."""
        content = models.Picture.objects.filter(pk=sha256).values_list("content", flat=True).first()
        return bytes(content) if content else b""

    def _fingerprints(self, documents: Sequence[int]) -> Mapping[int, bytes]:
        rows = self._rows().filter(pk__in=documents)
        return {pk: bytes(fingerprint) for pk, fingerprint in rows.values_list("pk", "fingerprint")}


class Blocks:
    """The blocklist, as far as it goes by names and numbers."""

    def listed(self, kind: str, values: Sequence[str]) -> Mapping[str, str]:
        """Which of the values are blocked, each with the reason."""
        standing = models.Block.objects.standing().filter(kind=kind, value__in=values)
        return dict(standing.values_list("value", "reason")) if values else {}


class Refused:
    """What rejections have left behind by name; that of the submission itself left out."""

    def __init__(self, submission: models.Submission | None) -> None:
        self._submission = submission

    def named(self, kind: str, values: Sequence[str]) -> Mapping[str, Sequence[Refusal]]:
        """The refusals that stand against each of the values."""
        named = models.StayDown.objects.filter(kind=kind, value__in=values)
        return _group_refusals(named, "value", self._submission) if values else {}


def _group_refusals(
    entries: QuerySet[models.StayDown], key: str, submission: models.Submission | None
) -> dict[Any, list[Refusal]]:
    """The standing entries by the field ``key``, but for those of the submission itself."""
    standing = entries.filter(lifted_at__isnull=True).select_related("decision__submission__label")
    if submission is not None and not submission._state.adding:
        standing = standing.exclude(decision__submission=submission)
    found: dict[Any, list[Refusal]] = defaultdict(list)
    for item in standing.order_by("created_at", "pk"):
        decision, rejected = item.decision, item.decision.submission
        found[getattr(item, key)].append(
            Refusal(
                decision=str(decision.pk),
                submission=str(rejected.pk),
                account=str(rejected.label_id),
                account_name=rejected.label.name,
                title=item.title,
                artist=item.artist,
                ground=item.ground,
                decided_by=decision.actor,
                decided_at=decision.created_at,
                received_at=rejected.received_at or rejected.created_at,
            )
        )
    return dict(found)


def _owner_claim_of(row: models.KnownRecording) -> OwnerClaim:
    """The source from which the row names its owner."""
    if row.source == _Source.LEARNED:
        return OwnerClaim.CLAIMED if row.label_id else OwnerClaim.REGISTERED
    return OwnerClaim.DELIVERED


def _build_known_value(
    row: models.KnownRecording, fingerprint: bytes = b"", reviewed_since: dt.datetime | None = None
) -> Known:
    return Known(
        recording=str(row.pk),
        title=row.title,
        artist=row.artist,
        isrc=row.isrc or None,
        owner_account=str(row.label_id) if row.label_id else None,
        duration=row.duration,
        fingerprint=fingerprint,
        owner=row.owner,
        pending=row.source == _PENDING,
        claim=_owner_claim_of(row),
        known_since=row.learned_at,
        reviewed_since=reviewed_since,
    )
