"""How names and titles are read: what counts as the same, what cannot be seen, and what is said beside the title."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TypeAlias

from checks.model.release import Release, Track

Titled: TypeAlias = Release | Track

#: The longest title or version that is judged and delivered; partners' fields hold 255 characters (our inference).
LONGEST_TITLE = 255

#: So much of a label's text is repeated in a message: enough to recognise it, too little to flood a screen.
_QUOTED_LENGTH = 120

# Characters that no name or title can rightly hold: controls and line breaks, the soft hyphen, zero-width spaces,
# explicit directions and overrides, shaping controls, annotations, halves of characters, private use, non-characters.
_NON_CHARACTERS = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
_NEVER = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u180e\u200b\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef"
    f"\ud800-\udfff\ue000-\uf8ff\U000e0001\U000f0000-\U0010ffff{_NON_CHARACTERS}]"
)
# Characters that are right in some company only: joiners in Arabic, Indic and emoji; direction marks beside
# right-to-left letters; tags after the black flag (Scotland, Wales, England), which are passed over as a whole.
_SOMETIMES = re.compile("[\u061c\u200c-\u200f\U000e0020-\U000e007f]")
_UNSEEN = re.compile(f"{_NEVER.pattern}|{_SOMETIMES.pattern}")
_FLAG = "\U0001f3f4"
_FLAG_OR_UNSEEN = re.compile(f"{_FLAG}[\U000e0020-\U000e007e]+\U000e007f|{_UNSEEN.pattern}")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_JOINER, _NON_JOINER = "\u200d", "\u200c"
_DIRECTION_MARKS = "\u061c\u200e\u200f"

#: Letters and symbols of other scripts that are drawn as nothing: alone they make no title.
_BLANKS = re.compile("[\\s\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5]+")

_BRACKETED = re.compile(r"[(\[]([^()\[\]]+)[)\]]")
_SPACED_DASH = re.compile(r"\s+[-–—]\s+")


def fold_text(text: str) -> str:
    """The form in which two spellings of one name are equal: width, case and spacing do not tell names apart."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_plain(text: str) -> bool:
    """Whether there are only signs of a typewriter: every rule asks about every title, and most are so."""
    return text.isascii() and text.isprintable()


def is_blank(text: str | None) -> bool:
    """Whether a reader would see nothing."""
    if text and _is_plain(text):
        return text.isspace()
    return not text or not _BLANKS.sub("", _UNSEEN.sub("", text))


def make_printable(text: str) -> str:
    """The text as it can be stored and printed anywhere: shortened, and with what cannot be seen spelt out."""
    kept = text if len(text) <= _QUOTED_LENGTH else text[: _QUOTED_LENGTH - 1] + "…"
    return kept if kept.isprintable() else "".join(c if c.isprintable() else f"⟨U+{ord(c):04X}⟩" for c in kept)


def quote_text(text: str) -> str:
    """The text in a sentence."""
    return f"“{make_printable(text)}”"


def write_out_text(text: str) -> str:
    """A right form in a fix, to be copied as it stands: for readable text, of which nothing is spelt out or cut."""
    return f"“{text}”"


def suggest_visible_text(text: str) -> str | None:
    """The advice to write a name or title without what cannot be seen, where something remains."""
    right = without_unseen(text[: LONGEST_TITLE + 1])
    return None if is_blank(right) or len(text) > LONGEST_TITLE else f"Write {write_out_text(right)}."


def list_invisible_characters(text: str) -> list[str]:
    """The invisible characters that have no business in this text, as code points, each once, in order."""
    if _is_plain(text) or not _UNSEEN.search(text):
        return []
    return list(dict.fromkeys(f"U+{ord(text[i]):04X}" for i in _unseen_at(text)))


def without_unseen(text: str) -> str:
    """The text with those characters taken out; line breaks and tabs become spaces."""
    wrong = set(_unseen_at(text))
    kept = "".join((" " if c.isspace() else "") if i in wrong else c for i, c in enumerate(text))
    return " ".join(kept.split())


def _unseen_at(text: str) -> Iterator[int]:
    # Long texts come from hostile hands: one pass, and the question about direction is asked once.
    right_to_left = _RIGHT_TO_LEFT.search(text) is not None
    for hit in _FLAG_OR_UNSEEN.finditer(text):
        character, at = hit[0], hit.start()
        explained = (
            character.startswith(_FLAG)
            or (character in _DIRECTION_MARKS and right_to_left)
            or (character in (_JOINER, _NON_JOINER) and _is_legitimate_joiner(text, at))
        )
        if not explained:
            yield at


def _is_legitimate_joiner(text: str, at: int) -> bool:
    """Whether a joiner stands after a letter of a script that joins, or holds the parts of an emoji together."""
    before = text[at - 1 : at]
    if not before:
        return False
    category = unicodedata.category(before)
    letters = "\u0600" <= before <= "\u1cff" and category[0] in "LM"
    emoji = text[at] == _JOINER and before >= "\u2190" and category in ("So", "Sk", "Mn") and at + 1 < len(text)
    return letters or emoji


def without_dangling(text: str) -> str:
    """A title of which a part was taken out: single spaces, and no dash or comma left at its end."""
    return " ".join(text.split()).rstrip(" -–—,;:/|")


def list_titled_parts(release: Release) -> Iterator[Titled]:
    """The release and its tracks: everything that has a title."""
    yield release
    yield from release.tracks


def list_readable_parts(release: Release) -> Iterator[Titled]:
    """Those with a readable title and version; the others have a worse finding already."""
    for holder in list_titled_parts(release):
        texts = (holder.title, holder.version)
        if not is_blank(holder.title) and all(
            len(t) <= LONGEST_TITLE and not list_invisible_characters(t) for t in texts
        ):
            yield holder


def list_bracketed_parts(title: str) -> list[str]:
    """What a title says in brackets."""
    return [text.strip() for text in _BRACKETED.findall(title[:LONGEST_TITLE]) if text.strip()]


def language_of(release: Release, holder: Titled) -> str | None:
    """The language that a title is read in, as a bare subtag. A single and its track are read in the same one."""
    alone = release.tracks[0] if len(release.tracks) == 1 else None
    given = (alone.language if alone else None, holder.language, release.language)
    tags = [tag.split("-")[0].casefold() for tag in given if tag]
    return next((tag for tag in tags if tag not in ("zxx", "mul", "und")), None)


def list_title_asides(holder: Titled) -> list[str]:
    """What is said beside the title: in brackets, after the last spaced dash, or in the version field."""
    title, version = holder.title[:LONGEST_TITLE], holder.version[:LONGEST_TITLE]
    said = _BRACKETED.findall(title)
    parts = _SPACED_DASH.split(_BRACKETED.sub("", title))
    said += parts[-1:] if len(parts) > 1 else []
    return [text.strip() for text in (*said, version) if text.strip()]


def split_aside(title: str) -> tuple[str, str] | None:
    """The title and the last thing said beside it, or None where nothing is: *Low Tide (Live)* → Low Tide, Live."""
    stripped = title.rstrip()
    if stripped.endswith((")", "]")):
        brackets = list(_BRACKETED.finditer(stripped))
        if not brackets or brackets[-1].end() != len(stripped):
            return None
        base, aside = stripped[: brackets[-1].start()], brackets[-1][1]
    else:
        parts = _SPACED_DASH.split(stripped)
        if len(parts) < 2:
            return None
        base, aside = stripped[: stripped.rindex(parts[-1])].rstrip(" -–—"), parts[-1]
    base, aside = base.strip(), aside.strip()
    return (base, aside) if base and aside else None
