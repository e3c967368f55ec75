"""Work for the child that does what the worst of files might have it do; given to it by name."""

import ctypes
import errno
import os
import socket
from collections.abc import Callable
from typing import Any, BinaryIO

from checks.analysis import c2pa_embed

Ask = Callable[[bytes], bytes]


def changes_the_sound(source: BinaryIO, target: BinaryIO, request: bytes, ask: Ask) -> bytes:
    """As if the library had written another sound: after every marking one sample is another."""
    sign = c2pa_embed._sign_manifest

    def signed(source: BinaryIO, target: Any, *rest: Any) -> None:
        sign(source, target, *rest)
        target.seek(1000)
        target.write(b"\x55\x55")
        target.flush()

    c2pa_embed._sign_manifest = signed  # in this child alone
    return c2pa_embed.embed_signed_manifest(source, target, request, ask)


def tries_everything(source: BinaryIO, target: BinaryIO, request: bytes, ask: Ask) -> bytes:
    refused = [name for name, attempt in _ATTEMPTS.items() if _is_refused(attempt)]
    reply = ask(source.read())
    written = 0
    try:
        while True:
            written += os.write(target.fileno(), bytes(10))
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
    return b"%s %s; refused: %s; wrote %d" % (request, reply, " ".join(refused).encode(), written)


_ATTEMPTS: dict[str, Callable[[], object]] = {
    "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "fork": os.fork,
}


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES)
    return False


def leaves(*_: Any) -> bytes:
    os._exit(3)


def crashes(*_: Any) -> bytes:
    return ctypes.string_at(8)
