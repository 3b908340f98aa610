from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from cutroom.media.ladder import plan_ladder
from cutroom.media.profile import load_profile, profile_names
from cutroom.media.threads import busy_with, most_busy
from cutroom.media.video_plan import VideoRung

RUNG = VideoRung(
    name="h264-720p", codec="h264", preset="medium", width=1280, height=720, crf=22, max_bitrate_bps=1,
    buffer_bits=1, encoder_bps=1,
)  # fmt: skip


@given(st.integers(1, 256))
def test_busy_threads_are_at_most_half_as_many_again_as_cores_and_keep_all_of_them_busy(cores: int) -> None:
    assert cores <= most_busy(cores) <= 1.5 * cores


@pytest.mark.parametrize(("cores", "wanted"), [(1, 1), (2, 3), (3, 4), (4, 5), (64, 65)])
def test_one_more_than_there_are_cores(cores: int, wanted: int) -> None:
    assert most_busy(cores) == wanted


def test_one_rung_keeps_one_thread_busy() -> None:
    assert busy_with([RUNG]) == 1


@pytest.mark.parametrize("name", [name for name in profile_names() if load_profile(name).video])
def test_a_ladder_keeps_two_busy_whatever_its_number_of_rungs(name: str) -> None:
    for codec in load_profile(name).video:
        sizes = plan_ladder(codec, (3840, 2160), None)
        rungs = [replace(RUNG, width=size.width, height=size.height) for size in sizes]
        assert busy_with(rungs) == min(2, len(rungs))


@given(strategies.video_codecs)
def test_never_more_than_there_are_rungs(codec: strategies.VideoCodec) -> None:
    sizes = plan_ladder(codec, (3840, 2160), None)
    rungs = [replace(RUNG, width=size.width, height=size.height) for size in sizes]
    assert 1 <= busy_with(rungs) <= len(rungs)
