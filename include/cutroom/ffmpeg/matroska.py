"""The elements of Matroska and WebM that describe a file (RFC 9559), wherever they lie before its frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MOST_BYTES = 16 * 2**20
"""Of an element."""

MOST_ELEMENTS = 1000
"""Before it."""

TRACKS, CHAPTERS = (bytes.fromhex(one) for one in ("1654ae6b", "1043a770"))
"""Names of elements."""

_EBML, _SEGMENT, _CLUSTER = (bytes.fromhex(one) for one in ("1a45dfa3", "18538067", "1f43b675"))


def part(file: BinaryIO, wanted: bytes) -> bytes:
    """What an element of the segment holds; nothing where frames come before it, or the file is another one.

    Args:
        file: A local file, or one that is read piece by piece.
        wanted: The element's name.
    """
    file.seek(0)
    if not file.read(4).startswith(_EBML):
        return b""
    at = 0
    for _ in range(MOST_ELEMENTS):
        file.seek(at)
        head = file.read(12)
        name, size, length = _element(head)
        if not name or name == _CLUSTER:
            break
        if name == wanted:
            return (head[length:] + file.read(min(size, MOST_BYTES)))[:size]
        # The segment holds what comes after its head.
        at += length + (0 if name == _SEGMENT else size)
    return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element: its name, and where it lies in the data."""

    name: bytes
    start: int
    content: int
    """First byte behind its name and size."""
    end: int
    """Exclusive."""


def placed(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Element]:
    """Each element of a part of the data, without those inside it; what is cut off is left out."""
    end = len(data) if end is None else end
    while start < end:
        name, size, length = _element(data[start : start + 12])
        found = Element(name=name, start=start, content=start + length, end=start + length + size)
        if not name or found.end > end:
            return
        yield found
        start = found.end


def elements(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each element, without those inside it; what is cut off is left out."""
    for one in placed(data):
        yield one.name, data[one.content : one.end]


def _element(head: bytes) -> tuple[bytes, int, int]:
    """Name and size of an element that begins so, and how long both are (RFC 8794, 4)."""
    if not head or not head[0]:
        return b"", 0, 0
    name = head[: 9 - head[0].bit_length()]
    rest = head[len(name) :]
    if not rest or not rest[0]:
        return b"", 0, 0
    length = 9 - rest[0].bit_length()
    return name, int.from_bytes(rest[:length]) & ((1 << 7 * length) - 1), len(name) + length
