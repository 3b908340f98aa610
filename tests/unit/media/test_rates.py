"""Bit rate over sliding windows and the decoder's buffer, against counting by hand."""

import math
from fractions import Fraction

import pytest
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


@given(
    st.lists(st.lists(st.integers(1, 60_000), min_size=2, max_size=40), min_size=2, max_size=5),
    st.sampled_from([Fraction(1), Fraction(3, 2), Fraction(4)]),
)
def test_chunks_that_do_not_overshoot_may_stand_beside_each_other(
    chunks: list[list[int]], window_s: Fraction
) -> None:
    """Chunks of at least two thirds of a window, at 10 frames a second, made smaller by what each overshoots."""
    rate_bps, least = 40_000, math.ceil(window_s * 20 / 3)
    track: list[int] = []
    for number, one in enumerate(chunks):
        sizes = (one * least)[: max(least, len(one))]
        joins = (number > 0, number + 1 < len(chunks))

        def over(sizes: list[int], joins: tuple[bool, bool] = joins) -> Fraction:
            ticks = [100 + n for n in range(len(sizes))]
            return rates.overshoot(
                sizes, ticks, 10, window_s=window_s, rate_bps=rate_bps, end_tick=100 + len(sizes), joins=joins
            )

        ratio = over(sizes)
        if ratio > 1:
            sizes = [int(size / ratio) for size in sizes]
            assert over(sizes) <= 1
        track += sizes
    peak = rates.peak_bps(track, list(range(len(track))), 10, window_s)
    assert peak <= rate_bps * rates.TOLERANCE


@pytest.mark.parametrize(
    ("sizes", "joins", "wanted"),
    [
        # 1,000 bits a frame are the cap of 10,000 bit/s; a window of 2 s may hold 22,000.
        ([125] * 40, (True, True), Fraction(21_000, 18_000)),
        ([125] * 40, (False, False), Fraction(20_000, 22_000)),
        ([625] + [0] * 39, (True, True), Fraction(5_000, 4_000)),
        ([625] + [0] * 39, (False, True), Fraction(5_000, 22_000)),
        ([0] * 39 + [625], (True, True), Fraction(5_000, 4_700)),
        ([0] * 39 + [625], (True, False), Fraction(5_000, 22_000)),
        ([125] * 15, (True, True), Fraction(15_000, 10_500)),
    ],
)
def test_what_may_be_at_a_join_is_less(sizes: list[int], joins: tuple[bool, bool], wanted: Fraction) -> None:
    found = rates.overshoot(
        sizes, list(range(len(sizes))), 10,
        window_s=Fraction(2), rate_bps=10_000, end_tick=len(sizes), joins=joins,
    )  # fmt: skip
    assert found == wanted


def test_a_track_that_keeps_to_its_rate_leaves_the_buffer_as_full_as_its_largest_frame() -> None:
    assert rates.lowest_fill_bits([100] * 50, list(range(50)), 10, rate_bps=8000, buffer_bits=10_000) == 9_200


def test_a_track_above_its_rate_runs_the_buffer_dry() -> None:
    assert rates.lowest_fill_bits([200] * 50, list(range(50)), 10, rate_bps=8000, buffer_bits=10_000) < 0


@given(sizes, st.integers(1, 10**6))
def test_a_buffer_that_fills_between_frames_is_emptied_by_the_largest(frames: list[int], buffer: int) -> None:
    seconds = list(range(len(frames)))
    lowest = rates.lowest_fill_bits(frames, seconds, 1, rate_bps=10**9, buffer_bits=buffer)
    assert lowest == buffer - 8 * max(frames)


@given(
    st.lists(st.lists(st.integers(1, 50_000), min_size=1, max_size=12), min_size=1, max_size=5),
    st.integers(10_000, 2_000_000),
)
def test_a_player_that_waits_as_long_has_every_frame_in_time_and_not_if_it_waits_less(
    segments: list[list[int]], rate_bps: int
) -> None:
    """Frames a tenth of a second each, of which the second and third of a segment change places; 100 bytes of head."""
    shown, given_, at = [], [], 0
    for sizes in segments:
        order = [at + n for n in range(len(sizes))]
        if len(order) > 2:
            order[1], order[2] = order[2], order[1]
        shown.append(order)
        given_.append((100 + sum(sizes), list(zip(sizes, order, strict=True))))
        at += len(sizes)
    wait_s = rates.wait_s(given_[::-1], 10, rate_bps=rate_bps)
    spare = []
    for first in range(len(segments)):
        bits = 0
        for sizes, order in zip(segments[first:], shown[first:], strict=True):
            bits += 800
            for size, tick in zip(sizes, order, strict=True):
                bits += 8 * size
                spare.append(Fraction(tick - shown[first][0], 10) + wait_s - Fraction(bits, rate_bps))
    assert min(spare) == 0
