"""Where a clock jumps, and by how much what follows is moved."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.clock import Clock, ClockBroken, jump_times

TICKS_PER_S = 90_000
WRAPS_AT = 2**33
PICTURE, SOUND = 3600, 1920
"""Ticks of a frame of each."""

Times = tuple[int, int, bool]
"""Track, decode time, whether it is sound."""


def recording(start: int, seconds: float, *, sound_first: bool = False) -> list[Times]:
    """Frames of a picture (track 0) and of sound (track 1), as a file holds them."""
    ticks = round(seconds * TICKS_PER_S)
    pictures = [(0, start + at, False) for at in range(0, ticks, PICTURE)]
    sounds = [(1, start + at, True) for at in range(0, ticks, SOUND)]
    return sorted(pictures + sounds, key=lambda one: (one[1], one[2] != sound_first))


def followed(times: list[Times], *, wraps_at: int | None = WRAPS_AT) -> tuple[Clock, list[int]]:
    clock = Clock(TICKS_PER_S, wraps_at=wraps_at)
    return clock, [
        clock.step(track, pts=at % WRAPS_AT, dts=at % WRAPS_AT, lasts=SOUND if is_sound else 0, is_sound=is_sound)
        for track, at, is_sound in times
    ]  # fmt: skip


def moved(times: list[Times], clock: Clock, parts: list[int]) -> Iterator[Times]:
    shifts = clock.shifts()
    for (track, at, is_sound), part in zip(times, parts, strict=True):
        yield track, (at + shifts[part]) % WRAPS_AT, is_sound


def test_a_clock_that_goes_on_has_one_part_also_where_it_wraps() -> None:
    clock, parts = followed(recording(WRAPS_AT - TICKS_PER_S, 3))
    assert set(parts) == {0}
    assert clock.shifts() == [0]


def test_a_gap_in_one_track_is_no_jump() -> None:
    times = [one for one in recording(0, 40) if one[2] or not 5 < one[1] / TICKS_PER_S < 30]
    assert set(followed(times)[1]) == {0}


def test_a_long_gap_in_all_tracks_is_a_jump_but_where_the_format_has_pauses() -> None:
    times = recording(0, 2) + recording(60 * TICKS_PER_S, 2)
    assert set(followed(times)[1]) == {0, 1}
    clock = Clock(TICKS_PER_S, ahead_s=None)
    assert {clock.step(t, pts=at, dts=at, lasts=0, is_sound=s) for t, at, s in times} == {0}


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(2, 12)), min_size=2, max_size=5),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_recordings_of_any_clocks_follow_each_other_without_gap_or_overlap(
    recordings: list[tuple[int, int]], sound_first: list[bool]
) -> None:
    times = [
        one
        for (start, tenths), first in zip(recordings, sound_first, strict=False)
        for one in recording(start * 100 * TICKS_PER_S, tenths / 10, sound_first=first)
    ]
    clock, parts = followed(times)
    assert parts == sorted(parts)
    for track, lasts in ((0, PICTURE), (1, SOUND)):
        of_track = [at for one, at, _ in moved(times, clock, parts) if one == track]
        steps = [(after - before) % WRAPS_AT for before, after in pairwise(of_track)]
        # A picture gives way to sound by half of itself, or waits for the end of a frame of sound and a silence.
        assert all(lasts // 2 <= step <= lasts + 2 * PICTURE for step in steps)
    assert jump_times(clock.parts, clock.shifts()) == sorted(jump_times(clock.parts, clock.shifts()))


def test_sound_goes_on_at_once_and_the_last_picture_gives_way_to_it() -> None:
    """25 frames and 46.875 frames of sound are a second: 47 of sound are 2.67 ms more."""
    times = recording(500 * TICKS_PER_S, 1) + recording(0, 1)
    clock, parts = followed(times)
    sounds = [at for track, at, _ in moved(times, clock, parts) if track == 1]
    assert {after - before for before, after in pairwise(sounds)} == {SOUND}


def test_a_hole_in_the_sound_is_long_enough_to_become_silence() -> None:
    """The picture is 40 ms longer than the sound; silence of less than 50 ms would be left out."""
    times = [one for one in recording(0, 2.04) if not one[2] or one[1] < 1.98 * TICKS_PER_S]
    times += recording(500 * TICKS_PER_S, 1)
    clock, parts = followed(times)
    sounds = [at for track, at, _ in moved(times, clock, parts) if track == 1]
    holes = [after - before - SOUND for before, after in pairwise(sounds) if after - before != SOUND]
    assert holes
    assert min(holes) >= TICKS_PER_S // 20


def test_tracks_that_do_not_agree_are_told() -> None:
    goes_on = [one for one in recording(0, 20) if one[2] or one[1] < 5 * TICKS_PER_S]
    jumps = [(0, at + 700 * TICKS_PER_S, False) for _, at, is_sound in recording(0, 1) if not is_sound]
    with pytest.raises(ClockBroken, match="track 1 goes on"):
        followed(
            sorted(goes_on + jumps, key=lambda one: one[1] if one[1] < 500 * TICKS_PER_S else 5 * TICKS_PER_S)
        )
