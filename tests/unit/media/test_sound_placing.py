"""What finds no place where sound is put at its times."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.sound_placing import Placing, are_stretched, in_a_row, in_stretches, lacking, place

RATE = 48_000
FRAME = 1024


def frames(times: list[int]) -> list[tuple[Fraction, int]]:
    """Frames of sound at these samples."""
    return [(Fraction(at, RATE), FRAME) for at in times]


def test_frames_one_after_the_other_lose_nothing() -> None:
    whole = Placing(RATE, 100 * FRAME, 0, 100, 0, 0, Fraction(100 * FRAME, RATE))
    assert place(frames([FRAME * n for n in range(100)]), RATE) == whole
    assert in_a_row(frames([7 * FRAME * n for n in range(100)]), RATE) == whole


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=50))
def test_times_that_waver_lose_nothing(off: list[int]) -> None:
    found = place(frames([FRAME * n + one for n, one in enumerate(off)]), RATE)
    assert (found.cut, found.filled, found.steps) == (0, 0, 0)


@given(st.lists(st.integers(1, 10 * RATE), min_size=1, max_size=20))
def test_gaps_lose_nothing(gaps: list[int]) -> None:
    times, at = [], 0
    for gap in gaps:
        at += FRAME + gap
        times.append(at)
    found = place(frames(times), RATE)
    assert found.cut == 0
    # What is too small a gap is stretched over.
    assert found.filled <= sum(gaps[1:])
    assert found.filled >= sum(gap for gap in gaps[1:] if gap >= RATE // 20 + 480 * len(gaps))


def test_what_a_track_begins_with_and_does_not_decode_is_silence() -> None:
    late = frames([FRAME * n for n in range(5, 100)])
    assert place(late, RATE, Fraction(1, 20), Fraction(0)).filled == 5 * FRAME
    assert place(late, RATE, Fraction(1, 5), Fraction(0)).filled == 0
    assert place(late, RATE).filled == 0


@given(st.integers(4, 40))
def test_what_comes_twice_is_cut_once(again: int) -> None:
    """Frames begin anew where as many were before: no more than those is lost, and what follows stays."""
    times = [FRAME * n for n in range(100)]
    found = place(frames(times[:50] + times[50 - again : 50] + times[50:]), RATE)
    assert (found.cut, found.filled) == (again * FRAME, 0)
    assert found.steps >= 1


def test_times_that_hardly_go_on_leave_no_room() -> None:
    found = place(frames([FRAME * n // 100 for n in range(100)]), RATE)
    assert found.is_untrue
    assert not place(frames([2 * FRAME * n for n in range(100)]), RATE).is_untrue


def test_a_frame_that_came_twice_in_a_short_file_is_no_lie() -> None:
    assert not place(frames([0, 0, *(FRAME * n for n in range(1, 8))]), RATE, Fraction(3, 200)).is_untrue


def test_frames_that_all_lie_apart_are_scattered() -> None:
    assert place(frames([5 * FRAME * n for n in range(100)]), RATE).is_scattered


def test_where_an_edit_list_plays_what_does_not_decode_is_silence() -> None:
    """Ten frames are lost; a millisecond that a list rounds is none."""
    there = frames([FRAME * n for n in range(100) if not 40 <= n < 50])
    step_s = Fraction(1, 20)
    assert in_stretches(there, RATE, [(0, 30 * FRAME), (60 * FRAME, 100 * FRAME + 48)], step_s).filled == 0
    found = in_stretches(there, RATE, [(30 * FRAME, 45 * FRAME), (47 * FRAME, 70 * FRAME)], step_s)
    assert found.filled == 8 * FRAME


def test_a_track_lacks_what_its_container_states_behind_its_sound() -> None:
    decoded = place(frames([FRAME * n for n in range(100)]), RATE)
    assert lacking(decoded, Fraction(0), Fraction(200 * FRAME, RATE)) == 100 * FRAME
    assert lacking(decoded, Fraction(0), Fraction(101 * FRAME, RATE)) == 0
    assert lacking(decoded, Fraction(0), None) == 0
    assert lacking(place([], RATE), Fraction(0), Fraction(1)) == 0


def test_packets_that_all_lie_apart_are_stretched_and_lost_ones_are_not() -> None:
    """Frames of 256 samples of E-AC-3 that a container counts as 1,536."""
    short = [Fraction(256, RATE)] * 10
    assert are_stretched([1536 * n for n in range(50)], Fraction(1, RATE), short)
    assert not are_stretched([256 * n for n in range(50)], Fraction(1, RATE), short)
    lost = [256 * n for n in range(500) if n % 20]
    assert not are_stretched(lost, Fraction(1, RATE), short)
    assert not are_stretched([1536 * n for n in range(50)], Fraction(1, RATE), [])
