"""What only a decoder can tell: which packets it can begin with, where a container's flags and pictures don't."""

from pathlib import Path

import pytest

from awkward import all_keyframes, changed, counted
from cutroom.ffmpeg import presentation

CODECS = {
    "flv1": (".avi", "yuv420p"),
    "h263p": (".avi", "yuv420p"),
    "cinepak": (".avi", "rgb24"),
    "svq1": (".mov", "yuv410p"),
    "qtrle": (".mov", "rgb24"),
    "ffv1": (".avi", "yuv420p"),
    "msmpeg4v2": (".avi", "yuv420p"),
}


@pytest.mark.parametrize("codec", CODECS)
def test_a_keyframe_is_what_a_decoder_can_begin_with(codec: str, tmp_path: Path) -> None:
    suffix, pixels = CODECS[codec]
    as_made = counted(seconds=0.6, size=(64, 48), video=("-c:v", codec, "-g", "5"), audio=None, pixels=pixels)
    found = []
    for name, make in (("true", as_made), ("false", changed(as_made, all_keyframes))):
        path = tmp_path / f"{name}{suffix}"
        make(path)
        packets = presentation.read(str(path), 0, alive=lambda: None).packets
        found.append([number for number, one in enumerate(packets) if one.is_keyframe])
    told, proven = found
    assert len(told) > 1
    assert told == proven
