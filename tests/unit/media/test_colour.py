"""What is taken for the meaning of a picture's numbers."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from cutroom.media.colour import BT709, Colour, colour_notes, colour_of
from cutroom.media.source import VideoTrack

TRACK = VideoTrack(index=0, codec="h264", width=640, height=360, time_base=Fraction(1, 25), pix_fmt="yuv420p")


@pytest.mark.parametrize(
    ("of_track", "matrix", "is_noted"),
    [
        ({}, "smpte170m", True),
        ({"height": 576}, "bt470bg", True),
        ({"height": 720}, "bt709", True),
        ({"color_space": "bt709"}, "bt709", False),
        ({"color_space": "smpte170m", "height": 1080}, "smpte170m", False),
        ({"color_primaries": "bt470bg", "height": 1080}, "bt470bg", False),
        # A word that no filter knows is none.
        ({"color_space": "reserved"}, "smpte170m", True),
        ({"color_transfer": "smpte2084"}, "bt2020nc", True),
        ({"pix_fmt": "gbrp"}, "gbr", False),
        # H.264 says `gbr` of RGB and of nothing else; where the pixels are none it lies.
        ({"color_space": "gbr"}, "smpte170m", True),
    ],
)
def test_the_matrix_is_the_stated_one_or_that_of_the_height(
    of_track: dict[str, Any], matrix: str, is_noted: bool
) -> None:
    track = replace(TRACK, **of_track)
    assert colour_of(track).matrix == matrix
    notes = colour_notes(track)
    assert bool(notes) == is_noted
    said = {"smpte170m": "NTSC (BT.601)", "bt470bg": "PAL (BT.601)", "bt709": "BT.709", "bt2020nc": "BT.2020"}
    assert all(said[matrix] in note for note in notes)


@pytest.mark.parametrize(
    ("of_track", "is_full"),
    [
        ({}, False),
        ({"color_range": "tv"}, False),
        ({"color_range": "pc"}, True),
        ({"pix_fmt": "yuvj420p"}, True),
        ({"pix_fmt": "bgr24", "color_range": "tv"}, True),
    ],
)
def test_the_range_is_limited_unless_the_source_says_otherwise(
    of_track: dict[str, Any], is_full: bool
) -> None:
    assert colour_of(replace(TRACK, **of_track)).is_full_range == is_full


def test_curves_of_sdr_are_not_told_apart_and_those_of_hdr_are() -> None:
    srgb = replace(TRACK, color_transfer="iec61966-2-1", color_space="bt709")
    assert colour_of(srgb) == BT709
    hlg = replace(TRACK, color_transfer="arib-std-b67", color_primaries="reserved")
    assert colour_of(hlg) == Colour(
        primaries="bt2020", transfer="arib-std-b67", matrix="bt2020nc", is_full_range=False
    )
