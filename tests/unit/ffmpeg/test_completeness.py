"""How much of a file is missing, by what its outermost structure says."""

import subprocess
from pathlib import Path

import pytest

from cutroom.ffmpeg import tools
from cutroom.ffmpeg.completeness import missing_bytes


def box(kind: bytes, payload: bytes) -> bytes:
    return (8 + len(payload)).to_bytes(4) + kind + payload


def large_box(kind: bytes, payload: bytes) -> bytes:
    return (1).to_bytes(4) + kind + (16 + len(payload)).to_bytes(8) + payload


def matroska(payload: bytes) -> bytes:
    header = bytes.fromhex("1a45dfa3") + b"\x84\0\0\0\0"
    return header + bytes.fromhex("18538067") + b"\x01" + len(payload).to_bytes(7) + payload


def riff(kind: bytes, payload: bytes) -> bytes:
    return b"RIFF" + (4 + len(payload)).to_bytes(4, "little") + kind + payload


WHOLE = {
    "mp4": box(b"ftyp", b"isom") + box(b"moov", bytes(90)) + box(b"mdat", bytes(500)),
    "mp4 with a large box": box(b"ftyp", b"isom") + large_box(b"mdat", bytes(500)),
    "fragments": box(b"ftyp", b"isom") + (box(b"moof", bytes(40)) + box(b"mdat", bytes(200))) * 3,
    "Matroska": matroska(bytes(700)),
    "AVI": riff(b"AVI ", bytes(600)),
    "large AVI": riff(b"AVI ", bytes(600)) + riff(b"AVIX", bytes(400)),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("missing", [0, 1, 150])
def test_it_is_told_to_the_byte(tmp_path: Path, name: str, missing: int) -> None:
    whole = WHOLE[name]
    (tmp_path / "f").write_bytes(whole[: len(whole) - missing])
    assert missing_bytes(tmp_path / "f") == missing


@pytest.mark.parametrize("muxer", ["mxf", "mxf_opatom"])
def test_an_mxf_without_its_footer_lacks_its_end(tmp_path: Path, muxer: str) -> None:
    film = tmp_path / "film.mxf"
    picture = ("-f", "lavfi", "-i", "color=s=1920x1080:r=25:d=0.2", "-c:v", "dnxhd", "-profile:v", "dnxhr_lb")
    command = [tools.path("ffmpeg"), "-v", "error", *picture, "-pix_fmt", "yuv422p", "-f", muxer, str(film)]
    subprocess.run(command, check=True, capture_output=True)
    assert missing_bytes(film) == 0
    data = film.read_bytes()
    footer = data.rindex(bytes.fromhex("060e2b34020501010d0102010104"))
    film.write_bytes(data[: footer + 1])
    assert missing_bytes(film) == 0
    film.write_bytes(data[: footer - 1000])
    assert missing_bytes(film) == 1001
    film.write_bytes(data[:40])
    assert missing_bytes(film) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"G" * 188, b"OggS", b"\0\0\0\x10ftyp", WHOLE["mp4"] + b"\0\0\0\0what stands behind",
        bytes.fromhex("1a45dfa3"), bytes.fromhex("1a45dfa3") + b"\x80" + bytes.fromhex("18538067") + b"\xff" + bytes(9),
        b"RIFF\0\0\0\0AVI LIST", b"RIFF\xff\xff\xff\xffAVI LIST", b"\0\0\0\0mdat" + bytes(30),
    ],
    ids=range(11),
)  # fmt: skip
def test_where_nobody_can_tell_nothing_is_missing(tmp_path: Path, data: bytes) -> None:
    """Also of live recordings, which leave their size open, and of boxes up to the end of the file."""
    (tmp_path / "f").write_bytes(data)
    assert missing_bytes(tmp_path / "f") in {0, 16 - len(data)}
