"""How much of a file of sound is missing, by its own header."""

import subprocess
from pathlib import Path

import pytest

from cutroom.ffmpeg import tools
from cutroom.ffmpeg.sound_files import missing_sound

FILES = {
    "WAV": ("wav", ["-c:a", "pcm_s16le"]),
    "RF64": ("wav", ["-c:a", "pcm_s24le", "-rf64", "always"]),
    "Wave64": ("w64", []),
    "AIFF": ("aiff", []),
    "AIFF-C": ("aiff", ["-c:a", "pcm_mulaw"]),
    "CAF": ("caf", []),
    "AU": ("au", []),
    "FLAC": ("flac", []),
    "FLAC of small blocks": ("flac", ["-frame_size", "1000", "-ac", "2"]),
}


def make(*options: str, to: str) -> bytes:
    argv = [tools.path("ffmpeg"), "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=d=2:a=0.2:seed=1"]
    return subprocess.run([*argv, *options, to], check=True, capture_output=True).stdout


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_is_told(name: str, tmp_path: Path) -> None:
    form, options = FILES[name]
    path = tmp_path / f"s.{form}"
    make(*options, to=str(path))
    whole = path.read_bytes()
    assert missing_sound(path) is None
    path.write_bytes(whole + b"TAG" + bytes(125))
    assert missing_sound(path) is None
    path.write_bytes(whole[: len(whole) // 2])
    said = missing_sound(path)
    assert said is not None
    assert any(f"({percent} %) are there" in said for percent in range(44, 51))


@pytest.mark.parametrize("form", ["wav", "flac", "au", "caf"])
def test_nothing_is_missing_where_the_header_was_written_before_the_sound(form: str, tmp_path: Path) -> None:
    """Programs that write to a pipe can't go back to it."""
    path = tmp_path / "s"
    path.write_bytes(make("-f", form, to="-")[:-5000])
    assert missing_sound(path) is None


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"fLaC", b"fLaC" + bytes(40), b"RIFF\0\0\0\0WAVE", b".snd", b"OggS"]
)
def test_where_nobody_can_tell_nothing_is_missing(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(data)
    assert missing_sound(tmp_path / "s") is None
