"""Languages of tracks, with region and script, as containers state them."""

import io
import subprocess
from pathlib import Path

import pytest

from cutroom.ffmpeg import tools
from cutroom.ffmpeg.probe import probe
from cutroom.ffmpeg.stated_languages import stated_languages
from cutroom.media.limits import Limits

HEADER = bytes.fromhex("1a45dfa3 80")


def element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + b"\x08" + len(content).to_bytes(4) + content


def entry(kind: int, language: str | None) -> bytes:
    told = b"" if language is None else element("22b59d", language.encode())
    return element("ae", element("83", bytes([kind])) + told)


def box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + name + content


def track(language: str | None) -> bytes:
    told = b"" if language is None else box(b"elng", bytes(4) + language.encode() + b"\0")
    return box(b"trak", box(b"tkhd", bytes(80)) + box(b"mdia", box(b"mdhd", bytes(24)) + told))


TRACKS = element("1654ae6b", entry(1, None) + entry(3, "fr") + entry(2, "pt-BR") + entry(17, "zh-Hant"))
MOVIE = box(b"moov", box(b"mvhd", bytes(100)) + track(None) + track("pt-BR") + track("zh-Hant"))

FILES = {
    "Matroska": HEADER + element("18538067", element("ec", bytes(300)) + TRACKS),
    "live Matroska": HEADER + bytes.fromhex("18538067 01ffffffffffffff") + TRACKS,
    "MP4": box(b"ftyp", b"isom") + MOVIE,
    "MP4 with its index behind": box(b"ftyp", b"isom")
    + (1).to_bytes(4)
    + b"mdat"
    + (516).to_bytes(8)
    + bytes(500)
    + MOVIE,
}


@pytest.mark.parametrize("name", FILES)
def test_languages_are_read_by_the_number_of_their_track(name: str) -> None:
    """What ffmpeg makes no track of is not counted."""
    assert stated_languages(io.BytesIO(FILES[name])) == {1: "pt-BR", 2: "zh-Hant"}


@pytest.mark.parametrize(
    "data", [b"", b"OggS" + bytes(90), HEADER, HEADER + bytes(20), FILES["MP4"][:-30][:60]]
)
def test_where_there_is_none_there_is_none(data: bytes) -> None:
    assert stated_languages(io.BytesIO(data)) == {}


@pytest.mark.parametrize("name", FILES)
def test_broken_files_are_read_as_far_as_they_go(name: str) -> None:
    for end in range(len(FILES[name])):
        assert stated_languages(io.BytesIO(FILES[name][:end])).items() <= {1: "pt-BR", 2: "zh-Hant"}.items()


def test_the_language_in_full_goes_before_that_of_three_letters(tmp_path: Path) -> None:
    path = tmp_path / "two.mka"
    argv = [
        tools.path("ffmpeg"),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "anullsrc=d=0.1",
        "-map",
        "0",
        "-map",
        "0",
    ]
    argv += ["-metadata:s:0", "language=pt-BR", "-metadata:s:1", "language=por", str(path)]
    subprocess.run(argv, check=True)
    # ffmpeg writes what it is told into the element of three letters: here it becomes the other.
    path.write_bytes(path.read_bytes().replace(bytes.fromhex("22b59c85"), bytes.fromhex("22b59d85")))
    found, _ = probe(path, sha256="", log=tmp_path / "log", limits=Limits())
    assert [(one.language, one.label) for one in found.audio] == [
        ("pt-BR", "Português (Brasil)"),
        ("pt", "Português"),
    ]
