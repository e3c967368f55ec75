"""Covers for the demo's releases: a sea, a horizon, and a colour of their own."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

#: What partners ask of a cover, in pixels a side.
SIDE = 3000


def paint_demo_cover(seed: int, path: Path, side: int = SIDE) -> None:
    """Write a square RGB picture as PNG; the same seed paints the same one."""
    random = np.random.default_rng(seed)
    sky, sea = random.integers(60, 220, 3), random.integers(20, 140, 3)
    horizon = int(side * random.uniform(0.45, 0.7))
    light = np.linspace(1.0, 0.55, side)[:, None]
    rows = np.where(np.arange(side)[:, None] < horizon, sky, sea) * light
    picture = np.repeat(rows.astype(np.uint8)[:, None, :], side, axis=1)
    centre, radius = side * random.uniform(0.25, 0.75), side * random.uniform(0.06, 0.14)
    y, x = np.ogrid[:side, :side]
    picture[(x - centre) ** 2 + (y - horizon * 0.6) ** 2 < radius**2] = (250, 240, 215)
    path.write_bytes(_encode_png(picture))


def _encode_png(picture: np.ndarray) -> bytes:
    """Encode an RGB picture of shape (height, width, 3) without a picture library."""
    height, width, _ = picture.shape
    scanlines = np.zeros((height, 1 + width * 3), np.uint8)  # filter type 0 before each line
    scanlines[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(scanlines.tobytes(), 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
