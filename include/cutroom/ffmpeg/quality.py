"""Quality of each encoded frame, as the encoder itself compared it with what it was given."""

import math
import re
from pathlib import Path

_FRAME = re.compile(r"out=\s*(\d+) .*?PSNR=\s*(\S+)")
MOST_DB = 100.0
"""Stands for a frame without any difference, whose PSNR has no bound."""


def read_psnr(stats: Path, outputs: int) -> list[list[float]]:
    """PSNR in dB of the frames of each output, in the order in which they were encoded.

    Args:
        stats: What `-vstats_file` wrote; it need not be there.
        outputs: How many outputs there are; those whose encoder tells nothing get no frames.
    """
    found: list[list[float]] = [[] for _ in range(outputs)]
    if stats.is_file():
        for line in stats.read_text().splitlines():
            if told := _FRAME.match(line):
                value = float(told[2])
                found[int(told[1])].append(min(value, MOST_DB) if math.isfinite(value) else MOST_DB)
    return found
