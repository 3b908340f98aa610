"""Ports that tests give to servers which they start a while later, or again and again."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below those that Linux gives to whoever asks for any port, as clients and other tests do at any moment.
PORTS = range(20_000, 32_000)

_held: list[int] = []
"""Open files whose locks end with the process."""


def own_port() -> int:
    """A port that nobody listens on, and that no other process gets from here as long as this one lives."""
    folder = Path(tempfile.gettempdir()) / f"cutroom-test-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    for port in random.sample(PORTS, len(PORTS)):
        lock = os.open(folder / f"{port}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        _held.append(lock)
        return port
    raise RuntimeError("Every port is taken.")
