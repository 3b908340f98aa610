"""What pictures and containers say of how they are meant to be seen."""

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from cutroom.ffmpeg import tools
from cutroom.ffmpeg.ffprobe import Stream
from cutroom.ffmpeg.wishes import Wish, asked, notes, shape

TURNED = ("-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")
MIRRORED = ("-bsf:v", "h264_metadata=display_orientation=insert:flip=vertical")
UPRIGHT = ("-bsf:v", "h264_metadata=display_orientation=insert:rotate=0")
SIDE_BY_SIDE = ("-x264-params", "frame-packing=3")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [((), set()), (TURNED, {"turned"}), (MIRRORED, {"turned"}), (UPRIGHT, set()), (SIDE_BY_SIDE, {"packed"}),
     ((*SIDE_BY_SIDE, *TURNED), {"packed", "turned"})],
)  # fmt: skip
def test_pictures_of_h264_say_how_they_are_meant_to_be_seen(
    tmp_path: Path, options: tuple[str, ...], wanted: set[Wish]
) -> None:
    bare = tmp_path / "bare.h264"
    argv = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "color=s=32x32:r=2:d=1"]
    subprocess.run([*argv, "-c:v", "libx264", "-preset", "ultrafast", *options, str(bare)], check=True)
    assert asked(bare.read_bytes(), "h264", b"") == wanted


@pytest.mark.parametrize(("aspect", "code"), [("1", 1), ("4/3", 2), ("16/9", 3)])
def test_groups_of_mpeg_2_say_which_shape_they_have(tmp_path: Path, aspect: str, code: int) -> None:
    bare = tmp_path / "bare.m2v"
    size = "32x32" if code == 1 else "64x48"
    argv = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", f"color=s={size}:r=25:d=0.1"]
    subprocess.run([*argv, "-aspect", aspect, "-c:v", "mpeg2video", str(bare)], check=True)
    assert shape(bare.read_bytes(), "mpeg2video") == code
    assert shape(bare.read_bytes()[4:], "mpeg2video") is None


def sei(kind: int, bits: str) -> bytes:
    """A unit of HEVC with a message in front of a picture."""
    payload = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
    return bytes((39 << 1, 1, kind, len(payload))) + payload + b"\x80"


SLICE = bytes((1 << 1, 1, 0x80))


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        (sei(47, "0" + "01" + "0" * 16), {"turned"}),
        (sei(47, "0" + "00" + "01" + "0" * 14), {"turned"}),
        (sei(47, "0" + "00" + "0" * 16), set()),
        (sei(47, "1"), set()),
        (sei(45, "1" + "0" + "0000011"), {"packed"}),
        (sei(45, "1" + "1"), set()),
        (sei(47, "0"), set()),
    ],
)
def test_pictures_of_hevc_say_it_as_well(unit: bytes, wanted: set[Wish]) -> None:
    behind_codes = b"\0\0\x01" + unit + b"\0\0\x01" + SLICE
    assert asked(behind_codes, "hevc", b"") == wanted
    assert asked(b"\0\0\x01" + SLICE + b"\0\0\x01" + unit, "hevc", b"") == set()
    record = b"\x01" + bytes(20) + b"\x03" + bytes(2)
    assert asked(len(unit).to_bytes(4) + unit, "hevc", record) == wanted
    assert asked(behind_codes, "vp9", b"") == set()


@pytest.mark.parametrize(
    ("side_data", "told"),
    [
        ({"side_data_type": "Stereo 3D", "type": "side by side"}, "side by side"),
        ({"side_data_type": "Stereo 3D", "type": "2D"}, None),
        ({"side_data_type": "Spherical Mapping", "projection": "equirectangular"}, "equirectangular"),
        ({"side_data_type": "Display Matrix"}, None),
    ],
)
def test_containers_say_it_too(side_data: dict[str, str], told: str | None) -> None:
    said = notes(Stream(index=0, codec_type="video", time_base=Fraction(1), side_data_list=(side_data,)))
    assert said == () if told is None else told in said[0]
