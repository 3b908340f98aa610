"""How many threads of media tools may be busy at a time, and how many an encode keeps busy. Pure.

All rungs of an encode chunk come from one decode, and each has an encoder with one thread. Most of these wait for
frames most of the time, as the largest picture takes longest: what counts is how many have something to do.
"""

import math
from collections.abc import Iterable

from cutroom.media.video_plan import VideoRung


def most_busy(cores: int) -> int:
    """Threads that may be busy on so many cores: one more, for a core whose encoder waits, and at most 1.5 times."""
    return max(1, min(cores + 1, cores * 3 // 2))


def busy_with(rungs: Iterable[VideoRung]) -> int:
    """Threads that encoding these rungs from one decode keeps busy: the smaller ones together count by their pixels."""
    pixels = [rung.width * rung.height for rung in rungs]
    return math.ceil(sum(pixels) / max(pixels))
