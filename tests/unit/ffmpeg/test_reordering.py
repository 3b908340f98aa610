"""Which packets may be shown out of their order, and how many are decoded to find out."""

import subprocess
from pathlib import Path

import av
import pytest

from cutroom.ffmpeg import tools
from cutroom.ffmpeg.frame_packets import codec_of
from cutroom.ffmpeg.h264 import Headers
from cutroom.ffmpeg.keyframes import is_bidirectional
from cutroom.ffmpeg.reordering import TRIED_PACKETS, Reordering


@pytest.mark.parametrize(
    ("encoder", "container"),
    [("mpeg1video", "nut"), ("mpeg2video", "nut"), ("mpeg4", "mp4"), ("libx264", "nut"), ("libx264", "mp4")],
)
def test_pictures_that_refer_to_later_ones_are_told_by_what_is_coded(
    tmp_path: Path, encoder: str, container: str
) -> None:
    film = tmp_path / f"film.{container}"
    argv = [
        tools.path("ffmpeg"),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=64x64:r=25",
        "-frames:v",
        "12",
    ]
    argv += ["-pix_fmt", "yuv420p", "-c:v", encoder, "-bf", "2", str(film)]
    subprocess.run(argv, check=True)
    with av.open(film) as opened:
        stream = opened.streams.video[0]
        codec = codec_of(stream)
        headers = Headers(stream.codec_context.extradata or b"")
        packets = [one for one in opened.demux(stream) if one.size]
    found = [
        headers.is_bidirectional(bytes(one)) if codec == "h264" else is_bidirectional(bytes(one), codec)
        for one in packets
    ]
    times = [one.pts or 0 for one in packets]
    assert found == [time < max(times[: place + 1]) for place, time in enumerate(times)]
    assert any(found)


MPEG_B, MPEG_P = bytes((0, 0, 1, 0, 0, 3 << 3)), bytes((0, 0, 1, 0, 0, 2 << 3))


@pytest.mark.parametrize(
    ("codec", "packets", "is_stated", "tried"),
    [
        ("mpeg2video", [MPEG_P] * 99 + [MPEG_B], False, 100),
        ("mpeg2video", [MPEG_P] * 100, True, TRIED_PACKETS),
        ("mpeg2video", [MPEG_P] * 100, False, 0),
        ("mpeg2video", [MPEG_P] * 9, True, 9),
        ("hevc", [b""] * 100, True, 100),
        ("vc1", [b""] * 100, True, TRIED_PACKETS),
    ],
)
def test_all_packets_are_tried_where_the_coded_pictures_may_be_reordered(
    codec: str, packets: list[bytes], is_stated: bool, tried: int
) -> None:
    seen = Reordering(codec, None)
    for pts, data in enumerate(packets):
        seen.see(pts, data)
    assert seen.tried(len(packets), is_stated=is_stated) == tried


def test_times_that_do_not_rise_are_none_of_decoding() -> None:
    seen = Reordering("mpeg2video", None)
    for pts, data in ((0, MPEG_P), (2, MPEG_P), (1, MPEG_B)):
        seen.see(pts, data)
    assert seen.tried(3, is_stated=False) == 0
