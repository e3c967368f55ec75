"""The instruments that checks ask: known recordings, protected names, and what the gate has seen before."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import hmac
import os
import re
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, FilteredRelation, Max, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from checks import lattice_model
from checks.analysis.lattice import FEATURE_VERSION
from checks.check import (
    Context,
    Habits,
    Known,
    Match,
    OpenedArtist,
    OwnerClaim,
    ProtectedName,
    Refusal,
    RegistrantUse,
)
from checks.finding import Basis
from checks.fingerprint.catalogue import find
from checks.fingerprint.clickhouse import ClickHouseStore
from checks.fingerprint.store import Behind, LocalStore, SharedStore
from checks.fraud import party
from checks.lattice_model import Model, ModelError
from checks.names import Entry, entries, fold
from checks.policy import Policy, Verdict
from checks.release import AudioFacts, Track
from intake import models
from intake.models.submissions import NOT_LIVE
from intake.states import CLEARED, State


def context(
    label: models.Label, submission: models.Submission | None, rules: Policy, position: int | None = None
) -> Context:
    """The instruments for one label's release, as thorough as the policy has them; with a submission, what it says of
    itself is left out. ``position``: of the catalogue's log, which what is said of a sound must rest on."""
    return Context(
        recordings=Recordings(label, submission, rules, position),
        names=Names(submission),
        history=Deliveries(label, submission),
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
            return _model(path, path.stat().st_mtime_ns), ""
        except (OSError, ModelError) as error:
            return None, str(error)


@functools.lru_cache(maxsize=1)
def _model(path: Path, _changed: int) -> Model:
    return lattice_model.read(path.read_bytes(), FEATURE_VERSION)


def store() -> SharedStore:
    """The fingerprint index of this installation, one handle a process."""
    return _open(settings.GATE_INDEX_URL or Path(settings.GATE_INDEX), os.getpid())


def reopen() -> None:
    """Have the next question open the index anew, for its folder was removed."""
    _open.cache_clear()


@functools.lru_cache(maxsize=1)
def _open(place: Path | str, _process: int) -> SharedStore:
    return LocalStore(place) if isinstance(place, Path) else ClickHouseStore(place)


_Source = models.KnownRecording.Source
_PENDING, _BLOCKED, _REJECTED = _Source.PENDING, _Source.BLOCKED, _Source.REJECTED

#: Seconds after which it is counted anew how many recordings are known: the search need only know about how many.
COUNTED_EVERY = 600.0


@functools.lru_cache(maxsize=1)
def _about(_period: int) -> int:
    return models.KnownRecording.objects.current().count()


#: Recordings that are read for one title or ISRC: a hundred tell what a thousand would.
MOST_KNOWN = 100

#: Recordings that are compared at every offset because of what is written about a track: some 3 ms each.
MOST_SUGGESTED = 24

DAY = dt.timedelta(days=1)
#: So far back decisions say something of an account, or of a party.
YEAR = 365 * DAY
#: Names and recordings of an account that are read for its habits, and refused releases that parties are looked for in.
MOST_NAMES, MOST_REFUSED = 1000, 300

#: Corrections of corrections that are followed; nobody has needed as many.
LONGEST_LINE = 50


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
        """``position``: of the catalogue's log, as ``services.indexing.catch_up`` returns it; without, the end of the
        log at the time of each question."""
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
        known = _about(int(time.monotonic() // COUNTED_EVERY))
        found = find(
            store().at(self._needed()),
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
        refused = _refusals(models.StayDown.objects.filter(recording__in=list(rows)), "recording_id", self._submission)
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
                duration=row.duration,
                pending=self._pending(row),
                blocked=blocked.get(row.pk),
                refusals=tuple(refused.get(row.pk, ())),
                claim=_claim(row),
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
        return [_known(row, bytes(row.fingerprint), reviewed.get((row.sha256, row.isrc))) for row in rows]

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
            known[row.title].append(_known(row))
        return known

    @staticmethod
    def _picture(sha256: str) -> bytes:
        """Pictures are large, and nobody else wants them: they are read here and not with the facts."""
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
        return _refusals(named, "value", self._submission) if values else {}


def _refusals(
    entries: QuerySet[models.StayDown], key: str, submission: models.Submission | None
) -> dict[Any, list[Refusal]]:
    """The standing entries by the field ``key``, but for those of the submission itself."""
    standing = entries.filter(lifted_at__isnull=True).select_related("decision__submission__label")
    if submission is not None and not submission._state.adding:
        standing = standing.exclude(decision__submission=submission)
    found: dict[Any, list[Refusal]] = defaultdict(list)
    for one in standing.order_by("created_at", "pk"):
        decision, rejected = one.decision, one.decision.submission
        found[getattr(one, key)].append(
            Refusal(
                decision=str(decision.pk),
                submission=str(rejected.pk),
                account=str(rejected.label_id),
                account_name=rejected.label.name,
                title=one.title,
                artist=one.artist,
                ground=one.ground,
                decided_by=decision.actor,
                decided_at=decision.created_at,
                received_at=rejected.received_at or rejected.created_at,
            )
        )
    return dict(found)


def _claim(row: models.KnownRecording) -> OwnerClaim:
    """On whose word the row names its owner."""
    if row.source == _Source.LEARNED:
        return OwnerClaim.CLAIMED if row.label_id else OwnerClaim.REGISTERED
    return OwnerClaim.DELIVERED


def _known(row: models.KnownRecording, fingerprint: bytes = b"", reviewed_since: dt.datetime | None = None) -> Known:
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
        claim=_claim(row),
        known_since=row.learned_at,
        reviewed_since=reviewed_since,
    )


#: Marks artists' keys, so that secret scanners and people recognise a leaked one.
KEY_MARK = "rak"
_ARTIST_KEY = re.compile(KEY_MARK + r"_([0-9a-f]{10})_(.+)")
#: So many search keys go into one question: more than a release has, and fewer than any database takes.
KEYS_AT_ONCE = 10_000


class Names:
    """The identity registry, searched by key: an index, not a scan."""

    def __init__(self, submission: models.Submission | None = None) -> None:
        self._submission = submission
        self._near: dict[str, Sequence[ProtectedName]] = {}  # several checks of one release ask for the same names

    def near_all(self, names: Iterable[str]) -> Mapping[str, Sequence[ProtectedName]]:
        """Every protected name that meets an entry, for each of the names: two questions for all of them."""
        wanted = list(names)
        if new := [name for name in wanted if name not in self._near]:
            self._near |= dict.fromkeys(new, ()) | self._looked_up(new)
        return {name: near for name in wanted if (near := self._near[name])}

    def _looked_up(self, names: Sequence[str]) -> dict[str, Sequence[ProtectedName]]:
        asked: defaultdict[int, list[tuple[str, Entry]]] = defaultdict(list)
        for name in names:
            for entry in entries(name):
                asked[entry.key].append((name, entry))
        found: defaultdict[str, set[int]] = defaultdict(set)
        for key, number, sketch in self._kept(sorted(asked)):
            for name, entry in asked[key]:
                if entry.meets(sketch):
                    found[name].add(number)
        rows = self._rows(set().union(*found.values()))
        return {
            name: near
            for name, numbers in found.items()
            if (near := [rows[number] for number in sorted(numbers) if number in rows])
        }

    @staticmethod
    def _kept(keys: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """(key, number of the name, sketch) of what is kept under these keys.

        Half a thousand names have the first half of a long one in common, so that rows are read as plain numbers and
        most of them dropped before anything is built of them.
        """
        table = connection.ops.quote_name(models.NameKey._meta.db_table)
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            places = ", ".join(["%s"] * len(some))
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT key, name_id, sketch FROM {table} WHERE key IN ({places})", some)  # noqa: S608
                yield from cursor.fetchall()

    @staticmethod
    def _rows(numbers: Collection[int]) -> Mapping[int, ProtectedName]:
        """The protected names of these numbers, with the labels that may deliver for their artists."""
        standing = FilteredRelation(
            "artist__authorisations", condition=Q(artist__authorisations__ended_at__isnull=True)
        )
        accounts: defaultdict[tuple[int, str, uuid.UUID], dict[str, bool]] = defaultdict(dict)
        wanted = sorted(numbers)
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            some = models.ProtectedName.objects.filter(pk__in=wanted[start : start + KEYS_AT_ONCE])
            for pk, text, artist, label, word in some.annotate(standing=standing).values_list(
                "pk", "name", "artist_id", "standing__label_id", "standing__vouched_by"
            ):
                accounts[pk, text, artist].update({str(label): not _is_a_labels_word(word)} if label else {})
        return {
            pk: ProtectedName(
                str(artist), text, frozenset(labels), frozenset(label for label, vouched in labels.items() if vouched)
            )
            for (pk, text, artist), labels in accounts.items()
        }

    def opened_by(self, text: str) -> OpenedArtist | None:
        """The protected artist whose valid key this is.

        A stored release has its keys cut; then what counts is the key that the submission came with.
        """
        key = artist_key(text)
        if key is None and self._submission is not None:
            prefix = artist_key_prefix(text)
            came_with = models.ArtistKey.objects.filter(presented__submission_id=self._submission.pk, prefix=prefix)
            key = came_with.filter(revoked_at__isnull=True).first()
        return OpenedArtist(str(key.artist_id), key.prefix, _is_vouched_for(key)) if key else None


def _is_a_labels_word(actor: str) -> bool:
    """Whether a label vouched for itself: it can protect any name that is free."""
    return actor.startswith("label:")


def _is_vouched_for(key: models.ArtistKey) -> bool:
    """Whether the operator or a moderator issued an artist's key, or vouched for the label that did."""
    if not _is_a_labels_word(key.issued_by):
        return True
    standing = models.Authorisation.objects.filter(artist=key.artist_id, ended_at__isnull=True).select_related("label")
    return any(one.label.actor == key.issued_by and not _is_a_labels_word(one.vouched_by) for one in standing)


def artist_key(text: str) -> models.ArtistKey | None:
    """The row of a whole key that is valid; comparing takes as long where there is none."""
    match = _ARTIST_KEY.fullmatch(text)
    if match is None:
        return None
    found = models.ArtistKey.objects.filter(prefix=match[1]).first()
    expected = found.digest if found else artist_key_digest("")
    matches = hmac.compare_digest(expected, artist_key_digest(match[2]))
    return found if found and matches and found.revoked_at is None else None


def artist_key_prefix(text: str) -> str:
    """The part of an artist's key that is no secret; "" for what has not the form of one."""
    match = _ARTIST_KEY.fullmatch(text)
    return match[1] if match else ""


def artist_key_digest(secret: str) -> str:
    """The secret has 256 bits of its own randomness, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


#: Bits of a perceptual hash in which copies of one picture differ after scaling and recoding: with up to three, two
#: hashes share at least one of their four parts, so that copies are found by those.
COVER_BITS = 3


def bands(dhash: str) -> list[int]:
    """The four parts of a perceptual hash, as they are searched."""
    return [65_536 * index + int(dhash[4 * index : 4 * index + 4], 16) for index in range(4)]


def _differing(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


class Deliveries:
    """What was delivered before: this submission, and all that it supersedes, left out."""

    def __init__(self, label: models.Label, submission: models.Submission | None) -> None:
        self._label = label
        self._submission = submission
        self._seen: dict[tuple[str, ...], Sequence[tuple[uuid.UUID, str]]] = {}

    def upc_seen(self, upcs: Sequence[str], title: str) -> bool:
        """Whether this account has delivered another live release of another title under a UPC, however spelt."""
        return any(fold(other) != fold(title) for owner, other in self._under(tuple(upcs)) if owner == self._label.pk)

    def cover_seen(self, dhash: str) -> bool:
        """Whether another account has a live release whose cover looks the same."""
        near = models.ImageMeasurement.objects.filter(bands__band__in=bands(dhash)).distinct()
        alike = [row.pk for row in near if _differing(row.facts["dhash"], dhash) <= COVER_BITS]
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
            artists=frozenset(party(name) for row in names for name in row.split(", ")),
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
            named = {party(one["name"]) for track in metadata["tracks"] for one in track.get("contributors") or ()}
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
