"""The container of encode chunks: one out of which a decoder makes the same pictures as out of the source.

Each container names codecs by four characters of its own. Some decoders tell by the source's how pixels lie or which
arithmetic was meant, so that the name of another would show other pictures, or none.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer

from cutroom.ffmpeg import alpha

ALIKE_ANYWHERE = {"h264", "hevc", "vp8", "vp9", "av1", "mpeg1video", "mpeg2video", "theora"}
"""Codecs whose decoders read no such name."""

READ_TAGS = {"VCR2", "BW10"}
"""Names that tell the decoder of MPEG what the pictures themselves do not say."""

NOT_TAKEN = {"cavs"}
"""Codecs of which ffmpeg does not tell when frames are shown that are decoded before others."""

UNSET = "\0\0\0\0"


class CodecNotTaken(Exception):
    """No container of chunks can hold a codec as the source does; the message is its name."""


@dataclass(frozen=True, slots=True)
class ChunkFormat:
    """How the packets of a track are written."""

    container: str
    """NUT keeps times as they are; MOV as well, where frames are shown in the order of their packets. Matroska alone
    keeps what lies beside packets."""
    tag: str | None = None
    """The codec's four characters; None: the container's own."""

    def options(self, time_base: Fraction) -> dict[str, str]:
        """What has the container keep when its first frame is shown, in so many seconds per tick, as it is."""
        # MOV has an edit list for that, which else counts in milliseconds.
        return {"movie_timescale": str(time_base.denominator)} if self.container == "mov" else {}

    def track(self, stream: Any, output: OutputContainer) -> Any:
        """A track of an output for the packets of a stream.

        Raises:
            ValueError: The container has no name for the codec.
        """
        copy: Any = output.add_stream_from_template(stream, opaque=True)
        copy.time_base = stream.time_base
        if "alpha_mode" in stream.metadata:
            copy.metadata["alpha_mode"] = stream.metadata["alpha_mode"]
        if self.tag is not None:
            copy.codec_context.codec_tag = self.tag
        return copy


def chunk_format(stream: Any, packet: Any) -> ChunkFormat:
    """The format of a track's chunks.

    Args:
        stream: The track.
        packet: Its first packet, which decoders are tried with.

    Raises:
        CodecNotTaken: There is none.
    """
    context = stream.codec_context
    if context is None:
        raise CodecNotTaken("a codec that is not known")
    codec = context.codec.canonical_name
    if codec in NOT_TAKEN:
        raise CodecNotTaken(codec)
    if not (context.width and context.height):
        # What describes the picture is missing: no codec's fault, and refused as a picture that can't be read.
        return ChunkFormat("nut")
    if codec in alpha.DECODERS and stream.metadata.get("alpha_mode") == "1":
        return ChunkFormat("nut" if stream.time_base != alpha.TIME_BASE else "matroska")
    if codec in ALIKE_ANYWHERE and context.codec_tag not in READ_TAGS:
        return ChunkFormat("nut")
    wanted = _picture(context, [packet])
    written = False
    for one in _candidates(context):
        through = _written(stream, packet, one)
        if through is None:
            continue
        written = True
        # Where the first packet shows nothing, none can be preferred.
        if wanted is None or _through(through) == wanted:
            return one
    raise CodecNotTaken(codec if not written else f"{codec} as this file has it")


def _candidates(context: Any) -> Iterator[ChunkFormat]:
    if context.codec_tag != UNSET:
        yield ChunkFormat("nut", context.codec_tag)
    if context.codec.canonical_name == "rawvideo":
        yield ChunkFormat("nut", _raw(context.pix_fmt, 16, 16).codec_tag)
    yield ChunkFormat("nut")
    if not context.codec.reorder:
        if context.codec_tag != UNSET:
            yield ChunkFormat("mov", context.codec_tag)
        yield ChunkFormat("mov")


def _written(stream: Any, packet: Any, one: ChunkFormat) -> io.BytesIO | None:
    """A file of this format with the packet alone; None where it can't be written."""
    file = io.BytesIO()
    try:
        with av.open(file, "w", format=one.container) as output:
            track = one.track(stream, output)
            copy: Any = av.Packet(bytes(packet))
            copy.time_base, copy.pts, copy.dts, copy.duration = stream.time_base, 0, 0, packet.duration or 1
            copy.is_keyframe, copy.stream = True, track
            output.mux(copy)
    except (ValueError, av.error.FFmpegError):
        return None
    file.seek(0)
    return file


def _through(file: io.BytesIO) -> tuple[str, bytes] | None:
    try:
        with av.open(file, "r") as container:
            stream = container.streams.video[0]
            return _picture(stream.codec_context, container.demux(stream))
    except (av.error.FFmpegError, IndexError):
        return None


def _picture(context: Any, packets: Any) -> tuple[str, bytes] | None:
    """Format and pixels of the first picture; None where none can be decoded."""
    try:
        frames = [frame for packet in packets if packet.size for frame in context.decode(packet)]
        frames = frames or context.decode(None)
        if not frames:
            return None
        return pixels(frames[0])
    except (ValueError, av.error.FFmpegError):
        return None
    finally:
        context.flush_buffers()


def pixels(frame: Any) -> tuple[str, bytes]:
    """Format and pixels of a decoded frame, which loses its time.

    Raises:
        ValueError: They can't be written.
        av.error.FFmpegError: The same.
    """
    raw = _raw(frame.format.name, frame.width, frame.height)
    frame.pts = 0
    return frame.format.name, b"".join(bytes(one) for one in raw.encode(frame))


def _raw(pix_fmt: str, width: int, height: int) -> Any:
    """An encoder that writes pixels as they are, without what pads their rows."""
    raw: Any = av.CodecContext.create("rawvideo", "w")
    raw.pix_fmt, raw.width, raw.height, raw.time_base = pix_fmt, width, height, Fraction(1, 25)
    raw.open()
    return raw
