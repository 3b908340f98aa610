"""Joins encoded chunks: their packets one after the other, each frame at the time that its encoder was given."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from cutroom.errors import VerificationFailed
from cutroom.ffmpeg.coded import opened, packets
from cutroom.media import timeline, timing
from cutroom.media.decode_times import close_holes
from cutroom.media.vp9_level import most_frames_in_a_second, vp9_level

BT709 = 1
"""The colours of all pictures that are not HDR, and VP9 is made of no others (ISO/IEC 23091-2)."""

LONGEST_LEAD_S = Fraction(1, 6)
"""How far decoding runs ahead of the first frame at most: MPEG-TS has 0.2 s for that (`packaging.containers`)."""

WRITTEN_AT_ONCE_BYTES = 2**18
"""So that Python is seldom asked."""

PARTS = 100
"""Of a tick, in which it is told how late a first frame is; fewer where the muxer could not count them."""

FINEST = 2**31 - 1
"""Ticks per second that ffmpeg's muxer counts at most."""

LONGEST_WAIT_S = 9
"""How long a first frame that is shown late waits for that once it is decoded, at most: MPEG-TS allows 10 s."""

_OTHER_FRAMES = "An encoded chunk does not hold the {} frames that its encoder was given."


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The frames of a joined track."""

    ticks: Sequence[int]
    """When they are shown, ascending."""
    sizes_bytes: Sequence[int]
    """In decode order."""
    decode_ticks: Sequence[int]
    """In decode order."""
    order: Sequence[int]
    """When they are shown, in decode order."""


def join(
    chunks: Iterable[Path],
    frame_ticks: Sequence[Sequence[int]],
    timescale: int,
    output: Path,
    *,
    lead_s: Fraction = Fraction(0),
    segment_ticks: Fraction | None = None,
    last_lasts: int | None = None,
    bit_rate_bps: int = 0,
    longest_ticks: int | None = None,
) -> Joined:
    """Put encoded chunks into one MP4.

    A chunk's container may have moved its times so that none is negative; the times of the frames that reached the
    encoder tell by how much. Decode times are made anew over the whole. At a steady rate the n-th packet is decoded
    when the n-th frame in order of presentation, `delay` frames earlier, is shown, so they rise without a step at the
    joins.

    Args:
        chunks: Files in order, each read when it is asked for and left alone when the next one is.
        frame_ticks: For each chunk the presentation times of its frames, in the order in which they are decoded, in
            ticks of `timescale`.
        timescale: Ticks per second of the output.
        output: The MP4 that is written.
        lead_s: How far decoding begins before the presentation at least, by its first packet alone, unless the first
            frame is too late for that; nothing: as late as it can.
        segment_ticks: Length of the segments, where decoding runs ahead; see `decode_times.close_holes`.
        last_lasts: For how many ticks the last frame is shown; None: see `timeline.last_lasts`.
        longest_ticks: What encoders were told at most that a frame is shown (see `timing.encoder_ticks`).
        bit_rate_bps: How much the track takes at most, for a codec whose bitstream does not state its level.

    Raises:
        VerificationFailed: The chunks are not in order; or one does not hold exactly the frames that its encoder was
            given, or describes its pictures in another way than the first, so that no decoder could show both.
    """
    # Arrays: a film has a hundred thousand frames an hour, and a list takes five times as much for each.
    shown = array("q", (tick for ticks in frame_ticks for tick in sorted(ticks)))
    if any(before >= after for before, after in pairwise(shown)):
        raise VerificationFailed("The encoded chunks are not in order, or one is there twice.")
    order = array("q", (tick for ticks in frame_ticks for tick in ticks))
    decode_ticks = _decode_ticks(order, shown, timescale, last_lasts)
    if decode_ticks and lead_s:
        # Where a packet is decoded much earlier than the next, hls.js shows what follows one or two of them elsewhere.
        wait_s = LONGEST_LEAD_S if _in_first_segment(shown, segment_ticks) < 3 else LONGEST_WAIT_S
        early = max(-ceil(lead_s * timescale), shown[0] - floor(wait_s * timescale))
        decode_ticks[0] = min(decode_ticks[0], early)
        if segment_ticks is not None:
            close_holes(decode_ticks, shown, segment_ticks, LONGEST_WAIT_S * timescale)
    sizes = array("q")
    options = {
        "video_track_timescale": str(timescale),
        # A first frame later than zero is an edit of the movie's timescale, in ms by default.
        "movie_timescale": str(timescale * max(1, min(PARTS, FINEST // timescale))),
        # In fragments: who reads it needs no table of all frames in memory.
        "movflags": "frag_keyframe+delay_moov+default_base_moof",
    }
    # Through Python's file, which lets other threads run while a reader keeps it waiting; the muxer's own does not at
    # the end, and where that end is more than a pipe holds, nobody would ever start the reader.
    with (
        output.open("wb") as file,
        av.open(
            _RoundedUp(file), "w", format="mp4", options=options, buffer_size=WRITTEN_AT_ONCE_BYTES
        ) as container,
    ):
        stream, described = None, None
        for path, ticks in zip(chunks, frame_ticks, strict=True):
            with opened(path) as chunk:
                if stream is None:
                    stream, described = _stream_like(container, chunk, timescale), _description(chunk)
                    if stream.codec_context.codec.canonical_name == "vp9":
                        fastest = most_frames_in_a_second(shown, timescale)
                        _state_vp9(stream.codec_context, fastest, bit_rate_bps)
                elif _description(chunk) != described:
                    raise VerificationFailed(
                        "An encoded chunk has another size or format than the first of its rung."
                    )
                for packet, tick in _at_their_times(chunk, ticks, timescale, longest_ticks):
                    number = len(sizes)
                    sizes.append(packet.size)
                    packet.time_base = Fraction(1, timescale)
                    packet.pts, packet.dts = tick, decode_ticks[number]
                    packet.duration = decode_ticks[number + 1] - decode_ticks[number]
                    packet.stream = stream
                    container.mux(packet)
    return Joined(ticks=shown, sizes_bytes=sizes, decode_ticks=decode_ticks[: len(sizes)], order=order)


def _in_first_segment(shown: Sequence[int], segment_ticks: Fraction | None) -> int:
    """How many frames are shown in the first segment; None: it is all there is."""
    return (
        len(shown)
        if segment_ticks is None
        else bisect_left(shown, (shown[0] // segment_ticks + 1) * segment_ticks)
    )


class _RoundedUp:
    """A file for an MP4 whose first frame is a hundredth of a tick later than is written.

    The packager reckons the pause before it in seconds, as a floating-point number, and drops what is no whole tick of
    that: of 5670 ticks of 1/10000 s it makes 5669.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_described = False

    def write(self, data: bytes) -> int:
        if not self._is_described and (at := data.find(b"elst")) >= 0:
            self._is_described = True
            size = 8 if data[at + 4] else 4
            begins = at + 12
            lasts = int.from_bytes(data[begins : begins + size])
            if int.from_bytes(data[begins + size : begins + 2 * size], signed=True) == -1:
                data = data[:begins] + (lasts + 1).to_bytes(size) + data[begins + size :]
        return self._file.write(data)


def _stream_like(container: OutputContainer, chunk: InputContainer, timescale: int) -> VideoStream:
    """A track for pictures as those of a chunk."""
    template = chunk.streams.video[0]
    # AV1 is decoded by a library that has no encoder of the same name to make a stream for.
    is_av1 = template.codec_context.codec.canonical_name == "av1"
    stream = container.add_stream_from_template(template, opaque=is_av1)
    if template.codec_context.name == "hevc":
        # Parameter sets in the initialization segment only, as Apple's players want it.
        stream.codec_context.codec_tag = "hvc1"
    stream.time_base = Fraction(1, timescale)
    return stream


def _state_vp9(context: VideoCodecContext, frames_per_s: int, bit_rate_bps: int) -> None:
    """What the bitstream of VP9 does not state: its level, and of its colours more than the matrix."""
    context.level = vp9_level(context.width, context.height, frames_per_s, bit_rate_bps)
    context.color_primaries = context.color_trc = BT709


def _at_their_times(
    chunk: InputContainer, ticks: Sequence[int], timescale: int, longest_ticks: int | None
) -> "Iterator[tuple[Packet[Any], int]]":
    """Packets of a chunk, with the times at which their frames are shown."""
    given = ticks if longest_ticks is None else _encoder_ticks(ticks, longest_ticks)
    count, moved = 0, 0
    for packet, found in packets(chunk, timescale):
        if count == 0 and ticks:
            moved = found - given[0]
        if count == len(ticks) or found - moved != given[count]:
            raise VerificationFailed(_OTHER_FRAMES.format(len(ticks)))
        yield packet, ticks[count]
        count += 1
    if count < len(ticks):
        raise VerificationFailed(_OTHER_FRAMES.format(len(ticks)))


def _encoder_ticks(ticks: Sequence[int], longest_ticks: int) -> list[int]:
    """The times by which an encoder knows frames that are shown at these."""
    shown = sorted(ticks)
    known = dict(zip(shown, timing.encoder_ticks(shown, longest_ticks), strict=True))
    return [known[tick] for tick in ticks]


def _description(container: InputContainer) -> tuple[int, int, str | None]:
    """Size and format of the pictures, which no decoder takes a change of. The level may differ: the first counts."""
    context = container.streams.video[0].codec_context
    return context.width, context.height, context.pix_fmt


def _decode_ticks(
    order: Sequence[int], shown: Sequence[int], timescale: int, last_lasts: int | None = None
) -> "array[int]":
    """When each frame is decoded, and when the last one ends; whole ticks that rise.

    Args:
        order: When frames are shown, in the order in which they are decoded.
        shown: The same times, ascending.
        timescale: Ticks per second.
        last_lasts: See `join`.
    """
    if not shown:
        return array("q")
    lasts = timeline.last_lasts(shown, last_lasts, timescale)
    spacing = shown[1] - shown[0] if len(shown) > 1 else timescale
    gaps = array("q", (after - before for before, after in pairwise(shown)))
    if gaps and max(gaps) > 2 * min(gaps) and (late := _as_late_as_can_be(order)) is not None:
        late.append(shown[-1] + lasts)
        return late
    delay = _delay(order, shown)
    # Before the first frame is shown, decoding runs ahead by as many frames, spaced like the first two; closer where
    # they are far apart.
    if delay:
        spacing = min(spacing, max(1, floor(LONGEST_LEAD_S * timescale / delay)))
    ahead = array("q", (shown[0] - (delay - n) * spacing for n in range(delay)))
    steady = (ahead + array("q", shown))[: len(order)]
    steady.append(steady[-1] + lasts)
    return steady


def _as_late_as_can_be(order: Sequence[int]) -> "array[int] | None":
    """Decode times for a variable rate: a frame lasts, as players reckon it by these, about as long as it is shown.

    A frame is decoded when the first of all that are left is shown; those that this holds for share the time since the
    frame before. So the last packet before a keyframe lasts until that is shown, and players see no hole.

    Returns:
        None where frames are too close for that.
    """
    times = array("q", order)
    for n in range(len(times) - 2, -1, -1):
        times[n] = min(times[n], times[n + 1])
    first = 0
    while first < len(times):
        end = bisect_right(times, times[first], lo=first)
        before = times[first - 1] if first else times[first] - (end - first)
        count, room = end - first, times[first] - before
        if room < count:
            return None
        for place in range(count):
            times[first + place] = before + room * (place + 1) // count
        first = end
    return times


def _delay(decode_order: Iterable[int], shown: Sequence[int]) -> int:
    """How many frames decoding has to run ahead so that no frame is shown before it is decoded."""
    return max((n - bisect_left(shown, tick) for n, tick in enumerate(decode_order)), default=0)
