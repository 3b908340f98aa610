"""Joins encoded chunks: their packets one after the other, each frame at the time that its encoder was given."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from cutroom.errors import VerificationFailed


def join(chunks: Sequence[Path], frame_ticks: Sequence[Sequence[int]], timescale: int, output: Path) -> None:
    """Put encoded chunks into one MP4.

    A chunk's container may have moved its times so that none is negative; the times of the frames that reached the
    encoder tell by how much. Decode times are made anew over the whole: the n-th packet is decoded when the n-th
    frame in order of presentation, `delay` frames earlier, is shown, so they rise without a step at the joins.

    Args:
        chunks: Files in order.
        frame_ticks: For each chunk the presentation times of its frames, ascending, in ticks of `timescale`.
        timescale: Ticks per second of the output.
        output: The MP4 that is written.

    Raises:
        VerificationFailed: A chunk does not hold exactly the frames that its encoder was given.
    """
    shown = [tick for ticks in frame_ticks for tick in ticks]
    packets = _in_decode_order(chunks, frame_ticks, timescale)
    delay = _delay(packets, shown)
    # Before the first frame is shown, decoding runs ahead by as many frames, spaced like the first two.
    spacing = shown[1] - shown[0] if len(shown) > 1 else timescale
    decode_times = [shown[0] - (delay - n) * spacing for n in range(delay)] + shown
    # movie_timescale: a first frame later than zero is an edit of the movie's timescale, in ms by default.
    options = {"video_track_timescale": str(timescale), "movie_timescale": str(timescale)}
    with av.open(str(output), "w", format="mp4", options=options) as container:
        with av.open(str(chunks[0])) as first:
            stream = container.add_stream_from_template(first.streams.video[0])
        stream.time_base = Fraction(1, timescale)
        durations = [
            after - before for before, after in pairwise([*decode_times, decode_times[-1] + spacing])
        ]
        numbers = iter(range(len(shown)))
        for path, ticks in zip(chunks, frame_ticks, strict=True):
            for packet, pts in _with_times(path, ticks, timescale):
                packet.time_base = Fraction(1, timescale)
                number = next(numbers)
                packet.pts, packet.dts, packet.duration = pts, decode_times[number], durations[number]
                packet.stream = stream
                container.mux(packet)


def _in_decode_order(
    chunks: Sequence[Path], frame_ticks: Sequence[Sequence[int]], timescale: int
) -> list[int]:
    """The presentation times of all packets in decode order."""
    times = []
    for path, ticks in zip(chunks, frame_ticks, strict=True):
        found = [pts for _, pts in _with_times(path, ticks, timescale)]
        if sorted(found) != list(ticks):
            raise VerificationFailed(
                f"An encoded chunk holds {len(found)} frames; its encoder was given {len(ticks)}, or other ones."
            )
        times += found
    return times


def _with_times(path: Path, ticks: Sequence[int], timescale: int) -> "Iterator[tuple[Packet[Any], int]]":
    first = min((pts for _, pts in _packets(path, timescale)), default=0)
    moved = first - (ticks[0] if ticks else 0)
    for packet, pts in _packets(path, timescale):
        yield packet, pts - moved


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


def keyframe_ticks(track: Path, timescale: int) -> list[int]:
    """Presentation times of a track's keyframes, in ticks, ascending."""
    return sorted(pts for packet, pts in _packets(track, timescale) if packet.is_keyframe)
