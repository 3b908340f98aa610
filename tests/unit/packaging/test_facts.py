from fractions import Fraction

from hypothesis import given

import strategies
from cutroom.packaging import facts
from cutroom.packaging.facts import RenditionFacts, Segment

TIMESCALE = 1000
TARGET_S = 6


def segments_of(*lengths_and_sizes: tuple[int, int]) -> tuple[Segment, ...]:
    at, segments = 0, []
    for length, size in lengths_and_sizes:
        segments.append(Segment(start_ticks=at, duration_ticks=length, size_bytes=size))
        at += length
    return tuple(segments)


def measured(segments: tuple[Segment, ...]) -> tuple[int, int]:
    durations_s = [Fraction(one.duration_ticks, TIMESCALE) for one in segments]
    return facts.bandwidths([one.size_bytes for one in segments], durations_s, TARGET_S)


@given(strategies.segment_lists(TIMESCALE))
def test_the_peak_is_the_largest_of_all_windows_that_the_rfc_names(segments: tuple[Segment, ...]) -> None:
    windows = [segments[a:b] for a in range(len(segments)) for b in range(a + 1, len(segments) + 1)]
    rates = [
        Fraction(sum(one.size_bytes for one in window) * 8 * TIMESCALE, length)
        for window in windows
        for length in [sum(one.duration_ticks for one in window)]
        if 3 * TIMESCALE <= length <= 9 * TIMESCALE
    ]
    total = Fraction(
        sum(one.size_bytes for one in segments) * 8 * TIMESCALE, sum(one.duration_ticks for one in segments)
    )
    assert measured(segments) == (
        max(1, round(max(*rates, total))) if rates else max(1, round(total)),
        max(1, round(total)),
    )


@given(strategies.segment_lists(TIMESCALE))
def test_the_peak_is_never_below_the_average(segments: tuple[Segment, ...]) -> None:
    peak, average = measured(segments)
    assert peak >= average >= 1


def test_a_large_first_segment_is_the_peak() -> None:
    assert measured(segments_of((6000, 6000), (6000, 3000), (6000, 3000))) == (
        8_000,
        5_333,
    )


def test_a_short_last_segment_counts_with_the_one_before_only() -> None:
    # Alone it would be 80 kbit/s; together they are 7 s and 16,000 bits.
    assert measured(segments_of((6000, 1000), (1000, 1000)))[0] == round(16_000 / 7)


def test_a_set_of_more_than_one_and_a_half_target_durations_does_not_count() -> None:
    # 11.8 s of a target of 6 s hold both large segments; the sets that count hold one of them.
    busy = [(2900, 10_000), (6000, 1), (2900, 10_000), (6000, 1), (6000, 1), (6000, 1)]
    assert measured(segments_of(*busy))[0] == round(Fraction(10_001 * 8, 1) / Fraction("8.9"))


def test_the_average_is_the_peak_where_no_set_reaches_it() -> None:
    peak, average = measured(segments_of((2900, 10_000), (6000, 1), (2900, 10_000)))
    assert peak == average == round(Fraction(20_001 * 8, 1) / Fraction("11.8"))


@given(strategies.rendition_facts("video"), strategies.rendition_facts("audio"))
def test_facts_survive_the_way_through_json(video: RenditionFacts, audio: RenditionFacts) -> None:
    for one in (video, audio):
        assert RenditionFacts.load(one.dump()) == one


@given(strategies.rendition_facts("audio"))
def test_what_is_not_known_is_not_written(one: RenditionFacts) -> None:
    assert b"null" not in one.dump()
    assert b"keyframe_ticks" in one.dump()


@given(strategies.rendition_facts())
def test_a_rendition_lasts_from_its_first_to_its_last_segment(one: RenditionFacts) -> None:
    assert one.end_s - Fraction(one.segments[0].start_ticks, one.timescale) == one.duration_s
