"""What the release is: its tracks in order, its kind, its genre, and where it may appear."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.json_patch import combine_json_patches, replace_value_patch, rewrite_fields_patch
from checks.model.release import Delivery
from checks.rules.metadata.code_factories import blocking_code, information_code, reviewing_code, warning_code
from checks.rules.metadata.genres import GENRES
from checks.rules.metadata.text_normalisation import fold_text, is_blank, list_title_asides, make_printable, quote_text

POSITIONS = blocking_code(
    "track.positions", "The tracks of a release are numbered 1, 2, 3 …, each once.", "DDEX; our inference"
)
RELEASE_TYPE = warning_code(
    "release.type",
    "A single has one to three tracks, an EP up to six, and no release more than 99.",
    "Spotify; Apple; TP",
)
GENRE = blocking_code("genre.rules", "A karaoke version has the genre Karaoke.", "Ingrooves 20-2; starmusic")
GENRE_MISSING = warning_code("genre.missing", "A release has a genre.", "Ingrooves; partners' delivery guides")
GENRE_UNLISTED = information_code(
    "genre.unlisted", "A genre is one that partners have in their lists.", "starmusic; Apple genre list"
)
TERRITORY = blocking_code(
    "territory.unknown_code",
    "A territory is an ISO 3166-1 code of two letters, or Worldwide.",
    "DDEX (TerritoryCode); ISO 3166-1",
)

TERRITORY_CONFLICT = reviewing_code(
    "territory.conflict",
    "A release is let into a country or left out of it, and appears somewhere.",
    "DDEX (ConflictingAvailabilityPeriods); our inference",
)
TERRITORY_REDUNDANT = information_code(
    "territory.redundant", "Worldwide stands alone: it includes every country.", "DDEX (TerritoryCode)"
)

CODES = (
    POSITIONS, RELEASE_TYPE, GENRE, GENRE_MISSING, GENRE_UNLISTED, TERRITORY, TERRITORY_CONFLICT,
    TERRITORY_REDUNDANT,
)  # fmt: skip

#: More tracks than partners take on one release (TP; Spotify).
MOST_TRACKS = 99

#: Fewest and most tracks by kind. Long works make exceptions (an EP of one track, an album of two), hence a warning;
#: only where a kind is impossible to explain is it reported at all.
TRACKS_BY_TYPE = {"single": (1, 3), "ep": (1, 6), "album": (2, MOST_TRACKS), "compilation": (2, MOST_TRACKS)}

#: Positions and territories that are repeated as evidence.
_TOLD = 50

WORLDWIDE = "Worldwide"
#: ISO 3166-1 alpha-2 as of 2026, with the user-assigned XK (Kosovo) that partners use.
TERRITORIES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 - a table of 250 short words reads better so
)


def check_track_positions(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """1 to n, once each, in whatever order they were sent."""
    given = [track.position for track in delivery.release.tracks]
    if not given:
        yield Finding(POSITIONS, "release", "This release has no tracks.", measured=0)
    elif sorted(given) != list(range(1, len(given) + 1)):
        told = [make_printable(str(position)) for position in given[:_TOLD]]
        yield Finding(
            POSITIONS,
            "release",
            f"The {len(given)} tracks are numbered {', '.join(told)}{' …' if len(given) > _TOLD else ''}.",
            measured=[*told],
            threshold=f"1 to {len(given)}, each once",
        )


def release_type(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """The kind of release goes with its number of tracks."""
    release, count = delivery.release, len(delivery.release.tracks)
    fewest, most = TRACKS_BY_TYPE.get(release.type, (1, MOST_TRACKS))
    if count > MOST_TRACKS:
        yield Finding(
            RELEASE_TYPE,
            release.subject,
            f"The release has {count} tracks; partners take {MOST_TRACKS}.",
            measured=count,
            threshold=MOST_TRACKS,
            fix="Deliver it as several releases.",
        )
    elif count and not fewest <= count <= most:
        right = next(kind for kind in ("single", "ep", "album") if count <= TRACKS_BY_TYPE[kind][1])
        yield Finding(
            RELEASE_TYPE,
            release.subject,
            f"The release is called {make_printable(release.type)} and has {count} track{'s' if count > 1 else ''}.",
            measured=count,
            threshold=most if count > most else fewest,
            fix=f"Partners will show it as {right}; set the type to {right}.",
            patch=rewrite_fields_patch(release, release, type=(release.type, right)),
        )


def check_genre(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A genre is given, and known; karaoke is one."""
    release = delivery.release
    if release.genre is None or is_blank(release.genre):
        yield Finding(GENRE_MISSING, release.subject, "This release has no genre.", fix="Add the main genre.")
        return
    if not GENRES.issuperset(_split_genre_field(release.genre)):
        yield Finding(
            GENRE_UNLISTED,
            release.subject,
            f"{quote_text(release.genre)} is in no list of genres that is known here; partners may show another.",
            measured=make_printable(release.genre),
        )
    karaoke = [
        track for track in release.tracks if any("karaoke" in fold_text(aside) for aside in list_title_asides(track))
    ]
    if karaoke and fold_text(release.genre) != "karaoke":
        yield Finding(
            GENRE,
            karaoke[0].subject,
            f"The track is a karaoke version, and the genre of the release is {quote_text(release.genre)}.",
            measured=make_printable(release.genre),
            fix="Set the genre to Karaoke.",
            patch=rewrite_fields_patch(release, release, genre=(release.genre, "Karaoke")),
        )


def _split_genre_field(given: str) -> list[str]:
    """The genres in a field as they are looked up: of *Hip-Hop/Rap* both, without punctuation."""
    return [plain for part in re.split(r"[/,;|>]", fold_text(given)) if (plain := re.sub(r"[\W_]+", "", part))]


def check_territories(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Countries that exist."""
    release = delivery.release
    for field, given in (("territories", release.territories), ("excluded_territories", release.excluded_territories)):
        yield from _check_country_codes(field, given)


def _check_country_codes(field: str, given: tuple[str, ...]) -> Iterator[Finding]:
    for territory in dict.fromkeys(given):
        if territory in TERRITORIES or (territory == WORLDWIDE and field == "territories"):
            continue
        right = _suggest_territory_code(territory)
        places = [f"/release/{field}/{index}" for index, one in enumerate(given) if one == territory]
        yield Finding(
            TERRITORY,
            "release",
            f"{quote_text(territory)} is not the code of a country.",
            measured=make_printable(territory),
            fix=f"Write {right}." if right else None,
            patch=combine_json_patches(*(replace_value_patch(at, territory, right) for at in places)) if right else (),
            safe=bool(right),
        )


def territory_conflicts(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Let in and left out at once, left out of where it never was, or left out of everywhere."""
    release = delivery.release
    let_in, left_out = set(release.territories), set(release.excluded_territories)
    worldwide = WORLDWIDE in let_in
    both, nowhere = let_in & left_out, left_out - let_in
    said = None
    if both:
        said = f"The release is both let into {', '.join(sorted(both)[:_TOLD])} and left out of there"
    elif nowhere and let_in and not worldwide:
        said = f"The release is left out of {', '.join(sorted(nowhere)[:_TOLD])}, where it was not let in"
    elif left_out >= TERRITORIES:
        said = "The release is left out of every country"
    if said:
        yield Finding(
            TERRITORY_CONFLICT,
            release.subject,
            f"{make_printable(said)}.",
            measured=[make_printable(item) for item in sorted(both or nowhere)[:_TOLD]],
            fix="Name the countries where you hold the rights, or Worldwide and the countries that are left out.",
        )
    if worldwide and len(let_in) > 1:
        yield Finding(
            TERRITORY_REDUNDANT,
            release.subject,
            f"The release is let in worldwide, and into {len(let_in) - 1} countries besides.",
            measured=len(let_in) - 1,
            fix="Write Worldwide alone.",
            patch=replace_value_patch("/release/territories", [*release.territories], [WORLDWIDE]),
        )


def _suggest_territory_code(given: str) -> str | None:
    """The code that was meant, where a slip in case or a common name hides it."""
    plain = fold_text(given)
    if plain in ("worldwide", "world", "ww"):
        return WORLDWIDE
    return plain.upper() if plain.upper() in TERRITORIES else "GB" if plain == "uk" else None


RULES = (check_track_positions, release_type, check_genre, check_territories, territory_conflicts)
