"""What an MPD promises a player that waits for `minBufferTime` (ISO/IEC 23009-1, 5.3.1.2 and 5.3.5.2). Pure.

Who has received that many seconds of a representation at its `bandwidth` has every frame in time from then on, begun at
any segment.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from cutroom.media import rates
from cutroom.packaging.facts import RenditionFacts, TrickPlay, bandwidths

LEAST_S = Fraction(2)
"""What nearly every film needs less than."""


def min_buffer_s(media: Sequence[RenditionFacts]) -> Fraction:
    """Longer only where most bits of a segment come at once.

    That is in the first frame of a picture that hardly moves, or in what follows silence.
    """
    waits = [one.wait_s or 0 for one in media]
    waits += [_keyframes_wait_s(one, one.trick_play) for one in media if one.trick_play]
    return max(LEAST_S, *(Fraction(math.ceil(10 * wait), 10) for wait in waits))


def keyframes_bps(one: RenditionFacts, keyframes: TrickPlay) -> int:
    """The `bandwidth` of the keyframes alone: their peak, or more where the largest would not be there in time.

    A keyframe is all that its segment shows, from the beginning.
    """
    peak, _ = bandwidths(keyframes.sizes_bytes, one.stated_s, one.target_duration_s)
    return max(peak, math.ceil(8 * max(keyframes.sizes_bytes) / LEAST_S))


def _keyframes_wait_s(one: RenditionFacts, keyframes: TrickPlay) -> Fraction:
    shown = [
        (size, [(size, segment.start_ticks)])
        for size, segment in zip(keyframes.sizes_bytes, one.segments, strict=True)
    ]
    return rates.wait_s(reversed(shown), one.timescale, rate_bps=keyframes_bps(one, keyframes))
