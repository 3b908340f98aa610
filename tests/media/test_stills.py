"""Stills of real films: the poster, the sheets, the preview, all from one decode."""

import json
import re
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from awkward import ffmpeg
from cutroom.ffmpeg import inspection, runner, sprites, tools
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits
from cutroom.media.plan import make_plan
from cutroom.media.poster import choose
from cutroom.media.profile import parse_profile
from cutroom.media.recipes import Thumbnails
from cutroom.settings import Settings
from cutroom.steps.local import transcode

pytestmark = pytest.mark.media

PROFILE = """
name: test
description: One small rung
segment_s: 2
video:
  - codec: h264
    preset: ultrafast
    rungs: [{box: 160x90, max_bitrate: 500k}]
thumbnails: {sprite_width: 64, columns: 2, rows: 2, min_interval_s: 1}
"""


def make(path: Path, *sources: str) -> None:
    """A film of pictures that ffmpeg draws, one after the other."""
    inputs = [word for one in sources for word in ("-f", "lavfi", "-i", one)]
    joined = "".join(f"[{n}]format=yuv420p,setsar=1[v{n}];" for n in range(len(sources)))
    joined += "".join(f"[v{n}]" for n in range(len(sources))) + f"concat=n={len(sources)}"
    command = [
        tools.path("ffmpeg"),
        "-v",
        "error",
        *inputs,
        "-filter_complex",
        joined,
        "-preset",
        "ultrafast",
        path,
    ]
    subprocess.run(command, check=True)


def published(source: Path, folder: Path) -> Path:
    profile, out = folder / "test.yaml", folder / "out"
    profile.write_text(PROFILE)
    transcode(source, out, profile=str(profile), settings=Settings(home=folder))
    return out


def size_of(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height


def test_the_poster_is_neither_black_nor_blurred(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    size = "s=320x180:r=25:d=3"
    make(
        source,
        f"color=black:{size}",
        f"testsrc2={size},gblur=sigma=12",
        f"testsrc2={size}",
        f"color=white:{size}",
    )
    out = published(source, tmp_path)
    choice = json.loads((out / "poster.json").read_text())
    assert len(choice["candidates"]) == 12
    assert 6 <= choice["candidates"][choice["chosen"]]["at_s"] < 9
    assert size_of(out / "poster.jpg") == (320, 180)


def test_the_poster_of_three_seconds_is_not_the_black_they_begin_with(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    make(source, "color=black:s=320x180:r=25:d=2.2", "testsrc2=s=320x180:r=25:d=0.8")
    folder = inspected(source, wanted=Thumbnails())
    sheet = sprites.plan_sheet(Fraction(3), (320, 180), Thumbnails())
    stills = sprites.read_candidates((folder / inspection.MEASURED).read_text(), sheet)
    chosen = choose(stills, Fraction(3)).chosen
    assert stills[chosen].at_s > Fraction(22, 10)
    assert picture(folder / (inspection.CANDIDATES % (chosen + 1))).mean() > 40


def test_a_longer_film_has_several_sheets_that_the_cues_find(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    make(source, "testsrc2=s=160x90:r=5:d=9.4")
    out = published(source, tmp_path)
    sheets = sorted(path.name for path in out.glob("sprite_*.jpg"))
    assert len(sheets) == 3
    assert {size_of(out / name) for name in sheets} == {(128, 72)}
    told = (out / "thumbnails.vtt").read_text()
    cues = re.findall(r"(sprite_\d+\.jpg)#xywh=(\S+)", told)
    assert len(cues) == 10
    assert told.rpartition("-->")[2].split()[0] == "00:00:09.400"
    assert sorted({name for name, _ in cues}) == sheets
    assert "EXT-X-IMAGE-STREAM-INF" in (out / "master.m3u8").read_text()
    shown = re.findall(r"#EXTINF:(\S+),", (out / "images.m3u8").read_text())
    assert shown == ["4.000", "4.000", "1.400"]
    assert "thumbnail_tile" in (out / "manifest.mpd").read_text()


def test_a_still_shows_what_is_shown_at_its_time_also_in_a_gap(tmp_path: Path) -> None:
    """White for a second, then a frame of black that stays for four: the tiles of the gap are black."""
    white, source = tmp_path / "white.mp4", tmp_path / "film.mp4"
    make(white, "color=white:s=160x90:r=5:d=1.2", "color=black:s=160x90:r=5:d=4")
    command = [tools.path("ffmpeg"), "-v", "error", "-i", white, "-vf", "select='lt(t,1.3)+gt(t,4.9)'"]
    subprocess.run([*command, "-fps_mode", "vfr", "-preset", "ultrafast", source], check=True)
    out = published(source, tmp_path)
    with av.open(str(out / "sprite_00001.jpg")) as container:
        tiles = next(container.decode(video=0)).to_ndarray(format="gray")
    tops = [tiles[row : row + 36, column : column + 64].mean() for row in (0, 36) for column in (0, 64)]
    assert [top > 128 for top in tops] == [True, True, False, False]


def test_one_decode_makes_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, decodes, run = tmp_path / "film.mp4", [], runner.run

    def counting(argv: list[str], **kwargs: object) -> object:
        decodes.append(argv[0] == "ffmpeg" and any("film" in one or "sources" in one for one in argv))
        return run(argv, **kwargs)  # type: ignore[arg-type]

    make(source, "testsrc2=s=160x90:r=25:d=4")
    monkeypatch.setattr(runner, "run", counting)
    out = published(source, tmp_path)
    assert sum(decodes) == 1
    assert 0 < (out / "preview.mp4").stat().st_size < 500_000
    with av.open(str(out / "preview.mp4")) as preview:
        assert len(preview.streams.audio) == 0
        assert 28 <= sum(1 for _ in preview.decode(video=0)) <= 31


def test_a_single_frame_has_all_stills(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    make(source, "testsrc2=s=160x90:r=25:d=0.04")
    out = published(source, tmp_path)
    assert size_of(out / "sprite_00001.jpg") == (64, 36)
    assert size_of(out / "preview.mp4") == (320, 180)


def inspected(source: Path, *, wanted: Thumbnails | None = None) -> Path:
    """The stills of a source, before one becomes the poster; nothing else is made of it."""
    folder = source.with_name("stills")
    folder.mkdir()
    found, packets = probe(source, sha256="0" * 64, log=folder / "probe.log", limits=Limits())
    video = make_plan(found, packets, parse_profile(PROFILE, "test"), asset_id="a", tools={}).video
    assert video is not None
    thumbnails = wanted or Thumbnails(sprite_width=64, columns=2, rows=2, min_interval_s=1)
    sheet = sprites.plan_sheet(sprites.end_s(video), video.track.display_size, thumbnails)
    command = inspection.inspect_video(video, sheet, source=source, stats=folder / "stats.txt", folder=folder)
    runner.run(command, log=folder / "ffmpeg.log", on_line=lambda _: None)
    return folder


def picture(path: Path) -> "npt.NDArray[np.uint8]":
    """The first picture of a file, in RGB."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


@pytest.mark.parametrize(
    "turned",
    [
        ("-display_rotation:v:0", "90"),
        ("-display_rotation:v:0", "180"),
        ("-display_rotation:v:0", "270"),
        ("-display_hflip:v:0",),
        ("-display_rotation:v:0", "90", "-display_hflip:v:0"),
    ],
)
def test_turned_and_mirrored_pictures_of_oblong_pixels_are_upright_and_true_to_shape(
    turned: tuple[str, ...], tmp_path: Path
) -> None:
    """PAL widescreen, each quarter in a colour of its own, held to what another player shows."""
    lying, source = tmp_path / "lying.mp4", tmp_path / "film.mp4"
    boxes = [f"drawbox=x={x}:y={y}:w=176:h=144:t=fill:color={name}" for x, y, name in QUARTERS]
    quarters = ",".join(["color=red:s=352x288:r=5:d=1", *boxes, "setsar=16/11"])
    ffmpeg("-f", "lavfi", "-i", quarters, "-pix_fmt", "yuv420p", "-preset", "ultrafast", lying)
    ffmpeg(*turned, "-i", lying, "-c", "copy", source)
    folder = inspected(source)
    is_upright = "90" in turned or "270" in turned
    sizes = {"candidate_00001.jpg": (512, 288), "preview.mp4": (320, 180), "sprite_00001.jpg": (64, 36)}
    if is_upright:
        sizes = {"candidate_00001.jpg": (288, 512), "preview.mp4": (180, 320), "sprite_00001.jpg": (64, 114)}
    assert {name: size_of(folder / name) for name in sizes} == sizes
    ffmpeg("-i", source, "-frames:v", "1", tmp_path / "player.png")
    wanted = _quarters(picture(tmp_path / "player.png"))
    for name in sizes:
        assert np.abs(_quarters(picture(folder / name)) - wanted).max() < 40, name


QUARTERS = ((176, 0, "lime"), (0, 144, "blue"), (176, 144, "white"))
"""The upper left one is red."""


def _quarters(shown: "npt.NDArray[np.uint8]") -> "npt.NDArray[np.int64]":
    """The colours in the middle of each quarter."""
    height, width, _ = shown.shape
    return shown[height // 4 :: height // 2, width // 4 :: width // 2][:2, :2].astype(np.int64)


def test_stills_of_hdr_are_as_bright_as_sdr(tmp_path: Path) -> None:
    """White of 203 cd/m² as PQ; were its numbers taken for SDR, it would be a grey of 147."""
    source = tmp_path / "film.mkv"
    white = "color=white:s=160x90:r=5:d=2,zscale=tin=bt709:pin=bt709:min=bt709:t=smpte2084:p=bt2020:m=bt2020nc:r=tv"
    tags = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    ffmpeg("-f", "lavfi", "-i", f"{white}:npl=203,format=yuv420p10le", "-c:v", "ffv1", *tags, source)
    folder = inspected(source)
    for name in ("candidate_00001.jpg", "sprite_00001.jpg", "preview.mp4"):
        assert picture(folder / name).mean() == pytest.approx(193, abs=4), name


def test_a_film_of_three_hours_has_eight_sheets_with_stills_further_apart(tmp_path: Path) -> None:
    """A picture in ten seconds, each a little brighter than the one before."""
    source = tmp_path / "film.mp4"
    drawn = "color=black:s=64x36:r=1/10:d=10800,geq=lum='16+mod(N\\,200)':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", drawn, "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-crf", "5", source)
    folder = inspected(source, wanted=Thumbnails(sprite_width=64))
    assert len(list(folder.glob("sprite_*.jpg"))) == 8
    assert len(list(folder.glob("candidate_*.jpg"))) <= sprites.MOST_CANDIDATES
    interval = 14
    for number in (0, 99, 100, 555, 770):
        sheet = picture(folder / (sprites.SPRITES % (number // 100 + 1)))
        row, column = number % 100 // 10, number % 10
        seen = sheet[36 * row + 18, 64 * column + 32].mean()
        code = 16 + number * interval // 10 % 200
        assert seen == pytest.approx((code - 16) * 255 / 219, abs=4), number
    assert sum((folder / name).stat().st_size for name in ("preview.mp4", "sprite_00001.jpg")) < 300_000
