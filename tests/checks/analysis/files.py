"""Audio files for the tests, made byte by byte where no honest encoder would make them."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intake.demo import sounds

RATE = 44100


def music(seconds: float, seed: int = 7) -> npt.NDArray[np.float32]:
    return sounds.compose_demo_piece(seed, seconds)


def chunk(name: bytes, content: bytes, size: int | None = None, big_endian: bool = False) -> bytes:
    """A RIFF or IFF chunk; ``size`` lies about its length."""
    head = struct.pack(">4sI" if big_endian else "<4sI", name, len(content) if size is None else size)
    return head + content + b"\0" * (len(content) % 2)


def wave(
    samples: npt.NDArray[np.generic],
    rate: int = RATE,
    *,
    extra: Sequence[bytes] = (),
    data_size: int | None = None,
    channels: int | None = None,
    tail: bytes = b"",
) -> bytes:
    """A WAVE file of int16 or float32 samples (n, channels), with whatever lies the caller wants in it."""
    kind, bits = (3, 32) if samples.dtype == np.float32 else (1, 16)
    count = samples.shape[1] if channels is None else channels
    align = count * bits // 8
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", kind, count, rate, (rate * align) & 0xFFFFFFFF, align & 0xFFFF, bits))
    body = b"WAVE" + fmt + b"".join(extra) + chunk(b"data", samples.tobytes(), data_size)
    return b"RIFF" + struct.pack("<I", len(body)) + body + tail


def pcm(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
