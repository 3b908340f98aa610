"""When frames are shown, at which times encoders are given them, and asked for keyframes."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from cutroom.media import timeline, timing
from cutroom.media.timeline import COMMON_RATES
from cutroom.media.timing import Timing
from strategies import timing_of


class TestOutputTimes:
    @given(st.sampled_from(COMMON_RATES))
    def test_a_frame_of_a_constant_rate_is_a_whole_number_of_ticks(self, rate: Fraction) -> None:
        timescale = timeline.output_timescale(rate, Fraction(1, 1000))
        assert (timescale / rate).denominator == 1
        assert timescale >= timeline.MIN_TIMESCALE

    @given(st.integers(1, 240_000))
    def test_a_variable_rate_keeps_whole_source_ticks(self, ticks: int) -> None:
        timescale = timeline.output_timescale(None, Fraction(1, ticks))
        assert timescale % ticks == 0
        assert timescale >= timeline.MIN_TIMESCALE

    @pytest.mark.parametrize(
        ("time_base", "timescale"),
        [(Fraction(1001, 30_000), 30_000), (Fraction(3, 100), 10_000), (Fraction(1, 10**9), 90_000)],
    )
    def test_ticks_of_several_units_stay_whole_and_those_that_are_too_short_become_90_khz(
        self, time_base: Fraction, timescale: int
    ) -> None:
        assert timeline.output_timescale(None, time_base) == timescale

    @given(strategies.frame_times, st.integers(0, 3_000_000))
    def test_output_times_rise_strictly_from_zero_or_later(
        self, frames: tuple[list[int], Fraction, Fraction | None], earlier_us: int
    ) -> None:
        times, time_base, rate = frames
        origin = times[0] * time_base - Fraction(earlier_us, 1_000_000)
        timing = timing_of(times, time_base, rate, origin)
        ticks = [timing.output_ticks(pts) for pts in times]
        assert ticks[0] >= 0
        assert all(before < after for before, after in pairwise(ticks))

    @given(strategies.frame_times, st.integers(0, 3_000_000))
    def test_an_output_time_is_where_the_source_has_the_frame(
        self, frames: tuple[list[int], Fraction, Fraction | None], earlier_us: int
    ) -> None:
        times, time_base, rate = frames
        origin = times[0] * time_base - Fraction(earlier_us, 1_000_000)
        timing = timing_of(times, time_base, rate, origin)
        # The source's own rounding, and that of the first frame's phase.
        allowed = time_base + Fraction(1, 2 * timeline.MIN_TIMESCALE)
        for pts in times:
            shown = Fraction(timing.output_ticks(pts), timing.timescale)
            assert abs(shown - (pts * time_base - origin)) <= allowed

    @given(st.integers(0, 500_000))
    def test_halves_are_rounded_up_as_ffmpeg_rounds_them(self, tick: int) -> None:
        # A sound that starts half a tick before the picture leaves every frame at a half.
        timing = Timing(
            time_base=Fraction(1, 90_000),
            origin_s=Fraction(-1, 180_000),
            timescale=90_000,
            first_pts=0,
            first_ticks=1,
            frame_ticks=None,
        )
        assert timing.output_ticks(tick) == tick + 1


class TestEncoderTicks:
    @given(st.lists(st.integers(0, 100_000), min_size=1, unique=True).map(sorted), st.integers(1, 1000))
    def test_no_frame_is_given_for_longer_than_that_and_all_others_for_as_long_as_they_are_shown(
        self, ticks: list[int], longest: int
    ) -> None:
        found = timing.encoder_ticks(ticks, longest)
        assert found[0] == ticks[0]
        lasts = [after - before for before, after in pairwise(ticks)]
        assert [after - before for before, after in pairwise(found)] == [min(one, longest) for one in lasts]

    def test_without_a_longest_they_are_given_as_they_are_shown(self) -> None:
        assert timing.encoder_ticks([0, 40, 9000], None) == [0, 40, 9000]
        assert timing.encoder_ticks([], 10) == []


class TestKeyframesAsked:
    @given(
        strategies.frame_times,
        strategies.segment_lengths,
        st.integers(0, 3_000_000),
        st.one_of(st.none(), st.integers(1, 100_000)),
    )
    def test_a_time_lies_between_the_frame_before_and_the_boundary_as_ffmpeg_reads_it(
        self,
        frames: tuple[list[int], Fraction, Fraction | None],
        segment_s: Fraction,
        earlier_us: int,
        longest_us: int | None,
    ) -> None:
        times, time_base, rate = frames
        origin = times[0] * time_base - Fraction(earlier_us, 1_000_000)
        exact = timing_of(times, time_base, rate, origin)
        longest = None if longest_us is None else max(20, longest_us * exact.timescale // 1_000_000)
        clock = timing_of(times, time_base, rate, origin, longest)
        boundaries = timeline.segment_boundaries(times, time_base, origin, segment_s)
        given_at = clock.encoder_ticks([clock.output_ticks(pts) for pts in times])
        asked = clock.keyframes_asked(boundaries, times)
        assert len(asked) == len(boundaries) - 1
        for boundary, time in zip(boundaries[1:], asked, strict=True):
            place = times.index(boundary)
            printed = Fraction(f"{float(time):.6f}")
            assert Fraction(given_at[place - 1], clock.timescale) < printed
            assert printed < Fraction(given_at[place], clock.timescale)

    def test_the_first_frame_of_all_needs_no_asking(self) -> None:
        clock = timing_of([0, 50, 100], Fraction(1, 1000), None, Fraction(0))
        assert clock.keyframes_asked([0, 100], [0, 50, 100]) == (Fraction(75, 1000),)
