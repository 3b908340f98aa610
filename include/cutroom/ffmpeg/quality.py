"""Encodes decoded again: what they show, and how close it is to what the encoder was given. Alike for every codec."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from cutroom.ffmpeg.argv import ONE_FILTER_THREAD, ONE_THREAD, compiled, noted

_FRAME = re.compile(r"psnr_avg:(\S+)")
MOST_DB = 100.0
"""Stands for a frame without any difference, whose PSNR has no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What is looked at in one encode."""

    encoded: Path
    given: Path
    """The chosen frames as they reached the encoder."""
    picked: Sequence[int]
    """Their numbers in the encode."""
    shown: Path
    """Where every frame that it shows is noted."""
    stats: Path
    """Where the comparison is written."""


def compare(sampled: Sampled) -> list[str]:
    """Decode an encode, note every frame, and write how far the chosen ones are from those that were given.

    An error in the bitstream ends it.
    """
    chosen = "+".join(f"eq(n,{number})" for number in sampled.picked)
    decoded = ffmpeg.input(f"file:{sampled.encoded}", xerror=None, copyts=None, **ONE_THREAD).video
    given = ffmpeg.input(f"file:{sampled.given}").video
    # Both are the same frames in the same order: the n-th is compared with the n-th.
    pair = [
        frames.filter("settb", "1/1000").filter("setpts", "N")
        for frames in (decoded.filter("select", chosen), given)
    ]
    compared = ffmpeg.filter(pair, "psnr", stats_file=str(sampled.stats), shortest=1)
    made = [noted(decoded, sampled.shown), ffmpeg.output(compared, "-", f="null", fps_mode="passthrough")]
    return compiled(made, *ONE_FILTER_THREAD)


def read_psnr(stats: Path) -> list[float]:
    """PSNR in dB of each compared frame, in order of presentation."""
    found = [float(told[1]) for told in map(_FRAME.search, stats.read_text().splitlines()) if told]
    return [min(value, MOST_DB) if math.isfinite(value) else MOST_DB for value in found]
