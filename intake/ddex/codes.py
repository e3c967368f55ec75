"""What can be wrong with a message itself, beside what can be wrong with the release that it carries."""

from __future__ import annotations

from collections.abc import Mapping

from checks.model.finding import Code, Route, Severity


def _refused_code(name: str, rule: str, source: str = "DDEX ERN") -> Code:
    return Code(f"ddex.{name}", rule, Severity.CRITICAL, Route.BLOCK, source)


def _warned_code(name: str, rule: str, source: str = "DDEX ERN") -> Code:
    return Code(f"ddex.{name}", rule, Severity.WARNING, Route.PASS, source)


NOT_XML = _refused_code("not_xml", "A message is well-formed XML, and not packed.", "XML 1.0")
DOCTYPE = _refused_code(
    "doctype", "A message has no document type declaration, and so no entities of its own.", "own rule"
)
TOO_LARGE = _refused_code("too_large", "A message stays within the limits of size and depth.", "own rule")
UNREADABLE = _refused_code("unreadable", "A message can be read within the limits of time and memory.", "own rule")
NOT_A_RELEASE = _refused_code("not_a_release", "A delivery is a NewReleaseMessage.")
NAMESPACE_UNKNOWN = _refused_code("namespace_unknown", "A message is written in a version of ERN that is known here.")
RELEASE_MISSING = _refused_code("release_missing", "A message has a release.")
MESSAGE_ID_MISSING = _refused_code("message_id_missing", "A message has an id and a sender.")
MESSAGE_REPLAYED = _refused_code("message_replayed", "A message id is used once: a correction is a new message.")
REFERENCE_DANGLING = _refused_code("reference_dangling", "A reference points at something that the message has.")
REFERENCE_DUPLICATE = _refused_code("reference_duplicate", "A reference stands for one thing.")
DATE_INVALID = _refused_code("date_invalid", "A date exists: there is no 30 February.", "ISO 8601")
URI_UNSAFE = _refused_code(
    "uri_unsafe", "A URI names a file of the delivery: no way out of it, and no address.", "own rule"
)
FILE_AMBIGUOUS = _refused_code("file_ambiguous", "Files are told apart by their names alone, without their folders.")
TAKEDOWN = _refused_code("takedown", "A message delivers a release; takedowns are not carried out from messages.")
UPDATE = _refused_code(
    "update", "A message delivers a release for the first time; updates of earlier messages are not taken."
)
DEALS_ENDED = _refused_code("deals_ended", "A release is delivered while at least one of its deals has not ended.")
DATE_PARTIAL = _warned_code("date_partial", "A date names a day; a year or a month alone is left out.")
ISRC_HYPHENATED = _warned_code("isrc_hyphenated", "An ISRC is written without hyphens.", "ISO 3901; DDEX ERN")
VALUE_INTERRUPTED = _warned_code("value_interrupted", "A value is not cut in two by a comment.", "own rule")
VALUE_UNKNOWN = _warned_code("value_unknown", "A value is one that this gate knows; the message says how it was taken.")
RESOURCE_NOT_TAKEN = _warned_code("resource_not_taken", "The tracks of a release are sound recordings.")
CHECKSUM_UNUSED = _warned_code(
    "checksum_unused", "Files are compared with their SHA-256; other checksums are not used."
)
AI_INCONSISTENT = _warned_code(
    "ai_inconsistent", "What a message says of AI in a recording agrees with what it says of its contributors."
)
AI_CONTRADICTORY = Code(
    "ddex.ai_contradictory",
    "What a message says of AI in a release agrees with what it says of its recordings and contributors.",
    Severity.CRITICAL,
    Route.REVIEW,
    "DDEX ERN 4.3.2, consistency of ContainsAI and AiContribution",
)
AI_UNREAD = Code(
    "ddex.ai_unread",
    "Whatever a message says of AI is read: a statement that cannot be read is looked at by a person.",
    Severity.WARNING,
    Route.REVIEW,
    "DDEX ERN 4.3.2 ContainsAI, AiContribution, SpecialContributor",
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
    MESSAGE_REPLAYED, TAKEDOWN, UPDATE, DEALS_ENDED, REFERENCE_DANGLING, REFERENCE_DUPLICATE, DATE_INVALID, URI_UNSAFE,
    FILE_AMBIGUOUS, DATE_PARTIAL, ISRC_HYPHENATED, VALUE_INTERRUPTED, VALUE_UNKNOWN, RESOURCE_NOT_TAKEN,
    CHECKSUM_UNUSED, AI_INCONSISTENT, AI_CONTRADICTORY, AI_UNREAD, UNMAPPED, TEST_MESSAGE,
)  # fmt: skip

#: What the sender of a message can do about some of them.
FIXES: Mapping[str, str] = {
    TAKEDOWN.id: "To take a release back, use POST submissions/{id}/withdraw, or ask the operator of this gate.",
    UPDATE.id: "Withdraw the earlier submission (POST submissions/{id}/withdraw) and deliver the whole release as an "
    "original message, or use POST submissions with `supersedes`.",
    DEALS_ENDED.id: "Deliver the release with a deal whose ValidityPeriod has not ended. To take a release back, use "
    "POST submissions/{id}/withdraw.",
    AI_CONTRADICTORY.id: "Correct whichever of the two is wrong. A declaration of AI by itself never holds a release.",
    AI_UNREAD.id: "Say it with ContainsAI of the recording or the cover (All, Partly or None), or with AiContribution "
    "of a contributor.",
}
