"""Why a release waits, in the few families that a moderator thinks in."""

from __future__ import annotations

from dataclasses import dataclass

from checks.policy import HOLDING

__all__ = ["BY_KEY", "FAMILIES", "HOLDING", "Family", "code_in_words", "family_of"]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of reason: which codes belong to it, and what it is called on screen."""

    key: str
    title: str
    prefixes: tuple[str, ...]

    def holds(self, code: str) -> bool:
        return code.startswith(self.prefixes)


#: In the order in which a mistake costs most.
NAMED = (
    Family("match", "Audio match", ("similarity.", "staydown.")),
    Family(
        "identity",
        "Identity",
        (
            "identity.", "artist.exact_protected", "artist.lookalike", "artist.name_plus_keyword", "artist.authorised",
            "artist.mixed_scripts", "title.homoglyph", "title.mixed_scripts",
        ),
    ),
    Family(
        "ai",
        "AI and disclosure",
        ("disclosure.", "consent.", "ddex.ai_", "ai.", "artist.ai_", "provenance.", "lattice."),
    ),
    Family("fraud", "Fraud", ("fraud.", "id.blocklisted")),
    Family("audio", "Audio quality", ("audio.",)),
    Family("system", "The gate itself", ("check.",)),
)  # fmt: skip
#: Everything else that checks report is about what the label wrote.
METADATA = Family("metadata", "Metadata", ())
FAMILIES = (*NAMED[:-1], METADATA, NAMED[-1])
BY_KEY = {family.key: family for family in FAMILIES}

#: The first part of most codes says where to look; in these the second part alone would not say what is wrong.
_WHOLE = ("isrc", "upc", "iswc", "title", "artist", "credit", "date", "language", "genre", "rights", "split", "check")


def family_of(code: str) -> Family:
    """The family that a code belongs to."""
    return next((family for family in NAMED if family.holds(code)), METADATA)


def code_in_words(code: str) -> str:
    """A code as a short phrase: ``similarity.known_recording`` is "known recording"."""
    head, _, tail = code.partition(".")
    words = tail.replace("_", " ")
    return f"{head} {words}".strip() if head in _WHOLE or not tail else words
