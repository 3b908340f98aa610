"""Encode chunks show what the source shows, whatever its codec is called in its container."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg import packets, tools
from cutroom.ffmpeg.chunk_format import CodecNotTaken, chunk_format
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits

CODECS = {
    "4:2:0 without compression": (".avi", ("rawvideo", "-pix_fmt", "yuv420p")),
    "NV12": (".avi", ("rawvideo", "-pix_fmt", "nv12", "-tag:v", "NV12")),
    "RGB without compression": (".avi", ("rawvideo", "-pix_fmt", "bgr24")),
    "RGB with alpha in QuickTime": (".mov", ("rawvideo", "-pix_fmt", "argb")),
    "16 bits in QuickTime": (".mov", ("rawvideo", "-pix_fmt", "rgb48be")),
    "Ut Video": (".avi", ("utvideo", "-pix_fmt", "yuv420p")),
    "the arithmetic of XviD": (".avi", ("mpeg4", "-q:v", "3", "-tag:v", "XVID", "-flags:v", "bitexact")),
    "ProRes 4444": (".mov", ("prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")),
    "Hap Q": (".mov", ("hap", "-format", "hap_q")),
    "Animation": (".mov", ("qtrle", "-pix_fmt", "argb")),
    "DNxHD in Matroska": (".mkv", ("dnxhd", "-profile:v", "dnxhr_lb", "-pix_fmt", "yuv422p")),
}


def made(path: Path, *codec: str, rate: str = "25", more: tuple[str, ...] = ()) -> Path:
    picture = ("-f", "lavfi", "-i", f"testsrc2=s=256x128:r={rate}", *more, "-frames:v", "5")
    command = [tools.path("ffmpeg"), "-v", "error", "-y", *picture, "-c:v", *codec, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def decoded(path: Path) -> list[str]:
    """Digests of all frames as they are, so that another format of pixels differs, too."""
    command = [tools.path("ffmpeg"), "-v", "error", "-i", str(path), "-map", "0:v", "-f", "framemd5", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.rsplit(",", 1)[1].strip() for line in said.splitlines() if not line.startswith("#")]


def cut(source: Path, chunk: Path, *, first: int = 0) -> None:
    """Write the chunk of all packets from the first one on."""
    tmp_path = chunk.parent
    index = packets.read_packets(source, 0, log=tmp_path / "log", limits=Limits())
    times, order = tmp_path / "times", tmp_path / "order.json"
    times.write_text("".join(f"{one.pts} {one.pts}\n" for one in index.packets))
    window = {"path": str(chunk), "first": first, "end": len(index.packets)}
    with av.open(source) as container:
        time_base = str(container.streams.video[0].time_base)
    order.write_text(
        json.dumps({"shift_s": 0, "times": str(times), "time_base": time_base, "cuts": [window]})
    )
    split = [sys.executable, "-m", "cutroom.ffmpeg.cutter", "split", str(source), "0", str(order)]
    subprocess.run(split, check=True, capture_output=True)


def times_of(path: Path) -> list[Fraction]:
    with av.open(path) as container:
        packets = [one for one in container.demux(video=0) if one.pts is not None]
        return [one.pts * one.time_base for one in packets]


@pytest.mark.parametrize("name", CODECS)
def test_a_chunk_decodes_to_the_pixels_of_the_source(name: str, tmp_path: Path) -> None:
    suffix, codec = CODECS[name]
    source, chunk = made(tmp_path / f"source{suffix}", *codec), tmp_path / "chunk.nut"
    cut(source, chunk)
    assert len(decoded(source)) == 5
    assert decoded(chunk) == decoded(source)


@pytest.mark.parametrize("codec", [("prores_ks",), ("png",)], ids=["in MOV", "in NUT"])
def test_a_chunk_keeps_the_times_of_the_source(codec: tuple[str, ...], tmp_path: Path) -> None:
    source, chunk = made(tmp_path / "source.mov", *codec, rate="60000/1001"), tmp_path / "chunk.nut"
    cut(source, chunk, first=1)
    assert times_of(chunk) == times_of(source)[1:]


def test_a_chunk_shows_its_last_frame_where_the_source_does_not_say_how_long(tmp_path: Path) -> None:
    stated, source = made(tmp_path / "stated.mov", "prores_ks"), tmp_path / "source.mkv"
    with av.open(stated) as given, av.open(source, "w") as output:
        track = output.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.duration, packet.stream = 0, track
                output.mux(packet)
    cut(source, tmp_path / "chunk.nut")
    assert len(decoded(source)) == 5
    assert decoded(tmp_path / "chunk.nut") == decoded(source)


def test_pictures_of_mpeg_that_only_their_tag_explains_decode_as_in_the_source(tmp_path: Path) -> None:
    """Those of ATI's VCR2 say nothing of their size, and have their colours the other way round."""
    plain, source = made(tmp_path / "plain.avi", "mpeg2video", "-g", "1"), tmp_path / "source.avi"
    with av.open(plain) as given, av.open(source, "w") as output:
        track = output.add_stream_from_template(given.streams.video[0], opaque=True)
        track.codec_context.codec_tag, track.time_base = "VCR2", Fraction(1, 25)
        for number, packet in enumerate(one for one in given.demux(video=0) if one.size):
            bare = av.Packet(bytes(packet)[bytes(packet).index(b"\0\0\1\0") :])
            bare.pts = bare.dts = number
            bare.time_base, bare.duration, bare.is_keyframe, bare.stream = Fraction(1, 25), 1, True, track
            output.mux(bare)
    cut(source, tmp_path / "chunk.nut")
    assert len(decoded(source)) == 5
    assert decoded(tmp_path / "chunk.nut") == decoded(source)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", ("libvvenc", "-preset", "faster")),
        (".avi", ("msrle", "-pix_fmt", "pal8")),
        (".rm", ("rv20",)),
    ],
)
def test_what_no_chunk_can_hold_as_it_is_in_the_source_is_refused(
    suffix: str, codec: tuple[str, ...], tmp_path: Path
) -> None:
    source = made(tmp_path / f"source{suffix}", *codec)
    with pytest.raises(
        SourceUnsupported, match=r"The picture is coded in (vvc|rv20|msrle as this file has it), which"
    ):
        packets.read_packets(source, 0, log=tmp_path / "log", limits=Limits())


def test_a_picture_without_what_describes_it_is_refused_for_that(tmp_path: Path) -> None:
    sound = ("-f", "lavfi", "-i", "anullsrc", "-shortest")
    source = made(tmp_path / "source.ts", "mpeg4", "-flags", "global_header", more=sound)
    with pytest.raises(SourceUnsupported, match=r"track 0, mpeg4\) can't be read"):
        probe(source, sha256="", log=tmp_path / "log", limits=Limits())


def test_pictures_whose_times_no_demuxer_knows_are_refused() -> None:
    stream = SimpleNamespace(codec_context=av.CodecContext.create("cavs", "r"))
    with pytest.raises(CodecNotTaken, match="cavs"):
        chunk_format(stream, None)
