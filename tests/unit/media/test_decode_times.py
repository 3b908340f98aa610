"""Decode times where a container does not say how long the last packet of a segment lasts."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.decode_times import close_holes

SEGMENT = Fraction(600)
WAIT = 900


def closed(shown: list[int], decoded: list[int] | None = None) -> list[int]:
    times = list(shown if decoded is None else decoded)
    close_holes(times, shown, SEGMENT, WAIT)
    return times


def test_a_steady_rate_stays_as_it_is() -> None:
    assert closed(list(range(0, 3000, 40))) == list(range(0, 3000, 40))


def test_packets_before_a_long_frame_are_decoded_closer_together() -> None:
    shown = [*range(0, 401, 40), *range(600, 1201, 40)]
    times = closed(shown)
    # Frames 0 to 9 had 360 ticks, and leave 200 for the last one, as long as it is shown.
    assert times[:11] == [*(40 * n * 200 // 360 for n in range(10)), 400]
    assert times[10:] == shown[10:]


def test_a_segment_after_a_longer_hole_begins_to_be_decoded_earlier() -> None:
    shown = [*range(0, 201, 20), *range(610, 1201, 20)]
    times = closed(shown)
    assert times[:11] == [*range(0, 91, 10), 200]
    assert times[11:] == [310, *shown[12:]]


def test_a_last_packet_after_a_long_frame_is_decoded_earlier() -> None:
    shown = [0, 40, 80, 560, *range(600, 1201, 40)]
    assert closed(shown) == [0, 40, 80, 340, *shown[4:]]


def test_where_frames_are_too_close_or_too_few_nothing_is_changed() -> None:
    few = [0, 40, *range(900, 1201, 40)]
    assert closed(few) == few
    close = [*range(5), *range(600, 603)]
    assert closed(close)[:5] == close[:5]


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60))
def test_decode_times_rise_and_no_frame_is_decoded_after_it_is_shown(gaps: list[int]) -> None:
    shown = [sum(gaps[:n]) for n in range(len(gaps))]
    times = closed(shown)
    assert all(before < after for before, after in pairwise(times))
    assert all(time <= tick for time, tick in zip(times, shown, strict=True))
    assert all(time >= tick - WAIT - 600 for time, tick in zip(times, shown, strict=True))
