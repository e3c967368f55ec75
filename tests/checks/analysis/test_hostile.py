"""Files that are broken, disguised or meant to do harm: each ends in a code or a note, and the next file is heard."""

import hashlib
import itertools
import struct
import sys
import zlib
from pathlib import Path

import av
import mutagen.flac
import numpy as np
import pytest

from checks.analysis import Analyser, Failure, Note, decode
from intake.demo import sounds

from . import files
from .conftest import Measure

RATE = files.RATE
TWO_SECONDS = files.pcm(files.music(2))


@pytest.fixture(autouse=True)
def next_file_is_heard(measure: Measure, tmp_path: Path):
    """After every test of this file."""
    yield
    facts = measure(files.write(tmp_path / "next.wav", files.wave(TWO_SECONDS)))
    assert (facts.ok, facts.error, facts.duration) == (True, None, 2.0)


def test_ordinary_files_of_every_kind_are_measured_without_a_remark(measure: Measure, tmp_path: Path) -> None:
    for kind in ("wav", "flac", "mp3", "ogg", "opus", "m4a"):
        facts = measure(sounds.encode_demo_audio(files.music(3), 44100, tmp_path / f"song.{kind}"))
        assert (facts.ok, facts.error, facts.notes) == (True, None, ()), kind
        assert facts.duration == pytest.approx(3, abs=0.05)
        assert facts.lossless is (kind in ("wav", "flac"))
        assert facts.bit_depth == (16 if facts.lossless else None)
        assert facts.fingerprint_items > 2


def test_an_empty_file_is_empty(measure: Measure, tmp_path: Path) -> None:
    assert measure(files.write(tmp_path / "a.wav", b"")).error == Failure.EMPTY


def test_a_wave_file_without_samples_is_empty(measure: Measure, tmp_path: Path) -> None:
    assert measure(files.write(tmp_path / "a.wav", files.wave(TWO_SECONDS[:0]))).error == Failure.EMPTY


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.wav", b"la la la " * 1000),
        ("program.wav", Path(sys.executable).resolve().read_bytes()[:200_000]),
        ("archive.flac", b"PK\x03\x04" + bytes(5000)),
        ("page.mp3", b"<html><body>" + b"<p>not a song</p>" * 999),
        ("zeros.mp3", bytes(100_000)),
        ("list.mp3", b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
        ("concat.mp3", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("session.m4a", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 96\n"),
        ("notes.wav", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"),
        ("picture.ogg", b"\x89PNG\r\n\x1a\n" + bytes(4000)),
        ("half.wav", b"RIFF"),
        ("head.mp3", b"ID3"),
    ],
)
def test_what_is_no_audio_is_told_as_such(measure: Measure, tmp_path: Path, name: str, content: bytes) -> None:
    facts = measure(files.write(tmp_path / name, content))
    assert (facts.ok, facts.error, facts.duration) == (False, Failure.NOT_AUDIO, 0.0)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_a_truncated_file_is_told_as_such(measure: Measure, tmp_path: Path, kind: str) -> None:
    whole = sounds.encode_demo_audio(files.music(12), 44100, tmp_path / f"whole.{kind}").read_bytes()
    facts = measure(files.write(tmp_path / f"half.{kind}", whole[: len(whole) // 2]))
    # The index of an MP4 stands at its end: without it nothing of the file can be read.
    assert facts.error == (Failure.UNDECODABLE if kind == "m4a" else Failure.TRUNCATED)
    assert not facts.ok
    if kind != "m4a":
        assert 3.5 < facts.duration < 9
        assert facts.fingerprint_items > 2


def test_a_wave_file_of_open_length_is_measured_with_a_note(measure: Measure, tmp_path: Path) -> None:
    facts = measure(files.write(tmp_path / "a.wav", files.wave(TWO_SECONDS, data_size=0xFFFFFFFF)))
    assert (facts.ok, facts.duration, facts.declared_duration) == (True, 2.0, None)
    assert Note.SIZE_UNKNOWN in facts.notes


def test_a_wave_file_that_claims_gigabytes_is_truncated(measure: Measure, tmp_path: Path) -> None:
    facts = measure(files.write(tmp_path / "a.wav", files.wave(TWO_SECONDS, data_size=3_000_000_000)))
    assert facts.error == Failure.TRUNCATED


def test_samples_that_are_no_numbers_are_counted_and_silenced(measure: Measure, tmp_path: Path) -> None:
    sound = files.music(2)
    sound[1000:1010, 0] = np.nan
    sound[2000, 1] = np.inf
    sound[3000, 1] = -np.inf
    sound[4000, 0] = 3e38
    facts = measure(files.write(tmp_path / "a.wav", files.wave(sound)))
    assert (facts.ok, facts.non_finite) == (True, 12)
    assert facts.true_peak_dbtp is not None
    assert facts.loudness_lufs is not None


def test_nothing_but_nan_is_silence(measure: Measure, tmp_path: Path) -> None:
    facts = measure(files.write(tmp_path / "a.wav", files.wave(np.full((RATE, 2), np.nan, np.float32))))
    assert (facts.ok, facts.non_finite, facts.loudness_lufs) == (True, 2 * RATE, None)
    assert facts.silence_head == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("channels", "rate"), [(0, 44100), (65535, 44100), (2, 0), (2, 4_000_000_000), (2, 100), (200, 44100)]
)
def test_an_absurd_shape_is_refused(measure: Measure, tmp_path: Path, channels: int, rate: int) -> None:
    facts = measure(files.write(tmp_path / "a.wav", files.wave(TWO_SECONDS, rate, channels=channels)))
    assert not facts.ok
    assert facts.error in (Failure.UNSUPPORTED, Failure.UNDECODABLE, Failure.EMPTY)


def test_eight_channels_at_a_high_rate_are_measured(measure: Measure, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, (192_000, 8)).astype(np.float32)
    facts = measure(files.write(tmp_path / "a.wav", files.wave(noise, 192_000)))
    assert (facts.ok, facts.channels, facts.sample_rate, facts.duration) == (True, 8, 192_000, 1.0)
    assert len(facts.channel_rms) == 8


def test_a_file_of_less_than_a_second_is_measured(measure: Measure, tmp_path: Path) -> None:
    facts = measure(files.write(tmp_path / "a.wav", files.wave(files.pcm(files.music(0.9)))))
    assert (facts.ok, facts.duration, facts.fingerprint) == (True, pytest.approx(0.9), b"")
    assert facts.loudness_lufs is not None


def test_channels_that_cancel_are_seen_and_one_of_them_is_fingerprinted(measure: Measure, tmp_path: Path) -> None:
    left = files.music(8)[:, :1]
    mono = measure(files.write(tmp_path / "mono.wav", files.wave(files.pcm(left))))
    facts = measure(files.write(tmp_path / "a.wav", files.wave(files.pcm(np.hstack((left, -left))))))
    assert facts.ok
    assert Note.CHANNELS_CANCEL in facts.notes
    assert facts.downmix_rms < 0.001 < min(facts.channel_rms)
    assert facts.fingerprint == mono.fingerprint
    assert facts.fingerprint_distinct > 10


def test_a_name_that_contradicts_the_bytes_is_noted(measure: Measure, tmp_path: Path) -> None:
    song = sounds.encode_demo_audio(files.music(2), 44100, tmp_path / "a.mp3").rename(tmp_path / "a.flac")
    facts = measure(song)
    assert (facts.ok, facts.container, facts.codec, facts.notes) == (True, "mp3", "mp3", (Note.NAME_CONTRADICTS,))


def test_two_songs_in_one_file_are_longer_than_declared(measure: Measure, tmp_path: Path) -> None:
    songs = [
        sounds.encode_demo_audio(files.music(3, seed), 44100, tmp_path / f"{seed}.mp3").read_bytes() for seed in (1, 2)
    ]
    facts = measure(files.write(tmp_path / "both.mp3", b"".join(songs)))
    assert facts.duration == pytest.approx(6, abs=0.2)
    assert facts.declared_duration == pytest.approx(3, abs=0.1)
    assert Note.LONGER_THAN_DECLARED in facts.notes


def test_a_change_of_format_midway_is_noted_and_survived(measure: Measure, tmp_path: Path) -> None:
    first = sounds.encode_demo_audio(files.music(3), 44100, tmp_path / "1.mp3").read_bytes()
    other = sounds.encode_demo_audio(files.music(3, 2)[::2, :1], 22050, tmp_path / "2.mp3").read_bytes()
    facts = measure(files.write(tmp_path / "both.mp3", first + other))
    assert (facts.sample_rate, facts.channels) == (44100, 2)
    assert Note.FORMAT_CHANGE in facts.notes


def test_two_data_chunks_are_noted(measure: Measure, tmp_path: Path) -> None:
    hidden = files.chunk(b"data", files.pcm(files.music(1, 9)).tobytes())
    facts = measure(files.write(tmp_path / "a.wav", files.wave(TWO_SECONDS, extra=[hidden])))
    assert Note.SEVERAL_DATA_CHUNKS in facts.notes


def test_bytes_behind_the_end_are_noted(measure: Measure, tmp_path: Path) -> None:
    facts = measure(files.write(tmp_path / "a.wav", files.wave(TWO_SECONDS, tail=b"PK\x03\x04secret" * 100)))
    assert (facts.ok, facts.notes) == (True, (Note.TRAILING_DATA,))


def test_bytes_before_the_first_frame_are_noted(measure: Measure, tmp_path: Path) -> None:
    song = sounds.encode_demo_audio(files.music(2), 44100, tmp_path / "a.mp3").read_bytes()
    facts = measure(files.write(tmp_path / "b.mp3", b"<script>alert(1)</script>" + song[song.index(b"\xff\xfb") :]))
    assert (facts.ok, facts.notes) == (True, (Note.LEADING_DATA,))


def test_garbage_between_frames_is_noted(measure: Measure, tmp_path: Path) -> None:
    song = bytearray(sounds.encode_demo_audio(files.music(6), 44100, tmp_path / "a.flac").read_bytes())
    middle = len(song) // 2
    song[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    facts = measure(files.write(tmp_path / "b.flac", bytes(song)))
    assert {Note.CORRUPT_FRAMES, Note.CHECKSUM_MISMATCH} & set(facts.notes) or facts.error == Failure.TRUNCATED
    assert not facts.ok or facts.notes


def test_a_flac_file_with_another_signature_is_noted(measure: Measure, tmp_path: Path) -> None:
    path = sounds.encode_demo_audio(files.music(3), 44100, tmp_path / "a.flac")
    signature = mutagen.flac.FLAC(path).info.md5_signature.to_bytes(16, "big")
    forged = hashlib.md5(signature).digest()
    facts = measure(files.write(path, path.read_bytes().replace(signature, forged, 1)))
    assert (facts.ok, facts.notes) == (True, (Note.CHECKSUM_MISMATCH,))


def test_a_flac_file_that_claims_many_samples_is_truncated(measure: Measure, tmp_path: Path) -> None:
    song = bytearray(sounds.encode_demo_audio(files.music(2), 44100, tmp_path / "a.flac").read_bytes())
    song[21] |= 0x0F  # the top four of 36 bits of the number of samples
    facts = measure(files.write(tmp_path / "b.flac", bytes(song)))
    assert facts.error == Failure.TRUNCATED


def test_ten_minutes_of_silence_in_a_small_file_is_measured(measure: Measure, tmp_path: Path) -> None:
    path = sounds.encode_demo_audio(np.zeros(8000 * 600, np.float32), 8000, tmp_path / "a.flac")
    assert path.stat().st_size < 130_000
    facts = measure(path)
    assert (facts.ok, facts.duration, facts.silence_head, facts.loudness_lufs) == (True, 600, 600, None)
    assert facts.fingerprint_distinct == 1


def test_more_hours_than_a_recording_has_are_not_heard_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(decode, "MAX_SECONDS", 5)
    with sounds.encode_demo_audio(files.music(20), 44100, tmp_path / "a.flac").open("rb") as file:
        facts = decode.measure_audio_file(file, "")
    assert (facts.ok, facts.error) == (False, Failure.TOO_LONG)
    assert 5 < facts.duration < 7


def test_a_tag_that_claims_more_than_the_file_is_no_audio(measure: Measure, tmp_path: Path) -> None:
    huge = b"ID3\x04\0\0" + bytes([0x7F, 0x7F, 0x7F, 0x7F])
    song = sounds.encode_demo_audio(files.music(2), 44100, tmp_path / "a.mp3").read_bytes()
    assert measure(files.write(tmp_path / "b.mp3", huge + song)).error == Failure.NOT_AUDIO


def test_a_compressed_bomb_in_a_tag_costs_the_tags_and_not_the_sound(measure: Measure, tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(1 << 28), 1)
    content = struct.pack(">I", 0) + bomb
    size = len(content)
    packed = bytes([size >> 21 & 0x7F, size >> 14 & 0x7F, size >> 7 & 0x7F, size & 0x7F])
    frame = b"TXXX" + packed + b"\x00\x09" + content
    length = len(frame)
    head = b"ID3\x04\0\0" + bytes([length >> 21 & 0x7F, length >> 14 & 0x7F, length >> 7 & 0x7F, length & 0x7F])
    song = sounds.encode_demo_audio(files.music(2), 44100, tmp_path / "a.mp3").read_bytes()
    facts = measure(files.write(tmp_path / "b.mp3", head + frame + song[song.index(b"\xff\xfb") :]))
    assert (facts.ok, facts.duration) == (True, pytest.approx(2, abs=0.1))
    assert Note.TAGS_UNREADABLE in facts.notes


def test_a_picture_bomb_in_a_tag_stays_bytes(measure: Measure, tmp_path: Path) -> None:
    path = sounds.encode_demo_audio(files.music(2), 44100, tmp_path / "a.flac")
    song = mutagen.flac.FLAC(path)
    picture = mutagen.flac.Picture()
    picture.mime, picture.type, picture.width, picture.height = "image/png", 3, 100_000, 100_000
    picture.data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 100_000, 100_000, 1, 0, 0, 0, 0)
    song.add_picture(picture)
    song.save()
    facts = measure(path)
    assert (facts.ok, facts.notes, facts.audio_streams) == (True, (), 1)


def test_moving_pictures_beside_the_sound_are_noted(measure: Measure, tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as sink:
        sound, picture = sink.add_stream("aac", rate=44100), sink.add_stream("mpeg4", rate=5)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(files.music(2).T), format="fltp", layout="stereo")
        heard.sample_rate = 44100
        for packet in (*sound.encode(heard), *sound.encode(None)):
            sink.mux(packet)
        for _ in range(10):
            sink.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
        sink.mux(picture.encode(None))
    facts = measure(path)
    assert (facts.ok, facts.notes) == (True, (Note.VIDEO,))


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a"])
@pytest.mark.parametrize("title", [b"\xff\xfe\xe9\xc3(\x80\x81\x82", b"caf\xe9 cr\xe8", b"\xed\xa0\x80\xed\xb0\x80!!"])
def test_a_tag_that_is_not_utf8_is_no_obstacle(measure: Measure, tmp_path: Path, suffix: str, title: bytes) -> None:
    """Latin-1, half a character, and surrogates: the sound is measured, and the tags change nothing about it."""
    plain = sounds.encode_demo_audio(
        files.music(2), 44100, tmp_path / f"a.{suffix}", tags={"title": "PLACED!!"}
    ).read_bytes()
    assert b"PLACED!!" in plain
    spoilt = measure(files.write(tmp_path / f"b.{suffix}", plain.replace(b"PLACED!!", title)))
    assert (spoilt.ok, spoilt.error) == (True, None)
    assert spoilt.fingerprint == measure(tmp_path / f"a.{suffix}").fingerprint


def test_two_id3_tags_in_a_row_are_no_obstacle(measure: Measure, tmp_path: Path) -> None:
    song = sounds.encode_demo_audio(files.music(2), 44100, tmp_path / "a.mp3", tags={"title": "x"}).read_bytes()
    tag = song[: song.index(b"\xff\xfb")]
    facts = measure(files.write(tmp_path / "b.mp3", tag + song))
    assert (facts.ok, facts.notes) == (True, ())


def test_a_very_long_file_name_is_no_obstacle(analyser: Analyser, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.wav", files.wave(TWO_SECONDS))
    facts = analyser.analyse(path, "", name="\udcff\0é" * 100_000 + ".mp3")
    assert (facts.ok, facts.notes) == (True, (Note.NAME_CONTRADICTS,))


def test_random_damage_never_raises(measure: Measure, tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    kinds = ("wav", "flac", "mp3", "ogg", "opus", "m4a")
    whole = {
        kind: sounds.encode_demo_audio(files.music(1), 44100, tmp_path / f"a.{kind}").read_bytes() for kind in kinds
    }
    for kind, damage in itertools.product(kinds, range(4)):
        song = bytearray(whole[kind])
        places = dice.integers(0, len(song) if damage % 2 else min(len(song), 400), 12)
        song[places[0]] = 255
        for place in places:
            song[place] = dice.integers(256)
        facts = measure(files.write(tmp_path / f"b{damage}.{kind}", bytes(song)))
        assert facts.ok or facts.error in set(Failure) - {Failure.ANALYSIS_FAILED}, (kind, damage)
