"""The same things in two vocabularies: ours, and that of the DDEX allowed values."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Namespaces of messages that are read, by the version that they stand for. What is common to them is read alike.
NAMESPACES: Mapping[str, str] = {
    f"http://ddex.net/xml/ern/{version}": version
    for version in ("432", "431", "43", "42", "411", "41", "383", "382", "381", "38")
}
#: What is written.
NAMESPACE, AVS_VERSION = "http://ddex.net/xml/ern/432", "9"

ADVISORIES = {"explicit": "Explicit", "clean": "ExplicitContentEdited", "not_explicit": "NotExplicit"}
#: Stands where a party id of DDEX must stand and none is known.
NO_DPID = "PADPIDA0000000000"

WORLDWIDE = "Worldwide"

#: Says that nothing is said.
NO_ADVICE = "NoAdviceAvailable"

RELEASE_TYPES = {"single": "Single", "ep": "EP", "album": "Album", "compilation": "Album"}
#: Other products that are delivered as one of ours.
RELEASE_TYPES_READ = {
    **{theirs: ours for ours, theirs in RELEASE_TYPES.items() if ours != "compilation"},
    "ClassicalAlbum": "album",
    "SingleResourceRelease": "single",
}

ARTIST_ROLES = {"main": "MainArtist", "featured": "FeaturedArtist"}
ARTIST_ROLES_READ = {"MainArtist": "main", "Artist": "main", "FeaturedArtist": "featured"}

#: ERN knows no word for the other relations; those are written as user-defined.
RELATIONS = {
    "cover_of": "IsCoverOf",
    "samples": "ContainsSamplesFrom",
    "sped_up_of": "IsSpedUpOf",
    "slowed_of": "IsSlowedDownOf",
    "edit_of": "IsEditedVersionOf",
}
#: Namespace of what only this gate writes, such as the relation "remix_of".
OWN = "release-intake-gate"

CONTAINS_AI = {"all": "All", "partly": "Partly", "none": "None"}
GENERATIVE_AI = "GenerativeAI"
#: The kind of a display artist that is generative AI, in our documents.
GENERATIVE = "generative_ai"

#: The role by which a generated part of a recording is credited.
ELEMENT_ROLES = {
    "lead_vocals": "LeadVocalist",
    "backing_vocals": "BackgroundVocalist",
    "instruments": "Musician",
    "composition": "Composer",
    "lyrics": "Lyricist",
    "production": "StudioProducer",
    "mixing_mastering": "MixingEngineer",
}

#: Our words for roles that DDEX writes otherwise.
ROLES = {"producer": "StudioProducer", "songwriter": "ComposerLyricist", "backing_vocalist": "BackgroundVocalist"}
#: Roles that are the same word in both, ours in lower case with an underscore between its parts.
_SAME_ROLES = [
    "Adapter",
    "Arranger",
    "Artist",
    "AssistantEngineer",
    "AssociatedPerformer",
    "Author",
    "BackgroundVocalist",
    "BandLeader",
    "Choir",
    "ClubDJ",
    "CoProducer",
    "Composer",
    "ComposerLyricist",
    "Conductor",
    "DJ",
    "Engineer",
    "Ensemble",
    "ExecutiveProducer",
    "GraphicDesigner",
    "LeadVocalist",
    "Librettist",
    "Lyricist",
    "MasteringEngineer",
    "Mixer",
    "MixingEngineer",
    "MusicArranger",
    "MusicDirector",
    "MusicPublisher",
    "Musician",
    "Narrator",
    "Orchestra",
    "Performer",
    "Programmer",
    "RecordingEngineer",
    "Remixer",
    "Soloist",
    "SoundDesigner",
    "Speaker",
    "StudioMusician",
    "StudioProducer",
    "Translator",
    "VocalArranger",
    "VocalEngineer",
    "VocalProducer",
    "Vocalist",
]


def to_snake_case(word: str) -> str:
    """``LeadVocalist`` as ``lead_vocalist``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower()


_READ = {theirs: ours for ours, theirs in ROLES.items()}


def role_read(role: str) -> str:
    """Our word for a DDEX role."""
    return _READ.get(role) or to_snake_case(role)


_WRITTEN = {role_read(role): role for role in (*_SAME_ROLES, *ROLES.values())}


def role_written(role: str) -> str | None:
    """The DDEX word for one of our roles; None where there is none that comes back as the same."""
    return _WRITTEN.get(role)
