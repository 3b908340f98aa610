from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from cutroom.media.ladder import plan_ladder
from cutroom.media.profile import load_profile, profile_names
from cutroom.media.threads import busy_with, places_for, places_of
from cutroom.media.video_plan import VideoRung

RUNG = VideoRung(
    name="h264-720p", codec="h264", preset="medium", width=1280, height=720, crf=22, max_bitrate_bps=1,
    buffer_bits=1, encoder_bps=1,
)  # fmt: skip


@given(st.integers(1, 256))
def test_places_are_for_half_as_many_threads_again_as_cores(cores: int) -> None:
    assert places_for(cores) < places_of(cores) <= places_for(Fraction(3, 2) * cores)


def test_two_single_rungs_fit_on_two_cores_and_three_do_not() -> None:
    assert busy_with([RUNG]) == Fraction(3, 2)
    assert 2 * places_for(busy_with([RUNG])) <= places_of(2) < 3 * places_for(busy_with([RUNG]))


def test_an_encode_of_av1_leaves_room_for_another_tool_on_two_cores() -> None:
    rungs = [replace(RUNG, codec="av1"), replace(RUNG, codec="av1", width=960, height=540)]
    assert places_for(busy_with(rungs)) + places_for(1) <= places_of(2)


@pytest.mark.parametrize("name", [name for name in profile_names() if load_profile(name).video])
def test_a_ladder_fits_two_cores_and_leaves_no_room_for_another_tool_there(name: str) -> None:
    for codec in load_profile(name).video:
        sizes = plan_ladder(codec, (3840, 2160), None)
        rungs = [replace(RUNG, width=size.width, height=size.height) for size in sizes]
        room = places_of(2 if len(rungs) > 1 else 1)
        assert places_for(busy_with(rungs)) <= room < places_for(busy_with(rungs)) + places_for(1)


@given(strategies.video_codecs)
def test_never_more_than_encoders_and_what_is_around_them(codec: strategies.VideoCodec) -> None:
    sizes = plan_ladder(codec, (3840, 2160), None)
    rungs = [replace(RUNG, width=size.width, height=size.height) for size in sizes]
    assert Fraction(3, 2) <= busy_with(rungs) <= Fraction(3, 2) * len(rungs)
