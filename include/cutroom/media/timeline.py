"""The timeline: which frames there are, when each is shown, and where segments begin.

All times are integer ticks or `Fraction` seconds. Ends are exclusive.

The grid is fixed: boundary k is the first frame whose presentation time is at or after k × S, counted from the
start of the presentation, so every rung and every codec of every run has its segments at the same frames.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from cutroom.errors import PlanInvalid

COMMON_RATES = tuple(
    sorted(
        {
            Fraction(n)
            for n in (
                1,
                2,
                5,
                6,
                8,
                10,
                12,
                15,
                16,
                18,
                20,
                24,
                25,
                30,
                48,
                50,
                60,
                72,
                90,
                96,
                100,
                120,
                144,
                240,
            )
        }
        | {Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 90, 120, 240)}
    )
)
"""Frame rates that cameras and editors make; a rate the container states is tried as well."""

MOST_WASTE = 4
"""A chunk decodes at most about so many times as many packets in vain as it keeps. Where a film has one keyframe, each
would else decode it from the beginning: thirty chunks fifteen films. So they grow from chunk to chunk."""

MIN_TIMESCALE = 10_000
"""A frame starts at most 50 µs from where it should when its phase has to be rounded."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a video track, as the container holds it."""

    pts: int
    is_keyframe: bool
    is_shown: bool = True
    """False for packets that show nothing: an edit list keeps them for decoding, or nothing can be made of them."""
    is_gradual: bool = False
    """Whether what a decoder shows from this keyframe on is whole no sooner than at the next one: each picture
    refreshes a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeChunk:
    """A whole number of segments, encoded by one task."""

    index: int
    start_pts: int
    """First frame, in source ticks."""
    end_pts: int
    """Source ticks; exclusive."""
    first_packet: int
    """Index in decode order of the first packet that decoding needs: the last keyframe at or before the start."""
    end_packet: int
    """Index after the last packet that decoding needs; exclusive."""
    boundaries: tuple[int, ...]
    """First frame of each of its segments, in source ticks; the first of them is `start_pts`."""
    frames: int
    """Frames that the container says are shown in this window."""
    keyframes_asked: tuple[Fraction, ...] = ()
    """When an encoder is asked for keyframes, in seconds: at its segments but the first, which begins with one (see
    `Timing.keyframes_asked`)."""
    hidden: tuple[tuple[int, int], ...] = ()
    """Stretches between two frames, in source ticks, ends included, in which what is decoded is not shown: it leads to
    what an edit list plays next."""

    @property
    def name(self) -> str:
        """Zero-padded number for keys and logs."""
        return f"{self.index:05d}"


def decode_times(packets: Sequence[Packet]) -> list[int]:
    """Decode times that rise from packet to packet, none after its frame is shown; those of containers may not.

    They only have to be in order: nothing is shown by them.
    """
    times: list[int] = []
    later: int | None = None
    for packet in reversed(packets):
        later = packet.pts if later is None else min(packet.pts, later - 1)
        times.append(later)
    return times[::-1]


def shown_pts(packets: Sequence[Packet]) -> list[int]:
    """Presentation times of the frames that are shown, in order of presentation, each once."""
    return sorted({packet.pts for packet in packets if packet.is_shown})


def constant_rate(pts: Sequence[int], time_base: Fraction, stated: Fraction | None) -> Fraction | None:
    """The frame rate that explains every presentation time to within one tick of the container, or None.

    A container in milliseconds shows 30000/1001 as steps of 33 and 34; the rate behind them is exact, and using it
    keeps the frames where they were before that container rounded them.

    Args:
        pts: Presentation times in ticks, ascending.
        time_base: Seconds per tick.
        stated: What the container or the codec says, tried first.
    """
    if len(pts) < 2 or pts[-1] == pts[0]:
        return stated
    measured = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    nearby = [rate for rate in COMMON_RATES if abs(rate - measured) * 50 < measured]
    candidates = ([stated] if stated else []) + sorted(nearby, key=lambda rate: abs(rate - measured))
    for rate in candidates:
        # Largest error in ticks between where frame n is and where the rate puts it, whatever the phase.
        # In integers, in units of 1/q tick, where a frame lasts p/q ticks.
        step = 1 / (rate * time_base)
        p, q = step.numerator, step.denominator
        errors = [(tick - pts[0]) * q - n * p for n, tick in enumerate(pts)]
        low, high = min(errors), max(errors)
        # Each frame must also be nearer to its own place than to its neighbours', which says more than one tick does
        # where a tick is about as long as a frame.
        if high - low <= q and 2 * max(high, -low) < p:
            return rate
    return None


def output_timescale(rate: Fraction | None, time_base: Fraction) -> int:
    """Ticks per second of the encoded track: frames of a constant rate fall on whole ticks.

    With a variable rate they are the source's own, or a multiple, where that is of a useful size; else 90 kHz.
    """
    if rate is not None:
        timescale = rate.numerator
        while timescale < MIN_TIMESCALE:
            timescale *= 2
        return timescale
    if time_base.denominator <= 240_000:
        return time_base.denominator * math.ceil(Fraction(MIN_TIMESCALE, time_base.denominator))
    return 90_000


def last_lasts(shown: Sequence[int], stated: int | None, timescale: int) -> int:
    """For how many ticks a last frame is shown: as long as is stated, else as frames are on average.

    The frame before it tells nothing: it may stand for a pause.

    Args:
        shown: When each frame is shown, ascending.
        stated: What the source says; None: nothing.
        timescale: Ticks per second.
    """
    if stated:
        return stated
    return max(1, (shown[-1] - shown[0]) // (len(shown) - 1)) if len(shown) > 1 else timescale


def segment_boundaries(
    pts: Sequence[int], time_base: Fraction, origin_s: Fraction, segment_s: Fraction
) -> list[int]:
    """First frame of each segment, in source ticks.

    Args:
        pts: Presentation times in ticks, ascending, at least one.
        time_base: Seconds per tick.
        origin_s: When the presentation starts, on the source's clock.
        segment_s: Segment length S.

    Returns:
        Strictly increasing ticks out of `pts`; the first is the first frame. A stretch without frames that is
        longer than S leaves out the boundaries that no frame begins.
    """
    if not pts:
        raise PlanInvalid("The video track holds no frame.")
    boundaries = [pts[0]]
    position = 0
    number = _grid_number(pts[0], time_base, origin_s, segment_s)
    while True:
        number += 1
        wanted = math.ceil((origin_s + number * segment_s) / time_base)
        position = bisect_left(pts, wanted, position + 1)
        if position >= len(pts):
            return boundaries
        boundaries.append(pts[position])
        number = _grid_number(pts[position], time_base, origin_s, segment_s)


def first_shown(boundaries: Sequence[int], shown: Sequence[int]) -> tuple[int, ...]:
    """The first frame of each segment: that of its boundary, or where it can't be decoded the next one.

    Args:
        boundaries: Where segments begin, ascending.
        shown: Times of the frames that there are, ascending, of the same clock.

    Returns:
        Times out of `shown`; a segment of which nothing is there has none.
    """
    starts = []
    for boundary, after in pairwise([*boundaries, math.inf]):
        place = bisect_left(shown, boundary)
        if place < len(shown) and shown[place] < after:
            starts.append(shown[place])
    return tuple(starts)


def _grid_number(pts: int, time_base: Fraction, origin_s: Fraction, segment_s: Fraction) -> int:
    return math.floor((pts * time_base - origin_s) / segment_s)


def plan_chunks(
    packets: Sequence[Packet], boundaries: Sequence[int], segments_per_chunk: int
) -> tuple[EncodeChunk, ...]:
    """Encode chunks of whole segments, each with the packets that decoding it needs.

    Args:
        packets: All packets of the track in decode order.
        boundaries: First frame of each segment, in source ticks.
        segments_per_chunk: About how many segments one task encodes, up to half more or less: what comes before a
            chunk's first frame back to a keyframe is decoded for nothing, so chunks begin where that is least.

    Returns:
        Chunks in order; their windows touch, and together they are the whole source.
    """
    pts = shown_pts(packets)
    end_of_all = pts[-1] + 1
    keyframes = [n for n, packet in enumerate(packets) if packet.is_keyframe]
    # By presentation time: the last packet in decode order among all that are shown up to there, and the first among
    # all that are shown from there on.
    by_time = sorted(range(len(packets)), key=lambda n: packets[n].pts)
    times = [packets[n].pts for n in by_time]
    last_needed = list(accumulate(by_time, max))
    first_needed = list(accumulate(reversed(by_time), min))[::-1]
    needed = [first_needed[bisect_left(times, boundary)] for boundary in boundaries]
    decoded_from = []
    for boundary, packet in zip(boundaries, needed, strict=True):
        earlier = bisect_right(keyframes, packet)
        # Leading pictures of an open group come after its keyframe, but need the group before.
        while earlier and packets[keyframes[earlier - 1]].pts > boundary:
            earlier -= 1
        if earlier and packets[keyframes[earlier - 1]].is_gradual:
            earlier -= 1
        decoded_from.append(keyframes[earlier - 1] if earlier else 0)
    waste = [packet - first for packet, first in zip(needed, decoded_from, strict=True)]
    firsts = chunk_firsts(waste, segments_per_chunk, Fraction(len(packets), len(boundaries)))
    chunks = []
    for index, (first, after) in enumerate(pairwise([*firsts, len(boundaries)])):
        starts = tuple(boundaries[first:after])
        end = boundaries[after] if after < len(boundaries) else end_of_all
        chunks.append(
            EncodeChunk(
                index=index,
                start_pts=starts[0],
                end_pts=end,
                first_packet=decoded_from[first],
                end_packet=last_needed[bisect_left(times, end) - 1] + 1,
                boundaries=starts,
                frames=bisect_left(pts, end) - bisect_left(pts, starts[0]),
                hidden=hidden_between(times[bisect_left(times, starts[0]) : bisect_left(times, end)], pts),
            )
        )
    return tuple(chunks)


def hidden_between(times: Sequence[int], shown: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """First and last time of each run of those that are not shown.

    Args:
        times: Of packets, ascending, from one that is shown on.
        shown: Times of all frames that are, ascending.
    """
    found: list[tuple[int, int]] = []
    place = -1
    for time in times:
        after = bisect_left(shown, time)
        if after < len(shown) and shown[after] == time:
            continue
        found[-1:] = [(found[-1][0], time)] if after == place else [*found[-1:], (time, time)]
        place = after
    return tuple(found)


def chunk_firsts(waste: Sequence[int], wanted: int, per_segment: Fraction) -> list[int]:
    """The first segment of each encode chunk.

    Args:
        waste: For each segment the packets that a chunk beginning with it decodes in vain.
        wanted: About how many segments a chunk holds.
        per_segment: Packets of a segment, on average.

    Returns:
        Rising places in `waste`, 0 first, each `wanted` more than the one before, or up to half more or less where
        less is wasted; more where a chunk would else decode over `MOST_WASTE` times as much as it keeps.
    """
    firsts = [0]
    while True:
        least = math.ceil(waste[firsts[-1]] / (MOST_WASTE * per_segment))
        target = firsts[-1] + max(wanted, least)
        low = max(firsts[-1] + wanted - wanted // 2, firsts[-1] + least)
        high = target + wanted // 2
        # The end of the source is a boundary without waste.
        if high >= len(waste):
            return firsts
        firsts.append(min(range(low, high + 1), key=lambda place: (waste[place], abs(place - target), place)))


def snapped(found: Iterable[int | Fraction], given: Sequence[int], resolution: Fraction) -> list[int]:
    """Times as the encoder was given them, where the container's own ticks do not tell them from what was found.

    Args:
        found: Ticks that were read back.
        given: Ticks that the encoders were given, ascending.
        resolution: How far apart two times may be that the container writes as the same.
    """
    at = []
    for tick in found:
        place = bisect_left(given, tick)
        if place < len(given) and given[place] == tick:
            at.append(given[place])
            continue
        near = given[max(0, place - 1) : place + 1]
        distances = [abs(one - Fraction(tick)) for one in near]
        nearest = min(distances, default=resolution + 1)
        at.append(near[distances.index(nearest)] if nearest <= resolution else round(tick))
    return at
