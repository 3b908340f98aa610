"""What a source shows and what a published folder shows, each by a decode of its own: numbers of frames and times."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np

from counted import BITS
from cutroom.ffmpeg import tools
from cutroom.packaging.facts import RenditionFacts

CELL = 8
"""Pixels of a bit of the number in the small picture that is read."""


def shown(media: Path, *, track: str = "0:v:0") -> list[tuple[int, float]]:
    """Number and time in seconds of each frame that a whole-file decode shows, in order."""
    width, height = BITS * CELL, 4 * CELL
    stats = media.with_name(f"{media.name}.times")
    small = ("-vf", f"scale={width}:{height}:flags=area,format=gray", "-fps_mode", "passthrough")
    noted = ("-enc_time_base", "1/1000000", "-stats_enc_pre", str(stats), "-stats_enc_pre_fmt", "{pts}")
    raw = _decoded(media, "-map", track, *small, *noted, "-f", "rawvideo", "-")
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width)
    numbers = [
        int(sum((frame[2:6, bit * CELL + 2 : bit * CELL + 6].mean() > 128) << bit for bit in range(BITS)))
        for frame in frames
    ]
    times = [int(line) / 1_000_000 for line in stats.read_text().splitlines()]
    return list(zip(numbers, times, strict=True))


def first_sound_s(media: Path) -> float | None:
    """When the first sample of the first track of sound is heard, by a whole-file decode; None without sound."""
    stats = media.with_name(f"{media.name}.sound")
    noted = ("-stats_enc_pre", str(stats), "-stats_enc_pre_fmt", "{pts} {tb}")
    # Without -vn ffmpeg takes the picture where there is no sound.
    _decoded(media, "-map", "0:a:0?", "-vn", "-f", "null", *noted, "-")
    lines = stats.read_text().splitlines() if stats.exists() else []
    if not lines:
        return None
    pts, base = lines[0].split()
    return float(int(pts) * Fraction(base))


def _decoded(media: Path, *arguments: str) -> bytes:
    """What ffmpeg writes to its output, with the times that the file has."""
    command = [tools.path("ffmpeg"), "-v", "error", "-nostdin", "-y", "-copyts", "-i", str(media), *arguments]
    return subprocess.run(command, capture_output=True, check=False).stdout


def renditions(out: Path) -> list[RenditionFacts]:
    """Facts of the video renditions of a folder."""
    found = [RenditionFacts.load(path.read_bytes()) for path in out.glob("renditions/*/rendition.json")]
    return [one for one in found if one.kind == "video"]
