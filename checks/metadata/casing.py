"""Capital letters: which titles look shouted or mumbled, and how their language would write them."""

from __future__ import annotations

import re

#: Languages that capitalise every weighty word of a title; the others named below capitalise as in a sentence.
TITLE_CASE = frozenset({"en"})
SENTENCE_CASE = frozenset({"fr", "it", "es", "pt", "sv", "da", "nb", "no", "fi", "nl", "pl", "cs", "ru", "uk"})

#: The words that English titles keep small, except first and last (Horus; JTV Digital).
SMALL_WORDS = frozenset({
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "nor", "of",
    "off", "on", "onto", "or", "out", "over", "so", "the", "to", "up", "with", "yet",
})  # fmt: skip

#: Shorter shouted titles are usually initials (*DNA*, *R.I.P.*), longer ones usually typing.
SHOUTED_LETTERS = 6

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ROMAN = re.compile(r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def recased(title: str, language: str | None) -> tuple[str | None, str | None]:
    """What is unusual about the capitals of a title, and its usual form where that can be computed."""
    shouted = title.isupper() and sum(c.isalpha() for c in title) >= SHOUTED_LETTERS
    mumbled = title.islower()
    if not (shouted or mumbled):
        return None, None
    spoken = (language or "").split("-")[0].casefold()
    right = None
    if spoken in TITLE_CASE:
        right = _title_case(title)
    elif spoken in SENTENCE_CASE:
        right = _sentence_case(title)
    return "capitals only" if shouted else "small letters only", right if right != title else None


def _title_case(title: str) -> str:
    words = list(_WORD.finditer(title))
    edges = {words[0].start(), words[-1].start()} if words else set()

    def write(word: re.Match[str]) -> str:
        if _ROMAN.fullmatch(word[0]):
            return word[0]
        opens = title[word.start() - 1 : word.start()] in ("(", "[", "“", '"')
        small = word[0].lower()
        return small if small in SMALL_WORDS and word.start() not in edges and not opens else small.capitalize()

    return _WORD.sub(write, title)


def _sentence_case(title: str) -> str:
    """The first letter is large, and shouted words become small; which of them are names only the label knows."""
    low = title.lower() if title.isupper() else title
    first = re.search(r"[^\W\d_]", low)
    return low[: first.start()] + first[0].upper() + low[first.end() :] if first else low
