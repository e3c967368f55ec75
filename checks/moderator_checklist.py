"""What no machine can honestly answer about a release: the questions a moderator goes through beside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """A question for a person, under the id of the rule that it answers."""

    rule: str
    question: str


#: In the order in which a moderator looks at a release: its names, its people, its rights, its cover.
CHECKLIST = (
    Item(
        "title.franchise",
        "Does a title name a film, series, game or brand that no list has, and is the label entitled to it?",
    ),
    Item("title.known_title_mimic", "Does a title follow a current hit, by another artist, to be found in its stead?"),
    Item(
        "artist.deceased", "Is the artist dead, or silent for years, and does this label have anything to do with them?"
    ),
    Item("credit.generic_party", "Is a writer named “Traditional” for a work that really has no known author?"),
    Item("split.unaccepted", "Do the collaborators know of the shares that are given for them?"),
    Item("rights.public_domain", "Is an old recording delivered as the label's own, though nobody owns it any more?"),
    Item("id.blocklisted", "Is an ISRC, UPC or sound among those that partners have reported as fraud?"),
    Item("genre.rules", "Is what calls itself a soundtrack from a film, series, game or stage work that exists?"),
    Item(
        "art.forbidden",
        "Does the cover carry an address, a handle, a price, a service's logo or a parental advisory that is not true?",
    ),
    Item("art.text_match", "Do the words on the cover say the title and the artist of this release, and nothing else?"),
    Item("art.generic_or_reused", "Does the cover show a known artist's face, a known logo, or copy a famous cover?"),
    Item("art.sensitive", "Does the cover show nudity, violence or signs of hatred?"),
)
