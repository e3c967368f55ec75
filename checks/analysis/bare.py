"""A picture without what a camera or an editor wrote beside it: the same pixels, byte for byte.

Nothing is decoded: the parts of a JPEG or PNG file are walked through, and those that are not the picture are left out.
Runs in a child that is shut in (``confined``), as everything that walks through a stranger's bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
#: What a PNG needs to be drawn as it was meant: pixels, palette, transparency, colours.
_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"pHYs"}
)
#: Application segments that say how colours are meant: JFIF, an ICC profile, Adobe's colour transform.
_JPEG_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_APPLICATION = range(0xE0, 0xF0)
_COMMENT, _SCAN, _END = 0xFE, 0xDA, 0xD9
#: Markers that stand alone, without a length: fill, restarts, and the start of the image.
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})


class NotWhole(ValueError):
    """The file does not have the parts that it says it has."""


def bare(source: BinaryIO) -> bytes:
    """A JPEG or PNG file's bytes without metadata, and without what stands behind its end. Raises NotWhole."""
    content = source.read()
    if content.startswith(PNG):
        return b"".join(_png(content))
    if content.startswith(JPEG):
        return b"".join(_jpeg(content))
    raise NotWhole("neither a JPEG nor a PNG file")


def work(source: BinaryIO) -> bytes:
    """The same for a child: nothing where the file cannot be walked through."""
    try:
        return bare(source)
    except NotWhole:
        return b""


def _png(content: bytes) -> Iterator[bytes]:
    yield PNG
    at = len(PNG)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, end = content[at + 4 : at + 8], at + 12 + length
        if end > len(content):
            break
        if kind in _PNG_KEPT:
            yield content[at:end]
        if kind == b"IEND":
            return
        at = end
    raise NotWhole("the PNG has no end")


def _jpeg(content: bytes) -> Iterator[bytes]:
    yield content[:2]
    at = 2
    while at + 2 <= len(content):
        if content[at] != 0xFF:
            raise NotWhole(f"no segment of the JPEG begins at {at}")
        marker = content[at + 1]
        if marker == _END:
            yield content[at : at + 2]
            return
        if marker in _ALONE or marker == 0xFF:
            at += 1 if marker == 0xFF else 2
            continue
        end = _segment_end(content, at)
        if marker == _SCAN:
            end = _scan_end(content, end)
        if _kept(marker, content[at + 4 : at + 16]):
            yield content[at:end]
        at = end
    raise NotWhole("the JPEG has no end")


def _segment_end(content: bytes, at: int) -> int:
    if at + 4 > len(content):
        raise NotWhole("the JPEG breaks off")
    (length,) = struct.unpack_from(">H", content, at + 2)
    if length < 2 or at + 2 + length > len(content):
        raise NotWhole("a segment of the JPEG is longer than the file")
    return at + 2 + int(length)


def _scan_end(content: bytes, at: int) -> int:
    """Where the compressed pixels end: at the next marker that is neither an escaped 0xFF nor a restart."""
    while (at := content.find(b"\xff", at)) >= 0 and at + 1 < len(content):
        following = content[at + 1]
        if following != 0 and not 0xD0 <= following <= 0xD7 and following != 0xFF:
            return at
        at += 1 if following == 0xFF else 2
    raise NotWhole("the pixels of the JPEG do not end")


def _kept(marker: int, beginning: bytes) -> bool:
    if marker == _COMMENT:
        return False
    return marker not in _APPLICATION or beginning.startswith(_JPEG_KEPT.get(marker, b"\xff never"))
