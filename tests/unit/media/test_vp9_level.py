"""Levels of VP9, by hand from webmproject.org/vp9/levels."""

from fractions import Fraction

import pytest

from cutroom.media.vp9_level import most_frames_in_a_second, vp9_level


@pytest.mark.parametrize(
    ("width", "height", "rate", "level"),
    [
        (16, 16, 30, 10),
        (256, 144, 25, 11),
        (640, 360, 30, 21),
        (640, 360, 60, 30),
        (360, 640, 30, 21),
        (1280, 720, 30, 31),
        (1280, 720, 60, 40),
        (1280, 720, Fraction(60000, 1001), 40),
        (1280, 720, 120, 41),
        (1920, 1080, 30, 40),
        (1920, 1080, 60, 41),
        (3840, 2160, 30, 50),
        (3840, 2160, 60, 51),
        (7680, 4320, 30, 60),
        (2560, 16, 25, 31),
        (16384, 16384, 500, 62),
    ],
)
def test_a_level_is_the_lowest_that_allows_size_and_rate(
    width: int, height: int, rate: Fraction, level: int
) -> None:
    assert vp9_level(width, height, rate) == level


def test_a_level_allows_the_bit_rate_too() -> None:
    assert vp9_level(640, 360, 30, 3_600_000) == 21
    assert vp9_level(640, 360, 30, 3_600_001) == 30


def test_the_second_that_shows_most_counts() -> None:
    slow, fast = [tick * 100 for tick in range(20)], [2000 + tick * 20 for tick in range(50)]
    assert most_frames_in_a_second([*slow, *fast], 1000) == 50
    assert most_frames_in_a_second([0], 1000) == 1
    assert most_frames_in_a_second([], 1000) == 0
