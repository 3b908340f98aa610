"""Streams whose clock jumps, made such that it does not: their bytes with other times in them.

Only the times of what follows a jump are written anew (in MPEG's: ISO/IEC 13818-1, 2.4.3.7; in Ogg's: `ogg`); every
other byte stays, so whoever reads the file finds the same packets in it.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from cutroom.ffmpeg import ogg
from cutroom.ffmpeg.containers import MPEG, OGG
from cutroom.ffmpeg.decoding import opened
from cutroom.ffmpeg.frame_packets import demuxed
from cutroom.media.clock import Clock, ClockBroken, jump_times

TICKS_PER_S = 90_000
WRAPS_AT = 2**33

PACKET_BYTES = 188
SYNC = 0x47
START_CODE = b"\0\0\x01"
LONGEST_PREFIX = 16
"""Bytes before the packet of 188: M2TS has a time there, DVB-ASI a parity behind it."""

ALIVE_EVERY = 1000
"""Packets between two signs of life."""


def steady(source: str, target: Path, *, alive: Callable[[], None]) -> list[Fraction]:
    """Write a stream of MPEG or Ogg whose clock jumps as one whose clock does not; nothing where it does not jump.

    Args:
        source: Path of a local file of one of `containers.JUMPING`.
        target: Where it is written.
        alive: Called now and then.

    Returns:
        When the clock jumps, in seconds on the clock that is written; at 0 where it begins late, unnoticed by ffmpeg.

    Raises:
        ClockBroken: The tracks do not agree on the jumps, or the format's times can't be written.
    """
    with opened(source) as container:
        name = container.format.name
        page_rate = 1 / Fraction(container.streams[0].time_base or 1)
    if name == OGG:
        ogg.hold_alike(Path(source))
    clock = _followed(source, name, alive)
    shifts = clock.shifts()
    found = [Fraction(one, clock.ticks_per_s) for one in jump_times(clock.parts, shifts)]
    late = _late(source) if name == OGG and not found else 0
    if late:
        shutil.copyfile(source, target)
        ogg.move(target, [(0, -round(late * ogg.TICKS_PER_S / page_rate))], page_rate)
        return [Fraction(0)]
    if not found:
        return []
    if name not in {*MPEG, OGG}:
        raise ClockBroken("in this format that can't be put right")
    shutil.copyfile(source, target)
    walked = _walked(source, _clock_of(name), alive)
    if name == OGG:
        starts: dict[int, int] = {}
        for _, position, part in walked:
            starts.setdefault(part, position or 0)
        ogg.move(target, [(at, shifts[part]) for part, at in sorted(starts.items())], page_rate)
    else:
        _move_packets(target, walked, shifts)
    if len(_followed(str(target), name, alive).parts) > 1:
        raise ClockBroken("its times are written in a way that is not understood")
    return found


def _late(source: str) -> int:
    """How late FLAC in Ogg begins, in samples: ffmpeg counts its first page from 0, and learns of its time behind."""
    with opened(source) as container:
        stream = container.streams[0]
        # Nothing is known of the codec of a track of data, as of a skeleton.
        codec = stream.codec_context.name if stream.codec_context is not None else None
        first = ogg.first_time(Path(source)) if codec == "flac" else None
        if first is None:
            return 0
        time, packets = first
        lasts = sum(packet.duration or 0 for packet in islice(demuxed(container, [stream]), packets))
    return max(0, time - lasts)


def _clock_of(name: str) -> Clock:
    if name in MPEG:
        return Clock(TICKS_PER_S, wraps_at=WRAPS_AT)
    return Clock(ogg.TICKS_PER_S if name == OGG else TICKS_PER_S, ahead_s=None)


def _followed(source: str, name: str, alive: Callable[[], None]) -> Clock:
    clock = _clock_of(name)
    for _ in _walked(source, clock, alive):
        pass
    return clock


def _walked(source: str, clock: Clock, alive: Callable[[], None]) -> Iterator[tuple[int, int | None, int]]:
    """Of each packet its track, where in the file it begins, and the number of its part."""
    with opened(source) as container:
        packet: Any
        for number, packet in enumerate(demuxed(container, list(container.streams))):
            if number % ALIVE_EVERY == 0:
                alive()
            decoded, shown = packet.dts, packet.pts
            if not packet.size or (decoded is None and shown is None):
                continue
            in_ticks = packet.time_base * clock.ticks_per_s
            dts = round((shown if decoded is None else decoded) * in_ticks)
            if packet.stream.type in {"video", "audio"}:
                part = clock.step(
                    packet.stream.index,
                    pts=dts if shown is None else round(shown * in_ticks),
                    dts=dts,
                    lasts=round(((packet.duration or 0) - _left_out(packet)) * in_ticks),
                    is_sound=packet.stream.type == "audio",
                )
            elif clock.parts:
                part = clock.nearest(dts)
            else:
                continue
            yield packet.stream.index, packet.pos, part


def _left_out(packet: Any) -> int:
    """Samples in front of what is heard of a packet, which are ticks of Ogg; ffmpeg lets them count to its duration."""
    return sum(
        int.from_bytes(bytes(side)[:4], "little")
        for side in packet.iter_sidedata()
        if side.data_type == "skip_samples"
    )


def _move_packets(target: Path, walked: Iterable[tuple[int, int | None, int]], shifts: Sequence[int]) -> None:
    written: dict[int, int] = {}
    with target.open("r+b") as file:
        for track, position, part in walked:
            if shifts[part] and position is not None and written.get(track) != position:
                written[track] = position
                _move(file, position, shifts[part])


def _move(file: BinaryIO, position: int, ticks: int) -> None:
    """Move the times of the packet of a track that begins at this place; one that has none is left as it is."""
    file.seek(position)
    data = file.read(LONGEST_PREFIX + PACKET_BYTES)
    at = _elementary(data)
    if at is None or len(data) < at + 19:
        return
    for place in (at + 9, at + 14)[: {0b10: 1, 0b11: 2}.get(data[at + 7] >> 6, 0)]:
        moved = (_read_time(data[place : place + 5]) + ticks) % WRAPS_AT
        file.seek(position + place)
        file.write(_written_time(moved, data[place] & 0xF0))


def _elementary(data: bytes) -> int | None:
    """Where the packet of a track begins: at once, or behind the header of the packet that carries it."""
    at = 0
    if not data.startswith(START_CODE):
        sync = data.find(SYNC, 0, LONGEST_PREFIX)
        if sync < 0 or len(data) < sync + 6:
            return None
        at = sync + 4 + (1 + data[sync + 4] if data[sync + 3] & 0x20 else 0)
    return at if data[at : at + 3] == START_CODE else None


def _read_time(field: bytes) -> int:
    """A time of 33 bits among its marker bits (ISO/IEC 13818-1, table 2-21)."""
    return (field[0] >> 1 & 7) << 30 | field[1] << 22 | field[2] >> 1 << 15 | field[3] << 7 | field[4] >> 1


def _written_time(time: int, prefix: int) -> bytes:
    return bytes(
        (
            prefix | time >> 30 << 1 | 1,
            time >> 22 & 0xFF,
            (time >> 15 & 0x7F) << 1 | 1,
            time >> 7 & 0xFF,
            (time & 0x7F) << 1 | 1,
        )
    )
