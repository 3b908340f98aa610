"""Whether a decoder may show the frames of a track in another order than that of its packets, by what is coded."""

import math

from cutroom.ffmpeg.h264 import Headers
from cutroom.ffmpeg.keyframes import is_bidirectional

TRIED_PACKETS = 64
"""At the beginning of a track, to tell whether its frames are shown in the order in which they are decoded. Where a
picture says that it refers to later ones, or HEVC that it reorders, all are tried."""


class Reordering:
    """Walks over the packets of a track in decode order, as long as their times rise: these may be decode times.

    Args:
        codec: ffmpeg's name of it.
        headers: Reads packets of H.264; None: they are of another codec.
    """

    def __init__(self, codec: str, headers: Headers | None) -> None:
        self._codec, self._headers = codec, headers
        self._last: float = -math.inf
        self._is_over = self._is_bidirectional = False

    def see(self, pts: int | None, data: bytes) -> None:
        """Look at the next packet."""
        if self._is_over:
            return
        if pts is not None:
            self._is_over, self._last = pts <= self._last, pts
        told = self._headers.is_bidirectional if self._headers is not None else self._told
        self._is_bidirectional = not self._is_over and told(data)
        self._is_over |= self._is_bidirectional

    def tried(self, count: int, *, is_stated: bool) -> int:
        """How many packets have to be decoded to know; 0: none.

        Args:
            count: How many there are.
            is_stated: Whether the track says that it reorders.
        """
        if self._is_bidirectional or (is_stated and self._codec == "hevc"):
            return count
        return min(count, TRIED_PACKETS) if is_stated else 0

    def _told(self, data: bytes) -> bool:
        return bool(is_bidirectional(data, self._codec))
