"""Where an MP3 says that it ends."""

import subprocess
from pathlib import Path

import pytest

from cutroom.ffmpeg import gapless, tools


def made(path: Path, samples: int, rate: int) -> Path:
    sound = f"anoisesrc=r={rate}:seed=1,atrim=end_sample={samples}"
    command = [tools.path("ffmpeg"), "-v", "error", "-y", "-f", "lavfi", "-i", sound, "-c:a", "libmp3lame"]
    subprocess.run([*command, "-metadata", "title=x", str(path)], check=True, capture_output=True)
    return path


def decoded(path: Path) -> int:
    command = [tools.path("ffmpeg"), "-v", "error", "-i", str(path), "-f", "s16le", "-"]
    return len(subprocess.run(command, check=True, capture_output=True).stdout) // 2


@pytest.mark.parametrize(
    ("rate", "samples"), [(48_000, 23_041), (48_000, 23_040), (22_050, 9_254), (8_000, 1)]
)
def test_an_mp3_ends_with_its_last_sample(rate: int, samples: int, tmp_path: Path) -> None:
    path = made(tmp_path / "sound.mp3", samples, rate)
    before = path.read_bytes()
    gapless.state_end(path, samples)
    assert decoded(path) == samples
    changed = [
        n for n, (one, other) in enumerate(zip(before, path.read_bytes(), strict=True)) if one != other
    ]
    assert len(changed) <= 4


def test_an_mp3_without_the_tag_stays_as_it_is(tmp_path: Path) -> None:
    path = made(tmp_path / "sound.mp3", 23_041, 48_000)
    path.write_bytes(path.read_bytes().replace(b"Xing", b"none").replace(b"Info", b"none"))
    before = path.read_bytes()
    gapless.state_end(path, 23_041)
    assert path.read_bytes() == before
