"""The packets of a track, as a program of its own reads them out of a file that comes from outside."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cutroom.errors import EncoderRefused, SourceTooLarge
from cutroom.ffmpeg import runner
from cutroom.ffmpeg.refusals import reason_of
from cutroom.ffmpeg.wishes import TOLD, Wish
from cutroom.media.limits import Limits, SourceLimits
from cutroom.media.line21 import Code
from cutroom.media.timeline import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketIndex:
    """What `cutter index` said of a track."""

    packets: list[Packet]
    """In decode order."""
    retimed: bool
    """Whether any of their times had to be made."""
    undecodable: int
    """Packets that show nothing, as what they refer to is missing."""

    captions: tuple[str, ...] = ()
    """Closed captions in the pictures: channels of CEA-608, or CEA-708 alone."""
    last_lasts: int = 0
    """Ticks for which the container shows the last frame; 0: it does not say."""
    finer: int = 1
    """How many ticks of the packets' times make one of the container."""
    wishes: tuple[Wish, ...] = ()
    """What the pictures themselves ask for."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What its owner may want to know, in words."""
        found = []
        if self.undecodable:
            found.append(
                f"{self.undecodable} of {len(self.packets)} frames show nothing: what they refer to is not in the file."
            )
        return (*found, *(TOLD[wish] for wish in self.wishes))


def read_packets(
    path: Path, track: int, *, log: Path, limits: Limits, most: SourceLimits | None = None
) -> PacketIndex:
    """The packets of a track.

    Raises:
        SourceCorrupt: They can't be read.
        SourceTooLarge: There are more than `most` allows.
    """
    most = most or SourceLimits()
    packets: list[Packet] = []
    retimed = False
    wishes: list[Wish] = []
    captions: tuple[str, ...] = ()
    undecodable = last_lasts = 0
    finer = 1

    def take(line: str) -> None:
        nonlocal retimed, captions, undecodable, last_lasts, finer
        if line == "retimed":
            retimed = True
        elif line.startswith("finer "):
            finer = int(line.split()[1])
        elif line.startswith("asks "):
            wishes.extend(wish for wish in TOLD if wish in line.split())
        elif line.startswith("captions "):
            captions = tuple(line.split()[1:])
        elif line.startswith("last "):
            last_lasts = int(line.split()[1])
        elif line:
            pts, flags = line.split(" ")
            packets.append(Packet(int(pts), "K" in flags, not flags.strip("KG"), "G" in flags))
            undecodable += "U" in flags
        if len(packets) > most.frames:
            raise SourceTooLarge(
                f"The picture has more than the {most.frames} frames that CUTROOM_SOURCE_MAX_FRAMES allows."
            )

    _cutter("index", path, track, take, log=log.with_suffix(".packets.log"), limits=limits)
    return PacketIndex(
        packets=packets,
        retimed=retimed,
        undecodable=undecodable,
        captions=captions,
        last_lasts=last_lasts,
        finer=finer,
        wishes=tuple(wishes),
    )


MAX_CODES = 3_000_000
"""Most codes of a channel of closed captions: one for each picture of a day."""


def caption_channels(path: Path, track: int, *, log: Path, limits: Limits) -> tuple[str, ...]:
    """The channels that a track of closed captions holds words in.

    Raises:
        SourceCorrupt: They can't be read.
    """
    found: list[str] = []
    _cutter("channels", path, track, lambda line: found.extend(line.split()), log=log, limits=limits)
    return tuple(found)


def read_captions(
    path: Path,
    track: int,
    channel: str,
    times: Path | None,
    *,
    time_base: Fraction | None = None,
    log: Path,
    limits: Limits,
) -> list[Code]:
    """The codes of a channel of closed captions, by the ms at which they are sent on the source's clock.

    Args:
        path: A local file.
        track: Stream index of pictures that carry captions, or of a track of captions.
        channel: One of `line21.CHANNELS`.
        times: For pictures a file with a line for each packet, which begins with when its picture is shown.
        time_base: Seconds per tick of these times.
        log: Where the tool's log is kept.
        limits: What the tools may take.

    Raises:
        SourceCorrupt: They can't be read.
        SourceTooLarge: There are more than MAX_CODES.
    """
    found: list[Code] = []

    def take(line: str) -> None:
        if line:
            found.append(Code(*map(int, line.split())))
        if len(found) > MAX_CODES:
            raise SourceTooLarge(f"The closed captions are more than the {MAX_CODES} codes that are taken.")

    more = [channel, *([] if times is None else [str(times), str(time_base)])]
    _cutter("captions", path, track, take, *more, log=log, limits=limits)
    return found


def write_documents(path: Path, track: int, target: Path, *, log: Path, limits: Limits) -> None:
    """Write the documents of a track, a line each: from when and up to when it is shown in ms, and base 64.

    Raises:
        SourceCorrupt: They can't be read.
    """
    _cutter("documents", path, track, lambda _: None, str(target), log=log, limits=limits)


@dataclass(frozen=True, slots=True)
class SoundTimes:
    """What the times of tracks of sound tell."""

    lost: frozenset[int]
    """The tracks of which frames were lost, or came twice."""
    ends_s: Mapping[int, Fraction]
    """When tracks end inside their last packets."""
    untrue: frozenset[int]
    """The tracks whose times leave holes between all packets."""
    empty: frozenset[int]
    """The tracks that hold nothing."""


def read_sound_times(path: Path, tracks: Sequence[int], *, log: Path, limits: Limits) -> SoundTimes:
    """What the times of these tracks of sound tell.

    Raises:
        SourceCorrupt: They can't be read.
    """
    lost: set[int] = set()
    untrue: set[int] = set()
    empty: set[int] = set()
    ends_s: dict[int, Fraction] = {}

    def take(line: str) -> None:
        match line.split():
            case ["lost", track]:
                lost.add(int(track))
            case ["empty", track]:
                empty.add(int(track))
            case ["untrue", track]:
                untrue.add(int(track))
            case ["ends", track, time]:
                ends_s[int(track)] = Fraction(time)

    first, *others = tracks
    _cutter("sound", path, first, take, *map(str, others), log=log, limits=limits)
    return SoundTimes(frozenset(lost), ends_s, frozenset(untrue), frozenset(empty))


def untrue_times(path: Path, tracks: Sequence[int], *, log: Path, limits: Limits) -> frozenset[int]:
    """Those of these tracks of sound that have other times than what is decoded of them takes.

    Raises:
        SourceCorrupt: They can't be read.
    """
    found: set[int] = set()
    first, *others = tracks
    _cutter(
        "untrue",
        path,
        first,
        lambda line: found.update(map(int, line.split())),
        *map(str, others),
        log=log,
        limits=limits,
    )
    return frozenset(found)


def _cutter(
    verb: str, path: Path, track: int, take: Callable[[str], None], *more: str, log: Path, limits: Limits
) -> None:
    argv = [sys.executable, "-m", "cutroom.ffmpeg.cutter", verb, str(path), str(track), *more]
    try:
        runner.run(argv, log=log, limits=limits, on_line=take)
    except EncoderRefused as refused:
        if "Traceback" in str(refused):
            raise
        raise reason_of(str(refused)) from refused
