"""Subtitles in teletext: which pages a track announces (EN 300 468, 6.2.43), and how they are taken out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import ffmpeg

from cutroom.ffmpeg import ffprobe
from cutroom.ffmpeg.argv import compiled
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.media.limits import Limits

CODEC = "dvb_teletext"

SUBTITLES, FOR_THE_HARD_OF_HEARING = 2, 5
"""Kinds of pages that are subtitles; others are to be read for themselves."""

ENTRY_BYTES = 2
"""What ffmpeg keeps of a page that is announced, beside its language: kind, magazine and page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of subtitles."""

    number: int
    """From 100 to 899, as viewers know it."""
    language: str
    """As the track says."""
    is_sdh: bool


def read_pages(
    output: ffprobe.ProbeOutput, source: Path | BinaryIO, *, log: Path, limits: Limits
) -> Mapping[int, tuple[Page, ...]]:
    """The pages of subtitles that each track of teletext announces, by its stream index.

    Args:
        output: What is known of the file.
        source: The file, as `ffprobe.ask` takes it.
        log: Where the tool's log is kept.
        limits: What the tool may take.
    """
    streams = [one for one in output.streams if one.codec_name == CODEC]
    found = {}
    for one in streams:
        shown = ("-select_streams", str(one.index), "-show_entries", "stream=extradata", "-show_data")
        said, _ = ffprobe.ask(source, *shown, log=log, limits=limits)
        for described in said["streams"]:
            found[one.index] = pages_of(described.get("extradata", ""), one.tags.get("language", ""))
    return found


def pages_of(extradata: str, languages: str) -> tuple[Page, ...]:
    """The pages of subtitles among those that are announced. Pure.

    Args:
        extradata: Two bytes for each page, as ffprobe prints them: 8 groups of two bytes in a line.
        languages: One for each, with commas between.
    """
    lines = (line.partition(": ")[2][:40] for line in extradata.splitlines())
    data = bytes.fromhex("".join(lines).replace(" ", ""))
    entries = [data[at : at + ENTRY_BYTES] for at in range(0, len(data) - 1, ENTRY_BYTES)]
    pages = []
    for language, (first, page) in zip(languages.split(","), entries, strict=False):
        kind, magazine, tens, units = first >> 3, first & 7 or 8, page >> 4, page & 15
        if kind in {SUBTITLES, FOR_THE_HARD_OF_HEARING} and tens < 10 and units < 10:
            number = 100 * magazine + 10 * tens + units
            pages.append(Page(number=number, language=language, is_sdh=kind == FOR_THE_HARD_OF_HEARING))
    return tuple(pages)


def extract(track: int, page: str, *, source: Path, ended: Path, begun: Path) -> list[str]:
    """Write the subtitles of a page as SubRip, with their times on the source's clock.

    A page does not say until when it is shown: ffmpeg ends it where the next begins, and then leaves out the last.

    Args:
        track: Stream index.
        page: Its number.
        source: The source file.
        ended: Where they are written, each up to the next.
        begun: Where they are written without an end.
    """
    options = {**INPUT_OPTIONS, "copyts": None, "txt_format": "text", "txt_page": page}
    outputs = []
    for path, fixed in ((ended, {"fix_sub_duration": None}), (begun, {})):
        stream = ffmpeg.input(f"file:{source}", **options, **fixed)[str(track)]
        outputs.append(ffmpeg.output(stream, str(path), **{"c:s": "srt", "f": "srt"}))
    return compiled(outputs)
