"""What a declaration about AI becomes in each partner's own words. Undeclared stays out: neither a yes nor a no."""

from __future__ import annotations

from checks.model import ai_declaration
from checks.model.ai_declaration import LABELLED, SOUND, Declared
from checks.model.finding import JSON
from checks.model.release import ContainsAI, Element, Level, Release, Track

#: IPTC NewsCodes, digital source type: https://cv.iptc.org/newscodes/digitalsourcetype/
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"

#: What Spotify calls the role that makes an element (AI credits, beta since 2026-04-16).
SPOTIFY_ROLES = {
    Element.LEAD_VOCALS: "Vocals",
    Element.BACKING_VOCALS: "Backing vocals",
    Element.INSTRUMENTS: "Instruments",
    Element.COMPOSITION: "Composer",
    Element.LYRICS: "Lyricist",
    Element.PRODUCTION: "Producer",
    Element.MIXING_MASTERING: "Mixing and mastering",
}

#: Apple's transparency tags (since 2026-03-04) and the elements of which a material portion makes one due.
APPLE_TAGS = {
    "track": (*SOUND, Element.MIXING_MASTERING),
    "composition": (Element.COMPOSITION, Element.LYRICS),
}


def apple_transparency_tags(release: Release) -> dict[str, JSON]:
    """Apple Music's transparency tags: of the artwork, and of each track."""
    cover = release.cover.contains_ai if release.cover else ContainsAI.UNDECLARED
    tracks: list[JSON] = [{**_identify_track(track), "tags": _apple_tags(track)} for track in release.tracks]
    return {"format": "apple", "artwork": _yes_or_no(cover), "tracks": tracks}


def spotify_ai_credits(release: Release) -> dict[str, JSON]:
    """Spotify's AI credits: the roles that are fully generated, of the sound only."""
    return {
        "format": "spotify",
        "tracks": [{**_identify_track(track), "credits": _spotify_credits(track)} for track in release.tracks],
    }


def c2pa_source_types(release: Release) -> dict[str, JSON]:
    """The digital source type that a Content Credential of each file would state, as an action of C2PA 2."""
    cover = release.cover.contains_ai if release.cover else ContainsAI.UNDECLARED
    artwork = {ContainsAI.ALL: "trainedAlgorithmicMedia", ContainsAI.PARTLY: "compositeWithTrainedAlgorithmicMedia"}
    return {
        "format": "c2pa",
        "artwork": _build_actions_assertion(artwork.get(cover)),
        "tracks": [
            {**_identify_track(track), "assertion": _build_actions_assertion(source_type(track))}
            for track in release.tracks
        ],
    }


def source_type(track: Track) -> str | None:
    """The IPTC digital source type that a declaration amounts to; None where nothing can be stated of it."""
    if not has_ai_declaration(track):
        return None
    labels = {label.key: label.value for label in ai_declaration.list_ai_labels(track)}
    if labels.get("ai:recording") == ContainsAI.ALL:
        return "trainedAlgorithmicMedia"
    if any(key in labels for key in ("ai:recording", *LABELLED)):
        return "compositeWithTrainedAlgorithmicMedia"
    return "algorithmicallyEnhanced" if ai_declaration.find_declared_extent(track) is Declared.ASSISTED else None


def has_ai_declaration(track: Track) -> bool:
    """Whether anything at all was said about AI in this track."""
    return track.disclosure.declared or ai_declaration.find_declared_extent(track) is not Declared.NOTHING


def _identify_track(track: Track) -> dict[str, JSON]:
    return {"position": track.position, "isrc": track.isrc}


def _yes_or_no(extent: ContainsAI) -> bool | None:
    return None if extent is ContainsAI.UNDECLARED else extent in (ContainsAI.ALL, ContainsAI.PARTLY)


def _apple_tags(track: Track) -> JSON:
    """The tags that are due; None where nothing was declared."""
    if not has_ai_declaration(track):
        return None
    levels = ai_declaration.declared_levels(track)
    due = {tag for tag, group in APPLE_TAGS.items() if any(levels[item].generated for item in group if item in levels)}
    if any(label.key == "ai:recording" for label in ai_declaration.list_ai_labels(track)):
        due.add("track")  # said of the whole, or by a contributor with a part that has no name
    return [tag for tag in APPLE_TAGS if tag in due]


def _spotify_credits(track: Track) -> JSON:
    """The roles that are fully generated, with the tool; None where nothing was declared."""
    if not has_ai_declaration(track):
        return None
    levels = ai_declaration.declared_levels(track)
    if track.disclosure.contains_ai is ContainsAI.ALL:
        sounding = ai_declaration.SOUNDING.get(track.vocals, ai_declaration.SOUNDING[None])
        levels = dict.fromkeys(sorted(sounding), Level.FULLY_GENERATED) | levels
    tools = {
        contribution.element: contribution.tool
        for contribution in track.disclosure.contributions
        if contribution.level.generated
    }
    return [
        {"role": role, "element": element.value, "tool": tools.get(element)}
        for element, role in SPOTIFY_ROLES.items()
        if levels.get(element) is Level.FULLY_GENERATED
    ]


def _build_actions_assertion(source: str | None) -> JSON:
    """An actions assertion; None where there is nothing to state."""
    if source is None:
        return None
    action = "c2pa.created" if source == "trainedAlgorithmicMedia" else "c2pa.edited"
    actions: list[JSON] = [{"action": action, "digitalSourceType": SOURCE_TYPES + source}]
    return {"label": "c2pa.actions.v2", "data": {"actions": actions}}
