"""Nine small releases with different fates: what labels send on an ordinary day, and on a bad one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from intake.demo import covers, sounds

#: The recording and the name that the demo guards; both are invented.
KNOWN_OWNER = "North Pier Music"
KNOWN_TITLE, KNOWN_ARTIST, KNOWN_ISRC = "Glass Harbour", "Ilse Varga", "SENPM2500017"
PROTECTED_NAME = "Nora Castellane"
LABEL = "Harbour Records"

#: Seeds of the compositions; each is a piece of music of its own.
KNOWN_SEED, SECONDS = 7, 48.0


@dataclass(frozen=True)
class Sample:
    """One release to send: the document, its files, its label, and the verdict that the demo expects."""

    name: str
    story: str
    label: str
    document: dict[str, Any]
    make: Callable[[Path], None]  # writes the files into a folder
    expected: str
    files: tuple[str, ...] = field(default=("01.flac", "cover.png"))


def known_recording(folder: Path) -> Path:
    """The recording that the catalogue is taught before the first release comes in."""
    path = folder / "glass-harbour.flac"
    if not path.exists():
        sounds.encode_demo_audio(sounds.compose_demo_piece(KNOWN_SEED, SECONDS), 44100, path)
    return path


def build_demo_samples(today: dt.date) -> list[Sample]:
    """The demo's releases, dated so that they come out in four weeks."""
    single = partial(build_demo_document, out=today + dt.timedelta(days=28))
    return [
        Sample("Low Tide", "a clean single", LABEL, single("Low Tide", 1), _compose_to_file(21), "approve"),
        Sample(
            "Paper Lanterns",
            "its vocals are machine-made, and declared",
            LABEL,
            _declared_vocals(single("Paper Lanterns", 2)),
            _compose_to_file(22),
            "label",
        ),
        Sample(
            "Quiet Water",
            "an MP3 of somebody else's recording under a new title",
            LABEL,
            single("Quiet Water", 3, file="01.mp3"),
            _copy_of_known,
            "review",
            ("01.mp3", "cover.png"),
        ),
        Sample(
            KNOWN_TITLE,
            "the same recording, redelivered by its owner",
            KNOWN_OWNER,
            single(KNOWN_TITLE, 4, artist=KNOWN_ARTIST, label=KNOWN_OWNER, isrc=KNOWN_ISRC),
            _known_again,
            "approve",
        ),
        Sample(
            "Evening Bells",
            "a guarded name, spelt with Cyrillic letters",
            LABEL,
            single("Evening Bells", 5, artist=PROTECTED_NAME.replace("a", "а").replace("o", "о")),
            _compose_to_file(25),
            "review",
        ),
        Sample(
            "Night Ferry",
            "a generator signed the file's tags, the label declared no AI",
            LABEL,
            single("Night Ferry", 6, file="01.mp3"),
            _write_tagged_file,
            "review",
            ("01.mp3", "cover.png"),
        ),
        Sample(
            "Salt and Wire",
            "a disclosure that contradicts itself",
            LABEL,
            _contradictory_document(single("Salt and Wire", 7)),
            _compose_to_file(27),
            "review",
        ),
        Sample(
            "Broken Compass",
            "an audio file that ends in the middle",
            LABEL,
            single("Broken Compass", 8),
            _write_truncated_file,
            "review",
        ),
        Sample(
            "Small Hours",
            "an ISRC that is none",
            LABEL,
            single("Small Hours", 9, isrc="SE-HBR-26-9"),
            _compose_to_file(29),
            "refused",
        ),
    ]


def build_demo_document(
    title: str,
    number: int,
    out: dt.date,
    *,
    artist: str = "Mara Lindqvist",
    label: str = LABEL,
    isrc: str | None = None,
    file: str = "01.flac",
) -> dict[str, Any]:
    """An ordinary single, declared to be made without AI."""
    who = [{"name": artist, "role": "main"}]
    return {
        "release": {
            "title": title,
            "type": "single",
            "upc": _build_demo_upc(number),
            "display_label": label,
            "release_date": out.isoformat(),
            "display_artists": who,
            "p_line": {"year": out.year, "owner": label},
            "c_line": {"year": out.year, "owner": label},
            "genre": "Folk",
            "language": "en",
            "advisory": "not_explicit",
            "territories": ["Worldwide"],
            "cover": {"file": "cover.png", "contains_ai": "none"},
            "tracks": [
                {
                    "position": 1,
                    "title": title,
                    "isrc": isrc or f"SEHBR26{number:05d}",
                    "file": file,
                    "display_artists": who,
                    "contributors": [
                        {
                            "name": artist,
                            "roles": ["composer", "lyricist", "vocalist"],
                            "ai_contribution": "none",
                        }
                    ],
                    "vocals": "vocal",
                    "language": "en",
                    "advisory": "not_explicit",
                    "disclosure": {
                        "status": "declared",
                        "contributions": [{"element": "lead_vocals", "level": "none"}],
                    },
                }
            ],
        }
    }


def _declared_vocals(document: dict[str, Any]) -> dict[str, Any]:
    track = document["release"]["tracks"][0]
    track["contributors"][0].update(roles=["composer", "lyricist", "producer"])
    track["disclosure"]["contributions"] = [
        {"element": "lead_vocals", "level": "fully_generated", "tool": "a voice model of our own", "imitates": "no"},
        {"element": "instruments", "level": "none"},
    ]
    return document


def _contradictory_document(document: dict[str, Any]) -> dict[str, Any]:
    """The contributor says that no machine sang; the disclosure says that only a machine did."""
    track = document["release"]["tracks"][0]
    track["disclosure"]["contributions"] = [{"element": "lead_vocals", "level": "fully_generated", "imitates": "no"}]
    return document


def _compose_to_file(seed: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        sounds.encode_demo_audio(sounds.compose_demo_piece(seed, SECONDS), 44100, folder / "01.flac")
        covers.paint_demo_cover(seed, folder / "cover.png")

    return make


def _copy_of_known(folder: Path) -> None:
    """Eight seconds cut off its head, a little quieter, and an MP3 of 128 kbit/s."""
    copied = sounds.compose_demo_piece(KNOWN_SEED, SECONDS)[8 * 44100 :] * 0.7
    sounds.encode_demo_audio(copied, 44100, folder / "01.mp3", codec="mp3", bitrate=128_000)
    covers.paint_demo_cover(23, folder / "cover.png")


def _known_again(folder: Path) -> None:
    sounds.encode_demo_audio(sounds.compose_demo_piece(KNOWN_SEED, SECONDS), 44100, folder / "01.flac")
    covers.paint_demo_cover(24, folder / "cover.png")


def _write_tagged_file(folder: Path) -> None:
    comment = "made with suno; created=2026-10-01T12:00:00Z; id=3f1c2d54-7a7e-4c1e-9a57-0d6f0c1f8b11"
    sounds.encode_demo_audio(
        sounds.compose_demo_piece(26, SECONDS),
        44100,
        folder / "01.mp3",
        codec="mp3",
        bitrate=192_000,
        tags={"comment": comment},
    )
    covers.paint_demo_cover(26, folder / "cover.png")


def _write_truncated_file(folder: Path) -> None:
    _compose_to_file(28)(folder)
    whole = (folder / "01.flac").read_bytes()
    (folder / "01.flac").write_bytes(whole[: len(whole) // 3])


def _build_demo_upc(number: int) -> str:
    """A UPC with a valid check digit, from a number."""
    digits = f"03600029{number:03d}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)
