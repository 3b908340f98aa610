"""How many pictures a GIF holds, and whether all of it is there (GIF89a specification)."""

from pathlib import Path
from typing import BinaryIO

FORMAT = "gif"
"""ffmpeg's name of it."""

_EXTENSION, _PICTURE, _TRAILER = 0x21, 0x2C, 0x3B

_NOT_ALL_THERE = "The file is truncated: its end is missing"


def pictures(file: BinaryIO) -> tuple[int, bool]:
    """How many pictures begin in a GIF, and whether it is cut off.

    Args:
        file: From its beginning on; what stands behind its end does not count.
    """
    head = file.read(13)
    found = 0
    _pass_colours(file, head[10:11])
    while kind := file.read(1):
        if kind[0] == _TRAILER:
            return found, False
        if kind[0] == _EXTENSION:
            file.read(1)
        elif kind[0] == _PICTURE:
            found += 1
            _pass_colours(file, file.read(9)[8:9])
            file.read(1)  # the first code's size
        else:
            # Junk where a block would begin: decoders end here, too.
            return found, True
        while (size := file.read(1)) and size[0]:
            file.seek(size[0], 1)
    return found, True


def missing(path: Path) -> str | None:
    """What is missing of a GIF, in words; None where nothing is."""
    with path.open("rb") as file:
        _, is_cut = pictures(file)
    return _NOT_ALL_THERE if is_cut else None


def is_still(path: Path) -> bool:
    """Whether a GIF is an image: one picture, and all of it is there."""
    with path.open("rb") as file:
        return pictures(file) == (1, False)


def _pass_colours(file: BinaryIO, flags: bytes) -> None:
    """Skip a table of colours, where flags say that there is one."""
    if flags and flags[0] & 0x80:
        file.seek(3 * 2 ** ((flags[0] & 7) + 1), 1)
