"""One declaration, in each partner's words; what was not declared stays out of all of them."""

from typing import Any

import pytest

from checks import partner_disclosure
from checks.model.release import ContainsAI, Contribution, Cover, Disclosure, Element, Level, Track
from tests.checks.builders import a_contributor, a_disclosure, a_release, a_track, an_instrumental

FULLY, PARTLY, ASSISTED, NONE = Level.FULLY_GENERATED, Level.PARTLY_GENERATED, Level.ASSISTIVE_TOOL, Level.NONE
TRAINED, COMPOSITE = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"


def declared(*levels: tuple[Element, Level], **changes: Any) -> Track:
    disclosure = a_disclosure(*(Contribution(*pair, tool="Model 4") for pair in levels))
    return a_track(**{"disclosure": disclosure, "contributors": (), **changes})


CASES: dict[str, tuple[Track, list[str] | None, list[str] | None, str | None]] = {
    "every element fully": (
        declared(*((entry, FULLY) for entry in (Element.LEAD_VOCALS, Element.INSTRUMENTS, Element.COMPOSITION))),
        ["track", "composition"],
        ["Vocals", "Instruments", "Composer"],
        TRAINED,
    ),
    "some partly": (declared((Element.INSTRUMENTS, PARTLY)), ["track"], [], COMPOSITE),
    "vocals fully": (
        declared((Element.LEAD_VOCALS, FULLY), (Element.INSTRUMENTS, NONE)),
        ["track"],
        ["Vocals"],
        COMPOSITE,
    ),
    "lyrics": (declared((Element.LYRICS, FULLY)), ["composition"], ["Lyricist"], COMPOSITE),
    "said of the whole": (
        an_instrumental(disclosure=Disclosure("declared", (), ContainsAI.ALL), contributors=()),
        ["track"],
        ["Instruments"],
        TRAINED,
    ),
    "by a contributor": (
        a_track(
            disclosure=Disclosure(),
            contributors=(a_contributor("Model 4", "vocalist", ai_contribution=ContainsAI.ALL),),
        ),
        ["track"],
        ["Vocals"],
        COMPOSITE,
    ),
    "assistive tools only": (declared((Element.MIXING_MASTERING, ASSISTED)), [], [], "algorithmicallyEnhanced"),
    "no AI": (declared((Element.LEAD_VOCALS, NONE)), [], [], None),
    "undeclared": (a_track(disclosure=Disclosure(), contributors=()), None, None, None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_declaration_in_each_partners_words(case: str) -> None:
    track, tags, roles, source = CASES[case]
    release = a_release(track)
    (apple,), (spotify,), (c2pa,) = (
        form(release)["tracks"]
        for form in (
            partner_disclosure.apple_transparency_tags,
            partner_disclosure.spotify_ai_credits,
            partner_disclosure.c2pa_source_types,
        )
    )
    assert apple["tags"] == tags
    assert spotify["credits"] == (roles if roles is None else spotify["credits"])
    assert roles is None or [item["role"] for item in spotify["credits"]] == roles
    stated = (c2pa["assertion"] or {"data": {"actions": [{"digitalSourceType": None}]}})["data"]["actions"][0]
    assert stated["digitalSourceType"] == (source and partner_disclosure.SOURCE_TYPES + source)


@pytest.mark.parametrize(
    ("extent", "apple", "source"),
    [
        (ContainsAI.ALL, True, TRAINED),
        (ContainsAI.PARTLY, True, COMPOSITE),
        (ContainsAI.NONE, False, None),
        (ContainsAI.UNDECLARED, None, None),
    ],
)
def test_artwork_is_a_matter_of_its_own(extent: ContainsAI, apple: bool | None, source: str | None) -> None:
    release = a_release(a_track(), cover=Cover("cover.jpg", extent))
    assert partner_disclosure.apple_transparency_tags(release)["artwork"] is apple
    assert (partner_disclosure.c2pa_source_types(release)["artwork"] is None) == (source is None)
    assert "artwork" not in partner_disclosure.spotify_ai_credits(release)
