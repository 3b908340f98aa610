"""Files that mean harm: each ends published or rejected with a true reason, in bounded time, and nothing leaks."""

import contextlib
import io
import re
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from awkward import PLAIN, PROFILE, counted, ffmpeg, motion_photo
from cutroom.errors import CutroomError, EncoderRefused, SourceRejected, SourceTooLarge
from cutroom.ffmpeg import confine, ffprobe
from cutroom.media.limits import Limits
from cutroom.settings import Settings
from cutroom.steps.local import transcode

pytestmark = pytest.mark.media

CANARY = b"CANARY-7f3a: nobody may read this"


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "test.yaml"
    path.write_text(PROFILE)
    return str(path)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that no output may hold anything of."""
    path = tmp_path / "canary.txt"
    path.write_bytes(CANARY * 40)
    return path


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A listener that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        yield listening


def hls(uri: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n{uri}\n#EXT-X-ENDLIST\n".encode()


def riff_with(playlist: bytes) -> bytes:
    """An AVI whose beginning is sound and whose data are a playlist (the trick of 2017, CVE-2017-9993)."""
    data = b"GAB2\0\x02\0" + b"\0" * 10 + playlist
    body = b"AVI LIST" + struct.pack("<I", len(data) + 12) + b"movi00tx" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tricks(canary: Path, port: int) -> dict[str, bytes]:
    """Bytes that have a media tool open something else, if it lets itself be talked into it."""
    url = f"http://127.0.0.1:{port}/x.ts"
    dash = f'<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>'
    return {
        "playlist.mp4": hls(f"file://{canary}"),
        "playlist.ts": hls(url),
        "playlist with a byte order mark.mp4": b"\xef\xbb\xbf" + hls(url),
        "playlist behind a header.ts": b"G" + b"\0" * 187 + hls(url),
        "playlist of a concat.mp4": hls(f"concat:{url}|file://{canary}"),
        "concat.mp4": f"ffconcat version 1.0\nfile '{canary}'\nfile '{url}'\n".encode(),
        "dash.mp4": dash.encode(),
        "session.mp4": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n".encode(),
        "playlist.avi": riff_with(hls(f"file://{canary}")),
        "playlist that fetches.avi": riff_with(hls(url)),
        "drawing.mp4": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode(),
        "script.mp4": b"#!/bin/sh\ncat /etc/passwd\n",
        "imf.mxf": f'<?xml version="1.0"?><CompositionPlaylist><Id>{url}</Id></CompositionPlaylist>'.encode(),
    }


@pytest.mark.parametrize("name", tricks(Path("/c"), 1))
def test_a_file_that_names_others_has_none_of_them_opened(
    name: str, canary: Path, server: socket.socket, tmp_path: Path, profile: str
) -> None:
    source, out = tmp_path / name, tmp_path / "out"
    source.write_bytes(tricks(canary, server.getsockname()[1])[name])
    with pytest.raises(SourceRejected) as told:
        transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert CANARY.decode() not in str(told.value)
    assert str(tmp_path) not in str(told.value)
    assert not any(
        CANARY in path.read_bytes() for path in out.rglob("*") if path.is_file() and not path.is_symlink()
    )
    with pytest.raises(TimeoutError):
        server.accept()


@pytest.mark.parametrize("network", ["of its own", "shared"])
def test_nor_is_any_opened_where_ffprobe_reads_by_an_address(
    network: str, canary: Path, server: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As uploads are read; where the kernel lets nobody make a network, the allow-lists stand alone."""
    if network == "shared":
        program = Path(confine.__file__).read_text()
        (tmp_path / "confine.py").write_text(program.replace("0x10000000, 0x40000000", "1, 1"))
        monkeypatch.setattr(confine, "__file__", str(tmp_path / "confine.py"))
    film = tmp_path / "film.mov"
    counted()(film)
    reference = f"http://127.0.0.1:{server.getsockname()[1]}/".encode()
    elsewhere = film.read_bytes().replace(b"url \0\0\0\x01", b"url \0\0\0\0") + reference
    told = []
    for data in (*tricks(canary, server.getsockname()[1]).values(), elsewhere):
        with contextlib.suppress(EncoderRefused):
            told.append(ffprobe.ask(io.BytesIO(data), "-show_streams", log=tmp_path / "log", limits=Limits()))
    assert CANARY.decode() not in str(told)
    with pytest.raises(TimeoutError):
        server.accept()


def test_tracks_that_point_elsewhere_are_not_followed(
    canary: Path, server: socket.socket, tmp_path: Path, profile: str
) -> None:
    """QuickTime's data references name other files (`alis`, `url `); the picture that is in the file is published."""
    source, out = tmp_path / "source.mov", tmp_path / "out"
    counted()(source)
    data = source.read_bytes()
    reference = f"http://127.0.0.1:{server.getsockname()[1]}/".encode()
    assert b"url \0\0\0\x01" in data
    # The flag 1 says that the data are in this file; without it a name follows.
    source.write_bytes(data.replace(b"url \0\0\0\x01", b"url \0\0\0\0") + reference + str(canary).encode())
    with contextlib.suppress(SourceRejected):
        transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert not any(CANARY in path.read_bytes() for path in out.glob("renditions/*/*"))
    with pytest.raises(TimeoutError):
        server.accept()


def test_a_motion_photo_is_told_from_a_plain_image(tmp_path: Path, profile: str) -> None:
    source = tmp_path / "photo.jpg"
    motion_photo(source)
    with pytest.raises(SourceRejected, match="motion photo"):
        transcode(source, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path))


def enormous_png(path: Path) -> None:
    """A picture of one colour: tens of megabytes out of some kilobytes."""
    ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=9000x4000", "-frames:v", "1",
        "-c:v", "png", "-pred", "none", "-pix_fmt", "gray", path,
    )  # fmt: skip


HUGE = 32_767
"""The largest side that formats of pictures commonly allow."""


def huge_by_its_png(path: Path) -> None:
    """The container says 160×90, the picture inside says otherwise."""
    counted(video=("-c:v", "png"), pixels="rgb24", seconds=0.08, audio=None)(path)
    data = path.read_bytes()
    for at in [found.start() for found in re.finditer(b"IHDR", data)]:
        header = b"IHDR" + struct.pack(">II", HUGE, HUGE) + data[at + 12 : at + 17]
        data = data[:at] + header + struct.pack(">I", zlib.crc32(header)) + data[at + 21 :]
    path.write_bytes(data)


def huge_by_its_jpeg(path: Path) -> None:
    counted(video=("-c:v", "mjpeg"), pixels="yuvj420p", seconds=0.08, audio=None)(path)
    data = path.read_bytes()
    for at in [found.start() for found in re.finditer(b"\xff\xc0\0\x11\x08", data)]:
        data = data[: at + 5] + struct.pack(">HH", HUGE, HUGE) + data[at + 9 :]
    path.write_bytes(data)


def huge_by_its_h264(path: Path) -> None:
    """A sequence parameter set of the baseline profile (ITU-T H.264, 7.3.2.1.1) in front of a picture of its own."""
    blocks = (HUGE + 15) // 16 - 1
    numbers = [0, 4, 2, 1]  # its number, frame numbers, no order of pictures, references
    bits = "".join(map(golomb, numbers)) + "0" + golomb(blocks) + golomb(blocks) + "1" + "0000" + "1"
    bits += "0" * (-len(bits) % 8)
    parameters = bytes((66, 0, 62)) + int(bits, 2).to_bytes(len(bits) // 8)
    base = path.with_name("base.h264")
    baseline = ("-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-x264-params", "ref=1")
    counted(video=baseline, seconds=0.2, audio=None)(base)
    units = base.read_bytes().split(b"\0\0\0\1")
    path.write_bytes(b"\0\0\0\1".join([*units[:1], b"\x67" + parameters, *units[2:]]))


def golomb(number: int) -> str:
    """An Exp-Golomb code (ITU-T H.264, 9.1)."""
    binary = f"{number + 1:b}"
    return "0" * (len(binary) - 1) + binary


def element(name: str, content: bytes) -> bytes:
    """An element of Matroska, whose length takes eight bytes."""
    return bytes.fromhex(name) + struct.pack(">Q", len(content) | 1 << 56) + content


def matroska(content: bytes) -> bytes:
    return element("1a45dfa3", element("4282", b"matroska")) + element("18538067", content)


def thousands_of_tracks(path: Path) -> None:
    tracks = (
        element("d7", struct.pack(">I", n)) + element("83", b"\2") + element("86", b"A_PCM/INT/LIT")
        for n in range(1, 20_001)
    )
    path.write_bytes(matroska(element("1654ae6b", b"".join(element("ae", one) for one in tracks))))


def thousands_of_tracks_of_quicktime(path: Path) -> None:
    tracks = b"\0\0\0\x08trak" * 20_000
    path.write_bytes(
        b"\0\0\0\x14ftypisom\0\0\2\0isom" + struct.pack(">I", 8 + len(tracks)) + b"moov" + tracks
    )


def hundreds_of_tracks(path: Path) -> None:
    base = path.with_name("base.mp4")
    counted(video=PLAIN, seconds=0.2)(base)
    ffmpeg("-i", base, *["-map", "0:a"] * 300, "-c", "copy", path)


def hours_from_nothing(path: Path) -> None:
    base = path.with_name("base.mp4")
    counted(video=PLAIN, seconds=0.2, audio=None)(base)
    ffmpeg("-i", base, "-c", "copy", "-bsf:v", "setts=ts='if(gte(N,4),TS+200000/TB,TS)'", path)


@pytest.mark.parametrize(
    ("make", "suffix", "setting"),
    [
        (enormous_png, ".mov", "CUTROOM_SOURCE_MAX_PIXELS"),
        (huge_by_its_png, ".mov", "CUTROOM_SOURCE_MAX_PIXELS"),
        (huge_by_its_jpeg, ".mov", "CUTROOM_SOURCE_MAX_PIXELS"),
        (huge_by_its_h264, ".h264", "CUTROOM_SOURCE_MAX_PIXELS"),
        (hundreds_of_tracks, ".mkv", "CUTROOM_SOURCE_MAX_TRACKS"),
        (thousands_of_tracks, ".mkv", "CUTROOM_SOURCE_MAX_TRACKS"),
        (thousands_of_tracks_of_quicktime, ".mp4", "CUTROOM_SOURCE_MAX_TRACKS"),
        (hours_from_nothing, ".mkv", "CUTROOM_SOURCE_MAX_DURATION_S"),
    ],
)
def test_what_is_too_large_is_refused_with_the_limit_and_its_setting(
    make: object, suffix: str, setting: str, tmp_path: Path, profile: str
) -> None:
    source = tmp_path / f"source{suffix}"
    make(source)  # type: ignore[operator]
    with pytest.raises(SourceTooLarge, match=setting):
        transcode(source, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path))


def test_more_frames_than_the_setting_allows_are_refused(tmp_path: Path, profile: str) -> None:
    source = tmp_path / "source.mp4"
    counted(seconds=1)(source)
    with pytest.raises(SourceTooLarge, match="CUTROOM_SOURCE_MAX_FRAMES"):
        transcode(
            source, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path, source_max_frames=24)
        )


def test_boxes_nested_without_end_are_refused(tmp_path: Path, profile: str) -> None:
    source = tmp_path / "source.mp4"
    nested = b""
    for _ in range(20_000):
        nested = struct.pack(">I", 8 + len(nested)) + b"moov" + nested
    source.write_bytes(b"\0\0\0\x14ftypisom\0\0\x02\0isom" + nested)
    with pytest.raises(SourceRejected):
        transcode(source, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path))


def test_elements_nested_without_end_are_refused(tmp_path: Path, profile: str) -> None:
    source = tmp_path / "source.mkv"
    nested = b"".join(
        bytes.fromhex("67c8") + struct.pack(">Q", 10 * n | 1 << 56) for n in reversed(range(20_000))
    )
    source.write_bytes(matroska(element("1254c367", element("7373", nested))))
    with pytest.raises(SourceRejected):
        transcode(source, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path))


FUZZED = {
    ".mp4": counted(seconds=1),
    ".mkv": counted(seconds=1, video=PLAIN),
    ".ts": counted(seconds=1),
    ".avi": counted(seconds=1, video=PLAIN, audio=("-c:a", "libmp3lame")),
}


@pytest.mark.parametrize("suffix", FUZZED)
@pytest.mark.parametrize("seed", [2, 3])
def test_a_file_with_flipped_bits_ends_published_or_rejected(
    suffix: str, seed: int, tmp_path: Path, profile: str
) -> None:
    source, out = tmp_path / f"source{suffix}", tmp_path / "out"
    FUZZED[suffix](source)
    data = source.read_bytes()
    # Twenty bits in all, or one byte of a hundred.
    flips = 20 if seed == 2 else len(data) // 100
    source.write_bytes(damaged(data, flips, np.random.default_rng(seed)))
    ends_well(source, out, profile)


DAMAGED_BYTES = 150_000
"""So much is left of the files of the corpus: their headers, and pictures of a second or two."""

DAMAGED = (
    "avsync-25s-480p60-vp9-opus.webm", "bbb-10s-1080p30-h264-mp2.ts", "bbb-5s-1080p24-hevc-aac51.ts",
    "bear-3s-cover-png.flac", "earth-30s-480x270-h264-aac.mp4", "lecture-10s-480x360-h264-aac.flv",
    "nasa-13s-2-video-2-audio-2-subtitle-tracks.mp4", "ocean-10s-240p-theora-vorbis.ogv",
    "phone-4s-portrait-720x1280-av1-hdr10-aac.mp4", "podcast-3s-cover-chapters.mp3",
    "rooftop-3s-1080p-hevc-main10-hlg.mp4", "screen-9s-vfr-3026x1386-h264.mp4", "sintel-4s-960x400-mpeg4-mp3.avi",
    "speech-3s-16k-mono.wav", "speech-3s-stereo.opus", "speech-7s-16k-mono-aac.m4a",
    "tears-of-steel-70s-800x332-vp8-vorbis.webm", "tv-news-6s-576i-mpeg2-mp2-dvbsub-interlaced.ts",
    "webcam-1s-1080x720-h264-ac3-srt.mkv",
)  # fmt: skip
"""One of each container and codec."""


@pytest.mark.parametrize("name", DAMAGED)
def test_a_real_file_that_is_cut_and_damaged_ends_published_or_rejected(
    name: str, corpus: Path, tmp_path: Path, profile: str
) -> None:
    source = tmp_path / name
    random = np.random.default_rng(len(name))
    data = (corpus / name).read_bytes()
    kept = int(random.integers(min(len(data), DAMAGED_BYTES) // 3, min(len(data), DAMAGED_BYTES)))
    source.write_bytes(damaged(data[:kept], 20, random))
    ends_well(source, tmp_path / "out", profile)


def damaged(data: bytes, flips: int, random: np.random.Generator) -> bytes:
    """The same bytes but for so many bits."""
    changed = np.frombuffer(data, np.uint8).copy()
    places = random.integers(0, len(changed), flips)
    changed[places] ^= (1 << random.integers(0, 8, flips)).astype(np.uint8)
    return changed.tobytes()


def ends_well(source: Path, out: Path, profile: str) -> None:
    """Published after all checks, or rejected with nothing to be seen of it."""
    bounded = Settings(home=out.parent, source_max_duration_s=200, tool_timeout_s=120, tool_cpu_s=60)
    try:
        version = transcode(source, out, profile=profile, settings=bounded)
    except CutroomError as error:
        assert isinstance(error, SourceRejected), error  # noqa: PT017  both ends are good
        assert not (out / "master.m3u8").exists()
    else:
        assert version.report["ok"]
