"""Whether all of a file is there: how long its own outermost structure says that it is."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cutroom.media.timeline import Packet

if TYPE_CHECKING:  # the cutter, a process that is started often, needs nothing of what reads ffprobe's answer
    from cutroom.ffmpeg.ffprobe import Stream

MOST_BOXES = 100_000
"""A fragmented MP4 of a day has some tens of thousands; more are not walked."""

_BOXES = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"mfra", b"uuid", b"meta",
          b"pdin", b"emsg", b"prft", b"udta"}  # fmt: skip
_PARTITION = bytes.fromhex("060e2b34020501010d01020101")
"""How the key of an MXF partition begins."""

_EBML, _SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")


def missing_bytes(path: Path) -> int:
    """How many bytes are missing at the end of an MP4, Matroska, AVI or MXF; 0 where none are or nobody can tell."""
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[4:8] in _BOXES:
            stated = _end_of_boxes(file)
        elif head[:4] == _EBML:
            stated = _end_of_segment(file)
        elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            stated = _end_of_riffs(file)
        elif _PARTITION.startswith(head):
            stated = _footer(file)
        else:
            stated = 0
    return max(0, stated - path.stat().st_size)


def _end_of_boxes(file: BinaryIO) -> int:
    """Where the last top-level box ends (ISO/IEC 14496-12, 4.2)."""
    end = 0
    for _ in range(MOST_BOXES):
        file.seek(end)
        head = file.read(16)
        # What stands behind the last box and is none does not count.
        if len(head) < 8 or head[4:8] not in _BOXES:
            return end
        size = int.from_bytes(head[:4])
        if size == 1:
            size = int.from_bytes(head[8:16])
        if size < 8:  # 0: up to the end of the file
            return end
        end += size
    return 0


def _end_of_segment(file: BinaryIO) -> int:
    """Where the segment of a Matroska file ends (RFC 8794, 6); live recordings leave it open."""
    file.seek(4)
    header, _ = _vint(file)
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return 0
    size, is_unknown = _vint(file)
    return 0 if is_unknown else file.tell() + size


def _vint(file: BinaryIO) -> tuple[int, bool]:
    """A number of variable length, and whether all its bits are set, which says that the size is not known."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first and first[0] else 8
    bits = int.from_bytes((first or b"\0") + file.read(length - 1)) & ((1 << 7 * length) - 1)
    return bits, bits == (1 << 7 * length) - 1


def _end_of_riffs(file: BinaryIO) -> int:
    """Where the last RIFF list ends: large AVI files are a chain of them. Recordings that were cut off leave 0."""
    end = 0
    for _ in range(MOST_BOXES):
        file.seek(end)
        head = file.read(8)
        size = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or size in {0, 0xFFFFFFFF}:
            return end
        end += 8 + size + size % 2
    return 0


def _footer(file: BinaryIO) -> int:
    """Where the footer of an MXF begins, by its first partition (SMPTE ST 377-1, 7.1); how long it is only it says.

    A recording that was cut off leaves 0.
    """
    file.seek(16)
    length = file.read(1)
    if length and length[0] & 0x80:
        file.seek(length[0] & 0x7F, 1)
    pack = file.read(32)
    return int.from_bytes(pack[24:]) + 1 if len(pack) == 32 and any(pack[24:]) else 0


def lost_frames(stream: "Stream", packets: Sequence[Packet]) -> tuple[str, ...]:
    """An index that names more frames than there are data for means that the end is missing."""
    if stream.nb_frames is None or stream.duration is None:
        return ()
    last = max(packet.pts for packet in packets) * stream.time_base
    end = (stream.start_time or 0) + stream.duration
    if len(packets) >= stream.nb_frames or end - last <= max(Fraction(1, 2), stream.duration / 100):
        return ()
    percent = 100 * len(packets) // stream.nb_frames
    return (
        f"The file is truncated: its index names {stream.nb_frames} frames, {len(packets)} ({percent} %) are there.",
    )
