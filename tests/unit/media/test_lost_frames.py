"""Single frames of sound that were lost or came twice are told from recorders whose times waver."""

import random
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.lost_frames import has_lost_frames

LARGEST_S = Fraction(1, 20)
RATES_HZ = [22_050, 24_000, 32_000, 44_100, 48_000]
FRAME = 1024


def times_of(frames: list[int], rate_hz: int, ticks_per_s: int) -> list[int]:
    """The times of frames of AAC by their numbers, rounded to ticks."""
    return [round(Fraction(FRAME * frame * ticks_per_s, rate_hz)) for frame in frames]


@given(
    rate_hz=st.sampled_from(RATES_HZ),
    is_exact=st.booleans(),
    lost=st.sets(st.integers(3, 396), min_size=1, max_size=5),
    begins=st.integers(-5, 10**6),
)
def test_lost_frames_are_found_whatever_the_clock_is_rounded_to(
    rate_hz: int, is_exact: bool, lost: set[int], begins: int
) -> None:
    frames = [begins + frame for frame in range(400) if frame not in lost]
    ticks_per_s = rate_hz if is_exact else 1000
    whole = times_of([begins + frame for frame in range(400)], rate_hz, ticks_per_s)
    assert not has_lost_frames(whole, Fraction(1, ticks_per_s), LARGEST_S)
    found = has_lost_frames(times_of(frames, rate_hz, ticks_per_s), Fraction(1, ticks_per_s), LARGEST_S)
    is_small = any(frame + 1 not in lost and frame - 1 not in lost for frame in lost)
    assert found or not is_small


def test_a_frame_that_came_twice_is_found() -> None:
    frames = [*range(100), *range(99, 300)]
    assert has_lost_frames(times_of(frames, 48_000, 1000), Fraction(1, 1000), LARGEST_S)


def test_a_pause_is_believed_anyway() -> None:
    """Its encode stays what it was."""
    frames = [*range(100), *range(110, 300)]
    assert not has_lost_frames(times_of(frames, 48_000, 48_000), Fraction(1, 48_000), LARGEST_S)


def test_a_pause_that_is_no_number_of_frames_does_not_hide_a_lost_frame() -> None:
    times = times_of([frame for frame in range(300) if frame != 50], 48_000, 48_000)
    paused = [time + (0 if number < 200 else 7777) for number, time in enumerate(times)]
    assert has_lost_frames(paused, Fraction(1, 48_000), LARGEST_S)


@pytest.mark.parametrize("drift", [Fraction(1001, 1000), Fraction(997, 1000)])
def test_a_clock_that_drifts_has_lost_nothing(drift: Fraction) -> None:
    times = [round(time * drift) for time in times_of([*range(5000)], 48_000, 48_000)]
    assert not has_lost_frames(times, Fraction(1, 48_000), LARGEST_S)
    gone = times[:2000] + times[2001:]
    assert has_lost_frames(gone, Fraction(1, 48_000), LARGEST_S)


@pytest.mark.parametrize("seed", range(20))
def test_times_that_waver_have_lost_nothing(seed: int) -> None:
    """A recorder that notes when it got the sound is late now and in time then, by up to a frame."""
    late_ms = random.Random(seed)
    wavering = [time + late_ms.randint(0, 25) for time in times_of([*range(400)], 48_000, 1000)]
    assert not has_lost_frames(wavering, Fraction(1, 1000), LARGEST_S)
    seldom = [time + 20 * (late_ms.random() < 0.02) for time in times_of([*range(4000)], 48_000, 1000)]
    assert not has_lost_frames(seldom, Fraction(1, 1000), LARGEST_S)


def test_a_recorder_that_gets_two_frames_at_a_time_has_lost_nothing() -> None:
    times = times_of([*range(400)], 48_000, 1000)
    assert not has_lost_frames(
        [times[number // 2 * 2] for number in range(400)], Fraction(1, 1000), LARGEST_S
    )
    now_and_then = [times[number - number % 2 * (number % 40 == 1)] for number in range(400)]
    assert not has_lost_frames(now_and_then, Fraction(1, 1000), LARGEST_S)


def test_packets_of_any_length_say_nothing_of_frames() -> None:
    lasts = [(128, 1024)[number % 3 == 0] for number in range(300)]
    assert not has_lost_frames([0, *accumulate(lasts)], Fraction(1, 48_000), LARGEST_S)


@pytest.mark.parametrize("times", [[], [0], [0, 0, 0], [5, 4, 3, 2]])
def test_hardly_any_times_say_nothing(times: list[int]) -> None:
    assert not has_lost_frames(times, Fraction(1, 1000), LARGEST_S)
