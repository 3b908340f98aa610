"""What a media tool may take, and how large a source may be. The defaults of the settings of the same names."""

from dataclasses import dataclass
from fractions import Fraction

from cutroom.errors import SourceTooLarge
from cutroom.media.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a tool may take."""

    memory_bytes: int = 12 * 2**30
    """Address space."""
    cpu_s: int = 48 * 3600
    """CPU seconds, of all threads together."""
    output_bytes: int = 500 * 2**30
    """Largest file that it may write."""
    free_bytes: int = 2**30
    """How much of the disk that it works on stays free."""
    stall_s: float = 300
    """Longest time without a line of output or progress."""
    total_s: float = 24 * 3600
    """Longest time altogether."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLimits:
    """How large a source may be."""

    size_bytes: int = 500 * 2**30
    pixels: int = 8192 * 4320
    """Width × height of its picture."""
    duration_s: int = 24 * 3600
    frames: int = 10_000_000
    """Packets of the track of pictures: a day at 115 a second."""
    tracks: int = 100
    """Tracks of any kind."""


def reject_too_large(source: Source, most: SourceLimits) -> None:
    """Hold the source against the limits of this installation.

    Raises:
        SourceTooLarge: The message names the limit and its setting.
    """
    for track in source.video:
        if track.width * track.height > most.pixels:
            raise SourceTooLarge(
                f"The picture is {track.width}×{track.height}, larger than the {most.pixels} pixels that "
                "CUTROOM_SOURCE_MAX_PIXELS allows."
            )
    if source.duration_s is not None and source.duration_s > most.duration_s:
        raise too_long(source.duration_s, most)


def too_long(lasts_s: Fraction, most: SourceLimits) -> SourceTooLarge:
    """The refusal of a source that lasts so many seconds."""
    return SourceTooLarge(
        f"The file says that it lasts {float(lasts_s):.0f} s, longer than the {most.duration_s} s that "
        "CUTROOM_SOURCE_MAX_DURATION_S allows."
    )
