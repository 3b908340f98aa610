"""WebVTT (W3C): cues out of text of any origin, whole files, segments for HLS, and chapters. Pure."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cutroom.media.source import Chapter

HEADER = "WEBVTT"

WHOLE = "text.vtt"
"""All cues of a rendition in one file: what DASH players and the `<track>` of a page take."""

SEGMENT = "seg_%05d.vtt"
"""A segment for HLS, by its number from 1."""

TIMESCALE = 1000
"""WebVTT counts in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Words and when they are shown, in milliseconds of the presentation."""

    start_ms: int
    end_ms: int
    """Exclusive, after `start_ms`."""
    text: str
    """WebVTT cue text: tags of WebVTT only, all else escaped; no empty line."""
    settings: str = ""
    """WebVTT cue settings, such as `line:0`."""


def document(cues: Sequence[Cue], *, header: str = HEADER) -> str:
    """A WebVTT file.

    Args:
        cues: What is shown, in the order of their start.
        header: Its first lines.
    """
    blocks = [header]
    for cue in cues:
        times = f"{timestamp(cue.start_ms)} --> {timestamp(cue.end_ms)}"
        blocks.append(f"{times} {cue.settings}".rstrip() + f"\n{cue.text}")
    return "\n\n".join(blocks) + "\n"


def segment(cues: Sequence[Cue], start_ms: int, end_ms: int, *, mpegts: int = 0) -> str:
    """The segment of an HLS rendition: every cue that is shown in it, also those that the ones beside it hold.

    Args:
        cues: All cues.
        start_ms: Start of the segment.
        end_ms: Its end, exclusive.
        mpegts: Time of the presentation's start in the segments of the media, in ticks of 90 kHz (RFC 8216, 3.5).
    """
    shown = [cue for cue in cues if cue.start_ms < end_ms and cue.end_ms > start_ms]
    return document(shown, header=f"{HEADER}\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{mpegts}")


def in_segments(cues: Sequence[Cue], *, segment_ms: int, duration_ms: int) -> list[list[Cue]]:
    """The cues that each segment of a grid shows; one that reaches over an end is in both."""
    shown: list[list[Cue]] = [[] for _ in range(math.ceil(duration_ms / segment_ms))]
    for cue in cues:
        for number in range(cue.start_ms // segment_ms, math.ceil(cue.end_ms / segment_ms)):
            shown[number].append(cue)
    return shown


def timestamp(ms: int) -> str:
    """`00:01:02.345`; more than 99 hours have more digits."""
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"


def escaped(text: str) -> str:
    """Text that shows as it is: no tag, no character reference, no line that ends the cue, no end of a comment."""
    # Format characters stay: they join letters and set their direction.
    plain = "".join(one for one in text if one in "\n\t" or unicodedata.category(one) not in {"Cc", "Cs"})
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cue_text(text: str) -> str:
    """Lines of a cue without those that are empty: an empty line would end it."""
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def placement(alignment: int | None) -> str:
    """Cue settings for a place on the keypad: 8 is top centre; bottom centre is where cues are anyway."""
    if alignment is None or not 1 <= alignment <= 9:
        return ""
    row, column = divmod(alignment - 1, 3)
    lines = {1: ["line:50%"], 2: ["line:0"]}.get(row, [])
    sides = {0: ["position:5%", "align:left"], 2: ["position:95%", "align:right"]}.get(column, [])
    return " ".join([*lines, *sides])


def chapters(found: Sequence[Chapter], origin_s: Fraction) -> str:
    """A file of chapters for a player's `<track kind=chapters>`.

    Args:
        found: The chapters, on the source's clock.
        origin_s: When the presentation starts on it.
    """
    cues = []
    for number, one in enumerate(sorted(found, key=lambda each: each.start_s), start=1):
        start, end = (max(0, math.floor((at - origin_s) * 1000)) for at in (one.start_s, one.end_s))
        title = cue_text(escaped(one.title or "")) or f"Chapter {number}"
        cues.append(Cue(start_ms=start, end_ms=max(end, start + 1), text=title))
    return document(cues)
