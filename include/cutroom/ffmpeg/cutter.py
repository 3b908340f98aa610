"""Cuts packets out of a source without decoding them: `python -m cutroom.ffmpeg.cutter VERB FILE …`.

It is a program of its own because it parses files from outside: it runs under the runner's limits, and a crash of the
demuxer ends this process only. Its verbs walk the packets in the same way, so a packet's number means the same in all
of them.
"""

import json
import sys
from array import array
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from cutroom.ffmpeg import alpha, caption_pairs, edited, presentation, transport
from cutroom.ffmpeg.caption_data import TRACK_CODEC, caption_data
from cutroom.ffmpeg.chunk_format import ChunkFormat, CodecNotTaken, chunk_format
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.ffmpeg.decoding import ALIVE_EVERY
from cutroom.ffmpeg.decoding import opened as local
from cutroom.ffmpeg.frame_packets import codec_of, demuxed, descriptions_of, packets
from cutroom.ffmpeg.served import opened
from cutroom.media import line21
from cutroom.media.clock import SMALLEST_GAP_S, ClockBroken
from cutroom.media.edits import FastEdit, StillEdit
from cutroom.media.lost_frames import has_lost_frames
from cutroom.media.sound_placing import are_stretched, place

WITH_PAUSES = {"opus", "amr_nb", "amr_wb"}
"""Codecs whose encoders may write nothing while nobody speaks."""

MOST_TRIED = 50
"""Packets of sound at the beginning that are decoded to see how long they are."""


def index(source: str, track: int) -> None:
    """Print `pts flags` of each packet in decode order: K (keyframe), G (gradual), D (not shown), U (undecodable).

    A line `retimed` before them says that the times are not all the container's own, `captions` which closed captions
    the pictures carry, `last` for how many ticks the last frame is shown, `asks` what the pictures ask for, `finer`
    how many of these ticks make one of the container. Empty lines are signs of life.
    """
    found = presentation.read(source, track, alive=lambda: print(flush=True))
    if found.retimed:
        print("retimed")
    if found.captions:
        print("captions", *found.captions)
    if found.last_lasts:
        print("last", found.last_lasts)
    if found.finer > 1:
        print("finer", found.finer)
    for wish in sorted(found.wishes):
        print("asks", wish)
    for number, packet in enumerate(found.packets):
        flags = ("K" if packet.is_keyframe else "") + ("G" if packet.is_gradual else "")
        flags += "U" if number in found.undecodable else "" if packet.is_shown else "D"
        print(packet.pts, flags)


def split(source: str, track: int, cuts: str) -> None:
    """Write packets [first, end) to a NUT file, for each cut of a JSON list in a file.

    A cut is `{"path": …, "first": …, "end": …}`; cuts are in order and may overlap. `times` names a file with a line
    `pts dts` for each packet, in units of `time_base` seconds; these are moved by `shift_s` whole seconds, as NUT holds
    no negative ones. Prints the number of the last packet read, now and then.
    """
    order = json.loads(Path(cuts).read_text())
    waiting = sorted(order["cuts"], key=lambda cut: int(cut["first"]))
    with (
        Path(order["times"]).open() as times,
        av.open(opened(source), "r", options=INPUT_OPTIONS, metadata_errors="replace") as container,
    ):
        stream = container.streams[track]
        time_base = Fraction(order["time_base"])
        open_cuts: list[tuple[int, OutputContainer, Any]] = []
        last_keyframe: int | None = None
        form: ChunkFormat | None = None
        descriptions = descriptions_of(stream)
        packet: Packet[Any]
        for number, (packet, line) in enumerate(zip(packets(container, stream), times, strict=False)):
            pts, dts = map(int, line.split())
            form = form or chunk_format(stream, packet)
            # NUT's writer aborts where keyframes are not in order, as false ones may be.
            is_keyframe = packet.is_keyframe and (last_keyframe is None or pts > last_keyframe)
            last_keyframe = pts if is_keyframe else last_keyframe
            while waiting and waiting[0]["first"] <= number:
                cut = waiting.pop(0)
                output = av.open(cut["path"], "w", format=form.container, options=form.options(time_base))
                out_track = form.track(stream, output)
                out_track.time_base = time_base
                open_cuts.append((cut["end"], output, out_track))
            told = descriptions.told(packet, is_keyframe=packet.is_keyframe)
            for _, output, out_stream in open_cuts:
                copy = Packet(told)
                copy.time_base = time_base
                shift = int(order["shift_s"] / time_base)
                copy.pts, copy.dts = pts + shift, dts + shift
                copy.is_keyframe = is_keyframe
                # Where none is said MOV would end with its last frame, and hide it.
                copy.duration = max(1, (packet.duration or 0) * round(packet.time_base / time_base))
                if packet.has_sidedata(alpha.BESIDE):
                    copy.set_sidedata(packet.get_sidedata(alpha.BESIDE))
                copy.stream = out_stream
                output.mux(copy)
            for _, output, _ in [cut for cut in open_cuts if cut[0] <= number + 1]:
                output.close()
            open_cuts = [cut for cut in open_cuts if cut[0] > number + 1]
            if number % 500 == 0:
                print(number, flush=True)
            if not waiting and not open_cuts:
                break


def captions(source: str, track: int, channel: str, times: str | None = None, time_base: str = "1") -> None:
    """Print the codes of a channel of closed captions, a line each: the ms at which it is sent, and both bytes.

    Args:
        source: Path of a local file.
        track: A track of pictures, or of captions.
        channel: One of `line21.CHANNELS`.
        times: A file with a line `pts dts` for each packet of the pictures; None: it is a track of captions.
        time_base: Seconds per tick of these.
    """
    with local(source) as container:
        stream: Any = container.streams[track]
        tick_s = Fraction(stream.time_base) if times is None else Fraction(time_base)
        in_ms = tick_s * 1000
        pairs = _sent(container, stream) if times is None else _shown(container, stream, Path(times), tick_s)
        for each, code in line21.codes(pairs):
            if each == channel:
                print(round(code.time * in_ms), code.first, code.second)


def channels(source: str, track: int) -> None:
    """Print which channels of closed captions a track of them holds words in, on one line."""
    with local(source) as container:
        print(*line21.channels_with_words(_sent(container, container.streams[track])))


def _shown(container: InputContainer, stream: Any, times: Path, tick_s: Fraction) -> Iterator[line21.Pair]:
    """The pairs in the pictures of a track, by when these are shown. Prints empty lines as signs of life."""
    shown = [int(line.split()[0]) for line in times.read_text().splitlines()]
    captioned = {}
    codec = codec_of(stream)
    for number, packet in zip(range(len(shown)), packets(container, stream), strict=False):
        if said := caption_data(bytes(packet), codec):
            captioned[number] = said
        if number % ALIVE_EVERY == 0:
            print(flush=True)
    return caption_pairs.in_pictures(captioned, shown, tick_s)


def _sent(container: InputContainer, stream: Any) -> Iterator[line21.Pair]:
    """The pairs of a track of captions."""
    captioned = (
        caption_pairs.CaptionPacket(pts=one.pts, duration=one.duration or 0, data=said)
        for one in packets(container, stream)
        if one.pts is not None and (said := caption_data(bytes(one), TRACK_CODEC))
    )
    return caption_pairs.in_track(captioned, Fraction(stream.time_base))


def documents(source: str, track: int, target: str) -> None:
    """Write a line for each packet of a track of documents: its time and its end in ms, and its bytes in base 64."""
    with local(source) as container, Path(target).open("w") as file:
        for packet in packets(container, container.streams[track]):
            if packet.pts is not None and packet.duration:
                times = (packet.pts, packet.pts + packet.duration)
                print(*(round(one * packet.time_base * 1000) for one in times), _as_text(packet), file=file)


def _as_text(packet: "Packet[Any]") -> str:
    return b64encode(bytes(packet)).decode()


def sound(source: str, *tracks: str) -> None:
    """Print what the times of these tracks of sound tell, a line each.

    `empty TRACK`: it holds nothing. `lost TRACK`: frames of it were lost, or came twice. `untrue TRACK`: its packets
    lie apart from one another. `ends TRACK SECONDS`: it ends inside its last packet. Empty lines are signs of life.
    """
    with local(source) as container:
        streams = [container.streams[int(track)] for track in tracks]
        times = {stream.index: array("q") for stream in streams}
        decoded: dict[int, list[Fraction]] = {stream.index: [] for stream in streams}
        lasts: dict[int, tuple[int, int]] = {}
        for number, packet in enumerate(demuxed(container, streams)):
            if packet.size and packet.pts is not None:
                times[packet.stream.index].append(packet.pts)
                if number < MOST_TRIED:
                    decoded[packet.stream.index] += _lasts_s(packet)
                longest, _ = lasts.get(packet.stream.index, (0, 0))
                lasts[packet.stream.index] = max(longest, packet.duration or 0), packet.duration or 0
            if number % ALIVE_EVERY == 0:
                print(flush=True)
        for stream in streams:
            time_base = Fraction(stream.time_base or 1)
            if not times[stream.index]:
                print("empty", stream.index)
            if has_lost_frames(times[stream.index], time_base, SMALLEST_GAP_S):
                print("lost", stream.index)
            if are_stretched(times[stream.index], time_base, decoded[stream.index]):
                print("untrue", stream.index)
            longest, last = lasts.get(stream.index, (0, 0))
            # Milliseconds are rounded: nothing that is heard is cut for that.
            rounded = int(time_base >= Fraction(1, 1000))
            if last and last + rounded < longest:
                print("ends", stream.index, (times[stream.index][-1] + last + rounded) * time_base)


def _lasts_s(packet: Any) -> list[Fraction]:
    """How long what a packet of sound decodes to lasts, if it does and that is said."""
    with suppress(av.error.FFmpegError):
        found = packet.decode()
        if found and codec_of(packet.stream) not in WITH_PAUSES:
            return [sum((Fraction(frame.samples, frame.sample_rate) for frame in found), Fraction(0))]
    return []


def untrue(source: str, *tracks: str) -> None:
    """Print which of these tracks of sound, one a line, have other times than what is decoded of them takes.

    Empty lines are signs of life.
    """
    for track in map(int, tracks):
        with local(source) as container:
            stream: Any = container.streams[track]
            placing = place(_decoded(container, stream), stream.rate)
        if placing.cut or placing.is_scattered:
            print(track, flush=True)


def _decoded(container: InputContainer, stream: Any) -> Iterator[tuple[Fraction, int]]:
    """When each frame of a track of sound is heard, and how many samples it has; what does not decode is left out."""
    packet: Any
    for number, packet in enumerate(demuxed(container, [stream])):
        if number % ALIVE_EVERY == 0:
            print(flush=True)
        with suppress(av.error.FFmpegError):
            for frame in packet.decode():
                if frame.pts is not None:
                    yield frame.pts * frame.time_base, frame.samples


def steady(source: str, target: str) -> None:
    """Write a file whose clock jumps as one whose clock does not, and print when it jumps: a time in a line.

    Nothing is written or printed where it does not jump. Empty lines are signs of life.
    """
    for time in transport.steady(source, Path(target), alive=lambda: print(flush=True)):
        print(time)


if __name__ == "__main__":
    verb, path, *rest = sys.argv[1:]
    try:
        if verb == "index":
            index(path, int(rest[0]))
        elif verb == "split":
            split(path, int(rest[0]), rest[1])
        elif verb == "captions":
            captions(path, int(rest[0]), *rest[1:])
        elif verb == "channels":
            channels(path, int(rest[0]))
        elif verb == "documents":
            documents(path, int(rest[0]), rest[1])
        elif verb == "sound":
            sound(path, *rest)
        elif verb == "untrue":
            untrue(path, *rest)
        else:
            steady(path, *rest)
    except CodecNotTaken as refused:
        sys.exit(f"CodecNotTaken: {refused}")
    except presentation.PictureEncrypted:
        sys.exit("PictureEncrypted")
    except (
        edited.EditsNotTaken,
        edited.FramesOverlap,
        StillEdit,
        FastEdit,
        presentation.HiddenNotTold,
    ) as refused:
        sys.exit(type(refused).__name__)
    except ClockBroken as broken:
        sys.exit(f"ClockBroken: {broken}")
    except av.error.FFmpegError as error:
        # What the libraries refuse is the file's fault; anything else is ours, and ends with a traceback.
        sys.exit(f"{type(error).__name__}: {error.strerror}")
