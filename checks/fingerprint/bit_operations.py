"""The arithmetic on sub-prints: counting differing bits, choosing keys, counting how often recordings share them.

Everything here is a pure function on NumPy arrays and knows neither files nor thresholds, so that a compiled
version can take its place function by function.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

UInt8s: TypeAlias = npt.NDArray[np.uint8]
UInt32s: TypeAlias = npt.NDArray[np.uint32]
UInt64s: TypeAlias = npt.NDArray[np.uint64]
Int32s: TypeAlias = npt.NDArray[np.int32]
Int64s: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Bools: TypeAlias = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

#: The sub-print that Chromaprint's TEST2 gives for digital silence (AcoustID skips it too).
SILENCE = 627964279

#: The lowest 4 of the 32 bits come from the two least reliable classifiers; AcoustID drops them from its keys as well.
KEY_MASK = 0xFFFFFFF0


def read_subprints(fingerprint: bytes) -> UInt32s:
    """The sub-prints of a fingerprint: little-endian uint32, shape (items,).

    Raises ValueError where the length is not a multiple of four bytes.
    """
    if len(fingerprint) % 4:
        raise ValueError("a fingerprint is a sequence of 4-byte sub-prints")
    return np.frombuffer(fingerprint, dtype="<u4").astype(np.uint32, copy=False)


def run_lengths(prints: UInt32s) -> Int64s:
    """For every sub-print, how many equal ones stand in a row there; shape (items,)."""
    if not prints.size:
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.concatenate(([True], prints[1:] != prints[:-1])))
    lengths = np.diff(np.append(starts, prints.size))
    return np.repeat(lengths, lengths).astype(np.int64)


def scatter_keys(keys: UInt32s) -> UInt32s:
    """Scatter keys evenly over 32 bits, one to one (the finaliser of MurmurHash3, public domain)."""
    mixed = keys.astype(np.uint32, copy=True)
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed


def mixed_keys(prints: UInt32s) -> UInt32s:
    """The distinct keys of a recording, mixed and ascending; silence gives none."""
    heard = prints[prints != SILENCE]
    return np.sort(scatter_keys(np.unique(heard & np.uint32(KEY_MASK))))


def shared_offsets(query: UInt32s, reference: UInt32s, budget: int) -> tuple[Int64s, Int64s]:
    """Positions (i, j) with equal values, the rarest values first until ``budget`` pairs are found."""
    order = np.argsort(reference, kind="stable")
    ordered = reference[order]
    left = np.searchsorted(ordered, query, side="left")
    counts = np.searchsorted(ordered, query, side="right") - left
    if int(counts.sum()) > budget:
        rarest = np.argsort(counts, kind="stable")
        within = np.cumsum(counts[rarest]) <= budget
        counts[rarest[~within]] = 0
    i = np.repeat(np.arange(query.size), counts)
    j = order[expand_ranges(left, counts)]
    return i, j.astype(np.int64)


def expand_ranges(starts: Int64s, counts: Int64s) -> Int64s:
    """The positions start, start+1, … start+count-1 of every range, one range after the other."""
    first = np.cumsum(counts) - counts
    places: Int64s = np.repeat(starts - first, counts)
    places += np.arange(places.size, dtype=np.int64)
    return places


def bit_errors(query: UInt32s, reference: UInt32s, offsets: Int64s) -> UInt8s:
    """Differing bits (0-32) of query[i] and reference[i + offset]; shape (offsets, items).

    Where the reference has nothing at i + offset the count is of no meaning.
    """
    differing: UInt8s = np.bitwise_count(gather_rows(reference, offsets, query.size) ^ query)
    return differing


def gather_rows(values: npt.NDArray[Scalar], offsets: Int64s, length: int) -> npt.NDArray[Scalar]:
    """values[offset : offset + length] for every offset, zero outside; shape (offsets, length)."""
    held = np.zeros((offsets.size, length), dtype=values.dtype)
    for row, offset in zip(held, offsets.tolist(), strict=True):
        start, end = max(0, -offset), min(length, values.size - offset)
        if start < end:
            row[start:end] = values[offset + start : offset + end]
    return held
