"""The identity registry as checks search it: protected names, who may use them, and artists' keys."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from django.db import connection
from django.db.models import FilteredRelation, Q

from checks.model.check import OpenedArtist, ProtectedName
from checks.model.name_matching import Entry, build_index_entries
from intake import models

#: Marks artists' keys, so that secret scanners and people recognise a leaked one.
KEY_MARK = "rak"
_ARTIST_KEY = re.compile(KEY_MARK + r"_([0-9a-f]{10})_(.+)")
#: Search keys in one query: above any release's need, below every database's parameter limit.
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
            for entry in build_index_entries(name):
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
        """The protected artist to which this valid key belongs.

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
    standing = models.Authorisation.objects.filter(artist=key.artist_id, label=key.issuing_label, ended_at__isnull=True)
    return any(not _is_a_labels_word(word) for word in standing.values_list("vouched_by", flat=True))


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
