"""Bit rate over sliding windows and the decoder's buffer, against counting by hand."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cutroom.media import rates

sizes = st.lists(st.integers(1, 50_000), min_size=1, max_size=60)


def test_a_burst_across_a_join_counts_as_one() -> None:
    """Two seconds of 1,000 bytes a frame on both sides of second 5, at 10 frames a second."""
    frames = [1000 if 40 <= n < 60 else 10 for n in range(100)]
    assert rates.peak_bps(frames, list(range(100)), 10, Fraction(2)) == 20 * 1000 * 8 / 2


@given(sizes, st.integers(1, 40))
def test_the_peak_is_that_of_the_fullest_window(frames: list[int], window: int) -> None:
    ticks = [3 * n for n in range(len(frames))]
    largest = max(
        sum(size for size, tick in zip(frames, ticks, strict=True) if first <= tick < first + window)
        for first in ticks
    )
    assert rates.peak_bps(frames, ticks, 1, Fraction(window)) == -(-largest * 8 // window)


def test_a_track_that_keeps_to_its_rate_leaves_the_buffer_as_full_as_its_largest_frame() -> None:
    assert rates.lowest_fill_bits([100] * 50, list(range(50)), 10, rate_bps=8000, buffer_bits=10_000) == 9_200


def test_a_track_above_its_rate_runs_the_buffer_dry() -> None:
    assert rates.lowest_fill_bits([200] * 50, list(range(50)), 10, rate_bps=8000, buffer_bits=10_000) < 0


@given(sizes, st.integers(1, 10**6))
def test_a_buffer_that_fills_between_frames_is_emptied_by_the_largest(frames: list[int], buffer: int) -> None:
    seconds = list(range(len(frames)))
    lowest = rates.lowest_fill_bits(frames, seconds, 1, rate_bps=10**9, buffer_bits=buffer)
    assert lowest == buffer - 8 * max(frames)
