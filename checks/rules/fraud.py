"""The behaviour of an account, and the parties of a release: for a moderator's order of looking, never a verdict.

Each of these is a habit of fraud and of honest labels too. So they are recorded, shown to moderators alone, and route
nothing; what they add up to says only what is looked at first (see ``checks.review_priority``).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from checks.model.check import Check, Context, Habits
from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import Contributor, Delivery, Track


def _fraud_code(id_: str, rule: str, source: str, severity: Severity = Severity.WARNING) -> Code:
    return Code(id_, rule, severity, Route.NOTE, source, private=True)


BURST = _fraud_code(
    "fraud.burst", "A label delivers as many tracks in a day as it is used to.", "Spotify on artificial streams"
)
MANY_ARTISTS = _fraud_code(
    "fraud.many_artists", "Most tracks of a label are by artists that it has delivered before.", "Spotify on spam"
)
SHORT_CLUSTER = _fraud_code(
    "fraud.short_cluster", "Tracks are as long as their music, and not as a payment asks.", "Spotify on spam"
)
EQUAL_LENGTHS = _fraud_code(
    "fraud.equal_lengths", "Recordings that were played differ in length.", "Spotify on spam; own inference"
)
TIED_PARTY = _fraud_code("fraud.tied_party", "Writers and producers have no part in refused releases.", "own inference")
REJECTED_BEFORE = _fraud_code(
    "fraud.rejected_before", "A label's releases of the last year were not rejected.", "this gate"
)
TRUSTED = _fraud_code(
    "fraud.trusted",
    "A label whose releases were in order is known for it.",
    "this gate",
    Severity.INFORMATION,
)

#: A day may bring so many times what the account's days bring on average, and half as much again as its busiest one.
BURST_TIMES, BURST_OVER_BUSIEST = 5, 1.5
#: Below this nothing is a burst: two long albums.
BURST_LEAST = 40

#: Fewer names say nothing; more are a label with a roster unless nearly every track has a name of its own.
MANY_NAMES, NAMES_A_TRACK = 20, 0.8

#: Streams are paid from 30 s on; fraud stays just above.
SHORT_SECONDS = (30.0, 35.0)
#: So many such tracks, and half of the release.
SHORT_LEAST, SHORT_SHARE = 5, 0.5

#: Exported by one script: so many different recordings with the same hundredth of a second.
EQUAL_LEAST = 4

#: What a party does that ties it to what a release is made of; a mere performer is hired for many.
TYING_ROLES = frozenset({"composer", "lyricist", "producer", "arranger", "songwriter", "author"})

#: Cleared releases of the last year from which on an account is known, known well, and known very well.
TRUSTED_FROM = (20, 100, 500)


def find_fraud_signals(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """The account's habits first, then what the release itself shows."""
    habits = context.history.habits()
    yield from _find_delivery_burst(delivery, habits)
    yield from _many_artists(delivery, habits)
    yield from _short_cluster(delivery)
    yield from _equal_lengths(delivery, habits)
    yield from _tied_parties(delivery, context)
    if habits.rejected:
        yield Finding(
            REJECTED_BEFORE,
            "release",
            f"{habits.rejected} of this label's releases were rejected in the last year.",
            measured=habits.rejected,
        )
    elif habits.cleared >= TRUSTED_FROM[0]:
        yield Finding(
            TRUSTED,
            "release",
            f"{habits.cleared} of this label's releases were cleared in the last year, and none was rejected.",
            measured=habits.cleared,
            threshold=TRUSTED_FROM[0],
        )


def _find_delivery_burst(delivery: Delivery, habits: Habits) -> Iterator[Finding]:
    today = habits.tracks_today + len(delivery.release.tracks)
    used_to = max(BURST_LEAST, BURST_TIMES * habits.tracks_a_day, BURST_OVER_BUSIEST * habits.busiest_day)
    if today > used_to:
        yield Finding(
            BURST,
            "release",
            f"With this release the label delivers {today} tracks in 24 hours; in the 30 days before it delivered "
            f"{habits.tracks_a_day:.1f} a day, and {habits.busiest_day} on the busiest one.",
            measured=today,
            threshold=round(used_to, 1),
        )


def _many_artists(delivery: Delivery, habits: Habits) -> Iterator[Finding]:
    here = {fold_party_name(artist.name) for track in delivery.release.tracks for artist in track.display_artists}
    names, tracks = len(here | habits.artists), habits.tracks + len(delivery.release.tracks)
    if names >= MANY_NAMES and names >= NAMES_A_TRACK * tracks:
        yield Finding(
            MANY_ARTISTS,
            "release",
            f"{tracks} tracks of this label in 90 days are by {names} artists: nearly every one has a name of its own.",
            measured=names,
            threshold=MANY_NAMES,
        )


def _short_cluster(delivery: Delivery) -> Iterator[Finding]:
    low, high = SHORT_SECONDS
    short = [track.position for track, seconds in _list_track_lengths(delivery) if low <= seconds <= high]
    if len(short) >= SHORT_LEAST and len(short) >= SHORT_SHARE * len(delivery.release.tracks):
        yield Finding(
            SHORT_CLUSTER,
            "release",
            f"{len(short)} of {len(delivery.release.tracks)} tracks last {low:.0f} to {high:.0f} seconds.",
            measured=len(short),
            threshold=SHORT_LEAST,
            evidence={"tracks": list(short)},
        )


def _equal_lengths(delivery: Delivery, habits: Habits) -> Iterator[Finding]:
    counted = Counter(habits.lengths_today)
    here: dict[int, set[str]] = {}
    for track, seconds in _list_track_lengths(delivery):
        here.setdefault(round(100 * seconds), set()).add(delivery.facts[track.file].sha256)
    for length, files in here.items():
        if (count := counted[length] + len(files)) >= EQUAL_LEAST:
            yield Finding(
                EQUAL_LENGTHS,
                "release",
                f"{count} different recordings of this label in 24 hours last {length / 100:.2f} seconds.",
                measured=count,
                threshold=EQUAL_LEAST,
                evidence={"duration": length / 100},
            )


def _tied_parties(delivery: Delivery, context: Context) -> Iterator[Finding]:
    parties = {
        fold_party_name(maker.name): maker.name for track in delivery.release.tracks for maker in _list_makers(track)
    }
    tied = context.history.refused_with(sorted(parties)) if parties else {}
    for key, count in tied.items():
        yield Finding(
            TIED_PARTY,
            "release",
            f"'{parties[key]}' has a part in {count} release(s) that were refused, blocked, or found to hide the use "
            "of AI in the last year.",
            measured=count,
            evidence={"party": parties[key]},
        )


def _list_makers(track: Track) -> list[Contributor]:
    return [
        contributor
        for contributor in track.contributors
        if len(contributor.name) > 2 and not TYING_ROLES.isdisjoint(contributor.roles)
    ]


def _list_track_lengths(delivery: Delivery) -> Iterator[tuple[Track, float]]:
    for track in delivery.release.tracks:
        facts = delivery.facts.get(track.file)
        if facts is not None and facts.ok and facts.duration:
            yield track, facts.duration


def fold_party_name(name: str) -> str:
    """A name without case, accents, punctuation and spaces: as parties are tied by."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", name).casefold())


CHECK = Check(
    name="fraud",
    version=1,
    title="Habits of fraud",
    codes=(BURST, MANY_ARTISTS, SHORT_CLUSTER, EQUAL_LENGTHS, TIED_PARTY, REJECTED_BEFORE, TRUSTED),
    run=find_fraud_signals,
    needs_audio=True,
)
