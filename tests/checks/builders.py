"""An ordinary release that nobody would stop, for tests to change in one place; and stand-ins for the instruments.

Every value is valid by itself, and the release agrees with its tracks: ``a_release(a_track(title="Slack Water"))``
is an ordinary single called *Slack Water*, so that a test breaks exactly what it says it breaks.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from checks.model.check import Context, Habits, Known, Match, OpenedArtist, ProtectedName, Refusal, RegistrantUse
from checks.model.release import (
    Account,
    Artist,
    AudioFacts,
    ContainsAI,
    Contribution,
    Contributor,
    Cover,
    Delivery,
    Disclosure,
    Element,
    Level,
    Release,
    RightsLine,
    Share,
    Track,
)

ARTIST = "Mara Lindqvist"
LABEL = "Harbour Records"
RECEIVED = dt.date(2026, 11, 20)
RELEASE_DATE = dt.date(2026, 12, 18)

#: Titles that no rule about titles has anything to say about, one a position.
TITLES = (
    "Low Tide", "Harbour Lights", "Salt and Iron", "Northern Rain", "Anchor Street", "Slow Ferry",
    "Paper Lanterns", "Winter Gulls", "Copper Sky", "The Last Pier", "Driftwood", "Morning Watch",
)  # fmt: skip


def an_artist(name: str = ARTIST, **changes: Any) -> Artist:
    """A main artist."""
    return Artist(**{"name": name, "role": "main", **changes})


def a_contributor(name: str = ARTIST, *roles: str, **changes: Any) -> Contributor:
    """A person who wrote and sang, unless other roles are given; no machine helped."""
    held = roles or ("composer", "lyricist", "vocalist")
    return Contributor(**{"name": name, "roles": held, "ai_contribution": ContainsAI.NONE, **changes})


def a_disclosure(*contributions: Contribution) -> Disclosure:
    """A declaration; without contributions: that people sang and played."""
    made_by_people = (
        Contribution(Element.LEAD_VOCALS, Level.NONE),
        Contribution(Element.INSTRUMENTS, Level.NONE),
    )
    return Disclosure("declared", contributions or made_by_people)


def a_track(position: int = 1, **changes: Any) -> Track:
    """A vocal track in English, whole in every field."""
    ordinary: dict[str, Any] = {
        "position": position,
        "title": TITLES[(position - 1) % len(TITLES)],
        "file": f"{position:02}.flac",
        "isrc": f"SEABC26{position:05}",
        "display_artists": (an_artist(),),
        "contributors": (a_contributor(),),
        "vocals": "vocal",
        "language": "en",
        "advisory": "not_explicit",
        "preview_start": Decimal(30),
        "master_shares": (Share(LABEL, Decimal("100.00")),),
        "composition_shares": (Share(ARTIST, Decimal("100.00")),),
        "disclosure": a_disclosure(),
    }
    return Track(**(ordinary | changes))


def an_instrumental(position: int = 1, **changes: Any) -> Track:
    """A track without words: no language, no lyricist, no vocalist."""
    ordinary: dict[str, Any] = {
        "vocals": "instrumental",
        "language": "zxx",
        "contributors": (a_contributor(ARTIST, "composer", "performer"),),
        "disclosure": a_disclosure(Contribution(Element.INSTRUMENTS, Level.NONE)),
    }
    return a_track(position, **(ordinary | changes))


def a_release(*tracks: Track, **changes: Any) -> Release:
    """A release of these tracks (by default one), whole in every field and in agreement with them."""
    tracks = tracks or (a_track(),)
    alone = tracks[0] if len(tracks) == 1 else None
    ordinary: dict[str, Any] = {
        "title": alone.title if alone else "Tidewater",
        "version": alone.version if alone else "",
        "type": "single" if len(tracks) <= 3 else "ep" if len(tracks) <= 6 else "album",
        "tracks": tracks,
        "upc": "036000291452",
        "display_label": LABEL,
        "release_date": RELEASE_DATE,
        "display_artists": alone.display_artists if alone else (an_artist(),),
        "p_line": RightsLine(2026, LABEL),
        "c_line": RightsLine(2026, LABEL),
        "genre": "Country",
        "language": tracks[0].language,
        "advisory": tracks[0].advisory,
        "territories": ("Worldwide",),
        "cover": Cover("cover.jpg", ContainsAI.NONE),
    }
    return Release(**(ordinary | changes))


def an_album(count: int = 12, **changes: Any) -> Release:
    """A release of ``count`` ordinary tracks."""
    return a_release(*(a_track(position) for position in range(1, count + 1)), **changes)


def some_facts(name: str = "01.flac", **changes: Any) -> AudioFacts:
    """What a sound three-minute FLAC file measures; another name is another recording."""
    noise = random.Random(name)
    ordinary: dict[str, Any] = {
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "version": 1,
        "ok": True,
        "container": "flac",
        "codec": "flac",
        "sample_rate": 44_100,
        "channels": 2,
        "bit_depth": 16,
        "lossless": True,
        "duration": 187.4,
        "declared_duration": 187.4,
        "loudness_lufs": -12.0,
        "true_peak_dbtp": -1.0,
        "silence_head": 0.2,
        "silence_tail": 0.8,
        "channel_rms": (0.12, 0.12),
        "downmix_rms": 0.11,
        "bandwidth_hz": 21_000.0,
        "flatness": 0.05,
        "fingerprint": noise.randbytes(4 * 1500),
        "fingerprint_distinct": 1450,
        "measured_by": {"decoder": "test"},
    }
    return AudioFacts(**(ordinary | changes))


def a_delivery(release: Release | None = None, **changes: Any) -> Delivery:
    """The release as its own label delivers it four weeks ahead, with every audio file measured."""
    release = release or a_release()
    ordinary: dict[str, Any] = {
        "release": release,
        "account": Account(id="harbour", name=LABEL, names=(LABEL,)),
        "received": RECEIVED,
        "facts": {track.file: some_facts(track.file) for track in release.tracks},
    }
    return Delivery(**(ordinary | changes))


@dataclass
class FakeRecordings:
    """A reference catalogue that knows, by SHA-256 of the delivered file, what it resembles."""

    by_sha256: Mapping[str, Sequence[Match]] = field(default_factory=dict)

    known: Sequence[Known] = ()

    def matches(self, facts: AudioFacts, track: Track | None = None) -> Sequence[Match]:
        return self.by_sha256.get(facts.sha256, ())

    def under_isrc(self, isrc: str) -> Sequence[Known]:
        return [item for item in self.known if item.isrc == isrc]

    def titled(self, titles: Iterable[str]) -> Mapping[str, Sequence[Known]]:
        return {title: [item for item in self.known if item.title == title] for title in titles}


@dataclass
class FakeNames:
    """A registry so small that every name in it is near every other: the widest superset a check may be given."""

    names: Sequence[ProtectedName] = ()
    keys: Mapping[str, OpenedArtist] = field(default_factory=dict)

    def near_all(self, names: Iterable[str]) -> Mapping[str, Sequence[ProtectedName]]:
        return dict.fromkeys(names, self.names)

    def opened_by(self, text: str) -> OpenedArtist | None:
        return self.keys.get(text)


@dataclass
class FakeHistory:
    """What was delivered before: by this account, and by others."""

    upcs: Iterable[str] = ()
    elsewhere: Iterable[str] = ()
    covers: Iterable[str] = ()
    registrants: Mapping[str, RegistrantUse] = field(default_factory=dict)
    tracks: Mapping[str, int] = field(default_factory=dict)
    account: Habits = field(default_factory=Habits)
    refused: Mapping[str, int] = field(default_factory=dict)

    def upc_seen(self, upcs: Sequence[str], title: str) -> bool:
        return not set(self.upcs).isdisjoint(upcs)

    def cover_seen(self, dhash: str) -> bool:
        return dhash in self.covers

    def upc_elsewhere(self, upcs: Sequence[str]) -> bool:
        return not set(self.elsewhere).isdisjoint(upcs)

    def registrant(self, prefix: str) -> RegistrantUse:
        return self.registrants.get(prefix, RegistrantUse())

    def tracks_by(self, artist: str, days: int) -> int:
        return self.tracks.get(artist, 0)

    def habits(self) -> Habits:
        return self.account

    def refused_with(self, parties: Sequence[str]) -> Mapping[str, int]:
        return {name: self.refused[name] for name in parties if name in self.refused}


@dataclass
class FakeBlocklist:
    """What is blocked: (kind, value) with the reason."""

    blocks: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def listed(self, kind: str, values: Sequence[str]) -> Mapping[str, str]:
        return {value: self.blocks[kind, value] for value in values if (kind, value) in self.blocks}


@dataclass
class FakeRefused:
    """What rejections have left behind: (kind, value) with the refusals."""

    refusals: Mapping[tuple[str, str], Sequence[Refusal]] = field(default_factory=dict)

    def named(self, kind: str, values: Sequence[str]) -> Mapping[str, Sequence[Refusal]]:
        return {value: self.refusals[kind, value] for value in values if (kind, value) in self.refusals}


def a_context(
    recordings: FakeRecordings | None = None,
    names: FakeNames | None = None,
    history: FakeHistory | None = None,
    blocklist: FakeBlocklist | None = None,
    refused: FakeRefused | None = None,
) -> Context:
    """Instruments that know nothing, unless told."""
    return Context(
        recordings or FakeRecordings(),
        names or FakeNames(),
        history or FakeHistory(),
        blocklist or FakeBlocklist(),
        refused or FakeRefused(),
    )
