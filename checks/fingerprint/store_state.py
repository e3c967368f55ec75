"""What belongs to a local store at one moment: a small file that is replaced as a whole."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.fingerprint.index import Damaged
from checks.fingerprint.journal import Mark

#: Since 2 the mark is in it; a manifest of 1 is read, and has none.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment as the manifest lists it."""

    file: str
    documents: int
    removed_file: str | None = None
    removed: int = 0

    @property
    def alive(self) -> int:
        return self.documents - self.removed


@dataclass(frozen=True, slots=True)
class Manifest:
    """What belongs to the store at one moment; replaced as a whole."""

    generation: int
    modulus: int
    journal: str
    segments: tuple[Listed, ...] = ()
    mark: Mark | None = None  # how far the segments have applied the log; the journal may go further

    def packed(self) -> bytes:
        content = {
            "format": FORMAT,
            "generation": self.generation,
            "modulus": self.modulus,
            "journal": self.journal,
            "mark": [self.mark.position, self.mark.token] if self.mark else None,
            "segments": [
                {"file": s.file, "documents": s.documents, "removed_file": s.removed_file, "removed": s.removed}
                for s in self.segments
            ],
        }
        return json.dumps({"checksum": _state_checksum(content), **content}, indent=1).encode()

    @classmethod
    def parse(cls, raw: bytes) -> Manifest:
        """Raises Damaged where it is not what was written, or was written by a later program."""
        try:
            content: dict[str, Any] = json.loads(raw)
            if content.pop("checksum") != _state_checksum(content):
                raise Damaged("manifest: the content does not fit its checksum")
            if content["format"] not in range(1, FORMAT + 1):
                raise Damaged(f"manifest: format {content['format']}, and this program reads {FORMAT}")
            listed = tuple(Listed(**segment) for segment in content["segments"])
            mark = Mark(*content["mark"]) if content.get("mark") else None
            return cls(content["generation"], content["modulus"], content["journal"], listed, mark)
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise Damaged(f"manifest: {error!r}") from error

    @property
    def files(self) -> set[str]:
        """Every file that belongs to the store, but for the manifest and the lock."""
        removed = {segment.removed_file for segment in self.segments if segment.removed_file}
        return {self.journal, *(segment.file for segment in self.segments), *removed}


def _state_checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
