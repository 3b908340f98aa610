"""The packets of a track, one for each frame, as everything that walks through a file has them."""

from collections.abc import Iterator
from typing import Any

from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet

from cutroom.ffmpeg.descriptions import BESIDE, Descriptions
from cutroom.ffmpeg.h264 import FieldPicture, Headers


def codec_of(stream: Any) -> str:
    """The name of a track's codec, whatever decodes it; nothing where PyAV knows no decoder."""
    context = stream.codec_context
    return "" if context is None else str(context.codec.canonical_name)


def descriptions_of(stream: Any) -> Descriptions:
    """What follows the descriptions of a track, over its packets."""
    context = stream.codec_context
    return Descriptions(codec_of(stream), b"" if context is None else context.extradata or b"")


def packets(container: InputContainer, stream: Any) -> "Iterator[Packet[Any]]":
    """The packets of one track that hold data, in decode order; each with one frame."""
    found = (packet for packet in demuxed(container, [stream]) if packet.size)
    codec = codec_of(stream)
    if codec == "mpeg4":
        return _unpacked(found, stream)
    return _with_both_fields(found, stream) if codec == "h264" else found


def _unpacked(found: "Iterator[Packet[Any]]", stream: Any) -> "Iterator[Packet[Any]]":
    """Put a frame that came with the one before it in place of the empty frame that stands for it."""
    unpack = BitStreamFilterContext("mpeg4_unpack_bframes", stream)
    for packet in found:
        yield from unpack.filter(packet)


def _with_both_fields(found: "Iterator[Packet[Any]]", stream: Any) -> "Iterator[Packet[Any]]":
    """Put the second field of a frame behind the first, where each has a packet of its own.

    A decoder makes one frame of both, at the time of the first: a chunk that ends between them would show half of it.
    """
    headers = Headers(stream.codec_context.extradata or b"")
    first: Packet[Any] | None = None
    begun: FieldPicture | None = None
    for packet in found:
        if packet.is_keyframe:
            headers.learn(bytes(packet))
        # What an edit list hides stays as it is: a packet that is put together can't say so.
        may_be_field = headers.may_have_fields and not packet.is_discard
        field = headers.field(bytes(packet)) if may_be_field else None
        if first is not None and field is not None and field.ends(begun):
            yield _joined(first, packet)
            first = None
            continue
        if first is not None:
            yield first
        first, begun = (packet, field) if field is not None else (None, None)
        if first is None:
            yield packet
    if first is not None:
        yield first


def _joined(first: "Packet[Any]", second: "Packet[Any]") -> "Packet[Any]":
    both: Packet[Any] = Packet(bytes(first) + bytes(second))
    both.time_base, both.pts, both.dts = first.time_base, first.pts, first.dts
    both.duration = (first.duration or 0) + (second.duration or 0)
    both.is_keyframe = first.is_keyframe
    if first.has_sidedata(BESIDE):
        both.set_sidedata(first.get_sidedata(BESIDE))
    return both


def demuxed(container: InputContainer, streams: list[Any]) -> "Iterator[Packet[Any]]":
    """All packets of these tracks, in the order of the file; a track that only begins midway is passed over."""
    while True:
        try:
            yield from container.demux(streams)
        except IndexError:
            # PyAV does not know the track of a packet; what comes after it is read by another walk.
            continue
        return
