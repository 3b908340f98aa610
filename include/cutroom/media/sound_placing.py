"""What becomes of decoded sound where it is put at its times: what finds no place, and where there is none. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from cutroom.media.clock import SMALLEST_GAP_S
from cutroom.media.lost_frames import FOLLOWED, LEFT_S, frame_ticks

MOST_CUT = Fraction(1, 20)
MOST_CUT_S = Fraction(1, 2)
"""Of the decoded samples, or seconds, may find no place, as frames that came twice do; of less than a second half may.
Where it is more, the times are not true."""

STRETCHED = Fraction(3, 2)
"""How much farther apart than they are long frames are where their times are not true."""

LEAST_LACK = Fraction(1, 20)
LEAST_LACK_S = Fraction(1, 2)
"""Of the length that a container states, and seconds: it counts what an encoder put behind, or rounds."""


@dataclass(frozen=True, slots=True)
class Placing:
    """Decoded samples, how many of them are cut, and how many are silence where none are."""

    rate_hz: int
    decoded: int = 0
    cut: int = 0
    frames: int = 0
    steps: int = 0
    """Frames that are not where the one before them ends."""
    filled: int = 0
    """Of silence, before the first frame and between frames."""
    ends_s: Fraction | None = None
    """Where the last frame ends by its own time; None: there is none."""

    @property
    def is_untrue(self) -> bool:
        """Whether so much would be cut that the times can't be those of this sound."""
        least = min(MOST_CUT_S * self.rate_hz, Fraction(self.decoded, 2))
        return self.cut > max(MOST_CUT * self.decoded, least)

    @property
    def is_scattered(self) -> bool:
        """Whether most frames lie apart from those before them, so that the times can't be those of this sound."""
        return 2 * self.steps > self.frames


def place(
    frames: Iterable[tuple[Fraction, int]],
    rate_hz: int,
    step_s: Fraction = SMALLEST_GAP_S,
    starts_s: Fraction | None = None,
) -> Placing:
    """Follow the times of decoded frames as ffmpeg does.

    Smaller differences than a step are followed by stretching, which loses nothing.

    Args:
        frames: Of each when it is heard, in seconds, and how many samples it has, in the order of decoding.
        rate_hz: Samples in a second.
        step_s: How far a frame has to be from its place to be moved there at once.
        starts_s: When the track begins by its container; None: with the first frame.
    """
    decoded = cut = filled = count = steps = 0
    ends_s: Fraction | None = None
    # Samples that are still to be cut, until what was before is passed again.
    ahead = 0
    due: float | None = None
    for at, samples in frames:
        time, lasts = float(at), samples / rate_hz
        count, decoded = count + 1, decoded + samples
        off = 0.0 if due is None else time - due
        if due is None:
            due = time
            late_s = Fraction(0) if starts_s is None else at - starts_s
            filled += round(late_s * rate_hz) if late_s >= step_s else 0
        elif abs(off) >= step_s:
            steps += 1
            moved = round(off * rate_hz)
            filled += max(0, moved - ahead)
            ahead = max(0, ahead - moved)
            due = time
        elif abs(off) > LEFT_S:
            due += float(FOLLOWED) * lasts * (1 if off > 0 else -1)
        due += lasts
        cut += min(samples, ahead)
        ahead -= min(samples, ahead)
        ends_s = at + Fraction(samples, rate_hz)
    return Placing(rate_hz, decoded, cut, count, steps, filled, ends_s)


def are_stretched(times: Sequence[int], time_base: Fraction, lasts_s: Sequence[Fraction]) -> bool:
    """Whether packets lie evenly apart, each by much more than it decodes to: then nothing is missing between them.

    Args:
        times: When each packet of the track is heard, in ticks.
        time_base: Seconds of a tick.
        lasts_s: How long what some of them decode to lasts, of a codec that says of silence, too, that it is.
    """
    ticks = frame_ticks(times)
    return ticks is not None and bool(lasts_s) and ticks * time_base > STRETCHED * median(lasts_s) > 0


def in_a_row(frames: Iterable[tuple[Fraction, int]], rate_hz: int) -> Placing:
    """Frames heard one after the other, whatever their times are."""
    sizes = [samples for _, samples in frames]
    return Placing(rate_hz, sum(sizes), frames=len(sizes), ends_s=Fraction(sum(sizes), rate_hz))


def in_stretches(
    frames: Iterable[tuple[Fraction, int]],
    rate_hz: int,
    stretches: Sequence[tuple[int, int]],
    step_s: Fraction,
) -> Placing:
    """What an edit list plays of decoded frames: where there are none, it is silence.

    Args:
        frames: As of `place`.
        rate_hz: Samples in a second.
        stretches: First sample and end of each that is played.
        step_s: How much has to be missing between two frames, or in a stretch, to be missing.
    """
    decoded = count = 0
    least = step_s * rate_hz
    there: list[tuple[int, int]] = []
    for at, samples in frames:
        count, decoded = count + 1, decoded + samples
        begins, ends = round(at * rate_hz), round(at * rate_hz) + samples
        if there and begins - there[-1][1] < least:
            begins, ends = there[-1][0], max(there.pop()[1], ends)
        there.append((begins, ends))
    missing = [
        end - first - sum(max(0, min(end, ends) - max(first, begins)) for begins, ends in there)
        for first, end in stretches
    ]
    return Placing(rate_hz, decoded, frames=count, filled=sum(one for one in missing if one >= least))


def lacking(placing: Placing, starts_s: Fraction, lasts_s: Fraction | None) -> int:
    """How many samples end before a track does by what its container states of it.

    Args:
        placing: What was decoded.
        starts_s: When its first sample is heard.
        lasts_s: How long it is by its container; None: it does not say.
    """
    if lasts_s is None or placing.ends_s is None:
        return 0
    lacks_s = starts_s + lasts_s - placing.ends_s
    return round(lacks_s * placing.rate_hz) if lacks_s > max(LEAST_LACK_S, LEAST_LACK * lasts_s) else 0
