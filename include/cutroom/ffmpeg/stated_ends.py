"""Where files of sound end that state how much they hold: WavPack, TTA, Monkey's Audio, DSF and DFF."""

from pathlib import Path
from typing import BinaryIO

_TAIL_BYTES = 2 * 2**20
"""At the end of a WavPack file, in which its last block begins; blocks are at most 1 MiB."""

_WAVPACK_HEADER = 32

_TTA_FRAME = (256, 245)
"""Seconds of sound in a frame, as a fraction."""

_MOST_FRAMES = 2**20
"""Twelve days of sound: a table of more is none."""


def stated_end(path: Path) -> int | None:
    """Where the file ends by what it states, in bytes; None where it is another format, or can't be told."""
    with path.open("rb") as file:
        head = file.read(64)
        if head.startswith(b"TTA1"):
            return _end_of_tta(head, file)
        if head.startswith(b"MAC "):
            return _end_of_ape(head)
        if head.startswith(b"DSD "):
            return int.from_bytes(head[12:20], "little") or None
        if head.startswith(b"FRM8"):
            return 12 + int.from_bytes(head[4:12])
    return None


def missing_of_wavpack(path: Path) -> tuple[int, int] | None:
    """How many samples of a WavPack file are there, and how many it states; None where none are missing, or unknown."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_WAVPACK_HEADER)
        # All ones: it was written to a pipe. The upper bits beyond 32 are in two bytes of the head.
        if not head.startswith(b"wvpk") or head[12:16] == b"\xff" * 4:
            return None
        total = int.from_bytes(head[12:16], "little") + (head[11] << 32) - head[11]
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    begins = max(0, size - _TAIL_BYTES)
    there = 0
    at = tail.find(b"wvpk")
    while at >= 0:
        block = tail[at : at + _WAVPACK_HEADER]
        end = begins + at + 8 + int.from_bytes(block[4:8], "little")
        if len(block) == _WAVPACK_HEADER and block[9] == head[9] and end <= size:
            first = int.from_bytes(block[16:20], "little") + (block[10] << 32)
            there = max(there, first + int.from_bytes(block[20:24], "little"))
        at = tail.find(b"wvpk", at + 1)
    return None if there >= total else (there, total)


def _end_of_tta(head: bytes, file: BinaryIO) -> int | None:
    """Behind the frames, whose sizes are in a table behind the head (TTA1, with a checksum behind each)."""
    rate, samples = int.from_bytes(head[10:14], "little"), int.from_bytes(head[14:18], "little")
    over, under = _TTA_FRAME
    if not rate or not samples:
        return None
    frames = -(-samples // (rate * over // under))
    if frames > _MOST_FRAMES:
        return None
    file.seek(22)
    table = file.read(4 * frames)
    sizes = (int.from_bytes(table[at : at + 4], "little") for at in range(0, len(table), 4))
    return 22 + 4 * frames + 4 + sum(sizes)


def _end_of_ape(head: bytes) -> int | None:
    """Behind all parts that the descriptor of version 3.98 and later counts."""
    if int.from_bytes(head[4:6], "little") < 3980:
        return None
    counted = (int.from_bytes(head[at : at + 4], "little") for at in (8, 12, 16, 20, 24, 32))
    return sum(counted) + (int.from_bytes(head[28:32], "little") << 32)
