"""Joins encoded chunks: their packets one after the other, each frame at the time that its encoder was given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from cutroom.errors import VerificationFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The frames of a joined track in decode order."""

    sizes_bytes: list[int]
    decode_ticks: list[int]


def join(
    chunks: Sequence[Path], frame_ticks: Sequence[Sequence[int]], timescale: int, output: Path
) -> Joined:
    """Put encoded chunks into one MP4.

    A chunk's container may have moved its times so that none is negative; the times of the frames that reached the
    encoder tell by how much. Decode times are made anew over the whole: the n-th packet is decoded when the n-th
    frame in order of presentation, `delay` frames earlier, is shown, so they rise without a step at the joins.

    Args:
        chunks: Files in order.
        frame_ticks: For each chunk the presentation times of its frames, ascending, in ticks of `timescale`.
        timescale: Ticks per second of the output.
        output: The MP4 that is written.

    Returns:
        Size and decode time of each frame.

    Raises:
        VerificationFailed: The chunks are not in order; or one does not hold exactly the frames that its encoder was
            given, or describes its pictures in another way than the first, so that no decoder could show both.
    """
    shown = [tick for ticks in frame_ticks for tick in ticks]
    if any(before >= after for before, after in pairwise(shown)):
        raise VerificationFailed("The encoded chunks are not in order, or one is there twice.")
    order, moved = [], []
    for path, ticks in zip(chunks, frame_ticks, strict=True):
        found = [pts for _, pts in _packets(path, timescale)]
        by = min(found, default=0) - (ticks[0] if ticks else 0)
        if sorted(pts - by for pts in found) != list(ticks):
            raise VerificationFailed(
                f"An encoded chunk holds {len(found)} frames; its encoder was given {len(ticks)}, or other ones."
            )
        order += [pts - by for pts in found]
        moved.append(by)
    delay = _delay(order, shown)
    # Before the first frame is shown, decoding runs ahead by as many frames, spaced like the first two.
    spacing = shown[1] - shown[0] if len(shown) > 1 else timescale
    decode_ticks = [shown[0] - (delay - n) * spacing for n in range(delay)] + shown
    durations = [after - before for before, after in pairwise([*decode_ticks, decode_ticks[-1] + spacing])]
    sizes: list[int] = []
    # movie_timescale: a first frame later than zero is an edit of the movie's timescale, in ms by default.
    options = {"video_track_timescale": str(timescale), "movie_timescale": str(timescale)}
    with av.open(str(output), "w", format="mp4", options=options) as container:
        with av.open(str(chunks[0])) as first:
            template = first.streams.video[0]
            # AV1 is decoded by a library that has no encoder of the same name to make a stream for.
            is_av1 = template.codec_context.codec.canonical_name == "av1"
            stream = container.add_stream_from_template(template, opaque=is_av1)
            if template.codec_context.name == "hevc":
                # Parameter sets in the initialization segment only, as Apple's players want it.
                stream.codec_context.codec_tag = "hvc1"
            described = _description(first)
        stream.time_base = Fraction(1, timescale)
        for path, by in zip(chunks, moved, strict=True):
            with av.open(str(path)) as chunk:
                if _description(chunk) != described:
                    raise VerificationFailed(
                        "An encoded chunk has another size or format than the first of its rung."
                    )
            for packet, pts in _packets(path, timescale):
                number = len(sizes)
                sizes.append(packet.size)
                packet.time_base = Fraction(1, timescale)
                packet.pts, packet.dts, packet.duration = pts - by, decode_ticks[number], durations[number]
                packet.stream = stream
                container.mux(packet)
    return Joined(sizes_bytes=sizes, decode_ticks=decode_ticks[: len(sizes)])


def _description(container: InputContainer) -> tuple[int, int, str | None]:
    """Size and format of the pictures, which no decoder takes a change of. The level may differ: the first counts."""
    context = container.streams.video[0].codec_context
    return context.width, context.height, context.pix_fmt


def _packets(path: Path, timescale: int) -> "Iterator[tuple[Packet[Any], int]]":
    """Packets of the video track and their times in ticks."""
    try:
        container = av.open(str(path))
    except av.error.InvalidDataError as error:
        raise VerificationFailed(
            "An encoded chunk can't be read: it holds no frame, or is damaged."
        ) from error
    with container:
        stream = container.streams.video[0]
        scale = Fraction(stream.time_base or 1) * timescale
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                yield packet, round(packet.pts * scale)


def _delay(decode_order: Sequence[int], shown: Sequence[int]) -> int:
    """How many frames decoding has to run ahead so that no frame is shown before it is decoded."""
    place = {tick: n for n, tick in enumerate(shown)}
    return max((n - place[pts] for n, pts in enumerate(decode_order)), default=0)


def packet_sizes(track: Path) -> list[int]:
    """Size in bytes of each frame of a track, in decode order."""
    # Their times are of no interest, and one tick a second is as good as any other.
    return [packet.size for packet, _ in _packets(track, 1)]


def keyframe_ticks(track: Path, timescale: int) -> list[int]:
    """Presentation times of a track's keyframes, in ticks, ascending."""
    return sorted(pts for packet, pts in _packets(track, timescale) if packet.is_keyframe)
