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
    "WavPack": ("wv", ["-c:a", "wavpack", "-frame_size", "8000"]),
    "TTA": ("tta", []),
    "MP3": ("mp3", ["-q:a", "4", "-id3v2_version", "3", "-metadata", "title=T"]),
    "MP3 of MPEG-2, stereo": ("mp3", ["-ar", "22050", "-ac", "2", "-id3v2_version", "0"]),
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


@pytest.mark.parametrize("form", ["opus", "ogg"])
def test_a_last_page_that_is_cut_is_told(form: str, tmp_path: Path) -> None:
    """Nobody can tell how much came behind it; where whole pages are missing at the end nobody can tell at all."""
    path = tmp_path / f"s.{form}"
    make(to=str(path))
    whole = path.read_bytes()
    last = whole.rindex(b"OggS")
    for length in (len(whole), last):
        path.write_bytes(whole[:length])
        assert missing_sound(path) is None
    for length in (len(whole) - 1, last + 27, last + 6):
        path.write_bytes(whole[:length])
        assert missing_sound(path) == "its last page is cut, and nobody can tell what came behind it"


def test_an_mp3_without_a_tag_or_with_a_cut_last_frame_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "s.mp3"
    make("-write_xing", "0", to=str(path))
    path.write_bytes(path.read_bytes()[:-9000])
    assert missing_sound(path) is None
    make(to=str(path))
    path.write_bytes(path.read_bytes()[:-100])
    assert missing_sound(path) is None


@pytest.mark.parametrize("form", ["wav", "flac", "au", "caf"])
def test_nothing_is_missing_where_the_header_was_written_before_the_sound(form: str, tmp_path: Path) -> None:
    """Programs that write to a pipe can't go back to it."""
    path = tmp_path / "s"
    path.write_bytes(make("-f", form, to="-")[:-5000])
    assert missing_sound(path) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"fLaC",
        b"fLaC" + bytes(40),
        b"RIFF\0\0\0\0WAVE",
        b".snd",
        b"OggS",
        b"ID3",
        b"\xff\xfb" + bytes(80),
    ],
)
def test_where_nobody_can_tell_nothing_is_missing(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(data)
    assert missing_sound(tmp_path / "s") is None


@pytest.mark.parametrize(
    "head",
    [
        b"MAC "
        + (3990).to_bytes(4, "little")
        + b"".join(n.to_bytes(4, "little") for n in (52, 24, 8, 44, 9000, 0, 0)),
        b"DSD " + (28).to_bytes(8, "little") + (9128).to_bytes(8, "little") + bytes(8),
        b"FRM8" + (9116).to_bytes(8) + b"DSD ",
    ],
    ids=["Monkey's Audio", "DSF", "DFF"],
)
def test_what_is_missing_of_what_nothing_here_encodes_is_told(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(head + bytes(9128 - len(head)))
    assert missing_sound(path) is None
    path.write_bytes(head + bytes(4500 - len(head)))
    assert missing_sound(path) == "4500 of its 9128 bytes (49 %) are there"
