"""How a frame's time in the source becomes its time in the output, and that by which encoders are given it. Pure."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise


def encoder_ticks(ticks: Sequence[int], longest_ticks: int | None) -> list[int]:
    """The times at which an encoder is given the frames of a chunk, whose output times these are, ascending.

    They are the same but where a frame is shown for longer than fills the decoder's buffer. A full buffer takes no more
    bits, so the rest of that time is nothing to an encoder; but x264, told of it, codes what stands there for seconds
    at less than 20 dB, or with more bits than the buffer holds.
    """
    if longest_ticks is None or not ticks:
        return list(ticks)
    steps = (min(after - before, longest_ticks) for before, after in pairwise(ticks))
    return list(accumulate(steps, initial=ticks[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The clocks of a track of pictures."""

    time_base: Fraction
    """Seconds per source tick."""
    origin_s: Fraction
    """When the presentation starts, on the source's clock."""
    timescale: int
    """Output ticks per second."""
    first_pts: int
    """Source ticks of the first frame."""
    first_ticks: int
    """Output ticks of the first frame."""
    frame_ticks: int | None
    """Output ticks of one frame at a constant rate; None: every frame keeps its own time."""
    longest_ticks: int | None = None
    """Output ticks that encoders are told at most that a frame is shown (see `encoder_ticks`); None: no frame is for
    longer."""

    def output_ticks(self, pts: int) -> int:
        """Output ticks of the frame with this source time."""
        if self.frame_ticks is None:
            # As ffmpeg does it: to the output's ticks, then to its origin, and halves away from zero. No frame comes
            # before the origin, so that is up.
            ticks = math.floor(pts * self.time_base * self.timescale + Fraction(1, 2))
            return math.floor(ticks - self.origin_s * self.timescale + Fraction(1, 2))
        elapsed = (pts - self.first_pts) * self.time_base * self.timescale
        return self.first_ticks + round(elapsed / self.frame_ticks) * self.frame_ticks

    def thinned(self, ticks: Sequence[int], frame_step: int) -> list[int]:
        """Of these output times those of every `frame_step`-th frame, counted from the first of the source."""
        if self.frame_ticks is None or frame_step == 1:
            return list(ticks)
        return [tick for tick in ticks if (tick - self.first_ticks) // self.frame_ticks % frame_step == 0]

    @property
    def slowest_rate(self) -> Fraction:
        """Frames a second that encoders are given at least; 0: as few as there are."""
        return Fraction(0 if self.longest_ticks is None else math.ceil(self.timescale / self.longest_ticks))

    def encoder_ticks(self, ticks: Sequence[int]) -> list[int]:
        """See `encoder_ticks` of this module."""
        return encoder_ticks(ticks, self.longest_ticks)

    def keyframes_asked(self, boundaries: Sequence[int], shown: Sequence[int]) -> tuple[Fraction, ...]:
        """When to ask the encoder of a chunk for a keyframe so that it falls on each boundary and on nothing else.

        Encoders take the first frame at or after a time that is rounded on its way, so the time asked for is the middle
        between the frame before the boundary and the boundary.

        Args:
            boundaries: First frame of each segment, in source ticks.
            shown: Times of the chunk's frames in source ticks, ascending.

        Returns:
            Seconds by the times at which the encoder is given frames, ascending; the very first frame needs no asking
            and is left out.
        """
        places = [place for place in (bisect_left(shown, boundary) for boundary in boundaries) if place > 0]
        if self.longest_ticks is None:
            # Of these alone: a film has a hundred thousand frames an hour.
            pairs = [(self.output_ticks(shown[n - 1]), self.output_ticks(shown[n])) for n in places]
        else:
            given = self.encoder_ticks([self.output_ticks(pts) for pts in shown])
            pairs = [(given[n - 1], given[n]) for n in places]
        return tuple(Fraction(before + at, 2 * self.timescale) for before, at in pairs)
