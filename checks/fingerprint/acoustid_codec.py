"""A fingerprint as text: the compressed form that fpcalc prints and AcoustID keeps, written and read.

Of every sub-print only what changed since the one before is told: the distances between the changed bits, three bits
each, those of seven and more with five further bits behind all the others. Before them stand the algorithm and the
number of sub-prints, around it all is base64 in the alphabet of addresses.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np

from checks.fingerprint.bit_operations import read_subprints

#: Chromaprint numbers its algorithms from nought; its default and ours is the second. The others have other bits.
ALGORITHM = 1

#: Sub-prints that the head can say.
MOST_ITEMS = (1 << 24) - 1

_ALPHABET = str.maketrans("+/", "-_")


class Unreadable(ValueError):
    """A text is no compressed fingerprint, or one of another algorithm."""


def encode_acoustid(fingerprint: bytes) -> str:
    """Raises ValueError where the fingerprint is not a sequence of sub-prints, or is too long for this form."""
    prints = read_subprints(fingerprint)
    if prints.size > MOST_ITEMS:
        raise ValueError(f"{prints.size} sub-prints, and the compressed form has room for {MOST_ITEMS}")
    changed = prints ^ np.concatenate(([np.uint32(0)], prints[:-1])).astype(np.uint32)
    bits = np.unpackbits(changed.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    item, place = np.nonzero(bits)
    first = np.concatenate(([True], item[1:] != item[:-1])) if item.size else np.zeros(0, dtype=bool)
    before = np.where(first, -1, np.concatenate(([0], place[:-1]))) if item.size else place
    distance = place - before
    told = np.zeros(item.size + prints.size, dtype=np.uint8)  # a zero ends each sub-print
    told[np.arange(item.size) + item] = np.minimum(distance, 7)
    packed = _pack_bits(told, 3) + _pack_bits((distance[distance >= 7] - 7).astype(np.uint8), 5)
    head = bytes([ALGORITHM]) + int(prints.size).to_bytes(3, "big")
    return base64.urlsafe_b64encode(head + packed).rstrip(b"=").decode()


def decode_acoustid(text: str) -> bytes:
    """The fingerprint in our form: little-endian sub-prints. Raises Unreadable."""
    content = _decode_base64(text.strip())
    if len(content) < 4:
        raise Unreadable("too short for a compressed fingerprint")
    if content[0] != ALGORITHM:
        raise Unreadable(f"made by Chromaprint's algorithm {content[0] + 1}, and only algorithm 2 can be compared")
    items = int.from_bytes(content[1:4], "big")
    raw = np.frombuffer(content, dtype=np.uint8, offset=4)
    told = _unpack_bits(raw, 3)
    ends = np.flatnonzero(told == 0)
    if items > ends.size:
        raise Unreadable(f"ends before its {items} sub-prints are told")
    told = told[: int(ends[items - 1]) + 1] if items else told[:0]
    further = _unpack_bits(raw[-(-told.size * 3 // 8) :], 5)
    large = np.flatnonzero(told == 7)
    if further.size < large.size or -(-told.size * 3 // 8) - (-large.size * 5 // 8) != raw.size:
        raise Unreadable("longer or shorter than its head says")
    distance = told.astype(np.int64)
    distance[large] += further[: large.size]
    return _assemble_subprints(told, distance, items)


def _assemble_subprints(told: np.ndarray, distance: np.ndarray, items: int) -> bytes:
    """Sub-prints from the distances between their changed bits; a zero ends each."""
    travelled = np.cumsum(distance)
    ends = np.flatnonzero(told == 0)
    begun = np.concatenate(([0], travelled[ends[:-1]])) if items else travelled
    sizes = np.diff(np.concatenate(([-1], ends)))
    place = travelled - np.repeat(begun, sizes) - 1
    some = told != 0
    if np.any(place[some] > 31):
        raise Unreadable("tells of more than 32 bits")
    changed = np.zeros(items, dtype=np.uint32)
    np.bitwise_or.at(changed, np.repeat(np.arange(items), sizes)[some], np.uint32(1) << place[some].astype(np.uint32))
    return np.bitwise_xor.accumulate(changed).astype("<u4").tobytes()


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(_ALPHABET) + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("not the base64 of a compressed fingerprint") from error


def _pack_bits(values: np.ndarray, width: int) -> bytes:
    """Values of so many bits each, the lowest first, filled up to whole bytes."""
    bits = np.unpackbits(values[:, None], axis=1, count=width, bitorder="little")
    return np.packbits(bits, bitorder="little").tobytes()


def _unpack_bits(raw: np.ndarray, width: int) -> np.ndarray:
    bits = np.unpackbits(raw, bitorder="little")
    each = bits[: bits.size // width * width].reshape(-1, width)
    return np.asarray(each @ (1 << np.arange(width)).astype(np.uint8))
