"""Which hidden frames can be told from those that are shown."""

import pytest

from cutroom.ffmpeg.edited import EditsNotTaken, reject_hidden_between
from cutroom.ffmpeg.presentation import Stated

STEP = 40


@pytest.mark.parametrize(
    ("hidden", "taken"), [((0, 1), True), ((4, 5), True), ((2,), False), ((1, 3), False)]
)
def test_frames_that_a_trim_hides_lie_before_and_behind_those_that_are_shown(
    hidden: tuple[int, ...], taken: bool
) -> None:
    times = [Stated(n * STEP, n * STEP, n == 0, n in hidden) for n in range(6)]
    if taken:
        reject_hidden_between(times, EditsNotTaken)
    else:
        with pytest.raises(EditsNotTaken):
            reject_hidden_between(times, EditsNotTaken)
