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

#: The words that each language keeps small inside a title, without those that English uses as adverbs too (*Come On
#: Eileen*) and without the articles with which names of other languages begin (*Las Vegas*, *Le Havre*, *Die Prinzen*).
SMALL_INSIDE = {
    "en": frozenset({"a", "an", "and", "as", "at", "but", "for", "from", "into", "nor", "of", "onto", "or", "the", "to",
                     "with"}),
    "fr": frozenset({"et", "dans", "pour", "avec", "sur", "sans", "ou", "que", "qui", "est", "sous", "chez"}),
    "es": frozenset({"y", "en", "con", "por", "para", "sin", "o", "que", "sobre", "entre", "hasta", "desde"}),
    "pt": frozenset({"e", "em", "com", "por", "para", "sem", "ou", "que", "sobre", "entre"}),
    "it": frozenset({"e", "con", "per", "senza", "in", "che", "tra", "fra", "sotto"}),
    "sv": frozenset({"och", "på", "med", "för", "att", "som", "i", "av", "till", "är", "från", "utan"}),
    "de": frozenset({"und", "oder", "mit", "ist", "für", "auf", "aus", "bei", "nach", "ohne", "wie", "nicht", "wenn"}),
}  # fmt: skip

#: Titles of fewer words say nothing about a habit.
FEWEST_WORDS = 3

#: Shorter shouted titles are usually initials (*DNA*, *R.I.P.*), longer ones usually typing.
SHOUTED_LETTERS = 6

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ROMAN = re.compile(r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def suggest_title_case(title: str, language: str | None) -> tuple[str | None, str | None]:
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
        right = sentence_case(title)
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


def sentence_case(title: str) -> str:
    """The first letter is large, and shouted words become small; which of them are names only the label knows."""
    low = title.lower() if title.isupper() or every_word_capital(title) else title
    first = re.search(r"[^\W\d_]", low)
    return low[: first.start()] + first[0].upper() + low[first.end() :] if first else low


def with_small_words(title: str, language: str | None) -> str:
    """The title with those words small that its language keeps small inside a title; others as they are.

    First and last words, words after a bracket, colon or dash, and words of a shouted title are left alone.
    """
    small = SMALL_INSIDE.get(language or "", frozenset())
    words = list(_WORD.finditer(title))
    if not small or len(words) < FEWEST_WORDS or title.isupper():
        return title
    last = {words[-1].start()}
    right = title
    for word, following in zip(words[1:], [*words[2:], None], strict=True):
        before = title[: word.start()]
        inside = before.endswith(" ") and _runs_on(before) and title[word.end() : word.end() + 1] == " "
        ends = word.start() in last or following is None or title[word.end() : following.start()].strip()
        if inside and not ends and word[0].istitle() and word[0].lower() in small:
            right = right[: word.start()] + word[0].lower() + right[word.end() :]
    return right


def _runs_on(before: str) -> bool:
    """Whether a phrase goes on after this, instead of beginning anew."""
    end = before.rstrip()[-1:]
    return end.isalnum() or end in ",'’"


def every_word_capital(title: str) -> bool:
    """Whether a title of several words gives each of them a capital, without being shouted."""
    words = [word[0] for word in _WORD.finditer(title)]
    return len(words) >= FEWEST_WORDS and all(word[0].isupper() for word in words) and not title.isupper()


def has_title_case(title: str) -> bool | None:
    """True: the weighty words of a title begin large; False: only the first; None: nothing can be said."""
    words = [word[0] for word in _WORD.finditer(title)]
    if len(words) < FEWEST_WORDS or title.isupper():
        return None
    inside = [word[0].isupper() for word in words[1:] if len(word) > len("que")]
    return None if len(inside) < 2 or len(set(inside)) > 1 else inside[0]
