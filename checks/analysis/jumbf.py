"""Finds the signer's certificates in a C2PA manifest store: boxes within boxes, and a signature in CBOR."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

_MAX_DEPTH = 16
_MAX_ITEMS = 10_000

#: Where COSE keeps the chain: header 33 (RFC 9360), by its name in older manifests.
_CHAIN_HEADERS = (33, "x5chain")


def read_manifest_certificates(store: bytes, manifest: str) -> tuple[bytes, ...]:
    """The certificates (DER) beside the signature of one manifest of the store, the signer's own first.

    Raises ValueError where the store is none, or has no such signature.
    """
    for content in _iterate_labelled_content(store, ("c2pa", manifest, "c2pa.signature")):
        for kind, signature in _iterate_jumbf_boxes(content):
            if kind == b"cbor":
                return _read_certificate_chain(signature)
    raise ValueError("no signature in this manifest")


def _iterate_labelled_content(content: bytes, path: tuple[str, ...]) -> Iterator[bytes]:
    """The content of the superboxes at the end of this path of labels (ISO/IEC 19566-5)."""
    if not path:
        yield content
        return
    for kind, inner in _iterate_jumbf_boxes(content):
        if kind == b"jumb" and _read_superbox_label(inner) == path[0]:
            yield from _iterate_labelled_content(inner, path[1:])


def _read_superbox_label(superbox: bytes) -> str | None:
    """From the description box that comes first: a type of 16 bytes, a byte of toggles, and the label."""
    for kind, content in _iterate_jumbf_boxes(superbox):
        return content[17:].split(b"\0", 1)[0].decode("utf-8", errors="replace") if kind == b"jumd" else None
    return None


def _iterate_jumbf_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    for _ in range(_MAX_ITEMS):
        if position + 8 > len(content):
            return
        size, kind = struct.unpack(">I4s", content[position : position + 8])
        header = 8
        if size == 1 and position + 16 <= len(content):
            size, header = struct.unpack(">Q", content[position + 8 : position + 16])[0], 16
        elif size == 0:
            size = len(content) - position
        if size < header:
            return
        yield kind, content[position + header : position + size]
        position += size


def _read_certificate_chain(signature: bytes) -> tuple[bytes, ...]:
    message = _decode_cbor(signature)
    if not isinstance(message, list) or len(message) != 4 or not isinstance(message[0], bytes):
        raise ValueError("this is no COSE_Sign1")
    for headers in (_decode_cbor(message[0]) if message[0] else {}, message[1]):
        for name in _CHAIN_HEADERS:
            chain = headers.get(name) if isinstance(headers, dict) else None
            if isinstance(chain, bytes):
                return (chain,)
            if isinstance(chain, list) and all(isinstance(item, bytes) for item in chain):
                return tuple(chain)
    raise ValueError("no certificates beside this signature")


def _decode_cbor(content: bytes) -> Any:
    return _decode_cbor_item(content, 0, 0)[0]


def _decode_cbor_item(content: bytes, position: int, depth: int) -> tuple[Any, int]:
    """One item of CBOR (RFC 8949) and where the next begins. Of lengths that are left open nothing is read."""
    if position >= len(content) or depth > _MAX_DEPTH:
        raise ValueError("this CBOR ends early, or goes too deep")
    kind, short = content[position] >> 5, content[position] & 0x1F
    position += 1
    if short >= 28:
        raise ValueError("a length that CBOR does not have, or leaves open")
    width = 1 << (short - 24) if short >= 24 else 0
    number = int.from_bytes(content[position : position + width], "big") if width else short
    position += width
    if kind == 0 or kind == 7:
        return number, position
    if kind == 1:
        return -1 - number, position
    if kind in (2, 3):
        end = position + number
        if end > len(content):
            raise ValueError("a text that ends after its end")
        value = content[position:end]
        return (value if kind == 2 else value.decode("utf-8", errors="replace")), end
    if kind == 6:  # a tag: what it is put on counts
        return _decode_cbor_item(content, position, depth + 1)
    return _decode_cbor_items(content, position, depth, number, pairs=kind == 5)


def _decode_cbor_items(content: bytes, position: int, depth: int, count: int, pairs: bool) -> tuple[Any, int]:
    if count > _MAX_ITEMS:
        raise ValueError("more items than a signature has")
    items: list[Any] = []
    for _ in range(2 * count if pairs else count):
        item, position = _decode_cbor_item(content, position, depth + 1)
        items.append(item)
    if not pairs:
        return items, position
    keys = (key if isinstance(key, (int, str, bytes)) else None for key in items[::2])
    return dict(zip(keys, items[1::2], strict=True)), position
