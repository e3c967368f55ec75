"""Who is named as a guest in a title: *(feat. Jonas Ek)*, and not *10 Ft. Tall* or *Feat of Strength*."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checks.rules.metadata.text_normalisation import fold_text, without_dangling

# Not at the very beginning: "Ft. Worth Blues" is a place. Without brackets the name ends at a dash.
_FEAT = re.compile(
    r"(?<=\S)\s*(?:"
    r"(?P<open>[(\[])\s*(?P<inside>feat|ft|featuring)\b(?P<inside_dot>\.?)\s*(?P<guest>[^()\[\]]+)(?P<close>[)\]])"
    r"|\b(?P<word>feat|ft|featuring)\b(?P<dot>\.?)\s*(?P<who>[^()\[\]]+?)(?=\s+[-–—]\s|\s*[()\[\]]|\s*$)"
    r")",
    re.IGNORECASE,
)
#: Two guests in one field, one guest of such a name, or a guest and a remark: only the label knows.
_SEVERAL = re.compile(
    r"[,;&+/|]|\s[-–—x×]\s|\b(?:and|und|et|y|e|ed|en|och|og|ve|i|и|with|mit|avec|con|vs|of|from|by|aka|on)\b",
    re.IGNORECASE,
)
#: What follows a length: *Six Ft. Under*, *50 Ft. Wave*.
_MEASURED = re.compile(
    r"(?:tall|under(?:ground|water)?|deep|high|long|wide|down|below|above|away|off|apart|up|over|thick|wave|tower|drop|from|of"
    r"|in|and|by|to|square|cubic|per|ahead|behind|closer|further|more|less|giant|queenie)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"(?:[0-9½¼¾]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|few|many|several"
    r"|some|half|every|square|cubic)(?:[- ]and[- ]a[- ]half)?)['’\"]*$",
    re.IGNORECASE,
)
#: Forts that stand in titles.
_FORT = re.compile(
    r"(?:worth|lauderdale|myers|knox|bragg|wayne|collins|smith|hood|benning|apache|sumter|mchenry|campbell|lee|pierce)\b",
    re.IGNORECASE,
)
#: *Feat of Strength*: a deed.
_DEED = re.compile(r"(?:of|like|that|for|to|in|or|and|is)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest that a title names.

    ``title`` is the title without the guest. ``is_certain``: nothing else can be meant, and it is one name; then the
    guest can be moved without the label. ``is_well_spelt``: as partners write it, *(feat. Name)*.
    """

    name: str
    title: str
    mention: str
    is_certain: bool
    is_well_spelt: bool


def find_guest(title: str) -> Guest | None:
    """The guest that a title names; None where *feat*, *ft* or *featuring* means something else or is absent."""
    for found in _FEAT.finditer(title):
        bracketed = bool(found["open"])
        name = (found["guest"] or found["who"]).strip()
        word = (found["inside"] or found["word"]).casefold()
        dotted = bool(found["inside_dot"] or found["dot"])
        counted = _COUNTED.search(title[: found.start()].rstrip()) is not None
        if not _is_name(name, word, dotted, counted, shouted=title.isupper() or title.islower()):
            continue
        # Without brackets, "featuring" is a word of titles, and so is "ft" after a number or without its dot.
        certain = bracketed or (word != "featuring" and dotted and not counted)
        return Guest(
            name=name,
            title=without_dangling(f"{title[: found.start()]} {title[found.end() :]}"),
            mention=found[0].strip(),
            is_certain=certain and not _SEVERAL.search(name),
            is_well_spelt=bracketed and (found["inside"], dotted) == ("feat", True),
        )
    return None


def _is_name(name: str, word: str, dotted: bool, counted: bool, shouted: bool) -> bool:
    """Whether what follows the word can be a guest's name."""
    if not fold_text(name):
        return False
    if word == "feat" and not dotted and _DEED.match(name):
        return False
    if word == "ft" and (_MEASURED.match(name) or _FORT.match(name)):
        return False
    is_lower = name[0].islower() and not shouted
    return not (counted and word == "ft" and is_lower)
