"""Coded pictures of real encodes, through the containers that carry them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from av.packet import Packet

from cutroom.errors import VerificationFailed
from cutroom.ffmpeg import coded, tools

pytestmark = pytest.mark.media

TIMESCALE = 12_800
COUNT = 12
ENCODERS = {
    "h264": ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "100k"),
    "av1": ("-c:v", "libsvtav1", "-preset", "13", "-svtav1-params", "lp=1"),
}
CONTAINERS = {
    "h264": ("mp4", "ts", "mkv"),
    "hevc": ("mp4", "ts", "mkv"),
    "vp9": ("mp4", "webm"),
    "av1": ("mp4", "webm"),
}


def ffmpeg(*arguments: object) -> None:
    command = [tools.path("ffmpeg"), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module", params=ENCODERS)
def encode(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    path = tmp_path_factory.mktemp("coded") / "encode.nut"
    picture = f"testsrc2=s=64x48:r=25:d={COUNT / 25},settb=1/{TIMESCALE}"
    timing = ("-fps_mode", "passthrough", "-enc_time_base", f"1/{TIMESCALE}", "-pix_fmt", "yuv420p", "-g", 6)
    ffmpeg("-f", "lavfi", "-i", picture, *ENCODERS[request.param], *timing, path)
    return request.param, path


def edited(source: Path, target: Path, edit: Callable[[list[Packet]], list[Packet]]) -> Path:
    with av.open(str(source)) as given, av.open(str(target), "w", format="nut") as made:
        stream = given.streams.video[0]
        out = made.add_stream_from_template(stream, opaque=True)
        made.start_encoding()
        for packet in edit([one for one in given.demux(stream) if one.size]):
            packet.stream = out
            made.mux(packet)
    return target


def test_a_container_changes_nothing_of_the_pictures(encode: tuple[str, Path], tmp_path: Path) -> None:
    codec, path = encode
    given = coded.read([path], TIMESCALE)
    assert len(given.ticks) == COUNT
    assert len(given.digests) == 1
    assert bool(given.parameters) == (codec != "vp9")
    for container in CONTAINERS[codec]:
        other = tmp_path / f"other.{container}"
        ffmpeg("-copyts", "-i", path, "-c", "copy", "-avoid_negative_ts", "disabled", other)
        found = coded.read([other], TIMESCALE)
        assert (found.digests, found.parameters) == (given.digests, given.parameters), container
        assert len(found.ticks) == COUNT


def test_each_stretch_has_a_digest_that_does_not_depend_on_the_others(
    encode: tuple[str, Path], tmp_path: Path
) -> None:
    _, path = encode
    parts = coded.read([path], TIMESCALE, [5, 4])
    assert len(parts.digests) == 3
    assert parts.digests == coded.read([path], TIMESCALE, [5, 4, COUNT - 9]).digests
    first = edited(path, tmp_path / "first.nut", lambda packets: packets[:5])
    assert coded.read([first], TIMESCALE).digests == parts.digests[:1]


def spoilt(packet: Packet) -> Packet:
    data = bytearray(bytes(packet))
    data[-1] ^= 4
    again = Packet(bytes(data))
    again.time_base, again.pts, again.dts = packet.time_base, packet.pts, packet.dts
    again.is_keyframe = packet.is_keyframe
    return again


@pytest.mark.parametrize("place", [0, 4, COUNT - 1])
def test_one_bit_of_one_picture_is_another_digest(
    encode: tuple[str, Path], place: int, tmp_path: Path
) -> None:
    _, path = encode
    other = edited(
        path,
        tmp_path / "other.nut",
        lambda packets: [spoilt(one) if n == place else one for n, one in enumerate(packets)],
    )
    given, found = (coded.read([one], TIMESCALE, [3, 3, 3]) for one in (path, other))
    differ = [
        n for n, pair in enumerate(zip(given.digests, found.digests, strict=True)) if len(set(pair)) > 1
    ]
    assert differ == [place // 3]


def test_pictures_that_changed_places_are_another_digest(encode: tuple[str, Path], tmp_path: Path) -> None:
    _, path = encode

    def swap(packets: list[Packet]) -> list[Packet]:
        one, other = packets[3], packets[4]
        one.pts, one.dts, other.pts, other.dts = other.pts, other.dts, one.pts, one.dts
        return [*packets[:3], other, one, *packets[5:]]

    other = edited(path, tmp_path / "other.nut", swap)
    assert coded.read([other], TIMESCALE).digests != coded.read([path], TIMESCALE).digests


def test_other_parameters_are_told(encode: tuple[str, Path], tmp_path: Path) -> None:
    codec, path = encode
    if codec == "vp9":
        assert coded.read([path], TIMESCALE).parameters == ()
        return
    filters = {
        "h264": "h264_metadata=level=5.2",
        "hevc": "hevc_metadata=level=6",
        "av1": "av1_metadata=matrix_coefficients=1",
    }
    other = tmp_path / "other.mp4"
    ffmpeg("-i", path, "-c", "copy", "-bsf:v", filters[codec], other)
    given, found = (coded.read([one], TIMESCALE) for one in (path, other))
    assert found.digests == given.digests
    assert found.parameters != given.parameters


def test_a_picture_that_an_edit_list_leaves_out_is_not_shown(tmp_path: Path) -> None:
    source, cut = tmp_path / "source.mp4", tmp_path / "cut.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", *ENCODERS["h264"], source)
    ffmpeg("-ss", "0.4", "-i", source, "-c", "copy", cut)
    assert len(coded.read([cut], TIMESCALE).ticks) == 15
    assert len(coded.read([cut], TIMESCALE).sizes_bytes) == 25


def test_what_holds_no_pictures_is_refused(tmp_path: Path) -> None:
    sound, noise = tmp_path / "sound.nut", tmp_path / "noise.nut"
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.1", sound)
    noise.write_bytes(os.urandom(2000))
    for path, reason in ((sound, "holds no pictures"), (noise, "can't be read")):
        with pytest.raises(VerificationFailed, match=reason):
            coded.read([path], TIMESCALE)
