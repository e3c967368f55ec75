"""Reads what the header and the structure of a cover say, within milliseconds and before it is stored.

Only ``struct`` and ``zlib.crc32`` touch the bytes: no decoder runs here, so no sandbox is needed. Pixels are decoded
later, in the sandbox (``artwork``). Sources: PNG 3rd edition (W3C), ITU-T T.81 (JPEG), CIPA DC-007 (MPF).
"""

from __future__ import annotations

import contextlib
import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from checks.analysis.artwork_client import JPEG, MAX_DECODED_PIXELS, PNG, VERSION
from checks.model.release import ImageFacts

Bytes: TypeAlias = mmap.mmap

#: How the files begin that are delivered under the name of a cover, and what people call them.
_SIGNATURES = (
    (b"%PDF", "PDF"), (b"%!PS", "EPS or PostScript"), (b"\xc5\xd0\xd3\xc6", "EPS"), (b"8BPS", "Photoshop"),
    (b"GIF8", "GIF"), (b"BM", "BMP"), (b"\0\0\1\0", "ICO"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"), (b"\xff\x4f\xff\x51", "JPEG 2000"), (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"), (b"PK\3\4", "ZIP"), (b"<svg", "SVG"), (b"<?xml", "SVG or XML"), (b"<!DO", "HTML"),
    (b"<htm", "HTML"), (b"ID3", "MP3"), (b"fLaC", "FLAC"),
)  # fmt: skip
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

#: PNG colour types, as Pillow names the modes.
_PNG_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
#: Start of frame: all of C0 to CF but the tables DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE, _APP2 = 0xDA, 0xD9, 0xE2
#: Markers without a length: TEM and the restarts.
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_MP_ENTRIES, _MP_ENTRY_BYTES = 0xB002, 16

#: A PNG with more chunks is built to exhaust its reader; image data of 100 MB in 8-kB chunks has 12,000.
_MOST_CHUNKS = 100_000


class _Damaged(Exception):
    """The file does not hold what its own structure announces."""


def read_image_header(path: Path, sha256: str) -> ImageFacts:
    """Return what a cover's header says: format, size in pixels, mode, and whether it holds several pictures.

    ``ok`` is False throughout: nothing was measured. ``error``: ``empty``, ``not_an_image`` (with the name of what it
    is instead as ``format``, where it is known), ``undecodable`` or ``too_large``.
    """
    facts = _read_header_facts(path, ImageFacts(sha256=sha256, version=VERSION, ok=False))
    too_large = facts.width * facts.height > MAX_DECODED_PIXELS
    return replace(facts, error="too_large") if facts.error is None and too_large else facts


def _read_header_facts(path: Path, facts: ImageFacts) -> ImageFacts:
    if path.stat().st_size == 0:
        return replace(facts, error="empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            if content[: len(PNG)] == PNG:
                return _read_png(content, replace(facts, format="png"))
            if content[: len(JPEG)] == JPEG:
                return _read_jpeg(content, replace(facts, format="jpeg"))
        except (_Damaged, struct.error, IndexError):
            return replace(facts, error="undecodable")
        return replace(facts, error="not_an_image", format=_other_format(content))


def _other_format(content: Bytes) -> str | None:
    """What a file is that is no cover, by how it begins."""
    head = content[:64].removeprefix(_BYTE_ORDER_MARK).lstrip()
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "MPEG-4")
    if head[:4] == b"RIFF":
        return "WebP" if head[8:12] == b"WEBP" else "RIFF"
    lower = head.lower()
    return next((name for begin, name in _SIGNATURES if head.startswith(begin) or lower.startswith(begin)), None)


# --- PNG ----------------------------------------------------------------------------------------------------------


def _read_png(content: Bytes, facts: ImageFacts) -> ImageFacts:
    frames, has_data = 1, False
    for kind, start, size in _png_chunks(content):
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack_from(">IIBB", content, start)
            facts = replace(facts, width=width, height=height, mode=_PNG_MODES.get(colour, ""))
        elif kind == b"acTL" and size >= 4:
            (frames,) = struct.unpack_from(">I", content, start)
        has_data |= kind == b"IDAT" and size > 0
    if not (has_data and facts.width and facts.height and facts.mode):
        raise _Damaged
    return replace(facts, notes=("animated",)) if frames > 1 else facts


def _png_chunks(content: Bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and size of each chunk up to the end; each as its checksum says. The header comes first."""
    at = len(PNG)
    with memoryview(content) as view:
        for number in range(_MOST_CHUNKS):
            (size,), kind = struct.unpack_from(">I", content, at), content[at + 4 : at + 8]
            end = at + 8 + size
            if end + 4 > len(content) or (number == 0) != (kind == b"IHDR"):
                raise _Damaged
            if zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
                raise _Damaged
            if kind == b"IEND":
                return
            yield kind, at + 8, size
            at = end + 4
    raise _Damaged


# --- JPEG ---------------------------------------------------------------------------------------------------------


def _read_jpeg(content: Bytes, facts: ImageFacts) -> ImageFacts:
    pictures: list[int] = []
    for marker, start, size in _jpeg_segments(content, 0):
        if marker in _FRAMES and not facts.width:
            facts = _with_frame(content, facts, start)
        elif marker == _APP2 and content[start : start + 4] == b"MPF\0":
            pictures = _further_pictures(content, start + 4, size - 4)
        elif marker == _START_OF_SCAN:
            if not facts.width or content.rfind(bytes((0xFF, _END_OF_IMAGE)), start + size) < 0:
                raise _Damaged
            break
    else:
        raise _Damaged
    # A second picture of the same size is a page; smaller ones are previews, depth or brightness maps of cameras.
    same = any(_frame_size(content, at) == (facts.width, facts.height) for at in pictures)
    return replace(facts, notes=("several_pictures",)) if same else facts


def _with_frame(content: Bytes, facts: ImageFacts, start: int) -> ImageFacts:
    _, height, width, components = struct.unpack_from(">BHHB", content, start)
    mode = _JPEG_MODES.get(components, "")
    if not (width and height and mode):
        raise _Damaged
    return replace(facts, width=width, height=height, mode=mode)


def _jpeg_segments(content: Bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Marker, start and size of the data of each segment of the picture that begins at a place, up to its scan."""
    at += 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            raise _Damaged
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _BARE:
            at += 2
            continue
        (size,) = struct.unpack_from(">H", content, at + 2)
        if marker == _END_OF_IMAGE or size < 2 or at + 2 + size > len(content):
            raise _Damaged
        yield marker, at + 4, size - 2
        at += 2 + size


def _further_pictures(content: Bytes, start: int, size: int) -> list[int]:
    """Where the further pictures of a multi-picture file begin; none where its index cannot be read."""
    with contextlib.suppress(KeyError, struct.error):
        order = {b"II*\0": "<", b"MM\0*": ">"}[content[start : start + 4]]
        (first,) = struct.unpack_from(order + "I", content, start + 4)
        (fields,) = struct.unpack_from(order + "H", content, start + first)
        for number in range(fields):
            tag, _, length, offset = struct.unpack_from(order + "HHII", content, start + first + 2 + 12 * number)
            if tag == _MP_ENTRIES and offset + length <= size:
                entries = range(start + offset, start + offset + length, _MP_ENTRY_BYTES)
                places = [struct.unpack_from(order + "I", content, entry + 8)[0] for entry in entries]
                return [start + place for place in places if place]
    return []


def _frame_size(content: Bytes, at: int) -> tuple[int, int] | None:
    """Width and height of the picture that begins at a place; None where none can be read there."""
    if content[at : at + len(JPEG)] != JPEG:
        return None
    with contextlib.suppress(_Damaged, struct.error):
        for marker, start, _ in _jpeg_segments(content, at):
            if marker in _FRAMES:
                _, height, width = struct.unpack_from(">BHH", content, start)
                return width, height
    return None
