"""The recordings that a label makes known to the gate as its own, so that others' copies of them are found."""

from __future__ import annotations

from collections.abc import Mapping

from checks.fingerprint.comparison import is_degenerate
from checks.model.release import AudioFacts
from intake.core import enqueue
from intake.models import KnownRecording, Label
from intake.services.catalogue import known_recordings


def make_known(label: Label, facts: AudioFacts, said: Mapping[str, str]) -> tuple[KnownRecording, bool]:
    """Add a recording as the label's own, from what was measured or from its fingerprint alone (without SHA-256).

    ``said``: title, artist, isrc, owner; without an owner it is the label. Returns it, and whether it is new.
    Raises catalogue.NothingToLearn.
    """
    owner, isrc, artist = said.get("owner") or label.name, said.get("isrc") or "", said.get("artist") or ""
    if facts.sha256:
        return known_recordings.learn_recording(
            facts, title=said["title"], artist=artist, isrc=isrc, owner=owner, label=label
        )
    if is_degenerate(facts.fingerprint):
        raise known_recordings.NothingToLearn(
            "too little sound to be compared: silence, one lasting tone, or a few seconds"
        )
    recording, new = KnownRecording.objects.settled().get_or_create(
        sha256="",
        fingerprint_digest=known_recordings.digest_fingerprint(facts.fingerprint),
        owner=owner,
        isrc=isrc,
        forgotten_at=None,
        defaults={
            "title": said["title"],
            "artist": artist,
            "label": label,
            "duration": facts.duration,
            "fingerprint": facts.fingerprint,
        },
    )
    if recording.logged_at is None:
        enqueue.enqueue_task("intake.index")
    return recording, new
