"""Whether the servers for the second leg of the tests answer: ``python -m tests.servers URL…`` exits 0 if all do."""

import socket
import sys
from urllib.parse import urlsplit

STANDARD_PORTS = {"postgres": 5432, "redis": 6379}
#: Seconds to wait for each.
PATIENCE = 2.0


def missing(urls: list[str]) -> list[str]:
    """The addresses where nobody listens, as host:port."""
    silent = []
    for url in urls:
        parts = urlsplit(url)
        address = (parts.hostname or "localhost", parts.port or STANDARD_PORTS[parts.scheme])
        try:
            socket.create_connection(address, timeout=PATIENCE).close()
        except OSError:
            silent.append(f"{address[0]}:{address[1]}")
    return silent


if __name__ == "__main__":
    if silent := missing(sys.argv[1:]):
        sys.exit(f"Nobody listens at {', '.join(silent)}.")
