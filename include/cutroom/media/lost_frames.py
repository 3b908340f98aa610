"""Whether the times of a track's packets tell of single frames of sound that were lost, or came twice. Pure.

A hole of a frame (20 to 50 ms) may be a frame that was lost, or a recorder that notes when it got the sound. The one is
silence in its place, and what follows is where it belongs; the other is no hole at all, and to fill it would be heard.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median

FRAMED = frozenset({"aac", "mp1", "mp2", "mp3", "ac3", "eac3", "dts", "opus", "amr_nb", "amr_wb"})
"""Codecs, by ffmpeg's names, all of whose packets in a track last equally long."""

SMALLEST_STEP_S = Fraction(3, 200)
"""A smaller step is followed slowly, whatever it is."""

FOLLOWED = Fraction(1, 200)
"""How fast times that drift are followed, in seconds a second, where they are off by more than `LEFT_S`."""

LEFT_S = Fraction(1, 100)

_STEADY = Fraction(9, 10)
"""Of the packets have to be a frame apart, or their times say nothing of frames."""


def has_lost_frames(times: Sequence[int], time_base: Fraction, largest_step_s: Fraction) -> bool:
    """Whether sound is placed better where each step in its times is believed at once.

    So it is where the times go on evenly but for steps of whole frames, all of them ahead (frames were lost) or all of
    them back (frames came twice), of which one at least is too small to be believed otherwise.

    Args:
        times: When each packet of the track is heard, in the order of the file, in ticks.
        time_base: Seconds of a tick.
        largest_step_s: From which on a step is believed of any track.
    """
    frame = frame_ticks(times)
    if frame is None:
        return False
    tick_s = float(time_base)
    frame_s = float(frame) * tick_s
    rounded_s = max(tick_s, frame_s * float(FOLLOWED)) + 1e-6
    steps = _steps([time * tick_s for time in times], frame_s)
    signs = {step > 0 for step in steps}
    small = [step for step in steps if abs(step) < largest_step_s]
    return (
        len(signs) == 1
        and bool(small)
        and all(
            abs(abs(step) - round(abs(step) / frame_s) * frame_s) <= LEFT_S / 2 + rounded_s for step in small
        )
    )


def frame_ticks(times: Sequence[int]) -> Fraction | None:
    """Ticks from one packet to the next where nothing is wrong; None where that is not always about the same."""
    apart = [after - before for before, after in pairwise(times)]
    if not apart:
        return None
    usual = median(apart)
    # Times are rounded: to milliseconds, say.
    even = [one for one in apart if abs(one - usual) <= 1]
    if usual <= 0 or len(even) < _STEADY * len(apart):
        return None
    return Fraction(sum(even), len(even))


def _steps(times_s: Sequence[float], frame_s: float) -> list[float]:
    """The steps that whoever follows these times, and believes steps at once, finds on his way."""
    found = []
    due = times_s[0]
    for time in times_s:
        off = time - due
        if abs(off) >= SMALLEST_STEP_S:
            found.append(off)
            due = time
        elif abs(off) > LEFT_S:
            due += float(FOLLOWED) * frame_s * (1 if off > 0 else -1)
        due += frame_s
    return found
