"""The pairs of closed captions of a film, each with when it is sent: in its pictures, or in a track. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from cutroom.ffmpeg.caption_data import CaptionData
from cutroom.media.line21 import Pair

PAIR_S = Fraction(1001, 30_000)
"""How long a pair takes: a frame of NTSC, whose line 21 has one for each field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionPacket:
    """A packet of a track of captions."""

    pts: int
    duration: int
    """In ticks; nothing where it is not known."""
    data: CaptionData


def in_pictures(
    captioned: Mapping[int, CaptionData], times: Sequence[int], time_base: Fraction
) -> Iterator[Pair]:
    """The pairs in the order in which their pictures are shown, by when each is.

    Args:
        captioned: What packets carry, by their numbers.
        times: When the picture of each packet is shown, in ticks.
        time_base: Seconds of a tick.
    """
    starts = {number: times[number] for number in captioned}
    groups = sorted(number for number, said in captioned.items() if said.is_of_group)
    for number, end in pairwise([*groups, len(times)]):
        # Pictures that are shown before the first one of their group are stored after it.
        starts[number] = min(times[number:end])
    for number in sorted(captioned, key=starts.__getitem__):
        said = captioned[number]
        yield from _spread(said, starts[number], PAIR_S / time_base if said.is_of_group else Fraction(0))


def in_track(packets: Iterable[CaptionPacket], time_base: Fraction) -> Iterator[Pair]:
    """The pairs of a track of captions, as fast as they are sent: a packet holds those of a frame, or of seconds.

    Args:
        packets: All of them, in order.
        time_base: Seconds of a tick.
    """
    for one in packets:
        most = max(map(len, _fields(one.data)))
        step = PAIR_S / time_base
        if one.duration and most:
            step = min(step, Fraction(one.duration, most))
        yield from _spread(one.data, one.pts, step)


def _spread(said: CaptionData, start: int, step: Fraction) -> Iterator[Pair]:
    """Pairs of a field one after the other, of both fields side by side."""
    pairs = [
        Pair(start + round(place * step), bool(is_second), data)
        for is_second, field in enumerate(_fields(said))
        for place, data in enumerate(field)
    ]
    yield from sorted(pairs, key=lambda one: one.time)


def _fields(said: CaptionData) -> tuple[list[bytes], list[bytes]]:
    return (
        [two for is_second, two in said.pairs if not is_second],
        [two for is_second, two in said.pairs if is_second],
    )
