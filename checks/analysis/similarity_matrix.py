"""A picture of where two recordings are alike: every moment of one against every moment of the other."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from checks.fingerprint.comparison import ITEM_SECONDS

SubPrints = npt.NDArray[np.uint32]

#: A picture has at most so many columns and rows; of longer recordings every other sub-print is looked at, or fewer.
_MOST = 640
#: Shares of differing bits: of what sounds the same (shown dark), and of what has nothing in common (shown light).
_SAME, _STRANGE = 0.10, 0.45
#: Neighbours that are looked at together along the diagonal: one alone is too often alike by chance.
_RUN = 9
_DARKEST, _LIGHTEST = 24, 236
#: The colour of what was found to match, readable on dark and on light.
_MATCH = (214, 110, 10)


def draw_similarity_matrix(
    ours: bytes, theirs: bytes, segments: Sequence[tuple[float, float, float, float]] = ()
) -> bytes:
    """A PNG: our recording to the right, theirs downwards, the darker the more alike.

    ``ours`` and ``theirs`` are raw fingerprints; ``segments`` (our start and end, their start and end, in seconds) are
    drawn in. Raises ValueError where one of them has nothing to compare.
    """
    mine, other = np.frombuffer(ours, "<u4"), np.frombuffer(theirs, "<u4")
    if len(mine) < _RUN or len(other) < _RUN:
        raise ValueError("a recording without a fingerprint cannot be compared")
    stride = -(-max(len(mine), len(other)) // _MOST)
    grey = np.clip((_compute_bit_differences(mine, other, stride) - _SAME) / (_STRANGE - _SAME), 0, 1)
    image = Image.fromarray(np.round(_DARKEST + grey * (_LIGHTEST - _DARKEST)).astype(np.uint8)).convert("RGB")
    pen, scale = ImageDraw.Draw(image), 1 / (ITEM_SECONDS * stride)
    for start, end, their_start, their_end in segments:
        for aside in (-5, 5):  # beside the line itself, so that it can be seen
            way = (start * scale + aside, their_start * scale, end * scale + aside, their_end * scale)
            pen.line(way, fill=_MATCH, width=1)
    stream = io.BytesIO()
    image.quantize(64).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _compute_bit_differences(mine: SubPrints, other: SubPrints, stride: int) -> npt.NDArray[np.float32]:
    """The share of bits that differ at each pair of moments, over a short run from there."""
    columns = np.arange(0, len(mine) - _RUN + 1, stride)
    rows = np.arange(0, len(other) - _RUN + 1, stride)
    total = np.zeros((len(rows), len(columns)), np.float32)
    for step in range(_RUN):
        total += np.bitwise_count(other[rows + step][:, None] ^ mine[columns + step][None, :])
    total /= 32 * _RUN
    return total
