"""What can be wrong with a message itself, beside what can be wrong with the release that it carries."""

from __future__ import annotations

from checks.finding import Code, Route, Severity


def _refused(name: str, rule: str, source: str = "DDEX ERN") -> Code:
    return Code(f"ddex.{name}", rule, Severity.CRITICAL, Route.BLOCK, source)


def _warned(name: str, rule: str, source: str = "DDEX ERN") -> Code:
    return Code(f"ddex.{name}", rule, Severity.WARNING, Route.PASS, source)


NOT_XML = _refused("not_xml", "A message is well-formed XML, and not packed.", "XML 1.0")
DOCTYPE = _refused("doctype", "A message has no document type declaration, and so no entities of its own.", "own rule")
TOO_LARGE = _refused("too_large", "A message stays within the limits of size and depth.", "own rule")
UNREADABLE = _refused("unreadable", "A message can be read within the limits of time and memory.", "own rule")
NOT_A_RELEASE = _refused("not_a_release", "A delivery is a NewReleaseMessage.")
NAMESPACE_UNKNOWN = _refused("namespace_unknown", "A message is written in a version of ERN that is known here.")
RELEASE_MISSING = _refused("release_missing", "A message has a release.")
MESSAGE_ID_MISSING = _refused("message_id_missing", "A message has an id and a sender.")
MESSAGE_REPLAYED = _refused("message_replayed", "A message id is used once: a correction is a new message.")
REFERENCE_DANGLING = _refused("reference_dangling", "A reference points at something that the message has.")
REFERENCE_DUPLICATE = _refused("reference_duplicate", "A reference stands for one thing.")
DATE_INVALID = _refused("date_invalid", "A date exists: there is no 30 February.", "ISO 8601")
URI_UNSAFE = _refused("uri_unsafe", "A URI names a file of the delivery: no way out of it, and no address.", "own rule")
FILE_AMBIGUOUS = _refused("file_ambiguous", "Files are told apart by their names alone, without their folders.")
DATE_PARTIAL = _warned("date_partial", "A date names a day; a year or a month alone is left out.")
ISRC_HYPHENATED = _warned("isrc_hyphenated", "An ISRC is written without hyphens.", "ISO 3901; DDEX ERN")
VALUE_INTERRUPTED = _warned("value_interrupted", "A value is not cut in two by a comment.", "own rule")
VALUE_UNKNOWN = _warned("value_unknown", "A value is one that this gate knows; the message says how it was taken.")
RESOURCE_NOT_TAKEN = _warned("resource_not_taken", "The tracks of a release are sound recordings.")
CHECKSUM_UNUSED = _warned("checksum_unused", "Files are compared with their SHA-256; other checksums are not used.")
AI_INCONSISTENT = _warned(
    "ai_inconsistent", "What a message says of AI in a recording agrees with what it says of its contributors."
)
UNMAPPED = Code(
    "ddex.unmapped",
    "What this gate has no place for is listed: it is not part of the release as it was taken in.",
    Severity.INFORMATION,
    Route.PASS,
    "own rule",
)
TEST_MESSAGE = Code(
    "ddex.test_message",
    "A test message is judged, and nothing is stored.",
    Severity.INFORMATION,
    Route.PASS,
    "DDEX ERN",
)

CODES = (
    NOT_XML, DOCTYPE, TOO_LARGE, UNREADABLE, NOT_A_RELEASE, NAMESPACE_UNKNOWN, RELEASE_MISSING, MESSAGE_ID_MISSING,
    MESSAGE_REPLAYED, REFERENCE_DANGLING, REFERENCE_DUPLICATE, DATE_INVALID, URI_UNSAFE, FILE_AMBIGUOUS, DATE_PARTIAL,
    ISRC_HYPHENATED, VALUE_INTERRUPTED, VALUE_UNKNOWN, RESOURCE_NOT_TAKEN, CHECKSUM_UNUSED, AI_INCONSISTENT, UNMAPPED,
    TEST_MESSAGE,
)  # fmt: skip
