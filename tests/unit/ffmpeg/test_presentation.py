"""When frames are shown where the container does not say it, or says it twice."""

import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.ffmpeg import tools
from cutroom.ffmpeg.presentation import (
    HiddenNotTold,
    Stated,
    as_decode_times,
    present,
    read,
    with_last_reference,
)
from cutroom.ffmpeg.reordering import TRIED_PACKETS

STEP = 40


def stated(*times: tuple[int | None, int | None], keyframes: tuple[int, ...] = (0,)) -> list[Stated]:
    return [Stated(pts, dts, number in keyframes, False) for number, (pts, dts) in enumerate(times)]


def not_decoded(_: int) -> list[int]:
    raise AssertionError("this track needs no decoding")


def test_the_times_of_a_container_that_states_each_once_are_taken_without_decoding() -> None:
    found = present(stated((0, -40), (120, 0), (40, 40), (80, 80)), STEP, not_decoded)
    assert [one.pts for one in found.packets] == [0, 120, 40, 80]
    assert not found.retimed


def test_frames_without_presentation_times_are_shown_at_the_decode_times_in_the_decoders_order() -> None:
    found = present(stated((None, 0), (None, 1), (None, 2), (None, 3)), 1, lambda _: [0, 2, 3, 1])
    assert [one.pts for one in found.packets] == [0, 3, 1, 2]
    assert found.retimed


@pytest.mark.parametrize(("second", "taken_off"), [(3, 2), (2, 0), (4, 0)])
def test_what_an_encoder_waited_for_behind_its_first_frame_is_no_pause(second: int, taken_off: int) -> None:
    decoded_at = [0, *range(second, second + 6)]
    order = [0, 2, 3, 1, 5, 6, 4]
    found = present(stated(*((None, time) for time in decoded_at)), 1, lambda _: order)
    assert sorted(one.pts for one in found.packets) == [0, *(time - taken_off for time in decoded_at[1:])]


def test_frames_without_any_times_are_counted_as_long_as_each_is_shown() -> None:
    film = [
        replace(one, duration=STEP * (2, 3)[number % 2])
        for number, one in enumerate(stated(*[(None, None)] * 4))
    ]
    found = present(film, STEP, lambda _: [0, 2, 3, 1])
    assert [one.pts for one in found.packets] == [0, 7 * STEP, 2 * STEP, 4 * STEP]


def test_what_shows_nothing_where_each_packet_is_a_frame_is_told_of() -> None:
    bare = stated((None, None), (None, None), (None, None))
    assert present(bare, STEP, lambda _: [0, 2], all_show=True).undecodable == {1}
    assert not present(bare, STEP, lambda _: [0, 2]).undecodable


@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video"])
def test_bare_mpeg_begins_with_its_first_frame(codec: str, tmp_path: Path) -> None:
    """Versions of ffmpeg differ in where they have it begin: later by a frame, as the first to be decoded is."""
    path = tmp_path / "bare"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25", "-frames:v", "5", "-bf", "2")
    command = [tools.path("ffmpeg"), "-v", "error", *picture, "-c:v", codec, "-f", codec, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    found = read(str(path), 0, alive=lambda: None)
    assert found.retimed
    assert [one.pts // 48000 for one in found.packets] == [0, 3, 1, 2, 4]


def test_times_that_rise_are_decode_times_where_a_decoder_shows_frames_in_another_order() -> None:
    found = as_decode_times(stated((0, None), (40, 0), (90, 40), (120, 90)), lambda _: [0, 2, 3, 1])
    assert [(one.pts, one.dts) for one in found] == [(None, 0), (None, 40), (None, 90), (None, 120)]
    shown = present(found, STEP, lambda _: [0, 2, 3, 1])
    assert [one.pts for one in shown.packets] == [0, 120, 40, 90]


def test_reordering_that_begins_late_is_noticed_where_all_is_tried() -> None:
    rising = stated(*((n, n) for n in range(100)))
    late = [*range(90), 92, 91, 90, *range(93, 100)]
    asked = []

    def decoded(end: int) -> list[int]:
        asked.append(end)
        return late[:end]

    assert as_decode_times(rising, decoded) == rising
    assert asked == [TRIED_PACKETS]
    assert {one.pts for one in as_decode_times(rising, decoded, 100)} == {None}
    assert asked == [TRIED_PACKETS, TRIED_PACKETS, 100]


def test_times_that_rise_are_taken_where_a_decoder_shows_frames_in_their_order() -> None:
    rising = stated((0, None), (40, 0), (90, 40), keyframes=(0, 1))
    assert as_decode_times(rising, lambda end: list(range(end))) == rising


def test_times_that_do_not_rise_are_taken_without_decoding() -> None:
    times = stated((0, -40), (120, 0), (40, 40), (80, 80))
    assert as_decode_times(times, not_decoded) == times


def test_nobody_can_tell_which_frames_decode_times_hide() -> None:
    times = [
        replace(one, is_discarded=not number) for number, one in enumerate(stated((0, 0), (40, 40), (80, 80)))
    ]
    with pytest.raises(HiddenNotTold):
        as_decode_times(times, lambda _: [0, 2, 1])
    assert as_decode_times(times, lambda _: [1, 2]) == times


def test_frames_without_any_time_are_counted() -> None:
    found = present(stated((None, None), (None, None), (None, None)), STEP, lambda _: [0, 2, 1])
    assert [one.pts for one in found.packets] == [0, 80, 40]


def test_frames_before_the_first_that_has_a_time_are_counted_back_from_it() -> None:
    found = present(stated((None, None), (None, None), (20, 20), (60, 60)), STEP, lambda _: [0, 1, 2, 3])
    assert [one.pts for one in found.packets] == [-60, -20, 20, 60]


def test_frames_without_a_time_follow_when_the_one_before_them_ends() -> None:
    times = [
        Stated(pts, None, n == 0, False, duration=lasts)
        for n, (pts, lasts) in enumerate([(None, 60), (60, 40), (None, 60), (None, 0), (None, 0)])
    ]
    found = present(times, STEP, lambda _: list(range(5)))
    assert [one.pts for one in found.packets] == [0, 60, 100, 160, 200]


@pytest.mark.parametrize(
    ("pts", "lasts", "shown"),
    [
        (157, 60, 160),  # shown when the frame before it ends
        (160, 60, 160),
        (159, 62, 159),  # rounded
        (170, 60, 170),  # a time of its own
    ],
)
def test_the_last_frame_of_mpeg_2_follows_the_one_before_it(pts: int, lasts: int, shown: int) -> None:
    times = [
        Stated(0, -40, True, False, duration=40),
        Stated(pts, 40, False, False, duration=lasts),
        Stated(40, 40, False, False, duration=60),
        Stated(100, 97, False, False, duration=60),
    ]
    assert [one.pts for one in with_last_reference(times)] == [0, shown, 40, 100]


def test_of_two_packets_with_one_time_the_one_that_shows_nothing_is_hidden() -> None:
    """Two fields in packets of their own."""
    found = present(stated((0, 0), (0, 0), (40, 40), (40, 40)), STEP, lambda _: [0, 2])
    assert [one.pts for one in found.packets if one.is_shown] == [0, 40]


def test_what_a_late_joined_recording_can_not_decode_is_hidden() -> None:
    times = stated((40, 0), (80, 40), (200, 80), (120, 120), (160, 160), (240, 240), keyframes=(2,))
    found = present(times, STEP, lambda end: [2, 5] if end == 6 else [])
    assert [one.pts for one in found.packets if one.is_shown] == [200, 240]
    assert not found.retimed


def test_only_the_first_group_is_decoded_to_find_out() -> None:
    asked = []

    def decode(end: int) -> list[int]:
        asked.append(end)
        return [1]

    present(stated(*((n * STEP, n * STEP) for n in range(100)), keyframes=(1, 50)), STEP, decode)
    assert asked == [50]


@given(
    st.lists(
        st.tuples(st.none() | st.integers(-50, 50), st.none() | st.integers(-50, 50)), min_size=1, max_size=30
    ),
    st.data(),
)
def test_whatever_a_container_states_each_frame_is_shown_once_in_the_decoders_order(
    times: list[tuple[int | None, int | None]], data: st.DataObject
) -> None:
    order = data.draw(st.lists(st.integers(0, len(times) - 1), unique=True))
    found = present(stated(*times, keyframes=()), STEP, lambda _: order)
    shown = [one.pts for one in found.packets if one.is_shown]
    assert len(found.packets) == len(times)
    assert len(shown) == len(set(shown)) == len(order)
    if found.retimed:
        assert all(found.packets[before].pts < found.packets[after].pts for before, after in pairwise(order))
