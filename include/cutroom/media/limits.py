"""What a media tool may take, and how large a source may be. The defaults of the settings of the same names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a tool may take."""

    memory_bytes: int = 12 * 2**30
    """Address space."""
    cpu_s: int = 48 * 3600
    """CPU seconds, of all threads together."""
    output_bytes: int = 500 * 2**30
    """Largest file that it may write."""
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
