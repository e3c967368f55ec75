"""The sample messages of DDEX are read with their parties, tracks and AI fields, where they are at hand."""

import pytest

from intake.core import document_schema
from tests.intake.ddex.conftest import ddex_folder, read

#: Of its 21 recordings, as the sample has them.
PARTLY = ["all", "none", "partly"] * 7


def sample(name):
    answer = read((ddex_folder() / "samples" / name).read_bytes())
    return answer, document_schema.parse_document(answer["document"])


@pytest.mark.parametrize(
    ("name", "extents"),
    [
        ("ern43_audio.xml", ["undeclared"] * 21),
        ("ern432_contains_ai_none.xml", ["none"] * 21),
        ("ern432_contains_ai_partly.xml", PARTLY),
    ],
)
def test_sample_is_read(name, extents):
    answer, document = sample(name)
    release, tracks = document["release"], document["release"]["tracks"]
    assert answer["header"]["sender_name"] == "UniversalMusicGroup"
    assert (release["title"], release["type"], release["upc"]) == ("Yume no Hajmari", "album", "00094631432057")
    assert release["display_label"] == "EMI MUSIC JAPAN INC."
    assert [artist["name"] for artist in release["display_artists"]] == ["Saeko Shu"]
    assert release["p_line"] == {"year": 1994, "owner": "EMI Music Japan Inc."}
    assert (release["genre"], release["territories"], release["release_date"]) == ("J-Pop", ["JP"], "2004-04-01")
    assert release["cover"]["file"] == "0094631432057.jpg"
    assert [track["position"] for track in tracks] == list(range(1, 22))
    first, last = tracks[0], tracks[20]
    assert (first["title"], first["isrc"], first["language"]) == ("Yume no Lullaby", "JPTO09404900", "ja")
    assert (first["file"], first["preview_start"], first["vocals"]) == ("0094631432057_01_001.wav", 45, "vocal")
    assert first["contributors"][0]["name"] == "Saeko Shu"
    assert first["contributors"][0]["roles"] == ["artist"]
    assert tracks[1]["contributors"] == []
    assert last["isrc"] == "JPTO09332830"
    assert [track["disclosure"]["contains_ai"] for track in tracks] == extents
    declared = {track["disclosure"]["status"] for track in tracks}
    assert declared == ({"undeclared"} if "undeclared" in extents else {"declared"})


def test_other_scripts_of_a_sample_are_listed_and_not_dropped_in_silence():
    answer, _ = sample("ern43_audio.xml")
    left = {item["xpath"]: item["count"] for item in answer["unread"]}
    assert left["/NewReleaseMessage/ResourceList/SoundRecording/DisplayTitle/TitleText"] == 21
    assert "/NewReleaseMessage/DealList/ReleaseDeal/Deal/DealTerms/PriceInformation/PriceCode" in left
