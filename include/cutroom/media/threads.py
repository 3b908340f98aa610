"""How many threads of media tools may be busy at a time, and how many an encode keeps busy. Pure.

All rungs of an encode chunk come from one decode, and each has an encoder with one thread. Most of these wait for
frames most of the time, as the largest picture takes longest: what counts is how many have something to do.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

from cutroom.media.video_plan import VideoRung

PLACES_PER_THREAD = 2
"""A place is for half a thread: an encode of a single rung keeps one and a half busy."""

BUSY_PER_CORE = Fraction(3, 2)
"""Threads that may be busy for each core: more than one, as a thread now and then waits for another."""

AROUND_ENCODERS = Fraction(3, 2)
"""Threads that are busy for each that encodes: half of one decodes, scales and writes."""

LESS_AROUND = {"av1": Fraction(1)}
"""The same where it was measured to be less: an encoder that is split in stages waits for itself meanwhile."""


def places_of(cores: int) -> int:
    """Places that a machine with so many cores has."""
    return math.floor(BUSY_PER_CORE * cores * PLACES_PER_THREAD)


def places_for(busy: Fraction | int) -> int:
    """Places that so many busy threads take."""
    return math.ceil(busy * PLACES_PER_THREAD)


def busy_with(rungs: Iterable[VideoRung]) -> Fraction:
    """Threads that encoding these rungs from one decode keeps busy: the smaller ones together count by their pixels.

    Args:
        rungs: What is made; one codec.
    """
    made = list(rungs)
    pixels = [rung.width * rung.height for rung in made]
    return LESS_AROUND.get(made[0].codec, AROUND_ENCODERS) * Fraction(sum(pixels), max(pixels))
