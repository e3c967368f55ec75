"""How a title is written in its language: small words small, parts and volumes abbreviated, brackets and slashes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.json_patch import rewrite_fields_patch
from checks.model.release import Delivery
from checks.rules.metadata.casing import TITLE_CASE, every_word_capital, has_title_case, sentence_case, with_small_words
from checks.rules.metadata.code_factories import information_code, warning_code
from checks.rules.metadata.text_normalisation import (
    fold_text,
    is_blank,
    language_of,
    list_bracketed_parts,
    list_readable_parts,
    list_titled_parts,
    make_printable,
    quote_text,
    write_out_text,
)
from checks.rules.metadata.title_redundancy import is_version

CASING_EN = information_code(
    "title.casing_en",
    "English titles keep articles, conjunctions and short prepositions small, except as first and last word.",
    "Horus; JTV Digital",
)
CASING_LANG = information_code(
    "title.casing_lang",
    "French, Italian, Spanish, Portuguese, Swedish and German titles do not give every word a capital, and a release "
    "keeps to one way.",
    "Amuse; JTV Digital",
)
ABBREVIATION = warning_code(
    "title.abbrev", "Parts, volumes, numbers and opponents are written Pt., Vol., No. and vs.", "Symphonic; Horus; JTV"
)
TWO_VERSIONS = information_code(
    "title.two_versions",
    "Of two things said beside a title, the first stands in round brackets and the second in square ones.",
    "Apple Music style guide 3.6",
)
CENSORED = warning_code("title.censored", "A title is written out; each partner hides strong words its own way.", "RBS")
TRANSLATION = warning_code(
    "title.translation_in_title",
    "A translation or transliteration of the title does not stand beside it in brackets.",
    "Amuse",
)
MEDLEY = information_code(
    "title.medley_slash",
    "Several titles in one are a medley: each has its writers, and a slash with spaces sets them apart.",
    "Apple 3.7",
)

CODES = (CASING_EN, CASING_LANG, ABBREVIATION, TWO_VERSIONS, CENSORED, TRANSLATION, MEDLEY)

#: Languages that write titles like sentences, where only the label knows which words are names.
SENTENCES = frozenset({"fr", "it", "sv"})
#: Languages in which either way is usual, but not both on one release.
EITHER = frozenset({"es", "pt"})

# Only where the number ends what is said: "Part 2 of Us" is a title.
_NUMBERED = re.compile(
    r"\b(?:(?P<part>part|pt)|(?P<volume>volume|vol)|(?P<number>no))\b\.?\s*"
    r"(?P<n>[0-9]{1,3}|(?<![Nn][Oo][. ])(?<![Nn][Oo])[IVX]{1,5})(?=$|\s*[)\]:,]|\s+[-–—]\s)",
    re.IGNORECASE,
)
#: Before these words' *part*, *volume* and *no* the phrase is meant, and not a number in a series.
_MEANT = re.compile(
    r"\b(?:my|your|our|his|her|their|its|this|that|the|a|an|no|any|some|every|i|you|we|say|said|says|saying|just|do|did)\s+$",
    re.IGNORECASE,
)
_OPPONENTS = re.compile(r"(?<=\w\s)vs\b\.?(?=\s\w)", re.IGNORECASE)
_TWO_ROUND = re.compile(r"(?P<base>[^()\s][^()]*?)\s*\((?P<one>[^()]+)\)\s*\((?P<other>[^()]+)\)")
_STARRED = re.compile(r"[\w*]*[^\W\d_]\*+[\w*]*")
#: M*A*S*H hides nothing.
_SPELT = re.compile(r"(?:\w\*){2,}\w?")
_SLASH = re.compile(r"(?<=\w\w)/(?=\w\w)")

#: English words that are no words of the other languages with known casing.
_ENGLISH = frozenset({"the", "you", "your", "my", "with", "of", "this", "that", "i'm", "don't", "when", "what", "we"})
_FOREIGN = frozenset({"fr", "de", "es", "pt", "it", "sv"})
_WORDS = re.compile(r"[\w'’]+")


def small_words(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Words that their language keeps small inside a title; a name beginning with one of them is left alone."""
    release = delivery.release
    names = tuple(artist.name for holder in list_titled_parts(release) for artist in holder.display_artists)
    for holder in list_readable_parts(release):
        language = language_of(release, holder)
        right = with_small_words(holder.title, language)
        if right == holder.title or any(name in holder.title and name not in right for name in names):
            continue
        yield Finding(
            CASING_EN if language in TITLE_CASE else CASING_LANG,
            holder.subject,
            f"{quote_text(holder.title)} gives capitals to words that its language keeps small.",
            measured=make_printable(holder.title),
            fix=f"Write {write_out_text(right)}.",
            patch=rewrite_fields_patch(release, holder, title=(holder.title, right)),
            safe=True,
        )


def check_sentence_case(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """English capitals in languages that write titles like sentences; two ways on one release."""
    release = delivery.release
    ways: dict[bool, str] = {}
    for holder in list_readable_parts(release):
        language = language_of(release, holder)
        counted = has_title_case(holder.title)
        if language in SENTENCES and every_word_capital(holder.title):
            right = sentence_case(holder.title)
            yield Finding(
                CASING_LANG,
                holder.subject,
                f"{quote_text(holder.title)} gives every word a capital, as English does.",
                measured=make_printable(holder.title),
                fix=f"Unless these are names, write {write_out_text(right)}.",
                patch=rewrite_fields_patch(release, holder, title=(holder.title, right)),
            )
        elif language in EITHER and holder is not release and counted is not None:
            ways.setdefault(counted, holder.title)
    if len(ways) > 1:
        yield Finding(
            CASING_LANG,
            release.subject,
            f"Some titles give every word a capital, such as {quote_text(ways[True])}, and some only the first, "
            f"such as {quote_text(ways[False])}.",
            measured=[make_printable(ways[True]), make_printable(ways[False])],
            fix="Write all titles of the release in one way.",
        )


def check_abbreviations(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Pt., Vol., No. and vs. as every partner writes them."""
    release = delivery.release
    for holder in list_readable_parts(release):
        for name, text in (("title", holder.title), ("version", holder.version)):
            right = _OPPONENTS.sub("vs.", _NUMBERED.sub(_spell_number_part, text))
            is_title = name == "title" and _NUMBERED.fullmatch(
                text.strip()
            )  # "Part II", and nothing of which it is one
            if right != text and not is_title:
                yield Finding(
                    ABBREVIATION,
                    holder.subject,
                    f"{quote_text(text)} does not abbreviate as partners do.",
                    measured=make_printable(text),
                    fix=f"Write {write_out_text(right)}.",
                    patch=rewrite_fields_patch(release, holder, **{name: (text, right)}),
                    safe=True,
                )


def _spell_number_part(found: re.Match[str]) -> str:
    if _MEANT.search(found.string[: found.start()]):
        return found[0]  # "For My Part I", "I Said No 2"
    word = "Pt." if found["part"] else "Vol." if found["volume"] else "No."
    return f"{word} {found['n']}"


def two_versions(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """(…) […], never (…) (…)."""
    release = delivery.release
    for holder in list_readable_parts(release):
        if found := _TWO_ROUND.fullmatch(holder.title.strip()):
            right = f"{found['base']} ({found['one']}) [{found['other']}]"
            yield Finding(
                TWO_VERSIONS,
                holder.subject,
                f"{quote_text(holder.title)} says two things in round brackets.",
                measured=make_printable(holder.title),
                fix=f"Write {write_out_text(right)}.",
                patch=rewrite_fields_patch(release, holder, title=(holder.title, right)),
                safe=True,
            )


def check_censored_words(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Stars inside words; which letters they stand for is not guessed."""
    for holder in list_readable_parts(delivery.release):
        words = [word for word in _STARRED.findall(holder.title) if not _SPELT.fullmatch(word)]
        if words:
            yield Finding(
                CENSORED,
                holder.subject,
                f"{quote_text(holder.title)} hides letters behind stars.",
                measured=[make_printable(word) for word in words[:20]],
                fix="Write the word out and set the advisory; leave it if the stars belong to the name.",
            )


def check_translated_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Another script, or plain English, in the brackets of a title in another language."""
    release = delivery.release
    for holder in list_readable_parts(release):
        for aside in list_bracketed_parts(holder.title):
            base = holder.title.replace(aside, "")
            if is_version(aside) or not (
                _other_script(base, aside) or _is_english(base, aside, language_of(release, holder))
            ):
                continue
            yield Finding(
                TRANSLATION,
                holder.subject,
                f"{quote_text(aside)} seems to be the title in another language or alphabet.",
                measured=make_printable(aside),
                fix="Leave it out of the title; give partners the translation as a localised title.",
            )


def _other_script(base: str, aside: str) -> bool:
    one, other = list_text_scripts(base), list_text_scripts(aside)
    return bool(one and other) and one.isdisjoint(other)


def _is_english(base: str, aside: str, language: str | None) -> bool:
    said, beside = (set(_WORDS.findall(fold_text(text))) for text in (aside, base))
    return language in _FOREIGN and len(said) > 1 and not said.isdisjoint(_ENGLISH) and beside.isdisjoint(_ENGLISH)


def list_text_scripts(text: str) -> set[str]:
    """The scripts of the letters of a text, by the first word of their Unicode names; the Japanese three are one."""
    found = {unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha()}
    return {"CJK" if script in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else script for script in found} - {""}


def check_medley_title(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """*Low Tide / High Tide*; *AC/DC* and *24/7* are no medleys."""
    release = delivery.release
    for holder in list_readable_parts(release):
        if len(titles := holder.title.split(" / ")) > 1 and not any(map(is_blank, titles)):
            yield Finding(
                MEDLEY,
                holder.subject,
                f"{quote_text(holder.title)} holds {len(titles)} titles.",
                measured=len(titles),
                fix="Name the writers of each of them; if it is the title of one work, leave it so.",
            )
            continue
        parts = _SLASH.split(holder.title)
        if len(parts) > 1 and all(len(part.split()) > 1 for part in parts):
            right = _SLASH.sub(" / ", holder.title)
            yield Finding(
                MEDLEY,
                holder.subject,
                f"{quote_text(holder.title)} seems to hold several titles.",
                measured=make_printable(holder.title),
                fix=f"If so, write {write_out_text(right)}.",
                patch=rewrite_fields_patch(release, holder, title=(holder.title, right)),
            )


RULES = (
    small_words,
    check_sentence_case,
    check_abbreviations,
    two_versions,
    check_censored_words,
    check_translated_title,
    check_medley_title,
)
