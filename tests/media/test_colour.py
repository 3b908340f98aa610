"""Colours of what is published: what the source shows, whatever its numbers mean, and tags that say what they mean."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from awkward import ffmpeg
from cutroom.ffmpeg import tools
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits
from cutroom.settings import Settings
from cutroom.steps.local import transcode
from shown import renditions

pytestmark = pytest.mark.media

PROFILE = """
name: test
description: One rung, near to lossless
video: [{codec: h264, preset: ultrafast, crf: 4, rungs: [{box: 160x90, max_bitrate: 8M}]}]
"""

PATCHES = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (40, 50, 190), "grey": (128, 128, 128)}
TOLERANCE = 5
"""Code values of 256 that roundings of 8 bits in YCbCr and the encoder may cost."""

TAGS = {"color_range": "tv", "color_space": "bt709", "color_transfer": "bt709", "color_primaries": "bt709"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """A picture of four flat patches, and how its numbers are to be read."""

    pixels: str
    matrix: str = "bt709"
    full: bool = False
    tagged: bool = True
    size: tuple[int, int] = (160, 90)
    codec: tuple[str, ...] = ("-c:v", "ffv1")
    suffix: str = ".mkv"


SOURCES = {
    "BT.709": Flat(pixels="yuv420p"),
    "BT.601 that says so": Flat(pixels="yuv420p", matrix="smpte170m"),
    "BT.601 of 625 lines that says so": Flat(pixels="yuv422p", matrix="bt470bg", size=(1024, 576)),
    "small and silent": Flat(pixels="yuv420p", matrix="smpte170m", tagged=False),
    "large and silent": Flat(pixels="yuv420p", matrix="bt709", tagged=False, size=(1280, 720)),
    "full range": Flat(pixels="yuv420p", full=True),
    "full range of BT.601": Flat(pixels="yuv444p", matrix="smpte170m", full=True),
    "10 bits": Flat(pixels="yuv422p10le", matrix="bt709"),
    "JPEG": Flat(pixels="yuvj420p", matrix="bt470bg", full=True, codec=("-c:v", "mjpeg", "-q:v", "1"), suffix=".mov"),
    "RGB": Flat(pixels="gbrp"),
    "RGB in PNG": Flat(pixels="rgb24", codec=("-c:v", "png"), suffix=".mov"),
    "RGB in H.264": Flat(pixels="bgr0", codec=("-c:v", "libx264rgb", "-qp", "1")),
}  # fmt: skip


def make_flat(path: Path, one: Flat) -> None:
    """The patches side by side, by a conversion that is spelt out."""
    width, height = one.size
    picture = np.repeat(np.array([list(PATCHES.values())], np.uint8), width // 4, axis=1).repeat(
        height, axis=0
    )
    still = path.with_suffix(".raw")
    still.write_bytes(picture.tobytes() * 10)
    is_rgb = one.pixels.startswith(("gbr", "rgb", "bgr"))
    tags = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", one.matrix)
    named = f"out_color_matrix={one.matrix}:out_range={'pc' if one.full else 'tv'}"
    scale = f"scale={'' if is_rgb else f'{named}:'}flags=accurate_rnd,format={one.pixels}"
    silent = ",setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=unknown"
    ffmpeg(
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25", "-i", still,
        "-vf", scale if one.tagged else scale + silent,
        *one.codec, *(tags if one.tagged and not is_rgb else ()), path,
    )  # fmt: skip


def patches_of(media: Path, *, matrix: str = "bt709", span: str = "tv") -> dict[str, tuple[int, ...]]:
    """The middles of the patches as a decoder that counts on this matrix and range shows them, whatever the tags."""
    read = f"setparams=colorspace={matrix}:range={span},scale=160:90,format=gbrp"
    command = [tools.path("ffmpeg"), "-v", "error", "-i", str(media), "-vf", f"{read},format=rgb24"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    frame = np.frombuffer(raw, np.uint8).reshape(-1, 90, 160, 3)[-1]
    return {
        name: tuple(int(value) for value in frame[30:60, 40 * n + 16 : 40 * n + 24].mean((0, 1)).round())
        for n, name in enumerate(PATCHES)
    }


def tags_of(media: Path) -> dict[str, str]:
    """The tags of the stream of pictures."""
    command = [
        tools.path("ffprobe"),
        "-v",
        "error",
        "-select_streams",
        "v",
        "-show_streams",
        "-of",
        "json",
        str(media),
    ]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"][0]
    return {name: told.get(name, "unknown") for name in TAGS}


def published(source: Path, out: Path) -> Path:
    """The one rendition of a source as a file."""
    recipe = out.with_suffix(".yaml")
    recipe.write_text(PROFILE)
    transcode(source, out, profile=str(recipe), settings=Settings(home=out.parent))
    (one,) = renditions(out)
    folder = out / "renditions" / one.key
    whole = out.with_suffix(".mp4")
    whole.write_bytes(
        b"".join(f.read_bytes() for f in [folder / "init.mp4", *sorted(folder.glob("seg_*.m4s"))])
    )
    return whole


def difference(shown: dict[str, tuple[int, ...]]) -> int:
    """The largest distance of a patch from what it should be, in code values."""
    return max(abs(a - b) for name, want in PATCHES.items() for a, b in zip(shown[name], want, strict=True))


@pytest.mark.parametrize("name", SOURCES)
def test_colours_are_those_of_the_source_and_the_tags_are_true(name: str, tmp_path: Path) -> None:
    one = SOURCES[name]
    source = tmp_path / f"source{one.suffix}"
    make_flat(source, one)
    whole = published(source, tmp_path / "out")
    assert tags_of(whole) == TAGS
    shown = patches_of(whole)
    assert difference(shown) <= TOLERANCE, shown
    poster = patches_of(tmp_path / "out" / "poster.jpg", matrix="bt470bg", span="pc")
    assert difference(poster) <= 2 * TOLERANCE, poster


def test_a_wide_gamut_is_brought_into_that_of_bt709(tmp_path: Path) -> None:
    """Colours that BT.709 can show have other numbers in BT.2020: a red of 200, 30, 30 has less red there."""
    source = tmp_path / "source.mkv"
    flat = tmp_path / "flat.mkv"
    make_flat(flat, Flat(pixels="gbrp"))
    wide = "setparams=color_primaries=bt709:color_trc=bt709,zscale=p=bt2020:t=bt709:m=bt2020nc:r=tv,format=yuv420p10le"
    tags = (
        "-color_primaries",
        "bt2020",
        "-color_trc",
        "bt709",
        "-colorspace",
        "bt2020nc",
        "-color_range",
        "tv",
    )
    ffmpeg("-i", flat, "-vf", wide, "-c:v", "ffv1", *tags, source)
    assert difference(patches_of(source)) > 4 * TOLERANCE
    whole = published(source, tmp_path / "out")
    assert tags_of(whole) == TAGS
    shown = patches_of(whole)
    assert difference(shown) <= TOLERANCE, shown


ALPHA = {
    "PNG": (("-c:v", "png", "-pix_fmt", "rgba"), ".mov"),
    "Animation": (("-c:v", "qtrle", "-pix_fmt", "argb"), ".mov"),
    "ProRes 4444": (("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"), ".mov"),
    "FFV1": (("-c:v", "ffv1", "-pix_fmt", "yuva420p"), ".mkv"),
    "VP8": (
        ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "4M", "-crf", "4"),
        ".webm",
    ),
    "VP9": (("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline", "realtime", "-crf", "2"), ".mkv"),
}


@pytest.mark.parametrize("name", ALPHA)
def test_what_is_transparent_is_shown_on_black(name: str, tmp_path: Path) -> None:
    """The left half is opaque, the rest lets a half and nothing of the picture through."""
    codec, suffix = ALPHA[name]
    flat, source = tmp_path / "flat.mkv", tmp_path / f"source{suffix}"
    make_flat(flat, Flat(pixels="gbrp"))
    opacity = "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,80),255,if(lt(X,120),128,0))'"
    is_rgb = codec[1] in {"png", "qtrle"}
    matrix = "null" if is_rgb else "scale=out_color_matrix=bt709:out_range=tv"
    ffmpeg(
        "-i",
        flat,
        "-vf",
        f"{opacity},{matrix}",
        *codec,
        *(() if is_rgb else ("-colorspace", "bt709")),
        source,
    )
    shown = patches_of(published(source, tmp_path / "out"))
    wanted = PATCHES | {"blue": tuple(value // 2 for value in PATCHES["blue"]), "grey": (0, 0, 0)}
    for patch, want in wanted.items():
        assert max(abs(a - b) for a, b in zip(shown[patch], want, strict=True)) <= TOLERANCE, (patch, shown)


def test_transparency_that_is_not_decoded_is_told(tmp_path: Path) -> None:
    """Its times are finer than an encode chunk of both streams could hold."""
    source = tmp_path / "source.webm"
    drawn = "testsrc2=s=160x90:r=25:d=1,format=yuva420p"
    ffmpeg("-f", "lavfi", "-i", drawn, "-c:v", "libvpx-vp9", "-deadline", "realtime", source)
    # Half a millisecond a tick in place of a whole one (TimestampScale).
    source.write_bytes(
        source.read_bytes().replace(b"\x2a\xd7\xb1\x83\x0f\x42\x40", b"\x2a\xd7\xb1\x83\x07\xa1\x20")
    )
    found, _ = probe(source, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
    assert any("opaque" in note for note in found.notes)
