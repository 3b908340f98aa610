"""What finds no place where sound is put at its times."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.sound_placing import Placing, place

RATE = 48_000
FRAME = 1024


def frames(times: list[int]) -> list[tuple[Fraction, int]]:
    """Frames of sound at these samples."""
    return [(Fraction(at, RATE), FRAME) for at in times]


def test_frames_one_after_the_other_lose_nothing() -> None:
    assert place(frames([FRAME * n for n in range(100)]), RATE) == Placing(RATE, 100 * FRAME, 0, 100, 0)


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=50))
def test_times_that_waver_lose_nothing(off: list[int]) -> None:
    found = place(frames([FRAME * n + one for n, one in enumerate(off)]), RATE)
    assert (found.cut, found.steps) == (0, 0)


@given(st.lists(st.integers(1, 10 * RATE), min_size=1, max_size=20))
def test_gaps_lose_nothing(gaps: list[int]) -> None:
    times, at = [], 0
    for gap in gaps:
        at += FRAME + gap
        times.append(at)
    assert place(frames(times), RATE).cut == 0


@given(st.integers(4, 40))
def test_what_comes_twice_is_cut_once(again: int) -> None:
    """Frames begin anew where as many were before: no more than those is lost, and what follows stays."""
    times = [FRAME * n for n in range(100)]
    found = place(frames(times[:50] + times[50 - again : 50] + times[50:]), RATE)
    assert found.cut == again * FRAME
    assert found.steps >= 1


def test_times_that_hardly_go_on_leave_no_room() -> None:
    found = place(frames([FRAME * n // 100 for n in range(100)]), RATE)
    assert found.is_untrue
    assert not place(frames([2 * FRAME * n for n in range(100)]), RATE).is_untrue


def test_a_frame_that_came_twice_in_a_short_file_is_no_lie() -> None:
    assert not place(frames([0, 0, *(FRAME * n for n in range(1, 8))]), RATE, Fraction(3, 200)).is_untrue


def test_frames_that_all_lie_apart_are_scattered() -> None:
    assert place(frames([5 * FRAME * n for n in range(100)]), RATE).is_scattered
