"""Stills of real films: the poster, the sheets, the preview, all from one decode."""

import json
import re
import subprocess
from pathlib import Path

import av
import pytest

from cutroom.ffmpeg import runner, tools
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


def test_a_longer_film_has_several_sheets_that_the_cues_find(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    make(source, "testsrc2=s=160x90:r=5:d=9.4")
    out = published(source, tmp_path)
    sheets = sorted(path.name for path in out.glob("sprite_*.jpg"))
    assert len(sheets) == 3
    assert {size_of(out / name) for name in sheets} == {(128, 72)}
    cues = re.findall(r"(sprite_\d+\.jpg)#xywh=(\S+)", (out / "thumbnails.vtt").read_text())
    assert len(cues) == 10
    assert sorted({name for name, _ in cues}) == sheets
    assert "EXT-X-IMAGE-STREAM-INF" in (out / "master.m3u8").read_text()
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
