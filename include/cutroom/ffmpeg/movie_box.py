"""The box of an MP4 that describes its tracks (ISO/IEC 14496-12, 8.2.1), wherever it lies."""

from collections.abc import Iterator
from typing import BinaryIO

MOST_BYTES = 16 * 2**20
"""Of it; those of long films have some megabytes."""

MOST_BOXES = 1000
"""Before it."""

_BEGIN = {b"ftyp", b"moov", b"wide", b"free", b"skip", b"mdat"}


def movie(file: BinaryIO) -> bytes:
    """The content of that box; nothing where there is none, or the file is no MP4.

    Args:
        file: A local file, or one that is read piece by piece.
    """
    at = 0
    for number in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if number == 0 and head[4:8] not in _BEGIN:
            break
        size, length = int.from_bytes(head[:4]), 8
        if size == 1:
            size, length = int.from_bytes(head[8:16]), 16
        if size < length:
            break
        if head[4:8] == b"moov":
            file.seek(at + length)
            return file.read(min(size - length, MOST_BYTES))
        at += size
    return b""


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box, without those inside it; what is cut off is left out."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if size < 8 or at + size > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def tracks(data: bytes) -> list[bytes]:
    """The content of each track's box, in the order of ffmpeg's streams."""
    return [content for kind, content in boxes(data) if kind == b"trak"]
