"""The quality at joins: what counts as a join that can be seen."""

from dataclasses import replace

import pytest

from cutroom.media.joins import BAND_DB, SPOILT_DB, Join, joins_of, quality_of

PLAIN = Join(
    at_ticks=100,
    before_db=37.0,
    after_db=37.0,
    mean_before_db=38.0,
    mean_after_db=38.0,
    worst_elsewhere_db=36.0,
)


def test_a_chunk_is_summed_up_by_its_mean_its_ends_and_its_worst_moment() -> None:
    psnr = [40.0] * 4 + [38.0] * 8 + [30.0] * 4 + [38.0] * 8 + [36.0] * 4
    made = quality_of(psnr)
    assert made is not None
    assert (made.first_db, made.last_db, made.worst_db) == (40.0, 36.0, 30.0)
    assert made.mean_db == pytest.approx(sum(psnr) / len(psnr), abs=0.01)


def test_a_single_frame_is_a_chunk_too() -> None:
    made = quality_of([41.0])
    assert made is not None
    assert made.first_db == made.last_db == made.mean_db == made.worst_db == 41.0


def test_no_frames_have_no_quality() -> None:
    assert quality_of([]) is None


def test_joins_lie_where_the_later_chunk_begins() -> None:
    good, better = quality_of([38.0] * 20), quality_of([40.0] * 20)
    first, second = joins_of([(0, good), (150, better), (300, good)])
    assert (first.at_ticks, first.before_db, first.after_db) == (150, 38.0, 40.0)
    assert (second.at_ticks, second.mean_before_db, second.mean_after_db) == (300, 40.0, 38.0)


def test_a_chunk_that_was_not_measured_has_no_joins() -> None:
    assert joins_of([(0, quality_of([38.0])), (150, None), (300, quality_of([38.0]))]) == ()


@pytest.mark.parametrize("side", ["before_db", "after_db"])
def test_a_side_that_is_worse_than_the_band_and_than_any_other_moment_can_be_seen(side: str) -> None:
    assert PLAIN.is_even
    assert not replace(PLAIN, **{side: 38.0 - BAND_DB - 1}).is_even


def test_what_cannot_be_told_from_the_source_is_good_enough() -> None:
    still = replace(PLAIN, before_db=60.0, mean_before_db=60.0, mean_after_db=60.0, worst_elsewhere_db=60.0)
    assert replace(still, after_db=43.0).is_even
    assert not replace(still, after_db=41.0).is_even


def test_a_change_of_the_picture_at_a_join_is_no_fault() -> None:
    """Black before, a crowd after: its first frames are as good as the rest of the crowd."""
    assert replace(PLAIN, mean_before_db=60.0, before_db=60.0, mean_after_db=34.0, after_db=33.0).is_even


def test_a_moment_as_poor_elsewhere_is_no_fault_of_the_join() -> None:
    assert replace(PLAIN, before_db=30.0, worst_elsewhere_db=30.5).is_even


def test_a_scene_that_begins_just_before_a_join_spoils_nothing() -> None:
    """Three frames before it a crowd follows a dark sky: poor in an encode without joins, too."""
    cut_before = replace(PLAIN, before_db=29.5)
    assert not cut_before.is_even
    assert not cut_before.is_spoilt


def test_a_join_that_shows_hardly_anything_is_spoilt() -> None:
    assert replace(PLAIN, after_db=SPOILT_DB - 1).is_spoilt


def test_a_film_that_is_poor_all_along_is_not_spoilt_at_its_joins() -> None:
    assert not replace(
        PLAIN, before_db=14.0, after_db=14.0, mean_before_db=15.0, mean_after_db=15.0
    ).is_spoilt
