"""Whether a file ends where its sound ends, or hides something behind it: another recording, or anything else."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import BinaryIO

from checks.analysis.container import (
    Chunk,
    Container,
    id3_length,
    iterate_mp4_boxes,
    iterate_riff_chunks,
    read_chunk_content,
)
from checks.analysis.facts_json import Note


@dataclass(frozen=True, slots=True)
class Ending:
    """How a file ends: whether its last unit is whole, and what is odd about it."""

    whole: bool = True
    notes: frozenset[Note] = frozenset()


_BLOCK = 1 << 20

#: Boxes that may be the last of an MP4 file. One of these that reaches beyond its end was cut off; another is none.
_LAST_BOXES = (b"mdat", b"moov", b"moof", b"mfra", b"meta", b"free", b"skip", b"wide", b"uuid")

#: Taggers put one tag behind another: an APEv2 tag, lyrics, and ID3v1 at the very end are common together.
_MAX_TAGS = 8
_ID3V1, _ID3V1_EXTENDED = 128, 227
_LYRICS_V1 = 5100  # bytes that a Lyrics3 tag of version 1 may have
_APE = 32  # bytes of an APE tag's header or footer

#: Eight channels of 65,535 samples of 32 bits, verbatim (RFC 9639, section 9), and their headers.
_MAX_FLAC_FRAME = 8 * 65535 * 4 + 4096
_FLAC_POLYNOMIAL = 0x8005  # section 9.3
_MAX_ID3_SOUGHT = 16  # its mark may occur in the sound, once in 16 MB

#: Ten hours at 500 kbit/s in the pages of 4 kB that encoders write are half as many.
_MAX_OGG_PAGES = 1_000_000
#: So often the next page is sought behind garbage; then the rest is garbage.
_MAX_OGG_GAPS = 1_000
_OGG_HEADER = 27
_BEGINS, _ENDS = 0x02, 0x04  # flags of a page (RFC 3533, section 6)


def inspect_file_ending(file: BinaryIO, kind: Container, last_frame: int | None = None) -> Ending:
    """How this file ends. ``last_frame`` is where the last frame that decoded begins, which only FLAC asks for."""
    tags = _start_of_tags(file)
    match kind.name:
        case "ogg":
            return _inspect_ogg_ending(file, tags)
        case "wav" if Note.SIZE_UNKNOWN not in kind.notes:
            trailing = _something_follows(file, _end_of_form(file, big_endian=False), tags)
        case "aiff":
            trailing = _something_follows(file, _end_of_form(file, big_endian=True), tags)
        case "mp4":
            trailing = _something_follows(file, _end_of_boxes(file, tags), tags)
        case "flac":
            trailing = last_frame is not None and not _is_one_flac_frame(file, last_frame, tags)
        case _:  # MPEG has no end, but its decoder stumbles over what is no frame
            trailing = False
    return Ending(notes=frozenset({Note.TRAILING_DATA} if trailing else ()))


def _something_follows(file: BinaryIO, sound: int, tags: int) -> bool:
    """Whether more than padding lies between the sound and the tags. Tags that claim to reach into it excuse none."""
    return _holds_something(file, sound, tags if tags >= sound else file.seek(0, 2))


def _holds_something(file: BinaryIO, start: int, end: int) -> bool:
    """Whether there is more than padding between two places."""
    file.seek(start)
    pieces = (file.read(min(_BLOCK, end - position)) for position in range(start, end, _BLOCK))
    return any(piece.strip(b"\0") for piece in pieces)


def _start_of_tags(file: BinaryIO) -> int:
    """Where the tags begin that stand at the end of a file; its end if there are none."""
    end = file.seek(0, 2)
    for _ in range(_MAX_TAGS):
        length = (
            _id3v1_length(file, end)
            or _ape_length(file, end)
            or _lyrics_length(file, end)
            or _id3v2_with_footer(file, end)
        )
        if not 0 < length <= end:
            break
        end -= length
    return end


def _read_before(file: BinaryIO, end: int, length: int) -> bytes:
    start = max(0, end - length)
    file.seek(start)
    return file.read(end - start)


def _id3v1_length(file: BinaryIO, end: int) -> int:
    found = _read_before(file, end, _ID3V1_EXTENDED + _ID3V1)
    if found[-_ID3V1:][:3] != b"TAG" or len(found) < _ID3V1:
        return 0
    return len(found) if found[:4] == b"TAG+" else _ID3V1


def _ape_length(file: BinaryIO, end: int) -> int:
    footer = _read_before(file, end, _APE)
    if footer[:8] != b"APETAGEX" or len(footer) < _APE:
        return 0
    size, _, flags = struct.unpack("<III", footer[12:24])
    return int(size) + (_APE if flags & 0x80000000 else 0)


def _lyrics_length(file: BinaryIO, end: int) -> int:
    mark = _read_before(file, end, 15)
    if mark[-9:] == b"LYRICS200" and mark[:6].isdigit():
        return int(mark[:6]) + 15
    if mark[-9:] == b"LYRICSEND":
        found = _read_before(file, end, _LYRICS_V1 + 20)
        begin = found.find(b"LYRICSBEGIN")
        return len(found) - begin if begin >= 0 else 0
    return 0


def _id3v2_with_footer(file: BinaryIO, end: int) -> int:
    footer = _read_before(file, end, 10)
    if footer[:3] != b"3DI" or len(footer) < 10:
        return 0
    size = footer[6] << 21 | footer[7] << 14 | footer[8] << 7 | footer[9]
    return size + 20 if id3_length(file, max(0, end - size - 20)) == size + 20 else 0


def _end_of_form(file: BinaryIO, *, big_endian: bool) -> int:
    """Where a RIFF or IFF file ends by its header, or by its samples, if the header was never put right."""
    listed = list(iterate_riff_chunks(file, big_endian=big_endian))
    file.seek(4)
    size = int.from_bytes(file.read(4), "big" if big_endian else "little")
    for chunk in listed:
        if chunk.id == b"ds64" and size == 0xFFFFFFFF:
            size = int.from_bytes(read_chunk_content(file, chunk, 8), "little")
    samples = [chunk for chunk in listed if chunk.id in (b"data", b"SSND")]
    return max(8 + size, _end_of(samples[0]) if samples else 0)


def _end_of(chunk: Chunk) -> int:
    return chunk.start + chunk.size


def _end_of_boxes(file: BinaryIO, tags: int) -> int:
    """Where the first MP4 file ends: before a second one, before zeros, or before what is no box."""
    end = 0
    for box in iterate_mp4_boxes(file):
        if box.id == b"ftyp" and end:
            break
        if box.id not in _LAST_BOXES and (_end_of(box) > tags or not any(box.id)):
            break
        end = _end_of(box)
    return end


def _is_one_flac_frame(file: BinaryIO, start: int, end: int) -> bool:
    """Whether a frame lies here, and nothing else but padding and an ID3v2 tag.

    Nothing in a file says where its last frame ends. But a frame ends with its checksum, which makes the checksum of
    the whole zero, and zeros behind it leave it so.
    """
    file.seek(start)
    frame = file.read(max(0, min(end - start, _MAX_FLAC_FRAME)))
    if not frame:  # a tag claims to reach back over the sound
        return False
    end = _start_of_id3(file, frame, start, end)
    if _holds_something(file, start + _MAX_FLAC_FRAME, end):
        return False
    return _flac_crc(frame[: end - start]) == 0


def _start_of_id3(file: BinaryIO, frame: bytes, start: int, end: int) -> int:
    """Where behind a frame an ID3v2 tag begins that reaches to the end; the end if there is none."""
    at = -1
    for _ in range(_MAX_ID3_SOUGHT):
        at = frame.find(b"ID3", at + 1)
        if at < 0:
            break
        length = id3_length(file, start + at)
        if 0 < length <= end - start - at and not _holds_something(file, start + at + length, end):
            return start + at
    return end


def _flac_crc(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc = (crc << 8 & 0xFF00) ^ _FLAC_TABLE[crc >> 8 ^ byte]
    return crc


def _flac_table() -> tuple[int, ...]:
    def row(crc: int) -> int:
        for _ in range(8):
            crc = crc << 1 ^ (_FLAC_POLYNOMIAL if crc & 0x8000 else 0)
        return crc & 0xFFFF

    return tuple(row(byte << 8) for byte in range(256))


_FLAC_TABLE = _flac_table()


@dataclass(frozen=True, slots=True)
class _Page:
    """The head of one page of an Ogg file, and where the page ends."""

    flags: int
    end: int


def _inspect_ogg_ending(file: BinaryIO, tags: int) -> Ending:
    """Walk from page to page: streams that begin after others have sounded, the last page, and what is behind it."""
    notes: set[Note] = set()
    size = file.seek(0, 2)
    position = gaps = flags = 0
    sounding = False
    for _ in range(_MAX_OGG_PAGES):
        page = _parse_ogg_page(file, position)
        if page is None:  # garbage, or the end
            following = _next_page(file, position, tags) if gaps < _MAX_OGG_GAPS else None
            if following is None:
                break
            gaps, position = gaps + 1, following
            continue
        if page.end > size:
            return Ending(whole=False, notes=frozenset(notes))
        flags, position = page.flags, page.end
        if not flags & _BEGINS:
            sounding = True
        elif sounding:  # streams that sound together begin together
            notes.add(Note.CHAINED)
    if _something_follows(file, position, tags):
        notes.add(Note.TRAILING_DATA)
    if not flags & _ENDS:
        notes.add(Note.NO_END_OF_STREAM)
    return Ending(notes=frozenset(notes))


def _parse_ogg_page(file: BinaryIO, position: int) -> _Page | None:
    file.seek(position)
    head = file.read(_OGG_HEADER)
    if head[:5] != b"OggS\0":
        return None
    table = file.read(head[26]) if len(head) == _OGG_HEADER else b""
    cut = len(head) < _OGG_HEADER or len(table) < head[26]
    # A header that is cut off leads beyond any end.
    return _Page(flags=head[5] if len(head) > 5 else 0, end=sys.maxsize if cut else file.tell() + sum(table))


def _next_page(file: BinaryIO, position: int, end: int) -> int | None:
    """Where the next page may begin, somewhere behind this position."""
    position += 1
    while position < end:
        file.seek(position)
        found = file.read(_BLOCK).find(b"OggS\0")
        if found >= 0:
            return position + found if position + found < end else None
        position += _BLOCK - 4  # the mark may lie across
    return None
