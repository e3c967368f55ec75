"""How a name reads to a listener: so that two spellings that look the same can be found to be the same.

Five views of a name, from the strictest to the widest:

* ``fold``: the same name typed by another keyboard. Case, width, spacing and invisible characters do not count.
* ``compact``: the same letters and digits. Spaces, punctuation, a leading "the" and "&" for "and" do not count.
* ``skeleton``: the same picture. Letters that look alike count as one, in whatever script they are written.
* ``romanised``: the same name in Latin letters, where it is written in others.
* ``sound``: the same name heard, roughly and in English.

``near`` and ``sounds_alike`` say which of them stand close; ``entries`` makes all that searchable by equality, so that
a registry can keep it in an indexed table.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from anyascii import anyascii
from confusable_homoglyphs.confusables import confusables_data
from jellyfish import metaphone
from rapidfuzz.distance import OSA

#: A search key is a whole number of so many bits, signed: what every database keeps in one column.
KEY_BITS = 64

#: Names with a shorter picture are never one change from another: at five letters that already leads from one real
#: artist to the next (Drake, Brake; Wiley, Riley).
NEAR_FROM = 6
#: At five letters one may be added to them.
LONGER_FROM = 5
#: In shorter ones two neighbours may change places, or a letter be doubled (Kiss, Kisss).
SWAP_FROM = 4
DOUBLED_FROM = 4
#: An article is drawn as a part of its name from this length of the rest on (*The Who*, *TheWho*).
ARTICLE_FROM = 3
#: From this length of the picture on two changes are tolerated: in shorter ones they lead from *Michael Jordan* to
#: *Michael Gordon*, and half a name is what thousands have in common.
TWO_CHANGES_FROM = 20
#: A release names the same few people again and again, and a registry's candidates come back for each of them.
REMEMBERED = 4096
#: Longer names are compared whole only: no reader looks past this, and the keys would grow with the square.
NEAR_UP_TO = 64
#: Fewer consonants say nothing: *Bach*, *Bush* and *Beach* have the same two.
SOUND_FROM = 4
#: Of names that sound alike at most so large a share of the letters may differ.
SOUND_SHARE = 1 / 3
#: A sketch has so many bits for each letter or group of letters, and one change turns so many of them.
SKETCH_COUNTS = 3
BITS_A_CHANGE = 2
_SKETCH_LETTERS = (
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "l",
    "k",
    "m",
    "n",
    "o",
    "p",
    "r",
    "s",
    "t",
    "u",
    "vwy",
    "jqxz",
)
_SKETCH_PLACES = {letter: place for place, group in enumerate(_SKETCH_LETTERS) for letter in group}

#: Characters that have a general category of their own and yet show nothing (Unicode Default_Ignorable_Code_Point).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)
_MORE_VARIATION_SELECTORS = range(0xE0100, 0xE01F0)
#: The blocks of marks that are laid over or around Latin, Greek and Cyrillic letters. Vowel signs of other scripts
#: stand elsewhere and stay: without them another word remains.
_DIACRITICS = (range(0x300, 0x370), range(0x1AB0, 0x1B00), range(0x1DC0, 0x1E00), range(0x20D0, 0x2100))

#: What Unicode's own list leaves at a letter of another alphabet although it reads as an ASCII one: small capitals,
#: letters borrowed for their shape (KoЯn, CHVRCHΞS), turned and reversed ones.
_MORE_LOOK_ALIKES = {
    "ĸ": "k", "ʍ": "m", "ᴙ": "R", "ᴎ": "N", "я": "r", "Я": "R", "и": "n", "И": "N", "д": "a", "Д": "A",
    "ш": "w", "Ш": "W", "ц": "u", "Ц": "U", "Σ": "E", "Ξ": "E", "Λ": "A", "Δ": "A", "Ʌ": "A", "Ə": "e", "ə": "e",
    "ǝ": "e", "Ǝ": "E", "ε": "e", "ɛ": "e", "Ɛ": "E", "ꞓ": "e", "Ꞓ": "E", "З": "3", "з": "3", "ɜ": "3",
    "β": "b", "μ": "u", "χ": "x", "ω": "w", "т": "t", "τ": "t", "в": "b", "н": "h", "м": "m", "к": "k", "κ": "k",
}  # fmt: skip
_SMALL_CAPITAL = re.compile(r"LATIN LETTER SMALL CAPITAL ([A-Z])")
_PHONETIC_LETTERS = (*range(0x250, 0x2B0), *range(0x1D00, 0x1D80), *range(0xA720, 0xA800))

#: Digits and signs written for letters. "!" and "|" count inside a word only: *Wham!* ends with an exclamation.
_LEET = str.maketrans("034578$@€£", "oeastbsael")
_SIGNS_FOR_LETTERS = frozenset("$@€£ǀ")
_STROKE_INSIDE_WORD = re.compile(r"(?<=\w)[!|](?=\w)")
#: Two letters that close up to one.
_DIGRAPHS = (("rn", "m"), ("vv", "w"))
#: Everything that is drawn as one upright stroke, told apart only by case: I and l, but not i and L.
_STROKE = "ǀ"
_UPRIGHT = str.maketrans(dict.fromkeys("Il1|!", _STROKE))
_ONE_STROKE = str.maketrans(dict.fromkeys((_STROKE, "L", "i"), "l"))
_AND = re.compile(r"&|(?<=\s)\+(?=\s)")
_ARTICLE = re.compile(r"\s*(the)\s+", re.IGNORECASE)
#: Metaphone's w as v (few scripts have both), its th as t, and no h.
_HEARD_ALIKE = str.maketrans({"W": "F", "0": "T", "H": ""})
_DOUBLED = re.compile(r"(.)\1+")
#: Latin letters with marks end here (Latin Extended-B); later blocks are asked for each letter.
LAST_LATIN = 0x24F
#: Pairs of letters for one sound: Greek has no other way to write b, d, g and j, Russian none to write j.
_FOREIGN_DIGRAPHS = (
    ("μπ", "b"), ("ντ", "d"), ("γκ", "g"), ("τζ", "j"), ("ου", "u"), ("дж", "j"), ("кс", "x"), ("кв", "qu"),
)  # fmt: skip
#: Romanisation writes *zh* and *kh* for what English spells *j* and *h*.
_ROMAN_DIGRAPHS = (("zh", "j"), ("kh", "h"), ("ts", "c"))


@lru_cache(maxsize=REMEMBERED)
def fold_name(name: str) -> str:
    """The name without what a keyboard adds: case, width, spacing, invisible characters, kinds of quote and dash."""
    text = _keep_visible_characters(name).casefold()
    text = re.sub(r"[’‘ʼ`´′]", "'", text)
    text = re.sub(r"[‐‑‒–—―−]", "-", text)
    return unicodedata.normalize("NFKC", " ".join(text.split()))


def keep_letters_and_digits(name: str) -> str:
    """The letters and digits of the name and nothing else; "" for a name of signs alone, such as *!!!*."""
    return "".join(_split_name_words(fold_name(name)))


def strip_accents(name: str) -> str:
    """``compact`` without accents, strokes and other marks on letters."""
    return "".join(_split_name_words(_without_marks(fold_name(name))))


def build_stroke_skeleton(name: str) -> str:
    """The picture of the name, letter by letter, with I, l and 1 as one stroke but i and L as themselves."""
    text = _STROKE_INSIDE_WORD.sub(_STROKE, _keep_visible_characters(name))
    text = _without_marks(text.translate(look_alikes())).translate(look_alikes())
    text = "".join(_split_name_words(text))
    if any(letter.isalpha() for letter in text):
        text = text.translate(_UPRIGHT).translate(_LEET)
    text = "".join(letter if letter == "L" else letter.casefold() for letter in text)
    for pair, single in _DIGRAPHS:
        text = text.replace(pair, single)
    return text


@lru_cache(maxsize=REMEMBERED)
def build_confusable_skeleton(name: str) -> str:
    """The picture of the name with everything that can pass for something else made one; "" for signs alone.

    Wider than the skeleton of Unicode Technical Standard 39, of which it uses the list of confusable characters: it
    also takes case, spacing, accents, digits for letters, and "rn" for "m" as equal.
    """
    return build_stroke_skeleton(name).translate(_ONE_STROKE)


@lru_cache(maxsize=REMEMBERED)
def sort_word_skeletons(name: str) -> str:
    """The skeletons of the words in alphabetical order; "" for a name of one word."""
    words = sorted(filter(None, map(build_confusable_skeleton, _split_name_words(_keep_visible_characters(name)))))
    return " ".join(words) if len(words) > 1 else ""


def romanise_name(name: str) -> str:
    """The name in Latin letters where it has letters of another script; "" where it has none.

    Letter by letter and the same for every language: *Кино* becomes *Kino*, and kanji are read as Chinese. A registry
    holds the spelling that an artist really uses beside it.
    """
    visible = _keep_visible_characters(name)
    if not any(letter.isalpha() and ord(letter) > LAST_LATIN and not _is_latin(letter) for letter in visible):
        return ""
    text = visible.casefold()
    for written, read in _FOREIGN_DIGRAPHS:
        text = text.replace(written, read)
    text = "".join(anyascii(letter) if letter.isalpha() else letter for letter in text).casefold()
    for written, read in _ROMAN_DIGRAPHS:
        text = text.replace(written, read)
    return text


@lru_cache(maxsize=REMEMBERED)
def list_name_spellings(name: str) -> tuple[str, ...]:
    """The name as it is written, and romanised where that is something else."""
    latin = romanise_name(name)
    return (name, latin) if latin else (name,)


@lru_cache(maxsize=REMEMBERED)
def list_confusable_skeletons(name: str) -> tuple[str, ...]:
    """The skeleton, and what else the name can be drawn as; none for signs alone.

    With its article as a part of it (*TheDoors*), with "!" as a mark and no letter (*Tin!k*), and each of these with
    doubled letters as one. Where the article hides a core that is too short, only the first.
    """
    drawn = [build_confusable_skeleton(name)]
    if drawn[0] and (article := _ARTICLE.match(_keep_visible_characters(name))) and len(drawn[0]) >= ARTICLE_FROM:
        drawn.append(build_confusable_skeleton(f"{article[1]}{_keep_visible_characters(name)[article.end() :]}"))
    if _STROKE_INSIDE_WORD.search(_keep_visible_characters(name)):
        drawn.append(build_confusable_skeleton(_STROKE_INSIDE_WORD.sub("", _keep_visible_characters(name))))
    return tuple(dict.fromkeys(filter(None, (*drawn, *map(_collapse_double_letters, drawn)))))


@lru_cache(maxsize=REMEMBERED)
def build_metaphone_key(name: str) -> str:
    """The consonants that an English reader hears, as Metaphone writes them; "" where they are too few to tell."""
    latin = "".join(letter if letter.isascii() else " " for letter in unaccented_words(romanise_name(name) or name))
    heard = "".join(metaphone(word) for word in latin.split()).translate(_HEARD_ALIKE)
    return heard if len(heard) >= SOUND_FROM and len(build_confusable_skeleton(name)) >= NEAR_FROM else ""


def unaccented_words(name: str) -> str:
    """The words of the name in letters without marks, one space between them."""
    return " ".join(_split_name_words(_without_marks(fold_name(name))))


def count_tolerated_changes(one: str, other: str) -> int:
    """How many letters two pictures may differ in and still be near: none where either is short."""
    shorter, longer = sorted((len(one), len(other)))
    if shorter == LONGER_FROM and longer > shorter:
        return 1
    if shorter < NEAR_FROM or longer > NEAR_UP_TO:
        return 0
    return 2 if shorter >= TWO_CHANGES_FROM else 1


def is_near_name(one: str, other: str) -> bool:
    """Whether two names can be taken for each other at a glance.

    Changes are counted as optimal string alignment (insert, delete, replace, swap neighbours), as many as ``tolerance``
    allows; doubled letters count only once.
    """
    plain = (build_confusable_skeleton(one), build_confusable_skeleton(other))
    shortest = min(map(len, plain))
    for picture, guarded in itertools.product(list_confusable_skeletons(one), list_confusable_skeletons(other)):
        with_article = len(picture) > len(plain[0]) or len(guarded) > len(plain[1])
        if picture == guarded and (picture, guarded) != plain:
            return shortest >= (ARTICLE_FROM if with_article else DOUBLED_FROM)
        if with_article and shortest < LONGER_FROM:
            continue  # the article makes *The Who* no longer than it is
        if _is_within_changes(picture, guarded, count_tolerated_changes(picture, guarded)) or _has_swapped_letters(
            picture, guarded
        ):
            return True
    return False


def sounds_alike(one: str, other: str) -> bool:
    """Whether two names have the same sound, and most of their letters too."""
    heard = build_metaphone_key(one)
    if not heard or heard != build_metaphone_key(other):
        return False
    picture, guarded = (
        _collapse_double_letters(build_confusable_skeleton(one)),
        _collapse_double_letters(build_confusable_skeleton(other)),
    )
    return _is_within_changes(picture, guarded, int(SOUND_SHARE * min(len(picture), len(guarded))))


def _has_swapped_letters(one: str, other: str) -> bool:
    """Whether a short name has two neighbouring letters in another order, and nothing else."""
    return len(one) == len(other) >= SWAP_FROM and sorted(one) == sorted(other) and _is_within_changes(one, other, 1)


def _is_within_changes(one: str, other: str, changes: int) -> bool:
    return changes > 0 and OSA.distance(one, other, score_cutoff=changes) <= changes


def _collapse_double_letters(picture: str) -> str:
    return _DOUBLED.sub(r"\1", picture)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a registry keeps of a name under one key, and what a name that is looked up asks under it."""

    key: int
    sketch: int = 0  # of the picture that has this key; 0 where every name with the key is worth comparing
    slack: int = 0  # so many bits of two sketches may differ; used by the query only

    def meets(self, sketch: int) -> bool:
        """Whether what is kept under the same key can be alike, by its sketch."""
        return not sketch or (self.sketch ^ sketch).bit_count() <= self.slack


def search_keys(name: str) -> frozenset[int]:
    """Keys of which two names share at least one if any spelling of one is like any spelling of the other."""
    return frozenset(entry.key for entry in build_index_entries(name))


@lru_cache(maxsize=REMEMBERED)
def build_index_entries(name: str) -> frozenset[Entry]:
    """Entries of which two names have at least one pair that meet if any spelling of one is like any of the other.

    Like: equal after ``fold``; equal ``skeleton``; equal ``reordered``; ``near``; or ``sounds_alike``.
    Meeting proves nothing: it makes a name worth comparing.
    """
    found = {Entry(_hash_entry_text(f"={fold_name(name)}"))}
    for spelling in list_name_spellings(name):
        found.update(_build_spelling_entries(spelling))
    return frozenset(found)


def _build_spelling_entries(spelling: str) -> Iterator[Entry]:
    """What is kept of one spelling, each text under a letter that says which view it belongs to."""
    for picture in list_confusable_skeletons(spelling):
        yield Entry(_hash_entry_text(f"s{picture}"))
        yield from _near_entries(picture)
    if ordered := sort_word_skeletons(spelling):
        yield Entry(_hash_entry_text(f"w{ordered}"))
    if heard := build_metaphone_key(spelling):
        picture = _collapse_double_letters(build_confusable_skeleton(spelling))
        # The shorter of two pictures sets how much may differ, so that one's own length sets no less.
        yield Entry(
            _hash_entry_text(f"m{heard}"),
            _build_letter_sketch(picture),
            BITS_A_CHANGE * int(SOUND_SHARE * len(picture)),
        )


def _near_entries(picture: str) -> Iterator[Entry]:
    """What is left of a picture when any one change is taken out of it.

    One change: delete a letter here, or there, or on both sides, and both are equal. Two changes: take as many letters
    as half the shorter name has from the front and from the back; one of the two holds at most one change. The shorter
    name may be this one, or a partner up to two letters shorter. Half a name is what thousands have in common: their
    sketches tell apart what two changes cannot make equal.
    """
    length = len(picture)
    if SWAP_FROM <= length <= TWO_CHANGES_FROM:
        for rest in _one_deleted(picture):
            yield Entry(_hash_entry_text(f"s{rest}"))
    if TWO_CHANGES_FROM <= length <= NEAR_UP_TO:
        drawn, shortest = _build_letter_sketch(picture), max(TWO_CHANGES_FROM, length - 2)
        for half in {shorter // 2 for shorter in range(shortest, length + 1)}:
            for rest in _one_deleted(picture[:half]):
                yield Entry(_hash_entry_text(f"h{rest}"), drawn, 2 * BITS_A_CHANGE)
            for rest in _one_deleted(picture[-half:]):
                yield Entry(_hash_entry_text(f"t{rest}"), drawn, 2 * BITS_A_CHANGE)


def _build_letter_sketch(picture: str) -> int:
    """How often each letter occurs, in 63 bits: of two pictures one change apart at most two bits differ.

    A letter put in or taken out changes one count by one; replaced, two; swapped, none. Counts are written as so many
    ones, and stop at three.
    """
    return sum(
        ((1 << min(count, SKETCH_COUNTS)) - 1) << (SKETCH_COUNTS * place)
        for place, count in Counter(map(_find_sketch_place, picture)).items()
    )


def _find_sketch_place(letter: str) -> int:
    """The place of a letter in a sketch; rare ones share, and so does all that is not Latin."""
    return _SKETCH_PLACES.get(letter, len(_SKETCH_LETTERS))


def _one_deleted(text: str) -> set[str]:
    return {text[:place] + text[place + 1 :] for place in range(len(text))}


def _hash_entry_text(text: str) -> int:
    """A number that two different texts share once in a lifetime; sharing it costs one comparison."""
    return int.from_bytes(
        hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=KEY_BITS // 8).digest(), "big", signed=True
    )


@cache
def look_alikes() -> dict[int, str]:
    """Characters outside ASCII that look like ASCII letters or digits, for ``str.translate``."""
    table = {}
    for character, neighbours in confusables_data.items():
        if _stands_alone(character):
            for neighbour in neighbours:
                plain = _without_marks(_keep_visible_characters(neighbour["c"]))
                small_capital = _SMALL_CAPITAL.fullmatch(unicodedata.name(plain, "")) if len(plain) == 1 else None
                if small_capital:
                    plain = small_capital[1].lower()
                if plain.isascii() and plain.isalnum():
                    table[ord(character)] = plain
    for character in map(chr, _PHONETIC_LETTERS):
        if small_capital := _SMALL_CAPITAL.fullmatch(unicodedata.name(character, "")):
            table[ord(character)] = small_capital[1].lower()
    return table | {ord(character): plain for character, plain in _MORE_LOOK_ALIKES.items()}


def passes_for_latin(letter: str) -> bool:
    """Whether Unicode lists the letter as confusable with an ASCII one; letters borrowed for effect (Я, Σ) are not."""
    return letter not in _MORE_LOOK_ALIKES and ord(letter) in look_alikes()


def _stands_alone(character: str) -> bool:
    """One character outside ASCII that survives normalisation and is no sign of its own, such as ©."""
    return (
        len(character) == 1
        and not character.isascii()
        and unicodedata.is_normalized("NFKC", character)
        and unicodedata.category(character) != "So"
    )


def _keep_visible_characters(name: str) -> str:
    """The characters that show, in their compatibility form: full-width and mathematical letters become plain."""
    text = unicodedata.normalize("NFKC", name)
    return "".join(character for character in text if not _is_invisible(character))


def _is_invisible(character: str) -> bool:
    return (
        unicodedata.category(character) == "Cf"
        or character in _BLANK
        or ord(character) in _VARIATION_SELECTORS
        or ord(character) in _MORE_VARIATION_SELECTORS
    )


def _without_marks(text: str) -> str:
    """Letters without accents (é → e) and without strokes through them (ø → o)."""
    bare = "".join(
        character
        for character in unicodedata.normalize("NFD", text)
        if not any(ord(character) in block for block in _DIACRITICS)
    )
    return "".join(map(_base_letter, unicodedata.normalize("NFC", bare)))


@cache
def _base_letter(character: str) -> str:
    """Ø is named LATIN CAPITAL LETTER O WITH STROKE, and has no decomposition but this."""
    name = unicodedata.name(character, "")
    if not name.startswith("LATIN ") or " WITH " not in name:
        return character
    try:
        return unicodedata.lookup(name.partition(" WITH ")[0])
    except KeyError:
        return character


@cache
def _is_latin(letter: str) -> bool:
    return "LATIN" in unicodedata.name(letter, "")


def _split_name_words(text: str) -> list[str]:
    """Runs of letters, digits, marks and the signs that stand for letters; without the article of a band's name."""
    words = "".join(map(_word_part, _AND.sub(" and ", text))).split()
    return words[1:] if len(words) > 1 and words[0].casefold() == "the" else words


def _word_part(character: str) -> str:
    part = character.isalnum() or character in _SIGNS_FOR_LETTERS or unicodedata.category(character).startswith("M")
    return character if part else " "
