"""What the worker and its sandboxed child say to each other, on both sides of the socket."""

from __future__ import annotations

#: A request is a few hundred bytes; the longest part is a file name.
MAX_REQUEST = 64 * 1024

#: How a child ends that ran into its memory limit but could still say so.
OUT_OF_MEMORY = 70
#: How a child with failing code ends: a traceback follows the records.
FAULT = 71
#: How a child ends that could not be isolated as required, before it read a byte of the file: the reason is its answer.
NOT_ISOLATED = 72

LENGTH_BYTES = 4


def split_answer_records(answer: bytes) -> tuple[list[bytes], bytes]:
    """The whole records in a child's answer, fewer where it was cut short, and what follows them.

    Facts, fingerprint, picture, provenance; and provenance again, where there were credentials to read.
    """
    found: list[bytes] = []
    position = 0
    while len(answer) - position >= LENGTH_BYTES:
        start = position + LENGTH_BYTES
        end = start + int.from_bytes(answer[position:start], "big")
        if end > len(answer):
            break
        found.append(answer[start:end])
        position = end
    return found, answer[position:]
