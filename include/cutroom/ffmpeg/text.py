"""ffmpeg's arguments for subtitles: taken out of a container as the file that they once were."""

from pathlib import Path

import ffmpeg

from cutroom.ffmpeg.argv import compiled
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.media.source import TextTrack

_FILES = {
    "ass": ("copy", "ass"),
    "ssa": ("copy", "ass"),
    "webvtt": ("copy", "webvtt"),
    "subrip": ("copy", "srt"),
    "mov_text": ("srt", "srt"),
    "text": ("srt", "srt"),
}
"""For ffmpeg's name of the format: the encoder and the muxer, which keep its times and its styling best."""

TEXT_CODECS = frozenset({*_FILES, "ttml"})
"""Subtitles that are text; those that are pictures can't become WebVTT.

TTML is documents, one in each packet, which ffmpeg does not read.
"""


def file_codec(track: TextTrack) -> str:
    """The format of what `extract` writes."""
    muxer = _FILES[track.codec][1]
    return "subrip" if muxer == "srt" else muxer


def extract(track: TextTrack, *, source: Path, output: Path) -> list[str]:
    """Write a track of subtitles into a file of its own, with its times on the source's clock."""
    encoder, muxer = _FILES[track.codec]
    stream = ffmpeg.input(f"file:{source}", **INPUT_OPTIONS, copyts=None)[str(track.index)]
    return compiled([ffmpeg.output(stream, str(output), **{"c:s": encoder, "f": muxer})])
