"""A partner reads what the gate writes: valid by the official schema, and nothing that ERN can carry is lost."""

import datetime as dt
import functools
import string
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from checks.model.release import ContainsAI
from intake.core import document_schema
from intake.ddex import vocabulary, writer
from intake.readers import release_mapping
from tests.intake.ddex.conftest import ddex_folder, read
from tests.intake.factories import a_document

ENVELOPE = writer.Envelope("GATE-1", dt.datetime(2026, 11, 22, tzinfo=dt.UTC))


@functools.cache
def official():
    return etree.XMLSchema(etree.parse(ddex_folder() / "ernv432" / "release-notification.xsd"))


def errors(message):
    schema = official()
    schema.validate(etree.fromstring(message))
    return [f"{item.line}: {item.message}" for item in schema.error_log]


def release_of(document):
    return release_mapping.map_release_document(document_schema.parse_document(document)["release"])


def written(document, envelope=ENVELOPE):
    return writer.write_ern_message(release_of(document), envelope)


def contributors(message):
    """Who is credited for what, as (party or special contributor, role, AI contribution)."""
    found = []
    for item in etree.fromstring(message).iterfind(".//SoundRecording/Contributor"):
        who = item.findtext("ContributorPartyReference") or item.findtext("SpecialContributor")
        found += [(who, role.text, item.findtext("AiContribution")) for role in item.iterfind("Role/Value")]
    return found


def declared(*contributions, status="declared", **track):
    document = a_document()
    document["release"]["tracks"][0].update(
        disclosure={"status": status, "contributions": list(contributions)}, contributors=[], **track
    )
    return document


def contains_ai(document):
    root = etree.fromstring(written(document))
    return root.findtext(".//SoundRecording/ContainsAI"), root.findtext(".//Release/ContainsAI")


def test_written_message_is_valid_by_the_official_schema():
    document = a_document(tracks=3)
    document["release"]["preorder_date"] = "2030-05-01"
    document["release"]["tracks"][0]["relations"] = [
        {"type": kind, "isrc": "SEABC2600001"} for kind in document_schema.RELATIONS
    ]
    envelope = writer.Envelope(
        "GATE-1", dt.datetime(2026, 11, 22, tzinfo=dt.UTC), "T-1", {"01.flac": 187.4}, {"01.flac": "ab" * 32}
    )
    message = written(document, envelope)
    assert errors(message) == []
    assert etree.fromstring(message).findtext(".//SoundRecording/Duration") == "PT0H03M07S"


def test_wholly_generated_recording_credits_machines_alone():
    parts = ("lead_vocals", "instruments", "composition", "lyrics", "production")
    document = declared(*({"element": part, "level": "fully_generated"} for part in parts))
    document["release"]["tracks"][0]["contributors"] = [{"name": "Mara Lindqvist", "roles": ["composer", "lyricist"]}]
    message = written(document)
    assert contains_ai(document) == ("All", "Partly")  # the cover was made by people
    assert {(who, ai) for who, _, ai in contributors(message)} == {("GenerativeAI", "All")}


def test_person_who_wrote_the_words_makes_it_partly():
    document = declared(
        {"element": "lead_vocals", "level": "fully_generated"}, {"element": "instruments", "level": "fully_generated"}
    )
    document["release"]["tracks"][0]["contributors"] = [{"name": "Mara Lindqvist", "roles": ["lyricist"]}]
    assert contains_ai(document)[0] == "Partly"
    assert ("P1", "Lyricist", None) in contributors(written(document))


def test_part_by_a_machine_is_a_credit_with_its_role():
    message = written(declared({"element": "lyrics", "level": "partly_generated"}))
    assert contributors(message) == [("GenerativeAI", "Lyricist", "Partly")]


def test_assistive_tools_are_none():
    document = declared({"element": "mixing_mastering", "level": "assistive_tool"})
    assert contains_ai(document)[0] == "None"
    assert contributors(written(document)) == []


def test_undeclared_is_left_out_and_never_none():
    document = declared(status="undeclared")
    document["release"]["cover"]["contains_ai"] = "undeclared"
    assert "ContainsAI" not in written(document).decode()


def test_fragment_says_of_ai_what_the_whole_message_says():
    document = declared({"element": "lead_vocals", "level": "fully_generated"})
    release = release_of(document)
    whole, fragment = etree.fromstring(written(document)), etree.fromstring(writer.write_ai_disclosure(release))
    for path in (".//SoundRecording/ContainsAI", ".//Image/ContainsAI", ".//Release/ContainsAI"):
        assert whole.findtext(path) == fragment.findtext(path)
    assert contributors(etree.tostring(whole)) == contributors(etree.tostring(fragment))
    assert fragment.find(".//DealList") is None


def test_secret_of_an_artist_does_not_leave():
    document = a_document()
    document["release"]["display_artists"][0]["artist_key"] = "a-secret-of-the-artist"
    assert b"a-secret" not in written(document)


def test_what_xml_cannot_hold_is_left_out():
    assert errors(written(a_document(title="Low\x01 Tide\ufffe"))) == []


# --- Round trip ---------------------------------------------------------------------------------------------------

#: Texts as ERN carries them: what XML can hold, without space at the ends.
_LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zs", "Zl", "Zp"), exclude_characters="\ufffe\uffff")
names = st.builds("{}{}{}".format, _LETTERS, st.text(_LETTERS | st.just(" "), max_size=12), _LETTERS)
maybe = functools.partial(st.one_of, st.none())
days = st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)).map(str)
isrcs = st.from_regex("[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", fullmatch=True)
isnis = st.from_regex("[0-9]{15}[0-9X]", fullmatch=True)
ipis = st.from_regex("[0-9]{11}", fullmatch=True)
languages = st.sampled_from(["en", "ja", "zxx", "pt-BR", "zh-Hant", "gsw"])
advisories = st.sampled_from(list(vocabulary.ADVISORIES))
files = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=20).map(lambda name: f"{name}.flac")
digests = st.from_regex("[0-9a-f]{64}", fullmatch=True)
lines = st.fixed_dictionaries({"year": st.integers(1850, 2999), "owner": names})
role_names = st.sampled_from(["composer", "lyricist", "vocalist", "producer", "guitar", "tabla player", "engineer"])
artists = st.lists(
    st.fixed_dictionaries({"name": names, "role": st.sampled_from(["main", "featured"]), "isni": maybe(isnis)}),
    min_size=1,
    max_size=3,
)
people = st.lists(
    st.fixed_dictionaries(
        {
            "name": names,
            "roles": st.lists(role_names, max_size=3, unique=True),
            "ipi": maybe(ipis),
            "isni": maybe(isnis),
            "ai_contribution": st.sampled_from(["undeclared", "none", "partly", "all"]),
        }
    ).map(lambda one: one | ({"ipi": None, "isni": None} if one["ai_contribution"] == "all" else {})),
    max_size=4,
    unique_by=lambda one: one["name"],
)
shares = st.lists(
    st.fixed_dictionaries({"party": names, "percent": st.decimals(0, 100, places=2).map(lambda one: f"{one:f}")}),
    min_size=1,
    max_size=3,
)
relations = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(document_schema.RELATIONS), "isrc": maybe(isrcs)}), max_size=3
)
parts = st.lists(
    st.fixed_dictionaries(
        {
            "element": st.sampled_from(list(vocabulary.ELEMENT_ROLES)),
            "level": st.sampled_from(["partly_generated", "fully_generated"]),
        }
    ),
    max_size=4,
)
tracks = st.fixed_dictionaries(
    {
        "title": names,
        "version": st.just("") | names,
        "isrc": maybe(isrcs),
        "iswc": maybe(st.just("T-034.524.680-1")),
        "display_artists": artists,
        "contributors": people,
        "vocals": st.sampled_from(["vocal", "instrumental", "spoken", None]),
        "language": maybe(languages),
        "advisory": maybe(advisories),
        "preview_start": maybe(st.integers(0, 600)),
        "shares": st.fixed_dictionaries({"master": maybe(shares), "composition": maybe(shares)}),
        "relations": relations,
        "disclosure": parts,
    }
)


@st.composite
def documents(draw):
    """Delivery documents of which ERN can carry everything."""
    release = draw(
        st.fixed_dictionaries(
            {
                "title": names,
                "version": st.just("") | names,
                "type": st.sampled_from(["single", "ep", "album", "compilation"]),
                "upc": maybe(st.from_regex("[0-9]{12,14}", fullmatch=True)),
                "display_label": names,
                "release_date": days,
                "original_release_date": maybe(days),
                "preorder_date": maybe(days),
                "display_artists": artists,
                "p_line": lines,
                "c_line": maybe(lines),
                "genre": names,
                "language": maybe(languages),
                "advisory": maybe(advisories),
                "territories": st.lists(st.sampled_from(["Worldwide", "SE", "JP", "US"]), min_size=1, unique=True),
                "tracks": st.lists(tracks, min_size=1, max_size=3),
                "label_dpid": maybe(st.just("PADPIDA2026112201H")),
            }
        )
    )
    if release["territories"] == ["Worldwide"]:
        release["excluded_territories"] = draw(st.lists(st.sampled_from(["CU", "KP", "US"]), unique=True).map(sorted))
    named = draw(st.lists(files, min_size=len(release["tracks"]), max_size=len(release["tracks"]), unique=True))
    for position, (track, name) in enumerate(zip(release["tracks"], named, strict=True), 1):
        generated = track["disclosure"]
        some = generated or any(entry["ai_contribution"] in ("all", "partly") for entry in track["contributors"])
        stated = draw(st.sampled_from(["partly"] if some else ["undeclared", "none", "partly"]))
        status = "undeclared" if stated == "undeclared" else "declared"
        track["disclosure"] = {"status": status, "contains_ai": stated, "contributions": generated}
        track |= {"position": position, "file": name}
    extent = st.sampled_from(["none", "partly", "all", "undeclared"])
    release["cover"] = draw(maybe(st.fixed_dictionaries({"file": st.just("cover.jpg"), "contains_ai": extent})))
    covers = ["cover.jpg"] if release["cover"] else []
    declared_files = {name: {"sha256": draw(st.just("") | digests)} for name in (*named, *covers)}
    document = document_schema.parse_document({"release": release, "files": declared_files})
    for track, judged in zip(
        document["release"]["tracks"], release_mapping.map_release_document(document["release"]).tracks, strict=True
    ):
        if writer.contains_ai(judged) is ContainsAI.ALL:  # the parts come to all, which leaves no room for people
            track["disclosure"]["contains_ai"] = "all"
            track["contributors"] = [item for item in track["contributors"] if item["ai_contribution"] == "all"]
    return document


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_nothing_that_ern_can_carry_is_lost_on_the_way_there_and_back(document):
    digests = {name: one["sha256"] for name, one in document["files"].items()}
    envelope = writer.Envelope("GATE-1", dt.datetime(2026, 11, 22, tzinfo=dt.UTC), digests=digests)
    answer = read(writer.write_ern_message(release_mapping.map_release_document(document["release"]), envelope))
    assert {fault["code"] for fault in answer["faults"]} <= {"ddex.ai_inconsistent"}
    assert carried(document_schema.parse_document(answer["document"])) == carried(document)


def carried(document):
    """The same document, with values that are written in more than one way written in one."""
    for track in document["release"]["tracks"]:
        for kind in ("master", "composition"):
            for share in track["shares"][kind] or ():
                share["percent"] = Decimal(share["percent"])
    return document


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents())
def test_every_written_message_is_valid_by_the_official_schema(document):
    assert errors(writer.write_ern_message(release_mapping.map_release_document(document["release"]), ENVELOPE)) == []


@pytest.mark.parametrize("role", ["composer", "backing_vocalist", "background_vocalist", "Sitar", "songwriter", "dj"])
def test_role_comes_back_as_it_went(role):
    document = a_document()
    document["release"]["tracks"][0]["contributors"] = [{"name": "Mara Lindqvist", "roles": [role]}]
    (one,) = read(written(document))["document"]["release"]["tracks"][0]["contributors"]
    assert one["roles"] == [role]
