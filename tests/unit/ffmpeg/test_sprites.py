import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.ffmpeg import sprites
from cutroom.media.recipes import Thumbnails

durations = st.builds(Fraction, st.integers(1, 24 * 3600 * 1000), st.sampled_from([1000, 1001]))
wanted = st.builds(
    Thumbnails,
    sprite_width=st.integers(16, 640),
    columns=st.integers(1, 20),
    rows=st.integers(1, 20),
    min_interval_s=st.integers(1, 60),
)
sizes = st.tuples(st.integers(16, 8192), st.integers(16, 8192))


def seconds(text: str) -> Fraction:
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(rest)


def cues_of(text: str) -> list[tuple[Fraction, Fraction, tuple[int, ...], str]]:
    found = re.findall(
        r"\n(\d{2,}:\d\d:\d\d\.\d{3}) --> (\d{2,}:\d\d:\d\d\.\d{3})\n(sprite_\d{5}\.jpg)#xywh=([\d,]+)\n",
        text,
    )
    return [
        (seconds(start), seconds(end), tuple(int(n) for n in xywh.split(",")), name)
        for start, end, name, xywh in found
    ]


@given(durations, sizes, wanted)
def test_cues_cover_the_duration_without_gap_or_overlap(
    duration: Fraction, size: tuple[int, int], thumbnails: Thumbnails
) -> None:
    sheet = sprites.plan_sheet(duration, size, thumbnails)
    cues = cues_of(sprites.webvtt(sheet, duration))
    assert len(cues) == sheet.count
    assert cues[0][0] == 0
    assert all(before[1] == after[0] for before, after in pairwise(cues))
    assert all(start < end for start, end, *_ in cues)
    assert abs(cues[-1][1] - duration) <= Fraction(1, 1000)


@given(durations, sizes, wanted)
def test_each_cue_has_a_tile_of_its_own_within_the_sheet(
    duration: Fraction, size: tuple[int, int], thumbnails: Thumbnails
) -> None:
    sheet = sprites.plan_sheet(duration, size, thumbnails)
    tiles = [(name, tile) for _, _, tile, name in cues_of(sprites.webvtt(sheet, duration))]
    assert len(set(tiles)) == len(tiles)
    assert {name for name, _ in tiles} == {sprites.SPRITES % n for n in range(1, sheet.sheets + 1)}
    for _, (x, y, width, height) in tiles:
        assert (width, height) == (sheet.width, sheet.height)
        assert x % width == y % height == 0
        assert x + width <= sheet.width * sheet.columns
        assert y + height <= sheet.height * sheet.rows


@given(durations, sizes, wanted)
def test_a_sheet_is_no_larger_and_its_stills_no_closer_than_the_profile_wants(
    duration: Fraction, size: tuple[int, int], thumbnails: Thumbnails
) -> None:
    sheet = sprites.plan_sheet(duration, size, thumbnails)
    assert sheet.columns <= thumbnails.columns
    assert sheet.rows <= thumbnails.rows
    assert sheet.interval_s >= thumbnails.min_interval_s
    assert sheet.interval_s.denominator == 1
    per_sheet = sheet.columns * sheet.rows
    assert per_sheet * (sheet.sheets - 1) < sheet.count <= per_sheet * sheet.sheets
    assert sheet.sheets <= sprites.MOST_SHEETS
    assert sheet.sheets > 1 or per_sheet < sheet.count + sheet.columns
    assert sheet.height % 2 == 0


@given(durations, sizes, wanted)
def test_a_film_has_enough_candidates_for_its_poster_however_short_and_however_far_apart_its_stills_are(
    duration: Fraction, size: tuple[int, int], thumbnails: Thumbnails
) -> None:
    sheet = sprites.plan_sheet(duration, size, thumbnails)
    assert min(10, duration * 10) <= sheet.candidates <= sprites.MOST_CANDIDATES
    assert sheet.candidate_interval_s * (sheet.candidates - 1) < duration


@pytest.mark.parametrize(("size", "height"), [((1920, 1080), 108), ((1080, 1920), 342), ((4000, 20), 2)])
def test_a_tile_has_the_shape_of_the_picture(size: tuple[int, int], height: int) -> None:
    assert sprites.plan_sheet(Fraction(60), size, Thumbnails()).height == height


def test_a_single_frame_has_a_cue_that_lasts() -> None:
    sheet = sprites.plan_sheet(Fraction(1, 90_000), (64, 64), Thumbnails())
    ((start, end, *_),) = cues_of(sprites.webvtt(sheet, Fraction(1, 90_000)))
    assert (start, end) == (0, Fraction(1, 1000))


def test_stills_of_a_strip_are_no_thinner_or_taller_than_tools_take() -> None:
    assert sprites.measured_size((1920, 1080)) == (320, 180)
    assert sprites.measured_size((16_384, 16)) == (320, 16)
    assert sprites.measured_size((16, 16_384)) == (320, 6_000)
    assert sprites.plan_sheet(Fraction(600), (16, 16_384), Thumbnails()).height == 6_000


@pytest.mark.parametrize(
    ("shown", "poster", "preview"),
    [
        ((1920, 1080), (1280, 720), (320, 180)),
        ((1024, 576), (1024, 576), (320, 180)),
        ((720, 1280), (720, 1280), (180, 320)),
        ((161, 91), (161, 92), (320, 180)),
        ((16, 2), (16, 2), (320, 40)),
        ((16, 8192), (16, 8192), (2, 320)),
    ],
)
def test_poster_and_preview_have_the_shape_of_the_picture(
    shown: tuple[int, int], poster: tuple[int, int], preview: tuple[int, int]
) -> None:
    assert sprites.poster_size(shown) == poster
    assert sprites.preview_size(shown) == preview


def test_the_last_still_is_shown_as_long_as_a_last_frame_that_is_long() -> None:
    sheet = sprites.plan_sheet(Fraction(61, 10), (1920, 1080), Thumbnails())
    cues = cues_of(sprites.webvtt(sheet, Fraction(15)))
    assert [(start, end) for start, end, *_ in cues] == [(0, 2), (2, 4), (4, 6), (6, 15)]
