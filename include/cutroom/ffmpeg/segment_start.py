"""When a media segment is shown from, read from its own bytes by another parser than the packager's."""

import io
from fractions import Fraction

import av


def shown_from(init: bytes, segment: bytes, demuxer: str) -> Fraction | None:
    """The time of the first frame that is shown of a segment, as the container has it, its edit list applied.

    Args:
        init: The initialization segment; empty where the container has none.
        segment: The segment; it may be encrypted sample by sample, and not as a whole.
        demuxer: ffmpeg's name of the container.

    Returns:
        Seconds; None: it holds no frame that can be found.
    """
    try:
        with av.open(io.BytesIO(init + segment), "r", format=demuxer) as container:
            (stream,) = container.streams
            ticks = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    except (av.error.FFmpegError, ValueError):
        return None
    return min(ticks) * Fraction(stream.time_base or 1) if ticks else None
