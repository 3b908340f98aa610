"""What becomes of decoded sound where it is put at its times: how much finds no place, as others are there. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from cutroom.media.clock import SMALLEST_GAP_S
from cutroom.media.lost_frames import FOLLOWED, LEFT_S

MOST_CUT = Fraction(1, 20)
MOST_CUT_S = Fraction(1, 2)
"""Of the decoded samples, or seconds, may find no place, as frames that came twice do; of less than a second half may.
Where it is more, the times are not true."""


@dataclass(frozen=True, slots=True)
class Placing:
    """Decoded samples, and how many of them are cut."""

    rate_hz: int
    decoded: int
    cut: int
    frames: int
    steps: int
    """Frames that are not where the one before them ends."""

    @property
    def is_untrue(self) -> bool:
        """Whether so much would be cut that the times can't be those of this sound."""
        least = min(MOST_CUT_S * self.rate_hz, Fraction(self.decoded, 2))
        return self.cut > max(MOST_CUT * self.decoded, least)

    @property
    def is_scattered(self) -> bool:
        """Whether most frames lie apart from those before them, so that the times can't be those of this sound."""
        return 2 * self.steps > self.frames


def place(frames: Iterable[tuple[Fraction, int]], rate_hz: int, step_s: Fraction = SMALLEST_GAP_S) -> Placing:
    """Follow the times of decoded frames as ffmpeg does.

    Smaller differences than a step are followed by stretching, which loses nothing.

    Args:
        frames: Of each when it is heard, in seconds, and how many samples it has, in the order of decoding.
        rate_hz: Samples in a second.
        step_s: How far a frame has to be from its place to be moved there at once.
    """
    decoded = cut = count = steps = 0
    # Samples that are still to be cut, until what was before is passed again.
    ahead = 0
    due: float | None = None
    for at, samples in frames:
        time, lasts = float(at), samples / rate_hz
        count, decoded = count + 1, decoded + samples
        off = 0.0 if due is None else time - due
        if due is None:
            due = time
        elif abs(off) >= step_s:
            steps += 1
            ahead = max(0, ahead - round(off * rate_hz))
            due = time
        elif abs(off) > LEFT_S:
            due += float(FOLLOWED) * lasts * (1 if off > 0 else -1)
        due += lasts
        cut += min(samples, ahead)
        ahead -= min(samples, ahead)
    return Placing(rate_hz, decoded, cut, count, steps)
