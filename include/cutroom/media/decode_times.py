"""Decode times for containers that do not say how long the last packet of a segment lasts, as MPEG-TS. Pure."""

from bisect import bisect_left
from collections.abc import MutableSequence, Sequence
from fractions import Fraction
from itertools import pairwise


def close_holes(
    decode_ticks: MutableSequence[int],
    shown: Sequence[int],
    segment_ticks: Fraction,
    longest_wait_ticks: int,
) -> None:
    """Let the last packet of each segment last as long as the one before it: players take it to.

    Where a frame is shown for long before a segment begins, they else find a hole: hls.js shows the next frame as much
    earlier, Shaka Player leaves out the sound of that time. Where the one before it lasts longer, hls.js shows the next
    later. So the packets before the last one are decoded closer together, up to half as far apart; if that is not
    enough, the next segment begins to be decoded earlier. Or the last packet is. Decode times still rise, and are never
    later than they were. Segments of fewer than three packets are left as they are.

    Args:
        decode_ticks: When packets are decoded, in that order; they are changed.
        shown: When frames are shown, ascending. Groups are closed: the n-th to be shown, where a segment begins with
            it, is the n-th to be decoded.
        segment_ticks: Length of a segment.
        longest_wait_ticks: How much earlier than before the first packet of a segment is decoded, at most.
    """
    starts = [*_starts(shown, segment_ticks), len(shown)]
    for first, after, end in zip(starts, starts[1:], starts[2:], strict=False):
        last = after - 1
        if last - first < 2:
            continue
        begins, before, ends = decode_ticks[first], decode_ticks[last - 1], decode_ticks[after]
        if decode_ticks[last] - before > ends - decode_ticks[last] + 1:
            decode_ticks[last] = (before + ends) // 2
            continue
        span, room = before - begins, 2 * decode_ticks[last] - ends - begins
        closer = [
            begins + (ticks - begins) * max(2 * room, span) // (2 * span)
            for ticks in decode_ticks[first:last]
        ]
        if room < span and all(one < other for one, other in pairwise(closer)):
            for number, ticks in enumerate(closer, first):
                decode_ticks[number] = ticks
        if end - after > 2:
            early = 2 * decode_ticks[last] - decode_ticks[last - 1]
            decode_ticks[after] = max(min(ends, early), ends - longest_wait_ticks)


def _starts(shown: Sequence[int], segment_ticks: Fraction) -> list[int]:
    """Which frames begin a segment: of each length the first."""
    starts: list[int] = []
    at = 0
    while at < len(shown):
        starts.append(at)
        at = bisect_left(shown, (shown[at] // segment_ticks + 1) * segment_ticks, lo=at)
    return starts
