"""What a declaration names as its document of consent or proof."""

from __future__ import annotations

from pathlib import PurePosixPath

#: Kinds of documents, by the end of a file's name, that a moderator can read.
SUFFIXES = (".pdf", ".jpg", ".jpeg", ".png", ".txt")


def document_name(text: str | None) -> str | None:
    """The file that a text names; None where it is a sentence, or the id of a record that is kept elsewhere."""
    name = (text or "").strip()
    is_file = PurePosixPath(name).suffix.lower() in SUFFIXES and len(name) > len(PurePosixPath(name).suffix)
    return name if is_file else None
