from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import strategies
from cutroom.media.ladder import Size, plan_ladder
from cutroom.media.profile import load_profile
from cutroom.media.recipes import Rung, VideoCodec

WEB = load_profile("web").video[0]
sides = st.integers(1, 8192)
sizes = st.tuples(sides, sides)


def rungs_of(size: tuple[int, int], rate: Fraction | None = Fraction(25)) -> list[tuple[int, int]]:
    return [(one.width, one.height) for one in plan_ladder(WEB, size, rate)]


@given(strategies.video_codecs, sizes)
def test_a_picture_is_never_enlarged(codec: VideoCodec, size: tuple[int, int]) -> None:
    for one in plan_ladder(codec, size, None):
        # One pixel can't be encoded; two are the least.
        assert one.width <= max(2, size[0])
        assert one.height <= max(2, size[1])


@given(strategies.video_codecs, sizes)
def test_sides_are_even_and_there_are_some(codec: VideoCodec, size: tuple[int, int]) -> None:
    for one in plan_ladder(codec, size, None):
        assert one.width % 2 == one.height % 2 == 0
        assert min(one.width, one.height) >= 2


@given(strategies.video_codecs, sizes)
def test_every_source_gets_a_rung(codec: VideoCodec, size: tuple[int, int]) -> None:
    assert plan_ladder(codec, size, None)


@given(strategies.video_codecs, sizes)
def test_a_picture_keeps_its_shape(codec: VideoCodec, size: tuple[int, int]) -> None:
    for one in plan_ladder(codec, size, None):
        if min(one.width, one.height) > 2:
            # There is a scale from which each side is a pixel away at most.
            wide, high = (
                (Fraction(n - 1, side), Fraction(n + 1, side))
                for n, side in zip((one.width, one.height), size, strict=True)
            )
            assert max(wide[0], high[0]) <= min(wide[1], high[1])
        if min(one.width, one.height) >= 202:
            assert abs(Fraction(one.width, one.height) / Fraction(*size) - 1) <= Fraction(1, 100)


@given(strategies.video_codecs, sizes)
def test_a_rung_fits_its_box_but_for_making_it_even(codec: VideoCodec, size: tuple[int, int]) -> None:
    large = max(max(rung.box) for rung in codec.rungs)
    for one in plan_ladder(codec, size, None):
        assert max(one.width, one.height) <= large + 1


@given(strategies.video_codecs, sizes)
def test_rungs_get_smaller_on_both_sides_by_a_tenth_and_more(
    codec: VideoCodec, size: tuple[int, int]
) -> None:
    for larger, smaller in pairwise(plan_ladder(codec, size, None)):
        assert smaller.width <= Fraction(9, 10) * larger.width
        assert smaller.height <= Fraction(9, 10) * larger.height


@given(strategies.video_codecs, sizes)
def test_turning_the_source_turns_the_rungs(codec: VideoCodec, size: tuple[int, int]) -> None:
    assume(size[0] != size[1])
    turned = plan_ladder(codec, (size[1], size[0]), None)
    assert [(one.height, one.width) for one in turned] == [
        (one.width, one.height) for one in plan_ladder(codec, size, None)
    ]


@given(strategies.video_codecs, sizes, st.randoms())
def test_the_order_of_the_rungs_in_the_profile_does_not_matter(
    codec: VideoCodec, size: tuple[int, int], random: "st.random.Random"
) -> None:
    assume(len({rung.box[0] * rung.box[1] for rung in codec.rungs}) == len(codec.rungs))
    mixed = list(codec.rungs)
    random.shuffle(mixed)
    assert plan_ladder(codec.model_copy(update={"rungs": tuple(mixed)}), size, None) == plan_ladder(
        codec, size, None
    )


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1920, 1080), [(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
        ((7680, 4320), [(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
        ((1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (360, 640), (240, 426)]),
        ((1440, 1080), [(1440, 1080), (960, 720), (640, 480), (480, 360), (320, 240)]),
        ((960, 400), [(960, 400), (854, 356), (640, 266), (426, 178)]),
        ((855, 481), [(854, 480), (640, 360), (426, 240)]),
        ((427, 241), [(426, 240)]),
        ((16, 16), [(16, 16)]),
        ((1, 1), [(2, 2)]),
        ((3, 5), [(2, 4)]),
    ],
)
def test_the_web_ladder_for(size: tuple[int, int], wanted: list[tuple[int, int]]) -> None:
    assert rungs_of(size) == wanted


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((640, 360), [900_000, 450_000]), ((600, 300), [900_000, 450_000]), ((400, 200), [450_000])],
)
def test_a_source_gets_the_bit_rate_of_the_smallest_box_that_holds_it(
    size: tuple[int, int], wanted: list[int]
) -> None:
    assert [one.max_bitrate_bps for one in plan_ladder(WEB, size, None)] == wanted


def test_a_source_a_little_larger_than_a_box_gets_no_rung_of_almost_its_size() -> None:
    assert rungs_of((1300, 731)) == [(1300, 730), (854, 480), (640, 360), (426, 240)]


def test_a_banner_gets_no_two_rungs_of_one_height() -> None:
    heights = [height for _, height in rungs_of((4000, 20))]
    assert len(set(heights)) == len(heights)


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [(None, 6_000_000), (Fraction(25), 6_000_000), (Fraction(30), 6_000_000),
     (Fraction(30_000, 1001), 6_000_000), (Fraction(50), 9_000_000), (Fraction(120), 9_000_000)],
)  # fmt: skip
def test_fast_pictures_may_take_half_as_much_again(rate: Fraction | None, wanted: int) -> None:
    assert plan_ladder(WEB, (1920, 1080), rate)[0].max_bitrate_bps == wanted


@pytest.mark.parametrize(
    ("rate", "step"),
    [(None, 1), (Fraction(25), 1), (Fraction(30), 1), (Fraction(30_000, 1001), 1), (Fraction(48), 2),
     (Fraction(60_000, 1001), 2), (Fraction(60), 2), (Fraction(90), 3), (Fraction(120), 4)],
)  # fmt: skip
def test_a_rung_is_thinned_to_its_frame_rate_and_then_takes_no_more_bits(
    rate: Fraction | None, step: int
) -> None:
    slow = Rung(box=(640, 360), max_bitrate=900_000, max_fps=Fraction(30))
    large, small = plan_ladder(
        VideoCodec(codec="h264", rungs=(Rung(box=(1280, 720), max_bitrate=3_000_000), slow)),
        (1280, 720),
        rate,
    )
    assert (large.frame_step, small.frame_step) == (1, step)
    assert small.max_bitrate_bps == 900_000


@pytest.mark.parametrize(
    ("rate", "most", "step"),
    [(Fraction(30_000, 1001), "29.97", 1), (Fraction(30), "29.97", 1), (Fraction(60_000, 1001), "29.97", 2),
     (Fraction(24_000, 1001), "23.976", 1), (Fraction(25), "24", 2), (Fraction(1), "240", 1)],
)  # fmt: skip
def test_a_rate_that_is_written_with_few_digits_is_met(rate: Fraction, most: str, step: int) -> None:
    rung = Rung(box=(640, 360), max_bitrate=900_000, max_fps=Fraction(most))
    (size,) = plan_ladder(VideoCodec(codec="h264", rungs=(rung,)), (640, 360), rate)
    assert size.frame_step == step


def test_a_rung_may_have_a_quality_of_its_own() -> None:
    codec = VideoCodec(
        codec="h264",
        crf=20,
        rungs=(Rung(box=(1280, 720), max_bitrate=100_000), Rung(box=(640, 360), max_bitrate=50_000, crf=30)),
    )
    assert plan_ladder(codec, (1280, 720), None) == (
        Size(width=1280, height=720, max_bitrate_bps=100_000, crf=20),
        Size(width=640, height=360, max_bitrate_bps=50_000, crf=30),
    )
