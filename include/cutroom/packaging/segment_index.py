"""The segment index of a single file (ISO/IEC 14496-12, 8.16.3), by when segments are shown. Pure.

The packager states how long a segment's samples last as they are decoded. Where B-frames meet a variable frame rate,
that is not when the next segment is shown from, by as much as the longest frame.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from cutroom.packaging.boxes import Box, Writable, boxes
from cutroom.packaging.facts import ByteRange, Segment


def state_by_presentation(mp4: Writable) -> None:
    """Let an index state how long each segment is shown; a file without an index stays as it is."""
    index = next((box for box in boxes(mp4) if box.kind == b"sidx"), None)
    if index is None:
        return
    is_long = mp4[index.start] == 1
    at = index.start + (28 if is_long else 20)
    (gap,) = struct.unpack_from(">Q" if is_long else ">I", mp4, at - (8 if is_long else 4))
    (count,) = struct.unpack_from(">H", mp4, at + 2)
    offset = index.end + gap
    fragments: list[tuple[int, ...]] = list(_fragments(mp4, index.end))
    shown: list[int] = []
    total = 0
    for number in range(count):
        size, lasts = struct.unpack_from(">II", mp4, at + 4 + 12 * number)
        after = offset + (size & 0x7FFFFFFF)
        own = fragments[bisect_left(fragments, (offset,)) : bisect_left(fragments, (after,))]
        if not own:
            return
        shown.append(min(first for _, first in own))
        offset, total = after, total + lasts
    # What the packager says of all of them together holds: it knows what of the last frame of sound is padding.
    for number, (first, end) in enumerate(pairwise([*shown, shown[0] + total])):
        if end > first:
            struct.pack_into(">I", mp4, at + 8 + 12 * number, end - first)


def listed(box: bytes, index: ByteRange) -> tuple[int, tuple[Segment, ...]]:
    """Ticks per second, and the segments of a single file.

    Args:
        box: The index, with its header.
        index: Where in the file it lies.
    """
    is_long = box[8] == 1
    timescale, first, gap = struct.unpack_from(">IQQ" if is_long else ">III", box, 16)
    at = 36 if is_long else 28
    (count,) = struct.unpack_from(">H", box, at + 2)
    segments = []
    start, offset = first, index.offset + index.size_bytes + gap
    for number in range(count):
        size, duration, _ = struct.unpack_from(">III", box, at + 4 + 12 * number)
        # The highest bit tells an index from media.
        size &= 0x7FFFFFFF
        segments.append(
            Segment(
                start_ticks=start, duration_ticks=duration, size_bytes=size, file=index.file, offset=offset
            )
        )
        start, offset = start + duration, offset + size
    return timescale, tuple(segments)


def _fragments(mp4: Writable, start: int) -> Iterator[tuple[int, int]]:
    """Of each fragment the first byte of its description, and when its first sample is shown, in ticks of the track."""
    for moof in (box for box in boxes(mp4, start) if box.kind == b"moof"):
        parts = {box.kind: box for box in boxes(mp4, moof.start, moof.end)}
        yield moof.start, _first_shown(mp4, parts[b"tfhd"], parts[b"tfdt"], parts[b"trun"])


def _first_shown(mp4: Writable, tfhd: Box, tfdt: Box, trun: Box) -> int:
    """Of a fragment with one run of samples, as the packager writes them (8.8.7, 8.8.8, 8.8.12)."""
    (decoded,) = struct.unpack_from(">Q" if mp4[tfdt.start] == 1 else ">I", mp4, tfdt.start + 4)
    (stated,) = struct.unpack_from(">I", mp4, tfhd.start)
    skipped = 8 * bool(stated & 0x1) + 4 * bool(stated & 0x2)
    default = struct.unpack_from(">I", mp4, tfhd.start + 8 + skipped)[0] if stated & 0x8 else 0
    flags, count = struct.unpack_from(">II", mp4, trun.start)
    at = trun.start + 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    shown = []
    for _ in range(count):
        lasts, shift = default, 0
        if flags & 0x100:
            (lasts,) = struct.unpack_from(">I", mp4, at)
        at += 4 * bool(flags & 0x100) + 4 * bool(flags & 0x200) + 4 * bool(flags & 0x400)
        if flags & 0x800:
            # Signed in version 1, and small enough in version 0 to be read alike.
            (shift,) = struct.unpack_from(">i", mp4, at)
            at += 4
        shown.append(decoded + shift)
        decoded += lasts
    return int(min(shown))
