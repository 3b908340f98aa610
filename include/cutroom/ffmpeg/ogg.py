"""Chained Ogg: recordings one after the other in a file, made such that their times go on (RFC 3533).

Only the times of pages are written anew, and their checksums; every packet stays as it is.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from cutroom.media.clock import ClockBroken

CAPTURE = b"OggS"
HEADER_BYTES = 27
BEGINS = 0x02
"""Flag of the first page of a recording's track."""

ENDS = 0x04
"""Flag of its last page."""

NOTHING_ENDS = 2**64 - 1
"""Time of a page on which no packet ends."""

TICKS_PER_S = 14_112_000
"""A clock that all usual sample rates divide, so that no time is rounded."""

_STATED = {b"\x01vorbis": slice(16), b"OpusHead": slice(10)}
"""How a track's first packet begins, and what of it has to be the same for a decoder to go on: the format, its version,
the channels, and the rate of Vorbis."""

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    at: int
    flags: int
    time: int
    data: bytes


def hold_alike(source: Path) -> None:
    """Read the beginning of each recording of a chain.

    Raises:
        ClockBroken: They can't be heard as one.
    """
    first: bytes | None = None
    was_begin, recordings, can_go_on = False, 0, True
    with source.open("rb") as file:
        for page in _pages(file):
            is_begin = bool(page.flags & BEGINS)
            if is_begin:
                recordings += not was_begin
                head = page.data[HEADER_BYTES + page.data[26] :]
                stated = next((head[part] for start, part in _STATED.items() if head.startswith(start)), None)
                can_go_on &= stated is not None and not was_begin
                if recordings > 1 and not can_go_on:
                    raise ClockBroken(
                        "in Ogg only recordings of one track of Vorbis or Opus can be heard as one"
                    )
                if recordings > 1 and stated != first:
                    raise ClockBroken("its recordings differ in format, channels or sample rate")
                first = stated
            was_begin = is_begin


def first_time(source: Path) -> tuple[int, int] | None:
    """The first time in a file of one track: when what ends with that page ends, and how many packets that is.

    None where there are several tracks, or no time.
    """
    tracks = packets = 0
    with source.open("rb") as file:
        for page in _pages(file):
            tracks += bool(page.flags & BEGINS)
            if tracks > 1:
                return None
            # A packet ends with a piece that is not full; pages of time 0 hold headers.
            ended = sum(piece < 255 for piece in page.data[HEADER_BYTES : HEADER_BYTES + page.data[26]])
            packets += ended if page.time else 0
            if page.time not in {0, NOTHING_ENDS}:
                return page.time, packets
    return None


def lone_page(source: Path) -> int | None:
    """The time of the only page of sound in a file of one track: how many samples there are; None: of any other file.

    The same number tells where longer sound begins, by a first page, and where it ends, by a last one.
    """
    tracks = 0
    found = None
    with source.open("rb") as file:
        for page in _pages(file):
            tracks += bool(page.flags & BEGINS)
            if tracks > 1 or found is not None:
                return None
            if page.time not in {0, NOTHING_ENDS}:
                if not page.flags & ENDS:
                    return None
                found = page.time
    return found


def move(target: Path, starts: Sequence[tuple[int, int]], rate: Fraction) -> None:
    """Move the times of a chained file of sound, in place.

    Args:
        target: The file.
        starts: Where in the file the first packet of each is, and the ticks that its times are moved by.
        rate: Times of pages count so many in a second.
    """
    with target.open("r+b") as file:
        for page in _pages(file):
            ticks = next((ticks for at, ticks in reversed(starts) if page.at >= at), 0)
            # Those that hold headers only are at 0.
            if ticks and page.time not in {0, NOTHING_ENDS}:
                moved = page.time + round(ticks * rate / TICKS_PER_S)
                file.seek(page.at)
                file.write(_with_time(page.data, moved))


def _pages(file: BinaryIO) -> Iterator[_Page]:
    """The pages of a file in order; what lies between them is left out."""
    at = 0
    while True:
        file.seek(at)
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return
        if not header.startswith(CAPTURE):
            at = _next_page(file, at + 1)
            continue
        sizes = file.read(header[26])
        data = header + sizes + file.read(sum(sizes))
        (time,) = struct.unpack_from("<Q", header, 6)
        yield _Page(at=at, flags=header[5], time=time, data=data)
        at += len(data)


def _next_page(file: BinaryIO, at: int) -> int:
    file.seek(at)
    step = 1 << 16
    while piece := file.read(step):
        if (found := piece.find(CAPTURE)) >= 0:
            return at + found
        # The mark may lie across two pieces.
        at += max(1, len(piece) - len(CAPTURE) + 1)
        file.seek(at)
    return at


def _with_time(page: bytes, time: int) -> bytes:
    blank = page[:6] + struct.pack("<Q", time) + page[14:22] + bytes(4) + page[26:]
    return blank[:22] + struct.pack("<I", checksum(blank)) + blank[26:]


def checksum(page: bytes) -> int:
    """CRC of a page whose own field is zero: zlib's polynomial, with bits the other way round, from 0 to the end."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
