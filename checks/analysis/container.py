"""What kind of file this really is, by its bytes and never by its name."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from checks.analysis.facts_json import Note


@dataclass(frozen=True, slots=True)
class Container:
    """What the first bytes say: the container, where its audio starts, and what the header announces."""

    name: str  # wav | aiff | flac | mp3 | mp4 | ogg
    start: int = 0  # of the audio container proper, in bytes
    declared_duration: float | None = None  # seconds, where the decoder cannot tell (MP3, WAVE)
    bit_depth: int | None = None  # where the decoder cannot tell (FLAC)
    md5: bytes | None = None  # of the samples, where the encoder signed them (FLAC)
    notes: frozenset[Note] = frozenset()


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a RIFF or IFF file: its name, where its content begins, and its announced length."""

    id: bytes
    start: int
    size: int


#: File name endings, and the container each promises.
_ENDINGS = {
    ".wav": "wav", ".wave": "wav", ".bwf": "wav", ".rf64": "wav", ".aif": "aiff", ".aiff": "aiff", ".aifc": "aiff",
    ".flac": "flac", ".mp3": "mp3", ".m4a": "mp4", ".mp4": "mp4", ".alac": "mp4", ".ogg": "ogg", ".oga": "ogg",
    ".opus": "ogg",
}  # fmt: skip

#: How far into a file the first MPEG frames may hide behind bytes that are no tag. FFmpeg looks as far.
_SEARCH_BYTES = 64 * 1024
_MAX_ID3_TAGS = 4  # careless taggers put one before another
_FRAMES_IN_A_ROW = 3  # so many consistent headers are no accident
_MAX_CHUNKS = 10_000

_BITRATES = {  # kbit/s of layer III, by MPEG version (ISO/IEC 11172-3 and 13818-3)
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {0b11: (44100, 48000, 32000), 0b10: (22050, 24000, 16000), 0b00: (11025, 12000, 8000)}


def identify_container(file: BinaryIO) -> Container | None:
    """The container of this file, or None if it is none that is taken: playlists, MIDI, pictures, programs, text."""
    start = 0
    for _ in range(_MAX_ID3_TAGS):
        start += id3_length(file, start)
    file.seek(start)
    head = file.read(_SEARCH_BYTES)
    if head[:4] == b"fLaC":
        return _identify_flac(head, start)
    if start == 0:
        if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
            return _identify_wave(file)
        if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            lots = sum(chunk.id == b"SSND" for chunk in iterate_riff_chunks(file, big_endian=True))
            return Container("aiff", notes=frozenset({Note.SEVERAL_DATA_CHUNKS} if lots > 1 else ()))
        if head[:4] == b"OggS":
            return Container("ogg")
        if head[4:8] == b"ftyp":
            return Container("mp4")
    return _identify_mpeg(head, start)


def container_from_name(name: str) -> str | None:
    """The container that a file name promises, if any."""
    return _ENDINGS.get(PurePath(name).suffix.lower())


def id3_length(file: BinaryIO, position: int) -> int:
    """The length of the ID3v2 tag at this position, as announced; 0 if there is none."""
    file.seek(position)
    head = file.read(10)
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 0x7F:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def iterate_riff_chunks(file: BinaryIO, big_endian: bool) -> Iterator[Chunk]:
    """The chunks of a RIFF (little endian) or IFF (big endian) file, up to a broken or too long list."""
    file.seek(0, 2)
    end, position = file.tell(), 12
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        name, size = struct.unpack(">4sI" if big_endian else "<4sI", head)
        yield Chunk(name, position + 8, size)
        position += 8 + size + (size & 1)
        if position >= end:
            return


def iterate_mp4_boxes(file: BinaryIO) -> Iterator[Chunk]:
    """The top-level boxes of an MP4 file."""
    file.seek(0, 2)
    end, position = file.tell(), 0
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack(">I4s", head[:8])
        header = 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack(">Q", head[8:])[0], 16
        elif size == 0:
            size = end - position
        if size < header:
            return
        yield Chunk(name, position + header, size - header)
        position += size
        if position >= end:
            return


#: What a writer to a pipe, who cannot go back, leaves as the length.
_OPEN_SIZES = (0, 0xFFFFFFFF)


def _identify_wave(file: BinaryIO) -> Container:
    """The announced length, from the format and data chunks (and the 64-bit sizes of an RF64 file)."""
    listed = list(iterate_riff_chunks(file, big_endian=False))
    data = [chunk for chunk in listed if chunk.id == b"data"]
    notes = {Note.SEVERAL_DATA_CHUNKS} if len(data) > 1 else set()
    size = data[0].size if data else 0
    for chunk in listed:
        if chunk.id == b"ds64" and size == 0xFFFFFFFF:
            size = struct.unpack("<Q", read_chunk_content(file, chunk, 16)[8:16].ljust(8, b"\0"))[0]
    if data and size in _OPEN_SIZES:
        notes.add(Note.SIZE_UNKNOWN)
        return Container("wav", notes=frozenset(notes))
    size += sum(chunk.size for chunk in data[1:])
    formats = [chunk for chunk in listed if chunk.id == b"fmt "]
    if not formats:
        return Container("wav", notes=frozenset(notes))
    _, _, rate, _, align = struct.unpack("<HHIIH", read_chunk_content(file, formats[0], 14).ljust(14, b"\0"))
    declared = size / (align * rate) if align and rate else None
    return Container("wav", declared_duration=declared, notes=frozenset(notes))


def read_chunk_content(file: BinaryIO, chunk: Chunk, most: int) -> bytes:
    """The first bytes of a chunk, all of it if it has no more than ``most``."""
    file.seek(chunk.start)
    return file.read(min(chunk.size, most))


def _identify_flac(head: bytes, start: int) -> Container:
    """The facts of STREAMINFO (RFC 9639, section 8.2) that the decoder does not hand on."""
    info = head[8:42]
    if len(info) < 34 or head[4] & 0x7F != 0:
        return Container("flac", start)
    depth = ((info[12] & 0x01) << 4 | info[13] >> 4) + 1
    return Container("flac", start, bit_depth=depth, md5=info[18:34] if any(info[18:34]) else None)


def _identify_mpeg(head: bytes, start: int) -> Container | None:
    position = head.find(b"\xff")
    while 0 <= position < len(head) - 4:
        if _frames_follow(head, position):
            return Container(
                "mp3",
                start + position,
                declared_duration=_announced_by_first_frame(head, position),
                notes=frozenset({Note.LEADING_DATA} if any(head[:position]) else ()),
            )
        position = head.find(b"\xff", position + 1)
    return None


@dataclass(frozen=True, slots=True)
class _Frame:
    length: int  # bytes
    rate: int
    samples: int
    side_info: int  # bytes between the header and the first frame's Xing mark
    kind: bytes


def _parse_mpeg_frame(header: bytes) -> _Frame | None:
    """Read the four bytes of an MPEG layer III frame header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 0b11, header[1] >> 1 & 0b11
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 0b11
    if version == 0b01 or layer != 0b01 or bitrate in (0, 15) or rate == 3:
        return None
    first = version == 0b11
    hertz = _RATES[version][rate]
    samples = 1152 if first else 576
    length = samples // 8 * _BITRATES[1 if first else 2][bitrate] * 1000 // hertz + (header[2] >> 1 & 1)
    mono = header[3] >> 6 == 0b11
    side_info = (17 if mono else 32) if first else (9 if mono else 17)
    return _Frame(length, hertz, samples, side_info, bytes((header[1] & 0xFE, rate)))


def _frames_follow(head: bytes, position: int) -> bool:
    """Whether consistent frames lie in a row from here, or fill the file to its end."""
    kind = None
    for _ in range(_FRAMES_IN_A_ROW):
        frame = _parse_mpeg_frame(head[position : position + 4])
        if frame is None or kind not in (None, frame.kind):
            return False
        kind, position = frame.kind, position + frame.length
        if position >= len(head):
            return True
    return True


def _announced_by_first_frame(head: bytes, position: int) -> float | None:
    """Seconds, if the first frame is an encoder's Xing or Info frame with a frame count."""
    frame = _parse_mpeg_frame(head[position : position + 4])
    if frame is None:
        return None
    mark = position + 4 + frame.side_info
    if head[mark : mark + 4] not in (b"Xing", b"Info") or len(head) < mark + 12:
        return None
    flags, count = struct.unpack(">II", head[mark + 4 : mark + 12])
    return count * frame.samples / frame.rate if flags & 1 else None
