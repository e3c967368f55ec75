"""What submissions are compared with: learn and forget recordings."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from checks.fingerprint.clickhouse import ClickHouseStore
from checks.fingerprint.comparison import is_degenerate
from checks.fingerprint.index import Damaged
from checks.fingerprint.local_store import LocalStore
from checks.model.release import AudioFacts
from intake.core import enqueue
from intake.models import Block, KnownRecording, Label, Submission, Track
from intake.readers import check_context, release_mapping
from intake.services.catalogue import index_log


class NothingToLearn(ValueError):
    """The recording has no fingerprint that could be compared."""


def learn_recording(
    facts: AudioFacts,
    *,
    title: str,
    artist: str = "",
    isrc: str = "",
    owner: str = "",
    label: Label | None = None,
    source: str = KnownRecording.Source.LEARNED,
    submission: Submission | None = None,
    ring: bool = True,
) -> tuple[KnownRecording, bool]:
    """Add a recording to the catalogue; returns it, and whether it is new. Learning twice changes nothing.

    Without ``ring`` the caller sees to the index itself, as bulk imports do.
    Raises NothingToLearn where the sound cannot be fingerprinted.
    """
    if not facts.ok or is_degenerate(facts.fingerprint):
        raise NothingToLearn(facts.error or "no fingerprint to compare: silence, noise or one lasting tone")
    recording, new = KnownRecording.objects.settled().get_or_create(
        sha256=facts.sha256,
        owner=owner,
        isrc=isrc,
        forgotten_at=None,
        defaults={
            "title": title[:500],
            "artist": artist[:500],
            "label": label,
            "source": source,
            "submission": submission,
            "duration": facts.duration,
            "fingerprint": facts.fingerprint,
            "fingerprint_digest": digest_fingerprint(facts.fingerprint),
        },
    )
    if ring and recording.logged_at is None:
        enqueue.enqueue_task("intake.index")
    return recording, new


def learn_delivered(submission: Submission) -> None:
    """Add the recordings of a cleared submission, as its label's own; within the caller's transaction.

    What was kept of them while the submission waited becomes that, so that nothing is indexed twice.
    """
    label, pending = submission.label, KnownRecording.objects.pending().filter(submission=submission)
    unlogged = False
    for track, facts in iterate_comparable_tracks(submission):
        same = {"sha256": facts.sha256, "isrc": track.isrc}
        if not KnownRecording.objects.settled().filter(owner=label.name, **same).exists() and pending.filter(
            **same
        ).update(source=KnownRecording.Source.DELIVERED):
            continue
        recording, _ = learn_recording(
            facts,
            title=track.title,
            artist=track.artist,
            isrc=track.isrc,
            owner=label.name,
            label=label,
            source=KnownRecording.Source.DELIVERED,
            submission=submission,
            ring=False,
        )
        unlogged = unlogged or recording.logged_at is None
    if unlogged:  # one message for all of them
        enqueue.enqueue_task("intake.index")
    pending.update(forgotten_at=timezone.now())


def iterate_comparable_tracks(submission: Submission) -> Iterator[tuple[Track, AudioFacts]]:
    """The tracks with comparable sound, with what was measured of it."""
    for track in submission.tracks.select_related("resource__blob__analysis"):
        analysis = release_mapping.analysis_of(track.resource)
        if analysis is None or analysis.facts is None:
            continue
        facts = release_mapping.map_audio_facts(analysis)
        if facts.ok and not is_degenerate(facts.fingerprint):
            yield track, facts


def digest_fingerprint(fingerprint: bytes) -> str:
    """What stands for a fingerprint where only sameness matters."""
    return hashlib.blake2b(fingerprint, digest_size=16).hexdigest()


def known_again(rows: Iterable[KnownRecording], owner: str, isrc: str) -> KnownRecording | None:
    """Of rows with the same sound the one that says the same of owner and ISRC, or nothing against it.

    What is not known on one side is no contradiction; another owner, or another ISRC, is another entry.
    """
    agreeing = [
        row
        for row in rows
        if (not row.owner or not owner or row.owner == owner) and (not row.isrc or not isrc or row.isrc == isrc)
    ]
    same = [row for row in agreeing if (row.owner, row.isrc) == (owner, isrc)]
    return next(iter(same or agreeing), None)


def complete_recording(recording: KnownRecording, title: str = "", **said: str) -> bool:
    """Fill in what was not known of a recording yet, and a better title; whether anything was. What a label delivered
    stays as it is."""
    news = {field: value for field, value in said.items() if value and not getattr(recording, field)}
    if title and title != recording.title:
        news["title"] = title[:500]
    if not news or recording.source != KnownRecording.Source.LEARNED:
        return False
    for field, value in news.items():
        setattr(recording, field, value)
    recording.save(update_fields=list(news))
    return True


def index_new_recordings() -> int:
    """Write what was learned and forgotten to the catalogue's log, and apply it to this host's index.

    Returns how many changes were written; other hosts apply them by themselves. Raises checks.fingerprint.store.Behind.
    """
    count = index_log.append_to_log()
    index_log.catch_up_index(patience=math.inf, most_behind=None)
    return count


def reconcile_index() -> int:
    """Compare the set of recordings in this host's index with the catalogue's log, and make it right.

    Returns how many were lost, or were there and should not be.
    """
    index_log.append_to_log()
    count = index_log.repair_index()
    index_new_recordings()
    return count


def rebuild_from(url: str, shard: int = 0, of: int = 1) -> int:
    """Make this machine's index of what a ClickHouse keeps, or of one part of so many; returns how many are in it."""
    source, store = ClickHouseStore(url), check_context.open_fingerprint_store()
    if not isinstance(store, LocalStore):
        raise ValueError("the index of this installation is no folder")  # noqa: TRY004 a setting, not a type

    def late(numbers: Sequence[int]) -> Iterable[tuple[int, bytes]]:
        return source.fingerprints([number for number in numbers if number % of == shard])

    try:
        count = store.rebuild(source.recordings(shard, of), late, source.modulus)
    finally:
        source.close()
    index_log.adopt_index()
    return count


def rebuild_index() -> int:
    """Index every recording anew, one key in as many as new stores keep; returns how many are in it.

    Queries go on meanwhile, in the old index until the new one takes its place whole. An index that cannot be read is
    set aside, and a new one begun.
    """
    try:
        store = check_context.open_fingerprint_store()
        store.documents()
    except Damaged:  # only files can be
        folder = Path(settings.GATE_INDEX)
        if folder.exists():
            folder.rename(folder.with_name(f"{folder.name}.damaged-{timezone.now():%Y%m%dT%H%M%S%f}"))
        check_context.reopen_fingerprint_store()
        store = check_context.open_fingerprint_store()
    index_log.append_to_log()
    if index_log.is_log_contradicted(*index_log.list_logged_recordings()):
        index_log.begin_log_anew()
    if isinstance(store, ClickHouseStore):
        index_log.restart_clickhouse_index(store)
    else:
        known, _ = index_log.list_logged_recordings()
        store.rebuild(index_log.load_fingerprints(known.tolist()), index_log.load_known_fingerprints)
    index_new_recordings()
    store.tidy()
    return len(store)


def merge_index() -> int:
    """Merge what has come together in the index; returns how many merges that took."""
    return check_context.open_fingerprint_store().tidy()


def forget_recordings(recordings: Iterable[KnownRecording]) -> int:
    """Take recordings out of the catalogue; the rows stay as evidence. Returns how many.

    No answer speaks of them from then on, and every index drops them when it applies the log. What is on the blocklist
    stays: nothing is unblocked by being forgotten.
    """
    count = 0
    free = KnownRecording.objects.current().exclude(blocks__in=Block.objects.standing())
    for recording in recordings:
        if free.filter(pk=recording.pk).update(forgotten_at=timezone.now()):
            count += 1
    if count:
        enqueue.enqueue_task("intake.index")
    return count
