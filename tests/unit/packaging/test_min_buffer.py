from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cutroom.packaging.facts import Segment, TrickPlay
from cutroom.packaging.min_buffer import keyframes_bps, min_buffer_s

lengths_and_sizes = st.lists(
    st.tuples(st.integers(40, 12_000), st.integers(100, 90_000)), min_size=1, max_size=8
)


@given(lengths_and_sizes)
def test_who_has_waited_has_every_keyframe_when_it_is_shown(
    version: Any, made: list[tuple[int, int]]
) -> None:
    """Also where a last segment lasts for a frame, or the picture stands still for long."""
    lengths, sizes = zip(*made, strict=True)
    starts = [0, *accumulate(lengths)]
    segments = tuple(
        Segment(start_ticks=start, duration_ticks=length, size_bytes=1)
        for start, length in zip(starts, lengths, strict=False)
    )
    keyframes = TrickPlay(files={}, sizes_bytes=sizes)
    one = replace(version.facts[0], timescale=1000, segments=segments, trick_play=keyframes, target_s=6)
    rate_bps, waited_s = keyframes_bps(one, keyframes), min_buffer_s([one])
    for first in range(len(sizes)):
        for last in range(first, len(sizes)):
            shown_s = waited_s + Fraction(starts[last] - starts[first], 1000)
            assert Fraction(8 * sum(sizes[first : last + 1]), rate_bps) <= shown_s


def test_a_short_last_segment_does_not_make_the_keyframes_look_large(version: Any) -> None:
    segments = (
        Segment(start_ticks=0, duration_ticks=6_000, size_bytes=1),
        Segment(start_ticks=6_000, duration_ticks=40, size_bytes=1),
    )
    keyframes = TrickPlay(files={}, sizes_bytes=(9_000, 9_000))
    one = replace(version.facts[0], timescale=1000, segments=segments, trick_play=keyframes)
    assert keyframes_bps(one, keyframes) == 8 * 9_000 // 2
