"""Pictures that are described anew midway, as in MP4 with several sample entries, and FLV of a stream that changed.

An encode chunk has one description, that with which the track begins. What a later one says is put into the packets
that a decoder may begin with. Pure.
"""

from typing import Any, Final

from cutroom.ffmpeg.chunk_format import CodecNotTaken
from cutroom.ffmpeg.nal_units import length_size_of

BESIDE: Final = "new_extradata"
"""PyAV's name of what lies beside the first packet of another description."""

_SAYS_LENGTH = {"h264": 4, "hevc": 21}
"""Where a record says how long lengths are."""


class Descriptions:
    """Walks over the packets of a track in decode order.

    Args:
        codec: ffmpeg's name of it.
        extradata: The description with which the track begins.
    """

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._codec, self._extradata = codec, extradata
        self._in_front = b""

    def told(self, packet: Any, *, is_keyframe: bool) -> bytes:
        """What a packet holds, as a decoder takes it that knows the first description.

        Args:
            packet: The next one.
            is_keyframe: Whether a decoder may begin with it.

        Raises:
            CodecNotTaken: Only a decoder that begins anew can take it.
        """
        is_described = packet.has_sidedata(BESIDE)
        if is_described:
            self._in_front = self._parameter_sets(bytes(packet.get_sidedata(BESIDE)))
        return self._in_front + bytes(packet) if is_keyframe or is_described else bytes(packet)

    def _parameter_sets(self, described: bytes) -> bytes:
        """Its parameter sets as units of a packet."""
        if self._codec not in _SAYS_LENGTH:
            if described == self._extradata:
                return b""
            raise CodecNotTaken(f"{self._codec} that is described anew midway")
        at = _SAYS_LENGTH[self._codec]
        length = length_size_of(described, at)
        if length != length_size_of(self._extradata, at):
            raise CodecNotTaken(f"{self._codec} whose packets change their form midway")
        if not length:
            return described
        sets = _of_avc(described) if self._codec == "h264" else _of_hevc(described)
        return b"".join(len(one).to_bytes(length) + one for one in sets)


def _of_avc(record: bytes) -> list[bytes]:
    """ISO/IEC 14496-15, 5.3.3.1.2."""
    found: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        count = record[at] & mask if at < len(record) else 0
        at = _read(record, at + 1, count, found)
    return found


def _of_hevc(record: bytes) -> list[bytes]:
    """ISO/IEC 14496-15, 8.3.3.1.2."""
    found: list[bytes] = []
    at = 23
    for _ in range(record[22] if len(record) > 22 else 0):
        at = _read(record, at + 3, int.from_bytes(record[at + 1 : at + 3]), found)
    return found


def _read(record: bytes, at: int, count: int, found: list[bytes]) -> int:
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2])
        found.append(record[at + 2 : at + 2 + size])
        at += 2 + size
    return at
