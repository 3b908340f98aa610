"""The sprite sheet: how many stills, how large, and the WebVTT that finds them. Pure."""

import math
from dataclasses import dataclass
from fractions import Fraction

from cutroom.media.recipes import Thumbnails
from cutroom.media.video_plan import VideoPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class SpriteSheet:
    """Stills as tiles, row by row."""

    width: int
    """Of one tile, in pixels."""
    height: int
    columns: int
    rows: int
    interval_s: Fraction
    count: int


def shown_s(video: VideoPlan) -> Fraction:
    """How long the pictures last, in seconds."""
    return (video.chunks[-1].end_pts - video.chunks[0].start_pts) * video.timing.time_base


def plan_sheet(duration_s: Fraction, display_size: tuple[int, int], wanted: Thumbnails) -> SpriteSheet:
    """As many stills as fit the sheet, at whole seconds apart, never closer than the profile wants."""
    most = wanted.columns * wanted.rows
    interval = max(Fraction(wanted.min_interval_s), Fraction(math.ceil(duration_s / most)))
    count = max(1, math.ceil(duration_s / interval))
    width, height = display_size
    columns = min(wanted.columns, count)
    return SpriteSheet(
        width=wanted.sprite_width,
        height=max(2, round(wanted.sprite_width * height / width / 2) * 2),
        columns=columns,
        rows=math.ceil(count / columns),
        interval_s=interval,
        count=count,
    )


def webvtt(sheet: SpriteSheet, image: str, duration_s: Fraction) -> str:
    """Cues that point at the tiles by media fragments (W3C Media Fragments URI 1.0, `xywh`)."""
    lines = ["WEBVTT", ""]
    for number in range(sheet.count):
        start = number * sheet.interval_s
        end = min(duration_s, start + sheet.interval_s)
        x = number % sheet.columns * sheet.width
        y = number // sheet.columns * sheet.height
        lines += [
            # A cue ends after it starts (WebVTT, 4.4), even that of a single frame.
            f"{_timestamp(start)} --> {_timestamp(max(end, start + Fraction(1, 1000)))}",
            f"{image}#xywh={x},{y},{sheet.width},{sheet.height}",
            "",
        ]
    return "\n".join(lines)


def _timestamp(seconds: Fraction) -> str:
    """`HH:MM:SS.mmm`."""
    ms = math.floor(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
