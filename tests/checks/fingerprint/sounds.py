"""Fingerprints of recordings that do not exist, and what happens to copies of them."""

from __future__ import annotations

import numpy as np

from checks.fingerprint.bit_operations import SILENCE, UInt32s
from checks.fingerprint.comparison import ITEM_SECONDS, SPAN_SECONDS


def recording(seed: int, items: int = 1432) -> bytes:
    """The fingerprint of a recording of its own, three minutes long unless told."""
    return packed(np.random.default_rng(seed).integers(0, 2**32, items, dtype=np.uint32))


def degraded(fingerprint: bytes, rate: float, seed: int = 0) -> bytes:
    """The same with this share of its bits flipped, as coding, filters and noise do."""
    prints = unpacked(fingerprint)
    flips = np.random.default_rng(seed).random((prints.size, 32)) < rate
    return packed(prints ^ np.packbits(flips, axis=1).view(np.uint32).ravel())


def part(fingerprint: bytes, start: int, end: int) -> bytes:
    """The sub-prints from ``start`` up to ``end``."""
    return fingerprint[4 * start : 4 * end]


def silence(items: int) -> bytes:
    return packed(np.full(items, SILENCE, dtype=np.uint32))


def tone(items: int, values: int = 1) -> bytes:
    """A sound that changes between so few states."""
    return packed(np.arange(items, dtype=np.uint32) % values + 1_000_000)


def stretched(fingerprint: bytes, factor: float) -> bytes:
    """The same played slower by the factor, its pitch kept."""
    prints = unpacked(fingerprint)
    return packed(prints[(np.arange(int(prints.size * factor)) / factor).astype(int)])


def packed(prints: UInt32s) -> bytes:
    return prints.astype("<u4").tobytes()


def unpacked(fingerprint: bytes) -> UInt32s:
    return np.frombuffer(fingerprint, dtype="<u4").astype(np.uint32)


def starts(item: int) -> float:
    """The second at which a sub-print begins to listen."""
    return item * ITEM_SECONDS


def ends(item: int) -> float:
    """The second at which the sub-print before ``item`` has heard enough."""
    return (item - 1) * ITEM_SECONDS + SPAN_SECONDS


def bent(fingerprint: bytes, sub_prints: float, period: int = 300) -> bytes:
    """The same by a player whose tempo comes and goes, by so many sub-prints at the most, the pitch kept."""
    prints = unpacked(fingerprint)
    places = np.arange(prints.size) + sub_prints * np.sin(2 * np.pi * np.arange(prints.size) / period)
    return packed(prints[np.clip(np.round(places).astype(int), 0, prints.size - 1)])


def stationary(seed: int, rate: float, items: int = 720) -> bytes:
    """A sound that is like every other of its kind at every moment: two of them differ by this bit error rate."""
    share = (1 - (1 - 2 * rate) ** 0.5) / 2  # flipped in both, so that the two together differ by the rate
    return degraded(packed(np.full(items, 0x5EED5EED, dtype=np.uint32)), share, seed)
