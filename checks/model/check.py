"""A check: a named, versioned question put to a release, and the instruments it may use to answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from checks.model.artefact_model import Model
from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import AudioFacts, Delivery, Track

#: The gate's own findings about checks that gave no answer: never a pass.
CHECK_FAILED = Code(
    "check.failed",
    "A check could not be carried out, so a human looks.",
    Severity.CRITICAL,
    Route.REVIEW,
    "the gate itself",
)

CHECK_MISSING = Code(
    "check.missing",
    "A check that the policy demands has no result, so a human looks.",
    Severity.CRITICAL,
    Route.REVIEW,
    "the gate itself",
)

#: What a label reads instead of a code that is for moderators only: the same words whatever the code is.
PERSON_REQUIRED = Code(
    "check.person_required",
    "This release needs a person's check.",
    Severity.WARNING,
    Route.REVIEW,
    "the gate itself",
)

PARTIAL_ACCEPTED = Code(
    "partial.accepted",
    "A person's decision on the whole release is carried over to the part of it that the label accepted.",
    Severity.INFORMATION,
    Route.REVIEW,
    "the gate itself",
)

#: The gate's own reasons, which no check reports: labels read their rule as the message.
OWN_REASONS = (CHECK_MISSING, PERSON_REQUIRED, PARTIAL_ACCEPTED)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch that two recordings share; all times in seconds."""

    start: float
    end: float
    reference_start: float
    reference_end: float


class OwnerClaim(StrEnum):
    """The source from which the catalogue names the owner of a known recording."""

    REGISTERED = "registered"  # the operator's, who taught it
    CLAIMED = "claimed"  # the account's own, which taught it
    DELIVERED = "delivered"  # the account's own; its delivery was accepted or is being checked


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision that rejected content, by which the same content is recognised again. For moderators only."""

    decision: str  # id
    submission: str  # id of what was rejected
    account: str  # id of the account that had delivered it
    account_name: str
    title: str  # of the track
    artist: str
    ground: str  # key of the policy's reason
    decided_by: str  # the actor
    decided_at: dt.datetime
    received_at: dt.datetime  # when the rejected submission had come in


@dataclass(frozen=True, slots=True)
class Match:
    """A known recording that a file resembles: how much, where, and how it was changed."""

    recording: str  # id in the catalogue
    title: str
    artist: str
    isrc: str | None
    owner: str  # name of who controls it
    owner_account: str | None  # id of the account, where the owner delivers here
    score: float  # 0-1, of similarity; not a probability
    bit_error_rate: float
    segments: tuple[Segment, ...]
    speed: float = 1.0  # 1.06: the delivered file plays 6 % faster
    pitch: float = 0.0  # semitones beyond what the speed explains
    filtered: bool = False  # its balance of low and high is not that of the known recording
    certain: bool = True  # False: in the band that only a human can judge
    #: Seconds by which its tempo wanders against the known recording's, where that is more than a copy's does; else 0.
    deviation: float = 0.0
    duration: float = 0.0  # of the known recording, in seconds; 0 where unknown
    #: The submission of another account that brings it and was not decided when this one came in.
    pending: str | None = None
    blocked: str | None = None  # why it is on the blocklist
    refusals: tuple[Refusal, ...] = ()  # the decisions that rejected this sound and stand
    claim: OwnerClaim = OwnerClaim.REGISTERED
    known_since: dt.datetime | None = None
    #: Of the delivering account's own recordings: when the last delivery came in that a person has accepted. What the
    #: gate knew by then, that person could weigh. None: no person has accepted one.
    reviewed_since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A known recording by what is written about it."""

    recording: str  # id in the catalogue
    title: str
    artist: str
    isrc: str | None
    owner_account: str | None  # id of the account, where the owner delivers here
    duration: float = 0.0  # seconds
    fingerprint: bytes = b""
    owner: str = ""  # name of who controls it
    pending: bool = False  # brought by a submission that is not decided
    claim: OwnerClaim = OwnerClaim.REGISTERED
    known_since: dt.datetime | None = None
    reviewed_since: dt.datetime | None = None  # as in a match


class KnownRecordings(Protocol):
    """The reference catalogue, as a check may ask it."""

    def matches(self, facts: AudioFacts, track: Track | None = None) -> Sequence[Match]:
        """Known recordings that share sound with the file, best first.

        What the ``track`` is said to be (its ISRC, title and artists, and what it derives from) suggests recordings
        that are compared at every offset, whatever the index says.
        """

    def under_isrc(self, isrc: str) -> Sequence[Known]:
        """The known recordings under an ISRC, twelve characters without hyphens; with fingerprints.

        What was rejected or blocked is not among them: no ISRC is held against it.
        """

    def titled(self, titles: Iterable[str]) -> Mapping[str, Sequence[Known]]:
        """Known recordings with exactly these titles, some of them where there are many; without fingerprints.

        Titles that nothing has may be left out.
        """


@dataclass(frozen=True, slots=True)
class ProtectedName:
    """A name that the registry guards, and the accounts that may use it."""

    artist: str  # id of the protected artist
    name: str  # the name or alias, as registered
    accounts: frozenset[str] = frozenset()
    #: Those of the accounts for which the operator or a moderator vouched. A label can protect a name for itself.
    vouched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OpenedArtist:
    """The protected artist that belongs to a release's key, and the part of the key that is no secret."""

    artist: str  # id of the protected artist
    prefix: str
    #: Whether the operator or a moderator issued the key, or vouched for the label that did.
    vouched: bool = False


class ProtectedNames(Protocol):
    """The identity registry, as a check may ask it."""

    def near_all(self, names: Iterable[str]) -> Mapping[str, Sequence[ProtectedName]]:
        """For each name every protected name that could be meant by it: a superset, for the check to judge.

        Names without a match may be left out.
        """

    def opened_by(self, text: str) -> OpenedArtist | None:
        """The protected artist to which this valid key belongs, whole or as a stored release has it."""


@dataclass(frozen=True, slots=True)
class RegistrantUse:
    """How many live tracks the gate has under one ISRC registrant: of this account, and of how many others."""

    own: int = 0
    elsewhere: int = 0
    accounts: int = 0  # the others


@dataclass(frozen=True, slots=True)
class Habits:
    """How an account has delivered, this submission and what it supersedes left out."""

    tracks_today: int = 0  # in the last 24 hours
    tracks_a_day: float = 0.0  # in the 30 days before those
    busiest_day: int = 0  # of these 30
    lengths_today: tuple[int, ...] = ()  # of its different recordings in the last 24 hours, in hundredths of a second
    tracks: int = 0  # in 90 days
    artists: frozenset[str] = frozenset()  # who they are by, folded
    cleared: int = 0  # releases in a year
    rejected: int = 0  # the same; what was opened again does not count


class History(Protocol):
    """What the gate has seen before, as a check may ask it; this submission and what it supersedes excluded."""

    def upc_seen(self, upcs: Sequence[str], title: str) -> bool:
        """Whether this account has delivered another live release of another title under a UPC, however spelt."""

    def cover_seen(self, dhash: str) -> bool:
        """Whether another account has a live release with such artwork; ``dhash``: 64 bits, in hexadecimal."""

    def upc_elsewhere(self, upcs: Sequence[str]) -> bool:
        """Whether another account has a live release under a UPC, however spelt."""

    def registrant(self, prefix: str) -> RegistrantUse:
        """Who has delivered live tracks under this country and registrant: the first five characters of an ISRC."""

    def tracks_by(self, artist: str, days: int) -> int:
        """How many tracks with this one display artist the account has delivered in so many days."""

    def habits(self) -> Habits:
        """How the account has delivered."""

    def refused_with(self, parties: Sequence[str]) -> Mapping[str, int]:
        """How many releases of the last year that were rejected, or found to hide AI, name each of the parties.

        Names are folded as ``checks.rules.fraud.fold_party_name`` does, whichever account's releases they are on.
        """


class LatticeReference(Protocol):
    """What this installation knows about acoustic traces, as a check may ask it."""

    def human_scores(self, feature_version: str) -> Sequence[float]:
        """The scores of recordings that people are verified to have made, in rising order."""

    def model(self) -> tuple[Model | None, str]:
        """The installation's own model, or why the one that it names cannot be used; neither where it names none."""


class Blocklist(Protocol):
    """What was blocked by its name, as a check may ask it; blocked recordings are found by their sound."""

    def listed(self, kind: str, values: Sequence[str]) -> Mapping[str, str]:
        """Which of the values (isrc, upc, party, file; in canonical form) are on the list, each with the reason."""


class RefusedContent(Protocol):
    """What rejections have left behind by name, as a check may ask it; rejected sound is found by ``matches``."""

    def named(self, kind: str, values: Sequence[str]) -> Mapping[str, Sequence[Refusal]]:
        """The refusals that stand against each of the values (kind: isrc, file; in canonical form).

        Those of the submission itself, and values without any, are left out.
        """


@dataclass(frozen=True, slots=True)
class Context:
    """The instruments."""

    recordings: KnownRecordings
    names: ProtectedNames
    history: History
    blocklist: Blocklist
    refused: RefusedContent
    lattice: LatticeReference | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A question. ``run`` is pure: same delivery, same instruments, same findings."""

    name: str
    version: int
    title: str  # for people
    codes: tuple[Code, ...]
    run: Callable[[Delivery, Context], Iterable[Finding]]
    needs_audio: bool = False  # put only once every audio file is measured
    needs_images: bool = False  # and its covers are measured before
    hears_declaration: bool = False  # answers depend on what was declared about AI
