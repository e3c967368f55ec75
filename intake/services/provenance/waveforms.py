"""What recordings look like: drawn once for their bytes, on the first view."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from checks.analysis import AnalysisError, waveform
from intake.core.reason_groups import HOLDING
from intake.models import Blob, KnownRecording, Portrait, Submission
from intake.services.storage import blobs

#: Files drawn in advance: the worst matches of a release, not every track of an album that is all copies.
MOST_PREPARED = 8


def ensure_waveform(blob: Blob) -> Portrait:
    """The portrait of a file, drawn now where it was not drawn yet.

    Raises OSError where the storage has lost the file, and AnalysisError where nothing could be drawn for a reason of
    our own: then nothing is kept, and it is drawn on the next request.
    """
    kept = Portrait.objects.filter(pk=blob.pk, version=waveform.VERSION).first()
    if kept is not None:
        return kept
    with blobs.local_copy(blob) as path, path.open("rb") as file:
        drawn = waveform.draw_waveform(file)
    values = {"version": waveform.VERSION, **dataclasses.asdict(drawn)}
    return Portrait.objects.update_or_create(blob=blob, defaults=values)[0]


def prepare_waveforms(submission: Submission) -> int:
    """Draw what a moderator will want to see of a submission: each track that matches, and what it matches.

    Returns how many files that were. What cannot be drawn now is tried again on the next view.
    """
    wanted = list(dict.fromkeys(_iterate_wanted_files(submission)))[:MOST_PREPARED]
    for blob in Blob.objects.filter(pk__in=wanted, stored_at__isnull=False):
        with contextlib.suppress(OSError, AnalysisError):
            ensure_waveform(blob)
    return len(wanted)


def _iterate_wanted_files(submission: Submission) -> Iterator[str]:
    tracks = {
        f"track:{track.position}": track.resource.blob_id for track in submission.tracks.select_related("resource")
    }
    known: list[int] = []
    for subject, evidence in submission.findings.current().filter(route__in=HOLDING).values_list("subject", "evidence"):
        matches: Any = evidence.get("matches") if isinstance(evidence, Mapping) else None
        if matches and tracks.get(subject):
            yield str(tracks[subject])
            known += [int(item["recording"]) for item in matches if str(item.get("recording", "")).isdigit()]
    yield from KnownRecording.objects.filter(pk__in=known).exclude(sha256="").values_list("sha256", flat=True)
