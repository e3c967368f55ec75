"""Recordings learned from their fingerprints alone, thousands at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import IntegrityError, transaction
from django.db.models import Q

from checks.fingerprint.comparison import is_degenerate
from intake.core.catalogue_files import Line
from intake.models import KnownRecording
from intake.services.catalogue import known_recordings

#: Lines that are looked up, stored and indexed together: a second's work, and what a killed command does again.
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Learned:
    """What became of a line."""

    line: Line
    status: str  # learned | known | failed
    error: str = ""


def learn_fingerprints(lines: Iterable[Line]) -> Iterator[Learned]:
    """Add recordings to the catalogue and the index, batch by batch. What is known already, by its fingerprint or by
    its number elsewhere, changes nothing but that what was not known of it is filled in."""
    waiting = iter(lines)
    while batch := list(islice(waiting, BATCH)):
        try:
            yield from _learn_batch(batch)
        except IntegrityError:  # another process learned some of them at the same moment: now they are known
            yield from _learn_batch(batch)
        known_recordings.index_new_recordings()


def _learn_batch(batch: Sequence[Line]) -> list[Learned]:
    digests = [known_recordings.digest_fingerprint(line.fingerprint) for line in batch]
    with transaction.atomic():
        alike, numbered = _find_known_rows(digests, [line.external_id for line in batch if line.external_id])
        result, new = [], []
        for line, digest in zip(batch, digests, strict=True):
            error = line.error or ("too little sound to be compared" if is_degenerate(line.fingerprint) else "")
            known = None if error else known_recordings.known_again(alike[digest], line.owner, line.isrc)
            other = numbered.get((line.external_id, line.owner))
            if other and not known:
                error = (
                    error or f"known as {line.external_id} with another fingerprint (recording {other.pk or 'above'})"
                )
            if error:
                result.append(Learned(line, "failed", error))
            elif known:
                if known.pk:
                    known_recordings.complete_recording(
                        known, artist=line.artist, isrc=line.isrc, owner=line.owner, external_id=line.external_id
                    )
                result.append(Learned(line, "known"))
            else:
                row = _build_recording_row(line, digest)
                new.append(row)
                alike[digest].append(row)
                if line.external_id:
                    numbered[line.external_id, line.owner] = row
                result.append(Learned(line, "learned"))
        KnownRecording.objects.bulk_create(new)
    return result


def _find_known_rows(
    digests: Sequence[str], numbers: Sequence[str]
) -> tuple[defaultdict[str, list[KnownRecording]], dict[tuple[str, str], KnownRecording]]:
    """What is in the catalogue under these digests, and under these numbers of these owners."""
    rows = KnownRecording.objects.settled().filter(Q(fingerprint_digest__in=digests) | Q(external_id__in=numbers))
    alike: defaultdict[str, list[KnownRecording]] = defaultdict(list)
    numbered = {}
    for row in rows.defer("fingerprint").order_by("pk"):
        alike[row.fingerprint_digest].append(row)
        if row.external_id:
            numbered[row.external_id, row.owner] = row
    return alike, numbered


def _build_recording_row(line: Line, digest: str) -> KnownRecording:
    return KnownRecording(
        title=line.title,
        artist=line.artist,
        isrc=line.isrc,
        owner=line.owner,
        external_id=line.external_id,
        duration=line.duration,
        fingerprint=line.fingerprint,
        fingerprint_digest=digest,
    )


def export_catalogue_lines() -> Iterator[Line]:
    """The catalogue as it is, for writing it to a file."""
    rows = KnownRecording.objects.settled().order_by("pk")
    for number, row in enumerate(rows.iterator(chunk_size=1000), start=1):
        yield Line(
            number,
            bytes(row.fingerprint),
            row.duration,
            row.title,
            row.artist,
            row.isrc,
            row.owner,
            row.external_id,
        )
