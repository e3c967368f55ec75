"""The two letters that an ISRC may begin with: countries, and the prefixes that agencies were given beside them."""

from __future__ import annotations

from checks.rules.metadata.release_structure import TERRITORIES

#: Prefixes that are no country codes of today: those of the International ISRC Agency's bulletin 2015/01 ("Validating
#: an International Standard Recording Code", as updated in May 2021), and codes of former states: their
#: recordings keep their numbers. An honest ISRC outside this list belongs to a newer bulletin.
EXTRA_ISRC_PREFIXES = frozenset({
    "QM", "QT", "QZ",  # United States: its own range is used up
    "UK", "GX",  # United Kingdom
    "BC", "BK", "BP", "BX",  # Brazil
    "FX",  # France
    "KS",  # Republic of Korea
    "CB",  # Canada
    "ZB",  # South Africa
    "QN", "ZZ",  # the International ISRC Agency itself, worldwide
    "CP", "DG",  # kept by it for further overflow
    "AN", "CS", "SU", "TP", "YU",  # Netherlands Antilles, Czechoslovakia, Soviet Union, East Timor, Yugoslavia
})  # fmt: skip

ISRC_PREFIXES = TERRITORIES | EXTRA_ISRC_PREFIXES
