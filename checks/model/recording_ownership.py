"""Ownership of a known recording: its owner, who may deliver it, and what a person has settled."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from checks.model import match_description
from checks.model.check import Context, Known, KnownRecordings, Match, OwnerClaim, Refusal
from checks.model.name_matching import fold_name
from checks.model.release import Account, Delivery, Relation, Track

#: A match that has this share of another match's seconds speaks of the same sound.
SAME_SOUND = 0.9


def is_own(account: Account, match: Match) -> bool:
    """Whether the catalogue names this account as the owner, by its id or by one of its names.

    Names count because only operators create accounts and name them, and no two accounts have the same name.
    """
    return match.owner_account == account.id or is_named(account, match.owner)


def is_own_known(account: Account, known: Known) -> bool:
    """The same of a recording that was found by what is written about it."""
    return known.owner_account == account.id or is_named(account, known.owner)


def is_named(account: Account, owner: str) -> bool:
    """Whether an owner's name is one of the account's, whatever case, accents, punctuation and spaces it has."""
    return bool(fold_owner_name(owner)) and fold_owner_name(owner) in {
        fold_owner_name(name) for name in (account.name, *account.names)
    }


def fold_owner_name(name: str) -> str:
    """A name without case, accents, punctuation and spaces."""
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if c.isalnum())


def has_isrc(track: Track, isrc: str | None) -> bool:
    """Whether the track is delivered under this ISRC."""
    return bool(isrc) and bare_isrc(isrc) == bare_isrc(track.isrc)


def bare_isrc(isrc: str | None) -> str | None:
    """The twelve characters, without the hyphens and spaces that it may be printed with."""
    return isrc.replace("-", "").replace(" ", "").upper() if isrc else None


def has_other_title(track: Track, match: Match) -> bool:
    """Whether the known recording has another title. What a version adds to a title makes no other one."""
    title, known = fold_owner_name(track.title), fold_owner_name(match.title)
    return bool(title and known) and title not in known and known not in title


def has_other_artist(track: Track, match: Match) -> bool:
    """Whether no artist of the track is an artist of the known recording."""
    known, names = fold_owner_name(match.artist), [fold_owner_name(artist.name) for artist in track.display_artists]
    return bool(known and names) and not any(name in known for name in names)


def is_renamed(track: Track, match: Match) -> bool:
    """Whether it comes under another title or another artist than the known recording has."""
    return has_other_title(track, match) or has_other_artist(track, match)


def is_authorised(track: Track, match: Match, account: Account, context: Context) -> bool:
    """Whether the registry says that this account may deliver the recordings of the known recording's artist.

    The artist must be protected under exactly this name, and the account vouched for by an actor that is no label: a
    label can protect any name that is free, and issue keys to it. A recording that another account delivers here is
    between the two accounts, whatever the registry says.
    """
    if match.owner_account is not None or not match.artist:
        return False
    near = context.names.near_all([match.artist]).get(match.artist, ())
    artists = [item for item in near if fold_name(item.name) == fold_name(match.artist)]
    keys = {artist.artist_key for artist in track.display_artists if artist.artist_key}
    opened = [context.names.opened_by(key) for key in keys]
    keyed = {entry.artist for entry in opened if entry is not None and entry.vouched}
    return any(account.id in element.vouched or element.artist in keyed for element in artists)


def is_own_original(relation: Relation, track: Track, delivery: Delivery, recordings: KnownRecordings) -> bool:
    """Whether a relation names, by its ISRC, another track of this release or a recording that the account has here."""
    isrc = bare_isrc(relation.isrc)
    if not isrc:
        return False
    if any(other.position != track.position and has_isrc(other, isrc) for other in delivery.release.tracks):
        return True
    return any(is_own_known(delivery.account, recording) for recording in recordings.under_isrc(isrc))


def is_settled(track: Track, duration: float, asked: Match, account: Account, matches: Sequence[Match]) -> bool:
    """Whether a person has accepted this very recording from this account when the asked one was known already.

    ``duration``: seconds of the delivered recording. Another title, artist or ISRC, or another speed, is asked anew.
    """
    return any(
        _covers_same_sound(own, asked, account)
        and match_description.is_unchanged_copy(own, duration)
        and has_isrc(track, own.isrc)
        and not is_renamed(track, own)
        and own.reviewed_since is not None
        and asked.known_since is not None
        and asked.known_since <= own.reviewed_since
        for own in matches
    )


def list_unsettled_refusals(refused: Match, account: Account, matches: Sequence[Match]) -> list[Refusal]:
    """The refusals of a sound that nothing this account has had accepted since, or had here before, answers."""
    return list_unanswered_refusals(
        refused.refusals, [item for item in matches if _covers_same_sound(item, refused, account)], account
    )


def list_unanswered_refusals(
    refusals: Iterable[Refusal], own: Sequence[Match | Known], account: Account
) -> list[Refusal]:
    """The refusals because of which an account is asked, although it has these recordings of its own here."""
    return [refusal for refusal in refusals if not any(_settles_refusal(item, refusal, account) for item in own)]


def is_of_refused_account(match: Match, matches: Iterable[Match]) -> bool:
    """Whether the account that has this recording here had the same sound rejected: then it is no reference."""
    return match.owner_account is not None and any(
        refusal.account == match.owner_account
        for refused in matches
        if match_description.count_matched_seconds(refused)
        >= SAME_SOUND * match_description.count_matched_seconds(match)
        for refusal in refused.refusals
    )


def _covers_same_sound(own: Match, other: Match, account: Account) -> bool:
    """Whether ``own`` is a recording that the account has in the catalogue, and as much of the sound as ``other``."""
    return (
        own.certain
        and not (own.pending or own.blocked or own.refusals)
        and is_own(account, own)
        and match_description.count_matched_seconds(own) >= SAME_SOUND * match_description.count_matched_seconds(other)
    )


def _settles_refusal(own: Match | Known, refusal: Refusal, account: Account) -> bool:
    """Whether having ``own`` here means that this account is not asked because of the refusal."""
    if own.pending:
        return False
    if refusal.account == account.id:  # only a person who saw the refusal lets the same account have it after all
        return own.reviewed_since is not None and refusal.decided_at <= own.reviewed_since
    if own.claim is OwnerClaim.CLAIMED:  # a claim made after the copy had come in can be the copy's second attempt
        return own.known_since is not None and own.known_since < refusal.received_at
    return True
