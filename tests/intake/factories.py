"""Rows for tests, made the way the gate makes them: through the services."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import hashlib
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.contrib.auth.models import User

from checks.analysis import ANALYSIS_VERSION
from checks.model.release import AudioFacts
from intake.demo.releases import build_demo_document as demo_document
from intake.models import Blob, Label, Submission
from intake.services.people import accounts, permissions
from intake.services.people.permissions import Role
from intake.services.storage.blobs import Incoming
from intake.services.submissions import submission_actions

#: Far enough ahead that no lead time is short.
RELEASE_DATE = dt.date(2030, 6, 1)


def a_label(name: str = "Harbour Records") -> Label:
    return accounts.create_label(name)[0]


def a_moderator(name: str = "ada", *held: Role) -> User:
    """A person at the desk; a moderator, unless other roles are named."""
    person = User.objects.create_user(name, password="secret", is_staff=True)
    person.groups.set([permissions.ensure_role_group(role) for role in held or (Role.MODERATOR,)])
    return person


def a_document(title: str = "Low Tide", number: int = 1, tracks: int = 1, **release: Any) -> dict[str, Any]:
    """A delivery document that no check holds against its label."""
    made = demo_document(title, number, RELEASE_DATE)
    first = made["release"]["tracks"][0]
    for position in range(2, tracks + 1):
        track = copy.deepcopy(first)
        track.update(
            position=position,
            title=f"{title} Part {position}",
            file=f"{position:02d}.flac",
            isrc=f"SEHBR25{number * 100 + position:05d}",
        )
        made["release"]["tracks"].append(track)
    if tracks > 1:
        made["release"]["type"] = "album"
    made["release"].update(release)
    return made


def a_blob(content: bytes) -> Blob:
    incoming = Incoming()
    incoming.write(content)
    return incoming.keep()


@functools.cache
def _plain_png() -> bytes:
    """A cover that no partner refuses: 3000 × 3000 in RGB, without its last chunk."""
    side = 3000
    rows = zlib.compress((b"\0" + b"\x20\x40\x60" * side) * side)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def a_cover(text: str = "") -> bytes:
    """A cover; another text makes other bytes of it."""
    return _plain_png() + _chunk(b"tEXt", b"Comment\0" + text.encode("latin-1", "replace")) + _chunk(b"IEND", b"")


def files_of(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Bytes for every file of a document: another title, another sound."""
    release = document["release"]
    text, cover = f"{release['title']} {release['upc']}", release["cover"]["file"]
    return {track["file"]: f"{text} {track['file']}".encode() for track in release["tracks"]} | {cover: a_cover(text)}


def a_submission(label: Label | None = None, document: Mapping[str, Any] | None = None) -> Submission:
    """A whole delivery, handed over."""
    document = document or a_document()
    blobs = {name: a_blob(content) for name, content in files_of(document).items()}
    return submission_actions.submit_delivery(label or a_label(), document, blobs)


def facts_of(sha256: str, **changes: Any) -> AudioFacts:
    """Facts of a good recording whose sound follows from its SHA-256."""
    seed = int.from_bytes(hashlib.sha256(sha256.encode()).digest()[:8])
    fingerprint = np.random.default_rng(seed).integers(0, 2**32, 800, dtype=np.uint32)
    values: dict[str, Any] = {
        "sha256": sha256,
        "version": ANALYSIS_VERSION,
        "ok": True,
        "container": "flac",
        "codec": "flac",
        "sample_rate": 44100,
        "channels": 2,
        "bit_depth": 16,
        "lossless": True,
        "duration": 100.0,
        "declared_duration": 100.0,
        "loudness_lufs": -14.0,
        "true_peak_dbtp": -1.0,
        "channel_rms": (0.2, 0.2),
        "downmix_rms": 0.2,
        "bandwidth_hz": 20000.0,
        "flatness": 0.1,
        "fingerprint": fingerprint.astype("<u4").tobytes(),
        "fingerprint_distinct": 800,
    }
    return AudioFacts(**(values | changes))


class FakeAnalyser:
    """Measures nothing: answers with facts that follow from the SHA-256, and counts how often it was asked."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes
        self.asked: list[str] = []
        self.error: Exception | None = None

    def analyse(self, path: Path, sha256: str, *, name: str | None = None, lattice: bool = True) -> AudioFacts:
        self.asked.append(sha256)
        if self.error is not None:
            raise self.error
        return facts_of(sha256, **self.changes)
