"""Whether a release goes out under a name that belongs to another artist."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from checks.model import name_matching
from checks.model.check import Check, Context, ProtectedName
from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import Delivery, Release, Track

EXACT_PROTECTED = Code(
    "artist.exact_protected",
    "The display artist carries a protected artist's name, and the account is not known to act for that artist.",
    Severity.CRITICAL,
    Route.REVIEW,
    "Spotify artist profile protection",
)
LOOKALIKE = Code(
    "artist.lookalike",
    "The display artist's name can be mistaken for a protected artist's.",
    Severity.CRITICAL,
    Route.REVIEW,
    'Amazon Music: "slightly edited versions" of names',
)
NAME_PLUS_KEYWORD = Code(
    "artist.name_plus_keyword",
    "A protected artist's name stands beside words such as AI, type beat, sounds like or tribute.",
    Severity.CRITICAL,
    Route.REVIEW,
    "style guides on misleading names; own inference",
)
AUTHORISED = Code(
    "artist.authorised",
    "The account is registered to deliver for the protected artist.",
    Severity.INFORMATION,
    Route.PASS,
    "registry of protected names",
)
KEY_VERIFIED = Code(
    "artist.key_verified",
    "The release carries a key that the protected artist has given away.",
    Severity.INFORMATION,
    Route.PASS,
    "registry of protected names",
)
KEY_REFUSED = Code(
    "artist.key_refused",
    "The artist key that a display artist carries does not open this name: it is unknown, revoked or another artist's.",
    Severity.WARNING,
    Route.PASS,
    "registry of protected names",
)
ARTIST_MIXED_SCRIPTS = Code(
    "artist.mixed_scripts",
    "One word of the artist's name is written with letters of several alphabets.",
    Severity.INFORMATION,
    Route.PASS,
    "Unicode Technical Standard 39, mixed-script detection",
)
TITLE_HOMOGLYPH = Code(
    "title.homoglyph",
    "Some letters of a word in the title are another alphabet's, and look like the ones beside them.",
    Severity.WARNING,
    Route.REVIEW,
    "Unicode Technical Standard 39, confusable characters",
)
TITLE_MIXED_SCRIPTS = Code(
    "title.mixed_scripts",
    "One word of the title is written with letters of several alphabets.",
    Severity.INFORMATION,
    Route.PASS,
    "Unicode Technical Standard 39, mixed-script detection",
)


class Likeness(StrEnum):
    """In which way one name reads as another, from the plainest."""

    EXACT = "exact"
    SPACING = "spacing"
    ACCENT = "accent"
    HOMOGLYPH = "homoglyph"
    LEET = "leet"
    ORDER = "order"
    TRANSLITERATION = "transliteration"
    NEAR = "near"
    SOUND = "sound"
    WORDS_ADDED = "words_added"


#: The same name in all but how it is typed or drawn: likenesses that count for a part of a longer name, too.
PLAIN = frozenset({Likeness.EXACT, Likeness.SPACING, Likeness.ACCENT, Likeness.HOMOGLYPH, Likeness.LEET})
#: A longer name is taken for a protected one inside it only where that has two words and so many letters: *Lady Day*
#: is no artist in *Lady Day and John Coltrane*.
INSIDE_FROM = 8
#: What a verified key gives a release. It is no AI label, and no partner is shown it.
TRUST = "artist_key_verified"
#: In shorter names an accent makes another artist (MØ, Mo).
ACCENTS_COUNT_BELOW = 5

#: Words that make no sense without a name beside them; they count across brackets and dashes too.
CLAIMING = (
    "type beat", "type beats", "ai cover", "ai covers", "ai voice", "ai vocals", "ai vocal", "ai version of",
    "voice clone", "voice model", "voice of", "sounds like", "sound like", "soundalike", "sound alike",
    "in the style of", "tribute to", "originally performed by", "made famous by", "originally by",
)  # fmt: skip
#: Words that also stand in honest names and titles; they count directly beside the name.
DECORATING = (
    "ai", "a i", "artificial intelligence", "ai remix", "ai version", "cover", "covers", "covered by", "remix",
    "remixed by", "tribute", "tribute band", "karaoke", "voice", "vocals", "official", "vevo", "topic", "feat", "ft",
    "featuring",
)  # fmt: skip
#: What joins two names in one field, where names of two words or more are looked for: *Sam & Dave* are themselves.
JOINING = ("&", "with", "vs", "x", "presents")
#: Words between a keyword and the name that belong to neither.
LINKING = frozenset({"by", "of", "to", "for", "from", "the", "a", "feat", "ft", "x"})
#: No protected name needs more words than this beside a keyword; *Grandmaster Flash and the Furious Five* needs six.
NAME_WORDS = 8
#: A text with more words than this is judged by its beginning, so that a hostile title cannot buy a thousand look-ups.
TEXT_WORDS = 40
#: Alphabets that share shapes. Han, kana and Latin in one word are ordinary.
SHAPE_SHARING = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})


@dataclass(frozen=True, slots=True)
class Text:
    """A name or title to judge, and what it is called in a message."""

    subject: str
    kind: str  # artist | title
    value: str
    aside: bool = False  # a version field: all of it says something about the recording, nothing is the song's name


@dataclass(frozen=True, slots=True)
class Registry:
    """What the registry knows of one release: names that its texts could mean, and artists of its keys."""

    account: str
    known: Mapping[str, Sequence[ProtectedName]]
    opened: frozenset[str] = field(default=frozenset())  # ids of artists

    def alike(self, name: str) -> list[tuple[Likeness, ProtectedName]]:
        """The protected names that this one reads as, the plainest likeness first."""
        order = list(Likeness)
        found = [
            (kind, entry) for entry in self.known.get(name, ()) if (kind := compare_artist_names(name, entry.name))
        ]
        return sorted(found, key=lambda pair: (order.index(pair[0]), pair[1].name, pair[1].artist))

    def open_to(self, entry: ProtectedName) -> bool:
        """Whether this release may use the protected name."""
        return self.account in entry.accounts or entry.artist in self.opened


def check_artist_identity(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every display artist, title and version of the release, held against the registry.

    What a name is taken for says more than which words stand beside it, and both say more than its alphabets.
    """
    texts = list(_list_listener_texts(delivery.release))
    known = context.names.near_all(dict.fromkeys(name for text in texts for name in _list_lookup_names(text)))
    registry = Registry(delivery.account.id, known)
    keyed = list(_judge_keys(delivery.release, registry, context))
    yield from (finding for finding, _ in keyed)
    registry = Registry(delivery.account.id, known, frozenset(artist for _, artist in keyed if artist))
    for text in texts:
        yield from (
            list(_judge_artist(text, registry))
            or list(_judge_keywords(text, registry, delivery.release))
            or list(_judge_longer(text, registry))
            or _judge_scripts(text)
        )


def _list_lookup_names(text: Text) -> Iterator[str]:
    """Every name that a text is looked up under."""
    if text.kind == "artist":
        yield text.value
        yield from _list_inner_names(text.value)
    yield from (candidate for _, candidate in _beside_keywords(text))


def compare_artist_names(delivered: str, protected: str) -> Likeness | None:
    """How a delivered name reads as a protected one, or None where no reader would mistake it.

    Whatever is returned, ``names.search_keys`` of both names have a key in common.
    """
    if name_matching.fold_name(delivered) == name_matching.fold_name(protected):
        return Likeness.EXACT
    picture, guarded = (
        name_matching.build_confusable_skeleton(delivered),
        name_matching.build_confusable_skeleton(protected),
    )
    if picture and guarded:
        if picture == guarded and (same := _same_picture(delivered, protected)):
            return same
        if (words := name_matching.sort_word_skeletons(delivered)) and words == name_matching.sort_word_skeletons(
            protected
        ):
            return Likeness.ORDER
        if name_matching.is_near_name(delivered, protected):
            return Likeness.NEAR
        if name_matching.sounds_alike(delivered, protected):
            return Likeness.SOUND
    return Likeness.TRANSLITERATION if _romanised_alike(delivered, protected) else None


def _romanised_alike(delivered: str, protected: str) -> bool:
    """Whether the names are alike once what is written in other scripts is written in Latin letters."""
    pairs = [
        (spelling, other)
        for spelling in name_matching.list_name_spellings(delivered)
        for other in name_matching.list_name_spellings(protected)
    ]
    return any(
        (name_matching.build_confusable_skeleton(one) == name_matching.build_confusable_skeleton(other) != "")
        or name_matching.is_near_name(one, other)
        or name_matching.sounds_alike(one, other)
        for one, other in pairs[1:]  # the first pair is the names as they are written
    )


def _same_picture(delivered: str, protected: str) -> Likeness | None:
    """Which of the things that a skeleton forgets makes the difference between two names of one skeleton."""
    letters, guarded = (
        name_matching.keep_letters_and_digits(delivered),
        name_matching.keep_letters_and_digits(protected),
    )
    if letters == guarded:
        return Likeness.SPACING
    if name_matching.strip_accents(delivered) == name_matching.strip_accents(protected):
        return Likeness.ACCENT if len(guarded) >= ACCENTS_COUNT_BELOW else None
    if not _drawn_alike(delivered, protected):
        return None
    written = Counter(letters) - Counter(guarded)
    signs = any(character.isascii() and not character.isalpha() and character not in "01" for character in written)
    return Likeness.LEET if signs or "!" in delivered else Likeness.HOMOGLYPH


def _drawn_alike(delivered: str, protected: str) -> bool:
    """Whether i, I, l, L and 1 differ only where they look the same in some casing of the protected name.

    *lan* can pass for *Ian*; *Lan* cannot.
    """
    casings = [
        name_matching.build_stroke_skeleton(casing) for casing in (protected, protected.upper(), protected.lower())
    ]
    drawn = name_matching.build_stroke_skeleton(delivered)
    if any(len(casing) != len(drawn) for casing in casings):
        return True
    return all(letter in possible for letter, *possible in zip(drawn, *casings, strict=True))


def _judge_keys(release: Release, registry: Registry, context: Context) -> Iterator[tuple[Finding, str | None]]:
    """Each artist key of the release: a finding, and the artist that it opens. No finding holds the key itself."""
    seen: set[tuple[str, str]] = set()
    whole: list[Release | Track] = [release, *release.tracks]
    for part in whole:
        for artist in part.display_artists:
            if not artist.artist_key or (artist.name, artist.artist_key) in seen:
                continue
            seen.add((artist.name, artist.artist_key))
            opened = context.names.opened_by(artist.artist_key)
            entry = next(
                (one for _, one in registry.alike(artist.name) if opened and one.artist == opened.artist), None
            )
            if opened is None or entry is None:
                yield _key_refused(part.subject, artist.name), None
            else:
                yield _key_verified(part.subject, artist.name, entry, opened.prefix), entry.artist


def _key_verified(subject: str, name: str, entry: ProtectedName, prefix: str) -> Finding:
    return Finding(
        KEY_VERIFIED,
        subject,
        f"'{name}' comes with a key of the protected artist '{entry.name}'.",
        evidence={"artist": entry.artist, "protected": entry.name, "delivered": name, "key": prefix, "trust": TRUST},
    )


def _key_refused(subject: str, name: str) -> Finding:
    return Finding(
        KEY_REFUSED,
        subject,
        f"The artist key of '{name}' does not open this name.",
        evidence={"delivered": name},
        fix="Ask the artist for a key that is valid; the one in an earlier answer is cut short and opens nothing.",
    )


def _judge_artist(text: Text, registry: Registry) -> Iterator[Finding]:
    """The whole name against the registry: nothing where it is free, one finding an artist it could be taken for.

    An account may use its own artist's name, and variants of it, as long as they do not read more plainly as another's.
    """
    alike = registry.alike(text.value) if text.kind == "artist" else []
    plainest = [entry for kind, entry in alike if kind is alike[0][0]]
    if own := next((entry for entry in plainest if registry.open_to(entry)), None):
        if registry.account in own.accounts:
            yield Finding(
                AUTHORISED,
                text.subject,
                f"'{text.value}' is the protected artist '{own.name}', for whom this account may deliver.",
                evidence={"artist": own.artist, "protected": own.name, "delivered": text.value},
            )
        return
    reported = set()
    for kind, entry in alike:
        if entry.artist not in reported and not registry.open_to(entry):
            reported.add(entry.artist)
            yield _report_impersonation(text, kind, entry)


def _judge_longer(text: Text, registry: Registry) -> Iterator[Finding]:
    """A protected name with words added to it: *Taylor Swift Music*, *Taylor Alison Swift*."""
    reported: set[str] = set()
    for part in _list_inner_names(text.value) if text.kind == "artist" else ():
        for kind, entry in registry.alike(part):
            long_enough = (
                " " in entry.name.strip() and len(name_matching.keep_letters_and_digits(entry.name)) >= INSIDE_FROM
            )
            if kind in PLAIN and long_enough and entry.artist not in reported and not registry.open_to(entry):
                reported.add(entry.artist)
                yield _report_impersonation(text, Likeness.WORDS_ADDED, entry)


def _list_inner_names(name: str) -> Iterator[str]:
    """The shorter names inside a name of three words or more: each run of words, and the first with the last."""
    words = _plain_words(name_matching.fold_name(name))[:NAME_WORDS]
    for length in range(2, len(words)):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])
    if len(words) > 2:
        yield f"{words[0]} {words[-1]}"


def _report_impersonation(text: Text, kind: Likeness, entry: ProtectedName) -> Finding:
    return Finding(
        EXACT_PROTECTED if kind is Likeness.EXACT else LOOKALIKE,
        text.subject,
        _in_words(text.value, kind, entry.name),
        evidence={
            "kind": kind.value,
            "artist": entry.artist,
            "protected": entry.name,
            "delivered": text.value,
            "letters": [
                {"letter": letter, "looks_like": like, "script": script}
                for letter, like, script in _foreign_letters(text.value, entry.name)
            ],
        },
        fix="If you act for this artist, ask to be registered for the name; otherwise deliver under the artist's own.",
    )


def _in_words(delivered: str, kind: Likeness, protected: str) -> str:
    match kind:
        case Likeness.EXACT:
            return f"'{delivered}' is the name of the protected artist '{protected}'."
        case Likeness.SPACING:
            how = "only spaces and punctuation differ"
        case Likeness.ACCENT:
            how = "only accents differ"
        case Likeness.HOMOGLYPH:
            how = _letters_in_words(_foreign_letters(delivered, protected))
        case Likeness.LEET:
            how = "digits or signs stand for letters"
        case Likeness.ORDER:
            how = "the same words in another order"
        case Likeness.TRANSLITERATION:
            how = "the same name in other letters"
        case Likeness.WORDS_ADDED:
            how = "words were added to the name"
        case Likeness.SOUND:
            return f"'{delivered}' sounds like the protected artist '{protected}'."
        case Likeness.NEAR:
            return f"'{delivered}' can be mistaken for the protected artist '{protected}'."
    return f"'{delivered}' looks like the protected artist '{protected}': {how}."


def _letters_in_words(letters: Sequence[tuple[str, str, str]]) -> str:
    if not letters:
        return "letters that look the same stand for each other"
    scripts = " and ".join(dict.fromkeys(script for _, _, script in letters))
    listed = ", ".join(dict.fromkeys(letter for letter, _, _ in letters))
    are = "letter is a" if len(letters) == 1 else "letters are"
    plural = "look-alike" if len(letters) == 1 else "look-alikes"
    return f"{len(letters)} {are} {scripts} {plural} ({listed})"


def _foreign_letters(delivered: str, protected: str) -> list[tuple[str, str, str]]:
    """The letters of the delivered name that only look like those of the protected one: letter, like, script."""
    table = name_matching.look_alikes()
    return [
        (letter, table[ord(letter)], _find_letter_script(letter).capitalize())
        for letter in unicodedata.normalize("NFKC", delivered)
        if ord(letter) in table and letter not in protected
    ]


def _judge_keywords(text: Text, registry: Registry, release: Release) -> Iterator[Finding]:
    """Protected names beside words that lean on them; one finding an artist."""
    originals = frozenset(_licensed_originals(release, text.subject))
    reported: set[str] = set()
    for keyword, candidate in _beside_keywords(text):
        for kind, entry in registry.alike(candidate):
            licensed = keyword in DECORATING and name_matching.fold_name(entry.name) in originals
            if registry.open_to(entry) or entry.artist in reported or licensed:
                continue
            reported.add(entry.artist)
            yield Finding(
                NAME_PLUS_KEYWORD,
                text.subject,
                f"The {text.kind} '{text.value}' sets '{keyword}' beside the protected artist '{entry.name}'.",
                evidence={
                    "kind": kind.value,
                    "keyword": keyword,
                    "artist": entry.artist,
                    "protected": entry.name,
                    "delivered": text.value,
                },
                fix="Leave the name out, or show that the artist agrees.",
            )


def _beside_keywords(text: Text) -> Iterator[tuple[str, str]]:
    """(keyword, words that might be a name beside it)."""
    whole, segments = _split_title_segments(text.value)
    yield from _find_names_around(whole, CLAIMING)
    for words, aside in segments:
        for keyword, candidate in _find_names_around(words, DECORATING):
            # "Kiss Remix" is a remix of a song called Kiss; "(Kiss Remix)" and "Stevie Wonder Remix" name an artist.
            if text.kind == "artist" or text.aside or aside or " " in candidate:
                yield keyword, candidate
        if text.kind == "artist":
            yield from (
                (keyword, candidate) for keyword, candidate in _find_names_around(words, JOINING) if " " in candidate
            )


def _split_title_segments(value: str) -> tuple[list[str], list[tuple[list[str], bool]]]:
    """The words of a text: all of them, and apart by brackets and dashes, with whether they stood in brackets."""
    folded = name_matching.fold_name(value)
    parts = re.split(r"([()\[\]{}])|\s[-/|~]\s|[:;]", folded)
    whole: list[str] = []
    segments: list[tuple[list[str], bool]] = []
    depth = 0
    for part in parts:
        if part and part in "([{":
            depth += 1
        elif part and part in ")]}":
            depth -= 1
        elif part and (words := _plain_words(part)[: TEXT_WORDS - len(whole)]):
            whole += words
            segments.append((words, depth > 0))
    return whole, segments


def _plain_words(text: str) -> list[str]:
    spaced = text.replace("-", " ").replace(".", "")
    return list(filter(None, (word.strip("\"',?*“”„«»") for word in spaced.split())))


def _find_names_around(words: Sequence[str], keywords: Iterable[str]) -> Iterator[tuple[str, str]]:
    """For every keyword among the words: each run of up to NAME_WORDS words that ends before or starts after it."""
    there = frozenset(words)
    for keyword in keywords:
        if _first_word(keyword) not in there:
            continue
        length = len(keyword.split())
        for place in range(len(words) - length + 1):
            if " ".join(words[place : place + length]) == keyword:
                before, after = list(words[:place]), list(words[place + length :])
                yield from ((keyword, run) for run in _list_word_runs(before[::-1], backwards=True))
                yield from ((keyword, run) for run in _list_word_runs(after, backwards=False))


@cache
def _first_word(keyword: str) -> str:
    return keyword.split()[0]


def _list_word_runs(words: Sequence[str], *, backwards: bool) -> Iterator[str]:
    """Runs that begin at the keyword, linking words skipped: "by Mara Lindqvist" gives "Mara", "Mara Lindqvist"."""
    start = 0
    while True:
        for end in range(start + 1, min(start + NAME_WORDS, len(words)) + 1):
            run = words[start:end]
            yield " ".join(run[::-1] if backwards else run)
        if start >= len(words) or words[start] not in LINKING:
            return
        start += 1


def _licensed_originals(release: Release, subject: str) -> Iterator[str]:
    """Artists of the recordings or works that this track is declared to derive from, with the licence delivered."""
    for track in release.tracks:
        if subject in (track.subject, release.subject):
            for relation in track.relations:
                if relation.artist and relation.licence_file:
                    yield name_matching.fold_name(relation.artist)


def _judge_scripts(text: Text) -> Iterator[Finding]:
    """Words written with letters of several alphabets that share shapes: unusual, and for some a style (KoЯn)."""
    for word in text.value.split():
        scripts = sorted({_find_letter_script(letter) for letter in word if letter.isalpha()} & SHAPE_SHARING)
        if len(scripts) > 1:
            alphabets = " and ".join(script.capitalize() for script in scripts)
            mixed = TITLE_HOMOGLYPH if _hides_foreign_letters(word) else TITLE_MIXED_SCRIPTS
            yield Finding(
                ARTIST_MIXED_SCRIPTS if text.kind == "artist" else mixed,
                text.subject,
                f"The word '{word}' in the {text.kind} mixes {alphabets} letters.",
                evidence={"word": word, "scripts": list(scripts)},
                fix="Write the word in one alphabet, unless it is meant so.",
            )
            return


def _hides_foreign_letters(word: str) -> bool:
    """Whether a reader takes every letter of a mixed word for Latin: *Lоw* with a Cyrillic о hides, *KoЯn* shows."""
    foreign = [letter for letter in word if letter.isalpha() and _find_letter_script(letter) != "LATIN"]
    return all(name_matching.passes_for_latin(letter) for letter in foreign)


def _find_letter_script(letter: str) -> str:
    """The alphabet, as Unicode names it: LATIN, CYRILLIC, GREEK, MATHEMATICAL, FULLWIDTH …"""
    return unicodedata.name(letter, "UNNAMED").partition(" ")[0]


def _list_listener_texts(release: Release) -> Iterator[Text]:
    """What listeners read, each once: a name on the release is not judged again on its tracks."""
    seen: set[tuple[str, str]] = set()
    whole: list[Release | Track] = [release, *release.tracks]
    for part in whole:
        artists = [Text(part.subject, "artist", artist.name) for artist in part.display_artists]
        titles = [Text(part.subject, "title", part.title), Text(part.subject, "title", part.version, aside=True)]
        for text in (*artists, *titles):
            if text.value.strip() and (text.kind, text.value) not in seen:
                seen.add((text.kind, text.value))
                yield text


CHECK = Check(
    name="identity",
    version=3,
    title="Artist identity",
    codes=(
        EXACT_PROTECTED,
        LOOKALIKE,
        NAME_PLUS_KEYWORD,
        AUTHORISED,
        KEY_VERIFIED,
        KEY_REFUSED,
        ARTIST_MIXED_SCRIPTS,
        TITLE_HOMOGLYPH,
        TITLE_MIXED_SCRIPTS,
    ),
    run=check_artist_identity,
)
