"""Bit rate of a track over time, and the decoder's buffer that it is read through. Pure.

Both count each frame at the time at which it is decoded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil

WINDOW_SEGMENTS = Fraction(3, 2)
"""The bit rate is held over any stretch of this many segments (RFC 8216, 4.3.4.2, has the same upper limit)."""


TOLERANCE = Fraction(11, 10)
"""How much more than `max_bitrate` such a stretch may hold."""

EDGE_RATE, EDGE_BURST = Fraction(7, 10), Fraction(2, 10)
"""How much may be near a join, of `max_bitrate` and of what a window holds at it. A window over a join, of t seconds of
one chunk and u of another, then holds 0.7 × (t + u) + 2 × 0.2 × window: 1.1 times `max_bitrate`. One over two joins
holds as much, if the chunk between, which is shorter than it, keeps to the rate of 0.7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What was measured of a track, frame by frame."""

    window_s: Fraction
    """Length of the window that slides over the track."""
    peak_bps: int
    """Largest bit rate in any such window, across joins."""
    lowest_fill_bits: int
    """Least that was left in the decoder's buffer; negative: it ran dry."""


def measure(
    sizes_bytes: Sequence[int],
    decode_ticks: Sequence[int],
    timescale: int,
    *,
    window_s: Fraction,
    rate_bps: int,
    buffer_bits: int,
) -> Rates:
    """Both for one track; see `peak_bps` and `lowest_fill_bits`."""
    return Rates(
        window_s=window_s,
        peak_bps=peak_bps(sizes_bytes, decode_ticks, timescale, window_s),
        lowest_fill_bits=lowest_fill_bits(
            sizes_bytes, decode_ticks, timescale, rate_bps=rate_bps, buffer_bits=buffer_bits
        ),
    )


def peak_bps(
    sizes_bytes: Sequence[int], decode_ticks: Sequence[int], timescale: int, window_s: Fraction
) -> int:
    """The largest bit rate in any window of this length.

    Args:
        sizes_bytes: Size of each frame in decode order.
        decode_ticks: When each is decoded, ascending, in ticks.
        timescale: Ticks per second.
        window_s: The window in seconds; a shorter track counts as if it went on without a bit.

    Returns:
        Bits per second, rounded up.
    """
    # Between whole ticks a time is below this just when it is below the window itself; and whole numbers are fast.
    window = ceil(window_s * timescale)
    largest = inside = last = 0
    for first, tick in enumerate(decode_ticks):
        while last < len(decode_ticks) and decode_ticks[last] < tick + window:
            inside += sizes_bytes[last]
            last += 1
        largest = max(largest, inside)
        inside -= sizes_bytes[first]
    return -int(-(largest * 8) // window_s)


def overshoot(
    sizes_bytes: Sequence[int],
    decode_ticks: Sequence[int],
    timescale: int,
    *,
    window_s: Fraction,
    rate_bps: int,
    end_tick: int,
    joins: tuple[bool, bool],
) -> Fraction:
    """How many times larger a chunk's frames are than they may be for no window across its joins to have too many bits.

    Args:
        sizes_bytes: Size of each frame in decode order.
        decode_ticks: When each is decoded, ascending, in ticks.
        timescale: Ticks per second.
        window_s: The window in seconds.
        rate_bps: `max_bitrate`.
        end_tick: When the chunk after it begins.
        joins: Whether there is a chunk before it, and one after it.

    Returns:
        1 or less for a chunk that may stand beside any other.
    """
    window = window_s * timescale
    bits_a_tick = Fraction(rate_bps, timescale)
    ratios = [peak_bps(sizes_bytes, decode_ticks, timescale, window_s) / (rate_bps * TOLERANCE)]
    burst = EDGE_BURST * window
    if joins[0]:
        elapsed = [tick - decode_ticks[0] for tick in decode_ticks]
        ratios += _of_edge(sizes_bytes, elapsed, bits_a_tick, burst, window)
    if joins[1]:
        left = [end_tick - tick for tick in reversed(decode_ticks)]
        ratios += _of_edge(sizes_bytes[::-1], left, bits_a_tick, burst, window)
    lasts = end_tick - decode_ticks[0]
    if all(joins) and lasts < window:
        ratios.append(8 * sum(sizes_bytes) / (EDGE_RATE * lasts * bits_a_tick))
    return max(ratios)


def _of_edge(
    sizes_bytes: Sequence[int],
    away: Sequence[int],
    bits_a_tick: Fraction,
    burst: Fraction,
    window: Fraction,
) -> list[Fraction]:
    """Bits of all frames up to so many ticks away from a join, in parts of what may be there."""
    totals = accumulate(sizes_bytes)
    return [
        8 * total / ((EDGE_RATE * ticks + burst) * bits_a_tick)
        for total, ticks in zip(totals, away, strict=True)
        if ticks <= window
    ]


def lowest_fill_bits(
    sizes_bytes: Sequence[int],
    decode_ticks: Sequence[int],
    timescale: int,
    *,
    rate_bps: int,
    buffer_bits: int,
) -> int:
    """How close the buffer of a decoder comes to running dry: full at first, filled at a constant rate.

    Args:
        sizes_bytes: Size of each frame in decode order.
        decode_ticks: When each is taken out of the buffer, ascending, in ticks.
        timescale: Ticks per second.
        rate_bps: What the buffer is filled with.
        buffer_bits: What it holds.

    Returns:
        The least number of bits that was left after a frame was taken out, rounded down.
    """
    # In bits × timescale, so that everything is whole.
    full = fill = lowest = buffer_bits * timescale
    before = decode_ticks[0] if decode_ticks else 0
    for size, tick in zip(sizes_bytes, decode_ticks, strict=True):
        fill = min(full, fill + (tick - before) * rate_bps) - size * 8 * timescale
        lowest, before = min(lowest, fill), tick
    return lowest // timescale


def wait_s(
    segments: Iterable[tuple[int, Sequence[tuple[int, int]]]], timescale: int, *, rate_bps: int
) -> Fraction:
    """How long a player waits that begins at any segment, receives this rate, and is to have every frame in time.

    Args:
        segments: From the last to the first, of each its bytes, and of its frames in decode order the bytes and when
            they are shown, in ticks. What it has beside the frames comes in front of them.
        timescale: Ticks per second.
        rate_bps: What it receives.

    Returns:
        Seconds (ISO/IEC 23009-1, 5.3.1.2, `minBufferTime`).
    """
    # In bits × timescale, so that everything is whole: what a frame lacks at time zero.
    lacks, most = None, 0
    for size, frames in segments:
        for own, tick in reversed(frames):
            late = -tick * rate_bps
            lacks = 8 * own * timescale + (late if lacks is None else max(late, lacks))
        if lacks is not None:
            lacks += 8 * (size - sum(own for own, _ in frames)) * timescale
            most = max(most, lacks + min(tick for _, tick in frames) * rate_bps)
    return Fraction(most, rate_bps * timescale)
