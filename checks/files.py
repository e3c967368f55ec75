"""Whether the files that came are the files that the release names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checks.finding import Code, Finding, Route, Severity

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
EMPTY = Code("file.empty", "A delivered file must not be empty.", Severity.CRITICAL, Route.BLOCK, SOURCE)
NAME_UNSAFE = Code(
    "file.name_unsafe",
    "A file name is a plain name: no path, no control characters, at most 255 bytes.",
    Severity.CRITICAL,
    Route.BLOCK,
    SOURCE,
)
CODES = (MISSING, UNEXPECTED, DIGEST_MISMATCH, EMPTY, NAME_UNSAFE)

#: What common file systems and HTTP libraries can carry.
MAX_NAME_BYTES = 255


def judge_names(names: Mapping[str, str]) -> Iterator[Finding]:
    """Findings about the file names of a release (name → declared SHA-256, or '')."""
    for name in names:
        plain = name and name not in (".", "..") and not set(name) & set("/\\") and name.isprintable()
        if not plain or len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
            yield Finding(NAME_UNSAFE, "release", f"{name[:80]!r} cannot be the name of a file.")


def judge_files(named: Mapping[str, str], delivered: Mapping[str, tuple[str, int]]) -> Iterator[Finding]:
    """Compare named files (name → declared SHA-256, or '') with delivered ones (name → SHA-256 and size)."""
    for name in sorted(named.keys() - delivered.keys()):
        yield Finding(MISSING, f"file:{name}", f"The release names the file '{name}', but it was not delivered.")
    for name in sorted(delivered.keys() - named.keys()):
        yield Finding(UNEXPECTED, f"file:{name}", f"The file '{name}' was delivered, but the release does not name it.")
    for name in sorted(named.keys() & delivered.keys()):
        declared, (actual, size) = named[name].lower(), delivered[name]
        if declared and declared != actual:
            yield Finding(
                DIGEST_MISMATCH,
                f"file:{name}",
                f"The file '{name}' arrived with another SHA-256 than declared.",
                measured=actual,
                threshold=declared,
                fix="Send the file again, or correct its sha256.",
            )
        if size == 0:
            yield Finding(EMPTY, f"file:{name}", f"The file '{name}' is empty.")
