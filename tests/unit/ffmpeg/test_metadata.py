"""What a file says of itself, in ffmpeg's words."""

from fractions import Fraction
from pathlib import Path

import pytest

from cutroom.ffmpeg.metadata import ffmetadata, mend_chapter_sizes
from cutroom.media.source import Chapter
from cutroom.media.tagging import Tagging


def test_text_can_be_no_instruction() -> None:
    said = Tagging(tags={"title": "a=b;c#d\\e\n[CHAPTER]"})
    assert ffmetadata(said, container="mp3") == ";FFMETADATA1\ntitle=a\\=b\\;c\\#d\\\\e\\\n[CHAPTER]\n"


@pytest.mark.parametrize("container", ["flac", "ogg"])
def test_chapters_of_flac_and_ogg_are_tags(container: str) -> None:
    chapter = Chapter(start_s=Fraction(3661500, 1000), end_s=Fraction(3700), title="Two")
    lines = ffmetadata(Tagging(tags={}, chapters=(chapter,)), container=container).splitlines()
    assert lines[1:] == ["CHAPTER001=01:01:01.500", "CHAPTER001NAME=Two"]


def test_sizes_of_long_chapters_are_those_of_id3(tmp_path: Path) -> None:
    def tag(size_of_chapter: bytes) -> bytes:
        frames = b"CTOC" + size_of_chapter + b"\0\0" + bytes(200) + b"TIT2\0\0\1\0\0\0" + b"x" * 128
        frames += b"CHAP" + size_of_chapter + b"\0\0" + bytes(200) + bytes(10)
        return b"ID3\4\0\0\0\0" + bytes([len(frames) >> 7, len(frames) & 0x7F]) + frames + b"\xff\xfb frames"

    path = tmp_path / "a.mp3"
    path.write_bytes(tag(b"\0\0\0\xc8"))
    mend_chapter_sizes(path)
    assert path.read_bytes() == tag(b"\0\0\1\x48")
    path.write_bytes(b"\xff\xfb no tag")
    mend_chapter_sizes(path)
    assert path.read_bytes() == b"\xff\xfb no tag"
