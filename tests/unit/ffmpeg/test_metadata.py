"""What a file says of itself, in ffmpeg's words."""

from fractions import Fraction

from cutroom.ffmpeg.metadata import ffmetadata
from cutroom.media.source import Chapter
from cutroom.media.tagging import Tagging


def test_text_can_be_no_instruction() -> None:
    said = Tagging(tags={"title": "a=b;c#d\\e\n[CHAPTER]"})
    assert ffmetadata(said, container="mp3") == ";FFMETADATA1\ntitle=a\\=b\\;c\\#d\\\\e\\\n[CHAPTER]\n"


def test_chapters_of_flac_are_tags() -> None:
    chapter = Chapter(start_s=Fraction(3661500, 1000), end_s=Fraction(3700), title="Two")
    lines = ffmetadata(Tagging(tags={}, chapters=(chapter,)), container="flac").splitlines()
    assert lines[1:3] == ["CHAPTER001=01:01:01.500", "CHAPTER001NAME=Two"]
    assert lines[3:] == ["[CHAPTER]", "TIMEBASE=1/1000", "START=3661500", "END=3700000", "title=Two"]
