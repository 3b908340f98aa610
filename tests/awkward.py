"""Sources as people really upload them: one maker for each class that docs/sources.md names.

Frame n shows n (see `counted`), so whatever a container does to times, a machine can read which frames are shown.
"""

import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from counted import make_counted
from cutroom.ffmpeg import tools
from described import with_second_entry

SIZE = (160, 90)
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-g", "25", "-bf", "2")
PLAIN = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-g", "25", "-bf", "0")
PRORES = ("-c:v", "prores_ks", "-profile:v", "lt")
AAC = ("-c:a", "aac", "-b:a", "64k")

PROFILE = """
name: test
description: One small rung with as many joins as there can be
segment_s: 1
damaged: publish
video:
  - codec: h264
    preset: ultrafast
    crf: 18
    rungs: [{box: 160x90, max_bitrate: 2M}]
audio:
  - {codec: aac, bitrates: [64k]}
"""

Maker = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Awkward:
    """How one source is made, and what is expected of it."""

    suffix: str
    make: Maker
    frames: int | None = None
    """Frames that are shown; None: those that an independent decode shows."""
    times: Fraction | None = None
    """Seconds from frame to frame, from zero, where the container holds no times that a decode could tell."""
    damaged: str | None = None
    """A part of the words for what is missing, where something is; the rest is published if the profile says so."""
    is_counted: bool = True
    """Whether the picture is large and clean enough to show its number."""


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg; its errors end the test."""
    command = [tools.path("ffmpeg"), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def counted(
    *options: str,
    seconds: float = 2,
    rate: Fraction = Fraction(25),
    size: tuple[int, int] = SIZE,
    video: tuple[str, ...] = H264,
    audio: tuple[str, ...] | None = AAC,
    pixels: str = "yuv420p",
) -> Maker:
    """A source straight from the encoder."""

    def make(path: Path) -> None:
        make_counted(
            path, seconds=seconds, rate=rate, size=size, video=video, audio=audio,
            extra=("-pix_fmt", pixels, *options),
        )  # fmt: skip

    return make


def remuxed(base: Maker, *options: str, before: tuple[str, ...] = (), suffix: str = ".mp4") -> Maker:
    """The packets of another source, put into the container with these options."""

    def make(path: Path) -> None:
        made = path.with_name(f"base{suffix}")
        base(made)
        ffmpeg(*before, "-i", made, "-map", "0", "-c", "copy", *options, path)

    return make


def changed(base: Maker, change: Callable[[bytes], bytes]) -> Maker:
    """Another source with its bytes changed."""

    def make(path: Path) -> None:
        base(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def cut(part: float) -> Callable[[bytes], bytes]:
    """Keep this part of the file from its beginning."""
    return lambda data: data[: int(len(data) * part)]


def without_start(part: float) -> Callable[[bytes], bytes]:
    """Drop this part of a transport stream from its beginning: whole packets, as a recorder that joins late does."""
    return lambda data: data[int(len(data) * part) // 188 * 188 :]


def without_frame(base: Maker, *, at_s: float) -> Maker:
    """Another source in which the frame at this time is noise, and nothing of it can be decoded."""

    def make(path: Path) -> None:
        base(path)
        with av.open(path) as container:
            found = [
                (packet.pos, packet.size)
                for packet in container.demux(video=0)
                if packet.pts is not None and float(packet.pts * packet.time_base) == at_s
            ]
        ((at, size),) = found
        data = path.read_bytes()
        path.write_bytes(data[:at] + b"\xff" * size + data[at + size :])

    return make


def described_anew(path: Path) -> None:
    """Two films one after the other, the second of which can't be read with the description of the first."""
    first, second, both = (path.with_name(name) for name in ("first.mp4", "second.mp4", "both.txt"))
    counted(audio=None)(first)
    counted("-coder", "0", "-x264-params", "8x8dct=0", audio=None)(second)
    both.write_text("file first.mp4\nfile second.mp4\n")
    ffmpeg("-f", "concat", "-auto_convert", "0", "-i", both, "-c", "copy", path)
    with_second_entry(path, second, 50)


def reordered_late(path: Path) -> None:
    """A bare stream of which only the end refers to later frames, put into Matroska with decode times for all."""
    base, stream = path.with_name("base.mkv"), path.with_name("stream.h264")
    counted(seconds=4, video=("-c:v", "ffv1"), audio=None)(base)
    parts = b""
    for first, end, coding in ((0, 75, PLAIN), (75, 100, H264)):
        chosen = f"trim=start_frame={first}:end_frame={end},setpts=N/25/TB"
        ffmpeg("-i", base, "-vf", chosen, "-pix_fmt", "yuv420p", *coding, stream)
        parts += stream.read_bytes()
    stream.write_bytes(parts)
    ffmpeg("-i", stream, "-c", "copy", "-bsf:v", "setts=ts=N*0.04/TB", path)


def sound_beside(audio_seconds: float, *, video_seconds: float = 2, late_s: float = 0) -> Maker:
    """Picture and sound of different lengths, the sound `late_s` later."""

    def make(path: Path) -> None:
        picture, sound = path.with_name("picture.mp4"), path.with_name("sound.mp4")
        counted(seconds=video_seconds, audio=None)(picture)
        counted(seconds=audio_seconds)(sound)
        ffmpeg(
            "-i", picture, "-itsoffset", str(late_s), "-i", sound,
            "-map", "0:v", "-map", "1:a", "-c", "copy", path,
        )  # fmt: skip

    return make


def two_sizes(path: Path) -> None:
    """A stream that changes its picture's size in the middle."""
    first, second = path.with_name("first.ts"), path.with_name("second.ts")
    counted("-muxdelay", "0")(first)
    counted("-muxdelay", "0", "-output_ts_offset", "2.08", size=(320, 180))(second)
    whole = path.with_name("whole.ts")
    whole.write_bytes(first.read_bytes() + second.read_bytes())
    ffmpeg("-i", whole, "-map", "0:v", "-c", "copy", path)


def two_programmes(path: Path) -> None:
    """A transport stream of two programmes."""
    first, second = path.with_name("first.mp4"), path.with_name("second.mp4")
    counted()(first)
    counted(size=(320, 180))(second)
    ffmpeg(
        "-i", first, "-i", second, "-map", "0", "-map", "1", "-c", "copy",
        "-program", "title=One:st=0:st=1", "-program", "title=Two:st=2:st=3", path,
    )  # fmt: skip


def two_videos(path: Path) -> None:
    """A file with two video tracks."""
    first, second = path.with_name("first.mp4"), path.with_name("second.mp4")
    counted()(first)
    counted(size=(320, 180), audio=None)(second)
    ffmpeg(
        "-i", first, "-i", second, "-map", "0:v", "-map", "1:v", "-map", "0:a", "-c", "copy",
        "-disposition:v:0", "default", "-disposition:v:1", "0", path,
    )  # fmt: skip


def still(path: Path) -> None:
    """A picture as JPEG."""
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x90", "-frames:v", "1", "-f", "image2", "-c:v", "mjpeg", path)


def with_a_still(path: Path) -> None:
    """A film with an attached picture."""
    picture, film = path.with_name("cover.jpg"), path.with_name("film.mp4")
    still(picture)
    counted()(film)
    ffmpeg(
        "-i", film, "-i", picture, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic", path
    )  # fmt: skip


def with_false_index(data: bytes) -> bytes:
    """An AVI whose index points anywhere."""
    at = data.index(b"idx1") + 8
    return data[:at] + bytes(n % 251 for n in range(len(data) - at))


def all_keyframes(data: bytes) -> bytes:
    """An AVI whose index calls every frame a keyframe, or an MP4 without a table of them, which means the same."""
    if b"idx1" not in data:
        return data.replace(b"stss", b"free")
    at = data.rindex(b"idx1") + 8
    entries = bytearray(data[at:])
    for place in range(0, len(entries) - 15, 16):
        entries[place + 4] |= 0x10
    return data[:at] + entries


def with_repeated_fields(path: Path) -> None:
    """A film of 24 frames a second as DVDs hold it: every other frame says that a field of it is shown twice."""
    stream = path.with_name("film.m2v")
    make_counted(
        stream, seconds=3, rate=Fraction(24000, 1001), size=SIZE, audio=None,
        video=("-c:v", "mpeg2video", "-q:v", "3", "-g", "12", "-bf", "2"),
    )  # fmt: skip
    data = bytearray(stream.read_bytes())
    before_group = in_group = place = 0
    # ISO/IEC 13818-2, 6.2: sequence header, its extension, group, picture, its coding extension.
    while (at := data.find(b"\0\0\x01", place)) >= 0:
        place, kind, extension = at + 4, data[at + 3], data[at + 4] >> 4
        if kind == 0xB3:
            data[at + 7] = data[at + 7] & 0xF0 | 4  # 30000/1001
        elif kind == 0xB5 and extension == 1:
            data[at + 5] &= ~0x08  # not all progressive
        elif kind == 0xB8:
            before_group, in_group = before_group + in_group, 0
        elif kind == 0:
            number = data[at + 4] << 2 | data[at + 5] >> 6
            in_group = max(in_group, number + 1)
        elif kind == 0xB5 and extension == 8:
            top_first, repeats = ((1, 1), (0, 0), (0, 1), (1, 0))[(before_group + number) % 4]
            data[at + 7] = data[at + 7] & ~0x82 | top_first << 7 | repeats << 1
    stream.write_bytes(data)
    ffmpeg("-i", stream, "-c", "copy", "-f", "vob", path)


def with_clean_aperture(path: Path) -> None:
    """A film of QuickTime of whose 192×108 coded pixels 160×90 are meant to be shown (ISO/IEC 14496-12, 12.1.4)."""
    base = path.with_name("base.mov")
    counted(audio=None, size=(192, 108))(base)
    data = bytearray(base.read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    box = struct.pack(">I4s8I", 40, b"clap", 160, 1, 90, 1, 0, 1, 0, 1)
    size = int.from_bytes(data[entry : entry + 4], "big")
    data[entry + size : entry + size] = box
    around = [
        data.rindex(name, 0, entry) - 4 for name in (b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov")
    ]
    for at in (entry, *around):
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(box)).to_bytes(4, "big")
    path.write_bytes(data)


def motion_photo(path: Path) -> None:
    """What phones call a motion photo: a JPEG with a film behind it."""
    picture, film = path.with_name("still.jpg"), path.with_name("film.mp4")
    still(picture)
    counted()(film)
    path.write_bytes(picture.read_bytes() + film.read_bytes())


def retimed(expression: str, *, base: Maker | None = None, suffix: str = ".mp4") -> Maker:
    """A source whose packets have other times: an expression of `setts` for PTS and DTS alike."""
    plain = base or counted(video=PLAIN)
    return remuxed(plain, "-bsf:v", f"setts=ts='{expression}'", suffix=suffix)


def from_frames(
    graph: str,
    *,
    video: tuple[str, ...] = H264,
    sound: tuple[str, ...] = AAC,
    options: tuple[str, ...] = (),
) -> Maker:
    """Counted frames through a graph of filters: other times, another form of picture."""

    def make(path: Path) -> None:
        base = path.with_name("base.mkv")
        counted(video=("-c:v", "ffv1"), audio=("-c:a", "pcm_s16le"))(base)
        ffmpeg("-i", base, "-vf", graph, "-fps_mode", "passthrough", *video, *sound, *options, path)

    return make


TICKS = ("-enc_time_base", "1/90000", "-video_track_timescale", "90000")

SOURCES: dict[str, Awkward] = {
    # Timing
    "screen recording with gaps of 1.3 s": Awkward(
        suffix=".mp4", make=from_frames("setpts='(N*0.04+floor(N/10)*1.3)/TB'", options=TICKS), frames=50
    ),
    "phone with uneven frames": Awkward(
        suffix=".mp4",
        make=from_frames("setpts='(N/30+floor(N/7)/30+mod(N*7,5)*0.0011)/TB'", options=TICKS),
        frames=50,
    ),
    "120 frames a second": Awkward(suffix=".mp4", make=counted(rate=Fraction(120)), frames=240),
    "one frame": Awkward(suffix=".mp4", make=counted(seconds=0.04), frames=1),
    "one frame in Matroska": Awkward(suffix=".mkv", make=counted(seconds=0.04), frames=1),
    "half a second": Awkward(suffix=".ts", make=counted(seconds=0.52), frames=13),
    "a huge start time": Awkward(suffix=".ts", make=counted("-output_ts_offset", "90000"), frames=50),
    "a huge start time in Matroska": Awkward(
        suffix=".mkv", make=counted("-output_ts_offset", "400000"), frames=50
    ),
    "a clock that wraps in the middle": Awkward(
        suffix=".ts", make=counted("-output_ts_offset", "95441.2", seconds=3), frames=75
    ),
    "negative times": Awkward(
        suffix=".mkv",
        frames=50,
        times=Fraction(1, 25),
        make=remuxed(counted(audio=None), "-avoid_negative_ts", "disabled", before=("-itsoffset", "-0.5")),
    ),
    "an edit list that trims": Awkward(
        suffix=".mp4", make=remuxed(counted(seconds=3), before=("-ss", "1.32")), frames=42
    ),
    "an edit list that starts the picture late": Awkward(
        suffix=".mp4", make=remuxed(counted(), before=("-itsoffset", "0.7")), frames=50
    ),
    "sound that ends early": Awkward(suffix=".mp4", make=sound_beside(0.6), frames=50),
    "sound that ends late": Awkward(suffix=".mp4", make=sound_beside(4), frames=50),
    "sound that starts early": Awkward(suffix=".mkv", make=sound_beside(2, late_s=-0.7), frames=50),
    "gaps in times": Awkward(
        suffix=".mkv", make=retimed("TS+if(gte(N,20),0.5/TB,0)+if(gte(N,33),1.5/TB,0)"), frames=50
    ),
    "times that occur twice": Awkward(suffix=".mkv", make=retimed("if(eq(mod(N,10),9),PREV_OUTPTS,TS)")),
    "times that go back": Awkward(suffix=".nut", make=retimed("if(eq(N,20),TS-2.5*0.04/TB,TS)")),
    "AVI with B-frames": Awkward(
        suffix=".avi", make=counted(audio=("-c:a", "libmp3lame")), frames=50, times=Fraction(1, 25)
    ),
    "AVI of MPEG-4 with B-frames": Awkward(
        suffix=".avi",
        frames=50,
        times=Fraction(1, 25),
        make=counted(video=("-c:v", "mpeg4", "-q:v", "2", "-bf", "2"), audio=("-c:a", "libmp3lame")),
    ),
    "MXF at 30000/1001 with B-frames": Awkward(
        suffix=".mxf",
        frames=60,
        make=counted(
            rate=Fraction(30000, 1001),
            video=("-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2"),
            audio=("-c:a", "pcm_s16le", "-ar", "48000"),
        ),
    ),
    "decode times for presentation times": Awkward(
        suffix=".mkv",
        frames=50,
        times=Fraction(1, 25),
        make=remuxed(counted(audio=None), "-bsf:v", "setts=pts=DTS", suffix=".mkv"),
    ),
    "decode times for presentation times, reordered late": Awkward(
        suffix=".mkv", frames=100, times=Fraction(1, 25), make=reordered_late
    ),
    "described anew midway": Awkward(suffix=".mp4", make=described_anew, frames=100),
    "tags in another code page": Awkward(
        suffix=".mp4",
        frames=50,
        make=changed(
            counted("-metadata", "title=Kaffeehaus"),
            lambda data: data.replace(b"Kaffeehaus", b"Caf\xe9 Paris"),
        ),
    ),
    "H.264 without a container": Awkward(suffix=".h264", make=counted(audio=None), frames=50),
    "HEVC without a container": Awkward(
        suffix=".hevc",
        frames=50,
        make=counted(
            video=("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0"), audio=None
        ),
    ),
    "AVI of MPEG-4 with frames packed into one another": Awkward(
        suffix=".avi",
        make=remuxed(
            counted(seconds=3, video=("-c:v", "libxvid", "-q:v", "2", "-bf", "2", "-g", "25"), audio=None),
            # Its writer leaves a gap where the encoder began.
            "-bsf:v",
            "setts=ts=N",
            suffix=".avi",
        ),
    ),
    "a DVD of film with repeated fields": Awkward(suffix=".vob", make=with_repeated_fields, frames=72),
    # Structure
    "pictures that are refreshed bit by bit": Awkward(
        suffix=".mp4",
        make=counted(
            seconds=3,
            video=(*PLAIN, "-x264-params", "intra-refresh=1:keyint=20"),
        ),
        frames=75,
    ),
    "MPEG-4 without a table of keyframes": Awkward(
        suffix=".mp4",
        frames=50,
        make=changed(
            counted(video=("-c:v", "mpeg4", "-q:v", "2", "-g", "250"), audio=None),
            all_keyframes,
        ),
    ),
    "cut in the middle of a group": Awkward(
        suffix=".ts", make=changed(counted(seconds=4, video=(*H264, "-g", "60")), without_start(0.1))
    ),
    "cut in the middle of a group of MPEG-2": Awkward(
        suffix=".ts",
        make=changed(
            counted(seconds=4, video=("-c:v", "mpeg2video", "-q:v", "3", "-g", "60", "-bf", "2")),
            without_start(0.1),
        ),
    ),
    "fragments": Awkward(
        suffix=".mp4", make=counted("-movflags", "frag_keyframe+empty_moov+default_base_moof"), frames=50
    ),
    "fragments with an index": Awkward(
        suffix=".mp4", make=counted("-movflags", "frag_keyframe+empty_moov+dash+global_sidx"), frames=50
    ),
    "an index in front": Awkward(suffix=".mp4", make=counted("-movflags", "+faststart"), frames=50),
    "AVI without an index": Awkward(
        suffix=".avi",
        make=changed(counted(video=PLAIN, audio=("-c:a", "libmp3lame")), lambda d: d[: d.index(b"idx1")]),
    ),
    "AVI with a false index": Awkward(
        suffix=".avi",
        make=changed(counted(video=PLAIN, audio=("-c:a", "libmp3lame")), with_false_index),
        frames=50,
    ),
    "Matroska without an index": Awkward(suffix=".mkv", make=counted("-live", "1"), frames=50),
    "another size in the middle": Awkward(suffix=".ts", make=two_sizes, frames=100),
    "another size in the middle of Matroska": Awkward(suffix=".mkv", make=two_sizes, frames=100),
    "two programmes": Awkward(suffix=".ts", make=two_programmes, frames=50),
    "two video tracks": Awkward(suffix=".mp4", make=two_videos, frames=50),
    "a timecode track": Awkward(suffix=".mov", make=counted("-timecode", "01:00:00:00"), frames=50),
    "an attached picture": Awkward(suffix=".mp4", make=with_a_still, frames=50),
    "MP4 without its end": Awkward(
        suffix=".mp4", make=changed(counted("-movflags", "+faststart"), cut(0.7)), damaged="truncated"
    ),
    "fragments without their end": Awkward(
        suffix=".mp4",
        make=changed(counted("-movflags", "frag_keyframe+empty_moov"), cut(0.8)),
        damaged="truncated",
    ),
    "Matroska without its end": Awkward(
        suffix=".mkv", make=changed(counted(), cut(0.7)), damaged="truncated"
    ),
    "a lost frame where a segment would begin": Awkward(
        suffix=".mp4",
        make=without_frame(counted(seconds=3, video=(*PLAIN, "-g", "250", "-bf", "2")), at_s=1),
        frames=74,
    ),
    "a lost frame of ProRes where a chunk would begin": Awkward(
        suffix=".mov", make=without_frame(counted(video=PRORES, pixels="yuv422p10le"), at_s=1), frames=49
    ),
    "AVI without its end": Awkward(
        suffix=".avi",
        damaged="truncated",
        make=changed(counted(video=PLAIN, audio=("-c:a", "libmp3lame")), cut(0.7)),
    ),
    "a transport stream without its end": Awkward(suffix=".ts", make=changed(counted(), cut(0.7))),
    # Picture
    "odd sizes": Awkward(suffix=".mp4", make=counted(size=(161, 91), pixels="yuv444p"), frames=50),
    "16×16": Awkward(suffix=".mkv", make=counted(size=(16, 16), video=("-c:v", "ffv1"))),
    "16×2": Awkward(suffix=".mkv", make=counted(size=(16, 2), video=("-c:v", "ffv1")), is_counted=False),
    "8K": Awkward(
        suffix=".mp4",
        make=counted(
            size=(7680, 4320), seconds=0.08, video=("-c:v", "libx264", "-preset", "ultrafast"), audio=None
        ),
        frames=2,
    ),
    "a clean aperture": Awkward(suffix=".mov", make=with_clean_aperture, frames=50),
    "4:2:2 in 10 bits": Awkward(suffix=".mp4", make=counted(pixels="yuv422p10le"), frames=50),
    "4:4:4": Awkward(suffix=".mp4", make=counted(pixels="yuv444p"), frames=50),
    "RGB in H.264": Awkward(
        suffix=".mkv",
        make=counted(video=("-c:v", "libx264rgb", "-preset", "veryfast", "-qp", "4"), pixels="bgr0"),
    ),
    "RGB in FFV1": Awkward(suffix=".mkv", make=counted(video=("-c:v", "ffv1"), pixels="gbrp"), frames=50),
    "RGB in PNG": Awkward(suffix=".mov", make=counted(video=("-c:v", "png"), pixels="rgb24"), frames=50),
    "RGB without compression": Awkward(
        suffix=".avi",
        make=counted(video=("-c:v", "rawvideo"), pixels="bgr24", audio=("-c:a", "pcm_s16le")),
        frames=50,
    ),
    "HuffYUV": Awkward(
        suffix=".avi", make=counted(video=("-c:v", "huffyuv"), pixels="yuv422p", audio=("-c:a", "pcm_s16le"))
    ),
    "ProRes": Awkward(suffix=".mov", make=counted(video=PRORES, pixels="yuv422p10le"), frames=50),
    "ProRes that starts late": Awkward(
        suffix=".mov",
        make=remuxed(counted(video=PRORES), before=("-itsoffset", "0.7"), suffix=".mov"),
        frames=50,
    ),
    "ProRes in Matroska with times below zero": Awkward(
        suffix=".mkv",
        frames=50,
        make=remuxed(
            counted(video=PRORES, audio=None),
            "-avoid_negative_ts",
            "disabled",
            before=("-itsoffset", "-0.5"),
            suffix=".mov",
        ),
    ),
    "DNxHR": Awkward(
        suffix=".mov",
        make=counted(video=("-c:v", "dnxhd", "-profile:v", "dnxhr_lb"), pixels="yuv422p", size=(320, 180)),
        frames=50,
    ),
    "Animation": Awkward(suffix=".mov", make=counted(video=("-c:v", "qtrle"), pixels="rgb24"), frames=50),
    "VP9 that is transparent": Awkward(
        suffix=".webm",
        make=counted(
            video=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-crf", "10", "-g", "15"),
            audio=("-c:a", "libopus"),
            pixels="yuva420p",
        ),
        frames=50,
    ),
    "GIF": Awkward(
        suffix=".gif",
        frames=50,
        make=from_frames("setpts='(N*0.04+floor(N/10)*0.5)/TB'", video=("-c:v", "gif"), sound=()),
    ),
    "GIF without its end": Awkward(
        suffix=".gif",
        damaged="truncated",
        make=changed(counted(video=("-c:v", "gif"), pixels="gray", audio=None), cut(0.7)),
    ),
    "full range": Awkward(
        suffix=".mp4",
        make=from_frames("scale=out_range=full,format=yuvj420p", options=("-color_range", "pc")),
    ),
    "pixels that are not square": Awkward(suffix=".mp4", make=from_frames("setsar=16/11"), frames=50),
}
