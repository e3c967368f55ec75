"""The names that listeners see: an artist is named, once, in one part, and the name is a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.json_patch import Patch, build_json_pointer, combine_json_patches, replace_value_patch
from checks.model.release import Artist, ContainsAI, Contributor, Delivery, Release, Track
from checks.rules.metadata.code_factories import blocking_code, reviewing_code, warning_code
from checks.rules.metadata.credits import is_credited_writer
from checks.rules.metadata.text_normalisation import (
    LONGEST_TITLE,
    Titled,
    fold_text,
    is_blank,
    list_invisible_characters,
    list_title_asides,
    list_titled_parts,
    make_printable,
    quote_text,
    suggest_visible_text,
    without_unseen,
    write_out_text,
)

MISSING_PRIMARY = blocking_code(
    "artist.missing_primary", "A release and each of its tracks have a main artist.", "DDEX (PrimaryArtistNameMissing)"
)
INVISIBLE_CHARACTERS = blocking_code(
    "artist.invisible_characters",
    "A name holds no control, zero-width, direction-override or private-use characters.",
    "Unicode (UTS #39, UTR #36)",
)
ROLE_CONFLICT = blocking_code(
    "artist.role_conflict",
    "An artist is either main or featured on a recording, not both.",
    "Apple Music style guide 2.13",
)
# Only for names that are a tool's and, on the list of real artists, none. There may be a band called Suno all the
# same, and Udio is a given name: a registered artist says so by a number or a key, and a person looks.
AI_TOOL = blocking_code(
    "artist.ai_tool_as_artist",
    "A tool is neither artist nor writer: say what it did in the disclosure, and name who made the music.",
    "partners' AI policies",
)
AI_TOOL_CREDITED = reviewing_code(
    "artist.ai_tool_credited",
    "A tool's name among the credits is explained by a disclosure, or by a person who is registered under it.",
    "partners' AI policies; our inference",
)
GENERIC = reviewing_code(
    "artist.generic",
    "An artist's name is a name, not a genre, a use or a search word.",
    "MusicTeam; Amazon; Spotify",
)
COMPOUND = warning_code(
    "artist.compound",
    "Each artist is named alone; only a duo or group with such a name shares a field.",
    "Apple; Spotify",
)
VARIOUS = warning_code(
    "artist.various",
    "“Various Artists” stands for four or more main artists on a release, and never on a track.",
    "Omziki; Ingrooves 7-2",
)

EXTRA_INFORMATION = warning_code(
    "artist.extra_info",
    "An artist's name holds no role, instrument, year, former band or web address.",
    "MusicTeam",
)
LABEL_AS_ARTIST = reviewing_code("artist.label_as_artist", "A label, distributor or brand is not the artist.", "FUGA")
AMBIGUOUS_PROFILE = warning_code(
    "artist.ambiguous_profile",
    "Where several known artists share a name, an ISNI or artist key says which one is meant.",
    "iMusician",
)
REMIXER_AS_PRIMARY = warning_code(
    "artist.remixer_as_primary",
    "Who remixes somebody's recording is credited as remixer, not as main artist.",
    "ministrymusics",
)

CODES = (
    MISSING_PRIMARY, INVISIBLE_CHARACTERS, ROLE_CONFLICT, AI_TOOL, AI_TOOL_CREDITED, GENERIC, COMPOUND, VARIOUS,
    EXTRA_INFORMATION, LABEL_AS_ARTIST, AMBIGUOUS_PROFILE, REMIXER_AS_PRIMARY,
)  # fmt: skip

#: From so many main artists on, a release is by Various Artists (Omziki; Ingrooves 7-2).
VARIOUS_FROM = 4

#: Tools that make music or voices, by exact name; without those that share it with many people (Claude, Gemini).
AI_TOOLS = frozenset({
    "aiva", "beatoven", "beatoven.ai", "boomy", "chatgpt", "eleven labs", "elevenlabs", "jammable", "kits ai",
    "kits.ai", "mubert", "musicfy", "musicgen", "musiclm", "openai", "riffusion", "soundful", "soundraw",
    "stable audio", "suno", "suno ai", "suno.ai", "suno.com", "uberduck", "udio", "udio ai", "udio.com", "voicify",
    "voicify ai",
})  # fmt: skip

#: Names under which no artist performs, by exact name after folding. *Sleep*, *Heart* and *Rainbow* are artists:
#: none of the 233 names of famous artists that this list was tried on is in it.
GENERIC_NAMES = frozenset({
    "baby lullaby", "baby sleep music", "background music", "best hits", "chill beats", "chill out music",
    "chillout music", "christmas hits", "christmas music", "christmas songs", "classical music", "country music",
    "dance hits", "deep sleep music", "dinner music", "electronic music", "focus music", "greatest hits",
    "gym music", "hip hop beats", "hip hop music", "instrumental beats", "instrumental music", "jazz music",
    "karaoke", "karaoke hits", "kids songs", "lo-fi beats", "lofi beats", "lofi hip hop", "lofi music", "lullabies",
    "meditation music", "n/a", "nature sounds", "no artist", "none", "nursery rhymes", "party hits", "party music",
    "piano music", "pop hits", "rain sounds", "rap beats", "relaxing jazz", "relaxing music",
    "relaxing piano music", "rock hits", "sleep music", "sleep sounds", "spa music", "study music", "summer hits",
    "tba", "tbd", "test", "test artist", "top 40", "top hits", "tv themes", "type beat", "unknown",
    "unknown artist", "various", "white noise", "workout music", "yoga music",
})  # fmt: skip

#: Distributors and groups of labels, by exact name after folding: none of them performs.
COMPANIES = frozenset({
    "amuse", "awal", "believe", "cd baby", "distrokid", "ditto music", "emubands", "fuga", "horus music", "imusician",
    "ingrooves", "landr", "onerpm", "record union", "routenote", "sony music", "sony music entertainment", "soundon",
    "stem disintermedia", "symphonic distribution", "the orchard", "tunecore", "umg", "united masters", "unitedmasters",
    "universal music", "universal music group", "virgin music group", "warner music", "warner music group",
})  # fmt: skip
#: A label's name that ends so is no stage name (*Roxy Music* and *Soul Records* are told apart by who delivers).
_COMPANY = re.compile(r".*\b(?:records?|recordings|entertainment|publishing|distribution|label|gmbh|ltd|llc|inc)\.?")

_PART = (
    r"(?:vocals?|vocalist|singer|guitars?|guitarist|bass(?:ist)?|drums?|drummer|piano|pianist|keyboards?|producer"
    r"|composer|remixer|dj set|band leader|[12][0-9]{3}(?: ?[-–] ?[12][0-9]{3})?)"
)
_EXTRA = re.compile(
    rf"[(\[] ?(?:{_PART}(?:[,/&] ?)?)+[)\]]|\s[-–—] {_PART}$|\b(?:formerly|former member) of\b|[(\[]ex[- ]"
    r"|https?:|\bwww\."
)
_REMIX = re.compile(r"(?:['’]s)? (?:.+ )?(?:re-?mix|rework|bootleg)")

VARIOUS_ARTISTS = frozenset({"various artists", "various artist", "va", "v.a.", "v/a"})

# "and" is left alone, and so is "& The …": those are bands (Earth, Wind & Fire remains for the label to confirm).
_COMPOUND = re.compile(
    r"\s&\s(?!the\s)|,\s|;\s|\s/\s|\s\+\s|\sx\s|\svs\.?\s|\s\(?(?:feat|ft|featuring)\b\.?\s|\bduet with\b",
    re.IGNORECASE,
)


def check_main_artist(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Check that release and tracks have a main artist."""
    for holder in list_titled_parts(delivery.release):
        if not any(artist.role == "main" and not is_blank(artist.name) for artist in holder.display_artists):
            yield Finding(MISSING_PRIMARY, holder.subject, "No main artist is named.")


def check_artist_characters(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Check artist names for invisible characters."""
    release = delivery.release
    for holder in list_titled_parts(release):
        named = [artist.name for artist in holder.display_artists]
        named += [contributor.name for contributor in _list_credited_contributors(holder)]
        for name in dict.fromkeys(named):
            if found := list_invisible_characters(name):
                fix = suggest_visible_text(name)
                yield Finding(
                    INVISIBLE_CHARACTERS,
                    holder.subject,
                    f"The name {quote_text(name)} holds characters that cannot be seen: {', '.join(found[:5])}.",
                    measured=[*found[:20]],
                    fix=fix,
                    patch=_build_rename_patch(release, holder, name, without_unseen(name)) if fix else (),
                    safe=bool(fix),
                )


def _build_rename_patch(release: Release, holder: Titled, name: str, right: str) -> Patch:
    """The name written otherwise wherever this holder has it."""
    lists: tuple[tuple[str, tuple[Artist | Contributor, ...]], ...] = (
        ("display_artists", holder.display_artists),
        ("contributors", _list_credited_contributors(holder)),
    )
    places = [
        build_json_pointer(release, holder, kind, index, "name")
        for kind, parties in lists
        for index, party in enumerate(parties)
        if party.name == name
    ]
    return combine_json_patches(*(replace_value_patch(at, name, right) for at in places))


def role_conflict(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """One part for each artist. Two artists of one name are told apart by their ISNI."""
    for holder in list_titled_parts(delivery.release):
        main = {fold_text(artist.name): artist for artist in holder.display_artists if artist.role == "main"}
        for artist in holder.display_artists:
            other = main.get(fold_text(artist.name))
            if artist.role == "main" or other is None or (artist.isni and other.isni and artist.isni != other.isni):
                continue
            yield Finding(
                ROLE_CONFLICT,
                holder.subject,
                f"{quote_text(artist.name)} is named both as main and as {quote_text(artist.role)} artist.",
                measured=make_printable(artist.name),
                fix="Keep the part that the artist has on this recording.",
            )


def ai_tools(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """A tool's name where a person's belongs. A contributor declared as a machine is a disclosure: it costs nothing."""
    for holder in list_titled_parts(delivery.release):
        named: dict[str, bool] = {}  # name → whether nothing explains it
        for artist in holder.display_artists:
            named[artist.name] = named.get(artist.name, True) and not (artist.isni or artist.artist_key)
        for contributor in _list_credited_contributors(holder):
            if contributor.ai_contribution is not ContainsAI.ALL:
                partly = contributor.ai_contribution is ContainsAI.PARTLY
                bare = is_credited_writer(contributor) and not (contributor.isni or contributor.ipi or partly)
                named[contributor.name] = named.get(contributor.name, bare)
        for name, bare in named.items():
            if fold_text(name) in AI_TOOLS:
                yield Finding(
                    AI_TOOL if bare else AI_TOOL_CREDITED,
                    holder.subject,
                    f"{quote_text(name)} is the name of a tool that makes music.",
                    measured=make_printable(name),
                    fix="Name the people who made the music, and declare the tool in the disclosure.",
                )


def check_generic_artist(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Phrases instead of names."""
    for holder in list_titled_parts(delivery.release):
        for artist in holder.display_artists:
            if fold_text(artist.name) in GENERIC_NAMES:
                yield Finding(
                    GENERIC,
                    holder.subject,
                    f"{quote_text(artist.name)} is not the name of an artist.",
                    measured=make_printable(artist.name),
                    fix="Name who performs.",
                )


def check_compound_artist(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Several artists in one field, unless the label says that they are a group."""
    for holder in list_titled_parts(delivery.release):
        for artist in holder.display_artists:
            parts = [part.strip(" ()") for part in _COMPOUND.split(artist.name)]
            if artist.party_type != "group" and len(parts) > 1 and all(parts):
                yield Finding(
                    COMPOUND,
                    holder.subject,
                    f"{quote_text(artist.name)} may be several artists in one field.",
                    measured=[make_printable(part) for part in parts[:20]],
                    fix="If they are several, name each alone; if it is one act, say party_type “group”.",
                )


def check_various_artists(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Many artists have one name on the release, and their own on the tracks."""
    release = delivery.release
    main = _distinct_main(release.display_artists)
    if len(main) >= VARIOUS_FROM:
        yield Finding(
            VARIOUS,
            release.subject,
            f"The release names {len(main)} main artists.",
            measured=len(main),
            threshold=VARIOUS_FROM,
            fix="Write “Various Artists” on the release and each artist on their tracks.",
        )
    if (short := main & VARIOUS_ARTISTS) and "various artists" not in short:
        names = [artist.name for artist in release.display_artists if fold_text(artist.name) in short]
        yield Finding(
            VARIOUS,
            release.subject,
            "“Various Artists” is abbreviated.",
            fix="Write “Various Artists”.",
            patch=_build_rename_patch(release, release, names[0], "Various Artists"),
            safe=True,
        )
    for track in release.tracks:
        if _distinct_main(track.display_artists) & VARIOUS_ARTISTS:
            yield Finding(
                VARIOUS, track.subject, "A track is not by Various Artists.", fix="Name who performs this track."
            )


def extra_information(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """What is said of an artist beside the name."""
    for holder in list_titled_parts(delivery.release):
        for artist in holder.display_artists:
            if found := _EXTRA.search(fold_text(artist.name[:LONGEST_TITLE])):
                yield Finding(
                    EXTRA_INFORMATION,
                    holder.subject,
                    f"{quote_text(artist.name)} says more than a name: {quote_text(found[0].strip())}.",
                    measured=make_printable(found[0].strip()),
                    fix="Write the name alone; roles and instruments belong to the contributors.",
                )


def check_company_as_artist(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Companies where an artist belongs; a label with the name of its artist is no company."""
    account, label = delivery.account, delivery.release.display_label
    own = {fold_text(name) for name in (account.name, *account.names, label or "")}
    for holder in list_titled_parts(delivery.release):
        for name in dict.fromkeys(artist.name for artist in holder.display_artists):
            folded = fold_text(name[:LONGEST_TITLE])
            if folded in COMPANIES or (folded in own and _COMPANY.fullmatch(folded)):
                yield Finding(
                    LABEL_AS_ARTIST,
                    holder.subject,
                    f"{quote_text(name)} is the name of a company.",
                    measured=make_printable(name),
                    fix="Name who performs; the label has a field of its own.",
                )


def check_ambiguous_artist(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """One name, several artists in the registry, and nothing that says which."""
    release = delivery.release
    unclear: dict[str, tuple[str, str]] = {}
    told: set[str] = set()
    for holder in list_titled_parts(release):
        for artist in holder.display_artists:
            if artist.isni or artist.artist_key:
                told.add(fold_text(artist.name))
            elif not is_blank(artist.name) and len(artist.name) <= LONGEST_TITLE:
                unclear.setdefault(fold_text(artist.name), (artist.name, holder.subject))
    asked = {name: first for name, first in unclear.items() if name not in told}
    near = context.names.near_all([name for name, _ in asked.values()])
    for folded, (name, subject) in asked.items():
        known = {item.artist for item in near.get(name, ()) if fold_text(item.name) == folded}
        if len(known) > 1:
            yield Finding(
                AMBIGUOUS_PROFILE,
                subject,
                f"{len(known)} known artists are called {quote_text(name)}, and nothing says which one this is.",
                measured=len(known),
                threshold=1,
                fix="Add the artist's ISNI or artist key.",
            )


def check_remixer_as_artist(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """*Low Tide (Jonas Ek Remix)* by Mara Lindqvist and Jonas Ek."""
    for track in delivery.release.tracks:
        main = {fold_text(artist.name): artist for artist in track.display_artists if artist.role == "main"}
        for aside in list_title_asides(track):
            said = fold_text(aside)
            who = next((item for item in main if said.startswith(item) and _REMIX.fullmatch(said[len(item) :])), None)
            if who and len(main) > 1:
                name = main[who].name
                yield Finding(
                    REMIXER_AS_PRIMARY,
                    track.subject,
                    f"{quote_text(name)} remixed this recording and is named as one of its main artists.",
                    measured=make_printable(name),
                    fix=f"Name {write_out_text(name)} as contributor with the role remixer.",
                )


def _list_credited_contributors(holder: Titled) -> tuple[Contributor, ...]:
    return holder.contributors if isinstance(holder, Track) else ()


def _distinct_main(artists: tuple[Artist, ...]) -> set[str]:
    return {fold_text(artist.name) for artist in artists if artist.role == "main"}


RULES = (
    check_main_artist, check_artist_characters, role_conflict, ai_tools, check_generic_artist, check_compound_artist,
    check_various_artists, extra_information, check_company_as_artist, check_ambiguous_artist, check_remixer_as_artist,
)  # fmt: skip
