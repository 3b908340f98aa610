"""How long a player waits before it begins a rendition, so that it never stops: what an MPD promises."""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cutroom.media import rates, timeline

if TYPE_CHECKING:
    from cutroom.packaging.facts import Segment
    from cutroom.steps.joined import JoinedPictures


def of_pictures(
    segments: Sequence["Segment"], joined: "JoinedPictures", timescale: int, rate_bps: int
) -> Fraction:
    """Seconds for joined pictures in these segments, received at this rate."""
    order = joined.frames.order
    # Groups of pictures are closed: a segment's first frame is the first in both orders.
    starts = {one.start_ticks for one in segments}
    firsts = [number for number, tick in enumerate(order) if tick in starts]
    if len(firsts) != len(segments):
        # Some begin with no frame: the checks of the version tell.
        return Fraction(0)
    return _wait_s(segments, firsts, joined.frames.sizes_bytes, order, timescale=timescale, rate_bps=rate_bps)


def of_sound(
    segments: Sequence["Segment"], encoded: Path, timescale: int, rate_bps: int, *, resolution_s: Fraction
) -> Fraction:
    """Seconds for a track of sound in these segments, received at this rate.

    Args:
        segments: The segments.
        encoded: The track as it was encoded.
        timescale: Ticks per second of the segments.
        rate_bps: What a player receives.
        resolution_s: How far the container may have moved a time.
    """
    from cutroom.ffmpeg.coded import sound_packets

    sizes_bytes, ticks = sound_packets(encoded, timescale)
    starts = timeline.snapped([one.start_ticks for one in segments[1:]], ticks, resolution_s * timescale)
    firsts = [0, *(bisect_left(ticks, start) for start in starts)]
    if not ticks or any(first >= after for first, after in pairwise([*firsts, len(ticks)])):
        return Fraction(0)
    return _wait_s(segments, firsts, sizes_bytes, ticks, timescale=timescale, rate_bps=rate_bps)


def _wait_s(
    segments: Sequence["Segment"],
    firsts: Sequence[int],
    sizes_bytes: Sequence[int],
    ticks: Sequence[int],
    *,
    timescale: int,
    rate_bps: int,
) -> Fraction:
    places = list(zip(segments, firsts, [*firsts[1:], len(ticks)], strict=True))
    # One by one: a film has a hundred thousand frames an hour.
    own = (
        (one.size_bytes, list(zip(sizes_bytes[first:after], ticks[first:after], strict=True)))
        for one, first, after in reversed(places)
    )
    return rates.wait_s(own, timescale, rate_bps=rate_bps)
