"""The loops that find and count postings, compiled: what a query spends its time on.

Each is a plain function of arrays. Numba compiles them once for an installation and keeps the result beside the source
(or where NUMBA_CACHE_DIR says); ``warm`` does so ahead of the first query.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checks.fingerprint.bit_operations import KEY_MASK, SILENCE, Int64s, UInt32s, UInt64s
from checks.fingerprint.numba_jit import compile_kernel

#: Counters of one byte in the first pass: as many as stay in a core's second cache beside the postings that stream by.
MOST_COUNTERS = 1 << 18
LEAST_COUNTERS = 1 << 8

#: Marks a document number that a merge leaves out.
GONE = 0xFFFFFFFF

_EMPTY = 0xFFFFFFFF


@compile_kernel
def collect_mixed_keys(prints: UInt32s, modulus: int, out: UInt32s) -> int:
    """The mixed keys of sub-prints that are divisible by the modulus, in their order; gives how many. See mix32."""
    count = 0
    for value in prints:
        if value == SILENCE:
            continue
        key = np.uint32(value & np.uint32(KEY_MASK))
        key ^= key >> np.uint32(16)
        key = np.uint32(key * np.uint32(0x85EBCA6B))
        key ^= key >> np.uint32(13)
        key = np.uint32(key * np.uint32(0xC2B2AE35))
        key ^= key >> np.uint32(16)
        if key % np.uint32(modulus) == 0:
            out[count] = key
            count += 1
    return count


@compile_kernel
def find_posting_ranges(
    directory: UInt32s, entries: UInt32s, bits: int, keys: UInt32s, modulus: int, starts: UInt32s, counts: UInt32s
) -> None:
    """Where the postings of every key stand in a table; keys that the table does not keep have none.

    First the directory alone is read for all keys, so that the processor waits for many places at once.
    """
    rest = np.uint32(32 - bits)
    for i in range(keys.size):
        starts[i] = counts[i] = 0
        if keys[i] % np.uint32(modulus) == 0:
            bucket = np.int64(keys[i] >> rest)
            starts[i] = directory[bucket]
            counts[i] = directory[bucket + 1] - directory[bucket]
    for i in range(keys.size):
        if counts[i] == 0:
            continue
        wanted = np.uint64(np.uint32(keys[i] << np.uint32(bits)))  # the remainder, above a document number of zero
        last = wanted + (np.uint64(1) << np.uint64(bits))
        end = np.int64(starts[i]) + np.int64(counts[i])
        low = np.int64(starts[i])
        size = np.int64(counts[i])
        while size > 0:
            half = size >> 1
            if np.uint64(entries[low + half]) < wanted:
                low += half + 1
                size -= half + 1
            else:
                size = half
        step, high = np.int64(1), low
        while high < end and np.uint64(entries[high]) < last:  # most keys have few postings: leap, then narrow down
            high = min(high + step, end)
            step <<= 1
        floor = max(low, high - (step >> 1)) if high > low else low
        size = high - floor
        while size > 0:
            half = size >> 1
            if np.uint64(entries[floor + half]) < last:
                floor += half + 1
                size -= half + 1
            else:
                size = half
        starts[i] = low
        counts[i] = floor - low


@compile_kernel
def _fill_counters(entries: UInt32s, mask: np.uint32, start: int, count: int, counters: Any, slots: np.uint32) -> None:
    for j in range(start, start + count):
        slot = np.int64(entries[j] & mask & slots)
        counters[slot] += counters[slot] < 255


@compile_kernel
def _sift_counters(
    entries: UInt32s, mask: np.uint32, start: int, count: int, counters: Any, slots: np.uint32, least: int,
    out: UInt32s, found: int,
) -> int:  # fmt: skip
    for j in range(start, start + count):
        number = entries[j] & mask
        out[found] = number  # overwritten unless it counts: cheaper than a branch that cannot be foreseen
        found += counters[np.int64(number & slots)] >= least
    return found


@compile_kernel
def _tally_numbers(numbers: UInt32s, least: int) -> tuple[UInt32s, Int64s]:
    """The numbers that occur at least so often, and how often, in no order."""
    size, shift = 16, 28
    while size < 2 * numbers.size:
        size *= 2
        shift -= 1
    places = np.full(size, np.uint32(_EMPTY), np.uint32)
    times = np.zeros(size, np.int32)
    kept = 0
    for number in numbers:
        place = np.int64(np.uint32(number * np.uint32(0x9E3779B1)) >> np.uint32(shift))  # those here share low bits
        while places[place] != number and places[place] != np.uint32(_EMPTY):
            place = (place + 1) & (size - 1)
        places[place] = number
        times[place] += 1
        kept += times[place] == least
    found = np.empty(kept, np.uint32)
    hits = np.empty(kept, np.int64)
    at = 0
    for slot in range(size):
        if times[slot] >= least:
            found[at] = places[slot]
            hits[at] = times[slot]
            at += 1
    return found, hits


@compile_kernel
def count_query_hits(
    entries: UInt32s, bits: int, bounds: Int64s, starts: UInt32s, counts: UInt32s, least: Int64s
) -> tuple[Int64s, UInt32s, Int64s]:
    """For every query (its keys stand from one bound to the next) the document numbers that have at least so many
    of its keys: query, number, hits.

    Two passes over the postings: one counts by the low bits of the number, in bytes that stay in the cache; the other
    keeps the numbers with a byte that has reached enough, a few per cent, and those are counted one by one.
    """
    mask = np.uint32((1 << bits) - 1)
    counters = np.empty(LEAST_COUNTERS, np.uint8)
    sifted = np.empty(1024, np.uint32)
    size, used = 64, 0
    queries, numbers, hits = np.empty(size, np.int64), np.empty(size, np.uint32), np.empty(size, np.int64)
    for query in range(bounds.size - 1):
        first, last = bounds[query], bounds[query + 1]
        total, with_any = 0, 0
        for i in range(first, last):
            total += counts[i]
            with_any += counts[i] > 0
        if with_any < least[query] or total == 0:
            continue
        slots = LEAST_COUNTERS
        while slots < MOST_COUNTERS and slots < 4 * total:
            slots *= 2
        if slots > counters.size:
            counters = np.empty(slots, np.uint8)
        counters[:slots] = 0
        if sifted.size <= total:
            sifted = np.empty(2 * total + 1, np.uint32)
        for i in range(first, last):
            _fill_counters(entries, mask, starts[i], counts[i], counters, np.uint32(slots - 1))
        kept, enough = 0, min(255, least[query])
        for i in range(first, last):
            kept = _sift_counters(
                entries, mask, starts[i], counts[i], counters, np.uint32(slots - 1), enough, sifted, kept
            )
        if kept == 0:
            continue
        found, times = _tally_numbers(sifted[:kept], least[query])
        while used + found.size > size:
            size *= 2
            queries = np.concatenate((queries, np.empty(size - queries.size, np.int64)))
            numbers = np.concatenate((numbers, np.empty(size - numbers.size, np.uint32)))
            hits = np.concatenate((hits, np.empty(size - hits.size, np.int64)))
        queries[used : used + found.size] = query
        numbers[used : used + found.size] = found
        hits[used : used + found.size] = times
        used += found.size
    return queries[:used], numbers[:used], hits[:used]


@compile_kernel
def join_document_postings(values: UInt32s, sizes: Int64s) -> UInt64s:
    """Postings (key << 32 | number) of documents with keys that stand one after the other."""
    out = np.empty(values.size, np.uint64)
    at = 0
    for number in range(sizes.size):
        for _ in range(sizes[number]):
            out[at] = (np.uint64(values[at]) << np.uint64(32)) | np.uint64(number)
            at += 1
    return out


@compile_kernel
def radix_sort_postings(postings: UInt64s, spare: UInt64s, digit: int) -> bool:
    """Sort postings by their digits of 11 bits from this one on (0-2 make the number, 3-5 the key), those that agree
    in all of them in the order they came; whether the result is in ``spare`` and not in place."""
    there = False
    for place in range(digit, 6):
        shift = np.uint64(11 * (place % 3) + 32 * (place // 3))
        mask = np.uint64(1023 if place % 3 == 2 else 2047)
        source, target = (spare, postings) if there else (postings, spare)
        at = np.zeros(2048, np.int64)
        for posting in source:
            at[(posting >> shift) & mask] += 1
        if at.max() == source.size:
            continue
        total = 0
        for value in range(2048):
            here = at[value]
            at[value] = total
            total += here
        for posting in source:
            value = (posting >> shift) & mask
            target[at[value]] = posting
            at[value] += 1
        there = not there
    return there


@compile_kernel
def encode_postings(postings: UInt64s, bits: int, directory: UInt32s, state: Int64s, entries: UInt32s) -> None:
    """Ascending postings (key << 32 | number) as entries behind those that came before.

    ``state`` is the bucket up to which the directory is filled, and how many entries there were.
    """
    bucket, at = state[0], state[1]
    shift = np.uint64(64 - bits)
    for i in range(postings.size):
        here = np.int64(postings[i] >> shift)
        while bucket <= here:
            directory[bucket] = at + i
            bucket += 1
        key = np.uint32(postings[i] >> np.uint64(32))
        entries[i] = np.uint32(key << np.uint32(bits)) | np.uint32(postings[i] & np.uint64(0xFFFFFFFF))
    state[0], state[1] = bucket, at + postings.size


@compile_kernel
def decode_postings(
    directory: UInt32s, entries: UInt32s, bits: int, first: int, last: int, numbers: UInt32s, out: UInt64s
) -> int:
    """The postings of the buckets [first, last) under the documents' new numbers, those that are GONE left out."""
    mask, rest = np.uint32((1 << bits) - 1), np.uint64(32 - bits)
    found = 0
    for bucket in range(first, last):
        above = np.uint64(bucket) << rest
        for j in range(directory[bucket], directory[bucket + 1]):
            number = numbers[np.int64(entries[j] & mask)]
            key = above | np.uint64(entries[j] >> np.uint32(bits))
            out[found] = (key << np.uint64(32)) | np.uint64(number)
            found += number != np.uint32(GONE)
    return found
