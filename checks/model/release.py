"""The release as delivered and the sound as measured: everything a check may see, frozen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class ContainsAI(StrEnum):
    """How much of something is machine-made, in the words of DDEX ERN 4.3.2 (lower case)."""

    ALL = "all"
    PARTLY = "partly"
    NONE = "none"
    UNDECLARED = "undeclared"


class Element(StrEnum):
    """The part of a recording (or its artwork) that a contribution speaks of."""

    LEAD_VOCALS = "lead_vocals"
    BACKING_VOCALS = "backing_vocals"
    INSTRUMENTS = "instruments"
    COMPOSITION = "composition"
    LYRICS = "lyrics"
    PRODUCTION = "production"
    MIXING_MASTERING = "mixing_mastering"
    ARTWORK = "artwork"
    VIDEO = "video"
    METADATA = "metadata"


class Level(StrEnum):
    """How far a machine made that part."""

    NONE = "none"
    ASSISTIVE_TOOL = "assistive_tool"
    PARTLY_GENERATED = "partly_generated"
    FULLY_GENERATED = "fully_generated"

    @property
    def generated(self) -> bool:
        """True where a machine made material; an assistive tool makes none."""
        return self in (Level.PARTLY_GENERATED, Level.FULLY_GENERATED)


class Imitates(StrEnum):
    """Whether an identifiable person's voice, name or style is imitated."""

    NO = "no"
    WITH_CONSENT = "with_consent"
    WITHOUT_CONSENT = "without_consent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Artist:
    """A display artist: the name that listeners see."""

    name: str
    role: str = "main"  # main | featured
    isni: str | None = None
    party_type: str | None = None
    artist_key: str | None = field(default=None, repr=False)  # a secret: it must not reach a log


@dataclass(frozen=True, slots=True)
class Contributor:
    """A party with its parts in the recording."""

    name: str
    roles: tuple[str, ...]
    ipi: str | None = None
    isni: str | None = None
    ai_contribution: ContainsAI = ContainsAI.UNDECLARED


@dataclass(frozen=True, slots=True)
class RightsLine:
    """A ℗ or © line."""

    year: int
    owner: str


@dataclass(frozen=True, slots=True)
class Share:
    """One party's share of a right, in percent."""

    party: str
    percent: Decimal
    accepted: bool | None = None  # whether the party has agreed to it; None where the label does not say


@dataclass(frozen=True, slots=True)
class Relation:
    """How this recording derives from another one."""

    type: str
    isrc: str | None = None
    iswc: str | None = None
    title: str | None = None
    artist: str | None = None
    licence_file: str | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a machine did to one element, as the label declares it."""

    element: Element
    level: Level
    tool: str | None = None
    tool_version: str | None = None
    tool_licence: str | None = None
    human_contributor: str | None = None
    imitates: Imitates = Imitates.NO
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the label declares about AI use in one track."""

    status: str = "undeclared"  # undeclared | declared
    contributions: tuple[Contribution, ...] = ()
    contains_ai: ContainsAI = ContainsAI.UNDECLARED  # of the whole recording, where its parts are not spoken of

    @property
    def declared(self) -> bool:
        return self.status == "declared"


@dataclass(frozen=True, slots=True)
class Cover:
    """The front cover as delivered."""

    file: str
    contains_ai: ContainsAI = ContainsAI.UNDECLARED


@dataclass(frozen=True, slots=True)
class Track:
    """One position on the release, pointing at a recording."""

    position: int
    title: str
    file: str
    version: str = ""
    isrc: str | None = None
    iswc: str | None = None
    display_artists: tuple[Artist, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    vocals: str | None = None  # vocal | instrumental | spoken
    language: str | None = None
    advisory: str | None = None
    lyrics: str | None = None
    preview_start: Decimal | None = None
    master_shares: tuple[Share, ...] | None = None
    composition_shares: tuple[Share, ...] | None = None
    relations: tuple[Relation, ...] = ()
    disclosure: Disclosure = Disclosure()

    @property
    def subject(self) -> str:
        """How findings name this track."""
        return f"track:{self.position}"

    def people(self, *roles: str) -> tuple[Contributor, ...]:
        """The contributors that hold at least one of the roles."""
        return tuple(c for c in self.contributors if not set(roles).isdisjoint(c.roles))


@dataclass(frozen=True, slots=True)
class Release:
    """The product as it will appear: what the label says about it, and nothing measured."""

    title: str
    type: str  # single | ep | album | compilation
    tracks: tuple[Track, ...]
    version: str = ""
    upc: str | None = None
    display_label: str | None = None
    label_dpid: str | None = None  # DDEX party id of the sender
    release_date: dt.date | None = None
    original_release_date: dt.date | None = None
    preorder_date: dt.date | None = None
    display_artists: tuple[Artist, ...] = ()
    p_line: RightsLine | None = None
    c_line: RightsLine | None = None
    genre: str | None = None
    language: str | None = None
    advisory: str | None = None
    territories: tuple[str, ...] = ()
    excluded_territories: tuple[str, ...] = ()  # of those, or of the whole world, left out
    cover: Cover | None = None

    @property
    def subject(self) -> str:
        return "release"


@dataclass(frozen=True, slots=True)
class TagClaim:
    """A piece of text in a file's own tags that claims a generator made it (trust: anyone can write it)."""

    pattern: str  # id of the row in the dated pattern file
    where: str  # e.g. "TXXX:AIGC", "LIST/INFO/ICMT"
    value: str  # at most 1 KB of it
    model: str | None = None  # as the generator sells the model that is named there


class CredentialState(StrEnum):
    """How far what a Content Credential says can be relied on."""

    NONE = "none"  # there is none. That proves nothing: copying or encoding a file again leaves them out
    NOT_ASSESSED = "not_assessed"  # nothing was looked for: the container has no place for one that could be read
    UNREAD = "unread"  # there is one, and it could not be read
    INVALID = "invalid"  # it was read, and the file is not the one that was signed, or the signature is broken
    UNTRUSTED = "untrusted"  # it holds; its signer's root is not on the trust list
    TRUSTED = "trusted"  # it holds, and its signer's root is on the trust list


class Explanation(StrEnum):
    """Why a credential is in the state that it is in, as far as the file shows."""

    CHANGED_AFTER_SIGNING = "changed_after_signing"  # bytes differ from those that were signed: a tag edited, a cut
    SIGNATURE_BROKEN = "signature_broken"  # the manifest or its signature was changed, or its certificate cannot sign
    EXPIRED = "expired"  # it would hold, had the signer's certificate not run out, with no time stamp from before that
    DAMAGED = "damaged"  # what lies in the place of a manifest is none, or ends before its end
    ELSEWHERE = "elsewhere"  # the file only names the address of a manifest, and addresses in files are never followed
    TOO_COSTLY = "too_costly"  # it asked for more time, memory or space than a manifest may
    LEFT_BEHIND = "left_behind"  # a pointer to a manifest is left, the manifest is gone: the file was written anew
    NO_PLACE = "no_place"  # credentials have no place in this kind of file that anything could read


@dataclass(frozen=True, slots=True)
class Source:
    """One statement of a manifest about how something came to be."""

    type: str  # last part of the address of the IPTC digital source type: trainedAlgorithmicMedia ...
    where: str  # "action:c2pa.created", or the same of an ingredient: "ingredient:action:c2pa.created"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a C2PA manifest in a file says of the file, who signed it, and whether it still holds.

    As measured, a credential that holds is ``untrusted``: who is trusted changes, so that is judged when a release
    is, from the certificates kept here.
    """

    state: str = CredentialState.NONE.value
    source_types: tuple[str, ...] = ()  # the types of ``sources``, each once
    signer: str | None = None  # who signed, in one line
    sources: tuple[Source, ...] = ()
    failures: tuple[str, ...] = ()  # of the validation, in the words of C2PA: assertion.dataHash.mismatch ...
    issuer: str | None = None  # the organisation in the signer's certificate
    common_name: str | None = None
    signed_at: str | None = None  # RFC 3339, where a time stamp in the manifest says so
    generator: str | None = None  # what wrote the manifest: name and version
    explanation: str | None = None  # an Explanation, where there is one to give
    chain: tuple[str, ...] = field(default=(), repr=False)  # the signer's certificates, leaf first: DER in base64
    trust_list: str | None = None  # digest of the trust list that the state was judged by


@dataclass(frozen=True, slots=True)
class LatticeFacts:
    """Lines in a recording's averaged spectrum at every multiple of one rate, as some decoders of generators leave.

    ``z`` says how far the lines at one rate stand out from the lines at rates nearby, in deviations of the latter; it
    is no probability. The rates are those of a dated catalogue; what they point at is a kind of decoder, and there are
    honest ways to come by them. Absence of lines says nothing about how a recording was made.
    """

    feature_version: str  # of the measurement and its catalogue; scores of different versions do not compare
    assessed: bool
    reason: str | None = None  # why not assessed: too_short | silent | narrow_band | off
    seconds: float = 0.0  # of sound that were looked at, from the beginning
    lower_hz: float | None = None  # the band that was looked at
    upper_hz: float | None = None
    z: float | None = None  # of the rate that stands out most
    rate_hz: float | None = None
    strength: str | None = None  # none | weak | moderate | strong; none wherever a part of the rule does not hold
    rates: tuple[tuple[float, float], ...] = ()  # (rate in Hz, z), the whole catalogue
    bands: tuple[float, ...] = ()  # z of that rate in three sub-bands, from low to high
    segments: tuple[float, ...] = ()  # z of that rate in each part of the recording
    ppm: float | None = None  # how far the best fitting rate lies from the catalogue's, in millionths
    low_high_ratio: float | None = None  # how much of it is in the music's own low band: notes are, lattices are not
    holes_z: float | None = None  # the lowest z of all rates
    holes_rate_hz: float | None = None

    @property
    def found(self) -> bool:
        """Whether every part of the rule holds."""
        return self.strength in ("weak", "moderate", "strong")

    @property
    def holes(self) -> bool:
        """Whether there are gaps instead of lines, as decoders leave that repeat samples and smooth them."""
        return self.holes_z is not None and self.holes_z <= HOLES_Z


#: At or below this z a rate's lines are gaps. Of 472 recordings by people none came below -6.9.
HOLES_Z = -8.0


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """Everything the single decode of one file measured.

    ``error`` is set, and everything measured is absent or partial, when the file could not be read to its end.
    Times are seconds, levels LUFS or dBTP, shares 0-1.
    """

    sha256: str
    version: int  # of the measurement; facts of another version are measured again
    ok: bool
    error: str | None = None  # stable code: not_audio, truncated, decoder_killed, empty, ...
    fault: str = ""  # why our own analysis failed, for the operator; with the error analysis_failed
    container: str | None = None
    codec: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bit_depth: int | None = None
    lossless: bool | None = None
    duration: float = 0.0  # decoded
    declared_duration: float | None = None  # what the header says
    loudness_lufs: float | None = None  # integrated, ITU-R BS.1770
    true_peak_dbtp: float | None = None
    clipped_share: float = 0.0  # share of samples in runs at full scale
    dc_offset: float = 0.0
    silence_head: float = 0.0
    silence_tail: float = 0.0
    longest_silence: float = 0.0  # inside, head and tail excluded
    channel_rms: tuple[float, ...] = ()  # 0-1 of full scale, one a channel
    downmix_rms: float = 0.0  # near 0 with loud channels: the channels cancel
    bandwidth_hz: float | None = None  # where the spectrum ends
    flatness: float | None = None  # spectral flatness of the whole, 1 is white noise
    non_finite: int = 0  # samples that were NaN or infinite
    audio_streams: int = 1
    notes: tuple[str, ...] = ()  # oddities met while decoding: format_change, trailing_data, name_contradicts ...
    fingerprint: bytes = b""  # little-endian uint32 sub-prints, whole length; b"" where none could be made
    fingerprint_distinct: int = 0
    picture: bytes = field(default=b"", repr=False)  # from which fingerprints at other speeds and pitches are drawn
    tags: tuple[TagClaim, ...] = ()
    credential: Credential = Credential()
    lattice: LatticeFacts | None = None  # None: measured before there was such a thing, or not at all
    pictures: tuple[Credential, ...] = ()  # credentials of the pictures in its tags: they speak of artwork alone
    measured_by: Mapping[str, str] = field(default_factory=dict)  # names and versions of the instruments

    @property
    def fingerprint_items(self) -> int:
        return len(self.fingerprint) // 4


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Everything that was measured of one image. ``error`` is set where it could not be read to its end."""

    sha256: str
    version: int  # of the measurement
    ok: bool
    error: str | None = None  # stable code: empty, not_an_image, undecodable, too_large, bomb, killed, timeout, fault
    format: str | None = None  # jpeg | png
    width: int = 0
    height: int = 0
    mode: str = ""  # as Pillow names it: RGB, CMYK, L …
    plainness: float = 0.0  # share of the commonest colour
    detail: float | None = None  # what halving and doubling takes away, in grey levels
    contrast: float | None = None  # the strongest thousandth of that, in grey levels
    sharpness: float | None = None  # the same as a share of what the next coarser detail has
    dhash: str = ""  # 64 bits in hexadecimal: how it looks
    codes: tuple[str, ...] = ()  # what QR and bar codes in it say
    notes: tuple[str, ...] = ()  # animated, several_pictures, exif, gps, trailing_data, second_header
    credential: Credential = Credential(CredentialState.NOT_ASSESSED.value)


@dataclass(frozen=True, slots=True)
class Account:
    """The label that delivers: its own name, and the names it may deliver under."""

    id: str
    name: str
    names: tuple[str, ...] = ()  # imprints and former names, its own included


@dataclass(frozen=True, slots=True)
class Delivery:
    """One release as delivered: what the label says, and what its files measure (by file name)."""

    release: Release
    account: Account
    received: dt.date
    facts: Mapping[str, AudioFacts] = field(default_factory=dict)
    images: Mapping[str, ImageFacts] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)  # name → SHA-256 of licences, consents, proofs
    #: Consents that a person has accepted from this account: SHA-256 of the document, ISRC, element.
    accepted_consents: frozenset[tuple[str, str, str]] = frozenset()
