"""Where a file is cut into blocks.

Whatever the way, the blocks of a file are together exactly its bytes, none is empty, and none is larger than
`BLOCK_BYTES`. The same bytes give the same blocks on every machine.

A container begins with what is edited (an index, tags) and goes on with what is large (the media payload). Cut at
fixed places, a header that grows by one byte moves every later block. So blocks may start anew at the payload: then
they are the same after a rewrite for fast start, an edit of the tags, or bytes put in front.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, Protocol, get_args

from cutroom.blocks.block import BLOCK_BYTES
from cutroom.errors import UsageError

Boundaries = Literal["fixed", "container", "fastcdc"]
"""`fixed`: every 4 MiB. `container`: every 4 MiB, counted anew from the media payload of MP4, QuickTime, Matroska and
WebM. `fastcdc`: by content, anew from the payload too; finds what was moved within the payload, in smaller blocks."""

FASTCDC_MIN_BYTES = 512 * 2**10
FASTCDC_AVERAGE_BYTES = 2**20
"""FastCDC's target beyond the least size: blocks come out at about 1.4 MiB. Half the size would find little more in
media, which change in long runs, and double the objects."""

MOST_ELEMENTS = 4096
"""How many boxes or elements are looked at in search of the payload: a file of nothing but headers ends the search."""

MOST_SECTIONS = 64
"""Payloads at which blocks start anew; later ones of a file with more are cut as part of the last."""

_CONTAINER_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"uuid"}
"""What an MP4 or QuickTime file may begin with."""

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
"""Elements of Matroska: the header of the file, everything else, a stretch of media."""


class Seekable(Protocol):
    """A binary file that is read from any place: a local file, or one that is fetched piece by piece."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place; tells where that is."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; nothing at the end."""


def boundaries_of(name: str) -> Boundaries:
    """The way of cutting that has this name.

    Raises:
        UsageError: None has; the message names those that there are.
    """
    for known in get_args(Boundaries):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"Blocks can't be cut by {name!r}; choose one of {', '.join(get_args(Boundaries))}.")


def cut(source: Seekable, boundaries: Boundaries) -> Iterator[bytes]:
    """The blocks of a file, in order. It is read once from start to end, after a look at its headers.

    Raises:
        OSError: As the file's own reading does. A file that ends before the size that it had first gives what is left.
    """
    size_bytes = source.seek(0, 2)
    starts = [0] if boundaries == "fixed" else section_starts(source, size_bytes)
    source.seek(0)
    for start, end in pairwise([*starts, size_bytes]):
        section = _Section(source, end - start)
        yield from _by_content(section) if boundaries == "fastcdc" else _by_size(section)


def block_ranges(source: Seekable) -> list[tuple[int, int]]:
    """Offset and size of each block that `container` cuts, after a look at the file's headers.

    For those who read blocks from several threads, or send some of them only. Raises as `cut` does.
    """
    size_bytes = source.seek(0, 2)
    return [
        (place, min(BLOCK_BYTES, end - place))
        for start, end in pairwise([*section_starts(source, size_bytes), size_bytes])
        for place in range(start, end, BLOCK_BYTES)
    ]


def section_starts(source: Seekable, size_bytes: int) -> list[int]:
    """Offsets at which blocks start anew, ascending and within the file; the first is 0.

    They are the start of each media payload and the end of it. A file that is no container that is known, or lies
    about itself, gives those that were found before the lie.
    """
    found = [0]
    for place in _payload_edges(source, size_bytes):
        if found[-1] < place < size_bytes:
            found.append(place)
        if len(found) == MOST_SECTIONS:
            break
    return found


def _by_size(section: "_Section") -> Iterator[bytes]:
    while data := section.read(BLOCK_BYTES):
        yield data


def _by_content(section: "_Section") -> Iterator[bytes]:
    # A compiled library that not every reader of this module needs.
    from pyfastcdc import FastCDC  # noqa: PLC0415

    cutter = FastCDC(FASTCDC_AVERAGE_BYTES, min_size=FASTCDC_MIN_BYTES, max_size=BLOCK_BYTES)
    for piece in cutter.cut_stream(section):
        yield bytes(piece.data)


class _Section:
    """The next bytes of a file, up to a length; each read is whole unless the file ends."""

    def __init__(self, source: Seekable, length: int) -> None:
        self._source, self._left = source, length

    def read(self, size: int) -> bytes:
        parts = []
        wanted = min(size, self._left)
        while wanted and (data := self._source.read(wanted)):
            parts.append(data)
            wanted -= len(data)
            self._left -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _payload_edges(source: Seekable, size_bytes: int) -> Iterator[int]:
    head = _peek(source, 0, 8)
    if head[4:8] in _CONTAINER_BOXES:
        yield from _mp4_edges(source, size_bytes)
    elif head[:4] == _EBML.to_bytes(4):
        yield from _matroska_edges(source, size_bytes)


def _mp4_edges(source: Seekable, size_bytes: int) -> Iterator[int]:
    """Start and end of the payload of each `mdat` box; the first `moof` of a fragmented file (ISO/IEC 14496-12)."""
    place = 0
    for _ in range(MOST_ELEMENTS):
        box = _peek(source, place, 16) if place < size_bytes else b""
        if len(box) < 8:
            return
        length, header = int.from_bytes(box[:4]), 8
        if length == 1 and len(box) == 16:
            length, header = int.from_bytes(box[8:]), 16
        elif length == 0:  # up to the end of the file
            length = size_bytes - place
        if length < header:
            return
        if box[4:8] == b"moof":
            # Fragments alternate headers that name no place in the file with payloads: one stretch to the end.
            yield place
            return
        if box[4:8] == b"mdat":
            yield place + header
            yield place + length
        place += length


def _matroska_edges(source: Seekable, size_bytes: int) -> Iterator[int]:
    """The first cluster: those after it follow without a gap (RFC 9559, 5)."""
    place = 0
    for _ in range(MOST_ELEMENTS):
        if place >= size_bytes:
            return
        element, length, header = _element(_peek(source, place, 12))
        if element == _CLUSTER:
            yield place
            return
        if element == _SEGMENT:
            place += header  # its children come next
        elif length is None:
            return
        else:
            place += header + length


def _element(head: bytes) -> tuple[int, int | None, int]:
    """Id, length of the content and length of id and size of an EBML element (RFC 8794, 4 to 6).

    The length is None where it is not known, or the bytes are no element.
    """
    id_bytes = 9 - head[0].bit_length() if head and head[0] else 0
    if not 1 <= id_bytes <= 4 or len(head) <= id_bytes or not head[id_bytes]:
        return 0, None, 0
    size_bytes = 9 - head[id_bytes].bit_length()
    coded = head[id_bytes : id_bytes + size_bytes]
    if len(coded) < size_bytes:
        return 0, None, 0
    all_ones = (1 << 7 * size_bytes) - 1
    value = int.from_bytes(coded) & all_ones
    return int.from_bytes(head[:id_bytes]), None if value == all_ones else value, id_bytes + size_bytes


def _peek(source: Seekable, place: int, count: int) -> bytes:
    source.seek(place)
    return _Section(source, count).read(count)
