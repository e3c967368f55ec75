"""The measurement of covers with a library that has changed."""

from typing import BinaryIO


def measure(source: BinaryIO) -> bytes:
    raise TypeError("a library changed")
