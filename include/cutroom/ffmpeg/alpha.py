"""Transparency of VP8 and VP9: a second stream of grey pictures, one beside each packet of a Matroska file.

ffmpeg's own decoders leave it out; those of libvpx take it.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    # The cutter is a program that starts often, and needs neither.
    from cutroom.ffmpeg.ffprobe import Stream
    from cutroom.media.source import VideoTrack

DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

PIXELS = "yuva420p"
"""What they give."""

BESIDE: Literal["matroska_block_additional"] = "matroska_block_additional"
"""PyAV's name of what lies beside a packet: its number in 8 bytes, then the packet of the second stream."""

TIME_BASE = Fraction(1, 1000)
"""That of the container which keeps both streams together in an encode chunk. It would round finer times."""


def pixels(stream: "Stream") -> str | None:
    """What a stream is decoded to, by ffmpeg's name."""
    if (
        stream.codec_name in DECODERS
        and stream.tags.get("alpha_mode") == "1"
        and stream.time_base == TIME_BASE
    ):
        return PIXELS
    return stream.pix_fmt


def decoder(track: "VideoTrack", index: int) -> dict[str, str]:
    """The option that names the decoder of a stream of this number, where it is not ffmpeg's own."""
    if track.codec in DECODERS and track.pix_fmt == PIXELS:
        return {f"c:{index}": DECODERS[track.codec]}
    return {}


def is_keyframe(packet: Any, codec: str) -> bool:
    """Whether a decoder can begin with a packet: that of its transparency, too, which is encoded on its own."""
    if not packet.is_keyframe or codec not in DECODERS or not packet.has_sidedata(BESIDE):
        return bool(packet.is_keyframe)
    beside = bytes(packet.get_sidedata(BESIDE))[8:9]
    # Frame type: the lowest bit in VP8 (RFC 6386, 9.1); in VP9 after the marker, the profile and a frame shown again.
    return not beside or not beside[0] & (0x01 if codec == "vp8" else 0x0C)
