"""Who had a part in what: the names of roles, by the element of a recording that they make."""

from __future__ import annotations

from checks.model.release import Element

#: Roles of contributors that have a part in each element, as labels and DDEX write them, without case and signs.
#: A songwriter has a part in two.
_WRITERS = frozenset({"songwriter", "writer", "author", "composerlyricist"})
ROLES = {
    Element.LEAD_VOCALS: frozenset({
        "vocalist", "vocals", "vocal", "voice", "singer", "leadvocalist", "leadvocals", "leadvocal", "leadsinger",
        "featuredvocalist", "rapper", "rap", "mc", "soprano", "mezzosoprano", "alto", "contralto", "countertenor",
        "tenor", "baritone", "narrator", "speaker", "spokenword",
    }),
    Element.BACKING_VOCALS: frozenset({
        "backingvocalist", "backingvocals", "backgroundvocalist", "backgroundvocals", "choir", "chorus",
    }),
    Element.INSTRUMENTS: frozenset({
        "instrumentalist", "musician", "guitarist", "guitar", "bassist", "bass", "drummer", "drums", "percussionist",
        "percussion", "pianist", "piano", "keyboardist", "keyboards", "violinist", "violin", "cellist", "cello",
        "saxophonist", "saxophone", "trumpeter", "trumpet", "synthesizer", "orchestra",
    }),
    Element.COMPOSITION: _WRITERS | {"composer", "cocomposer"},
    Element.LYRICS: _WRITERS | {"lyricist", "colyricist", "librettist", "textauthor", "poet"},
    Element.PRODUCTION: frozenset({"producer", "coproducer", "musicproducer", "programmer", "programming", "arranger"}),
    Element.MIXING_MASTERING: frozenset({
        "mixer", "mixingengineer", "mixengineer", "masteringengineer", "masterer",
    }),
}  # fmt: skip
