"""The identity registry: guard artists' names, say who may use them, and give out the keys that open them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from stdnum import isni as isni_numbers
from stdnum.exceptions import ValidationError as NotANumber

from checks.model.name_matching import build_index_entries
from checks.rules.metadata.text_normalisation import is_blank, list_invisible_characters
from intake.models import (
    ArtistIdentifier,
    ArtistKey,
    Authorisation,
    KeyUse,
    Label,
    NameKey,
    ProtectedArtist,
    ProtectedName,
    Submission,
)
from intake.readers.protected_names import KEY_MARK, artist_key, artist_key_digest, artist_key_prefix

#: Who acts where no label and no moderator does: the operator at the command line.
OPERATOR = "operator"
#: As long as the registry keeps names and identifiers.
LONGEST = 200
#: What stands for the rest of a key once the key itself is not kept.
CUT = "…"
#: An artist gives a key to each distributor; no case has needed as many at once.
MOST_KEYS = 50

Kind = ProtectedName.Kind
_SCHEME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Unusable(ValueError):
    """A name or identifier that cannot be kept; says which and why."""


class NameTaken(Exception):
    """Another artist is guarded under this name."""


class TooManyKeys(Exception):
    """Too many artist keys."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the registry is told of one artist. ``identifiers``: pairs of scheme and value."""

    name: str
    aliases: tuple[str, ...] = ()
    transliterations: tuple[str, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    labels: tuple[Label, ...] = ()

    def names(self) -> dict[str, str]:
        """Every name once, with its kind; the plainest kind counts."""
        own = {self.name: str(Kind.NAME)}
        kinds = dict.fromkeys(self.aliases, str(Kind.ALIAS))
        return own | dict.fromkeys(self.transliterations, str(Kind.TRANSLITERATION)) | kinds | own


def normalise_registry_entry(entry: Entry) -> Entry:
    """The entry as it is kept: names stripped, identifiers in their compact form. Raises Unusable."""
    return Entry(
        _normalise_protected_name(entry.name),
        tuple(map(_normalise_protected_name, entry.aliases)),
        tuple(map(_normalise_protected_name, entry.transliterations)),
        tuple((scheme, normalise_identifier(scheme, value)) for scheme, value in entry.identifiers),
        entry.labels,
    )


def _normalise_protected_name(name: str) -> str:
    """A name as it is kept. What a reader cannot see is refused: it would guard nothing, or look like another."""
    stripped = name.strip()
    if not stripped or len(stripped) > LONGEST:
        raise Unusable(f"a name has between 1 and {LONGEST} characters")
    if hidden := list_invisible_characters(stripped):
        raise Unusable(f"a name holds no characters that cannot be seen, such as {hidden[0]}")
    if is_blank(stripped):
        raise Unusable("a name has a character that can be seen")
    return stripped


def normalise_identifier(scheme: str, value: str) -> str:
    """An identifier in its compact form. Raises Unusable where its check digits say that it cannot be one."""
    if not _SCHEME.fullmatch(scheme):
        raise Unusable(f"'{scheme[:40]}' is no scheme: small letters, digits, - and _")
    value = value.strip()
    if scheme == "isni":
        try:
            return str(isni_numbers.validate(value))
        except NotANumber:
            raise Unusable(f"'{value[:40]}' is not an ISNI") from None
    if scheme == "ipi":
        return _normalise_ipi(value)
    if not value or len(value) > LONGEST or not value.isprintable():
        raise Unusable(f"a profile at '{scheme}' has between 1 and {LONGEST} printable characters")
    return value


def _normalise_ipi(value: str) -> str:
    """An IPI name number: eleven digits, the last two of which check the others (CISAC)."""
    digits = value.replace(".", "").replace(" ", "").upper().removeprefix("IPI").zfill(11)
    if not re.fullmatch(r"[0-9]{11}", digits):
        raise Unusable(f"'{value[:40]}' is not an IPI name number")
    # Weights 10 to 2 from the left; 101 less the rest of the sum, and 100 counts as nothing.
    rest = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits[:9], strict=True)) % 101
    if int(digits[9:]) != (101 - rest) % 101 % 100:
        raise Unusable(f"'{value[:40]}' is not an IPI name number: its last two digits do not fit")
    return digits


# --- Names --------------------------------------------------------------------------------------------------------


def protect_artist(
    name: str,
    aliases: Sequence[str] = (),
    labels: Sequence[Label] = (),
    *,
    transliterations: Sequence[str] = (),
    identifiers: Iterable[tuple[str, str]] = (),
    vouched_by: str = OPERATOR,
) -> tuple[ProtectedArtist, bool]:
    """Guard an artist's names, and say which labels may use them; returns the artist, and whether it is new.

    Doing it again adds to what is there. Raises Unusable.
    """
    entry = Entry(name, tuple(aliases), tuple(transliterations), tuple(identifiers), tuple(labels))
    ((artist, new),) = protect_artists([entry], vouched_by)
    return artist, new


def protect_artists(entries: Sequence[Entry], vouched_by: str) -> list[tuple[ProtectedArtist, bool]]:
    """The same for many artists, in a number of statements that does not grow with them."""
    entries = [normalise_registry_entry(entry) for entry in entries]
    with transaction.atomic():
        artists, fresh = _ensure_artists([entry.name for entry in entries])
        _add_names([(artists[entry.name], entry.names()) for entry in entries])
        ArtistIdentifier.objects.bulk_create(
            (
                ArtistIdentifier(artist=artists[entry.name], scheme=scheme, value=value)
                for entry in entries
                for scheme, value in entry.identifiers
            ),
            ignore_conflicts=True,
        )
        Authorisation.objects.bulk_create(
            (
                Authorisation(artist=artists[entry.name], label=label, vouched_by=vouched_by)
                for entry in entries
                for label in entry.labels
            ),
            ignore_conflicts=True,  # who vouched first stays on record
        )
    return [(artists[entry.name], entry.name in fresh) for entry in entries]


def _ensure_artists(names: Sequence[str]) -> tuple[dict[str, ProtectedArtist], set[str]]:
    """The artists of these names, and the names of those that are new."""
    there = {item.name for item in ProtectedArtist.objects.current().filter(name__in=names)}
    missing = [name for name in dict.fromkeys(names) if name not in there]
    made = ProtectedArtist.objects.bulk_create((ProtectedArtist(name=name) for name in missing), ignore_conflicts=True)
    rows = {entry.name: entry for entry in ProtectedArtist.objects.current().filter(name__in=names)}
    ours = {element.pk for element in made}  # another process may have been first
    return rows, {name for name, one in rows.items() if one.pk in ours}


def _add_names(wanted: Sequence[tuple[ProtectedArtist, Mapping[str, str]]]) -> None:
    """Keep names that are not kept yet, and make them searchable."""
    artists = [artist for artist, _ in wanted]
    there = set(ProtectedName.objects.filter(artist__in=artists).values_list("artist_id", "name"))
    rows = {
        (artist.pk, name): ProtectedName(artist=artist, name=name, kind=kind)
        for artist, names in wanted
        for name, kind in names.items()
        if (artist.pk, name) not in there
    }
    index_protected_names(ProtectedName.objects.bulk_create(rows.values()))


def index_protected_names(names: Iterable[ProtectedName]) -> None:
    """Make names searchable; doing it again changes nothing."""
    rows = sorted({(entry.key, name.pk, entry.sketch) for name in names for entry in build_index_entries(name.name)})
    if not rows:
        return
    table = connection.ops.quote_name(NameKey._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])"
            statement = f"INSERT INTO {table} (key, name_id, sketch) {columns} ON CONFLICT DO NOTHING"
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
        else:
            cursor.executemany(
                f"INSERT OR IGNORE INTO {table} (key, name_id, sketch) VALUES (%s, %s, %s)",  # noqa: S608
                rows,
            )


def _unindex_names(names: Iterable[ProtectedName]) -> None:
    for name in names:
        NameKey.objects.filter(
            key__in={entry.key for entry in build_index_entries(name.name)}, name_id=name.pk
        ).delete()


def rebuild_name_index() -> int:
    """Make every name searchable anew, as after a change of how names are compared; returns how many there are."""
    count = 0
    with transaction.atomic():
        NameKey.objects.all().delete()
        batch: list[ProtectedName] = []
        for item in ProtectedName.objects.filter(artist__retired_at__isnull=True).iterator(chunk_size=2000):
            batch.append(item)
            if len(batch) == 2000:
                index_protected_names(batch)
                count, batch = count + len(batch), []
        index_protected_names(batch)
    return count + len(batch)


def change_artist(
    artist: ProtectedArtist,
    *,
    name: str | None = None,
    aliases: Sequence[str] | None = None,
    transliterations: Sequence[str] | None = None,
    identifiers: Iterable[tuple[str, str]] | None = None,
) -> None:
    """Put what is given in the place of what is there; the rest stays. Raises Unusable, or NameTaken."""
    with transaction.atomic():
        artist = ProtectedArtist.objects.select_for_update().get(pk=artist.pk)
        rows = list(artist.protected_names.all())
        kept = {kind: tuple(row.name for row in rows if row.kind == kind) for kind in Kind}
        entry = normalise_registry_entry(
            Entry(
                artist.name if name is None else name,
                kept[Kind.ALIAS] if aliases is None else tuple(aliases),
                kept[Kind.TRANSLITERATION] if transliterations is None else tuple(transliterations),
                () if identifiers is None else tuple(identifiers),
            )
        )
        if ProtectedArtist.objects.current().filter(name=entry.name).exclude(pk=artist.pk).exists():
            raise NameTaken(entry.name)
        ProtectedArtist.objects.filter(pk=artist.pk).update(name=entry.name)
        _replace_names(artist, rows, entry.names())
        if identifiers is not None:
            artist.identifiers.all().delete()
            ArtistIdentifier.objects.bulk_create(
                ArtistIdentifier(artist=artist, scheme=scheme, value=value)
                for scheme, value in dict.fromkeys(entry.identifiers)
            )


def _replace_names(artist: ProtectedArtist, rows: Sequence[ProtectedName], wanted: Mapping[str, str]) -> None:
    gone = [item for item in rows if item.name not in wanted]
    _unindex_names(gone)
    ProtectedName.objects.filter(pk__in=[entry.pk for entry in gone]).delete()
    for row in rows:
        if row.name in wanted and row.kind != wanted[row.name]:
            ProtectedName.objects.filter(pk=row.pk).update(kind=wanted[row.name])
    _add_names([(artist, wanted)])


def retire_artist(artist: ProtectedArtist, actor: str) -> None:
    """Guard an artist no longer. Authorisations and uses of keys stay on record."""
    with transaction.atomic():
        now = timezone.now()
        if ProtectedArtist.objects.current().filter(pk=artist.pk).update(retired_at=now, retired_by=actor):
            _unindex_names(artist.protected_names.all())
            artist.artist_keys.filter(revoked_at__isnull=True).update(revoked_at=now, revoked_by=actor)
            artist.authorisations.filter(ended_at__isnull=True).update(ended_at=now, ended_by=actor)


def end_authorisation(artist: ProtectedArtist, label: Label, actor: str) -> bool:
    """Take back that a label may deliver for an artist; returns whether it could until now."""
    standing = Authorisation.objects.filter(artist=artist, label=label, ended_at__isnull=True)
    return bool(standing.update(ended_at=timezone.now(), ended_by=actor))


# --- Keys ---------------------------------------------------------------------------------------------------------


def issue_artist_key(artist: ProtectedArtist, issuer: Label | str) -> tuple[ArtistKey, str]:
    """Issue a new key of the artist, by a label or by the actor that an operator is.

    The secret is returned this once. The old keys stay valid until they are revoked.

    Raises TooManyKeys.
    """
    if artist.artist_keys.filter(revoked_at__isnull=True).count() >= MOST_KEYS:
        raise TooManyKeys
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    label, actor = (issuer, issuer.actor) if isinstance(issuer, Label) else (None, issuer)
    key = ArtistKey.objects.create(
        artist=artist, prefix=prefix, digest=artist_key_digest(secret), issued_by=actor, issuing_label=label
    )
    return key, f"{KEY_MARK}_{prefix}_{secret}"


def revoke_artist_key(key: ArtistKey, actor: str) -> bool:
    """Close a key for good; returns whether it was open until now."""
    mine = ArtistKey.objects.filter(pk=key.pk, revoked_at__isnull=True)
    return bool(mine.update(revoked_at=timezone.now(), revoked_by=actor))


def without_keys(release: Mapping[str, Any]) -> dict[str, Any]:
    """The release as it may be kept and shown: of each artist's key only the part that is no secret."""
    return {
        **release,
        **_artists_cut(release),
        "tracks": [{**track, **_artists_cut(track)} for track in release["tracks"]],
    }


def _artists_cut(part: Mapping[str, Any]) -> dict[str, Any]:
    artists = part.get("display_artists")
    if not artists:
        return {}
    return {
        "display_artists": [
            {**artist, "artist_key": cut_key_secret(artist["artist_key"])} if artist.get("artist_key") else artist
            for artist in artists
        ]
    }


def cut_key_secret(key: str) -> str:
    """A key without its secret. Of what has not the form of one nothing is left: it may be another secret."""
    prefix = artist_key_prefix(key)
    return f"{KEY_MARK}_{prefix}_{CUT}" if prefix else CUT


def present_keys(submission: Submission, release: Mapping[str, Any]) -> None:
    """Remember which artists' keys a submission came with, in the caller's transaction, before they are cut."""
    artists = [item for part in (release, *release["tracks"]) for item in part.get("display_artists") or ()]
    presented = dict.fromkeys(artist["artist_key"] for artist in artists if artist.get("artist_key"))
    keys = {key.pk: key for text in presented if (key := artist_key(text))}
    KeyUse.objects.bulk_create(KeyUse(key=key, submission=submission) for key in keys.values())


def count_uses(submission: Submission) -> None:
    """Count the keys of a submission that is being decided, once, in the caller's transaction."""
    now = timezone.now()
    for use in KeyUse.objects.filter(submission=submission, counted_at__isnull=True).order_by("key_id"):
        if KeyUse.objects.filter(pk=use.pk, counted_at__isnull=True).update(counted_at=now):
            ArtistKey.objects.filter(pk=use.key_id).update(uses=F("uses") + 1, last_used_at=now)
