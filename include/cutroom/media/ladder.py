"""The ladder: which rungs of a profile a source gets, and how large each becomes."""

import math
from dataclasses import dataclass
from fractions import Fraction

from cutroom.media.recipes import CLOSEST_RUNGS, VideoCodec

FAST_FRAME_RATE = 30
FAST_FACTOR = Fraction(3, 2)
"""Above 30 frames a second a rung may take half as many bits again: frames that are closer in time differ less."""

SAME_RATE = Fraction(999, 1000)
"""Rates that are nearer to each other are the same one, rounded or of another colour system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A rung for one source: a picture and what it may cost."""

    width: int
    height: int
    max_bitrate_bps: int
    crf: float
    frame_step: int = 1
    """Every how many frames of the source it shows one."""


def plan_ladder(
    codec: VideoCodec,
    display_size: tuple[int, int],
    frame_rate: Fraction | None,
    closest: Fraction = CLOSEST_RUNGS,
) -> tuple[Size, ...]:
    """The rungs of one codec for one source, largest first.

    A picture is never enlarged: the smallest box that holds the source gets the source's own size, larger boxes get
    nothing. Sides are even, as 4:2:0 needs.

    Args:
        codec: The codec with its ladder.
        display_size: Width and height as shown, in pixels.
        frame_rate: Frames per second; None where it varies, and all frames are kept.
        closest: A rung with a side that is more than this part of the same side one rung above is dropped.
    """
    width, height = display_size
    sizes: list[Size] = []
    rungs = sorted(codec.rungs, key=lambda rung: rung.box[0] * rung.box[1], reverse=True)
    for place, rung in enumerate(rungs):
        scale = _scale(rung.box, display_size)
        below = rungs[place + 1] if place + 1 < len(rungs) else None
        if scale == 1 and below is not None and _scale(below.box, display_size) == 1:
            continue
        size = _even(width * scale), _even(height * scale)
        above = (sizes[-1].width, sizes[-1].height) if sizes else None
        if above and any(side > closest * larger for side, larger in zip(size, above, strict=True)):
            continue
        step = _step(frame_rate, rung.max_fps)
        fast = frame_rate is not None and frame_rate / step > FAST_FRAME_RATE
        factor = FAST_FACTOR if fast else Fraction(1)
        sizes.append(
            Size(
                width=size[0],
                height=size[1],
                max_bitrate_bps=int(rung.max_bitrate * factor),
                crf=codec.quality if rung.crf is None else rung.crf,
                frame_step=step,
            )
        )
    return tuple(sizes)


def _step(rate: Fraction | None, most: Fraction | None) -> int:
    """Every how many frames one is kept; 30 is no more than 29.97, nor is 24000/1001 more than 23.976."""
    return 1 if rate is None or most is None else max(1, math.ceil(rate / most * SAME_RATE))


def _scale(box: tuple[int, int], display_size: tuple[int, int]) -> Fraction:
    """How much a picture shrinks to fit the box, turned for portrait; at most 1."""
    width, height = display_size
    box_width, box_height = box if width >= height else (box[1], box[0])
    return min(Fraction(1), Fraction(box_width, width), Fraction(box_height, height))


def _even(pixels: Fraction) -> int:
    """The nearest even number, at least 2, not above the pixels there are unless there is one only."""
    return max(2, 2 * round(pixels / 2) if pixels % 2 != 1 else int(pixels) - 1)
