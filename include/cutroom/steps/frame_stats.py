"""What ffmpeg notes of each frame that reaches an encoder (`argv.STATS_FORMAT`)."""

import os
from fractions import Fraction
from pathlib import Path

END_BYTES = 1024
"""How much of the end of a file is read for its last line: more than two lines."""


def frame_ticks(stats: Path, timescale: int) -> list[int]:
    """Times of the frames in a statistics file, in ticks of `timescale`, ascending."""
    return sorted(_tick(line, timescale) for line in stats.read_text().splitlines())


def last_tick(stats: Path, timescale: int) -> int | None:
    """Time of the last frame that is noted so far, in ticks of `timescale`; None: there is none yet.

    Encoders get frames in the order in which they are shown.
    """
    try:
        with stats.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - END_BYTES))
            end = file.read().decode()
    except FileNotFoundError:
        return None
    # Behind the last newline a line is being written; in front of the first one a line may be cut.
    *_, last = ("\n" + end).rpartition("\n")[0].rsplit("\n", 1)
    return _tick(last, timescale) if last else None


def _tick(line: str, timescale: int) -> int:
    _, pts, time_base = line.split()
    return round(int(pts) * Fraction(time_base) * timescale)
