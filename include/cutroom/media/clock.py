"""Clocks that jump: recordings put one after the other, each with times of its own. Pure.

A recorder that was restarted, a channel that was switched, files joined by `cat`: what follows a jump is another part,
and is moved so that it begins where the part before it ends. Inside a part nothing moves, so sound and picture stay
together as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

SMALLEST_GAP_S = Fraction(1, 20)
"""A shorter gap in sound is no silence: sound is stretched over it."""

ROUNDING_S = Fraction(1, 1000)
"""What containers round: a gap that is none."""

BACK_S, AHEAD_S = Fraction(1, 10), Fraction(10)
"""Steps of a track's decode times that are no jump: back by less, ahead by no more. A longer stretch without anything
of any track is a clock that was set anew, as ffmpeg takes it, too."""

FOLLOWING_S = Fraction(1)
"""The same while another track has jumped already, and this one is about to."""

LATE_S = Fraction(5)
"""How much longer a track may stay on the old clock than the first that left it: how far apart containers put sound
from picture."""


class ClockBroken(Exception):
    """The clock jumps in a way that can't be put right; the message says what it is, as the end of a sentence."""


@dataclass(slots=True, kw_only=True)
class Stretch:
    """What a part holds of one track, in ticks of the part's clock."""

    is_sound: bool
    first: int
    last: int
    """When its last frame starts."""
    end: int
    """When that ends."""
    frames: int = 1


@dataclass(slots=True)
class Part:
    """What lies between two jumps."""

    now: int
    """The latest decode time."""
    left_at: int | None = None
    """`now` when the first track went over to the next part."""
    stretches: dict[int, Stretch] = field(default_factory=dict)


class Clock:
    """Follows the decode times of a file's sound and pictures in the order of the file.

    Args:
        ticks_per_s: Of all its tracks.
        wraps_at: Where the container's times begin anew at 0; None: nowhere.
        ahead_s: A longer step is a jump; None: none is.
    """

    def __init__(
        self, ticks_per_s: int, *, wraps_at: int | None = None, ahead_s: Fraction | None = AHEAD_S
    ) -> None:
        self.ticks_per_s, self._wraps_at = ticks_per_s, wraps_at
        self._ahead_s = Fraction(10**9) if ahead_s is None else ahead_s
        self.parts: list[Part] = []
        self._at: dict[int, tuple[int, int]] = {}  # track: number of its part, its last decode time

    def step(self, track: int, *, pts: int, dts: int, lasts: int, is_sound: bool) -> int:
        """The number of the part that a packet belongs to.

        Args:
            track: Its track.
            pts: When it is shown or heard, in ticks.
            dts: When it is decoded.
            lasts: Ticks that it lasts; 0: not known.
            is_sound: Or a picture.

        Raises:
            ClockBroken: Its track stays where others have left.
        """
        number = self._part_of(track, dts)
        part = self.parts[number]
        time = self._unwrapped(dts, part.now)
        part.now = max(part.now, time)
        if part.left_at is not None and time - part.left_at > LATE_S * self.ticks_per_s:
            raise ClockBroken(f"other tracks jump, but track {track} goes on")
        self._at[track] = number, time
        _note(part, track, time + self._difference(pts, dts), lasts, is_sound=is_sound)
        return number

    def nearest(self, time: int) -> int:
        """The part whose clock is nearest to a time; for tracks that have something now and then only."""
        far = [abs(self._difference(time, part.now)) for part in self.parts]
        return min(
            range(len(far)), key=lambda number: (far[number] > self._ahead_s * self.ticks_per_s, -number)
        )

    def _part_of(self, track: int, dts: int) -> int:
        if not self.parts:
            self.parts.append(Part(dts))
        latest = len(self.parts) - 1
        if track not in self._at:
            return latest
        number, before = self._at[track]
        step = Fraction(self._difference(dts, before), self.ticks_per_s)
        is_left = number < latest
        if (-BACK_S, 0)[is_left] <= step <= (self._ahead_s, FOLLOWING_S)[is_left]:
            return number
        near = [n for n in range(latest, number - 1, -1) if self._is_near(dts, self.parts[n])]
        if near and (near[0] > number or step > 0):
            # With the other tracks to the next part; or a gap in this track alone.
            return near[0]
        self.parts[-1].left_at = self.parts[-1].now
        self.parts.append(Part(dts))
        return latest + 1

    def _is_near(self, dts: int, part: Part) -> bool:
        return abs(self._difference(dts, part.now)) <= self._ahead_s * self.ticks_per_s

    def _difference(self, one: int, other: int) -> int:
        if self._wraps_at is None:
            return one - other
        half = self._wraps_at // 2
        return (one - other + half) % self._wraps_at - half

    def _unwrapped(self, time: int, now: int) -> int:
        return now + self._difference(time, now)

    def shifts(self) -> list[int]:
        """By how many ticks the times of each part are moved; the first stays."""
        moved = [0]
        ends: dict[int, Stretch] = {}
        for part, after in zip(self.parts, self.parts[1:], strict=False):
            ends |= {track: _moved(one, moved[-1]) for track, one in part.stretches.items()}
            moved.append(_shift(ends, after.stretches, self.ticks_per_s))
        return moved


def _note(part: Part, track: int, pts: int, lasts: int, *, is_sound: bool) -> None:
    one = part.stretches.get(track)
    if one is None:
        part.stretches[track] = Stretch(is_sound=is_sound, first=pts, last=pts, end=pts + lasts)
        return
    one.first, one.last, one.end = min(one.first, pts), max(one.last, pts), max(one.end, pts + lasts)
    one.frames += 1


def _moved(one: Stretch, ticks: int) -> Stretch:
    last = one.last + ticks
    # A picture whose container does not say how long it lasts lasts as long as the others on average.
    lasts = one.end - one.last or (one.last - one.first) // max(1, one.frames - 1)
    return Stretch(
        is_sound=one.is_sound, first=one.first + ticks, last=last, end=last + lasts, frames=one.frames
    )


def _shift(before: Mapping[int, Stretch], after: Mapping[int, Stretch], ticks_per_s: int) -> int:
    """Ticks by which a part is moved to follow what is before it.

    Sound goes on without a gap, as each would be heard; a last picture may be shown shorter by half of it for that.
    """
    both = [(before[track], one) for track, one in after.items() if track in before]
    if not both:
        return max(one.end for one in before.values()) - min(one.first for one in after.values())
    sound = [old.end - new.first for old, new in both if old.is_sound]
    pictures = [(old.last + old.end) // 2 - new.first for old, new in both if not old.is_sound]
    shift = max([*sound, *pictures]) if sound else max(old.end - new.first for old, new in both)
    # What is too short to be filled with silence would be stretched over: it is made longer.
    gaps = [Fraction(shift - one, ticks_per_s) for one in sound]
    is_lost = any(ROUNDING_S < gap < SMALLEST_GAP_S for gap in gaps)
    return shift + round(SMALLEST_GAP_S * ticks_per_s) if is_lost else shift


def jump_times(parts: Sequence[Part], shifts: Sequence[int]) -> list[int]:
    """When each part but the first begins, in ticks of the clock without jumps."""
    return [
        min(one.first for one in part.stretches.values()) + shift
        for part, shift in zip(parts[1:], shifts[1:], strict=True)
    ]
