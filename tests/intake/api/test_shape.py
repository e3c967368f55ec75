"""The shape of a document is read strictly, and leniently where a check has its own words."""

import json
import time

import pytest
from rest_framework.exceptions import ValidationError

from intake.core import document_schema, fast_parser
from tests.intake.factories import a_document


def faults(document):
    with pytest.raises(document_schema.ShapeError) as raised:
        document_schema.parse_document(document)
    return {(fault.pointer, fault.code.id) for fault in raised.value.faults}


def changed(path, value):
    """An ordinary document with one value replaced."""
    document = json.loads(json.dumps(a_document()))
    *way, last = path.strip("/").split("/")
    place = document
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    return document


def test_ordinary_document_keeps_its_values_and_gets_the_defaults():
    document = a_document()
    read = document_schema.parse_document(document)
    assert read["release"]["title"] == document["release"]["title"]
    assert read["supersedes"] is None
    assert read["release"]["tracks"][0]["iswc"] is None
    assert document_schema.parse_document(read) == read


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("/release/title", 7, "wrong_type"),
        ("/release/upc", 0, "wrong_type"),
        ("/release/upc", 36000291452, "wrong_type"),
        ("/release/type", "mixtape", "not_allowed"),
        ("/release/type", True, "wrong_type"),
        ("/release/type", None, "missing"),
        ("/release/release_date", "2026-02-30", "malformed"),
        ("/release/release_date", "2026-2-3", "malformed"),
        ("/release/release_date", "20260203", "malformed"),
        ("/release/release_date", "2026-12-18T00:00:00Z", "malformed"),
        ("/release/release_date", "٢٠٢٦-١٢-١٨", "malformed"),
        ("/release/release_date", "0001-01-01", "out_of_range"),
        ("/release/release_date", 20261218, "wrong_type"),
        ("/release/p_line", {"year": "2026", "owner": "X"}, "wrong_type"),
        ("/release/p_line", {"year": True, "owner": "X"}, "wrong_type"),
        ("/release/p_line", {"year": 2**63, "owner": "X"}, "out_of_range"),
        ("/release/territories", "Worldwide", "wrong_type"),
        ("/release/territories", [None], "missing"),
        ("/release/tracks", [], "missing"),
        ("/release/tracks", {}, "wrong_type"),
        ("/release/tracks/0", 5, "wrong_type"),
        ("/release/tracks/0/position", True, "wrong_type"),
        ("/release/tracks/0/position", 1.0, "wrong_type"),
        ("/release/tracks/0/position", "1", "wrong_type"),
        ("/release/tracks/0/position", 0, "out_of_range"),
        ("/release/tracks/0/position", 2**63, "out_of_range"),
        ("/release/tracks/0/file", "", "missing"),
        ("/release/tracks/0/file", None, "missing"),
        ("/release/tracks/0/title", "a\0b", "bad_character"),
        ("/release/tracks/0/title", "\ud800", "bad_character"),
        ("/release/tracks/0/title", "x" * 2001, "too_long"),
        ("/release/tracks/0/lyrics", "x" * 50_001, "too_long"),
        ("/release/tracks/0/preview_start", "30", "wrong_type"),
        ("/release/tracks/0/preview_start", True, "wrong_type"),
        ("/release/tracks/0/preview_start", -1, "out_of_range"),
        ("/release/tracks/0/vocals", "humming", "not_allowed"),
        ("/release/tracks/0/relations", [{"type": "answer_to"}], "not_allowed"),
        ("/release/tracks/0/disclosure", {"status": "declared", "contributions": [{}]}, "missing"),
        ("/release/tracks/0/shares", {"master": [{"party": "A", "percent": 100}]}, "wrong_type"),
        ("/release/tracks/0/shares", {"master": [{"party": "A", "percent": "100%"}]}, "malformed"),
        ("/release/tracks/0/shares", {"master": [{"party": "A", "percent": "١٠٠"}]}, "malformed"),
        ("/release/tracks/0/shares", {"master": [{"party": "A", "percent": "1e2"}]}, "malformed"),
        ("/release/tracks/0/shares", {"master": [{"party": "A", "percent": "100\n"}]}, "malformed"),
        ("/release/cover", {"file": "cover.png", "contains_ai": "some"}, "not_allowed"),
        ("/release/display_artists", [{"role": "main"}], "missing"),
        ("/release/display_artists", [{"name": "A", "role": "lead"}], "not_allowed"),
        ("/files", [], "wrong_type"),
        ("/files", {"01.flac": "abc"}, "wrong_type"),
        ("/files", {"01.flac": {"sha256": "abc"}}, "malformed"),
        ("/files", {"01.flac": {"sha256": "0" * 64 + "\n"}}, "malformed"),
        ("/files", {"a\0b": {}}, "bad_character"),
        ("/supersedes", 5, "wrong_type"),
        ("/supersedes", "the last one", "malformed"),
    ],
)
def test_wrong_value_is_refused_where_it_stands(path, value, code):
    found = faults(changed(path, value))
    assert {fault for _, fault in found} == {f"metadata.{code}"}
    assert all(pointer.startswith(path) for pointer, _ in found)


@pytest.mark.parametrize("document", [None, [], "x", 3, True, {}, {"release": None}, {"release": []}])
def test_something_else_altogether_is_refused(document):
    assert faults(document)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/release",
        "/release/tracks/0",
        "/release/tracks/0/disclosure",
        "/release/display_artists/0",
        "/release/cover",
    ],
)
def test_unknown_key_is_refused_by_name(path):
    assert faults(changed(f"{path}/zither", 1)) == {(f"{path}/zither", "metadata.unknown_key")}


def test_unknown_key_that_cannot_be_written_is_still_named():
    ((pointer, code),) = faults(changed("/release/\ud800~/"[:-1], 1))
    assert (pointer, code) == ("/release/\\ud800~0", "metadata.unknown_key")


def test_misspelt_key_is_told_the_right_one():
    with pytest.raises(document_schema.ShapeError, match="Is 'title' meant"):
        document_schema.parse_document(changed("/release/titel", "Low Tide"))


def test_position_is_taken_once():
    document = a_document(tracks=3)
    document["release"]["tracks"][2]["position"] = 1
    assert faults(document) == {("/release/tracks/2/position", "metadata.duplicate")}


def test_every_fault_is_told_at_once_with_its_track():
    document = a_document(tracks=2)
    document["release"]["tracks"][1]["title"] = 5
    document["release"]["genre"] = 5
    with pytest.raises(document_schema.ShapeError) as raised:
        document_schema.parse_document(document)
    assert {fault.subject for fault in raised.value.faults} == {"track:2", "release"}


def test_document_without_end_is_refused_before_it_is_read():
    endless = [{"name": "a"}] * 60_000
    began = time.process_time()
    assert faults(changed("/release/display_artists", endless)) == {("", "metadata.too_long")}
    assert faults(changed("/release/territories", [5] * 90_000)) == {("/release/territories", "metadata.too_long")}
    assert time.process_time() - began < 1


def test_longest_document_that_is_read_takes_bearable_time():
    document = changed("/release/title", "Everything")
    track = document["release"]["tracks"][0] | {"contributors": [{"name": "a"}] * 190, "relations": []}
    document["release"]["tracks"] = [track | {"position": n} for n in range(1, 220)]
    began = time.process_time()
    document_schema.parse_document(document)
    assert time.process_time() - began < 10  # the limit for anything is twice as much


def test_faults_without_end_are_cut_off():
    document = changed("/release/territories", [5] * 299)
    assert len(faults(document)) == document_schema.MAX_FAULTS


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("key", ["upc", "title", "display_label", "genre", "language", "advisory", "version"])
def test_release_left_empty_is_for_the_checks(key, nothing):
    assert document_schema.parse_document(changed(f"/release/{key}", nothing))["release"][key] in (None, "")


@pytest.mark.parametrize("key", ["p_line", "c_line", "cover", "release_date", "display_artists", "territories"])
def test_release_without_what_a_check_asks_for_passes(key):
    document = a_document()
    del document["release"][key]
    assert document_schema.parse_document(document) == document_schema.parse_document(changed(f"/release/{key}", None))


@pytest.mark.parametrize("key", ["isrc", "title", "contributors", "shares", "display_artists", "disclosure", "vocals"])
def test_track_without_what_a_check_asks_for_passes(key):
    document = a_document()
    document["release"]["tracks"][0].pop(key, None)
    assert document_schema.parse_document(document) == document_schema.parse_document(
        changed(f"/release/tracks/0/{key}", None)
    )


def test_title_is_never_null():
    assert document_schema.parse_document(changed("/release/title", None))["release"]["title"] == ""


def test_text_is_taken_as_it_is():
    for text in ("  Low Tide\n", "=1+1", "\u202etide", "Ｌｏｗ", "Low\u200bTide", "\U000e0041"):
        assert document_schema.parse_document(changed("/release/title", text))["release"]["title"] == text


# --- Read quickly, and read by the serializers --------------------------------------------------------------------

FULL = a_document()
FULL["supersedes"] = "01890000-0000-7000-8000-000000000000"
FULL["files"] = {"01.flac": {"sha256": "a" * 64}, "cover.png": {}}
FULL["release"]["territories"] = ["DE", "FR"]
FULL["release"]["tracks"][0] |= {
    "preview_start": 3,
    "lyrics": "Über der Brücke",
    "shares": {"master": [{"party": "X", "percent": "100", "accepted": True}]},
    "relations": [{"type": "cover_of", "title": "Help!"}],
    "disclosure": {"contributions": [{"element": "lyrics", "level": "assistive_tool"}]},
}

#: Values of every kind, right in some places and wrong in most.
ODD = (
    None, "", " ", "a\0b", "\ud800", "é" * 1001, "x" * 2001, "main", "2026-12-18", "é", 0, -1, 7, 10**4, 2**63, 1.5,
    1e9, True, False, [], [None], [""], ["x"], ["x"] * 301, [[]], [{}], {}, {"x": 1}, {"name": "X"}, {"file": "x"},
    {"year": 2026, "owner": ""}, {"master": None}, {"01.flac": None},
)  # fmt: skip


def places(value, way=()):
    """The way to every value of a document."""
    yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*way, key))


def spoilt(read):
    """A document with every value in turn replaced by each odd one, or left out."""
    for *way, last in [way for way in places(read) if way]:
        for odd in (*ODD, "left out"):
            document = json.loads(json.dumps(read))
            place = document
            for step in way:
                place = place[step]
            if odd == "left out":
                del place[last]
            else:
                place[last] = odd
            yield document


def test_what_is_read_quickly_is_what_the_serializers_read():
    read, sure, unsure = document_schema.read_through_serializer(document_schema.DocumentSerializer, FULL), 0, 0
    assert document_schema._cached_fast_parser()(FULL) == read
    for document in spoilt(read):
        try:
            quick = document_schema._cached_fast_parser()(document)
        except (fast_parser.Unsure, ValidationError):
            unsure += 1  # the serializers have the word
        else:
            sure += 1
            slow = document_schema.read_through_serializer(document_schema.DocumentSerializer, document)
            assert json.dumps(quick) == json.dumps(slow)  # with the order of the keys
    assert sure > 400
    assert unsure > 1000
