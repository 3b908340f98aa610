"""What only a decoder can tell of a track: in which order frames are shown, and which it can begin with."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from cutroom.ffmpeg.chunk_format import pixels
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.ffmpeg.frame_packets import packets

ALIVE_EVERY = 250
"""Packets decoded between two signs of life."""


def opened(source: str) -> InputContainer:
    """A local file, to be closed by the caller."""
    # Tags are in whatever code page their writer had.
    return av.open(f"file:{source}", options=INPUT_OPTIONS, metadata_errors="replace")


def shown_order(source: str, track: int, end: int, alive: Callable[[], None]) -> list[int]:
    """The numbers of the packets before `end` that show a frame, in order of presentation."""
    return list(dict.fromkeys(number for number, _ in _frames(source, track, end, alive)))


def false_keyframes(
    source: str, track: int, flagged: Sequence[int], alive: Callable[[], None]
) -> frozenset[int]:
    """Which packets show another picture, or none, where a decoder begins with them.

    Args:
        source: Path of a local file.
        track: Stream index.
        flagged: The numbers of the packets that the container calls keyframes; the first is believed.
        alive: Called now and then.
    """
    later = set(flagged[1:])
    if not later:
        return frozenset()
    alone: dict[int, tuple[str, bytes] | None] = {}

    def begin_with(number: int, packet: "Packet[Any]", context: Any) -> None:
        if number in later:
            alone[number] = _first_picture(context, packet)

    found = set()
    for number, frame in _frames(source, track, flagged[-1] + 1, alive, begin_with):
        if number in later and pixels(frame) != alone.pop(number, None):
            found.add(number)
    # Those of which the whole track shows nothing either are left.
    return frozenset(found)


def _frames(
    source: str,
    track: int,
    end: int,
    alive: Callable[[], None],
    seen: Callable[[int, "Packet[Any]", Any], None] = lambda _number, _packet, _context: None,
) -> Iterator[tuple[int, Any]]:
    """The frames that the packets before `end` show, each with the number of its packet, in order of presentation.

    Args:
        source: Path of a local file.
        track: Stream index.
        end: Number of a packet.
        alive: Called now and then.
        seen: Called with each packet before it is decoded, and with the decoder.
    """
    with opened(source) as container:
        stream: Any = container.streams[track]
        decoder = stream.codec_context
        # Threads for frames tell of a damaged packet late, and lose the frames that were whole with it.
        decoder.thread_type = "SLICE"

        def decoded(packet: "Packet[Any] | None") -> list[tuple[int, Any]]:
            try:
                return [(frame.pts, frame) for frame in decoder.decode(packet) if frame.pts is not None]
            except av.error.FFmpegError:
                # A damaged packet shows nothing; those after it may.
                return []

        for number, packet in enumerate(packets(container, stream)):
            if number == end:
                break
            # The decoder hands the time of a packet on to its frame: here it carries the packet's number.
            packet.pts = packet.dts = number
            seen(number, packet, decoder)
            yield from decoded(packet)
            if number % ALIVE_EVERY == 0:
                alive()
        yield from decoded(None)


def _first_picture(like: Any, packet: "Packet[Any]") -> tuple[str, bytes] | None:
    """What a decoder makes of a packet that it begins with; None: nothing."""
    decoder: Any = av.CodecContext.create(like.codec.name, "r")
    decoder.extradata, decoder.codec_tag = like.extradata, like.codec_tag
    decoder.width, decoder.height = like.width, like.height
    decoder.bits_per_coded_sample = like.bits_per_coded_sample
    try:
        frames = decoder.decode(packet) or decoder.decode(None)
    except av.error.FFmpegError:
        return None
    return pixels(frames[0]) if frames else None
