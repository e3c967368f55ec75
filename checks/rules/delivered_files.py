"""Whether the files that came are the files that the release names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from checks.model.finding import Code, Finding, Route, Severity

SOURCE = "the gate itself"
MISSING = Code(
    "file.missing", "Every file that the release names must be delivered.", Severity.CRITICAL, Route.BLOCK, SOURCE
)
UNEXPECTED = Code(
    "file.unexpected", "Every delivered file must be named by the release.", Severity.CRITICAL, Route.BLOCK, SOURCE
)
DIGEST_MISMATCH = Code(
    "file.digest_mismatch",
    "A file must have the SHA-256 that was declared for it.",
    Severity.CRITICAL,
    Route.BLOCK,
    SOURCE,
)
SIZE_MISMATCH = Code(
    "file.size_mismatch",
    "A file must have the size in bytes that was declared for it.",
    Severity.CRITICAL,
    Route.BLOCK,
    SOURCE,
)
EMPTY = Code("file.empty", "A delivered file must not be empty.", Severity.CRITICAL, Route.BLOCK, SOURCE)
NAME_UNSAFE = Code(
    "file.name_unsafe",
    "A file name is a plain name: no path, no control characters, at most 255 bytes.",
    Severity.CRITICAL,
    Route.BLOCK,
    SOURCE,
)
CODES = (MISSING, UNEXPECTED, DIGEST_MISMATCH, SIZE_MISMATCH, EMPTY, NAME_UNSAFE)

#: What common file systems and HTTP libraries can carry.
MAX_NAME_BYTES = 255


class DeclaredFile(NamedTuple):
    """What a release declares about one of its files: its SHA-256 in hexadecimal ('' for none) and size in bytes."""

    sha256: str = ""
    size: int | None = None


class DeliveredFile(NamedTuple):
    """What arrived: its SHA-256 in hexadecimal, its size in bytes, and where it lies until it is stored."""

    sha256: str
    size: int
    path: Path | None = None


def judge_names(names: Iterable[str]) -> Iterator[Finding]:
    """Findings about the file names of a release."""
    for name in names:
        plain = name and name not in (".", "..") and not set(name) & set("/\\") and name.isprintable()
        if not plain or len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
            yield Finding(NAME_UNSAFE, "release", f"{name[:80]!r} cannot be the name of a file.")


def judge_files(named: Mapping[str, DeclaredFile], delivered: Mapping[str, DeliveredFile]) -> Iterator[Finding]:
    """Compare the files that a release names with those that were delivered, both by name."""
    for name in sorted(named.keys() - delivered.keys()):
        yield Finding(MISSING, f"file:{name}", f"The release names the file '{name}', but it was not delivered.")
    for name in sorted(delivered.keys() - named.keys()):
        yield Finding(UNEXPECTED, f"file:{name}", f"The file '{name}' was delivered, but the release does not name it.")
    for name in sorted(named.keys() & delivered.keys()):
        if mismatch := find_mismatch(name, named[name], delivered[name]):
            yield mismatch
        if delivered[name].size == 0:
            yield Finding(EMPTY, f"file:{name}", f"The file '{name}' is empty.")


def size_mismatch(name: str, declared: int, delivered: int) -> Finding:
    """The finding about a file of another size, both in bytes."""
    return Finding(
        SIZE_MISMATCH,
        f"file:{name}",
        f"The file '{name}' has {delivered} bytes; {declared} were declared.",
        measured=delivered,
        threshold=declared,
        fix="Send the whole file, or correct its declared size.",
    )


def find_mismatch(name: str, declared: DeclaredFile, delivered: DeliveredFile) -> Finding | None:
    """The finding about a file that is not the declared one; None where it is. The size explains more than the hash."""
    if declared.size not in (None, delivered.size):
        return size_mismatch(name, declared.size, delivered.size)
    if declared.sha256.lower() not in ("", delivered.sha256):
        return Finding(
            DIGEST_MISMATCH,
            f"file:{name}",
            f"The file '{name}' arrived with another SHA-256 than declared.",
            measured=delivered.sha256,
            threshold=declared.sha256.lower(),
            fix="Send the file again, or correct its declared sha256.",
        )
    return None
