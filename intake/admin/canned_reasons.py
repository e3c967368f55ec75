"""Reasons that moderators give often, in words that a label can act on; picked, then edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checks.policy import Verdict
from intake.admin.canned_reason_texts import PHRASES
from intake.models import Language


@dataclass(frozen=True, slots=True)
class Canned:
    """A prepared reason: for which verdict, about which family, under which title at the desk.

    That of a rejection has the key of the policy's reason.
    """

    key: str
    verdict: Verdict
    family: str
    title: str
    language: str = Language.ENGLISH.value

    @property
    def text(self) -> str:
        """Its words, in its language."""
        return PHRASES[self.language][self.key]

    @property
    def code(self) -> str:
        """The policy's reason that it stands for; none where it rejects nothing."""
        return self.key if self.verdict is Verdict.REJECT else ""


CANNED = (
    Canned("cleared", Verdict.APPROVE, "match", "Rights shown"),
    Canned("different", Verdict.APPROVE, "match", "Not the same recording"),
    Canned("own_name", Verdict.APPROVE, "identity", "The artist's own name"),
    Canned("harmless", Verdict.APPROVE, "", "Nothing to hold"),
    Canned("disclosed", Verdict.LABEL, "ai", "AI use confirmed"),
    Canned("content", Verdict.LABEL, "", "Content label"),
    Canned("declare", Verdict.RETURN, "ai", "Disclosure needed"),
    Canned("contradiction", Verdict.RETURN, "ai", "Disclosure contradicts itself"),
    Canned("licence", Verdict.RETURN, "match", "Licence missing"),
    Canned("rename", Verdict.RETURN, "identity", "Artist name"),
    Canned("metadata", Verdict.RETURN, "metadata", "Metadata to correct"),
    Canned("audio", Verdict.RETURN, "audio", "New audio file needed"),
    Canned("partly", Verdict.RETURN, "", "Some tracks only"),
    Canned("infringement", Verdict.REJECT, "match", "Somebody else's recording"),
    Canned("impersonation", Verdict.REJECT, "identity", "Impersonation"),
    Canned("voice", Verdict.REJECT, "ai", "Voice without consent"),
    Canned("fraud", Verdict.REJECT, "fraud", "Not a genuine release"),
    Canned("prohibited", Verdict.REJECT, "", "Not distributed here"),
)


def for_families(families: set[str], language: str = Language.ENGLISH.value) -> tuple[Canned, ...]:
    """The prepared reasons in a language, those that fit why the release is here first."""
    spoken = language if language in PHRASES else Language.ENGLISH.value
    fitting = sorted(CANNED, key=lambda one: (one.family not in families, bool(one.family) is False))
    return tuple(Canned(item.key, item.verdict, item.family, item.title, spoken) for item in fitting)


def prepared_for_others(text: str, verdict: Verdict) -> bool:
    """Whether a text is, word for word, a prepared reason of other verdicts and not of this one."""
    verdicts = {
        item.verdict for item in CANNED for words in PHRASES.values() if words[item.key].strip() == text.strip()
    }
    return bool(verdicts) and verdict not in verdicts


def in_languages(families: set[str], language: str) -> Sequence[tuple[str, tuple[Canned, ...]]]:
    """The same by the name of the language: the label's own first, and English as the fallback."""
    spoken = dict.fromkeys((language if language in PHRASES else Language.ENGLISH.value, Language.ENGLISH.value))
    return [(str(Language(item).label), for_families(families, item)) for item in spoken]
