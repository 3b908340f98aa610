"""What ffmpeg notes of each frame that reaches an encoder (`argv.STATS_FORMAT`)."""

from fractions import Fraction
from pathlib import Path


def frame_ticks(stats: Path, timescale: int) -> list[int]:
    """Times of the frames in a statistics file, in ticks of `timescale`, ascending."""
    times = []
    for line in stats.read_text().splitlines():
        _, pts, time_base = line.split()
        times.append(round(int(pts) * Fraction(time_base) * timescale))
    return sorted(times)
