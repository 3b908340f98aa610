"""Fields where they are, whatever the flags say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from awkward import ffmpeg
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits
from cutroom.media.source import Source
from cutroom.settings import Settings
from cutroom.steps.local import transcode
from shown import renditions

pytestmark = pytest.mark.media

PROFILE = """
name: test
description: One rung as large as the source, so that lines stay lines
video: [{codec: h264, preset: ultrafast, crf: 10, rungs: [{box: 576x576, max_bitrate: 8M}]}]
"""

SMOOTH = "gblur=sigma=3,format=yuv420p"
"""Fine detail of drawn pictures looks like fields."""


def drawn(rate: str, graph: str, *codec: str) -> Callable[[Path], None]:
    """A picture of 576 lines that moves, through a graph of filters."""

    def make(path: Path) -> None:
        ffmpeg(
            "-f", "lavfi", "-i", f"testsrc2=s=96x576:r={rate}:d=3", "-vf", f"{SMOOTH},{graph}", *codec, path
        )

    return make


MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2")
FIELDS = ("-flags", "+ilme+ildct")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12")

INTERLACED = {
    "fields that say so": (drawn("50", "interlace=scan=tff", *MPEG2, *FIELDS), "tff"),
    "fields in H.264 that says it has none": (drawn("50", "interlace=scan=tff,setfield=prog", *X264), "tff"),
    "the bottom field first": (drawn("50", "interlace=scan=bff,setfield=prog", *X264), "bff"),
}


def probed(source: Path) -> Source:
    found, _ = probe(source, sha256="0" * 64, log=source.with_suffix(".log"), limits=Limits())
    return found


@pytest.mark.parametrize("name", INTERLACED)
def test_fields_are_found_and_leave_no_combs(name: str, tmp_path: Path) -> None:
    make, order = INTERLACED[name]
    source, recipe, out = tmp_path / "source.ts", tmp_path / "test.yaml", tmp_path / "out"
    make(source)
    recipe.write_text(PROFILE)
    found = probed(source)
    assert found.video[0].scan == order
    assert any("flags say otherwise" in note for note in found.notes) == ("say so" not in name)
    transcode(source, out, profile=str(recipe), settings=Settings(home=tmp_path))
    (one,) = renditions(out)
    folder = out / "renditions" / one.key
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(
        b"".join(f.read_bytes() for f in [folder / "init.mp4", *sorted(folder.glob("seg_*.m4s"))])
    )
    assert one.height == 576
    assert probed(whole).video[0].scan == "progressive"


def test_whole_frames_whose_flags_claim_fields_stay_whole(tmp_path: Path) -> None:
    source = tmp_path / "source.ts"
    drawn("25", "setfield=tff", *MPEG2, *FIELDS)(source)
    found = probed(source)
    assert found.video[0].field_order in {"tt", "bb", "tb", "bt"}
    assert not found.video[0].is_interlaced
    assert any("frames are whole" in note for note in found.notes)


def test_film_with_repeated_fields_is_told(tmp_path: Path) -> None:
    source = tmp_path / "source.ts"
    drawn("24000/1001", "telecine=pattern=23", *MPEG2, *FIELDS)(source)
    found = probed(source)
    assert found.video[0].is_interlaced
    assert any("3:2" in note for note in found.notes)


def test_a_codec_without_fields_is_not_decoded_for_them(tmp_path: Path) -> None:
    source = tmp_path / "source.webm"
    drawn("25", "null", "-c:v", "libvpx", "-deadline", "realtime")(source)
    assert probed(source).video[0].scan is None
    assert not list(tmp_path.glob("*.fields.log"))
