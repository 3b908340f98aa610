"""Cuts packets out of a source without decoding: `python -m cutroom.ffmpeg.cutter index|split …`.

It is a program of its own because it parses files from outside: it runs under the runner's limits, and a crash of the
demuxer ends this process only. Both of its verbs walk the packets in the same way, so a packet's number means the
same in both.
"""

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from cutroom.ffmpeg.containers import INPUT_OPTIONS


def index(source: str, track: int) -> None:
    """Print `pts dts flags` of each packet in decode order; flags are K (keyframe) and D (not shown)."""
    lines = []
    for packet in _packets(source, track):
        flags = ("K" if packet.is_keyframe else "") + ("D" if packet.is_discard else "")
        lines.append(f"{packet.pts} {packet.dts} {flags}")
        if len(lines) == 1000:
            print(*lines, sep="\n", flush=True)
            lines.clear()
    print(*lines, sep="\n", flush=True)


def split(source: str, track: int, cuts: str) -> None:
    """Write packets [first, end) to a NUT file, for each cut of a JSON list in a file.

    A cut is `{"path": …, "first": …, "end": …}`; cuts are in order and may overlap. Times are moved by `shift_s`
    whole seconds, as NUT holds no negative ones. Prints the number of the last packet read, now and then.
    """
    order = json.loads(Path(cuts).read_text())
    shift_s: int = order["shift_s"]
    waiting = sorted(order["cuts"], key=lambda cut: int(cut["first"]))
    with av.open(f"file:{source}", options=INPUT_OPTIONS) as container:
        stream = container.streams[track]
        open_cuts: list[tuple[int, OutputContainer, Stream]] = []
        for number, packet in enumerate(_of(container, stream)):
            while waiting and waiting[0]["first"] <= number:
                cut = waiting.pop(0)
                output = av.open(cut["path"], "w", format="nut")
                open_cuts.append((cut["end"], output, output.add_stream_from_template(stream, opaque=True)))
            for _, output, out_stream in open_cuts:
                copy = Packet(bytes(packet))
                copy.time_base = packet.time_base
                shift = int(shift_s / Fraction(packet.time_base))
                assert packet.pts is not None  # _of fills both
                assert packet.dts is not None
                copy.pts, copy.dts = packet.pts + shift, packet.dts + shift
                copy.is_keyframe = packet.is_keyframe
                copy.duration = packet.duration
                copy.stream = out_stream
                output.mux(copy)
            for _, output, _ in [cut for cut in open_cuts if cut[0] <= number + 1]:
                output.close()
            open_cuts = [cut for cut in open_cuts if cut[0] > number + 1]
            if number % 500 == 0:
                print(number, flush=True)
            if not waiting and not open_cuts:
                break


def _packets(source: str, track: int) -> "Iterator[Packet[Any]]":
    with av.open(f"file:{source}", options=INPUT_OPTIONS) as container:
        yield from _of(container, container.streams[track])


def _of(container: InputContainer, stream: Stream) -> "Iterator[Packet[Any]]":
    """The packets of one track, each with both times.

    Matroska leaves out decode times at the start of a track with B-frames: they are counted back from the first one
    that is there. Elsewhere a time that is missing is taken from the other, or follows the packet before.
    """
    waiting: list[Packet[Any]] = []
    expected, begun = 0, False
    packet: Packet[Any]
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        step = max(1, packet.duration or 1)
        if packet.dts is None and not begun:
            waiting.append(packet)
            continue
        if packet.dts is None:
            packet.dts = expected
        yield from _counted_back(waiting, packet.dts, step)
        waiting.clear()
        begun = True
        if packet.pts is None:
            packet.pts = packet.dts
        expected = packet.dts + step
        yield packet
    yield from _counted_back(waiting, len(waiting), 1)


def _counted_back(packets: "list[Packet[Any]]", first: int, step: int) -> "Iterator[Packet[Any]]":
    for place, packet in enumerate(packets):
        packet.dts = first - (len(packets) - place) * step
        if packet.pts is None:
            packet.pts = packet.dts
        yield packet


if __name__ == "__main__":
    verb, path, number, *rest = sys.argv[1:]
    if verb == "index":
        index(path, int(number))
    else:
        split(path, int(number), *rest)
