from fractions import Fraction

import pytest

from cutroom.packaging.facts import Segment
from cutroom.steps.assembling import _highest_rate


def test_a_variable_rate_is_that_of_the_segment_with_the_most_frames() -> None:
    calm, fast = range(0, 6000, 200), range(6000, 12000, 40)
    segments = [
        Segment(file=f"{number}", size_bytes=1, start_ticks=start, duration_ticks=6000)
        for number, start in enumerate((0, 6000))
    ]
    assert _highest_rate(segments, [*calm, *fast], 1000) == 25
    assert _highest_rate(segments[:1], calm, 1000) == 5


@pytest.mark.parametrize("lasts", [40, 1])
def test_one_frame_has_the_rate_of_what_it_lasts(lasts: int) -> None:
    one = Segment(file="1", size_bytes=1, start_ticks=7, duration_ticks=lasts)
    assert _highest_rate([one], [7], 1000) == Fraction(1000, lasts)
