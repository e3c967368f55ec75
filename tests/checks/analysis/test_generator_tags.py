"""Generators' marks are found where they mean something, and nowhere else."""

import io
import json
import struct
from pathlib import Path

import mutagen
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.oggvorbis
import mutagen.wave
import pytest

from checks.analysis import Note, generator_tags
from checks.analysis.facts_json import Provenance, provenance_from_json
from checks.model.release import TagClaim
from intake.demo import sounds

from . import files
from .conftest import Measure

UUID = "0f9b7a52-3c1d-4e8f-9a6b-1c2d3e4f5a6b"
SUNO = f"made with suno; created=2026-03-01T12:00:00Z; id={UUID}"
AIGC = '{"Label": "1", "ContentProducer": "X", "ProduceID": "1", "ReservedCode1": "", "ContentPropagator": "Y"}'
GRAPH = json.dumps({"3": {"inputs": {"seed": 1}, "note": "x" * 3000, "class_type": "TextEncodeAceStepAudio1.5"}})
SOUND = files.music(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def found(measure: Measure, path: Path) -> list[tuple[str, str]]:
    facts = measure(path)
    assert facts.ok, facts.error
    assert Note.TAGS_UNREADABLE not in facts.notes
    return [(claim.pattern, claim.where) for claim in facts.tags]


def mp3(folder: Path, *frames: mutagen.id3.Frame) -> Path:
    path = sounds.encode_demo_audio(SOUND, 44100, folder / "a.mp3")
    tags = mutagen.id3.ID3()
    for frame in frames:
        tags.add(frame)
    tags.save(path)
    return path


def flac(folder: Path, **fields: str) -> Path:
    path = sounds.encode_demo_audio(SOUND, 44100, folder / "a.flac")
    song = mutagen.flac.FLAC(path)
    song.update(fields)
    song.save()
    return path


def m4a(folder: Path, **fields: object) -> Path:
    path = sounds.encode_demo_audio(SOUND, 44100, folder / "a.m4a")
    song = mutagen.mp4.MP4(path)
    song.update(fields)
    song.save()
    return path


def wave(folder: Path, *chunks: bytes) -> Path:
    return files.write(folder / "a.wav", files.wave(files.pcm(SOUND), extra=chunks))


def info(name: bytes, text: str) -> bytes:
    return files.chunk(b"LIST", b"INFO" + files.chunk(name, text.encode() + b"\0"))


BOTH = ["suno.made_with", "suno.id_and_created"]


@pytest.mark.parametrize("encoding", [0, 1, 2, 3])
def test_the_comment_of_an_mp3_is_read_in_every_encoding(measure: Measure, folder: Path, encoding: int) -> None:
    comment = mutagen.id3.COMM(encoding=encoding, lang="eng", desc="", text=SUNO)
    assert found(measure, mp3(folder, comment)) == [(mark, "COMM") for mark in BOTH]


@pytest.mark.parametrize(
    ("frame", "mark", "where"),
    [
        (
            mutagen.id3.TXXX(desc="comment", text="Made with Suno Studio; created=2026"),
            "suno.made_with",
            "TXXX:comment",
        ),
        (mutagen.id3.WOAS(url=f"https://suno.com/song/{UUID}"), "suno.link", "WOAS"),
        (mutagen.id3.WXXX(desc="source", url=f"https://suno.ai/song/{UUID}"), "suno.link", "WXXX:source"),
        (mutagen.id3.WXXX(desc="", url="https://www.udio.com/songs/abc"), "udio.link", "WXXX:"),
        (mutagen.id3.TXXX(desc="SUNO_UUID", text=UUID), "suno.uuid", "TXXX:SUNO_UUID"),
        (mutagen.id3.TXXX(desc="AIGC", text=AIGC), "gb45438.aigc", "TXXX:AIGC"),
        (mutagen.id3.TXXX(desc="prompt", text=GRAPH), "comfyui.audio_graph", "TXXX:prompt"),
    ],
)
def test_marks_in_mp3_frames_are_found(
    measure: Measure, folder: Path, frame: mutagen.id3.Frame, mark: str, where: str
) -> None:
    assert found(measure, mp3(folder, frame)) == [(mark, where)]


@pytest.mark.parametrize(
    ("field", "text", "mark"),
    [
        ("COMMENT", "made with suno; x", "suno.made_with"),
        ("description", "made with suno studio; created=2026", "suno.made_with"),
        ("SUNO_ID", UUID, "suno.vorbis_fields"),
        ("SUNO_MODEL", "chirp-crow", "suno.vorbis_fields"),
        ("SUNO_STYLE_SUMMARY", "a sad song about rain", "suno.vorbis_fields"),
        ("AIGC", '{"AIGC": {"Label": 2, "ContentProducer": "X"}}', "gb45438.aigc"),
        ("AIGC", AIGC, "gb45438.aigc"),
        ("workflow", GRAPH, "comfyui.audio_graph"),
    ],
)
def test_marks_in_vorbis_fields_are_found(measure: Measure, folder: Path, field: str, text: str, mark: str) -> None:
    assert found(measure, flac(folder, **{field: text})) == [(mark, f"vorbis/{field.upper()}")]


def test_marks_in_ogg_files_are_found(measure: Measure, folder: Path) -> None:
    for kind in ("ogg", "opus"):
        path = sounds.encode_demo_audio(SOUND, 44100, folder / f"a.{kind}")
        song = mutagen.File(path)
        song["AIGC"] = AIGC
        song.save()
        assert found(measure, path) == [("gb45438.aigc", "vorbis/AIGC")]


@pytest.mark.parametrize(
    ("field", "value", "mark"),
    [
        ("©cmt", "made with suno; x", "suno.made_with"),
        ("----:com.apple.iTunes:AIGC", [AIGC.encode()], "gb45438.aigc"),
        ("----:com.apple.iTunes:prompt", [GRAPH.encode()], "comfyui.audio_graph"),
    ],
)
def test_marks_in_mp4_items_are_found(measure: Measure, folder: Path, field: str, value: object, mark: str) -> None:
    assert found(measure, m4a(folder, **{field: value})) == [(mark, f"MP4/{field}")]


def test_marks_in_named_mp4_items_are_found() -> None:
    def box(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), name) + content

    keys = struct.pack(">II", 0, 2) + box(b"mdta", b"encoder") + box(b"mdta", b"AIGC")
    item = box(struct.pack(">I", 2), box(b"data", struct.pack(">II", 1, 0) + AIGC.encode()))
    meta = box(b"meta", bytes(4) + box(b"keys", keys) + box(b"ilst", item))
    fields = list(generator_tags._named_items(box(b"udta", meta)))
    assert [(field.where, field.value) for field in fields] == [("MP4/AIGC", AIGC)]


def test_marks_in_wave_chunks_are_found(measure: Measure, folder: Path) -> None:
    assert found(measure, wave(folder, info(b"ICMT", SUNO))) == [(mark, "LIST/INFO/ICMT") for mark in BOTH]
    assert found(measure, wave(folder, files.chunk(b"AIGC", AIGC.encode()))) == [("gb45438.aigc", "RIFF/AIGC")]
    stored = io.BytesIO()
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TXXX(desc="AIGC", text=AIGC))
    tags.save(stored)
    assert found(measure, wave(folder, files.chunk(b"id3 ", stored.getvalue()))) == [("gb45438.aigc", "TXXX:AIGC")]


@pytest.mark.parametrize(
    "frame",
    [
        mutagen.id3.USLT(lang="eng", desc="", text=f"{SUNO}\nmade with suno; I sing"),
        mutagen.id3.TPE1(text="Suno"),
        mutagen.id3.TIT2(text="Made with Suno; a love song"),
        mutagen.id3.TCON(text="boomy"),
        mutagen.id3.TSSE(text="Lavf62.12.102"),
        mutagen.id3.TXXX(desc="description", text="the band Suno, made with love"),
        mutagen.id3.TXXX(desc="AIGC", text="no label at all"),
        mutagen.id3.COMM(lang="eng", desc="", text="this was not made with suno; honestly"),
        mutagen.id3.COMM(lang="eng", desc="", text="x" * 2000 + SUNO),
        mutagen.id3.COMM(lang="eng", desc="", text=f"id={UUID}; mastered by hand"),
        mutagen.id3.WOAS(url="https://suno.com/about"),
        mutagen.id3.TXXX(desc="prompt", text='{"class_type": "KSampler"}'),
    ],
)
def test_words_that_only_look_like_marks_are_none(measure: Measure, folder: Path, frame: mutagen.id3.Frame) -> None:
    assert found(measure, mp3(folder, frame)) == []


@pytest.mark.parametrize(
    "fields", [{"LYRICS": SUNO}, {"ARTIST": "Suno"}, {"GENRE": "boomy"}, {"ENCODER": "Lavf62.12"}, {"TITLE": SUNO}]
)
def test_words_in_vorbis_fields_are_no_marks(measure: Measure, folder: Path, fields: dict[str, str]) -> None:
    assert found(measure, flac(folder, **fields)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [(b"INAM", SUNO), (b"IART", "Suno"), (b"IGNR", "boomy"), (b"ISFT", "Lavf62.12"), (b"ICMT", "by the band Suno")],
)
def test_words_in_wave_chunks_are_no_marks(measure: Measure, folder: Path, name: bytes, text: str) -> None:
    assert found(measure, wave(folder, info(name, text))) == []


@pytest.mark.parametrize(
    ("value", "model"),
    [
        ("chirp-crow (v5)", "Suno v5"),
        ("chirp-auk-turbo-t2", "Suno v4.5"),
        ("CHIRP-V3-5", "Suno v3.5"),
        ("chirp-v4", "Suno v4"),
        ("chirp-v40", None),
        ("my-chirp-crow", None),
        ("chirp-crowd", None),
        ("chirp-newbird", None),
    ],
)
def test_a_model_is_told_by_the_name_it_is_sold_under(
    measure: Measure, folder: Path, value: str, model: str | None
) -> None:
    assert [claim.model for claim in measure(flac(folder, SUNO_MODEL=value)).tags] == [model]


def test_words_in_mp4_lyrics_are_no_marks(measure: Measure, folder: Path) -> None:
    assert found(measure, m4a(folder, **{"©lyr": SUNO, "©ART": "Suno"})) == []


def test_a_long_value_is_cut_to_a_kilobyte(measure: Measure, folder: Path) -> None:
    facts = measure(mp3(folder, mutagen.id3.TXXX(encoding=3, desc="prompt", text=GRAPH + "é" * 9000)))
    assert len(facts.tags[0].value.encode()) <= 1024


def test_a_credential_is_seen_in_every_container_that_has_a_place_for_it(measure: Measure, folder: Path) -> None:
    store = mutagen.id3.GEOB(encoding=0, mime="application/x-c2pa-manifest-store", desc="c2pa", data=b"jumb")
    assert measure(mp3(folder, store)).credential.state == "unread"
    assert measure(wave(folder, files.chunk(b"C2PA", b"jumb"))).credential.state == "unread"
    prefix = io.BytesIO()
    tags = mutagen.id3.ID3()
    tags.add(store)
    tags.save(prefix)
    signed = files.write(folder / "b.flac", prefix.getvalue() + flac(folder).read_bytes())
    assert (measure(signed).ok, measure(signed).credential.state) == (True, "unread")
    box = b"uuid" + bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"jumb"
    song = m4a(folder)
    files.write(song, song.read_bytes() + struct.pack(">I", 4 + len(box)) + box)
    assert measure(song).credential.state == "unread"


def test_a_file_without_one_has_no_credential(measure: Measure, folder: Path) -> None:
    other = mutagen.id3.GEOB(encoding=0, mime="application/json", desc="", data=b"{}")
    for path in (mp3(folder, other), wave(folder), flac(folder), m4a(folder)):
        assert measure(path).credential.state == "none"


def test_every_row_of_the_data_file_is_dated_and_has_a_source() -> None:
    import tomllib
    from importlib import resources

    text = resources.files("checks.analysis").joinpath("data/generator_tags.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    rows, models = table["mark"], table["model"]
    assert len({row["id"] for row in rows}) == len(rows) == len(generator_tags.load_tag_patterns())
    assert len({row["code"] for row in models}) == len(models)
    for row in (*rows, *models):
        assert row["date"] >= "2026"
        assert len(row["source"]) > 10


def test_provenance_survives_its_journey() -> None:
    import dataclasses

    sent = Provenance(tags=(TagClaim("a", "b", "c"),), notes=("tags_unreadable",))
    assert provenance_from_json(json.loads(json.dumps(dataclasses.asdict(sent)))) == sent


@pytest.mark.parametrize("document", [{}, {"tags": 3, "credential": {}, "notes": []}, {"tags": [{"x": 1}]}])
def test_provenance_of_another_shape_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no provenance"):
        provenance_from_json(document)
