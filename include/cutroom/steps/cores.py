"""Places for busy threads of media tools on this machine, shared by all processes that have its scratch folder.

A place is a file that is locked while a thread is busy: the kernel gives it back when its holder ends, however it ends.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

LOOK_EVERY_S = 0.05


class Places:
    """Places that are held."""

    def __init__(self, taken: list[int]) -> None:
        self._taken = taken

    def keep(self, count: int) -> None:
        """Give all but so many back."""
        while len(self._taken) > count:
            os.close(self._taken.pop())


@contextlib.contextmanager
def held(folder: Path, wanted: int, places: int) -> Iterator[Places]:
    """Wait for places, and hold them; whoever came first gets them first.

    Args:
        folder: The places of this machine; it is made when it is missing.
        wanted: How many; no more than there are.
        places: How many there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[int] | None = None
    # One at a time collects its places, so that two can't wait for each other.
    with (folder / "door.lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        while (taken := take(folder, min(wanted, places), places)) is None:
            time.sleep(LOOK_EVERY_S)
    mine = Places(taken)
    try:
        yield mine
    finally:
        mine.keep(0)


def take(folder: Path, wanted: int, places: int) -> list[int] | None:
    """Open, locked files of so many places; None: fewer are free, and none was taken."""
    taken: list[int] = []
    for number in range(places):
        place = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(place)
            continue
        taken.append(place)
        if len(taken) == wanted:
            return taken
    for place in taken:
        os.close(place)
    return None
