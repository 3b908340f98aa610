"""What a media tool may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a tool may take."""

    memory_bytes: int = 12 * 2**30
    """Address space."""
    stall_s: float = 300
    """Longest time without a line of output or progress."""
    total_s: float = 24 * 3600
    """Longest time altogether."""
