"""Two rows of sub-prints held against each other, as machine code: where they may agree, how well, along which path.

Knows no thresholds: those, and what agreement means, stand in ``compare``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from checks.fingerprint.numba_jit import compile_kernel

Array: TypeAlias = npt.NDArray[Any]

_BUCKETS = 4096
_SPREAD = np.uint32(0x9E3779B1)  # 2^32 over the golden ratio: neighbouring values fall into buckets far apart


@compile_kernel
def mark_informative(prints: Array, silence: int, longest: int) -> Array:
    """Which sub-prints say anything: not silence, and not in a run of more than ``longest`` equal ones."""
    heard = np.empty(prints.size, np.bool_)
    first = 0
    for place in range(prints.size + 1):
        if place == prints.size or prints[place] != prints[first]:
            heard[first:place] = place - first <= longest and prints[first] != silence
            first = place
    return heard


@compile_kernel
def count_distinct(prints: Array, heard: Array, most: int) -> int:
    """How many different sub-prints are heard; no more than ``most`` are counted."""
    found = np.empty(most, np.uint32)
    size = 0
    for place in range(prints.size):
        if size < most and heard[place] and not (found[:size] == prints[place]).any():
            found[size] = prints[place]
            size += 1
    return size


@compile_kernel
def count_offset_votes(a: Array, b: Array, heard_a: Array, heard_b: Array, bits: int, budget: int) -> Array:
    """How often a sub-print of ``a`` and one of ``b`` begin with the same ``bits`` bits, by place in b less place in a.

    Shape (a.size + b.size + 1,), the offset -a.size first. The rarest values are counted first, until ``budget`` pairs.
    """
    shift = np.uint32(32 - bits)
    heads = np.full(_BUCKETS, -1, np.int32)
    following = np.empty(b.size, np.int32)
    for j in range(b.size - 1, -1, -1):
        if heard_b[j]:
            bucket = np.uint32(np.uint32(b[j] >> shift) * _SPREAD) >> np.uint32(20)
            following[j] = heads[bucket]
            heads[bucket] = j
    counts = np.zeros(a.size, np.int64)
    total = 0
    for i in range(a.size):
        if heard_a[i]:
            value = a[i] >> shift
            j = heads[np.uint32(value * _SPREAD) >> np.uint32(20)]
            while j >= 0:
                counts[i] += b[j] >> shift == value
                j = following[j]
            total += counts[i]
    if total > budget:
        spent = 0
        for i in np.argsort(counts, kind="mergesort"):
            spent += counts[i]
            if spent > budget:
                counts[i] = 0
    found = np.zeros(a.size + b.size + 1, np.int64)
    for i in range(a.size):
        if counts[i]:
            value = a[i] >> shift
            j = heads[np.uint32(value * _SPREAD) >> np.uint32(20)]
            while j >= 0:
                if b[j] >> shift == value:
                    found[j - i + a.size] += 1
                j = following[j]
    return found


@compile_kernel
def find_vote_peaks(found: Array, least: int, most: int) -> Array:
    """The places where the votes, with those of their two neighbours, are at least ``least``: the ``most`` highest."""
    places, heights = np.empty(most, np.int64), np.zeros(most, np.int64)
    size = 0
    for place in range(found.size):
        height = found[place]
        if place:
            height += found[place - 1]
        if place + 1 < found.size:
            height += found[place + 1]
        if height < least or (size == most and height <= heights[size - 1]):
            continue
        rank = size if size < most else most - 1
        while rank and heights[rank - 1] < height:
            places[rank], heights[rank] = places[rank - 1], heights[rank - 1]
            rank -= 1
        places[rank], heights[rank] = place, height
        size = min(size + 1, most)
    return places[:size]


@compile_kernel
def best_blocks(a: Array, b: Array, heard_a: Array, heard_b: Array, offsets: Array, width: int, least: int) -> Array:
    """The lowest bit error rate over ``width`` neighbours at every offset; 1 where none has ``least`` heard in both."""
    best = np.ones(offsets.size, np.float64)
    bits, items = np.empty(a.size + 1, np.int32), np.empty(a.size + 1, np.int32)
    wrong, both = np.zeros(a.size, np.int32), np.zeros(a.size, np.int32)
    shares = np.empty(a.size, np.float32)
    as_bits = shares.view(np.int32)
    for number in range(offsets.size):
        offset = offsets[number]
        start, end = max(0, -offset), min(a.size, b.size - offset)
        if end <= start:
            continue
        first, last = max(0, start - width + 1), min(a.size, end + width - 1)  # what the windows see
        size = last - first
        wrong[: start - first], both[: start - first] = 0, 0
        wrong[end - first : size], both[end - first : size] = 0, 0
        ours, heard = wrong[start - first :], both[start - first :]
        _count_bit_errors(a[start:end], b[start + offset :], heard_a[start:end], heard_b[start + offset :], ours, heard)
        total_bits, total_items = np.int32(0), np.int32(0)
        for place in range(size):
            bits[place], items[place] = total_bits, total_items
            total_bits += wrong[place]
            total_items += both[place]
        bits[size], items[size] = total_bits, total_items
        later_bits, later_items = bits[width:], items[width:]
        for place in range(size + 1 - width):
            count = later_items[place] - items[place]
            share = np.float32(later_bits[place] - bits[place]) / np.float32(max(count, 1))
            shares[place] = share if count >= least else np.float32(32)
        lowest = np.int32(0x7FFFFFFF)
        for place in range(size + 1 - width):  # what is not negative has the same order as its bits, and min() is quick
            lowest = min(lowest, as_bits[place])
        best[number] = np.int32(lowest).view(np.float32) / 32.0
    return best


@compile_kernel
def _count_bit_errors(a: Array, b: Array, heard_a: Array, heard_b: Array, wrong: Array, both: Array) -> None:
    """Differing bits of every pair, 0 where one of the two is not heard, and whether both are."""
    for place in range(a.size):
        value = a[place] ^ b[place]
        value = value - ((value >> np.uint32(1)) & np.uint32(0x55555555))
        value = (value & np.uint32(0x33333333)) + ((value >> np.uint32(2)) & np.uint32(0x33333333))
        value = (value + (value >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
        heard = np.int32(heard_a[place] & heard_b[place])
        both[place] = heard
        wrong[place] = np.int32(np.uint32(value * np.uint32(0x01010101)) >> np.uint32(24)) * heard


@compile_kernel
def compare_at_offsets(
    a: Array, b: Array, heard_a: Array, heard_b: Array, offsets: Array
) -> tuple[Array, Array, Array]:
    """Everything at every offset: differing bits, whether both are heard, and whether ``b`` has anything there."""
    wrong = np.zeros((offsets.size, a.size), np.int32)
    both = np.zeros((offsets.size, a.size), np.int32)
    inside = np.zeros((offsets.size, a.size), np.bool_)
    for number in range(offsets.size):
        offset = offsets[number]
        start, end = max(0, -offset), min(a.size, b.size - offset)
        if end > start:
            inside[number, start:end] = True
            ours, heard = wrong[number, start:], both[number, start:]
            _count_bit_errors(
                a[start:end], b[start + offset :], heard_a[start:end], heard_b[start + offset :], ours, heard
            )
    return wrong, both, inside


@compile_kernel
def find_best_path(gains: Array, slips: Array, jump: float) -> Array:
    """The best way through ``gains`` (states, steps): a state for every step, or -1 where none is worth it.

    From one step to the next the state stays for nothing, goes to its neighbour for what ``slips`` says (states - 1),
    or to any other for ``jump``; to leave off costs nothing.
    """
    count, steps = gains.shape
    score, fresh = np.zeros(count + 1), np.zeros(count + 1)  # the last state is "none", and gains nothing
    origin = np.empty((steps, count + 1), np.int32)
    for step in range(steps):
        best = int(np.argmax(score))
        for state in range(count + 1):
            to, came = score[state], np.int64(state)
            if score[best] - jump > to:
                to, came = score[best] - jump, np.int64(best)
            if 0 < state < count and score[state - 1] - slips[state - 1] > to:
                to, came = score[state - 1] - slips[state - 1], np.int64(state - 1)
            if state < count - 1 and score[state + 1] - slips[state] > to:
                to, came = score[state + 1] - slips[state], np.int64(state + 1)
            if state == count and score[best] > to:
                to, came = score[best], np.int64(best)
            fresh[state] = to + gains[state, step] if state < count else to
            origin[step, state] = came
        score, fresh = fresh, score
    way = np.empty(steps, np.int64)
    state = int(np.argmax(score))
    for step in range(steps - 1, -1, -1):
        way[step] = state if state < count else -1
        state = origin[step, state]
    return way
