"""ffmpeg's arguments to decode a whole source once: its frames are counted, and all stills made of them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from cutroom.ffmpeg import pictures, sprites
from cutroom.ffmpeg.argv import ONE_FILTER_THREAD, STATS_FORMAT, compiled, decimal, decoding, rational
from cutroom.ffmpeg.sprites import SpriteSheet
from cutroom.media.colour import BT709
from cutroom.media.video_plan import VideoPlan

CANDIDATES = "candidate_%05d.jpg"
MEASURED = "candidates.txt"
PREVIEW = "preview.mp4"
PREVIEW_RATE = 10
"""Frames a second."""
TICKING = {"start_time": 0, "round": "up"}
"""What is shown at each multiple of the interval, whatever the frame rate, and through gaps."""


def inspect_video(
    video: VideoPlan, sheet: SpriteSheet, *, source: Path, stats: Path, folder: Path
) -> list[str]:
    """Decode the whole source once: note every frame's time, and make all stills.

    Args:
        video: The plan of the track.
        sheet: Which stills there are.
        source: The source file.
        stats: Where the time of every decoded frame is written, in source ticks.
        folder: Gets the sheets (`sprites.SPRITES`), every candidate for the poster (CANDIDATES) with what was
            measured of them (MEASURED), and the preview (PREVIEW).
    """
    decoded = pictures.frames_of(source, **decoding(video, video.track.index))[str(video.track.index)]
    split = decoded.filter_multi_output("split", 4)
    counted = ffmpeg.output(
        split[0].filter("settb", rational(video.timing.time_base)),
        "-",
        f="null",
        fps_mode="passthrough",
        enc_time_base=rational(video.timing.time_base),
        **{"stats_enc_pre:v": str(stats), "stats_enc_pre_fmt:v": STATS_FORMAT},
    )
    tiles = (
        _stills(split[1], video, sheet.interval_s, sheet.count)
        .filter("scale", sheet.width, sheet.height, **pictures.scaled_to(pictures.JPEG))
        .filter("tile", f"{sheet.columns}x{sheet.rows}")
    )
    candidates = (
        _stills(split[2], video, sheet.candidate_interval_s, sheet.candidates)
        .filter("scale", *sprites.poster_size(video.track.display_size), **pictures.scaled_to(pictures.JPEG))
        .filter_multi_output("split", 2)
    )
    measured = (
        candidates[1]
        .filter("scale", *sprites.measured_size(video.track.display_size))
        .filter("format", "yuv420p")
        .filter("signalstats")
        .filter("blurdetect")
        .filter("metadata", mode="print", file=str(folder / MEASURED))
    )
    moments = "+".join(
        f"between(t,{decimal(start)},{decimal(end)})"
        for start, end in sprites.preview_moments(sprites.end_s(video))
    )
    preview = (
        _presented(split[3], video)
        .filter("fps", PREVIEW_RATE, **TICKING)
        .filter("select", moments)
        .filter("setpts", f"N/({PREVIEW_RATE}*TB)")
    )
    preview = (
        pictures.as_shown(preview, video)
        .filter("scale", *sprites.preview_size(video.track.display_size), **pictures.scaled_to(BT709))
        .filter("setparams", **pictures.stated(BT709))
    )
    # yuvj420p: JPEG is full range. A source's clock may be below zero, where no frame is expected.
    jpeg = {"q:v": 4, "pix_fmt": "yuvj420p", "f": "image2", "bitexact": None, "fps_mode": "passthrough"}
    # Three seconds at this rate are less than 300 kB whatever they show.
    mp4 = {"c:v": "libx264", "preset": "veryfast", "threads": "1", "crf": 28, "maxrate": "600k", "bufsize": "600k",
           "pix_fmt": "yuv420p", "movflags": "+faststart", "map_metadata": "-1", "bitexact": None}  # fmt: skip
    return compiled(
        [
            counted,
            ffmpeg.output(tiles, str(folder / sprites.SPRITES), **jpeg),
            ffmpeg.output(candidates[0], str(folder / CANDIDATES), **jpeg),
            ffmpeg.output(measured, "-", f="null", fps_mode="passthrough"),
            ffmpeg.output(preview.filter("setsar", "1"), str(folder / PREVIEW), f="mp4", **mp4),
        ],
        *ONE_FILTER_THREAD,
    )


def _stills(frames: Any, video: VideoPlan, interval_s: Fraction, count: int) -> Any:
    """So many pictures, as they are shown at the multiples of an interval."""
    ticks = _presented(frames, video).filter("fps", rational(1 / interval_s), **TICKING)
    return pictures.as_shown(ticks.filter("trim", end_frame=count), video).filter("setsar", "1")


def _presented(frames: Any, video: VideoPlan) -> Any:
    """Frames at the times of the presentation, which begins at zero."""
    return frames.filter("setpts", f"PTS-({rational(video.timing.origin_s)})/TB")
