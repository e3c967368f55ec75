"""What a file says about its own making: generators' marks in its tags, and whether it carries signed credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from checks.analysis.facts import Note
from checks.release import Credential, TagClaim

#: Tags of ordinary files are read in a few megabytes, cover art included.
MEMORY_BYTES = 192 << 20


@dataclass(frozen=True, slots=True)
class Provenance:
    """Claims and credentials found in one file."""

    tags: tuple[TagClaim, ...] = ()
    credential: Credential = Credential()
    notes: tuple[str, ...] = ()


UNREADABLE = Provenance(notes=(Note.TAGS_UNREADABLE.value,))


def read(file: BinaryIO, container: str | None) -> Provenance:
    """TODO"""
    return Provenance()


def warm_up(file: BinaryIO) -> None:
    pass


def from_json(document: Mapping[str, Any]) -> Provenance:
    """Raises ValueError where the document is not of that shape."""
    try:
        credential = dict(document["credential"])
        credential["source_types"] = tuple(credential["source_types"])
        return Provenance(
            tags=tuple(TagClaim(**claim) for claim in document["tags"]),
            credential=Credential(**credential),
            notes=tuple(str(note) for note in document["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no provenance: {error}") from error
