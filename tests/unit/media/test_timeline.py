"""The timeline's invariants: frames lie in segments, segments in encode chunks, and nothing is lost between them."""

import math
from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from cutroom.errors import PlanInvalid
from cutroom.media import timeline
from cutroom.media.timeline import COMMON_RATES, EncodeChunk, Packet
from strategies import Track, ticks_of, timing_of

WHOLE_SECONDS = Fraction(6)


def grid_of(
    times: list[int], time_base: Fraction, segment_s: Fraction, origin_s: Fraction | None = None
) -> list[int]:
    origin = times[0] * time_base if origin_s is None else origin_s
    return timeline.segment_boundaries(times, time_base, origin, segment_s)


def chunks_of(track: Track, segment_s: Fraction, per_chunk: int) -> tuple[EncodeChunk, ...]:
    pts = timeline.shown_pts(track.packets)
    return timeline.plan_chunks(track.packets, grid_of(pts, track.time_base, segment_s), per_chunk)


class TestBoundaries:
    @given(strategies.frame_times, strategies.segment_lengths, st.integers(0, 30))
    def test_boundary_k_is_the_first_frame_at_or_after_k_times_s(
        self,
        frames: tuple[list[int], Fraction, Fraction | None],
        segment_s: Fraction,
        later: int,
    ) -> None:
        times, time_base, _ = frames
        # The presentation may begin before the picture: with a sound, say.
        origin = times[0] * time_base - Fraction(later, 7)
        ends = int((times[-1] * time_base - origin) / segment_s) + 1
        wanted = {times[0]}
        for k in range(ends + 1):
            late = [
                place
                for place in [bisect_left(times, (origin + k * segment_s) / time_base)]
                if place < len(times)
            ]
            wanted |= {times[place] for place in late}
        assert grid_of(times, time_base, segment_s, origin) == sorted(wanted)

    @given(strategies.frame_times, strategies.segment_lengths)
    def test_boundaries_rise_and_are_frames_and_begin_with_the_first(
        self, frames: tuple[list[int], Fraction, Fraction | None], segment_s: Fraction
    ) -> None:
        times, time_base, _ = frames
        boundaries = grid_of(times, time_base, segment_s)
        assert boundaries[0] == times[0]
        assert all(before < after for before, after in pairwise(boundaries))
        assert set(boundaries) <= set(times)

    @pytest.mark.parametrize("rate", [Fraction(25), Fraction(50), Fraction(120), Fraction(30)])
    def test_a_source_of_exactly_two_segments_has_two(self, rate: Fraction) -> None:
        times = ticks_of(rate, 1 / rate, int(12 * rate))
        assert grid_of(times, 1 / rate, WHOLE_SECONDS) == [0, int(6 * rate)]

    @pytest.mark.parametrize("rate", strategies.RATES)
    def test_one_frame_more_than_two_segments_makes_a_third(self, rate: Fraction) -> None:
        base = 1 / rate
        count = -(-12 * rate.numerator // rate.denominator)  # frames before 12 s
        assert len(grid_of(ticks_of(rate, base, count), base, WHOLE_SECONDS)) == 2
        assert len(grid_of(ticks_of(rate, base, count + 1), base, WHOLE_SECONDS)) == 3

    def test_a_gap_longer_than_a_segment_leaves_its_boundaries_out(self) -> None:
        times = [0, 1_000, 20_500, 21_000, 24_000]
        assert grid_of(times, Fraction(1, 1000), WHOLE_SECONDS) == [0, 20_500, 24_000]

    def test_a_frame_that_serves_two_boundaries_is_one_boundary(self) -> None:
        assert grid_of([0, 13_000, 13_100], Fraction(1, 1000), WHOLE_SECONDS) == [0, 13_000]

    def test_a_picture_that_starts_late_keeps_to_the_grid_of_the_presentation(self) -> None:
        times = list(range(8_000, 20_000, 40))
        assert grid_of(times, Fraction(1, 1000), WHOLE_SECONDS, Fraction(0)) == [8_000, 12_000, 18_000]

    def test_a_track_without_frames_is_an_invalid_plan(self) -> None:
        with pytest.raises(PlanInvalid, match="no frame"):
            timeline.segment_boundaries([], Fraction(1, 1000), Fraction(0), WHOLE_SECONDS)


class TestChunks:
    @given(strategies.tracks(), strategies.segment_lengths, st.integers(1, 5))
    def test_windows_touch_and_together_are_the_whole_source(
        self, track: Track, segment_s: Fraction, per_chunk: int
    ) -> None:
        chunks = chunks_of(track, segment_s, per_chunk)
        pts = timeline.shown_pts(track.packets)
        assert chunks[0].start_pts == pts[0]
        assert chunks[-1].end_pts == pts[-1] + 1
        assert all(before.end_pts == after.start_pts for before, after in pairwise(chunks))
        assert all(chunk.start_pts < chunk.end_pts for chunk in chunks)
        assert [chunk.index for chunk in chunks] == list(range(len(chunks)))

    @given(strategies.tracks(), strategies.segment_lengths, st.integers(1, 5))
    def test_each_frame_is_in_one_segment_and_each_segment_in_one_chunk(
        self, track: Track, segment_s: Fraction, per_chunk: int
    ) -> None:
        chunks = chunks_of(track, segment_s, per_chunk)
        pts = timeline.shown_pts(track.packets)
        counted = 0
        for chunk in chunks:
            assert chunk.boundaries[0] == chunk.start_pts
            ends = [*chunk.boundaries[1:], chunk.end_pts]
            inside = [
                [t for t in pts if start <= t < end]
                for start, end in zip(chunk.boundaries, ends, strict=True)
            ]
            assert all(inside)
            assert sum(map(len, inside)) == chunk.frames
            counted += chunk.frames
        assert counted == len(pts)

    @given(strategies.tracks(), strategies.segment_lengths, st.integers(1, 5))
    def test_chunks_hold_about_as_many_segments_as_are_wanted(
        self, track: Track, segment_s: Fraction, per_chunk: int
    ) -> None:
        chunks = chunks_of(track, segment_s, per_chunk)
        *others, last = chunks
        # Longer ones where a keyframe is far.
        mean = Fraction(len(track.packets), sum(len(chunk.boundaries) for chunk in chunks))
        longest = max(chunk.end_packet - chunk.first_packet for chunk in chunks) / (
            timeline.MOST_WASTE * mean
        )
        most, least = max(per_chunk, math.ceil(longest)) + per_chunk // 2, per_chunk - per_chunk // 2
        assert all(least <= len(chunk.boundaries) <= most for chunk in others)
        assert 1 <= len(last.boundaries) <= most

    def test_chunks_begin_where_little_is_decoded_in_vain(self) -> None:
        """Keyframes each 10 s under a grid of 6 s: the boundaries at 12, 30 and 42 s are the best to begin with."""
        packets = [Packet(pts=n, is_keyframe=n % 10 == 0) for n in range(60)]
        chunks = timeline.plan_chunks(packets, list(range(0, 60, 6)), 2)
        assert [chunk.start_pts for chunk in chunks] == [0, 12, 30, 42]
        assert [chunk.first_packet for chunk in chunks] == [0, 10, 30, 40]

    def test_a_film_of_one_keyframe_is_decoded_a_few_times_and_not_once_for_each_chunk(self) -> None:
        packets = [Packet(pts=n, is_keyframe=n == 0) for n in range(1200)]
        chunks = timeline.plan_chunks(packets, list(range(0, 1200, 6)), 2)
        sizes = [chunk.frames for chunk in chunks]
        assert sum(sizes) == 1200
        # The film ends within the last.
        assert all(chunk.start_pts <= 4 * chunk.frames for chunk in chunks[:-1])
        assert sizes[0] <= 12
        assert sizes[:-1] == sorted(sizes[:-1])

    @given(strategies.tracks(), strategies.segment_lengths, st.integers(1, 3))
    def test_a_chunk_has_every_packet_that_decoding_its_frames_needs(
        self, track: Track, segment_s: Fraction, per_chunk: int
    ) -> None:
        for chunk in chunks_of(track, segment_s, per_chunk):
            there = range(chunk.first_packet, chunk.end_packet)
            for number, packet in enumerate(track.packets):
                if chunk.start_pts <= packet.pts < chunk.end_pts:
                    assert track.needed(number) <= set(there)

    @given(strategies.tracks(), strategies.segment_lengths, st.integers(1, 3))
    def test_a_chunk_begins_with_the_last_keyframe_that_is_not_after_it(
        self, track: Track, segment_s: Fraction, per_chunk: int
    ) -> None:
        for chunk in chunks_of(track, segment_s, per_chunk):
            earlier = [
                n for n, one in enumerate(track.packets) if one.is_keyframe and one.pts <= chunk.start_pts
            ]
            assert chunk.first_packet == (earlier[-1] if earlier else 0)

    @given(strategies.tracks(), strategies.segment_lengths, st.integers(1, 3))
    def test_a_chunk_ends_with_a_packet_that_it_needs(
        self, track: Track, segment_s: Fraction, per_chunk: int
    ) -> None:
        for chunk in chunks_of(track, segment_s, per_chunk):
            assert track.packets[chunk.end_packet - 1].pts < chunk.end_pts

    def test_leading_pictures_of_an_open_group_reach_back_to_the_keyframe_before(self) -> None:
        # Shown: 0 1 2 3 4 5 6 7; packet 4 is the keyframe of frame 6, with frames 4 and 5 leading it.
        order = [(0, True), (3, False), (1, False), (2, False), (6, True), (4, False), (5, False), (7, False)]
        packets = [Packet(pts=pts, is_keyframe=key) for pts, key in order]
        first, second, third = timeline.plan_chunks(packets, [0, 4, 6], 1)
        assert (first.first_packet, first.end_packet) == (0, 4)
        assert (second.first_packet, second.end_packet) == (0, 7)
        assert (third.first_packet, third.end_packet) == (4, 8)

    def test_keyframes_out_of_order_do_not_hide_an_earlier_one(self) -> None:
        # A damaged or odd file: the keyframe shown at 10 comes before the one shown at 4.
        order = [(0, True), (10, True), (4, True), (6, True), (7, False), (12, False)]
        packets = [Packet(pts=pts, is_keyframe=key) for pts, key in order]
        _, second = timeline.plan_chunks(packets, [0, 7], 1)
        assert (second.first_packet, second.end_packet) == (0, 6)

    def test_packets_that_are_not_shown_are_in_no_window_but_are_kept_for_decoding(self) -> None:
        packets = [Packet(pts=n, is_keyframe=n == 0, is_shown=n >= 3) for n in range(6)]
        (only,) = timeline.plan_chunks(packets, [3], 1)
        assert (only.start_pts, only.end_pts, only.frames) == (3, 6, 3)
        assert (only.first_packet, only.end_packet) == (0, 6)

    def test_frames_that_are_shown_are_in_order_of_presentation_and_each_once(self) -> None:
        order = [(9, False), (4, True), (6, True), (5, True), (5, True)]
        packets = [
            Packet(pts=pts, is_keyframe=n == 0, is_shown=shown) for n, (pts, shown) in enumerate(order)
        ]
        assert timeline.shown_pts(packets) == [4, 5, 6]

    def test_a_track_without_a_keyframe_is_read_from_its_first_packet(self) -> None:
        packets = [Packet(pts=n, is_keyframe=False) for n in range(10)]
        assert [one.first_packet for one in timeline.plan_chunks(packets, [0, 5], 1)] == [0, 0]

    def test_pictures_that_are_refreshed_bit_by_bit_are_decoded_from_a_whole_refresh_before(self) -> None:
        packets = [Packet(pts=n, is_keyframe=n % 5 == 0, is_gradual=n % 5 == 0 and n > 0) for n in range(20)]
        chunks = timeline.plan_chunks(packets, [0, 3, 7, 10, 16], 1)
        assert [one.first_packet for one in chunks] == [0, 0, 0, 5, 10]

    def test_two_packets_of_one_frame_are_one_frame(self) -> None:
        # Two fields in packets of their own that carry the same time.
        packets = [Packet(pts=n // 2, is_keyframe=n == 0) for n in range(8)]
        (only,) = timeline.plan_chunks(packets, [0], 1)
        assert (only.frames, only.end_packet) == (4, 8)

    def test_a_chunks_name_sorts_like_its_number(self) -> None:
        packets = [Packet(pts=n, is_keyframe=True) for n in range(12)]
        names = [one.name for one in timeline.plan_chunks(packets, list(range(12)), 1)]
        assert names == sorted(names)

    def test_two_hundred_thousand_packets_are_planned(self) -> None:
        times = ticks_of(Fraction(30_000, 1001), Fraction(1, 90_000), 200_000)
        assert timeline.constant_rate(times, Fraction(1, 90_000), Fraction(30_000, 1001)) == Fraction(
            30_000, 1001
        )
        packets = strategies.packets_of(times, 250)
        grid = grid_of(times, Fraction(1, 90_000), WHOLE_SECONDS)
        chunks = timeline.plan_chunks(packets, grid, 3)
        assert sum(one.frames for one in chunks) == 200_000


class TestDecodeTimes:
    @given(st.lists(st.integers(-(2**40), 2**40), max_size=60))
    def test_they_rise_and_no_frame_is_shown_before_its_own(self, pts: list[int]) -> None:
        """Whatever the presentation times: out of order, twice the same, below zero."""
        packets = [Packet(pts=time, is_keyframe=False) for time in pts]
        times = timeline.decode_times(packets)
        assert all(before < after for before, after in pairwise(times))
        assert all(dts <= pts for dts, pts in zip(times, pts, strict=True))


class TestConstantRate:
    @given(
        st.sampled_from(COMMON_RATES),
        st.sampled_from([Fraction(1, 1_000), Fraction(1, 90_000)]),
        st.integers(0, 10**9),
        st.integers(2_000, 4_000),
    )
    def test_the_exact_rate_is_found_through_the_rounding_of_the_container(
        self, rate: Fraction, time_base: Fraction, start: int, count: int
    ) -> None:
        # 2,000 frames: 24 and 24000/1001 are two frames apart by then, and can't be taken for each other.
        assert timeline.constant_rate(ticks_of(rate, time_base, count, start), time_base, None) == rate

    @given(strategies.rates, st.sampled_from(["down", "up"]), st.integers(0, 999))
    def test_it_does_not_matter_how_the_container_rounds_nor_where_the_first_frame_was(
        self, rate: Fraction, rounding: str, phase: int
    ) -> None:
        frame = 1 / (rate * Fraction(1, 1000))
        exact = [Fraction(phase, 1000) + n * frame for n in range(2_000)]
        times = [time.__floor__() if rounding == "down" else time.__ceil__() for time in exact]
        assert timeline.constant_rate(times, Fraction(1, 1000), None) == rate

    @given(strategies.rates, st.integers(1, 98))
    def test_a_missing_frame_is_not_a_constant_rate(self, rate: Fraction, missing: int) -> None:
        for time_base in (1 / rate, Fraction(1, 1_000), Fraction(1, 90_000)):
            times = ticks_of(rate, time_base, 100)
            del times[missing]
            assert timeline.constant_rate(times, time_base, rate) is None

    @given(strategies.variable_times(), strategies.rates)
    def test_gaps_longer_than_a_frame_are_not_a_constant_rate(
        self, frames: tuple[list[int], Fraction, None], rate: Fraction
    ) -> None:
        times, time_base, _ = frames
        found = timeline.constant_rate(times, time_base, rate)
        frame = 1 / (rate * time_base)
        if any(after - before > frame + 1 for before, after in pairwise(times)):
            assert found != rate

    def test_a_rate_that_the_container_states_wrongly_is_refused(self) -> None:
        times = ticks_of(Fraction(25), Fraction(1, 90_000), 500)
        assert timeline.constant_rate(times, Fraction(1, 90_000), Fraction(30)) == 25

    @pytest.mark.parametrize("late", [2, 3, 100])
    def test_a_frame_that_is_late_by_more_than_rounding_is_not_a_constant_rate(self, late: int) -> None:
        times = ticks_of(Fraction(25), Fraction(1, 90_000), 500)
        times[250] += late
        assert timeline.constant_rate(times, Fraction(1, 90_000), Fraction(25)) is None

    def test_an_unusual_rate_is_taken_where_the_container_states_it(self) -> None:
        rate = Fraction(1_497, 100)
        times = ticks_of(rate, Fraction(1, 90_000), 500)
        assert timeline.constant_rate(times, Fraction(1, 90_000), rate) == rate
        assert timeline.constant_rate(times, Fraction(1, 90_000), None) is None

    def test_one_frame_has_the_rate_that_is_stated(self) -> None:
        assert timeline.constant_rate([7], Fraction(1, 1000), Fraction(25)) == 25
        assert timeline.constant_rate([7], Fraction(1, 1000), None) is None

    @given(strategies.constant_times())
    def test_a_rate_puts_frame_n_at_n(self, frames: tuple[list[int], Fraction, Fraction]) -> None:
        times, time_base, rate = frames
        timing = timing_of(times, time_base, rate, times[0] * time_base)
        assert timing.frame_ticks is not None
        ticks = [timing.output_ticks(pts) for pts in times]
        assert ticks == [timing.first_ticks + n * timing.frame_ticks for n in range(len(times))]

    def test_a_container_too_coarse_for_its_rate_keeps_its_frames_apart(self) -> None:
        # 1.25 ticks a frame, first rounded down and later ones up: a frame would move onto the next one.
        times = [0, 2, 3, 4, 5]
        time_base, rate = Fraction(1, 30), Fraction(24)
        timing = timing_of(times, time_base, rate, Fraction(0))
        ticks = [timing.output_ticks(pts) for pts in times]
        assert len(set(ticks)) == len(times)


def test_a_segment_begins_with_the_first_frame_that_there_is() -> None:
    assert timeline.first_shown([0, 10, 20], [0, 4, 8, 12, 16, 20]) == (0, 12, 20)
    assert timeline.first_shown([0, 10, 20], [4, 8, 20]) == (4, 20)
    assert timeline.first_shown([0, 10], []) == ()


@pytest.mark.parametrize(
    ("shown", "stated", "lasts"),
    [
        ([0, 40, 80], None, 40),
        ([0, 40, 60_080], 33, 33),
        ([0, 40, 6_080], None, 3_040),
        ([7], None, 1000),
        ([0, 1], None, 1),
    ],
)
def test_a_last_frame_is_shown_as_stated_or_as_frames_are_on_average(
    shown: list[int], stated: int | None, lasts: int
) -> None:
    assert timeline.last_lasts(shown, stated, 1000) == lasts
