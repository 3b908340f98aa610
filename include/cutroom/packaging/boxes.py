"""Boxes of the ISO base media file format (ISO/IEC 14496-12, 4.2): where each begins and ends."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

CONTAINERS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"sinf", b"schi"}
)


Writable = bytearray | mmap
"""An MP4 whose boxes are changed where they are; a large one is mapped into memory, not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box: its kind, and its content as offsets into the data."""

    kind: bytes
    start: int
    """First byte of the content."""
    end: int
    """Exclusive."""


def boxes(data: bytes | Writable, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """All boxes, each followed by those inside it; what is cut off is left out."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            return
        yield Box(kind=kind, start=start + head, end=start + size)
        if kind in CONTAINERS:
            yield from boxes(data, start + head, start + size)
        start += size


def edited_out(init: bytes | Writable) -> int:
    """How many ticks of a track its edit list leaves out in front; 0 where it has none (ISO/IEC 14496-12, 8.6.6)."""
    for box in boxes(init):
        if box.kind == b"elst":
            is_long = init[box.start] == 1
            (media_time,) = struct.unpack_from(
                ">q" if is_long else ">i", init, box.start + (16 if is_long else 12)
            )
            return max(0, int(media_time))
    return 0
