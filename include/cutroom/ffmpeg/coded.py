"""Coded pictures: what a decoder reads of a track, the same in whatever container it is; and packets of sound."""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from cutroom.errors import VerificationFailed
from cutroom.ffmpeg.chained import Chained

Unit = bytes | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedPictures:
    """The pictures of a track."""

    ticks: Sequence[int]
    """When they are shown, in the order in which they are decoded; without those that an edit list leaves out."""
    sizes_bytes: Sequence[int]
    """As their container has them, in the same order."""
    keyframe_ticks: list[int]
    digests: list[str]
    """SHA-256 of what a decoder reads of them, one for each stretch that was asked for."""
    parameters: tuple[str, ...]
    """SHA-256 of each parameter set or sequence header that came with them, each once, sorted."""


def read(track: Sequence[Path], timescale: int, stretches: Sequence[int] = ()) -> CodedPictures:
    """Read all pictures of a track, and decode none.

    A decoder that is given the same pictures and parameter sets in the same order shows the same frames. What
    containers write each in their own manner is left out of the digests: start codes and lengths, delimiters, repeated
    parameter sets, messages to players.

    Args:
        track: One or more files that are one track of pictures one after the other.
        timescale: Ticks per second of the times that are given.
        stretches: How many pictures one digest covers, in decode order; what is left has one of its own.

    Raises:
        VerificationFailed: The file can't be read.
    """
    # Arrays: a film has a hundred thousand frames an hour, and a list takes five times as much for each.
    ticks, sizes, keyframes = array("q"), array("q"), list[int]()
    digests, parameters = list[str](), set[str]()
    ends = set(_ends(stretches))
    digest = hashlib.sha256()
    with Chained(track) as file, opened(file) as container:
        units_of = _reader(container)
        for packet, tick in packets(container, timescale):
            if len(sizes) in ends:
                digests.append(digest.hexdigest())
                digest = hashlib.sha256()
            if not packet.is_discard:
                ticks.append(tick)
            sizes.append(packet.size)
            if packet.is_keyframe:
                keyframes.append(tick)
            for unit, is_parameter in units_of(packet):
                if is_parameter:
                    parameters.add(hashlib.sha256(unit).hexdigest())
                else:
                    # Its length, too, so that nothing moves from one to the next unseen.
                    digest.update(len(unit).to_bytes(4, "big"))
                    digest.update(unit)
    return CodedPictures(
        ticks=ticks,
        sizes_bytes=sizes,
        keyframe_ticks=sorted(keyframes),
        digests=[*digests, digest.hexdigest()] if sizes else [],
        parameters=tuple(sorted(parameters)),
    )


def opened(track: Path | Chained) -> InputContainer:
    """A track of pictures, to be closed by the caller.

    Raises:
        VerificationFailed: It can't be read, or has no pictures.
    """
    try:
        container = av.open(track, "r")
    except av.error.InvalidDataError as error:
        raise VerificationFailed("An encode can't be read: it holds no frame, or is damaged.") from error
    if container.streams.video:
        return container
    container.close()
    raise VerificationFailed("An encode holds no pictures.")


def packets(container: InputContainer, timescale: int) -> "Iterator[tuple[Packet[Any], int]]":
    """Packets of the track of pictures and their times in ticks of `timescale`."""
    stream = container.streams.video[0]
    scale = Fraction(stream.time_base or 1) * timescale
    for packet in container.demux(stream):
        if packet.size and packet.pts is not None:
            # Nearly always whole: integers then, as there may be a million of them.
            exact, rest = divmod(packet.pts * scale.numerator, scale.denominator)
            yield packet, round(exact + Fraction(rest, scale.denominator)) if rest else exact


def sound_packets(path: Path, timescale: int) -> tuple[Sequence[int], Sequence[int]]:
    """Size of each packet of a track of sound, and when it is heard, in ticks of `timescale`."""
    sizes, ticks = array("q"), array("q")
    with av.open(path, "r") as container:
        stream = container.streams.audio[0]
        scale = Fraction(stream.time_base or 1) * timescale
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                sizes.append(packet.size)
                ticks.append(round(packet.pts * scale))
    return sizes, ticks


def _ends(stretches: Sequence[int]) -> Iterator[int]:
    """How many pictures there are up to the end of each stretch."""
    end = 0
    for length in stretches:
        end += length
        yield end


@dataclass(frozen=True, slots=True, kw_only=True)
class _NalCodec:
    """How a codec of NAL units tells them apart (ISO/IEC 14496-10, 7.4.1; 23008-2, 7.4.2.2)."""

    to_annex_b: str
    """The bitstream filter that writes start codes, and parameter sets in front of the first picture."""
    type_of: Callable[[int], int]
    """Type of a unit by its first byte."""
    pictures: range
    parameters: range


_NAL_CODECS: Mapping[str, _NalCodec] = {
    "h264": _NalCodec(
        to_annex_b="h264_mp4toannexb",
        type_of=lambda first: first & 0x1F,
        pictures=range(1, 6),
        parameters=range(7, 9),
    ),
    "hevc": _NalCodec(
        to_annex_b="hevc_mp4toannexb",
        type_of=lambda first: first >> 1 & 0x3F,
        pictures=range(32),
        parameters=range(32, 35),
    ),
}

_OBU_SEQUENCE_HEADER = 1
_OBU_PICTURES = frozenset({3, 4, 6, 7})
"""Frame header, tile group, frame, redundant frame header (AV1 specification, 6.2.2)."""


def _reader(container: InputContainer) -> "Callable[[Packet[Any]], Iterator[tuple[Unit, bool]]]":
    """What gives the units of a packet that a decoder needs, and whether each is a set of parameters."""
    stream = container.streams.video[0]
    codec = stream.codec_context.codec.canonical_name
    if codec == "av1":
        return lambda packet: _obus(memoryview(packet))
    if codec in _NAL_CODECS:
        return _NalUnits(stream, _NAL_CODECS[codec])
    # A frame of VP9 is all there is of it.
    return lambda packet: iter([(memoryview(packet), False)])


class _NalUnits:
    """NAL units of one packet after the other, with the parameter sets that the container has for the first."""

    def __init__(self, stream: VideoStream, codec: _NalCodec) -> None:
        self._codec = codec
        extradata = stream.codec_context.extradata or b""
        # A configuration record begins with its version, 1, and comes with lengths; start codes begin with 0.
        self._has_lengths = extradata[:1] == b"\1"
        self._in_front = [] if self._has_lengths else list(_by_start_codes(extradata))
        self._for_first = BitStreamFilterContext(codec.to_annex_b, stream) if self._has_lengths else None

    def __call__(self, packet: "Packet[Any]") -> Iterator[tuple[Unit, bool]]:
        if self._for_first is not None:
            first = self._for_first.filter(Packet(bytes(packet)))
            found: Iterable[Unit] = [unit for one in first for unit in _by_start_codes(bytes(one))]
            self._for_first = None
        elif self._has_lengths:
            found = _by_lengths(memoryview(packet))
        else:
            found = [*self._in_front, *_by_start_codes(bytes(packet))]
            self._in_front = []
        for unit in found:
            kind = self._codec.type_of(unit[0])
            if kind in self._codec.pictures:
                yield unit, False
            elif kind in self._codec.parameters:
                yield unit, True


def _by_start_codes(data: bytes) -> Iterator[bytes]:
    # A unit never ends with a zero, and never holds a start code (ISO/IEC 14496-10, annex B).
    return filter(None, (piece.rstrip(b"\0") for piece in data.split(b"\0\0\1")[1:]))


def _by_lengths(data: memoryview) -> Iterator[memoryview]:
    """Units with four bytes of length in front of each, as all of our tools write them."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def _obus(data: memoryview) -> Iterator[tuple[Unit, bool]]:
    """Units of AV1 with their headers (AV1 specification, 5.3)."""
    at = 0
    while at < len(data):
        header = data[at]
        at += 2 if header & 4 else 1
        size, shift = 0, 0
        while header & 2:
            byte = data[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        body, at = at, at + size if header & 2 else len(data)
        kind = header >> 3 & 0xF
        if kind in _OBU_PICTURES or kind == _OBU_SEQUENCE_HEADER:
            # Without its header and size: a container may write the one with another flag, and the other longer.
            yield data[body:at], kind == _OBU_SEQUENCE_HEADER
