"""How many pictures a GIF holds, and whether it is cut off."""

import io
import subprocess
from pathlib import Path

import pytest

from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg import probe, tools
from cutroom.ffmpeg.gif import pictures
from cutroom.media.limits import Limits


def gif(path: Path, frames: int) -> Path:
    argv = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x36:r=10"]
    subprocess.run([*argv, "-frames:v", str(frames), str(path)], check=True)
    return path


def test_pictures_are_counted_and_a_missing_end_is_seen(tmp_path: Path) -> None:
    whole = gif(tmp_path / "film.gif", 4).read_bytes()
    assert pictures(io.BytesIO(whole)) == (4, False)
    assert pictures(io.BytesIO(whole + b"junk")) == (4, False)
    assert all(pictures(io.BytesIO(whole[:end]))[1] for end in range(0, len(whole), 7))
    assert pictures(io.BytesIO(whole[:-9])) == (4, True)


def test_a_gif_of_one_picture_is_an_image(tmp_path: Path) -> None:
    with pytest.raises(SourceUnsupported, match="a GIF image"):
        probe.probe(gif(tmp_path / "one.gif", 1), sha256="ab", log=tmp_path / "log", limits=Limits())


def test_a_gif_of_two_pictures_is_a_film(tmp_path: Path) -> None:
    found, packets = probe.probe(
        gif(tmp_path / "two.gif", 2), sha256="ab", log=tmp_path / "log", limits=Limits()
    )
    assert len(packets) == 2
    assert found.video[0].last_lasts == 10
