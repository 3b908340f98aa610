"""Edit lists: which stretches of a track are presented, one after the other (ISO/IEC 14496-12, 8.6.6). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of an edit list."""

    lasts_s: Fraction
    begins_s: Fraction | None
    """Where it begins on the track's own clock; None: nothing is presented, a pause."""
    speed: Fraction = Fraction(1)
    """How fast it is played; 0: a still."""


class StillEdit(Exception):
    """An edit list shows a still."""


class FastEdit(Exception):
    """An edit list leaves out some of what it plays fast, or has several stretches at other speeds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A coded frame of a track."""

    pts: int
    """Ticks of the track's own clock."""
    pos: int
    """Where it lies in the file, which tells it from others."""


def plays_several(edits: Sequence[Edit]) -> bool:
    """Whether they play more than one stretch, with a pause in front or not; a pause elsewhere counts as one."""
    behind = edits[1:] if edits and edits[0].begins_s is None else edits
    return len(behind) > 1


def begins_midway(edits: Sequence[Edit]) -> bool:
    """Whether they play one stretch that does not begin with the track, and say how long."""
    behind = edits[1:] if edits and edits[0].begins_s is None else edits
    return len(behind) == 1 and bool(behind[0].begins_s and behind[0].lasts_s)


def reject_speeds(edits: Sequence[Edit]) -> None:
    """Let pass what is played at the speed of the film, or is one stretch of which that speed shows all.

    Raises:
        StillEdit: It shows a still.
        FastEdit: That would leave something out.
    """
    speeds = {one.speed for one in edits if one.begins_s is not None}
    if 0 in speeds:
        raise StillEdit
    if max(speeds, default=1) > 1 or (plays_several(edits) and speeds - {1}):
        raise FastEdit


def heard(edits: Sequence[Edit], rate_hz: int) -> list[tuple[int, int, int]]:
    """The stretches of a track of sound, in samples: how long the pause in front is, where it begins, and ends.

    Places are rounded, not lengths, so that what is added up is not off.

    Args:
        edits: At the speed of the film.
        rate_hz: Samples per second.
    """
    found = []
    now, before = Fraction(0), 0
    for edit in edits:
        at, now = round(now * rate_hz), now + edit.lasts_s
        length = round(now * rate_hz) - at
        if edit.begins_s is not None and length:
            begins = round(edit.begins_s * rate_hz)
            found.append((at - before, begins, begins + length))
            before = at + length
    return found


def presented(
    edits: Sequence[Edit], track: Sequence[Sample], time_base: Fraction
) -> list[tuple[Fraction, int]]:
    """When each frame begins to be shown, in seconds, and which it is, in order.

    A frame that begins before its stretch is none of it.

    Args:
        edits: At the speed of the film.
        track: The frames, in any order.
        time_base: Seconds per tick.
    """
    shown: list[tuple[Fraction, int]] = []
    now = Fraction(0)
    in_order = sorted(track, key=lambda one: one.pts)
    for edit in edits:
        if edit.begins_s is not None:
            for one in in_order:
                into = one.pts * time_base - edit.begins_s
                if 0 <= into < edit.lasts_s:
                    shown.append((now + into, one.pos))
        now += edit.lasts_s
    return shown


def runs(numbers: Sequence[tuple[int, int]]) -> list[int]:
    """Which stretch each packet is read for, counted from 0.

    Args:
        numbers: For each packet in the order in which they are read: how far it was moved, and when the track decodes
            it. Another stretch moves its packets elsewhere, or goes back.
    """
    begins = [
        int(moved != before or decoded <= last) for (before, last), (moved, decoded) in pairwise(numbers)
    ]
    return [*accumulate(begins, initial=0)][: len(numbers)]


def apart(times: Sequence[int], is_hidden: Sequence[bool], order: Sequence[int]) -> list[int] | None:
    """Times at which nothing is hidden that is shown: those of hidden frames lie between, in the decoder's order.

    Args:
        times: When each frame is shown; of those that are only decoded for others any number.
        is_hidden: Whether it is one of these.
        order: The numbers of the frames in the order in which they are decoded to be shown.

    Returns:
        A time for each, each once; those that are shown keep theirs. None where there is no room between them, or
        what is shown is not in that order.
    """
    first = next((place for place, number in enumerate(order) if not is_hidden[number]), None)
    if first is None:
        return None
    placed = list(times)
    last = times[order[first]] - first - 1
    for number in order:
        if is_hidden[number]:
            last += 1
            placed[number] = last
        elif times[number] <= last:
            return None
        else:
            last = times[number]
    return placed
