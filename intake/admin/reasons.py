"""Reasons that moderators give often, in words that a label can act on; picked, then edited."""

from __future__ import annotations

from dataclasses import dataclass

from checks.policy import Verdict


@dataclass(frozen=True, slots=True)
class Canned:
    """A prepared reason: for which verdict, about which family, in which words."""

    key: str
    verdict: Verdict
    family: str
    title: str
    text: str


CANNED = (
    Canned("cleared", Verdict.APPROVE, "match", "Rights shown", "The rights to the matched recording were shown."),
    Canned(
        "different", Verdict.APPROVE, "match", "Not the same recording",
        "We compared both recordings by ear: they are not the same.",
    ),
    Canned(
        "own_name", Verdict.APPROVE, "identity", "The artist's own name",
        "The name belongs to the delivering artist; it will not be taken for the protected one.",
    ),
    Canned("harmless", Verdict.APPROVE, "", "Nothing to hold", "We looked at what was reported and found it in order."),
    Canned(
        "disclosed", Verdict.LABEL, "ai", "AI use confirmed",
        "The use of AI was confirmed; the release goes out with the labels given here.",
    ),
    Canned(
        "content", Verdict.LABEL, "", "Content label",
        "The release may go out, and listeners are told what it is.",
    ),
    Canned(
        "declare", Verdict.RETURN, "ai", "Disclosure needed",
        "The file says that a generator made it, and the disclosure says none. Please correct the disclosure, or tell "
        "us how the recording was made, and deliver again.",
    ),
    Canned(
        "contradiction", Verdict.RETURN, "ai", "Disclosure contradicts itself",
        "The disclosure of the track contradicts its contributors. Please state for each element how it was made.",
    ),
    Canned(
        "licence", Verdict.RETURN, "match", "Licence missing",
        "The recording contains a known recording of another owner. If you hold a licence, add it as a relation with "
        "the licence file, and deliver again.",
    ),
    Canned(
        "rename", Verdict.RETURN, "identity", "Artist name",
        "The artist's name can be mistaken for another artist's. Please show that you act for that artist, or deliver "
        "under the artist's own name.",
    ),
    Canned(
        "metadata", Verdict.RETURN, "metadata", "Metadata to correct",
        "Please correct the fields named in the findings, and deliver again as a submission that supersedes this one.",
    ),
    Canned(
        "audio", Verdict.RETURN, "audio", "New audio file needed",
        "The audio file cannot go out as it is. Please deliver a sound master file.",
    ),
    Canned(
        "infringement", Verdict.REJECT, "match", "Somebody else's recording",
        "The recording belongs to another owner, and no licence was shown.",
    ),
    Canned(
        "impersonation", Verdict.REJECT, "identity", "Impersonation",
        "The release passes for the work of an artist who has no part in it.",
    ),
    Canned(
        "voice", Verdict.REJECT, "ai", "Voice without consent",
        "The recording imitates an identifiable person's voice, and no consent was shown.",
    ),
    Canned(
        "fraud", Verdict.REJECT, "fraud", "Not a genuine release",
        "The delivery does not stand for a genuine release.",
    ),
)  # fmt: skip


def for_families(families: set[str]) -> tuple[Canned, ...]:
    """The prepared reasons, those that fit why the release is here first."""
    return tuple(sorted(CANNED, key=lambda one: (one.family not in families, bool(one.family) is False)))
