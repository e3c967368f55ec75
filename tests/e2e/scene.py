"""A day at the desk: submissions of every kind, brought in through the services and measured for real."""

from __future__ import annotations

import copy
import datetime as dt
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from celery import current_app
from django.contrib.auth.models import User
from django.utils import timezone

from checks.analysis import default_analyser
from checks.policy import Verdict
from intake.demo import covers, sounds
from intake.demo.releases import (
    KNOWN_ARTIST,
    KNOWN_ISRC,
    KNOWN_OWNER,
    KNOWN_SEED,
    KNOWN_TITLE,
    PROTECTED_NAME,
    SECONDS,
    build_demo_document,
    build_demo_samples,
    known_recording,
)
from intake.models import Blob, Label, Submission
from intake.services.catalogue import known_recordings
from intake.services.people import moderators
from intake.services.registry import protected_artists
from intake.services.review import decisions
from intake.services.storage.blobs import Incoming
from intake.services.submissions import admission, submission_actions

PASSWORD = "low-tide-at-seven"
#: The two parts of the known recording that the excerpted copy is made of, seconds.
EXCERPTS = ((4.0, 20.0), (26.0, 46.0))

#: More of the queue: title, artist, hours until it is due.
_CROWD = (
    ("Ash and Amber", "Idun Fall", 2.6),
    ("Carousel (Night Version)", "The Parallel Lines", 7.2),
    ("Every Lamp on Harbour Street Was Lit the Night You Left for Good", "Ødegård & the Lighthouse Keepers", 15.5),
    ("月の舟", "Aya Morino", 26.0),
    ("Corrida", "Los Faroles", 41.0),
)


def fill(folder: Path | None = None, only: Collection[str] = ()) -> dict[str, Submission]:
    """A whole day by title, or ``only`` some of the day's samples; tasks run in this process."""
    folder = folder or Path(tempfile.mkdtemp(prefix="scene-"))
    current_app.conf.task_always_eager = current_app.conf.task_eager_propagates = True
    for name in ("ada", "ben"):
        moderators.create_moderator(name, PASSWORD)
    guard(folder)
    made = {sample.name: _send(sample.label, sample.document, sample.make, folder) for sample in _days_samples(only)}
    if only:
        _set_clocks(made)
        return made
    made["Undertow"] = _send("Blue Buoy", _album(), _copied_in_parts, folder)
    for number, (title, artist, _) in enumerate(_CROWD, start=40):
        contradictory = _contradictory(build_demo_document(title, number, _out(), artist=artist, label="Blue Buoy"))
        made[title] = _send("Blue Buoy", contradictory, _tune(number), folder)
    _set_clocks(made)
    _decide_some(made)
    return made


def guard(folder: Path) -> None:
    """One known recording, its sound on file, and one protected name."""
    path = known_recording(folder)
    blob = _keep(path)
    facts = default_analyser().analyse(path, blob.pk, name=path.name)
    known_recordings.learn_recording(facts, title=KNOWN_TITLE, artist=KNOWN_ARTIST, isrc=KNOWN_ISRC, owner=KNOWN_OWNER)
    known_recordings.index_new_recordings()
    protected_artists.protect_artist(PROTECTED_NAME)


def _days_samples(only: Collection[str]) -> list[Any]:
    today = timezone.now().date()
    return [
        sample
        for sample in build_demo_samples(today)
        if sample.expected != "refused" and (not only or sample.name in only)
    ]


def _out() -> dt.date:
    return timezone.now().date() + dt.timedelta(days=24)


def _send(label: str, delivery: dict[str, Any], make: Callable[[Path], None], folder: Path) -> Submission:
    place = folder / delivery["release"]["upc"]
    if not place.exists():  # another test's scene may have made the same files
        place.mkdir()
        make(place)
    owner, _ = Label.objects.get_or_create(name=label)
    blobs = {name: _keep(place / name) for name in admission.named_files(delivery)}
    submission = submission_actions.submit_delivery(owner, delivery, blobs)
    submission.refresh_from_db()
    return submission


def _keep(path: Path) -> Blob:
    incoming = Incoming()
    incoming.write(path.read_bytes())
    return incoming.keep()


def _tune(seed: int) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        sounds.encode_demo_audio(sounds.compose_demo_piece(seed, SECONDS), 44100, place / "01.flac")
        covers.paint_demo_cover(seed, place / "cover.png")

    return make


def _contradictory(delivery: dict[str, Any]) -> dict[str, Any]:
    track = delivery["release"]["tracks"][0]
    track["disclosure"]["contributions"] = [
        {"element": "lead_vocals", "level": "fully_generated", "tool": "Vox Studio", "imitates": "no"},
        {"element": "instruments", "level": "assistive_tool"},
    ]
    return delivery


def _album() -> dict[str, Any]:
    """Three tracks; the second is put together from two parts of the known recording."""
    delivery = build_demo_document("Undertow", 30, _out(), artist="Tomas Rehn", label="Blue Buoy")
    release = delivery["release"]
    first = release["tracks"][0]
    for position, title in enumerate(("Undertow", "Glass", "Shoreline"), start=1):
        track = copy.deepcopy(first)
        track.update(position=position, title=title, file=f"{position:02}.flac", isrc=f"SEBLB26003{position:02}")
        release["tracks"][position - 1 : position] = [track]
    release["type"] = "single"
    return delivery


def _copied_in_parts(place: Path) -> None:
    known = sounds.compose_demo_piece(KNOWN_SEED, SECONDS)
    own = sounds.compose_demo_piece(31, 12.0)
    parts = [own[: 6 * 44100], *(known[int(a * 44100) : int(b * 44100)] for a, b in EXCERPTS), own[6 * 44100 :]]
    sounds.encode_demo_audio(sounds.compose_demo_piece(32, SECONDS), 44100, place / "01.flac")
    sounds.encode_demo_audio(np.concatenate(parts) * 0.8, 44100, place / "02.flac")
    sounds.encode_demo_audio(sounds.compose_demo_piece(33, SECONDS), 44100, place / "03.flac")
    covers.paint_demo_cover(31, place / "cover.png")


def _set_clocks(made: dict[str, Submission]) -> None:
    """Due dates as they would be in the middle of a day: one missed, one near."""
    now = timezone.now()
    hours = {"Quiet Water": -1.4, "Undertow": 0.9, "Evening Bells": 3.1, "Night Ferry": 9.4, "Salt and Wire": 20.2}
    hours |= {title: due for title, _, due in _CROWD} | {"Broken Compass": 33.0}
    for title, due in hours.items():
        if title not in made:
            continue
        came = now + dt.timedelta(hours=due - 48)
        Submission.objects.filter(pk=made[title].pk).update(due_at=now + dt.timedelta(hours=due), received_at=came)


def _decide_some(made: dict[str, Submission]) -> None:
    """What the other moderator did this morning, and has in hand now."""
    ben = User.objects.get(username="ben")

    def now(title: str) -> Submission:
        return Submission.objects.get(pk=made[title].pk)

    decisions.decide_submission(
        now("月の舟"), ben, Verdict.RETURN, "Please state for each element of the track how it was made.",
        "Second time this week; the label's form seems to fill in the wrong column.",
    )  # fmt: skip
    decisions.decide_submission(
        now("Corrida"), ben, Verdict.LABEL, "The use of AI was confirmed; it goes out with these labels.",
        labels=[("ai:recording", "partly"), ("ai:vocals", "all")],
    )  # fmt: skip
    decisions.claim_submission(now("Salt and Wire"), ben)
