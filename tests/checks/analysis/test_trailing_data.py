"""A file ends where its sound ends; tags and padding may follow, and neither a second recording nor anything else."""

import struct
from collections.abc import Callable
from pathlib import Path

import mutagen.id3
import mutagen.wave
import numpy as np
import pytest

from checks.analysis import Note
from intake.demo import sounds

from . import files
from .conftest import Measure

SECRET = b"PK\x03\x04secret" * 400
NOISE = np.random.default_rng(1).bytes(100_000)
ID3V1 = b"TAG" + b"Song".ljust(124, b"\0") + b"\x11"
BLUES = b"TAG" + b"Song".ljust(124, b"\0") + b"\x00"  # the first genre is a zero, like padding
EXTENDED = b"TAG+".ljust(227, b"x") + ID3V1
LYRICS_V1 = b"LYRICSBEGINla la laLYRICSEND" + ID3V1
LYRICS = b"LYRICSBEGININD0000210LYR00003abc000032LYRICS200"

ENDLESS = ("wav", "aiff", "flac", "ogg", "opus", "m4a")  # whose decoders stop and do not look what follows

Make = Callable[..., bytes]


def ape(header: bool = True, claimed: int | None = None) -> bytes:
    item = struct.pack("<II", 3, 0) + b"Title\0abc"
    size = len(item) + 32 if claimed is None else claimed

    def edge(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, flags) + bytes(8)

    return (edge(0xA0000000) if header else b"") + item + edge(0x80000000 if header else 0)


def id3v2(footer: bool = False) -> bytes:
    frame = b"TXXX" + struct.pack(">I", 100) + b"\0\0\x03" + b"a" * 99
    head = b"\x04\0" + bytes([0x10 if footer else 0]) + struct.pack(">I", len(frame))
    return b"ID3" + head + frame + (b"3DI" + head if footer else b"")


def aiff(samples: np.ndarray) -> bytes:
    eighty_bit_rate = bytes.fromhex("400eac44000000000000")
    common = struct.pack(">hIh", samples.shape[1], len(samples), 16) + eighty_bit_rate
    sound = files.chunk(b"SSND", bytes(8) + samples.astype(">i2").tobytes(), big_endian=True)
    body = b"AIFF" + files.chunk(b"COMM", common, big_endian=True) + sound
    return b"FORM" + struct.pack(">I", len(body)) + body


INNOCENT = {
    "a byte": bytes(1),
    "padding": bytes(10_000),
    "ID3v1": ID3V1,
    "ID3v1, genre 0": BLUES,
    "ID3v1, extended": EXTENDED,
    "Lyrics3": LYRICS_V1,
    "Lyrics3v2": LYRICS + ID3V1,
    "APEv2": ape(),
    "APEv2 without header": ape(header=False),
    "APEv2 and ID3v1": ape() + ID3V1,
    "ID3v2 with footer": id3v2(footer=True),
    "padding and three tags": bytes(4096) + ape() + LYRICS + ID3V1,
}


@pytest.fixture
def song(tmp_path: Path) -> Make:
    def make(kind: str, seed: int = 1) -> bytes:
        music = files.music(2, seed)
        if kind == "aiff":
            return aiff(files.pcm(music))
        return sounds.encode_demo_audio(music, 44100, tmp_path / f"song.{kind}").read_bytes()

    return make


@pytest.fixture
def notes(measure: Measure, tmp_path: Path) -> Callable[[str, bytes], set[str]]:
    def measured(kind: str, content: bytes) -> set[str]:
        facts = measure(files.write(tmp_path / f"a.{kind}", content))
        assert facts.ok, facts.error
        return set(facts.notes)

    return measured


Notes = Callable[[str, bytes], set[str]]


@pytest.mark.parametrize("kind", ENDLESS)
def test_whatever_follows_the_sound_is_noted(song: Make, notes: Notes, kind: str) -> None:
    for tail in (SECRET, NOISE, bytes(70_000) + SECRET, SECRET + ID3V1, SECRET + ape() + ID3V1):
        assert Note.TRAILING_DATA in notes(kind, song(kind) + tail), tail[:20]


@pytest.mark.parametrize("kind", ["wav", "aiff", "m4a"])
def test_a_second_file_behind_the_first_is_noted(song: Make, notes: Notes, kind: str) -> None:
    assert notes(kind, song(kind) + song(kind, 2)) == {Note.TRAILING_DATA}


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_a_file_of_another_kind_behind_the_sound_is_noted(song: Make, notes: Notes, kind: str) -> None:
    assert Note.TRAILING_DATA in notes(kind, song(kind) + song("mp3", 2))


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("tail", INNOCENT.values(), ids=INNOCENT)
def test_tags_and_padding_may_follow(song: Make, notes: Notes, kind: str, tail: bytes) -> None:
    assert Note.TRAILING_DATA not in notes(kind, song(kind) + tail)


@pytest.mark.parametrize("tail", [id3v2(), id3v2() + bytes(500), bytes(500) + id3v2() + ID3V1])
def test_a_flac_file_may_have_id3_at_either_end(song: Make, notes: Notes, tail: bytes) -> None:
    assert notes("flac", id3v2() + song("flac") + tail) == set()


def test_a_wave_file_may_have_tags_of_its_own(notes: Notes, tmp_path: Path) -> None:
    listed = files.chunk(b"LIST", b"INFO" + files.chunk(b"INAM", b"Song\0"))
    path = files.write(tmp_path / "a.wav", files.wave(files.pcm(files.music(2)), extra=[listed]))
    tagged = mutagen.wave.WAVE(path)
    tagged.add_tags()
    tagged.tags.add(mutagen.id3.TIT2(encoding=3, text="Song"))
    tagged.save()
    assert b"id3 " in path.read_bytes().lower()
    assert notes("wav", path.read_bytes()) == set()


def test_a_wave_file_whose_header_was_never_put_right_ends_with_its_samples(notes: Notes) -> None:
    sound = files.pcm(files.music(2))
    content = files.wave(sound)
    assert notes("wav", content[:4] + bytes(4) + content[8:]) == set()
    assert notes("wav", content[:4] + bytes(4) + content[8:] + SECRET) == {Note.TRAILING_DATA}
    assert notes("wav", files.wave(sound, data_size=0)) == {Note.SIZE_UNKNOWN}


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_a_tag_that_claims_to_reach_back_into_the_sound_excuses_nothing(song: Make, notes: Notes, kind: str) -> None:
    content = song(kind)
    assert Note.TRAILING_DATA in notes(kind, content + ape(header=False, claimed=len(content) - 100))


@pytest.mark.parametrize(("first", "second"), [("ogg", "ogg"), ("opus", "opus"), ("ogg", "opus"), ("flac", "flac")])
def test_recordings_that_follow_one_another_in_a_file_are_noted(
    song: Make, notes: Notes, first: str, second: str
) -> None:
    assert Note.CHAINED in notes(first, song(first) + song(second, 2))
    assert Note.CHAINED in notes(first, song(first) + ID3V1 + song(second, 2))


def test_a_flac_file_that_announces_no_length_hides_no_second_one(song: Make, notes: Notes) -> None:
    first = bytearray(song("flac"))
    first[21] &= 0xF0  # 36 bits of the number of samples, and the signature behind them
    first[22:42] = bytes(20)
    assert notes("flac", bytes(first)) == set()
    assert notes("flac", bytes(first) + song("flac", 2)) == {Note.CHAINED}


def test_streams_that_sound_together_are_no_chain(song: Make, notes: Notes) -> None:
    one, other = song("ogg"), song("opus", 2)
    begun = [content[: content.index(b"OggS", 4)] for content in (one, other)]
    both = b"".join(begun) + one[len(begun[0]) :] + other[len(begun[1]) :]
    assert Note.CHAINED not in notes("ogg", both)


def test_an_ogg_file_without_its_last_page_is_still_noted(song: Make, notes: Notes) -> None:
    content = song("opus")
    assert notes("opus", content[: content.rindex(b"OggS")]) == {Note.NO_END_OF_STREAM}
