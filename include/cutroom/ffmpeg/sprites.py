"""The stills of a film: sheets of them for the seek bar, candidates for the poster, moments for the preview. Pure."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from cutroom.media.poster import Still
from cutroom.media.recipes import Thumbnails
from cutroom.media.video_plan import VideoPlan

SPRITES = "sprite_%05d.jpg"
"""Name of a sheet by its number from 1."""

MOST_SHEETS = 8
"""A film that is longer has its stills further apart."""

MOST_CANDIDATES, FEWEST_CANDIDATES = 60, 10
"""Pictures that may become the poster; of a film below a second there are fewer."""

POSTER_WIDTH = 1280

PREVIEW_S = 3

MEASURED_WIDTH = 320

TALLEST = 6_000
"""Lines of a still that is made as wide as others; a taller one is squeezed, as ten of them are one JPEG."""

PREVIEW_SIDE = 320
"""Of its longer side, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpriteSheet:
    """Stills as tiles, row by row, on one sheet or on several of the same size."""

    width: int
    """Of one tile, in pixels."""
    height: int
    columns: int
    rows: int
    interval_s: Fraction
    count: int
    """Of all stills together."""
    duration_s: Fraction
    """Of what they show."""

    @property
    def sheets(self) -> int:
        """How many sheets there are."""
        return math.ceil(self.count / (self.columns * self.rows))

    @property
    def candidate_interval_s(self) -> Fraction:
        """How far pictures that may become the poster lie apart: of a short film closer than the stills.

        It may begin in black until the first still but one, or the last one.
        """
        apart = self.interval_s * math.ceil(self.count / MOST_CANDIDATES)
        return min(apart, Fraction(max(1, math.floor(self.duration_s)), FEWEST_CANDIDATES))

    @property
    def candidates(self) -> int:
        """How many of them there are."""
        return max(1, math.ceil(self.duration_s / self.candidate_interval_s))


def end_s(video: VideoPlan) -> Fraction:
    """When the last picture ends, in seconds of the presentation."""
    timing = video.timing
    shown = (video.chunks[-1].end_pts - video.chunks[0].start_pts) * timing.time_base
    return max(Fraction(0), Fraction(timing.first_ticks, timing.timescale)) + shown


def plan_sheet(duration_s: Fraction, display_size: tuple[int, int], wanted: Thumbnails) -> SpriteSheet:
    """As many stills as fit the sheets, at whole seconds apart, never closer than the profile wants."""
    most = wanted.columns * wanted.rows * MOST_SHEETS
    interval = max(Fraction(wanted.min_interval_s), Fraction(math.ceil(duration_s / most)))
    count = max(1, math.ceil(duration_s / interval))
    columns = min(wanted.columns, count)
    width, height = _as_wide(display_size, wanted.sprite_width)
    return SpriteSheet(
        width=width,
        height=min(height, TALLEST),
        columns=columns,
        rows=min(wanted.rows, math.ceil(count / columns)),
        interval_s=interval,
        count=count,
        duration_s=duration_s,
    )


def poster_size(display_size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the poster: as the film is shown, whatever shape its pixels have; never enlarged."""
    return _as_wide(display_size, min(display_size[0], POSTER_WIDTH))


def preview_size(display_size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the preview, in even numbers."""
    shape = min(Fraction(1), Fraction(*display_size))
    width, height = _as_wide(display_size, max(2, round(PREVIEW_SIDE * shape / 2) * 2))
    return width, min(height, PREVIEW_SIDE)


def measured_size(display_size: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which candidates for the poster are measured: no lower than what measures them takes."""
    width, height = _as_wide(display_size, MEASURED_WIDTH)
    return width, min(max(16, height), TALLEST)


def _as_wide(display_size: tuple[int, int], width: int) -> tuple[int, int]:
    return width, max(2, round(Fraction(width * display_size[1], display_size[0] * 2)) * 2)


def preview_moments(duration_s: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Which stretches of a film its preview shows, from and up to: three seconds in all."""
    if duration_s < 4 * PREVIEW_S:
        return [(Fraction(0), Fraction(PREVIEW_S))]
    starts = [duration_s * share // 1 for share in (Fraction(1, 5), Fraction(1, 2), Fraction(3, 4))]
    return [(Fraction(start), Fraction(start) + 1) for start in starts]


def webvtt(sheet: SpriteSheet, duration_s: Fraction) -> str:
    """Cues that point at the tiles by media fragments (W3C Media Fragments URI 1.0, `xywh`).

    Args:
        sheet: Which stills there are.
        duration_s: When the last frame is no longer shown; the last still is shown until then.
    """
    lines = ["WEBVTT", ""]
    per_sheet = sheet.columns * sheet.rows
    for number in range(sheet.count):
        start = number * sheet.interval_s
        end = start + sheet.interval_s if number < sheet.count - 1 else duration_s
        x = number % sheet.columns * sheet.width
        y = number % per_sheet // sheet.columns * sheet.height
        lines += [
            # A cue ends after it starts (WebVTT, 4.4), even that of a single frame.
            f"{_timestamp(start)} --> {_timestamp(max(end, start + Fraction(1, 1000)))}",
            f"{SPRITES % (number // per_sheet + 1)}#xywh={x},{y},{sheet.width},{sheet.height}",
            "",
        ]
    return "\n".join(lines)


def read_candidates(measured: str, sheet: SpriteSheet) -> list[Still]:
    """The candidates for the poster, from what ffmpeg's filters `signalstats` and `blurdetect` noted of them."""
    stills = []
    for number, block in enumerate(re.split(r"(?m)^frame:", measured)[1:]):
        noted = dict(re.findall(r"lavfi\.(?:signalstats\.)?(\w+)=(\S+)", block))
        blur = float(noted.get("blur", "nan"))
        stills.append(
            Still(
                at_s=number * sheet.candidate_interval_s,
                brightness=float(noted["YAVG"]),
                contrast=float(noted["YHIGH"]) - float(noted["YLOW"]),
                colourfulness=float(noted["SATAVG"]),
                # A picture without edges has no number here.
                blur=blur if math.isfinite(blur) else 0.0,
            )
        )
    return stills


def _timestamp(seconds: Fraction) -> str:
    """`HH:MM:SS.mmm`."""
    ms = math.floor(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
