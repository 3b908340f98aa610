"""Levels of VP9: what a decoder has to be able to, to show a stream (webmproject.org/vp9/levels). Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

_LEVELS = (
    # level × 10, luma samples a second, luma samples of a picture, its longer side, bit/s
    (10, 829_440, 36_864, 512, 200_000),
    (11, 2_764_800, 73_728, 768, 800_000),
    (20, 4_608_000, 122_880, 960, 1_800_000),
    (21, 9_216_000, 245_760, 1_344, 3_600_000),
    (30, 20_736_000, 552_960, 2_048, 7_200_000),
    (31, 36_864_000, 983_040, 2_752, 12_000_000),
    (40, 83_558_400, 2_228_224, 4_160, 18_000_000),
    (41, 160_432_128, 2_228_224, 4_160, 30_000_000),
    (50, 311_951_360, 8_912_896, 8_384, 60_000_000),
    (51, 588_251_136, 8_912_896, 8_384, 120_000_000),
    (52, 1_176_502_272, 8_912_896, 8_384, 180_000_000),
    (60, 1_176_502_272, 35_651_584, 16_832, 180_000_000),
    (61, 2_353_004_544, 35_651_584, 16_832, 240_000_000),
    (62, 4_706_009_088, 35_651_584, 16_832, 480_000_000),
)


def vp9_level(width: int, height: int, frames_per_s: Fraction | int, bit_rate_bps: int = 0) -> int:
    """The lowest level of a stream, times ten; the highest where none allows it."""
    found = (
        level
        for level, rate, size, side, bits in _LEVELS
        if width * height <= size
        and max(width, height) <= side
        and width * height * frames_per_s <= rate
        and bit_rate_bps <= bits
    )
    return next(found, _LEVELS[-1][0])


def most_frames_in_a_second(ticks: Sequence[int], timescale: int) -> int:
    """How many frames are shown in the second that shows most; `ticks` are their times, ascending."""
    return max(
        (bisect_right(ticks, tick + timescale - 1, lo=place) - place for place, tick in enumerate(ticks)),
        default=0,
    )
