"""When each packet's frame is shown: as the container says, or by decoding where the container can't be believed.

Decoding the track, or its beginning, settles what containers leave open: AVI and bare streams hold no presentation
times, a recording that was joined late begins with frames that nothing can be made of, and where two frames carry
one time only a decoder knows which comes first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from cutroom.ffmpeg import completeness
from cutroom.ffmpeg.caption_data import CARRIERS, CaptionData, caption_data
from cutroom.ffmpeg.caption_pairs import in_pictures
from cutroom.ffmpeg.chunk_format import chunk_format
from cutroom.ffmpeg.decoding import false_keyframes, opened, shown_order
from cutroom.ffmpeg.edited import follow
from cutroom.ffmpeg.frame_packets import codec_of, descriptions_of, packets
from cutroom.ffmpeg.h264 import Headers
from cutroom.ffmpeg.keyframes import is_keyframe, is_told_by_picture
from cutroom.ffmpeg.reordering import TRIED_PACKETS, Reordering
from cutroom.ffmpeg.wishes import Wish, asked, shape
from cutroom.media.line21 import channels_with_words
from cutroom.media.timeline import Packet

GUESSED_TIMES = {"mpegvideo"}
"""Demuxers whose times are all guesses, by one version of ffmpeg others than by the next."""

WITHOUT_PRESENTATION_TIMES = {"avi"} | GUESSED_TIMES
"""Demuxers whose presentation times are guesses: the container holds decode order alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """The packets of a track."""

    packets: list[Packet]
    """In decode order."""
    retimed: bool
    """Whether times had to be made: counted where there are none, moved by a tick where one occurs twice."""
    undecodable: frozenset[int] = frozenset()
    """Numbers of packets that show nothing, as what they refer to is missing."""
    captions: tuple[str, ...] = ()
    """Closed captions in the pictures: the channels of CEA-608 that hold words, or CEA-708 alone."""
    last_lasts: int = 0
    """Ticks for which the container shows the last frame; 0: it does not say."""
    finer: int = 1
    """How many ticks of these times make one of the container."""
    wishes: frozenset[Wish] = frozenset()
    """What the pictures themselves ask for."""


SHOWN = frozenset({"h264", "hevc", "mpeg1video", "mpeg2video"})
"""Codecs of which a packet shows a frame, or something is missing; those of others may stand for a pause."""

READ = frozenset({"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4"})
"""Codecs of which more is read than where decoding may begin; packets of others, often large, are not copied for it."""

ROUNDED_TICKS = 2
"""How far the sum of two times of MPEG may be from a third that is the same."""

CEA_708 = "CEA-708"


class PictureEncrypted(Exception):
    """The pictures are locked."""


class HiddenNotTold(Exception):
    """An edit list hides frames by times that are not those at which frames are shown."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A packet as the container has it."""

    pts: int | None
    dts: int | None
    is_keyframe: bool
    is_discarded: bool
    is_gradual: bool = False
    duration: int = 0
    """Ticks that it is shown for; 0: not known."""
    pos: int = -1
    """Where it lies in the file; -1: not known."""


def read(source: str, track: int, *, alive: Callable[[], None]) -> Presentation:
    """The packets of a track, and when each is shown.

    Args:
        source: Path of a local file.
        track: Stream index.
        alive: Called now and then while frames are decoded.

    Raises:
        PictureEncrypted: Nothing can be decoded without a key.
        CodecNotTaken: No container of chunks can hold the codec.
        EditsNotTaken, FramesOverlap, StillEdit, FastEdit: As of `edited.follow`.
        HiddenNotTold: As of `as_decode_times`.
    """
    with opened(source) as container:
        stream: Any = container.streams[track]
        reorders = bool(getattr(stream.codec_context, "has_b_frames", False))
        codec = codec_of(stream)
        extradata = b"" if stream.codec_context is None else stream.codec_context.extradata or b""
        headers = Headers(extradata) if codec == "h264" else None
        descriptions = descriptions_of(stream)
        captioned: dict[int, CaptionData] = {}
        reordering = Reordering(codec, headers)
        has_708 = False
        wishes: set[Wish] = set()
        shapes: set[int | None] = set()
        stated = []
        for number, packet in enumerate(packets(container, stream)):
            if codec in CARRIERS and (said := caption_data(bytes(packet), codec)):
                has_708 = has_708 or said.has_708
                if not said.is_empty:
                    captioned[number] = said
            if packet.has_sidedata("encryption_info"):
                raise PictureEncrypted
            if number == 0:
                # Better refused now than by `split`, or shown otherwise.
                chunk_format(stream, packet)
            descriptions.told(packet, is_keyframe=False)
            pts, dts = _told_times(packet, container.format.name, reorders)
            data = bytes(packet) if codec in READ else b""
            reordering.see(pts, data)
            begins = is_keyframe(packet, codec, extradata)
            is_gradual = begins and headers is not None and headers.whole_after(data) > 0
            wishes |= asked(data, codec, extradata) if begins else set()
            shapes.add(shape(data, codec) if begins else None)
            lasts, pos = packet.duration or 0, -1 if packet.pos is None else packet.pos
            stated.append(Stated(pts, dts, begins, packet.is_discard, is_gradual, lasts, pos))
        step, time_base = _frame_ticks(stream), Fraction(stream.time_base)
    if not is_told_by_picture(codec):
        flagged = [number for number, one in enumerate(stated) if one.is_keyframe]
        for number in false_keyframes(source, track, flagged, alive):
            stated[number] = replace(stated[number], is_keyframe=False)
    edited = follow(source, track, stated, alive)
    stated, step, time_base = edited.stated, step * edited.finer, time_base / edited.finer
    if codec == "mpeg2video":
        stated = with_last_reference(stated)
    stated = _with_lone_times(stated, reorders)
    if tried := reordering.tried(len(stated), is_stated=reorders):
        stated = as_decode_times(stated, lambda end: shown_order(source, track, end, alive), tried)
    truncated = bool(completeness.missing_bytes(Path(source)))
    found = present(
        stated,
        step,
        lambda end: shown_order(source, track, end, alive),
        truncated=truncated,
        all_show=codec in SHOWN,
    )
    times = [one.pts for one in found.packets]
    channels = channels_with_words(in_pictures(captioned, times, time_base))
    last = max(
        (n for n, one in enumerate(found.packets) if one.is_shown), key=times.__getitem__, default=None
    )
    return replace(
        found,
        retimed=found.retimed or edited.is_other,
        finer=edited.finer,
        captions=tuple(channels) or (CEA_708,) * has_708,
        last_lasts=0 if last is None else stated[last].duration,
        wishes=frozenset(wishes | ({"reshaped"} if len(shapes - {None}) > 1 else set())),
    )


def _told_times(packet: Any, container: str, reorders: bool) -> tuple[int | None, int | None]:
    """The presentation and decode times of a packet that its container knows."""
    if container not in WITHOUT_PRESENTATION_TIMES:
        return packet.pts, packet.dts
    if not reorders:
        return packet.dts, packet.dts
    return None, None if container in GUESSED_TIMES else packet.dts


def present(
    stated: Sequence[Stated],
    step: int,
    shown_order: Callable[[int], list[int]],
    *,
    truncated: bool = False,
    all_show: bool = False,
) -> Presentation:
    """Decide when each packet is shown.

    Args:
        stated: The packets as the container has them, in decode order.
        step: Ticks of a frame, for tracks without any times.
        shown_order: Decodes the packets before a number, and gives the numbers of those that show a frame, in order
            of presentation.
        truncated: Whether the end is missing, so that the last packet may be half of one.
        all_show: Whether each packet shows a frame, unless what it refers to is missing.
    """
    times = [one.pts for one in stated if not one.is_discarded]
    if None in times or len(set(times)) < len(times):
        made = _retimed(stated, step, shown_order(len(stated)))
        lost = {
            n for n, one in enumerate(made) if all_show and not one.is_shown and not stated[n].is_discarded
        }
        return Presentation(packets=made, retimed=True, undecodable=frozenset(lost))
    packets = [Packet(one.pts or 0, one.is_keyframe, not one.is_discarded, one.is_gradual) for one in stated]
    end = len(packets) if truncated else _undecided(packets)
    shown = set(shown_order(end)) if end else set()
    undecodable = frozenset(n for n in range(end) if packets[n].is_shown and n not in shown)
    for number in undecodable:
        packets[number] = replace(packets[number], is_shown=False)
    return Presentation(packets=packets, retimed=False, undecodable=undecodable)


def _undecided(packets: Sequence[Packet]) -> int:
    """How many packets at the start may show nothing, as what they refer to was cut off."""
    keyframes = [number for number, one in enumerate(packets) if one.is_keyframe][:2]
    if not keyframes:
        return len(packets)
    first = keyframes[0]
    end = keyframes[1] if len(keyframes) > 1 else len(packets)
    leads = any(one.pts < packets[first].pts for one in packets[first + 1 : end])
    return end if first > 0 or leads or packets[first].is_gradual else 0


def _retimed(stated: Sequence[Stated], step: int, order: Sequence[int]) -> list[Packet]:
    """Times that rise in the order in which a decoder shows the frames."""
    times: dict[int, int] = {}
    last: int | None = None
    wanted = _without_delay(_wanted([stated[number] for number in order], step), order)
    for number, time in zip(order, wanted, strict=True):
        last = time if last is None else max(time, last + 1)
        times[number] = last
    hidden = min(times.values(), default=0)
    return [
        Packet(
            times.get(number, one.pts if one.pts is not None else hidden),
            one.is_keyframe,
            number in times,
            one.is_gradual,
        )
        for number, one in enumerate(stated)
    ]


def _wanted(shown: Sequence[Stated], step: int) -> list[int]:
    """When frames, in order of presentation, are to be shown."""
    times = [one.pts for one in shown]
    if all(time is None for time in times) and all(one.dts is not None for one in shown):
        # The n-th frame is shown when the n-th packet of them is decoded: AVI counts both from zero.
        return sorted(one.dts or 0 for one in shown)
    # Counted on from the frame before, and back from the first that has a time (Matroska holds none below zero).
    first = next((place for place, time in enumerate(times) if time is not None), 0)
    lengths = [one.duration or step for one in shown]
    now = (times[first] or 0) - sum(lengths[:first]) if times else 0
    wanted = []
    for time, length in zip(times, lengths, strict=True):
        now = now if time is None else time
        wanted.append(now)
        now += length
    return wanted


def _without_delay(times: Sequence[int], order: Sequence[int]) -> list[int]:
    """Take off what an encoder waited for behind its first picture: XviD writes nothing until it knows the next ones.

    Args:
        times: When frames are to be shown, in order of presentation.
        order: The numbers of their packets.
    """
    gaps = [after - before for before, after in pairwise(times)]
    if len(gaps) < 2:
        return list(times)
    latest = max(place - number for place, number in enumerate(order))
    delay = gaps[0] - median_low(gaps)
    if delay == 0 or delay != latest * median_low(gaps):
        return list(times)
    return [times[0], *(time - delay for time in times[1:])]


def with_last_reference(stated: Sequence[Stated]) -> list[Stated]:
    """Show the last frame of MPEG-2 when the one before it ends, where the demuxer had to guess.

    In a programme stream most reference frames have no time of their own, and are shown when the next one is decoded.
    Behind the last of all nothing is, and the demuxer takes that to be when it ends itself: wrong where some frames
    repeat a field, and last longer than others.
    """
    by_time = sorted(range(len(stated)), key=lambda number: stated[number].pts or 0)[-2:]
    if len(by_time) < 2:
        return list(stated)
    before, latest = (stated[number] for number in by_time)
    is_guessed = None not in {before.pts, latest.pts, stated[-1].dts} and (
        latest.pts == (stated[-1].dts or 0) + latest.duration
    )
    ends = (before.pts or 0) + before.duration
    if not is_guessed or abs((latest.pts or 0) - ends) <= ROUNDED_TICKS:
        return list(stated)
    return [replace(one, pts=ends) if number == by_time[-1] else one for number, one in enumerate(stated)]


def as_decode_times(
    stated: Sequence[Stated], shown_order: Callable[[int], list[int]], tried: int = TRIED_PACKETS
) -> list[Stated]:
    """Take for decode times what rises from packet to packet, where a decoder shows frames in another order.

    Who fills Matroska or MP4 from a bare stream or from AVI may know no others.

    Args:
        stated: The packets as the container has them, in decode order.
        shown_order: As of `present`.
        tried: How many of them are decoded to tell; the first few alone, where they may tell it already.

    Raises:
        HiddenNotTold: Frames are hidden by these times.
    """
    times = [one.pts for one in stated if one.pts is not None]
    rises = len(times) == len(stated) and all(before < after for before, after in pairwise(times))
    if not rises:
        return list(stated)
    ends = sorted({min(end, len(stated)) for end in (TRIED_PACKETS, tried)})
    if all((order := shown_order(end)) == sorted(order) for end in ends):
        return list(stated)
    if any(one.is_discarded for one in stated):
        raise HiddenNotTold
    return [replace(one, pts=None, dts=one.pts) for one in stated]


def _with_lone_times(stated: Sequence[Stated], reorders: bool) -> list[Stated]:
    """Without reordering a missing time is the other one's."""
    if reorders:
        return list(stated)
    return [one if one.pts is not None else replace(one, pts=one.dts) for one in stated]


def _frame_ticks(stream: Any) -> int:
    rate = stream.average_rate or stream.guessed_rate or 25
    return max(1, round(1 / (Fraction(rate) * Fraction(stream.time_base))))
